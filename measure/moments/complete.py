"""Means and covariances of complete continuous data."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.errors import DataError, OptionError
from measure.model import Implied
from measure.moments import Moments
from measure.moments.rows import Rows
from measure.optimize import is_positive_definite

Array = NDArray[np.float64]

# Smallest eigenvalue of a correlation matrix below which the items determine each other.
SINGULAR = 1e-10


def from_rows(rows: Rows, *, less_one: bool) -> Moments:
    """Listwise means and covariances.

    Parameters
    ----------
    rows
        Answers, by group.
    less_one
        Divide the covariances by n - 1 instead of n.

    Raises
    ------
    DataError
        Where too few rows or too few independent items are left in a group.
    """
    kept, clusters, sample = [], [], []
    for k, values in enumerate(rows.values):
        whole = ~np.isnan(values).any(axis=1)
        # Columns stay together, as they are gathered: means of them are then taken faster.
        complete = values if whole.all() else values.T.compress(whole, axis=1).T
        where = f' of group "{rows.groups[k]}"' if len(rows.groups) > 1 else ""
        sample.append(_moments(complete, rows.names, where, less_one=less_one))
        kept.append(complete)
        if rows.clusters is not None:
            clusters.append(rows.clusters[k][whole])
    n_obs = tuple(len(values) for values in kept)
    return Moments(
        names=rows.names,
        groups=rows.groups,
        n_obs=n_obs,
        sample=tuple(sample),
        counts=tuple(n - less_one for n in n_obs),
        rows=tuple(kept),
        clusters=tuple(clusters) if rows.clusters is not None else None,
        n_dropped=rows.n_dropped + sum(map(len, rows.values)) - sum(n_obs),
    )


def _moments(values: Array, names: tuple[str, ...], where: str, *, less_one: bool) -> Implied:
    n = len(values)
    if n <= len(names):
        raise DataError(
            f"{n} rows{where} have an answer to all {len(names)} variables of the model; a "
            f"covariance matrix needs at least {len(names) + 1}. Use fewer items, or gather more "
            "answers."
        )
    mean = values.mean(axis=0)
    centred = values - mean
    cov = centred.T @ centred / (n - less_one)
    require_positive_definite(cov, names, f"the items{where}")
    return Implied(mean, cov)


def from_covariance(
    sample_cov: object,
    sample_mean: object,
    sample_nobs: object,
    names: tuple[str, ...],
    *,
    less_one: bool,
) -> Moments:
    """Moments from covariance (or correlation) matrices with their numbers of respondents.

    A matrix is taken to be divided by n - 1, as software prints it, and is rescaled by (n - 1)/n
    where the estimator divides by n, as lavaan does. Several groups are given as a dictionary from
    group to matrix, with means and numbers of respondents under the same keys.

    Raises
    ------
    DataError
        Where a matrix is not square, symmetric, named and positive definite.
    OptionError
        Where the numbers of respondents, or the means, do not go with the matrices.
    """
    groups = tuple(sample_cov) if isinstance(sample_cov, Mapping) else (1,)
    covs = _per_group(sample_cov, groups, "sample_cov")
    means = _per_group(sample_mean, groups, "sample_mean")
    sizes = _per_group(sample_nobs, groups, "sample_nobs")
    sample, n_obs = [], []
    for label, cov, mean, size in zip(groups, covs, means, sizes, strict=True):
        where = f' of group "{label}"' if len(groups) > 1 else ""
        n = _respondents(size, names, where)
        sample.append(_given(cov, mean, n, names, where, less_one=less_one))
        n_obs.append(n)
    return Moments(
        names=names,
        groups=groups,
        n_obs=tuple(n_obs),
        sample=tuple(sample),
        counts=tuple(n - less_one for n in n_obs),
    )


def _per_group(given: object, groups: tuple[object, ...], option: str) -> list[object]:
    if given is None:
        return [None] * len(groups)
    if isinstance(given, Mapping):
        if list(given) != list(groups):
            raise OptionError(
                f"{option} has the groups {', '.join(map(str, given))}, sample_cov the groups "
                f"{', '.join(map(str, groups))}. Give both the same, in the same order."
            )
        return [given[label] for label in groups]
    if len(groups) > 1:
        raise OptionError(f"with several groups {option} is a dictionary from group to value.")
    return [given]


def _respondents(size: object, names: tuple[str, ...], where: str) -> int:
    if size is None:
        raise OptionError("sample_cov needs sample_nobs, the number of respondents behind it.")
    if not isinstance(size, int | np.integer) or isinstance(size, bool):
        raise OptionError(f"sample_nobs{where} must be a whole number, not {size!r}.")
    if size <= len(names):
        raise DataError(
            f"sample_nobs{where} is {size}; {len(names)} variables need more respondents."
        )
    return int(size)


def _given(
    cov: object, mean: object, n: int, names: tuple[str, ...], where: str, *, less_one: bool
) -> Implied:
    """Check one matrix and its means, and put them in the order of the model."""
    if not isinstance(cov, pd.DataFrame):
        raise DataError(
            f"sample_cov{where} has to be a DataFrame with the variable names on both sides."
        )
    if list(cov.index) != list(cov.columns):
        raise DataError(
            f"sample_cov{where} needs the same variable names, in the same order, on both sides."
        )
    absent = [name for name in names if name not in cov.columns]
    if absent:
        raise DataError(
            f"sample_cov{where} has no {_quoted(absent)}, which the model uses. It has: "
            f"{', '.join(map(str, cov.columns))}."
        )
    matrix = cov.loc[list(names), list(names)].to_numpy(dtype=float)
    if not np.isfinite(matrix).all():
        raise DataError(f"sample_cov{where} holds missing or infinite values.")
    lopsided = np.argwhere(np.abs(matrix - matrix.T) > 1e-8 * np.abs(matrix).max())
    if len(lopsided):
        i, j = lopsided[0]
        raise DataError(
            f'sample_cov{where} is not symmetric: row "{names[i]}", column "{names[j]}" holds '
            f"{matrix[i, j]:g}, and the other way round {matrix[j, i]:g}."
        )
    means = None
    if mean is not None:
        means = pd.Series(mean).reindex(list(names)).to_numpy(dtype=float)
        if not np.isfinite(means).all():
            lacking = [name for name, m in zip(names, means, strict=True) if not np.isfinite(m)]
            raise DataError(f"sample_mean{where} lacks {_quoted(lacking)}.")
    require_positive_definite(matrix, names, f"sample_cov{where}")
    matrix = (matrix + matrix.T) / 2
    return Implied(means, matrix if less_one else matrix * (n - 1) / n)


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def require_positive_definite(cov: Array, names: tuple[str, ...], what: str) -> None:
    """Refuse moments that no likelihood is defined for, and name the items to blame."""
    scale = np.sqrt(np.maximum(np.diag(cov), np.finfo(float).tiny))
    correlations = cov / np.outer(scale, scale)
    if is_positive_definite(correlations - SINGULAR * np.eye(len(cov))):
        return
    _, vectors = np.linalg.eigh(correlations)
    involved = [
        name for name, weight in zip(names, vectors[:, 0], strict=True) if abs(weight) > 0.1
    ]
    raise DataError(
        f"the covariance matrix of {what} is not positive definite: {_quoted(involved)} "
        "are a linear combination of each other (a copy, a sum score beside its parts, or nearly "
        "so). Leave one of them out."
    )
