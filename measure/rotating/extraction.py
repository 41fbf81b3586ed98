"""Extract factors from a correlation matrix, and say how well they reproduce it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.chisquare import p_value
from measure.errors import IdentificationError, OptionError
from measure.estimators.least_squares import weighted
from measure.indices import cfi, noncentrality
from measure.rotating.uniquenesses import (
    GENERALISED,
    LIKELIHOOD,
    MINRES,
    Discrepancy,
    search,
)

Array = NDArray[np.float64]

GRADIENT_TOLERANCE = 1e-5
# A weighted least squares step that moves no loading further than this is the last.
LAST_STEP = 1e-10
MAX_STEPS = 500

# Principal axes iterated to convergence end at the minres solution (Harman & Jones 1966), which
# is found here directly; minres is unweighted least squares.
EXTRACTIONS: dict[str, Discrepancy] = {
    "minres": MINRES,
    "ml": LIKELIHOOD,
    "paf": MINRES,
    "uls": MINRES,
    "gls": GENERALISED,
}
# Least squares with a weight for each correlation, or for each pair of them.
WEIGHTED = ("dwls", "wls")


@dataclass(frozen=True, eq=False)
class Extraction:
    """Unrotated factors.

    Attributes
    ----------
    loadings
        `(n_items, n_factors)`, columns with positive sums.
    uniquenesses
        `(n_items,)`.
    gradient
        The largest gradient that is not stopped by a bound.
    """

    loadings: Array
    uniquenesses: Array
    gradient: float

    @property
    def implied(self) -> Array:
        """Loadings times their transpose, communalities on the diagonal."""
        product: Array = self.loadings @ self.loadings.T
        return product


def extract(R: Array, n_factors: int, extraction: str, weight: Array | None = None) -> Extraction:
    """Extract factors.

    Parameters
    ----------
    R
        Correlation matrix, `(n_items, n_items)`, positive definite; or covariances, whose
        uniquenesses are variances too.
    n_factors
        Number of factors.
    extraction
        A name in `EXTRACTIONS` or `WEIGHTED`.
    weight
        For the latter, of the correlations in the order of the upper triangle: one each `(q,)`, or
        `(q, q)`.
    """
    discrepancy = EXTRACTIONS.get(extraction, MINRES)
    psi, gradient = search(discrepancy, R, n_factors)
    loadings = discrepancy.loadings(psi, R, n_factors)
    if extraction in WEIGHTED:
        assert weight is not None
        loadings, gradient = _weighted(R, loadings, weight)
        psi = 1 - (loadings**2).sum(axis=1)
    upright: Array = loadings * np.where(loadings.sum(axis=0) < 0, -1.0, 1.0)
    return Extraction(upright, psi, gradient)


def _weighted(R: Array, loadings: Array, weight: Array) -> tuple[Array, float]:
    """Minimise e'We over the loadings, e the residual correlations, by damped Gauss-Newton steps.

    Uniquenesses follow, so that nothing keeps them from being negative.
    """
    p, k = loadings.shape
    i, j = np.triu_indices(p, 1)
    rows = np.arange(len(i))
    damping, wanted = 0.0, R[i, j]
    gap = wanted - (loadings[i] * loadings[j]).sum(axis=1)
    value = float(gap @ weighted(weight, gap))
    pull = np.zeros(p * k)
    for _ in range(MAX_STEPS):
        slopes = np.zeros((len(i), p, k))
        slopes[rows, i] += loadings[j]
        slopes[rows, j] += loadings[i]
        flat = slopes.reshape(len(i), -1)
        pressed = weighted(weight, flat)
        pull, curvature = pressed.T @ gap, flat.T @ pressed
        scale = float(np.trace(curvature)) / len(curvature)
        # The ridge holds still what only rotates.
        step = np.linalg.solve(curvature + (damping + 1e-9) * scale * np.eye(p * k), pull)
        trial = loadings + step.reshape(p, k)
        gap_there = wanted - (trial[i] * trial[j]).sum(axis=1)
        there = float(gap_there @ weighted(weight, gap_there))
        if there > value * (1 + 1e-14):
            damping = max(10 * damping, 1e-3)
            continue
        loadings, gap, value, damping = trial, gap_there, there, damping / 10
        if np.abs(step).max() < LAST_STEP:
            break
    return _principal(loadings), float(np.abs(pull).max() / scale)


def _principal(loadings: Array) -> Array:
    """Turn loadings to their principal axes, largest first."""
    turned: Array = loadings @ np.linalg.svd(loadings, full_matrices=False)[2].T
    return turned


def check_identified(n_items: int, n_factors: int) -> None:
    """Raise `IdentificationError` above the Ledermann bound: fewer correlations than loadings."""
    if n_factors < 1:
        raise OptionError(f"n_factors is {n_factors}, but must be at least 1.")
    df = degrees_of_freedom(n_items, n_factors)
    if df < 0 or n_factors >= n_items:
        most = max(
            (k for k in range(n_items) if degrees_of_freedom(n_items, k) >= 0),
            default=0,
        )
        allowed = f"at most {most}" if most else "none"
        raise IdentificationError(
            f"{n_factors} factors from {n_items} items cannot be identified (df = {df}). "
            f"The Ledermann bound allows {allowed}."
        )


def degrees_of_freedom(n_items: int, n_factors: int) -> int:
    """Degrees of freedom of an exploratory factor model: ((p - k)² - (p + k)) / 2."""
    return ((n_items - n_factors) ** 2 - n_items - n_factors) // 2


def fit_measures(R: Array, implied: Array, n_factors: int, n_obs: int) -> pd.Series:
    """Fit of an exploratory solution, by the names and definitions of psych.

    Parameters
    ----------
    R
        Correlation matrix, `(n_items, n_items)`.
    implied
        Loadings × factor correlations × loadings', communalities on the diagonal.
    n_factors
        Number of factors.
    n_obs
        Number of respondents.

    Returns
    -------
    pandas.Series
        `objective` is the ML discrepancy; `chisq` carries Bartlett's (1950) correction
        n - 1 - (2p + 5)/6 - 2k/3; `rms` and `crms` are the root mean square residual correlation,
        plain and divided by df; `empirical.chisq` is n times the sum of squared residuals; the
        RMSEA interval is a 95 % interval.
        What needs degrees of freedom is NaN when there are none.
    """
    n_items = len(R)
    df = degrees_of_freedom(n_items, n_factors)
    residuals = R - implied
    total = float((residuals**2).sum())
    off = total - float((np.diag(residuals) ** 2).sum())
    sigma = implied.copy()
    np.fill_diagonal(sigma, 1.0)
    ratio = np.linalg.solve(sigma, R)
    objective = float(np.trace(ratio) - np.linalg.slogdet(ratio)[1] - n_items)
    null_objective = -float(np.linalg.slogdet(R)[1])
    null_df = n_items * (n_items - 1) // 2
    multiplier = n_obs - 1 - (2 * n_items + 5) / 6 - 2 * n_factors / 3
    chisq = max(objective * multiplier, 0.0)
    measures = {
        "objective": objective,
        "chisq": chisq,
        "df": float(df),
        "pvalue": p_value(chisq, df),
        "null.chisq": null_objective * (n_obs - 1 - (2 * n_items + 5) / 6),
        "null.df": float(null_df),
        "cfi": np.nan,
        "tli": np.nan,
        "rmsea": np.nan,
        "rmsea.ci.lower": np.nan,
        "rmsea.ci.upper": np.nan,
        "bic": chisq - df * np.log(n_obs),
        "rms": np.sqrt(off / (n_items * (n_items - 1))),
        "crms": np.sqrt(off / (2 * df)) if df else np.nan,
        "srmr": np.sqrt(off / (n_items * (n_items + 1))),
        "empirical.chisq": off * n_obs,
        "empirical.pvalue": p_value(off * n_obs, df),
        "fit": 1 - total / float((R**2).sum()),
        "fit.off": 1 - off / (float((R**2).sum()) - n_items),
    }
    if df:
        measures["cfi"] = cfi(chisq, df, measures["null.chisq"], null_df)
        null_ratio = null_objective / null_df
        measures["tli"] = (null_ratio - objective / df) / (null_ratio - 1 / multiplier)
        # psych divides chi-square by n and its expected value by n - 1; lavaan's RMSEA of the
        # same model therefore differs in the fourth decimal.
        measures["rmsea"] = np.sqrt(max(chisq / (df * n_obs) - 1 / (n_obs - 1), 0.0))
        lower, upper = _rmsea_interval(chisq, df, n_obs)
        measures["rmsea.ci.lower"], measures["rmsea.ci.upper"] = lower, upper
    return pd.Series(measures, name="value")


def _rmsea_interval(chisq: float, df: int, n_obs: int) -> tuple[float, float]:
    """95 % interval from the non-central chi-square (psych's default; lavaan gives 90 %)."""
    bounds = []
    for probability in (0.975, 0.025):
        bounds.append(float(np.sqrt(noncentrality(chisq, df, probability) / (df * (n_obs - 1)))))
    return bounds[0], bounds[1]
