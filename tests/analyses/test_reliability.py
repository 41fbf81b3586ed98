from dataclasses import replace

import pytest

import measure
from analyses import reliability
from analyses.fits import Fitted
from analyses.section import Section
from analyses.wording import words
from measure.composites import composite_reliability
from measure.reliability import cronbach_alpha
from tests.analyses.demonstrations import (
    NAMES,
    evidence,
    finding,
    fits,
    instrument,
    numbers,
    survey,
    with_rule,
)
from tests.reference_cases import case


@pytest.fixture(scope="module")
def abilities() -> Section:
    name = "mental_ability"
    return reliability.run(instrument(name), survey(name), fits=fits(name))


def test_coefficients_of_holzinger_and_swineford(abilities: Section) -> None:
    # semTools 0.5-6: alpha .626, .883, .688; omega .625, .885, .688.
    table = abilities.table("reliability")
    assert table.column("alpha") == pytest.approx((0.6261171, 0.8827069, 0.6884550), abs=1e-6)
    assert table.column("omega") == pytest.approx((0.6253178, 0.8851754, 0.6877601), abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_every_coefficient_lies_inside_its_interval(name: str) -> None:
    section = reliability.run(instrument(name), survey(name), fits=fits(name))
    for entry in section.findings:
        if entry.id == "reliability_check":
            continue
        for number in entry.evidence:
            assert number.lower < number.value < number.upper
            assert number.level == 0.95


def test_alpha_uses_everyone_who_answered_the_scale() -> None:
    name = "coupling"
    section = reliability.run(instrument(name), survey(name), fits=fits(name))
    answers = survey(name).scored[list(instrument(name).scale("bro").items)]
    alpha = next(
        number
        for number in finding(section, "reliability_bro").evidence
        if number.name == "statistic.alpha"
    )
    assert alpha.provenance.n_obs == answers.notna().all(axis=1).sum()
    assert alpha.value == pytest.approx(cronbach_alpha(answers).alpha)


@pytest.mark.parametrize(
    ("rule", "value", "verdict"),
    [("omega_change", 0.90, "acceptable"), ("omega_groups", 0.95, "poor")],
)
def test_the_verdict_turns_with_the_rule_s_number(
    abilities: Section, rule: str, value: float, verdict: str
) -> None:
    name = "mental_ability"
    assert finding(abilities, "reliability_textual").verdict == "good"
    changed = with_rule(name, rule, value=value)
    if rule == "omega_groups":
        stricter = changed.rules.omega_change.model_copy(update={"value": 0.97})
        changed = changed.model_copy(
            update={"rules": changed.rules.model_copy(update={"omega_change": stricter})}
        )
    section = reliability.run(changed, survey(name), fits=fits(name))
    assert finding(section, "reliability_textual").verdict == verdict


def test_no_scale_is_ever_good_for_judging_persons(abilities: Section) -> None:
    assert "reliability.note.never_persons" in {note.key for note in abilities.notes}


def test_without_a_usable_model_alpha_stands_alone_and_the_reason_is_told() -> None:
    name = "mental_ability"
    model = instrument(name).reference_model
    failed = {model.id: Fitted(model, "not_converged", error="no minimum")}
    section = reliability.run(instrument(name), survey(name), fits=failed)
    table = section.table("reliability")
    assert table.column("omega") == (None, None, None)
    assert None not in table.column("alpha")
    assert {entry.verdict for entry in section.findings} == {"undecided"}
    note = next(note for note in section.notes if note.key == "reliability.note.no_omega")
    assert note.values["reason"].key == "outcome.not_converged"


def test_an_index_has_no_coefficient_and_the_section_says_why() -> None:
    loaded = instrument("mental_ability")
    scales = tuple(
        scale.model_copy(update={"kind": "index"}) if scale.id == "speed" else scale
        for scale in loaded.scales
    )
    changed = loaded.model_copy(update={"scales": scales})
    section = reliability.run(changed, survey(loaded.id), fits=fits(loaded.id))
    assert len(section.table("reliability").rows) == 2
    note = next(note for note in section.notes if note.key == "reliability.note.index")
    assert [part.languages["en"] for part in note.values["scales"]] == ["Speed"]


def test_omega_of_a_scale_that_is_no_factor_is_not_invented() -> None:
    loaded = instrument("mental_ability")
    scales = tuple(
        scale.model_copy(update={"items": ("x1", "x2")}) if scale.id == "visual" else scale
        for scale in loaded.scales
    )
    changed = loaded.model_copy(update={"scales": scales})
    section = reliability.run(changed, survey(loaded.id), fits=fits(loaded.id))
    visual = finding(section, "reliability_visual")
    assert evidence(visual, "omega") is None
    assert evidence(visual, "alpha") is not None
    assert visual.verdict == "undecided"


def test_omega_is_that_of_measure_with_an_interval_that_allows_for_clusters() -> None:
    name = "leadership_climate"
    section = reliability.run(instrument(name), survey(name), fits=fits(name))
    fit = fits(name)["three_factors"].fit
    assert fit is not None
    own, table = composite_reliability(fit), section.table("reliability")
    for column, label in (
        ("omega", "omega"),
        ("omega.lower", "omega.ci.lower"),
        ("omega.upper", "omega.ci.upper"),
    ):
        assert table.column(column) == pytest.approx(own[label].tolist(), rel=1e-12)
    plain = composite_reliability(measure.cfa(fit.text, survey(name).scored, ordered=True))
    assert not (own["omega.se"] == plain["omega.se"]).any()
    check = fits(name)["three_factors"].check
    assert check is not None
    assert check.fit is not None
    clustered = composite_reliability(check.fit)
    plain = composite_reliability(measure.cfa(fit.text, survey(name).scored))
    assert (clustered["omega.se"] > plain["omega.se"]).all()
    told = {note.key for note in section.notes}
    assert {"method.note.clusters", "reliability.note.alpha_independent"} <= told


def test_alpha_and_omega_rest_on_different_people_where_answers_are_missing() -> None:
    name = "coupling"
    section = reliability.run(instrument(name), survey(name), fits=fits(name))
    note = next(note for note in section.notes if note.key == "reliability.note.alpha_whole")
    assert note.values["n"] == 599
    omega = finding(section, "reliability_bro").evidence[0]
    assert omega.provenance.n_obs == 599
    assert words("en").write(omega.provenance.estimator).startswith("WLSMV for ordered answers")
    assert "method.note.pairwise" in {note.key for note in section.notes}
    check = finding(section, "reliability_bro").evidence[1]
    assert check.name == "statistic.omega_check"
    assert words("en").write(check.provenance.estimator).startswith("MLR with FIML")


def test_categorical_omega_of_lq2002_is_that_of_semtools() -> None:
    # The case leaves out the leadership scale, so that the model is reduced to the other two.
    content = case("rel_lq2002_ordinal_semtools")
    loaded, answers = instrument("leadership_climate"), survey("leadership_climate")
    text = "\n".join(loaded.reference_model.syntax.strip().splitlines()[-2:])
    models = tuple(
        model.model_copy(update={"syntax": text}) if model.reference else model
        for model in loaded.models
    )
    changed = loaded.model_copy(update={"models": models})
    alone = replace(answers, data=answers.data.drop(columns="COMPID"))
    table = reliability.run(changed, alone).table("reliability")
    theirs = content["results"]["compRelSEM_model_var"]
    assert table.column("omega")[1:] == pytest.approx((theirs["T"], theirs["H"]), abs=1e-4)
    # Of latent responses it would be .88 and .95: the reliability of a sum that nobody computes.
    assert table.column("omega")[2] < 0.9


def test_the_check_stands_beside_and_a_verdict_that_hangs_on_the_method_is_told() -> None:
    name = "leadership_climate"
    check = fits(name)["three_factors"].check
    assert check is not None
    assert check.fit is not None
    own = composite_reliability(check.fit)
    section = reliability.run(instrument(name), survey(name), fits=fits(name))
    table = section.table("reliability")
    assert table.column("omega_check") == pytest.approx(own["omega"].tolist())
    assert table.column("omega_check.lower") == pytest.approx(own["omega.ci.lower"].tolist())
    assert finding(section, "reliability_check").verdict == "information"
    # The lower limit of leadership is .908 of ordered answers and .896 of numbers.
    strict = with_rule(name, "omega_change", value=0.90)
    section = reliability.run(strict, survey(name), fits=fits(name))
    assert finding(section, "reliability_leadership").verdict == "good"
    entry = finding(section, "reliability_check")
    assert entry.verdict == "undecided"
    assert [words("en").say(note) for note in entry.notes] == [
        "Leadership climate: “group means and change” with ordered answers, “group means” in the "
        "check."
    ]


def test_answers_taken_as_numbers_have_no_check() -> None:
    name = "coupling"
    section = reliability.run(instrument(name), survey(name), fits=numbers(name))
    assert "omega_check" not in {part.name for part in section.table("reliability").columns}
    assert "reliability_check" not in {entry.id for entry in section.findings}
    told = {note.key for note in section.notes}
    assert "reliability.note.categories" in told
    assert "reliability.note.ordered" not in told
