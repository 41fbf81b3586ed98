"""The rules of the hypotheses, over tables of cases, with limits hit exactly."""

import math

import pytest

import instruments
from analyses.ledger.judgement import (
    Interval,
    combine,
    interval,
    judge,
    judge_band,
    judge_equivalence,
    judge_one_sided,
    rule_of,
    score,
)
from instruments.schema import Expectation

RULES = instruments.load("coupling").rules


@pytest.mark.parametrize(
    ("estimate", "lower", "upper", "expected"),
    [
        (0.45, 0.35, 0.55, "confirmed"),
        (0.30, 0.20, 0.40, "confirmed"),  # on the edge of the band
        (0.60, 0.50, 0.70, "confirmed"),
        (0.31, -0.02, 0.64, "undecided"),  # in the band, but 0 is not excluded
        (0.31, 0.00, 0.62, "undecided"),  # 0 is the limit itself
        (0.29, 0.20, 0.38, "undecided"),  # outside the band, the interval reaches into it
        (0.70, 0.60, 0.80, "undecided"),  # touches the band
        (0.71, 0.601, 0.80, "refuted"),
        (0.20, 0.10, 0.30, "undecided"),
        (0.19, 0.09, 0.299, "refuted"),
        (-0.45, -0.55, -0.35, "refuted"),  # the other way
    ],
)
def test_a_band_of_30_to_60(estimate: float, lower: float, upper: float, expected: str) -> None:
    assert judge_band(Interval(estimate, lower, upper), 0.30, 0.60) == expected


@pytest.mark.parametrize(
    ("estimate", "lower", "upper", "expected"),
    [
        (-0.35, -0.45, -0.25, "confirmed"),
        (-0.21, -0.43, 0.01, "undecided"),
        (-0.10, -0.19, -0.01, "refuted"),
        (-0.60, -0.69, -0.51, "refuted"),
        (0.10, 0.0, 0.2, "refuted"),
    ],
)
def test_a_band_below_zero(estimate: float, lower: float, upper: float, expected: str) -> None:
    assert judge_band(Interval(estimate, lower, upper), -0.50, -0.20) == expected


@pytest.mark.parametrize(
    ("estimate", "lower", "upper", "expected"),
    [
        (0.10, -0.05, 0.25, "confirmed"),  # 0 need not be excluded
        (-0.30, -0.39, -0.21, "confirmed"),
        (0.35, 0.29, 0.41, "undecided"),  # the limit is not excluded
        (0.34, 0.28, 0.40, "undecided"),
        (0.45, 0.39, 0.51, "undecided"),
        (0.50, 0.41, 0.59, "refuted"),
        (-0.50, -0.59, -0.41, "refuted"),
    ],
)
def test_a_limit_of_40_in_absolute_value(
    estimate: float, lower: float, upper: float, expected: str
) -> None:
    assert judge_band(Interval(estimate, lower, upper), None, None, 0.40) == expected


@pytest.mark.parametrize(
    ("estimate", "lower", "upper", "expected"),
    [
        (0.60, 0.50, 0.70, "confirmed"),
        (0.68, 0.50, 0.86, "undecided"),  # in the band, but perhaps the same construct
        (0.68, 0.50, 0.85, "undecided"),
        (0.90, 0.86, 0.94, "refuted"),
        (0.75, 0.71, 0.79, "refuted"),  # another construct, but outside the band
    ],
)
def test_a_band_of_40_to_70_and_a_limit_of_85(
    estimate: float, lower: float, upper: float, expected: str
) -> None:
    assert judge_band(Interval(estimate, lower, upper), 0.40, 0.70, 0.85) == expected


@pytest.mark.parametrize(
    ("estimate", "lower", "upper", "value", "expected"),
    [
        (0.50, 0.30, 0.70, 0.40, "confirmed"),
        (0.40, 0.01, 0.79, 0.40, "confirmed"),
        (0.39, 0.20, 0.58, 0.40, "undecided"),  # not reached
        (0.50, 0.00, 1.00, 0.40, "undecided"),  # 0 is not excluded
        (0.20, 0.01, 0.40, 0.40, "undecided"),
        (0.20, 0.01, 0.39, 0.40, "refuted"),
        (0.10, -0.05, 0.25, 0.00, "undecided"),
        (0.10, 0.01, 0.19, 0.00, "confirmed"),
        (-0.10, -0.19, -0.01, 0.00, "refuted"),
    ],
)
def test_a_claim_of_at_least_a_value(
    estimate: float, lower: float, upper: float, value: float, expected: str
) -> None:
    assert judge_one_sided(Interval(estimate, lower, upper), value) == expected


