import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from analyses import labels
from analyses.export import html, pictures
from analyses.section import Message
from analyses.wording import words
from tests.analyses.reports import MARKED, REPORT, plain

EMPTY = {"meta", "link", "br", "hr", "img", "input"}


class Reader(HTMLParser):
    """Collects elements and text, and checks that what is opened is closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture(scope="module", params=["da", "en"])
def language(request):
    return request.param


@pytest.fixture(scope="module")
def page(language):
    return html.page(REPORT, words(language))


def test_the_page_is_well_formed_and_says_its_language(page, language):
    reader = Reader(page)
    assert dict(reader.elements)["html"] == {"lang": language}
    assert page.startswith("<!doctype html>")


def test_the_page_asks_for_nothing_from_elsewhere(page):
    reader = Reader(page)
    for tag, attributes in reader.elements:
        assert tag not in {"script", "link", "img", "iframe", "object", "image", "use"}
        assert "src" not in attributes
        if "href" in attributes:
            assert attributes["href"].startswith("#")
    assert "@import" not in page
    assert "url(" not in re.sub(r"url\(#[^)]*\)", "", page)
    assert "default-src 'none'" in page


def test_every_link_has_its_target_and_every_id_is_one_of_a_kind(page):
    elements = Reader(page).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [attributes["href"][1:] for _, attributes in elements if "href" in attributes]
    assert set(targets) <= set(ids)
    assert {f"section-{section.id}" for section in REPORT.sections} <= set(targets)


def test_every_figure_is_described_and_leads_to_its_table(page, language):
    said = words(language)
    elements = Reader(page).elements
    pictures = [attributes for tag, attributes in elements if tag == "svg"]
    figures = [figure for section in REPORT.sections for figure in section.figures]
    assert [picture["aria-label"] for picture in pictures] == [said.say(f.alt) for f in figures]
    targets = [attributes.get("href") for _, attributes in elements]
    assert {f"#table-{figure.table}" for figure in figures} <= set(targets)


def test_every_cell_and_its_origin_is_on_the_page(page, language):
    said = words(language)
    text = Reader(page).text
    for section in REPORT.sections:
        for table in section.tables:
            assert labels.provenance(table.provenance, said).replace("\xa0", " ") in text
            for row in labels.rows(table, said):
                for cell in row:
                    assert re.sub(r"\s+", " ", cell) in text


def test_findings_carry_verdict_word_rule_numbers_and_origin(page, language):
    said = words(language)
    text = Reader(page).text
    for section in REPORT.sections:
        for finding in section.findings:
            assert labels.verdict(finding, said) in text
            assert said.say(finding.claim) in text
            for quantity in finding.evidence:
                assert labels.evidence(quantity, said).replace("\xa0", " ") in text
                assert labels.provenance(quantity.provenance, said).replace("\xa0", " ") in text
    assert "Hu & Bentler 1999" in text


def test_text_from_a_file_is_never_read_as_markup():
    nasty = "<script>alert(1)</script>\"'&"
    report = replace(
        REPORT,
        survey=nasty,
        notes=(plain(nasty, nasty),),
        sections=(replace(REPORT.sections[4], answer=plain(nasty, nasty)),),
    )
    page = html.page(report, words("da"))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 4
    assert "<script" not in html.paragraph(nasty, "da")


def test_marks_stand_on_screen_and_on_every_printed_page(language):
    said = words(language)
    page = html.page(MARKED, said)
    marks = labels.marks(MARKED, said)
    assert len(marks) == 2
    for mark in marks:
        assert mark in Reader(page).text
    printed = re.search(r'@top-left \{ content: "([^"]*)"', page)
    assert printed is not None
    shown = re.sub(r"\\([0-9a-f]{6})", lambda code: chr(int(code[1], 16)), printed[1])
    assert shown == " · ".join(marks)
    # A style sheet takes a blank after an escape as the escape's end.
    assert " " not in printed[1]
    assert 'class="page-marks"' not in html.page(REPORT, said)


def test_no_catalogue_key_shows_through(page):
    text = Reader(page).text
    assert not re.search(r"\b(face|dashboard|cli|section|verdict|statistic)\.\w", text)
    assert not re.search(r"\{\w+\}", text)


def test_parts_of_a_section_are_the_reports_own(language):
    said = words(language)
    section = REPORT.sections[4]
    parts = html.section_parts(section, said)
    assert list(parts) == ["style", "figure-means", "table-means", "notes"]
    numbered = re.compile(r'<span class="numbered">[^<]*</span> ')
    page = numbered.sub("", html.page(REPORT, said))
    assert "".join(parts["table-means"].split()) in "".join(page.split())
    (image,) = [at for tag, at in Reader(parts["figure-means"]).elements if tag == "img"]
    assert image["alt"] == said.say(section.figures[0].alt)
    picture = b64decode(image["src"].removeprefix("data:image/svg+xml;base64,")).decode()
    assert picture == pictures.draw(REPORT, said)["means"]


def test_a_missing_word_is_an_error_and_not_a_gap():
    report = replace(REPORT, notes=(Message("no.such.row"),))
    with pytest.raises(LookupError, match=r"no\.such\.row"):
        html.page(report, words("da"))


def test_a_comparison_without_a_licence_is_not_on_the_page(language):
    said = words(language)
    reason = Message("licence.index")
    sections = tuple(
        replace(one, tables=tuple(replace(table, withheld=reason) for table in one.tables))
        for one in REPORT.sections
    )
    page = html.page(replace(REPORT, sections=sections), said)
    assert "<table" not in page
    assert "<table" in html.page(REPORT, said)
    parts = html.section_parts(replace(sections[0], figures=()), said)
    assert not any(name.startswith("table-") for name in parts)
