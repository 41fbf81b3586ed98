"""Every number and verdict that a report publishes, by its place; and where two reports differ.

Numbers are compared as they were published: they are the same or they have moved, and there is no
tolerance. Times, versions and sentences without numbers are no part of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from analyses.section import (
    Cell,
    CellKind,
    Column,
    Finding,
    Hidden,
    Message,
    Phrase,
    Quantity,
    Report,
    Section,
    Table,
    Text,
    Value,
)

WITHOUT = ("card_run",)
"""Tables about the run itself: versions, which `run.json` has too."""


class Place(NamedTuple):
    """Where something stands: section, table or finding, its row (from 1; 0 for none), column."""

    section: str
    part: str
    row: int
    column: str


@dataclass(frozen=True)
class Published:
    """What stands at a place, and how it is written there.

    `label` says which row it is, `heading` which column.
    """

    value: Cell
    label: Phrase
    heading: Phrase
    kind: CellKind = "message"
    digits: int = 0


class Moved(NamedTuple):
    """A place where two reports differ; None where one of them has no such place."""

    place: Place
    before: Published | None
    after: Published | None


def differences(before: Report, after: Report) -> tuple[Moved, ...]:
    """Give every place where two reports do not publish the same, in the order of the first."""
    old, new = published(before), published(after)
    return tuple(
        Moved(place, old.get(place), new.get(place))
        for place in dict.fromkeys([*old, *new])
        if _key(old.get(place)) != _key(new.get(place))
    )


def published(report: Report) -> dict[Place, Published]:
    """Give everything that a report publishes, by its place."""
    return {
        place: one
        for section in report.sections
        for place, one in (*_sentences(section), *_findings(section), *_tables(section))
    }


Placed = Iterator[tuple[Place, Published]]


def _sentences(section: Section) -> Placed:
    """Give the numbers of the answer and the notes."""
    yield from _of_message(section.answer, Place(section.id, "answer", 0, ""))
    for number, note in enumerate(section.notes, start=1):
        yield from _of_message(note, Place(section.id, "notes", number, ""))


def _findings(section: Section) -> Placed:
    for finding in section.findings:
        place = Place(section.id, finding.id, 0, "")
        verdict = Message(f"verdict.{finding.verdict}")
        heading = Message("column.verdict")
        yield place._replace(column="verdict"), Published(verdict, finding.claim, heading)
        yield from _of_message(finding.claim, place)
        yield from _evidence(finding, place)


def _evidence(finding: Finding, place: Place) -> Placed:
    for row, one in enumerate(finding.evidence, start=1):
        label = finding.claim if one.of is None else one.of
        ends = {"": one.value, ".lower": one.lower, ".upper": one.upper}
        for end, value in ends.items():
            shown = Published(value, label, Message(one.name), one.kind, one.digits)
            yield place._replace(row=row, column=f"{one.name}{end}"), shown
        n_obs = Published(one.provenance.n_obs, label, Message("column.n"), "count")
        yield place._replace(row=row, column="n"), n_obs


def _tables(section: Section) -> Placed:
    for table in section.tables:
        if table.id not in WITHOUT:
            yield from _of_table(section, table)


def _of_table(section: Section, table: Table) -> Placed:
    for row, cells in enumerate(table.rows, start=1):
        label = _label(table, cells)
        for column, cell in zip(table.columns, cells, strict=True):
            place = Place(section.id, table.id, row, column.name)
            yield place, _published(cell, label, column)


def _published(cell: Cell, label: Phrase, column: Column) -> Published:
    return Published(cell, label, column.label, column.kind, column.digits)


def _label(table: Table, cells: tuple[Cell, ...]) -> Phrase:
    """Give the words that a row begins with."""
    words = []
    for column, cell in zip(table.columns, cells, strict=True):
        if column.kind not in ("text", "message") or not isinstance(cell, str | Message | Text):
            break
        words.append(cell)
    return Message("plain", {"text": tuple(words)}) if words else ""


def _of_message(message: Message, place: Place) -> Placed:
    """Give the numbers of a sentence, by the names of its values."""
    for name, value in message.values.items():
        yield from _of_value(value, f"{place.column}{name}", message, place)


def _of_value(value: Value, name: str, message: Message, place: Place) -> Placed:
    match value:
        case Quantity():
            for end, number in (
                ("", value.value),
                (".lower", value.lower),
                (".upper", value.upper),
            ):
                shown = Published(number, message, Message(value.name), value.kind, value.digits)
                yield place._replace(column=f"{name}{end}"), shown
        case Message():
            yield from _of_message(value, place._replace(column=f"{name}."))
        case tuple():
            for number, part in enumerate(value, start=1):
                yield from _of_value(part, f"{name}.{number}", message, place)
        case bool() | None | str() | Text():
            return
        case int() | float():
            yield place._replace(column=name), Published(value, message, "", "count")
        case Hidden():
            yield place._replace(column=name), Published(value, message, "")


def _key(one: Published | None) -> object:
    """Give what is compared: the value, and of words what they are made of."""
    return None if one is None else (True, _plain(one.value))


def _plain(value: Value) -> object:
    match value:
        case Message():
            return value.key, tuple((k, _plain(part)) for k, part in sorted(value.values.items()))
        case Text():
            return tuple(sorted(value.languages.items()))
        case tuple():
            return tuple(map(_plain, value))
        case Quantity():
            return value.name, value.value, value.lower, value.upper
        case Hidden():
            return "hidden"
        case _:
            return value
