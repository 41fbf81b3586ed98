"""The model that each scale's loadings come from: the reference model, or one factor of its own."""

from collections.abc import Mapping
from dataclasses import replace

from analyses import evidence
from analyses.fits import Fits, Fitted, Plan, fit_model, source_of
from analyses.structure import structure
from analyses.survey import Survey
from instruments.schema import Instrument, MeasurementModel, ModelOptions, Scale

FEWEST_ITEMS = 3
"""As many items determine a factor."""


def scale_models(instrument: Instrument, survey: Survey, fits: Fits) -> Mapping[str, Fitted]:
    """Give the model that the loadings of each reflective scale come from, by the scale's id.

    Scales of the reference model have theirs from there. Another scale of at least three items has
    a model of one factor, fitted as the reference model was; a smaller one has none.
    """
    reference = fits[instrument.reference_model.id]
    observed = set(structure(instrument.reference_model).observed)
    found: dict[str, Fitted] = {}
    source = source_of(survey, reference.plan)
    for scale in instrument.reflective_scales:
        items = evidence.scored_items(scale, survey)
        if observed.intersection(items):
            found[scale.id] = reference
        elif len(items) >= FEWEST_ITEMS:
            plan = _plan(reference.plan, survey, items)
            found[scale.id] = fit_model(_model(scale, items), survey, plan, source=source)
    return found


def _model(scale: Scale, items: list[str]) -> MeasurementModel:
    return MeasurementModel(
        id=scale.id,
        label=scale.label,
        syntax=f"{scale.id} =~ {' + '.join(items)}",
        meaning=scale.description,
        options=ModelOptions(std_lv=True),
    )


def _plan(plan: Plan, survey: Survey, items: list[str]) -> Plan:
    """Use incomplete answers as the reference model's plan would, had it any."""
    if plan.missing != "listwise" or not survey.scored[items].isna().to_numpy().any():
        return plan
    return replace(plan, missing="pairwise" if plan.ordered else "fiml")
