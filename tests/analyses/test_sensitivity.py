from dataclasses import replace

import pytest

from analyses import report, sensitivity
from analyses.disclosure import publish
from analyses.intake.survey import Survey
from analyses.section import Finding, Message, Provenance, Quantity, Report, Section
from analyses.wording import words
from measure.errors import OptionError
from tests.analyses.demonstrations import instrument, survey

COUNT = Provenance("ML", 200, "")


def number(value: float | None, **more: object) -> Quantity:
    return replace(Quantity("statistic.omega", value, COUNT), **more)  # type: ignore[arg-type]


def section(*findings: Finding, name: str = "reliability") -> Section:
    return Section(name, Message("plain", {"text": "so"}), findings)


def finding(name: str, verdict: str, *numbers: Quantity) -> Finding:
    claim = Message("plain", {"text": name})
    return Finding(name, claim, verdict, evidence=numbers)  # type: ignore[arg-type]


def test_findings_are_paired_by_section_and_id_and_numbers_by_name_and_what_they_are_of():
    everybody = section(
        finding("a", "good", number(0.80, of="x"), number(0.70, of="y")),
        finding("b", "good", number(0.60)),
        finding("gone", "poor"),
    )
    without = section(
        finding("b", "acceptable", number(0.604)),
        finding("a", "good", number(0.75, of="y"), number(0.80, of="x")),
    )
    found = sensitivity.run([everybody], [without], n_obs=200, n_flagged=20)
    verdicts = {row[1].values["text"]: row[2:] for row in found.table("sensitivity_verdicts").rows}
    assert verdicts["b"] == (Message("verdict.good"), Message("verdict.acceptable"))
    assert verdicts["gone"][1] == Message("sensitivity.absent")
    assert set(verdicts) == {"b", "gone"}
    rows = found.table("sensitivity_numbers").rows
    assert len(rows) == 1
    said = [words("en").write(cell) for cell in rows[0][2:]]
    assert said == ["Omega, y", "0.70", "0.75", "0.05"]
    evidence = {one.name: one.value for one in found.findings[0].evidence}
    assert evidence["statistic.verdicts_compared"] == 3
    assert evidence["statistic.verdicts_differing"] == 2


def test_numbers_that_are_shown_alike_are_not_listed():
    everybody, without = (section(finding("a", "good", number(v))) for v in (0.8012, 0.8049))
    found = sensitivity.run([everybody], [without], n_obs=200, n_flagged=20)
    assert [table.id for table in found.tables] == ["sensitivity_sections"]
    assert found.answer.key == "sensitivity.answer.none"


def test_intervals_doubles_and_missing_numbers_are_compared():
    interval = {"lower": 0.7, "upper": 0.9, "level": 0.95}
    everybody = section(
        finding("a", "good", number(0.8, **interval), number(0.5), number(None)),
    )
    without = section(
        finding("a", "good", number(0.8, **(interval | {"lower": 0.6})), number(0.5), number(0.1)),
    )
    rows = sensitivity.run([everybody], [without], n_obs=9, n_flagged=5).table(
        "sensitivity_numbers"
    )
    said = [[words("da").write(cell) for cell in row[3:]] for row in rows.rows]
    assert said == [["0,80 [0,70; 0,90]", "0,80 [0,60; 0,90]", "0,00"], ["–", "0,10", "–"]]


def test_a_section_that_is_not_run_again_is_named():
    only = [section(finding("a", "good"))]
    found = sensitivity.run(only, only, n_obs=9, n_flagged=5, not_rerun=["levels"])
    assert "Levels" in words("en").say(found.notes[-1])


def with_careless(n: int) -> Survey:
    """Give lq2002 with the first respondents answering in one line, and others at random."""
    old = survey("leadership_climate")
    data = old.data.copy()
    items = list(old.scored.columns)
    limits = [instrument("leadership_climate").response(item).limits for item in items]
    data.loc[: n - 1, items] = [[both[1] for both in limits if both]] * n
    scored = instrument("leadership_climate").score(data[items])
    return replace(old, data=data, scored=scored)


@pytest.fixture(scope="module")
def small() -> Survey:
    return with_careless(60).where(survey("leadership_climate").data.index < 500)


@pytest.fixture(scope="module")
def found(small) -> Report:
    return report.validate(instrument("leadership_climate"), small)


def test_the_report_is_of_everybody_and_says_what_changes(found):
    ids = [one.id for one in found.sections]
    assert ids[ids.index("sensitivity") :] == [
        *("sensitivity", "dialogue", "card", "validity", "review")
    ]
    assert found.n_obs == 500
    section = found.section("sensitivity")
    names = {row[0].key for row in section.table("sensitivity_sections").rows}
    assert {"section.reliability.title", "section.confirmatory.title"} <= names
    assert publish(section) == section
    screened = {one.id: one for one in found.section("screening").findings}["screening_careless"]
    flagged = {one.name: one.value for one in screened.evidence}["statistic.flagged_count"]
    assert section.findings[0].claim.values["flagged"].value == flagged


def test_dropping_the_flagged_leaves_the_screening_of_everybody(small, found):
    dropped = report.validate(instrument("leadership_climate"), small, flagged="drop")
    assert "sensitivity" not in {one.id for one in dropped.sections}
    # The log of what is hidden is about the whole report.
    of_everybody, without = (
        [table for table in one.section("screening").tables if table.id != "hidden_numbers"]
        for one in (found, dropped)
    )
    assert of_everybody == without
    assert found.section("screening").findings == dropped.section("screening").findings
    assert dropped.n_obs < found.n_obs == 500
    assert dropped.section("reliability") != found.section("reliability")
    assert "sensitivity.note.dropped" in {one.key for one in dropped.section("items").notes}
    with pytest.raises(OptionError, match="flagged"):
        report.validate(instrument("leadership_climate"), small, flagged="perhaps")
