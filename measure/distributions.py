"""The distributions that tests and intervals are read from.

Thin names over `scipy.special`, which is loaded at the first call: importing it takes a third as
long as all the rest of the package.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def normal_cdf(x: Array | float) -> Array:
    """Probability of a standard normal value below `x`."""
    from scipy.special import ndtr

    return np.asarray(ndtr(x))


def normal_quantile(probability: Array | float) -> Array:
    """Standard normal value with this probability below it."""
    from scipy.special import ndtri

    return np.asarray(ndtri(probability))


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
