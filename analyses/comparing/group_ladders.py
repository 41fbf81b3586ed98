"""The steps of invariance for each column that groups are compared by, judged by the rules.

A column is tested where something is compared by it, or taken together over it: the columns of
groups and roles, those that a hypothesis names, the language, and the form where there are several.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import measure
from analyses import evidence, verdicts
from analyses.comparing.ladder_groups import Chosen, choose
from analyses.comparing.ladder_search import NOTHING, Reached, reach
from analyses.intake.asked import FORM
from analyses.intake.survey import Survey
from analyses.modelling.fits import Fitted
from analyses.modelling.structure import structure
from analyses.section import Message, Value
from instruments.rules import Rules
from instruments.schema import BackgroundColumn, Instrument
from measure.errors import MeasureError

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

MEANS_ROLES = ("group", "role")
"""Columns of these roles are those whose means the section on levels shows."""

COMPARED_ROLES = (*MEANS_ROLES, "cohort")
"""Columns of these roles are tested whatever the hypotheses name."""

COMPARING = ("difference", "equivalence")
"""Estimands of hypotheses that compare groups."""

LANGUAGE = "language"
"""The column of the language that a person was asked in; answers in all are taken together."""

FREED = "scalar"
"""The step that means can be compared at, and the last one that is judged."""

TOTAL = "total"
"""The sum of the functions among the latent means."""

StepVerdict = Literal["holds", "fails", "untestable", "undecided"]
Judge = Callable[["pd.Series[float]", str, Rules], StepVerdict]


@dataclass(frozen=True, eq=False)
class Step:
    """One step with its row of `measure.Invariance.table`, judged."""

    name: str
    row: "pd.Series[float]"
    verdict: StepVerdict


@dataclass(frozen=True, eq=False)
class Climb:
    """What came of the steps for one column.

    Attributes
    ----------
    declared
        The column.
    chosen
        The groups that take part, and those that do not.
    reason
        Why there are no steps; None where there are.
    found
        The steps; of the fits only the last is kept.
    steps
        The steps, judged.
    means
        Latent means at the last step, where that holds.
    merged
        Items some of whose categories were put together, since a group does not use them.
    releases
        The parameters that differ between groups, as `ladder_search.Reached` has them.
    anchored
        Whether enough is equal to compare by.
    bias
        What unequal items make of answers and scale means, where the last step holds.
    """

    declared: BackgroundColumn
    chosen: Chosen
    reason: Message | None = None
    found: measure.Invariance | None = None
    steps: tuple[Step, ...] = ()
    means: measure.LatentMeans | None = None
    merged: tuple[str, ...] = ()
    releases: pd.DataFrame = field(default_factory=NOTHING.copy)
    anchored: bool = True
    bias: measure.ItemBias | None = None

    @property
    def failed(self) -> Step | None:
        """The first step that does not hold, or could not be judged."""
        return next((s for s in self.steps if s.verdict in ("fails", "undecided")), None)

    @property
    def fit(self) -> measure.Fit | None:
        """The fit of the last step that was reached."""
        return None if self.found is None else self.found.fits[self.found.steps[-1]]

    @property
    def left_out(self) -> dict[str, Value]:
        """What a sentence on the groups that are too small is made of."""
        names = (evidence.group_label(one, self.declared) for one in self.chosen.left_out)
        return {"groups": tuple(names), "needed": self.chosen.needed}

    @property
    def complete(self) -> bool:
        """Whether all steps up to equal intercepts were reached and hold."""
        there = bool(self.steps) and self.steps[-1].name == FREED
        return self.anchored and there and self.failed is None


def compared_columns(instrument: Instrument, survey: Survey) -> list[BackgroundColumn]:
    """Give the columns of the survey that are to be tested, in declared order.

    Versions of one form are none: each person got a random part of the same questions.
    """
    asked = {LANGUAGE, *([FORM] if survey.forms["form"].nunique() > 1 else [])}
    named = {
        expectation.target
        for hypothesis in instrument.hypotheses
        for expectation in hypothesis.expectations
        if expectation.estimand in COMPARING
    }
    return [
        declared
        for declared in instrument.columns
        if declared.name in survey.data.columns
        and (declared.role in COMPARED_ROLES or declared.name in named | asked)
    ]


class Way(NamedTuple):
    """How a ladder is climbed.

    Attributes
    ----------
    reach
        Fits the steps, after whatever search.
    judge
        Judges them.
    fewest
        Respondents that a group needs, whatever the model does.
    bias_of_all
        Whether bias is worked out also where nothing was released, and only residual variances
        make any.
    """

    reach: Callable[[Fitted, Chosen, BackgroundColumn], Reached]
    judge: Callable[[measure.Invariance, Rules], tuple[Step, ...]]
    fewest: int = 0
    bias_of_all: bool = True


def climb(
    instrument: Instrument,
    survey: Survey,
    reference: Fitted,
    declared: BackgroundColumn,
    *,
    way: Way | None = None,
) -> Climb:
    """Fit the steps for the groups of one column as the reference model was fitted, and judge them.

    Parameters
    ----------
    reference
        The reference model, or one of other scales, fitted to all; its plan is that of the steps.
    way
        By default that of the reference model: a search in every step, judged by `judged`.
    """
    way = Way(reach, judged) if way is None else way
    chosen = choose(survey, reference, declared, fewest=way.fewest)
    if chosen.reason is not None:
        return Climb(declared, chosen, chosen.reason)
    try:
        reached = way.reach(reference, chosen, declared)
    except MeasureError as error:
        said = Message("invariance.reason.refused", {"text": str(error)})
        return Climb(declared, chosen, said)
    # Fits of many groups are large, and only the last step is asked for again.
    last = reached.found.steps[-1]
    found = replace(reached.found, fits={last: reached.found.fits[last]})
    climbed = Climb(
        declared,
        chosen,
        None,
        found,
        way.judge(found, instrument.rules),
        merged=_uneven(chosen.data, reference, declared),
        releases=reached.releases,
        anchored=reached.anchored,
    )
    if not climbed.complete:
        return climbed
    fit = found.fits[last]
    means = _means(instrument, reference, chosen, fit)
    wanted = way.bias_of_all or not climbed.releases.empty
    return replace(climbed, means=means, bias=_bias(fit) if wanted else None)


def _uneven(data: pd.DataFrame, reference: Fitted, declared: BackgroundColumn) -> tuple[str, ...]:
    """Name the ordered items of which some group does not use a category that another one uses."""
    ordered = [i for i in structure(reference.model).observed if i in reference.plan.ordered]
    groups, labels = pd.factorize(data[declared.name])
    return tuple(
        item for item in ordered if _used_unevenly(data[item].to_numpy(float), groups, len(labels))
    )


def _used_unevenly(answers: Array, groups: Indices, n_groups: int) -> bool:
    """Tell whether a group with answers lacks a category; a row without a group has -1."""
    there = ~np.isnan(answers) & (groups >= 0)
    values, places = np.unique(answers[there], return_inverse=True)
    used = np.zeros((n_groups, len(values)), dtype=bool)
    used[groups[there], places] = True
    n_used = used.sum(axis=1)
    return bool(((n_used > 0) & (n_used < len(values))).any())


def _means(
    instrument: Instrument, reference: Fitted, chosen: Chosen, fit: measure.Fit
) -> measure.LatentMeans | None:
    """Compare the latent means; None where the model has none to compare."""
    factors = tuple(structure(reference.model).factors)
    composites: Mapping[str, tuple[str, ...]] = {}
    if instrument.total is not None and len(factors) > 1:
        composites = {TOTAL: factors}
    try:
        return measure.latent_means(fit, reference=chosen.values[0], composites=composites)
    except MeasureError:
        # The steps hold, and there are no means: the section says so in the table's place.
        return None


def _bias(fit: measure.Fit) -> measure.ItemBias | None:
    """Say what unequal items amount to, of each group against the others together."""
    try:
        return measure.item_bias(fit, pairs="rest" if fit.n_groups > 2 else "reference")
    except MeasureError:
        # As for the means: an item of several factors has no bias of one scale.
        return None


def judged(found: measure.Invariance, rules: Rules) -> tuple[Step, ...]:
    """Judge the steps: the first by how the model fits, the others by how much worse it does."""
    return tuple(_judged(found, rules, _form, _step))


def _judged(found: measure.Invariance, rules: Rules, form: Judge, step: Judge) -> Iterator[Step]:
    for name, row in found.table.iterrows():
        judge = form if name == found.steps[0] else step
        yield Step(str(name), row, judge(row, found.variant, rules))


def judged_small(found: measure.Invariance, rules: Rules) -> tuple[Step, ...]:
    """Judge the steps of a model with few degrees of freedom: by CFI, SRMR, and by chance.

    RMSEA varies so much by chance there that it is no ground for a verdict (Kenny, Kaniskan &
    McCoach 2015); how often this rule and others fail, and find what differs, is in
    `benchmarks/SCALE_LADDERS.md`.
    """
    return tuple(_judged(found, rules, _small_form, _small_step))


def _form(row: "pd.Series[float]", variant: str, rules: Rules) -> StepVerdict:
    """Judge whether the model has the same form in all groups: whether it fits acceptably."""
    return _by_indices(row, variant, rules, verdicts.FIT_INDICES)


def _small_form(row: "pd.Series[float]", variant: str, rules: Rules) -> StepVerdict:
    if row["df"] == 0:
        return "untestable"
    return _by_indices(row, variant, rules, ("cfi", "srmr"))


def _by_indices(
    row: "pd.Series[float]", variant: str, rules: Rules, names: Sequence[str]
) -> StepVerdict:
    suffix = "" if variant == "plain" else f".{variant}"
    found = {name: name if name == "srmr" else f"{name}{suffix}" for name in names}
    judged = verdicts.worst(
        verdicts.judge_index(name, evidence.number(row[column]), rules)
        for name, column in found.items()
    )
    if judged == "undecided":
        return "undecided"
    return "fails" if judged == "poor" else "holds"


def _step(row: "pd.Series[float]", variant: str, rules: Rules) -> StepVerdict:
    if row["df_diff"] == 0:
        return "untestable"
    holds = verdicts.judge_invariance(
        evidence.number(row["delta_cfi"]), evidence.number(row["delta_rmsea"]), rules
    )
    return _said(holds)


def _small_step(row: "pd.Series[float]", variant: str, rules: Rules) -> StepVerdict:
    if row["df_diff"] == 0:
        return "untestable"
    delta, pvalue = (evidence.number(row[name]) for name in ("delta_cfi", "pvalue_diff"))
    return _said(verdicts.judge_small_step(delta, pvalue, rules))


def verdict_of(step: Step) -> Message:
    """Give the word for how a step stands."""
    return Message(f"invariance.verdict.{step.verdict}")


def _said(holds: bool | None) -> StepVerdict:
    return "undecided" if holds is None else "holds" if holds else "fails"
