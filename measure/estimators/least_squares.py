"""Least squares: (s - sigma)' W (s - sigma) with a weight that does not move with the model.

F = sum_g w_g (s - sigma)' W (s - sigma) over s = (m, vech S), or vech S alone without means
(Browne 1974, 1984); with ordered items s are thresholds, polychoric correlations and what
`measure.specification.responses.Layout` lists further (Muthen 1984). GLS weighs by the normal
theory at S, WLS by the inverse of the asymptotic covariance of s (asymptotically distribution
free), DWLS by the inverse of its diagonal, ULS counts every different moment once, as lavaan does.
The statistic is (N - G) F.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError, OptionError
from measure.estimators import normal
from measure.model import (
    Curvature,
    Derivatives,
    Implied,
    Tied,
    level_jacobian,
    level_vector,
    moment_vector,
    vech_places,
)
from measure.moments import Moments
from measure.moments.asymptotic import cross_products, moment_contributions

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """Weighted squared distance of implied and sample moments.

    `weights` has one weight a group: a matrix, or the diagonal of one.
    """

    moments: Moments
    weights: tuple[Array, ...]
    means: bool

    def vectors(self, moments: Sequence[Implied]) -> list[Array]:
        """Put the moments of each group, at all of its levels, into the vector that is weighed."""
        layout = self.moments.level_layout
        if layout is not None:
            pairs = zip(moments[::2], moments[1::2], strict=True)
            return [level_vector(layout, *pair) for pair in pairs]
        return [moment_vector(one, means=self.means, layout=self.moments.layout) for one in moments]

    def at(self, implied: list[Implied]) -> "LeastSquaresAt | None":
        """Evaluate at implied moments; None where they are not finite."""
        pairs = zip(self._sample, self.vectors(implied), strict=True)
        gaps = [sample - model for sample, model in pairs]
        return LeastSquaresAt(self, gaps) if all(np.isfinite(gap).all() for gap in gaps) else None

    @cached_property
    def _sample(self) -> list[Array]:
        return self.vectors(self.moments.sample)

    def sizes(self, implied: list[Implied], moments: list[Implied]) -> list[float]:
        """Weighted squares of moments."""
        pairs = zip(self.weights, self.vectors(moments), strict=True)
        return [float(vector @ weighted(weight, vector)) for weight, vector in pairs]

    def weight(self, implied: list[Implied]) -> list[Array]:
        """The weights; they do not depend on the implied moments."""
        return list(self.weights)


def jacobians(moments: Moments, derivatives: Sequence[Derivatives]) -> list[Array]:
    """Derivatives of the vector of moments of each group with respect to all free elements."""
    layout = moments.level_layout
    if layout is None:
        return [d.jacobian for d in derivatives]
    pairs = zip(derivatives[::2], derivatives[1::2], strict=True)
    return [level_jacobian(layout, *pair) for pair in pairs]


def weighted(weight: Array, moments: Array) -> Array:
    """Multiply a weight, or the diagonal (m,) of one, with moments (m,) or (m, q)."""
    if weight.ndim > 1:
        return np.asarray(weight @ moments)
    return weight * moments if moments.ndim == 1 else weight[:, None] * moments


def squared(weight: Array, slopes: Array) -> Array:
    """D' W D of derivatives D (m, q)."""
    if weight.ndim > 1:
        return np.asarray(slopes.T @ weight @ slopes)
    # The product of a matrix with itself takes half the time of any other.
    rooted = np.sqrt(weight)[:, None] * slopes
    return np.asarray(rooted.T @ rooted)


