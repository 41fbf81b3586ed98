"""The model behind each scale: the reference model, or one factor of its own."""

from collections.abc import Mapping

from analyses import evidence
from analyses.intake.survey import Survey
from analyses.modelling.fits import Fits, Fitted, fit_beside
from analyses.modelling.structure import structure
from instruments.schema import Instrument, MeasurementModel, ModelOptions, Scale

FEWEST_ITEMS = 3
"""With fewer, a model of one factor has more unknowns than the answers can settle."""


def scale_models(instrument: Instrument, survey: Survey, fits: Fits) -> Mapping[str, Fitted]:
    """Give the model that the loadings of each reflective scale come from, by the scale's id.

    Scales of the reference model have theirs from there. Another scale has a model of one factor,
    where it has the items for it.
    """
    reference = fits[instrument.reference_model.id]
    observed = set(structure(reference.model).observed)
    scales = {
        scale.id: evidence.scored_items(scale, survey) for scale in instrument.reflective_scales
    }
    inside = {name: reference for name, items in scales.items() if observed.intersection(items)}
    others = {name: items for name, items in scales.items() if name not in inside}
    return inside | one_factor_models(instrument, survey, others, reference)


def one_factor_models(
    instrument: Instrument, survey: Survey, scales: Mapping[str, list[str]], reference: Fitted
) -> dict[str, Fitted]:
    """Fit a model of one factor to each scale, as the reference model was fitted.

    Parameters
    ----------
    scales
        The items of each scale that were asked, by its id. One of fewer than `FEWEST_ITEMS` has no
        model.
    reference
        The reference model as it was fitted.

    Returns
    -------
    dict
        By the scale's id; each with its check, as for `fits.fit_beside`.
    """
    models = tuple(
        one_factor(instrument.scale(name), items)
        for name, items in scales.items()
        if len(items) >= FEWEST_ITEMS
    )
    return fit_beside(instrument, models, survey, reference)


def one_factor(scale: Scale, items: list[str]) -> MeasurementModel:
    """State the model that one factor is behind all items of a scale."""
    return MeasurementModel(
        id=scale.id,
        label=scale.label,
        meaning=scale.description,
        syntax=f"{scale.id} =~ {' + '.join(items)}",
        # The first item may be the weakest one, which is a poor unit for the factor.
        options=ModelOptions(std_lv=True),
    )
