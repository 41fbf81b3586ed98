"""The normal log-likelihood of single rows, with all answers or some."""

import numpy as np
from numpy.typing import NDArray

from measure.errors import OptionError
from measure.fitting.fitted import Fit
from measure.model import Implied
from measure.moments.patterns import PatternLikelihood, patterns_of

Array = NDArray[np.float64]


def row_logliks(rows: Array, moments: Implied) -> Array:
    """Log-likelihood of each row at given means and covariances, its constant included.

    Parameters
    ----------
    rows
        Answers (n, p), NaN where one is missing; a row counts with the answers that it has.
    moments
        Means (p,) and covariances (p, p).

    Returns
    -------
    (n,)
        -1/2 [p_i ln 2 pi + ln|Sigma_i| + (y_i - mu_i)' Sigma_i^-1 (y_i - mu_i)] over the p_i items
        that row i answers (Arbuckle 1996); 0 for a row without any. NaN where the covariances are
        not positive definite.
    """
    assert moments.mu is not None
    patterns = patterns_of(rows)
    likelihood = PatternLikelihood.at(patterns, moments)
    if likelihood is None:
        return np.full(len(rows), np.nan)
    z = likelihood.weighted_rows(rows, moments.mu)
    distance = np.sum(z * np.where(np.isnan(rows), 0.0, rows - moments.mu), axis=1)
    n_items = patterns.observed.sum(axis=1)
    constant = n_items * np.log(2 * np.pi) + likelihood.log_determinants
    return np.asarray(-0.5 * (constant[patterns.of_row] + distance))


def model_moments(fit: Fit) -> list[Implied]:
    """Means and covariances that a fit implies; sample means where it models none."""
    return [
        Implied(sample.mu if model.mu is None else model.mu, model.sigma)
        for sample, model in zip(fit.moments.sample, fit.implied_moments, strict=True)
    ]


def casewise_loglik(fit: Fit) -> list[Array]:
    """Log-likelihood of each row that a fit used, per group; variables of fixed.x included.

    Raises
    ------
    OptionError
        Where the fit knows covariances only and no rows.
    """
    if fit.moments.rows is None:
        raise OptionError(
            "log-likelihoods of single rows need the answers themselves; sample_cov does not hold "
            "them. Fit the model to data."
        )
    parts = zip(fit.moments.rows, model_moments(fit), strict=True)
    return [row_logliks(rows, moments) for rows, moments in parts]
