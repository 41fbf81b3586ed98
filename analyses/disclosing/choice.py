"""What is hidden of all that is published together: counts, then means, then both at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from analyses.disclosing import counts, means, together
from analyses.disclosing.breakdowns import Breakdowns
from analyses.disclosing.counts import Counted
from analyses.disclosing.groups import First, Groups, Place
from analyses.disclosing.means import Averaged
from analyses.disclosing.together import Together


@dataclass(frozen=True)
class Chosen:
    """What is hidden.

    Attributes
    ----------
    counts
        Rows whose counts are hidden, and with them all their numbers.
    numbers
        Rows whose numbers are hidden, those among them.
    left_out
        Tables that are left out whole, by their place among all tables: something in them could be
        worked out although all that could help was hidden.
    together
        Whether counts and means were looked at together; see `disclosing.together`.
    """

    counts: frozenset[Place]
    numbers: frozenset[Place]
    left_out: frozenset[int]
    together: bool


def choose(
    groups: Mapping[int, Groups], n_obs: int, known: Breakdowns, first: First, key: str
) -> Chosen:
    """Choose what is hidden, so that all of it is protected.

    Where that cannot be, one of the tables with an unprotected row is left out whole, the one with
    which the fewest rows are lost, and the others are looked at anew: it may be that what this
    table told was too much.

    Parameters
    ----------
    groups
        The tables of groups, by their place among all tables.
    n_obs
        How many people answered.
    known
        How groups lie in each other.
    first
        What is hidden in any case.
    key
        What the choice among equal rows is drawn from, and nobody else has.
    """
    left: dict[int, Groups] = dict(groups)
    while True:
        counting = counts.counting(left, n_obs, known, key)
        counted, averaged, more = _hidden(counting, left, known, _within(first, left), key)
        exposed = counted.exposed | averaged.exposed | more.exposed
        if not exposed:
            left_out = frozenset(set(groups) - set(left))
            return Chosen(counted.hidden, averaged.hidden, left_out, more.looked)
        tables = {place.table for place in exposed}
        del left[min(tables, key=partial(_loss, left, averaged.hidden))]


def _loss(
    groups: Mapping[int, Groups], hidden: frozenset[Place], table: int
) -> tuple[int, bool, int, int]:
    """Order tables by what is lost without them: little with groups crossed, or of one scale."""
    own = groups[table]
    rows = range(len(own.counts))
    crossed = max(len(own.labels(row)) for row in rows)
    shown = sum(Place(table, row) not in hidden for row in rows)
    return -crossed, own.table.answers is None, shown, -table


def _within(first: First, left: Mapping[int, Groups]) -> First:
    """Give what is hidden in any case of the tables that are left."""
    return First(
        *(
            frozenset(place for place in places if place.table in left)
            for places in (first.counts, first.numbers, first.strict)
        )
    )


def _hidden(
    counting: counts.Counting,
    groups: Mapping[int, Groups],
    known: Breakdowns,
    first: First,
    key: str,
) -> tuple[Counted, Averaged, Together]:
    """Hide counts and numbers until nothing has to be hidden besides, or cannot be protected."""
    while True:
        counted = counts.hide(counting, first.counts)
        averaged = means.hide(groups, known, counted, first, key)
        exposed = counted.exposed | averaged.exposed
        more = Together() if exposed else together.look(counting, counted, averaged)
        if exposed | more.exposed or not more.first:
            return counted, averaged, more
        # What was hidden stays so, so that this ends.
        first = First(
            counted.hidden | more.first.counts,
            averaged.hidden | more.first.numbers,
            first.strict | more.first.strict,
        )
