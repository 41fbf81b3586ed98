"""The instrument's models, each fitted once to a survey and handed to every section that asks."""

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import measure
from analyses.structure import structure
from analyses.survey import Survey
from instruments.schema import Instrument, MeasurementModel
from measure.errors import (
    ConvergenceError,
    IdentificationError,
    MeasureError,
    MeasureWarning,
)
from measure.estimators import estimator as find_estimator

Outcome = Literal["fitted", "improper", "not_converged", "not_identified", "not_asked", "refused"]
"""How an attempt ended; `improper` is a minimum outside what a model allows, `not_asked` a model
with items that the survey's form does not hold."""

ESTIMATOR = "ML"


@dataclass(frozen=True, eq=False)
class Fitted:
    """One model and what came of fitting it.

    `fit` is None unless the search reached a minimum; `error` then says why in the words of
    `measure`. `missing_items` are those of the model that the survey's form lacks.
    """

    model: MeasurementModel
    outcome: Outcome
    fit: measure.Fit | None = None
    error: str | None = None
    missing_items: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def usable(self) -> measure.Fit | None:
        """The fit, where its numbers may be read: converged and admissible."""
        return self.fit if self.outcome == "fitted" else None


Fits = Mapping[str, Fitted]


def fit_models(
    instrument: Instrument,
    survey: Survey,
    *,
    estimator: str = ESTIMATOR,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Fitted]:
    """Fit every model of the instrument to the scored answers, complete rows only.

    Parameters
    ----------
    estimator
        One of `measure.cfa`'s.
    progress
        Called with the share of models done (0 to 1).

    Returns
    -------
    dict
        By the model's id, in the instrument's order.

    Raises
    ------
    OptionError
        Where the estimator is not known or not available.
    """
    find_estimator(estimator)
    fits: dict[str, Fitted] = {}
    for done, model in enumerate(instrument.models, start=1):
        fits[model.id] = fit_model(model, survey, estimator=estimator)
        if progress is not None:
            progress(done / len(instrument.models))
    return fits


def fit_reference(instrument: Instrument, survey: Survey) -> dict[str, Fitted]:
    """Fit the reference model alone, for a section that needs no other."""
    model = instrument.reference_model
    return {model.id: fit_model(model, survey)}


def fit_model(model: MeasurementModel, survey: Survey, *, estimator: str = ESTIMATOR) -> Fitted:
    """Fit one model; a model that cannot be fitted is a result, not an error."""
    observed = structure(model).observed
    lacking = tuple(item for item in observed if item not in survey.scored.columns)
    if lacking:
        return Fitted(model, "not_asked", missing_items=lacking)
    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            # What the warnings say stands in the fit's notes, and the card reports it.
            warnings.simplefilter("ignore", MeasureWarning)
            fit = measure.cfa(
                model.syntax,
                survey.scored,
                estimator=estimator,
                std_lv=model.options.std_lv,
                orthogonal=model.options.orthogonal,
            )
    except ConvergenceError as error:
        return Fitted(model, "not_converged", error=str(error))
    except IdentificationError as error:
        return Fitted(model, "not_identified", error=str(error))
    except MeasureError as error:
        return Fitted(model, "refused", error=str(error))
    seconds = time.perf_counter() - started
    if not fit.converged:
        return Fitted(model, "not_converged", error="; ".join(fit.notes), seconds=seconds)
    outcome: Outcome = "fitted" if fit.admissible else "improper"
    return Fitted(model, outcome, fit=fit, seconds=seconds)
