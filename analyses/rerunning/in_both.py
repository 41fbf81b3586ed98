"""What two runs have in common: verdicts, and numbers with intervals, found in both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

import measure
from analyses import evidence
from analyses.rerunning import record as records
from analyses.section import Finding, Message, Phrase, Quantity, Report, Table

WITHOUT = ("sensitivity", "card", "claims", "dialogue", "validity", "review", "disclosure")
"""Sections that are about a run, or that say again what others have found."""

LOADINGS = "loadings"
"""The table whose rows are compared besides the findings' evidence."""


class Key(NamedTuple):
    """What a number is of, the same in both runs."""

    section: str
    part: str
    name: str
    of: str


@dataclass(frozen=True)
class Number:
    """A published number with its interval, and what it is called."""

    quantity: Quantity
    label: Phrase


@dataclass(frozen=True, eq=False)
class Numbers:
    """The numbers that are compared, with how far apart they are."""

    pairs: Mapping[Key, tuple[Number, Number]]
    differences: pd.DataFrame

    @property
    def n_beyond(self) -> int:
        """How many differ by more than their intervals allow."""
        return int(self.differences["beyond"].sum()) if len(self.differences) else 0


def measures_the_same(first: records.Record, second: records.Record) -> bool:
    """Tell whether two runs are of the same items, scales and models, whatever their words."""
    return not changed_parts(first, second, records.MEASURED)


def changed_parts(
    first: records.Record, second: records.Record, kinds: Sequence[str]
) -> tuple[str, ...]:
    """Give the kinds of parts of the instrument that are not the same in both runs."""
    before, after = first.instrument.parts, second.instrument.parts
    return tuple(kind for kind in kinds if before.get(kind) != after.get(kind))


def judged(first: Report, second: Report) -> list[tuple[str, Finding, Finding]]:
    """Give the findings that both runs judge, each with its section."""
    before = {
        (section.id, finding.id): finding
        for section in first.sections
        for finding in section.findings
    }
    return [
        (section.id, before[section.id, finding.id], finding)
        for section in second.sections
        if section.id not in WITHOUT
        for finding in section.findings
        if (section.id, finding.id) in before
        and "information" not in (finding.verdict, before[section.id, finding.id].verdict)
    ]


def numbers(first: Report, second: Report) -> Numbers:
    """Give the numbers with intervals at one level that both runs publish, and how they differ."""
    before, after = dict(with_intervals(first)), dict(with_intervals(second))
    pairs = {
        key: (before[key], number)
        for key, number in after.items()
        if key in before and before[key].quantity.level == number.quantity.level
    }
    tables = [
        pd.DataFrame(
            [
                (pair[side].quantity.value, pair[side].quantity.lower, pair[side].quantity.upper)
                for pair in pairs.values()
            ],
            columns=["estimate", "ci.lower", "ci.upper"],
        )
        for side in (0, 1)
    ]
    return Numbers(pairs, measure.independent_difference(*tables))


def with_intervals(report: Report) -> Iterator[tuple[Key, Number]]:
    """Give the numbers with intervals of findings, and the loadings of the reference model."""
    for section in report.sections:
        if section.id in WITHOUT:
            continue
        for finding in section.findings:
            for one in finding.evidence:
                if None not in (one.value, one.lower, one.upper):
                    of = one.of if one.of is not None else finding.claim
                    key = Key(section.id, finding.id, one.name, repr(one.of))
                    yield key, Number(one, of)
        for table in section.tables:
            if table.id == LOADINGS and table.withheld is None:
                yield from _rows(section.id, table)


def _rows(section: str, table: Table) -> Iterator[tuple[Key, Number]]:
    names = ("item", "factor", "loading", "ci.lower", "ci.upper")
    for item, factor, *numbers in zip(*map(table.column, names), strict=True):
        value, lower, upper = (
            evidence.number(cell) if isinstance(cell, float) else None for cell in numbers
        )
        if value is None or lower is None or upper is None:
            continue
        quantity = Quantity(
            "statistic.loading",
            value,
            table.provenance,
            digits=3,
            lower=lower,
            upper=upper,
            level=evidence.CONFIDENCE,
        )
        label = Message("plain", {"text": item})
        yield Key(section, table.id, repr(item), repr(factor)), Number(quantity, label)
