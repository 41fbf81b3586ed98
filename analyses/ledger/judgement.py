"""The rules of the hypotheses, applied: an estimate and a band in, a judgement out.

The rules and their levels are the instrument's (`hypothesis_level`, `one_sided_level`,
`equivalence_level`, `hypotheses_confirmed`, `hypotheses_measured`).
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from analyses.section import Verdict
from instruments.rules import Rules, Threshold
from instruments.schema import Expectation

Judgement = Literal["confirmed", "refuted", "undecided", "shown", "awaits", "not_measured"]
"""How an expectation or a hypothesis stands: `shown` has no band to be judged by, `awaits` has no
estimator or no data of its kind yet, `not_measured` needs what this survey does not hold."""

MEASURED: tuple[Judgement, ...] = ("confirmed", "refuted", "undecided")

LADDER: dict[Judgement, Verdict] = {
    "confirmed": "good",
    "refuted": "poor",
    "undecided": "undecided",
    "shown": "information",
    "awaits": "information",
    "not_measured": "information",
}
"""Where each judgement stands among the verdicts of the other sections."""


@dataclass(frozen=True)
class Interval:
    """An estimate with limits at a level, and the limits at the level of an equivalence."""

    estimate: float
    lower: float
    upper: float


def interval(estimate: float, se: float, level: float) -> Interval:
    """Give the normal-theory interval of an estimate, as `measure.standardized` has it."""
    reach = NormalDist().inv_cdf((1 + level) / 2) * se
    return Interval(estimate, estimate - reach, estimate + reach)


def rule_of(expectation: Expectation, rules: Rules) -> Threshold:
    """Give the rule that an expectation is judged by; its number is the level of the interval."""
    if expectation.estimand == "equivalence":
        return rules.equivalence_level
    if _one_sided(expectation):
        return rules.one_sided_level
    return rules.hypothesis_level


def judge(
    expectation: Expectation, estimate: float | None, se: float | None, rules: Rules
) -> Judgement:
    """Judge an estimate with its standard error by an expectation and the instrument's rules."""
    if not expectation.judged:
        return "shown"
    if estimate is None or se is None or not (math.isfinite(estimate) and math.isfinite(se)):
        return "undecided"
    found = interval(estimate, se, rule_of(expectation, rules).value)
    if expectation.estimand == "equivalence":
        assert expectation.lower is not None
        assert expectation.upper is not None
        wide = interval(estimate, se, rules.hypothesis_level.value)
        return judge_equivalence(found, wide, (expectation.lower, expectation.upper))
    if _one_sided(expectation):
        if expectation.lower is not None:
            return judge_one_sided(found, expectation.lower)
        assert expectation.upper is not None
        turned = Interval(-found.estimate, -found.upper, -found.lower)
        return judge_one_sided(turned, -expectation.upper)
    return judge_band(found, expectation.lower, expectation.upper, expectation.below)


def _one_sided(expectation: Expectation) -> bool:
    ends = (expectation.lower, expectation.upper)
    return expectation.below is None and ends.count(None) == 1


def judge_band(
    found: Interval, lower: float | None, upper: float | None, below: float | None = None
) -> Judgement:
    """Judge by a band, by a limit that the absolute value stays below, or by both.

    Confirmed: the estimate lies in the band, and the interval excludes 0, where there is a band,
    and the limit, where there is one. Refuted: the interval lies wholly outside the band or, where
    there is only a limit, wholly beyond it.
    """
    limit = math.inf if below is None else below
    ends = (-limit if lower is None else lower, limit if upper is None else upper)
    if found.upper < ends[0] or found.lower > ends[1]:
        return "refuted"
    banded = lower is not None or upper is not None
    demands = (
        ends[0] <= found.estimate <= ends[1],
        not banded or found.lower > 0 or found.upper < 0,
        -limit < found.lower and found.upper < limit,
    )
    return "confirmed" if all(demands) else "undecided"


def judge_one_sided(found: Interval, value: float) -> Judgement:
    """Judge a claim of at least a value.

    Confirmed: the lower limit is above 0 and the estimate reaches the value. Refuted: the upper
    limit is below the value.
    """
    if found.upper < value:
        return "refuted"
    return "confirmed" if found.lower > 0 and found.estimate >= value else "undecided"


def judge_equivalence(found: Interval, wide: Interval, band: tuple[float, float]) -> Judgement:
    """Judge a claim of no difference to speak of, by two one-sided tests.

    Confirmed: the interval at the level of the equivalence lies within the band. Refuted: the wider
    interval that other claims are judged by lies wholly outside it.
    """
    lower, upper = band
    if wide.upper < lower or wide.lower > upper:
        return "refuted"
    return "confirmed" if lower < found.lower and found.upper < upper else "undecided"


def combine(judgements: Iterable[Judgement]) -> Judgement:
    """Judge a hypothesis by its expectations.

    Refuted where one is, confirmed where all that are measured are, undecided otherwise. What is
    only shown, awaits something or is not measured does not count beside what is measured; with
    nothing measured the hypothesis is not measured, or awaits.
    """
    found = list(judgements)
    measured = [one for one in found if one in MEASURED]
    if not measured:
        return "not_measured" if "not_measured" in found else "awaits"
    if "refuted" in measured:
        return "refuted"
    return "confirmed" if set(measured) == {"confirmed"} else "undecided"


@dataclass(frozen=True)
class Score:
    """How the hypotheses stand as a whole; `share` is None where none is measured."""

    confirmed: int
    refuted: int
    undecided: int
    awaits: int
    not_measured: int
    share: float | None
    verdict: Verdict

    @property
    def measured(self) -> int:
        """How many are measured."""
        return self.confirmed + self.refuted + self.undecided


def score(judgements: Iterable[Judgement], rules: Rules) -> Score:
    """Count the hypotheses, and judge the share confirmed of those that are measured.

    With fewer measured than the rule asks for there is no verdict on the whole.
    """
    counts = Counter(judgements)
    measured = sum(counts[one] for one in MEASURED)
    share = counts["confirmed"] / measured if measured else None
    verdict: Verdict = "undecided"
    if share is not None and measured >= rules.hypotheses_measured.value:
        verdict = "good" if share >= rules.hypotheses_confirmed.value else "poor"
    return Score(
        confirmed=counts["confirmed"],
        refuted=counts["refuted"],
        undecided=counts["undecided"],
        awaits=counts["awaits"],
        not_measured=counts["not_measured"],
        share=share,
        verdict=verdict,
    )
