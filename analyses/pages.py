"""The pages of a report in an evaluator's order, and which parts of which sections each shows.

One home for that order: the dashboard has a page for each, and other faces can follow it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from analyses.section import Figure, Finding, Message, Report, Section, Table, Value

GROUP_TABLES = ("latent_means_", "scale_bias_", "item_bias_", "means_", "equivalence_")
"""How the ids of tables begin that set groups side by side; they belong to the page on groups,
whichever section holds them."""

COMPARABLE = ("licence.level.full", "licence.level.partial")
"""What the table of licences says of columns by which groups may be compared."""


@dataclass(frozen=True)
class Page:
    """One page.

    Parameters
    ----------
    id
        Names the page's words in the catalogue: `page.<id>.title`.
    path
        Of its address, the same in every language, so that a link stays a link.
    sections
        Ids of the sections that it shows, in order; those that a report lacks are left out.
    instead
        Ids of sections that are shown where the report has none of `sections`.
    part
        Which tables of a section belong here: all, those on groups, or the others.
    """

    id: str
    path: str
    sections: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    part: str = field(default="all")


PAGES = (
    Page("overview", "overblik"),
    Page("data", "data", ("screening", "content", "sensitivity", "disclosure")),
    Page("items", "spoergsmaal", ("items", "item_response", "short_forms")),
    Page("structure", "faktorstruktur", ("exploratory", "confirmatory", "multiverse")),
    Page("reliability", "reliabilitet", ("reliability",)),
    Page("invariance", "sammenlignelighed", ("invariance",), part="others"),
    Page("hypotheses", "sammenhaenge", ("hypotheses", "claims")),
    Page("levels", "niveauer", ("levels",), part="others"),
    Page("groups", "grupper", ("invariance", "levels"), part="groups"),
    Page("development", "udvikling", ("development",)),
    Page(
        "validity",
        "gyldighedsargument",
        ("validity", "dialogue", "review"),
        instead=("claims",),
    ),
    Page("reports", "rapporter"),
    Page("planning", "planlaeg", ("planning",)),
    Page("method", "metode", ("card",)),
)


OTHERS = "method"
"""The page of sections that no page names."""


def page(page_id: str) -> Page:
    """Give a page by its id."""
    return {one.id: one for one in PAGES}[page_id]


def is_of_groups(table_id: str) -> bool:
    """Tell whether a table sets groups side by side."""
    return table_id.startswith(GROUP_TABLES)


def sections(report: Report, shown: Page) -> tuple[Section, ...]:
    """Give what a page shows of a report.

    Parameters
    ----------
    report
        A published report.
    shown
        The page.

    Returns
    -------
    tuple of Section
        The sections cut to the page's part. Tables that are withheld are left out, and so are
        figures of tables that are; sections of which nothing is left are left out too.
    """
    there = {section.id: section for section in report.sections}
    named = {one for page in PAGES for one in page.sections}
    others = [one for one in there if one not in named] if shown.id == OTHERS else []
    wanted = [there[one] for one in (*shown.sections, *others) if one in there]
    wanted = wanted or [there[one] for one in shown.instead if one in there]
    cut = (_cut(section, shown.part) for section in wanted)
    if shown.part == "groups":
        return tuple(section for section in cut if section.tables)
    return tuple(cut)


def answer(report: Report, shown: Page) -> Message:
    """Give the sentence that a page opens with.

    That of its first section; where the page cuts across sections, one made of what they say, and
    where the report has nothing of it, one that says what it would take.
    """
    found = sections(report, shown)
    if shown.id == "groups":
        return _on_groups(report, bool(found))
    if not found:
        return Message(f"page.{shown.id}.nothing")
    return found[0].answer


def _on_groups(report: Report, something: bool) -> Message:
    """Say which groups may be compared, and which may not, by the table of licences."""
    names: dict[bool, list[Value]] = {True: [], False: []}
    for section in report.sections:
        for table in section.tables if section.id == "invariance" else ():
            if table.id == "licences":
                levels = table.column("licence")
                for name, level in zip(table.column("background"), levels, strict=True):
                    may = isinstance(level, Message) and level.key in COMPARABLE
                    names[may].append(name)
    allowed, refused = tuple(names[True]), tuple(names[False])
    if not something or not allowed:
        return Message("page.groups.nothing")
    if refused:
        return Message("page.groups.some", {"allowed": allowed, "refused": refused})
    return Message("page.groups.all", {"allowed": allowed})


def _cut(section: Section, part: str) -> Section:
    """Give the part of a section that belongs to a page, without what may not be compared."""
    belongs: dict[str, Callable[[str], bool]] = {
        "all": lambda _: True,
        "groups": is_of_groups,
        "others": lambda table_id: not is_of_groups(table_id),
    }
    kept: Sequence[Table] = [
        table for table in section.tables if table.withheld is None and belongs[part](table.id)
    ]
    ids = {table.id for table in kept}
    figures: tuple[Figure, ...] = tuple(one for one in section.figures if one.table in ids)
    findings: tuple[Finding, ...] = () if part == "groups" else section.findings
    notes = () if part == "groups" else section.notes
    return replace(section, tables=tuple(kept), figures=figures, findings=findings, notes=notes)
