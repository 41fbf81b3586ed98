"""Means of clusters, drawn towards the mean of all by as much as they are uncertain.

References
----------
Goldstein, H., & Spiegelhalter, D. J. (1996). League tables and their limitations: Statistical
issues in comparisons of institutional performance. Journal of the Royal Statistical Society A, 159,
385-443.
Kackar, R. N., & Harville, D. A. (1984). Approximations for standard errors of estimators of fixed
and random effects in mixed linear models. JASA, 79, 853-862.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence
from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.levels.mean_posterior import grand_mean, posterior_of
from measure.levels.mixed.design import Design
from measure.levels.mixed.search import solve
from measure.levels.mixed.terms import model_of, rows_of
from measure.threads import on_one_thread

Array = NDArray[np.float64]

FEWEST_CLUSTERS = 4
"""With fewer the likelihood hardly bounds the variance between clusters from above."""

FEW_CLUSTERS = 10


@dataclass(frozen=True, eq=False, repr=False)
class ShrunkenMeans:
    """Means of clusters with their uncertainty, and that of their order.

    Attributes
    ----------
    table
        One row a cluster, in the order in which they come in the data: `cluster n mean estimate se
        ci.lower ci.upper reliability rank rank.ci.lower rank.ci.upper`. `mean` is the observed one,
        `estimate` the shrunken one (BLUP at the REML estimates); `se` and the limits hold that the
        variances and the mean of all are estimated. Rank 1 is the lowest; `rank` is the mean over
        draws.
    grand_mean, tau2, sigma2
        Mean of the clusters, variance between them, and within them.
    certain_pairs
        Share of the pairs of clusters of which one is the higher with a probability of at least
        (1 + `confidence_level`) / 2.
    n_obs, n_dropped, n_clusters
        Rows used and left out; clusters.
    confidence_level, n_draws, seed
        As asked for.
    notes
        What the reader has to know.
    """

    table: pd.DataFrame
    grand_mean: float
    tau2: float
    sigma2: float
    certain_pairs: float
    n_obs: int
    n_dropped: int
    n_clusters: int
    confidence_level: float
    n_draws: int
    seed: int
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "clusters": self.n_clusters,
            "rows used": self.n_obs,
            "rows left out": self.n_dropped,
            "mean of the clusters": self.grand_mean,
            "variance between clusters": self.tau2,
            "variance within clusters": self.sigma2,
            "pairs whose order is certain": self.certain_pairs,
        }
        facts |= {f"note {i}": note for i, note in enumerate(self.notes, start=1)}
        return "Shrunken means", facts, {"In the order of the data": self.table}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


@on_one_thread
def shrunken_means(
    data: pd.DataFrame,
    value: str,
    *,
    cluster: str,
    seed: int,
    confidence_level: float = 0.95,
    n_draws: int = 4000,
) -> ShrunkenMeans:
    """Means of clusters that hold how few answers they rest on, and how certain their order is.

    Parameters
    ----------
    data
        One row a respondent; rows without score or cluster are left out.
    value
        Column with the score.
    cluster
        Column that names each respondent's cluster.
    seed
        Of the draws that ranks are read from.
    confidence_level
        Of the intervals, and of the order of a pair.
    n_draws
        Draws of all means together.

    Returns
    -------
    ShrunkenMeans

    Raises
    ------
    DataError
        The score or the cluster cannot be analysed; fewer than 4 clusters; one answer in each; no
        variance within clusters.
    OptionError
        An impossible number of draws, or `confidence_level` outside 0 to 1.

    Notes
    -----
    With tau² between and sigma² within clusters the estimate is g m + (1 - g) M, m the cluster's
    mean of n answers, M that of all and g = tau² / (tau² + sigma²/n) its reliability. Intervals
    that take the variances as known are too short (Kackar & Harville 1984). Here they are averaged
    over the values of tau/sigma that the restricted likelihood leaves open, with a flat prior for
    tau/sigma (Gelman 2006), and over M and sigma²: Student's t given tau/sigma. In simulations with
    8 to 50 clusters of 5 to 40 answers and ICC(1) from .02 to .30 the 95 % intervals held the true
    means in 93 to 98 %, those with known variances in 80 to 95 %.

    Ranks and the order of pairs are read from draws of all means together (Goldstein &
    Spiegelhalter 1996). An interval says where the mean of a large number of answers like these
    would lie; members who did not answer are taken to be like those who did.
    """
    confidence(confidence_level)
    if n_draws < 100:
        raise OptionError(f"n_draws is {n_draws}; give at least 100, better 1000 or more.")
    rows = rows_of(data, model_of(value, (cluster,), (), None, ()))
    (term,) = rows.terms
    if term.n_units < FEWEST_CLUSTERS:
        raise DataError(
            f'"{value}" is answered in {term.n_units} values of "{cluster}"; shrinking their means '
            f"needs at least {FEWEST_CLUSTERS}."
        )
    design = Design(rows.terms, rows.X, rows.y)
    solution = solve(design, restricted=True)
    sizes = np.bincount(term.codes).astype(float)
    means = np.bincount(term.codes, rows.y) / sizes
    sigma2 = (solution.sigma * design.unit) ** 2
    tau2 = sigma2 * float(solution.near.entries[0]) ** 2
    posterior = posterior_of(solution.near, sizes, means)
    grand = grand_mean(solution.near)
    pull = tau2 / (tau2 + sigma2 / sizes)
    tail = (1 - confidence_level) / 2
    draws = posterior.draw(n_draws, np.random.default_rng(seed))
    ranks = draws.argsort(axis=1).argsort(axis=1) + 1
    limits = np.quantile(ranks, [tail, 1 - tail], axis=0, method="nearest")
    table = pd.DataFrame(
        {
            "cluster": term.units[cluster].to_numpy(),
            "n": sizes.astype(int),
            "mean": means,
            "estimate": pull * means + (1 - pull) * grand,
            "se": posterior.se(),
            "ci.lower": posterior.quantile(tail),
            "ci.upper": posterior.quantile(1 - tail),
            "reliability": pull,
            "rank": ranks.mean(axis=0),
            "rank.ci.lower": limits[0].astype(int),
            "rank.ci.upper": limits[1].astype(int),
        }
    )
    return ShrunkenMeans(
        table=table,
        grand_mean=grand,
        tau2=tau2,
        sigma2=sigma2,
        certain_pairs=_certain(draws, 1 - tail),
        n_obs=design.n_obs,
        n_dropped=rows.n_dropped,
        n_clusters=term.n_units,
        confidence_level=confidence_level,
        n_draws=n_draws,
        seed=seed,
        notes=tuple(_notes(table, tau2)),
    )


def _certain(draws: Array, probability: float) -> float:
    """Share of pairs of which one is the higher in so many draws."""
    n_draws, n_clusters = draws.shape
    above = np.zeros((n_clusters, n_clusters), dtype=np.int32)
    for row in draws:
        above += row[:, None] > row
    pairs = above[np.triu_indices(n_clusters, 1)] / n_draws
    return float(np.mean(np.maximum(pairs, 1 - pairs) >= probability))


def _notes(table: pd.DataFrame, tau2: float) -> list[str]:
    notes = []
    if tau2 == 0:
        notes.append(
            "The variance between clusters is estimated as 0: all estimates are the mean of all, "
            "and the intervals say how far clusters may still lie from it."
        )
    if len(table) < FEW_CLUSTERS:
        notes.append(
            f"There are {len(table)} clusters; how much they differ can hardly be estimated, and "
            "the intervals depend on what is assumed about it."
        )
    single = int((table["n"] == 1).sum())
    if single:
        notes.append(f"{single} of {len(table)} clusters have one answer.")
    return notes
