"""Decision rules: the number that judges a result, and where the number comes from.

The defaults stand in `rules.toml`; an instrument overrides a rule under `[rules.<name>]` and then
states its own source. `wording` may hold the placeholders `{value}` (FitRule: `{cfi}`, `{tli}`,
`{rmsea}`, `{srmr}`) and `{percent}`, so that an overridden number never stands beside an old text.
"""

import string
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from instruments.texts import Number, Part, Text, Texts

POINT_LANGUAGES = frozenset({"en"})
"""Languages that write a decimal point; the others in this toolkit write a comma."""


Count = Annotated[int, Field(strict=True, ge=0)]


def _decimal(value: float, language: str) -> str:
    if isinstance(value, int):
        return str(value)
    written = f"{value:.2f}" if round(value, 2) == value else f"{value:.3f}"
    written = written.replace("-", "−")
    return written if language in POINT_LANGUAGES else written.replace(".", ",")


class Rule(Part):
    """A rule's source and its sentence in each language; the numbers are in the subclasses."""

    source: Text
    wording: Texts

    def numbers(self) -> dict[str, float]:
        """Give the numbers of the rule by name, as the placeholders of `wording` call them."""
        return {name: value for name, value in self if isinstance(value, int | float)}

    def text(self, language: str) -> str:
        """Give the rule as a sentence, its numbers filled in with the language's decimal mark."""
        values = {name: _decimal(value, language) for name, value in self.numbers().items()}
        if "value" in values:
            sign = "%" if language in POINT_LANGUAGES else "\N{NO-BREAK SPACE}%"
            values["percent"] = f"{100 * self.numbers()['value']:.0f}{sign}"
        return self.wording[language].format(**values)

    @model_validator(mode="after")
    def _placeholders_are_known(self) -> Self:
        known = {*self.numbers(), "percent"}
        for language, sentence in self.wording.items():
            used = {
                name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None
            }
            if not used <= known:
                raise ValueError(
                    f"wording ({language}) has the placeholder {{{min(used - known)}}}, "
                    f"which this rule does not have; it has {', '.join(sorted(known))}"
                )
        return self


class Threshold(Rule):
    """A rule with one number."""

    value: Number


class CountRule(Rule):
    """A rule with one whole number."""

    value: Count


class FitRule(Rule):
    """Limits of global fit: `cfi` and `tli` at least, `rmsea` and `srmr` at most."""

    cfi: Number
    tli: Number
    rmsea: Number
    srmr: Number


class AgreementRule(Threshold):
    """A limit of rwg(j), and the distribution of answers that no agreement would give."""

    null: Literal["uniform", "slight", "moderate", "heavy"]


Criterion = Literal[
    "parallel_pca",
    "parallel_paf",
    "map_squared",
    "map_fourth",
    "ekc",
    "hull_cfi",
    "hull_caf",
    "comparison_data",
    "chisq",
    "rmsea",
]
"""A way to tell the number of factors, by the name that `measure.factor_retention` gives it."""
DECIDING = ("parallel_pca", "parallel_paf", "map_squared", "map_fourth", "ekc")
"""Those that always have an answer, so that one of them can decide."""


class RetentionRule(Rule):
    """Criteria for the number of factors, the first of which decides; the share that must agree."""

    share: Number
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _criteria_are_named_once(self) -> Self:
        if len(set(self.criteria)) < len(self.criteria):
            raise ValueError("criteria name one of them more than once")
        if self.criteria[0] not in DECIDING:
            raise ValueError(
                f"the first of the criteria decides and must always have an answer, which "
                f"{self.criteria[0]} has not; begin with one of {', '.join(DECIDING)}"
            )
        return self


