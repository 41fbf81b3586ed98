import re
from dataclasses import replace
from io import BytesIO

import pytest
from pypdf import PdfReader

from analyses import labels
from analyses.chapters import chapters
from analyses.export import pictures, report_pdf
from analyses.section import Message
from analyses.wording import words
from tests.analyses.reports import MARKED, MEANS, REPORT, plain


@pytest.fixture(scope="module", params=["da", "en"])
def language(request):
    return request.param


@pytest.fixture(scope="module")
def drawn(language):
    return pictures.draw(MARKED, words(language))


@pytest.fixture(scope="module")
def read(language, drawn):
    return PdfReader(BytesIO(report_pdf.contents(MARKED, words(language), drawn)))


def _text(page) -> str:
    return re.sub(r"[\s\xad]+", " ", page.extract_text())


def _elements(node):
    """Give every element of the tree of tags below one."""
    node = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(node, list):
        for one in node:
            yield from _elements(one)
    elif isinstance(node, dict) and "/S" in node:
        yield node
        yield from _elements(node.get("/K", []))
    elif isinstance(node, dict):
        yield from _elements(node.get("/K", []))


def test_it_is_tagged_and_says_its_language_and_title(read, language):
    root = read.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == language
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert MARKED.title[language] in read.metadata.title
    claimed = root["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in claimed
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in claimed
    assert "<pdfuaid:part>1</pdfuaid:part>" in claimed


def test_every_figure_has_its_description_and_every_table_its_headings(read, language):
    said = words(language)
    tags = list(_elements(read.trailer["/Root"]["/StructTreeRoot"]))
    alts = [str(tag["/Alt"]) for tag in tags if "/Alt" in tag]
    figures = [figure for section in MARKED.sections for figure in section.figures]
    assert {said.say(figure.alt) for figure in figures} <= set(alts)
    kinds = [tag["/S"] for tag in tags]
    tables = [table for section in MARKED.sections for table in section.tables]
    assert kinds.count("/Table") == len(tables)
    assert kinds.count("/TH") >= sum(len(table.columns) for table in tables)


def test_chapters_and_sections_are_bookmarks(read, language):
    said = words(language)

    def titles(entries):
        for entry in entries:
            if isinstance(entry, list):
                yield from titles(entry)
            else:
                yield entry.title

    told = list(titles(read.outline))
    for chapter in chapters(MARKED):
        assert labels.chapter(chapter, said) in told
        for section in chapter.sections:
            assert labels.title(section, said) in told


def test_every_page_has_its_number_and_the_marks(read, language):
    said = words(language)
    n = len(read.pages)
    for number, page in enumerate(read.pages, start=1):
        text = _text(page)
        expected = {"da": f"Side {number} af {n}", "en": f"Page {number} of {n}"}
        assert expected[language] in text
        for mark in labels.marks(MARKED, said):
            assert mark in text


def test_a_long_table_repeats_its_headings_and_a_wide_one_lies_on_its_side(language):
    said = words(language)
    long = replace(MEANS, id="long", rows=MEANS.rows[:1] * 200)
    columns = tuple(
        replace(column, name=f"{column.name}{n}") for n in range(6) for column in MEANS.columns
    )
    wide = replace(MEANS, id="wide", columns=columns, rows=(MEANS.rows[0] * 6,), respondents=None)
    section = replace(REPORT.section("levels"), tables=(long, wide), figures=())
    made = report_pdf.contents(replace(REPORT, sections=(section,)), said, {})
    read = PdfReader(BytesIO(made))
    heading = said.say(MEANS.columns[2].label)
    assert sum(heading in _text(page) for page in read.pages) >= 3
    lying = [page for page in read.pages if page.mediabox.width > page.mediabox.height]
    assert len(lying) == 1
    assert said.say(MEANS.title) in _text(lying[0])


def test_a_figure_that_is_too_tall_is_named_with_where_it_stands(language, drawn):
    said = words(language)
    figure = REPORT.sections[4].figures[0]
    tall = {**drawn, figure.id: drawn[figure.id].replace('height="', 'height="9', 1)}
    read = PdfReader(BytesIO(report_pdf.contents(REPORT, said, tall)))
    text = " ".join(_text(page) for page in read.pages)
    assert said.say(Message("face.too_tall", {"file": f"{figure.id}.svg"})) in text


def test_a_rule_is_told_once_where_findings_share_it(language, drawn):
    said = words(language)
    read = PdfReader(BytesIO(report_pdf.contents(REPORT, said, drawn)))
    text = " ".join(_text(page) for page in read.pages)
    findings = REPORT.section("reliability").findings
    assert len({labels.rule(finding, said) for finding in findings}) == 1
    assert text.count(labels.rule(findings[0], said)) == 1
    assert text.count(said.catalogue["face.rule_same"]) == len(findings) - 1


def test_text_from_a_file_is_never_read_as_markup(language):
    nasty = '#panic() $x$ *b* "\\ <a> [c]'
    section = replace(REPORT.section("levels"), answer=plain(nasty, nasty), figures=())
    made = report_pdf.contents(
        replace(REPORT, survey=nasty, sections=(section,)), words(language), {}
    )
    text = " ".join(_text(page) for page in PdfReader(BytesIO(made)).pages)
    assert text.count(nasty) == 2
