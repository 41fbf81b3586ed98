"""What has been published before: of the same wave, and of others."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analyses.disclosing.breakdowns import Breakdowns
from analyses.disclosing.groups import Groups, Labels
from analyses.section import Report
from measure.protection.cells import Relation


@dataclass(frozen=True)
class Earlier:
    """A report that has been published before.

    Attributes
    ----------
    report
        As it was published.
    stayed
        How many of its people are among those of now, as far as anybody may know; None where nobody
        can.
    same_wave
        Whether it is of the same wave: then what it hides stays hidden, and only who has answered
        late, or has been taken out, is not in both.
    """

    report: Report
    stayed: int | None = None
    same_wave: bool = True


@dataclass(frozen=True)
class Given:
    """What is known besides the tables of groups.

    Attributes
    ----------
    n_obs
        How many people answered.
    breakdowns
        How groups lie in each other.
    key
        What the choice among equal rows is drawn from, and nobody else has.
    earlier
        What has been published before.
    """

    n_obs: int
    breakdowns: Breakdowns
    key: str
    earlier: tuple[Earlier, ...] = ()


def unsettled(groups: Mapping[int, Groups], earlier: Iterable[Earlier]) -> frozenset[int]:
    """Give the tables that would add to what an earlier report of the same wave tells.

    What is known of counts of everybody is reckoned with; the sums of the answers that a report
    hides are not known any more. Where it has a table of some answers that is not published again,
    no table of the same answers that it lacks is published either.
    """
    now = {own.table.id for own in groups.values()}
    found: set[int] = set()
    for one in earlier:
        if not one.same_wave:
            continue
        tables = [table for section in one.report.sections for table in section.tables]
        gone = {
            table.answers.of
            for table in tables
            if table.answers is not None and table.id not in now
        }
        known = {table.id for table in tables}
        found |= {
            place
            for place, own in groups.items()
            if own.table.answers is not None
            and own.table.answers.of in gone
            and own.table.id not in known
        }
    return frozenset(found)


Sum = tuple[tuple[Labels, ...], Labels]
"""Groups that add up to a larger one; to everybody, where that has no words."""


@dataclass(frozen=True, eq=False)
class Published:
    """The groups of everybody in a report, what each counts where it says so, and their sums."""

    counts: Mapping[Labels, int | None]
    sums: Sequence[Sum]
    n_obs: int

    @property
    def hidden(self) -> list[Labels]:
        """Those of which the count is hidden."""
        return [labels for labels, n in self.counts.items() if n is None]

    def relation(self, one: Sum, cell_of: Mapping[Labels, int]) -> Relation | None:
        """Say what the hidden ones of a sum add up to; None where there are none."""
        parts, whole = one
        cells = [(cell_of[labels], 1.0) for labels in parts if labels in cell_of]
        cells += [(cell_of[whole], -1.0)] if whole in cell_of else []
        if not cells:
            return None
        return Relation(tuple(cell for cell, _ in cells), tuple(sign for _, sign in cells))


def published(report: Report, known: Breakdowns) -> Published:
    """Read what a report tells of groups of everybody; `known` says how they lie in each other."""
    counts: dict[Labels, int | None] = {}
    found: list[Sum] = []
    for own in _of_everybody(report):
        for row, n in enumerate(own.counts):
            if n is not None or own.labels(row) not in counts:
                counts[own.labels(row)] = n
        for family in own.families:
            found.append((tuple(own.labels(row) for row in family.rows), family.whole))
    kept = [one for one in found if not one[1] or one[1] in counts]
    return Published(counts, (*kept, *_nested(counts, known)), report.n_obs)


def _of_everybody(report: Report) -> Iterator[Groups]:
    """Give the tables that part all people of a report into groups."""
    for section in report.sections:
        for table in section.tables:
            if table.respondents is None or table.provenance.n_obs != report.n_obs:
                continue
            own = Groups(table)
            rows = range(len(table.rows))
            parted = all(own.labels(row) and not own.others(row) for row in rows)
            some = any(n is None for n in own.counts)
            # Of each hidden group one is counted here, and there may be more.
            counted = own.total(rows)
            if rows and parted and (counted <= report.n_obs if some else counted == report.n_obs):
                yield own


def _nested(counts: Mapping[Labels, int | None], known: Breakdowns) -> Iterator[Sum]:
    """Give which groups add up to the larger ones that they lie in."""
    by_heading: dict[str, dict[str, Labels]] = {}
    for labels in counts:
        if len(labels) == 1:
            ((head, word),) = labels
            by_heading.setdefault(head, {})[word] = labels
    for (inner, outer), lies_in in known.nested.items():
        small, large = by_heading.get(inner, {}), by_heading.get(outer, {})
        if not all(lies_in.get(word) in large for word in small):
            continue
        for word, whole in large.items():
            parts = tuple(labels for said, labels in small.items() if lies_in[said] == word)
            if parts:
                yield parts, whole
