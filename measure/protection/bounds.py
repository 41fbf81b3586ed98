"""How closely hidden cells can be worked out from those that are shown: the attacker's program.

Cells add up in known ways. With the shown cells fixed, the smallest and the largest value that a
hidden one may have are two linear programs; the solution of the dual program says which other cells
would have to be hidden for the two to lie further apart (Fischetti & Salazar 2001, Management
Science 47, section 3).
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds as Limits
from scipy.optimize import LinearConstraint, OptimizeResult, linprog, milp
from scipy.sparse.csgraph import connected_components

from measure.protection.cells import NEARLY, Cells, Choice, Numbers

Places = NDArray[np.intp]

SHORT = 1e-4
"""A span that lacks no more than this is wide enough; more than the solver may lack."""

DRAWS, ENOUGH = 24, 0.1
"""So many times points are drawn at most that vary all cells at once, as long as each time protects
so large a share of the cells that wait; those that still do get linear programs of their own."""

MANY = 64
"""Where more cells wait, one is looked at of those that are near each other."""

NEAR, LONG = (60, 500, 4000), 40
"""So many relations around a cell are looked at before all of them; and of how many hidden cells a
relation may be to lead on from cell to cell."""


class _Slack(NamedTuple):
    """A relation of one hidden cell and one that is in no other, which thereby only bounds it."""

    cell: int
    row: int
    sign: float
    lower: float
    upper: float


class Bounds:
    """Between what the hidden cells are known to lie, as far as it has been worked out.

    Parameters
    ----------
    cells
        The cells.
    hidden
        (n_cells,) which of them are hidden.
    left_out
        (n_cells,) cells whose bounds are not asked for.

    Attributes
    ----------
    smallest, largest
        (n_cells,) values that each cell has in a point that the shown cells allow. Before
        `explore` they are the cell's own value.
    points
        The points, each (n_cells,).
    """

    def __init__(self, cells: Cells, hidden: Choice, left_out: Choice) -> None:
        self._cells = cells
        self._asked = hidden & (cells.span > 0) & ~left_out
        self._lower, self._upper = cells.lower.copy(), cells.upper.copy()
        columns = sparse.csr_array(cells.matrix.multiply(hidden.astype(float)))
        columns.eliminate_zeros()
        self._slacks = tuple(self._bounded(columns, hidden))
        rows = np.diff(columns.indptr) > 0
        rows[[slack.row for slack in self._slacks]] = False
        self._rows = np.flatnonzero(rows)
        inside = np.zeros(len(hidden), dtype=bool)
        inside[columns[self._rows].indices] = True
        self._alone = hidden & ~inside
        self._places = np.flatnonzero(inside)
        self._sums = sparse.csr_array(columns[self._rows][:, self._places])
        self._pattern = sparse.csr_array(self._sums.sign().power(2))
        self._short = np.flatnonzero(np.diff(self._pattern.indptr) <= LONG)
        self._often = np.asarray(self._pattern.sum(axis=0)).ravel()
        self.smallest = np.where(self._alone, self._lower, cells.values)
        self.largest = np.where(self._alone, self._upper, cells.values)
        self.points: list[Numbers] = []

    def _bounded(self, columns: sparse.csr_array, hidden: Choice) -> Iterator[_Slack]:
        """Turn relations that only bound one cell into bounds."""
        cells = self._cells
        often = np.bincount(columns.indices, minlength=len(hidden))
        for row in np.flatnonzero(np.diff(columns.indptr) == 2):
            here = slice(columns.indptr[row], columns.indptr[row + 1])
            members, signs = columns.indices[here], columns.data[here]
            slack = (often[members] == 1) & (cells.span[members] == 0)
            if not slack.any():
                continue
            rest = int(slack.argmax())
            cell, other = int(members[1 - rest]), int(members[rest])
            ratio = float(signs[rest] / signs[1 - rest])
            reach = -ratio * (
                np.array([cells.lower[other], cells.upper[other]]) - cells.values[other]
            )
            lower, upper = (float(end) for end in cells.values[cell] + np.sort(reach))
            self._lower[cell] = max(self._lower[cell], lower)
            self._upper[cell] = min(self._upper[cell], upper)
            yield _Slack(cell, int(row), float(signs[1 - rest]), lower, upper)

    def uncertain(self) -> Places:
        """Give the cells asked for that are not yet known to be protected."""
        whole = self._cells.whole
        least = np.where(whole, np.ceil(self.smallest - SHORT), self.smallest)
        most = np.where(whole, np.floor(self.largest + SHORT), self.largest)
        return np.flatnonzero(self._asked & (self._cells.span - (most - least) > SHORT))

    def know(self, points: Iterable[Numbers]) -> None:
        """Take note of points that are known to be allowed."""
        for point in points:
            self._add(self._places, point[self._places])

    def explore(self, rng: np.random.Generator) -> None:
        """Look for points far apart, all cells at once, as long as they protect many more."""
        for _ in range(DRAWS):
            before = self.uncertain()
            waiting = np.isin(self._places, before)
            if not waiting.any():
                return
            self._visit(rng, waiting, np.isin(self._components, self._components[waiting]))
            if len(before) - len(self.uncertain()) < ENOUGH * len(before):
                return

    def _visit(self, rng: np.random.Generator, waiting: Choice, free: Choice) -> None:
        """Go some way in a drawn direction and back, no cell further than it has to."""
        cells, places = self._cells, self._places[free]
        values, waiting = cells.values[places], waiting[free]
        sums = self._sums[:, free]
        sums = sparse.csr_array(sums[np.diff(sums.indptr) > 0])
        ways = np.zeros(len(places))
        ways[waiting] = rng.choice([-1.0, 1.0], waiting.sum()) * rng.uniform(
            1.0, 2.0, waiting.sum()
        )
        reach = np.where(waiting, cells.span[places], np.inf)
        limits = Limits(
            np.maximum(self._lower[places], values - reach),
            np.minimum(self._upper[places], values + reach),
        )
        known = LinearConstraint(sums, *([sums @ values] * 2))
        for costs in (-ways, ways):
            solved = milp(costs, bounds=limits, constraints=known)
            assert solved.x is not None, solved.message
            self._add(places, solved.x)

    def _add(self, places: Places, numbers: Numbers) -> None:
        """Keep a point that is allowed, and differs from the values in some places."""
        point = self._cells.values.copy()
        point[places] = numbers
        self.points.append(point)
        self.smallest = np.minimum(self.smallest, point)
        self.largest = np.maximum(self.largest, point)

    def violated(self) -> Iterator[tuple[int, Numbers, float]]:
        """Give each cell whose bounds are too tight, and what would set them apart.

        What is near a cell is looked at first. What it can be while all that is further away stays
        as it is, it can be altogether; and what it cannot be whatever is further away, it cannot.

        Yields
        ------
        tuple
            The cell's place, (n_cells,) numbers `row`: whatever is hidden, the bounds lie no
            further apart than the sum of `row` over the hidden cells; and how far they have to.
            Of a whole number whose bounds are far enough apart only before they are rounded to
            whole numbers, that is one more than its span, with which they are in any case.
        """
        waiting = self.uncertain().tolist()
        told = np.zeros(len(self._places), dtype=bool)
        for cell in waiting:
            if len(waiting) > MANY and told[self._places == cell].any():
                # What is hidden for another cell near it may protect it too.
                continue
            span = float(self._cells.span[cell])
            for size in (*NEAR, len(self._rows)):
                rows = self._near(cell, size)
                most, above = self._limit(cell, 1.0, rows)
                least, below = self._limit(cell, -1.0, rows)
                if cell not in self.uncertain():
                    break
                width = most - least
                whole = np.floor(most + SHORT) - np.ceil(least - SHORT)
                tight = whole if self._cells.whole[cell] else width
                if tight < span - SHORT or size == len(self._rows):
                    row = above + below
                    near = self._short[self._pattern[self._short] @ (row[self._places] > 0) > 0]
                    told |= self._pattern[near].sum(axis=0) > 0
                    yield cell, row, span + (width >= span - SHORT)
                    break
                self._stretch(cell, rows)
                if cell not in self.uncertain():
                    break

    def _near(self, cell: int, size: int) -> Places:
        """Give the relations that a cell is in, those of their cells, and so on, so many.

        Where not all are asked for, long ones do not lead on: too much would be near by them.
        """
        here = self._places == cell
        leads = np.ones(len(self._rows), dtype=bool)
        if size < len(self._rows):
            leads[:] = False
            leads[self._short] = True
        rows = np.zeros(0, dtype=np.intp)
        while here.any():
            touched = np.flatnonzero(self._pattern @ here)
            if len(touched) == len(rows) or len(rows) >= size:
                break
            rows = touched
            here = self._pattern[rows[leads[rows]]].sum(axis=0) > 0
        return rows

    def _closed(self, rows: Places) -> bool:
        """Tell whether the cells of some relations are in no other."""
        inside = np.asarray(self._pattern[rows].sum(axis=0)).ravel()
        return bool((inside[inside > 0] == self._often[inside > 0]).all())

    def _stretch(self, cell: int, rows: Places) -> None:
        """Find how far a cell goes to both sides while only cells of nothing but `rows` change."""
        inside = np.asarray(self._pattern[rows].sum(axis=0)).ravel()
        free = np.flatnonzero((inside > 0) & (inside == self._often))
        places = self._places[free]
        if cell not in places:
            return
        sums = sparse.csr_array(self._sums[rows][:, free])
        for sign in (1.0, -1.0):
            solved = self._extreme(cell, sign, places, sums, sums @ self._cells.values[places])
            self._add(places, solved.x)

    def _limit(self, cell: int, sign: float, rows: Places) -> tuple[float, Numbers]:
        """Give how far a cell goes to one side at most by some relations, and why no further."""
        if len(rows) == 0:
            end = self._upper[cell] if sign > 0 else self._lower[cell]
            return float(end), self._room(cell, sign, np.zeros(0), rows)
        columns = np.flatnonzero(np.asarray(self._pattern[rows].sum(axis=0)).ravel())
        places = self._places[columns]
        sums = sparse.csr_array(self._sums[rows][:, columns])
        solved = self._extreme(cell, sign, places, sums, sums @ self._cells.values[places])
        if self._closed(rows):
            self._add(places, solved.x)
        row = self._room(cell, sign, -solved.eqlin.marginals, self._rows[rows])
        return float(-sign * solved.fun), row

    def _extreme(
        self, cell: int, sign: float, places: Places, sums: sparse.csr_array, known: Numbers
    ) -> "OptimizeResult[Any]":
        """Let a cell go as far to one side as some relations let it."""
        solved: OptimizeResult[Any] = linprog(
            np.where(places == cell, -sign, 0.0),
            A_eq=sums,  # type: ignore[call-overload]
            b_eq=known,
            bounds=np.column_stack([self._lower[places], self._upper[places]]),
            method="highs",
        )
        # The cells' own values are such a point, and all cells are bounded.
        assert solved.success, solved.message
        return solved

    def ratio(self, above: int, below: int, span: float) -> float:
        """Give how far apart the bounds of one hidden cell divided by another lie.

        Each end is approached from a point that is allowed: the point that goes furthest beyond
        its ratio has a better one (Dinkelbach 1967, Management Science 13, 492-498).

        Parameters
        ----------
        above, below
            The cells; the second is positive.
        span
            So far apart is enough; a larger one is then not looked for.
        """
        ratios = [point[above] / point[below] for point in (self._cells.values, *self.points)]
        ends = [max(ratios), min(ratios)]
        for side, sign in enumerate((1.0, -1.0)):
            while ends[0] - ends[1] < span:
                costs = np.zeros(len(self._cells.values))
                costs[[above, below]] = -sign, sign * ends[side]
                point = self._point(costs)
                found = point[above] / point[below]
                if sign * (found - ends[side]) <= SHORT:
                    break
                ends[side] = found
        return float(ends[0] - ends[1])

    def _point(self, costs: Numbers) -> Numbers:
        """Give the point that costs least, by those that the costs are of alone."""
        point, places = self._cells.values.copy(), self._places
        priced = np.flatnonzero(costs)
        alone = priced[self._alone[priced]]
        point[alone] = np.where(costs[alone] > 0, self._lower[alone], self._upper[alone])
        linked = np.unique(self._components[np.isin(places, priced)])
        here = places[np.isin(self._components, linked)]
        columns = np.searchsorted(places, here)
        solved = linprog(
            costs[here],
            A_eq=self._sums[:, columns],  # type: ignore[call-overload]
            b_eq=self._sums[:, columns] @ self._cells.values[here],
            bounds=np.column_stack([self._lower[here], self._upper[here]]),
            method="highs",
        )
        assert solved.success, solved.message
        point[here] = solved.x
        return point

    def _room(self, cell: int, sign: float, duals: Numbers, rows: Places) -> Numbers:
        """Give how far each cell lets one go to one side of its value, by weak duality."""
        cells, matrix = self._cells, self._cells.matrix
        costs = -(matrix[rows].T @ duals)
        costs[cell] += sign
        for slack in self._slacks:
            own = costs[slack.cell]
            bound, known = (self._upper, cells.upper) if own > 0 else (self._lower, cells.lower)
            end = slack.upper if own > 0 else slack.lower
            # Of several relations that bound a cell, the narrowest is why it goes no further.
            if own and end == bound[slack.cell] != known[slack.cell]:
                here = slice(matrix.indptr[slack.row], matrix.indptr[slack.row + 1])
                costs[matrix.indices[here]] -= own / slack.sign * matrix.data[here]
        up, down = cells.upper - cells.values, cells.values - cells.lower
        return np.where(costs > NEARLY, costs * up, np.where(costs < -NEARLY, -costs * down, 0.0))

    @cached_property
    def _components(self) -> NDArray[np.int32]:
        """Give hidden cells that are in no common relation, even by others, different numbers."""
        linked = self._pattern.T @ self._pattern
        return connected_components(linked, directed=False)[1]
