"""The decision rules: their numbers, and the sentences that state them."""

import pytest
from pydantic import ValidationError

import instruments
from instruments import FitRule, RetentionRule, Rules, Threshold

RULES = instruments.load("coupling").rules


def test_the_numbers_are_those_agreed_on() -> None:
    good, fair = RULES.global_fit_good, RULES.global_fit_acceptable
    assert (good.cfi, good.tli, good.rmsea, good.srmr) == (0.95, 0.95, 0.06, 0.08)
    assert (fair.cfi, fair.tli, fair.rmsea, fair.srmr) == (0.90, 0.90, 0.08, 0.10)
    single = {name: rule.value for name, rule in RULES if isinstance(rule, Threshold)}
    assert single == {
        "simpler_delta_cfi": 0.005,
        "simpler_delta_rmsea": 0.005,
        "simpler_residual_correlation": 0.10,
        "invariance_delta_cfi": -0.010,
        "invariance_delta_rmsea": 0.015,
        "invariance_chance": 0.05,
        "invariance_bias": 0.33,
        "equivalence_band": 0.30,
        "factor_distinct_upper": 0.85,
        "factor_distinct_doubtful": 0.90,
        "change_worthwhile": 0.20,
        "omega_groups": 0.70,
        "omega_change": 0.80,
        "loading_keep": 0.40,
        "loading_look": 0.30,
        "item_rest": 0.30,
        "category_share": 0.80,
        "total_omega_h": 0.70,
        "total_ecv": 0.60,
        "subscore_prmse": 0.0,
        "icc1": 0.05,
        "icc2": 0.70,
        "rwg_j": 0.70,
        "hypothesis_level": 0.95,
        "one_sided_level": 0.95,
        "equivalence_level": 0.90,
        "hypotheses_confirmed": 0.75,
        "index_answered": 0.80,
        "content_i_cvi": 0.78,
        "content_s_cvi": 0.90,
        "item_overlap": 0.25,
        "item_residual": 0.20,
        "local_dependence": 0.20,
        "dif_look": 0.035,
        "dif_rewrite": 0.07,
        "loading_discrimination": 0.10,
        "congruence_good": 0.95,
        "congruence_fair": 0.85,
    }
    assert RULES.hypotheses_measured.value == 10
    assert RULES.invariance_group.value == 200
    assert RULES.rwg_j.null == "slight"


@pytest.mark.parametrize("name", list(Rules.model_fields))
@pytest.mark.parametrize("language", ["da", "en"])
def test_every_rule_is_a_sentence_that_shows_its_numbers(name: str, language: str) -> None:
    rule = getattr(RULES, name)
    sentence = rule.text(language)
    assert "{" not in sentence
    assert rule.source
    wanted = [f"{abs(value):g}" for value in rule.numbers().values()]
    if name in ("hypotheses_measured", "invariance_group"):
        wanted = [f" {rule.value} "]
    elif "{percent}" in rule.wording[language]:
        percent = f"{100 * rule.value:.0f}"
        wanted = [f"{percent}%" if language == "en" else f"{percent}\N{NO-BREAK SPACE}%"]
    plain = sentence.replace(",", ".") if language == "da" else sentence
    assert all(number in plain for number in wanted)


def test_danish_writes_a_decimal_comma() -> None:
    assert RULES.simpler_delta_cfi.text("da").endswith("0,005 lavere")
    assert RULES.invariance_delta_cfi.text("da").endswith("mindst −0,01")
    assert RULES.global_fit_good.text("da").startswith("God tilpasning: CFI ≥ 0,95")
    assert isinstance(RULES.global_fit_good, FitRule)


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        (("parallel_pca", "ekc", "ekc"), "more than once"),
        (("hull_cfi", "ekc"), "must always have an answer, which hull_cfi has not"),
        (("scree",), "parallel_pca"),
        ((), "at least 1 item"),
    ],
)
def test_criteria_that_cannot_decide_are_refused(criteria: tuple[str, ...], message: str) -> None:
    rule = RULES.factors_retained.model_dump()
    with pytest.raises(ValidationError, match=message):
        RetentionRule(**rule | {"criteria": criteria})


def test_parallel_analysis_decides_how_many_factors() -> None:
    rule = RULES.factors_retained
    assert rule.criteria[0] == "parallel_pca"
    assert {"map_squared", "ekc"} < set(rule.criteria)
    assert rule.share == 0.5
