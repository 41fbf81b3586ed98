"""The same analysis of items in each group of respondents."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from measure.display import render_html, render_text
from measure.errors import DataError, MeasureError
from measure.moments.rows import group_labels


class Tabled(Protocol):
    """A result with a table and remarks, as those of the reliability functions."""

    @property
    def table(self) -> pd.DataFrame:
        """The numbers."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader has to know."""
        ...


@dataclass(frozen=True, eq=False)
class Groupwise:
    """An analysis in each group.

    Attributes
    ----------
    group
        Column of the groups.
    results
        Result of each group that could be analysed.
    table
        The tables of these, one below the other, with a first column `by`, the group.
    n_dropped
        Rows left out because the group is missing.
    notes
        Remarks of the groups, and which of them could not be analysed and why.
    """

    group: str
    results: Mapping[object, Any]
    table: pd.DataFrame
    n_dropped: int
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {"groups": len(self.results), "without group": self.n_dropped}
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        return f'By "{self.group}"', facts, {"Estimates": self.table}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def by_group(
    analysis: Callable[[pd.DataFrame], Tabled], data: pd.DataFrame, *, group: str
) -> Groupwise:
    """Do an analysis in each group of respondents by itself.

    Parameters
    ----------
    analysis
        What is done: `cronbach_alpha`, or with options ``lambda part: omega_total(part,
        ordered=True)``. It gets the rows of a group without the column of the groups.
    data
        Items, the group and what else the analysis needs.
    group
        Column of the groups.

    Returns
    -------
    Groupwise
        Groups in the order in which the rows bring them in. A group that cannot be analysed is
        missing in the table and named in `notes`.

    Raises
    ------
    DataError
        No such column, fewer than two groups in it, or no group that can be analysed.
    """
    labels = group_labels(data, group)
    results: dict[object, Any] = {}
    tables, notes, failed = [], [], []
    for label in labels:
        part = data[data[group] == label].drop(columns=group)
        try:
            found = analysis(part)
        except MeasureError as error:
            failed.append(f'Group "{label}" is left out: {error}')
            continue
        results[label] = found
        table = found.table.copy()
        table.insert(0, "by", [label] * len(table))
        tables.append(table)
        notes += [f'Group "{label}": {note}' for note in found.notes]
    if not tables:
        raise DataError(f'no group of "{group}" can be analysed. {failed[0]}')
    return Groupwise(
        group,
        results,
        pd.concat(tables, ignore_index=True),
        int(data[group].isna().sum()),
        (*failed, *notes),
    )
