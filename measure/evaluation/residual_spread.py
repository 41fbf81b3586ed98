"""The asymptotic covariance of residuals: how far sample less implied moments may stray by chance.

With D the derivatives of the implied moments, K the directions that constraints leave free, and W
the information that the saturated model has about its moments, the residuals are Q times the
errors of the sample moments, Q = I - D K (K'D'WDK)^-1 K'D'W, and their covariance is Q Gamma Q'/N
(Browne 1984; Ogasawara 2001; Maydeu-Olivares 2017). As in lavaan W is taken at
the implied moments and Gamma at the sample ones. With ordered items W are the weights of the fit.
"""

import numpy as np
from numpy.typing import NDArray

from measure.estimators import RowLikelihood, normal
from measure.fitting.fitted import Fit
from measure.fitting.inference import inverse, moment_covariance, stacked_weight
from measure.model import Implied, vech_places
from measure.moments.asymptotic import joint_covariance
from measure.moments.patterns import PatternLikelihood, Patterns
from measure.specification.options import ROBUST

Array = NDArray[np.float64]


def sample_covariances(fit: Fit) -> list[Array]:
    """Covariance matrix of each group's sample moments (m, vech S), or of vech S without means.

    By the standard errors of the fit: normal theory, or from the rows where they are robust. With
    ordered items the moments are those of `responses.Layout`, and it is always from the rows.
    """
    return _blocks(fit, _gamma(fit) / _rows(fit))


def residual_covariances(fit: Fit) -> list[Array]:
    """Covariance matrix of each group's residuals, in the order of `sample_covariances`.

    NaN where the information is singular. Moments that are taken from the sample (`fixed_x`) have
    no residual and no variance.
    """
    weight = _information(fit)
    slopes = np.vstack(fit.point.jacobians) @ fit.point.basis
    given = _given(fit)
    directions = np.hstack([slopes, np.eye(len(weight))[:, given]])
    bread = inverse(directions.T @ weight @ directions)
    if bread is None:
        return [np.full_like(block, np.nan) for block in _blocks(fit, weight)]
    passing = np.eye(len(weight)) - directions @ bread @ directions.T @ weight
    return _blocks(fit, passing @ _gamma(fit) @ passing.T / _rows(fit))


def _rows(fit: Fit) -> int:
    """What a covariance matrix is divided by: as for standard errors, of ordered items by N."""
    return fit.moments.scale if fit.moments.layout is None else fit.moments.n_total


def _blocks(fit: Fit, stacked: Array) -> list[Array]:
    size = len(stacked) // fit.n_groups
    return [
        stacked[k * size : (k + 1) * size, k * size : (k + 1) * size] for k in range(fit.n_groups)
    ]


def _given(fit: Fit) -> NDArray[np.bool_]:
    """Mark the moments, of all groups, that fixed.x takes from the sample."""
    if fit.moments.layout is not None:
        return np.zeros(fit.moments.layout.size * fit.n_groups, dtype=bool)
    x = np.array([name in fit.model.table.fixed_x for name in fit.moments.names])
    a, b = vech_places(len(x))
    own = x[a] & x[b]
    if fit.model.table.meanstructure:
        own = np.concatenate([x, own])
    return np.tile(own, fit.n_groups)


def _information(fit: Fit) -> Array:
    """Information of the saturated model about all moments, at the implied ones, (k, k)."""
    if fit.method.information != "observed" or not isinstance(
        fit.problem.discrepancy, RowLikelihood
    ):
        return stacked_weight(fit.point)
    return _stacked(
        [share * _observed(fit, group) for group, share in enumerate(fit.moments.shares)]
    )


def _observed(fit: Fit, group: int) -> Array:
    sample, model = fit.moments.sample[group], fit.implied_moments[group]
    p = len(sample.sigma)
    mu = np.zeros(p) if model.mu is None else model.mu
    if fit.moments.patterns is not None:
        patterns = fit.moments.patterns[group]
    else:
        # Complete rows are one pattern; without a mean structure the means fit perfectly.
        n = fit.moments.n_obs[group]
        mean = mu if model.mu is None or sample.mu is None else sample.mu
        patterns = Patterns(
            np.ones((1, p), dtype=bool),
            np.zeros(n, dtype=np.intp),
            np.array([float(n)]),
            mean[None],
            sample.sigma[None],
        )
    likelihood = PatternLikelihood.at(patterns, Implied(mu, model.sigma))
    assert likelihood is not None
    whole = likelihood.information(observed=True)
    return whole if model.mu is not None else whole[p:, p:]


def _gamma(fit: Fit) -> Array:
    """N times the covariance matrix of the sample moments of all groups, stacked."""
    moments, method = fit.moments, fit.method
    discrepancy, means = fit.problem.discrepancy, fit.model.table.meanstructure
    keep = slice(None) if means else slice(len(moments.names), None)
    if (
        isinstance(discrepancy, RowLikelihood)
        and moments.rows is not None
        and (method.fiml or method.se == "robust.huber.white")
    ):
        inverses = [np.linalg.inv(own) for own in discrepancy.saturated_information()]
        if method.se not in ROBUST:
            return _stacked(
                [own / share for own, share in zip(inverses, moments.shares, strict=True)]
            )
        parts = [
            (scores @ own)[:, keep]
            for scores, own in zip(discrepancy.saturated_scores(), inverses, strict=True)
        ]
        return joint_covariance(parts, moments.clusters, moments.shares)
    from_rows = method.se == "robust.sem" or method.estimator.discrepancy == "WLS"
    if from_rows or moments.ordinal is not None:
        return moment_covariance(fit.point)
    return _stacked(
        [
            np.linalg.inv(normal.weight(sample.sigma, means=means)) / share
            for sample, share in zip(moments.sample, moments.shares, strict=True)
        ]
    )


def _stacked(blocks: list[Array]) -> Array:
    sizes = np.cumsum([0, *map(len, blocks)])
    whole = np.zeros((sizes[-1], sizes[-1]))
    for k, block in enumerate(blocks):
        whole[sizes[k] : sizes[k + 1], sizes[k] : sizes[k + 1]] = block
    return whole
