"""The Wright map: where people stand, beside where the steps of the answers stand.

People appear as shares of bins of the ability, never one by one.
"""

import numpy as np

from analyses import evidence
from analyses.evidence import column
from analyses.intake.survey import Survey
from analyses.modelling.graded import Graded
from analyses.section import Cell, Column, Figure, Message, Provenance, Quantity, Table
from measure.questions.irt import ability_scores

EDGES = tuple(float(edge) for edge in np.arange(-2.5, 2.51, 0.5))
"""Bins of half a standard deviation of the ability; the outermost are open."""


def table(one: Graded, survey: Survey) -> Table:
    """Give one row a bin, the highest first: people, and each item's steps that lie in it."""
    model = one.model
    if model is None:
        raise ValueError(f'the scale "{one.scale.id}" has no graded response model')
    scores = ability_scores(model, survey.scored)["score"].dropna()
    bins = np.digitize(scores, EDGES)
    counts = np.bincount(bins, minlength=len(EDGES) + 1)
    steps = model.thresholds.assign(bin=np.digitize(model.thresholds["b"], EDGES))
    rows: list[tuple[Cell, ...]] = []
    for place in reversed(range(len(EDGES) + 1)):
        inside = steps[steps["bin"] == place]
        rows.append(
            (
                _bin(place),
                int(counts[place]),
                float(counts[place] / len(scores)),
                *(
                    " ".join(f"{code:g}" for code in inside.loc[inside["item"] == item, "category"])
                    for item in one.items
                ),
            )
        )
    return Table(
        id=f"wright_{one.scale.id}",
        title=Message("wright.table", {"scale": evidence.text(one.scale.label)}),
        columns=(
            column("ability_bin", "message"),
            column("n", "count", 0),
            column("share", "percent", 1),
            *(Column(f"step_{item}", evidence.plain(item), "text") for item in one.items),
        ),
        rows=tuple(rows),
        provenance=Provenance(Message("estimator.graded"), len(scores), Message("source.wright")),
        notes=(Message("wright.note"), Message("graded.note.never_persons")),
        respondents="n",
    )


def _bin(place: int) -> Message:
    """Name a bin by its ends."""
    if place == 0:
        return Message("wright.below", {"upper": _ability(EDGES[0])})
    if place == len(EDGES):
        return Message("wright.above", {"lower": _ability(EDGES[-1])})
    return Message(
        "wright.between", {"lower": _ability(EDGES[place - 1]), "upper": _ability(EDGES[place])}
    )


def _ability(value: float) -> Quantity:
    return Quantity("statistic.ability", value, Provenance("", None, ""), digits=1)


def figure(one: Graded, drawn: Table) -> Figure:
    """Draw people to the left, and the steps of each item to the right."""
    return Figure(
        id=drawn.id,
        title=Message("wright.figure", {"scale": evidence.text(one.scale.label)}),
        alt=Message("wright.figure.alt", {"n": len(one.items)}),
        table=drawn.id,
        form="wright",
        channels={
            "y": "ability_bin",
            "x": "share",
            "parts": " ".join(f"step_{item}" for item in one.items),
        },
    )
