"""Whether means of groups may be shown: of persons by licence, of units by the rules of levels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from analyses import evidence, verdicts
from analyses.comparing.licences import Licences
from analyses.evidence import columns
from analyses.intake.survey import Survey
from analyses.section import Cell, Message, Provenance, Table, Verdict
from instruments.schema import BackgroundColumn, Instrument, Scale

UNITS = ("cluster", "organisation")
"""Roles of columns of units: hundreds of values, whose means are judged by the rules of levels."""


@dataclass(frozen=True, eq=False)
class Level:
    """What one scale says about one kind of group; None is what could not be computed."""

    scale: Scale
    declared: BackgroundColumn
    icc: "pd.Series[float]"
    agreement: dict[str, float | None]
    ad: float | None

    def number(self, name: str) -> float | None:
        """Give one number of the analysis of variance."""
        return evidence.number(self.icc[name])

    def judged(self, instrument: Instrument) -> tuple[Verdict, tuple[str, ...]]:
        """Judge whether the groups' means stand for the groups; see `verdicts`."""
        rules = instrument.rules
        rwg = self.agreement[rules.rwg_j.null]
        return verdicts.judge_group_means(self.number("icc1"), self.number("icc2"), rwg, rules)


@dataclass(frozen=True, eq=False)
class Grounds:
    """What means of groups may be shown on.

    Parameters
    ----------
    instrument
        Its rules judge units.
    granted
        The licences of kinds of persons.
    levels
        What the scales say about units.
    """

    instrument: Instrument
    granted: Licences
    levels: Sequence[Level]

    def applied(self, table: Table, declared: BackgroundColumn, scale: Scale) -> Table:
        """Give a table of means with the licence that it has, or as withheld with the reason."""
        if declared.role in UNITS:
            return replace(table, withheld=self._of_units(declared, scale))
        licence = self.granted.of_scale(declared, scale)
        if not licence.allows:
            return replace(table, withheld=licence.reason)
        notes = [licence.reason]
        if licence.climb is not None and licence.climb.chosen.left_out:
            notes.append(Message("invariance.note.left_out", licence.climb.left_out))
        return replace(table, notes=(*table.notes, *notes))

    def groups(self, survey: Survey, declared: BackgroundColumn, scale: Scale) -> pd.Series:
        """Give each respondent's group, missing where the licence does not hold for it."""
        named = survey.data[declared.name]
        licence = self.granted.of_scale(declared, scale)
        if declared.role in UNITS or not licence.allows:
            return named
        return named.where(evidence.codes(survey, declared).isin(licence.groups))

    def _of_units(self, declared: BackgroundColumn, scale: Scale) -> Message | None:
        """Say why means of units do not stand for these; None where they do."""
        for level in self.levels:
            if level.scale is scale and level.declared is declared:
                verdict, failed = level.judged(self.instrument)
                if verdict == "good":
                    return None
                names = tuple(Message(f"levels.failed.{name}") for name in failed)
                key = "levels.withheld.failed" if failed else "levels.withheld.undecided"
                return Message(key, {"failed": names})
        return Message("levels.withheld.undecided")


def withheld_table(
    means: Sequence[tuple[Table, BackgroundColumn, Scale]], n_obs: int
) -> Iterator[Table]:
    """Give one row a column and reason: the scales whose means are withheld."""
    found: list[tuple[BackgroundColumn, Message, list[Scale]]] = []
    for table, declared, scale in means:
        if table.withheld is None:
            continue
        for column_, reason, scales in found:
            if column_ is declared and reason == table.withheld:
                scales.append(scale)
                break
        else:
            found.append((declared, table.withheld, [scale]))
    if not found:
        return
    rows: list[tuple[Cell, ...]] = [
        (
            evidence.text(declared.label),
            Message(
                "functioning.values", {"values": tuple(evidence.text(s.label) for s in scales)}
            ),
            reason,
        )
        for declared, reason, scales in found
    ]
    yield Table(
        id="means_withheld",
        title=Message("levels.table.withheld"),
        columns=columns("message", 0, "background", "scales", "withheld_reason"),
        rows=tuple(rows),
        provenance=Provenance(Message("estimator.rule"), n_obs, Message("source.background")),
        notes=(Message("levels.note.withheld"),),
    )
