"""The sections of a validation that rest on the models, and what they wait for.

What takes longest is begun first, and done beside this process where there are others; see
`side_by_side`. The sections come in their order all the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from analyses import (
    confirmatory,
    development,
    exploratory,
    hypotheses,
    invariance,
    item_response,
    items,
    levels,
    reliability,
    short_form,
)
from analyses.across_levels.referents import Referents, referents
from analyses.comparing import licences
from analyses.comparing.licences import Licences
from analyses.errors import AnalysisError
from analyses.intake.survey import Survey, check_answers
from analyses.ledger.variables import Answers
from analyses.modelling.fits import Fits, Fitted, Plan, fit_models
from analyses.modelling.graded import graded_models
from analyses.modelling.scale_models import scale_models
from analyses.over_time.designs import has_cohorts
from analyses.over_time.developing import Development, developed
from analyses.questionnaire_items.item_functioning import Functioning, functioning
from analyses.section import Found, Section
from analyses.side_by_side import Shared, Task, Team
from instruments.schema import Instrument

Progress = Callable[[str, float], None]
"""Called with the key of the step that begins (`step.fits`) and the share of the work done."""

STEPS = {
    "step.fits": 0.03,
    "step.functioning": 0.23,
    "step.screening": 0.01,
    "step.items": 0.09,
    "step.short_forms": 0.02,
    "step.reliability": 0.01,
    "step.exploratory": 0.07,
    "step.confirmatory": 0.04,
    "step.invariance": 0.24,
    "step.development": 0.06,
    "step.levels": 0.04,
    "step.hypotheses": 0.10,
    "step.sensitivity": 0.01,
    "step.card": 0.05,
}
"""The steps and their share of the time, on the bundled data between one process and two."""

ASKED_FOR = {"step.cutoffs": 0.4, "step.multiverse": 3.0}
"""What is done only when it is asked for, and how long it takes beside all other steps."""


class Clock:
    """Tells the caller how far the work has come.

    Parameters
    ----------
    progress
        The caller's.
    without
        Steps that are left out.
    asked
        Steps of `ASKED_FOR` that are done.
    """

    def __init__(
        self, progress: Progress | None, *, without: Iterable[str] = (), asked: Iterable[str] = ()
    ) -> None:
        self._tell = progress
        shares = {step: share for step, share in STEPS.items() if step not in set(without)}
        shares |= {step: ASKED_FOR[step] for step in asked}
        whole = sum(shares.values())
        self._shares = {step: share / whole for step, share in shares.items()}
        self._done = 0.0
        self._step = ""

    def start(self, step: str) -> None:
        """Begin a step; the one before is over."""
        self._done += self._shares.get(self._step, 0.0)
        self._step = step
        self.within(0.0)

    def within(self, share: float) -> None:
        """Tell that a share of the present step is done."""
        if self._tell is not None:
            self._tell(self._step, min(self._done + share * self._shares[self._step], 1.0))

    def finish(self) -> None:
        """Tell that all is done."""
        if self._tell is not None:
            self._tell("step.done", 1.0)


@dataclass(frozen=True)
class Run:
    """How the sections between the screening and the card are run, once or twice.

    `whole` are the answers of all waves.
    """

    instrument: Instrument
    whole: Survey
    estimator: str | None
    seed: int


@dataclass(frozen=True, eq=False)
class Modelled:
    """Answers with the models that were fitted to them."""

    run: Run
    survey: Survey
    fits: Fits
    models: Mapping[str, Fitted]

    @property
    def instrument(self) -> Instrument:
        """What was asked."""
        return self.run.instrument

    @property
    def reference(self) -> Fitted:
        """The model that the others are held against."""
        return self.fits[self.instrument.reference_model.id]


@dataclass(frozen=True, eq=False)
class Begun:
    """Answers with the models, how the items work, and what is found out meanwhile."""

    modelled: Modelled
    work: Shared[Modelled]
    works: Functioning
    granting: Task[Licences]
    looking: Task[Referents | None]


@dataclass(frozen=True, eq=False)
class Again:
    """The sections without the flagged, as they will be; their licences are those of everybody."""

    first: Task[tuple[Modelled, list[Found]]]
    rest: Sequence[Task[list[Found]]]

    def sections(self) -> list[Found]:
        """Give what they find.

        Raises
        ------
        AnalysisError, AnswerError, MeasureError
            The answers of the others do not suffice.
        """
        _, sections = self.first.result()
        return [*sections, *(found for task in self.rest for found in task.result())]


@dataclass(frozen=True, eq=False)
class Course:
    """What came of everybody's answers; `again` where the flagged are left out beside it."""

    modelled: Modelled
    sections: tuple[Section, ...]
    again: Again | None


