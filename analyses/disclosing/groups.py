"""The rows of tables of groups, as disclosure control sees them."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import NamedTuple

from analyses.section import NUMERIC, Cell, Column, Hidden, Table

THRESHOLD = 5
"""The smallest number of respondents that a published number may rest on."""

Label = tuple[str, str]
"""The heading of a column of words, and the words."""

Labels = frozenset[Label]
Universe = tuple[object, ...]
"""Names the people who are parted into groups."""


EVERYBODY: Universe = ("everybody",)


class Place(NamedTuple):
    """Where a row stands among all tables that are published together."""

    table: int
    row: int


@dataclass(frozen=True)
class First:
    """Rows that are hidden whatever the others are, or that it is of no use to hide.

    Attributes
    ----------
    counts, numbers
        Those whose counts, and those whose numbers are hidden.
    strict
        Those whose means have to be open even to who knows how many people each row counts.
    dispersion
        Those whose standard deviations and intervals are hidden.
    told_counts, told_numbers
        Those whose counts, and those whose numbers anybody has from an earlier publication.
    """

    counts: frozenset[Place] = frozenset()
    numbers: frozenset[Place] = frozenset()
    strict: frozenset[Place] = frozenset()
    dispersion: frozenset[Place] = frozenset()
    told_counts: frozenset[Place] = frozenset()
    told_numbers: frozenset[Place] = frozenset()

    def of(self, tables: Collection[int]) -> "First":
        """Give those of some tables."""
        return First(
            *(
                frozenset(place for place in getattr(self, one.name) if place.table in tables)
                for one in fields(self)
            )
        )

    def __bool__(self) -> bool:
        """Whether any are hidden, or have to be open."""
        return bool(self.counts or self.numbers or self.strict)


@dataclass(frozen=True)
class Withheld:
    """What is hidden, and what of it could be worked out.

    Attributes
    ----------
    hidden
        Rows that are hidden.
    exposed
        Rows that could not be protected.
    """

    hidden: frozenset[Place] = frozenset()
    exposed: frozenset[Place] = frozenset()


def is_small(n: int | None) -> bool:
    """Tell whether a number of people is too small to be shown; nobody can be known by 0."""
    return n is not None and 0 < n < THRESHOLD


def heading(column: Column) -> str:
    """Name a column of words by what it is headed."""
    return repr(column.label)


def word(cell: Cell) -> str:
    """Name a group by what a cell says."""
    return repr(cell)


def whole_number(cell: Cell) -> int | None:
    """Give a count, or None where there is none to be read."""
    return round(cell) if isinstance(cell, int | float) and math.isfinite(cell) else None


class Family(NamedTuple):
    """Rows of one table that part the people of a larger group.

    Attributes
    ----------
    others
        What the rows have in common that parts no people (the scale, say).
    whole
        The larger group; empty for everybody in the table.
    rows
        The rows.
    """

    others: Labels
    whole: Labels
    rows: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Groups:
    """The rows of a table of groups.

    Parameters
    ----------
    table
        The table, with a column that counts respondents.
    """

    table: Table

    @cached_property
    def counts(self) -> tuple[int | None, ...]:
        """Respondents of each row; None where they are hidden already or not known."""
        assert self.table.respondents is not None
        return tuple(whole_number(cell) for cell in self.table.column(self.table.respondents))

    @cached_property
    def _words(self) -> tuple[tuple[Labels, Labels], ...]:
        """Give the words of each row: those that part people, and the others."""
        columns = [
            (place, heading(column), column.name)
            for place, column in enumerate(self.table.columns)
            if column.kind not in NUMERIC
        ]
        parting = self.table.groups
        rows = []
        for row in self.table.rows:
            named = [((head, word(row[place])), name) for place, head, name in columns]
            own = frozenset(label for label, name in named if parting is None or name in parting)
            rows.append((own, frozenset(label for label, _ in named) - own))
        return tuple(rows)

    def labels(self, row: int) -> Labels:
        """Give the words of a row that part people."""
        return self._words[row][0]

    def others(self, row: int) -> Labels:
        """Give the other words of a row."""
        return self._words[row][1]

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """Rows that add up to a larger group, by each column of words that parts people.

        Where several columns part them, all rows together are a family too.
        """
        found: dict[tuple[str, Labels, Labels], list[int]] = {}
        for row, (own, others) in enumerate(self._words):
            if len(own) > 1:
                found.setdefault(("", others, frozenset()), []).append(row)
            for label in own:
                found.setdefault((label[0], others, own - {label}), []).append(row)
        return tuple(
            Family(others, whole, tuple(rows)) for (_, others, whole), rows in found.items()
        )

    def total(self, rows: Iterable[int]) -> int:
        """Give how many people some rows count; one where a count is not known."""
        return sum(1 if (n := self.counts[row]) is None else n for row in rows)

    @cached_property
    def parts_everybody(self) -> bool:
        """Whether the rows count each of the people that the table rests on once."""
        n_obs = self.table.provenance.n_obs
        single = {others for _, others in self._words} == {frozenset()}
        parted = all(own for own, _ in self._words)
        return single and parted and self.total(range(len(self.table.rows))) == n_obs

    def hides_count(self, row: int) -> bool:
        """Tell whether the count of a published row is hidden."""
        assert self.table.respondents is not None
        return isinstance(self.table.column(self.table.respondents)[row], Hidden)

    def hides_numbers(self, row: int) -> bool:
        """Tell whether a published row has numbers besides its count, all of them hidden."""
        return self._all_hidden(
            row,
            {
                column.name
                for column in self.table.columns
                if column.kind in NUMERIC and column.name != self.table.respondents
            },
        )

    def hides_dispersion(self, row: int) -> bool:
        """Tell whether a published row has standard deviations or intervals, all of them hidden."""
        return self._all_hidden(row, self.table.dispersion)

    def _all_hidden(self, row: int, names: Collection[str]) -> bool:
        cells = zip(self.table.rows[row], self.table.columns, strict=True)
        own = [cell for cell, column in cells if column.name in names]
        return bool(own) and all(isinstance(cell, Hidden) for cell in own)


def universe(groups: Groups, row: int, n_obs: int) -> Universe:
    """Name the people that a row is a group of."""
    table = groups.table
    if groups.parts_everybody and table.provenance.n_obs == n_obs:
        return EVERYBODY
    of = table.id if table.answers is None else table.answers.of
    return (of, *sorted(groups.others(row)))


def without(
    row: tuple[Cell, ...], columns: Iterable[Column], names: Collection[str]
) -> tuple[Cell, ...]:
    """Empty some cells of a row, by the names of their columns."""
    return tuple(
        Hidden() if column.name in names else cell
        for cell, column in zip(row, columns, strict=True)
    )


def without_numbers(
    row: tuple[Cell, ...], columns: Iterable[Column], keep: str | None = None
) -> tuple[Cell, ...]:
    """Empty the numbers of a row, but for one column."""
    columns = tuple(columns)
    names = {column.name for column in columns if column.kind in NUMERIC and column.name != keep}
    return without(row, columns, names)
