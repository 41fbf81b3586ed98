from collections import Counter

import numpy as np
import pandas as pd
import pytest

import measure
from analyses import items
from analyses.modelling.fits import Fitted, fit_reference
from analyses.questionnaire_items.item_pairs import FEWEST_IN_SCALE
from analyses.section import Section, Text
from analyses.wording import words
from tests.analyses.demonstrations import (
    evidence,
    finding,
    fits,
    graded,
    instrument,
    numbers,
    people,
    survey,
    with_answers,
    with_rules,
)

LQ2002 = "leadership_climate"
APART: dict[str, dict[str, float]] = {
    "item_overlap": {"value": 2.0},
    "item_residual": {"value": 2.0},
    "local_dependence": {"value": 2.0},
}
"""Rules that no two items break, for tests of what else casts doubt."""


@pytest.fixture(scope="module")
def lq2002() -> Section:
    return items.run(instrument(LQ2002), survey(LQ2002), fits=fits(LQ2002), graded=graded(LQ2002))


def judged(rules: dict[str, dict[str, float]]) -> Section:
    changed = with_rules(LQ2002, APART | rules)
    return items.run(changed, survey(LQ2002), fits=fits(LQ2002), graded=graded(LQ2002))


def column(section: Section, scale: str, name: str) -> dict[str, object]:
    table = section.table(f"items_{scale}")
    return dict(zip(table.column("item"), table.column(name), strict=True))


def test_items_are_described_as_pandas_describes_them(lq2002: Section) -> None:
    scores = survey("leadership_climate").scored["LEAD05"]
    assert column(lq2002, "leadership", "mean")["LEAD05"] == pytest.approx(scores.mean())
    assert column(lq2002, "leadership", "sd")["LEAD05"] == pytest.approx(scores.std())
    assert column(lq2002, "leadership", "floor")["LEAD05"] == pytest.approx((scores == 1).mean())
    assert column(lq2002, "hostility", "floor")["HOSTIL02"] == pytest.approx(
        (survey("leadership_climate").scored["HOSTIL02"] == 0).mean()
    )


def test_loadings_are_those_of_the_reference_model(lq2002: Section) -> None:
    fit = fits("leadership_climate")["three_factors"].fit
    assert fit is not None
    loading = column(lq2002, "leadership", "loading")["LEAD05"]
    solution = measure.standardized(fit).set_index(["op", "rhs"])["est.std"]
    assert loading == pytest.approx(solution["=~", "LEAD05"])
    assert loading == pytest.approx(0.743, abs=5e-4)


def test_the_loading_of_the_check_stands_beside_and_judges_nothing(lq2002: Section) -> None:
    check = fits("leadership_climate")["three_factors"].check
    assert check is not None
    assert check.fit is not None
    solution = measure.standardized(check.fit).set_index(["op", "rhs"])["est.std"]
    shown = column(lq2002, "leadership", "loading_check")
    assert shown["LEAD02"] == pytest.approx(solution["=~", "LEAD02"])
    # LEAD02 loads .61 of ordered answers and .52 of numbers.
    section = judged({"loading_keep": {"value": 0.6}})
    assert column(section, "leadership", "verdict")["LEAD02"].key == "items.verdict.keep"
    entry = finding(section, "items_check")
    assert (entry.verdict, entry.claim.key) == ("undecided", "check.claim.differs")
    assert "LEAD02: “keep” with ordered answers, “look closer” in the check." in [
        words("en").say(note) for note in entry.notes
    ]
    assert finding(lq2002, "items_check").verdict == "information"


def test_without_ordered_answers_there_is_no_check() -> None:
    for name, fitted in (
        ("mental_ability", fits("mental_ability")),
        ("coupling", numbers("coupling")),
    ):
        section = items.run(instrument(name), survey(name), fits=fitted)
        assert "items_check" not in {entry.id for entry in section.findings}
        for table in section.tables:
            assert "loading_check" not in {part.name for part in table.columns}


