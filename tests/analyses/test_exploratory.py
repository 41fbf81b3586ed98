from dataclasses import replace

import numpy as np
import pytest

import measure
from analyses import exploratory
from analyses.dimensions import exploration
from analyses.section import Message, Section
from tests.analyses.demonstrations import (
    evidence,
    finding,
    instrument,
    survey,
    with_answers,
    with_model,
    with_rule,
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


def test_every_criterion_has_a_row(abilities: Section) -> None:
    retention = abilities.table("retention")
    named = [cell.key for cell in retention.column("criterion") if isinstance(cell, Message)]
    assert named == [*(f"criterion.{name}" for name in exploration.CRITERIA), "criterion.theory"]
    by_name = dict(zip(named, retention.column("n_factors"), strict=True))
    assert by_name["criterion.hull_cfi"] == 3
    assert by_name["criterion.comparison_data"] == 3
    assert by_name["criterion.rmsea"] == 3
    assert by_name["criterion.chisq"] is None
    silent = next(note for note in retention.notes if note.key == "exploratory.note.no_answer")
    assert silent.values["criteria"] == (Message("criterion.chisq"),)
    assert "Heywood case" in str(silent.values["text"])


def test_the_instrument_s_rule_judges_the_number(abilities: Section) -> None:
    retention = finding(abilities, "retention")
    assert retention.verdict == "good"
    assert retention.claim.values["agree"] == 4
    assert retention.claim.values["known"] == 5
    assert retention.rule is not None
    assert "Auerswald" in str(retention.rule.source)


def test_another_rule_gives_another_verdict() -> None:
    name = "mental_ability"
    strict = with_rule(name, "factors_retained", share=0.9)
    assert finding(exploratory.run(strict, survey(name)), "retention").verdict == "acceptable"
    by_map = with_rule(name, "factors_retained", criteria=("map_squared", "map_fourth"))
    section = exploratory.run(by_map, survey(name))
    retention = finding(section, "retention")
    assert retention.verdict == "poor"
    assert retention.claim.values["n"] == 2
    assert retention.claim.values["decides"] == Message("criterion.map_squared")


@pytest.fixture(scope="module")
def climate() -> Section:
    return exploratory.run(instrument("leadership_climate"), survey("leadership_climate"))


def test_answers_in_categories_are_explored_as_such(climate: Section) -> None:
    retention = climate.table("retention")
    assert retention.provenance.estimator == Message("estimator.polychoric")
    assert evidence(finding(climate, "retention"), "n_parallel_pca") == 3
    clusters = {"estimator": Message("estimator.efa_polychoric"), "n": 49}
    assert climate.table("efa_3").provenance.estimator == Message("method.clustered", clusters)
    said = [note.key for note in climate.table("efa_3_intervals").notes]
    assert said == ["exploratory.note.intervals_clustered"]
    found = measure.polychoric(survey("leadership_climate").scored[list(items_of(climate))])
    eigenvalues = np.linalg.eigvalsh(found.correlations)[::-1]
    assert climate.table("scree").column("eigenvalue") == pytest.approx(eigenvalues, abs=1e-8)
    keys = [note.key for note in climate.notes]
    assert "exploratory.note.polychoric" in keys
    assert "exploratory.note.ekc" in keys
    assert "exploratory.note.pearson" not in keys
    assert finding(climate, "retention").verdict == "acceptable"


def test_random_data_have_the_clusters_of_the_answers(climate: Section) -> None:
    keys = [note.key for note in climate.notes]
    assert "exploratory.note.clusters" in keys
    assert "exploratory.note.independent" not in keys
    assert "exploratory.note.shuffled" not in keys
    source = climate.table("scree").provenance.source
    assert isinstance(source, Message)
    assert source.key == "source.parallel_clusters"


def test_clusters_that_tell_nothing_are_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exploration, "DRAWS", 20)
    name = "leadership_climate"
    alone = survey(name).data.assign(COMPID=np.nan)
    section = exploratory.run(instrument(name), replace(survey(name), data=alone))
    keys = [note.key for note in section.notes]
    assert "exploratory.note.independent" in keys
    assert "exploratory.note.shuffled" in keys
    reason = next(note for note in section.notes if note.key == "note.technical")
    assert 'every "COMPID" has one answer' in str(reason.values["text"])


