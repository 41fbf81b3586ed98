"""Extract factors from a correlation matrix, and say how well they reproduce it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.chisquare import p_value
from measure.errors import IdentificationError, OptionError
from measure.indices import noncentrality

Array = NDArray[np.float64]
Discrepancy = Callable[[Array, Array, int], tuple[float, Array]]

# The smallest uniqueness the search may try, as in factanal: below it the ML discrepancy has no
# minimum, and a solution that ends here is reported as a Heywood case.
LOWEST_UNIQUENESS = 0.005
MAX_ITERATIONS = 2000
GRADIENT_TOLERANCE = 1e-5


def minres(psi: Array, R: Array, n_factors: int) -> tuple[float, Array]:
    """Half the sum of squared residuals, minimised over the loadings (Harman & Jones 1966).

    Parameters
    ----------
    psi
        Uniquenesses, `(n_items,)`.
    R
        Correlation matrix, `(n_items, n_items)`.
    n_factors
        Number of factors.

    Returns
    -------
    tuple
        Value and its gradient with respect to `psi`.
    """
    eigenvalues, vectors = np.linalg.eigh(R - np.diag(psi))
    left = eigenvalues.copy()
    # A factor cannot take up a negative eigenvalue: it stays in the residual.
    left[-n_factors:] = np.minimum(left[-n_factors:], 0.0)
    return float(left @ left) / 2, -(vectors**2) @ left


def maximum_likelihood(psi: Array, R: Array, n_factors: int) -> tuple[float, Array]:
    """ML discrepancy, minimised over the loadings (Jöreskog 1967); arguments as `minres`."""
    root = np.sqrt(psi)
    eigenvalues, vectors = np.linalg.eigh(R / np.outer(root, root))
    left = eigenvalues.copy()
    # Eigenvalues below 1 cannot be taken up by a factor, which only adds variance.
    left[-n_factors:] = np.minimum(left[-n_factors:], 1.0)
    value = float((left - np.log(left) - 1).sum())
    return value, -(vectors**2) @ (left - 1) / psi


# Principal axes iterated to convergence end at the minres solution (Harman & Jones 1966), which
# is found here directly.
EXTRACTIONS: dict[str, Discrepancy] = {
    "minres": minres,
    "ml": maximum_likelihood,
    "paf": minres,
}


def extract(R: Array, n_factors: int, extraction: str) -> tuple[Array, Array, float]:
    """Extract factors by a bounded quasi-Newton search over the uniquenesses.

    Parameters
    ----------
    R
        Correlation matrix, `(n_items, n_items)`, positive definite.
    n_factors
        Number of factors.
    extraction
        A name in `EXTRACTIONS`.

    Returns
    -------
    tuple
        Uniquenesses; unrotated loadings `(n_items, n_factors)`, columns with positive sums; the
        largest gradient that is not stopped by a bound.
    """
    from scipy.optimize import minimize

    discrepancy = EXTRACTIONS[extraction]
    n_items = len(R)
    # Jöreskog's start: part of what the other items do not explain.
    start = (1 - n_factors / (2 * n_items)) / np.diag(np.linalg.inv(R))
    ended = minimize(
        discrepancy,
        np.clip(start, LOWEST_UNIQUENESS, 1.0),
        args=(R, n_factors),
        jac=True,
        method="L-BFGS-B",
        bounds=[(LOWEST_UNIQUENESS, 1.0)] * n_items,
        options={"maxiter": MAX_ITERATIONS, "ftol": 0.0, "gtol": 1e-9, "maxcor": min(n_items, 30)},
    )
    psi = np.asarray(ended.x, dtype=float)
    gradient = np.asarray(ended.jac, dtype=float)
    stopped = ((psi <= LOWEST_UNIQUENESS) & (gradient > 0)) | ((psi >= 1.0) & (gradient < 0))
    largest = float(np.abs(np.where(stopped, 0.0, gradient)).max())
    return psi, _loadings(psi, R, n_factors, extraction), largest


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
        "tli": np.nan,
        "rmsea": np.nan,
        "rmsea.ci.lower": np.nan,
        "rmsea.ci.upper": np.nan,
        "bic": chisq - df * np.log(n_obs),
        "rms": np.sqrt(off / (n_items * (n_items - 1))),
        "crms": np.sqrt(off / (2 * df)) if df else np.nan,
        "empirical.chisq": off * n_obs,
        "empirical.pvalue": p_value(off * n_obs, df),
        "fit": 1 - total / float((R**2).sum()),
        "fit.off": 1 - off / (float((R**2).sum()) - n_items),
    }
    if df:
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


def _loadings(psi: Array, R: Array, n_factors: int, extraction: str) -> Array:
    if extraction == "ml":
        root = np.sqrt(psi)
        eigenvalues, vectors = np.linalg.eigh(R / np.outer(root, root))
        lengths = np.sqrt(np.maximum(eigenvalues[-n_factors:] - 1.0, 0.0))
        loadings = root[:, None] * vectors[:, -n_factors:] * lengths
    else:
        eigenvalues, vectors = np.linalg.eigh(R - np.diag(psi))
        loadings = vectors[:, -n_factors:] * np.sqrt(np.maximum(eigenvalues[-n_factors:], 0.0))
    loadings = loadings[:, ::-1]
    positive: Array = loadings * np.where(loadings.sum(axis=0) < 0, -1.0, 1.0)
    return positive
