"""The bivariate standard normal distribution, for many pairs at once."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from measure.distributions import normal_cdf

Array = NDArray[np.float64]

# Nodes of the integral over a far corner; with 32 it is right to 1e-10 of itself where it is small.
NODES = 32


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

    margin_h, margin_k = normal_cdf(h), normal_cdf(k)
    root = np.sqrt((1 - rho) * (1 + rho))
    # A limit of exactly 0 has a slope of infinite size, which the T function knows. Where both
    # are 0, and where one is infinite, the formula below is not defined.
    a, b = np.where(np.isinf(h), 0.0, h), np.where(np.isinf(k), 0.0, k)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope_h, slope_k = (b / a - rho) / root, (a / b - rho) / root
    zero_h, zero_k = a == 0, b == 0
    edges = bool(zero_h.any() or zero_k.any())
    if edges:
        # The sign of the zero decides which infinity a division gave; here the other limit does.
        slope_h = np.where(zero_h & ~zero_k, np.copysign(np.inf, b), slope_h)
        slope_k = np.where(zero_k & ~zero_h, np.copysign(np.inf, a), slope_k)
    apart = (a * b < 0) | ((zero_h | zero_k) & (a + b < 0))
    found = (margin_h + margin_k - apart) / 2 - owens_t(a, slope_h) - owens_t(b, slope_k)
    if edges:
        found = np.where(zero_h & zero_k, 0.25 + np.arcsin(rho) / (2 * np.pi), found)
        found = np.where(np.isinf(h), np.where(h > 0, margin_k, 0.0), found)
        found = np.where(np.isinf(k), np.where(k > 0, margin_h, 0.0), found)
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


def bivariate_corner(h: Array, k: Array, rho: Array) -> Array:
    """Probability of one value below `h` and the other above `k`, far from where they usually lie.

    Differences of `bivariate_cdf` lose such a probability in rounding. Here it is right to ten
    digits where it is below 1e-6, however small; nearer to the middle it is not meant to be used.

    Parameters
    ----------
    h, k
        Limits with h < k; the probability is that of X < h and Y > k, which is also that of
        X > k and Y < h. 0 where one is infinite.
    rho
        Correlations, at least 0.3 (the integrand is steep at 0) and below 1. All three are
        broadcast against each other.

    Returns
    -------
    Array
        The integral of the density over the correlation from rho to 1 (Plackett 1954), where the
        probability is 0. With s = sin t the density is exp(-(h - k)^2 / (2 cos^2 t) - hk/(1 + s))
        / 2 pi; it is integrated over v = (h - k)^2 (tan^2 t - tan^2 t0)/2 by Gauss and Laguerre.
    """
    nodes, weights = _laguerre()
    h, k, rho = np.broadcast_arrays(h, k, rho)
    infinite = np.isinf(h) | np.isinf(k)
    a, b = (np.where(infinite, other, limit)[..., None] for limit, other in ((h, -1.0), (k, 1.0)))
    rest = ((1 - rho) * (1 + rho))[..., None]
    apart = (a - b) ** 2
    tangent = np.sqrt(rho[..., None] ** 2 / rest + 2 * nodes / apart)
    cosine = 1 / np.sqrt(1 + tangent**2)
    exponent = -apart / (2 * rest) - a * b / (1 + tangent * cosine)
    values = np.exp(exponent) * cosine**2 / tangent @ weights
    return np.asarray(np.where(infinite, 0.0, values / (2 * np.pi * apart[..., 0])))


@cache
def _laguerre() -> tuple[Array, Array]:
    """Nodes and weights of Gauss and Laguerre."""
    return np.polynomial.laguerre.laggauss(NODES)
