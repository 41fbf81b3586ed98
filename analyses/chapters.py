"""In which chapter a section stands: one for each source of validity evidence.

The sources are those of the Standards for Educational and Psychological Testing (AERA, APA & NCME
2014, pp. 13-21: content, response processes, internal structure, relations to other variables,
consequences), with their chapters 2 (reliability and precision) and 3 (fairness).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from analyses.section import Report, Section, Table

SOURCES: Mapping[str, tuple[str, ...]] = {
    "content": ("content",),
    "processes": ("screening", "sensitivity"),
    "structure": ("items", "item_response", "exploratory", "confirmatory", "multiverse"),
    "relations": ("hypotheses", "claims", "development"),
    "consequences": (),
    "precision": ("reliability", "short_forms", "levels"),
    "fairness": ("invariance",),
}
"""The sections that speak to each source of evidence."""

CHAPTERS: Mapping[str, tuple[str, ...]] = {
    "argument": ("validity", "dialogue"),
    **SOURCES,
    "method": ("card", "disclosure"),
    "appendix": ("review",),
}
"""The sections of each chapter, in the order they are read."""

_OTHERS = "method"
"""The chapter of sections that no chapter names."""


@dataclass(frozen=True)
class Chapter:
    """One chapter of a report.

    Attributes
    ----------
    id
        A key of `CHAPTERS`; its words are the rows `chapter.<id>.title` and `chapter.<id>.lead`.
    number
        Its place, from 1.
    sections
        The report's sections that stand in it; none where the run holds nothing about it.
    """

    id: str
    number: int
    sections: tuple[Section, ...]


def chapters(report: Report) -> tuple[Chapter, ...]:
    """Sort the sections of a report into chapters; every chapter is there, also an empty one."""
    present = {section.id: section for section in report.sections}
    named = {section for sections in CHAPTERS.values() for section in sections}
    others = tuple(section_id for section_id in present if section_id not in named)
    return tuple(
        Chapter(
            chapter,
            number,
            tuple(
                present[section_id]
                for section_id in (*sections, *(others if chapter == _OTHERS else ()))
                if section_id in present
            ),
        )
        for number, (chapter, sections) in enumerate(CHAPTERS.items(), start=1)
    )


def shown(section: Section) -> tuple[Table, ...]:
    """Give the tables of a section that a report shows: those that are not withheld."""
    return tuple(table for table in section.tables if table.withheld is None)


def numbers(ordered: Sequence[Chapter]) -> dict[str, str]:
    """Number the tables and the figures of each chapter: `3.1`, `3.2`, ...

    Parameters
    ----------
    ordered
        From `chapters`.

    Returns
    -------
    dict
        By `table-<id>` and `figure-<id>`.
    """
    given: dict[str, str] = {}
    for chapter in ordered:
        tables, figures = count(1), count(1)
        for section in chapter.sections:
            for table in shown(section):
                given[f"table-{table.id}"] = f"{chapter.number}.{next(tables)}"
            for figure in section.figures:
                given[f"figure-{figure.id}"] = f"{chapter.number}.{next(figures)}"
    return given
