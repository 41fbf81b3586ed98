"""Least squares with standard errors that allow for clusters or for autocorrelation."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


class Regression(NamedTuple):
    """Coefficients (k,), their covariance (k, k), residuals (n,), and degrees of freedom of t."""

    coefficients: Array
    covariance: Array
    residuals: Array
    df: float

    def at(self, weights: Array) -> tuple[float, float]:
        """Give a weighted sum of coefficients and its standard error."""
        variance = float(weights @ self.covariance @ weights)
        return float(weights @ self.coefficients), float(np.sqrt(max(variance, 0.0)))


def reach(df: float, level: float = 0.95) -> float:
    """Half the width of an interval in standard errors."""
    from scipy.stats import norm, t

    tail = (1 + level) / 2
    return float(t.ppf(tail, df)) if np.isfinite(df) else float(norm.ppf(tail))


def two_sided(statistic: float, df: float) -> float:
    """Probability of a t (or, with infinite df, normal) value as far from 0."""
    from scipy.stats import norm, t

    tail = t.sf(abs(statistic), df) if np.isfinite(df) else norm.sf(abs(statistic))
    return float(2 * tail)


def clustered(X: Array, y: Array, clusters: Codes | None) -> Regression:
    """Regress with the sandwich over clusters, or over rows where there are none.

    The covariance is multiplied by J/(J - 1) (n - 1)/(n - k) with J clusters, and t has J - 1
    degrees of freedom (Cameron & Miller 2015, equation 11 and section VI.C); without clusters it is
    HC1 with n - k.

    Parameters
    ----------
    X, y
        (n, k) and (n,).
    clusters
        (n,) numbers from 0.

    Raises
    ------
    DataError
        The columns of `X` determine each other, or there are no more rows than columns.
    """
    n, k = X.shape
    bread, beta, left = _least_squares(X, y)
    own = np.arange(n) if clusters is None else clusters
    n_own = int(own.max()) + 1
    sums = np.zeros((n_own, k))
    np.add.at(sums, own, X * left[:, None])
    factor = n_own / (n_own - 1) * (n - 1) / (n - k)
    covariance = factor * bread @ (sums.T @ sums) @ bread
    df = n - k if clusters is None else n_own - 1
    return Regression(beta, covariance, left, float(df))


def autocorrelated(X: Array, y: Array, lags: int) -> Regression:
    """Regress a series with standard errors that allow for autocorrelation up to so many lags.

    Weights of Bartlett, 1 - l/(L + 1) (Newey & West 1987, equation 5), multiplied by n/(n - k).
    """
    n, k = X.shape
    bread, beta, left = _least_squares(X, y)
    scores = X * left[:, None]
    middle = scores.T @ scores
    for lag in range(1, lags + 1):
        part = scores[lag:].T @ scores[:-lag]
        middle += (1 - lag / (lags + 1)) * (part + part.T)
    return Regression(beta, n / (n - k) * bread @ middle @ bread, left, float(n - k))


def _least_squares(X: Array, y: Array) -> tuple[Array, Array, Array]:
    n, k = X.shape
    if n <= k or np.linalg.matrix_rank(X) < k:
        raise DataError(
            f"{n} rows cannot determine {k} coefficients: the predictors determine each other, or "
            "there are too few rows."
        )
    bread = np.asarray(np.linalg.inv(X.T @ X), dtype=float)
    beta = bread @ (X.T @ y)
    return bread, beta, y - X @ beta
