"""The whole validation: every section in order, each published, in one report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from analyses import (
    card,
    claims,
    confirmatory,
    content_validity,
    development,
    dialogue,
    disclosure,
    evidence,
    exploratory,
    hypotheses,
    invariance,
    item_response,
    items,
    levels,
    reliability,
    review,
    screening,
    sensitivity,
    short_form,
    validity,
)
from analyses.across_levels.referents import Referents, referents
from analyses.comparing import licences
from analyses.comparing.licences import Licences
from analyses.content_validity import Content
from analyses.errors import AnalysisError
from analyses.intake import locked
from analyses.intake.cross_section import one_wave
from analyses.intake.locked import Locked
from analyses.intake.margins import Margin
from analyses.intake.survey import Survey, check_answers
from analyses.modelling.fits import Fits, Plan, fit_models
from analyses.modelling.graded import graded_models
from analyses.modelling.scale_models import scale_models
from analyses.over_time.designs import has_cohorts
from analyses.over_time.developing import Development, developed
from analyses.publication import SEED, assemble
from analyses.questionnaire_items.item_functioning import Functioning, functioning
from analyses.respondents import carelessness
from analyses.section import Message, Report, Section, Value
from instruments import AnswerError
from instruments.schema import Instrument
from measure.checks import known_option
from measure.errors import MeasureError

Progress = Callable[[str, float], None]
"""Called with the key of the step that begins (`step.fits`) and the share of the work done."""

STEPS = {
    "step.screening": 0.02,
    "step.fits": 0.01,
    "step.items": 0.22,
    "step.short_forms": 0.01,
    "step.reliability": 0.01,
    "step.exploratory": 0.03,
    "step.confirmatory": 0.03,
    "step.invariance": 0.33,
    "step.levels": 0.02,
    "step.development": 0.11,
    "step.hypotheses": 0.05,
    "step.sensitivity": 0.15,
    "step.card": 0.01,
}
"""The steps and their share of the time, as measured on the bundled data."""


NOT_RERUN = ("content",)
"""Sections that do not rest on the respondents' answers, and are the same without the flagged."""


GRANTED_ONCE = ("invariance", "development")
"""Sections on what is granted to everybody, and holds without the flagged too; those of the waves
rest on answers most of which have not been examined for carelessness."""


@dataclass(frozen=True, eq=False)
class Settled:
    """What is asked of everybody once, and taken to hold without the flagged too.

    It is about groups, waves and levels, for which single answers weigh little, and takes most of
    the time.
    """

    granted: Licences
    functioning: Functioning
    waves: Development | None
    across: Referents | None


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
    """

    rules: Locked | None = None
    content: Content | None = None
    margins: Sequence[Margin] = ()


NOTHING = Beside()


@dataclass(frozen=True)
class _Run:
    """How the sections between the screening and the card are run, once or twice.

    `whole` are the answers of all waves.
    """

    instrument: Instrument
    whole: Survey
    estimator: str | None
    seed: int
    confidential: bool


def validate(
    instrument: Instrument,
    survey: Survey,
    *,
    beside: Beside = NOTHING,
    progress: Progress | None = None,
    estimator: str | None = None,
    seed: int = SEED,
    confidential: bool = False,
    wave: str | None = None,
    flagged: str = "both",
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
        Where the survey has no such wave, or more people answered than the margins say were
        invited.
    AnalysisError
        Where no answers can determine the reference model. A rival that fails is a row of the
        report; without the model that the others are held against there is nothing to report.
    """
    known_option("flagged", flagged, sensitivity.FLAGGED)
    rules = locked.examine(instrument) if beside.rules is None else beside.rules
    whole, survey = survey, one_wave(instrument, survey, wave)
    run = _Run(instrument, whole, estimator, seed, confidential)
    clock = _Clock(progress, twice=flagged == "both")
    clock.start("step.screening")
    careless = carelessness.judge(instrument, survey, seed=seed)
    first = screening.run(
        instrument, survey, estimator=estimator, careless=careless, margins=beside.margins
    )
    content = content_validity.run(instrument, survey, content=beside.content)
    unflagged = survey.where(~careless.flagged) if careless.n_flagged else survey
    analysed = unflagged if flagged == "drop" else survey
    sections, fits, settled = _analysed(run, analysed, clock)
    after: list[Section] = []
    if instrument.claims:
        after.append(claims.run(instrument, analysed, verdicts=_judged(sections)))
    if flagged == "both":
        clock.start("step.sensitivity")
        after.append(_sensitivity(run, (survey, unflagged), sections, settled))
    if instrument.dialogue:
        after.append(dialogue.run(instrument, analysed, sections=sections))
    clock.start("step.card")
    after.append(card.run(instrument, analysed, fits=fits, seed=seed, rules=rules))
    told = _told([*sections, *after], len(survey.data) - len(analysed.data))
    found = (first, content, *told)
    argued = (
        validity.run(instrument, analysed, sections=found),
        review.run(instrument, sections=found),
    )
    report = assemble(
        instrument, analysed, (*found, *argued), confidential=confidential, rules=rules
    )
    clock.finish()
    return report


