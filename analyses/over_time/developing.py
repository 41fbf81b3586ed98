"""What the waves of a survey say: is the scale the same, what has changed, who has left.

The section `development` shows it, and the ledger takes its number about a gain from it. Nothing is
computed before it is asked for, and each thing once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

import measure
from analyses import evidence
from analyses.attempts import Found
from analyses.defaults import SEED
from analyses.intake.survey import Survey
from analyses.ledger.variables import Answers, NotAsked, mean_of_answered
from analyses.modelling.fits import Plan, treatment
from analyses.modelling.scale_models import FEWEST_ITEMS
from analyses.modelling.structure import structure
from analyses.over_time.wave_steps import Licence, licence_of, steps_held
from instruments.schema import BackgroundColumn, Instrument
from measure.errors import MeasureError
from measure.occasions.observed_changes import MEAN

ALPHA = 0.05
"""Chance of letting an item differ where none does."""

FEWEST_FOLLOWED = 50
"""With fewer respondents in all waves each wave counts as a sample of its own."""

FEWEST_IN_GROUP = 10
"""With fewer people in one of two groups their difference is not estimated."""

MOST_LINKED = 3
"""With more waves than these each counts as a sample too: respondents link all items of all waves
in one model, which grows with the square of their number."""

MODERATOR = "moderator"
"""The column of an index in the model of change."""

CLUSTER_ROLES = ("organisation", "cluster")
BACKGROUND_ROLES = ("group", "role", "background")
NOT_BACKGROUND = ("form", "language")
MOST_VALUES = 10


class Effort(NamedTuple):
    """Who took part in an effort, and who is compared with them, by a background column."""

    column: BackgroundColumn
    group: str
    against: str


class Common(NamedTuple):
    """Factors and items that every wave asked, and the items that are left out."""

    factors: dict[str, tuple[str, ...]]
    left_out: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Development:
    """The waves of a survey and what they are asked.

    Attributes
    ----------
    instrument, survey
        What was asked, and the answers of all waves.
    planned
        How the instrument's models are fitted.
    effort
        Who took part in something between the waves; None where nobody is known to have.
    seed
        Of reallocations of clusters.
    """

    instrument: Instrument
    survey: Survey
    planned: Plan
    effort: Effort | None
    seed: int = SEED

    @property
    def waves(self) -> tuple[str, ...]:
        """Their names, in order."""
        return self.survey.waves

    @cached_property
    def common(self) -> Common:
        """The factors of the reference model with the items that every wave asked."""
        by_wave = self.survey.scored.groupby(self.wave_values).count()
        asked = set(by_wave.columns[(by_wave > 0).all()])
        factors, left_out = {}, []
        for name, items in structure(self.instrument.reference_model).factors.items():
            kept = tuple(item for item in items if item in asked)
            if len(kept) >= FEWEST_ITEMS:
                factors[name] = kept
                left_out += [item for item in items if item not in asked]
            else:
                left_out += list(items)
        return Common(factors, tuple(left_out))

    @property
    def wave_values(self) -> "pd.Series[Any]":
        """The wave of each row."""
        assert self.survey.wave_column is not None
        return self.survey.data[self.survey.wave_column].astype(object)

    @property
    def items(self) -> list[str]:
        """The items that are compared."""
        return [item for items in self.common.factors.values() for item in items]

    @cached_property
    def person(self) -> str | None:
        """The column of respondents who can be followed; None where too few answered twice."""
        name = self.instrument.column_for("respondent")
        if name is None or name not in self.survey.data:
            return None
        often = self.wave_values.groupby(self.survey.data[name]).nunique()
        return name if int((often == len(self.waves)).sum()) >= FEWEST_FOLLOWED else None

    @cached_property
    def cluster(self) -> BackgroundColumn | None:
        """The clusters: where whole clusters took part, the largest that did so as one.

        Answers within what was allocated together are not independent, however small the clusters
        that the other sections go by.
        """
        if self.effort is None:
            return self.planned.cluster
        codes = self._codes(self.effort.column)
        return allocated(self.instrument, self.survey, codes) or self.planned.cluster

    @cached_property
    def linked(self) -> str | None:
        """The column of respondents whose answers are linked over waves in the models."""
        return self.person if len(self.waves) <= MOST_LINKED else None

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a respondent and wave: items, wave, person, cluster and who took part."""
        data = self.survey.data
        columns = {str(self.survey.wave_column): self.wave_values}
        if self.person is not None:
            columns[self.person] = data[self.person]
        if self.cluster is not None:
            columns[self.cluster.name] = data[self.cluster.name]
        if self.effort is not None:
            columns[self.effort.column.name] = self._codes(self.effort.column)
        return self.survey.scored[self.items].assign(**columns)

    def _codes(self, column: BackgroundColumn) -> "pd.Series[Any]":
        return Answers(self.instrument, self.survey, self.planned).codes(column)

    @cached_property
    def both(self) -> pd.DataFrame:
        """The rows of those who took part and of those they are compared with."""
        if self.effort is None:
            return self.frame
        values = (self.effort.group, self.effort.against)
        return self.frame[self.frame[self.effort.column.name].isin(values)]

    def text(self, factors: Iterable[str] | None = None) -> str:
        """Write the model of some factors, by default of all."""
        own = self.common.factors
        return "\n".join(f"{name} =~ {' + '.join(own[name])}" for name in factors or own)

    def _fitting(self, items: Sequence[str]) -> dict[str, Any]:
        """Give the options that all fits share, in the names of `measure`."""
        gaps = bool(self.frame[list(items)].isna().to_numpy().any()) or self.linked is not None
        return {
            "person": self.linked,
            "wave": self.survey.wave_column,
            "waves": self.waves,
            **fitted_as(self.planned, items, self.cluster, gaps=gaps),
        }

    @cached_property
    def shifts(self) -> dict[str, Found[measure.ResponseShift]]:
        """Search each factor for items that measure otherwise at a later wave.

        The chance of finding any where nothing has shifted is `ALPHA` over all factors together.
        """
        found = {}
        for name, items in self.common.factors.items():
            try:
                result = measure.response_shift(
                    self.text([name]),
                    self.frame,
                    alpha=ALPHA / len(self.common.factors),
                    **self._fitting(items),
                )
            except MeasureError as error:
                found[name] = Found[measure.ResponseShift](None, str(error))
            else:
                found[name] = Found(result, "")
        return found

    @property
    def released(self) -> tuple[str, ...]:
        """The parameters that differ between waves, as `partial` takes them."""
        return tuple(
            name
            for one in self.shifts.values()
            if one.result is not None
            for name in one.result.released
        )

    @cached_property
    def ladder(self) -> Found[measure.Invariance]:
        """The steps over all waves, of both groups where there are two."""
        group = None if self.effort is None else self.effort.column.name
        try:
            result = measure.longitudinal_invariance(
                self.text(),
                self.both,
                group=group,
                partial=self.released,
                null="none",
                **self._fitting(self.items),
            )
        except MeasureError as error:
            return Found(None, str(error))
        return Found(result, "")

    @cached_property
    def steps(self) -> dict[str, bool | None]:
        """Tell of each step whether the rules hold; None where it has no numbers.

        The first, in which nothing is equal, holds where its fit is at least acceptable.
        """
        found = self.ladder.result
        return {} if found is None else steps_held(found, self.instrument.rules)

    @property
    def licence(self) -> Licence:
        """What may be said about change."""
        return licence_of(self.steps, partial=bool(self.released))

    @property
    def comparable(self) -> bool:
        """Whether change may be shown."""
        return self.licence in ("full", "partial")

    @cached_property
    def change(self) -> Found[measure.LatentChange]:
        """The change of everybody together."""
        try:
            result = measure.latent_change(
                self.text(), self.frame, partial=self.released, **self._fitting(self.items)
            )
        except MeasureError as error:
            return Found(None, str(error))
        return Found(result, "")

    @cached_property
    def difference(self) -> Found[measure.ChangeDifference]:
        """How much more those who took part have changed."""
        if self.effort is None:
            return Found(None, "")
        try:
            result = measure.change_difference(
                self.text(),
                self.both,
                group=self.effort.column.name,
                against=self.effort.against,
                partial=self.released,
                seed=self.seed,
                **self._fitting(self.items),
            )
        except MeasureError as error:
            return Found(None, str(error))
        return Found(result, "")

    def moderation(self, values: "pd.Series[float]", name: str) -> Found[measure.ChangeModeration]:
        """Estimate how change goes with a score at the first wave, in both groups.

        Parameters
        ----------
        values
            The score of each row of the survey.
        name
            What its column is to be called.
        """
        assert self.effort is not None
        at_first = values.where(self.wave_values == self.waves[0])
        try:
            result = measure.change_moderation(
                self.text(),
                self.both.assign(**{name: at_first}),
                moderator=name,
                group=self.effort.column.name,
                against=self.effort.against,
                partial=self.released,
                **self._fitting(self.items),
            )
        except MeasureError as error:
            return Found(None, str(error))
        return Found(result, "")

    @cached_property
    def moderations(self) -> dict[str, Found[measure.ChangeModeration]]:
        """How change goes with the scores that hypotheses name, by scale; of what may be shown."""
        if self.effort is None or self.linked is None or not self.comparable:
            return {}
        if self.smallest_group < FEWEST_IN_GROUP:
            return {}
        scores = Answers(self.instrument, self.survey, self.planned).scores
        named = (
            expectation.target
            for hypothesis in self.instrument.hypotheses
            for expectation in hypothesis.expectations
            if expectation.estimand == "moderation"
        )
        return {
            name: self.moderation(scores[name], MODERATOR)
            for name in dict.fromkeys(named)
            if name in scores
        }

    @property
    def smallest_group(self) -> int:
        """Respondents in the smaller group, of whichever wave has fewest."""
        if self.effort is None:
            return 0
        own = self.both[self.both[self.items].notna().any(axis=1)]
        counts = own.groupby([self.effort.column.name, str(self.survey.wave_column)]).size()
        cells = len(self.waves) * 2
        return int(counts.min()) if len(counts) == cells else 0

    @cached_property
    def leavers(self) -> Found[measure.DropOut]:
        """Those who did not answer the last wave, against those who did."""
        if self.person is None:
            return Found(None, "")
        enough = self.instrument.rules.index_answered.value
        scores = {
            name: mean_of_answered(self.survey.scored[list(items)], enough)
            for name, items in self.common.factors.items()
        }
        columns = {
            one.name: self._codes(one)
            for one in evidence.present_columns(self.instrument, self.survey, BACKGROUND_ROLES)
            if one.name not in NOT_BACKGROUND
            and 2 <= self.survey.data[one.name].nunique() <= MOST_VALUES
        }
        data = self.frame.assign(**{f"score.{name}": own for name, own in scores.items()})
        try:
            result = measure.drop_out(
                data.assign(**columns),
                person=self.person,
                wave=str(self.survey.wave_column),
                waves=self.waves,
                scores=[f"score.{name}" for name in scores],
                background=list(columns),
                cluster=None if self.cluster is None else self.cluster.name,
            )
        except MeasureError as error:
            return Found(None, str(error))
        return Found(result, "")


