"""Means of clusters, drawn towards the mean of all by as much as they are uncertain.

References
----------
Gelman, A. (2006). Prior distributions for variance parameters in hierarchical models. Bayesian
Analysis, 1, 515-534.
Goldstein, H., & Spiegelhalter, D. J. (1996). League tables and their limitations: Statistical
issues in comparisons of institutional performance. Journal of the Royal Statistical Society A, 159,
385-443.
Kackar, R. N., & Harville, D. A. (1984). Approximations for standard errors of estimators of fixed
and random effects in mixed linear models. JASA, 79, 853-862.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence
from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.levels.mixed.design import Design
from measure.levels.mixed.likelihood import Near
from measure.levels.mixed.search import solve
from measure.levels.mixed.terms import model_of, rows_of
from measure.threads import on_one_thread

Array = NDArray[np.float64]

FEWEST_CLUSTERS = 4
"""With fewer the likelihood hardly bounds the variance between clusters from above."""

FEW_CLUSTERS = 10
GRID = 200
"""Standard deviations between clusters, over the residual one, that intervals are averaged over."""

LARGEST = 1e5
"""Of these the likelihood has no more to say."""

NEGLIGIBLE = 30.0
"""How far minus twice the log-likelihood is above its minimum at the ends of the grid."""


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


@dataclass(frozen=True, eq=False)
class _Posterior:
    """What the likelihood leaves open, over a grid of relative standard deviations.

    Attributes
    ----------
    sizes, means
        Answers and observed mean of each cluster, (J,).
    spreads
        Standard deviation between clusters over that within, (K,).
    weights
        Probability of each, (K,).
    mean, rest
        Mean of the clusters and weighted sum of squares given each, (K,).
    df
        Degrees of freedom of the sum of squares.
    """

    sizes: Array
    means: Array
    spreads: Array
    weights: Array
    mean: Array
    rest: Array
    df: int

    @cached_property
    def pull(self) -> Array:
        """How much of its own mean each cluster keeps, (K, J)."""
        ratio = self.spreads[:, None] ** 2 * self.sizes
        return np.asarray(ratio / (1 + ratio))

    @cached_property
    def centres(self) -> Array:
        """Expected mean of each cluster, (K, J)."""
        return self.pull * self.means + (1 - self.pull) * self.mean[:, None]

    @cached_property
    def precision(self) -> Array:
        """Precision of the mean of all, times sigma^2, (K,)."""
        return np.asarray((self.sizes / (1 + self.spreads[:, None] ** 2 * self.sizes)).sum(axis=1))

    @cached_property
    def scales(self) -> Array:
        """Scale of Student's t that a cluster's mean has given the spread, (K, J)."""
        own = self.pull / self.sizes + (1 - self.pull) ** 2 / self.precision[:, None]
        return np.asarray(np.sqrt(own * self.rest[:, None] / self.df))

    def se(self) -> Array:
        """Standard deviation of each cluster's mean, (J,)."""
        within = self.scales**2 * self.df / (self.df - 2)
        middle = self.weights @ self.centres
        return np.asarray(np.sqrt(self.weights @ (within + (self.centres - middle) ** 2)))

    def quantile(self, probability: float) -> Array:
        """Quantile of each cluster's mean, (J,), by bisection."""
        from scipy.special import stdtr

        reach = 40 * self.scales.max(axis=0)
        low, high = self.centres.min(axis=0) - reach, self.centres.max(axis=0) + reach
        for _ in range(60):
            middle = (low + high) / 2
            below = self.weights @ stdtr(self.df, (middle - self.centres) / self.scales)
            low, high = (
                np.where(below < probability, middle, low),
                np.where(below < probability, high, middle),
            )
        return np.asarray((low + high) / 2)

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Draw the means of all clusters together, (n, J)."""
        k = rng.choice(len(self.spreads), size=n, p=self.weights)
        sigma = np.sqrt(self.rest[k] / rng.chisquare(self.df, size=n))
        mean = self.mean[k] + sigma / np.sqrt(self.precision[k]) * rng.normal(size=n)
        pull = self.pull[k]
        own = np.sqrt(pull / self.sizes) * rng.normal(size=pull.shape)
        return np.asarray(pull * self.means + (1 - pull) * mean[:, None] + sigma[:, None] * own)


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
    posterior = _posterior(solution.near, sizes, means)
    grand = _grand_mean(solution.near)
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


def _posterior(near: Near, sizes: Array, means: Array) -> _Posterior:
    """Weigh relative standard deviations by the restricted likelihood, given its highest point."""
    likelihood, best = near.likelihood, float(near.entries[0])

    def negligible(spread: float) -> bool:
        return likelihood.at(np.array([spread])).deviance - near.deviance > NEGLIGIBLE

    top = max(2 * best, 0.1)
    while not negligible(top) and top < LARGEST:
        top *= 2.0
    bottom, above = 0.0, best
    if negligible(0.0):
        for _ in range(30):
            middle = (bottom + above) / 2
            bottom, above = (middle, above) if negligible(middle) else (bottom, middle)
    # With few clusters the likelihood has a long tail, which needs no dense grid.
    steps = (np.arange(GRID) + 0.5) / GRID
    points = [likelihood.at(np.array([x])) for x in bottom + (top - bottom) * steps**3]
    deviance = np.array([one.deviance for one in points])
    weights = np.exp(-(deviance - near.deviance) / 2) * steps**2
    return _Posterior(
        sizes=sizes,
        means=means,
        spreads=np.array([float(one.entries[0]) for one in points]),
        weights=weights / weights.sum(),
        mean=np.array([_grand_mean(one) for one in points]),
        rest=np.array([one.regression.rest for one in points]) * likelihood.design.unit**2,
        df=likelihood.nu,
    )


def _grand_mean(near: Near) -> float:
    """Mean of the clusters given the relative standard deviation."""
    design = near.likelihood.design
    found = design.ordinary + design.unit * near.regression.coefficients
    return float(found[0] / design.R[0, 0])


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
