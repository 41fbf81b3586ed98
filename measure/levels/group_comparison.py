"""Means of a few groups of independent persons, compared without assuming equal variances.

References
----------
Bonett, D. G. (2008). Confidence intervals for standardized linear contrasts of means. Psychological
Methods, 13, 99-109.
Games, P. A., & Howell, J. F. (1976). Pairwise multiple comparison procedures with unequal n's
and/or variances: A Monte Carlo study. Journal of Educational Statistics, 1, 113-125.
Kulinskaya, E., & Staudte, R. G. (2006). Interval estimates of weighted effect sizes in the one-way
heteroscedastic ANOVA. British Journal of Mathematical and Statistical Psychology, 59, 97-111.
Welch, B. L. (1951). On the comparison of several mean values: An alternative approach. Biometrika,
38, 330-336.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence, numeric_items
from measure.comparability.multiplicity import corrected
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.errors import DataError
from measure.levels.classical import games_howell, welch
from measure.levels.means import group_means

Array = NDArray[np.float64]

NODES = 5
"""Degrees of freedom at which the studentized range is solved; between them it is interpolated."""


@dataclass(frozen=True, eq=False, repr=False)
class GroupComparison:
    """Means of groups and their differences.

    Attributes
    ----------
    groups
        One row a group, indexed by its value: `n mean sd se ci.lower ci.upper`.
    welch
        `f df1 df2 pvalue omega2 omega2.ci.lower omega2.ci.upper` of all groups together.
    pairs
        One row a pair: `group1 group2 difference se t df`; `pvalue ci.lower ci.upper` by Games and
        Howell, which hold for all pairs together; `pvalue.single` of Welch's t for this pair alone,
        `pvalue.holm` the same corrected by Holm; `d d.ci.lower d.ci.upper`, the difference over the
        root of the mean of both variances.
    confidence_level
        Of the intervals.
    n_obs, n_dropped
        Rows in the comparison, and rows without value or group or in a group left out.
    notes
        What the reader has to know.
    """

    groups: pd.DataFrame
    welch: "pd.Series[float]"
    pairs: pd.DataFrame
    confidence_level: float
    n_obs: int
    n_dropped: int
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "respondents": self.n_obs,
            "left out": self.n_dropped,
            **{str(name): value for name, value in self.welch.items()},
        }
        facts |= {f"note {i}": note for i, note in enumerate(self.notes, start=1)}
        return "Comparison of groups", facts, {"Groups": self.groups, "Pairs": self.pairs}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def compare_groups(
    data: pd.DataFrame, value: str, *, group: str, confidence_level: float = 0.95
) -> GroupComparison:
    """Compare the means of groups: Welch's test of all, Games and Howell's of each pair.

    Parameters
    ----------
    data
        One row a respondent; rows without value or group are left out.
    value
        Column with the score.
    group
        Column that names the groups.
    confidence_level
        Of the intervals.

    Returns
    -------
    GroupComparison

    Raises
    ------
    DataError
        A column cannot be analysed, or fewer than two groups have two answers that differ.
    OptionError
        `confidence_level` outside 0 to 1.

    Notes
    -----
    Answers are taken to be independent. Where respondents come in clusters (units, organisations)
    that is not so, and p-values are too small: use `variance_components` with the clusters as
    `levels` and the group among `fixed`. The means compare the groups only if the scale works alike
    in them (`measurement_invariance`).

    omega² = df1 (F - 1) / (df1 (F - 1) + n), at least 0; its limits are l / (l + n) with l the
    noncentralities for which F on the same degrees of freedom is at its quantiles, which is
    approximate for Welch's F (Kulinskaya & Staudte 2006). d and its limits follow Bonett (2008, eqs
    10 and 11) and need no equal variances.
    """
    confidence(confidence_level)
    numbers = numeric_items(data, [value])[value]
    if group not in data.columns:
        raise DataError(f'the data have no column "{group}".')
    if group == value:
        raise DataError(f'"{value}" is both the value and the group.')
    frame = pd.DataFrame({"value": numbers, "group": data[group]}).dropna()
    means = group_means(frame, "value", by="group", confidence=confidence_level)
    compared = (means["n"] > 1) & (means["sd"] > 0)
    if compared.sum() < 2:
        raise DataError(
            f'"{value}" has two or more answers that differ in {int(compared.sum())} values of '
            f'"{group}"; comparing means needs two such groups.'
        )
    used = frame[frame["group"].isin(means.index[compared])]
    labels = list(means.index[compared])
    # Numbers as names: pingouin sorts them, and groups may be of any type.
    coded = used.assign(group=used["group"].map({name: i for i, name in enumerate(labels)}))
    coded["group"] = coded["group"].astype(int)
    return GroupComparison(
        groups=means.rename_axis(group),
        welch=_together(coded, confidence_level),
        pairs=_pairs(coded, labels, means[compared], confidence_level),
        confidence_level=confidence_level,
        n_obs=len(used),
        n_dropped=len(data) - len(used),
        notes=tuple(_notes(means, compared)),
    )


def _together(coded: pd.DataFrame, level: float) -> "pd.Series[float]":
    """Welch's test, and the share of variance that lies between the groups."""
    f, df1, df2, pvalue = welch(coded)
    n = len(coded)
    excess = max(df1 * (f - 1), 0.0)
    tail = (1 - level) / 2
    lower, upper = (_noncentrality(f, df1, df2, p) for p in (1 - tail, tail))
    return pd.Series(
        {
            "f": f,
            "df1": df1,
            "df2": df2,
            "pvalue": pvalue,
            "omega2": excess / (excess + n),
            "omega2.ci.lower": lower / (lower + n),
            "omega2.ci.upper": upper / (upper + n),
        }
    )


