from dataclasses import replace

import pytest

from analyses import pages
from analyses.section import Column, Message, Provenance, Section, Table, Text
from analyses.wording import LANGUAGES, words
from tests.analyses.reports import MEANS, REPORT, plain

LICENCES = Table(
    id="licences",
    title=plain("Licenser", "Licences"),
    columns=(
        Column("background", plain("Baggrund", "Background"), "message"),
        Column("licence", plain("Licens", "Licence"), "message"),
    ),
    rows=(
        (Text({"da": "Rolle", "en": "Role"}), Message("licence.level.full")),
        (Text({"da": "Sektor", "en": "Sector"}), Message("licence.level.partial")),
        (Text({"da": "Sprog", "en": "Language"}), Message("licence.level.none")),
    ),
    provenance=Provenance("", None, ""),
)
ROLES = replace(MEANS, id="latent_means_role")
HELD = replace(MEANS, id="means_unit_lead", withheld=plain("Uenige", "In disagreement"))
INVARIANCE = Section(
    "invariance",
    plain("Skemaet måler ens.", "The questionnaire measures alike."),
    tables=(LICENCES, ROLES),
)


def _report(*sections: Section):
    ids = {section.id for section in sections}
    others = tuple(one for one in REPORT.sections if one.id not in ids)
    return replace(REPORT, sections=(*others, *sections))


def _ids(report, page_id: str) -> list[str]:
    found = pages.sections(report, pages.page(page_id))
    return [table.id for section in found for table in section.tables]


def test_every_page_has_an_address_and_words_of_its_own():
    assert len({page.path for page in pages.PAGES}) == len(pages.PAGES)
    assert all(page.path.isascii() and page.path.isalpha() for page in pages.PAGES)
    for language in LANGUAGES:
        titles = [words(language).say(Message(f"page.{page.id}.title")) for page in pages.PAGES]
        assert len(set(titles)) == len(pages.PAGES)


def test_tables_of_groups_stand_on_the_page_of_groups_and_on_no_other():
    report = _report(INVARIANCE, replace(REPORT.section("levels"), tables=(MEANS,)))
    assert _ids(report, "groups") == ["latent_means_role"]
    assert _ids(report, "invariance") == ["licences"]
    report = _report(INVARIANCE, replace(REPORT.section("levels"), tables=(ROLES, MEANS)))
    assert _ids(report, "levels") == ["means"]


def test_what_is_withheld_is_on_no_page():
    report = _report(replace(REPORT.section("levels"), tables=(HELD, MEANS), figures=()))
    shown = [table for page in pages.PAGES for table in _ids(report, page.id)]
    assert HELD.id not in shown
    assert MEANS.id in shown


def test_the_page_of_groups_says_by_what_groups_may_be_compared():
    report = _report(INVARIANCE)
    said = words("da").say(pages.answer(report, pages.page("groups")))
    assert "efter rolle og sektor, men ikke efter sprog" in said
    allowed = replace(LICENCES, rows=LICENCES.rows[:2])
    report = _report(replace(INVARIANCE, tables=(allowed, ROLES)))
    assert pages.answer(report, pages.page("groups")).key == "page.groups.all"
    report = _report(replace(INVARIANCE, tables=(LICENCES,)))
    assert pages.answer(report, pages.page("groups")).key == "page.groups.nothing"


def test_a_page_without_sections_says_what_it_would_take():
    said = words("da").say(pages.answer(REPORT, pages.page("development")))
    assert "Med en anden måling" in said


def test_the_argument_is_shown_where_there_is_one_and_the_claims_where_not():
    claims = Section("claims", plain("Påstande", "Claims"))
    validity = Section("validity", plain("Argument", "Argument"))
    page = pages.page("validity")
    assert [one.id for one in pages.sections(_report(claims), page)] == ["claims"]
    assert [one.id for one in pages.sections(_report(claims, validity), page)] == ["validity"]


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.id)
def test_every_section_of_a_page_has_a_title(page):
    for section in (*page.sections, *page.instead):
        if section not in ("disclosure", "validity"):
            assert words("da").has(f"section.{section}.title")
