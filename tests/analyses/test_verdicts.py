from typing import get_args

import pytest

from analyses import labels, verdicts
from analyses.section import Verdict
from analyses.verdicts import LADDER
from analyses.wording import words
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
    ("loading", "others", "verdict", "doubts"),
    [
        (0.40, {"item_rest": 0.30, "largest_share": 0.80}, "keep", []),
        (0.39, {"item_rest": 0.50}, "look", []),
        (0.29, {"item_rest": 0.50}, "rewrite", []),
        (-0.60, {"item_rest": 0.50}, "rewrite", []),
        (0.60, {"item_rest": 0.29}, "look", ["item_rest"]),
        (0.60, {"largest_share": 0.81}, "look", ["largest_share"]),
        (0.60, {"overlap": 0.24, "residual": 0.20, "dependence": 0.20}, "keep", []),
        (0.60, {"overlap": 0.25}, "look", ["overlap"]),
        (0.60, {"residual": 0.21, "dependence": 0.21}, "look", ["residual", "dependence"]),
        (0.60, {"functioning": 0.034}, "keep", []),
        (0.60, {"functioning": 0.035}, "look", ["functioning"]),
        (0.60, {"functioning": 0.07}, "rewrite", ["functioning"]),
        (0.60, {}, "keep", []),
        (0.60, {"overlap": float("nan")}, "keep", []),
        (None, {"item_rest": 0.50, "functioning": 0.08}, "undecided", ["functioning"]),
    ],
)
def test_an_item_is_judged_by_its_loading_and_by_what_casts_doubt(
    loading: float | None, others: dict[str, float], verdict: str, doubts: list[str]
) -> None:
    numbers = verdicts.ItemNumbers(loading, **others)
    assert verdicts.judge_item(numbers, RULES) == verdict
    assert list(verdicts.item_doubts(numbers, RULES)) == doubts


def test_a_large_difference_between_groups_names_the_rule_that_it_breaks() -> None:
    moderate, large = (
        verdicts.item_doubts(verdicts.ItemNumbers(0.6, functioning=value), RULES)["functioning"]
        for value in (0.05, 0.08)
    )
    assert moderate == RULES.dif_look
    assert large == RULES.dif_rewrite


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
    ("first", "others", "verdict", "agree", "known"),
    [
        (4, (4, 4, 2, 3), "good", 3, 5),
        (4, (4, 4, None, None), "good", 3, 3),
        (4, (4, 3, 3, None), "acceptable", 2, 4),
        (5, (4, 4, 4, None), "acceptable", 3, 4),
        (4, (None, None, None, None), "good", 1, 1),
        (5, (4, 4, 3, None), "poor", 2, 4),
    ],
)
def test_the_number_of_factors_is_judged_by_the_criterion_that_decides_and_by_most(
    first: int, others: tuple[int | None, ...], verdict: str, agree: int, known: int
) -> None:
    names = ("parallel_pca", "map_squared", "ekc", "hull_cfi", "comparison_data")
    suggested = dict(zip(names, (first, *others), strict=True)) | {"map_fourth": 1}
    assert verdicts.judge_retention(suggested, 4, RULES) == (verdict, agree, known)


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


@pytest.mark.parametrize("language", ["da", "en"])
def test_every_verdict_has_one_word_one_symbol_and_its_place_on_the_ladder(language):
    said = words(language)
    verdicts = set(get_args(Verdict))
    assert set(LADDER) | {"information"} == verdicts == set(labels.SYMBOLS)
    written = [said.catalogue[f"verdict.{one}"] for one in verdicts]
    assert len(set(written)) == len(verdicts)
    assert [word for _, word, _ in labels.ladder(said)] == [
        said.catalogue[f"verdict.{one}"] for one in LADDER
    ]
