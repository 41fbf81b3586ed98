"""Is the input fit for analysis? Every public function that takes items asks here, once.

Rows are counted from 1 in the order of the data frame, as a reader of the file would count them.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.errors import DataError, OptionError

Array = NDArray[np.float64]

# A correlation of 1 up to rounding: the two columns hold the same answers.
IDENTICAL = 1.0 - 1e-10
# Smallest eigenvalue of a correlation matrix below which its inverse says nothing.
SINGULAR = 1e-10


@dataclass(frozen=True, eq=False)
class Correlations:
    """A correlation matrix and what it was computed from.

    Attributes
    ----------
    matrix
        Correlations, items × items.
    n_obs
        Number of rows behind the matrix.
    n_dropped
        Number of rows left out because an answer is missing.
    rows
        The complete rows, (n_obs, n_items); None where the matrix was given.
    """

    matrix: pd.DataFrame
    n_obs: int
    n_dropped: int
    rows: Array | None = None


def numeric_items(
    data: pd.DataFrame,
    items: str | Sequence[str] | None = None,
    *,
    minimum_rows: int = 2,
    minimum_items: int = 1,
) -> pd.DataFrame:
    """Return the items as floats, or say which of them cannot be analysed.

    Parameters
    ----------
    data
        One row a respondent.
    items
        Columns to use; all by default.
    minimum_rows, minimum_items
        The fewest that the analysis can work with.

    Returns
    -------
    pandas.DataFrame
        The chosen columns as floats, in the order asked for, missing answers as NaN.

    Raises
    ------
    DataError
        Not a data frame; a column missing, twice, not numeric, infinite, empty or constant; too
        few rows or items.
    """
    values, chosen = _values(data, items, minimum_rows, minimum_items)
    return pd.DataFrame(values, index=data.index, columns=chosen)


def numbers_of(data: pd.DataFrame, items: Sequence[str]) -> pd.DataFrame:
    """Return the same as `numeric_items`, whatever the number of rows and their variance."""
    values, chosen = _numbers(data, items, 1)
    return pd.DataFrame(values, index=data.index, columns=chosen)


def item_values(data: pd.DataFrame, items: Sequence[str], *, minimum_rows: int = 2) -> Array:
    """Return the same as `numeric_items` without names, (n_rows, n_items)."""
    return _values(data, items, minimum_rows, 1)[0]


def _values(
    data: pd.DataFrame, items: str | Sequence[str] | None, minimum_rows: int, minimum_items: int
) -> tuple[Array, list[Any]]:
    values, chosen = _numbers(data, items, minimum_items)
    if len(values) < minimum_rows:
        raise DataError(
            f"the data have {_count(len(values), 'row')}, at least {minimum_rows} are needed here."
        )
    require_variance(values, chosen)
    return values, chosen


def _numbers(
    data: pd.DataFrame, items: str | Sequence[str] | None, minimum_items: int
) -> tuple[Array, list[Any]]:
    chosen = chosen_columns(data, items)
    if len(chosen) < minimum_items:
        raise DataError(
            f"{_count(len(chosen), 'item')} given, at least {minimum_items} are needed here."
        )
    # Filled and looked at column by column, so that columns lie together.
    values = np.empty((len(data), len(chosen)), order="F")
    for k, name in enumerate(chosen):
        values[:, k] = _as_float(name, data[name])
    infinite = np.isinf(values)
    if infinite.any():
        k = int(infinite.any(axis=0).argmax())
        n_rows, first = row_numbers(infinite[:, k])
        raise DataError(
            f'item "{chosen[k]}" is infinite in {_count(n_rows, "row")} (first: row {first}). '
            "Code missing answers as NaN."
        )
    return values, chosen


def complete_rows(items: pd.DataFrame, *, minimum_rows: int = 2) -> pd.DataFrame:
    """Return the rows in which every item is answered (listwise deletion).

    Parameters
    ----------
    items
        As returned by `numeric_items`.
    minimum_rows
        The fewest complete rows that the analysis can work with.

    Raises
    ------
    DataError
        Too few complete rows, or an item that is constant in them.
    """
    complete = items.dropna() if items.isna().to_numpy().any() else items
    if len(complete) < minimum_rows:
        emptiest = items.isna().sum().idxmax()
        raise DataError(
            f"only {_count(len(complete), 'row')} of {len(items)} "
            f"{'has' if len(complete) == 1 else 'have'} an answer to all "
            f"{_count(items.shape[1], 'item')}, at least {minimum_rows} are needed. "
            f'Most answers are missing for "{emptiest}".'
        )
    require_variance(
        complete.to_numpy(), list(complete.columns), " in the rows without missing answers"
    )
    return complete


def item_correlations(
    data: pd.DataFrame, *, n_obs: int | None = None, minimum_items: int = 2
) -> Correlations:
    """Return Pearson correlations from raw answers or from a matrix, ready to be inverted.

    Parameters
    ----------
    data
        Items, one row a respondent (incomplete rows are left out); or, with `n_obs`, a square
        correlation matrix with the item names as columns.
    n_obs
        Number of respondents behind a correlation matrix.
    minimum_items
        The fewest items that the analysis can work with.

    Raises
    ------
    DataError
        The input is unfit (see `numeric_items`), two items are identical, or the matrix is
        singular; there are fewer complete rows than items.
    OptionError
        `n_obs` without a correlation matrix, or a correlation matrix without `n_obs`.
    """
    if n_obs is None:
        items = numeric_items(data, minimum_items=minimum_items)
        refuse_matrix(items)
        complete = complete_rows(items)
        if len(complete) <= items.shape[1]:
            raise DataError(
                f"{len(complete)} complete rows for {items.shape[1]} items: correlations among the "
                "items can only be analysed with more respondents than items."
            )
        rows = complete.to_numpy()
        matrix = pd.DataFrame(
            np.corrcoef(rows, rowvar=False), index=items.columns, columns=items.columns
        )
        found = Correlations(matrix, len(rows), len(items) - len(rows), rows)
    else:
        found = Correlations(_given_matrix(data, n_obs, minimum_items), n_obs, 0)
    _refuse_singular(found.matrix)
    return found


def refuse_matrix(items: pd.DataFrame) -> None:
    """Raise `OptionError` where items given as answers are a correlation matrix."""
    if _is_correlation_matrix(items):
        raise OptionError(
            "the data look like a correlation matrix. Give n_obs, the number of respondents "
            "behind it."
        )


def known_option(option: str, value: object, known: Iterable[str]) -> None:
    """Raise `OptionError` unless `value` is one of the `known` names of this option."""
    names = list(known)
    if value not in names:
        raise OptionError(f"unknown {option} {value!r}. Choose one of: {', '.join(names)}.")


def confidence(level: float) -> float:
    """Return the confidence level, or raise `OptionError` unless it lies between 0 and 1."""
    if not 0 < level < 1:
        raise OptionError(f"confidence_level is {level}, but must lie between 0 and 1, as 0.95.")
    return level


def row_numbers(selected: pd.Series | NDArray[np.bool_]) -> tuple[int, int]:
    """Return how many rows are selected, and the number of the first of them, from 1."""
    where = np.flatnonzero(selected)
    return len(where), int(where[0]) + 1


def chosen_columns(data: pd.DataFrame, items: str | Sequence[str] | None) -> list[Hashable]:
    """Return the columns asked for, all by default, or say which are missing or there twice."""
    if not isinstance(data, pd.DataFrame):
        raise DataError(
            f"the data must be a pandas DataFrame with one row a respondent, "
            f"not {type(data).__name__}."
        )
    columns = list(data.columns)
    chosen: list[Any] = (
        columns if items is None else [items] if isinstance(items, str) else list(items)
    )
    known = set(columns)
    if len(known) < len(columns) or len(set(chosen)) < len(chosen):
        for name in dict.fromkeys(chosen):
            if chosen.count(name) > 1 or columns.count(name) > 1:
                raise DataError(
                    f'item "{name}" occurs more than once. Keep one column of each name.'
                )
    missing = [name for name in chosen if name not in known]
    if missing:
        named = ", ".join(f'"{name}"' for name in missing)
        raise DataError(
            f"the data have no column {named}. Columns there: "
            f"{_shortened([str(name) for name in data.columns])}."
        )
    return chosen


def _as_float(name: Hashable, column: pd.Series) -> NDArray[Any]:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        # Turned into floats where they are written.
        return column.to_numpy()
    if pd.api.types.is_complex_dtype(column.dtype):
        raise DataError(f'item "{name}" holds complex numbers. Give real ones.')
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    parsed = pd.to_numeric(column.astype(object), errors="coerce")
    # Text is refused even where it reads as a number: "3" may be a label of category 7.
    text = column.map(lambda value: isinstance(value, str)).astype(bool) | (
        parsed.isna() & column.notna()
    )
    if text.any():
        n_rows, first = row_numbers(text)
        raise DataError(
            f'item "{name}" holds text in {_count(n_rows, "row")} (first: row {first}, '
            f"{column.iloc[first - 1]!r}). Code the answers as numbers, missing ones as NaN."
        )
    return parsed.to_numpy(dtype=np.float64, na_value=np.nan)


def require_variance(values: Array, names: Sequence[Hashable], where: str = "") -> None:
    """Refuse items (n_rows, n_items) that have no answers, or the same one everywhere."""
    # These pass over missing answers, which compare with nothing.
    low = np.fmin.reduce(values, axis=0, initial=np.inf).tolist()
    high = np.fmax.reduce(values, axis=0, initial=-np.inf).tolist()
    for name, least, most in zip(names, low, high, strict=True):
        if least > most:
            raise DataError(f'item "{name}" has no answers{where}. Leave it out.')
        if least == most:
            raise DataError(
                f'item "{name}" has the same answer ({least:g}) everywhere{where}: it has no '
                "variance to analyse. Leave it out."
            )


def _is_correlation_matrix(items: pd.DataFrame) -> bool:
    values = items.to_numpy()
    return bool(
        values.shape[0] == values.shape[1]
        and np.allclose(np.diag(values), 1.0)
        and np.allclose(values, values.T)
        and (np.abs(values) <= 1.0 + 1e-12).all()
    )


def _given_matrix(data: pd.DataFrame, n_obs: int, minimum_items: int) -> pd.DataFrame:
    items = numeric_items(data, minimum_items=minimum_items)
    names = list(items.columns)
    named_rows = list(items.index)
    if named_rows != names and named_rows != list(range(len(items))):
        raise DataError(
            "n_obs was given, so the data should be a correlation matrix, but its row names and "
            "column names differ. Give raw answers without n_obs, or the same names in the same "
            "order."
        )
    if not _is_correlation_matrix(items):
        raise DataError(
            "n_obs was given, so the data should be a correlation matrix: square, symmetric, "
            "ones on the diagonal, nothing missing and nothing outside -1 to 1. It is not. "
            "Leave n_obs out for raw answers."
        )
    if n_obs <= len(names):
        raise DataError(f"n_obs is {n_obs}, but there are {len(names)} items: more are needed.")
    return pd.DataFrame(items.to_numpy(), index=names, columns=names)


def _refuse_singular(matrix: pd.DataFrame) -> None:
    names = list(matrix.columns)
    values = matrix.to_numpy()
    rows, columns = np.nonzero(np.triu(np.abs(values) > IDENTICAL, 1))
    if len(rows):
        first, second = names[rows[0]], names[columns[0]]
        raise DataError(
            f'items "{first}" and "{second}" correlate perfectly '
            f"({values[rows[0], columns[0]]:.0f}): they hold the same answers. Leave one out."
        )
    smallest, involved = determining(matrix)
    if smallest < SINGULAR:
        kind = "singular" if smallest > -SINGULAR else "not positive definite"
        raise DataError(
            f"the correlation matrix is {kind} (smallest eigenvalue {smallest:.2g}). These "
            f"items determine each other: {involved}. "
            "Leave out at least one of them, or a sum score computed from the others."
        )


def determining(matrix: pd.DataFrame) -> tuple[float, str]:
    """Give the smallest eigenvalue of a correlation matrix, and name the items behind it."""
    eigenvalues, vectors = np.linalg.eigh(matrix.to_numpy())
    involved = matrix.columns[np.abs(vectors[:, 0]) > 0.05]
    return float(eigenvalues[0]), _shortened([str(name) for name in involved])


def _shortened(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
