"""What changes in the other sections where the flagged are left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from analyses import disclosure, evidence
from analyses.evidence import column
from analyses.section import (
    Cell,
    Column,
    Finding,
    Found,
    Message,
    Phrase,
    Provenance,
    Quantity,
    Section,
    Table,
    Value,
)

FLAGGED = ("both", "keep", "drop")
"""Whether the analyses are of everybody, with what changes without the flagged beside them
(`both`); of everybody alone (`keep`); or of those who are not flagged (`drop`)."""


@dataclass(frozen=True)
class Pair:
    """A finding of all respondents and the same finding without the flagged; None where absent."""

    section: str
    everybody: Finding | None
    unflagged: Finding | None

    @property
    def finding(self) -> Finding:
        """The finding, from whichever run has it."""
        found = self.everybody or self.unflagged
        assert found is not None
        return found

    @property
    def verdict_differs(self) -> bool:
        """Whether the verdict, or the finding itself, is another one without the flagged."""
        if self.everybody is None or self.unflagged is None:
            return True
        return self.everybody.verdict != self.unflagged.verdict


def pairs(everybody: Sequence[Section], unflagged: Sequence[Section | Found]) -> tuple[Pair, ...]:
    """Put the findings of two runs beside each other, by section and finding."""
    others = {section.id: section for section in unflagged}
    found = []
    for section in everybody:
        mine = {finding.id: finding for finding in section.findings}
        theirs = {finding.id: finding for finding in others[section.id].findings}
        found += [
            Pair(section.id, mine.get(name), theirs.get(name))
            for name in dict.fromkeys([*mine, *theirs])
        ]
    return tuple(found)


def run(
    everybody: Sequence[Section],
    unflagged: Sequence[Section | Found],
    *,
    n_obs: int,
    n_flagged: int,
    not_rerun: Sequence[str] = (),
    notes: Sequence[Message] = (),
) -> Section:
    """Compare the findings of all respondents with those without the flagged.

    Parameters
    ----------
    everybody, unflagged
        The same sections of both runs, as the analyses gave them; any section can be compared.
    n_obs, n_flagged
        All respondents, and those left out in the second run.
    not_rerun
        Ids of sections that were not run again.
    notes
        That every section of the survey carries.

    Returns
    -------
    Section
        `sensitivity`: one row for each finding whose verdict or numbers are not the same as they
        are shown, and the count of those that are.
    """
    compared = pairs(everybody, unflagged)
    differing = [pair for pair in compared if pair.verdict_differs]
    changed = [pair for pair in compared if any(_changes(pair))]
    counts: dict[str, Value] = {
        "n": n_obs,
        "flagged": evidence.count("flagged_count", n_flagged, "", n_flagged or n_obs),
        "findings": len(compared),
        "verdicts": len(differing),
    }
    own = [Message("sensitivity.note.choice"), Message("sensitivity.note.meaning")]
    if not_rerun:
        titles = tuple(Message(f"section.{name}.title") for name in not_rerun)
        own.append(Message("sensitivity.note.not_rerun", {"sections": titles}))
    source = Message("source.both_runs")
    finding = Finding(
        id="sensitivity_verdicts",
        claim=Message(f"sensitivity.claim.{'some' if differing else 'none'}", counts),
        verdict="information",
        evidence=(
            evidence.count("verdicts_compared", len(compared), source, n_obs),
            evidence.count("verdicts_differing", len(differing), source, n_obs),
            evidence.count("findings_changed", len(changed), source, n_obs),
        ),
    )
    tables = [_summary(everybody, compared, n_obs)]
    if differing:
        tables.append(_verdicts(differing, n_obs))
    if changed:
        tables.append(_numbers(changed, n_obs))
    return Section(
        id="sensitivity",
        answer=Message(f"sensitivity.answer.{'some' if differing else 'none'}", counts),
        findings=(finding,),
        tables=tuple(tables),
        notes=(*own, *notes),
    )


def not_run(reason: Message, notes: Sequence[Message]) -> Section:
    """Say why nothing could be compared."""
    return Section(id="sensitivity", answer=reason, notes=tuple(notes))


def _summary(sections: Sequence[Section], compared: Sequence[Pair], n_obs: int) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for section in sections:
        own = [pair for pair in compared if pair.section == section.id]
        if own:
            differ = sum(pair.verdict_differs for pair in own)
            changed = sum(any(_changes(pair)) for pair in own)
            title = Message(f"section.{section.id}.title")
            rows.append((title, len(own), differ, changed))
    return _table(
        "sensitivity_sections",
        n_obs,
        (
            column("section", "message"),
            column("findings", "count", 0),
            column("verdicts_changed", "count", 0),
            column("numbers_changed", "count", 0),
        ),
        rows,
    )


def _verdicts(differing: Sequence[Pair], n_obs: int) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            Message(f"section.{pair.section}.title"),
            pair.finding.claim,
            _verdict(pair.everybody),
            _verdict(pair.unflagged),
        )
        for pair in differing
    ]
    names = ("section", "finding", "verdict_all", "verdict_unflagged")
    columns = tuple(column(name, "message") for name in names)
    return _table("sensitivity_verdicts", n_obs, columns, rows)


def _numbers(changed: Sequence[Pair], n_obs: int) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for pair in changed:
        for first, second in _changes(pair):
            quantity = first or second
            assert quantity is not None
            rows.append(
                (
                    Message(f"section.{pair.section}.title"),
                    pair.finding.claim,
                    _named(quantity),
                    _value(first),
                    _value(second),
                    _difference(first, second),
                )
            )
    names = ("section", "finding", "quantity", "value_all", "value_unflagged", "difference")
    columns = tuple(column(name, "message") for name in names)
    return _table("sensitivity_numbers", n_obs, columns, rows)


def _table(
    name: str, n_obs: int, columns: Sequence[Column], rows: Sequence[tuple[Cell, ...]]
) -> Table:
    return Table(
        id=name,
        title=Message(f"sensitivity.table.{name.removeprefix('sensitivity_')}"),
        columns=tuple(columns),
        rows=tuple(rows),
        provenance=Provenance(Message("estimator.both_runs"), n_obs, Message("source.both_runs")),
    )


def _verdict(finding: Finding | None) -> Message:
    key = "sensitivity.absent" if finding is None else f"verdict.{finding.verdict}"
    return Message(key)


def _changes(pair: Pair) -> Iterator[tuple[Quantity | None, Quantity | None]]:
    """Give the numbers that are not shown as the same, of a finding that both runs have."""
    if pair.everybody is None or pair.unflagged is None:
        return
    mine, theirs = _by_name(pair.everybody), _by_name(pair.unflagged)
    for name in dict.fromkeys([*mine, *theirs]):
        first, second = mine.get(name), theirs.get(name)
        if first is None or second is None or _shown(first) != _shown(second):
            yield first, second


def _by_name(finding: Finding) -> Mapping[str, Quantity]:
    """Index a finding's numbers by what they are and what they are of; doubles by their place."""
    found: dict[str, Quantity] = {}
    for quantity in finding.evidence:
        name = f"{quantity.name} {quantity.of!r}"
        place = sum(key == name or key.startswith(f"{name} #") for key in found)
        found[f"{name} #{place}" if place else name] = quantity
    return found


def _shown(quantity: Quantity) -> tuple[float | None, ...]:
    """Give a number as it is published, interval included."""
    return tuple(
        None if number is None else disclosure.rounded(number, quantity.kind, quantity.digits)
        for number in (quantity.value, quantity.lower, quantity.upper)
    )


def _named(quantity: Quantity) -> Phrase:
    name = Message(quantity.name)
    if quantity.of is None:
        return name
    return Message("sensitivity.of", {"name": name, "of": quantity.of})


def _value(quantity: Quantity | None) -> Message:
    if quantity is None:
        return Message("sensitivity.absent")
    return Message("sensitivity.value", {"value": quantity})


def _difference(first: Quantity | None, second: Quantity | None) -> Message:
    """Give the second number less the first, where both could be computed."""
    if first is None or second is None or first.value is None or second.value is None:
        return Message("sensitivity.absent")
    kind = "number" if second.kind == "pvalue" else second.kind
    less = second.value - first.value
    difference = replace(second, value=less, kind=kind, lower=None, upper=None)
    return Message("sensitivity.value", {"value": difference})
