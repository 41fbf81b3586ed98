import re
from dataclasses import replace
from io import BytesIO

import pytest
from pypdf import PdfReader

import instruments
from analyses import labels, reliability
from analyses.briefing.brief import compose
from analyses.export import pdf, pictures
from analyses.intake.cross_section import one_wave
from analyses.intake.survey import read_survey
from analyses.modelling import methods
from analyses.modelling.fits import Plan, fit_model
from analyses.publication import assemble
from analyses.section import Report
from analyses.wording import words
from tests.analyses.reports import FIT, MARKED, REPORT


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


@pytest.mark.parametrize("report", [REPORT, MARKED], ids=["plain", "marked"])
def test_two_pages_with_title_language_number_and_mark(report, language, drawn):
    said = words(language)
    read = _read(report, language, drawn)
    assert len(read.pages) == 2
    assert read.metadata is not None
    assert read.metadata.title == compose(report, said).title
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


def test_the_summary_of_many_scales_has_two_pages_and_every_text_of_the_brief(coupling, language):
    said = words(language)
    read = _read(coupling, language, pictures.draw(coupling, said))
    assert len(read.pages) == 2
    text = "".join("".join(_text(page) for page in read.pages).split())
    for part in compose(coupling, said).texts():
        assert "".join(part.split()) in text, part


def test_a_figure_of_many_rows_is_made_small_enough(coupling, language):
    own = coupling.section("reliability")
    tall = replace(own, figures=own.figures[1:])
    sections = tuple(tall if part is own else part for part in coupling.sections)
    report = replace(coupling, sections=sections)
    assert len(_read(report, language, pictures.draw(report, words(language))).pages) == 2
