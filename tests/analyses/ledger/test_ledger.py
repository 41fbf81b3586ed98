"""The entries of the ledger: estimates against the truth of simulated answers, and what is open."""

import re
from dataclasses import replace
from typing import get_args

import numpy as np
import pandas as pd
import pytest

import instruments
from analyses import hypotheses
from analyses.across_levels.referents import referents
from analyses.comparing import licences
from analyses.comparing.group_ladders import climb
from analyses.comparing.licences import Licences
from analyses.disclosure import publish
from analyses.intake.mapping import OwnMeasure
from analyses.intake.survey import Survey, read_survey
from analyses.ledger import entries, level_estimators
from analyses.ledger.details import measured_targets, of_functions, parts_of_indices
from analyses.ledger.entries import Entry, Part, open_ledger
from analyses.ledger.estimands import ESTIMATORS
from analyses.ledger.estimators import Ledger
from analyses.ledger.structural import structural_models
from analyses.ledger.variables import Answers, NotMapped
from analyses.modelling import fits
from analyses.section import Section
from analyses.simulating import drawing
from analyses.simulating.truth import truth
from analyses.wording import words
from instruments.hypotheses import Estimand
from instruments.population import load_population
from tests.analyses.demonstrations import taken_for_granted
from tests.analyses.test_wording import messages

KKS = instruments.load("coupling")
# In the planned-missing design, and nothing else that an estimate may stumble over.
PLAIN = drawing.Wanted(
    careless=False, flat=False, noninvariance=False, missing=False, planned=True, second_wave=False
)
DRAWN = drawing.draw(KKS, load_population(KKS), seed=7, form="full", wanted=PLAIN)
TRUE = truth(DRAWN)
FUNCTIONS = [function.id for function in KKS.functions]
OWN = (
    OwnMeasure("relational_coordination", ("rc1", "rc2", "rc3")),
    OwnMeasure("extraversion", ("ex",)),
    *(OwnMeasure(f"{name}", (name,)) for name in ("networking_breadth", "common_language")),
)


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    path = tmp_path_factory.mktemp("survey") / "drawn.csv"
    rng = np.random.default_rng(3)
    items = {
        name: DRAWN.data[[f"I_{name}{k}" for k in (1, 2, 4, 5)]].astype(float)
        for name in ("bro", "kom")
    }
    total = sum(part.sum(axis=1) for part in items.values())
    total = (total - total.mean()) / total.std()
    common = 0.6 * total + 0.8 * rng.standard_normal(len(total))
    rc = {
        f"rc{k}": np.digitize(common + rng.standard_normal(len(total)), [-1.5, -0.5, 0.5, 1.5]) + 1
        for k in (1, 2, 3)
    }
    own = {
        name: items[f].sum(axis=1) + 2 * rng.standard_normal(len(total))
        for name, f in (("networking_breadth", "bro"), ("common_language", "bro"))
    }
    data = DRAWN.data.assign(**rc, **own, ex=rng.standard_normal(len(total)).round(3))
    data.to_csv(path, index=False)
    return read_survey(path, KKS, own=OWN)


@pytest.fixture(scope="module")
def ledger(survey: Survey) -> Ledger:
    planned = fits.plan(KKS, survey)
    found = {name: fits.fit_model(KKS.model(name), survey, planned) for name in ("M2", "M3")}
    role = next(one for one in KKS.columns if one.name == "role")
    tested = licences.licence(KKS, climb(KKS, survey, found["M2"], role))
    by = Licences({"role": tested}, frozenset())
    granted = taken_for_granted("ambassador", "crossboundary", by=by)
    across = referents(KKS, survey, planned)
    return open_ledger(KKS, Answers(KKS, survey, planned, across=across), found, granted)


@pytest.fixture(scope="module")
def found(ledger: Ledger) -> dict[str, Entry]:
    patch = pytest.MonkeyPatch()
    patch.setattr(entries, "N_SPLITS", 20)
    made = {entry.hypothesis.id: entry for entry in entries.entries(ledger, seed=1)}
    patch.undo()
    return made


