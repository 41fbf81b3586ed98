"""What people say afterwards about where they stood before, beside what they said then.

Each respondent has three sets of answers: those of the first wave, those about the time of the
first wave, and those given together with these.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import pandas as pd

import measure
from analyses.attempts import Found, attempt
from analyses.intake.survey import Survey
from analyses.modelling.scale_models import FEWEST_ITEMS
from analyses.over_time.developing import FEWEST_FOLLOWED, Development, fitted_as
from analyses.over_time.wave_steps import Licence, licence_of, steps_held
from instruments.schema import Instrument

BEFORE, THEN, AFTER = "before", "then", "after"
OCCASIONS = {name: f"{{item}}.{name}" for name in (BEFORE, THEN, AFTER)}


@dataclass(frozen=True, eq=False)
class ThenTest:
    """The retrospective pre-test of a survey.

    Attributes
    ----------
    instrument, survey
        What was asked, and the answers of all waves.
    waves
        What is asked of the waves.
    """

    instrument: Instrument
    survey: Survey
    waves: Development

    @cached_property
    def factors(self) -> dict[str, tuple[str, ...]]:
        """The factors of enough items that were asked about before, then and after."""
        asked = set(self.survey.then.columns)
        found = {
            name: tuple(item for item in items if item in asked)
            for name, items in self.waves.common.factors.items()
        }
        return {name: items for name, items in found.items() if len(items) >= FEWEST_ITEMS}

    @property
    def items(self) -> list[str]:
        """The items that are compared."""
        return [item for items in self.factors.values() for item in items]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a respondent with all three: `{item}.before`, `.then`, `.after`; and cluster."""
        name = str(self.instrument.column_for("respondent"))
        who, items = self.survey.data[name], self.items
        order = {wave: k for k, wave in enumerate(self.waves.waves)}
        place = self.waves.wave_values.map(order)
        answered = self.survey.then[items].notna().any(axis=1) & place.gt(0)
        # The last time that somebody looked back, and the first answers of all.
        looked = place.where(answered)
        last = looked == looked.groupby(who).transform("max")
        first = (place == 0) & who.notna()

        def of(rows: "pd.Series[bool]", answers: pd.DataFrame, occasion: str) -> pd.DataFrame:
            own = answers.loc[rows, items].set_axis(who[rows], axis=0)
            return own.rename(columns={item: f"{item}.{occasion}" for item in items})

        parts = [
            of(first, self.survey.scored, BEFORE),
            of(last, self.survey.then, THEN),
            of(last, self.survey.scored, AFTER),
        ]
        if self.waves.cluster is not None:
            cluster = self.survey.data.loc[last, [self.waves.cluster.name]]
            parts.append(cluster.set_axis(who[last], axis=0))
        return pd.concat(parts, axis=1, join="inner")

    @property
    def reason(self) -> str | None:
        """The end of the catalogue's key that says why there is nothing; None where there is."""
        name = self.instrument.column_for("respondent")
        if name is None or name not in self.survey.data:
            return "nobody_followed"
        if not self.factors:
            return "few_items"
        return "few_people" if len(self.frame) < FEWEST_FOLLOWED else None

    @property
    def _text(self) -> str:
        return "\n".join(f"{name} =~ {' + '.join(own)}" for name, own in self.factors.items())

    @property
    def _options(self) -> dict[str, Any]:
        gaps = bool(self.frame.isna().to_numpy().any())
        return fitted_as(self.waves.planned, self.items, self.waves.cluster, gaps=gaps)

    @cached_property
    def ladder(self) -> Found[measure.Invariance]:
        """The steps over the three sets of answers."""
        work = partial(
            measure.longitudinal_invariance,
            self._text,
            self.frame,
            waves=OCCASIONS,
            null="none",
            **self._options,
        )
        return attempt(work)

    @cached_property
    def licence(self) -> Licence:
        """Whether the three can be compared."""
        found = self.ladder.result
        if found is None:
            return "undecided"
        return licence_of(steps_held(found, self.instrument.rules), partial=False)

    @property
    def comparable(self) -> bool:
        """Whether there is anything to compare, and it may be compared."""
        return self.reason is None and self.licence in ("full", "partial")

    @cached_property
    def result(self) -> Found[measure.RetrospectivePretest]:
        """Change as measured, as seen afterwards, and how far the yardstick has moved."""
        work = partial(
            measure.retrospective_pretest,
            self._text,
            self.frame,
            before=OCCASIONS[BEFORE],
            retrospective=OCCASIONS[THEN],
            after=OCCASIONS[AFTER],
            **self._options,
        )
        return attempt(work)


def then_test(instrument: Instrument, survey: Survey, waves: Development | None) -> ThenTest | None:
    """Give the retrospective pre-test of a survey; None where nobody was asked to look back."""
    if waves is None or not len(survey.then.columns):
        return None
    return ThenTest(instrument, survey, waves)
