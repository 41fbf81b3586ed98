"""Writes the tables of a report as data: one .csv and one .sav (SPSS) a table, and a list of them.

Numbers are numbers as published, a percentage as the proportion it is. Tables that may not be
compared lie apart, in a folder of their own.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat

from analyses import labels
from analyses.export.workbook import safe
from analyses.section import NUMERIC, Cell, Column, Hidden, Message, Report, Table
from analyses.wording import Words

FOLDER_NAME = "tables"
UNLICENSED = "unlicensed"
"""Where tables lie whose rows may not be compared."""
LIST_NAME = "tables.csv"
MARK = "mark"
"""The column that marks every row of simulated or confidential results."""

HIDDEN = -999999.0
"""Stands for a hidden number in .sav, declared missing and labelled."""

_NAME_LENGTH, _TITLE_LENGTH, _LABEL_LENGTH, _NOTE_LENGTH = 64, 64, 255, 80
"""Bytes that the format has for a name, the title of the file, a label and a line of notes."""

# What SPSS takes for a word of its own syntax (IBM SPSS Statistics, variable names).
_RESERVED = frozenset(
    ["ALL", "AND", "BY", "EQ", "GE", "GT", "LE", "LT", "NE", "NOT", "OR", "TO", "WITH"]
)


def write(report: Report, folder: Path, words: Words) -> None:
    """Write every table of a report as .csv and .sav into a folder, which is made.

    Parameters
    ----------
    report
        A published report.
    folder
        The folder, which must not exist yet.
    words
        The language of headings, words and notes.
    """
    folder.mkdir()
    marks = " · ".join(labels.marks(report, words))
    for table in _tables(report):
        place = folder if table.withheld is None else folder / UNLICENSED
        place.mkdir(exist_ok=True)
        write_csv(table, place / f"{table.id}.csv", words, marks)
        write_sav(table, place / f"{table.id}.sav", words, marks)
    _write_list(report, folder / LIST_NAME, words)


def _tables(report: Report) -> Iterator[Table]:
    return (table for section in report.sections for table in section.tables)


def write_csv(table: Table, path: Path, words: Words, marks: str = "") -> None:
    """Write a table as .csv (UTF-8, commas, decimal points), headed by the names of its columns.

    Parameters
    ----------
    marks
        What stands in every row of an own column; none where it is empty.
    """
    rows = [
        [_plain(cell, column, words) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    heading = [column.name for column in table.columns]
    if marks:
        heading, rows = [*heading, MARK], [[*row, safe(marks)] for row in rows]
    _write_rows(path, heading, rows)


def _write_rows(path: Path, heading: list[str], rows: list[list[str | float | int]]) -> None:
    # The mark of the encoding, without which Excel takes the file for another one.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(heading)
        writer.writerows(rows)


def _plain(cell: Cell, column: Column, words: Words) -> str | float | int:
    """Give a number as it is, what could not be computed as nothing, and anything else as words."""
    if cell is None:
        return ""
    if column.kind in NUMERIC and isinstance(cell, int | float):
        return cell
    return safe(words.cell(cell, column.kind, column.digits))


def _write_list(report: Report, path: Path, words: Words) -> None:
    """List the tables with what stands around them in the other formats."""
    heading = ["file", "table", "provenance", "notes", "licence", MARK]
    marks = " · ".join(labels.marks(report, words))
    rows: list[list[str | float | int]] = []
    for table in _tables(report):
        licence = "" if table.withheld is None else labels.unlicensed(table.withheld, words)
        texts = (
            f"{'' if table.withheld is None else UNLICENSED + '/'}{table.id}",
            words.say(table.title),
            labels.provenance(table.provenance, words),
            " ".join(words.say(note) for note in table.notes),
            licence,
            marks,
        )
        rows.append([safe(text) for text in texts])
    _write_rows(path, heading, rows)


def write_sav(table: Table, path: Path, words: Words, marks: str = "") -> None:
    """Write a table as .sav, its headings as variable labels and its origin as the file's notes.

    A hidden number is a declared missing value that is labelled so; what could not be computed is
    missing.
    """
    names = _variable_names([column.name for column in table.columns])
    written = [column.kind in NUMERIC for column in table.columns]
    data: dict[str, list[float | str | None]] = {}
    formats: dict[str, str] = {}
    missing: dict[str, list[Any]] = {}
    value_labels: dict[str, dict[int | float, str]] = {}
    for name, column, cells in zip(names, table.columns, _columns(table), strict=True):
        if column.kind not in NUMERIC:
            data[name] = [safe(words.cell(cell, column.kind, column.digits)) for cell in cells]
            continue
        data[name] = [_number(cell) for cell in cells]
        formats[name] = f"F12.{_decimals(column)}"
        if any(isinstance(cell, Hidden) for cell in cells):
            missing[name] = [HIDDEN]
            value_labels[name] = {HIDDEN: words.say(Message("hidden"))}
    frame = pd.DataFrame(
        {
            name: pd.Series(cells, dtype="float64" if numeric else "object")
            for (name, cells), numeric in zip(data.items(), written, strict=True)
        }
    )
    notes = [
        *marks.split(" · "),
        *([] if table.withheld is None else [labels.unlicensed(table.withheld, words)]),
        labels.provenance(table.provenance, words),
        *(words.say(note) for note in table.notes),
    ]
    pyreadstat.write_sav(
        frame,
        path,
        file_label=_cut(words.say(table.title), _TITLE_LENGTH),
        column_labels=[_cut(label, _LABEL_LENGTH) for label in labels.heading(table, words)],
        note=[line for note in notes for line in _lines(note)],
        missing_ranges=missing or None,
        variable_value_labels=value_labels or None,
        variable_format=formats or None,
    )


def _cut(text: str, length: int) -> str:
    """Give as much of a text as fits into so many bytes."""
    return text.encode()[:length].decode(errors="ignore")


def _lines(text: str) -> Iterator[str]:
    """Break a text between words into lines that the format has room for."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and len(longer.encode()) > _NOTE_LENGTH:
            yield line
            longer = word
        line = _cut(longer, _NOTE_LENGTH)
    if line:
        yield line


def _columns(table: Table) -> list[tuple[Cell, ...]]:
    return [tuple(row[place] for row in table.rows) for place in range(len(table.columns))]


def _number(cell: Cell) -> float | None:
    if isinstance(cell, Hidden):
        return HIDDEN
    return float(cell) if isinstance(cell, int | float) else None


def _decimals(column: Column) -> int:
    match column.kind:
        case "count":
            return 0
        case "percent":
            return column.digits + 2
        case _:
            return column.digits


def _variable_names(names: list[str]) -> list[str]:
    """Give names that SPSS allows, each one once whatever its capitals."""
    given: list[str] = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_.]", "_", name).rstrip("._") or "v"
        if not plain[0].isalpha() or plain.upper() in _RESERVED:
            plain = f"v_{plain}"
        plain = plain[:_NAME_LENGTH]
        taken = {one.lower() for one in given}
        number, unique = 1, plain
        while unique.lower() in taken:
            number += 1
            unique = f"{plain[: _NAME_LENGTH - 4]}_{number}"
        given.append(unique)
    return given
