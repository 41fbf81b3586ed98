"""How items were answered: counts, means and the shape of their distributions."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import chosen_columns, numbers_of
from measure.errors import DataError
from measure.storage.stored_answers import StoredAnswers

Array = NDArray[np.float64]

COLUMNS = ("n", "missing", "mean", "sd", "skewness", "kurtosis", "min", "max")


def descriptives(
    data: pd.DataFrame | StoredAnswers, items: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Count the answers to each item, and give their mean, spread and shape.

    Parameters
    ----------
    data
        One row a respondent; also answers larger than memory, from `stored`, which are read once.
    items
        Columns to describe; all by default.

    Returns
    -------
    pandas.DataFrame
        One row an item: `n` answers, `missing` ones, `mean`, `sd` (divided by n - 1), `skewness`
        g1 and excess `kurtosis` g2 (moments divided by n; Joanes & Gill 1998), `min` and `max`.
        What needs more answers, or any spread, is NaN.

    Raises
    ------
    DataError
        A column is missing, not numeric or infinite.

    References
    ----------
    Joanes, D. N., & Gill, C. A. (1998). Comparing measures of sample skewness and kurtosis. The
    Statistician, 47, 183-189.
    """
    if isinstance(data, StoredAnswers):
        names = _named(data, items)
        batches: Iterator[Array] = data.numbers(names)
    else:
        names = [str(name) for name in chosen_columns(data, items)]
        batches = iter([numbers_of(data, names).to_numpy()])
    powers = _Powers(len(names))
    for values in batches:
        powers.add(values)
    return pd.DataFrame(powers.table(), index=pd.Index(names, name="item"))[list(COLUMNS)]


def _named(data: StoredAnswers, items: str | Sequence[str] | None) -> list[str]:
    if items is None:
        return list(data.columns)
    names = [items] if isinstance(items, str) else list(items)
    if not names:
        raise DataError("no items are named.")
    return names


class _Powers:
    """Sums of the powers of answers less the first one, which keep small what cancels."""

    def __init__(self, n_items: int) -> None:
        self._origin = np.full(n_items, np.nan)
        self._sums = np.zeros((5, n_items))
        self._rows = 0
        self._low, self._high = np.full(n_items, np.inf), np.full(n_items, -np.inf)

    def add(self, values: Array) -> None:
        """Add rows, (n, n_items)."""
        self._rows += len(values)
        self._low = np.fmin(self._low, np.fmin.reduce(values, axis=0, initial=np.inf))
        self._high = np.fmax(self._high, np.fmax.reduce(values, axis=0, initial=-np.inf))
        for k in range(values.shape[1]):
            own = values[~np.isnan(values[:, k]), k]
            if not len(own):
                continue
            if np.isnan(self._origin[k]):
                self._origin[k] = own[0]
            moved = own - self._origin[k]
            square = moved**2
            self._sums[:, k] += (
                len(own),
                moved.sum(),
                square.sum(),
                (square * moved).sum(),
                (square * square).sum(),
            )

    def table(self) -> dict[str, Array]:
        """Give the columns."""
        n = self._sums[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            shift, *raw = self._sums[1:] / n
            m2 = raw[0] - shift**2
            m3 = raw[1] - 3 * shift * raw[0] + 2 * shift**3
            m4 = raw[2] - 4 * shift * raw[1] + 6 * shift**2 * raw[0] - 3 * shift**4
            spread = np.where(self._high > self._low, m2, np.nan)
            sd = np.sqrt(np.where(n > 1, m2 * n / (n - 1), np.nan))
            skewness, kurtosis = m3 / spread**1.5, m4 / spread**2 - 3
        some = n > 0
        return {
            "n": n.astype(int),
            "missing": (self._rows - n).astype(int),
            "mean": self._origin + shift,
            "sd": np.where(self._high > self._low, sd, np.where(n > 1, 0.0, np.nan)),
            "skewness": skewness,
            "kurtosis": kurtosis,
            "min": np.where(some, self._low, np.nan),
            "max": np.where(some, self._high, np.nan),
        }
