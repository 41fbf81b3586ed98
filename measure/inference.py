"""Standard errors from the information matrix, and the intervals and tests that follow."""

import numpy as np
from numpy.typing import NDArray

from measure.distributions import normal_cdf, normal_quantile

Array = NDArray[np.float64]

# Below this ratio of smallest to largest eigenvalue (after scaling to a unit diagonal) the data
# say nothing about some direction of the parameters. Rounding leaves about 1e-13.
SINGULAR = 1e-10


def covariance_of_estimates(information: Array, n_total: int) -> Array | None:
    """Covariance matrix of the estimates, the inverse of N times the unit information.

    Parameters
    ----------
    information
        Unit information (q, q) of the parameters that were estimated.
    n_total
        Number of respondents.

    Returns
    -------
    (q, q), or None where the information is singular: the data do not determine all parameters.
    """
    if not len(information):
        return np.zeros((0, 0))
    scale = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    unit = information / np.outer(scale, scale)
    if not np.isfinite(unit).all() or np.linalg.eigvalsh(unit)[0] < SINGULAR:
        return None
    return np.asarray(np.linalg.inv(unit) / np.outer(scale, scale) / n_total)


def weakest_direction(information: Array) -> Array:
    """Direction (q,) that the information says least about, in units of each parameter's own.

    Zero where the information is not finite, so that no direction can be told.
    """
    if not np.isfinite(information).all():
        return np.zeros(len(information))
    scale = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    _, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    return np.asarray(vectors[:, 0])


def wald(est: Array, se: Array, level: float = 0.95) -> dict[str, Array]:
    """z, two-sided p and normal interval of each estimate; NaN where the standard error is 0.

    The interval of a fixed parameter is the parameter itself, as lavaan prints it.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(se > 0, est / se, np.nan)
    reach = normal_quantile(0.5 + level / 2) * se
    return {
        "z": z,
        "pvalue": 2 * normal_cdf(-np.abs(z)),
        "ci.lower": est - reach,
        "ci.upper": est + reach,
    }
