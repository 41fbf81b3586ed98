"""What each extraction weighs residual correlations with."""

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError
from measure.estimators import normal
from measure.model import vech_places

Array = NDArray[np.float64]


def correlation_weight(extraction: str, gamma: Array) -> Array | None:
    """Weights of the correlations that do not depend on the solution; None where there are none.

    Parameters
    ----------
    extraction
        `"dwls"`: one over the variance of each correlation, (q,) (Muthén, du Toit & Spisic 1997);
        `"wls"`: the inverse of their whole covariance, (q, q) (Browne 1984).
    gamma
        N times the asymptotic covariance of the correlations, (q, q).

    Raises
    ------
    DataError
        The covariance cannot be inverted: more correlations than respondents can determine.
    """
    if extraction == "dwls":
        return np.asarray(1 / np.diag(gamma))
    if extraction != "wls":
        return None
    smallest = np.linalg.eigvalsh(gamma / np.sqrt(np.outer(np.diag(gamma), np.diag(gamma))))[0]
    if smallest < 1e-10:
        raise DataError(
            f"the covariance of the {len(gamma)} correlations is singular, as where there are "
            'fewer respondents than correlations; extraction="wls" needs its inverse. Choose '
            'extraction="dwls".'
        )
    return np.asarray(np.linalg.inv(gamma))


def weight_of(extraction: str, R: Array, implied: Array, gamma: Array | None) -> Array:
    """Weights of vech of the residuals, diagonal included, (p*, p*), or (p*,) where diagonal.

    Parameters
    ----------
    extraction
        A name in `extraction.EXTRACTIONS` or `extraction.WEIGHTED`.
    R, implied
        The matrix that was analysed, and what the solution implies.
    gamma
        N times the asymptotic covariance of the correlations; for weighted least squares only.
    """
    if extraction == "ml":
        return normal.weight(implied, means=False)
    if extraction == "gls":
        return normal.weight(R, means=False)
    a, b = vech_places(len(R))
    own = None if gamma is None else correlation_weight(extraction, gamma)
    if own is None:
        return np.ones(len(a))
    if own.ndim == 1:
        whole = np.ones(len(a))
        whole[a != b] = own
        return whole
    square = np.eye(len(a))
    square[np.ix_(a != b, a != b)] = own
    return square
