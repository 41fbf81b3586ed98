"""What may leave: numbers rounded once, and no group of fewer than five people.

A row of a table of groups is hidden where it counts fewer than `THRESHOLD` respondents. Whoever
knows the total and reads the other rows can subtract them, so hidden rows have to protect each
other too (complementary suppression; Hundepool et al. 2012, Statistical Disclosure Control):
wherever rows add up to something, the hidden ones among them are at least two, they count at least
`THRESHOLD` people together, and they do not all count the same. Then subtraction gives no mean of
fewer than `THRESHOLD` people; and since nothing tells one hidden row from another, each of them may
have any of at least two counts.

What is known from elsewhere (how many people a team has) cannot be protected against here.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar, cast

from analyses.section import (
    Cell,
    CellKind,
    Column,
    Figure,
    Finding,
    Hidden,
    Message,
    Provenance,
    Quantity,
    Section,
    Table,
    Value,
)

THRESHOLD = 5
"""The smallest number of respondents that a published number may rest on."""

NUMERIC = frozenset({"number", "count", "percent", "pvalue"})
PVALUE_DIGITS = 3

HIDDEN_ROWS = "disclosure.hidden"
HIDDEN_TABLE = "disclosure.hidden_table"
"""Notes of the tables that have been emptied in part or altogether."""

Row = tuple[Cell, ...]
Labels = frozenset[tuple[str, str]]
Anything = TypeVar("Anything")


def publish(section: Section, *, confidential: bool = False) -> Section:
    """Give a section as it may be shown: rounded, and without what few people could be known by.

    Parameters
    ----------
    section
        As an analysis gives it, with numbers in full precision.
    confidential
        True leaves in what would be hidden; the report then has to say so on every page.

    Returns
    -------
    Section
        A new section. Numbers have the digits of their column or quantity: a percentage is
        rounded as the proportion it is stored as, a p-value to 3 decimals and to 0 below .001
        (to be written "< .001"), a count to a whole number; what is not finite is None. In rows
        with 1 to 4 respondents, and in rows that protect them, every number is `Hidden`, and a
        note says how many rows are. A group hidden in one table is hidden in every table of the
        section that counts as many respondents in it. Tables that rest on 1 to 4 respondents
        altogether have no numbers, quantities that do have no value; their `n_obs` is None.
        Publishing what is published changes nothing.
    """
    tables = section.tables if confidential else _without_small_groups(section.tables)
    return Section(
        id=section.id,
        answer=_sentence(section.answer, confidential),
        findings=tuple(_finding(finding, confidential) for finding in section.findings),
        tables=tuple(_rounded_table(table, confidential) for table in tables),
        figures=tuple(_figure(figure, confidential) for figure in section.figures),
        notes=_sentences(section.notes, confidential),
    )


def rounded(value: float, kind: CellKind, digits: int) -> float | int | None:
    """Round one number as it is published; None where it is not finite.

    Parameters
    ----------
    value
        The number; a proportion where `kind` is "percent".
    kind
        How it will be written.
    digits
        Decimals that a reader sees; p-values have 3 and counts none whatever it says.
    """
    if not math.isfinite(value):
        return None
    if kind == "count":
        return round(value)
    if kind == "pvalue":
        return 0.0 if value < 10**-PVALUE_DIGITS else round(float(value), PVALUE_DIGITS)
    decimals = digits + 2 if kind == "percent" else digits
    # Adding zero turns −0.0, which would be written "-0.00", into 0.0.
    return round(float(value), decimals) + 0.0


def is_small(n: int | None) -> bool:
    """Tell whether a number of people is too small to be shown; nobody can be known by 0."""
    return n is not None and 0 < n < THRESHOLD


@dataclass(frozen=True, eq=False)
class _Groups:
    """The rows of a table of groups, as disclosure control sees them."""

    table: Table

    @cached_property
    def counts(self) -> tuple[int | None, ...]:
        """Respondents of each row; None where they are hidden already or not known."""
        cells = self.table.column(cast(str, self.table.respondents))
        return tuple(
            round(cell) if isinstance(cell, int | float) and math.isfinite(cell) else None
            for cell in cells
        )

    @cached_property
    def labels(self) -> tuple[dict[str, str], ...]:
        """What each row is called: the heading of each column of words, and the words."""
        words = [
            (index, column)
            for index, column in enumerate(self.table.columns)
            if column.kind not in NUMERIC
        ]
        return tuple(
            {repr(column.label): repr(row[index]) for index, column in words}
            for row in self.table.rows
        )

    @cached_property
    def families(self) -> tuple[tuple[int, ...], ...]:
        """Rows that may add up to a known total.

        All rows together; and where rows are crossed by several columns of words, those that
        differ in one of them only (the teams of one scale, the roles of one team).
        """
        families: dict[tuple[object, ...], list[int]] = {}
        for row, labels in enumerate(self.labels):
            families.setdefault((), []).append(row)
            for heading in labels:
                others = tuple(sorted((h, word) for h, word in labels.items() if h != heading))
                families.setdefault((heading, *others), []).append(row)
        return tuple(tuple(rows) for rows in families.values() if len(rows) > 1)

    def small(self) -> set[int]:
        """Give the rows that may not be shown for their own sake."""
        return {row for row, n in enumerate(self.counts) if n is None or is_small(n)}

    def protecting(self, hidden: set[int]) -> set[int]:
        """Give the rows to be hidden so that hidden ones cannot be had by subtraction."""
        added: set[int] = set()
        for family in self.families:
            known = hidden | added
            inside = [row for row in family if row in known]
            while inside and not self._protect_each_other(inside):
                shown = [row for row in family if row not in inside and self.counts[row]]
                if not shown:
                    break
                smallest = min(cast(int, self.counts[row]) for row in shown)
                equals = [row for row in shown if self.counts[row] == smallest]
                if len(inside) == 1:
                    equals = self._partners(inside[0], equals)
                inside += equals
                added.update(equals)
        return added

    def _partners(self, hidden: int, equals: Sequence[int]) -> list[int]:
        """Choose who protects one hidden row, among rows that count the same.

        Simply taking the first by label would tell the rows apart: whoever knows that rule can
        reckon which of the two is the small one. So all of them are paired off by label, the small
        one included, and the last three stay together where they are odd. Then the same rows are
        hidden whichever of them is the small one; and tables of the same groups hide the same.
        """
        order = sorted([hidden, *equals], key=lambda row: (str(self.labels[row]), row))
        place = order.index(hidden)
        odd_end = len(order) % 2 == 1 and place >= len(order) - 3
        start, end = (len(order) - 3, len(order)) if odd_end else (place - place % 2, place | 1)
        return [row for row in order[start : end + 1] if row != hidden]

    def _protect_each_other(self, rows: Sequence[int]) -> bool:
        counts = [self.counts[row] or 0 for row in rows]
        return len(set(counts)) > 1 and sum(counts) >= THRESHOLD

    def described(self, row: int) -> tuple[int, Labels] | None:
        """Give how many a row counts, and what it is called; None where either is not known."""
        count, labels = self.counts[row], frozenset(self.labels[row].items())
        return None if count is None or not labels else (count, labels)


class _Places:
    """Where the tables of a section count as many respondents under the same words."""

    def __init__(self, groups: Mapping[int, _Groups]) -> None:
        self._places: dict[int, dict[Labels, list[tuple[int, int]]]] = {}
        for table, group in groups.items():
            for row in range(len(group.counts)):
                if (described := group.described(row)) is not None:
                    count, labels = described
                    called = self._places.setdefault(count, {})
                    called.setdefault(labels, []).append((table, row))

    def same_people(self, count: int, labels: Labels) -> Iterator[tuple[int, int]]:
        """Give the table and row of a group: with as many respondents, and no other words."""
        for theirs, places in self._places.get(count, {}).items():
            if labels <= theirs or theirs <= labels:
                yield from places


def _without_small_groups(tables: Sequence[Table]) -> tuple[Table, ...]:
    emptied = [_emptied(table) if is_small(table.provenance.n_obs) else table for table in tables]
    groups = {
        place: _Groups(table)
        for place, table in enumerate(emptied)
        if table.respondents is not None and not _is_published(table)
    }
    places = _Places(groups)
    hidden = {place: group.small() for place, group in groups.items()}
    # What a group hides elsewhere does not change, so that each is looked up once.
    looked_up: set[tuple[int, Labels]] = set()
    changed = True
    while changed:
        before = {place: set(rows) for place, rows in hidden.items()}
        for place, group in groups.items():
            hidden[place] |= group.protecting(hidden[place])
            for described in {group.described(row) for row in hidden[place]}:
                if described is None or described in looked_up:
                    continue
                looked_up.add(described)
                for other, row in places.same_people(*described):
                    hidden[other].add(row)
        changed = hidden != before
    return tuple(
        _with_hidden_rows(table, hidden.get(place, set())) for place, table in enumerate(emptied)
    )


def _is_published(table: Table) -> bool:
    return any(note.key in (HIDDEN_ROWS, HIDDEN_TABLE) for note in table.notes)


def _with_hidden_rows(table: Table, hidden: set[int]) -> Table:
    if not hidden:
        return table
    rows = tuple(
        _hidden_row(row, table.columns) if place in hidden else row
        for place, row in enumerate(table.rows)
    )
    note = Message(HIDDEN_ROWS, {"n": len(hidden), "threshold": THRESHOLD})
    return replace(table, rows=rows, notes=(*table.notes, note))


def _emptied(table: Table) -> Table:
    """Give a table of too few people without its numbers."""
    rows = tuple(_hidden_row(row, table.columns) for row in table.rows)
    note = Message(HIDDEN_TABLE, {"threshold": THRESHOLD})
    provenance = replace(table.provenance, n_obs=None)
    return replace(table, rows=rows, provenance=provenance, notes=(*table.notes, note))


def _hidden_row(row: Row, columns: Iterable[Column]) -> Row:
    return tuple(
        Hidden() if column.kind in NUMERIC else cell
        for cell, column in zip(row, columns, strict=True)
    )


def _rounded_table(table: Table, confidential: bool) -> Table:
    rows = tuple(
        tuple(
            _cell(cell, column, confidential)
            for cell, column in zip(row, table.columns, strict=True)
        )
        for row in table.rows
    )
    return replace(
        table,
        title=_sentence(table.title, confidential),
        rows=rows,
        provenance=_provenance(table.provenance, confidential),
        notes=_sentences(table.notes, confidential),
        withheld=None if table.withheld is None else _sentence(table.withheld, confidential),
    )


def _cell(cell: Cell, column: Column, confidential: bool) -> Cell:
    if column.kind in NUMERIC and isinstance(cell, int | float):
        return rounded(cell, column.kind, column.digits)
    return _words(cell, confidential)


def _finding(finding: Finding, confidential: bool) -> Finding:
    small = [part for part in finding.evidence if not confidential and _is_hidden(part)]
    note = Message("disclosure.hidden_quantity", {"n": len(small), "threshold": THRESHOLD})
    rule = finding.rule and replace(
        finding.rule,
        text=_sentence(finding.rule.text, confidential),
        source=_words(finding.rule.source, confidential),
    )
    notes = (*finding.notes, note) if small else finding.notes
    return replace(
        finding,
        claim=_sentence(finding.claim, confidential),
        rule=rule,
        evidence=tuple(_quantity(part, confidential) for part in finding.evidence),
        notes=_sentences(notes, confidential),
    )


def _is_hidden(quantity: Quantity) -> bool:
    return is_small(quantity.provenance.n_obs)


def _quantity(quantity: Quantity, confidential: bool) -> Quantity:
    provenance = _provenance(quantity.provenance, confidential)
    if not confidential and _is_hidden(quantity):
        hidden = replace(provenance, n_obs=None)
        return replace(quantity, value=None, lower=None, upper=None, provenance=hidden)
    value, lower, upper = (
        None if number is None else rounded(number, quantity.kind, quantity.digits)
        for number in (quantity.value, quantity.lower, quantity.upper)
    )
    return replace(
        quantity,
        value=value,
        lower=lower,
        upper=upper,
        provenance=provenance,
        of=_words(quantity.of, confidential),
    )


def _figure(figure: Figure, confidential: bool) -> Figure:
    return replace(
        figure,
        title=_sentence(figure.title, confidential),
        alt=_sentence(figure.alt, confidential),
    )


def _provenance(provenance: Provenance, confidential: bool) -> Provenance:
    return replace(
        provenance,
        estimator=_words(provenance.estimator, confidential),
        source=_words(provenance.source, confidential),
    )


def _sentences(messages: Iterable[Message], confidential: bool) -> tuple[Message, ...]:
    return tuple(_sentence(message, confidential) for message in messages)


def _sentence(message: Message, confidential: bool) -> Message:
    values = {name: _value(value, confidential) for name, value in message.values.items()}
    return replace(message, values=values)


def _words(words: Anything, confidential: bool) -> Anything:
    """Publish what may be a message, and leave alone what is not."""
    if isinstance(words, Message):
        return cast(Anything, _sentence(words, confidential))
    return words


def _value(value: Value, confidential: bool) -> Value:
    """Publish what fills a placeholder of a sentence."""
    if isinstance(value, Quantity):
        if not confidential and _is_hidden(value):
            return Hidden()
        return _quantity(value, confidential)
    if isinstance(value, tuple):
        return tuple(_value(part, confidential) for part in value)
    return _words(value, confidential)
