"""The instrument's models, each fitted once to a survey and handed to every section that asks.

Answers in categories are fitted as what they are, ordered categories, and beside it by robust
maximum likelihood, which takes the codes as numbers, as the check.
"""

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

import measure
from analyses import evidence
from analyses.defaults import ORDINAL, ROBUST, SEED
from analyses.intake.survey import Survey
from analyses.modelling.structure import structure
from instruments.schema import BackgroundColumn, Instrument, MeasurementModel
from measure.errors import (
    ConvergenceError,
    IdentificationError,
    MeasureError,
    MeasureWarning,
    OptionError,
)
from measure.estimators import FOR_ORDERED
from measure.estimators import estimator as find_estimator
from measure.fitting.confirmatory import estimate
from measure.fitting.source import Source
from measure.moments.ordinal.codes import MOST_CATEGORIES
from measure.specification.options import Options

Outcome = Literal["fitted", "improper", "not_converged", "not_identified", "not_asked", "refused"]
"""How an attempt ended; `improper` is a minimum outside what a model allows, `not_asked` a model
with items that the survey's form does not hold."""

Missing = Literal["listwise", "fiml", "pairwise"]


@dataclass(frozen=True)
class Plan:
    """How all models of an instrument are fitted to one survey.

    Parameters
    ----------
    estimator, missing
        As for `measure.cfa`.
    cluster
        The column of the clusters that respondents belong to; None where the survey has none.
    ordered
        The items whose answers are taken as ordered categories; the others are taken as numbers.
    """

    estimator: str = ROBUST
    missing: Missing = "listwise"
    cluster: BackgroundColumn | None = None
    ordered: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Fitted:
    """One model and what came of fitting it.

    `fit` is None unless the search reached a minimum; `error` then says why in the words of
    `measure`. `missing_items` are those of the model that the survey's form lacks. `plan` is how
    it was tried.

    `check` is the same model by robust maximum likelihood, where `plan` takes answers as ordered;
    `instead_of` is such an attempt that failed, where this is the check that takes its place.
    """

    model: MeasurementModel
    outcome: Outcome
    fit: measure.Fit | None = None
    error: str | None = None
    missing_items: tuple[str, ...] = ()
    seconds: float = 0.0
    plan: Plan = field(default_factory=Plan)
    check: "Fitted | None" = None
    instead_of: "Fitted | None" = None

    @property
    def usable(self) -> measure.Fit | None:
        """The fit, where its numbers may be read: converged and admissible."""
        return self.fit if self.outcome == "fitted" else None


Fits = Mapping[str, Fitted]


def plan(instrument: Instrument, survey: Survey, *, estimator: str | None = None) -> Plan:
    """Decide how the models are fitted, alike for all of them so that they can be compared.

    Parameters
    ----------
    estimator
        One of `measure.cfa`'s. Least squares (ULS, WLS, DWLS and their robust kinds) takes answers
        in categories as ordered, the others take them as numbers. By default WLSMV where the
        reference model has items with categories, else MLR.

    Returns
    -------
    Plan
        `ordered` are the items with at most 12 declared categories. `missing` is, where answers to
        the items of the reference model are missing, "pairwise" with ordered items and otherwise
        "fiml" if the estimator can use incomplete rows. `cluster` is the instrument's first
        cluster column that holds at least two values in the survey.

    Raises
    ------
    OptionError
        Where the estimator is not known or not available.
    """
    observed = structure(instrument.reference_model).observed
    items = [item for item in observed if item in survey.scored.columns]
    categories = tuple(item for item in survey.scored.columns if in_categories(instrument, item))
    some = any(item in categories for item in items)
    chosen = estimator or (ORDINAL if some else ROBUST)
    ordinal = find_estimator(chosen).discrepancy in FOR_ORDERED and some
    incomplete = bool(survey.scored[items].isna().to_numpy().any())
    clusters = (
        declared
        for declared in evidence.present_columns(instrument, survey, ["cluster"])
        if survey.data[declared.name].nunique() > 1
    )
    missing = treatment(chosen, ordinal=ordinal) if incomplete else "listwise"
    return Plan(chosen, missing, next(clusters, None), categories if ordinal else ())


def treatment(estimator: str, *, ordinal: bool) -> Missing:
    """Say what an estimator makes of missing answers: as much of them as it can."""
    if ordinal:
        return "pairwise"
    return "fiml" if _takes_incomplete_rows(estimator) else "listwise"


def in_categories(instrument: Instrument, item: str) -> bool:
    """Tell whether an item is answered in few enough categories to be analysed as ordered."""
    return 0 < len(instrument.response(item).codes) <= MOST_CATEGORIES


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
    estimator: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Fitted]:
    """Fit the instrument's rival models to the scored answers, as `plan` decides.

    Models for another question and models that await something are not among them.

    Parameters
    ----------
    estimator
        As for `plan`.
    progress
        Called with the share of models done (0 to 1).

    Returns
    -------
    dict
        By the model's id, in the instrument's order. Where the answers are taken as ordered, each
        model has its `check`; where the reference model cannot be fitted so and its check can, the
        checks of all models stand in their place, each with the attempt that it is `instead_of`.

    Raises
    ------
    OptionError
        Where the estimator is not known or not available.
    """
    planned = plan(instrument, survey, estimator=estimator)
    return _fit_all(instrument, instrument.rivals, survey, planned, progress)


