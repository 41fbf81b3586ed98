"""The distributions that tests and intervals are read from.

Thin names over `scipy.special`, which is loaded at the first call: importing it takes a third as
long as all the rest of the package.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def normal_cdf(x: Array | float) -> Array:
    """Probability of a standard normal value below `x`."""
    from scipy.special import ndtr

    return np.asarray(ndtr(x))


def normal_between(lower: Array, upper: Array) -> Array:
    """Probability of a standard normal value between two limits, exact in both tails."""
    from scipy.special import ndtr

    # Above the mean both probabilities are nearly 1; their difference is taken from above.
    turned = lower > 0
    high, low = np.where(turned, -lower, upper), np.where(turned, -upper, lower)
    return np.asarray(ndtr(high) - ndtr(low))


def normal_quantile(probability: Array | float) -> Array:
    """Standard normal value with this probability below it."""
    from scipy.special import ndtri

    return np.asarray(ndtri(probability))


def logit_limits(share: float, se: float, z: float) -> tuple[float, float]:
    """Give the interval of a share that is normal on the logit scale, z standard errors wide.

    (NaN, NaN) for what is not between 0 and 1.
    """
    if not 0.0 < share < 1.0:
        return float("nan"), float("nan")
    logit, reach = np.log(share / (1 - share)), z * se / (share * (1 - share))
    # The logistic function in a form that does not overflow.
    lower, upper = (0.5 + 0.5 * np.tanh((logit + side * reach) / 2) for side in (-1, 1))
    return float(lower), float(upper)


def chisq_sf(x: float, df: float) -> float:
    """Probability of a chi-square above `x`."""
    from scipy.special import chdtrc

    return float(chdtrc(df, x))


def chisq_isf(probability: float, df: float) -> float:
    """Chi-square with this probability above it."""
    from scipy.special import chdtri

    return float(chdtri(df, probability))


def noncentral_chisq_cdf(x: float, df: float, noncentrality: float) -> float:
    """Probability of a noncentral chi-square below `x`."""
    from scipy.special import chndtr

    return float(chndtr(x, df, noncentrality))


def noncentral_chisq_noncentrality(x: float, df: float, probability: float) -> float:
    """Noncentrality of a chi-square that stays below `x` with this probability; 0 if none."""
    from scipy.special import chndtr, chndtrinc

    if chndtr(x, df, 0.0) <= probability:
        return 0.0
    return float(chndtrinc(x, df, probability))


def weighted_chisq_sf(x: float, weights: Array) -> float:
    """Probability that a weighted sum of independent chi-squares of 1 df exceeds `x`.

    The inversion integral 1/(2 pi i) of exp(K(t) - t x)/t with K the cumulant generating function
    (Imhof 1961 along the imaginary axis) is taken along a parabola through its saddlepoint, opened
    towards the singularities at 1/(2 weight), where nothing oscillates and tails keep their digits.

    Parameters
    ----------
    x
        The sum that is to be exceeded.
    weights
        Positive weights, (k,); those below 1e-12 of the largest count as 0.

    Returns
    -------
    float
        1.0 for `x` of 0 or less; 0.0 where there is no positive weight.
    """
    from scipy.integrate import quad
    from scipy.optimize import brentq

    lambdas = np.asarray(weights, dtype=float)
    lambdas = lambdas[lambdas > 1e-12 * lambdas.max(initial=0.0)]
    if x <= 0 or not len(lambdas):
        return float(x <= 0)
    scale = float(lambdas.max())
    lambdas, x = lambdas / scale, x / scale

    def pull(t: float) -> float:
        return float(np.sum(lambdas / (1 - 2 * lambdas * t))) - x - 1 / t

    # The exponent is convex between the pole at 0 and the branch point at 1/2.
    vertex = float(brentq(pull, 1e-300, 0.5 * (1 - 1e-13)))

    def exponent(t: complex) -> complex:
        return complex(-0.5 * np.sum(np.log(1 - 2 * lambdas * t)) - t * x - np.log(t))

    bend = 1 / (4 * (0.5 - vertex))
    height = exponent(complex(vertex)).real

    def integrand(y: float) -> float:
        t = vertex + bend * y * y + 1j * y
        return float((np.exp(exponent(t) - height) * (2 * bend * y + 1j)).imag)

    # Beyond `reach` the exponential alone is below 1e-18; the peak is as wide as `step`.
    reach = float(np.sqrt(42 / (bend * x)))
    step = float(1 / np.sqrt(2 * np.sum((lambdas / (1 - 2 * lambdas * vertex)) ** 2) + vertex**-2))
    edges = [0.0]
    while edges[-1] < reach:
        edges.append(min(step, reach))
        step *= 4
    area = sum(
        quad(integrand, a, b, epsabs=1e-14, epsrel=1e-11, limit=200)[0] for a, b in pairwise(edges)
    )
    return float(min(max(area * np.exp(height) / np.pi, 0.0), 1.0))
