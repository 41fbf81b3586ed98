"""The tables and figures of change over waves."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

import measure
from analyses import evidence
from analyses.disclosing.groups import THRESHOLD
from analyses.evidence import column, columns
from analyses.modelling import methods
from analyses.over_time.developing import Development
from analyses.over_time.wave_steps import NEEDED, SUFFIXES
from analyses.section import Cell, Figure, Message, Phrase, Provenance, Table, Value
from instruments.schema import BackgroundColumn
from measure.occasions.observed_changes import MEAN

SCORE = "score."
CHANGE_LIMITS = ("ci.lower", "ci.upper", "raw_lower", "raw_upper")
ODDS = ("odds.ratio", "or.ci.lower", "or.ci.upper")
KINDS = {
    "reprioritisation": Message("development.kind.reprioritisation"),
    "recalibration": Message("development.kind.recalibration"),
    "nonuniform recalibration": Message("development.kind.nonuniform_recalibration"),
}
LADDER_SOURCE = "Wu & Estabrook 2016; Liu et al. 2017; Chen 2007"
CHANGE_SOURCE = Message("source.development")


def factor_label(waves: Development, name: object) -> Phrase:
    """Name a factor, or the mean of all."""
    if name == MEAN:
        return Message("development.mean")
    return evidence.text(waves.instrument.factor_label(str(name)))


def ladder_table(waves: Development, found: measure.Invariance) -> Table:
    """Give one row a step: fit, and what it gives up against the step before it."""
    suffix = SUFFIXES[found.variant]
    scaled = "chisq.scaled" in found.table.columns
    rows: list[tuple[Cell, ...]] = []
    for step, row in found.table.iterrows():
        holds = waves.steps.get(str(step))
        word = {True: "holds", False: "fails", None: "open"}[holds]
        rows.append(
            (
                Message(f"development.step.{step}"),
                evidence.number(row["chisq.scaled" if scaled else "chisq"]),
                evidence.number(row["df.scaled" if scaled else "df"]),
                evidence.number(row[f"cfi{suffix}"]),
                evidence.number(row[f"rmsea{suffix}"]),
                evidence.number(row["srmr"]),
                *(
                    evidence.number(row[name])
                    for name in ("chisq_diff", "df_diff", "pvalue_diff", "delta_cfi", "delta_rmsea")
                ),
                Message(f"development.step_{word}"),
            )
        )
    return Table(
        id="development_ladder",
        title=Message("development.table.ladder"),
        columns=(
            column("wave_step", "message"),
            column("chisq", "number", 1),
            column("df", "count", 0),
            *columns("number", 3, "wave_cfi", "wave_rmsea", "wave_srmr"),
            column("chisq_diff", "number", 1),
            column("df_diff", "count", 0),
            column("pvalue", "pvalue", 3),
            *columns("number", 3, "wave_cfi_change", "wave_rmsea_change"),
            column("wave_holds", "message"),
        ),
        rows=tuple(rows),
        provenance=_provenance(found.fits[found.steps[-1]], LADDER_SOURCE),
        notes=tuple(_ladder_notes(waves, found)),
    )


def _ladder_notes(waves: Development, found: measure.Invariance) -> Iterator[Message]:
    yield Message("development.note.ladder")
    yield Message(f"development.note.{found.variant}")
    if set(found.steps) <= set(NEEDED):
        yield Message("development.note.no_strict")
    if waves.effort is not None:
        yield Message("development.note.both", {"column": evidence.text(waves.effort.column.label)})


def shifts_table(waves: Development) -> Table | None:
    """Give the parameters that differ between waves; None where none does."""
    rows: list[tuple[Cell, ...]] = []
    n_obs, fit = 0, None
    for name, found in waves.shifts.items():
        if found.result is None or found.result.table.empty:
            continue
        fit, n_obs = found.result.fit, max(n_obs, found.result.fit.n_obs)
        for row in found.result.table.to_dict("records"):
            rows.append(
                (
                    factor_label(waves, name),
                    str(row["item"]),
                    KINDS[str(row["kind"])],
                    str(row["to"]),
                    *(
                        evidence.number(row[key])
                        for key in ("first", "later", "shift", "ci.lower", "ci.upper")
                    ),
                    evidence.number(row["pvalue.corrected"]),
                )
            )
    if fit is None:
        return None
    return Table(
        id="development_shifts",
        title=Message("development.table.shifts"),
        columns=(
            column("factor", "message"),
            column("item", "text"),
            column("shift_kind", "message"),
            column("wave_to", "text"),
            *columns("number", 2, "wave_first", "wave_later", "shift", "ci.lower", "ci.upper"),
            column("pvalue.holm", "pvalue", 3),
        ),
        rows=tuple(rows),
        provenance=_provenance(fit, "Oort 2005"),
        notes=(Message("development.note.shifts"),),
    )


def changes_table(waves: Development, changes: pd.DataFrame, fit: measure.Fit) -> Table:
    """Give the change of each factor, in each group where there are two, latent and raw."""
    rows: list[tuple[Cell, ...]] = []
    for row in changes.to_dict("records"):
        rows.append(
            (
                factor_label(waves, row["factor"]),
                _group(waves, row["group"]),
                _pair(row),
                int(row["n"]),
                *(
                    evidence.number(row[name])
                    for name in ("change", "ci.lower", "ci.upper", "raw", "raw.ci.lower")
                ),
                evidence.number(row["raw.ci.upper"]),
            )
        )
    return Table(
        id="development_changes",
        title=Message("development.table.changes"),
        columns=(
            *columns("message", 0, "factor", "group", "wave_pair"),
            column("respondents", "count", 0),
            *columns("number", 2, "latent_change", "ci.lower", "ci.upper"),
            *columns("number", 2, "raw_change", "raw_lower", "raw_upper"),
        ),
        rows=tuple(rows),
        provenance=_provenance(fit, CHANGE_SOURCE),
        notes=tuple(_change_notes(waves)),
        respondents="respondents",
        groups=("group",),
        dispersion=CHANGE_LIMITS,
    )


def differences_table(waves: Development, found: measure.ChangeDifference) -> Table:
    """Give how much more those who took part have changed, and the same from whole clusters."""
    clusters = found.clusters.set_index(["factor", "from", "to"]) if len(found.clusters) else None
    rows: list[tuple[Cell, ...]] = []
    for row in found.table.to_dict("records"):
        place = (row["factor"], row["from"], row["to"])
        chance = None
        if clusters is not None:
            chance = evidence.number(clusters.loc[place, "pvalue.permutation"])
        rows.append(
            (
                factor_label(waves, row["factor"]),
                _pair(row),
                int(row["n"]),
                *(evidence.number(row[name]) for name in ("d", "d.ci.lower", "d.ci.upper")),
                *(evidence.number(row[name]) for name in ("raw", "raw.ci.lower", "raw.ci.upper")),
                chance,
            )
        )
    notes = [Message("development.note.difference"), Message("development.note.parallel")]
    if clusters is not None:
        notes.append(Message("development.note.permutation"))
    return Table(
        id="development_differences",
        title=Message("development.table.differences", _effort_values(waves)),
        columns=(
            *columns("message", 0, "factor", "wave_pair"),
            column("respondents", "count", 0),
            *columns("number", 2, "change_difference", "ci.lower", "ci.upper"),
            *columns("number", 2, "raw_difference", "raw_lower", "raw_upper"),
            column("pvalue_permutation", "pvalue", 3),
        ),
        rows=tuple(rows),
        provenance=_provenance(found.fit, CHANGE_SOURCE),
        notes=tuple(notes),
        respondents="respondents",
        groups=(),
        dispersion=CHANGE_LIMITS,
    )


def leavers_table(waves: Development, found: measure.DropOut) -> Table:
    """Give stayers and leavers side by side."""
    rows: list[tuple[Cell, ...]] = []
    declared = {one.name: one for one in waves.instrument.columns}
    few = _few_stayed(found)
    for row in found.table.to_dict("records"):
        if row["variable"] in few:
            continue
        rows.append(
            (
                *_variable(waves, declared, row),
                _at(row, "left"),
                *(evidence.number(row[name]) for name in ("stayed", "left")),
                *(evidence.number(row[name]) for name in ("d", "d.ci.lower", "d.ci.upper")),
            )
        )
    return Table(
        id="development_leavers",
        title=Message("development.table.leavers"),
        columns=(
            *columns("message", 0, "leaver_variable", "leaver_level"),
            column("left_count", "count", 0),
            *columns("number", 2, "stayed", "left"),
            *columns("number", 2, "leaver_d", "ci.lower", "ci.upper"),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            Message("estimator.count"), found.n_stayed + found.n_left, "Austin 2009"
        ),
        notes=(
            Message("development.note.leavers"),
            *(
                Message("development.note.few_stayed", {"column": evidence.text(one.label)})
                for one in waves.instrument.columns
                if one.name in few
            ),
        ),
        respondents="left_count",
        groups=("leaver_level",),
    )


def _at(row: Mapping[Hashable, Any], who: str) -> int:
    """Give how many of a row's stayers or leavers there are: at a level, or all with a score."""
    n = int(row[f"n.{who}"])
    return n if row["level"] == "" else round(n * float(row[who]))


