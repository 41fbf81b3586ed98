"""Influence of rows on means, variances and covariances of continuous variables.

See `category_influence` for the formula. With the information observed, the influences are the
plain ones, y - mu and (y1 - mu1)(y2 - mu2) - sigma12, whatever the distribution. With products of
scores they are those only for normal variables: lavaan has it so.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.moments.ordinal.continuous_pairs import Products, Scales, scale_scores
from measure.moments.ordinal.kinds import Pairs

Array = NDArray[np.float64]
Two = tuple[Array, Array]


@dataclass(frozen=True, eq=False)
class ScaleInfluence:
    """Influence on means and variances: what their scores are multiplied with, (q, 2, 2)."""

    scales: Scales
    weights: Array

    @classmethod
    def of(cls, z: Array, scales: Scales, *, observed: bool) -> "ScaleInfluence":
        """Invert the information of each variable, from z-values (q, n)."""
        if observed:
            shares = (~np.isnan(z)).mean(axis=1)
            inverse = np.zeros((len(z), 2, 2))
            inverse[:, 0, 0] = scales.variance / shares
            inverse[:, 1, 1] = 2 * scales.variance**2 / shares
            return cls(scales, inverse)
        scores = np.stack(scale_scores(z, scales), axis=1)
        products = np.einsum("qan,qbn->qab", scores, scores) / z.shape[1]
        return cls(scales, np.linalg.inv(products))

    def rows(self, z: Array) -> Array:
        """Influence of rows on (mean, variance), (q, 2, n)."""
        scores = np.stack(scale_scores(z, self.scales), axis=1)
        return np.asarray(self.weights @ scores)


@dataclass(frozen=True, eq=False)
class PearsonInfluence:
    """Influence on covariances of continuous variables.

    `products` (n_pairs, 2, 2) is A21 with the variable of the pair in its second and (mean,
    variance) in its third dimension; `info` (n_pairs,) is a22.
    """

    rho: Array
    pairs: Pairs
    products: Array
    info: Array

    @classmethod
    def of(
        cls, z: Array, rho: Array, pairs: Pairs, scales: Scales, *, observed: bool
    ) -> "PearsonInfluence":
        """Add up the information over all rows, from z-values (q, n)."""
        own = _NormalPairs(z, rho, pairs)
        n = z.shape[1]
        if observed:
            every = np.arange(len(rho))
            info = -Products.of(z, pairs).likelihoods(every, rho).hessian / n
        else:
            info = (own.scores**2).sum(axis=1) / n
        parts = own.bends if observed else own.products
        products = np.array([[part.sum(axis=1) / n for part in member] for member in parts])
        products = products.reshape(2, 2, len(rho)).transpose(2, 0, 1)
        for k, members in enumerate((pairs.first, pairs.second)):
            sd = scales.sd[members]
            products[:, k] /= np.stack([sd, sd**2], axis=1)
        return cls(rho, pairs, products, info)

    def rows(self, z: Array, scales: Scales, moved: Array) -> Array:
        """Influence of rows on covariances, (n_pairs, n), given that on means and variances."""
        on_rho = _NormalPairs(z, self.rho, self.pairs).scores
        members = (self.pairs.first, self.pairs.second)
        for k, own in enumerate(members):
            on_rho = on_rho - np.einsum("pk,pkn->pn", self.products[:, k], moved[own])
        on_rho /= self.info[:, None]
        a, b = (scales.sd[own][:, None] for own in members)
        first, second = (moved[own, 1] for own in members)
        turned = b / (2 * a) * first + a / (2 * b) * second
        return np.asarray(a * b * on_rho + self.rho[:, None] * turned)


class _NormalPairs:
    """Scores of the bivariate normal log-likelihood of rows; all (n_pairs, n), 0 where missing."""

    def __init__(self, z: Array, rho: Array, pairs: Pairs) -> None:
        there = ~np.isnan(z)
        self.both = there[pairs.first] & there[pairs.second]
        self.x = np.where(self.both, z[pairs.first], 0.0)
        self.y = np.where(self.both, z[pairs.second], 0.0)
        self.r = rho[:, None]
        self.rest = (1 - self.r) * (1 + self.r)

    @property
    def scores(self) -> Array:
        """Derivatives with respect to rho."""
        x, y, r, rest = self.x, self.y, self.r, self.rest
        spread = x * x - 2 * r * x * y + y * y
        return np.asarray(self.both * r / rest + x * y / rest - r * spread / rest**2)

    @property
    def _members(self) -> tuple[Two, Two]:
        return (self.x, self.y), (self.y, self.x)

    @property
    def products(self) -> tuple[Two, Two]:
        """Score of rho times those of the mean (times sd) and variance (times sd^2) of both."""
        scores, found = self.scores, []
        for own, other in self._members:
            pull = (own - self.r * other) / self.rest
            found.append((scores * pull, scores * (own * pull - self.both) / 2))
        return found[0], found[1]

    @property
    def bends(self) -> tuple[Two, Two]:
        """Minus the derivatives of the score of rho, scaled likewise.

        A z-value moves by -1 with its mean over sd, and by -z/2 with its variance over sd^2.
        """
        found = []
        for own, other in self._members:
            bend = other / self.rest - 2 * self.r * (own - self.r * other) / self.rest**2
            found.append((bend, bend * own / 2))
        return found[0], found[1]
