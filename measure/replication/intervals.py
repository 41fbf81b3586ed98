"""Intervals from bootstrap replicates: percentile, and bias-corrected and accelerated (BCa).

References
----------
Efron, B. (1987). Better bootstrap confidence intervals. Journal of the American Statistical
Association, 82, 171-185.
Davison, A. C., & Hinkley, D. V. (1997). Bootstrap methods and their application. Cambridge
University Press.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from measure.distributions import normal_cdf, normal_quantile

Array = NDArray[np.float64]


def quantiles(replicates: Array, probabilities: Array) -> Array:
    """Quantiles of a bootstrap distribution, interpolated on the normal scale.

    Parameters
    ----------
    replicates
        One quantity, (n,).
    probabilities
        Which quantiles, any shape.

    Returns
    -------
    Of the same shape. With R replicates the a-quantile is that of order (R + 1) a; between two
    orders it is interpolated by normal quantiles (Davison & Hinkley 1997, eq. 5.8). Outside the
    orders 1 to R it is the smallest or the largest replicate. NaN for a probability of NaN, and
    without replicates.
    """
    ordered = np.sort(replicates)
    n = len(ordered)
    found = np.full(np.shape(probabilities), np.nan)
    known = np.isfinite(probabilities)
    if not n or not known.any():
        return found
    wanted = np.asarray(probabilities)[known]
    order = np.clip((n + 1) * wanted, 1, n)
    # (n + 1) a is whole for the usual numbers, up to a rounding error.
    order = np.where(np.abs(order - np.round(order)) < 1e-9, np.round(order), order)
    low = np.minimum(np.floor(order).astype(int), max(n - 1, 1))
    here, below, above = (normal_quantile(x / (n + 1)) for x in (order, low, low + 1))
    share = (here - below) / (above - below)
    upper = ordered[np.minimum(low, n - 1)]
    found[known] = ordered[low - 1] + share * (upper - ordered[low - 1])
    return found


def percentile(replicates: Array, estimate: float, acceleration: float, level: float) -> Array:
    """Interval (2,) between two quantiles of the replicates; the estimate plays no part."""
    return quantiles(replicates, np.array([(1 - level) / 2, (1 + level) / 2]))


def bias_corrected(replicates: Array, estimate: float, acceleration: float, level: float) -> Array:
    """Bias-corrected and accelerated interval (2,).

    The quantiles are those of Phi(w + (w + z)/(1 - a (w + z))), with w the normal quantile of the
    share of replicates below the estimate and a the acceleration (Efron 1987, eqs 3.8 and 4.1).
    NaN where all replicates lie on one side of the estimate.
    """
    if not len(replicates):
        return np.full(2, np.nan)
    share = float(np.mean(replicates < estimate))
    if not 0 < share < 1:
        return np.full(2, np.nan)
    w = normal_quantile(share)
    moved = w + normal_quantile(np.array([(1 - level) / 2, (1 + level) / 2]))
    return quantiles(replicates, normal_cdf(w + moved / (1 - acceleration * moved)))


INTERVALS: dict[str, Callable[[Array, float, float, float], Array]] = {
    "percentile": percentile,
    "bca": bias_corrected,
}


def acceleration(influence: Array) -> Array:
    """Acceleration of each quantity from the influence of each unit, (k,).

    Parameters
    ----------
    influence
        How much each row or cluster moves each quantity, (n_units, k), so that the sum of squares
        is the variance. Davison & Hinkley (1997, eq. 5.23; of several samples eq. 5.31).

    Returns
    -------
    sum c^3 / (6 (sum c^2)^(3/2)); 0 for a quantity that does not move.
    """
    spread = (influence**2).sum(axis=0)
    skew = (influence**3).sum(axis=0)
    still = spread <= 1e-24 * np.maximum(spread.max(initial=0.0), 1e-300)
    return np.asarray(np.where(still, 0.0, skew / (6 * np.where(still, 1.0, spread) ** 1.5)))
