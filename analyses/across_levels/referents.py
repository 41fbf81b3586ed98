"""What the answers say about functions and levels; each thing is computed once, and when asked for.

The section `levels` shows it, and the ledger takes its numbers about levels from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import pandas as pd

import measure
from analyses.across_levels.design import Design, design_of
from analyses.across_levels.two_levels import TwoLevel, two_levels
from analyses.attempts import Found, attempt
from analyses.comparing.group_ladders import FREED, Climb, Step, climb, judged
from analyses.intake.survey import Survey
from analyses.modelling.fits import (
    Fitted,
    Plan,
    fit_model,
    options_of,
    plan,
    source_of,
    treatment,
)
from instruments.schema import BackgroundColumn, Instrument, MeasurementModel
from instruments.texts import NO_TEXTS
from measure.errors import MeasureError
from measure.fitting.confirmatory import estimate
from measure.fitting.source import Source

ALPHA = 0.05
"""Chance of letting an item differ between levels where none does, over all functions."""

SEARCHED = ("loadings", "intercepts")
"""What is let differ: single thresholds are not searched, one that moved shows in the intercept."""

RATER = "rater"
"""The column that tells what is said about oneself from what others say."""

OTHERS, SELF = "others", "self"


class Alike(NamedTuple):
    """How far a function is asked alike about all levels.

    Attributes
    ----------
    steps
        The steps of invariance, judged.
    ladder
        The steps as fitted.
    released
        Parameters that differ between levels, as `partial` takes them.
    """

    steps: tuple[Step, ...]
    ladder: measure.Invariance
    released: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether means may be compared: all steps up to equal intercepts were reached and hold."""
        last = self.steps[-1].name == FREED
        return last and all(step.verdict in ("holds", "untestable") for step in self.steps)


@dataclass(frozen=True, eq=False)
class Referents:
    """The functions of a survey at all levels that it asks about.

    Attributes
    ----------
    instrument, survey
        What was asked, and the answers.
    design
        Which items ask about which function and level.
    planned
        How models are fitted.
    """

    instrument: Instrument
    survey: Survey
    design: Design
    planned: Plan

    @cached_property
    def _source(self) -> Source:
        return source_of(self.survey, self.planned)

    @cached_property
    def model(self) -> Fitted | None:
        """The instrument's model of functions and levels; None where it states none."""
        model = referent_model_of(self.instrument)
        return (
            None
            if model is None
            else fit_model(model, self.survey, self.planned, source=self._source)
        )

    def _fit(self, text: str, items: tuple[str, ...]) -> measure.Fit:
        ordered = tuple(item for item in items if item in self.planned.ordered)
        return estimate(text, self._source, options_of(self.planned, ordered), "cfa")

    @cached_property
    def by_function(self) -> Mapping[str, Found[measure.Fit]]:
        """The same model of each function by itself, of its items about all levels."""
        return {name: attempt(partial(self._of_function, name)) for name in self.design.cells}

    def _of_function(self, function: str) -> measure.Fit:
        cells = {function: self.design.cells[function]}
        text = measure.referent_model(cells, reference=self.design.reference)
        items = tuple(item for own in cells[function].values() for item in own)
        found = self._fit(text, items)
        if not found.admissible:
            raise MeasureError("; ".join(found.notes))
        return found

    @property
    def shared_by(self) -> tuple[measure.Fit, ...]:
        """The fits that say what levels share: the one model if admissible, else by function."""
        if self.model is not None and self.model.usable is not None:
            return (self.model.usable,)
        return tuple(one.result for one in self.by_function.values() if one.result is not None)

    @cached_property
    def shares(self) -> tuple[measure.ReferentShares, ...]:
        """What levels share with the reference."""
        tried = (attempt(partial(measure.referent_shares, fit)) for fit in self.shared_by)
        return tuple(one.result for one in tried if one.result is not None)

    @cached_property
    def contrasts(self) -> Found[measure.ReferentContrasts]:
        """How functions go together across levels and within them, each a factor at each level."""
        factors = {
            function: {level: f"{level}_{function}" for level in own}
            for function, own in self.design.cells.items()
        }
        fit = self.matrix.result
        if fit is None:
            return Found(None, self.matrix.reason)
        return attempt(lambda: measure.referent_contrasts(fit, factors))

    @cached_property
    def matrix(self) -> Found[measure.Fit]:
        """The model in which each function of each level is a factor, all of them correlated."""
        return attempt(self._matrix)

    def _matrix(self) -> measure.Fit:
        design = self.design
        text = measure.referent_model(design.cells, reference=design.reference, specific="none")
        items = tuple(item for level in design.levels for item in design.items(level))
        return self._fit(text, items)

    def _over_levels(self, function: str) -> tuple[str, pd.DataFrame, dict[str, Any]]:
        """Give the model of a function, the answers, and the options of a model over levels.

        The levels are asked about in one questionnaire, so that a person answers all of them: they
        stand where waves stand in measures of change.
        """
        columns = self.design.shifted[function]
        content = list(columns[self.design.reference])
        asked = [item for own in columns.values() for item in own.values()]
        ordered = [item for item in content if item in self.planned.ordered]
        frame = self.survey.scored[asked]
        gaps = bool(frame.isna().to_numpy().any())
        if self.planned.cluster is not None:
            name = self.planned.cluster.name
            frame = frame.assign(**{name: self.survey.data[name]})
        options = {
            "waves": columns,
            "ordered": ordered,
            "estimator": self.planned.estimator,
            "missing": treatment(self.planned.estimator, ordinal=bool(ordered))
            if gaps
            else "listwise",
            "information": "observed" if ordered else None,
            "cluster": None if self.planned.cluster is None else self.planned.cluster.name,
            "categories": "merge" if ordered else "refuse",
        }
        return f"{function} =~ {' + '.join(content)}", frame, options

    @cached_property
    def alike(self) -> Mapping[str, Found[Alike]]:
        """Climb the steps of invariance over levels for each function."""
        return {name: attempt(partial(self._alike, name)) for name in self.design.shifted}

    def _alike(self, function: str) -> Alike:
        text, frame, options = self._over_levels(function)
        alpha = ALPHA / len(self.design.shifted)
        searched = measure.response_shift(text, frame, kinds=SEARCHED, alpha=alpha, **options)
        ladder = measure.longitudinal_invariance(
            text, frame, partial=searched.released, null="none", **options
        )
        return Alike(judged(ladder, self.instrument.rules), ladder, searched.released)

    @cached_property
    def gaps(self) -> Mapping[str, Found[measure.LatentChange]]:
        """How far apart a function stands at any two levels, where it is asked alike."""
        return {
            name: attempt(partial(self._gaps, name))
            for name, one in self.alike.items()
            if one.result is not None and one.result.holds
        }

    def _gaps(self, function: str) -> measure.LatentChange:
        text, frame, options = self._over_levels(function)
        alike = self.alike[function].result
        assert alike is not None
        return measure.latent_change(text, frame, partial=alike.released, **options)

    @cached_property
    def two_levels(self) -> tuple[TwoLevel, ...]:
        """The instrument's models of persons within organisations."""
        return two_levels(self.instrument, self.survey, self.planned)

    def worked_out(self) -> "Referents":
        """Compute now what is computed when asked for, to be taken along to another process."""
        wanted = ("model", "shares", "contrasts", "alike", "gaps", "two_levels", "self_other")
        for name in wanted:
            getattr(self, name)
        for model in self.two_levels:
            _ = model.check
        return self

    @cached_property
    def self_other(self) -> Climb | None:
        """What those whom items are about say of themselves, beside what others say of them.

        None where nobody was asked about themselves.
        """
        items = [item for item in self.survey.self_ratings if item in self.survey.scored]
        cells = {
            name: own
            for name, by_level in self.design.cells.items()
            for own in by_level.values()
            if set(own) <= set(items)
        }
        if not cells or not self.survey.self_ratings[items].notna().any(axis=None):
            return None
        return _by_rater(self, cells)


