from dataclasses import replace

import pytest

import measure
from analyses import reliability
from analyses.modelling import scale_models, scale_reliability
from analyses.modelling.fits import Fitted, fit_reference
from analyses.section import Section
from analyses.wording import words
from instruments.schema import Instrument, MeasurementModel
from measure.consistency.composites import composite_reliability
from measure.consistency.reliability import cronbach_alpha
from tests.analyses.demonstrations import (
    NAMES,
    evidence,
    finding,
    fits,
    instrument,
    numbers,
    survey,
    with_model,
    with_rule,
)
from tests.reference_cases import case

FUNCTIONS = ("bro", "kom", "kor", "kop")


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


def _of_items(scale: str, *items: str) -> Section:
    """Give the section on mental abilities with other items in one of the scales."""
    loaded = instrument("mental_ability")
    scales = tuple(
        entry.model_copy(update={"items": items}) if entry.id == scale else entry
        for entry in loaded.scales
    )
    changed = loaded.model_copy(update={"scales": scales})
    return reliability.run(changed, survey(loaded.id), fits=fits(loaded.id))


def test_two_items_have_no_omega_and_what_they_have_instead_decides_nothing() -> None:
    visual = finding(_of_items("visual", "x1", "x2"), "reliability_visual")
    assert evidence(visual, "omega") is None
    assert evidence(visual, "alpha") is not None
    assert visual.verdict == "undecided"
    assert [note.key for note in visual.notes] == ["reliability.note.two_items"]
    r = survey("mental_ability").scored[["x1", "x2"]].corr().iloc[0, 1]
    # Spearman and Brown's formula for a test of double length.
    assert evidence(visual, "spearman_brown") == pytest.approx(2 * r / (1 + r))


def test_one_item_has_no_coefficient_at_all() -> None:
    visual = finding(_of_items("visual", "x1"), "reliability_visual")
    assert {number.value for number in visual.evidence} == {None}
    assert [note.key for note in visual.notes] == ["reliability.note.one_item"]


def test_a_scale_that_is_no_factor_has_omega_from_one_of_its_own() -> None:
    section = _of_items("visual", "x1", "x3", "x4", "x5")
    visual = finding(section, "reliability_visual")
    fit = measure.cfa("f =~ x1 + x3 + x4 + x5", survey("mental_ability").scored, estimator="MLR")
    own = composite_reliability(fit).iloc[0]
    assert evidence(visual, "omega") == pytest.approx(own["omega"], abs=1e-5)
    assert visual.evidence[0].lower == pytest.approx(own["omega.ci.lower"], abs=1e-5)
    # Four items that are two things: the model is poor, and the section says of which scale.
    note = next(note for note in section.notes if note.key == "reliability.note.one_factor_poor")
    assert [label.languages["en"] for label in note.values["scales"]] == ["Visual ability"]


def _without(*factors: str) -> tuple[Instrument, dict[str, Fitted]]:
    """Give mental abilities with a reference model that leaves some factors out."""
    loaded = instrument("mental_ability")
    text = "\n".join(
        line
        for line in loaded.reference_model.syntax.strip().splitlines()
        if line.split("=~")[0].strip() not in factors
    )
    changed = with_model(loaded.id, loaded.reference_model.id, syntax=text)
    return changed, fit_reference(changed, survey(loaded.id))


def test_scales_outside_the_reference_model_stand_apart_and_are_counted() -> None:
    changed, found = _without("speed")
    section = reliability.run(changed, survey(changed.id), fits=found)
    assert [entry.id for entry in section.findings] == [
        "reliability_visual",
        "reliability_textual",
        "further_speed",
    ]
    assert [figure.table for figure in section.figures] == ["reliability", "reliability_further"]
    assert len(section.table("reliability").rows) == 2
    assert section.answer.key == "reliability.answer_further.some"
    assert words("en").say(section.answer) == (
        "Verbal ability measures precisely enough for group means; for Visual ability this is not "
        "shown. Of 1 other scale it is shown for none. No scale may be used to judge a person."
    )
    told = {note.key for note in section.notes}
    assert {"reliability.note.one_factor", "reliability.note.just_identified"} <= told
    # Three items determine one factor, whatever else a model holds: semTools has .688 for it.
    assert section.table("reliability_further").column("omega")[0] == pytest.approx(0.688, abs=0.02)


def test_a_scale_s_own_model_without_a_solution_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed, found = _without("speed")

    def fails(_: object, models: tuple[MeasurementModel, ...], *__: object) -> dict[str, Fitted]:
        return {model.id: Fitted(model, "not_converged", error="no minimum") for model in models}

    monkeypatch.setattr(scale_models, "fit_beside", fails)
    section = reliability.run(changed, survey(changed.id), fits=found)
    speed = finding(section, "further_speed")
    assert speed.verdict == "undecided"
    assert [note.key for note in speed.notes] == ["reliability.note.no_own"]
    assert speed.notes[0].values["reason"].key == "outcome.not_converged"
    assert section.table("reliability_further").column("omega") == (None,)


