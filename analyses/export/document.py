"""The technical report as plain text in one language, in the order it is read.

The writers of pages (PDF, Word) set these parts and choose no words.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from analyses import labels
from analyses.chapters import Chapter, chapters, numbers, shown
from analyses.export.pictures import size
from analyses.export.widths import layout
from analyses.section import Figure, Finding, Message, Report, Section, Table, Verdict
from analyses.wording import Words

PAGE_WIDTH, PAGE_HEIGHT = 482.0, 581.0
"""Points that a figure may take of a page: 170 and 205 mm."""

LABEL, SMALLEST = 11.5, 5.0
"""Pixels of a figure's labels, and the points that they are to be printed with at least."""


class Said(TypedDict):
    """A finding; `evidence` are lines of numbers of one origin, and the origin."""

    verdict: Verdict
    symbol: str
    word: str
    claim: str
    evidence: list[tuple[list[str], str]]
    rule: str
    notes: list[str]


class Picture(TypedDict):
    """A figure: its number, its description, and the id of what was drawn.

    `instead` says where it stands, if it is too tall to be read on a page; otherwise it is empty.
    """

    id: str
    number: str
    alt: str
    instead: str


class Grid(TypedDict):
    """A table: cells as they are read, and how the columns stand."""

    id: str
    number: str
    title: str
    origin: str
    headings: list[str]
    numeric: list[bool]
    widths: list[float]
    landscape: bool
    rows: list[list[str]]
    notes: list[str]


class Question(TypedDict):
    """A section."""

    title: str
    answer: str
    findings: list[Said]
    notes: list[str]
    figures: list[Picture]
    tables: list[Grid]


class Part(TypedDict):
    """A chapter; `empty` says so where it has no sections."""

    title: str
    lead: str
    empty: str
    sections: list[Question]


class Document(TypedDict):
    """The whole report."""

    language: str
    kicker: str
    title: str
    marks: list[str]
    facts: list[tuple[str, str]]
    contents: str
    reading: str
    reading_lines: list[str]
    verdicts: list[str]
    notes_title: str
    notes: list[str]
    chapters: list[Part]
    footer: str
    page: str


def document(report: Report, words: Words, drawn: Mapping[str, str]) -> Document:
    """Give the report's text; tables that are withheld are left out.

    Parameters
    ----------
    report
        A published report.
    words
        The language.
    drawn
        The figures as SVG by id, which are to fit on a page.
    """
    ordered = chapters(report)
    told = _Told(numbers(ordered), frozenset(_too_tall(drawn)), words)
    return {
        "language": words.language,
        "kicker": words.say(Message("face.report")),
        "title": report.title.get(words.language, report.instrument),
        "marks": labels.marks(report, words),
        "facts": labels.facts(report, words),
        "contents": words.say(Message("face.contents_pages")),
        "reading": words.say(Message("face.reading.title")),
        "reading_lines": [
            words.say(Message("face.reading.verdicts")),
            *(words.say(Message(f"face.reading.{name}")) for name in labels.READING),
        ],
        "verdicts": [
            f"{symbol} {words.say(Message(f'verdict.{name}'))}"
            for name, symbol in labels.SYMBOLS.items()
        ],
        "notes_title": words.say(Message("face.notes")),
        "notes": [words.say(note) for note in report.notes],
        "chapters": [told.chapter(chapter) for chapter in ordered],
        "footer": words.say(
            Message(
                "face.footer",
                {"software": report.software, "created": labels.created(report)},
            )
        ),
        "page": words.say(Message("face.page", {"page": "{page}", "pages": "{pages}"})),
    }


@dataclass(frozen=True)
class _Told:
    """The numbers of tables and figures, the figures that fit no page, and the language."""

    numbers: Mapping[str, str]
    too_tall: frozenset[str]
    words: Words

    def chapter(self, chapter: Chapter) -> Part:
        empty = "" if chapter.sections else self.words.say(Message("face.chapter_empty"))
        return {
            "title": labels.chapter(chapter, self.words),
            "lead": labels.lead(chapter, self.words),
            "empty": empty,
            "sections": [self.section(section) for section in chapter.sections],
        }

    def section(self, section: Section) -> Question:
        say = self.words.say
        return {
            "title": labels.title(section, self.words),
            "answer": say(section.answer),
            "findings": list(_findings(section.findings, self.words)),
            "notes": [say(note) for note in section.notes],
            "figures": [self.figure(figure) for figure in section.figures],
            "tables": [
                _table(table, self.number("table", table.id), self.words)
                for table in shown(section)
            ],
        }

    def figure(self, figure: Figure) -> Picture:
        say, instead = self.words.say, Message("face.too_tall", {"file": f"{figure.id}.svg"})
        return {
            "id": figure.id,
            "number": self.number("figure", figure.id),
            "alt": say(figure.alt),
            "instead": say(instead) if figure.id in self.too_tall else "",
        }

    def number(self, kind: str, name: str) -> str:
        number = self.numbers[f"{kind}-{name}"]
        return self.words.say(Message(f"face.numbered.{kind}", {"number": number}))


def _too_tall(drawn: Mapping[str, str]) -> Iterator[str]:
    """Name the figures whose labels would be too small on a page."""
    for name, picture in drawn.items():
        width, height = size(picture)
        if min(PAGE_WIDTH / width, PAGE_HEIGHT / height) * LABEL < SMALLEST:
            yield name


def _findings(findings: Sequence[Finding], words: Words) -> Iterator[Said]:
    """Write findings; a rule that is the same as that of the finding before is not told again."""
    before = ""
    for finding in findings:
        said = _finding(finding, words)
        rule = said["rule"]
        if rule and rule == before:
            said["rule"] = words.say(Message("face.rule_same"))
        before = rule
        yield said


def _finding(finding: Finding, words: Words) -> Said:
    return {
        "verdict": finding.verdict,
        "symbol": labels.SYMBOLS[finding.verdict],
        "word": labels.verdict(finding, words),
        "claim": words.say(finding.claim),
        "evidence": [
            (lines, origin) for origin, lines in labels.evidence_by_origin(finding, words)
        ],
        "rule": labels.rule(finding, words),
        "notes": [words.say(note) for note in finding.notes],
    }


def _table(table: Table, number: str, words: Words) -> Grid:
    headings, rows = labels.heading(table, words), labels.rows(table, words)
    numeric = [column.kind not in ("text", "message") for column in table.columns]
    room = layout(headings, rows, numeric)
    return {
        "id": table.id,
        "number": number,
        "title": words.say(table.title),
        "origin": labels.provenance(table.provenance, words),
        "headings": headings,
        "numeric": numeric,
        "widths": list(room.widths),
        "landscape": room.landscape,
        "rows": rows,
        "notes": [words.say(note) for note in table.notes],
    }
