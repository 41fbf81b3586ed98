"""The whole validation: every section in order, each published, in one report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from analyses import (
    cache,
    card,
    claims,
    content_validity,
    dialogue,
    disclosure,
    evidence,
    hypotheses,
    review,
    scheduler,
    screening,
    sensitivity,
    validity,
)
from analyses import multiverse as multiverse_section
from analyses.content_validity import Content
from analyses.course import Again, Clock, Course, Modelled, Progress, Run, begin, follow
from analyses.defaults import SEED
from analyses.errors import AnalysisError
from analyses.intake import locked
from analyses.intake.cross_section import one_wave
from analyses.intake.earlier import bearing, check_waves
from analyses.intake.locked import Locked
from analyses.intake.margins import Margin
from analyses.intake.survey import Survey
from analyses.modelling import tailored
from analyses.publication import assemble
from analyses.respondents import carelessness
from analyses.section import Message, Report, Section, Value
from analyses.side_by_side import ALONE, Team
from analyses.universes.combinations import EVERYBODY, UNFLAGGED
from instruments import AnswerError
from instruments.schema import Instrument
from measure import CarelessAnswers
from measure.checks import known_option
from measure.errors import MeasureError

NOT_RERUN = ("content",)
"""Sections that do not rest on the respondents' answers, and are the same without the flagged."""


GRANTED_ONCE = ("invariance", "development")
"""Sections on what is granted to everybody, and holds without the flagged too; those of the waves
rest on answers most of which have not been examined for carelessness."""


@dataclass(frozen=True)
class Beside:
    """What a validation has to go by besides the answers.

    Parameters
    ----------
    rules
        Whether the rules were locked, from `locked.examine`; None asks the lock file beside the
        instrument's own, if there is one.
    content
        Experts' ratings and notes from interviews, where there are any.
    margins
        Of the population, from `margins.read_margins`, that the respondents are held against.
    earlier
        Reports that have been published, from `earlier.read_earlier`: what those of the same wave
        hide stays hidden, groups that few people have joined or left since are not told of again,
        and nothing is shown by which anybody could reckon from one report to another.
    """

    rules: Locked | None = None
    content: Content | None = None
    margins: Sequence[Margin] = ()
    earlier: Sequence[Report] = ()


NOTHING = Beside()


def validate(
    instrument: Instrument,
    survey: Survey,
    *,
    beside: Beside = NOTHING,
    progress: Progress | None = None,
    team: Team = ALONE,
    estimator: str | None = None,
    seed: int = SEED,
    confidential: bool = False,
    wave: str | None = None,
    flagged: str = "both",
    cutoffs: bool = False,
    multiverse: bool = False,
) -> Report:
    """Run all analyses of a survey and publish their sections.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
    beside
        What else is known: locked rules, experts, the population.
    progress
        Called when a step begins, and with `step.done` and 1.0 at the end.
    team
        Who works on it, from `side_by_side.team`; by default this process alone.
    estimator
        Of the models, as for `fits.plan`.
    seed
        Of everything random.
    confidential
        Leave in what disclosure control would hide.
    wave
        The wave that is analysed; by default the first.
    flagged
        What is done about people flagged for careless answers: "both" analyses everybody and shows
        what changes without them, "keep" analyses everybody, "drop" leaves them out of all
        sections but the screening, which counts them.
    cutoffs
        Whether to simulate limits of fit for the reference model; they are kept on this machine.
    multiverse
        Whether to answer the main questions by every combination of defensible choices.

    Returns
    -------
    Report
        The sections as published; each model has been fitted once to everybody, and once more
        without the flagged where that was asked for.

    Raises
    ------
    OptionError
        Where the estimator is not available, or `flagged` is not known.
    SurveyError
        Where the survey has no such wave, more people answered than the margins say were invited,
        the time that somebody took is no number, or an earlier report or this run names no wave
        where the other one does.
    AnalysisError
        Where no answers can determine the reference model. A rival that fails is a row of the
        report; without the model that the others are held against there is nothing to report.
    """
    known_option("flagged", flagged, sensitivity.FLAGGED)
    rules = locked.examine(instrument) if beside.rules is None else beside.rules
    whole, survey = survey, one_wave(instrument, survey, wave)
    check_waves(beside.earlier, survey.wave)
    screening.check(instrument, survey, beside.margins)
    clock = Clock(
        progress,
        without=() if flagged == "both" else ("step.sensitivity",),
        asked=("step.cutoffs",) * cutoffs + ("step.multiverse",) * multiverse,
    )
    judging = team.begin(_judged, instrument, survey, seed)
    analysed = survey if flagged != "drop" else survey.where(~judging.result().flagged)
    begun = begin(Run(instrument, whole, estimator, seed), analysed, team, clock)
    clock.start("step.screening")
    careless = judging.result()
    first = screening.run(
        instrument, survey, estimator=estimator, careless=careless, margins=beside.margins
    )
    content = content_validity.run(instrument, survey, content=beside.content)
    unflagged = survey.where(~careless.flagged) if careless.n_flagged else survey
    withheld = _withheld(instrument, survey, careless.n_flagged, confidential)
    others = unflagged if flagged == "both" and withheld is None else None
    course = follow(begun, others, team, clock)
    sections, after = course.sections, list[Section]()
    if instrument.claims:
        after.append(claims.run(instrument, analysed, verdicts=_verdicts(sections)))
    if flagged == "both":
        clock.start("step.sensitivity")
        if course.again is not None:
            after.append(_sensitivity(instrument, (survey, unflagged), sections, course.again))
        elif withheld is not None:
            after.append(withheld)
    if cutoffs:
        clock.start("step.cutoffs")
        sections = _with_cutoffs(course, team)
    if multiverse:
        clock.start("step.multiverse")
        few = careless.n_flagged == 0 or withheld is not None
        instead = {} if few else _beside(survey, unflagged, flagged)
        after.append(_multiverse(course.modelled, instead, team))
    if instrument.dialogue:
        after.append(dialogue.run(instrument, analysed, sections=sections))
    clock.start("step.card")
    fits = course.modelled.fits
    after.append(card.run(instrument, analysed, fits=fits, seed=seed, rules=rules))
    told = _told([*sections, *after], len(survey.data) - len(analysed.data))
    found = (first, content, *told)
    argued = (
        validity.run(instrument, analysed, sections=found),
        review.run(instrument, analysed, sections=found),
    )
    report = assemble(
        instrument,
        analysed,
        (*found, *argued),
        confidential=confidential,
        rules=rules,
        earlier=bearing(beside.earlier, instrument, whole, analysed),
    )
    clock.finish()
    return report


