"""The structural models: paths that are each a hypothesis of the instrument, with intervals."""

from dataclasses import dataclass

import pandas as pd

import measure
from analyses.ledger.networks import NotEstimated, fit_text
from analyses.ledger.variables import Answers
from instruments.checks import variables
from instruments.schema import Instrument, MeasurementModel


@dataclass(frozen=True, eq=False)
class Structural:
    """A structural model and what came of fitting it.

    Attributes
    ----------
    model
        The model.
    fit
        None where it could not be fitted or the survey lacks a part of it.
    paths
        The standardised paths, `outcome predictor est.std ci.lower ci.upper`.
    explained
        The share of variance that they explain of each outcome, `variable est ci.lower ci.upper`.
    lacking
        What the survey lacks.
    error
        Why it could not be fitted, in the words of `measure`.
    """

    model: MeasurementModel
    fit: measure.Fit | None = None
    paths: pd.DataFrame | None = None
    explained: pd.DataFrame | None = None
    lacking: tuple[str, ...] = ()
    error: str | None = None


def structural_models(instrument: Instrument, answers: Answers) -> tuple[Structural, ...]:
    """Fit the instrument's structural models, as the others are fitted."""
    models = (model for model in instrument.models if model.use == "structural")
    return tuple(_structural(model, answers) for model in models if not model.awaits)


def _structural(model: MeasurementModel, answers: Answers) -> Structural:
    factors, used = variables(model)
    observed = [name for name in used if name not in factors]
    lacking = tuple(name for name in observed if name not in answers.frame.columns)
    if lacking:
        return Structural(model, lacking=lacking)
    ordered = tuple(name for name in observed if name in answers.planned.ordered)
    try:
        fit = fit_text(model.syntax, ordered, answers.source, answers.planned)
    except NotEstimated as error:
        return Structural(model, error=str(error))
    rows = measure.standardized(fit)
    paths = rows[rows["op"] == "~"].rename(columns={"lhs": "outcome", "rhs": "predictor"})
    explained = measure.r_squared(fit)
    outcomes = explained["variable"].isin(paths["outcome"])
    return Structural(model, fit, paths, explained[outcomes])
