"""Writes the codebook of an instrument or of one of its forms: workbook, web page, SPSS file."""

import html
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import xlsxwriter

from analyses.export.workbook import safe
from analyses.fielding.codes import column_names
from analyses.fielding.questionnaire import check_language, form_items
from analyses.section import Message
from analyses.wording import Words
from analyses.wording import words as spoken
from instruments.schema import BackgroundColumn, Instrument, Item, ResponseScale

MOST_LABEL = 256
"""The longest label of a variable in an SPSS file, in bytes (SPSS Statistics, VARIABLE LABELS)."""
MOST_VALUE_LABEL = 120
"""The longest label of a value in an SPSS file, in bytes (SPSS Statistics, VALUE LABELS)."""
MOST_TITLE = 60
"""The longest title of an SPSS file, in bytes (SPSS Statistics, FILE LABEL)."""
MOST_MISSING = 3
"""So many single values SPSS can declare as missing (SPSS Statistics, MISSING VALUES)."""

Rows = list[list[str]]


@dataclass(frozen=True)
class Table:
    """One table of the codebook: its title, its headings and its cells, all text."""

    title: str
    headings: list[str]
    rows: Rows


@dataclass(frozen=True)
class Codebook:
    """What a codebook says, in one language.

    Parameters
    ----------
    title
        Its heading.
    notes
        What stands above the tables.
    tables
        Items, answers and background columns.
    """

    language: str
    title: str
    notes: list[str]
    tables: tuple[Table, ...]


def build(instrument: Instrument, words: Words, *, form: str | None = None) -> Codebook:
    """Put a codebook together.

    Parameters
    ----------
    instrument
        What was asked.
    words
        The language of headings; wordings are given in every language of the instrument.
    form
        Id of a form or of a version of the rotated form: its items only, in the order asked.
        None: all items, then the variants.

    Raises
    ------
    FieldingError
        If there is no such form, or the instrument lacks the language.
    """
    check_language(instrument, words.language)
    items = _items(instrument, form)
    title = instrument.title[words.language]
    notes = [
        f"{instrument.id} {instrument.version}" + (f" · {form}" if form is not None else ""),
        instrument.status[words.language],
        _say(words, "reversing"),
    ]
    return Codebook(
        language=words.language,
        title=words.say(Message("cli.codebook.title", {"title": title})),
        notes=notes,
        tables=(
            _item_table(instrument, items, words),
            _answer_table(instrument, items, words),
            _background_table(instrument, words),
        ),
    )


def _items(instrument: Instrument, form: str | None) -> list[Item]:
    ids = instrument.all_item_ids if form is None else form_items(instrument, form)
    return [instrument.item(item) for item in ids]


def _say(words: Words, key: str, **values: str) -> str:
    return words.say(Message(f"cli.codebook.{key}", dict(values)))


def _item_table(instrument: Instrument, items: Sequence[Item], words: Words) -> Table:
    language = words.language
    with_own = any(item.self_text for item in items)
    levels = {level.id: level.label[language] for level in instrument.levels}
    headings = [_say(words, "code")]
    headings += [_say(words, "text", language=name) for name in instrument.languages]
    if with_own:
        headings += [_say(words, "self_text", language=name) for name in instrument.languages]
    keys = ("scales", "level", "keying", "kind", "instructed", "response", "version", "status")
    headings += [_say(words, key) for key in keys]
    rows = []
    for item in items:
        row = [item.id, *(item.text[name] for name in instrument.languages)]
        if with_own:
            row += [item.self_text.get(name, "") for name in instrument.languages]
        asked_for = "" if item.instructed is None else str(item.instructed)
        scales = [one.label[language] for one in instrument.scales if item.id in one.items]
        status = f"cli.codebook.status.{item.status}"
        row += [
            "; ".join(scales),
            "" if item.level is None else levels.get(item.level, item.level),
            _say(words, "reversed") if item.keying == -1 else "",
            _say(words, f"kind.{item.indicator}"),
            asked_for,
            item.response,
            item.version,
            words.say(Message(status)) if words.has(status) else item.status,
        ]
        rows.append(row)
    return Table(_say(words, "items"), headings, rows)


