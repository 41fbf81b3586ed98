"""The tables and figures of the designs: beginnings in turns, interrupted series, looking back."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

import measure
from analyses import evidence
from analyses.evidence import column, columns
from analyses.modelling.methods import estimated_by
from analyses.over_time.design_findings import (
    KEYS,
    SERIES_SOURCE,
    THEN_SOURCE,
    WEDGE_SOURCE,
    series_effect,
    wedge_effect,
)
from analyses.over_time.designs import Designs, Series, shown, whole
from analyses.over_time.development_tables import CHANGE_LIMITS, factor_label
from analyses.over_time.then_tests import ThenTest
from analyses.section import Cell, Figure, Message, Phrase, Provenance, Table, Value

LIMITS = ("ci.lower", "ci.upper")
STEP = 0.25
"""Answer points between the marks at which an axis begins and ends."""


def tables(designs: Designs, then: ThenTest | None) -> Iterator[Table]:
    """Give the tables of each design that the survey has, where levels may be compared."""
    waves = designs.waves
    if designs.start is not None and waves is not None and waves.comparable:
        if designs.start.began == "at_once":
            yield from _series_tables(designs)
        elif designs.unit is not None:
            yield from _wedge_tables(designs)
    if then is not None and then.comparable and then.result.result is not None:
        yield _then_table(then, then.result.result)


def figures(designs: Designs, given: tuple[Table, ...]) -> Iterator[Figure]:
    """Draw the effects on each factor, the series, and the three readings of looking back."""
    least = designs.instrument.rules.change_worthwhile.value
    by_id = {table.id: table for table in given}
    if "development_wedge" in by_id:
        yield _effects("development_wedge", by_id["development_wedge"], least)
    if "development_series_points" in by_id:
        yield _series_figure(by_id["development_series_points"])
    if "development_then" in by_id:
        yield _then_figure(by_id["development_then"])


def _label(designs: Designs, name: str) -> Phrase:
    assert designs.waves is not None
    return factor_label(designs.waves, name)


def _wedge_tables(designs: Designs) -> Iterator[Table]:
    found: dict[str, measure.SteppedWedge] = dict(shown(designs.wedges))
    if not found:
        return
    rows: list[tuple[Cell, ...]] = []
    for name, result in found.items():
        row = result.table.iloc[0]
        rows.append(
            (
                _label(designs, name),
                result.n_obs,
                result.n_clusters,
                *wedge_effect(result),
                *(evidence.number(row[key]) for key in ("estimate", *LIMITS)),
                result.pvalue_permutation,
            )
        )
    first = next(iter(found.values()))
    provenance = Provenance(Message("development.reml"), first.n_obs, WEDGE_SOURCE)
    yield Table(
        id="development_wedge",
        title=Message("development.table.wedge"),
        columns=(
            column("factor", "message"),
            column("respondents", "count", 0),
            column("units", "count", 0),
            *columns("number", 2, "effect_sd", "ci.lower", "ci.upper"),
            *columns("number", 2, "effect_points", "points_lower", "points_upper"),
            column("pvalue_permutation", "pvalue", 3),
        ),
        rows=tuple(rows),
        provenance=provenance,
        notes=(
            Message("development.note.wedge_effects"),
            Message("development.note.reallocation"),
        ),
        respondents="respondents",
        groups=(),
        dispersion=(*LIMITS, "points_lower", "points_upper"),
    )
    together: measure.SteppedWedge | None = whole(designs.wedges).result
    if together is not None:
        yield _periods(designs, together, provenance)
        yield _sequences(designs, together, provenance)


def _periods(designs: Designs, result: measure.SteppedWedge, provenance: Provenance) -> Table:
    """Give what each wave adds for everybody, begun or not."""
    assert designs.waves is not None
    names = designs.waves.waves
    rows: list[tuple[Cell, ...]] = [
        (
            Message("development.from_to", {"first": names[0], "later": names[place]}),
            *(evidence.number(row[key]) for key in ("estimate", *LIMITS)),
        )
        for place, (_, row) in enumerate(result.table.iloc[1:].iterrows(), start=1)
    ]
    return Table(
        id="development_wedge_periods",
        title=Message("development.table.wedge_periods"),
        columns=(
            column("wave_pair", "message"),
            *columns("number", 2, "raw_change", "ci.lower", "ci.upper"),
        ),
        rows=tuple(rows),
        provenance=provenance,
        notes=(Message("development.note.wedge_periods"),),
    )


def _sequences(designs: Designs, result: measure.SteppedWedge, provenance: Provenance) -> Table:
    """Give the mean of those who began in each wave, wave by wave."""
    assert designs.waves is not None
    names = designs.waves.waves
    cells = result.cells
    begins = cells[cells["treated"] == 1].groupby("cluster")["period"].min()
    cells = cells.assign(
        begins=cells["cluster"].map(begins).fillna(len(names) + 1), total=cells["mean"] * cells["n"]
    )
    rows: list[tuple[Cell, ...]] = []
    for place, own in cells.groupby(["begins", "period"], sort=True):
        when, period = (int(one) for one in np.asarray(place))
        said = (
            Message("development.never_begun")
            if when > len(names)
            else Message("development.began_at", {"wave": names[when - 1]})
        )
        n = int(own["n"].sum())
        begun = Message("check.yes" if period >= when else "check.no")
        mean = float(own["total"].sum() / n)
        rows.append((said, names[period - 1], begun, len(own), n, mean))
    return Table(
        id="development_wedge_means",
        title=Message("development.table.wedge_means"),
        columns=(
            column("sequence", "message"),
            column("wave", "text"),
            column("begun", "message"),
            column("units", "count", 0),
            column("respondents", "count", 0),
            column("mean", "number", 2),
        ),
        rows=tuple(rows),
        provenance=provenance,
        respondents="respondents",
        answers=designs.answers("development_wedge_means"),
    )


def _series_tables(designs: Designs) -> Iterator[Table]:
    found: dict[str, Series] = dict(shown(designs.series))
    if not found:
        return
    rows: list[tuple[Cell, ...]] = []
    for name, own in found.items():
        terms = own.result.table.set_index("term")
        rows.append(
            (
                _label(designs, name),
                own.result.n_obs,
                own.result.n_units,
                evidence.number(terms.loc["trend", "estimate"]),
                *(evidence.number(terms.loc["level", key]) for key in ("estimate", *LIMITS)),
                *(evidence.number(terms.loc["trend.change", key]) for key in ("estimate", *LIMITS)),
                *series_effect(own),
            )
        )
    n_obs = max(own.result.n_obs for own in found.values())
    provenance = Provenance(Message("development.segmented"), n_obs, SERIES_SOURCE)
    yield Table(
        id="development_series",
        title=Message("development.table.series"),
        columns=(
            column("factor", "message"),
            column("respondents", "count", 0),
            column("units", "count", 0),
            *columns("number", 2, "trend_before", "level_step", "step_lower", "step_upper"),
            *columns("number", 2, "trend_change", "trend_lower", "trend_upper"),
            *columns("number", 2, "effect_last", "ci.lower", "ci.upper"),
        ),
        rows=tuple(rows),
        provenance=provenance,
        notes=(Message("development.note.series_terms"),),
        respondents="respondents",
        groups=(),
        dispersion=("step_lower", "step_upper", "trend_lower", "trend_upper", *LIMITS),
    )
    chosen = whole(designs.series).result
    if chosen is not None:
        yield _points(designs, chosen.result, provenance)


def _points(designs: Designs, result: measure.InterruptedSeries, provenance: Provenance) -> Table:
    """Give each point of the series: as it was, as fitted, and as the trend before led to."""
    names = {time: name for name, time in designs.times.items()}
    by_time = result.points.groupby("time")
    means = by_time[["mean", "fitted", "without"]].mean().assign(n=by_time["n"].sum())
    rows: list[tuple[Cell, ...]] = [
        (
            place,
            names[float(row["time"])],
            int(row["n"]),
            *(evidence.number(row[key]) for key in ("mean", "fitted", "without")),
        )
        for place, row in enumerate(means.reset_index().to_dict("records"), start=1)
    ]
    return Table(
        id="development_series_points",
        title=Message("development.table.series_points"),
        columns=(
            column("wave_number", "count", 0),
            column("wave_name", "text"),
            column("respondents", "count", 0),
            *columns("number", 2, "mean", "fitted", "without"),
        ),
        rows=tuple(rows),
        provenance=provenance,
        respondents="respondents",
        # Where units have series of their own, each unit counts alike; the mean lies on the same
        # scale, and is as little to be told of few or of those who answered alike.
        answers=designs.answers("development_series_points"),
    )


def _then_table(then: ThenTest, found: measure.RetrospectivePretest) -> Table:
    """Give the three readings of each factor, latent and in answer points."""
    rows: list[tuple[Cell, ...]] = [
        (
            factor_label(then.waves, row["factor"]),
            Message(f"development.reading.{KEYS[str(row['reading'])]}"),
            int(row["n"]),
            *(evidence.number(row[key]) for key in ("d", "d.ci.lower", "d.ci.upper")),
            *(evidence.number(row[key]) for key in ("raw", "raw.ci.lower", "raw.ci.upper")),
        )
        for row in _in_order(found.table).to_dict("records")
    ]
    return Table(
        id="development_then",
        title=Message("development.table.then"),
        columns=(
            *columns("message", 0, "factor", "reading"),
            column("respondents", "count", 0),
            *columns("number", 2, "reading_sd", "ci.lower", "ci.upper"),
            *columns("number", 2, "raw_change", "raw_lower", "raw_upper"),
        ),
        rows=tuple(rows),
        provenance=Provenance(estimated_by(found.fit), found.n_obs, THEN_SOURCE),
        notes=(
            Message("development.note.readings"),
            Message("development.note.then"),
            Message("development.note.then_memory"),
        ),
        respondents="respondents",
        groups=(),
        dispersion=CHANGE_LIMITS,
    )


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Put the three readings of each factor together, as measured first."""
    factors = {name: place for place, name in enumerate(dict.fromkeys(table["factor"]))}
    readings = {name: place for place, name in enumerate(KEYS)}
    order = np.lexsort((table["reading"].map(readings), table["factor"].map(factors)))
    return table.iloc[order]


