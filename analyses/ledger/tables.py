"""The tables and figures of the ledger: verdicts, estimates beside their bands, the check."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce

from analyses import evidence
from analyses.across_levels.referents import Referents, referent_model_of
from analyses.across_levels.standing import stand
from analyses.across_levels.two_levels import is_two_level
from analyses.evidence import column, columns
from analyses.ledger.entries import Entry, Part
from analyses.ledger.estimators import Ledger
from analyses.ledger.judgement import MEASURED, Judgement, interval, rule_of
from analyses.ledger.structural import Structural
from analyses.modelling import esem, model_tables
from analyses.modelling.fits import Fits
from analyses.section import Cell, Figure, Message, Provenance, Table, Value
from instruments.rules import Rules
from instruments.schema import Instrument

ON_ANOTHER_SCALE = ("difference", "equivalence", "gain", "moderation", "self_other")
"""Estimands in standard deviations; the others are correlations or differences of them."""

DIGITS = 2


def judgement_label(judgement: Judgement) -> Message:
    """Give the word for how a hypothesis stands."""
    return Message(f"hypotheses.judgement.{judgement}")


def ledger_table(entries: Sequence[Entry], models: Iterable[tuple[Cell, ...]]) -> Table:
    """Give one row a hypothesis, then one a freed, a structural or an awaited model.

    Parameters
    ----------
    models
        The rows of models.
    """
    rows = [_entry_row(entry) for entry in entries]
    return Table(
        id="ledger",
        title=Message("hypotheses.table.ledger"),
        columns=(
            column("hypothesis", "text"),
            column("statement", "message"),
            column("verdict", "message"),
            column("reason", "message"),
        ),
        rows=(*rows, *models),
        provenance=Provenance(Message("estimator.rule"), None, Message("source.hypotheses")),
        notes=(Message("hypotheses.note.combined"),),
    )


def _entry_row(entry: Entry) -> tuple[Cell, ...]:
    return (
        entry.hypothesis.id,
        evidence.text(entry.hypothesis.text),
        Message(f"hypotheses.judgement.{entry.standing}"),
        _reasons(entry),
    )


def _reasons(entry: Entry) -> Message:
    """Say what the verdict rests on, part by part, and why parts are missing."""
    numbers = Counter(part.judgement for part in entry.parts)
    said: list[Value] = []
    if entry.judgement not in ("awaits", "not_measured") and len(entry.parts) > 1:
        said += [
            Message(f"hypotheses.parts.{judgement}", {"n": n})
            for judgement, n in numbers.items()
            if judgement in MEASURED
        ]
    parts = (
        [Message("hypotheses.parts", {"n": len(entry.parts), "parts": tuple(said)})] if said else []
    )
    for part in entry.parts:
        if part.reason is not None and part.reason not in parts:
            parts.append(part.reason)
    return _sentences(parts)


def _sentences(parts: Sequence[Message]) -> Message:
    """Put sentences one after the other."""
    if not parts:
        return evidence.plain("")
    return reduce(
        lambda first, second: Message("hypotheses.sentences", {"first": first, "second": second}),
        parts,
    )


def freed_rows(instrument: Instrument, fits: Fits) -> Iterator[tuple[Cell, ...]]:
    """Give the rows of models that free the cross-loadings of the reference model."""
    found = {one.fitted.model.id: one for one in esem.freed(instrument, fits)}
    for fitted in esem.attempts(instrument, fits):
        model = fitted.model
        judgement: Judgement = "undecided"
        reason = model_tables.outcome(fitted)
        if model.id in found:
            judgement, reason = "shown", found[model.id].claim
        elif fitted.outcome == "not_asked":
            judgement = "not_measured"
        yield (model.id, evidence.text(model.meaning), judgement_label(judgement), reason)


def referent_rows(instrument: Instrument, across: Referents | None) -> Iterator[tuple[Cell, ...]]:
    """Give the row of the model of functions by levels, as the section on levels judges it."""
    model = referent_model_of(instrument)
    if model is None or model.awaits:
        return
    judgement: Judgement = "not_measured"
    reason = Message("hypotheses.reason.not_asked")
    if across is not None and across.model is not None and across.model.outcome != "not_asked":
        found = stand(across)
        judgement, reason = found.judgement, found.reason
    yield (model.id, evidence.text(model.meaning), judgement_label(judgement), reason)
    yield from _two_level_rows(instrument, across)


def _two_level_rows(instrument: Instrument, across: Referents | None) -> Iterator[tuple[Cell, ...]]:
    """Give the rows of the models of persons within organisations."""
    if across is not None:
        for one in across.two_levels:
            label = judgement_label(one.judgement)
            yield (one.model.id, evidence.text(one.model.meaning), label, one.reason)
        return
    reason = Message("hypotheses.reason.not_asked")
    for model in instrument.models:
        if is_two_level(model) and not model.awaits:
            label = judgement_label("not_measured")
            yield (model.id, evidence.text(model.meaning), label, reason)


def model_rows(
    instrument: Instrument, structural: Sequence[Structural]
) -> Iterator[tuple[Cell, ...]]:
    """Give the rows of models that await something, and of the structural models."""
    for model in instrument.awaited_models:
        yield (
            model.id,
            evidence.text(model.meaning),
            judgement_label("awaits"),
            evidence.plain(evidence.text(model.awaits)),
        )
    for found in structural:
        shown: Judgement = "shown" if found.fit is not None else "undecided"
        if found.lacking:
            shown = "not_measured"
        yield (
            found.model.id,
            evidence.text(found.model.meaning),
            judgement_label(shown),
            structural_reason(found),
        )


def structural_reason(found: Structural) -> Message:
    """Say what came of a structural model."""
    if found.lacking:
        return Message("outcome.not_asked", {"items": found.lacking})
    if found.error is not None:
        return Message("hypotheses.reason.refused", {"text": found.error})
    return Message("hypotheses.reason.structural")


def estimates_tables(ledger: Ledger, entries: Sequence[Entry]) -> Iterator[Table]:
    """Give the estimates beside their bands: correlations, and differences between groups."""
    for name in ("correlations", "differences"):
        parts = [
            (entry, part)
            for entry in entries
            for part in entry.parts
            if part.estimate is not None
            and (part.expectation.estimand in ON_ANOTHER_SCALE) == (name == "differences")
        ]
        if parts:
            yield _estimates_table(name, ledger, parts)


def _estimates_table(name: str, ledger: Ledger, parts: Sequence[tuple[Entry, Part]]) -> Table:
    rules = ledger.answers.instrument.rules
    number = "difference_sd" if name == "differences" else "correlation"
    split = name == "correlations"
    estimates = [part.estimate for _, part in parts if part.estimate is not None]
    # What no model estimated says so in its finding.
    first = next((one for one in estimates if one.fit is not None), estimates[0])
    return Table(
        id=f"ledger_{name}",
        title=Message(f"hypotheses.table.{name}", {"total": ledger.total.label}),
        columns=(
            column("expectation", "message"),
            *columns("number", DIGITS, "band.lower", "band.upper", "below"),
            *columns("number", DIGITS, number, "ci.lower", "ci.upper"),
            *((column("split", "number", DIGITS),) if split else ()),
            column("n", "count", 0),
            column("verdict", "message"),
        ),
        rows=tuple(_estimate_row(entry, part, rules, split=split) for entry, part in parts),
        provenance=Provenance(
            first.estimated,
            first.n_obs if first.fit is None else first.fit.n_obs,
            Message(f"source.hypotheses_{name}"),
        ),
        notes=(Message(f"hypotheses.note.{name}"),),
    )


def row_label(entry: Entry, part: Part) -> Message:
    """Name a row: the hypothesis, and what the number is of."""
    assert part.estimate is not None
    values: dict[str, Value] = {"id": entry.hypothesis.id, "what": part.estimate.label}
    return Message("hypotheses.row", values)


def _estimate_row(entry: Entry, part: Part, rules: Rules, *, split: bool) -> tuple[Cell, ...]:
    found, expectation = part.estimate, part.expectation
    assert found is not None
    level = rule_of(expectation, rules).value
    limits = interval(found.value, found.se, level)
    lower, upper = expectation.lower, expectation.upper
    if expectation.below is not None and lower is None and upper is None:
        lower, upper = -expectation.below, expectation.below
    banded = expectation.lower is not None or expectation.upper is not None
    other = None if part.split is None else part.split.table.loc["split", "estimate"]
    return (
        row_label(entry, part),
        lower,
        upper,
        expectation.below if banded else None,
        evidence.number(limits.estimate),
        evidence.number(limits.lower),
        evidence.number(limits.upper),
        *((evidence.number(other),) if split else ()),
        found.n_obs,
        judgement_label(part.judgement),
    )


def estimates_figure(table: Table) -> Figure:
    """Draw the estimates with their intervals before the bands that were expected."""
    name = table.id.removeprefix("ledger_")
    number = "difference_sd" if name == "differences" else "correlation"
    return Figure(
        id=table.id,
        title=Message(f"hypotheses.figure.{name}"),
        alt=Message(f"hypotheses.figure.{name}.alt"),
        table=table.id,
        form="intervals",
        channels={
            "y": "expectation",
            "x": number,
            "lower": "ci.lower",
            "upper": "ci.upper",
            "band_lower": "band.lower",
            "band_upper": "band.upper",
        },
        domain=(-1.0, 1.0) if name == "correlations" else None,
    )


def split_table(entries: Sequence[Entry]) -> Table | None:
    """Give the split-cluster correlations beside the same from the same members."""
    found = [
        (entry, part, part.split)
        for entry in entries
        for part in entry.parts
        if part.split is not None
    ]
    if not found:
        return None
    rows = []
    for entry, part, split in found:
        same, other = split.table.loc["same_source"], split.table.loc["split"]
        numbers = (evidence.number(other[name]) for name in ("estimate", "ci.lower", "ci.upper"))
        label = row_label(entry, part)
        row: tuple[Cell, ...] = (label, evidence.number(same["estimate"]), *numbers)
        rows.append((*row, split.n_clusters, split.n_obs))
    first = found[0][2]
    return Table(
        id="ledger_split",
        title=Message("hypotheses.table.split"),
        columns=(
            column("expectation", "message"),
            *columns("number", DIGITS, "same_source", "split", "ci.lower", "ci.upper"),
            *columns("count", 0, "n_clusters", "n"),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            Message("estimator.split", {"n": first.n_splits}), first.n_obs, "Ostroff et al. 2002"
        ),
        notes=(
            Message("hypotheses.note.split"),
            Message("hypotheses.note.split_seed", {"seed": str(first.seed)}),
        ),
    )
