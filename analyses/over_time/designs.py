"""Designs that the columns of a survey show beside two groups followed: beginnings, and cohorts.

A column of the wave in which something began makes a stepped wedge where units began in turns, and
an interrupted series where all began at once; answers about the time before make a retrospective
pre-test; a column of cohorts compares those who went through something before and after it was
changed. What the columns do not show is not asked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple

import pandas as pd

import measure
from analyses import evidence
from analyses.attempts import Found, attempt
from analyses.comparing.group_ladders import climb
from analyses.comparing.licences import Licence, Licences, licence
from analyses.defaults import SEED
from analyses.intake.survey import Survey
from analyses.ledger.variables import mean_of_answered
from analyses.modelling.fits import Plan, fit_reference
from analyses.over_time.developing import Development, allocated
from analyses.section import Answers
from instruments.schema import BackgroundColumn, Instrument
from measure.occasions.observed_changes import MEAN

Began = Literal["in_turns", "at_once"]

FEWEST_ITEMS = 2
"""A score of fewer items that work alike at every wave is none."""


class Start(NamedTuple):
    """The wave in which something began, (n_obs,), missing where it has not; and how it began."""

    column: BackgroundColumn
    waves: "pd.Series[Any]"
    began: Began

    @property
    def first(self) -> str:
        """The first wave with what began."""
        return str(self.waves.dropna().iloc[0])


class Series(NamedTuple):
    """An interrupted series, and the standard deviation of answers before the interruption."""

    result: measure.InterruptedSeries
    sd: float


@dataclass(frozen=True, eq=False)
class Designs:
    """What a survey shows of change by the wave of a beginning, and by cohorts.

    Attributes
    ----------
    instrument, survey
        What was asked, and the answers of all waves.
    planned
        How the instrument's models are fitted.
    waves
        What is asked of the waves; None where there is one.
    granted
        The licences of the analysed wave.
    seed
        Of reallocations of clusters.
    """

    instrument: Instrument
    survey: Survey
    planned: Plan
    waves: Development | None
    granted: Licences
    seed: int = SEED

    @cached_property
    def start(self) -> Start | None:
        """When something began; None where no column says so, or all waves are after it."""
        column = self._column("start")
        if column is None or self.waves is None or not self.waves.common.factors:
            return None
        values = self.survey.data[column.name]
        # Who has begun at the first wave already shows no beginning.
        if values.isna().all() or (values == self.waves.waves[0]).all():
            return None
        at_once = values.notna().all() and values.nunique() == 1
        return Start(column, values, "at_once" if at_once else "in_turns")

    def _column(self, role: Literal["start", "cohort"]) -> BackgroundColumn | None:
        return next(iter(evidence.present_columns(self.instrument, self.survey, [role])), None)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Items that are in no score, since they measure otherwise at a later wave."""
        assert self.waves is not None
        released = {
            name.partition("=~")[2].strip() if "=~" in name else name.split()[0]
            for name in self.waves.released
        }
        return tuple(item for item in self.waves.items if item in released)

    @cached_property
    def scored(self) -> dict[str, list[str]]:
        """The items of each score: those of a factor that stay the same."""
        apart = set(self.left_out)
        kept = {
            name: [item for item in items if item not in apart]
            for name, items in self._waves.common.factors.items()
        }
        return {name: items for name, items in kept.items() if len(items) >= FEWEST_ITEMS}

    def answers(self, table_id: str) -> Answers:
        """Say what means of all scores are made of, as disclosure control asks."""
        items = [item for own in self.scored.values() for item in own]
        limits = {self.instrument.response(item).limits for item in items}
        return Answers(
            table_id, "mean", None, limits.pop() if len(limits) == 1 else None, len(items)
        )

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Each answer sheet's mean of each factor's items that stay the same, and their mean."""
        enough = self.instrument.rules.index_answered.value
        found = pd.DataFrame(
            {
                name: mean_of_answered(self.survey.scored[items], enough)
                for name, items in self.scored.items()
            },
            index=self.survey.scored.index,
        )
        if len(found.columns) > 1:
            found[MEAN] = found.mean(axis=1, skipna=False)
        return found

    @property
    def places(self) -> "pd.Series[Any]":
        """The place of each answer sheet's wave, from 1."""
        return self.waves_of(self._waves.wave_values)

    def waves_of(self, values: "pd.Series[Any]") -> "pd.Series[Any]":
        """Give waves as their places, from 1; missing stays so."""
        return values.map({wave: k for k, wave in enumerate(self._waves.waves, start=1)})

    @property
    def _waves(self) -> Development:
        assert self.waves is not None
        return self.waves

    @cached_property
    def unit(self) -> BackgroundColumn | None:
        """The largest units that each began as one."""
        assert self.start is not None
        return allocated(self.instrument, self.survey, self.start.waves.fillna(""))

    @cached_property
    def wedges(self) -> Mapping[str, Found[measure.SteppedWedge]]:
        """The effect of beginning in turns on each score."""
        return self._each(self._wedge)

    def _each(self, work: Callable[[str], Any]) -> Mapping[str, Found[Any]]:
        return {str(name): attempt(partial(work, str(name))) for name in self.scores}

    def _wedge(self, name: str) -> measure.SteppedWedge:
        assert self.start is not None
        assert self.unit is not None
        begun = self.places >= self.waves_of(self.start.waves).astype(float)
        data = pd.DataFrame(
            {
                "score": self.scores[name],
                "unit": self.survey.data[self.unit.name],
                "wave": self.places,
                "begun": begun.astype(float).where(self.places.notna()),
            }
        )
        return measure.stepped_wedge(
            data, "score", cluster="unit", period="wave", treated="begun", seed=self.seed
        )

    @cached_property
    def times(self) -> dict[str, float]:
        """The time of each wave: its number or year where all names are numbers, else its place."""
        names = self._waves.waves
        numbers = pd.to_numeric(pd.Series(names), errors="coerce")
        if numbers.notna().all() and numbers.is_monotonic_increasing:
            return dict(zip(names, numbers.astype(float), strict=True))
        return {name: float(place) for place, name in enumerate(names, start=1)}

    @cached_property
    def series(self) -> Mapping[str, Found[Series]]:
        """The interrupted series of each score."""
        return self._each(self._interrupted)

    @cached_property
    def followed(self) -> BackgroundColumn | None:
        """The units whose series are taken apart; None without any."""
        columns = evidence.present_columns(
            self.instrument, self.survey, ("organisation", "cluster")
        )
        order = sorted(columns, key=lambda one: one.role != "organisation")
        return next((one for one in order if self.survey.data[one.name].nunique() > 1), None)

    def _interrupted(self, name: str) -> Series:
        assert self.start is not None
        times = self._waves.wave_values.map(self.times).astype(float)
        data = pd.DataFrame({"score": self.scores[name], "time": times})
        unit = None
        if self.followed is not None:
            unit = "unit"
            data[unit] = self.survey.data[self.followed.name]
        begins = self.times[self.start.first]
        result = measure.interrupted_series(data, "score", time="time", begins=begins, unit=unit)
        before = data[data["time"] < begins]
        within = before["score"] - before.groupby("time")["score"].transform("mean")
        return Series(result, float(within.std()))

    @cached_property
    def cohorts(self) -> Licence | None:
        """What cohorts may be compared for; None where no column says who belongs to which.

        Of everybody's first answers: that of the analysed wave where there is no other.
        """
        column = self._column("cohort")
        if column is None:
            return None
        if len(self.survey.waves) < 2 and column.name in self.granted.by_column:
            return self.granted.by_column[column.name]
        first = self._first_answers()
        model = fit_reference(self.instrument, first)[self.instrument.reference_model.id]
        return licence(self.instrument, climb(self.instrument, first, model, column))

    def _first_answers(self) -> Survey:
        """Give the survey with the first answers of each respondent alone."""
        name, wave = self.instrument.column_for("respondent"), self.survey.wave_column
        if name is None or name not in self.survey.data or wave is None:
            return self.survey
        place = (
            self.survey.data[wave]
            .astype(object)
            .map({one: k for k, one in enumerate(self.survey.waves)})
        )
        first = place.groupby(self.survey.data[name]).transform("min")
        return self.survey.where((place == first) | self.survey.data[name].isna())


def has_cohorts(instrument: Instrument, survey: Survey) -> bool:
    """Whether a column of the survey says who belongs to which cohort."""
    return bool(evidence.present_columns(instrument, survey, ["cohort"]))


def shown(found: Mapping[str, Found[Any]]) -> Iterator[tuple[str, Any]]:
    """Give what could be computed, by the score, the mean of all last."""
    for name, one in found.items():
        if one.result is not None:
            yield name, one.result


def whole(found: Mapping[str, Found[Any]]) -> Found[Any]:
    """Give the result of the mean of the scores, or of the only one."""
    if not found:
        return Found(None, "")
    return found[MEAN] if MEAN in found else next(iter(found.values()))


def proposals(instrument: Instrument, design: str) -> Sequence[str]:
    """Give the ids of what the account proposes to do that a design speaks to."""
    return [one.id for one in instrument.proposals if design in one.designs]