def _truth(part: Part, hypothesis: str, function: str) -> float:
    """Give the true value of what a part estimates, of one function where it is of one."""
    rows = TRUE.hypotheses
    expectation = part.expectation
    own = rows[(rows["hypothesis"] == hypothesis) & (rows["target"] == expectation.target)]
    what = {
        "correlation": "total",
        "partial": "total, given crossboundary",
        "distinct": expectation.of,
        "difference": "total",
        "equivalence": "largest difference",
        "levels": "sums of functions, difference",
        "self_other": "role = leader",
        "referents": function,
        "between": "within places",
    }[expectation.estimand]
    if what == "total" and "total, index as answered" in set(own["what"]):
        what = "total, index as answered"
    level = expectation.level or ""
    if level == "" and expectation.estimand not in ("distinct", "referents"):
        level = "I"
    return float(own[(own["what"] == what) & (own["level"] == level)]["value"].iloc[0])


def test_estimates_are_where_the_truth_is(found: dict[str, Entry]) -> None:
    assert len(DRAWN.data) == 1800
    own = {measure.id for measure in OWN}
    distances = [
        (part.estimate.value - _truth(part, name, FUNCTIONS[place % 4])) / part.estimate.se
        for name, entry in found.items()
        for place, part in enumerate(entry.parts)
        if part.estimate is not None and part.expectation.target not in own
    ]
    assert len(distances) == 32
    # In standard errors: no number of 32 is expected beyond 3.5, and their root mean square is 1,
    # with a standard deviation of about 0.2, since they share the answers about oneself.
    assert np.max(np.abs(distances)) < 3.5
    assert np.sqrt(np.mean(np.square(distances))) < 1.6


def test_what_has_no_estimator_awaits_it_in_words(found: dict[str, Entry]) -> None:
    assert set(ESTIMATORS) == set(get_args(Estimand))
    waiting = {name for name, entry in found.items() if entry.judgement == "awaits"}
    assert waiting == set()
    for name in waiting:
        reasons = [p.reason for p in found[name].parts if p.judgement == "awaits"]
        assert reasons
        assert all(reason is not None for reason in reasons)
    partly = {name for name, entry in found.items() if entry.standing.endswith("_partly")}
    assert partly == {"H05", "H11", "H14", "H15", "K2"}


def test_barriers_are_shown_in_the_individual_and_not_judged(found: dict[str, Entry]) -> None:
    shown, between = found["H07"].parts
    assert shown.judgement == "shown"
    assert shown.estimate is not None
    assert between.estimate is not None
    # A factor of the functions beside the index, between organisations as within them.
    assert between.estimate.fit is not None
    assert between.estimate.fit.n_clusters == 60
    assert "between_others" in between.estimate.beside
    assert between.judgement in ("confirmed", "refuted", "undecided")


