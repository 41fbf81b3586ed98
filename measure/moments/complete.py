"""Means and covariances of complete continuous data."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import numeric_items
from measure.errors import DataError
from measure.model import Implied

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """Sample moments of each group.

    Attributes
    ----------
    names
        Observed variables, in the order of the moments.
    n_obs
        Rows used, per group.
    sample
        Means (p,) and covariances (p, p) of each group; the covariances are divided by `divisor`.
    n_dropped
        Rows left out because an answer is missing.
    """

    names: tuple[str, ...]
    n_obs: tuple[int, ...]
    sample: tuple[Implied, ...]
    n_dropped: int = 0

    @property
    def n_total(self) -> int:
        """Rows used, over all groups."""
        return sum(self.n_obs)


def from_data(data: pd.DataFrame, names: tuple[str, ...], *, likelihood: str) -> Moments:
    """Listwise means and covariances of the named columns.

    Parameters
    ----------
    data
        One row a respondent.
    names
        Columns to use.
    likelihood
        `normal` divides the covariances by n, `wishart` by n - 1.

    Raises
    ------
    DataError
        Where a column is missing, not numeric, infinite or constant, or where too few rows or
        too few independent items are left.
    """
    rows = numeric_items(data, list(names), minimum_rows=2)
    values = rows.to_numpy(dtype=float)
    complete = values[~np.isnan(values).any(axis=1)]
    n = len(complete)
    if n <= len(names):
        raise DataError(
            f"{n} rows have an answer to all {len(names)} variables of the model; a covariance "
            f"matrix needs at least {len(names) + 1}. Use fewer items, or gather more answers."
        )
    mean = complete.mean(axis=0)
    centred = complete - mean
    cov = centred.T @ centred / (n if likelihood == "normal" else n - 1)
    _require_positive_definite(cov, names, "the items")
    return Moments(names, (n,), (Implied(mean, cov),), n_dropped=len(values) - n)


def from_covariance(
    sample_cov: pd.DataFrame,
    sample_mean: pd.Series | None,
    n_obs: int,
    names: tuple[str, ...],
    *,
    likelihood: str,
) -> Moments:
    """Moments from a covariance (or correlation) matrix with its number of respondents.

    The matrix is taken to be divided by n - 1, as software prints it, and is rescaled by
    (n - 1)/n for the normal likelihood, as lavaan does.

    Raises
    ------
    DataError
        Where the matrix is not square, symmetric, named and positive definite.
    """
    if not isinstance(sample_cov, pd.DataFrame):
        raise DataError("sample_cov has to be a DataFrame with the variable names on both sides.")
    if list(sample_cov.index) != list(sample_cov.columns):
        raise DataError(
            "sample_cov needs the same variable names, in the same order, on both sides."
        )
    absent = [name for name in names if name not in sample_cov.columns]
    if absent:
        raise DataError(
            f"sample_cov has no {_quoted(absent)}, which the model uses. It has: "
            f"{', '.join(map(str, sample_cov.columns))}."
        )
    matrix = sample_cov.loc[list(names), list(names)].to_numpy(dtype=float)
    if not np.isfinite(matrix).all():
        raise DataError("sample_cov holds missing or infinite values.")
    lopsided = np.argwhere(np.abs(matrix - matrix.T) > 1e-8 * np.abs(matrix).max())
    if len(lopsided):
        i, j = lopsided[0]
        raise DataError(
            f'sample_cov is not symmetric: row "{names[i]}", column "{names[j]}" holds '
            f"{matrix[i, j]:g}, and the other way round {matrix[j, i]:g}."
        )
    if n_obs <= len(names):
        raise DataError(f"sample_nobs is {n_obs}; {len(names)} variables need more respondents.")
    if likelihood == "normal":
        matrix = matrix * (n_obs - 1) / n_obs
    mean = None
    if sample_mean is not None:
        mean = pd.Series(sample_mean).reindex(list(names)).to_numpy(dtype=float)
        if np.isnan(mean).any():
            raise DataError(f"sample_mean lacks {_quoted(list(np.array(names)[np.isnan(mean)]))}.")
    _require_positive_definite(matrix, names, "sample_cov")
    return Moments(names, (n_obs,), (Implied(mean, (matrix + matrix.T) / 2),))


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _require_positive_definite(cov: Array, names: tuple[str, ...], what: str) -> None:
    """Refuse moments that no likelihood is defined for, and name the items to blame."""
    scale = np.sqrt(np.maximum(np.diag(cov), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(cov / np.outer(scale, scale))
    if values[0] > 1e-10:
        return
    involved = [
        name for name, weight in zip(names, vectors[:, 0], strict=True) if abs(weight) > 0.1
    ]
    raise DataError(
        f"the covariance matrix of {what} is not positive definite: {_quoted(involved)} "
        "are a linear combination of each other (a copy, a sum score beside its parts, or nearly "
        "so). Leave one of them out."
    )