class Rules(Part):
    """All decision rules of an instrument; every field has `source` and `wording`.

    Parameters
    ----------
    global_fit_good, global_fit_acceptable
        `.cfi`, `.tli` (at least), `.rmsea`, `.srmr` (at most).
    simpler_delta_cfi, simpler_delta_rmsea
        `.value`: how much worse the simpler of two models may be and still be preferred (as
        positive numbers: CFI lower by, RMSEA higher by).
    simpler_residual_correlation
        `.value`: absolute residual correlation that the simpler model may not add.
    invariance_delta_cfi, invariance_delta_rmsea
        `.value`: the lowest change in CFI (negative) and highest change in RMSEA of a step.
    invariance_chance
        `.value`: p-value of the difference test at or above which a fall in CFI of a small model
        counts as chance.
    invariance_bias
        `.value`: as much of a difference that matters (see `equivalence_band`) unequal items may
        make of the difference between two means of a scale, as a proportion.
    invariance_group
        `.value`: with fewer respondents in a group the steps of invariance are uncertain.
    equivalence_band
        `.value`: how many standard deviations two groups may differ by and still count as alike,
        where no hypothesis names another band.
    factor_distinct_upper
        `.value`: two factors are distinct where the upper 95 % limit of their r is below it.
    factor_distinct_doubtful
        `.value`: otherwise doubtful where the estimate is below it; at or above: not distinct.
    change_worthwhile
        `.value`: smallest difference in change, in standard deviations of the first wave, that is
        worth anything.
    omega_groups, omega_change
        `.value`: what the lower limit of omega must reach for group means, and for change.
    loading_keep, loading_look
        `.value`: standardised loading at or above which an item is kept; between the two it is
        looked at, and below `loading_look` it is rewritten.
    item_rest
        `.value`: lowest correlation of an item with the rest of its scale.
    category_share
        `.value`: share of answers in one category (a proportion) above which the item is looked at.
    total_omega_h, total_ecv
        `.value`: what a total score needs.
    subscore_prmse
        `.value`: how much the PRMSE of a sub-score must exceed that of the total.
    icc1, icc2
        `.value`: what group means need.
    rwg_j
        `.value`: lowest median rwg(j), under the null distribution `.null`.
    hypothesis_level, one_sided_level
        `.value`: level of the interval that an expectation with a band, and one that names only a
        value to be reached, is judged by.
    equivalence_level
        `.value`: level of the interval that must lie within the band for two groups to be alike.
    hypotheses_confirmed
        `.value`: share of the hypotheses tested (a proportion) that are to be confirmed.
    hypotheses_measured
        `.value`: as many hypotheses are to be tested before the share is judged.
    content_i_cvi, content_s_cvi
        `.value`: share of experts who find an item relevant, and the mean of these shares.
    index_answered
        `.value`: share of the parts of a sum (a proportion) that a respondent has answered.
    factors_retained
        `.criteria`: which tell the number of factors, the first of them decides; `.share`: share of
        them above which they support the reference model's number.
    item_overlap, item_residual, local_dependence
        `.value`: topological overlap at or above which, and residual correlation and Q3 less its
        mean above which two items are too close and are looked at.
    dif_look, dif_rewrite
        `.value`: what a group adds to Nagelkerke's R² at or above which an item is looked at, and
        rewritten.
    loading_discrimination
        `.value`: how far a loading may be from the one that the discrimination stands for.
    congruence_good, congruence_fair
        `.value`: Tucker's congruence at or above which two factors count as equal, and as similar.
    """

    global_fit_good: FitRule
    global_fit_acceptable: FitRule
    simpler_delta_cfi: Threshold
    simpler_delta_rmsea: Threshold
    simpler_residual_correlation: Threshold
    invariance_delta_cfi: Threshold
    invariance_delta_rmsea: Threshold
    invariance_chance: Threshold
    invariance_bias: Threshold
    invariance_group: CountRule
    equivalence_band: Threshold
    factor_distinct_upper: Threshold
    factor_distinct_doubtful: Threshold
    change_worthwhile: Threshold
    omega_groups: Threshold
    omega_change: Threshold
    loading_keep: Threshold
    loading_look: Threshold
    item_rest: Threshold
    category_share: Threshold
    total_omega_h: Threshold
    total_ecv: Threshold
    subscore_prmse: Threshold
    icc1: Threshold
    icc2: Threshold
    rwg_j: AgreementRule
    hypothesis_level: Threshold
    one_sided_level: Threshold
    equivalence_level: Threshold
    hypotheses_confirmed: Threshold
    hypotheses_measured: CountRule
    content_i_cvi: Threshold
    content_s_cvi: Threshold
    index_answered: Threshold
    factors_retained: RetentionRule
    item_overlap: Threshold
    item_residual: Threshold
    local_dependence: Threshold
    dif_look: Threshold
    dif_rewrite: Threshold
    loading_discrimination: Threshold
    congruence_good: Threshold
    congruence_fair: Threshold