def _judged(instrument: Instrument, survey: Survey, seed: int) -> CarelessAnswers:
    return carelessness.judge(instrument, survey, seed=seed)


def _verdicts(sections: Sequence[Section]) -> Mapping[str, Message]:
    """Give what came of each hypothesis, by its id; nothing where none was stated."""
    for section in sections:
        if section.id == "hypotheses":
            return hypotheses.judgements(section)
    return {}


def _withheld(
    instrument: Instrument, survey: Survey, n_flagged: int, confidential: bool
) -> Section | None:
    """Say why nothing is told of a run without the flagged; None where there is one."""
    notes = evidence.standing_notes(instrument, survey)
    if n_flagged == 0:
        return sensitivity.not_run(Message("sensitivity.answer.nobody"), notes)
    if disclosure.is_small(n_flagged) and not confidential:
        # What changes would be what so few answered.
        few = Message("sensitivity.answer.few", {"threshold": disclosure.THRESHOLD})
        return sensitivity.not_run(few, notes)
    return None


def _sensitivity(
    instrument: Instrument,
    surveys: tuple[Survey, Survey],
    sections: Sequence[Section],
    again: Again,
) -> Section:
    """Compare the sections with those without the flagged.

    Parameters
    ----------
    surveys
        Everybody, and those who are not flagged.
    """
    survey, unflagged = surveys
    n_flagged = len(survey.data) - len(unflagged.data)
    notes = evidence.standing_notes(instrument, survey)
    try:
        without = again.sections()
    except (AnalysisError, AnswerError, MeasureError) as error:
        values: dict[str, Value] = {"flagged": n_flagged, "error": str(error)}
        return sensitivity.not_run(Message("sensitivity.answer.failed", values), notes)
    return sensitivity.run(
        [section for section in sections if section.id not in GRANTED_ONCE],
        without,
        n_obs=len(survey.data),
        n_flagged=n_flagged,
        not_rerun=NOT_RERUN,
        notes=(Message("sensitivity.note.licences"), *notes),
    )


def _with_cutoffs(course: Course, team: Team) -> tuple[Section, ...]:
    """Add limits that are simulated for the reference model to the section on the structure."""
    on = course.modelled
    limits = tailored.simulate(
        on.reference,
        on.run.seed,
        workers=scheduler.workers(1 + len(team.processes)),
        checkpoint=cache.folder("cutoffs"),
    )
    return tuple(
        tailored.added(section, on.instrument, on.reference, limits)
        if section.id == "confirmatory"
        else section
        for section in course.sections
    )


def _beside(everybody: Survey, unflagged: Survey, flagged: str) -> Mapping[str, Survey]:
    """Give the answers that could have been analysed instead."""
    return {EVERYBODY: everybody} if flagged == "drop" else {UNFLAGGED: unflagged}


def _multiverse(on: Modelled, others: Mapping[str, Survey], team: Team) -> Section:
    """Answer the main questions by other choices."""
    return multiverse_section.run(
        on.instrument,
        on.survey,
        people=UNFLAGGED if EVERYBODY in others else EVERYBODY,
        beside=others,
        estimator=on.run.estimator,
        seed=on.run.seed,
        team=team,
    )


def _told(sections: Sequence[Section], n_dropped: int) -> list[Section]:
    """Add to sections how many flagged people they leave out."""
    if n_dropped == 0:
        return list(sections)
    n = evidence.count("flagged_count", n_dropped, "", n_dropped)
    note = Message("sensitivity.note.dropped", {"flagged": n})
    return [replace(section, notes=(*section.notes, note)) for section in sections]
