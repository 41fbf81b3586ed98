"""What each combination of choices comes to: of structure, precision, groups and expectations."""

from collections.abc import Iterator, Mapping, Sequence

import measure
from analyses import verdicts
from analyses.across_levels.referents import referents
from analyses.comparing import licences
from analyses.comparing.licences import Licences
from analyses.dimensions.exploration import explore
from analyses.intake.survey import Survey
from analyses.ledger.entries import Entry, entries, open_ledger
from analyses.ledger.judgement import MEASURED
from analyses.ledger.tables import judgement_label
from analyses.ledger.variables import Answers, NotAsked
from analyses.modelling import indices, rivals
from analyses.modelling.fits import Fits, Fitted, fit_model, plan, source_of
from analyses.modelling.scale_reliability import estimate
from analyses.modelling.structure import structure
from analyses.section import Message
from analyses.side_by_side import Shared, Task, Team
from analyses.universes.combinations import Universe
from instruments.schema import Estimand, Instrument
from measure.errors import MeasureError

OF_WAVES: tuple[Estimand, ...] = ("gain", "moderation")
"""Expectations about change over time, which other choices for one wave say nothing of."""

Conclusions = Mapping[str, Message | None]
"""What a universe comes to, by the name of the question; without those that it cannot answer, and
None where what there is gives no answer."""


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
        team.begin(_modelled, instrument, shared[universe.people], universe, seed)
        for universe in chosen
    ]
    return modelled, counted


def _modelled(instrument: Instrument, survey: Survey, universe: Universe, seed: int) -> Conclusions:
    """Fit the reference model and its rivals, and judge all that rests on them by the rules."""
    survey = universe.taken(instrument, survey)
    planned = plan(instrument, survey, estimator=universe.estimator)
    source = source_of(survey, planned)
    fits = {
        model.id: fit_model(model, survey, planned, source=source)
        for model in instrument.rivals
        if not structure(model).blocks
    }
    reference = fits[instrument.reference_model.id]
    if reference.usable is None:
        return {}
    granted = licences.grant(instrument, survey, fits)
    return {
        **_structure(instrument, fits, reference.usable),
        **_precision(instrument, survey, reference),
        **_comparisons(granted),
        **_expectations(instrument, survey, fits, granted, seed),
    }


def _structure(instrument: Instrument, fits: Fits, reference: measure.Fit) -> Conclusions:
    measures = indices.measures(reference, indices.kind_of(reference))
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


def _comparisons(granted: Licences) -> Conclusions:
    """Say for each column whether its groups may be compared; untested is no answer."""
    return {
        f"licence {name}": None
        if one.level == "untested"
        else Message(f"licence.level.{one.level}")
        for name, one in granted.by_column.items()
    }


def _expectations(
    instrument: Instrument, survey: Survey, fits: Fits, granted: Licences, seed: int
) -> Conclusions:
    """Say how the hypotheses stand that answers of one wave can settle."""
    return {
        f"hypothesis {entry.hypothesis.id}": judgement_label(entry.judgement)
        if entry.judgement in MEASURED
        else None
        for entry in _entries(instrument, survey, fits, granted, seed)
        if entry.hypothesis.id not in of_waves(instrument)
    }


def of_waves(instrument: Instrument) -> frozenset[str]:
    """Name the hypotheses that several waves settle, which no universe has."""
    return frozenset(
        one.id
        for one in instrument.hypotheses
        if any(expectation.estimand in OF_WAVES for expectation in one.expectations)
    )


def _entries(
    instrument: Instrument, survey: Survey, fits: Fits, granted: Licences, seed: int
) -> Iterator[Entry]:
    if not instrument.hypotheses:
        return
    planned = fits[instrument.reference_model.id].plan
    across = referents(instrument, survey, planned)
    answers = Answers(instrument, survey, planned, across=across)
    try:
        ledger = open_ledger(instrument, answers, fits, granted)
    except NotAsked:
        return
    yield from entries(ledger, seed)


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
