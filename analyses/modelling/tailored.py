"""Limits for the fit of the reference model that are simulated for this very model and survey.

The instrument's limits are fixed, and were found for models of other sizes with other loadings
(Hu & Bentler 1999). Dynamic cut-offs (McNeish & Wolf 2023) say which values of the indices tell a
model like this from one that leaves something out. They stand beside the fixed rules and replace
none: what they call a misfit is a choice as well.
"""

import os
from collections.abc import Iterator

import measure
from analyses import evidence
from analyses.evidence import column
from analyses.modelling import model_tables
from analyses.modelling.fits import Fitted
from analyses.section import (
    Cell,
    Finding,
    Message,
    Provenance,
    Quantity,
    Rule,
    Section,
    Table,
    Value,
    Verdict,
)
from instruments.schema import Instrument
from measure.errors import MeasureError
from measure.replication.workers import Workers

SOURCE = "McNeish & Wolf 2023"

SHARES = {
    "95/5": "cutoffs.shares.95",
    "90/10": "cutoffs.shares.90",
    "none": "cutoffs.shares.none",
}
"""How many of the wrong and of the right a limit tells apart, by the rule that gave it."""

Tailored = measure.Cutoffs | str
"""The cut-offs, or why there are none."""


def simulate(
    reference: Fitted,
    seed: int,
    *,
    workers: Workers = 1,
    checkpoint: str | os.PathLike[str] | None = None,
    repeats: int | None = None,
) -> Tailored:
    """Simulate cut-offs for the reference model as it was fitted.

    Parameters
    ----------
    workers, checkpoint
        As for `measure.repeat`: who does it, and where it is kept.
    """
    if reference.usable is None:
        return reference.error or ""
    execution = measure.Execution(workers, checkpoint=checkpoint)
    try:
        return measure.dynamic_cutoffs(
            reference.usable, repeats=repeats, seed=seed, execution=execution
        )
    except MeasureError as error:
        return str(error)


def added(
    section: Section, instrument: Instrument, reference: Fitted, tailored: Tailored
) -> Section:
    """Add the finding and the table to the section on the structure, behind the fixed rules'."""
    own = finding(reference, tailored)
    first, *others = section.findings
    tables = section.tables
    if not isinstance(tailored, str):
        tables = (*tables, table(instrument, reference, tailored))
    return Section(
        section.id,
        section.answer,
        (first, own, *others),
        tables,
        section.figures,
        section.notes,
    )


def judge(tailored: measure.Cutoffs) -> Verdict:
    """Judge the fit by its worst index: how much misfit it tells of, among what was simulated."""
    cut = tailored.table[tailored.table["rule"] != "none"]
    found: list[Verdict] = []
    for _, own in cut.groupby("measure"):
        beyond = own["beyond"].astype(bool)
        if not beyond.any():
            found.append("good")
        else:
            found.append("poor" if beyond.iloc[-1] else "acceptable")
    if not found:
        return "undecided"
    return next(verdict for verdict in ("poor", "acceptable", "good") if verdict in found)


def finding(reference: Fitted, tailored: Tailored) -> Finding:
    """Say how much misfit the indices tell of, or why that cannot be said."""
    model = model_tables.model_label(reference)
    rule = Rule(Message("cutoffs.rule"), SOURCE)
    if isinstance(tailored, str):
        notes = (Message("note.technical", {"text": tailored}),) if tailored else ()
        claim = Message("cutoffs.claim.failed", {"model": model})
        return Finding("dynamic_fit", claim, "undecided", rule, notes=notes)
    verdict = judge(tailored)
    n = tailored.n_obs
    return Finding(
        id="dynamic_fit",
        claim=Message(f"cutoffs.claim.{verdict}", {"model": model}),
        verdict=verdict,
        rule=rule,
        evidence=tuple(_limits(reference, tailored)),
        notes=(
            Message("cutoffs.note.meaning"),
            Message("cutoffs.note.studies", {"studies": tailored.repeats, "n": n}),
            *((Message("cutoffs.note.some"),) if _some_lack(tailored) else ()),
        ),
    )


def _some_lack(tailored: measure.Cutoffs) -> bool:
    rules = set(tailored.table["rule"])
    return "none" in rules and len(rules) > 1


def _limits(reference: Fitted, tailored: measure.Cutoffs) -> Iterator[Quantity]:
    """Give the cut-offs of the smallest misfit."""
    for row in tailored.table.to_dict("records"):
        if row["level"] != 1:
            continue
        yield Quantity(
            "statistic.dynamic_cutoff",
            evidence.number(row["cutoff"]),
            model_tables.provenance(reference, SOURCE),
            digits=3,
            lower=evidence.number(row["ci.lower"]),
            upper=evidence.number(row["ci.upper"]),
            level=evidence.CONFIDENCE,
            of=_named(row["measure"]),
        )


def _named(name: object) -> Message:
    return Message(f"statistic.{name}")


def table(instrument: Instrument, reference: Fitted, tailored: measure.Cutoffs) -> Table:
    """Give one row for each misfit and index."""
    rows: list[tuple[Cell, ...]] = [
        (
            int(row["level"]),
            _omitted(instrument, tailored, int(row["level"])),
            _named(row["measure"]),
            evidence.number(row["observed"]),
            evidence.number(row["cutoff"]),
            evidence.number(row["ci.lower"]),
            evidence.number(row["ci.upper"]),
            Message(SHARES[str(row["rule"])]),
            evidence.number(row["sensitivity"]),
            _beyond(row["rule"], bool(row["beyond"])),
        )
        for row in tailored.table.to_dict("records")
    ]
    return Table(
        id="dynamic_cutoffs",
        title=Message("cutoffs.table", {"model": model_tables.model_label(reference)}),
        columns=(
            column("misfit_level", "count", 0),
            column("omitted_parts", "message"),
            column("index_name", "message"),
            column("found_value", "number", 3),
            column("dynamic_cutoff", "number", 3),
            column("cutoff.lower", "number", 3),
            column("cutoff.upper", "number", 3),
            column("cutoff_shares", "message"),
            column("cutoff_sensitivity", "percent", 0),
            column("cutoff_beyond", "message"),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            model_tables.provenance(reference, SOURCE).estimator,
            tailored.n_obs,
            Message("source.simulated", {"n": tailored.repeats, "seed": str(tailored.seed)}),
        ),
        notes=(Message("cutoffs.note.table"), Message("cutoffs.note.sensitivity")),
    )


def _beyond(rule: object, beyond: bool) -> Message:
    if rule == "none":
        return Message("cutoffs.untold")
    return Message("check.yes" if beyond else "check.no")


def _omitted(instrument: Instrument, tailored: measure.Cutoffs, level: int) -> Message:
    """Say what the simulated populations have and the model has not."""
    parts: list[Value] = []
    for row in tailored.omitted.query("level == @level").to_dict("records"):
        size = evidence.limit(float(row["size"]))
        if row["op"] == "=~":
            factor = model_tables.factor_label(instrument, str(row["lhs"]))
            values: dict[str, Value] = {"item": str(row["rhs"]), "factor": factor, "size": size}
            parts.append(Message("cutoffs.omitted.loading", values))
        else:
            pair: dict[str, Value] = {
                "first": str(row["lhs"]),
                "second": str(row["rhs"]),
                "size": size,
            }
            parts.append(Message("cutoffs.omitted.residual", pair))
    return Message("cutoffs.omitted.all", {"parts": tuple(parts)})
