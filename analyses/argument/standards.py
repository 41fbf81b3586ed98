"""Which findings speak to each source of validity evidence, and what is missing.

Sources as in the Standards for Educational and Psychological Testing (AERA, APA & NCME 2014,
chapters 1 to 3).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from analyses import evidence
from analyses.argument import cells
from analyses.argument.found import Found
from analyses.chapters import SOURCES
from analyses.evidence import columns
from analyses.section import Cell, Finding, Message, Provenance, Table, Value, Verdict

ELSEWHERE = {"content_interviews": "processes", "items_functioning": "fairness"}
"""Findings that speak to another source than the rest of their section."""

JUDGED: Mapping[str, Verdict] = {
    "judged_good": "good",
    "judged_acceptable": "acceptable",
    "judged_poor": "poor",
    "judged_undecided": "undecided",
}
"""The verdict that each column counts."""


def findings(sections: Found, source: str) -> Iterator[Finding]:
    """Give the findings that speak to a source of evidence."""
    for section in sections.sections.values():
        for finding in section.findings:
            own = section.id in SOURCES[source]
            if ELSEWHERE.get(finding.id, source if own else None) == source:
                yield finding


def table(sections: Found) -> Table:
    """Give one row a source: what it asks, where that is answered, verdicts, what is missing."""
    rows: list[tuple[Cell, ...]] = []
    for source in SOURCES:
        found = list(findings(sections, source))
        counted = Counter(finding.verdict for finding in found)
        rows.append(
            (
                Message(f"chapter.{source}.title"),
                Message(f"chapter.{source}.lead"),
                cells.titles([name for name in SOURCES[source] if name in sections.sections]),
                len(found),
                *(counted[verdict] for verdict in JUDGED.values()),
                cells.sentences(list(MISSING[source](sections))),
            )
        )
    return Table(
        id="validity_sources",
        title=Message("validity.table.sources"),
        columns=(
            *columns("message", 0, "evidence_source", "question", "where_found"),
            *columns("count", 0, "findings", *JUDGED),
            *columns("message", 0, "still_missing"),
        ),
        rows=tuple(rows),
        provenance=Provenance(Message("estimator.count"), None, "AERA, APA & NCME 2014, ch. 1-3"),
        notes=(Message("validity.note.counts"), Message("validity.note.missing")),
    )


def _content(sections: Found) -> Iterator[Message]:
    if sections.finding("content", "content_scale") is None:
        yield Message("validity.missing.experts")
    yield Message("validity.missing.comprehensive")


def _processes(sections: Found) -> Iterator[Message]:
    if sections.finding("content", "content_interviews") is None:
        yield Message("validity.missing.interviews")
    yield Message("validity.missing.observed")


def _structure(sections: Found) -> Iterator[Message]:
    yield Message("validity.missing.replication")


def _relations(sections: Found) -> Iterator[Message]:
    whole = sections.finding("hypotheses", "hypotheses_share")
    if whole is None:
        yield Message("validity.missing.hypotheses")
    else:
        counts = {one.name: one.value for one in whole.evidence}
        untested = sum(
            int(counts[name] or 0)
            for name in ("statistic.hypotheses_awaits", "statistic.hypotheses_not_measured")
        )
        if untested:
            yield Message("validity.missing.untested", {"n": untested})
    yield Message("validity.missing.other_sources")


def _consequences(sections: Found) -> Iterator[Message]:
    yield Message("validity.missing.consequences")


def _precision(sections: Found) -> Iterator[Message]:
    yield Message("validity.missing.retest")


def _fairness(sections: Found) -> Iterator[Message]:
    untested = [
        finding
        for finding in sections.findings("invariance", "invariance_")
        if finding.claim.key == "invariance.claim.untested"
    ]
    if untested:
        labels = tuple(finding.claim.values["column"] for finding in untested)
        yield Message("validity.missing.groups", {"columns": labels})
    yield Message("validity.missing.access")


MISSING: Mapping[str, Callable[[Found], Iterator[Message]]] = {
    "content": _content,
    "processes": _processes,
    "structure": _structure,
    "relations": _relations,
    "consequences": _consequences,
    "precision": _precision,
    "fairness": _fairness,
}
"""What each source lacks in a run, told as what would give it."""


def unspoken(sections: Found) -> tuple[Message, ...]:
    """Name the sources that no finding of the run speaks to."""
    return tuple(
        Message(f"chapter.{source}.title")
        for source in SOURCES
        if next(findings(sections, source), None) is None
    )


def count_finding(sections: Found) -> Finding:
    """Say how many findings there are, and which sources none of them speaks to."""
    found = [finding for source in SOURCES for finding in findings(sections, source)]
    silent = unspoken(sections)
    values: dict[str, Value] = {"n": len(found), "sources": silent}
    return Finding(
        id="validity_sources",
        claim=Message(f"validity.claim.{'some' if silent else 'all'}", values),
        verdict="information",
        evidence=(evidence.count("findings_counted", len(found), Message("source.run")),),
    )