def _effects(figure_id: str, table: Table, least: float) -> Figure:
    values: dict[str, Value] = {"n": len(table.rows), "least": evidence.limit(least)}
    return Figure(
        id=figure_id,
        title=Message("development.figure.wedge"),
        alt=Message("development.figure.wedge.alt", values),
        table=table.id,
        form="intervals",
        channels={"y": "factor", "x": "effect_sd", "lower": "ci.lower", "upper": "ci.upper"},
        rule=least,
    )


def _series_figure(table: Table) -> Figure:
    numbers = [
        one
        for name in ("mean", "fitted", "without")
        for one in table.column(name)
        if isinstance(one, float)
    ]
    return Figure(
        id=table.id,
        title=Message("development.figure.series"),
        alt=Message("development.figure.series.alt", {"n": len(table.rows)}),
        table=table.id,
        form="lines",
        channels={"x": "wave_number", "ticks": "wave_name", "parts": "mean fitted without"},
        domain=(STEP * (min(numbers) // STEP), STEP * (max(numbers) // STEP + 1)),
    )


def _then_figure(table: Table) -> Figure:
    return Figure(
        id=table.id,
        title=Message("development.figure.then"),
        alt=Message("development.figure.then.alt", {"n": len(table.rows)}),
        table=table.id,
        form="intervals",
        channels={
            "y": "factor",
            "x": "reading_sd",
            "lower": "ci.lower",
            "upper": "ci.upper",
            "group": "reading",
        },
    )