def test_models_of_scales_that_are_known_are_not_fitted_again() -> None:
    changed, found = _without("speed")
    models = scale_models.scale_models(changed, survey(changed.id), found)
    reference = found[changed.reference_model.id]
    judged = scale_reliability.estimate(changed, survey(changed.id), reference, models=models)
    own = next(part for part in judged if part.scale.id == "speed")
    assert own.fitted is models["speed"]
    again = scale_reliability.estimate(changed, survey(changed.id), reference)
    assert [part.omega for part in judged] == [part.omega for part in again]


def test_a_long_list_of_names_is_cut_short() -> None:
    name = "mental_ability"
    judged = scale_reliability.estimate(
        instrument(name), survey(name), fits(name)[instrument(name).reference_model.id]
    )
    many = tuple(replace(judged[1], verdict="good") for _ in range(8))
    poor = replace(judged[0], verdict="poor")
    label = judged[1].scale.label["da"]
    said = words("da").say(reliability._answer((*many, poor), ()))
    assert said.startswith(f"{label}, {label}, {label}, {label} og 4 andre måler præcist nok")


def test_a_total_and_its_sub_scores_are_judged_by_the_instrument_s_rules() -> None:
    name = "coupling"
    section = reliability.run(instrument(name), survey(name), fits=fits(name))
    total, parts = finding(section, "total_score"), finding(section, "subscores")
    bifactor = fits(name)["M4"].usable
    assert bifactor is not None
    own = measure.bifactor_indices(bifactor)
    assert evidence(total, "omega_h") == pytest.approx(own.of("omega_h"))
    assert evidence(total, "ecv") == pytest.approx(own.of("ecv"))
    rules = instrument(name).rules
    enough = own.of("omega_h") >= rules.total_omega_h.value and own.of("ecv") >= 0.60
    assert total.verdict == ("good" if enough else "poor")
    strict = with_rule(name, "total_ecv", value=0.99)
    section = reliability.run(strict, survey(name), fits=fits(name))
    assert finding(section, "total_score").verdict == "poor"
    answers = survey(name).scored.assign(unit=survey(name).data["unit"])
    scales = {scale: list(instrument(name).scale(scale).items) for scale in FUNCTIONS}
    predicted = measure.prmse(answers, scales, reliability="omega", cluster="unit").table
    differences = [number.value for number in parts.evidence]
    assert differences == pytest.approx(predicted["difference"].tolist())
    assert parts.verdict == ("good" if (predicted["difference"] > 0).all() else "poor")
    strict = with_rule(name, "subscore_prmse", value=0.9)
    section = reliability.run(strict, survey(name), fits=fits(name))
    parts = finding(section, "subscores")
    assert parts.verdict == "poor"
    assert len(parts.claim.values["rest"]) == len(FUNCTIONS)


def test_a_total_without_a_usable_model_is_undecided_and_the_reason_is_told() -> None:
    name = "coupling"
    failed = {
        key: replace(entry, outcome="improper") if key in ("M3", "M4") else entry
        for key, entry in fits(name).items()
    }
    section = reliability.run(instrument(name), survey(name), fits=failed)
    total = finding(section, "total_score")
    assert total.verdict == "undecided"
    assert total.notes[0].values["reason"].key == "outcome.improper"
    # The second-order model takes the place of the bifactor model alone.
    section = reliability.run(
        instrument(name), survey(name), fits=failed | {"M3": fits(name)["M3"]}
    )
    (source, _) = finding(section, "total_score").evidence
    assert "(M3)" in words("en").write(source.provenance.source)
    fit = fits(name)["M3"].usable
    assert fit is not None
    assert source.value == pytest.approx(measure.bifactor_indices(fit).of("omega_h"))


def test_a_total_from_a_model_that_does_not_fit_carries_a_warning() -> None:
    name = "coupling"
    loaded, rules = instrument(name), instrument(name).rules
    beyond = {
        rule: getattr(rules, rule).model_copy(update={"cfi": 1.1})
        for rule in ("global_fit_good", "global_fit_acceptable")
    }
    strict = loaded.model_copy(update={"rules": rules.model_copy(update=beyond)})
    section = reliability.run(strict, survey(name), fits=fits(name))
    (note,) = finding(section, "total_score").notes
    assert note.key == "reliability.note.total_poor_fit"


def test_an_instrument_without_a_total_has_no_finding_on_one(abilities: Section) -> None:
    assert not {"total_score", "subscores"} & {entry.id for entry in abilities.findings}


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
    assert "method.note.clusters" in told
    answers = survey(name).scored.assign(COMPID=survey(name).data["COMPID"])
    for scale, lower, upper in zip(
        instrument(name).reflective_scales,
        table.column("alpha.lower"),
        table.column("alpha.upper"),
        strict=True,
    ):
        alpha = cronbach_alpha(answers[[*scale.items, "COMPID"]], cluster="COMPID")
        assert (lower, upper) == pytest.approx((alpha.ci_lower, alpha.ci_upper))


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
    assert table.column("omega") == pytest.approx((theirs["T"], theirs["H"]), abs=1e-4)
    # Of latent responses it would be .88 and .95: the reliability of a sum that nobody computes.
    assert table.column("omega")[1] < 0.9


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