def begin(run: Run, survey: Survey, team: Team, clock: Clock) -> Begun:
    """Fit the models to the answers that are analysed, and begin what takes longest.

    Until the items have been examined, nothing here waits for what the caller has begun before.

    Raises
    ------
    AnalysisError
        No answers can determine the reference model.
    """
    clock.start("step.fits")
    modelled = _modelled(run, survey, clock.within)
    work = team.share(modelled)
    granting, looking = team.begin(_granted, work), team.begin(_across, work)
    clock.start("step.functioning")
    works = functioning(run.instrument, survey, modelled.models, modelled.reference)
    return Begun(modelled, work, works, granting, looking)


def follow(begun: Begun, unflagged: Survey | None, team: Team, clock: Clock) -> Course:
    """Run the sections on all answers that are analysed, and begin to run them on fewer.

    What is about groups, waves and levels is asked of everybody once, and taken to hold without the
    flagged too: single answers weigh little for it, and it takes most of the time.

    Parameters
    ----------
    begun
        From `begin`.
    unflagged
        The answers of people who are not flagged, where the sections are to be run on them too.
    """
    modelled, work, works = begun.modelled, begun.work, begun.works
    run = modelled.run
    clock.start("step.items")
    first = None if unflagged is None else team.begin(_without_flagged, run, unflagged, works)
    sections = _of_answers(modelled, works, clock)
    clock.start("step.confirmatory")
    sections.append(confirmatory.run(run.instrument, modelled.survey, fits=modelled.fits))
    clock.start("step.invariance")
    granted = team.share(begun.granting.result())
    developing = team.begin(_development, work, granted)
    comparing = team.begin(_invariance, work, granted)
    across = team.share(begun.looking.result())
    levelled = team.begin(_levels, work, granted, across)
    clock.start("step.development")
    # What comes last waits for this: the others are done beside it.
    told, found = developing.result()
    settled = (granted, team.share(found), across)
    hypothesizing = team.begin(_hypotheses, work, *settled)
    again = None if first is None else _rest(team, first, settled)
    clock.start("step.levels")
    sections += [comparing.result(), levelled.result(), *told]
    clock.start("step.hypotheses")
    sections += hypothesizing.result()
    return Course(modelled, tuple(sections), again)


def _rest(
    team: Team,
    first: Task[tuple[Modelled, list[Found]]],
    settled: tuple[Shared[Licences], Shared[Development | None], Shared[Referents | None]],
) -> Again:
    """Begin the sections that rest on what was settled for everybody."""
    if first.failed:
        return Again(first, ())
    granted, waves, across = settled
    modelled = team.share(first.result()[0])
    judging = team.begin(_hypotheses_again, modelled, granted, waves, across)
    return Again(first, (team.begin(_levels_again, modelled, across), judging))


def _modelled(
    run: Run, survey: Survey, progress: Callable[[float], None] | None = None
) -> Modelled:
    instrument = run.instrument
    fits = fit_models(instrument, survey, estimator=run.estimator, progress=progress)
    reference = fits[instrument.reference_model.id]
    if reference.outcome == "not_identified":
        raise AnalysisError(f'model "{reference.model.id}": {reference.error}')
    return Modelled(run, survey, fits, scale_models(instrument, survey, fits))


