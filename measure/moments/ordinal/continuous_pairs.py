"""Means, variances and correlations of the continuous variables among ordered ones.

The first and second step of the two-step method for variables that need no thresholds: the
likelihood is that of a univariate and of a bivariate normal distribution.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.moments.ordinal.correlation_search import Likelihoods, climb
from measure.moments.ordinal.kinds import Pairs

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Scales:
    """Means and variances, (q,), of all answers of each variable; variances divided by n."""

    mean: Array
    variance: Array

    @property
    def sd(self) -> Array:
        """Standard deviations."""
        return np.sqrt(self.variance)

    def standardised(self, values: Array) -> Array:
        """Give values (n, q) as z-values (q, n)."""
        return np.ascontiguousarray(((values - self.mean) / self.sd).T)


def scales_of(values: Array) -> Scales:
    """Maximum likelihood means and variances of values (n, q), NaN where missing."""
    return Scales(np.nanmean(values, axis=0), np.nanvar(values, axis=0))


@dataclass(frozen=True, eq=False)
class Products:
    """Sums over the rows with both values: their number, z1 z1, z1 z2 and z2 z2; all (n_pairs,)."""

    n: Array
    first: Array
    both: Array
    second: Array

    @classmethod
    def of(cls, z: Array, pairs: Pairs) -> "Products":
        """Add up z-values (q, n), NaN where missing."""
        there = ~np.isnan(z)
        filled = np.where(there, z, 0.0)
        present = there.astype(float)
        n, both = present @ present.T, filled @ filled.T
        squares = filled**2 @ present.T
        i, j = pairs.first, pairs.second
        return cls(n[i, j], squares[i, j], both[i, j], squares[j, i])

    def likelihoods(self, some: Indices, rho: Array) -> Likelihoods:
        """Bivariate normal log-likelihoods with means and variances fixed."""
        n, rest = self.n[some], (1 - rho) * (1 + rho)
        spread = self.first[some] + self.second[some] - 2 * rho * self.both[some]
        gradient = (n * rho + self.both[some]) / rest - rho * spread / rest**2
        hessian = (n * (1 + rho**2) + 4 * rho * self.both[some] - spread) / rest**2
        hessian -= 4 * rho**2 * spread / rest**3
        return Likelihoods(
            -(n * np.log(rest) + spread / rest) / 2,
            gradient,
            hessian,
            n * (1 + rho**2) / rest**2,
        )


def correlations(z: Array, pairs: Pairs) -> Array:
    """Correlation of each pair: Pearson's, or with missing values the maximum of the likelihood.

    With values missing, the means and variances of all answers of each variable are kept.
    """
    products = Products.of(z, pairs)
    start = products.both / np.sqrt(products.first * products.second)
    return climb(products.likelihoods, start) if np.isnan(z).any() else start


def scale_scores(z: Array, scales: Scales) -> tuple[Array, Array]:
    """Scores of mean and variance, each (q, n), from z-values; 0 where missing."""
    there = ~np.isnan(z)
    filled = np.where(there, z, 0.0)
    return filled / scales.sd[:, None], (filled**2 - there) / (2 * scales.variance[:, None])
