"""Whose numbers are hidden beside those of hidden counts: means that could be worked out.

A mean times its count is a sum of answers, and sums add up as counts do. Taken for known are every
count and every total, so that what is found is safe against who knows how large the groups are;
only where counts are hidden, and what is known of these leaves the means open enough, is that not
asked for (`disclosing.together` looks at it again). Numbers of which nothing is known but that they
may add up are never hidden alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from analyses.disclosing.before import Given
from analyses.disclosing.counts import Counted
from analyses.disclosing.groups import First, Groups, Place, Withheld
from analyses.disclosing.sums import Named, Sums
from analyses.section import Table
from measure.protection.cells import Cells, Choice, Numbers, Relation
from measure.protection.suppression import suppress

SPAN = 0.5
"""What is known of a hidden mean leaves at least so many points of the answer scale open."""


@dataclass(frozen=True, eq=False)
class Summing:
    """The sums of answers of rows that hold any.

    Attributes
    ----------
    sums
        The cells, and which add up to which.
    limits
        Of each cell of a row, the lowest and the highest mean; nothing of those that are no mean.
    """

    sums: Sums = field(default_factory=Sums)
    limits: dict[int, tuple[float, float]] = field(default_factory=dict)

    @cached_property
    def weights(self) -> Numbers:
        """Give what is lost where each cell is hidden, (n_cells,)."""
        return self.sums.weights()

    def told(self, first: First) -> Choice:
        """Say of each cell whether anybody has it from an earlier publication."""
        found = np.zeros(len(self.sums.values), dtype=bool)
        for place, cell in self.sums.cell_of.items():
            found[cell] |= place in first.told_numbers
        return found

    def bounds(self, most: Numbers) -> tuple[Numbers, Numbers]:
        """Give the lowest and the highest sum of each cell of so many people at most.

        What is lacking of a larger group may have been answered on another scale.
        """
        lowest = min((low for low, _ in self.limits.values()), default=-SPAN)
        highest = max((high for _, high in self.limits.values()), default=SPAN)
        ends = np.array(
            [
                self.limits.get(cell, (lowest, highest) if lacks else (-SPAN, SPAN))
                for cell, lacks in enumerate(self.sums.lacking)
            ]
        ).reshape(-1, 2)
        values = np.array(self.sums.values)
        return np.minimum(ends[:, 0] * most, values), np.maximum(ends[:, 1] * most, values)


@dataclass(frozen=True, eq=False)
class Averaged(Withheld):
    """What is hidden of the numbers beside the counts; where a count is, all of its row is.

    Attributes
    ----------
    summing
        The sums of answers.
    uncounted
        Cells of which it is not asked that they be open to who knows the counts.
    """

    summing: Summing = field(default_factory=Summing)
    uncounted: frozenset[int] = frozenset()


def hide(groups: Mapping[int, Groups], given: Given, counted: Counted, first: First) -> Averaged:
    """Choose the rows whose numbers are hidden.

    Parameters
    ----------
    groups
        The tables of groups, by their place among all tables.
    given
        What is known besides.
    counted
        The rows whose counts are hidden.
    first
        Rows whose numbers are hidden whatever the others are, those whose means have to be open to
        who knows the counts, and those whose means are known.
    """
    forced = counted.hidden | first.numbers
    if not forced:
        return Averaged()
    summing = _summed(groups, first.numbers - counted.hidden, given.key)
    summing.sums.relate(groups, given.breakdowns)
    cells, uncounted = _cells(summing, counted, forced)
    uncounted -= {summing.sums.cell_of[place] for place in first.strict}
    cells.span[list(uncounted)] = 0.0
    cells.shown[:] = summing.told(first) & ~cells.hidden
    found = suppress(cells, seed=0)
    rows = summing.sums.cell_of.items()
    return Averaged(
        forced | {place for place, cell in rows if found.hidden[cell]},
        frozenset(place for place, cell in rows if found.exposed[cell]),
        summing,
        frozenset(uncounted),
    )


def _summed(groups: Mapping[int, Groups], bare: frozenset[Place], key: str) -> Summing:
    """Find the sums of answers, and in tables with `bare` rows what is no mean.

    Of what is no mean nothing is known but that it may add up, so that one hidden number is as good
    as another to protect it.
    """
    found = Summing(Sums(key))
    sums, loose = found.sums, {place.table for place in bare}
    for table, own in groups.items():
        answers = own.table.answers
        ends = None if answers is None else answers.limits
        for row, n in enumerate(own.counts):
            place, mean = Place(table, row), mean_of(own.table, row)
            if n == 0:
                continue
            if answers is None or ends is None or mean is None:
                if table in loose:
                    name: Named = (("table", table), own.labels(row) | own.others(row))
                    sums.row(place, name, 1, 0.0)
                continue
            universe = (answers.of, *sorted(own.others(row)))
            people = 1 if n is None else n
            name = (universe, own.labels(row))
            there = sums.named.get(name)
            if there is not None and (
                sums.people[there] != people or abs(sums.values[there] - people * mean) > SPAN
            ):
                # Another table has other answers of the same people.
                name = ((*universe, table), own.labels(row))
            found.limits[sums.row(place, name, people, people * mean)] = ends
    return found


def _cells(summing: Summing, counted: Counted, forced: frozenset[Place]) -> tuple[Cells, set[int]]:
    """Give the sums as cells, and those that may be open only by what is open of the counts."""
    sums = summing.sums
    people, values = np.array(sums.people, dtype=float), np.array(sums.values)
    lacking = np.array(sums.lacking, dtype=bool)
    lower, upper = summing.bounds(people)
    hidden, span = lacking.copy(), np.where(lacking, 0.0, SPAN * people)
    for place, cell in sums.cell_of.items():
        hidden[cell] |= place in forced
        if place in counted.hidden and cell not in summing.limits:
            span[cell] = 0.0
    uncounted = set(_open_enough(sums, counted, lower / people, upper / people))
    cells = Cells(
        values=values,
        lower=lower,
        upper=upper,
        span=np.minimum(span, upper - lower),
        weights=summing.weights,
        hidden=hidden,
        shown=np.zeros(len(values), dtype=bool),
        whole=np.zeros(len(values), dtype=bool),
        relations=tuple(sums.relations),
    )
    return cells, uncounted


def mean_of(table: Table, row: int) -> float | None:
    """Give the mean of answers in a row, or None where there is none."""
    if table.answers is None:
        return None
    place = [column.name for column in table.columns].index(table.answers.mean)
    cell = table.rows[row][place]
    return float(cell) if isinstance(cell, int | float) else None


def _open_enough(
    sums: Sums,
    counted: Counted,
    lower: Numbers,
    upper: Numbers,
) -> Iterator[int]:
    """Give hidden cells whose means are open by what is open of the counts alone.

    Only those that are in one sum are looked at, in which all that is hidden is hidden with its
    count; then a mean can be whatever leaves the other hidden ones within the answer scale.
    """
    often = np.bincount([cell for one in sums.relations for cell in one.cells])
    for one in sums.relations:
        cells = _hidden_together(sums, one, counted)
        if cells is None or len(cells) < 2 or any(often[cell] > 1 for cell in cells):
            continue
        places = [sums.places[cell][0] for cell in cells]
        counts = np.array([[point[place] for place in places] for point in counted.points])
        if counts.size == 0 or not np.allclose(
            counts.sum(axis=1), sum(sums.people[cell] for cell in cells)
        ):
            continue
        whole = sum(sums.values[cell] for cell in cells)
        low, high = lower[cells], upper[cells]
        most = (whole - (counts @ low)[:, np.newaxis] + counts * low) / counts
        least = (whole - (counts @ high)[:, np.newaxis] + counts * high) / counts
        reach = np.minimum(most, high).max(axis=0) - np.maximum(least, low).min(axis=0)
        yield from (cell for cell, open_ in zip(cells, reach >= SPAN, strict=True) if open_)


def _hidden_together(sums: Sums, one: Relation, counted: Counted) -> list[int] | None:
    """Give the parts of a sum whose counts are hidden; None where more is unknown."""
    hidden = [
        (cell, sign)
        for cell, sign in zip(*one, strict=True)
        if sums.lacking[cell] or any(place in counted.hidden for place in sums.places[cell])
    ]
    if any(sign < 0 or sums.lacking[cell] for cell, sign in hidden):
        return None
    return [cell for cell, _ in hidden]
