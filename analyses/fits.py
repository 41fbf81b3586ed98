"""The instrument's models, each fitted once to a survey and handed to every section that asks."""

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import measure
from analyses import evidence
from analyses.publication import ESTIMATOR
from analyses.structure import structure
from analyses.survey import Survey
from instruments.schema import BackgroundColumn, Instrument, MeasurementModel
from measure.errors import (
    ConvergenceError,
    IdentificationError,
    MeasureError,
    MeasureWarning,
    OptionError,
)
from measure.estimators import estimator as find_estimator
from measure.options import Options

Outcome = Literal["fitted", "improper", "not_converged", "not_identified", "not_asked", "refused"]
"""How an attempt ended; `improper` is a minimum outside what a model allows, `not_asked` a model
with items that the survey's form does not hold."""


@dataclass(frozen=True)
class Plan:
    """How all models of an instrument are fitted to one survey.

    Parameters
    ----------
    estimator, missing
        As for `measure.cfa`.
    cluster
        The column of the clusters that respondents belong to; None where the survey has none.
    """

    estimator: str = ESTIMATOR
    missing: Literal["listwise", "fiml"] = "listwise"
    cluster: BackgroundColumn | None = None


@dataclass(frozen=True, eq=False)
class Fitted:
    """One model and what came of fitting it.

    `fit` is None unless the search reached a minimum; `error` then says why in the words of
    `measure`. `missing_items` are those of the model that the survey's form lacks. `plan` is how
    it was tried.
    """

    model: MeasurementModel
    outcome: Outcome
    fit: measure.Fit | None = None
    error: str | None = None
    missing_items: tuple[str, ...] = ()
    seconds: float = 0.0
    plan: Plan = field(default_factory=Plan)

    @property
    def usable(self) -> measure.Fit | None:
        """The fit, where its numbers may be read: converged and admissible."""
        return self.fit if self.outcome == "fitted" else None


Fits = Mapping[str, Fitted]


def plan(instrument: Instrument, survey: Survey, *, estimator: str = ESTIMATOR) -> Plan:
    """Decide how the models are fitted, alike for all of them so that they can be compared.

    Parameters
    ----------
    estimator
        One of `measure.cfa`'s.

    Returns
    -------
    Plan
        `missing` is "fiml" where answers to the items of the reference model are missing and the
        estimator can use incomplete rows. `cluster` is the instrument's first cluster column that
        holds at least two values in the survey.

    Raises
    ------
    OptionError
        Where the estimator is not known or not available.
    """
    find_estimator(estimator)
    observed = structure(instrument.reference_model).observed
    items = [item for item in observed if item in survey.scored.columns]
    incomplete = bool(survey.scored[items].isna().to_numpy().any())
    clusters = (
        declared
        for declared in evidence.present_columns(instrument, survey, ["cluster"])
        if survey.data[declared.name].nunique() > 1
    )
    return Plan(
        estimator,
        "fiml" if incomplete and _takes_incomplete_rows(estimator) else "listwise",
        next(clusters, None),
    )


def _takes_incomplete_rows(estimator: str) -> bool:
    try:
        Options(estimator=estimator, missing="fiml").method()
    except OptionError:
        return False
    return True


def fit_models(
    instrument: Instrument,
    survey: Survey,
    *,
    estimator: str = ESTIMATOR,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Fitted]:
    """Fit every model of the instrument to the scored answers, as `plan` decides.

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
    planned = plan(instrument, survey, estimator=estimator)
    fits: dict[str, Fitted] = {}
    for done, model in enumerate(instrument.models, start=1):
        fits[model.id] = fit_model(model, survey, planned)
        if progress is not None:
            progress(done / len(instrument.models))
    return fits


def fit_reference(instrument: Instrument, survey: Survey) -> dict[str, Fitted]:
    """Fit the reference model alone, for a section that needs no other."""
    model = instrument.reference_model
    return {model.id: fit_model(model, survey, plan(instrument, survey))}


def fit_model(model: MeasurementModel, survey: Survey, planned: Plan) -> Fitted:
    """Fit one model; a model that cannot be fitted is a result, not an error."""
    observed = structure(model).observed
    lacking = tuple(item for item in observed if item not in survey.scored.columns)
    if lacking:
        return Fitted(model, "not_asked", missing_items=lacking, plan=planned)
    data, cluster = survey.scored, None
    if planned.cluster is not None:
        cluster = planned.cluster.name
        data = data.assign(**{cluster: survey.data[cluster]})
    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            # What the warnings say stands in the fit's notes, and the card reports it.
            warnings.simplefilter("ignore", MeasureWarning)
            fit = measure.cfa(
                model.syntax,
                data,
                estimator=planned.estimator,
                missing=planned.missing,
                cluster=cluster,
                std_lv=model.options.std_lv,
                orthogonal=model.options.orthogonal,
            )
    except ConvergenceError as error:
        return Fitted(model, "not_converged", error=str(error), plan=planned)
    except IdentificationError as error:
        return Fitted(model, "not_identified", error=str(error), plan=planned)
    except MeasureError as error:
        return Fitted(model, "refused", error=str(error), plan=planned)
    seconds = time.perf_counter() - started
    outcome: Outcome = "fitted" if fit.admissible else "improper"
    if not fit.converged:
        said = "; ".join(fit.notes)
        return Fitted(model, "not_converged", error=said, seconds=seconds, plan=planned)
    return Fitted(model, outcome, fit=fit, seconds=seconds, plan=planned)
