from dataclasses import replace

import pytest

from analyses import chapters
from analyses.section import Message, Section
from analyses.wording import LANGUAGES, catalogue
from tests.analyses import demonstrations
from tests.analyses.demonstrations import NAMES
from tests.analyses.reports import MEANS, REPORT


@pytest.mark.parametrize("name", NAMES)
def test_every_section_of_a_run_has_a_chapter_of_its_own_and_stands_in_one(name):
    report = demonstrations.validated(name)
    named = [section for sections in chapters.CHAPTERS.values() for section in sections]
    assert len(named) == len(set(named))
    assert {section.id for section in report.sections} <= set(named)
    placed = [section.id for one in chapters.chapters(report) for section in one.sections]
    assert sorted(placed) == sorted(section.id for section in report.sections)


def test_a_section_that_no_chapter_names_stands_with_the_method():
    new = Section("new", Message("plain", {"text": "new"}))
    report = replace(REPORT, sections=(*REPORT.sections, new))
    placed = {one.id: one.sections for one in chapters.chapters(report)}
    assert placed["method"][-1] == new


def test_a_chapter_without_sections_is_there_and_numbered_like_the_others():
    ordered = chapters.chapters(REPORT)
    assert [one.id for one in ordered] == list(chapters.CHAPTERS)
    assert [one.number for one in ordered] == list(range(1, len(ordered) + 1))
    assert not next(one for one in ordered if one.id == "consequences").sections


def test_tables_and_figures_are_numbered_within_their_chapter_and_withheld_ones_are_not():
    withheld = replace(MEANS, id="other", withheld=Message("licence.index"))
    levels = replace(REPORT.section("levels"), tables=(withheld, MEANS))
    sections = tuple(levels if one.id == "levels" else one for one in REPORT.sections)
    ordered = chapters.chapters(replace(REPORT, sections=sections))
    numbers = chapters.numbers(ordered)
    precision = next(one.number for one in ordered if one.id == "precision")
    assert numbers["table-means"] == f"{precision}.1"
    assert numbers["figure-means"] == f"{precision}.1"
    assert "table-other" not in numbers


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chapter_has_words(language):
    rows = catalogue(language)
    for chapter in chapters.CHAPTERS:
        assert rows[f"chapter.{chapter}.title"]
        assert rows[f"chapter.{chapter}.lead"].endswith((".", "?"))
