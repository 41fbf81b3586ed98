"""Which counts of people are hidden, over all tables that are published together.

A cell is a group of the people of one universe (everybody, or those who answered one scale), and
stands in every table that counts them by the same words. What is known of cells: the parts of a
group add up to it, by each column of words and where groups lie in larger ones; who answered a
scale is one of the group; every total is known; a hidden count is at least 1, as zeros are shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analyses.disclosing.breakdowns import Breakdowns
from analyses.disclosing.groups import Groups, Labels, Place, Universe, is_small
from analyses.disclosing.sums import Sums
from measure.protection.bounds import Cells, Choice, Numbers, Relation
from measure.protection.suppression import Suppressed, suppress

SPAN = 5.0
"""What is known of a hidden count leaves at least so many respondents open."""

MOST_TOGETHER = 4000
"""With so many cells, linear programs of everything together would take minutes."""

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
    together
        Whether everything that is known was looked at together; not so with more cells than
        `MOST_TOGETHER`.
    """

    hidden: frozenset[Place] = frozenset()
    small: frozenset[Place] = frozenset()
    exposed: frozenset[Place] = frozenset()
    points: tuple[Mapping[Place, float], ...] = ()
    together: bool = True


def hide(
    groups: Mapping[int, Groups],
    n_obs: int,
    known: Breakdowns,
    forced: frozenset[Place],
    key: str,
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
    key
        What the choice among equal rows is drawn from, and nobody else has.
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
    within = _within(sums)
    whole_set = _Everything(sums, within, n_obs, np.array(sums.weights(key)))
    found = whole_set.chosen({cell_of[place] for place in small | forced})
    hidden = frozenset(place for place, cell in cell_of.items() if found.hidden[cell])
    return Counted(
        hidden,
        small,
        frozenset(place for place, cell in cell_of.items() if found.exposed[cell]),
        tuple({place: float(point[cell_of[place]]) for place in hidden} for point in found.points),
        len(sums.values) <= MOST_TOGETHER,
    )


class _Within(NamedTuple):
    """A group of everybody, those in it who answered something, and those who did not."""

    universe: Universe
    whole: int
    cell: int | None
    lacking: int


@dataclass(frozen=True, eq=False)
class _Everything:
    """All cells, and how they are chosen: everybody's groups, then those of who answered something.

    The second know of the first what they add up to. What they tell of the first in turn is looked
    at where there are no more than `MOST_TOGETHER` cells; as a rule it is nothing, as who of a
    hidden group did not answer can be shared out anew among the hidden groups.
    """

    sums: Sums
    within: Sequence[_Within]
    n_obs: int
    weights: Numbers

    def chosen(self, first: set[int]) -> Suppressed:
        """Choose what is hidden where some cells have to be."""
        # Of a group of 5, whoever knows the 5 knows a hidden part of it too well.
        first = first | {
            one.whole
            for one in self.within
            if one.cell in first and self.sums.people[one.whole] <= SPAN
        }
        while True:
            found = self._proposed(first)
            # Where those who answered cannot be protected beside a shown group, it is hidden too.
            blocked = {
                one.whole
                for one in self.within
                if one.cell is not None and found.exposed[one.cell] and not found.hidden[one.whole]
            }
            if not blocked and len(self.sums.values) <= MOST_TOGETHER:
                together = self._together(found)
                blocked = {
                    one.whole
                    for one in self.within
                    if together.hidden[one.whole] and not found.hidden[one.whole]
                }
                found = together
            if not blocked:
                return found
            first |= blocked

    def _together(self, found: Suppressed) -> Suppressed:
        """Choose what has to be hidden besides where everything known is taken together."""
        every = np.ones(len(found.hidden), dtype=bool)
        most = np.full(len(every), float(max(self.n_obs, max(self.sums.people))))
        linked = []
        for one in self.within:
            if one.cell is None:
                continue
            if found.hidden[one.whole]:
                cells = (one.cell, one.lacking, one.whole)
                linked.append(Relation(cells, (1.0, 1.0, -1.0)))
            else:
                most[one.cell] = self.sums.people[one.whole]
        return self._solved(found.hidden, most, every, linked)

    def _proposed(self, first: set[int]) -> Suppressed:
        top = np.array([name == EVERYBODY for name in self.sums.universes], dtype=bool)
        hidden = np.zeros(len(top), dtype=bool)
        hidden[list(first)] = True
        most = np.full(len(top), float(max(self.n_obs, max(self.sums.people))))
        everybody = self._solved(hidden, most, top, ())
        hidden |= everybody.hidden
        parts: dict[Universe, dict[int, _Within]] = {}
        for one in self.within:
            if hidden[one.whole]:
                parts.setdefault(one.universe, {})[one.whole] = one
            if one.cell is not None:
                hidden[one.cell] |= hidden[one.whole]
                if not hidden[one.whole]:
                    most[one.cell] = self.sums.people[one.whole]
        linked = [
            self._part_of(own, relation)
            for own in parts.values()
            for relation in self.sums.relations
            if top[relation.cells[0]]
        ]
        others = self._solved(hidden, most, ~top, [one for one in linked if one is not None])
        return Suppressed(
            hidden | others.hidden,
            others.exposed | everybody.exposed,
            (*everybody.points, *others.points),
        )

    def _part_of(self, own: Mapping[int, _Within], relation: Relation) -> Relation | None:
        """Say of hidden groups, whose sum is known, that it is who answered and who did not."""
        cells: list[int] = []
        signs: list[float] = []
        for whole, sign in zip(*relation, strict=True):
            if (one := own.get(whole)) is not None:
                both = [one.lacking] if one.cell is None else [one.cell, one.lacking]
                cells += both
                signs += [sign] * len(both)
        return Relation(tuple(cells), tuple(signs)) if cells else None

    def _solved(
        self, first: Choice, most: Numbers, own: Choice, linked: Sequence[Relation]
    ) -> Suppressed:
        """Choose among some cells, `own`, by what is known of them."""
        values = np.array(self.sums.values)
        lacking = np.array(self.sums.lacking, dtype=bool)
        hidden = (first | lacking) & own
        return suppress(
            Cells(
                values=values,
                lower=np.where(lacking, 0.0, np.minimum(values, 1.0)),
                upper=most,
                span=np.where(lacking | ~own, 0.0, SPAN),
                weights=self.weights,
                hidden=hidden,
                shown=((values == 0) | ~own) & ~hidden,
                relations=(*(one for one in self.sums.relations if own[one.cells[0]]), *linked),
            ),
            seed=0,
        )


def _within(sums: Sums) -> tuple[_Within, ...]:
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
                found.append(_Within(name, whole, found_cell if answered else None, rest))
    return tuple(found)


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
