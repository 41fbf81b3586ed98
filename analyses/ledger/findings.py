"""The findings of the ledger: the whole, each hypothesis, and the structural models."""

from collections.abc import Iterator, Sequence

from analyses import evidence, verdicts
from analyses.ledger import tables
from analyses.ledger.entries import Entry, Part
from analyses.ledger.judgement import LADDER, MEASURED, Score, interval, rule_of
from analyses.ledger.structural import Structural
from analyses.modelling import indices, methods
from analyses.section import Finding, Message, Provenance, Quantity, Value
from instruments.schema import Instrument

ORDER = ("refuted", "undecided", "confirmed")
"""How the findings follow each other: what did not hold comes first."""

COUNTED = {
    "hypotheses_confirmed": "confirmed",
    "hypotheses_refuted": "refuted",
    "hypotheses_undecided": "undecided",
    "hypotheses_awaits": "awaits",
    "hypotheses_not_measured": "not_measured",
}
"""The counts that the verdict on the whole rests on, by the row of the catalogue."""


def whole(instrument: Instrument, found: Score) -> Finding:
    """Judge the hypotheses as a whole by the share that is confirmed."""
    rules = instrument.rules
    key = {"good": "holds", "poor": "fails"}.get(found.verdict, "too_few")
    source = Message("source.hypotheses")
    counted = [
        evidence.count(name, getattr(found, field), source) for name, field in COUNTED.items()
    ]
    if found.share is not None:
        counted.insert(0, evidence.share("hypotheses_share", found.share, source, None))
    return Finding(
        id="hypotheses_share",
        claim=Message(f"hypotheses.claim.{key}", counts(found, instrument)),
        verdict=found.verdict,
        rule=verdicts.stated(rules.hypotheses_confirmed, rules.hypotheses_measured),
        evidence=tuple(counted),
    )


def counts(whole: Score, instrument: Instrument) -> dict[str, Value]:
    """Give the numbers that sentences about the whole are made of."""
    return {
        "n": whole.measured,
        "of": len(instrument.hypotheses),
        "confirmed": whole.confirmed,
        "refuted": whole.refuted,
        "undecided": whole.undecided,
        "awaits": whole.awaits,
        "not_measured": whole.not_measured,
        "least": instrument.rules.hypotheses_measured.value,
    }


def of_hypotheses(instrument: Instrument, found: Sequence[Entry]) -> Iterator[Finding]:
    """Give one finding a hypothesis that is measured, what did not hold first."""
    for judgement in ORDER:
        for entry in found:
            if entry.judgement == judgement:
                yield _finding(instrument, entry)
    waiting = tuple(entry.hypothesis.id for entry in found if entry.judgement not in MEASURED)
    if waiting:
        yield Finding(
            id="hypotheses_open",
            claim=Message("hypotheses.claim.open", {"n": len(waiting), "ids": waiting}),
            verdict="information",
            evidence=(
                evidence.count("hypotheses_open", len(waiting), Message("source.hypotheses")),
            ),
        )


def _finding(instrument: Instrument, entry: Entry) -> Finding:
    rules = {
        id(rule): rule
        for rule in (
            rule_of(part.expectation, instrument.rules)
            for part in entry.parts
            if part.judgement in MEASURED
        )
    }
    return Finding(
        id=f"hypothesis_{entry.hypothesis.id}",
        claim=Message(
            f"hypotheses.claim.{entry.standing}",
            {"id": entry.hypothesis.id, "text": evidence.text(entry.hypothesis.text)},
        ),
        verdict=LADDER[entry.judgement],
        rule=verdicts.stated(*rules.values()),
        evidence=tuple(_evidence(instrument, entry)),
        notes=tuple(part.reason for part in entry.parts if part.reason is not None),
    )


def _evidence(instrument: Instrument, entry: Entry) -> Iterator[Quantity]:
    for part in _told(entry.parts):
        if part.estimate is None:
            continue
        yield _quantity(instrument, part)
        for name, value in part.estimate.beside.items():
            yield Quantity(f"statistic.{name}", evidence.number(value), _provenance(part))


def _told(parts: Sequence[Part]) -> Iterator[Part]:
    """Leave of all pairs of groups of a column only the one that lies furthest apart."""
    furthest: dict[str, float] = {}
    for part in parts:
        if part.estimate is not None and part.expectation.estimand == "equivalence":
            target = part.expectation.target
            furthest[target] = max(abs(part.estimate.value), furthest.get(target, 0.0))
    for part in parts:
        apart = furthest.get(part.expectation.target)
        if part.estimate is None or apart is None or abs(part.estimate.value) == apart:
            yield part


def _quantity(instrument: Instrument, part: Part) -> Quantity:
    found = part.estimate
    assert found is not None
    level = rule_of(part.expectation, instrument.rules).value
    limits = interval(found.value, found.se, level)
    return Quantity(
        f"statistic.hypothesis_{part.expectation.estimand}",
        evidence.number(limits.estimate),
        _provenance(part),
        lower=evidence.number(limits.lower),
        upper=evidence.number(limits.upper),
        level=level,
        of=found.label,
    )


def _provenance(part: Part) -> Provenance:
    assert part.estimate is not None
    grouped = part.expectation.estimand in tables.ON_ANOTHER_SCALE
    name = "differences" if grouped else "correlations"
    return Provenance(
        part.estimate.estimated,
        part.estimate.n_obs,
        Message(f"source.hypotheses_{name}"),
    )


def of_structural(instrument: Instrument, structural: Sequence[Structural]) -> Iterator[Finding]:
    """Say how a structural model fits, with the warning that belongs to it."""
    for found in structural:
        label = evidence.model_label(found.model)
        if found.fit is None:
            yield Finding(
                id=f"structural_{found.model.id}",
                claim=Message("hypotheses.claim.structural_none", {"model": label}),
                verdict="information",
                notes=(tables.structural_reason(found),),
            )
        else:
            yield _fit_finding(instrument, found)


def _fit_finding(instrument: Instrument, found: Structural) -> Finding:
    fit = found.fit
    assert fit is not None
    rules = instrument.rules
    kind = indices.kind_of(fit)
    measures = indices.measures(fit, kind)
    judged = verdicts.judge_global_fit(measures, rules)
    numbers = tuple(
        Quantity(
            f"statistic.{indices.NAMES[kind][name]}",
            evidence.number(measures[name]),
            Provenance(methods.estimated_by(fit), fit.n_obs, indices.source(fit, kind, name)),
            digits=3,
        )
        for name in verdicts.FIT_INDICES
    )
    return Finding(
        id=f"structural_{found.model.id}",
        claim=Message(
            f"hypotheses.claim.structural_{judged['all']}",
            {"model": evidence.model_label(found.model)},
        ),
        verdict=judged["all"],
        rule=verdicts.stated(rules.global_fit_good, rules.global_fit_acceptable),
        evidence=numbers,
        notes=(Message("hypotheses.note.one_source"), *indices.notes(fit, kind)),
    )
