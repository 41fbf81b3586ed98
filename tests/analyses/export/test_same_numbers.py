"""Every published number read back out of every file, and held against results.json."""

import csv
import re
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, NamedTuple

import pyreadstat
import pytest
from docx import Document
from docx.oxml.ns import qn
from openpyxl import load_workbook
from pypdf import PdfReader

from analyses import labels, output
from analyses.chapters import chapters, shown
from analyses.export import datasets, html, report_pdf, report_word, results, workbook
from analyses.section import Hidden, Report, Table
from analyses.wording import Words, words
from tests.analyses import demonstrations
from tests.analyses.reports import MARKED, REPORT

Cells = list[list[str]]


class Run(NamedTuple):
    folder: Any
    report: Report
    words: Words

    @property
    def tables(self) -> list[Table]:
        """The tables that are shown, in the order of the chapters."""
        return [
            table
            for chapter in chapters(self.report)
            for section in chapter.sections
            for table in shown(section)
        ]

    @property
    def evidence(self) -> list[str]:
        return [
            labels.evidence(number, self.words)
            for chapter in chapters(self.report)
            for section in chapter.sections
            for finding in section.findings
            for number in finding.evidence
        ]


REPORTS = {
    "small": lambda: REPORT,
    "marked": lambda: MARKED,
    "mental_ability": lambda: demonstrations.validated("mental_ability"),
}


@pytest.fixture(
    scope="module",
    params=[("small", "da"), ("marked", "en"), ("mental_ability", "da")],
    ids=lambda one: "-".join(one),
)
def run(request, tmp_path_factory):
    name, language = request.param
    folder = tmp_path_factory.mktemp(name) / "report"
    output.write(REPORTS[name](), folder, language=language)
    return Run(folder, results.read(folder / results.FILE_NAME), words(language))


def _plain(text: str) -> str:
    """Leave out what setting text adds: blanks, ends of lines, and letters drawn as one."""
    return re.sub(r"[\s\xad]+", "", unicodedata.normalize("NFKC", text))


def _number(text: str, said: Words) -> float:
    """Read a number as a person does: by the language's marks, a percentage as a proportion."""
    plain = _plain(text).replace("−", "-")
    if plain.startswith("<"):
        return 0.0
    percent = plain.endswith("%")
    plain = plain.rstrip("%").replace(said.style.thousands, "").replace(said.style.decimal, ".")
    return float(plain) / 100 if percent else float(plain)


def _compare(run: Run, table: Table, read: Cells) -> None:
    """Hold the cells of one table, as they are read, against those of results.json."""
    assert len(read) == len(table.rows), table.id
    for texts, row in zip(read, table.rows, strict=True):
        for text, cell, column in zip(texts, row, table.columns, strict=True):
            if isinstance(cell, int | float) and column.kind not in ("text", "message"):
                assert _number(text, run.words) == pytest.approx(cell, abs=1e-12), table.id
            else:
                written = run.words.cell(cell, column.kind, column.digits)
                assert _plain(text) == _plain(written), table.id


