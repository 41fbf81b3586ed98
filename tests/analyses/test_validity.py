from dataclasses import replace

import pytest

from analyses import disclosure, review, validity
from analyses.argument import jars, standards
from analyses.argument.found import found
from analyses.chapters import SOURCES
from analyses.section import Finding, Message, Section
from tests.analyses import demonstrations
from tests.analyses.demonstrations import NAMES, finding, instrument, survey


@pytest.fixture(scope="module", params=NAMES)
def report(request):
    return demonstrations.validated(request.param)


def test_every_finding_speaks_to_one_source_or_is_about_the_method(report):
    sections = found(report.sections)
    spoken = [one for source in SOURCES for one in standards.findings(sections, source)]
    assert len({one.id for one in spoken}) == len(spoken)
    method = {one.id for name in ("card", "validity") for one in sections.findings(name)}
    assert {one.id for one in spoken} | method == {
        one.id for section in report.sections for one in section.findings
    }


def test_verdicts_are_counted_where_the_sections_have_them(report):
    table = report.section("validity").table("validity_sources")
    sections = found(report.sections)
    for source, row in zip(SOURCES, table.rows, strict=True):
        own = list(standards.findings(sections, source))
        counted = dict(zip((column.name for column in table.columns), row, strict=True))
        assert counted["findings"] == len(own)
        for column, verdict in standards.JUDGED.items():
            assert counted[column] == sum(one.verdict == verdict for one in own)
        assert isinstance(counted["still_missing"], Message)


def test_interviews_speak_to_response_processes_and_functioning_to_fairness():
    said = Message("plain", {"text": "said"})
    one, two = (Finding(name, said, "good") for name in standards.ELSEWHERE)
    sections = found((Section("content", said, (one,)), Section("items", said, (two,))))
    assert list(standards.findings(sections, "content")) == []
    assert list(standards.findings(sections, "processes")) == [one]
    assert list(standards.findings(sections, "fairness")) == [two]
    assert [cell.key for cell in standards.unspoken(sections)] == [
        f"chapter.{source}.title" for source in SOURCES if source not in ("processes", "fairness")
    ]


def test_ratings_are_counted_and_no_verdict_is_given_twice(report):
    section = report.section("validity")
    assert {one.verdict for one in section.findings} == {"information"}
    counted = {number.name: number.value for number in finding(section, "validity_cosmin").evidence}
    ratings = [cell.key for cell in section.table("cosmin").column("rating")]
    for sign, name in validity.COUNTED.items():
        assert counted[f"statistic.{name}"] == ratings.count(f"cosmin.sign.{sign}")


def test_what_is_withheld_for_few_people_stays_so():
    few = replace(
        finding(demonstrations.validated("coupling").section("confirmatory"), "global_fit")
    )
    small = replace(
        few,
        evidence=tuple(
            replace(one, value=0.123, provenance=replace(one.provenance, n_obs=3))
            for one in few.evidence
        ),
    )
    sections = (Section("confirmatory", few.claim, (small,)),)
    made = validity.run(instrument("coupling"), survey("coupling"), sections=sections)
    assert "0.123" in repr(made)
    assert "0.123" not in repr(disclosure.publish(made))


def test_what_neither_file_nor_run_says_is_not_stated():
    bare = review.run(instrument("mental_ability"), survey("mental_ability"), sections=())
    full = demonstrations.validated("mental_ability").section("review")
    unstated = [
        [getattr(cell, "key", "") for cell in one.table("efpa").column("stated")].count(
            "not_stated"
        )
        for one in (bare, full)
    ]
    assert unstated[0] > unstated[1]
    for one, n in zip((bare, full), unstated, strict=True):
        assert one.answer.values["unstated"] == n


def test_jars_names_sections_that_are_there(report):
    present = {section.id for section in report.sections}
    named = {name for topics in jars.PARTS.values() for names in topics.values() for name in names}
    assert set(jars.WRITTEN_LAST) <= present
    told = repr(report.section("review").table("jars").column("where_found"))
    for name in named:
        assert (f"section.{name}.title" in told) == (name in present)
