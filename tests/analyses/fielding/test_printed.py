"""The printed questionnaire: everything is there, nothing is marked, no row is broken."""

import io
import re
from collections.abc import Sequence

import pytest
from docx import Document
from docx.oxml.ns import qn
from pypdf import PdfReader

import instruments
from analyses.fielding import pdf, word
from analyses.fielding.questionnaire import Questionnaire, build
from analyses.fielding.sheet import write_out
from analyses.wording import words

KKS = instruments.load("coupling")
ANSWERS = 7
LANGUAGES = ("da", "en")


def _statements(asked: Questionnaire, language: str) -> list[str]:
    return [one.text[language] for part in asked.sections for one in part.statements]


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _pages(content: bytes) -> list[str]:
    return [_one_line(page.extract_text()) for page in PdfReader(io.BytesIO(content)).pages]


@pytest.fixture(scope="module", params=["short", "full_1"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pdf_has_every_text_and_a_box_for_every_answer(form: str, language: str) -> None:
    asked = build(KKS, form, language=language)
    pages = _pages(pdf.contents(write_out(asked, words(language))))
    text = " ".join(pages)
    statements = _statements(asked, language)
    for wanted in [
        asked.title[language],
        *asked.introduction(language),
        *statements,
        *(question.column.question[language] for question in asked.questions),
        *(choice.label[language] for one in asked.questions for choice in one.choices),
        asked.thanks[language],
    ]:
        assert _one_line(wanted).replace(" ", "") in text.replace(" ", "").replace("\u00ad", "")
    boxes = len(statements) * ANSWERS + sum(len(one.choices) for one in asked.questions)
    assert text.count("☐") == boxes


def test_every_page_of_the_pdf_has_its_number_and_the_form(form: str) -> None:
    pages = _pages(pdf.contents(write_out(build(KKS, form, language="da"), words("da"))))
    for number, page in enumerate(pages, start=1):
        assert f"Side {number} af {len(pages)}" in page
        assert f"{KKS.title['da']} {KKS.version}" in page


def test_no_statement_of_the_pdf_is_broken_over_pages(form: str) -> None:
    asked = build(KKS, form, language="da")
    pages = [page.replace(" ", "") for page in _pages(_pdf(asked))]
    for text in _statements(asked, "da"):
        assert sum(text.replace(" ", "") in page for page in pages) == 1


def _pdf(asked: Questionnaire) -> bytes:
    return pdf.contents(write_out(asked, words(asked.language)))


def test_the_pdf_is_tagged_and_large_enough_to_read() -> None:
    reader = PdfReader(io.BytesIO(_pdf(build(KKS, "short", language="da"))))
    assert reader.root_object["/MarkInfo"]["/Marked"] == True  # noqa: E712  (an object of pypdf)
    assert str(reader.root_object["/Lang"]).startswith("da")
    sizes: dict[str, set[float]] = {}

    def visit(text: str, _ctm: Sequence[float], tm: Sequence[float], _font: object, size: float):
        if text.strip():
            sizes.setdefault(text.strip(), set()).add(round(size * abs(tm[3]), 1))

    reader.pages[0].extract_text(visitor_text=visit)
    statement = next(size for text, size in sizes.items() if text.startswith("Jeg fortæller"))
    assert statement == {11.0}
    assert min(min(one) for one in sizes.values()) >= 9


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_word_file_has_every_statement_with_its_boxes(form: str, language: str) -> None:
    asked = build(KKS, form, language=language)
    document = Document(io.BytesIO(word.contents(write_out(asked, words(language)))))
    tables = document.tables[1:]
    assert len(tables) == len(asked.sections)
    for table, section in zip(tables, asked.sections, strict=True):
        heading = [cell.text for cell in table.rows[0].cells]
        assert heading[2:] == [choice.label[language] for choice in section.choices]
        for row, statement in zip(table.rows[1:], section.statements, strict=True):
            cells = [cell.text for cell in row.cells]
            assert cells == [str(statement.number), statement.text[language], *["☐"] * ANSWERS]
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    for paragraph in (*asked.introduction(language), asked.thanks[language]):
        assert paragraph in text
    headings = [one.text for one in document.paragraphs if one.style.name == "Heading 2"]
    assert headings[:-1] == [section.label[language] for section in asked.sections]


def test_rows_of_the_word_file_stay_whole_and_the_answers_are_repeated(form: str) -> None:
    asked = build(KKS, form, language="da")
    document = Document(io.BytesIO(word.contents(write_out(asked, words("da")))))
    for table in document.tables:
        for row in table.rows:
            assert row._tr.trPr.find(qn("w:cantSplit")) is not None
    for table in document.tables[1:]:
        assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
    footer = document.sections[0].footer.paragraphs[0]
    fields = [one.text for one in footer._p.iter(qn("w:instrText"))]
    assert fields == ["PAGE", "NUMPAGES"]
    assert document.styles["Normal"].font.size.pt == 11


def test_reversed_items_and_codes_are_not_shown() -> None:
    asked = build(KKS, "full", language="da")
    text = " ".join(_pages(_pdf(asked)))
    reversed_items = [item for item in KKS.items if item.keying == -1]
    assert len(reversed_items) == 4
    assert not re.search(r"I_bro|I_kom|\(R\)|vendt|omvendt", text)
