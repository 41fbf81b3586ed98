"""Least squares: (s - sigma)' W (s - sigma) with a weight that does not move with the model.

F = sum_g w_g (s - sigma)' W (s - sigma) over s = (m, vech S), or vech S alone without means
(Browne 1974, 1984). GLS weighs by the normal theory at S, WLS by the inverse of the asymptotic
covariance of s (asymptotically distribution free), ULS counts every different moment once, as
lavaan does. The statistic is (N - G) F.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError, OptionError
from measure.estimators import normal
from measure.model import Curvature, Derivatives, Implied, jacobian, vech_places
from measure.moments import Moments
from measure.moments.asymptotic import cross_products, moment_contributions

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """Weighted squared distance of implied and sample moments, its gradient and information."""

    moments: Moments
    weights: tuple[Array, ...]
    means: bool

    def _gaps(self, implied: list[Implied]) -> list[Array]:
        """Sample less implied moments, per group."""
        pairs = zip(self.moments.sample, implied, strict=True)
        return [
            moment_vector(sample, means=self.means) - moment_vector(model, means=self.means)
            for sample, model in pairs
        ]

    def value(self, implied: list[Implied]) -> float:
        """Give F; infinity where an implied covariance matrix is not finite."""
        gaps = self._gaps(implied)
        if not all(np.isfinite(gap).all() for gap in gaps):
            return float("inf")
        parts = zip(self.moments.weights, gaps, self.weights, strict=True)
        return float(sum(share * gap @ weight @ gap for share, gap, weight in parts))

    def slope(self, implied: list[Implied], derivatives: list[Derivatives]) -> tuple[Array, Array]:
        """Give the gradient of F and half its Gauss-Newton Hessian (the unit information)."""
        gradient: Array | float = 0.0
        information: Array | float = 0.0
        for share, gap, weight, d in zip(
            self.moments.weights, self._gaps(implied), self.weights, derivatives, strict=True
        ):
            weighted = weight @ jacobian(d)
            gradient = gradient - share * 2 * gap @ weighted
            information = information + share * jacobian(d).T @ weighted
        return np.asarray(gradient), np.asarray(information)

    def hessian(
        self,
        implied: list[Implied],
        derivatives: list[Derivatives],
        curvatures: list[Curvature],
    ) -> Array:
        """Give the matrix of second derivatives of F with respect to the free elements."""
        total: Array | float = 0.0
        for share, gap, weight, d, curvature in zip(
            self.moments.weights,
            self._gaps(implied),
            self.weights,
            derivatives,
            curvatures,
            strict=True,
        ):
            pull = -2 * (weight @ gap)
            p = len(d.u)
            a, b = vech_places(p)
            matrix = np.zeros((p, p))
            # A covariance counts once in the vector and twice in the matrix.
            matrix[a, b] = pull[-len(a) :] / np.where(a == b, 1.0, 2.0)
            matrix = matrix + np.triu(matrix, 1).T
            change = jacobian(d)
            own = 2 * change.T @ weight @ change
            total = total + share * (
                own + curvature.weighted(matrix, pull[:p] if self.means else None)
            )
        return np.asarray(total)

    def weight(self, implied: list[Implied]) -> list[Array]:
        """The weights; they do not depend on the implied moments."""
        return list(self.weights)


def moment_vector(moments: Implied, *, means: bool) -> Array:
    """(m, vech S), or vech S alone."""
    covariances = moments.sigma[vech_places(len(moments.sigma))]
    if not means:
        return np.asarray(covariances)
    assert moments.mu is not None
    return np.concatenate([moments.mu, covariances])


def generalized(moments: Moments, *, means: bool) -> LeastSquares:
    """GLS: the normal-theory weight at the sample covariances."""
    weights = (normal.weight(s.sigma, means=means) for s in moments.sample)
    return LeastSquares(moments, tuple(weights), means)


def unweighted(moments: Moments, *, means: bool) -> LeastSquares:
    """ULS: every different moment counts alike."""
    p = len(moments.names)
    size = p * (p + 1) // 2 + (p if means else 0)
    return LeastSquares(moments, tuple(np.eye(size) for _ in moments.sample), means)


def distribution_free(moments: Moments, *, means: bool) -> LeastSquares:
    """WLS, or ADF: the inverse of the asymptotic covariance of the moments (Browne 1984).

    Raises
    ------
    DataError
        Where there are not more rows than moments, so that there is no inverse.
    """
    if moments.clusters is not None:
        raise OptionError(
            "WLS does not account for clusters. Choose ML, MLM, MLMV or ULS with `cluster`."
        )
    weights: list[Array] = []
    for label, own in zip(moments.groups, moment_contributions(moments, means=means), strict=True):
        n, size = own.shape
        if n <= size:
            where = "" if len(moments.groups) == 1 else f' in group "{label}"'
            raise DataError(
                f"WLS weighs {size} moments by their covariances, which takes more than {size} "
                f"rows; there are {n}{where}. Choose another estimator, such as MLR."
            )
        weights.append(np.asarray(np.linalg.inv(cross_products(own, None))))
    return LeastSquares(moments, tuple(weights), means)
