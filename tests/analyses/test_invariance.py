"""The section on invariance, the licences, and what is done about groups that cannot be tested."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import measure
from analyses import invariance
from analyses.comparing import licences
from analyses.comparing.bias_tables import bias_tables
from analyses.comparing.group_ladders import (
    Climb,
    climb,
    compared_columns,
    judged,
    judged_small,
)
from analyses.comparing.ladder_check import check_finding, check_ladders, check_table
from analyses.comparing.ladder_groups import choose
from analyses.comparing.licences import Licence, Licences
from analyses.comparing.mean_bias import band_of
from analyses.comparing.scale_ladders import climb_scales
from analyses.comparing.scale_tables import scale_findings, scales_table
from analyses.disclosure import publish
from analyses.intake.survey import Survey
from analyses.modelling.fits import Fitted, plan
from analyses.modelling.scale_models import one_factor_models
from analyses.section import Message, Quantity, Section
from analyses.wording import words
from instruments.schema import BackgroundColumn, Instrument
from tests.analyses.demonstrations import (
    finding,
    fits,
    granted,
    instrument,
    survey,
    with_rules,
)
from tests.analyses.test_wording import messages

KKS = instrument("coupling")
ANSWERS = survey("coupling")


@pytest.fixture(scope="module")
def section() -> Section:
    return invariance.run(KKS, ANSWERS, fits=fits("coupling"), granted=granted("coupling"))


@pytest.fixture(scope="module")
def reference() -> Fitted:
    return fits("coupling")["M2"]


def _column(name: str) -> BackgroundColumn:
    return next(one for one in KKS.columns if one.name == name)


def _with(**columns: object) -> Survey:
    return replace(ANSWERS, data=ANSWERS.data.assign(**columns))


def _frame(section: Section, table: str) -> pd.DataFrame:
    found = section.table(table)
    return pd.DataFrame(found.rows, columns=[column.name for column in found.columns])


def test_columns_that_something_is_compared_by_are_tested() -> None:
    names = [one.name for one in compared_columns(KKS, ANSWERS)]
    assert names == [
        "profession", "role", "education", "unit_type", "crossboundary", "ambassador", "language",
    ]  # fmt: skip
    two_forms = replace(ANSWERS, forms=ANSWERS.forms.assign(form=["full", "short"] * 300))
    assert [one.name for one in compared_columns(KKS, two_forms)][-2:] == ["form", "language"]


def test_the_steps_are_those_of_the_engine_judged_by_the_rules(section: Section) -> None:
    found = granted("coupling").by_column["unit_type"].climb
    assert found is not None
    assert found.found is not None
    table = _frame(section, "invariance_steps")
    said = words("en")
    own = table[[said.write(one) == "Type of unit" for one in table["background"]]]
    assert [said.say(one) for one in own["invariance_step"]] == [
        "The form: the same factors",
        "The borders between answers",
        "The loadings",
        "The origin (intercepts)",
    ]
    np.testing.assert_allclose(
        own["cfi_change"].astype(float), found.found.table["delta_cfi"].astype(float)
    )
    np.testing.assert_allclose(
        own["chisq_diff"].astype(float), found.found.table["chisq_diff"].astype(float)
    )
    assert {said.say(one) for one in own["verdict"]} == {"Holds"}
    judged = finding(section, "invariance_unit_type")
    assert judged.verdict == "good"
    smallest = found.found.table["delta_cfi"].min()
    assert [number.value for number in judged.evidence[:2]] == [0, pytest.approx(smallest)]


def test_differences_stand_beside_the_band_and_are_judged_by_the_narrow_interval(
    section: Section,
) -> None:
    table = _frame(section, "latent_means_unit_type")
    licence = granted("coupling").by_column["unit_type"]
    assert licence.climb is not None
    assert licence.climb.means is not None
    means = licence.climb.means.table
    total = means[means["factor"] == "total"]
    test = measure.equivalence(total["d"], total["d.se"], band=0.3)
    assert table["difference_sd"][0] == pytest.approx(total["d"].iloc[0])
    assert table["equivalence.lower"][0] == pytest.approx(test["ci.lower.equivalence"].iloc[0])
    assert table["ci.lower"][0] == pytest.approx(test["ci.lower"].iloc[0])
    assert table["verdict"][0] == Message(f"invariance.alike.{test['verdict'].iloc[0]}")
    assert words("en").say(table["groups_pair"][0]) == (
        "Case-processing unit compared with producing unit"
    )
    assert len(section.table("latent_means_unit_type_scales").rows) == 4
    figure = next(one for one in section.figures if one.id == "latent_means_unit_type")
    assert figure.channels["lower"] == "equivalence.lower"
    assert figure.channels["band_upper"] == "band.upper"


def test_groups_that_are_too_small_are_left_out_and_named(section: Section) -> None:
    table = _frame(section, "licences")
    said = words("en")
    by_column = {said.write(row["background"]): row for _, row in table.iterrows()}
    education = by_column["Education"]
    assert said.say(education["groups_compared"]) == "Skilled and Medium higher education"
    assert said.say(education["left_out"]) == "Unskilled, Short higher education and " + (
        "Long higher education"
    )
    assert said.say(by_column["Role"]["licence"]) == "Not tested"
    role = finding(section, "invariance_role")
    assert role.verdict == "information"
    assert "at least 127 respondents" in said.say(role.notes[0])


def test_categories_that_a_group_does_not_use_are_merged_with_a_finding(section: Section) -> None:
    notes = [words("en").say(note) for note in finding(section, "invariance_education").notes]
    assert any(note.startswith("In I_bro6 not all groups use all answers.") for note in notes)


@pytest.mark.parametrize("language", ["da", "en"])
def test_everything_can_be_said(section: Section, language: str) -> None:
    said = words(language)
    texts = [said.say(message) for message in messages(publish(section))]
    assert all(text and "{" not in text for text in texts)


@pytest.mark.parametrize(
    ("values", "key", "numbers"),
    [
        (["a"] * 600, "one", {}),
        ([None] * 600, "blank", {}),
        ([f"v{k // 2}" for k in range(600)], "many", {"n": 300, "limit": 10}),
        (["a"] * 500 + ["b"] * 100, "small", {"needed": 127}),
    ],
)
def test_a_column_that_cannot_be_tested_says_what_to_do(
    reference: Fitted, values: list[str | None], key: str, numbers: dict[str, int]
) -> None:
    column = _column("role")
    found = licences.licence(KKS, climb(KKS, _with(role=values), reference, column))
    assert found.level == "untested"
    assert not found.allows
    assert found.reason == Message(f"invariance.reason.{key}", numbers)


def test_blanks_in_the_group_column_are_counted(reference: Fitted) -> None:
    values = np.where(np.arange(600) % 2 == 0, "producing", "staff").astype(object)
    values[:50] = None
    chosen = choose(_with(unit_type=values), reference, _column("unit_type"))
    used = ANSWERS.scored.iloc[:50, :24].notna().any(axis=1)
    assert chosen.n_blank == used.sum()
    assert chosen.values == ("producing", "staff")
    held = granted("coupling").by_column["unit_type"].climb
    assert held is not None
    section = _of(replace(held, chosen=chosen))
    assert Message("invariance.note.blank", {"n": chosen.n_blank}) in section.findings[0].notes


def _of(climbed: Climb) -> Section:
    """Run the section for one column alone, without the check."""
    one = licences.licence(KKS, climbed)
    column = climbed.declared.name
    alone = {"M2": replace(fits("coupling")["M2"], check=None)}
    return invariance.run(KKS, ANSWERS, fits=alone, granted=Licences({column: one}))


@pytest.fixture(scope="module")
def shifted(reference: Fitted) -> Climb:
    """One half answer two items of a function one step higher, most of the time."""
    first = np.arange(600) % 2 == 0
    scored = ANSWERS.scored.copy()
    for k, item in enumerate(("I_bro1", "I_bro4")):
        higher = first & (np.random.default_rng(k).random(600) < 0.8)
        scored.loc[higher, item] = (scored.loc[higher, item] + 1).clip(upper=5)
    values = np.where(first, "producing", "staff").astype(object)
    changed = replace(_with(unit_type=values), scored=scored)
    return climb(KKS, changed, reference, _column("unit_type"))


def test_items_that_work_otherwise_are_released_and_what_that_amounts_to_is_told(
    shifted: Climb,
) -> None:
    found = licences.licence(KKS, shifted)
    assert found.level == "partial"
    assert set(licences.released_items(shifted)) == {"I_bro1", "I_bro4"}
    assert found.bias is not None
    # Two of six items are .8 of a step higher in one half, but for answers that were 5 before.
    assert found.bias == pytest.approx(2 / 6 * 0.8 * 0.93, abs=0.08)
    section = _of(shifted)
    assert section.findings[0].verdict == "acceptable"
    assert section.table("scale_bias_unit_type").notes[-1].key == "invariance.note.bias_limit"
    assert section.answer.key == "invariance.answer.partial"
    scale = _frame(section, "scale_bias_unit_type").set_index("scale")["bias_points"]
    assert words("en").write(np.abs(scale.astype(float)).idxmax()) == "Bridge-builder"
    items = _frame(section, "item_bias_unit_type").set_index("item").iloc[:, 0].astype(float)
    assert set(items.abs().nlargest(2).index) == {"I_bro1", "I_bro4"}
    assert {figure.form for figure in section.figures} == {"heat", "intervals"}
    released = _frame(section, "invariance_released")
    assert set(released["item"]) == {"I_bro1", "I_bro4"}


def _by_scale(climbed: Climb, kks: Instrument = KKS) -> dict[str, Licence]:
    of_column = licences.licence(kks, climbed)
    return {
        name: licences.of_mean(kks, of_column, kks.scale(name))
        for name in ("bro", "kom", "kor", "kop")
    }


def test_means_of_a_scale_are_compared_only_where_its_bias_is_too_small_to_matter(
    shifted: Climb,
) -> None:
    found = _by_scale(shifted)
    # .25 of an answer point is more than a third of .30 standard deviations.
    assert {name: one.level for name, one in found.items()} == {
        "bro": "none", "kom": "full", "kor": "full", "kop": "full",
    }  # fmt: skip
    reason = found["bro"].reason
    assert reason.key == "licence.too_biased"
    most, limit = reason.values["most"], reason.values["limit"]
    assert isinstance(most, Quantity)
    assert isinstance(limit, Quantity)
    assert shifted.bias is not None
    own = shifted.bias.scales.set_index("factor").loc["bro"]
    assert most.value == pytest.approx(abs(own["bias"]) + 1.6449 * own["se"], rel=1e-4)
    scale = KKS.scale("bro")
    answers = shifted.chosen.data.dropna(subset=[*scale.items])
    means = answers[list(scale.items)].mean(axis=1)
    one, two = (means[answers["unit_type"] == group] for group in ("producing", "staff"))
    within = ((len(one) - 1) * one.var() + (len(two) - 1) * two.var()) / (len(means) - 2)
    assert limit.value == pytest.approx(0.33 * 0.30 * within**0.5)
    # Latent means rest on the other items, and are compared all the same.
    assert licences.licence(KKS, shifted).level == "partial"
    assert found["kop"].reason.key == "licence.alike"


@pytest.mark.parametrize(
    ("rule", "value", "level"),
    [("invariance_bias", 1.0, "none"), ("invariance_bias", 2.0, "partial")],
)
def test_the_bias_that_is_allowed_is_the_rule_s(
    shifted: Climb, rule: str, value: float, level: str
) -> None:
    changed = with_rules("coupling", {rule: {"value": value}})
    assert _by_scale(shifted, changed)["bro"].level == level


def test_a_band_that_a_hypothesis_names_for_the_column_is_what_matters() -> None:
    wide = with_rules("coupling", {"equivalence_band": {"value": 3.0}})
    assert band_of(wide, _column("role")) == (-0.3, 0.3)
    assert band_of(wide, _column("language")) == (-3.0, 3.0)


def test_bias_that_is_small_and_well_known_is_carried(shifted: Climb) -> None:
    assert shifted.bias is not None
    scales = shifted.bias.scales
    for bias, se, level in ((0.03, 0.005, "partial"), (0.03, 0.05, "none"), (0.03, np.nan, "none")):
        changed = replace(shifted.bias, scales=scales.assign(bias=bias, se=se))
        found = _by_scale(replace(shifted, bias=changed))["bro"]
        assert found.level == level
        assert found.bias == (None if np.isnan(se) else pytest.approx(bias))
    unknown = _by_scale(replace(shifted, bias=None))["bro"]
    assert (unknown.level, unknown.reason.key) == ("none", "licence.bias_unknown")


def test_what_is_withheld_is_said_beside_the_licence_of_the_column(shifted: Climb) -> None:
    one = licences.licence(KKS, shifted)
    own = {("unit_type", name): found for name, found in _by_scale(shifted).items()}
    all_of_them = Licences({"unit_type": one}, frozenset(("bro", "kop")), of_means=own)
    assert all_of_them.of_scale(one.column, KKS.scale("bro")).level == "none"
    assert all_of_them.of_scale(one.column, KKS.scale("kop")).level == "full"
    alone = {"M2": replace(fits("coupling")["M2"], check=None)}
    section = invariance.run(KKS, ANSWERS, fits=alone, granted=all_of_them)
    notes = [note.key for note in section.findings[0].notes]
    assert notes[:2] == ["licence.biased", "licence.too_biased"]
    assert section.findings[0].rule is not None
    rule = words("en").say(section.findings[0].rule.text)
    assert "at most 33% of the smallest difference that matters" in rule
    table = _frame(section, "scale_bias_unit_type").set_index("scale")
    assert table["bias_limit"].between(0.04, 0.08).all()


def test_groups_without_a_licence_have_no_differences() -> None:
    held = granted("coupling").by_column["unit_type"].climb
    assert held is not None
    section = _of(replace(held, anchored=False))
    assert section.findings[0].verdict == "poor"
    assert section.findings[0].notes[0].key == "licence.no_anchor"
    assert section.answer.key == "invariance.answer.none"
    assert [table.id for table in section.tables] == ["licences", "invariance_steps"]
    assert section.figures == ()


def test_the_licence_turns_with_the_rule_s_number() -> None:
    held = granted("coupling").by_column["unit_type"].climb
    assert held is not None
    assert held.found is not None
    fit = {"cfi": 0.9999}
    for rules, failed in (
        ({"invariance_delta_cfi": {"value": 1.0}}, "thresholds"),
        ({"invariance_delta_rmsea": {"value": -1.0}}, "thresholds"),
        ({"global_fit_good": fit, "global_fit_acceptable": fit}, "configural"),
    ):
        steps = judged(held.found, with_rules("coupling", rules).rules)
        found = licences.licence(KKS, replace(held, steps=steps))
        assert found.level == "none"
        assert found.reason.key == f"licence.failed.{failed}"


def test_numbers_are_compared_by_robust_maximum_likelihood() -> None:
    name = "mental_ability"
    loaded, answers = instrument(name), survey(name)
    reference = fits(name)[loaded.reference_model.id]
    school = next(one for one in loaded.columns if one.name == "school")
    found = climb(loaded, answers, reference, school)
    assert found.found is not None
    assert found.found.steps == ("configural", "metric", "scalar")
    assert found.found.fits["scalar"].estimator == "MLR"
    assert licences.licence(KKS, found).level == "none"


def test_scales_of_the_tested_model_have_its_licence() -> None:
    held = granted("coupling")
    assert held.scales == {"bro", "kom", "kor", "kop"}
    column = _column("unit_type")
    assert held.of_scale(column, KKS.scale("bro")).level == "full"
    # The form asks for no other scale.
    assert held.by_scale == {}
    trust = next(one for one in KKS.reflective_scales if one.id not in held.scales)
    assert held.of_scale(column, trust).reason == Message("licence.other_scale")
    index = next(one for one in KKS.scales if one.kind == "index")
    assert held.of_scale(column, index).reason == Message("licence.index")
    assert held.of(_column("sector")).reason.key == "licence.not_compared"


def test_numbers_come_to_the_same_verdict_on_steps_that_hold(
    section: Section, reference: Fitted
) -> None:
    found = finding(section, "invariance_check")
    assert found.verdict == "information"
    assert found.claim.key == "invariance.claim.check_agrees"
    table = _frame(section, "invariance_check")
    said = words("en")
    own = table[[said.write(one) == "Type of unit" for one in table["background"]]]
    # The borders between answers have no counterpart.
    assert [said.say(one) for one in own["invariance_step"]] == [
        "The form: the same factors",
        "The loadings",
        "The origin (intercepts)",
    ]
    held = granted("coupling").by_column["unit_type"].climb
    assert held is not None
    check = reference.check
    assert check is not None
    again = measure.measurement_invariance(
        check.model.syntax,
        held.chosen.data,
        group="unit_type",
        steps=["configural", "metric", "scalar"],
        estimator="MLR",
        missing=check.plan.missing,
        cluster="unit",
    )
    np.testing.assert_allclose(
        own["by_check.cfi_change"].astype(float), again.table["delta_cfi"].astype(float)
    )


def test_the_check_is_no_judge_where_the_verdict_hangs_on_the_method(
    shifted: Climb, reference: Fitted
) -> None:
    checked = check_ladders(reference, [shifted], KKS.rules)
    assert checked is not None
    assert checked.fit is not None
    # What was released of thresholds is an intercept of its own in numbers.
    rows = checked.fit.parameters
    for item, differs in (("I_bro1", True), ("I_bro2", False)):
        own = rows[(rows["lhs"] == item) & (rows["op"] == "~1")]["est"]
        assert (own.nunique() > 1) == differs
    assert check_finding(checked, reference) is not None
    other = replace(checked.lines[-1], check=replace(checked.lines[-1].check, verdict="fails"))
    turned = replace(checked, lines=(*checked.lines[:-1], other))
    found = check_finding(turned, reference)
    assert found is not None
    assert found.verdict == "undecided"
    assert found.claim.values == {"n": len(turned.lines), "differing": 1}
    assert found.notes[0].key == "check.note.differs"
    table = check_table(turned, reference)
    assert table is not None
    assert table.rows[-1][-1] == Message("check.no")


def test_what_was_taken_as_numbers_has_no_check_and_many_groups_are_named(
    shifted: Climb, reference: Fitted
) -> None:
    assert check_ladders(replace(reference, check=None), [shifted], KKS.rules) is None
    values = tuple(f"g{k}" for k in range(6))
    many = replace(shifted, chosen=replace(shifted.chosen, values=values))
    checked = check_ladders(reference, [many], KKS.rules)
    assert checked is not None
    assert checked.lines == ()
    assert checked.refused[0].key == "invariance.note.unchecked_many"
    assert check_table(checked, reference) is None
    assert check_finding(checked, reference) is None


PAIRS = (("bro", "O_bro"), ("kom", "O_kom"))


def _as_scales(survey: Survey) -> tuple[Survey, dict[str, Fitted]]:
    """Give the answers to two functions as those to two scales outside the model."""
    scales = {scale: list(KKS.scale(scale).items) for _, scale in PAIRS}
    renamed = {
        f"I_{name}{place}": item
        for name, scale in PAIRS
        for place, item in zip((1, 2, 4), scales[scale], strict=True)
    }
    scored = survey.scored.join(survey.scored[list(renamed)].rename(columns=renamed))
    changed = replace(survey, scored=scored)
    reference = replace(fits("coupling")["M2"], plan=plan(KKS, changed))
    return changed, one_factor_models(KKS, changed, scales, reference)


@pytest.fixture(scope="module")
def of_scales() -> Licences:
    """One scale works otherwise in a group, and one alike."""
    first = np.arange(600) % 2 == 0
    scored = ANSWERS.scored.copy()
    scored.loc[first, "I_bro1"] = (scored.loc[first, "I_bro1"] + 1).clip(upper=5)
    values = np.where(first, "employee", "leader").astype(object)
    changed, models = _as_scales(replace(_with(role=values), scored=scored))
    return Licences(
        by_scale={
            (declared.name, scale.id): licences.licence(KKS, climbed)
            for declared, scale, climbed in climb_scales(KKS, changed, models)
            if declared.name == "role"
        }
    )


def test_scales_outside_the_model_have_licences_of_their_own(of_scales: Licences) -> None:
    role = _column("role")
    alike = of_scales.of_scale(role, KKS.scale("O_kom"))
    assert alike.level == "full"
    assert alike.climb is not None
    # Three items: the form cannot be tested, and all is made equal at once.
    assert [(step.name, step.verdict) for step in alike.climb.steps] == [
        ("configural", "untestable"),
        ("scalar", "holds"),
    ]
    other = of_scales.of_scale(role, KKS.scale("O_bro"))
    assert other.level in ("partial", "none")
    assert other.climb is not None
    assert [step.name for step in other.climb.steps][:3] == ["configural", "thresholds", "metric"]
    assert set(licences.released_items(other.climb)) == {KKS.scale("O_bro").items[0]}
    untested = of_scales.of_scale(role, KKS.scale("G_kop"))
    assert untested.reason == Message("licence.other_scale")
    index = next(one for one in KKS.scales if one.kind == "index")
    assert of_scales.of_scale(role, index).reason == Message("licence.index")


def test_what_the_other_scales_allow_is_tabled_and_counted(of_scales: Licences) -> None:
    table = scales_table(KKS, of_scales)
    assert table is not None
    assert [row[4] for row in table.rows][1] == Message("licence.level.full")
    (found,) = scale_findings(KKS, of_scales)
    assert found.id == "further_invariance_role"
    assert found.claim.values["of"] == 2
    said = words("da")
    assert all(said.say(message) for message in (found.claim, *table.notes, table.title))
    assert scales_table(KKS, Licences()) is None


def test_a_small_model_is_judged_by_cfi_and_chance(of_scales: Licences) -> None:
    climbed = of_scales.by_scale["role", "O_kom"].climb
    assert climbed is not None
    assert climbed.found is not None
    fallen = climbed.found.table.assign(delta_cfi=-0.05, delta_rmsea=0.9)
    for pvalue, verdict in ((0.2, "holds"), (0.001, "fails"), (np.nan, "undecided")):
        found = replace(climbed.found, table=fallen.assign(pvalue_diff=pvalue))
        assert judged_small(found, KKS.rules)[-1].verdict == verdict


def test_reversed_items_that_move_together_are_told_of(shifted: Climb) -> None:
    assert shifted.bias is not None
    one = licences.licence(KKS, shifted)
    items = shifted.bias.items
    turned = items["item"].isin([item.id for item in KKS.items if item.keying == -1])
    for moved, told in ((-0.12, True), (0.0, False)):
        own = items.assign(signed=items["signed"].mask(turned, moved))
        bias = replace(shifted.bias, items=own)
        tables = bias_tables(KKS, replace(one, climb=replace(shifted, bias=bias)))
        keys = {note.key for note in next(tables).notes}
        assert ("invariance.note.bias_reversed" in keys) == told
    clear = next(bias_tables(KKS, one)).notes[1]
    assert clear.key == "invariance.note.bias_clear"
    said = words("en").say(clear)
    assert "I_bro1" in said
    assert "I_bro4" in said


def test_the_bias_that_is_told_is_that_of_scales_with_items_let_go(shifted: Climb) -> None:
    assert shifted.bias is not None
    moved = shifted.bias.scales["factor"] == "kop"
    scales = shifted.bias.scales.assign(bias=shifted.bias.scales["bias"].mask(moved, 3.0))
    found = licences.licence(KKS, replace(shifted, bias=replace(shifted.bias, scales=scales)))
    assert found.bias is not None
    assert found.bias < 1.0


def test_a_licence_allows_at_the_two_upper_levels() -> None:
    column = _column("role")
    allowed = {
        level: Licence(column, level, Message("licence.index")).allows
        for level in ("full", "partial", "none", "untested")
    }
    assert allowed == {"full": True, "partial": True, "none": False, "untested": False}
