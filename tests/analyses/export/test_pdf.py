import re
from dataclasses import replace
from io import BytesIO

import pytest
from pypdf import PdfReader

import instruments
from analyses import labels, reliability
from analyses.export import pdf, pictures
from analyses.intake.cross_section import one_wave
from analyses.intake.survey import read_survey
from analyses.modelling import methods
from analyses.modelling.fits import Plan, fit_model
from analyses.publication import assemble
from analyses.section import Finding, Message, Report, Verdict
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
    assert said.say(Message("face.summary.check_in", {"section": title, "claim": claim})) in other
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


@pytest.fixture(scope="module")
def coupling() -> Report:
    """Give the demonstration of KKS with all its scales, beside sections of the small report.

    The reference model takes the answers as numbers here, which is quicker.
    """
    loaded = instruments.load("coupling")
    survey = one_wave(loaded, read_survey(loaded.demonstration_path(), loaded))
    reference = fit_model(loaded.reference_model, survey, Plan())
    notes = tuple(methods.notes(loaded, survey, reference))
    own = reliability.run(loaded, survey, fits={reference.model.id: reference})
    sections = []
    for section in REPORT.sections:
        if section.id == "reliability":
            sections.append(own)
        elif section.id == "confirmatory":
            sections.append(replace(section, notes=notes))
        else:
            sections.append(replace(section, figures=()))
    return assemble(loaded, survey, tuple(sections))


def test_the_summary_of_many_scales_has_two_pages_and_tells_the_main_ones(coupling, language):
    said = words(language)
    further = [f for f in coupling.section("reliability").findings if f.id.startswith("further_")]
    assert len(further) == 23
    read = _read(coupling, language, pictures.draw(coupling, said))
    assert len(read.pages) == 2
    text = " ".join(_text(page) for page in read.pages)
    for scale in ("bro", "kom", "kor", "kop"):
        claim = next(
            f.claim
            for f in coupling.section("reliability").findings
            if f.id == f"reliability_{scale}"
        )
        assert said.say(claim) in text
    assert not any(said.say(finding.claim) in text for finding in further)
    assert {"da": "af 23 øvrige skalaer", "en": "of 23 other scales"}[language] in text
    # Each source once, however many numbers rest on it.
    origins = pdf._text(coupling, said)["origins"]
    assert isinstance(origins, list)
    assert len(origins) == 1
    assert "n = " in origins[0]


def test_a_figure_of_many_rows_is_made_small_enough(coupling, language):
    own = coupling.section("reliability")
    tall = replace(own, figures=own.figures[1:])
    sections = tuple(tall if part is own else part for part in coupling.sections)
    report = replace(coupling, sections=sections)
    assert len(_read(report, language, pictures.draw(report, words(language))).pages) == 2


def test_numbers_from_different_people_share_a_source(language):
    one, other = OMEGA
    quantity = other.evidence[0]
    fewer = replace(quantity, provenance=replace(quantity.provenance, n_obs=7))
    changed = (one, replace(other, evidence=(fewer,)))
    sections = tuple(
        replace(part, findings=changed) if part.id == "reliability" else part
        for part in REPORT.sections
    )
    origins = pdf._text(replace(REPORT, sections=sections), words(language))["origins"]
    assert origins == ["ML · Bentler 1990"]


def test_other_scales_change_no_title_and_are_told_among_what_the_numbers_cannot_do(language):
    said = words(language)
    report = _with_verdicts("good", "good")
    other = replace(OMEGA[0], id="further_other", verdict="poor")
    sections = tuple(
        replace(part, findings=(*part.findings, other)) if part.id == "reliability" else part
        for part in report.sections
    )
    changed = replace(report, sections=sections)
    assert pdf.title(changed, said) == pdf.title(report, said)
    row = said.catalogue["face.summary.uses.further_not"]
    assert row in pdf._text(changed, said)["cannot_text"]
    assert row not in pdf._text(report, said)["cannot_text"]
