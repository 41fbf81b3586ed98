"""The graded response model of each reflective scale, fitted once for all sections that ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from analyses import evidence
from analyses.intake.survey import Survey
from analyses.modelling.fits import in_categories
from analyses.modelling.scale_models import FEWEST_ITEMS
from analyses.section import Message
from instruments.schema import Instrument, Scale
from measure.errors import MeasureError
from measure.questions.irt import (
    GradedResponse,
    ability_scores,
    graded_response,
    item_fit,
    local_dependence,
    person_fit,
)

UNLIKELY = -1.645
"""An lz below this marks a pattern of answers as unlikely: 5 % of a standard normal."""

NO_PAIRS = pd.DataFrame(columns=["item1", "item2", "q3", "q3_star", "n"])
NO_FIT = pd.DataFrame(columns=["S_X2", "df", "pvalue", "pvalue.holm", "rmsea", "n"])


@dataclass(frozen=True, eq=False)
class Graded:
    """A scale's graded response model and what follows from it.

    Attributes
    ----------
    model
        None where there is none, and `reason` says why.
    fit, dependence
        As `measure.item_fit` and `measure.local_dependence` give them; empty where they could not
        be computed.
    unlikely
        Share of the respondents whose pattern of answers is unlikely under the model.
    """

    scale: Scale
    items: tuple[str, ...]
    model: GradedResponse | None = None
    reason: Message | None = None
    fit: pd.DataFrame = field(default_factory=NO_FIT.copy)
    dependence: pd.DataFrame = field(default_factory=NO_PAIRS.copy)
    unlikely: float | None = None


GradedModels = Mapping[str, Graded]


def graded_models(instrument: Instrument, survey: Survey) -> dict[str, Graded]:
    """Fit the graded response model of each reflective scale that the survey holds, by its id."""
    return {
        scale.id: _graded(instrument, survey, scale)
        for scale in instrument.reflective_scales
        if evidence.scored_items(scale, survey)
    }


def _graded(instrument: Instrument, survey: Survey, scale: Scale) -> Graded:
    items = evidence.scored_items(scale, survey)
    named = tuple(items)
    if not all(in_categories(instrument, item) for item in items):
        return Graded(scale, named, reason=Message("graded.reason.numbers"))
    if len(items) < FEWEST_ITEMS:
        return Graded(scale, named, reason=Message("graded.reason.few", {"n": len(items)}))
    answers = survey.scored[items]
    try:
        model = graded_response(answers, confidence_level=evidence.CONFIDENCE)
    except MeasureError as error:
        reason = Message("graded.reason.refused", {"text": str(error)})
        return Graded(scale, named, reason=reason)
    try:
        fit = item_fit(model, answers)
    except MeasureError:
        # Nobody answered every item; the cells of its table stay empty.
        fit = NO_FIT.copy()
    scores = ability_scores(model, answers)
    persons = person_fit(model, answers, scores=scores)["lz"].dropna()
    return Graded(
        scale,
        named,
        model,
        fit=fit,
        dependence=local_dependence(model, answers, scores=scores),
        unlikely=evidence.number((persons < UNLIKELY).mean()) if len(persons) else None,
    )