def fit_reference(instrument: Instrument, survey: Survey) -> dict[str, Fitted]:
    """Fit the reference model alone, for a section that needs no other."""
    model = instrument.reference_model
    return _fit_all(instrument, (model,), survey, plan(instrument, survey), None)


def _fit_all(
    instrument: Instrument,
    models: tuple[MeasurementModel, ...],
    survey: Survey,
    planned: Plan,
    progress: Callable[[float], None] | None,
) -> dict[str, Fitted]:
    """Fit models as planned, and where answers are taken as ordered, by the check too."""
    plans = [planned]
    if planned.ordered:
        plans.append(plan(instrument, survey, estimator=ROBUST))
    rounds: list[dict[str, Fitted]] = []
    for how in plans:
        source, found = source_of(survey, how), dict[str, Fitted]()
        for model in models:
            target = model.options.target_of
            towards = None if target is None else instrument.model(target)
            found[model.id] = fit_model(model, survey, how, source=source, target=towards)
            if progress is not None:
                done = len(rounds) * len(models) + len(found)
                progress(done / (len(plans) * len(models)))
        rounds.append(found)
    if not planned.ordered:
        return rounds[0]
    fits, checks = rounds
    reference = instrument.reference_model.id
    if fits[reference].usable is None and checks[reference].usable is not None:
        return {name: replace(checks[name], instead_of=fits[name]) for name in fits}
    return {name: replace(fits[name], check=checks[name]) for name in fits}


def fit_beside(
    instrument: Instrument,
    models: tuple[MeasurementModel, ...],
    survey: Survey,
    reference: Fitted,
) -> dict[str, Fitted]:
    """Fit models of other scales as the reference model was fitted, each with its check.

    Parameters
    ----------
    reference
        The reference model, by the plan that the others are fitted by too. Answers to their items
        may be missing where none of its own is; they are then treated as the estimator can.

    Returns
    -------
    dict
        By the model's id. A model none of whose items has categories is fitted by the check alone,
        also where the plan is for ordered answers.
    """
    planned = reference.plan
    robust = plan(instrument, survey, estimator=ROBUST) if planned.ordered else planned
    gaps = bool(survey.scored.isna().to_numpy().any())
    if gaps:
        planned, robust = (
            replace(how, missing=treatment(how.estimator, ordinal=bool(how.ordered)))
            for how in (planned, robust)
        )
    by_plan, by_check = source_of(survey, planned), source_of(survey, robust)
    found: dict[str, Fitted] = {}
    for model in models:
        own = fit_model(model, survey, robust, source=by_check)
        if any(item in planned.ordered for item in structure(model).observed):
            own = replace(fit_model(model, survey, planned, source=by_plan), check=own)
        found[model.id] = own
    return found


def checks(fits: Fits) -> dict[str, Fitted]:
    """Give the checks of models that were fitted to ordered answers, by the model's id."""
    return {name: entry.check for name, entry in fits.items() if entry.check is not None}


def source_of(survey: Survey, planned: Plan) -> Source:
    """Give the answers with the clusters; models that share it share the moments."""
    data = survey.scored
    if planned.cluster is not None:
        name = planned.cluster.name
        data = data.assign(**{name: survey.data[name]})
    return Source(data)


def fit_model(
    model: MeasurementModel,
    survey: Survey,
    planned: Plan,
    *,
    source: Source | None = None,
    target: MeasurementModel | None = None,
) -> Fitted:
    """Fit one model; a model that cannot be fitted is a result, not an error.

    Parameters
    ----------
    source
        The answers as other models have been fitted to them by the same plan.
    target
        The model that exploratory blocks are turned towards, where the model names one.
    """
    observed = structure(model).observed
    lacking = tuple(item for item in observed if item not in survey.scored.columns)
    if lacking:
        return Fitted(model, "not_asked", missing_items=lacking, plan=planned)
    ordered = tuple(item for item in observed if item in planned.ordered)
    options = replace(
        options_of(planned, ordered),
        std_lv=model.options.std_lv,
        orthogonal=model.options.orthogonal,
        **_rotation(model, target),
    )
    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            # What the warnings say stands in the fit's notes, and the card reports it.
            warnings.simplefilter("ignore", MeasureWarning)
            fit = estimate(model.syntax, source or source_of(survey, planned), options, "cfa")
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


def _rotation(model: MeasurementModel, target: MeasurementModel | None) -> dict[str, Any]:
    """Say how the exploratory blocks of a model are turned.

    Towards a target: the loadings that it has are free, the others are to be near 0 (Browne 2001).
    """
    if not structure(model).blocks:
        return {}
    arguments = {}
    if target is not None:
        factors = structure(target).factors
        wanted = pd.DataFrame(0.0, index=list(structure(target).observed), columns=list(factors))
        for factor, items in factors.items():
            wanted.loc[list(items), factor] = np.nan
        arguments["target"] = wanted
    return {"rotation": model.options.rotation, "rotation_args": arguments, "seed": SEED}


def options_of(planned: Plan, ordered: tuple[str, ...]) -> Options:
    """Give the options of `measure` by which models are fitted as planned.

    Parameters
    ----------
    ordered
        The columns of the model whose answers are ordered categories.
    """
    return Options(
        estimator=planned.estimator,
        missing=planned.missing,
        ordered=ordered,
        # Products of scores, as lavaan takes them, would give intervals that are too narrow where
        # latent responses are not normal.
        information="observed" if ordered else None,
        cluster=None if planned.cluster is None else planned.cluster.name,
    )
