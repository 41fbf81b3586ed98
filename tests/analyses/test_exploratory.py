import pytest

from analyses import exploratory
from analyses.section import Section
from tests.analyses.demonstrations import (
    evidence,
    finding,
    instrument,
    survey,
    with_answers,
    with_model,
)


@pytest.fixture(scope="module")
def abilities() -> Section:
    return exploratory.run(instrument("mental_ability"), survey("mental_ability"))


def test_numbers_of_holzinger_and_swineford(abilities: Section) -> None:
    # psych 2.2.9 on the same data: KMO .752, eigenvalues 3.216, 1.639, 1.365; MAP 2, EKC 3.
    assert evidence(finding(abilities, "adequacy"), "kmo") == pytest.approx(0.752, abs=5e-4)
    eigenvalues = abilities.table("scree").column("eigenvalue")
    assert eigenvalues[:3] == pytest.approx((3.21634, 1.63871, 1.36516), abs=1e-5)
    retention = finding(abilities, "retention")
    assert evidence(retention, "n_parallel_pca") == 3
    assert evidence(retention, "n_map_squared") == 2
    assert evidence(retention, "n_ekc") == 3


def test_theory_stands_beside_what_the_criteria_say(abilities: Section) -> None:
    assert abilities.table("retention").column("n_factors")[-1] == 3
    assert abilities.answer.key == "exploratory.answer.same"


def test_solutions_are_shown_for_the_rule_s_number_and_for_the_theory_s() -> None:
    name = "leadership_climate"
    section = exploratory.run(instrument(name), survey(name))
    ids = {table.id for table in section.tables}
    assert section.answer.key == "exploratory.answer.differ"
    assert section.answer.values == {"n": 4, "theory": 3}
    assert {"efa_4", "efa_3", "efa_4_correlations", "efa_3_correlations"} <= ids


def test_a_solution_s_table_holds_every_item_and_factor(abilities: Section) -> None:
    table = abilities.table("efa_3")
    names = [part.name for part in table.columns]
    assert names == ["item", "factor_1", "factor_2", "factor_3", "communality"]
    assert len(table.rows) == 9
    figure = next(figure for figure in abilities.figures if figure.id == "efa_3")
    assert figure.channels["parts"].split() == names[1:4]


def test_the_same_seed_gives_the_same_section(abilities: Section) -> None:
    again = exploratory.run(instrument("mental_ability"), survey("mental_ability"))
    assert again == abilities


def test_two_identical_items_are_no_crash_but_a_reason() -> None:
    name = "mental_ability"
    scored = survey(name).scored.copy()
    scored["x2"] = scored["x1"]
    section = exploratory.run(instrument(name), with_answers(name, scored))
    assert section.answer.key == "exploratory.answer.failed"
    assert section.notes[-1].key == "note.technical"
    assert section.tables == ()


def test_more_factors_than_items_can_carry_are_a_note() -> None:
    items = ["x1", "x2", "x3", "x4"]
    text = "a =~ x1\nb =~ x2\nc =~ x3\nd =~ x4"
    loaded = with_model("mental_ability", "three_factors", syntax=text)
    assert instrument("mental_ability").reference_model.id == "three_factors"
    section = exploratory.run(loaded, survey("mental_ability"))
    note = next(note for note in section.notes if note.key == "exploratory.note.no_solution")
    assert note.values["n"] == len(items)
