"""Standard errors: the covariance matrix of the estimates, and the intervals and tests that follow.

Constraints are kept by moving along their tangent: with K its directions (n_elements, k), the
inverse of an information matrix I is K (K' I K)^-1 K' (Aitchison & Silvey 1958).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri

from measure.distributions import normal_cdf, normal_quantile
from measure.errors import OptionError
from measure.estimators import Likelihood
from measure.estimators.least_squares import weighted
from measure.fitting.problem import Point
from measure.moments.asymptotic import joint_covariance, moment_contributions
from measure.optimize import is_positive_definite
from measure.specification.options import Method

Array = NDArray[np.float64]

# Below this ratio of smallest to largest eigenvalue (after scaling to a unit diagonal) the data
# say nothing about some direction of the parameters. Rounding leaves about 1e-13.
SINGULAR = 1e-10


def inverse(
    information: Array, basis: Array | None = None, *, indefinite: bool = False
) -> Array | None:
    """Inverse of an information matrix (q, q), along the directions `basis` (q, k) if given.

    Parameters
    ----------
    information, basis
        The matrix, and the directions.
    indefinite
        Whether negative eigenvalues are let pass, as observed information may have away from the
        minimum. The result is then no covariance matrix.

    Returns
    -------
    (q, q), or None where the information is singular: the data do not determine all parameters.
    """
    reduced = information if basis is None else basis.T @ information @ basis
    if not len(reduced):
        return np.zeros_like(information)
    scale = np.sqrt(np.maximum(reduced.diagonal(), np.finfo(float).tiny))
    products = scale[:, None] * scale
    unit = reduced / products
    if not np.isfinite(unit).all():
        return None
    if indefinite:
        singular = np.abs(np.linalg.eigvalsh(unit)).min() < SINGULAR
    else:
        singular = not is_positive_definite(unit - SINGULAR * np.eye(len(unit)))
    if singular:
        return None
    small = np.asarray((np.linalg.inv(unit) if indefinite else _inverted(unit)) / products)
    return small if basis is None else basis @ small @ basis.T


def _inverted(matrix: Array) -> Array:
    """Invert a positive definite matrix by its Cholesky root, in half the time of any other."""
    # Transposed, a matrix is in the order of LAPACK, which fills the upper half.
    half, _ = dpotri(dpotrf(matrix.T)[0])
    whole = half + half.T
    np.fill_diagonal(whole, half.diagonal())
    return np.asarray(whole)


def inverse_at(point: Point, information: Array, *, indefinite: bool = False) -> Array | None:
    """Inverse of an information matrix over elements along the directions of a point."""
    model = point.problem.model
    if model.restrictions:
        return inverse(information, point.basis, indefinite=indefinite)
    small = inverse(model.reduction.reduce_matrix(information), indefinite=indefinite)
    return None if small is None else model.reduction.expand_covariance(small)


def information(point: Point, kind: str) -> Array:
    """Unit information over all free elements, (n_elements, n_elements).

    Parameters
    ----------
    point
        Where it is evaluated.
    kind
        `expected`, `observed` (minus the second derivatives) or `first.order` (mean product of the
        rows' scores).
    """
    if kind == "expected":
        return point.information
    if kind == "observed":
        return point.hessian / 2
    return score_products(point)


def score_products(point: Point) -> Array:
    """Mean outer product of the scores of rows, or of their sums in clusters."""
    if not isinstance(point.problem.discrepancy, Likelihood):
        raise OptionError(
            "this estimator has no likelihood, so there is no first-order information."
        )
    _require_rows(point)
    return point.score_products


def _require_rows(point: Point) -> None:
    moments = point.problem.moments
    if moments.rows is None and moments.ordinal is None:
        raise OptionError(
            "robust and first-order standard errors and scaled tests need the answers themselves; "
            "sample_cov does not hold them. Give data."
        )


def moment_covariance(point: Point) -> Array:
    """N times the covariance of the sample moments of all groups, stacked (Gamma)."""
    moments = point.problem.moments
    if moments.ordinal is not None:
        return moments.ordinal.gamma
    table = point.problem.model.table
    parts = moment_contributions(moments, means=table.meanstructure, fixed_x=table.fixed_x)
    return joint_covariance(parts, moments.clusters, moments.shares)


def moment_root(point: Point) -> Array | None:
    """Give a matrix that times its transpose is `moment_covariance`, where that is the less work.

    It has a column a cluster; None where moments keep none.
    """
    own = point.problem.moments.ordinal
    return None if own is None else own.root


def weights(point: Point) -> list[Array]:
    """Weight of the moments of each group times its share; a diagonal one as (m,)."""
    own = point.problem.discrepancy.weight(point.implied)
    shares = point.problem.moments.shares
    return [share * weight for share, weight in zip(shares, own, strict=True)]


def weigh(weights: Sequence[Array], stacked: Array) -> Array:
    """Multiply the stacked moments of all groups, (m,) or (m, q), with their weights."""
    ends = np.cumsum([len(weight) for weight in weights])
    parts = zip(weights, np.split(stacked, ends[:-1]), strict=True)
    return np.concatenate([weighted(weight, part) for weight, part in parts])


def spread_over(gamma: Array, parts: Sequence[Array]) -> Array:
    """Multiply gamma (m, m) with the stacked parts of all groups, together (m, q).

    With many groups most columns of a part are 0: what belongs to other groups moves nothing in it.
    """
    spread = np.zeros((len(gamma), parts[0].shape[1]))
    for rows, own, part in _filled(parts):
        there, varying = together(gamma, rows)
        spread[np.ix_(there, own)] += varying @ part
    return spread


def spread_along(point: Point, parts: Sequence[Array]) -> Array:
    """Covariance (q, q) of what the stacked parts (m, q) of all groups make of the moments."""
    root = moment_root(point)
    if root is None:
        return gathered(parts, spread_over(moment_covariance(point), parts))
    reached = gathered(parts, root)
    return np.asarray(reached @ reached.T)


def together(gamma: Array, rows: slice) -> tuple[NDArray[np.intp], Array]:
    """Give the moments that vary together with those of a group, and the covariances of these.

    Groups without clusters in common do not vary together: most of a large gamma is 0.
    """
    varying = gamma[:, rows]
    there = np.flatnonzero(varying.any(axis=1))
    return there, varying if len(there) == len(varying) else varying[there]


def gathered(parts: Sequence[Array], stacked: Array) -> Array:
    """Multiply the transposed parts of all groups with a stacked matrix (m, k), together (q, k)."""
    total = np.zeros((parts[0].shape[1], stacked.shape[1]))
    for rows, own, part in _filled(parts):
        there = np.flatnonzero(stacked[rows].any(axis=0))
        total[np.ix_(own, there)] += part.T @ stacked[rows, there]
    return total


def _filled(parts: Sequence[Array]) -> Iterator[tuple[slice, NDArray[np.intp], Array]]:
    """Give the rows of each part in the stack, its columns that are not 0, and these."""
    start = 0
    for part in parts:
        own = np.flatnonzero(part.any(axis=0))
        yield slice(start, start + len(part)), own, part[:, own]
        start += len(part)


def stacked_weight(point: Point) -> Array:
    """Weights of the moments of all groups, each times its share, as one block-diagonal matrix."""
    own = weights(point)
    return weigh(own, np.eye(sum(map(len, own))))


def covariance_of_estimates(point: Point, method: Method) -> Array | None:
    """Covariance matrix of all free elements, (n_elements, n_elements).

    `standard`: the inverse information over N. `robust.huber.white`: I^-1 B I^-1 with B the
    products of scores (Huber 1967; White 1982). `robust.sem`: (D'WD)^-1 D'W Gamma W D (D'WD)^-1
    with D the derivatives of the moments (Browne 1984, eq. 2.12; Satorra & Bentler 1994).

    Returns
    -------
    (n_elements, n_elements), or None where the information is singular or none was asked for.
    """
    if method.se == "none":
        return None
    bread = inverse(_information_along(point, method.information))
    if bread is None:
        return None
    if method.se != "standard":
        bread = bread @ _meat_along(point, method.se) @ bread
    return point.covariance_of_elements(bread / point.problem.moments.scale)


def _information_along(point: Point, kind: str) -> Array:
    """Unit information along the directions of a point."""
    if kind == "expected" and not point.problem.model.restrictions:
        return point.expected_curvature / 2
    return point.among(information(point, kind))


def _meat_along(point: Point, se: str) -> Array:
    """Covariance of the scores along the directions of a point; see `meat`."""
    if se == "robust.huber.white":
        return point.among(score_products(point))
    _require_rows(point)
    pairs = zip(weights(point), point.jacobians_along, strict=True)
    return spread_along(point, [weighted(weight, jacobian) for weight, jacobian in pairs])


def meat(point: Point, se: str) -> Array:
    """Covariance of the scores of the elements per row, (n_elements, n_elements).

    Parameters
    ----------
    point
        Where the scores are taken.
    se
        `robust.huber.white` or `robust.sem`; see `covariance_of_estimates`.
    """
    if se == "robust.huber.white":
        return score_products(point)
    _require_rows(point)
    pairs = zip(weights(point), point.jacobians, strict=True)
    pressed = [weighted(weight, jacobian) for weight, jacobian in pairs]
    return spread_along(point, pressed)


def weakest_direction(matrix: Array) -> Array:
    """Direction (q,) that an information says least about, in units of each parameter's own.

    Zero where the information is not finite, so that no direction can be told.
    """
    if not np.isfinite(matrix).all():
        return np.zeros(len(matrix))
    scale = np.sqrt(np.maximum(np.diag(matrix), np.finfo(float).tiny))
    _, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    return np.asarray(vectors[:, 0])


def wald(est: Array, se: Array, level: float = 0.95) -> dict[str, Array]:
    """z, two-sided p and normal interval of each estimate; NaN where the standard error is 0.

    The interval of a fixed parameter is the parameter itself, as lavaan prints it.
    """
    z = np.divide(est, se, out=np.full(len(se), np.nan), where=se > 0)
    reach = normal_quantile(0.5 + level / 2) * se
    return {
        "z": z,
        "pvalue": 2 * normal_cdf(-np.abs(z)),
        "ci.lower": est - reach,
        "ci.upper": est + reach,
    }
