from dataclasses import replace
from io import BytesIO
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook

from analyses import labels
from analyses.export import workbook
from analyses.section import Hidden, Message
from analyses.wording import words
from tests.analyses.reports import MARKED, MEANS, REPORT, plain

TABLES = [table for section in REPORT.sections for table in section.tables]


@pytest.fixture(scope="module", params=["da", "en"])
def language(request):
    return request.param


@pytest.fixture(scope="module")
def book(language):
    return load_workbook(BytesIO(workbook.contents(REPORT, words(language))))


def _texts(sheet) -> list[str]:
    return [cell.value for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]


def test_one_sheet_a_table_after_one_that_lists_them(book, language):
    overview = {"da": "Indhold", "en": "Contents"}[language]
    assert book.sheetnames == [overview, *(table.id for table in TABLES)]
    listed = _texts(book[overview])
    for table in TABLES:
        assert table.id in listed
        assert words(language).say(table.title) in listed


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.id)
def test_a_sheet_holds_headings_cells_notes_and_origin(book, language, table):
    said = words(language)
    sheet = book[table.id]
    texts = _texts(sheet)
    assert said.say(table.title) in texts
    assert labels.provenance(table.provenance, said) in texts
    assert [cell.value for cell in sheet[4]] == labels.heading(table, said)
    for note in table.notes:
        assert said.say(note) in texts
    written = labels.rows(table, said)
    for place, (row, written_row) in enumerate(zip(table.rows, written, strict=True), start=5):
        for cell, value, text in zip(sheet[place], row, written_row, strict=True):
            if isinstance(value, int | float):
                assert cell.value == value
            else:
                assert cell.value == workbook.safe(text)


def test_numbers_show_the_digits_of_their_column(book):
    row = book["means"][5]
    assert [cell.number_format for cell in row[1:]] == ["#,##0", "0.00", "0.00", "0.00", "0.000"]
    assert book["answers"]["B5"].number_format == "0.0%"


def test_no_cell_is_a_formula():
    starts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|'/c calc'!A1", "{=1}"]
    table = replace(
        MEANS,
        title=plain("=1+1", "=1+1"),
        rows=tuple((text, 10, 1.0, 1.0, 1.0, 0.5) for text in starts),
        notes=(plain("@x", "@x"),),
    )
    report = replace(
        REPORT,
        survey="=1+1.csv",
        title={"da": "=2+2"},
        sections=(replace(REPORT.sections[4], tables=(table,), figures=()),),
    )
    content = workbook.contents(report, words("da"))
    for sheet in load_workbook(BytesIO(content)).worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                assert not str(cell.value or "").startswith(("=", "+", "-", "@", "\t", "\r"))
    with ZipFile(BytesIO(content)) as parts:
        sheets = [name for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
        assert sheets
        assert all(b"<f>" not in parts.read(name) for name in sheets)


def test_hidden_cells_hold_the_word_alone(book, language):
    word = {"da": "skjult", "en": "hidden"}[language]
    assert [cell.value for cell in book["means"][7][1:]] == [word] * 4 + ["–"]
    assert isinstance(MEANS.rows[2][1], Hidden)


def test_marks_stand_in_every_sheet_and_on_every_printed_page(language):
    said = words(language)
    marked = load_workbook(BytesIO(workbook.contents(MARKED, said)))
    for sheet in marked.worksheets:
        for mark in labels.marks(MARKED, said):
            assert mark in _texts(sheet)
            assert mark in (sheet.oddHeader.left.text or "")


def test_long_ids_give_sheet_names_that_differ():
    tables = tuple(replace(MEANS, id=f"means_of_every_single_scale_by_{n}") for n in "abc")
    section = replace(REPORT.sections[4], tables=tables, figures=())
    names = workbook._sheet_names(replace(REPORT, sections=(section,)))
    assert len(set(names.values())) == 3
    assert all(len(name) <= 31 for name in names.values())


def test_the_same_report_gives_the_same_workbook(language):
    assert workbook.contents(REPORT, words(language)) == workbook.contents(REPORT, words(language))


def test_a_comparison_without_a_licence_is_there_for_specialists_and_marked(language):
    said = words(language)
    section = next(one for one in REPORT.sections if MEANS in one.tables)
    withheld = replace(MEANS, withheld=Message("licence.index"))
    others = tuple(withheld if table is MEANS else table for table in section.tables)
    sections = tuple(
        replace(one, tables=others) if one is section else one for one in REPORT.sections
    )
    content = workbook.contents(replace(REPORT, sections=sections), said)
    book = load_workbook(BytesIO(content))
    mark = said.say(Message("face.unlicensed", {"reason": Message("licence.index")}))
    assert mark in _texts(book[MEANS.id])
    assert mark not in _texts(load_workbook(BytesIO(workbook.contents(REPORT, said)))[MEANS.id])
    title = said.say(Message("face.unlicensed_title", {"title": said.say(MEANS.title)}))
    assert title in _texts(book[book.sheetnames[0]])