def test_without_a_model_of_two_levels_answers_of_different_persons_are_correlated(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(level_estimators, "FEWEST_INDICATORS", 9)
    monkeypatch.setattr(level_estimators, "N_SPLITS", 20)
    barriers = next(one for one in KKS.hypotheses if one.id == "H07")
    expectation = next(one for one in barriers.expectations if one.estimand == "between")
    (found,) = level_estimators.between(ledger, expectation)
    assert found.fit is None
    assert found.by is not None
    assert found.by.key == "estimator.split_instead"
    assert -1 < found.value < 0


def test_the_partial_correlation_stands_beside_the_plain_one(found: dict[str, Entry]) -> None:
    (part,) = found["H03"].parts
    assert part.estimate is not None
    assert part.estimate.given == "crossboundary"
    # Working across more often brings both more competence and more conflict.
    assert part.estimate.value < part.estimate.beside["plain_correlation"] < 0


def test_own_columns_are_latent_where_there_are_three_and_observed_otherwise(
    ledger: Ledger, found: dict[str, Entry]
) -> None:
    answers = ledger.answers
    coordination = answers.variable("relational_coordination")
    assert coordination.loadings.startswith("relational_coordination =~")
    assert len(coordination.ordered) == 3
    assert answers.variable("extraversion").loadings == ""
    with pytest.raises(NotMapped):
        answers.variable("role_clarity")
    part = found["H11"].parts[0]
    assert part.estimate is not None
    assert part.estimate.value > 0.4
    assert found["H12"].judgement == "not_measured"
    extraversion, desirability = found["H14"].parts
    assert extraversion.judgement == "confirmed"
    assert desirability.judgement == "not_measured"


def test_each_pairing_is_held_against_three_others(found: dict[str, Entry]) -> None:
    of = {p.expectation.target: p.expectation.of for p in found["H15"].parts}
    assert of["common_language"] == "kom"
    broad = [p for p in found["H15"].parts if p.expectation.target == "networking_breadth"]
    shared = [p for p in found["H15"].parts if p.expectation.target == "common_language"]
    assert len(broad) == len(shared) == 3
    # Both outcomes were made from bridge-building, which is the one's own and not the other's.
    assert {part.judgement for part in broad} == {"confirmed"}
    assert "refuted" in {part.judgement for part in shared}
    assert found["H15"].judgement == "refuted"


def test_the_check_by_other_members_stands_beside_correlations_only(
    found: dict[str, Entry],
) -> None:
    split = {
        (name, part.expectation.estimand)
        for name, entry in found.items()
        for part in entry.parts
        if part.split is not None
    }
    assert {estimand for _, estimand in split} == {"correlation", "partial"}
    part = found["H02"].parts[0]
    assert part.split is not None
    assert part.split.table.loc["split", "estimate"] < part.split.table.loc["same_source"].estimate


def test_an_index_is_one_observed_variable_with_its_parts_beside_it(ledger: Ledger) -> None:
    zones = ledger.answers.variable("exchange_zones")
    assert zones.loadings == ""
    assert zones.ordered == ()
    assert zones.name == "exchange_zones"
    given = ledger.answers.frame[list(zones.columns)].notna().mean(axis=1)
    # At least four of five parts.
    answered = ledger.answers.frame["exchange_zones"].notna()
    assert answered.equals(given >= 0.8)
    rows = list(parts_of_indices(ledger, ["exchange_zones", "motivation"]))
    assert [row.second for _, row in rows] == list(zones.columns)
    assert all(0 < row.lower < row.value < row.upper < 0.6 for _, row in rows)


def test_each_function_is_correlated_and_the_total_is_judged(
    ledger: Ledger, found: dict[str, Entry]
) -> None:
    targets = measured_targets(found.values())
    assert targets[:3] == ("trust_rational", "trust_emotional", "trust_system")
    assert "ambassador" not in targets
    rows = list(of_functions(ledger, ["social_learning"]))
    true = TRUE.correlations
    for row, function in zip(rows, ("bro", "kom", "kor", "kop"), strict=True):
        assert row.value == pytest.approx(true.loc[function, "social_learning"], abs=0.12)


def test_without_the_second_order_model_the_sum_of_functions_takes_its_place(
    survey: Survey, ledger: Ledger
) -> None:
    planned = ledger.answers.planned
    reference = fits.fit_model(KKS.model("M2"), survey, planned)
    lost = fits.Fitted(KKS.model("M3"), "not_converged", error="no", plan=planned)
    other = open_ledger(KKS, ledger.answers, {"M2": reference, "M3": lost})
    assert not ledger.total.composite
    assert other.total.composite
    assert other.total.factors == ("bro", "kom", "kor", "kop")
    hypothesis = next(one for one in KKS.hypotheses if one.id == "H02")
    (part,) = entries.parts_of(other, hypothesis, hypothesis.expectations[0], 1)
    assert part.estimate is not None
    # The sum also holds what is each function's own, which goes less with anything else.
    assert part.estimate.value == pytest.approx(0.554 * np.sqrt(0.86), abs=0.1)


def test_the_structural_model_is_fitted_with_every_path(ledger: Ledger) -> None:
    (model,) = structural_models(KKS, ledger.answers)
    assert model.fit is not None
    assert model.paths is not None
    assert model.explained is not None
    assert len(model.paths) == 8
    assert set(model.paths["outcome"]) == {"kobling", "quality", "cocreation"}
    assert list(model.explained["variable"]) == ["kobling", "quality", "cocreation"]
    assert model.explained["est"].between(0, 1).all()


def test_a_form_without_the_scales_measures_the_groups_only(survey: Survey) -> None:
    own = [item for item in survey.scored if item.startswith("I_")]
    short = replace(survey, scored=survey.scored[own], own=())
    planned = fits.plan(KKS, short)
    models = {name: fits.fit_model(KKS.model(name), short, planned) for name in ("M2", "M3")}
    granted = taken_for_granted("ambassador", "crossboundary")
    less = open_ledger(KKS, Answers(KKS, short, planned), models, granted)
    made = {entry.hypothesis.id: entry.judgement for entry in entries.entries(less, seed=1)}
    assert made["H01"] == made["H05"] == "not_measured"
    assert made["K1"] in ("confirmed", "refuted", "undecided")
    (model,) = structural_models(KKS, less.answers)
    assert model.fit is None
    assert "trust_rat1" in model.lacking


def test_two_groups_need_enough_people(survey: Survey, ledger: Ledger) -> None:
    few = survey.data.assign(ambassador=["yes"] * 9 + ["no"] * (len(survey.data) - 9))
    answers = Answers(KKS, replace(survey, data=few), ledger.answers.planned)
    hypothesis = next(one for one in KKS.hypotheses if one.id == "K1")
    other = replace(ledger, answers=answers)
    (part,) = entries.parts_of(other, hypothesis, hypothesis.expectations[0], 1)
    assert part.judgement == "not_measured"
    assert part.reason is not None
    assert part.reason.values == {"n": 9, "limit": 10}


def test_values_that_the_file_labels_are_known_by_their_labels(
    survey: Survey, ledger: Ledger
) -> None:
    labels = {"daily": "Dagligt", "weekly": "Hver uge", "monthly": "HVER måned", "rarely": "rarely"}
    renamed = survey.data["crossboundary"].astype(object).map(labels).astype("category")
    data = survey.data.assign(crossboundary=renamed)
    answers = Answers(KKS, replace(survey, data=data), ledger.answers.planned)
    column = answers.column("crossboundary")
    pd.testing.assert_series_equal(
        answers.place_in_order(column),
        ledger.answers.place_in_order(column),
    )
    assert set(answers.place_in_order(column).dropna()) == {1, 2, 3, 4}


@pytest.fixture(scope="module")
def section(survey: Survey) -> Section:
    few = {"H01", "H03", "H05", "H10", "H14"}
    kept = tuple(one for one in KKS.hypotheses if one.id in few)
    shorter = KKS.model_copy(update={"hypotheses": kept})
    planned = fits.plan(KKS, survey)
    models = {name: fits.fit_model(KKS.model(name), survey, planned) for name in ("M2", "M3")}
    lost = fits.Fitted(KKS.model("M3"), "not_converged", error="no", plan=planned)
    # None of them compares groups.
    return hypotheses.run(shorter, survey, fits={**models, "M3": lost}, granted=Licences())


def test_the_section_has_a_table_for_each_thing_behind_it(section: Section) -> None:
    assert {table.id for table in section.tables} == {
        "ledger",
        "ledger_correlations",
        "ledger_split",
        "ledger_functions",
        "ledger_index_parts",
        "ledger_paths_M14",
        "ledger_explained_M14",
    }
    correlations = section.table("ledger_correlations")
    said = words("da")
    rows = {said.write(row[0]): row[1:] for row in correlations.rows}
    # The band, the limit as far as it is another one, and for a mere limit both its sides.
    assert rows["H10 Samarbejdsevne"][:3] == (0.4, 0.7, 0.85)
    assert rows["H14 Udadvendthed"][:3] == (-0.4, 0.4, None)
    assert rows["H01 Tillid: rationel og Tillid: systembaseret"][:3] == (-0.85, 0.85, None)
    notes = {note.key for note in section.notes}
    assert {"hypotheses.note.sum", "hypotheses.note.one_source"} <= notes


def test_the_paths_are_marked_as_ours_and_warned_about(section: Section) -> None:
    paths = section.table("ledger_paths_M14")
    assert {cell.key for cell in paths.column("whose")} == {"hypotheses.ours"}
    assert "hypotheses.note.one_source" in {note.key for note in paths.notes}
    finding = next(one for one in section.findings if one.id == "structural_M14")
    assert finding.rule is not None
    assert finding.notes[0].key == "hypotheses.note.one_source"
    said = words("da")
    assert said.write(paths.column("path")[0]) == "Tillid på tværs → Koblingskompetence"


@pytest.mark.parametrize("language", ["da", "en"])
def test_the_whole_section_can_be_said(section: Section, language: str) -> None:
    said = words(language)
    texts = [said.say(message) for message in messages(section)]
    assert not [text for text in texts if re.search(r"[{}]", text)]
    assert publish(section).tables
