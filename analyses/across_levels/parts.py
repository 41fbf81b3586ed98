"""What the section on levels says of functions at several levels: findings, tables and figures."""

from collections.abc import Iterator
from dataclasses import dataclass

from analyses.across_levels import (
    associations,
    coherence,
    leaders,
    level_models,
    raters,
    referent_tables,
    standing,
    variance,
)
from analyses.across_levels.leaders import Leaders
from analyses.across_levels.referents import Referents
from analyses.section import Figure, Finding, Message, Table

MOST_DRAWN = 60
"""With more places than this a figure of intervals is not readable; the table holds them."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Parts of a section; `answer` is one sentence of its answer."""

    answer: Message
    findings: tuple[Finding, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]


def parts(across: Referents) -> Parts:
    """Give what is said of functions at several levels."""
    found, drawn = _tables_and_figures(across)
    led = Leaders(across)
    for table in leaders.tables(led):
        found.append(table)
        if table.id == "leader_surface":
            drawn.append(leaders.figure(led, table))
    places = variance.places_table(led)
    if places is not None:
        found.append(places)
        if len(places.rows) <= MOST_DRAWN:
            drawn.append(variance.places_figure(places))
    found += level_models.tables(across.two_levels)
    return Parts(
        answer=Message(f"levels.referents.answer.{standing.stand(across).judgement}"),
        findings=_findings(across, led),
        tables=tuple(found),
        figures=tuple(drawn),
    )


def findings(across: Referents) -> tuple[Finding, ...]:
    """Give the findings of `parts` alone."""
    return _findings(across, Leaders(across))


def _findings(across: Referents, led: Leaders) -> tuple[Finding, ...]:
    said = (standing.finding(across), raters.finding(across), leaders.finding(led))
    return (
        *(one for one in said if one is not None),
        *level_models.findings(across.two_levels),
    )


def _tables_and_figures(across: Referents) -> tuple[list[Table], list[Figure]]:
    found = list(referent_tables.tables(across))
    drawn = list(referent_tables.figures(found, across))
    for table, figure in _further(across):
        found.append(table)
        drawn.append(figure)
    return found, drawn


def _further(across: Referents) -> Iterator[tuple[Table, Figure]]:
    """Give what leaders and others say of leadership, and how far organisations hang together."""
    for made, draw in (
        (raters.table, raters.figure),
        (associations.table, associations.figure),
        (coherence.table, coherence.figure),
    ):
        table = made(across)
        if table is not None:
            yield table, draw(table)
