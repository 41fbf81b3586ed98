"""Who did not come back: stayers and leavers compared at the first wave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.functioning.proportional_odds import OddsFit, proportional_odds
from measure.occasions.regressions import clustered, reach, two_sided

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

FEWEST = 10
MOST_LEVELS = 20
ALIASED = 1e-8
"""Share of a term's spread that others leave, below which they tell it altogether."""
MOST_LOG_ODDS = 15.0
"""Odds of three millions: the search runs off to where a level and leaving are one."""


@dataclass(frozen=True, eq=False)
class DropOut:
    """How those who left differ from those who stayed.

    Attributes
    ----------
    table
        One row a variable (a level of a category): `variable level n.stayed n.left stayed left
        difference se ci.lower ci.upper d d.ci.lower d.ci.upper pvalue`; see `drop_out`.
    model
        Logistic model of leaving: `term estimate se z pvalue odds.ratio or.ci.lower or.ci.upper`.
    test
        `chisq df pvalue r2` of all terms together (Wald; Nagelkerke's R²).
    waves
        One row a wave: `wave n share`, of those who answered the first.
    n_stayed, n_left, n_model, n_clusters
        Respondents of the first wave with and without an answer at the last one, those in the
        logistic model, and clusters.
    notes
        What a reader has to know.
    """

    table: pd.DataFrame
    model: pd.DataFrame
    test: "pd.Series[float]"
    waves: pd.DataFrame
    n_stayed: int
    n_left: int
    n_model: int
    n_clusters: int | None
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "stayed": self.n_stayed,
            "left": self.n_left,
            "in the logistic model": self.n_model,
            **{str(name): value for name, value in self.test.items()},
        }
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        tables = {"Waves": self.waves, "Stayed and left": self.table, "Leaving": self.model}
        return "Drop-out", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def drop_out(
    data: pd.DataFrame,
    *,
    person: str,
    wave: str,
    scores: Sequence[str] = (),
    background: Sequence[str] = (),
    waves: Sequence[object] | None = None,
    cluster: str | None = None,
) -> DropOut:
    """Compare at the first wave those who answered the last one with those who did not.

    Parameters
    ----------
    data
        Long data, one row a respondent and wave.
    person, wave
        Columns of the respondents and the waves.
    scores, background
        Numeric columns, and columns of categories, as they stand at the first wave.
    waves
        The waves in their order; by default sorted.
    cluster
        Column of clusters, for standard errors.

    Returns
    -------
    DropOut
        `stayed` and `left` are means, or the shares of a level; `difference` is left less stayed
        with the interval of t (over clusters). `d` is the difference over the standard deviation
        within both, ((n1 - 1) s1² + (n2 - 1) s2²)^(1/2)/(n1 + n2 - 2)^(1/2); of a share over the
        root of the mean of p (1 - p) (Austin 2009), its interval that of the difference. The
        logistic model takes scores standardised, and each category against its commonest level, of
        those with an answer to all. It can show that leaving hangs on what was asked, never that it
        hangs on nothing else.

    Raises
    ------
    OptionError, DataError
        A column is missing, a respondent has two rows in a wave, there are fewer than 10 stayers or
        leavers, or a category has more than 20 levels.

    References
    ----------
    Austin, P. C. (2009). Balance diagnostics for comparing the distribution of baseline covariates
    between treatment groups in propensity-score matched samples. Statistics in Medicine, 28,
    3083-3107.
    """
    _require(data, [person, wave, *scores, *background, *([cluster] if cluster else [])])
    if not scores and not background:
        raise OptionError("name scores or background to compare stayers and leavers by.")
    rows = data.dropna(subset=[person, wave])
    if rows.duplicated([person, wave]).any():
        raise DataError(
            f'respondent "{rows.loc[rows.duplicated([person, wave]), person].iloc[0]}" has more '
            "than one row in a wave. Keep one of each."
        )
    order = list(waves) if waves is not None else sorted(rows[wave].unique())
    if len(order) < 2:
        raise DataError("there is one wave only; nobody can have left.")
    first = rows[rows[wave] == order[0]].set_index(person)
    there = [first.index.isin(rows.loc[rows[wave] == one, person]) for one in order]
    left = ~there[-1]
    n_left, n_stayed = int(left.sum()), int((~left).sum())
    notes = []
    late = set(rows[person]) - set(first.index)
    if late:
        notes.append(f"{len(late)} respondents first answered at a later wave; they are not here.")
    if min(n_left, n_stayed) < FEWEST:
        raise DataError(
            f"{n_left} of {len(first)} respondents left; with fewer than {FEWEST} leavers or "
            "stayers there is nothing to compare."
        )
    clusters = None
    if cluster is not None:
        keep = first[cluster].notna().to_numpy()
        if not keep.all():
            notes.append(f'{int((~keep).sum())} respondents without a "{cluster}" were left out.')
        first, left = first[keep], left[keep]
        clusters = pd.factorize(first[cluster])[0].astype(np.intp)
    compared = [_compared(name, "", first[name], left, clusters) for name in scores]
    for name in background:
        for level in _levels(first[name], name):
            shown = (first[name] == level).astype(float).where(first[name].notna())
            compared.append(_compared(name, level, shown, left, clusters))
    model, test, n_model, remark = _logistic(first, left, scores, background, clusters)
    return DropOut(
        table=pd.DataFrame(compared),
        model=model,
        test=test,
        waves=pd.DataFrame(
            {
                "wave": order,
                "n": [int(one.sum()) for one in there],
                "share": [float(one.mean()) for one in there],
            }
        ),
        n_stayed=int((~left).sum()),
        n_left=int(left.sum()),
        n_model=n_model,
        n_clusters=None if clusters is None else int(clusters.max()) + 1,
        notes=(*notes, *remark),
    )


