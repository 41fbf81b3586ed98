import pytest

from analyses import verdicts
from tests.analyses.demonstrations import instrument

RULES = instrument("coupling").rules


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("cfi", 0.95, "good"),
        ("cfi", 0.949, "acceptable"),
        ("tli", 0.899, "poor"),
        ("rmsea", 0.06, "good"),
        ("rmsea", 0.08, "acceptable"),
        ("srmr", 0.101, "poor"),
        ("srmr", float("nan"), "undecided"),
        ("cfi", None, "undecided"),
    ],
)
def test_an_index_is_judged_by_its_own_limits(name: str, value: float | None, verdict: str) -> None:
    assert verdicts.judge_index(name, value, RULES) == verdict


def test_a_model_is_as_good_as_its_worst_index() -> None:
    measures = {"cfi": 0.96, "tli": 0.96, "rmsea": 0.07, "srmr": 0.03}
    assert verdicts.judge_global_fit(measures, RULES)["all"] == "acceptable"
    assert verdicts.judge_global_fit(measures | {"srmr": 0.2}, RULES)["all"] == "poor"


@pytest.mark.parametrize(
    ("loading", "item_rest", "share", "verdict"),
    [
        (0.40, 0.30, 0.80, "keep"),
        (0.39, 0.50, 0.40, "look"),
        (0.29, 0.50, 0.40, "rewrite"),
        (-0.60, 0.50, 0.40, "rewrite"),
        (0.60, 0.29, 0.40, "look"),
        (0.60, 0.50, 0.81, "look"),
        (0.60, None, None, "keep"),
        (None, 0.50, 0.40, "undecided"),
    ],
)
def test_an_item_is_judged_by_three_rules(
    loading: float | None, item_rest: float | None, share: float | None, verdict: str
) -> None:
    assert verdicts.judge_item(loading, item_rest, share, RULES) == verdict


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        (0.80, 0.90, "good"),
        (0.70, 0.90, "acceptable"),
        (0.69, 0.75, "undecided"),
        (0.50, 0.69, "poor"),
        (None, None, "undecided"),
    ],
)
def test_reliability_is_judged_by_the_interval(
    lower: float | None, upper: float | None, verdict: str
) -> None:
    assert verdicts.judge_reliability(lower, upper, RULES) == verdict


@pytest.mark.parametrize(
    ("estimate", "upper", "verdict"),
    [
        (0.80, 0.84, "distinct"),
        (0.80, 0.86, "doubtful"),
        (0.89, 0.95, "doubtful"),
        (0.90, 0.95, "not_distinct"),
        (0.95, None, "not_distinct"),
        (0.50, None, "undecided"),
    ],
)
def test_factors_are_distinct_by_the_upper_limit(
    estimate: float, upper: float | None, verdict: str
) -> None:
    assert verdicts.judge_distinct(estimate, upper, RULES) == verdict


@pytest.mark.parametrize(
    ("numbers", "verdict", "failed"),
    [
        ((0.05, 0.70, 0.70), "good", ()),
        ((0.04, 0.80, 0.80), "poor", ("icc1",)),
        ((0.10, 0.60, 0.60), "poor", ("icc2", "rwg_j")),
        ((0.10, 0.80, None), "undecided", ()),
        ((0.01, 0.80, None), "poor", ("icc1",)),
    ],
)
def test_group_means_need_all_three_rules(
    numbers: tuple[float | None, float | None, float | None], verdict: str, failed: tuple[str, ...]
) -> None:
    assert verdicts.judge_group_means(*numbers, RULES) == (verdict, failed)


def test_a_stated_rule_carries_words_of_both_languages_and_each_source_once() -> None:
    rule = verdicts.stated(RULES.icc1, RULES.icc2)
    assert rule.source == "LeBreton & Senter 2008"
    text = rule.text.values["text"]
    assert set(text.languages) == {"da", "en"}
    assert "0,05" in text.languages["da"]
    assert "0.70" in text.languages["en"]


@pytest.mark.parametrize(
    ("omega_h", "ecv", "verdict"),
    [
        (0.70, 0.60, "good"),
        (0.699, 0.9, "poor"),
        (0.9, 0.599, "poor"),
        (None, 0.9, "undecided"),
        (0.9, float("nan"), "undecided"),
    ],
)
def test_a_total_needs_both_rules(omega_h: float | None, ecv: float | None, verdict: str) -> None:
    assert verdicts.judge_total(omega_h, ecv, RULES) == verdict


@pytest.mark.parametrize(
    ("difference", "adds"), [(0.001, True), (0.0, False), (-0.1, False), (None, None)]
)
def test_a_sub_score_has_to_say_more_than_the_total(
    difference: float | None, adds: bool | None
) -> None:
    assert verdicts.adds_to_total(difference, RULES) is adds
