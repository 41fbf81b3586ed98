import numpy as np
import pytest

from analyses import levels
from analyses.comparing.group_ladders import Climb
from analyses.comparing.ladder_groups import Chosen
from analyses.comparing.licences import Licence, Licences
from analyses.disclosure import publish
from analyses.section import Hidden, Message, Section
from analyses.wording import words
from tests.analyses.demonstrations import (
    evidence,
    finding,
    instrument,
    people,
    survey,
    with_rule,
)


@pytest.fixture(scope="module")
def lq2002() -> Section:
    return levels.run(instrument("leadership_climate"), survey("leadership_climate"))


def test_numbers_of_the_companies(lq2002: Section) -> None:
    # multilevel 2.7 on the same data: ICC(1) with k* .0887, ICC(2) .8008, median rwg(j) .8701.
    leadership = finding(lq2002, "levels_COMPID_leadership")
    assert evidence(leadership, "icc1") == pytest.approx(0.0886784787965469, abs=1e-7)
    assert evidence(leadership, "icc2") == pytest.approx(0.800754373013908, abs=1e-7)
    uniform = lq2002.table("agreement").column("rwg_uniform")[0]
    assert uniform == pytest.approx(0.870107663077897, abs=1e-7)


def test_the_skewed_null_decides_and_is_harder_than_the_uniform_one(lq2002: Section) -> None:
    table = lq2002.table("agreement")
    for uniform, slight in zip(
        table.column("rwg_uniform"), table.column("rwg_slight"), strict=True
    ):
        assert slight < uniform
    leadership = finding(lq2002, "levels_COMPID_leadership")
    assert leadership.verdict == "poor"
    assert evidence(leadership, "rwg_j") == table.column("rwg_slight")[0]


@pytest.mark.parametrize("value", [0.40, 0.50])
def test_the_verdict_turns_with_the_rule_s_number(value: float) -> None:
    changed = with_rule("leadership_climate", "rwg_j", value=value)
    section = levels.run(changed, survey("leadership_climate"))
    expected = "good" if value == 0.40 else "poor"
    assert finding(section, "levels_COMPID_leadership").verdict == expected


def test_the_verdict_follows_the_rule_s_null_distribution() -> None:
    changed = with_rule("leadership_climate", "rwg_j", null="uniform")
    section = levels.run(changed, survey("leadership_climate"))
    assert finding(section, "levels_COMPID_leadership").verdict == "good"
    assert section.answer.key == "levels.answer.usable"


def test_means_stand_in_the_order_of_the_labels_and_not_of_size(lq2002: Section) -> None:
    table = lq2002.table("means_COMPID_leadership")
    companies = [int(label) for label in table.column("group")]
    assert companies == sorted(companies)
    means = list(table.column("mean"))
    assert means != sorted(means)
    assert sum(table.column("respondents")) == 2042


def test_means_of_units_are_withheld_where_members_do_not_speak_for_them(
    lq2002: Section,
) -> None:
    table = lq2002.table("means_COMPID_leadership")
    assert table.withheld == Message(
        "levels.withheld.failed", {"failed": (Message("levels.failed.rwg_j"),)}
    )
    drawn = [figure.id for figure in lq2002.figures]
    assert drawn == ["scale_means", "scale_means_2", "variance_shares"]
    rows = lq2002.table("means_withheld").rows
    said = {words("en").write(row[2]): words("en").write(row[1]) for row in rows}
    reason = (
        "What the members answer cannot stand for the unit: below the limit is the median rwg(j)."
    )
    assert "Leadership" in said[reason]


def test_means_of_units_that_members_speak_for_are_shown() -> None:
    changed = with_rule("leadership_climate", "rwg_j", value=0.0)
    section = levels.run(changed, survey("leadership_climate"))
    domains = {figure.id: figure.domain for figure in section.figures}
    assert domains["means_COMPID_leadership"] == (1.0, 5.0)
    assert domains["means_COMPID_hostility"] == (0.0, 4.0)
    assert section.table("means_COMPID_leadership").withheld is None
    assert "means_withheld" not in {table.id for table in section.tables}


