"""How the parts of a section are written in words; the same in every face.

Nothing is computed or rounded here: published values are only put into a language's form.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby

from analyses.chapters import Chapter
from analyses.section import (
    Finding,
    Message,
    Phrase,
    Provenance,
    Quantity,
    Report,
    Section,
    Table,
    Value,
    Verdict,
)
from analyses.verdicts import LADDER
from analyses.wording import Words

SYMBOLS: Mapping[Verdict, str] = {
    "good": "✓",
    "acceptable": "◐",
    "poor": "✗",
    "undecided": "?",
    "information": "i",
}
"""Stands beside the verdict's word, so that a verdict is never told by its colour alone."""


def provenance(origin: Provenance, words: Words) -> str:
    """Write what estimated a number, from how many, by which formula: `ML · n = 301 · Bentler`."""
    parts = [phrase(origin.estimator, words)]
    if origin.n_obs is not None:
        parts.append(words.say(Message("face.n", {"n": origin.n_obs})))
    parts.append(phrase(origin.source, words))
    return " · ".join(part for part in parts if part)


def phrase(text: Phrase, words: Words) -> str:
    """Write a string as it is, a message or the instrument's words in the language."""
    return words.write(text)


def title(section: Section, words: Words) -> str:
    """Give the heading of a section."""
    return words.say(Message(f"section.{section.id}.title"))


def chapter(one: Chapter, words: Words) -> str:
    """Give the heading of a chapter, with its number."""
    title = Message(f"chapter.{one.id}.title")
    return words.say(Message("face.numbered.chapter", {"number": str(one.number), "title": title}))


def lead(one: Chapter, words: Words) -> str:
    """Say what a chapter asks."""
    return words.say(Message(f"chapter.{one.id}.lead"))


def verdict(finding: Finding, words: Words) -> str:
    """Give the word of a finding's verdict."""
    return words.say(Message(f"verdict.{finding.verdict}"))


def ladder(words: Words) -> list[tuple[str, str, str]]:
    """Give the verdicts from the best to the worst: symbol, word, and what it means."""
    return [
        (
            SYMBOLS[step],
            words.say(Message(f"verdict.{step}")),
            words.say(Message(f"verdict_meaning.{step}")),
        )
        for step in LADDER
    ]


def evidence(quantity: Quantity, words: Words) -> str:
    """Write a number with its name and, where it has one, its interval and the interval's level."""
    name = words.say(Message(quantity.name))
    if quantity.of is not None:
        name = words.say(Message("face.evidence_of", {"name": name, "of": quantity.of}))
    if quantity.level is None or quantity.lower is None or quantity.upper is None:
        return words.say(Message("face.evidence", {"name": name, "value": quantity}))
    level = words.number(quantity.level, "percent", 0)
    values: dict[str, Value] = {"name": name, "value": quantity, "level": level}
    return words.say(Message("face.evidence_interval", values))


def evidence_by_origin(finding: Finding, words: Words) -> list[tuple[str, list[str]]]:
    """Write a finding's numbers, those of one origin together, so that it is told once."""
    by_origin = groupby(finding.evidence, lambda one: provenance(one.provenance, words))
    return [(origin, [evidence(one, words) for one in numbers]) for origin, numbers in by_origin]


def rule(finding: Finding, words: Words) -> str:
    """Write the rule that a finding was judged by, with its source; empty where there is none."""
    if finding.rule is None:
        return ""
    values: dict[str, Value] = {
        "rule": finding.rule.text,
        "source": phrase(finding.rule.source, words),
    }
    return words.say(Message("face.rule", values))


def facts(report: Report, words: Words) -> list[tuple[str, str]]:
    """Write what a report is of: file, answers, instrument, when and by what."""
    values = {
        "survey": report.survey,
        "n_obs": words.write(report.n_obs),
        "instrument": f"{report.instrument} {report.instrument_version}",
        "created": created(report),
        "software": report.software,
    }
    return [(words.say(Message(f"face.fact.{key}")), value) for key, value in values.items()]


READING = ("interval", "origin", "hidden", "missing", "persons")
"""What a reader is told of how to read a report, after the verdicts."""


def heading(table: Table, words: Words) -> list[str]:
    """Write the headings of a table's columns."""
    return [words.say(column.label) for column in table.columns]


def rows(table: Table, words: Words) -> list[list[str]]:
    """Write a table's cells, each by the kind and digits of its column."""
    return [
        [
            words.cell(cell, column.kind, column.digits)
            for cell, column in zip(row, table.columns, strict=True)
        ]
        for row in table.rows
    ]


def unlicensed(reason: Message, words: Words) -> str:
    """Mark rows that are for specialists, and that may not be compared."""
    return words.say(Message("face.unlicensed", {"reason": reason}))


def marks(report: Report, words: Words) -> list[str]:
    """Give the marks that must stand on every page: simulated answers, confidential content."""
    return [
        words.say(Message(f"face.mark.{name}"))
        for name, applies in (
            ("simulated", report.simulated),
            ("confidential", report.confidential),
        )
        if applies
    ]


def created(report: Report) -> str:
    """Write when the report was made, to the minute and with its time zone: 2026-01-31 12:00 UTC.

    The same in both languages, since the order of day and month then cannot be mistaken.
    """
    moment = datetime.fromisoformat(report.created)
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".strip()