def developed(
    instrument: Instrument, survey: Survey, planned: Plan, *, seed: int = SEED
) -> Development | None:
    """Give what is asked of the waves; None where the survey has one, or has been cut to one."""
    if len(survey.waves) < 2 or survey.wave is not None or survey.wave_column is None:
        return None
    return Development(instrument, survey, planned, effort_of(instrument, survey, planned), seed)


def fitted_as(
    planned: Plan, items: Sequence[str], cluster: BackgroundColumn | None, *, gaps: bool
) -> dict[str, Any]:
    """Give the options of models of several waves, in the names of `measure`.

    Parameters
    ----------
    gaps
        Whether answers are missing, or respondents at a wave.
    """
    ordered = [item for item in items if item in planned.ordered]
    return {
        "ordered": ordered,
        "estimator": planned.estimator,
        "missing": treatment(planned.estimator, ordinal=bool(ordered)) if gaps else "listwise",
        "information": "observed" if ordered else None,
        "cluster": None if cluster is None else cluster.name,
        "categories": "merge",
    }


def allocated(
    instrument: Instrument, survey: Survey, values: "pd.Series[Any]"
) -> BackgroundColumn | None:
    """Give the largest clusters, more than three, within which a value is the same for all."""
    whole = [
        (survey.data[one.name].nunique(), one)
        for one in evidence.present_columns(instrument, survey, CLUSTER_ROLES)
        if survey.data[one.name].nunique() > 3
        and (values.groupby(survey.data[one.name]).nunique() <= 1).all()
    ]
    return min(whole, key=lambda pair: pair[0])[1] if whole else None


def effort_of(instrument: Instrument, survey: Survey, planned: Plan) -> Effort | None:
    """Find who took part in something, as the hypothesis about a gain states it."""
    answers = Answers(instrument, survey, planned)
    for hypothesis in instrument.hypotheses:
        for expectation in hypothesis.expectations:
            if expectation.estimand != "gain":
                continue
            try:
                codes = answers.codes(answers.column(expectation.target))
            except NotAsked:
                continue
            assert expectation.group is not None
            assert expectation.against is not None
            if {expectation.group, expectation.against} <= set(codes.dropna()):
                column = answers.column(expectation.target)
                return Effort(column, expectation.group, expectation.against)
    return None


def first_to_last(table: pd.DataFrame) -> "pd.Series[Any]":
    """Give the row from the first wave to the last: of the mean of the factors, or the only one."""
    own = table[table["factor"] == MEAN]
    own = own if len(own) else table
    # The last of the pairs that begin with the first wave.
    found: pd.Series[Any] = own[own["from"] == own["from"].iloc[0]].iloc[-1]
    return found