@pytest.mark.parametrize(
    ("estimate", "se", "expected"),
    [
        (0.00, 0.10, "confirmed"),
        (0.13, 0.10, "confirmed"),  # 90 %: −.03 to .29
        (0.15, 0.10, "undecided"),
        (0.00, 0.20, "undecided"),  # too uncertain to call alike
        (0.49, 0.10, "undecided"),  # 95 %: .29 to .69
        (0.50, 0.10, "refuted"),
        (-0.50, 0.10, "refuted"),
    ],
)
def test_a_claim_of_no_difference_to_speak_of(estimate: float, se: float, expected: str) -> None:
    found, wide = interval(estimate, se, 0.90), interval(estimate, se, 0.95)
    assert judge_equivalence(found, wide, (-0.30, 0.30)) == expected
    expectation = Expectation(estimand="equivalence", target="role", lower=-0.3, upper=0.3)
    assert judge(expectation, estimate, se, RULES) == expected
    assert rule_of(expectation, RULES) is RULES.equivalence_level


def test_the_interval_is_the_normal_one() -> None:
    found = interval(0.5, 0.1, 0.95)
    assert (found.lower, found.upper) == pytest.approx((0.304004, 0.695996), abs=1e-6)


def test_the_expectation_says_which_rule_applies() -> None:
    band = Expectation(target="a", lower=0.3, upper=0.6)
    least = Expectation(estimand="difference", target="a", group="yes", against="no", lower=0.4)
    most = Expectation(target="a", upper=-0.2)
    assert rule_of(band, RULES) is RULES.hypothesis_level
    assert rule_of(least, RULES) is rule_of(most, RULES) is RULES.one_sided_level
    assert judge(band, 0.45, 0.05, RULES) == "confirmed"
    assert judge(least, 0.45, 0.05, RULES) == "confirmed"
    assert judge(least, 0.2, 0.05, RULES) == "refuted"
    assert judge(most, -0.3, 0.05, RULES) == "confirmed"
    assert judge(most, 0.1, 0.05, RULES) == "refuted"
    assert judge(Expectation(target="a", below=0.85), 0.7, 0.05, RULES) == "confirmed"


def test_without_a_band_a_number_is_shown_and_without_a_number_nothing_is_decided() -> None:
    assert judge(Expectation(target="a"), 0.9, 0.05, RULES) == "shown"
    band = Expectation(target="a", lower=0.3, upper=0.6)
    for estimate, se in ((None, None), (0.4, None), (math.nan, 0.1), (0.4, math.nan)):
        assert judge(band, estimate, se, RULES) == "undecided"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["confirmed", "confirmed"], "confirmed"),
        (["confirmed", "refuted", "undecided"], "refuted"),
        (["confirmed", "undecided"], "undecided"),
        (["confirmed", "awaits"], "confirmed"),
        (["confirmed", "shown"], "confirmed"),
        (["refuted", "not_measured"], "refuted"),
        (["shown", "awaits"], "awaits"),
        (["awaits"], "awaits"),
        (["not_measured", "awaits"], "not_measured"),
        (["shown"], "awaits"),
    ],
)
def test_a_hypothesis_is_judged_by_its_expectations(parts: list[str], expected: str) -> None:
    assert combine(parts) == expected  # type: ignore[arg-type]


def test_the_share_counts_what_is_measured() -> None:
    judged = ["confirmed"] * 9 + ["refuted"] + ["undecided"] * 2 + ["awaits"] * 5
    found = score([*judged, "not_measured"], RULES)  # type: ignore[list-item]
    assert (found.measured, found.share, found.verdict) == (12, 0.75, "good")
    assert (found.awaits, found.not_measured) == (5, 1)
    worse = score(["confirmed"] * 8 + ["undecided"] * 4, RULES)  # type: ignore[list-item]
    assert worse.verdict == "poor"


def test_under_ten_measured_there_is_no_verdict_on_the_whole() -> None:
    nine = score(["confirmed"] * 9 + ["awaits"] * 12, RULES)  # type: ignore[list-item]
    assert (nine.share, nine.verdict) == (1.0, "undecided")
    ten = score(["confirmed"] * 10, RULES)  # type: ignore[list-item]
    assert ten.verdict == "good"
    none = score(["not_measured"] * 21, RULES)  # type: ignore[list-item]
    assert (none.measured, none.share, none.verdict) == (0, None, "undecided")
