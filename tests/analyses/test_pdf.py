import re
from dataclasses import replace
from io import BytesIO

import pytest
from pypdf import PdfReader

from analyses import labels
from analyses.export import pdf, pictures
from analyses.section import Finding, Message, Verdict
from analyses.wording import words
from tests.analyses.reports import FIT, MARKED, OMEGA, REPORT


@pytest.fixture(scope="module", params=["da", "en"])
def language(request):
    return request.param


@pytest.fixture(scope="module")
def drawn(language):
    return pictures.draw(REPORT, words(language))


def _read(report, language, drawn) -> PdfReader:
    return PdfReader(BytesIO(pdf.contents(report, words(language), drawn)))


def _text(page) -> str:
    return re.sub(r"[\s\xad]+", " ", page.extract_text().replace("-\n", ""))


def _with_verdicts(reliability: Verdict, structure: Verdict):
    sections = {
        "reliability": tuple(replace(finding, verdict=reliability) for finding in OMEGA),
        "confirmatory": (replace(FIT, verdict=structure),),
    }
    return replace(
        REPORT,
        sections=tuple(
            replace(section, findings=sections.get(section.id, ())) for section in REPORT.sections
        ),
    )


@pytest.mark.parametrize("report", [REPORT, MARKED], ids=["plain", "marked"])
def test_two_pages_with_title_language_number_and_mark(report, language, drawn):
    said = words(language)
    read = _read(report, language, drawn)
    assert len(read.pages) == 2
    assert read.metadata is not None
    assert read.metadata.title == pdf.title(report, said)
    assert read.trailer["/Root"]["/Lang"] == language
    for number, page in enumerate(read.pages, start=1):
        assert {"da": f"Side {number} af 2", "en": f"Page {number} of 2"}[language] in _text(page)
        for mark in labels.marks(report, said):
            assert mark in _text(page)


