"""What may leave: numbers rounded once, and nobody to be known by them.

All sections of a run are published together, and every table, figure, page and export shows what
`publish_all` gives; none rounds again. Hidden are

- groups of fewer than 5, and groups that would give these away (`disclosing.counts`);
- numbers of groups that answered alike, distributions, standard deviations and intervals of fewer
  than 8, what is said of fewer than 3 leaders or by fewer than 10 raters, means that give the sum
  of their answers away (`disclosing.rules`), and the numbers that would give these away
  (`disclosing.means`, `disclosing.dispersion`);
- tables by a column that the instrument does not declare, or that all but names people
  (`disclosing.breakdowns`);
- what an earlier publication of the same wave has hidden, and numbers of groups that have changed
  by fewer than 5 people since; and what, with it or with publications of other waves, would give
  either away (`disclosing.stayed`).

Whoever knows all that is shown and the rules cannot work out a hidden count to within 5 people, or
a hidden mean to within half a point. What is known from elsewhere (how many people a team has) is
not protected against here; see docs/disclosure.md.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from analyses.disclosing import log, rounding, rules
from analyses.disclosing.before import Earlier, Given
from analyses.disclosing.breakdowns import Breakdowns
from analyses.disclosing.choice import Chosen, choose
from analyses.disclosing.groups import (
    THRESHOLD,
    Groups,
    Place,
    is_small,
    without,
    without_numbers,
)
from analyses.disclosing.rounding import rounded
from analyses.disclosing.rules import DISTRIBUTION, Found
from analyses.disclosing.sums import secret
from analyses.disclosing.unnamed import unnamed_rows
from analyses.section import Hidden, Message, Section, Table

__all__ = ["DISTRIBUTION", "THRESHOLD", "Earlier", "is_small", "publish", "publish_all", "rounded"]

HIDDEN_ROWS = "disclosure.hidden"
HIDDEN_NUMBERS = "disclosure.hidden_numbers"
HIDDEN_DISPERSION = "disclosure.hidden_dispersion"
HIDDEN_TABLE = "disclosure.hidden_table"
NO_BREAKDOWN = "disclosure.no_breakdown"
LEFT_OUT = "disclosure.left_out"
TOO_FINE = "disclosure.too_fine"
"""Notes of the tables that have been emptied in part or altogether."""

LOGGED_IN = "screening"
"""The section that says how much was hidden."""


@dataclass(frozen=True)
class Context:
    """What publishing has to go by besides the sections.

    Attributes
    ----------
    n_obs
        How many people answered; None takes the most that a table rests on.
    breakdowns
        What people may be grouped by; None lets them be grouped by anything.
    earlier
        What has been published before, of the same wave and of others.
    key
        Something that only who has the answers can draw, and that is the same wherever they are
        analysed: numbers of models differ in their last digits between machines and versions,
        which would hide other rows of the same answers. None draws it from all numbers.
    """

    n_obs: int | None = None
    breakdowns: Breakdowns | None = None
    earlier: tuple[Earlier, ...] = ()
    key: str | None = None


ALONE = Context()


def publish(section: Section, *, confidential: bool = False) -> Section:
    """Give a section as it may be shown where nothing else is published; see `publish_all`."""
    return publish_all((section,), confidential=confidential)[0]


def publish_all(
    sections: Sequence[Section], context: Context = ALONE, *, confidential: bool = False
) -> tuple[Section, ...]:
    """Give sections as they may be shown together: rounded, and without what could name anybody.

    Parameters
    ----------
    sections
        As the analyses gave them, with numbers in full precision.
    context
        What else is known of those who answered.
    confidential
        True leaves in what would be hidden; the report then has to say so on every page.

    Returns
    -------
    tuple
        New sections. Numbers have the digits of their column or quantity: a percentage is rounded
        as the proportion it is stored as, a p-value to 3 decimals and to 0 below .001 (to be
        written "< .001"), a count to a whole number; what is not finite is None. Means of groups
        have fewer digits where some of the groups are small. Every number of a row whose count is
        hidden is `Hidden`, and every number but the count where only the numbers are; of fewer than
        8 people standard deviations and intervals are, also those of quantities; notes say how many
        rows. Tables that rest on 1 to 4 respondents altogether have no numbers, quantities that do
        have no value; their `n_obs` is None. Of a whole run, whose `n_obs` is known, the section
        "screening" gets a table that says how much was hidden by which rule. Publishing what is
        published changes nothing.
    """
    if confidential:
        return tuple(rounding.section(one, one.tables, rounding.everything) for one in sections)
    tables, told = _protected([table for one in sections for table in one.tables], context)
    published: list[Section] = []
    for one in sections:
        own, tables = tables[: len(one.tables)], tables[len(one.tables) :]
        logged = any(table.id == log.ID for table in own)
        if one.id == LOGGED_IN and context.n_obs is not None and not logged:
            own = [*own, told]
        shown = rounding.showing(_hidden_numbers(one.tables, own))
        published.append(rounding.section(one, own, shown))
    return tuple(published)


def _protected(tables: Sequence[Table], context: Context) -> tuple[list[Table], Table]:
    """Give the tables without what is hidden, and a table of how much that is by which rule."""
    emptied = [_emptied(table, context.breakdowns) for table in tables]
    groups = {
        place: Groups(table)
        for place, table in enumerate(emptied)
        if table.respondents is not None and not _is_published(table)
    }
    known = context.breakdowns or Breakdowns(frozenset())
    n_obs = context.n_obs or max((table.provenance.n_obs or 0 for table in tables), default=0)
    key = secret(groups) if context.key is None else context.key
    found = rules.judge(groups, (one.report for one in context.earlier if one.same_wave))
    chosen = choose(groups, Given(n_obs, known, key, context.earlier), found.first)
    unnamed = unnamed_rows(emptied, groups, chosen.numbers, key)
    done = [
        _without(table, place, chosen)
        if place in groups
        else _without_rows(
            table, _alike(table) | {one.row for one in unnamed if one.table == place}
        )
        for place, table in enumerate(emptied)
    ]
    tally = _tally(tables, emptied, found, chosen)
    tally = replace(tally, others=tally.others + len(unnamed))
    return done, log.table(tally, context.n_obs)


def _hidden_numbers(before: Sequence[Table], after: Sequence[Table]) -> Iterator[tuple[float, str]]:
    """Give what is hidden of tables of groups, in full precision, with each word of its row."""
    for table, published in zip(before, after, strict=False):
        if table.respondents is None or table is published:
            continue
        rows = published.rows or ((Hidden(),) * len(table.columns),) * len(table.rows)
        for told, shown in zip(table.rows, rows, strict=True):
            words = [repr(cell) for cell in told if not isinstance(cell, int | float)]
            for cell, seen in zip(told, shown, strict=True):
                if isinstance(cell, int | float) and isinstance(seen, Hidden):
                    yield from ((cell, word) for word in words)


def _tally(
    tables: Sequence[Table],
    emptied: Sequence[Table],
    found: Found,
    chosen: Chosen,
) -> log.Tally:
    """Count what is hidden, by rules that do not tell which of several rows is the small one."""
    rest = chosen.numbers - chosen.counts
    public = found.spread | found.leaders | found.fine | found.changed
    return log.Tally(
        rows=len(chosen.counts),
        spread=len(found.spread & rest),
        leaders=len((found.leaders - found.spread) & rest),
        fine=len((found.fine - found.spread - found.leaders) & rest),
        earlier=len((found.changed - found.spread - found.leaders - found.fine) & rest),
        dispersion=len(chosen.dispersion),
        others=len(rest - public),
        tables=sum(
            before is not after and not _is_published(before)
            for before, after in zip(tables, emptied, strict=True)
        ),
        left_out=len(chosen.left_out),
        too_fine=len(chosen.too_fine),
    )


def _is_published(table: Table) -> bool:
    keys = (HIDDEN_ROWS, HIDDEN_NUMBERS, HIDDEN_DISPERSION)
    emptied = (HIDDEN_TABLE, NO_BREAKDOWN, LEFT_OUT, TOO_FINE)
    return any(note.key in keys + emptied for note in table.notes)


def _emptied(table: Table, known: Breakdowns | None) -> Table:
    """Give a table without its numbers, where it rests on too few or is by no breakdown."""
    fewest = DISTRIBUTION if table.distribution else THRESHOLD
    n_obs = table.provenance.n_obs
    if n_obs is not None and 0 < n_obs < fewest:
        note = Message(HIDDEN_TABLE, {"threshold": fewest})
    elif known is not None and (refused := known.refused(table)):
        note = Message(NO_BREAKDOWN, {"columns": tuple(column.label for column in refused)})
    else:
        return table
    rows = tuple(without_numbers(row, table.columns) for row in table.rows)
    provenance = replace(table.provenance, n_obs=None)
    return replace(table, rows=rows, provenance=provenance, notes=(*table.notes, note))


def _without(table: Table, place: int, chosen: Chosen) -> Table:
    """Give a table of groups without what is hidden, and its means as coarse as they have to be."""
    if place in chosen.left_out | chosen.too_fine:
        unknown = replace(table.provenance, n_obs=None)
        told = (*table.notes, Message(LEFT_OUT if place in chosen.left_out else TOO_FINE))
        return replace(table, rows=(), provenance=unknown, notes=told)
    keep = table.respondents
    gone = {row for row in range(len(table.rows)) if Place(place, row) in chosen.counts}
    bare = {row for row in range(len(table.rows)) if Place(place, row) in chosen.numbers} - gone
    narrow = {row for row in range(len(table.rows)) if Place(place, row) in chosen.dispersion}
    rows = tuple(
        without_numbers(row, table.columns, keep if at in bare else None)
        if at in gone | bare
        else without(row, table.columns, table.dispersion if at in narrow else ())
        for at, row in enumerate(table.rows)
    )
    notes = list(table.notes)
    if gone:
        notes.append(Message(HIDDEN_ROWS, {"n": len(gone), "threshold": THRESHOLD}))
    if bare:
        notes.append(Message(HIDDEN_NUMBERS, {"n": len(bare)}))
    if narrow:
        values = {"n": len(narrow), "threshold": rules.DISPERSION}
        notes.append(Message(HIDDEN_DISPERSION, values))
    shown = [
        n for row, n in enumerate(Groups(table).counts) if n is not None and row not in gone | bare
    ]
    columns = tuple(
        replace(one, digits=rules.decimals(table, shown, one.digits))
        if one.kind == "number"
        else one
        for one in table.columns
    )
    return replace(table, columns=columns, rows=rows, notes=tuple(notes))


def _alike(table: Table) -> set[int]:
    """Give the rows of a table of answers in which everybody answered the same."""
    if _is_published(table) or table.respondents is not None:
        return set()
    n_obs = table.provenance.n_obs
    return {row for row in range(len(table.rows)) if rules.alike(table, row, n_obs)}


def _without_rows(table: Table, hidden: Collection[int]) -> Table:
    """Give a table that counts nobody without the numbers of some rows."""
    if not hidden:
        return table
    rows = tuple(
        without_numbers(row, table.columns) if at in hidden else row
        for at, row in enumerate(table.rows)
    )
    note = Message(HIDDEN_NUMBERS, {"n": len(hidden)})
    return replace(table, rows=rows, notes=(*table.notes, note))
