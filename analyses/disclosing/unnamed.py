"""Numbers of groups that a table does not name, and that other tables would name by leaving out."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from analyses.disclosing.groups import Groups, Label, Place, word
from analyses.disclosing.sums import drawn
from analyses.section import Table

FEWEST = 2
"""What is drawn towards the mean of all adds up to nothing: one hidden row alone would be known."""


def unnamed_rows(
    tables: Sequence[Table],
    groups: Mapping[int, Groups],
    numbers: frozenset[Place],
    key: str,
) -> frozenset[Place]:
    """Choose the rows without a name whose numbers are hidden.

    Whoever has the means of all groups but some, by name, finds the shown ones among those without
    names, and what is left are the numbers of the others. So they are hidden where the group's
    numbers are hidden in any table that names it.

    Parameters
    ----------
    tables
        All tables.
    groups
        Those that name groups, by their place among all tables.
    numbers
        Rows of these whose numbers are hidden.
    key
        What the choice of a second row is drawn from, and nobody else has.
    """
    hidden = {
        label
        for place in numbers
        if len(labels := groups[place.table].labels(place.row)) == 1
        for label in labels
    }
    return frozenset(
        Place(place, row)
        for place, table in enumerate(tables)
        if table.unnamed is not None
        for row in _hidden(table, hidden, key)
    )


def _hidden(table: Table, hidden: set[Label], key: str) -> Iterator[int]:
    assert table.unnamed is not None
    heading = repr(table.unnamed.label)
    named = [(heading, word(cell)) for cell in table.unnamed.groups]
    found = {row for row, label in enumerate(named) if label in hidden}
    if found:
        order = partial(_drawn, key, table.id, named)
        others = sorted(set(range(len(named))) - found, key=order)
        found.update(others[: max(FEWEST - len(found), 0)])
    yield from sorted(found)


def _drawn(key: str, table_id: str, named: Sequence[Label], row: int) -> float:
    return drawn(key, ((table_id,), frozenset({named[row]})))
