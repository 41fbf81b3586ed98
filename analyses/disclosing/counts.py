"""Which counts of people are hidden, over all tables that are published together.

A cell is a group of the people of one universe (everybody, or those who answered one scale), and
stands in every table that counts them by the same words. What is known of cells: the parts of a
group add up to it, by each column of words and where groups lie in larger ones; who answered a
scale is one of the group; every total is known; a hidden count is at least 1, as zeros are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analyses.disclosing.breakdowns import Breakdowns
from analyses.disclosing.groups import Groups, Labels, Place, Universe, is_small
from analyses.disclosing.sums import Sums, secret
from measure.protection.bounds import Cells
from measure.protection.suppression import suppress

SPAN = 5.0
"""What is known of a hidden count leaves at least so many respondents open."""

EVERYBODY: Universe = ("everybody",)


@dataclass(frozen=True)
class Counted:
    """What is hidden of the counts.

    Attributes
    ----------
    hidden
        Rows that are hidden.
    small
        Those of them that count too few themselves; the others protect them.
    exposed
        Rows that could not be protected.
    points
        Counts that the hidden rows may have by all that is shown, all rows together.
    """

    hidden: frozenset[Place] = frozenset()
    small: frozenset[Place] = frozenset()
    exposed: frozenset[Place] = frozenset()
    points: tuple[Mapping[Place, float], ...] = ()


def hide(
    groups: Mapping[int, Groups], n_obs: int, known: Breakdowns, forced: frozenset[Place]
) -> Counted:
    """Choose the rows whose counts are hidden.

    Parameters
    ----------
    groups
        The tables of groups, by their place among all tables.
    n_obs
        How many people answered.
    known
        How groups lie in each other.
    forced
        Rows that are hidden whatever they count.
    """
    small = frozenset(
        Place(table, row)
        for table, own in groups.items()
        for row, n in enumerate(own.counts)
        if n is None or is_small(n)
    )
    if not small | forced:
        return Counted()
    sums, cell_of = _counted(groups, n_obs)
    sums.relate(groups, cell_of, known)
    follows = _subsets(sums)
    values, lacking = np.array(sums.values), np.array(sums.lacking, dtype=bool)
    first = lacking.copy()
    first[[cell_of[place] for place in small | forced]] = True
    found = suppress(
        Cells(
            values=values,
            lower=np.where(lacking, 0.0, np.minimum(values, 1.0)),
            upper=np.full(len(values), float(max(n_obs, values.max()))),
            span=np.where(lacking, 0.0, SPAN),
            weights=np.array(sums.weights(secret(groups))),
            hidden=first,
            shown=(values == 0) & ~first,
            relations=tuple(sums.relations),
            follows=follows,
        ),
        seed=0,
    )
    hidden = frozenset(place for place, cell in cell_of.items() if found.hidden[cell])
    return Counted(
        hidden,
        small,
        frozenset(place for place, cell in cell_of.items() if found.exposed[cell]),
        tuple({place: float(point[cell_of[place]]) for place in hidden} for point in found.points),
    )


def universe(groups: Groups, row: int, n_obs: int) -> Universe:
    """Name the people that a row is a group of."""
    table = groups.table
    if groups.parts_everybody and table.provenance.n_obs == n_obs:
        return EVERYBODY
    of = table.id if table.answers is None else table.answers.of
    return (of, *sorted(groups.others(row)))


def _counted(groups: Mapping[int, Groups], n_obs: int) -> tuple[Sums, dict[Place, int]]:
    sums = Sums()
    cell_of: dict[Place, int] = {}
    for table, own in groups.items():
        people = [1 if n is None else n for n in own.counts]
        names = [(universe(own, row, n_obs), own.labels(row)) for row in range(len(people))]
        if any(
            sums.people[sums.named[name]] != n
            for name, n in zip(names, people, strict=True)
            if name in sums.named
        ):
            # Another table of the same people counts them otherwise.
            names = [((*name, table), labels) for name, labels in names]
        for row, (name, n) in enumerate(zip(names, people, strict=True)):
            cell_of[Place(table, row)] = sums.row(Place(table, row), name, n, float(n))
    return sums, cell_of


def _subsets(sums: Sums) -> tuple[tuple[int, int], ...]:
    """Say that those of a group who answered something are some of the group.

    Returns
    -------
    tuple
        The groups whose numbers are hidden where the whole group's are.
    """
    follows: list[tuple[int, int]] = []
    everybody: dict[Labels, int] = {
        labels: cell for (name, labels), cell in sums.named.items() if name == EVERYBODY
    }
    for (name, labels), cell in list(sums.named.items()):
        whole = everybody.get(labels)
        if name == EVERYBODY or whole is None or not sums.people[cell]:
            continue
        if sums.part([cell], whole):
            follows.append((whole, cell))
    return tuple(follows)
