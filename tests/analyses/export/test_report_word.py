from dataclasses import replace
from io import BytesIO

import pytest
from docx import Document
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn

from analyses import labels
from analyses.chapters import chapters
from analyses.export import pictures, report_word
from analyses.wording import words
from tests.analyses.reports import MARKED, MEANS, REPORT, plain


@pytest.fixture(scope="module", params=["da", "en"])
def language(request):
    return request.param


@pytest.fixture(scope="module")
def read(language):
    said = words(language)
    made = report_word.contents(MARKED, said, pictures.draw(MARKED, said))
    return Document(BytesIO(made))


def test_headings_are_headings_in_order(read, language):
    said = words(language)
    expected = []
    for chapter in chapters(MARKED):
        expected.append(("Heading 1", labels.chapter(chapter, said)))
        expected += [("Heading 2", labels.title(section, said)) for section in chapter.sections]
    found = [
        (one.style.name, one.text) for one in read.paragraphs if one.style.name.startswith("Head")
    ]
    assert found == expected


def test_it_says_its_language(read, language):
    tags = [tag.get(qn("w:val")) for tag in read.styles["Normal"].element.iter(qn("w:lang"))]
    assert tags[-1] == {"da": "da-DK", "en": "en-GB"}[language]
    assert read.core_properties.title == MARKED.title[language]
    assert read.settings.element.find(qn("w:autoHyphenation")) is not None


def test_every_figure_carries_its_description(read, language):
    said = words(language)
    told = [shape._inline.docPr.get("descr") for shape in read.inline_shapes]
    assert told == [
        said.say(figure.alt)
        for chapter in chapters(MARKED)
        for section in chapter.sections
        for figure in section.figures
    ]
    for shape in read.inline_shapes:
        assert shape.width <= report_word.WIDEST
        assert shape.height <= report_word.TALLEST


def test_first_rows_are_repeated_and_rows_stay_whole(read):
    for table in read.tables:
        first, *others = table._tbl.tr_lst
        assert first.trPr.find(qn("w:tblHeader")) is not None
        assert all(row.trPr.find(qn("w:tblHeader")) is None for row in others)
        assert all(row.trPr.find(qn("w:cantSplit")) is not None for row in (first, *others))


def test_marks_stand_on_every_page_and_only_where_they_apply(read, language):
    said = words(language)
    # Every section takes its header from the first.
    assert all(section.header.is_linked_to_previous for section in list(read.sections)[1:])
    for mark in labels.marks(MARKED, said):
        assert mark in read.sections[0].header.paragraphs[0].text
    plainly = Document(BytesIO(report_word.contents(replace(REPORT, sections=()), said, {})))
    assert plainly.sections[0].header.paragraphs[0].text == ""


def test_a_wide_table_lies_on_its_side_and_the_next_does_not(language):
    columns = MEANS.columns * 6
    wide = replace(MEANS, id="wide", columns=columns, rows=(MEANS.rows[0] * 6,), respondents=None)
    section = replace(REPORT.section("levels"), tables=(MEANS, wide), figures=())
    made = report_word.contents(replace(REPORT, sections=(section,)), words(language), {})
    lying = [one.orientation == WD_ORIENT.LANDSCAPE for one in Document(BytesIO(made)).sections]
    assert lying == [False, True, False]


def test_text_that_xml_cannot_hold_or_could_take_for_markup_is_told_as_text(language):
    nasty = "<w:p> & \x00\x0b \ud83d \"'"
    table = replace(MEANS, title=plain(nasty, nasty), rows=((nasty, *MEANS.rows[0][1:]),))
    section = replace(
        REPORT.section("levels"), answer=plain(nasty, nasty), tables=(table,), figures=()
    )
    made = report_word.contents(
        replace(REPORT, survey=nasty, sections=(section,)), words(language), {}
    )
    read = Document(BytesIO(made))
    cleaned = "<w:p> &   \"'"
    assert read.tables[0].cell(1, 0).text == cleaned
    assert any(cleaned in one.text for one in read.paragraphs)
