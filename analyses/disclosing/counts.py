"""Which counts of people are hidden, over all tables that are published together.

A cell is a group of the people of one universe (everybody, or those who answered one scale), and
stands in every table that counts them by the same words. What is known of cells: the parts of a
group add up to it, by each column of words and where groups lie in larger ones; who answered a
scale is one of the group; every total is known; a hidden count is at least 1, as zeros are shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from analyses.disclosing.before import Given
from analyses.disclosing.groups import (
    EVERYBODY,
    First,
    Groups,
    Labels,
    Place,
    Universe,
    Withheld,
    is_small,
    universe,
)
from analyses.disclosing.stayed import Linked, link
from analyses.disclosing.sums import Sums
from measure.protection.bounds import Bounds
from measure.protection.cells import Cells, Choice, Numbers, Relation
from measure.protection.suppression import Suppressed, suppress

SPAN = 5.0
"""What is known of a hidden count leaves at least so many respondents open."""


class Within(NamedTuple):
    """A group of everybody, those in it who answered something, and those who did not."""

    universe: Universe
    whole: int
    cell: int | None
    lacking: int


@dataclass(frozen=True, eq=False)
class Counting:
    """All counts of people, and what is known of them.

    Attributes
    ----------
    sums
        The cells, and which add up to which.
    within
        Which cells are some of the people of which.
    small
        Rows that count too few.
    n_obs
        How many people answered.
    before
        What earlier publications tell of the counts.
    """

    sums: Sums
    within: Sequence[Within]
    small: frozenset[Place]
    n_obs: int
    before: Linked

    @cached_property
    def weights(self) -> Numbers:
        """Give what is lost where each cell is hidden, (n_cells,)."""
        return self.sums.weights()

    def hidden(self, hidden: frozenset[Place]) -> Choice:
        """Say of each cell whether it is hidden where some rows are."""
        found = np.array(self.sums.lacking, dtype=bool)
        found[[self.sums.cell_of[place] for place in hidden]] = True
        return found

    def most(self, hidden: Choice) -> Numbers:
        """Give the most that each cell may count where some are hidden."""
        most = np.full(len(hidden), float(max(self.n_obs, max(self.sums.people))))
        for one in self.within:
            if one.cell is not None and not hidden[one.whole]:
                most[one.cell] = self.sums.people[one.whole]
        return most

    def linked(self, hidden: Choice) -> list[Relation]:
        """Say of hidden groups of everybody that it is who answered something and who did not."""
        return [
            Relation((one.cell, one.lacking, one.whole), (1.0, 1.0, -1.0))
            for one in self.within
            if one.cell is not None and hidden[one.whole]
        ]

    @cached_property
    def everybody(self) -> Choice:
        """Say of each cell whether it is of everybody, now or before, (n_cells,)."""
        found = np.array([name == EVERYBODY for name in self.sums.universes], dtype=bool)
        found[self.before.cells] = True
        return found

    def cells(self, choice: "Choices", most: Numbers, linked: Iterable[Relation]) -> Cells:
        """Give some of the cells, and what is known of them, where some are hidden."""
        values, own = np.array(self.sums.values), choice.own
        lacking = np.array(self.sums.lacking, dtype=bool)
        hidden = (choice.hidden | lacking) & own
        lower = np.where(lacking, 0.0, np.minimum(values, 1.0))
        span = np.where(lacking | ~own, 0.0, SPAN)
        before, upper = self.before.cells, most.copy()
        lower[before], upper[before] = self.before.lower, self.before.upper
        span[before] = np.where(own[before], self.before.span, 0.0)
        relations = (*self.sums.relations, *self.before.relations)
        return Cells(
            values=values,
            lower=lower,
            upper=upper,
            span=span,
            weights=self.weights,
            hidden=hidden,
            shown=((values == 0) | choice.told | ~own) & ~hidden,
            whole=np.ones(len(values), dtype=bool),
            relations=(*(one for one in relations if own[one.cells[0]]), *linked),
        )

    @cached_property
    def tight(self) -> Choice:
        """Say of each cell whether earlier publications tell too much of it, whatever is hidden."""
        tight = np.zeros(len(self.sums.values), dtype=bool)
        if not self.before.cells:
            return tight
        most, people = self.most(~tight), np.array(self.sums.values) > 0
        rng = np.random.default_rng(0)
        while True:
            # To hide what is known does not protect the others.
            hidden = self.everybody & people & (~tight | self._needed)
            cells = self.cells(Choices(hidden, self.everybody, ~hidden), most, ())
            bounds = Bounds(cells, cells.hidden, tight)
            bounds.explore(rng)
            found = [cell for cell, _, _ in bounds.violated()]
            if not found:
                return tight
            tight[found] = True

    @cached_property
    def _needed(self) -> Choice:
        """Say of each cell whether it has to be open: it counts too few, or was hidden before."""
        found = np.zeros(len(self.sums.values), dtype=bool)
        found[[*self.before.twins, *(self.sums.cell_of[place] for place in self.small)]] = True
        return found

    @property
    def lost(self) -> frozenset[int]:
        """Give the tables of groups that have to be open, and cannot be."""
        return frozenset(place.table for place in self.exposed(self.tight & self._needed))

    def told(self, first: First) -> Choice:
        """Say of each cell whether anybody has it from an earlier publication."""
        found = self.tight.copy()
        found[[self.sums.cell_of[place] for place in first.told_counts]] = True
        return found

    def exposed(self, exposed: Choice) -> frozenset[Place]:
        """Give the rows that could not be protected, or by which what was hidden before is not."""
        exposed = exposed.copy()
        for cell, twins in self.before.twins.items():
            exposed[list(twins)] |= exposed[cell]
        return frozenset(place for place, cell in self.sums.cell_of.items() if exposed[cell])


@dataclass(frozen=True, eq=False)
class Choices:
    """Which cells are hidden, which of them are looked at, and which are known, each (n_cells,)."""

    hidden: Choice
    own: Choice
    told: Choice


@dataclass(frozen=True)
class Counted(Withheld):
    """What is hidden of the counts.

    Attributes
    ----------
    points
        Counts that the hidden rows may have by all that is shown, all rows together.
    """

    points: tuple[Mapping[Place, float], ...] = ()


def counting(groups: Mapping[int, Groups], given: Given) -> Counting:
    """Find all counts of people, and what is known of them.

    Parameters
    ----------
    groups
        The tables of groups, by their place among all tables.
    given
        What is known besides.
    """
    small = frozenset(
        Place(table, row)
        for table, own in groups.items()
        for row, n in enumerate(own.counts)
        if n is None or is_small(n)
    )
    sums = _counted(groups, given.n_obs, given.key)
    sums.relate(groups, given.breakdowns)
    within = _within(sums)
    return Counting(sums, within, small, given.n_obs, link(sums, given, SPAN))


def hide(own: Counting, given: First) -> Counted:
    """Choose the rows whose counts are hidden: everybody's groups, then those of who answered.

    The second know of the first what they add up to. What they tell of the first in turn, and what
    means tell of counts, is looked at in `disclosing.together`; as a rule it is nothing, as who of
    a hidden group did not answer can be shared out anew among the hidden groups.

    Parameters
    ----------
    own
        The counts.
    given
        Rows that are hidden besides those that count too few, and those that are known.
    """
    forced = given.counts | own.small
    if not forced and not own.before.cells:
        return Counted()
    cell_of = own.sums.cell_of
    first = {cell_of[place] for place in forced}
    # Of a group of 5, whoever knows the 5 knows a hidden part of it too well.
    first |= {
        one.whole for one in own.within if one.cell in first and own.sums.people[one.whole] <= SPAN
    }
    while True:
        found = _proposed(own, first, own.told(given))
        # Where those who answered cannot be protected beside a shown group, it is hidden too.
        blocked = {
            one.whole
            for one in own.within
            if one.cell is not None and found.exposed[one.cell] and not found.hidden[one.whole]
        }
        if not blocked:
            break
        first |= blocked
    rows = frozenset(place for place, cell in cell_of.items() if found.hidden[cell])
    return Counted(
        rows,
        own.exposed(found.exposed),
        tuple({place: float(point[cell_of[place]]) for place in rows} for point in found.points),
    )


def _proposed(own: Counting, first: set[int], told: Choice) -> Suppressed:
    top = own.everybody
    hidden = np.zeros(len(top), dtype=bool)
    hidden[list(first)] = True
    most = own.most(np.ones(len(top), dtype=bool))
    everybody = suppress(own.cells(Choices(hidden, top, told), most, ()), seed=0)
    hidden |= everybody.hidden
    parts: dict[Universe, dict[int, Within]] = {}
    for one in own.within:
        if hidden[one.whole]:
            parts.setdefault(one.universe, {})[one.whole] = one
        if one.cell is not None and not told[one.cell]:
            hidden[one.cell] |= hidden[one.whole]
    linked = [
        _part_of(wholes, relation)
        for wholes in parts.values()
        for relation in own.sums.relations
        if top[relation.cells[0]]
    ]
    known = [one for one in linked if one is not None]
    others = suppress(own.cells(Choices(hidden, ~top, told), own.most(hidden), known), seed=0)
    return Suppressed(
        hidden | others.hidden,
        others.exposed | everybody.exposed,
        (*everybody.points, *others.points),
    )


def _part_of(own: Mapping[int, Within], relation: Relation) -> Relation | None:
    """Say of hidden groups, whose sum is known, that it is who answered and who did not."""
    cells: list[int] = []
    signs: list[float] = []
    for whole, sign in zip(*relation, strict=True):
        if (one := own.get(whole)) is not None:
            both = [one.lacking] if one.cell is None else [one.cell, one.lacking]
            cells += both
            signs += [sign] * len(both)
    return Relation(tuple(cells), tuple(signs)) if cells else None


def _within(sums: Sums) -> tuple[Within, ...]:
    """Say that those of a group who answered something are some of the group."""
    everybody: dict[Labels, int] = {
        labels: cell for (name, labels), cell in sums.named.items() if name == EVERYBODY
    }
    found = []
    universes: dict[Universe, dict[Labels, int]] = {}
    for (name, labels), cell in sums.named.items():
        if name != EVERYBODY:
            universes.setdefault(name, {})[labels] = cell
    for name, cells in universes.items():
        if not any(labels in everybody for labels in cells):
            continue
        for labels, whole in everybody.items():
            found_cell = cells.get(labels)
            answered = 0 if found_cell is None else sums.people[found_cell]
            lacking = sums.people[whole] - answered
            if lacking >= 0:
                rest = sums.cell(None, lacking, float(lacking))
                found.append(Within(name, whole, found_cell if answered else None, rest))
    return tuple(found)


def _counted(groups: Mapping[int, Groups], n_obs: int, key: str) -> Sums:
    sums = Sums(key)
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
            sums.row(Place(table, row), name, n, float(n))
    return sums
