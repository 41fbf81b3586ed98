"""Least squares: (s - sigma)' W (s - sigma) with a weight that does not move with the model.

F = sum_g w_g (s - sigma)' W (s - sigma) over s = (m, vech S), or vech S alone without means
(Browne 1974, 1984). GLS weighs by the normal theory at S, WLS by the inverse of the asymptotic
covariance of s (asymptotically distribution free), ULS counts every different moment once, as
lavaan does. The statistic is (N - G) F.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError, OptionError
from measure.estimators import normal
from measure.model import Curvature, Derivatives, Implied, jacobian, moment_vector, vech_places
from measure.moments import Moments
from measure.moments.asymptotic import cross_products, moment_contributions

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """Weighted squared distance of implied and sample moments."""

    moments: Moments
    weights: tuple[Array, ...]
    means: bool

    def at(self, implied: list[Implied]) -> "_Evaluation | None":
        """Evaluate at implied moments; None where they are not finite."""
        pairs = zip(self.moments.sample, implied, strict=True)
        gaps = [
            moment_vector(sample, means=self.means) - moment_vector(model, means=self.means)
            for sample, model in pairs
        ]
        return _Evaluation(self, gaps) if all(np.isfinite(gap).all() for gap in gaps) else None

    def sizes(self, implied: list[Implied], moments: list[Implied]) -> list[float]:
        """Weighted squares of moments."""
        vectors = [moment_vector(m, means=self.means) for m in moments]
        pairs = zip(self.weights, vectors, strict=True)
        return [float(vector @ weight @ vector) for weight, vector in pairs]

    def weight(self, implied: list[Implied]) -> list[Array]:
        """The weights; they do not depend on the implied moments."""
        return list(self.weights)


@dataclass(frozen=True, eq=False)
class _Evaluation:
    """The discrepancy at implied moments: sample less implied ones, per group."""

    discrepancy: LeastSquares
    gaps: list[Array]

    def _groups(self) -> Iterator[tuple[float, Array, Array]]:
        """Share, gap and weight of each group."""
        shares = self.discrepancy.moments.weights
        return zip(shares, self.gaps, self.discrepancy.weights, strict=True)

    @cached_property
    def value(self) -> float:
        """F."""
        return float(sum(share * gap @ weight @ gap for share, gap, weight in self._groups()))

    def gradient(self, derivatives: list[Derivatives]) -> Array:
        """First derivatives of F with respect to the free elements."""
        total: Array | float = 0.0
        for (share, gap, weight), d in zip(self._groups(), derivatives, strict=True):
            total = total - share * 2 * (gap @ weight) @ jacobian(d)
        return np.asarray(total)

    def information(self, derivatives: list[Derivatives]) -> Array:
        """Unit information of the free elements: half the Gauss-Newton Hessian."""
        return self._squares(derivatives, self.discrepancy.moments.shares)

    def _squares(self, derivatives: list[Derivatives], shares: Array) -> Array:
        total: Array | float = 0.0
        for share, weight, d in zip(shares, self.discrepancy.weights, derivatives, strict=True):
            change = jacobian(d)
            total = total + share * (change.T @ weight @ change)
        return np.asarray(total)

    def hessian(self, derivatives: list[Derivatives], curvatures: list[Curvature]) -> Array:
        """Second derivatives of F with respect to the free elements."""
        means = self.discrepancy.means
        total = 2 * self._squares(derivatives, self.discrepancy.moments.weights)
        for (share, gap, weight), d, curvature in zip(
            self._groups(), derivatives, curvatures, strict=True
        ):
            pull = -2 * (weight @ gap)
            p = len(d.u)
            a, b = vech_places(p)
            matrix = np.zeros((p, p))
            # A covariance counts once in the vector and twice in the matrix.
            matrix[a, b] = pull[-len(a) :] / np.where(a == b, 1.0, 2.0)
            matrix = matrix + np.triu(matrix, 1).T
            total = total + share * curvature.weighted(matrix, pull[:p] if means else None)
        return np.asarray(total)


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