def _answer_table(instrument: Instrument, items: Sequence[Item], words: Words) -> Table:
    used = dict.fromkeys(item.response for item in items)
    headings = [_say(words, "response"), _say(words, "code")]
    headings += [_say(words, "text", language=name) for name in instrument.languages]
    headings.append(_say(words, "missing"))
    rows = []
    for response in (scale for scale in instrument.responses if scale.id in used):
        for code in response.codes:
            labels = [response.labels.get(name, {}).get(code, "") for name in instrument.languages]
            rows.append([response.id, str(code), *labels, ""])
        for part in response.missing:
            labels = [part.labels[name] for name in instrument.languages]
            rows.append([response.id, str(part.code), *labels, _say(words, "missing.yes")])
    return Table(_say(words, "answers"), headings, rows)


def _background_table(instrument: Instrument, words: Words) -> Table:
    languages = instrument.languages
    headings = [_say(words, "column")]
    headings += [_say(words, "question", language=name) for name in languages]
    headings += [_say(words, "code")]
    headings += [_say(words, "text", language=name) for name in languages]
    rows = []
    for column in instrument.columns:
        asked = [
            column.question.get(name) or f"{column.label[name]} ({_say(spoken(name), 'filled')})"
            for name in languages
        ]
        values: list[tuple[str, Mapping[str, str]]] = list(column.values.items())
        for value, labels in values or [("", {})]:
            rows.append([column.name, *asked, value, *(labels.get(name, "") for name in languages)])
    return Table(_say(words, "background"), headings, rows)


def workbook(book: Codebook) -> bytes:
    """Give the codebook as the bytes of an .xlsx file, one sheet a table."""
    buffer = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as file:
        file.set_properties({"title": book.title})
        bold = file.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        wrapped = file.add_format({"text_wrap": True, "valign": "top"})
        for table in book.tables:
            sheet = file.add_worksheet(table.title[:31])
            for position, heading in enumerate(table.headings):
                longest = max([len(heading), *(len(row[position]) for row in table.rows)])
                sheet.set_column(position, position, min(max(longest + 2, 10), 55), wrapped)
                sheet.write_string(0, position, heading, bold)
                for place, row in enumerate(table.rows, start=1):
                    sheet.write_string(place, position, safe(row[position]), wrapped)
            sheet.freeze_panes(1, 1)
            sheet.autofilter(0, 0, len(table.rows), len(table.headings) - 1)
    return buffer.getvalue()


STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; color: #1a1a1a; margin: 1.5rem; }
p { max-width: 46rem; }
table { border-collapse: collapse; margin: 0 0 2rem; font-size: .8rem; line-height: 1.35; }
th, td { border-bottom: 1px solid #c8c8c8; padding: .3rem .45rem; text-align: left;
  vertical-align: top; }