def test_it_is_tagged_and_its_fonts_are_its_own(language, drawn):
    read = _read(REPORT, language, drawn)
    assert read.trailer["/Root"]["/MarkInfo"]["/Marked"]
    fonts = {
        font.get_object()["/BaseFont"].split("+")[-1]
        for page in read.pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert fonts
    # The signs for yes and no are missing in the text's font; typst carries these two as well.
    carried = ("LibertinusSerif", "DejaVuSansMono", "NewCM")
    assert all(name.startswith(carried) for name in fonts)


def test_the_main_numbers_stand_with_their_intervals_in_words(language, drawn):
    text = " ".join(_text(page) for page in _read(REPORT, language, drawn).pages)
    between = {"da": "mellem 0,87 og 0,89", "en": "between 0.87 and 0.89"}[language]
    assert between in text
    for section in REPORT.sections:
        if section.id in ("items", "reliability", "levels"):
            assert words(language).say(section.answer) in text


@pytest.mark.parametrize("reliability", ["good", "acceptable", "poor", "undecided"])
@pytest.mark.parametrize("structure", ["good", "acceptable", "poor", "undecided"])
def test_title_and_uses_follow_the_verdicts(reliability, structure, language):
    said = words(language)
    report = _with_verdicts(reliability, structure)
    title = pdf.title(report, said)
    parts = pdf._text(report, said)
    catalogue = said.catalogue
    assert catalogue[f"face.summary.reliability.{reliability}"] in title
    assert catalogue[f"face.summary.structure.{structure}"] in title
    can, cannot = parts["can_text"], parts["cannot_text"]
    uses = {key: catalogue[f"face.summary.uses.{key}"] for key in ("groups", "change", "person")}
    assert (uses["groups"] in can) == (reliability in ("good", "acceptable"))
    supported = structure in ("good", "acceptable")
    assert (uses["change"] in can) == (reliability == "good" and supported)
    not_divided = catalogue["face.summary.uses.structure_not"]
    assert (not_divided in cannot) == (structure == "poor")
    assert uses["person"] in cannot


def test_simulated_answers_allow_no_conclusion(language):
    said = words(language)
    parts = pdf._text(MARKED, said)
    assert parts["can_text"] == [said.catalogue["face.summary.uses.practice"]]
    assert said.catalogue["face.summary.uses.person"] in parts["cannot_text"]


def test_doubts_are_told_and_counted(language):
    said = words(language)
    certainty = pdf._text(_with_verdicts("undecided", "poor"), said)["certainty_text"]
    assert isinstance(certainty, list)
    expected = {
        "da": ["Struktur: modellerne side om side (1 vurdering)", "Pålidelighed (2 vurderinger)"],
        "en": ["Structure: the models side by side (1 verdict)", "Reliability (2 verdicts)"],
    }
    assert [text.split(": ", 1)[1].rstrip(".") for text in certainty[2:]] == expected[language]


def test_much_text_still_fits_two_pages(language, drawn):
    many = tuple(replace(FIT, id=f"f{number}") for number in range(30))
    sections = tuple(
        replace(section, findings=many) if section.id == "confirmatory" else section
        for section in REPORT.sections
    )
    assert len(_read(replace(REPORT, sections=sections), language, drawn).pages) == 2


def test_without_a_figure_it_says_so(language, drawn):
    sections = tuple(replace(section, figures=()) for section in REPORT.sections)
    read = _read(replace(REPORT, sections=sections), language, drawn)
    assert len(read.pages) == 2
    assert words(language).catalogue["face.summary.figure_missing"] in _text(read.pages[0])


def test_the_danish_never_says_signifikant():
    rows = words("da").catalogue
    spoken = [text for key, text in rows.items() if key.startswith("face.summary")]
    assert spoken
    assert not any("signifikan" in text.lower() for text in spoken)


def _with_check(verdict: Verdict, key: str):
    """Give the report with a finding of the check in two of its sections."""
    claim = Message(key, {"n": 7, "differing": 2, "model": "M2"})
    return replace(
        REPORT,
        sections=tuple(
            replace(
                section,
                findings=(
                    *section.findings,
                    Finding(f"{section.id}_check", claim, verdict, notes=(claim,)),
                ),
            )
            if section.id in ("reliability", "items")
            else section
            for section in REPORT.sections
        ),
    )


def test_the_summary_says_whether_verdicts_hang_on_the_method(language, drawn):
    said = words(language)
    same = _text_of(_with_check("information", "check.claim.agrees"), language, drawn)
    assert said.say(Message("face.summary.check_same")) in same
    other = _text_of(_with_check("undecided", "check.claim.differs"), language, drawn)
    assert said.say(Message("face.summary.check_same")) not in other
    title = said.say(Message("section.reliability.title"))
    claim = said.say(Message("check.claim.differs", {"n": 7, "differing": 2}))
    assert f"{title}: {claim}" in other
    plain = _text_of(REPORT, language, drawn)
    assert said.say(Message("face.summary.check_same")) not in plain


def test_a_check_that_differs_changes_no_verdict_of_the_summary(language):
    said = words(language)
    report = _with_verdicts("good", "good")
    sections = tuple(
        replace(
            section,
            findings=(
                *section.findings,
                Finding("reliability_check", Message("check.claim.differs"), "undecided"),
            ),
        )
        if section.id == "reliability"
        else section
        for section in report.sections
    )
    assert pdf.title(replace(report, sections=sections), said) == pdf.title(report, said)


def test_the_method_box_says_how_the_models_were_fitted(language, drawn):
    said = words(language)
    notes = (Message("method.note.pairwise"), Message("confirmatory.note.boundary"))
    report = replace(
        REPORT,
        sections=tuple(
            replace(section, notes=notes) if section.id == "confirmatory" else section
            for section in REPORT.sections
        ),
    )
    written = _text_of(report, language, drawn)
    assert said.say(notes[0]) in written
    assert said.say(notes[1]) not in written


def _text_of(report, language, drawn) -> str:
    return " ".join(_text(page) for page in _read(report, language, drawn).pages)