def test_items_whose_answers_are_too_few_are_named(lq2002: Section) -> None:
    assert "items_sparse" not in {entry.id for entry in lq2002.findings}
    section = items.run(instrument("leadership_climate"), people(160))
    entry = finding(section, "items_sparse")
    assert entry.verdict == "acceptable"
    fit = fit_reference(instrument("leadership_climate"), people(160))["three_factors"].fit
    assert fit is not None
    assert fit.moments.ordinal is not None
    pairs = fit.moments.ordinal.sparse
    assert evidence(entry, "sparse_tables") == len(pairs) > 0
    named = entry.claim.values["items"]
    counts = Counter(item for pair in pairs for item in pair)
    assert counts[named[0]] == max(counts.values())
    assert "171" in words("en").say(entry.claim)


def test_shares_of_answers_add_up_to_one(lq2002: Section) -> None:
    for table in (lq2002.table("answers_one_to_five"), lq2002.table("answers_zero_to_four")):
        for row in table.rows:
            assert sum(row[1:]) == pytest.approx(1.0)


def test_items_carry_the_instrument_s_words_in_both_languages() -> None:
    section = items.run(instrument("coupling"), survey("coupling"), fits=fits("coupling"))
    wording = column(section, "bro", "wording")["I_bro1"]
    assert isinstance(wording, Text)
    assert wording.languages == dict(instrument("coupling").item("I_bro1").text)


def test_labels_are_said_to_be_labels(lq2002: Section) -> None:
    note = next(note for note in lq2002.notes if note.key == "items.note.labels")
    assert note.values["n"] == 19


@pytest.mark.parametrize(
    ("rule", "numbers", "verdict"),
    [
        ("loading_keep", {"value": 0.62}, "acceptable"),
        ("loading_look", {"value": 0.62}, "poor"),
        ("item_rest", {"value": 0.54}, "acceptable"),
        ("category_share", {"value": 0.42}, "acceptable"),
    ],
)
def test_the_verdict_turns_with_the_rule_s_number(
    rule: str, numbers: dict[str, float], verdict: str
) -> None:
    assert finding(judged({}), "items_leadership").verdict == "good"
    section = judged({rule: numbers})
    assert finding(section, "items_leadership").verdict == verdict
    doubt = finding(section, "item_LEAD02")
    assert doubt.verdict == verdict
    assert doubt.rule is not None
    assert evidence(doubt, "loading") == pytest.approx(0.613, abs=0.001)


def test_an_answer_that_nearly_all_give_is_looked_at() -> None:
    name = "leadership_climate"
    scored = survey(name).scored.copy()
    scored.loc[scored.index[:1900], "LEAD03"] = 2.0
    section = items.run(instrument(name), with_answers(name, scored))
    doubt = finding(section, "item_LEAD03")
    share = evidence(doubt, "share_most_used")
    assert share is not None
    assert share > 0.9


def test_without_a_usable_model_nothing_is_judged() -> None:
    name = "leadership_climate"
    model = instrument(name).reference_model
    failed = {model.id: Fitted(model, "not_converged", error="no minimum")}
    section = items.run(instrument(name), survey(name), fits=failed)
    assert section.answer.key == "items.answer.undecided"
    assert set(column(section, "leadership", "loading").values()) == {None}
    assert finding(section, "items_leadership").verdict == "undecided"


def test_an_index_is_described_and_not_judged() -> None:
    loaded = instrument("leadership_climate")
    scales = tuple(
        scale.model_copy(update={"kind": "index"}) if scale.id == "hostility" else scale
        for scale in loaded.scales
    )
    changed = loaded.model_copy(update={"scales": scales})
    section = items.run(changed, survey(loaded.id), fits=fits(loaded.id))
    names = [part.name for part in section.table("items_hostility").columns]
    assert "mean" in names
    assert not {"loading", "item_rest", "alpha_if_dropped", "verdict"} & set(names)