def _require(data: pd.DataFrame, names: Sequence[str]) -> None:
    for name in names:
        if list(data.columns).count(name) != 1:
            raise OptionError(f'the data need one column "{name}".')


def _levels(values: "pd.Series[Any]", name: str) -> list[object]:
    found = list(values.value_counts().index)
    if len(found) > MOST_LEVELS:
        raise DataError(
            f'"{name}" has {len(found)} levels; up to {MOST_LEVELS} can be compared. Is it a '
            "number? Then name it in scores."
        )
    return found


def _compared(
    name: str,
    level: object,
    values: "pd.Series[float]",
    left: NDArray[np.bool_],
    clusters: Codes | None,
) -> dict[str, object]:
    numbers = pd.to_numeric(values).to_numpy(dtype=float)
    use = ~np.isnan(numbers)
    y, gone = numbers[use], left[use]
    parts = [y[~gone], y[gone]]
    row: dict[str, object] = {
        "variable": name,
        "level": level,
        "n.stayed": len(parts[0]),
        "n.left": len(parts[1]),
        "stayed": float(parts[0].mean()) if len(parts[0]) else np.nan,
        "left": float(parts[1].mean()) if len(parts[1]) else np.nan,
    }
    names = ("difference", "se", "ci.lower", "ci.upper", "d", "d.ci.lower", "d.ci.upper", "pvalue")
    if min(len(own) for own in parts) < 2 or np.ptp(y) == 0:
        return row | dict.fromkeys(names, np.nan)
    own = None if clusters is None else np.unique(clusters[use], return_inverse=True)[1]
    X = np.column_stack([np.ones(len(y)), gone.astype(float)])
    found = clustered(X, y, None if own is None else own.astype(np.intp))
    difference, se = found.at(np.array([0.0, 1.0]))
    half = reach(found.df) * se
    # 0 where all of one side and none of the other are at a level.
    sd = _spread(parts, share=level != "") or np.nan
    return row | {
        "difference": difference,
        "se": se,
        "ci.lower": difference - half,
        "ci.upper": difference + half,
        "d": difference / sd,
        "d.ci.lower": (difference - half) / sd,
        "d.ci.upper": (difference + half) / sd,
        "pvalue": two_sided(difference / se, found.df) if se > 0 else np.nan,
    }


def _spread(parts: Sequence[Array], *, share: bool) -> float:
    if share:
        return float(np.sqrt(np.mean([own.mean() * (1 - own.mean()) for own in parts])))
    within = sum((len(own) - 1) * float(own.var(ddof=1)) for own in parts)
    return float(np.sqrt(within / (sum(len(own) for own in parts) - 2)))


