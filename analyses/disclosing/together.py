"""What counts and means tell of each other: a last look at all that is known, with one program.

Who knows that all answers lie between 1 and 5 knows from the sums of answers something of how many
gave them. The counts of everybody, of those who answered each scale, and the sums of their answers
are cells of one program here; where it leaves a count too little room, more is hidden, and a mean
that was taken for open is looked at again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from analyses.disclosing.counts import Choices, Counted, Counting
from analyses.disclosing.groups import First, Place
from analyses.disclosing.means import SPAN, Averaged
from measure.protection.bounds import Bounds
from measure.protection.cells import Cells, Choice, Numbers, Relation, between
from measure.protection.suppression import Suppressed, suppress


@dataclass(frozen=True)
class Together:
    """What is to be hidden besides.

    Attributes
    ----------
    first
        Further rows; none where nothing is.
    exposed
        Rows whose counts could not be protected.
    """

    first: First = field(default_factory=First)
    exposed: frozenset[Place] = frozenset()


def look(counting: Counting, counted: Counted, averaged: Averaged, given: First) -> Together:
    """Find what has to be hidden besides what is hidden of counts and of numbers already.

    The counts are looked at first. Where all their points leave room for the sums of answers, as
    they do as a rule, nothing more is to be hidden for the sums' sake.
    """
    if not counted.hidden:
        return Together()
    hidden = counting.hidden(counted.hidden)
    every = np.ones(len(hidden), dtype=bool)
    choice = Choices(hidden, every, counting.told(given))
    counts = counting.cells(choice, counting.most(hidden), counting.linked(hidden))
    found = suppress(counts, seed=0)
    more = _together(counting, counted, averaged, found)
    if found.exposed.any() or more.first.counts:
        return more
    both = _Both(counting, averaged, counts, averaged.summing.told(given))
    points = list(both.lifted(found.points))
    cells = both.cells()
    bounds = Bounds(cells, cells.hidden, np.zeros(len(cells.values), dtype=bool))
    bounds.know(points)
    if len(bounds.uncertain()):
        found = suppress(cells, seed=0)
        more = _together(counting, counted, averaged, found)
        if found.exposed.any() or more.first.counts or more.first.numbers:
            return more
        bounds.know(found.points)
    return Together(First(strict=frozenset(_too_tight(bounds, averaged, counting))))


def _together(
    counting: Counting, counted: Counted, averaged: Averaged, found: Suppressed
) -> Together:
    """Say of rows what was found of cells: of counts, and where they are there, of sums."""
    n_counts = len(counting.sums.values)
    rows = counting.sums.cell_of.items()
    counts = frozenset(place for place, cell in rows if found.hidden[cell])
    exposed = counting.exposed(found.exposed[:n_counts])
    numbers = frozenset(
        place
        for place, cell in averaged.summing.sums.cell_of.items()
        if len(found.hidden) > n_counts and found.hidden[n_counts + cell]
    )
    first = First(counts - counted.hidden, (counts | numbers) - averaged.hidden)
    return Together(first, exposed)


@dataclass(frozen=True, eq=False)
class _Both:
    """Counts, and the sums of answers of so many people; of these, which are known already."""

    counting: Counting
    averaged: Averaged
    counts: Cells
    told: Choice

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Give the cells of the count and of the sum of each row that has both."""
        summing = self.averaged.summing
        return sorted(
            {
                (self.counting.sums.cell_of[place], cell)
                for place, cell in summing.sums.cell_of.items()
                if cell in summing.limits
            }
        )

    @cached_property
    def open_(self) -> list[tuple[int, int]]:
        """Give those of which the count is hidden."""
        return [(count, cell) for count, cell in self.pairs if self.counts.hidden[count]]

    @cached_property
    def sums(self) -> Cells:
        """Give the sums of answers."""
        most = {cell: self.counts.upper[count] for count, cell in self.open_}
        return _sums(self.averaged, most, self.told)

    def lifted(self, points: Sequence[Numbers]) -> Iterator[Numbers]:
        """Give points of counts with sums of answers that so many people can have given."""
        sums, limits = self.sums, self.averaged.summing.limits
        for point in (self.counts.values, *points):
            lower, upper = sums.lower.copy(), sums.upper.copy()
            for count, cell in self.open_:
                low, high = limits[cell]
                lower[cell] = max(lower[cell], low * point[count])
                upper[cell] = min(upper[cell], high * point[count])
            own = between(sums, lower, upper)
            if own is not None:
                yield np.concatenate([point, own, self._slacks(point, own)])

    def _slacks(self, counts: Numbers, sums: Numbers) -> Numbers:
        """Give by how much sums are above the least and below the most."""
        return np.array(
            [
                sign * (sums[cell] - end * counts[count])
                for count, cell in self.open_
                for end, sign in zip(self.averaged.summing.limits[cell], (1.0, -1.0), strict=True)
            ]
        )

    def cells(self) -> Cells:
        """Give all cells: the counts, the sums, and by how much these are within the limits."""
        n_counts, n_sums = len(self.counts.values), len(self.sums.values)
        limits = self.averaged.summing.limits
        coupled: list[Relation] = []
        upper: list[float] = []
        for count, cell in self.open_:
            low, high = limits[cell]
            for end, sign in ((low, 1.0), (high, -1.0)):
                places = (n_counts + cell, count, n_counts + n_sums + len(coupled))
                coupled.append(Relation(places, (sign, -sign * end, -1.0)))
                upper.append((high - low) * self.counts.upper[count])
        values = self._slacks(self.counts.values, self.sums.values)
        none, zeros = np.zeros(len(values), dtype=bool), np.zeros(len(values))
        slacks = Cells(
            values,
            np.minimum(values, 0.0),
            np.maximum(values, upper),
            zeros,
            zeros,
            ~none,
            none,
            none,
            (),
        )
        parts = (self.counts, self.sums, slacks)
        added = (
            Relation(tuple(n_counts + cell for cell in one.cells), one.signs)
            for one in self.sums.relations
        )
        return Cells(
            values=np.concatenate([part.values for part in parts]),
            lower=np.concatenate([part.lower for part in parts]),
            upper=np.concatenate([part.upper for part in parts]),
            span=np.concatenate([part.span for part in parts]),
            weights=np.concatenate([part.weights for part in parts]),
            hidden=np.concatenate([part.hidden for part in parts]),
            shown=np.concatenate([part.shown for part in parts]),
            whole=np.concatenate([part.whole for part in parts]),
            relations=(*self.counts.relations, *added, *coupled),
            implied=tuple(
                (count, n_counts + cell)
                for count, cell in self.pairs
                if not self.counts.hidden[count]
            ),
        )