def test_means_of_persons_need_a_licence() -> None:
    loaded, answers = instrument("mental_ability"), survey("mental_ability")
    school = next(one for one in loaded.columns if one.name == "school")
    scales = frozenset(scale.id for scale in loaded.scales)
    reason, both = Message("licence.not_compared", {"column": "school"}), ("Pasteur", "Grant-White")
    for level, shown in (("full", True), ("partial", True), ("none", False), ("untested", False)):
        licence = Licence(school, level, reason, groups=both)
        granted = Licences({"school": licence}, scales)
        section = levels.run(loaded, answers, granted=granted)
        table = section.table("means_school_speed")
        assert (table.withheld is None) is shown
        drawn = [one for one in section.figures if one.table.startswith("means_")]
        assert bool(drawn) is shown
        assert (licence.reason in table.notes) is shown
        assert section.answer.key == f"levels.answer.{'no_cluster' if shown else 'withheld'}"
        assert len(table.rows) == 2
    other = levels.run(loaded, answers, granted=Licences({"school": licence}, frozenset()))
    assert other.table("means_school_speed").withheld == Message("licence.other_scale")


def test_groups_that_the_licence_does_not_hold_for_have_no_means() -> None:
    loaded, answers = instrument("mental_ability"), survey("mental_ability")
    school = next(one for one in loaded.columns if one.name == "school")
    reason = Message("licence.full", {"column": "school"})
    climbed = Climb(school, Chosen(("Pasteur",), ("Grant-White",), needed=150))
    licence = Licence(school, "full", reason, climbed, groups=("Pasteur",))
    scales = frozenset(scale.id for scale in loaded.scales)
    section = levels.run(loaded, answers, granted=Licences({"school": licence}, scales))
    table = section.table("means_school_speed")
    assert [row[1] for row in table.rows] == [156]
    assert table.notes[-1] == Message("invariance.note.left_out", climbed.left_out)


def test_small_groups_are_hidden_when_published() -> None:
    teams = ["a"] * 20 + ["b"] * 10 + ["c"] * 3 + ["d"] * 7
    section = levels.run(instrument("leadership_climate"), people(40, COMPID=teams))
    table = publish(section).table("means_COMPID_leadership")
    hidden = [
        group
        for group, mean in zip(table.column("group"), table.column("mean"), strict=True)
        if isinstance(mean, Hidden)
    ]
    assert "c" in hidden
    assert len(hidden) >= 2


def test_without_a_column_of_units_the_section_says_what_is_missing() -> None:
    section = levels.run(instrument("mental_ability"), survey("mental_ability"))
    assert section.answer.key == "levels.answer.withheld"
    assert section.findings == ()
    table = section.table("means_school_speed")
    assert len(table.rows) == 2
    # Its model of all items does not fit either school.
    assert table.withheld is not None
    assert table.withheld.key == "licence.failed.configural"


def test_units_of_one_person_are_a_note_and_no_crash() -> None:
    lone = [f"t{number}" for number in range(200)]
    section = levels.run(instrument("leadership_climate"), people(200, COMPID=lone))
    assert {note.key for note in section.notes} >= {"levels.note.refused"}
    assert section.findings == ()


def test_units_come_before_organisations_and_missing_answers_cost_only_their_scale() -> None:
    section = levels.run(instrument("coupling"), survey("coupling"), granted=Licences())
    answer, then = section.answer, section.notes[0]
    assert "(by unit)" in words("en").say(answer)
    assert "(by organisation)" in words("en").say(then)
    table = section.table("icc")
    assert len(table.rows) == 8
    scored = survey("coupling").scored
    complete = scored[list(instrument("coupling").scale("bro").items)].notna().all(axis=1)
    assert table.column("n")[0] == complete.sum()


def test_scores_are_means_of_items_turned_the_same_way() -> None:
    loaded, answers = instrument("coupling"), survey("coupling")
    section = levels.run(loaded, answers, granted=Licences())
    table = section.table("means_role_bro")
    scores = answers.scored[list(loaded.scale("bro").items)].mean(axis=1, skipna=False)
    leaders = scores[answers.data["role"] == "leader"].dropna()
    means = dict(zip(table.column("respondents"), table.column("mean"), strict=True))
    assert means[len(leaders)] == pytest.approx(np.mean(leaders))
