"""Answers in Parquet files, read a batch of rows at a time."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError, OptionError

Array = NDArray[np.float64]
Batch = Mapping[str, NDArray[Any]]
"""Some rows: the values of each column."""

# Rows held at once: 24 items are 50 MB as numbers.
ROWS = 1 << 18


@dataclass(frozen=True, eq=False)
class StoredAnswers:
    """Answers that stay on the disk; `measure.stored` makes it.

    Attributes
    ----------
    path
        A Parquet file, or a folder of some.
    batch_rows
        Rows that are read at once.
    """

    path: Path
    batch_rows: int = ROWS

    @cached_property
    def _dataset(self) -> Any:
        from pyarrow import ArrowException, dataset

        try:
            return dataset.dataset(self.path, format="parquet")
        except (OSError, ArrowException) as error:
            raise DataError(f'"{self.path}" cannot be read as Parquet: {error}') from error

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._dataset.schema.names)

    @cached_property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self._dataset.count_rows())

    def __repr__(self) -> str:
        return f'StoredAnswers("{self.path}"): {self.n_rows} rows, {len(self.columns)} columns'

    def require(self, names: Sequence[str], what: str = "items") -> None:
        """Refuse names of which there is not one column each.

        Raises
        ------
        DataError
        """
        for name in names:
            if self.columns.count(name) != 1:
                known = ", ".join(self.columns[:10])
                raise DataError(
                    f'"{self.path}" needs one column "{name}", which the {what} name. Columns '
                    f"there: {known}."
                )

    def numbers(self, names: Sequence[str]) -> Iterator[Array]:
        """Give columns as numbers, (n, p) for each batch, NaN for a missing answer.

        Raises
        ------
        DataError
            A column is missing, not numeric, or holds an infinite number.
        """
        for batch in self.batches(names):
            values = np.empty((self.size(batch), len(names)), order="F")
            for k, name in enumerate(names):
                values[:, k] = _numeric(name, batch[name])
            yield values

    def batches(self, names: Sequence[str]) -> Iterator[Batch]:
        """Give columns a batch of rows at a time, in the order of the rows."""
        self.require(names)
        from pyarrow import ArrowException

        try:
            # Little is read ahead: what waits would be memory.
            for batch in self._dataset.to_batches(
                columns=list(dict.fromkeys(names)),
                batch_size=self.batch_rows,
                batch_readahead=2,
                fragment_readahead=1,
            ):
                if batch.num_rows:
                    yield {name: _values(batch.column(name)) for name in dict.fromkeys(names)}
        except (OSError, ArrowException) as error:
            raise DataError(f'"{self.path}" cannot be read to its end: {error}') from error

    @staticmethod
    def size(batch: Batch) -> int:
        """Give the number of rows of a batch."""
        return len(next(iter(batch.values())))


def stored(path: str | os.PathLike[str], *, batch_rows: int = ROWS) -> StoredAnswers:
    """Take answers from Parquet without reading them into memory.

    `cfa`, `sem`, `fit`, `growth`, `polychoric`, `icc` and `descriptives` take what it gives in
    place of a data frame, read the rows some at a time, and give what they would give of the same
    rows in memory. What needs single rows afterwards (factor scores, bootstrap, robust errors of
    continuous answers) is refused.

    Parameters
    ----------
    path
        A Parquet file, or a folder of Parquet files with the same columns, which are read in the
        order of their names.
    batch_rows
        Rows that are held in memory at once.

    Returns
    -------
    StoredAnswers

    Raises
    ------
    DataError
        There is no such file, or it is not Parquet.
    OptionError
        `batch_rows` is not a whole number over 0.

    Examples
    --------
    >>> answers = measure.stored("survey.parquet")  # doctest: +SKIP
    >>> measure.cfa("f =~ x1 + x2 + x3", answers, ordered=True)  # doctest: +SKIP
    """
    if isinstance(batch_rows, bool) or not isinstance(batch_rows, int) or batch_rows < 1:
        raise OptionError(f"batch_rows is {batch_rows!r}, but must be a whole number over 0.")
    place = Path(path)
    if not place.exists():
        raise DataError(f'there is no "{place}". Name a Parquet file, or a folder of some.')
    found = StoredAnswers(place, batch_rows)
    if not found.columns:
        raise DataError(f'"{place}" has no columns.')
    return found


def _values(column: Any) -> NDArray[Any]:
    """Give a column of a batch as an array; numbers with NaN, words with None."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _numeric(name: str, values: NDArray[Any]) -> Array:
    if values.dtype.kind not in "iufb":
        raise DataError(
            f'item "{name}" is not numeric: it holds {values.dtype}. Store its answers as numbers.'
        )
    found = values.astype(np.float64)
    if np.isinf(found).any():
        raise DataError(f'item "{name}" is infinite in some rows. Code missing answers as null.')
    return found
