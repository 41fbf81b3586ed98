"""Where the differences lie, and what can be said of each place: shares, and shrunken means.

The variance of every score is shared out to organisations, units and persons by a mixed model, and
what a place has of its own is drawn towards the mean of all by how little is known of it. Places
are not named, and stand in an order drawn by chance: the uncertainty of any order is told instead.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

import measure
from analyses import evidence
from analyses.across_levels.design import level_label
from analyses.across_levels.leaders import Leaders
from analyses.attempts import attempt
from analyses.disclosure import THRESHOLD
from analyses.evidence import column, columns
from analyses.intake.survey import Survey
from analyses.ledger.variables import mean_of_answered
from analyses.section import Cell, Column, Figure, Message, Provenance, Table, Unnamed, Value
from instruments.schema import BackgroundColumn, Instrument

NESTED = ("organisation", "cluster")
"""Roles of the columns that people belong to, the larger first."""

SOURCE = "Bates et al. 2015"

BANDS = ((THRESHOLD, "small"), (10, "middle"), (20, "large"))
"""Fewest respondents of each band of places."""

ANY_SIZE = "any"

REACH = 1.96
"""Standard errors to both sides in an interval of 95 %."""


def nested_columns(instrument: Instrument, survey: Survey) -> list[BackgroundColumn]:
    """Give the columns of organisations and units that hold at least two, the larger first."""
    found = []
    for role in NESTED:
        present = evidence.present_columns(instrument, survey, [role])
        found += [one for one in present if survey.data[one.name].nunique() > 1][:1]
    return found


def shares_table(instrument: Instrument, survey: Survey, scores: pd.DataFrame) -> Table | None:
    """Give how the variance of every scale is shared out to places and persons."""
    places = nested_columns(instrument, survey)
    if not places:
        return None
    names = [one.name for one in places]
    data = scores.join(survey.data[names])
    rows: list[tuple[Cell, ...]] = []
    most = 0
    for scale in instrument.scales:
        if scale.id not in scores:
            continue
        found = attempt(partial(_components, data, scale.id, names)).result
        if found is None:
            continue
        own = found.components.set_index("level")["share"]
        shares = [evidence.number(own[level]) for level in (*names, "Residual")]
        rows.append((evidence.text(scale.label), *shares[::-1], found.n_obs))
        most = max(most, found.n_obs)
    if not rows:
        return None
    heads = [
        Column(one.name, evidence.plain(evidence.text(one.label)), "percent", 0) for one in places
    ]
    return Table(
        id="variance_shares",
        title=Message("levels.variance.table"),
        columns=(
            column("scale", "message"),
            column("share_persons", "percent", 0),
            *heads[::-1],
            column("n", "count", 0),
        ),
        rows=tuple(rows),
        provenance=Provenance(Message("estimator.mixed"), most, SOURCE),
        notes=(Message("levels.variance.note"),),
    )


def _components(
    data: pd.DataFrame, value: str, levels: Sequence[str]
) -> measure.VarianceComponents:
    return measure.variance_components(data, value, levels=levels, intervals="none")


def shares_figure(table: Table) -> Figure:
    """Draw the shares as one bar a scale."""
    parts = " ".join(one.name for one in table.columns[1:-1])
    return Figure(
        id=table.id,
        title=Message("levels.variance.figure"),
        alt=Message("levels.variance.figure.alt"),
        table=table.id,
        form="stacked",
        channels={"y": "scale", "parts": parts, "axis": "face.figure.shared"},
        domain=(0.0, 1.0),
    )


def places_table(led: Leaders) -> Table | None:
    """Give what can be said of each place, unnamed: the shrunken mean of what is asked about it."""
    across, level = led.across, led.outcome
    places = nested_columns(across.instrument, across.survey)
    if level is None or not places:
        return None
    names = [one.name for one in places]
    enough = across.instrument.rules.index_answered.value
    score = mean_of_answered(across.survey.scored[list(across.design.items(level))], enough)
    data = across.survey.data[names].assign(score=score)
    found = attempt(partial(_components, data, "score", names)).result
    if found is None:
        return None
    places_found = found.effects[found.effects["level"] == names[0]]
    own = places_found[places_found["n"] >= THRESHOLD]
    if own.empty:
        return None
    bands = _bands(own["n"])
    # What is known of a place tells how many answered there, so a band has one: the least.
    errors = own["se"].astype(float).groupby(bands).transform("max")
    own = own.assign(band=bands, se=errors)
    mean = float(found.fixed["estimate"].iloc[0])
    # Drawn from the answers, so that only who has them can tell which place has which number.
    drawn = crc32(score.to_numpy(dtype=float).tobytes())
    order = np.random.default_rng(drawn).permutation(len(own))
    rows: list[tuple[Cell, ...]] = []
    groups: list[Cell] = []
    for number, (_, row) in enumerate(own.iloc[order].iterrows(), start=1):
        groups.append(evidence.group_label(row[names[0]], places[0]))
        estimate, half = mean + float(row["estimate"]), REACH * float(row["se"])
        label = Message("levels.variance.place", {"n": number})
        band = Message(f"levels.variance.band.{row['band']}")
        rows.append((label, band, estimate, estimate - half, estimate + half))
    values: dict[str, Value] = {
        "level": level_label(across.instrument, level),
        "column": evidence.text(places[0].label),
    }
    return Table(
        id="shrunken_places",
        title=Message("levels.variance.table.places", values),
        columns=(
            column("place", "message"),
            column("size_band", "message"),
            *columns("number", 2, "shrunken_mean", "ci.lower", "ci.upper"),
        ),
        rows=tuple(rows),
        provenance=Provenance(Message("estimator.mixed"), found.n_obs, SOURCE),
        notes=tuple(_place_notes(own, len(places_found) - len(own))),
        unnamed=Unnamed(evidence.plain(evidence.text(places[0].label)), tuple(groups)),
    )


def _bands(sizes: "pd.Series[Any]") -> "pd.Series[Any]":
    """Say of each place roughly how many answered; alike for all where a band would hold few.

    Whoever knows how many answered at a place might find it by an exact number.
    """
    edges = [edge for edge, _ in BANDS]
    found = sizes.map(lambda n: BANDS[bisect_right(edges, n) - 1][1])
    if found.value_counts().min() < THRESHOLD:
        return pd.Series(ANY_SIZE, index=sizes.index)
    return found


def _place_notes(own: pd.DataFrame, n_small: int) -> Iterator[Message]:
    yield Message("levels.variance.note.places")
    if n_small:
        yield Message("levels.variance.note.small", {"n": n_small, "limit": THRESHOLD})
    estimates, errors = own["estimate"].to_numpy(float), own["se"].to_numpy(float)
    pairs = list(combinations(range(len(own)), 2))
    apart = sum(
        bool(abs(estimates[i] - estimates[j]) > REACH * np.hypot(errors[i], errors[j]))
        for i, j in pairs
    )
    yield Message("levels.variance.note.order", {"n": len(pairs), "apart": apart})


def places_figure(table: Table) -> Figure:
    """Draw the places in their random order, with intervals."""
    return Figure(
        id=table.id,
        title=table.title,
        alt=Message("levels.variance.figure.places.alt", {"n": len(table.rows)}),
        table=table.id,
        form="intervals",
        channels={"y": "place", "x": "shrunken_mean", "lower": "ci.lower", "upper": "ci.upper"},
    )
