"""Coefficient alpha as a function of covariances, and the intervals that assume normal answers."""

import numpy as np
from numpy.typing import NDArray

from measure.consistency.covariance_functions import Functions, through_correlations
from measure.consistency.covariance_samples import correlations
from measure.distributions import normal_quantile

Array = NDArray[np.float64]


def alphas(S: Array) -> Array:
    """Coefficient alpha p/(p - 1) · (1 - tr S / 1'S1) of covariances (..., p, p)."""
    n_items = S.shape[-1]
    trace, total = np.trace(S, axis1=-2, axis2=-1), S.sum(axis=(-2, -1))
    return np.asarray(n_items / (n_items - 1) * (1 - trace / total))


def alpha_slope(S: Array) -> Array:
    """Derivatives (p, p) of alpha by the covariances."""
    n_items, total = len(S), S.sum()
    slope = np.trace(S) / total**2 - np.eye(n_items) / total
    return np.asarray(n_items / (n_items - 1) * slope)


def _values(S: Array) -> Array:
    return np.stack([alphas(S), alphas(correlations(S))], axis=-1)


def _slopes(S: Array) -> Array:
    standardized = through_correlations(alpha_slope(correlations(S)), S)
    return np.stack([alpha_slope(S), standardized])


ALPHA = Functions(("alpha", "std.alpha"), _values, _slopes)


def feldt_interval(
    alpha: float, n_obs: int, n_items: int, confidence_level: float
) -> tuple[float, float]:
    """Interval of alpha: (1 - α̂)/(1 - α) follows F with n - 1 and (n - 1)(p - 1) df (Feldt 1965).

    Returns
    -------
    tuple
        Lower and upper bound.
    """
    from scipy.stats import f

    df1, df2 = n_obs - 1, (n_obs - 1) * (n_items - 1)
    tail = (1 - confidence_level) / 2
    lower, upper = 1 - (1 - alpha) * np.asarray(f.ppf([1 - tail, tail], df1, df2))
    return float(lower), float(upper)


def bonett_interval(
    alpha: float, n_obs: int, n_items: int, confidence_level: float
) -> tuple[float, float]:
    """Interval of alpha: ln(1 - α̂) - ln(n/(n - 1)) is normal about ln(1 - α) (Bonett 2002).

    Its variance is 2p / ((p - 1)(n - 2)).

    Returns
    -------
    tuple
        Lower and upper bound.
    """
    centre = np.log(1 - alpha) - np.log(n_obs / (n_obs - 1))
    reach = normal_quantile((1 + confidence_level) / 2) * np.sqrt(
        2 * n_items / ((n_items - 1) * (n_obs - 2))
    )
    return float(1 - np.exp(centre + reach)), float(1 - np.exp(centre - reach))


# Intervals that rest on normal, compound symmetric items and independent respondents.
PARAMETRIC = {"feldt": feldt_interval, "bonett": bonett_interval}