def _few_stayed(found: measure.DropOut) -> frozenset[str]:
    """Name what is left out: who stayed is no count of the table, and their share would tell it.

    Leavers are counted, so that disclosure control hides few of them.
    """
    return frozenset(
        str(row["variable"])
        for row in found.table.to_dict("records")
        if row["level"] != "" and 0 < _at(row, "stayed") < THRESHOLD
    )


def leaving_table(waves: Development, found: measure.DropOut) -> Table | None:
    """Give the logistic model of leaving; None where there is none."""
    if found.model.empty:
        return None
    declared = {one.name: one for one in waves.instrument.columns}
    rows: list[tuple[Cell, ...]] = []
    for row in found.model.to_dict("records"):
        name, _, level = str(row["term"]).partition(": ")
        rows.append(
            (
                *_variable(waves, declared, {"variable": name, "level": level}),
                *(evidence.number(row[key]) for key in ODDS),
                evidence.number(row["pvalue"]),
            )
        )
    return Table(
        id="development_leaving",
        title=Message("development.table.leaving"),
        columns=(
            *columns("message", 0, "leaver_variable", "leaver_level"),
            *columns("number", 2, "odds_ratio", "ci.lower", "ci.upper"),
            column("pvalue", "pvalue", 3),
        ),
        rows=tuple(rows),
        provenance=Provenance(Message("development.logistic"), found.n_model, "McCullagh 1980"),
        notes=(Message("development.note.leaving"),),
    )


