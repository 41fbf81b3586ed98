"""The steps of invariance for the scales outside the reference model, each a factor of its own.

Means of scales are shown by the columns whose groups the section on levels compares, and only where
the scale is shown to work alike. The models are small and there are many, so that all that is to be
equal is made so at once, and only where that fails step by step, with a search for what differs.
"""

import warnings
from collections.abc import Iterator, Mapping
from functools import partial

import measure
from analyses import evidence
from analyses.comparing.group_ladders import (
    FREED,
    MEANS_ROLES,
    Climb,
    Way,
    climb,
    judged_small,
)
from analyses.comparing.ladder_groups import Chosen
from analyses.comparing.ladder_search import NOTHING, Reached, options_of, reach
from analyses.intake.survey import Survey
from analyses.modelling.fits import Fitted
from analyses.modelling.structure import structure
from instruments.rules import Rules
from instruments.schema import BackgroundColumn, Instrument, Scale
from measure.errors import MeasureWarning

FEWEST_IN_GROUP = 50
"""A small model can be fitted to fewer, but steps that fail would then look like chance."""


def outside(instrument: Instrument) -> list[Scale]:
    """Give the reflective scales that the reference model does not measure."""
    observed = set(structure(instrument.reference_model).observed)
    return [one for one in instrument.reflective_scales if observed.isdisjoint(one.items)]


def climb_scales(
    instrument: Instrument, survey: Survey, models: Mapping[str, Fitted]
) -> Iterator[tuple[BackgroundColumn, Scale, Climb]]:
    """Climb the steps for each scale outside the reference model and each column of means.

    Parameters
    ----------
    models
        The models of one factor, by scale; a scale without one is passed over.
    """
    way = Way(partial(_reach, instrument.rules), judged_small, FEWEST_IN_GROUP, bias_of_all=False)
    for declared in evidence.present_columns(instrument, survey, MEANS_ROLES):
        for scale in outside(instrument):
            if scale.id in models:
                own = models[scale.id]
                yield declared, scale, climb(instrument, survey, own, declared, way=way)


def _reach(rules: Rules, model: Fitted, chosen: Chosen, declared: BackgroundColumn) -> Reached:
    """Make everything equal at once; where that fails, step by step and after a search."""
    options = options_of(model, declared)
    with warnings.catch_warnings():
        # What the warnings say stands in the notes of the results.
        warnings.simplefilter("ignore", MeasureWarning)
        found = measure.measurement_invariance(
            model.model.syntax, chosen.data, steps=["configural", FREED], null="none", **options
        )
    if judged_small(found, rules)[-1].verdict == "holds":
        return Reached(found, NOTHING)
    return reach(model, chosen, declared)