def test_items_that_are_too_close_are_named_with_the_item_they_are_close_to(
    lq2002: Section,
) -> None:
    entry = finding(lq2002, "items_close")
    assert entry.verdict == "acceptable"
    doubt = finding(lq2002, "item_LEAD01")
    assert evidence(doubt, "dependence") == pytest.approx(0.501, abs=0.002)
    said = " ".join(words("en").say(note) for note in doubt.notes)
    assert "shares more than the scale with LEAD02 and locally dependent on LEAD02" in said
    table = lq2002.table("item_pairs")
    first = dict(zip([part.name for part in table.columns], table.rows[0], strict=True))
    assert (first["item"], first["item_other"]) == ("LEAD01", "LEAD02")
    assert finding(judged({}), "items_close").verdict == "good"


def test_two_items_of_a_small_scale_are_not_called_redundant(lq2002: Section) -> None:
    judged_by = lq2002.table("items_judged")
    overlaps = dict(zip(judged_by.column("item"), judged_by.column("overlap"), strict=True))
    # TSIG02 and TSIG03 overlap by .33; with TSIG01 they are a scale of three.
    assert overlaps["TSIG03"] is not None
    assert overlaps["TSIG03"] < 0.25
    assert overlaps["HOSTIL04"] == pytest.approx(0.433, abs=0.001)


@pytest.mark.parametrize("n_items", [3, 4, 5, 6, 9])
@pytest.mark.parametrize("r", [0.3, 0.6, 0.95])
def test_parallel_items_overlap_less_than_their_number_allows(n_items: int, r: float) -> None:
    names = [f"x{place}" for place in range(n_items)]
    matrix = np.full((n_items, n_items), r) + (1 - r) * np.eye(n_items)
    found = measure.redundancy(pd.DataFrame(matrix, index=names, columns=names), n_obs=1000)
    assert found["wto"].max() < 1 / (n_items - 1)
    if n_items >= FEWEST_IN_SCALE:
        assert found["wto"].max() < instrument(LQ2002).rules.item_overlap.value


def test_alpha_if_dropped_is_that_of_the_other_items(lq2002: Section) -> None:
    scale = instrument(LQ2002).scale("hostility")
    others = [item for item in scale.items if item != "HOSTIL04"]
    answers = survey(LQ2002).scored[others].assign(company=survey(LQ2002).data["COMPID"])
    alpha = measure.cronbach_alpha(answers, cluster="company")
    for name, value in (
        ("alpha_if_dropped", alpha.alpha),
        ("alpha_dropped.lower", alpha.ci_lower),
        ("alpha_dropped.upper", alpha.ci_upper),
    ):
        assert column(lq2002, "hostility", name)["HOSTIL04"] == pytest.approx(value)


def test_a_constant_item_is_said_to_keep_its_scale_from_being_judged() -> None:
    scored = survey(LQ2002).scored.assign(HOSTIL01=1.0)
    section = items.run(instrument(LQ2002), with_answers(LQ2002, scored), fits=fits(LQ2002))
    refused = next(note for note in section.notes if note.key == "items.note.refused")
    assert "HOSTIL01" in words("en").say(refused)
    assert "verdict" not in {part.name for part in section.table("items_hostility").columns}
    assert finding(section, "items_leadership").verdict == "acceptable"


def test_scales_outside_the_reference_model_have_a_factor_of_their_own() -> None:
    loaded = instrument("leadership_climate")
    model = loaded.reference_model
    syntax = "\n".join(line for line in model.syntax.splitlines() if "HOSTIL" not in line)
    models = tuple(
        one.model_copy(update={"syntax": syntax}) if one.id == model.id else one
        for one in loaded.models
    )
    changed = loaded.model_copy(update={"models": models})
    section = items.run(changed, survey(loaded.id))
    own = measure.cfa(
        "f =~ HOSTIL01 + HOSTIL02 + HOSTIL03 + HOSTIL04 + HOSTIL05",
        survey(loaded.id).scored.assign(company=survey(loaded.id).data["COMPID"]),
        ordered=[f"HOSTIL0{place}" for place in range(1, 6)],
        estimator="WLSMV",
        cluster="company",
    )
    expected = measure.standardized(own).set_index(["op", "rhs"])["est.std"]["=~", "HOSTIL03"]
    assert column(section, "hostility", "loading")["HOSTIL03"] == pytest.approx(expected)
    assert column(section, "hostility", "verdict")["HOSTIL03"].key != "items.verdict.undecided"
