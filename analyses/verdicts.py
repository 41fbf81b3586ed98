"""The instrument's decision rules, applied: a number and a rule in, a verdict out.

Every judgement of the sections is made here and by the rules of the instrument's file, so that a
changed rule changes the verdict and nothing else. What could not be computed is `undecided`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import instruments.rules
from analyses.section import Message, Rule, Text, Verdict
from measure.questions.content_validity import FEWEST_EXPERTS

ItemVerdict = Literal["keep", "look", "rewrite", "undecided"]
ContentVerdict = Literal["relevant", "revise", "undecided"]
Distinctness = Literal["distinct", "doubtful", "not_distinct", "undecided"]

CHECKS = ("items_check", "reliability_check", "check", "invariance_check")
"""Findings that set the verdicts beside those of the check; none of them judges the questionnaire
itself."""

TOTALS = ("total_score", "subscores")
"""Findings on the sum of all scales, and on what the scales add to it."""

FURTHER = "further_"
"""How the ids of findings begin that are on scales outside the reference model: the summary counts
them, and rests on the others."""

_LADDER: tuple[Verdict, ...] = ("good", "information", "acceptable", "undecided", "poor")

LADDER: tuple[Verdict, ...] = ("good", "acceptable", "undecided", "poor")
"""The verdicts that a rule gives, from the best to the worst. Each is said by the one word of the
catalogue (`verdict.<verdict>`), and what it means for a number with an interval by another row
(`verdict_meaning.<verdict>`); no face has words of its own for them."""


def by_interval(lower: float | None, upper: float | None, *, good: float, enough: float) -> Verdict:
    """Place a number that should be high on the ladder by its whole interval, and never by itself.

    `good` where the lower limit reaches the strict rule, `acceptable` where it reaches the one that
    is enough, `poor` where even the upper limit falls short of that, and `undecided` where the
    interval lies across it or could not be computed.
    """
    if lower is None or upper is None or not (known(lower) and known(upper)):
        return "undecided"
    if lower >= good:
        return "good"
    if lower >= enough:
        return "acceptable"
    return "poor" if upper < enough else "undecided"


def stated(*rules: instruments.rules.Rule) -> Rule:
    """Give the instrument's rules as one rule of a finding: its words, and their sources."""
    languages = [language for language in rules[0].wording if _all_have(rules, language)]
    text = {
        language: ". ".join(rule.text(language) for rule in rules) + "." for language in languages
    }
    sources = dict.fromkeys(rule.source for rule in rules)
    return Rule(Message("plain", {"text": Text(text)}), "; ".join(sources))


