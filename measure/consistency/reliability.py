"""How consistent is a scale? Coefficient alpha from answers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence, known_option
from measure.consistency.alpha_intervals import ALPHA, PARAMETRIC, alphas
from measure.consistency.covariance_functions import KINDS, Asked, spread_of
from measure.consistency.covariance_samples import CovarianceSample, correlations, sample_of
from measure.display import render_html, render_text
from measure.errors import OptionError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CronbachAlpha:
    """Coefficient alpha of a sum of items.

    Attributes
    ----------
    alpha
        From covariances: for the sum (or mean) of the answers as given.
    alpha_std
        From correlations: for the sum of standardised answers.
    ci_lower, ci_upper, confidence_level
        Interval for `alpha`.
    average_r
        Mean correlation among the items.
    n_obs, n_items, n_dropped
        Rows used, items, rows left out because an answer or the cluster is missing.
    notes
        What the reader has to know.
    interval
        Which interval; see `cronbach_alpha`.
    se
        Standard error of `alpha` without an assumption about the distribution, within clusters
        where there are some; of a bootstrap interval the standard deviation of the replicates.
    std_ci_lower, std_ci_upper, std_se
        The same for `alpha_std`; the interval is NaN with Feldt's and Bonett's, which are for
        items as given.
    n_clusters
        Clusters; None without.
    facts
        How the interval was obtained, by name.
    """

    alpha: float
    alpha_std: float
    ci_lower: float
    ci_upper: float
    confidence_level: float
    average_r: float
    n_obs: int
    n_items: int
    n_dropped: int
    notes: tuple[str, ...]
    interval: str
    se: float
    std_ci_lower: float
    std_ci_upper: float
    std_se: float
    n_clusters: int | None
    facts: dict[str, object]

    @property
    def table(self) -> pd.DataFrame:
        """One row, labelled as a report would.

        `alpha ci.lower ci.upper std.alpha n_items n_obs se std.ci.lower std.ci.upper`.
        """
        return pd.DataFrame(
            {
                "alpha": [self.alpha],
                "ci.lower": [self.ci_lower],
                "ci.upper": [self.ci_upper],
                "std.alpha": [self.alpha_std],
                "n_items": [self.n_items],
                "n_obs": [self.n_obs],
                "se": [self.se],
                "std.ci.lower": [self.std_ci_lower],
                "std.ci.upper": [self.std_ci_upper],
            }
        )

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {**self.facts, "left out (missing answers)": self.n_dropped}
        if self.n_clusters is not None:
            facts["clusters"] = self.n_clusters
        return facts | {f"note {i}": note for i, note in enumerate(self.notes, start=1)}

    def __repr__(self) -> str:
        return render_text("Cronbach's alpha", self._facts(), {"Estimate": self.table})

    def _repr_html_(self) -> str:
        return render_html("Cronbach's alpha", self._facts(), {"Estimate": self.table})


def cronbach_alpha(
    items: pd.DataFrame,
    *,
    interval: str | None = None,
    cluster: str | None = None,
    n_samples: int = 1000,
    seed: int | None = None,
    confidence_level: float = 0.95,
) -> CronbachAlpha:
    """Cronbach's alpha of a set of items, raw and standardised, with an interval.

    Parameters
    ----------
    items
        The items of one scale, one row a respondent, already reverse-keyed where they should be;
        rows with a missing answer are left out.
    interval
        - "feldt" (1965; the default without clusters) and "bonett" (2002): for normal items with
          equal covariances and independent respondents;
        - "adf": normal, with a standard error that assumes no distribution (Maydeu-Olivares,
          Coffman & Hartmann 2007); the default with clusters;
        - "percentile" and "bca": from samples drawn from the rows, or from the clusters.
    cluster
        Column of `items` that names the cluster of each respondent; answers are then independent
        between clusters only.
    n_samples, seed
        Of a bootstrap interval.
    confidence_level
        Of the interval.

    Returns
    -------
    CronbachAlpha

    Raises
    ------
    DataError
        Fewer than two items or three complete rows, an item that cannot be analysed, or clusters
        that cannot be used.
    OptionError
        `confidence_level` outside 0 to 1; an unknown interval, one that needs a seed, or one that
        takes answers as independent where clusters are given.

    Notes
    -----
    Alpha is the reliability of the sum only when the items are essentially tau-equivalent with
    uncorrelated errors; otherwise it is usually too low. Feldt's and Bonett's intervals are for
    normal items, and too narrow for skewed ones; the others do not need normality, in large samples
    (benchmarks/RELIABILITY.md).

    References
    ----------
    Bonett, D. G. (2002). Sample size requirements for testing and estimating coefficient alpha.
    Journal of Educational and Behavioral Statistics, 27, 335-340.
    Cronbach (1951). Feldt (1965); Feldt, Woodruff & Salih (1987) for the interval.
    """
    confidence(confidence_level)
    chosen = _interval(interval, cluster)
    sample = sample_of(items, cluster=cluster)
    asked = Asked(_drawn_kind(chosen), confidence_level, n_samples, seed)
    alpha, alpha_std = ALPHA.values(sample.covariance).tolist()
    spread = spread_of(sample, ALPHA, asked)
    limits = np.column_stack([spread.columns["ci.lower"], spread.columns["ci.upper"]])
    facts = asked.facts
    n_items = len(sample.names)
    if chosen in PARAMETRIC:
        own = PARAMETRIC[chosen](alpha, sample.n_obs, n_items, confidence_level)
        limits = np.array([own, (np.nan, np.nan)])
        facts = {"interval": f"{chosen.capitalize()}, {confidence_level:.0%}"}
    R = correlations(sample.covariance)
    return CronbachAlpha(
        alpha=alpha,
        alpha_std=alpha_std,
        ci_lower=float(limits[0, 0]),
        ci_upper=float(limits[0, 1]),
        confidence_level=confidence_level,
        average_r=float(R[np.triu_indices(n_items, 1)].mean()),
        n_obs=sample.n_obs,
        n_items=n_items,
        n_dropped=sample.n_dropped,
        notes=(*_alpha_notes(sample, alpha), *spread.notes),
        interval=chosen,
        se=float(spread.columns["se"][0]),
        std_ci_lower=float(limits[1, 0]),
        std_ci_upper=float(limits[1, 1]),
        std_se=float(spread.columns["se"][1]),
        n_clusters=sample.n_clusters,
        facts=facts,
    )


def _interval(interval: str | None, cluster: str | None) -> str:
    """Name the interval; refuse one that takes members of a cluster as independent."""
    chosen = interval or ("feldt" if cluster is None else "adf")
    known_option("interval", chosen, (*PARAMETRIC, *KINDS))
    if cluster is not None and chosen in PARAMETRIC:
        raise OptionError(
            f'interval="{chosen}" takes respondents as independent, but cluster="{cluster}" says '
            'that they are not. Use interval="adf" or "bca".'
        )
    return chosen


def _drawn_kind(chosen: str) -> str:
    """Say where the standard error comes from."""
    return "adf" if chosen in PARAMETRIC else chosen


def alpha_from_covariances(S: Array) -> float:
    """Coefficient alpha of a sum with these covariances; see `alpha_intervals.alphas`.

    Parameters
    ----------
    S
        Covariances (or correlations, for standardised alpha), `(n_items, n_items)`.
    """
    return float(alphas(S))


def item_rest_correlations(X: Array) -> Array:
    """Correlation of each item with the sum of the others, `(n_items,)`.

    Parameters
    ----------
    X
        Complete answers, `(n_obs, n_items)`. NaN where the sum of the others is constant.
    """
    return _item_rest(np.cov(X, rowvar=False))


def _item_rest(S: Array) -> Array:
    """Give the same from covariances."""
    with_sum, variances = S.sum(axis=1), np.diag(S)
    rest = S.sum() - 2 * with_sum + variances
    rest = np.where(rest > 1e-12 * S.sum(), rest, np.nan)
    result: Array = (with_sum - variances) / np.sqrt(variances * rest)
    return result


def _alpha_notes(sample: CovarianceSample, alpha: float) -> list[str]:
    negative = [
        f'"{name}" ({r:.2f})'
        for name, r in zip(sample.names, _item_rest(sample.covariance), strict=True)
        if r < 0
    ]
    notes = []
    if negative:
        notes.append(
            f"Negative item-rest correlation: {', '.join(negative)}. "
            "Check whether these items should be reverse-keyed, or belong to the scale."
        )
    if alpha < 0:
        notes.append("Alpha is negative: the items covary negatively on average.")
    return notes