def _by_rater(across: Referents, cells: Mapping[str, tuple[str, ...]]) -> Climb:
    """Climb the steps of invariance over who rates."""
    survey = across.survey
    asked = [item for own in cells.values() for item in own]
    own = survey.self_ratings[asked].notna().any(axis=1)
    scored = survey.scored[asked].fillna(survey.self_ratings[asked])
    rater = own.map({True: SELF, False: OTHERS})
    rated = replace(survey, scored=scored, data=survey.data.assign(**{RATER: rater}))
    model = across.instrument.reference_model.model_copy(
        update={"syntax": "\n".join(f"{name} =~ {' + '.join(i)}" for name, i in cells.items())}
    )
    missing = treatment(across.planned.estimator, ordinal=bool(across.planned.ordered))
    planned = replace(across.planned, missing=missing)
    return climb(across.instrument, rated, fit_model(model, rated, planned), RATERS)


RATERS = BackgroundColumn(name=RATER, label=NO_TEXTS, role="group")
"""The column of who rates; its words stand in the catalogue, not in an instrument."""


def referent_model_of(instrument: Instrument) -> MeasurementModel | None:
    """Give the instrument's model of functions by levels, which is one of persons."""
    models = (one for one in instrument.models if one.use == "levels")
    return next((one for one in models if "level:" not in one.syntax), None)


def referents(
    instrument: Instrument, survey: Survey, planned: Plan | None = None
) -> Referents | None:
    """Give what is asked of functions and levels; None where no function is asked about two.

    Parameters
    ----------
    planned
        How the instrument's models are fitted, where that has been decided already.
    """
    design = design_of(instrument, survey)
    if design is None:
        return None
    planned = plan(instrument, survey) if planned is None else planned
    asked = [item for level in design.levels for item in design.items(level)]
    if survey.scored[asked].isna().to_numpy().any():
        ordinal = bool(planned.ordered)
        planned = replace(planned, missing=treatment(planned.estimator, ordinal=ordinal))
    return Referents(instrument, survey, design, planned)
