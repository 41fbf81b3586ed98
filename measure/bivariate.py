"""The bivariate standard normal distribution, for many pairs at once."""

import numpy as np
from numpy.typing import NDArray

from measure.distributions import normal_cdf

Array = NDArray[np.float64]


def bivariate_cdf(h: Array, k: Array, rho: Array) -> Array:
    """Probability that two standard normal values of correlation `rho` lie below `h` and `k`.

    Parameters
    ----------
    h, k
        Limits, infinite ones included.
    rho
        Correlations, strictly between -1 and 1. All three are broadcast against each other.

    Returns
    -------
    Array
        By Owen's T function (Owen 1956, eq. 2.1); accurate to about 1e-15.
    """
    from scipy.special import owens_t

    h, k, rho = np.broadcast_arrays(h, k, rho)
    root = np.sqrt((1 - rho) * (1 + rho))
    # A limit of exactly 0 has a slope of infinite size, which the T function knows. Where both
    # are 0, and where one is infinite, the formula below is not defined.
    a, b = np.where(np.isinf(h), 0.0, h), np.where(np.isinf(k), 0.0, k)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope_h, slope_k = (b / a - rho) / root, (a / b - rho) / root
    # The sign of the zero decides which infinity a division gave; the other limit decides here.
    slope_h = np.where((a == 0) & (b != 0), np.copysign(np.inf, b), slope_h)
    slope_k = np.where((b == 0) & (a != 0), np.copysign(np.inf, a), slope_k)
    apart = (a * b < 0) | ((a * b == 0) & (a + b < 0))
    found = (
        (normal_cdf(a) + normal_cdf(b)) / 2 - owens_t(a, slope_h) - owens_t(b, slope_k) - apart / 2
    )
    both = (a == 0) & (b == 0)
    found = np.where(both, 0.25 + np.arcsin(rho) / (2 * np.pi), found)
    found = np.where(np.isinf(h), np.where(h > 0, normal_cdf(k), 0.0), found)
    found = np.where(np.isinf(k), np.where(k > 0, normal_cdf(h), 0.0), found)
    return np.asarray(np.clip(found, 0.0, 1.0))


def bivariate_density(h: Array, k: Array, rho: Array) -> Array:
    """Density of two standard normal values of correlation `rho`; 0 at infinite limits.

    It is also the derivative of `bivariate_cdf` with respect to `rho` (Plackett 1954, eq. 3).
    """
    h, k, rho = np.broadcast_arrays(h, k, rho)
    infinite = np.isinf(h) | np.isinf(k)
    a, b = np.where(infinite, 0.0, h), np.where(infinite, 0.0, k)
    rest = (1 - rho) * (1 + rho)
    density = np.exp(-(a * a - 2 * rho * a * b + b * b) / (2 * rest)) / (2 * np.pi * np.sqrt(rest))
    return np.asarray(np.where(infinite, 0.0, density))
