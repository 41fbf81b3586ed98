"""What is hidden of all that is published together: counts, then means, then both at once."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from analyses.disclosing import counts, dispersion, means, together
from analyses.disclosing.before import Given, unsettled
from analyses.disclosing.counts import Counted
from analyses.disclosing.groups import EVERYBODY, First, Groups, Place, universe
from analyses.disclosing.means import Averaged
from analyses.disclosing.together import Together

MOST_CELLS, MOST_SMALL = 4000, 300
"""With more cells than that, and more rows of too few people among them, linear programs of
everything together would take minutes, and hide most of what they are to protect."""


@dataclass(frozen=True)
class Chosen:
    """What is hidden.

    Attributes
    ----------
    counts
        Rows whose counts are hidden, and with them all their numbers.
    numbers
        Rows whose numbers are hidden, those among them.
    dispersion
        Further rows, whose standard deviations and intervals are hidden.
    left_out
        Tables that are left out whole, by their place among all tables: something in them could be
        worked out although all that could help was hidden.
    too_fine
        Tables that are left out whole, because with them there would be more to work out than can
        be looked at together.
    """

    counts: frozenset[Place]
    numbers: frozenset[Place]
    dispersion: frozenset[Place]
    left_out: frozenset[int]
    too_fine: frozenset[int] = frozenset()


def choose(groups: Mapping[int, Groups], given: Given, first: First) -> Chosen:
    """Choose what is hidden, so that all of it is protected.

    Where that cannot be, one of the tables with an unprotected row is left out whole, the one with
    which the fewest rows are lost, and the others are looked at anew: it may be that what this
    table told was too much. Where there are too many rows to be looked at together, the tables of
    scales by the finest column are left out first.

    Parameters
    ----------
    groups
        The tables of groups, by their place among all tables.
    given
        What is known besides.
    first
        What is hidden in any case, and what is known in any case.
    """
    left: dict[int, Groups] = dict(groups)
    counting = counts.counting(left, given)
    while _is_too_large(counting) and (finest := _finest(left, given.n_obs)):
        left = {table: own for table, own in left.items() if table not in finest}
        counting = counts.counting(left, given)
    too_fine = frozenset(groups.keys() - left.keys())
    lost = unsettled(left, given.earlier)
    while lost := lost | counting.lost:
        left = {table: own for table, own in left.items() if table not in lost}
        counting, lost = counts.counting(left, given), frozenset()
    while True:
        counted, averaged, more = _hidden(counting, left, given, first.of(left))
        exposed = counted.exposed | averaged.exposed | more.exposed
        if not exposed:
            left_out = frozenset(groups.keys() - left.keys() - too_fine)
            few = first.of(left).dispersion
            spread = dispersion.hide(left, given, few, averaged.hidden)
            return Chosen(counted.hidden, averaged.hidden, spread, left_out, too_fine)
        tables = {place.table for place in exposed}
        del left[min(tables, key=partial(_loss, left, averaged.hidden))]
        counting = counts.counting(left, given)


def _is_too_large(counting: counts.Counting) -> bool:
    return len(counting.sums.values) > MOST_CELLS and len(counting.small) > MOST_SMALL


def _finest(groups: Mapping[int, Groups], n_obs: int) -> frozenset[int]:
    """Give the tables, of others than everybody, by the column that parts people into most groups.

    None where there are only tables of everybody, which say how many answered at all.
    """
    words: defaultdict[str, set[str]] = defaultdict(set)
    tables: defaultdict[str, set[int]] = defaultdict(set)
    for table, own in groups.items():
        for row in range(len(own.counts)):
            if universe(own, row, n_obs) != EVERYBODY:
                for head, word in own.labels(row):
                    words[head].add(word)
                    tables[head].add(table)
    if not words:
        return frozenset()
    return frozenset(tables[max(words, key=lambda head: (len(words[head]), head))])


def _loss(
    groups: Mapping[int, Groups], hidden: frozenset[Place], table: int
) -> tuple[int, bool, int, int]:
    """Order tables by what is lost without them: little with groups crossed, or of one scale."""
    own = groups[table]
    rows = range(len(own.counts))
    crossed = max(len(own.labels(row)) for row in rows)
    shown = sum(Place(table, row) not in hidden for row in rows)
    return -crossed, own.table.answers is None, shown, -table


def _hidden(
    counting: counts.Counting, groups: Mapping[int, Groups], given: Given, first: First
) -> tuple[Counted, Averaged, Together]:
    """Hide counts and numbers until nothing has to be hidden besides, or cannot be protected."""
    while True:
        counted = counts.hide(counting, first)
        averaged = means.hide(groups, given, counted, first)
        exposed = counted.exposed | averaged.exposed
        more = Together() if exposed else together.look(counting, counted, averaged, first)
        if exposed | more.exposed or not more.first:
            return counted, averaged, more
        # What was hidden stays so, so that this ends.
        first = replace(
            first,
            counts=counted.hidden | more.first.counts,
            numbers=averaged.hidden | more.first.numbers,
            strict=first.strict | more.first.strict,
        )
