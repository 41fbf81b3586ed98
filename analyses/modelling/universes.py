"""The same questions asked by every combination of choices that can be defended.

A universe is one combination: who is analysed, what is made of missing answers, which estimator.
All rules of judgement stay those of the instrument (Steegen, Tuerlinckx, Gelman & Vanpaemel 2016).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from analyses import verdicts
from analyses.dimensions.exploration import explore
from analyses.intake.survey import Survey
from analyses.modelling import indices, rivals
from analyses.modelling.fits import Fitted, Missing, Plan, fit_model, plan, source_of, treatment
from analyses.modelling.scale_reliability import estimate
from analyses.modelling.structure import structure
from analyses.publication import ORDINAL, ROBUST
from analyses.section import Message
from analyses.side_by_side import Shared, Task, Team
from instruments.schema import Instrument
from measure.errors import MeasureError
from measure.estimators import FOR_ORDERED
from measure.estimators import estimator as find_estimator

EVERYBODY, UNFLAGGED = "everybody", "unflagged"
AVAILABLE, COMPLETE = "available", "complete"
PLAIN = "ML"
"""What stands beside robust maximum likelihood where answers are not ordered."""

Conclusions = Mapping[str, Message | None]
"""What a universe comes to, by the name of the question; None where it has no answer."""


@dataclass(frozen=True)
class Universe:
    """One combination of choices.

    Parameters
    ----------
    people
        `everybody`, or those who are not flagged for careless answers (`unflagged`).
    missing
        `available`: as much of incomplete answers as the estimator can use; `complete`: only
        people with answers to all items of the model.
    estimator
        As for `measure.cfa`.
    """

    people: str
    missing: str
    estimator: str

    @property
    def choices(self) -> dict[str, str]:
        """The option chosen, by the name of the choice."""
        return {"people": self.people, "missing": self.missing, "estimator": self.estimator}


def universes(
    instrument: Instrument, survey: Survey, people: Sequence[str], estimator: str | None
) -> tuple[Universe, ...]:
    """List all combinations, that of the report first; a choice that changes nothing is none.

    Parameters
    ----------
    people
        The sets of people, those of the report first.
    estimator
        Of the report, as for `fits.plan`.
    """
    planned = plan(instrument, survey, estimator=estimator)
    observed = structure(instrument.reference_model).observed
    items = [item for item in observed if item in survey.scored.columns]
    gaps = bool(survey.scored[items].isna().to_numpy().any())
    others = (ORDINAL, ROBUST) if planned.ordered else (ROBUST, PLAIN)
    found = product(
        people,
        (AVAILABLE, COMPLETE) if gaps else (AVAILABLE,),
        dict.fromkeys((planned.estimator, *others)),
    )
    return tuple(Universe(*choices) for choices in found)


def begin(
    team: Team,
    instrument: Instrument,
    surveys: Mapping[str, Survey],
    chosen: Sequence[Universe],
    seed: int,
) -> tuple[list[Task[Conclusions]], dict[str, Task[Conclusions]]]:
    """Hand the work in: a task for each universe, and one for each set of people.

    Returns
    -------
    tuple
        What the models say of each universe, and what the criteria of the number of factors say of
        each set of people.
    """
    shared: dict[str, Shared[Survey]] = {
        people: team.share(survey)
        for people, survey in surveys.items()
        if any(universe.people == people for universe in chosen)
    }
    counted = {
        people: team.begin(_counted, instrument, survey, seed) for people, survey in shared.items()
    }
    modelled = [
        team.begin(_modelled, instrument, shared[universe.people], universe) for universe in chosen
    ]
    return modelled, counted


def _planned(instrument: Instrument, survey: Survey, universe: Universe) -> Plan:
    planned = plan(instrument, survey, estimator=universe.estimator)
    missing: Missing = "listwise"
    if universe.missing == AVAILABLE:
        missing = treatment(universe.estimator, ordinal=bool(planned.ordered))
    return replace(planned, missing=missing if planned.missing != "listwise" else "listwise")


def _modelled(instrument: Instrument, survey: Survey, universe: Universe) -> Conclusions:
    """Fit the reference model and its rivals, and judge them by the rules."""
    planned = _planned(instrument, survey, universe)
    source = source_of(survey, planned)
    fits = {
        model.id: fit_model(model, survey, planned, source=source)
        for model in instrument.rivals
        if not structure(model).blocks
    }
    reference = fits[instrument.reference_model.id]
    return {
        **_structure(instrument, fits, reference),
        **_precision(instrument, survey, reference),
    }


def _structure(
    instrument: Instrument, fits: Mapping[str, Fitted], reference: Fitted
) -> Conclusions:
    if reference.usable is None:
        return {"fit": None, "distinct": None, "rivals": None}
    kind = indices.kind_of(reference.usable)
    measures = indices.measures(reference.usable, kind)
    judged = verdicts.judge_global_fit(measures, instrument.rules)["all"]
    found: dict[str, Message | None] = {"fit": Message(f"verdict.{judged}")}
    pairs = rivals.factor_correlations(instrument, fits)
    if pairs:
        doubtful = sum(pair.distinctness != "distinct" for pair in pairs)
        found["distinct"] = (
            Message("multiverse.pairs", {"n": doubtful, "of": len(pairs)})
            if doubtful
            else Message("multiverse.distinct")
        )
    compared = rivals.compare(instrument, fits)
    if len(compared) > 1:
        preferred = tuple(
            entry.fitted.model.id for entry in compared if entry.standing == "preferred"
        )
        found["rivals"] = (
            Message("multiverse.preferred", {"models": preferred})
            if preferred
            else Message("multiverse.none_preferred")
        )
    return found


def _precision(instrument: Instrument, survey: Survey, reference: Fitted) -> Conclusions:
    return {
        f"omega {part.scale.id}": Message(f"verdict.{part.verdict}")
        for part in estimate(instrument, survey, reference)
        if part.main
    }


def _counted(instrument: Instrument, survey: Survey, seed: int) -> Conclusions:
    """Ask each criterion of the rule whether there are as many factors as the model has.

    The names are `factors <kind> <criterion>`, of polychoric (`ordered`) and of Pearson
    correlations (`numbers`).
    """
    criteria = instrument.rules.factors_retained.criteria
    kinds = ("ordered", "numbers")
    try:
        exploration = explore(instrument, survey, seed)
    except MeasureError:
        return {f"factors {kind} {name}": None for kind in kinds for name in criteria}
    first = exploration.first
    counted = {
        "ordered": first if first.ordered else None,
        "numbers": exploration.check or (None if first.ordered else first),
    }
    return {
        f"factors {kind} {name}": None
        if own is None or own.suggested[name] is None
        else Message(
            "multiverse.as_many"
            if own.suggested[name] == exploration.n_theory
            else "multiverse.another_number"
        )
        for kind, own in counted.items()
        for name in criteria
    }


def correlation_kind(estimator: str, *, ordered: bool) -> str:
    """Name the correlations that go with an estimator: those of ordered answers or of numbers."""
    taken = ordered and find_estimator(estimator).discrepancy in FOR_ORDERED
    return "ordered" if taken else "numbers"