class _Tables(HTMLParser):
    """Collects the cells of the bodies of tables, by the id of the frame around each."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, Cells] = {}
        self.texts: list[str] = []
        self._rows: Cells | None = None
        self._in_body = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        name = dict(attrs).get("id") or ""
        if tag == "div" and name.startswith("table-"):
            self._rows = self.found[name.removeprefix("table-")] = []
        elif tag == "tbody":
            self._in_body = True
        elif tag == "tr" and self._in_body:
            self._rows.append([])
        elif tag in ("td", "th") and self._in_body:
            self._rows[-1].append("")

    def handle_endtag(self, tag):
        if tag == "tbody":
            self._in_body = False

    def handle_data(self, data):
        self.texts.append(data)
        if self._in_body and self._rows and self._rows[-1]:
            self._rows[-1][-1] += data


def _follow(whole: str, parts: Iterator[str] | list[str]) -> None:
    """Check that all parts stand in a text, in their order."""
    place = 0
    for part in parts:
        found = whole.find(_plain(part), place)
        assert found >= 0, f"{part!r} does not follow {whole[max(place - 60, 0) : place]!r}"
        place = found + len(_plain(part))


def test_html(run):
    page = _Tables((run.folder / html.FILE_NAME).read_text(encoding="utf-8"))
    assert list(page.found) == [table.id for table in run.tables]
    for table in run.tables:
        _compare(run, table, page.found[table.id])
    _follow(_plain(" ".join(page.texts)), run.evidence)


def test_word(run):
    document = Document(str(run.folder / report_word.FILE_NAME))
    read = [
        [
            ["".join(text.text or "" for text in cell.iter(qn("w:t"))) for cell in row.tc_lst]
            for row in table._tbl.tr_lst
        ]
        for table in document.tables
    ]
    assert len(read) == len(run.tables)
    for table, (heading, *rows) in zip(run.tables, read, strict=True):
        assert heading == labels.heading(table, run.words)
        _compare(run, table, rows)
    _follow(_plain(" ".join(one.text for one in document.paragraphs)), run.evidence)


def test_pdf(run):
    pages = PdfReader(run.folder / report_pdf.FILE_NAME).pages
    whole = _plain(" ".join(page.extract_text() for page in pages))

    def told() -> Iterator[str]:
        """Give every row as one text, and every number of the findings, as they are read."""
        for chapter in chapters(run.report):
            for section in chapter.sections:
                for finding in section.findings:
                    yield from (labels.evidence(one, run.words) for one in finding.evidence)
                for table in shown(section):
                    yield run.words.say(table.title)
                    yield from ("".join(row) for row in labels.rows(table, run.words))

    _follow(whole, told())


def test_workbook(run):
    book = load_workbook(run.folder / workbook.FILE_NAME)
    names = workbook._sheet_names(run.report)
    for table in (table for section in run.report.sections for table in section.tables):
        rows = list(book[names[table.id]].iter_rows(min_row=5, values_only=True))
        for row, read in zip(table.rows, rows, strict=False):
            for cell, value, column in zip(row, read, table.columns, strict=False):
                if isinstance(cell, int | float) and column.kind not in ("text", "message"):
                    assert value == cell
                else:
                    written = run.words.cell(cell, column.kind, column.digits)
                    assert (value or "") == workbook.safe(written)


def _data_tables(run: Run) -> Iterator[tuple[Table, Any]]:
    for section in run.report.sections:
        for table in section.tables:
            place = run.folder / datasets.FOLDER_NAME
            yield table, place if table.withheld is None else place / datasets.UNLICENSED


def test_csv(run):
    marked = bool(labels.marks(run.report, run.words))
    for table, place in _data_tables(run):
        with (place / f"{table.id}.csv").open(encoding="utf-8-sig", newline="") as file:
            heading, *rows = csv.reader(file)
        names = [column.name for column in table.columns]
        assert heading == [*names, *([datasets.MARK] if marked else [])]
        assert len(rows) == len(table.rows)
        for row, read in zip(table.rows, rows, strict=True):
            for cell, text, column in zip(row, read, table.columns, strict=False):
                if isinstance(cell, int | float) and column.kind not in ("text", "message"):
                    assert float(text) == cell
                elif cell is None:
                    assert text == ""
                else:
                    written = run.words.cell(cell, column.kind, column.digits)
                    assert text == workbook.safe(written)


def test_spss(run):
    for table, place in _data_tables(run):
        path = place / f"{table.id}.sav"
        frame, _ = pyreadstat.read_sav(path)
        as_written, meta = pyreadstat.read_sav(path, user_missing=True)
        heading = [datasets._cut(text, 255) for text in labels.heading(table, run.words)]
        assert meta.column_labels == heading
        assert len(frame) == len(table.rows)
        for place_of, column in enumerate(table.columns):
            name = meta.column_names[place_of]
            for row, value in zip(table.rows, frame[name], strict=True):
                cell = row[place_of]
                if column.kind in ("text", "message"):
                    written = run.words.cell(cell, column.kind, column.digits)
                    assert value == workbook.safe(written)
                elif isinstance(cell, int | float):
                    assert value == cell
                else:
                    assert value != value
            if any(isinstance(row[place_of], Hidden) for row in table.rows):
                assert datasets.HIDDEN in set(as_written[name])
                assert meta.variable_value_labels[name] == {
                    datasets.HIDDEN: run.words.catalogue["hidden"]
                }
