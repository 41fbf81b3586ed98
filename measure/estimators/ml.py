"""Normal-theory maximum likelihood for complete data.

F = sum_g w_g [ln|Sigma| + tr(S Sigma^-1) - ln|S| - p + (m - mu)' Sigma^-1 (m - mu)] with w_g the
share of the respondents in group g (Joreskog 1967; with means, Bollen 1989, eq. 4B.6 extended).
N F is the likelihood ratio statistic against the saturated model.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.estimators import normal
from measure.model import Curvature, Derivatives, Implied
from measure.moments import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MaximumLikelihood:
    """Discrepancy between implied and sample moments."""

    moments: Moments

    def at(self, implied: list[Implied]) -> "LikelihoodAt | None":
        """Evaluate at implied moments; None where they are not positive definite."""
        try:
            roots = [np.asarray(np.linalg.cholesky(model.sigma)) for model in implied]
        except np.linalg.LinAlgError:
            return None
        return LikelihoodAt(self, implied, roots)

    def sizes(self, implied: list[Implied], moments: list[Implied]) -> list[float]:
        """Weighted squares of moments; without forming the weight."""
        pairs = zip(implied, moments, strict=True)
        return [normal.size(np.asarray(np.linalg.inv(model.sigma)), m) for model, m in pairs]

    def weight(self, implied: list[Implied]) -> list[Array]:
        """Expected unit information of each group's moments, at the implied ones."""
        return [normal.weight(model.sigma, means=model.mu is not None) for model in implied]

    def scores(self, implied: list[Implied], derivatives: list[Derivatives]) -> list[Array]:
        """Derivatives of each row's log-likelihood with respect to all free elements, per group.

        Of row i: (u'z)(v'z) - u' P v + dmu' z with z = P (y_i - mu). Without a mean structure the
        means are those of the sample.
        """
        assert self.moments.rows is not None
        found = []
        for rows, model, sample, d in zip(
            self.moments.rows, implied, self.moments.sample, derivatives, strict=True
        ):
            inverse = np.asarray(np.linalg.inv(model.sigma))
            mu = sample.mu if model.mu is None else model.mu
            assert mu is not None
            z = (rows - mu) @ inverse
            score = (z @ d.u) * (z @ d.v) - np.einsum("ik,ik->k", d.u, inverse @ d.v)
            found.append(score if d.d_mu is None else score + z @ d.d_mu)
        return found

    @cached_property
    def saturated_products(self) -> list[Array]:
        """Mean outer product of `saturated_scores`, or of their sums in clusters, per group."""
        assert self.moments.rows is not None
        clusters = self.moments.clusters or (None,) * len(self.moments.rows)
        found = []
        for rows, sample, own in zip(self.moments.rows, self.moments.sample, clusters, strict=True):
            assert sample.mu is not None
            inverse = np.asarray(np.linalg.inv(sample.sigma))
            of_row = np.zeros(len(rows), dtype=np.intp)
            z = (rows - sample.mu) @ inverse
            found.append(normal.score_products(z, inverse[None], of_row, own))
        return found

    def saturated_scores(self) -> list[Array]:
        """Derivatives of each row's log-likelihood to the saturated (mu, vech Sigma), per group."""
        assert self.moments.rows is not None
        found = []
        for rows, sample in zip(self.moments.rows, self.moments.sample, strict=True):
            assert sample.mu is not None
            inverse = np.asarray(np.linalg.inv(sample.sigma))
            z = (rows - sample.mu) @ inverse
            found.append(normal.moment_scores(z, inverse[None], np.zeros(len(z), dtype=np.intp)))
        return found

    def saturated_information(self, *, observed: bool = True) -> list[Array]:
        """Unit information of (mu, vech Sigma) at the sample moments, per group.

        Of complete answers the observed and the expected one are the same there.
        """
        return [normal.weight(s.sigma, means=True) for s in self.moments.sample]

    def saturated_loglik(self, fixed_x: tuple[str, ...]) -> float:
        """Log-likelihood of the unrestricted model, given the variables of `fixed_x`."""
        return normal.saturated_loglik(self.moments, fixed_x)