def _variable(
    waves: Development, declared: dict[str, BackgroundColumn], row: Mapping[Hashable, Any]
) -> tuple[Phrase, Phrase]:
    name = str(row["variable"])
    if name.startswith(SCORE):
        return factor_label(waves, name.removeprefix(SCORE)), Message("development.score")
    own = declared[name]
    return evidence.text(own.label), evidence.group_label(row["level"], own)


def changes_figure(waves: Development, table: Table) -> Figure:
    """Draw the latent changes with their intervals, by group where there are two."""
    groups = {} if waves.effort is None else {"group": "group"}
    return Figure(
        id="development_changes",
        title=Message("development.figure.changes"),
        alt=Message("development.figure.changes.alt", {"n": len(table.rows)}),
        table=table.id,
        form="intervals",
        channels={
            "y": "factor",
            "x": "latent_change",
            "lower": "ci.lower",
            "upper": "ci.upper",
            **groups,
        },
    )


def differences_figure(waves: Development, table: Table) -> Figure:
    """Draw how much more those who took part have changed, beside the worthwhile difference."""
    least = waves.instrument.rules.change_worthwhile.value
    values = {**_effort_values(waves), "n": len(table.rows), "least": evidence.limit(least)}
    return Figure(
        id="development_differences",
        title=Message("development.figure.differences", values),
        alt=Message("development.figure.differences.alt", values),
        table=table.id,
        form="intervals",
        channels={
            "y": "factor",
            "x": "change_difference",
            "lower": "ci.lower",
            "upper": "ci.upper",
        },
        rule=least,
    )


def _pair(row: Mapping[Hashable, object]) -> Message:
    return Message("development.from_to", {"first": str(row["from"]), "later": str(row["to"])})


def _group(waves: Development, value: object) -> Phrase:
    if waves.effort is None:
        return Message("development.everybody")
    return evidence.group_label(value, waves.effort.column)


def _effort_values(waves: Development) -> dict[str, Value]:
    assert waves.effort is not None
    own = waves.effort
    return {
        "group": evidence.group_label(own.group, own.column),
        "against": evidence.group_label(own.against, own.column),
    }


def _change_notes(waves: Development) -> Iterator[Message]:
    yield Message("development.note.changes")
    yield Message("development.note.raw")
    if waves.linked is None:
        yield Message("development.note.samples")
    if len(waves.common.factors) > 1:
        yield Message("development.note.mean")


def _provenance(fit: measure.Fit, source: Phrase) -> Provenance:
    return Provenance(methods.estimated_by(fit), fit.n_obs, source)
