"""Writes the tables of a report as a workbook: one sheet a table, and one that lists them."""

from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import xlsxwriter

from analyses import labels
from analyses.section import Cell, Column, Message, Report, Table
from analyses.wording import Words

FILE_NAME = "tables.xlsx"

_SHEET_NAME_LENGTH = 31
_WIDEST, _NARROWEST = 60, 9
# A spreadsheet, or a text file saved from it, may run a text that begins so as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write(report: Report, path: Path, words: Words) -> None:
    """Write the tables of a report to an .xlsx file.

    Numbers stay numbers, as published, shown with the digits of their column; no cell holds a
    formula or a link outside the workbook.

    Parameters
    ----------
    report
        A published report.
    path
        The file to write.
    words
        The language of titles, headings and notes.
    """
    path.write_bytes(contents(report, words))


def contents(report: Report, words: Words) -> bytes:
    """Give the workbook as bytes."""
    buffer = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties(
            {
                "title": report.title.get(words.language, report.instrument),
                "comments": safe(f"{report.software} · {report.survey}"),
                "created": datetime.fromisoformat(report.created),
            }
        )
        sheets = _Sheets(book, report, words)
        sheets.write_overview()
        for table in sheets.names:
            sheets.write_table(table)
    return buffer.getvalue()


def safe(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet could take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


class _Sheets:
    """The sheets of one workbook and the formats they share."""

    def __init__(self, book: Any, report: Report, words: Words) -> None:
        self.book, self.report, self.words = book, report, words
        self.names = _sheet_names(report)
        self._formats: dict[tuple[tuple[str, object], ...], Any] = {}

    def write_overview(self) -> None:
        words, report = self.words, self.report
        sheet = self._sheet(words.say(Message("face.workbook.overview"))[:_SHEET_NAME_LENGTH])
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 2, 70)
        self._text(sheet, 0, 0, report.title.get(words.language, report.instrument), size=14)
        row = 2
        for label, value in labels.facts(report, words):
            self._text(sheet, row, 0, label, bold=True)
            self._text(sheet, row, 1, value)
            row += 1
        for mark in labels.marks(report, words):
            self._text(sheet, row, 0, mark, bold=True)
            row += 1
        row += 1
        for column, key in enumerate(("sheet", "table", "provenance")):
            self._text(
                sheet, row, column, words.say(Message(f"face.workbook.{key}")), bold=True, bottom=1
            )
        for table, name in self.names.items():
            row += 1
            sheet.write_url(row, 0, f"internal:'{name}'!A1", string=name)
            entry = _find(self.report, table)
            title = words.say(entry.title)
            if entry.withheld is not None:
                title = words.say(Message("face.unlicensed_title", {"title": title}))
            self._text(sheet, row, 1, title, text_wrap=True)
            self._text(sheet, row, 2, labels.provenance(entry.provenance, words), text_wrap=True)

    def write_table(self, table_id: str) -> None:
        words, table = self.words, _find(self.report, table_id)
        sheet = self._sheet(self.names[table_id])
        self._text(sheet, 0, 0, words.say(table.title), size=13)
        self._text(sheet, 1, 0, labels.provenance(table.provenance, words), italic=True)
        top = 3
        headings, written = labels.heading(table, words), labels.rows(table, words)
        for column, heading in enumerate(headings):
            numeric = table.columns[column].kind not in ("text", "message")
            side = "right" if numeric else "left"
            self._text(sheet, top, column, heading, bold=True, bottom=1, text_wrap=True, align=side)
            longest = max((len(row[column]) for row in written), default=0)
            longest = max(longest, *(len(word) for word in heading.split()), _NARROWEST)
            sheet.set_column(column, column, min(longest + 2, _WIDEST))
        for offset, (cells, texts) in enumerate(zip(table.rows, written, strict=True), start=1):
            for index, (cell, text) in enumerate(zip(cells, texts, strict=True)):
                self._cell(sheet, (top + offset, index), cell, text, table.columns[index])
        sheet.freeze_panes(top + 1, 1)
        bottom = top + len(table.rows) + 2
        notes = [words.say(note) for note in table.notes] + labels.marks(self.report, words)
        if table.withheld is not None:
            self._text(sheet, 2, 0, labels.unlicensed(table.withheld, words), bold=True)
        for offset, note in enumerate(notes):
            self._text(sheet, bottom + offset, 0, note)

    def _cell(
        self, sheet: Any, place: tuple[int, int], cell: Cell, text: str, column: Column
    ) -> None:
        if column.kind in ("text", "message"):
            self._text(sheet, *place, text, text_wrap=True, valign="top")
        elif isinstance(cell, int | float):
            form = self._format(num_format=_number_format(column), valign="top")
            sheet.write_number(*place, cell, form)
        else:
            self._text(sheet, *place, text, align="right", valign="top")

    def _sheet(self, name: str) -> Any:
        sheet = self.book.add_worksheet(name)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        marks = " · ".join(labels.marks(self.report, self.words))
        if marks:
            # In a header "&" begins a code; doubled it is the sign itself.
            sheet.set_header("&L" + marks.replace("&", "&&"))
        sheet.set_footer("&L&A&R&P / &N")
        return sheet

    def _text(self, sheet: Any, row: int, column: int, text: str, **look: object) -> None:
        if "size" in look:
            look = look | {"bold": True, "font_size": look["size"]}
            del look["size"]
        sheet.write_string(row, column, safe(text), self._format(**look))

    def _format(self, **look: object) -> Any:
        key = tuple(sorted(look.items()))
        if key not in self._formats:
            self._formats[key] = self.book.add_format(look)
        return self._formats[key]


def _number_format(column: Column) -> str:
    decimals = "." + "0" * column.digits if column.digits else ""
    match column.kind:
        case "count":
            return "#,##0"
        case "percent":
            return f"0{decimals}%"
        case _:
            return f"0{decimals}"


def _find(report: Report, table_id: str) -> Table:
    return next(
        table for section in report.sections for table in section.tables if table.id == table_id
    )


def _sheet_names(report: Report) -> dict[str, str]:
    """Name each table's sheet by its id, within what a workbook allows."""
    names: dict[str, str] = {}
    for section in report.sections:
        for table in section.tables:
            name, count = table.id[:_SHEET_NAME_LENGTH], 1
            while name.lower() in {taken.lower() for taken in names.values()}:
                count += 1
                name = f"{table.id[: _SHEET_NAME_LENGTH - len(str(count)) - 1]}_{count}"
            names[table.id] = name
    return names
