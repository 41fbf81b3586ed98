"""Whether robust maximum likelihood comes to the verdicts of the ordinal model.

Answers in categories are fitted as ordered categories, and the verdicts rest on that. The check
fits the same models with the codes taken as numbers. It rests on other assumptions, so a verdict
that both give is worth more than one that hangs on the method; where they differ, the report says
which verdicts, by the rules of the instrument.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import measure
from analyses import evidence, verdicts
from analyses.evidence import column
from analyses.modelling import indices, methods, model_tables, rivals
from analyses.modelling.fits import Fits, Fitted, checks
from analyses.modelling.indices import Kind
from analyses.modelling.rivals import Comparison
from analyses.section import Cell, Finding, Message, Provenance, Quantity, Rule, Table, Value
from analyses.verdicts import FIT_INDICES
from instruments.rules import Rules
from instruments.schema import Instrument

Loadings = Mapping[tuple[str, str], float | None]
"""Standardised loadings by factor and item."""


@dataclass(frozen=True)
class Judged:
    """One quantity by one of the two computations: its number, where it has one, and verdict."""

    value: float | None
    verdict: Message | None


@dataclass(frozen=True)
class Line:
    """One quantity by both computations."""

    name: Message
    ordinal: Judged
    check: Judged

    @property
    def agrees(self) -> bool:
        """Whether both come to the same verdict."""
        return self.ordinal.verdict == self.check.verdict

    @property
    def difference(self) -> float | None:
        """The check's number less the ordinal one."""
        if self.ordinal.value is None or self.check.value is None:
            return None
        return self.check.value - self.ordinal.value


@dataclass(frozen=True)
class Agreement:
    """All lines of one section, and those of them that a rule judges."""

    lines: tuple[Line, ...]

    @property
    def judged(self) -> tuple[Line, ...]:
        """The lines with a verdict."""
        return tuple(
            line for line in self.lines if line.ordinal.verdict is not None or not line.agrees
        )

    @property
    def differing(self) -> tuple[Line, ...]:
        """The lines in which the verdict hangs on the method."""
        return tuple(line for line in self.judged if not line.agrees)


def structure_agreement(
    instrument: Instrument, fits: Fits, comparisons: tuple[Comparison, ...]
) -> Agreement | None:
    """Set both computations of the structure side by side; None where one of them is missing.

    Parameters
    ----------
    comparisons
        The models beside the reference model, as `rivals.compare` gives them.
    """
    reference = fits[instrument.reference_model.id]
    check = reference.check
    if check is None or reference.usable is None or check.usable is None:
        return None
    own, other = reference.usable, check.usable
    return Agreement(
        (
            *_fit_lines(own, other, instrument.rules),
            *_correlation_lines(instrument, fits),
            *_loading_lines(instrument, own, other),
            *_rival_lines(comparisons, rivals.compare(instrument, checks(fits))),
        )
    )


def _fit_lines(own: measure.Fit, other: measure.Fit, rules: Rules) -> Iterator[Line]:
    kinds = indices.kind_of(own), indices.kind_of(other)
    numbers = [indices.measures(fit, kind) for fit, kind in zip((own, other), kinds, strict=True)]
    judged = [verdicts.judge_global_fit(found, rules) for found in numbers]
    for name in FIT_INDICES:
        sides = (
            Judged(evidence.number(found[name]), Message(f"index.{verdict[name]}"))
            for found, verdict in zip(numbers, judged, strict=True)
        )
        yield Line(_index_name(name, kinds), *sides)
    overall = (Judged(None, Message(f"index.{verdict['all']}")) for verdict in judged)
    yield Line(Message("check.line.fit"), *overall)


def _index_name(name: str, kinds: tuple[Kind, Kind]) -> Message:
    """Name an index by its kind, where both sides are of one kind."""
    kind: Kind = kinds[0] if kinds[0] == kinds[1] else "plain"
    return Message(f"statistic.{indices.NAMES[kind][name]}")


def _correlation_lines(instrument: Instrument, fits: Fits) -> Iterator[Line]:
    found = {
        (pair.first, pair.second): pair
        for pair in rivals.factor_correlations(instrument, checks(fits))
    }
    for pair in rivals.factor_correlations(instrument, fits):
        twin = found[pair.first, pair.second]
        label = {
            "first": model_tables.factor_label(instrument, pair.first),
            "second": model_tables.factor_label(instrument, pair.second),
        }
        sides = (
            Judged(evidence.number(one.estimate), Message(f"check.distinct.{one.distinctness}"))
            for one in (pair, twin)
        )
        yield Line(Message("check.line.correlation", label), *sides)


def loadings(fit: measure.Fit) -> Loadings:
    """Give the standardised loadings of a fit."""
    solution = measure.standardized(fit)
    rows = solution[solution["op"] == "=~"]
    return {
        (str(row["lhs"]), str(row["rhs"])): evidence.number(row["est.std"])
        for _, row in rows.iterrows()
    }


def _loading_lines(instrument: Instrument, own: measure.Fit, other: measure.Fit) -> Iterator[Line]:
    """Give the loading that differs most, and those that are judged otherwise."""
    lines = []
    twins = loadings(other)
    for place, loading in loadings(own).items():
        factor, item = place
        label: dict[str, Value] = {
            "factor": model_tables.factor_label(instrument, factor),
            "item": item,
        }
        sides = [
            Judged(value, Message(f"items.verdict.{_loading_verdict(value, instrument.rules)}"))
            for value in (loading, twins[place])
        ]
        lines.append(Line(Message("check.line.loading", label), *sides))
    largest = max(lines, key=lambda line: abs(line.difference or 0.0))
    for line in lines:
        if line is largest:
            largest_name = Message("check.line.largest_loading", line.name.values)
            yield Line(largest_name, line.ordinal, line.check)
        elif not line.agrees:
            yield line


