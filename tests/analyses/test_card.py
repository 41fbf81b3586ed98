from dataclasses import replace

import pytest

from analyses import card
from analyses.modelling.fits import fit_models
from analyses.section import Section
from analyses.wording import words
from tests.analyses.demonstrations import evidence, finding, fits, instrument, survey, with_model


@pytest.fixture(scope="module")
def coupling() -> Section:
    return card.run(instrument("coupling"), survey("coupling"), fits=fits("coupling"), seed=7)


def test_degrees_of_freedom_agree_when_counted_in_two_ways(coupling: Section) -> None:
    table = coupling.table("card_counts")
    assert table.column("df_text") == table.column("df_rows") == table.column("df")
    # 96 thresholds and 276 correlations; 300 variances and covariances, and 24 means.
    assert table.column("moments") == (372,) * 12 + (324,) * 12
    fitted = fits("coupling").values()
    both = [*fitted, *(entry.check for entry in fitted)]
    assert table.column("npar") == tuple(entry.fit.fit_measures["npar"] for entry in both)
    assert table.column("estimator") == ("WLSMV",) * 12 + ("MLR",) * 12
    counted = finding(coupling, "card_df")
    assert counted.verdict == "good"
    assert evidence(counted, "models_counted") == 12


def test_respondents_used_and_left_out_add_up(coupling: Section) -> None:
    rows = finding(coupling, "card_rows")
    assert evidence(rows, "rows") == 600
    used, dropped = evidence(rows, "used"), evidence(rows, "dropped_fiml")
    assert used == survey("coupling").scored.notna().any(axis=1).sum()
    assert used + dropped == 600
    table = coupling.table("card_models")
    assert set(table.column("n_used")) == {used}
    assert set(table.column("n_dropped")) == {dropped}


def test_the_card_shows_what_was_fitted_and_not_what_is_usual(coupling: Section) -> None:
    table = coupling.table("card_models")
    shown = dict(zip([part.name for part in table.columns], table.rows[0], strict=True))
    said = words("en")
    assert shown["estimator"] == "WLSMV"
    assert said.write(shown["missing_treatment"]) == "all who answered both items of a pair"
    assert "delta parameterisation" in said.write(shown["likelihood"])
    assert said.write(shown["se"]) == "robust (sandwich around the moments)"
    assert said.write(shown["test"]) == "scaled and shifted"
    assert shown["clusters"] == 59
    shown = dict(zip([part.name for part in table.columns], table.rows[12], strict=True))
    assert (shown["model"], shown["estimator"]) == ("M1", "MLR")
    assert said.write(shown["missing_treatment"]) == "all answers given are used (FIML)"
    assert said.write(shown["se"]) == "robust (Huber–White)"
    assert said.write(shown["test"]) == "scaled (Yuan–Bentler)"
    assert shown["clusters"] == 59
    plain = fit_models(instrument("mental_ability"), survey("mental_ability"), estimator="GLS")
    section = card.run(instrument("mental_ability"), survey("mental_ability"), fits=plain)
    cells = [said.write(cell) for cell in section.table("card_models").rows[0]]
    assert cells[1:7] == [
        "GLS",
        "none are missing",
        "least squares, divided by n − 1",
        "ordinary",
        "ordinary chi-square",
        "–",
    ]


def test_those_without_a_cluster_are_left_out_and_counted_by_themselves() -> None:
    name = "leadership_climate"
    companies = survey(name).data["COMPID"].mask(survey(name).data.index < 30)
    known = replace(survey(name), data=survey(name).data.assign(COMPID=companies))
    rows = finding(card.run(instrument(name), known), "card_rows")
    assert evidence(rows, "used") == 2012
    assert evidence(rows, "dropped_listwise") == 0
    assert evidence(rows, "dropped_cluster") == 30


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
    table = section.table("card_counts")
    place = table.column("model").index("two_factors")
    assert table.column("df_text")[place] is None
    assert table.column("df")[place] == 26
    assert finding(section, "card_df").verdict == "good"
