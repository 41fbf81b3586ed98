"""What a likelihood leaves open about the means of clusters, averaged over their variance.

References
----------
Gelman, A. (2006). Prior distributions for variance parameters in hierarchical models. Bayesian
Analysis, 1, 515-534.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.distributions import normal_quantile
from measure.levels.mixed.likelihood import Near

Array = NDArray[np.float64]

GRID = 60
"""Standard deviations between clusters, over the residual one, that intervals are averaged over."""

MOST_STEPS = 100
"""Of Newton's method, which needs about five; halving alone would need 40."""

LARGEST = 1e5
"""Of these the likelihood has no more to say."""

NEGLIGIBLE = 30.0
"""How far minus twice the log-likelihood is above its minimum at the ends of the grid."""


@dataclass(frozen=True, eq=False)
class MeanPosterior:
    """The means of clusters, over a grid of relative standard deviations.

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
        """Quantile of each cluster's mean, (J,), by Newton's method kept within a bracket."""
        from scipy.special import stdtr
        from scipy.stats import t

        reach = 40 * self.scales.max(axis=0)
        low, high = self.centres.min(axis=0) - reach, self.centres.max(axis=0) + reach
        here = self.weights @ self.centres + float(normal_quantile(probability)) * self.se()
        for _ in range(MOST_STEPS):
            z = (here - self.centres) / self.scales
            away = self.weights @ stdtr(self.df, z) - probability
            low, high = np.where(away < 0, here, low), np.where(away < 0, high, here)
            there = here - away / (self.weights @ (t.pdf(z, self.df) / self.scales))
            outside = (there < low) | (there > high)
            there = np.where(outside, (low + high) / 2, there)
            if (np.abs(there - here) < 1e-6 * self.scales.max(axis=0)).all():
                break
            here = there
        return np.asarray(here)

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Draw the means of all clusters together, (n, J)."""
        k = rng.choice(len(self.spreads), size=n, p=self.weights)
        sigma = np.sqrt(self.rest[k] / rng.chisquare(self.df, size=n))
        mean = self.mean[k] + sigma / np.sqrt(self.precision[k]) * rng.normal(size=n)
        pull = self.pull[k]
        own = np.sqrt(pull / self.sizes) * rng.normal(size=pull.shape)
        return np.asarray(pull * self.means + (1 - pull) * mean[:, None] + sigma[:, None] * own)


def posterior_of(near: Near, sizes: Array, means: Array) -> MeanPosterior:
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
    weighty = weights > 1e-9 * weights.max()
    points = [one for one, kept in zip(points, weighty, strict=True) if kept]
    return MeanPosterior(
        sizes=sizes,
        means=means,
        spreads=np.array([float(one.entries[0]) for one in points]),
        weights=weights[weighty] / weights[weighty].sum(),
        mean=np.array([grand_mean(one) for one in points]),
        rest=np.array([one.regression.rest for one in points]) * likelihood.design.unit**2,
        df=likelihood.nu,
    )


def grand_mean(near: Near) -> float:
    """Mean of the clusters given the relative standard deviation."""
    design = near.likelihood.design
    found = design.ordinary + design.unit * near.regression.coefficients
    return float(found[0] / design.R[0, 0])