def _noncentrality(f: float, df1: float, df2: float, probability: float) -> float:
    """Noncentrality for which F is at a quantile; 0 where it is below even that of none.

    `scipy.special.ncfdtrinc` solves this to four digits only.
    """
    from scipy.optimize import brentq
    from scipy.special import ncfdtr

    def above(noncentrality: float) -> float:
        return float(ncfdtr(df1, df2, noncentrality, f)) - probability

    if above(0.0) <= 0:
        return 0.0
    top = 10.0
    while above(top) > 0:
        top *= 2
    return float(brentq(above, 0.0, top, xtol=1e-10))


def _pairs(
    coded: pd.DataFrame, labels: list[object], means: pd.DataFrame, level: float
) -> pd.DataFrame:
    """All pairs of groups, in the order in which the groups come."""
    from scipy.special import stdtr

    found = games_howell(coded)
    first, second = (found[name].to_numpy(dtype=int) for name in ("A", "B"))
    difference, se, t, df = (found[x].to_numpy(dtype=float) for x in ("diff", "se", "T", "df"))
    reach = _critical(df, len(labels), level) / np.sqrt(2) * se
    single = 2 * stdtr(df, -np.abs(t))
    n, variances = means["n"].to_numpy(dtype=float), means["sd"].to_numpy(dtype=float) ** 2
    d, d_se = _standardized(difference, variances[[first, second]], n[[first, second]] - 1)
    d_reach = float(normal_quantile((1 + level) / 2)) * d_se
    return pd.DataFrame(
        {
            "group1": [labels[i] for i in first],
            "group2": [labels[i] for i in second],
            "difference": difference,
            "se": se,
            "t": t,
            "df": df,
            "pvalue": found["pval"].to_numpy(dtype=float),
            "ci.lower": difference - reach,
            "ci.upper": difference + reach,
            "pvalue.single": single,
            "pvalue.holm": corrected(single, "holm"),
            "d": d,
            "d.ci.lower": d - d_reach,
            "d.ci.upper": d + d_reach,
        }
    )


def _standardized(difference: Array, variances: Array, df: Array) -> tuple[Array, Array]:
    """Bonett's d and its standard error, from variances and degrees of freedom (2, n_pairs)."""
    s2 = variances.mean(axis=0)
    d = difference / np.sqrt(s2)
    spread = d**2 * (variances**2 / df).sum(axis=0) / (8 * s2**2)
    return d, np.sqrt(spread + (variances / df).sum(axis=0) / s2)


def _critical(df: Array, n_groups: int, level: float) -> Array:
    """Quantile of the studentized range at each number of degrees of freedom, (n_pairs,).

    Solving for it takes a tenth of a second; it is a smooth function of 1/df.
    """
    from scipy.interpolate import BarycentricInterpolator
    from scipy.optimize import brentq
    from scipy.stats import studentized_range

    def solved(freedom: float) -> float:
        def above(q: float) -> float:
            return float(studentized_range.sf(q, n_groups, freedom)) - (1 - level)

        top = 5.0
        while above(top) > 0:
            top *= 2
        return float(brentq(above, 0.0, top, xtol=1e-7))

    inverse = 1 / df
    if len(df) <= NODES or np.ptp(inverse) < 1e-9:
        return np.array([solved(float(one)) for one in df])
    # Chebyshev's points, which keep a polynomial through them close everywhere.
    angles = np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
    nodes = inverse.min() + np.ptp(inverse) * (angles + 1) / 2
    return np.asarray(BarycentricInterpolator(nodes, [solved(1 / x) for x in nodes])(inverse))


def _notes(means: pd.DataFrame, compared: pd.Series) -> list[str]:
    notes = []
    left = means.index[~compared].astype(str).tolist()
    if left:
        notes.append(
            f"Not compared, with one answer or answers that are all the same: {', '.join(left)}."
        )
    few = int((means.loc[compared, "n"] < 6).sum())
    if few:
        notes.append(f"{few} groups have fewer than 6 answers; tests and intervals are rough.")
    return notes
