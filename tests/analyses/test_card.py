import pytest

from analyses import card
from analyses.section import Section
from tests.analyses.demonstrations import evidence, finding, fits, instrument, survey, with_model


@pytest.fixture(scope="module")
def coupling() -> Section:
    return card.run(instrument("coupling"), survey("coupling"), fits=fits("coupling"), seed=7)


def test_degrees_of_freedom_agree_when_counted_in_two_ways(coupling: Section) -> None:
    table = coupling.table("card_models")
    assert table.column("df_text") == table.column("df")
    assert table.column("npar_text") == table.column("npar")
    assert set(table.column("moments")) == {300}
    assert finding(coupling, "card_df").verdict == "good"


def test_respondents_used_and_left_out_add_up(coupling: Section) -> None:
    rows = finding(coupling, "card_rows")
    assert evidence(rows, "rows") == 600
    used, dropped = evidence(rows, "used"), evidence(rows, "dropped")
    assert used == survey("coupling").scored.notna().all(axis=1).sum()
    assert used + dropped == 600
    table = coupling.table("card_models")
    assert set(table.column("n_used")) == {used}
    assert set(table.column("n_dropped")) == {dropped}


def test_the_run_can_be_repeated_from_what_is_told(coupling: Section) -> None:
    told = {str(row[0]): row[1] for row in coupling.table("card_run").rows}
    assert told["Message(key='card.fact.seed', values={})"] == "7"
    assert told["Message(key='card.fact.survey', values={})"] == survey("coupling").name
    assert {"Python", "numpy", "scipy", "pandas"} <= set(told)


def test_a_failed_model_keeps_the_program_s_explanation() -> None:
    loaded = with_model("mental_ability", "two_factors", syntax="a =~ x1 + x2")
    section = card.run(loaded, survey("mental_ability"))
    table = section.table("card_search")
    place = table.column("model").index("two_factors")
    assert table.column("outcome")[place].key == "outcome.not_identified"
    assert table.column("technical")[place]
    assert table.column("iterations")[place] is None
    assert section.answer.values["fitted"] == 4


def test_a_text_that_is_not_counted_is_an_empty_cell_and_no_disagreement() -> None:
    text = instrument("mental_ability").model("two_factors").syntax + "\npower ~ speed"
    loaded = with_model("mental_ability", "two_factors", syntax=text)
    section = card.run(loaded, survey("mental_ability"))
    table = section.table("card_models")
    place = table.column("model").index("two_factors")
    assert table.column("df_text")[place] is None
    assert table.column("df")[place] == 26
    assert finding(section, "card_df").verdict == "good"
