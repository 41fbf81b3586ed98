"""Where a report answers what APA's reporting standards ask of a quantitative article.

Topics as in JARS-Quant, Table 1, with those of Table 7 on structural equation models (Appelbaum et
al. 2018), in our own words. What only an article can tell is said to be outside the report.
"""

from collections.abc import Mapping

from analyses.argument import cells
from analyses.argument.found import Found
from analyses.evidence import columns
from analyses.section import Cell, Message, Provenance, Table

Topics = Mapping[str, tuple[str, ...]]

PARTS: Mapping[str, Topics] = {
    "front": {"title": (), "author_note": (), "abstract": ("validity",)},
    "introduction": {"problem": (), "aims": ("hypotheses", "claims", "card")},
    "method": {
        "inclusion": ("screening", "sensitivity"),
        "participants": ("screening",),
        "sampling": ("screening",),
        "size": ("card",),
        "measures": ("review",),
        "collection": (),
        "quality": ("screening", "sensitivity"),
        "psychometrics": ("content", "items", "item_response", "reliability", "invariance"),
        "design": ("development",),
        "diagnostics": ("screening", "items"),
        "strategy": ("card",),
    },
    "results": {
        "flow": ("screening", "card"),
        "recruitment": (),
        "descriptives": ("items", "levels"),
        "estimates": ("hypotheses", "levels", "development"),
        "specification": ("confirmatory", "card"),
        "estimation": ("card",),
        "fit": ("exploratory", "confirmatory"),
        "parameters": ("confirmatory",),
    },
    "discussion": {
        "support": ("hypotheses", "claims"),
        "interpretation": ("validity", "sensitivity"),
        "generality": ("invariance", "levels"),
        "implications": (),
    },
}
"""The sections that answer each topic, by part of an article."""

WRITTEN_LAST = ("validity", "review", "card")
"""Sections that every run has, and that are not there yet when this table is made."""


def table(sections: Found) -> Table:
    """Give one row a topic: what it asks for, and the sections that tell it."""
    rows: list[tuple[Cell, ...]] = [
        (
            Message(f"jars.part.{part}"),
            Message(f"jars.topic.{topic}"),
            _where(sections, named),
        )
        for part, topics in PARTS.items()
        for topic, named in topics.items()
    ]
    return Table(
        id="jars",
        title=Message("jars.table"),
        columns=columns("message", 0, "part", "topic", "where_found"),
        rows=tuple(rows),
        provenance=Provenance(
            Message("estimator.none"), None, "Appelbaum et al. 2018, Table 1 and Table 7"
        ),
        notes=(Message("jars.note"),),
    )


def _where(sections: Found, named: tuple[str, ...]) -> Message:
    present = [name for name in named if name in sections.sections or name in WRITTEN_LAST]
    return cells.titles(present) or Message("jars.not_here" if named else "jars.outside")