@dataclass(frozen=True, eq=False)
class LeastSquaresAt:
    """The discrepancy at implied moments: sample less implied ones, per group."""

    discrepancy: LeastSquares
    gaps: list[Array]

    def _groups(self) -> Iterator[tuple[float, Array, Array]]:
        """Share, weighted gap and weight of each group."""
        shares = self.discrepancy.moments.weights
        return zip(shares, self._pulls, self.discrepancy.weights, strict=True)

    @cached_property
    def _pulls(self) -> list[Array]:
        pairs = zip(self.discrepancy.weights, self.gaps, strict=True)
        return [weighted(weight, gap) for weight, gap in pairs]

    @cached_property
    def value(self) -> float:
        """F."""
        shares = self.discrepancy.moments.weights
        parts = zip(shares, self.gaps, self._pulls, strict=True)
        return float(sum(share * gap @ pull for share, gap, pull in parts))

    def gradient(self, derivatives: list[Derivatives]) -> Array:
        """First derivatives of F with respect to the free elements."""
        total = np.zeros(derivatives[0].u.shape[1])
        if self.discrepancy.moments.level_layout is None:
            for (share, pull, _), d in zip(self._groups(), derivatives, strict=True):
                d.added(total, -2 * share * (pull @ d.own_jacobian))
            return total
        slopes = jacobians(self.discrepancy.moments, derivatives)
        for (share, pull, _), slope in zip(self._groups(), slopes, strict=True):
            total -= 2 * share * (pull @ slope)
        return total

    def information(self, derivatives: list[Derivatives]) -> Array:
        """Unit information of the free elements: half the Gauss-Newton Hessian."""
        return self._squares(derivatives, self.discrepancy.moments.shares)

    def information_along(self, tied: Sequence[Tied]) -> Array:
        """Unit information of the parameters that the elements follow, at one level."""
        total = np.zeros((tied[0].tie.n_params, tied[0].tie.n_params))
        parts = zip(self.discrepancy.moments.shares, self.discrepancy.weights, tied, strict=True)
        for share, weight, one in parts:
            one.added(total, share * squared(weight, one.own_jacobian))
        return total

    def _squares(self, derivatives: list[Derivatives], shares: Array) -> Array:
        size = derivatives[0].u.shape[1]
        total, weights = np.zeros((size, size)), self.discrepancy.weights
        if self.discrepancy.moments.level_layout is None:
            for share, weight, d in zip(shares, weights, derivatives, strict=True):
                d.added(total, share * squared(weight, d.own_jacobian))
            return total
        whole = jacobians(self.discrepancy.moments, derivatives)
        for share, weight, slopes in zip(shares, weights, whole, strict=True):
            total += share * squared(weight, slopes)
        return total

    def hessian(self, derivatives: list[Derivatives], curvatures: list[Curvature]) -> Array | None:
        """Second derivatives of F with respect to the free elements.

        None where the scale of ordered answers moves with the model, and for ordered items at two
        levels, for which they are not worked out: the search then keeps to the Gauss-Newton
        Hessian.
        """
        if self.discrepancy.moments.level_layout is not None:
            return None
        if any(curvature.state.block.bends for curvature in curvatures):
            return None
        total = 2 * self._squares(derivatives, self.discrepancy.moments.weights)
        for (share, pull, _), d, curvature in zip(
            self._groups(), derivatives, curvatures, strict=True
        ):
            d.added(total, share * curvature.own_weighted(*self._force(-2 * pull, curvature)))
        return total

    def _force(self, pull: Array, curvature: Curvature) -> tuple[Array, Array | None]:
        """Weights of the second derivatives of sigma (p, p) and of mu (p,)."""
        layout, means = self.discrepancy.moments.layout, self.discrepancy.means
        responses = curvature.state.responses
        if layout is not None and responses is not None:
            mu, sigma, thresholds = layout.spread(pull)
            delta = responses.delta
            np.subtract.at(mu, layout.items, delta[layout.items] * thresholds)
            return sigma * np.outer(delta, delta), mu
        p = curvature.first.u.shape[0]
        a, b = vech_places(p)
        matrix = np.zeros((p, p))
        # A covariance counts once in the vector and twice in the matrix.
        matrix[a, b] = pull[-len(a) :] / np.where(a == b, 1.0, 2.0)
        return matrix + np.triu(matrix, 1).T, pull[:p] if means else None


def generalized(moments: Moments, *, means: bool) -> LeastSquares:
    """GLS: the normal-theory weight at the sample covariances."""
    weights = (normal.weight(s.sigma, means=means) for s in moments.sample)
    return LeastSquares(moments, tuple(weights), means)


def unweighted(moments: Moments, *, means: bool) -> LeastSquares:
    """ULS: every different moment counts alike."""
    size = len(moment_vector(moments.sample[0], means=means, layout=moments.layout))
    return LeastSquares(moments, tuple(np.ones(size) for _ in moments.sample), means)


def diagonal(moments: Moments, *, means: bool) -> LeastSquares:
    """DWLS: every moment counts by the inverse of its asymptotic variance."""
    own = moments.ordinal
    if own is None:
        spreads = _spreads(moments, means=means)
        return LeastSquares(moments, tuple(1 / np.diag(spread) for spread in spreads), means)
    variances = np.diag(own.gamma) if own.variances is None else own.variances
    parts = np.split(variances, len(moments.groups))
    weights = (1 / (share * part) for share, part in zip(moments.shares, parts, strict=True))
    return LeastSquares(moments, tuple(weights), means)


def distribution_free(moments: Moments, *, means: bool) -> LeastSquares:
    """WLS, or ADF: the inverse of the asymptotic covariance of the moments (Browne 1984).

    Raises
    ------
    DataError
        Where there are not more rows than moments, so that there is no inverse.
    """
    if moments.clusters is not None:
        raise OptionError(
            "WLS does not account for clusters. Choose ML, MLM, MLMV, ULS, or WLSMV for ordered "
            "items, with `cluster`."
        )
    weights: list[Array] = []
    spreads = _spreads(moments, means=means)
    for label, n, spread in zip(moments.groups, moments.n_obs, spreads, strict=True):
        size = len(spread)
        if n <= size:
            where = "" if len(moments.groups) == 1 else f' in group "{label}"'
            raise DataError(
                f"WLS weighs {size} moments by their covariances, which takes more than {size} "
                f"rows; there are {n}{where}. Choose another estimator, such as "
                f"{'MLR' if moments.layout is None else 'WLSMV'}."
            )
        weights.append(np.asarray(np.linalg.inv(spread)))
    return LeastSquares(moments, tuple(weights), means)


def _spreads(moments: Moments, *, means: bool) -> list[Array]:
    """Asymptotic covariance of the moments of each group, times its number of respondents."""
    if moments.ordinal is None:
        own = moment_contributions(moments, means=means)
        return [cross_products(part, None) for part in own]
    gamma = moments.ordinal.gamma
    size = len(gamma) // len(moments.groups)
    return [
        share * gamma[k * size : (k + 1) * size, k * size : (k + 1) * size]
        for k, share in enumerate(moments.shares)
    ]