def _without_flagged(run: Run, survey: Survey, works: Functioning) -> tuple[Modelled, list[Found]]:
    """Model the answers of those who are not flagged, and find what the sections find in them."""
    answers = survey.data[list(survey.asked)]
    check_answers(run.instrument, survey.form, answers, survey.asked)
    modelled = _modelled(run, survey)
    instrument, fits = run.instrument, modelled.fits
    found = [
        *(Found(one.id, one.findings) for one in _of_answers(modelled, works, Clock(None))),
        Found("confirmatory", confirmatory.findings(instrument, survey, fits=fits)),
    ]
    return modelled, found


def _of_answers(on: Modelled, works: Functioning, clock: Clock) -> list[Section]:
    """Run the sections that wait for nothing but how items work, before the models' own."""
    instrument, survey, fits, models = on.instrument, on.survey, on.fits, on.models
    graded = graded_models(instrument, survey)
    sections = [
        items.run(instrument, survey, fits=fits, models=models, graded=graded, functioning=works),
        item_response.run(instrument, survey, fits=fits, models=models, graded=graded),
    ]
    clock.start("step.short_forms")
    if short_form.shortened(instrument, survey):
        sections.append(short_form.run(instrument, survey, fits=fits, seed=on.run.seed))
    clock.start("step.reliability")
    sections.append(reliability.run(instrument, survey, fits=fits, models=models))
    clock.start("step.exploratory")
    sections.append(exploratory.run(instrument, survey, seed=on.run.seed))
    return sections


def _levels_again(on: Modelled, across: Referents | None) -> list[Found]:
    """Find what the section finds that waits for what is settled, in fewer answers than settled it.

    No tables are made: the findings are all that is compared.
    """
    return [Found("levels", levels.findings(on.instrument, on.survey, across=across))]


def _hypotheses_again(
    on: Modelled, granted: Licences, waves: Development | None, across: Referents | None
) -> list[Found]:
    """Find what the section finds; as for `_levels_again`."""
    if not on.instrument.hypotheses:
        return []
    answers = Answers(on.instrument, on.survey, on.reference.plan, waves, across)
    said = hypotheses.findings(answers, fits=on.fits, granted=granted, seed=on.run.seed)
    return [Found("hypotheses", said)]


def _granted(on: Modelled) -> Licences:
    return licences.grant(on.instrument, on.survey, on.fits, models=on.models)


def _across(on: Modelled) -> Referents | None:
    """Give what is asked of functions at several levels, with what several sections want of it."""
    across = referents(on.instrument, on.survey, on.reference.plan)
    return None if across is None else across.worked_out()


def _invariance(on: Modelled, granted: Licences) -> Section:
    return invariance.run(on.instrument, on.survey, fits=on.fits, granted=granted)


def _levels(on: Modelled, granted: Licences, across: Referents | None) -> Section:
    return levels.run(on.instrument, on.survey, granted=granted, across=across)


def _development(on: Modelled, granted: Licences) -> tuple[list[Section], Development | None]:
    """Give the section on the waves, where it has anything to tell, and what is known of them."""
    instrument, whole = on.instrument, on.run.whole
    waves = _waves(on.run, on.survey, on.reference.plan)
    if waves is None and not has_cohorts(instrument, whole):
        return [], None
    told = development.run(instrument, whole, waves=waves, granted=granted)
    if waves is not None:
        # The hypotheses ask for it twice, of everybody and without the flagged.
        _ = waves.moderations
    return [told], waves


def _waves(run: Run, survey: Survey, planned: Plan) -> Development | None:
    """Give what is asked of all waves, of the respondents of the one that is analysed.

    Who has been left out of that wave is left out of all; who did not answer it stays.
    """
    whole, name = run.whole, run.instrument.column_for("respondent")
    if survey.wave is not None and name is not None and name in whole.data:
        there = whole.at(survey.wave).data[name]
        dropped = set(there) - set(survey.data[name])
        if dropped:
            whole = whole.where(~whole.data[name].isin(dropped))
    return developed(run.instrument, whole, planned, seed=run.seed)


def _hypotheses(
    on: Modelled, granted: Licences, waves: Development | None, across: Referents | None
) -> list[Section]:
    if not on.instrument.hypotheses:
        return []
    found = hypotheses.run(
        on.instrument,
        on.survey,
        fits=on.fits,
        granted=granted,
        seed=on.run.seed,
        waves=waves,
        across=across,
    )
    return [found]
