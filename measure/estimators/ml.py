"""Normal-theory maximum likelihood for complete data.

F = sum_g w_g [ln|Sigma| + tr(S Sigma^-1) - ln|S| - p + (m - mu)' Sigma^-1 (m - mu)] with w_g the
share of the respondents in group g (Joreskog 1967; with means, Bollen 1989, eq. 4B.6 extended).
N F is the likelihood ratio statistic against the saturated model.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.model import Curvature, Derivatives, Implied
from measure.moments.complete import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MaximumLikelihood:
    """Discrepancy between implied and sample moments, its gradient and expected information."""

    moments: Moments

    @property
    def weights(self) -> Array:
        """Share of the respondents in each group."""
        n_obs = np.array(self.moments.n_obs, dtype=float)
        return np.asarray(n_obs / n_obs.sum())

    def value(self, implied: list[Implied]) -> float:
        """Give F; infinity where an implied covariance matrix is not positive definite."""
        total = 0.0
        for weight, model, sample in zip(self.weights, implied, self.moments.sample, strict=True):
            try:
                root = np.linalg.cholesky(model.sigma)
            except np.linalg.LinAlgError:
                return float("inf")
            half = np.linalg.solve(root, _with_mean_residual(sample, model))
            log_ratio = 2 * np.log(np.diag(root)).sum() - np.linalg.slogdet(sample.sigma)[1]
            trace = float(np.trace(np.linalg.solve(root, half.T)))
            total += weight * (log_ratio + trace - len(root))
        return float(total)

    def slope(self, implied: list[Implied], derivatives: list[Derivatives]) -> tuple[Array, Array]:
        """Give the gradient of F and half its expected Hessian (the unit information).

        The information of elements a and b is tr(P dSigma_a P dSigma_b)/2 + dmu_a' P dmu_b with
        P = Sigma^-1; with dSigma = u v' + v u' the trace is two inner products (see `model`).
        """
        gradient: Array | float = 0.0
        information: Array | float = 0.0
        for weight, model, sample, d in zip(
            self.weights, implied, self.moments.sample, derivatives, strict=True
        ):
            inverse = np.asarray(np.linalg.inv(model.sigma))
            centre = inverse - inverse @ _with_mean_residual(sample, model) @ inverse
            slope = 2 * np.einsum("ik,ik->k", d.u, centre @ d.v)
            pu, pv = inverse @ d.u, inverse @ d.v
            mixed = d.u.T @ pv
            unit = (d.u.T @ pu) * (d.v.T @ pv) + mixed * mixed.T
            if d.d_mu is not None and model.mu is not None and sample.mu is not None:
                weighted = inverse @ d.d_mu
                slope = slope - 2 * (sample.mu - model.mu) @ weighted
                unit = unit + d.d_mu.T @ weighted
            gradient = gradient + weight * slope
            information = information + weight * unit
        return np.asarray(gradient), np.asarray(information)

    def hessian(
        self,
        implied: list[Implied],
        derivatives: list[Derivatives],
        curvatures: list[Curvature],
    ) -> Array:
        """Give the matrix of second derivatives of F with respect to the free elements.

        With P = Sigma^-1, r = m - mu and D = P (S + r r') P, the parts are those of the gradient
        matrix P - D times the second derivatives of the moments, and those of the first
        derivatives twice: 2 tr(D dSigma_a P dSigma_b) - tr(P dSigma_a P dSigma_b) and, for the
        means, 2 dmu_a' P dmu_b + 2 r' P (dSigma_a P dmu_b + dSigma_b P dmu_a).
        """
        total: Array | float = 0.0
        for weight, model, sample, d, curvature in zip(
            self.weights, implied, self.moments.sample, derivatives, curvatures, strict=True
        ):
            inverse = np.asarray(np.linalg.inv(model.sigma))
            spread = inverse @ _with_mean_residual(sample, model) @ inverse
            residual = None
            if d.d_mu is not None and model.mu is not None and sample.mu is not None:
                residual = inverse @ (sample.mu - model.mu)
            pull = None if residual is None else -2 * residual
            own = curvature.weighted(inverse - spread, pull)
            own += _trace_products(2 * spread - inverse, inverse, d)
            if residual is not None and d.d_mu is not None:
                moved = inverse @ d.d_mu
                own += 2 * d.d_mu.T @ moved
                cross = np.outer(residual @ d.u, np.ones(len(own))) * (d.v.T @ moved)
                cross += np.outer(residual @ d.v, np.ones(len(own))) * (d.u.T @ moved)
                own += 2 * (cross + cross.T)
            total = total + weight * own
        return np.asarray(total)


def _trace_products(left: Array, right: Array, d: Derivatives) -> Array:
    """tr(left dSigma_a right dSigma_b) for all pairs of elements, (q, q).

    With dSigma = u v' + v u' each is four products of two inner products.
    """
    left_uu, left_vv, left_uv = d.u.T @ left @ d.u, d.v.T @ left @ d.v, d.u.T @ left @ d.v
    right_uu, right_vv, right_uv = d.u.T @ right @ d.u, d.v.T @ right @ d.v, d.u.T @ right @ d.v
    return np.asarray(
        right_vv * left_uu + right_uu * left_vv + right_uv.T * left_uv + right_uv * left_uv.T
    )


def _with_mean_residual(sample: Implied, model: Implied) -> Array:
    """S + (m - mu)(m - mu)': with it the means enter like a part of the covariances."""
    if model.mu is None or sample.mu is None:
        return sample.sigma
    residual = sample.mu - model.mu
    return sample.sigma + np.outer(residual, residual)


def saturated_loglik(moments: Moments, fixed_x: tuple[str, ...] = ()) -> float:
    """Log-likelihood of the unrestricted model, -N/2 [p ln 2 pi + ln|S| + p], over all groups.

    With `fixed_x` it is conditional on those variables: their own log-likelihood is taken off.
    Source: Anderson (2003), An Introduction to Multivariate Statistical Analysis, section 3.2.
    """
    x = np.array([name in fixed_x for name in moments.names])

    def loglik(n: int, sigma: Array) -> float:
        log_determinant = float(np.linalg.slogdet(sigma)[1])
        return -n / 2 * (len(sigma) * (float(np.log(2 * np.pi)) + 1) + log_determinant)

    return sum(
        loglik(n, sample.sigma) - loglik(n, sample.sigma[np.ix_(x, x)])
        for n, sample in zip(moments.n_obs, moments.sample, strict=True)
    )