def items_of(section: Section) -> tuple[object, ...]:
    return section.table("kmo_items").column("item")


def test_the_check_by_pearson_correlations_is_shown_and_differs(climate: Section) -> None:
    retention = climate.table("retention")
    assert retention.column("n_factors")[0] == 3
    assert retention.column("n_factors_check")[0] == 4
    assert retention.column("n_factors_check")[-1] == 3
    assert climate.answer.key == "exploratory.answer.check_differs"
    assert climate.answer.values["n"] == 4
    answer = climate.answer.values["answer"]
    assert isinstance(answer, Message)
    assert answer.key == "exploratory.answer.same"
    assert evidence(finding(climate, "retention"), "n_check") == 4
    notes = finding(climate, "retention").notes
    assert notes[-1] == Message("exploratory.note.check_differs", {"n": 4})


def test_bartlett_s_test_is_that_of_pearson_correlations(climate: Section) -> None:
    adequacy = finding(climate, "adequacy")
    by_name = {quantity.name: quantity for quantity in adequacy.evidence}
    assert by_name["statistic.kmo"].provenance.estimator == Message("estimator.polychoric")
    assert by_name["statistic.bartlett"].provenance.estimator == "Pearson"
    assert by_name["statistic.bartlett"].value == pytest.approx(21015.25, abs=0.01)


def test_continuous_items_have_no_check(abilities: Section) -> None:
    names = [part.name for part in abilities.table("retention").columns]
    assert names == ["criterion", "n_factors", "source"]
    assert abilities.table("retention").provenance.estimator == "Pearson"
    assert not any(note.key.startswith("exploratory.note.poly") for note in abilities.notes)


def test_solutions_are_shown_for_the_rule_s_number_and_for_the_theory_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Too few draws to be a result, enough to show both solutions.
    monkeypatch.setattr(exploration, "DRAWS", 20)
    name = "leadership_climate"
    text = """
    leadership =~ LEAD01 + LEAD02 + LEAD03 + LEAD04
    hostility =~ HOSTIL01 + HOSTIL02 + HOSTIL03
    significance =~ TSIG01 + TSIG02
    climate =~ LEAD05 + LEAD06
    """
    reference = instrument(name).reference_model.id
    section = exploratory.run(with_model(name, reference, syntax=text), survey(name))
    ids = {table.id for table in section.tables}
    values = section.answer.values
    inner = values.get("answer", section.answer)
    assert isinstance(inner, Message)
    n, theory = inner.values["n"], inner.values["theory"]
    assert theory == 4
    assert n != 4
    assert inner.key == "exploratory.answer.differ"
    assert {f"efa_{n}", "efa_4", "efa_4_correlations"} <= ids


def test_where_polychoric_correlations_fail_pearson_s_take_their_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # An item with a category for each half point has more of them than can be ordered.
    name = "leadership_climate"
    monkeypatch.setattr(exploration, "DRAWS", 20)
    scored = survey(name).scored.copy()
    rng = np.random.default_rng(1)
    scored["LEAD01"] = scored["LEAD01"] + 0.5 * rng.integers(0, 2, size=len(scored))
    section = exploratory.run(instrument(name), with_answers(name, scored))
    keys = [note.key for note in section.notes]
    assert keys[-2:] == ["exploratory.note.no_polychoric", "exploratory.note.pearson"]
    assert "Ordered answers are whole numbers" in str(section.notes[-2].values["text"])
    assert section.table("retention").provenance.estimator == "Pearson"
    assert "n_factors_check" not in [part.name for part in section.table("retention").columns]


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
