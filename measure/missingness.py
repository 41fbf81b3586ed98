"""Which answers are missing together, and how many answers each pair of items shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from measure.checks import numeric_items
from measure.display import render_html, render_text
from measure.moments.patterns import patterns_of


@dataclass(frozen=True, eq=False)
class MissingPatterns:
    """Patterns of missing answers.

    Attributes
    ----------
    patterns
        One row a pattern, the most frequent first: a column for each item, True where it is
        answered, then `n` rows and their `share`.
    coverage
        Share of the rows that answer both items of a pair, items × items; on the diagonal the
        share that answers the item.
    n_obs, n_complete, n_empty
        Rows, those without a gap, and those without any answer.
    """

    patterns: pd.DataFrame
    coverage: pd.DataFrame
    n_obs: int
    n_complete: int
    n_empty: int

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts = {
            "rows": self.n_obs,
            "complete rows": self.n_complete,
            "rows without any answer": self.n_empty,
            "patterns": len(self.patterns),
            "lowest coverage of a pair": float(self.coverage.to_numpy().min()),
        }
        return "Missing answers", facts, {"patterns": self.patterns, "coverage": self.coverage}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def missing_patterns(
    data: pd.DataFrame, items: str | Sequence[str] | None = None
) -> MissingPatterns:
    """Count the patterns of missing answers, and the coverage of every pair of items.

    Parameters
    ----------
    data
        One row a respondent.
    items
        Columns to look at; all by default.

    Raises
    ------
    DataError
        A column is missing, twice, not numeric, infinite, empty or constant.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, None, 2.0]})
    >>> missing_patterns(frame).coverage.loc["a", "b"].round(2).item()
    0.67
    """
    numbers = numeric_items(data, items)
    found = patterns_of(numbers.to_numpy())
    table = pd.DataFrame(found.observed, columns=numbers.columns)
    table["n"] = found.counts.astype(int)
    table["share"] = found.counts / len(numbers)
    table = table.sort_values("n", ascending=False, kind="stable").reset_index(drop=True)
    present = numbers.notna().to_numpy(dtype=float)
    coverage = pd.DataFrame(
        present.T @ present / len(numbers), index=numbers.columns, columns=numbers.columns
    )
    answered = present.sum(axis=1)
    return MissingPatterns(
        table,
        coverage,
        len(numbers),
        int(np.sum(answered == numbers.shape[1])),
        int(np.sum(answered == 0)),
    )