def _analysed(
    run: _Run, survey: Survey, clock: "_Clock", settled: Settled | None = None
) -> tuple[list[Section], Fits, Settled]:
    """Run the sections that a person's answers can change, and settle what is not yet settled."""
    instrument = run.instrument
    clock.start("step.fits")
    fits = fit_models(instrument, survey, estimator=run.estimator, progress=clock.within)
    reference = fits[instrument.reference_model.id]
    if reference.outcome == "not_identified":
        raise AnalysisError(f'model "{reference.model.id}": {reference.error}')
    first = settled is None
    clock.start("step.items")
    models, graded = scale_models(instrument, survey, fits), graded_models(instrument, survey)
    works = (
        functioning(instrument, survey, models, reference)
        if settled is None
        else settled.functioning
    )
    sections: list[Section] = [
        items.run(instrument, survey, fits=fits, models=models, graded=graded, functioning=works),
        item_response.run(instrument, survey, fits=fits, models=models, graded=graded),
    ]
    clock.start("step.short_forms")
    if short_form.shortened(instrument, survey):
        sections.append(short_form.run(instrument, survey, fits=fits, seed=run.seed))
    clock.start("step.reliability")
    sections.append(reliability.run(instrument, survey, fits=fits))
    clock.start("step.exploratory")
    sections.append(exploratory.run(instrument, survey, seed=run.seed))
    clock.start("step.confirmatory")
    sections.append(confirmatory.run(instrument, survey, fits=fits))
    clock.start("step.invariance")
    granted = (
        licences.grant(instrument, survey, fits, models=models)
        if settled is None
        else settled.granted
    )
    if first:
        sections.append(invariance.run(instrument, survey, fits=fits, granted=granted))
    clock.start("step.levels")
    across = referents(instrument, survey, reference.plan) if settled is None else settled.across
    sections.append(levels.run(instrument, survey, granted=granted, across=across))
    clock.start("step.development")
    waves = _waves(run, survey, reference.plan) if settled is None else settled.waves
    if first and (waves is not None or has_cohorts(instrument, run.whole)):
        sections.append(development.run(instrument, run.whole, waves=waves, granted=granted))
    clock.start("step.hypotheses")
    if instrument.hypotheses:
        sections.append(
            hypotheses.run(
                instrument,
                survey,
                fits=fits,
                granted=granted,
                seed=run.seed,
                waves=waves,
                across=across,
            )
        )
    return sections, fits, Settled(granted, works, waves, across)


def _waves(run: _Run, survey: Survey, planned: Plan) -> Development | None:
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


def _judged(sections: Sequence[Section]) -> Mapping[str, Message]:
    """Give what came of each hypothesis, by its id; nothing where none was stated."""
    for section in sections:
        if section.id == "hypotheses":
            return hypotheses.judgements(section)
    return {}


def _sensitivity(
    run: _Run,
    surveys: tuple[Survey, Survey],
    sections: Sequence[Section],
    settled: Settled,
) -> Section:
    """Run the same sections without the flagged, and compare.

    Parameters
    ----------
    surveys
        Everybody, and those who are not flagged.
    settled
        What was settled for everybody.
    """
    survey, unflagged = surveys
    n_flagged = len(survey.data) - len(unflagged.data)
    notes = evidence.standing_notes(run.instrument, survey)
    if n_flagged == 0:
        return sensitivity.not_run(Message("sensitivity.answer.nobody"), notes)
    if disclosure.is_small(n_flagged) and not run.confidential:
        # What changes would be what so few answered.
        few = Message("sensitivity.answer.few", {"threshold": disclosure.THRESHOLD})
        return sensitivity.not_run(few, notes)
    try:
        answers = unflagged.data[list(unflagged.asked)]
        check_answers(run.instrument, unflagged.form, answers, unflagged.asked)
        again, _, _ = _analysed(run, unflagged, _Clock(None), settled)
    except (AnalysisError, AnswerError, MeasureError) as error:
        values: dict[str, Value] = {"flagged": n_flagged, "error": str(error)}
        return sensitivity.not_run(Message("sensitivity.answer.failed", values), notes)
    return sensitivity.run(
        [section for section in sections if section.id not in GRANTED_ONCE],
        again,
        n_obs=len(survey.data),
        n_flagged=n_flagged,
        not_rerun=NOT_RERUN,
        notes=(Message("sensitivity.note.licences"), *notes),
    )


def _told(sections: Sequence[Section], n_dropped: int) -> list[Section]:
    """Add to sections how many flagged people they leave out."""
    if n_dropped == 0:
        return list(sections)
    n = evidence.count("flagged_count", n_dropped, "", n_dropped)
    note = Message("sensitivity.note.dropped", {"flagged": n})
    return [replace(section, notes=(*section.notes, note)) for section in sections]


class _Clock:
    """Tells the caller how far the work has come."""

    def __init__(self, progress: Progress | None, *, twice: bool = True) -> None:
        self._tell = progress
        whole = 1.0 if twice else 1.0 - STEPS["step.sensitivity"]
        self._shares = {step: share / whole for step, share in STEPS.items()}
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
