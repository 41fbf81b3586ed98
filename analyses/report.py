"""The whole validation: every section in order, each published, in one report."""

from collections.abc import Callable

from analyses import (
    card,
    claims,
    confirmatory,
    exploratory,
    item_response,
    items,
    levels,
    locked,
    reliability,
    screening,
    short_form,
)
from analyses.errors import AnalysisError
from analyses.fits import fit_models
from analyses.graded import graded_models
from analyses.locked import Locked
from analyses.publication import SEED, assemble
from analyses.section import Report, Section
from analyses.survey import Survey
from instruments.schema import Instrument

Progress = Callable[[str, float], None]
"""Called with the key of the step that begins (`step.fits`) and the share of the work done."""

STEPS = {
    "step.screening": 0.01,
    "step.fits": 0.10,
    "step.items": 0.10,
    "step.short_forms": 0.02,
    "step.reliability": 0.12,
    "step.exploratory": 0.35,
    "step.confirmatory": 0.24,
    "step.levels": 0.15,
    "step.card": 0.01,
}
"""The steps and their share of the time, as measured on the bundled data."""


def validate(
    instrument: Instrument,
    survey: Survey,
    *,
    progress: Progress | None = None,
    estimator: str | None = None,
    seed: int = SEED,
    confidential: bool = False,
    rules: Locked | None = None,
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
    rules
        Whether the rules were locked, from `locked.examine`; by default asked of the lock file
        beside the instrument's own, if there is one.

    Returns
    -------
    Report
        The sections as published; each model has been fitted once.

    Raises
    ------
    OptionError
        Where the estimator is not available.
    AnalysisError
        Where no answers can determine the reference model. A rival that fails is a row of the
        report; without the model that the others are held against there is nothing to report.
    """
    rules = locked.examine(instrument) if rules is None else rules
    clock = _Clock(progress)
    clock.start("step.screening")
    sections: list[Section] = [screening.run(instrument, survey, estimator=estimator)]
    clock.start("step.fits")
    fits = fit_models(instrument, survey, estimator=estimator, progress=clock.within)
    reference = fits[instrument.reference_model.id]
    if reference.outcome == "not_identified":
        raise AnalysisError(f'model "{reference.model.id}": {reference.error}')
    clock.start("step.items")
    graded = graded_models(instrument, survey)
    sections.append(items.run(instrument, survey, fits=fits, graded=graded))
    sections.append(item_response.run(instrument, survey, fits=fits, graded=graded))
    clock.start("step.short_forms")
    sections.append(short_form.run(instrument, survey, fits=fits, seed=seed))
    clock.start("step.reliability")
    sections.append(reliability.run(instrument, survey, fits=fits))
    clock.start("step.exploratory")
    sections.append(exploratory.run(instrument, survey, seed=seed))
    clock.start("step.confirmatory")
    sections.append(confirmatory.run(instrument, survey, fits=fits))
    clock.start("step.levels")
    sections.append(levels.run(instrument, survey))
    if instrument.claims:
        sections.append(claims.run(instrument, survey))
    clock.start("step.card")
    sections.append(card.run(instrument, survey, fits=fits, seed=seed, rules=rules))
    report = assemble(instrument, survey, tuple(sections), confidential=confidential, rules=rules)
    clock.finish()
    return report


class _Clock:
    """Tells the caller how far the work has come."""

    def __init__(self, progress: Progress | None) -> None:
        self._tell = progress
        self._done = 0.0
        self._step = ""

    def start(self, step: str) -> None:
        """Begin a step; the one before is over."""
        self._done += STEPS.get(self._step, 0.0)
        self._step = step
        self.within(0.0)

    def within(self, share: float) -> None:
        """Tell that a share of the present step is done."""
        if self._tell is not None:
            self._tell(self._step, min(self._done + share * STEPS[self._step], 1.0))

    def finish(self) -> None:
        """Tell that all is done."""
        if self._tell is not None:
            self._tell("step.done", 1.0)
