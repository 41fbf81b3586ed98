"""Do organisations differ in how their levels hang together? No organisation is named or ranked.

How people see one level less how they see another, on the same content, differs between people.
What people of one organisation share of that is how its levels stand to each other.
"""

from collections.abc import Iterator
from functools import partial
from itertools import combinations

import pandas as pd

import measure
from analyses import evidence
from analyses.across_levels.design import level_label
from analyses.across_levels.referents import Referents
from analyses.attempts import attempt
from analyses.evidence import column, columns
from analyses.ledger.variables import mean_of_answered
from analyses.section import Cell, Figure, Message, Provenance, Table
from instruments.schema import BackgroundColumn

GAP = "gap"


def table(across: Referents) -> Table | None:
    """Give, for every two levels, the mean gap and how much of it people of one place share."""
    place = place_of(across)
    if place is None:
        return None
    rows = list(_rows(across, place))
    if not rows:
        return None
    return Table(
        id="level_coherence",
        title=Message("levels.coherence.table", {"column": evidence.text(place.label)}),
        columns=(
            column("gap", "message"),
            column("points", "number", 2),
            *columns("number", 3, "icc1", "icc1.lower", "icc1.upper"),
            *columns("count", 0, "n", "n_clusters"),
        ),
        rows=tuple(rows),
        provenance=Provenance(Message("estimator.anova"), len(across.survey.data), "Bliese 2000"),
        notes=(Message("levels.coherence.note"),),
    )


def place_of(across: Referents) -> BackgroundColumn | None:
    """Give the column of organisations, else that of units."""
    for role in ("organisation", "cluster"):
        for one in evidence.present_columns(across.instrument, across.survey, [role]):
            if across.survey.data[one.name].nunique() > 1:
                return one
    return None


def _rows(across: Referents, place: BackgroundColumn) -> Iterator[tuple[Cell, ...]]:
    scores = level_scores(across)
    for first, second in combinations(across.design.levels, 2):
        if first not in scores or second not in scores:
            continue
        gap = pd.DataFrame({GAP: scores[second] - scores[first]})
        gap[place.name] = across.survey.data[place.name]
        found = attempt(partial(measure.icc, gap, [GAP], cluster=place.name)).result
        if found is None:
            continue
        own = found.loc[[GAP]].iloc[0]
        label = Message(
            "levels.referents.gap",
            {
                "first": level_label(across.instrument, first),
                "second": level_label(across.instrument, second),
            },
        )
        yield (
            label,
            float(gap[GAP].mean()),
            *(evidence.number(own[name]) for name in ("icc1", "icc1.ci.lower", "icc1.ci.upper")),
            int(own["n"]),
            int(own["n_clusters"]),
        )


def level_scores(across: Referents) -> dict[str, "pd.Series[float]"]:
    """Give each person's mean over the functions of a level, of content that all levels have."""
    enough = across.instrument.rules.index_answered.value
    found = {}
    for level in across.design.levels:
        items = [
            item for own in across.design.shifted.values() for item in own.get(level, {}).values()
        ]
        if items:
            found[level] = mean_of_answered(across.survey.scored[items], enough)
    return found


def figure(found: Table) -> Figure:
    """Draw how much people of one place share of each gap."""
    return Figure(
        id=found.id,
        title=Message("levels.coherence.figure"),
        alt=Message("levels.coherence.figure.alt"),
        table=found.id,
        form="intervals",
        channels={"y": "gap", "x": "icc1", "lower": "icc1.lower", "upper": "icc1.upper"},
        domain=(min(0.0, *_numbers(found, "icc1.lower")), max(0.1, *_numbers(found, "icc1.upper"))),
    )


def _numbers(found: Table, name: str) -> list[float]:
    return [cell for cell in found.column(name) if isinstance(cell, float)]
