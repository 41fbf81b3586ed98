"""The whole validation: every section in order, each published, in one report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from analyses import (
    card,
    carelessness,
    confirmatory,
    content_validity,
    disclosure,
    evidence,
    exploratory,
    items,
    levels,
    reliability,
    screening,
    sensitivity,
)
from analyses.content_validity import Content
from analyses.cross_section import one_wave
from analyses.errors import AnalysisError
from analyses.fits import Fits, fit_models
from analyses.margins import Margin
from analyses.publication import SEED, assemble
from analyses.section import Message, Report, Section, Value
from analyses.survey import Survey, check_answers
from instruments import AnswerError
from instruments.schema import Instrument
from measure.checks import known_option
from measure.errors import MeasureError

Progress = Callable[[str, float], None]
"""Called with the key of the step that begins (`step.fits`) and the share of the work done."""

STEPS = {
    "step.screening": 0.08,
    "step.content": 0.01,
    "step.fits": 0.03,
    "step.items": 0.01,
    "step.reliability": 0.06,
    "step.exploratory": 0.19,
    "step.confirmatory": 0.11,
    "step.levels": 0.12,
    "step.sensitivity": 0.31,
    "step.card": 0.08,
}
"""The steps and their share of the time, as measured on the bundled data."""


NOT_RERUN = ("content",)
"""Sections that do not rest on the respondents' answers, and are the same without the flagged."""


@dataclass(frozen=True)
class Options:
    """How the analyses of a report are run.

    Attributes
    ----------
    estimator
        Of the models, as for `fits.plan`.
    seed
        Of everything random.
    confidential
        Leave in what disclosure control would hide.
    margins
        Of the population that the respondents are held against.
    flagged
        What is done about people flagged for careless answers; see `sensitivity.FLAGGED`.
    """

    estimator: str | None = None
    seed: int = SEED
    confidential: bool = False
    margins: Sequence[Margin] = ()
    flagged: str = "both"


def validate(
    instrument: Instrument,
    survey: Survey,
    *,
    progress: Progress | None = None,
    estimator: str | None = None,
    seed: int = SEED,
    confidential: bool = False,
    wave: str | None = None,
    margins: Sequence[Margin] = (),
    flagged: str = "both",
    content: Content | None = None,
) -> Report:
    """Run all analyses of a survey and publish their sections.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers.
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
    margins
        Of the population, from `margins.read_margins`, that the respondents are held against.
    flagged
        What is done about people flagged for careless answers: "both" analyses everybody and shows
        what changes without them, "keep" analyses everybody, "drop" leaves them out of all
        sections but the screening, which counts them.
    content
        Experts' ratings and notes from interviews, where there are any.

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
    survey = one_wave(instrument, survey, wave)
    options = Options(estimator, seed, confidential, tuple(margins), flagged)
    clock = _Clock(progress, twice=flagged == "both")
    clock.start("step.screening")
    careless = carelessness.judge(instrument, survey, seed=seed)
    first = screening.run(
        instrument, survey, estimator=estimator, careless=careless, margins=margins
    )
    unflagged = survey.where(~careless.flagged) if careless.n_flagged else survey
    analysed = unflagged if flagged == "drop" else survey
    clock.start("step.content")
    before = (first, content_validity.run(instrument, survey, content=content))
    sections, fits = _analysed(instrument, analysed, options, clock)
    if flagged == "both":
        clock.start("step.sensitivity")
        sections.append(_sensitivity(instrument, survey, unflagged, sections, options))
    clock.start("step.card")
    sections.append(card.run(instrument, analysed, fits=fits, seed=seed))
    told = _told(sections, len(survey.data) - len(analysed.data))
    report = assemble(instrument, analysed, (*before, *told), confidential=confidential)
    clock.finish()
    return report


def _analysed(
    instrument: Instrument, survey: Survey, options: Options, clock: "_Clock"
) -> tuple[list[Section], Fits]:
    """Run the sections between the screening and the card."""
    clock.start("step.fits")
    fits = fit_models(instrument, survey, estimator=options.estimator, progress=clock.within)
    reference = fits[instrument.reference_model.id]
    if reference.outcome == "not_identified":
        raise AnalysisError(f'model "{reference.model.id}": {reference.error}')
    clock.start("step.items")
    sections: list[Section] = [items.run(instrument, survey, fits=fits)]
    clock.start("step.reliability")
    sections.append(reliability.run(instrument, survey, fits=fits))
    clock.start("step.exploratory")
    sections.append(exploratory.run(instrument, survey, seed=options.seed))
    clock.start("step.confirmatory")
    sections.append(confirmatory.run(instrument, survey, fits=fits))
    clock.start("step.levels")
    sections.append(levels.run(instrument, survey))
    return sections, fits


def _sensitivity(
    instrument: Instrument,
    survey: Survey,
    unflagged: Survey,
    sections: Sequence[Section],
    options: Options,
) -> Section:
    """Run the same sections without the flagged, and compare."""
    n_flagged = len(survey.data) - len(unflagged.data)
    notes = evidence.standing_notes(instrument, survey)
    if n_flagged == 0:
        return sensitivity.not_run(Message("sensitivity.answer.nobody"), notes)
    if disclosure.is_small(n_flagged) and not options.confidential:
        # What changes would be what so few answered.
        few = Message("sensitivity.answer.few", {"threshold": disclosure.THRESHOLD})
        return sensitivity.not_run(few, notes)
    try:
        answers = unflagged.data[list(unflagged.asked)]
        check_answers(instrument, unflagged.form, answers, unflagged.asked)
        again, _ = _analysed(instrument, unflagged, options, _Clock(None))
    except (AnalysisError, AnswerError, MeasureError) as error:
        values: dict[str, Value] = {"flagged": n_flagged, "error": str(error)}
        return sensitivity.not_run(Message("sensitivity.answer.failed", values), notes)
    return sensitivity.run(
        sections,
        again,
        n_obs=len(survey.data),
        n_flagged=n_flagged,
        not_rerun=NOT_RERUN,
        notes=notes,
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
