from dataclasses import replace
from io import BytesIO

import pytest
from docx import Document
from docx.oxml.ns import qn

from analyses import labels
from analyses.briefing.brief import compose
from analyses.export import pictures, summary_word
from analyses.wording import words
from tests.analyses.reports import MARKED, REPORT


@pytest.fixture(scope="module", params=["da", "en"])
def language(request):
    return request.param


@pytest.fixture(scope="module")
def drawn(language):
    return pictures.draw(REPORT, words(language))


def _read(report, language, drawn):
    return Document(BytesIO(summary_word.contents(report, words(language), drawn)))


def test_it_holds_every_text_of_the_brief_in_its_order(language, drawn):
    document = _read(REPORT, language, drawn)
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    place = 0
    for part in compose(REPORT, words(language)).texts():
        place = text.index(part, place)


def test_headings_are_headings_and_lists_are_lists(language, drawn):
    document, brief = _read(REPORT, language, drawn), compose(REPORT, words(language))
    styles = {paragraph.text: paragraph.style.name for paragraph in document.paragraphs}
    assert styles[brief.title] == "Heading 1"
    assert styles[brief.headings["certainty"]] == "Heading 2"
    assert styles[f"✗ {brief.headings['cannot']}"] == "Heading 3"
    assert all(styles[text] == "List Bullet" for text in brief.cannot)
    assert styles[f"{brief.results[0].verdict}. {brief.results[0].text}"] == "List Bullet"


def test_language_title_and_description_are_stated(language, drawn):
    document, brief = _read(REPORT, language, drawn), compose(REPORT, words(language))
    tag = {"da": "da-DK", "en": "en-GB"}[language]
    assert document.styles["Normal"].element.rPr.find(qn("w:lang")).get(qn("w:val")) == tag
    assert document.core_properties.title == brief.title
    assert document.core_properties.language == language
    (shape,) = document.inline_shapes
    assert shape._inline.docPr.get("descr") == brief.figure_alt
    fields = [part.text for part in document.sections[0].footer._element.iter(qn("w:instrText"))]
    assert fields == ["PAGE", "NUMPAGES"]


def test_marks_stand_on_every_page(language, drawn):
    header = _read(MARKED, language, drawn).sections[0].header
    for mark in labels.marks(MARKED, words(language)):
        assert mark in header.paragraphs[0].text


def test_without_a_figure_it_says_so(language):
    sections = tuple(replace(section, figures=()) for section in REPORT.sections)
    report = replace(REPORT, sections=sections)
    document = _read(report, language, {})
    assert not document.inline_shapes
    missing = words(language).catalogue["face.summary.figure_missing"]
    assert missing in [paragraph.text for paragraph in document.paragraphs]


def test_the_same_report_gives_the_same_document(language, drawn):
    one, other = (
        [paragraph.text for paragraph in _read(REPORT, language, drawn).paragraphs]
        for _ in range(2)
    )
    assert one == other