@dataclass(frozen=True, eq=False)
class LikelihoodAt:
    """The discrepancy at implied moments, with their Cholesky roots per group.

    Many samples can be taken at once: `values` and all derivatives then have the leading
    dimensions of the moments.
    """

    discrepancy: MaximumLikelihood
    implied: list[Implied]
    roots: list[Array]

    @cached_property
    def inverses(self) -> list[Array]:
        """P = Sigma^-1 of each group."""
        halves = [np.linalg.inv(root) for root in self.roots]
        return [half.mT @ half for half in halves]

    @cached_property
    def spreads(self) -> list[Array]:
        """S + r r' of each group."""
        pairs = zip(self.discrepancy.moments.sample, self.implied, strict=True)
        return [_with_mean_residual(sample, model) for sample, model in pairs]

    @cached_property
    def weighted(self) -> list[Array]:
        """D = P (S + r r') P of each group."""
        pairs = zip(self.inverses, self.spreads, strict=True)
        return [inverse @ spread @ inverse for inverse, spread in pairs]

    def _groups(self) -> Iterator[tuple[Array, Implied, Implied, Array, Array]]:
        """Weight, implied and sample moments, P and D of each group."""
        moments = self.discrepancy.moments
        return zip(
            moments.weights, self.implied, moments.sample, self.inverses, self.weighted, strict=True
        )

    @property
    def value(self) -> float:
        """F."""
        return float(self.values)

    @cached_property
    def values(self) -> Array:
        """F of each sample, (...,)."""
        total: Array | float = 0.0
        moments = self.discrepancy.moments
        own = zip(self.roots, self.inverses, self.spreads, strict=True)
        for weight, log_determinant, (root, inverse, spread) in zip(
            moments.weights, moments.log_determinants, own, strict=True
        ):
            diagonal = root.diagonal(axis1=-2, axis2=-1)
            log_ratio = 2 * np.log(diagonal).sum(axis=-1) - log_determinant
            trace = (inverse * spread).sum(axis=(-2, -1))
            total = total + weight * (log_ratio + trace - diagonal.shape[-1])
        return np.asarray(total)

    def gradient(self, derivatives: list[Derivatives]) -> Array:
        """First derivatives of F with respect to the free elements."""
        total: Array | float = 0.0
        for (weight, model, sample, inverse, spread), d in zip(
            self._groups(), derivatives, strict=True
        ):
            slope = 2 * (d.u * ((inverse - spread) @ d.v)).sum(axis=-2)
            if d.d_mu is not None and model.mu is not None and sample.mu is not None:
                residual = (sample.mu - model.mu)[..., None, :]
                slope = slope - 2 * (residual @ inverse @ d.d_mu)[..., 0, :]
            total = total + weight[..., None] * slope
        return np.asarray(total)

    def information(self, derivatives: list[Derivatives]) -> Array:
        """Expected unit information of the free elements: half the expected Hessian."""
        total: Array | float = 0.0
        for weight, inverse, d in zip(
            self.discrepancy.moments.weights, self.inverses, derivatives, strict=True
        ):
            total = total + weight[..., None, None] * normal.information(inverse, d)
        return np.asarray(total)

    def hessian(self, derivatives: list[Derivatives], curvatures: list[Curvature]) -> Array:
        """Second derivatives of F with respect to the free elements.

        With P = Sigma^-1, r = m - mu and D = P (S + r r') P, the parts are those of the gradient
        matrix P - D times the second derivatives of the moments, and those of the first
        derivatives twice: 2 tr(D dSigma_a P dSigma_b) - tr(P dSigma_a P dSigma_b) and, for the
        means, 2 dmu_a' P dmu_b + 2 r' P (dSigma_a P dmu_b + dSigma_b P dmu_a).
        """
        total: Array | float = 0.0
        for (weight, model, sample, inverse, spread), d, curvature in zip(
            self._groups(), derivatives, curvatures, strict=True
        ):
            residual = None
            if d.d_mu is not None and model.mu is not None and sample.mu is not None:
                residual = (inverse @ (sample.mu - model.mu)[..., None])[..., 0]
            pull = None if residual is None else -2 * residual
            own = curvature.weighted(inverse - spread, pull)
            own += normal.trace_products(2 * spread - inverse, inverse, d)
            if residual is not None and d.d_mu is not None:
                moved = inverse @ d.d_mu
                own += 2 * d.d_mu.mT @ moved
                cross = (d.u.mT @ residual[..., None]) * (d.v.mT @ moved)
                cross += (d.v.mT @ residual[..., None]) * (d.u.mT @ moved)
                own += 2 * (cross + cross.mT)
            total = total + weight[..., None, None] * own
        return np.asarray(total)


def _with_mean_residual(sample: Implied, model: Implied) -> Array:
    """S + (m - mu)(m - mu)': with it the means enter like a part of the covariances."""
    if model.mu is None or sample.mu is None:
        return sample.sigma
    residual = sample.mu - model.mu
    return np.asarray(sample.sigma + residual[..., :, None] * residual[..., None, :])
