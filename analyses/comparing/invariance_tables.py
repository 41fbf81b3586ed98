"""The tables and figures of invariance: licences, steps, and differences of latent means."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

import measure
from analyses import evidence
from analyses.comparing.group_ladders import TOTAL, Climb, verdict_of
from analyses.comparing.licences import Licence
from analyses.comparing.mean_bias import band_of
from analyses.evidence import column, columns
from analyses.modelling import methods
from analyses.section import Cell, Figure, Message, Phrase, Provenance, Table, Value
from instruments.rules import Rules
from instruments.schema import BackgroundColumn, Instrument

DIGITS = 2
BEYOND_BAND = 1.2
"""How far a figure reaches beyond what it shows, so that a band has room around it."""
VARIANTS = {"robust": ".robust", "scaled": ".scaled", "plain": ""}


def licences_table(licences: Iterable[Licence], n_obs: int) -> Table:
    """Give one row a column: which groups take part, and what they may be compared for."""
    rows: list[tuple[Cell, ...]] = []
    for one in licences:
        climbed = one.climb
        values = () if climbed is None else climbed.chosen.values
        left_out = () if climbed is None else climbed.chosen.left_out
        rows.append(
            (
                evidence.text(one.column.label),
                listed(values, one.column),
                listed(left_out, one.column),
                Message(f"licence.level.{one.level}"),
                one.reason,
            )
        )
    return Table(
        id="licences",
        title=Message("invariance.table.licences"),
        columns=columns(
            "message", 0, "background", "groups_compared", "left_out", "licence", "licence_reason"
        ),
        rows=tuple(rows),
        provenance=Provenance(Message("estimator.rule"), n_obs, Message("source.background")),
    )


def listed(values: tuple[str, ...], declared: BackgroundColumn) -> Message:
    """Name groups, or say that there are none."""
    if not values:
        return Message("functioning.none")
    names = tuple(evidence.group_label(value, declared) for value in values)
    return Message("functioning.values", {"values": names})


def steps_table(climbs: list[Climb]) -> Table:
    """Give one row a column and step: fit, change, test, and the size of what cannot be ruled out.

    Parameters
    ----------
    climbs
        Those that have steps; all are fitted alike.
    """
    fit = climbs[0].fit
    assert fit is not None
    rows = [row for climbed in climbs for row in _step_rows(climbed)]
    suffixes = {VARIANTS[one.found.variant] for one in climbs if one.found is not None}
    return Table(
        id="invariance_steps",
        title=Message("invariance.table.steps"),
        columns=(
            *columns("message", 0, "background", "invariance_step"),
            column("chisq", "number", 1),
            column("df", "count", 0),
            *columns("number", 3, "cfi", "rmsea", "srmr"),
            column("chisq_diff", "number", 1),
            column("df_diff", "count", 0),
            column("pvalue", "pvalue", 3),
            *columns("number", 3, "cfi_change", "rmsea_change", "t_size"),
            column("verdict", "message"),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            methods.estimated_by(fit),
            max(int(one.found.groups.sum()) for one in climbs if one.found is not None),
            "Wu & Estabrook 2016; Chen 2007; Yuan & Chan 2016",
        ),
        notes=(
            Message("invariance.note.steps"),
            Message(
                "invariance.note.variant_scaled"
                if suffixes == {".scaled"}
                else "invariance.note.variant"
            ),
            Message("invariance.note.t_size"),
        ),
    )


def _step_rows(climbed: Climb) -> Iterator[tuple[Cell, ...]]:
    found = climbed.found
    assert found is not None
    suffix = VARIANTS[found.variant]
    tests = measure.fit_equivalence(
        found.table["chisq_diff"],
        found.table["df_diff"].fillna(0),
        n_obs=int(found.groups.sum()),
        n_groups=len(found.groups),
    )
    for step in climbed.steps:
        row = step.row
        scaled = "chisq.scaled" in row.index
        yield (
            evidence.text(climbed.declared.label),
            Message(f"invariance.step.{step.name}"),
            evidence.number(row["chisq.scaled" if scaled else "chisq"]),
            evidence.number(row["df.scaled" if scaled else "df"]),
            evidence.number(row[f"cfi{suffix}"]),
            evidence.number(row[f"rmsea{suffix}"]),
            evidence.number(row["srmr"]),
            *(evidence.number(row[name]) for name in ("chisq_diff", "df_diff", "pvalue_diff")),
            *(evidence.number(row[name]) for name in ("delta_cfi", "delta_rmsea")),
            evidence.number(tests.loc[step.name, "t.size"]),
            verdict_of(step),
        )


def releases_table(licences: Sequence[Licence]) -> Iterator[Table]:
    """Give one row a parameter that differs in a group, of all columns."""
    rows: list[tuple[Cell, ...]] = []
    for one in licences:
        climbed = one.climb
        if climbed is None or climbed.releases.empty:
            continue
        for row in climbed.releases.to_dict("records"):
            loading = row["op"] == "=~"
            rows.append(
                (
                    evidence.text(one.column.label),
                    str(row["rhs"] if loading else row["lhs"]),
                    _parameter(row),
                    evidence.group_label(row["group"], one.column),
                    evidence.number(row["difference"]),
                    evidence.number(row["pvalue.corrected"]),
                )
            )
    if not rows:
        return
    fits = [
        one.climb.fit for one in licences if one.climb is not None and one.climb.fit is not None
    ]
    yield Table(
        id="invariance_released",
        title=Message("invariance.table.released"),
        columns=(
            column("background", "message"),
            column("item", "text"),
            *columns("message", 0, "released_parameter", "released_group"),
            column("released_difference", "number", DIGITS),
            column("pvalue.holm", "pvalue", 3),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            methods.estimated_by(fits[0]), max(fit.n_obs for fit in fits), "Satorra 1989; Holm 1979"
        ),
        notes=(Message("invariance.note.released"),),
    )


def _parameter(row: Mapping[Hashable, Any]) -> Message:
    """Say which kind of parameter a released one is."""
    if row["op"] == "|":
        return Message("invariance.parameter.threshold", {"n": int(str(row["rhs"])[1:])})
    return Message(f"invariance.parameter.{'loading' if row['op'] == '=~' else 'intercept'}")


def means_tables(instrument: Instrument, licence: Licence) -> Iterator[Table]:
    """Give the differences of latent means of one column: of the whole, then of each factor."""
    climbed = licence.climb
    if not licence.allows or climbed is None or climbed.means is None:
        return
    found = climbed.means.table
    factors = list(dict.fromkeys(found["factor"]))
    whole = TOTAL if TOTAL in factors else factors[0] if len(factors) == 1 else None
    if whole is not None:
        yield _differences(instrument, licence, found[found["factor"] == whole], each=False)
    if len(factors) > 1:
        yield _differences(instrument, licence, found[found["factor"] != TOTAL], each=True)


def _differences(
    instrument: Instrument, licence: Licence, found: pd.DataFrame, *, each: bool
) -> Table:
    declared, rules = licence.column, instrument.rules
    assert licence.climb is not None
    assert licence.climb.means is not None
    assert licence.climb.fit is not None
    band = band_of(instrument, declared)
    judged = alike(found, band, rules)
    rows = []
    for (_, row), (_, test) in zip(found.iterrows(), judged.iterrows(), strict=True):
        label: tuple[Cell, ...] = (factor_label(instrument, str(row["factor"])),) if each else ()
        rows.append((*label, *_difference_row(row, test, band, declared)))
    values: dict[str, Value] = {
        "column": evidence.text(declared.label),
        "scale": factor_label(instrument, str(found["factor"].iloc[0])),
    }
    name = "each" if each else "whole"
    return Table(
        id=f"latent_means_{declared.name}{'_scales' if each else ''}",
        title=Message(f"invariance.table.means_{name}", values),
        columns=(
            *((column("scale", "message"),) if each else ()),
            column("groups_pair", "message"),
            *columns("number", DIGITS, "band.lower", "band.upper", "difference_sd"),
            *columns("number", DIGITS, "equivalence.lower", "equivalence.upper"),
            *columns("number", DIGITS, "ci.lower", "ci.upper"),
            column("equivalence.pvalue", "pvalue", 3),
            column("verdict", "message"),
            column("n", "count", 0),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            methods.estimated_by(licence.climb.fit),
            licence.climb.fit.n_obs,
            "Hancock 2001; Schuirmann 1987",
        ),
        notes=(
            Message("invariance.note.means"),
            *((Message("invariance.note.total", values),) if not each and len(found) else ()),
            *((licence.reason,) if licence.level == "partial" else ()),
        ),
    )


def alike(found: pd.DataFrame, band: tuple[float, float], rules: Rules) -> pd.DataFrame:
    """Test by two one-sided tests whether differences of latent means lie inside a band."""
    level = (1 - rules.equivalence_level.value) / 2
    return measure.equivalence(found["d"], found["d.se"], band=band, level=level)


def _difference_row(
    row: "pd.Series[Any]",
    test: "pd.Series[Any]",
    band: tuple[float, float],
    declared: BackgroundColumn,
) -> tuple[Cell, ...]:
    limits = ("ci.lower.equivalence", "ci.upper.equivalence", "ci.lower", "ci.upper", "pvalue")
    return (
        pair_label(row, declared),
        *band,
        evidence.number(row["d"]),
        *(evidence.number(test[name]) for name in limits),
        Message(f"invariance.alike.{test['verdict']}"),
        int(row["n"] + row["n.reference"]),
    )


def pair_label(row: "pd.Series[Any]", declared: BackgroundColumn) -> Message:
    """Name a pair of groups."""
    first, second = (evidence.group_label(row[name], declared) for name in ("group", "reference"))
    return Message("invariance.pair", {"first": first, "second": second})


def factor_label(instrument: Instrument, name: str) -> Phrase:
    """Name a factor, or the sum of all."""
    if name == TOTAL and instrument.total is not None:
        return evidence.text(instrument.factor_label(instrument.total.factor))
    return evidence.text(instrument.factor_label(name))


def means_figure(instrument: Instrument, licence: Licence, table: Table) -> Figure:
    """Draw the differences of one column before the band of what does not matter."""
    ends = ("band.lower", "band.upper", "equivalence.lower", "equivalence.upper")
    shown = [abs(one) for name in ends for one in table.column(name) if isinstance(one, float)]
    reach = BEYOND_BAND * max(shown)
    values: dict[str, Value] = {"column": evidence.text(licence.column.label)}
    return Figure(
        id=table.id,
        title=Message("invariance.figure.means", values),
        alt=Message("invariance.figure.means.alt", {**values, "n": len(table.rows)}),
        table=table.id,
        form="intervals",
        channels={
            "y": "groups_pair",
            "x": "difference_sd",
            "lower": "equivalence.lower",
            "upper": "equivalence.upper",
            "band_lower": "band.lower",
            "band_upper": "band.upper",
        },
        domain=(-reach, reach),
    )