thead th { border-bottom: 2px solid #595959; }
td:first-child { font-family: ui-monospace, monospace; white-space: nowrap; }
/* A bar that always shows, so that a table wider than the page does not seem cut off. */
.wide { overflow-x: auto; scrollbar-color: #767676 #ececec; }
@media print { .wide { overflow: visible; } table { font-size: 7pt; } }
"""


def page(book: Codebook) -> bytes:
    """Give the codebook as the bytes of one web page that needs nothing else."""
    parts = [
        f'<!doctype html>\n<html lang="{book.language}">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(book.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
        f"<h1>{html.escape(book.title)}</h1>",
        *(f"<p>{html.escape(note)}</p>" for note in book.notes),
    ]
    for table in book.tables:
        parts.append(f'<h2>{html.escape(table.title)}</h2>\n<div class="wide"><table>\n<thead><tr>')
        parts += [f'<th scope="col">{html.escape(heading)}</th>' for heading in table.headings]
        parts.append("</tr></thead>\n<tbody>")
        for row in table.rows:
            cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
            parts.append(f"<tr>{cells}</tr>")
        parts.append("</tbody></table></div>")
    parts.append("</body>\n</html>\n")
    return "\n".join(parts).encode("utf-8")


def spss(
    instrument: Instrument,
    language: str,
    *,
    form: str | None = None,
    answers: pd.DataFrame | None = None,
) -> bytes:
    """Give an SPSS file with variable labels, value labels, missing values and measurement levels.

    Parameters
    ----------
    instrument
        What was asked.
    language
        The language of the labels.
    form
        As for `build`.
    answers
        (n_obs, n_columns) answers to put into it: codes of items (also of missing answers), text in
        background columns; items outside the form are left out, and columns that are not the
        instrument's follow as text. By default the file has no cases, ready to be filled.

    Raises
    ------
    FieldingError
        As `build`.
    """
    check_language(instrument, language)
    file = _SpssFile()
    for column in instrument.columns:
        if answers is None or column.name in answers.columns:
            file.add_column(column, language, answers)
    for item in _items(instrument, form):
        file.add_item(item, instrument.response(item.id), language, answers)
    if answers is not None:
        for name in answers.columns[~answers.columns.isin(column_names(instrument))]:
            file.add_text(name, answers[name])
    return file.contents(_cut(instrument.title[language], MOST_TITLE))


class _SpssFile:
    """The columns of an SPSS file and what is declared of each."""

    def __init__(self) -> None:
        self.data: dict[str, pd.Series[Any]] = {}
        self.labels: dict[str, str | None] = {}
        self.measures: dict[str, str] = {}
        self.values: dict[str, dict[Any, str]] = {}
        self.missing: dict[str, list[Any]] = {}

    def add_column(
        self, column: BackgroundColumn, language: str, answers: pd.DataFrame | None
    ) -> None:
        name = column.name
        self.data[name] = pd.Series([], dtype=object)
        if answers is not None:
            given = answers[name].astype(object)
            self.data[name] = given.where(given.notna(), "")
        self.labels[name] = _cut(column.question.get(language, column.label[language]))
        self.measures[name] = "nominal"
        if column.values:
            self.values[name] = {
                value: _cut(texts[language], MOST_VALUE_LABEL)
                for value, texts in column.values.items()
            }

    def add_item(
        self, item: Item, response: ResponseScale, language: str, answers: pd.DataFrame | None
    ) -> None:
        empty = pd.Series([], dtype=float)
        self.data[item.id] = empty if answers is None else answers[item.id].astype(float)
        self.labels[item.id] = _cut(item.text[language])
        self.measures[item.id] = "scale" if response.continuous else "ordinal"
        if words := _value_labels(response, language):
            self.values[item.id] = words
        if response.missing:
            self.missing[item.id] = [part.code for part in response.missing][:MOST_MISSING]

    def add_text(self, name: str, given: "pd.Series[Any]") -> None:
        self.data[name] = given.astype(object).where(given.notna(), "")
        self.labels[name] = None
        self.measures[name] = "nominal"

    def contents(self, title: str) -> bytes:
        # pyreadstat writes to a path only.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "codebook.sav"
            pyreadstat.write_sav(
                pd.DataFrame(self.data),
                str(path),
                file_label=title,
                column_labels=self.labels,
                variable_value_labels=self.values,
                missing_ranges=self.missing,
                variable_measure=self.measures,
            )
            return path.read_bytes()


def _value_labels(response: ResponseScale, language: str) -> dict[Any, str]:
    labels: dict[Any, str] = {
        code: _cut(text, MOST_VALUE_LABEL)
        for code, text in response.labels.get(language, {}).items()
    }
    for part in response.missing:
        labels[part.code] = _cut(part.labels[language], MOST_VALUE_LABEL)
    return labels


def _cut(text: str, most: int = MOST_LABEL) -> str:
    """Shorten a text to a number of bytes, at a whole letter."""
    return text.encode("utf-8")[:most].decode("utf-8", errors="ignore")
