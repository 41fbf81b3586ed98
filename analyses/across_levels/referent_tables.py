"""The tables and figures of functions by levels: what is shared, what is apart, and how far."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

import measure
from analyses import evidence
from analyses.across_levels.design import function_label, level_label
from analyses.across_levels.referents import Referents
from analyses.across_levels.standing import cell_label
from analyses.comparing.group_ladders import verdict_of
from analyses.evidence import column, columns
from analyses.modelling import methods
from analyses.section import Cell, Column, Figure, FigureForm, Message, Provenance, Table
from measure.comparability.multiplicity import corrected
from measure.levels.referent_contrasts import ALL

GAP_DIGITS = 2

SMALL = 0.3
"""Gaps up to here are drawn small, whatever the others are."""


def tables(across: Referents) -> Iterator[Table]:
    """Give all tables of functions by levels that have numbers."""
    made = (
        shares_table(across),
        contrasts_table(across),
        pairs_table(across),
        steps_table(across),
        standing_table(across),
        gaps_table(across),
    )
    yield from (table for table in made if table is not None)


def shares_table(across: Referents) -> Table | None:
    """Give how much of what is said about each level is said about the reference too."""
    own = across.shares
    if not own:
        return None
    rows: list[tuple[Cell, ...]] = []
    for row in pd.concat([one.sums for one in own]).to_dict("records"):
        level = str(row["specific"]).removesuffix(f"_{row['trait']}")
        share = evidence.number(row["consistency"])
        rows.append(
            (
                cell_label(across, row["trait"], level),
                share,
                evidence.number(row["ci.lower"]),
                evidence.number(row["ci.upper"]),
                None if share is None else 1 - share,
                evidence.number(row["correlation"]),
                int(row["n_items"]),
            )
        )
    notes = [Message("levels.referents.note.shares", {"level": _reference(across)})]
    if across.model is None or across.model.usable is None:
        notes.append(Message("levels.referents.note.by_function"))
    return Table(
        id="referent_shares",
        title=Message("levels.referents.table.shares", {"level": _reference(across)}),
        columns=(
            column("function_level", "message"),
            *columns("percent", 0, "consistency", "ci.lower", "ci.upper", "specificity"),
            column("correlation", "number", 2),
            column("n_items", "count", 0),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            methods.estimated_by(across.shared_by[0]),
            max(one.n_obs for one in own),
            "Eid et al. 2003",
        ),
        notes=tuple(notes),
    )


def contrasts_table(across: Referents) -> Table | None:
    """Give how functions go together across levels and within them."""
    found, fit = across.contrasts.result, across.matrix.result
    if found is None or fit is None:
        return None
    rows = [
        (
            Message("levels.referents.all")
            if row["trait"] == ALL
            else evidence.plain(function_label(across.instrument, row["trait"])),
            *(evidence.number(row[name]) for name in ("same_trait", "same_referent")),
            *(evidence.number(row[name]) for name in ("difference", "ci.lower", "ci.upper")),
            int(row["higher"]),
            int(row["comparisons"]),
        )
        for row in found.contrasts.to_dict("records")
    ]
    return Table(
        id="referent_contrasts",
        title=Message("levels.referents.table.contrasts"),
        columns=(
            column("function", "message"),
            *columns("number", 2, "same_function", "same_level"),
            *columns("number", 2, "difference", "ci.lower", "ci.upper"),
            *columns("count", 0, "higher", "comparisons"),
        ),
        rows=tuple(rows),
        provenance=_standardized(fit),
        notes=(Message("levels.referents.note.contrasts"),),
    )


def pairs_table(across: Referents) -> Table | None:
    """Give the correlation of every two functions of levels."""
    found, fit = across.contrasts.result, across.matrix.result
    if found is None or fit is None:
        return None
    rows = [
        (
            Message(f"levels.referents.kind.{str(row['kind']).replace(' ', '_')}"),
            cell_label(across, row["trait1"], row["referent1"]),
            cell_label(across, row["trait2"], row["referent2"]),
            *(evidence.number(row[name]) for name in ("correlation", "ci.lower", "ci.upper")),
        )
        for row in found.pairs.to_dict("records")
    ]
    return Table(
        id="referent_correlations",
        title=Message("levels.referents.table.correlations"),
        columns=(
            *columns("message", 0, "pair_kind", "first_function", "second_function"),
            *columns("number", 2, "correlation", "ci.lower", "ci.upper"),
        ),
        rows=tuple(rows),
        provenance=_standardized(fit),
    )


def _standardized(fit: measure.Fit) -> Provenance:
    return Provenance(
        methods.estimated_by(fit), fit.n_obs, Message("source.hypotheses_correlations")
    )


def steps_table(across: Referents) -> Table | None:
    """Give the steps of invariance over levels, and what was let differ."""
    climbed = [(name, one.result) for name, one in across.alike.items() if one.result is not None]
    if not climbed:
        return None
    fit = climbed[0][1].ladder.fits[climbed[0][1].ladder.steps[-1]]
    rows: list[tuple[Cell, ...]] = []
    for name, found in climbed:
        for step in found.steps:
            freed = found.released if step is found.steps[-1] else ()
            changes = ("chisq_diff", "pvalue_diff", "delta_cfi", "delta_rmsea")
            rows.append(
                (
                    function_label(across.instrument, name),
                    Message(f"invariance.step.{step.name}"),
                    *(evidence.number(step.row[key]) for key in changes),
                    verdict_of(step),
                    ", ".join(dict.fromkeys(_item(one) for one in freed)),
                )
            )
    return Table(
        id="referent_steps",
        title=Message("levels.referents.table.steps"),
        columns=(
            *columns("message", 0, "function", "invariance_step"),
            column("chisq_diff", "number", 1),
            column("pvalue", "pvalue", 3),
            *columns("number", 3, "cfi_change", "rmsea_change"),
            column("verdict", "message"),
            column("released_items", "text"),
        ),
        rows=tuple(rows),
        provenance=Provenance(methods.estimated_by(fit), fit.n_obs, "Liu et al. 2017; Chen 2007"),
        notes=(Message("levels.referents.note.steps"), *_left_out(across)),
    )


def _item(parameter: str) -> str:
    """Give the item of a parameter, which is written "f =~ item" or "item ~1"."""
    left, _, right = parameter.partition("=~")
    return right.strip() or left.split()[0]


def standing_table(across: Referents) -> Table | None:
    """Give where each function stands at each level, in standard deviations of the reference."""
    gaps = {name: one.result for name, one in across.gaps.items() if one.result is not None}
    if not gaps:
        return None
    reference, fit = across.design.reference, next(iter(gaps.values())).fit
    others = [level for level in across.design.levels if level != reference]
    rows: list[tuple[Cell, ...]] = []
    for name, found in gaps.items():
        own = found.table[found.table["from"] == reference].set_index("to")
        numbers: list[Cell] = [0.0]
        limits: list[Cell] = []
        for level in others:
            there = level in own.index
            numbers.append(evidence.number(own.loc[level, "d"]) if there else None)
            limits += [
                evidence.number(own.loc[level, f"d.ci.{end}"]) if there else None
                for end in ("lower", "upper")
            ]
        rows.append((function_label(across.instrument, name), *numbers, *limits))
    heads = [Column(level, _head(across, level), "number", 2) for level in (reference, *others)]
    ends = [
        Column(
            f"{level}.{end}",
            Message(f"levels.referents.{end}", {"level": level_label(across.instrument, level)}),
            "number",
            2,
        )
        for level in others
        for end in ("lower", "upper")
    ]
    return Table(
        id="referent_standing",
        title=Message("levels.referents.table.standing", {"level": _reference(across)}),
        columns=(column("function", "message"), *heads, *ends),
        rows=tuple(rows),
        provenance=Provenance(
            methods.estimated_by(fit), fit.n_obs, Message("source.referent_gaps")
        ),
        notes=(
            Message("levels.referents.note.standing", {"level": _reference(across)}),
            *_left_out(across),
        ),
    )


def gaps_table(across: Referents) -> Table | None:
    """Give how far apart every two levels stand, each function by itself."""
    found = {name: one.result for name, one in across.gaps.items() if one.result is not None}
    if not found:
        return None
    together = pd.concat([one.table.assign(function=name) for name, one in found.items()])
    together["holm"] = corrected(together["pvalue"].to_numpy(dtype=float), "holm")
    fit = next(iter(found.values())).fit
    return Table(
        id="referent_gaps",
        title=Message("levels.referents.table.gaps"),
        columns=(
            *columns("message", 0, "function", "gap"),
            *columns("number", GAP_DIGITS, "difference_sd", "ci.lower", "ci.upper"),
            column("pvalue.holm", "pvalue"),
            *columns("number", GAP_DIGITS, "points", "points.lower", "points.upper"),
            column("n", "count", 0),
        ),
        rows=tuple(_gap_row(across, row) for row in together.to_dict("records")),
        provenance=Provenance(
            methods.estimated_by(fit), fit.n_obs, Message("source.referent_gaps")
        ),
        notes=(Message("levels.referents.note.gaps", {"n": len(together)}), *_left_out(across)),
    )


def _gap_row(across: Referents, row: dict[Any, Any]) -> tuple[Cell, ...]:
    ends = (level_label(across.instrument, str(row[name])) for name in ("from", "to"))
    names = ("d", "d.ci.lower", "d.ci.upper", "holm", "raw", "raw.ci.lower", "raw.ci.upper")
    return (
        function_label(across.instrument, str(row["function"])),
        Message("levels.referents.gap", dict(zip(("first", "second"), ends, strict=True))),
        *(evidence.number(row[name]) for name in names),
        int(row["n"]),
    )


def _left_out(across: Referents) -> Iterator[Message]:
    """Say which functions are not compared, and why."""
    unlike = tuple(
        function_label(across.instrument, name)
        for name, one in across.alike.items()
        if one.result is None or not one.result.holds
    )
    if unlike:
        yield Message("levels.referents.note.unlike", {"functions": unlike})
    few = tuple(
        function_label(across.instrument, name)
        for name in across.design.cells
        if name not in across.design.shifted
    )
    if few:
        yield Message("levels.referents.note.few_items", {"functions": few})


def _reference(across: Referents) -> Message:
    return _head(across, across.design.reference)


def _head(across: Referents, level: str) -> Message:
    return evidence.plain(level_label(across.instrument, level))


def figures(found: list[Table], across: Referents) -> Iterator[Figure]:
    """Draw what is shared, the contrasts, and where functions stand at each level."""
    have = {table.id: table for table in found}
    if "referent_shares" in have:
        parts = "consistency specificity"
        stacked = {"y": "function_level", "parts": parts, "axis": "face.figure.shared"}
        yield _figure("shares", "referent_shares", "stacked", stacked, domain=(0.0, 1.0))
    if "referent_contrasts" in have:
        channels = {"y": "function", "x": "difference", "lower": "ci.lower", "upper": "ci.upper"}
        reach = evidence.around_zero(have["referent_contrasts"], "ci.lower", "ci.upper")
        yield _figure("contrasts", "referent_contrasts", "intervals", channels, domain=reach)
    if "referent_standing" in have:
        rows = {"y": "function", "parts": " ".join(across.design.levels)}
        low, high = evidence.around_zero(have["referent_standing"], *across.design.levels)
        ends = (min(low, -SMALL), max(high, SMALL))
        yield _figure("standing", "referent_standing", "heat", rows, domain=ends)
        yield _figure("gaps", "referent_standing", "dumbbell", rows, domain=ends)


def _figure(
    name: str,
    table: str,
    form: FigureForm,
    channels: dict[str, str],
    *,
    domain: tuple[float, float],
) -> Figure:
    return Figure(
        id=f"referent_{name}",
        title=Message(f"levels.referents.figure.{name}"),
        alt=Message(f"levels.referents.figure.{name}.alt"),
        table=table,
        form=form,
        channels=channels,
        domain=domain,
    )