def _all_have(rules: Iterable[instruments.rules.Rule], language: str) -> bool:
    return all(language in rule.wording for rule in rules)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Give the lowest of several verdicts; `undecided` where there are none."""
    return max(verdicts, key=_LADDER.index, default="undecided")


def known(value: float | None) -> bool:
    """Tell whether a number could be computed."""
    return value is not None and not math.isnan(value)


def judge_index(name: str, value: float | None, rules: instruments.rules.Rules) -> Verdict:
    """Judge one index of global fit (`cfi`, `tli`, `rmsea` or `srmr`)."""
    if value is None or not known(value):
        return "undecided"
    at_least = name in ("cfi", "tli")
    limits: tuple[tuple[Verdict, instruments.rules.FitRule], ...] = (
        ("good", rules.global_fit_good),
        ("acceptable", rules.global_fit_acceptable),
    )
    for verdict, rule in limits:
        limit = rule.numbers()[name]
        if value >= limit if at_least else value <= limit:
            return verdict
    return "poor"


def judge_congruence(value: float | None, rules: instruments.rules.Rules) -> Verdict:
    """Judge how far a factor has the pattern that was expected of it."""
    if value is None or not known(value):
        return "undecided"
    if value >= rules.congruence_good.value:
        return "good"
    return "acceptable" if value >= rules.congruence_fair.value else "poor"


def judge_global_fit(
    measures: Mapping[str, float], rules: instruments.rules.Rules
) -> dict[str, Verdict]:
    """Judge each index of global fit, and under `all` the model: as good as its worst index."""
    verdicts = {name: judge_index(name, measures.get(name), rules) for name in FIT_INDICES}
    return verdicts | {"all": worst(verdicts.values())}


FIT_INDICES = ("cfi", "tli", "rmsea", "srmr")


def judge_invariance(
    delta_cfi: float | None, delta_rmsea: float | None, rules: instruments.rules.Rules
) -> bool | None:
    """Tell whether a step of invariance holds; None where a change could not be computed."""
    if delta_cfi is None or delta_rmsea is None or not (known(delta_cfi) and known(delta_rmsea)):
        return None
    return (
        delta_cfi >= rules.invariance_delta_cfi.value
        and delta_rmsea <= rules.invariance_delta_rmsea.value
    )


def judge_small_step(
    delta_cfi: float | None, pvalue: float | None, rules: instruments.rules.Rules
) -> bool | None:
    """Tell whether a step of a small model holds: CFI falls little, or as much as by chance."""
    if delta_cfi is None or not known(delta_cfi):
        return None
    if delta_cfi >= rules.invariance_delta_cfi.value:
        return True
    if pvalue is None or not known(pvalue):
        return None
    return pvalue >= rules.invariance_chance.value


@dataclass(frozen=True)
class ItemNumbers:
    """What an item is judged by; None is "does not apply" or "could not be computed".

    Attributes
    ----------
    loading
        Standardised loading on its factor; without it nothing is judged.
    item_rest
        Correlation with the rest of its scale.
    largest_share
        Share of the answers in its most used category.
    overlap, residual, dependence
        The highest topological overlap, residual correlation and Q3 less its mean with another
        item.
    functioning
        The most that a group adds to R², among groups whose difference is clearer than chance.
    """

    loading: float | None
    item_rest: float | None = None
    largest_share: float | None = None
    overlap: float | None = None
    residual: float | None = None
    dependence: float | None = None
    functioning: float | None = None


def item_doubts(
    numbers: ItemNumbers, rules: instruments.rules.Rules
) -> dict[str, instruments.rules.Rule]:
    """Give the rules that an item falls short of, by what they judge, the loading left out."""
    functioning = rules.dif_look
    if _reaches(numbers.functioning, rules.dif_rewrite):
        functioning = rules.dif_rewrite
    found: dict[str, tuple[bool, instruments.rules.Rule]] = {
        "item_rest": (is_below(numbers.item_rest, rules.item_rest), rules.item_rest),
        "largest_share": (
            _above(numbers.largest_share, rules.category_share),
            rules.category_share,
        ),
        "overlap": (_reaches(numbers.overlap, rules.item_overlap), rules.item_overlap),
        "residual": (_above(numbers.residual, rules.item_residual), rules.item_residual),
        "dependence": (_above(numbers.dependence, rules.local_dependence), rules.local_dependence),
        "functioning": (_reaches(numbers.functioning, rules.dif_look), functioning),
    }
    return {name: rule for name, (holds, rule) in found.items() if holds}


def judge_item(numbers: ItemNumbers, rules: instruments.rules.Rules) -> ItemVerdict:
    """Judge an item.

    The loading decides between keep, look and rewrite, and so does a difference between groups at
    the same standing. Any other doubt turns a keep into a look.
    """
    loading = numbers.loading
    if loading is None or not known(loading):
        return "undecided"
    if loading < rules.loading_look.value or _reaches(numbers.functioning, rules.dif_rewrite):
        return "rewrite"
    weak = is_below(loading, rules.loading_keep)
    return "look" if weak or item_doubts(numbers, rules) else "keep"


def is_below(value: float | None, rule: instruments.rules.Threshold) -> bool:
    """Tell whether a number falls short of a rule; what could not be computed does not."""
    return value is not None and known(value) and value < rule.value


def _above(value: float | None, rule: instruments.rules.Threshold) -> bool:
    return value is not None and known(value) and value > rule.value


def _reaches(value: float | None, rule: instruments.rules.Threshold) -> bool:
    return value is not None and known(value) and value >= rule.value


def judge_reliability(
    lower: float | None, upper: float | None, rules: instruments.rules.Rules
) -> Verdict:
    """Judge omega by its interval.

    `good` is what change needs, `acceptable` what group means need.
    """
    return by_interval(lower, upper, good=rules.omega_change.value, enough=rules.omega_groups.value)


def judge_change(
    estimate: float, lower: float, upper: float, rules: instruments.rules.Rules
) -> Verdict:
    """Judge a difference in change by its interval and the smallest difference that matters.

    `good` where it is that large and its interval lies above 0, `poor` where the whole interval
    lies below the smallest difference that matters, `undecided` between.
    """
    if upper < rules.change_worthwhile.value:
        return "poor"
    large = estimate >= rules.change_worthwhile.value
    return "good" if large and lower > 0 else "undecided"


def judge_total(
    omega_h: float | None, ecv: float | None, rules: instruments.rules.Rules
) -> Verdict:
    """Judge whether one score may stand for all items: both rules have to hold."""
    if omega_h is None or ecv is None or not (known(omega_h) and known(ecv)):
        return "undecided"
    enough = omega_h >= rules.total_omega_h.value and ecv >= rules.total_ecv.value
    return "good" if enough else "poor"


def adds_to_total(difference: float | None, rules: instruments.rules.Rules) -> bool | None:
    """Tell whether a sub-score says more than the total; None where it could not be computed."""
    if difference is None or not known(difference):
        return None
    return difference > rules.subscore_prmse.value


def judge_distinct(
    estimate: float | None, upper: float | None, rules: instruments.rules.Rules
) -> Distinctness:
    """Judge whether two factors are distinct, by the estimate and upper limit of |r|."""
    if estimate is None or not known(estimate):
        return "undecided"
    if estimate >= rules.factor_distinct_doubtful.value:
        return "not_distinct"
    if upper is None or not known(upper):
        return "undecided"
    return "distinct" if upper < rules.factor_distinct_upper.value else "doubtful"


def judge_group_means(
    icc1: float | None,
    icc2: float | None,
    rwg_j: float | None,
    rules: instruments.rules.Rules,
) -> tuple[Verdict, tuple[str, ...]]:
    """Judge whether means of groups may be shown as properties of the groups.

    Returns
    -------
    tuple
        The verdict (`good` where all three rules hold, `poor` where one does not, `undecided`
        where one cannot be judged and none fails), and the names of the rules that do not hold.
    """
    numbers = {"icc1": icc1, "icc2": icc2, "rwg_j": rwg_j}
    limits = {"icc1": rules.icc1.value, "icc2": rules.icc2.value, "rwg_j": rules.rwg_j.value}
    failed = tuple(
        name
        for name, value in numbers.items()
        if value is not None and known(value) and value < limits[name]
    )
    if failed:
        return "poor", failed
    return ("good" if all(known(value) for value in numbers.values()) else "undecided"), ()


def judge_content_item(
    i_cvi: float | None, n_experts: int, rules: instruments.rules.Rules
) -> ContentVerdict:
    """Judge by the experts whether an item is relevant; fewer than three experts decide nothing.

    The index is compared as it is printed, with two decimals: the limit of .78 is 7 of 9 experts.
    """
    if i_cvi is None or not known(i_cvi) or n_experts < FEWEST_EXPERTS:
        return "undecided"
    return "relevant" if round(i_cvi, 2) >= rules.content_i_cvi.value else "revise"


def judge_content_scale(
    s_cvi_ave: float | None, n_experts: int, rules: instruments.rules.Rules
) -> Verdict:
    """Judge by the mean index of its items whether a questionnaire's content is relevant."""
    if s_cvi_ave is None or not known(s_cvi_ave) or n_experts < FEWEST_EXPERTS:
        return "undecided"
    return "good" if s_cvi_ave >= rules.content_s_cvi.value else "poor"


def judge_retention(
    suggested: Mapping[str, float | None], n_theory: int, rules: instruments.rules.Rules
) -> tuple[Verdict, int, int]:
    """Judge whether the answers have as many factors as the reference model.

    Parameters
    ----------
    suggested
        Number of factors by criterion; None where it gave no answer.
    n_theory
        Factors of the reference model.
    rules
        The instrument's rules.

    Returns
    -------
    tuple
        The verdict, how many criteria of the rule give the reference model's number, and how many
        give one at all. The criterion that decides always does.
    """
    rule = rules.factors_retained
    answers = [number for name in rule.criteria if (number := suggested[name]) is not None]
    agree = sum(number == n_theory for number in answers)
    held = (suggested[rule.criteria[0]] == n_theory) + (agree > rule.share * len(answers))
    verdicts: tuple[Verdict, ...] = ("poor", "acceptable", "good")
    return verdicts[held], agree, len(answers)