def _loading_verdict(loading: float | None, rules: Rules) -> str:
    """Judge a loading by its rules alone."""
    return verdicts.judge_item(verdicts.ItemNumbers(loading), rules)


def _rival_lines(
    comparisons: tuple[Comparison, ...], twins: tuple[Comparison, ...]
) -> Iterator[Line]:
    found = {entry.fitted.model.id: entry for entry in twins}
    for entry in comparisons:
        if entry.standing == "reference":
            continue
        twin = found[entry.fitted.model.id]
        sides = (
            Judged(
                evidence.number(one.delta_cfi) if not one.merged else None,
                Message(f"standing.{one.standing}"),
            )
            for one in (entry, twin)
        )
        label = {"model": entry.fitted.model.id}
        key = "merged" if entry.merged else "rival"
        yield Line(Message(f"check.line.{key}", label), *sides)


def table(agreement: Agreement, reference: Fitted) -> Table:
    """Lay both computations side by side."""
    rows: list[tuple[Cell, ...]] = [
        (
            line.name,
            line.ordinal.value,
            line.ordinal.verdict,
            line.check.value,
            line.check.verdict,
            line.difference,
            Message("check.yes" if line.agrees else "check.no"),
        )
        for line in agreement.lines
    ]
    return Table(
        id="check",
        title=Message("check.table", {"model": model_tables.model_label(reference)}),
        columns=(
            column("quantity", "message"),
            column("by_ordinal", "number", 3),
            column("by_ordinal.verdict", "message"),
            column("by_check", "number", 3),
            column("by_check.verdict", "message"),
            column("difference", "number", 3),
            column("same_verdict", "message"),
        ),
        rows=tuple(rows),
        provenance=_provenance(reference),
        notes=(Message("check.note.table"), Message("check.note.difference")),
    )


def _provenance(reference: Fitted) -> Provenance:
    fit = reference.usable
    assert reference.check is not None
    both = {
        "ordinal": methods.estimated(reference),
        "check": methods.estimated(reference.check),
    }
    return Provenance(
        Message("estimator.both", both),
        None if fit is None else fit.n_obs,
        Message("source.both", {"model": model_tables.model_label(reference)}),
    )


def finding(
    finding_id: str, agreement: Agreement, reference: Fitted, largest: Quantity | None = None
) -> Finding:
    """Say whether the verdicts hang on the method, and which.

    Parameters
    ----------
    finding_id
        Unique within the report.
    largest
        The number that differs most, for the evidence.
    """
    judged, differing = agreement.judged, agreement.differing
    source = Message("source.both", {"model": model_tables.model_label(reference)})
    n_obs = None if reference.usable is None else reference.usable.n_obs
    numbers = [
        evidence.count("verdicts_compared", len(judged), source, n_obs),
        evidence.count("verdicts_differing", len(differing), source, n_obs),
    ]
    if largest is not None:
        numbers.append(largest)
    key = "differs" if differing else "agrees"
    return Finding(
        id=finding_id,
        claim=Message(
            f"check.claim.{key}",
            {
                "n": len(judged),
                "differing": len(differing),
                "model": model_tables.model_label(reference),
            },
        ),
        verdict="undecided" if differing else "information",
        rule=Rule(Message("check.rule"), Message("check.rule.source")),
        evidence=tuple(numbers),
        notes=tuple(
            Message(
                "check.note.differs",
                {"what": line.name, "ordinal": _said(line.ordinal), "check": _said(line.check)},
            )
            for line in differing
        ),
    )


def _said(judged: Judged) -> Message:
    return Message("check.no_verdict") if judged.verdict is None else judged.verdict


def largest_loading(agreement: Agreement, reference: Fitted) -> Quantity | None:
    """Give the largest difference between the loadings of both computations."""
    for line in agreement.lines:
        if line.name.key == "check.line.largest_loading" and line.difference is not None:
            return Quantity(
                "statistic.largest_loading_difference",
                abs(line.difference),
                _provenance(reference),
                digits=3,
                of=str(line.name.values["item"]),
            )
    return None


def missing_finding(instrument: Instrument, fits: Fits) -> Finding | None:
    """Say that one of the two computations has no usable solution; None where both have one."""
    reference = fits[instrument.reference_model.id]
    model = model_tables.model_label(reference)
    failed = reference.instead_of
    if failed is not None:
        return _without("fallback", failed, {"model": model, "check": reference.plan.estimator})
    check = reference.check
    if reference.usable is None or check is None or check.usable is not None:
        return None
    return _without("no_check", check, {"model": model, "check": check.plan.estimator})


def _without(key: str, failed: Fitted, values: Mapping[str, Value]) -> Finding:
    reason = model_tables.outcome(failed)
    technical = failed.error or ("" if failed.fit is None else "; ".join(failed.fit.notes))
    return Finding(
        id=f"check_{key}",
        claim=Message(f"check.claim.{key}", {**values, "reason": reason}),
        verdict="undecided" if key == "fallback" else "information",
        rule=Rule(Message("check.rule.ordinal"), Message("check.rule.source")),
        notes=(Message("note.technical", {"text": technical}),) if technical else (reason,),
    )