def _logistic(
    first: pd.DataFrame,
    left: NDArray[np.bool_],
    scores: Sequence[str],
    background: Sequence[str],
    clusters: Codes | None,
) -> tuple[pd.DataFrame, "pd.Series[float]", int, tuple[str, ...]]:
    """Fit leaving on everything together."""
    columns = ["term", "estimate", "se", "z", "pvalue", "odds.ratio", "or.ci.lower", "or.ci.upper"]
    empty = pd.DataFrame(columns=columns)
    nothing = pd.Series({"chisq": np.nan, "df": 0.0, "pvalue": np.nan, "r2": np.nan})
    use = first[[*scores, *background]].notna().all(axis=1).to_numpy()
    known = first[use]
    terms: dict[str, Array] = {}
    for name in scores:
        values = pd.to_numeric(known[name]).to_numpy(dtype=float)
        if len(values) > 1 and values.std() > 0:
            terms[name] = (values - values.mean()) / values.std(ddof=1)
    for name in background:
        for level in _levels(known[name], name)[1:]:
            terms[f"{name}: {level}"] = np.asarray(known[name] == level, dtype=float)
    y = left[use].astype(np.intp)
    if not terms or len(np.unique(y)) < 2:
        return empty, nothing, len(y), ("No logistic model: nobody answered everything compared.",)
    terms, aliased = _independent(terms)
    X = np.column_stack(list(terms.values()))
    if len(y) <= X.shape[1] + 1:
        return empty, nothing, len(y), ("No logistic model: too few respondents for its terms.",)
    found = proportional_odds(y, X)
    if not found.converged or (np.abs(found.params[1:]) > MOST_LOG_ODDS).any():
        return (
            empty,
            nothing,
            len(y),
            ("No logistic model: all or none of some level left, so that it has no maximum.",),
        )
    own = None if clusters is None else np.unique(clusters[use], return_inverse=True)[1]
    spread = found.covariance(None if own is None else own.astype(np.intp))[1:, 1:]
    beta, se = found.params[1:], np.sqrt(np.diag(spread))
    wide = reach(np.inf)
    table = pd.DataFrame(
        {
            "term": list(terms),
            "estimate": beta,
            "se": se,
            "z": beta / se,
            "pvalue": [two_sided(float(z), np.inf) for z in beta / se],
            "odds.ratio": np.exp(beta),
            "or.ci.lower": np.exp(beta - wide * se),
            "or.ci.upper": np.exp(beta + wide * se),
        }
    )
    return table, _together(found, y, beta, spread, own), len(y), aliased


def _independent(terms: dict[str, Array]) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Leave out the terms that follow from those before them, and say which."""
    kept: dict[str, Array] = {}
    aliased = []
    basis = np.empty((len(next(iter(terms.values()))), 0))
    for name, values in terms.items():
        centred = values - values.mean()
        left = centred - basis @ (basis.T @ centred)
        size = float(np.linalg.norm(left))
        if size <= ALIASED * max(float(np.linalg.norm(centred)), 1e-300):
            aliased.append(name)
            continue
        kept[name] = values
        basis = np.column_stack([basis, left / size])
    if not aliased:
        return kept, ()
    named = ", ".join(aliased)
    return kept, (f"Left out of the logistic model, since the other terms tell it: {named}.",)


def _together(
    found: OddsFit, y: Codes, beta: Array, spread: Array, clusters: Codes | None
) -> "pd.Series[float]":
    """Test all terms together; NaN with fewer clusters than terms."""
    from scipy.stats import chi2

    n, k = len(y), len(beta)
    nothing = proportional_odds(y, np.empty((n, 0)))
    r2 = (1 - np.exp(2 * (nothing.logl - found.logl) / n)) / (1 - np.exp(2 * nothing.logl / n))
    if clusters is not None and int(clusters.max()) < k:
        return pd.Series({"chisq": np.nan, "df": float(k), "pvalue": np.nan, "r2": float(r2)})
    chisq = float(beta @ np.linalg.solve(spread, beta))
    return pd.Series(
        {"chisq": chisq, "df": float(k), "pvalue": float(chi2.sf(chisq, k)), "r2": float(r2)}
    )