def _sums(averaged: Averaged, most: Mapping[int, float], told: Choice) -> Cells:
    """Give the sums of answers, where some are known to be of so many people at most."""
    summing = averaged.summing
    sums, n = summing.sums, len(summing.sums.values)
    fewest, people = np.array(sums.people, dtype=float), np.array(sums.people, dtype=float)
    fewest[list(most)] = 1.0
    people[list(most)] = list(most.values())
    ends = (*summing.bounds(fewest), *summing.bounds(people))
    lacking = np.array(sums.lacking, dtype=bool)
    hidden = lacking.copy()
    for place, cell in sums.cell_of.items():
        hidden[cell] |= place in averaged.hidden
    means = lacking.copy()
    means[list(summing.limits)] = True
    return Cells(
        values=np.array(sums.values),
        lower=np.minimum(ends[0], ends[2]),
        upper=np.maximum(ends[1], ends[3]),
        span=np.zeros(n),
        weights=summing.weights,
        hidden=hidden & means,
        shown=~means | (told & ~hidden),
        whole=np.zeros(n, dtype=bool),
        relations=tuple(one for one in sums.relations if means[list(one.cells)].all()),
    )


def _too_tight(bounds: Bounds, averaged: Averaged, counting: Counting) -> Iterator[Place]:
    """Give rows whose means are not open, though they were taken to be by what is open of counts.

    Only one row of each cell.
    """
    summing = averaged.summing
    n_counts = len(counting.sums.values)
    for cell in sorted(averaged.uncounted):
        place = summing.sums.places[cell][0]
        if bounds.ratio(n_counts + cell, counting.sums.cell_of[place], SPAN) < SPAN:
            yield place
