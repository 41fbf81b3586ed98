"""How closely hidden cells can be worked out from those that are shown: the attacker's program.

Cells add up in known ways. With the shown cells fixed, the smallest and the largest value that a
hidden one may have are two linear programs; the solution of the dual program says which other cells
would have to be hidden for the two to lie further apart (Fischetti & Salazar 2001, Management
Science 47, section 3).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds as Limits
from scipy.optimize import LinearConstraint, linprog, milp
from scipy.sparse.csgraph import connected_components

from measure.errors import DataError

Numbers = NDArray[np.float64]
Choice = NDArray[np.bool_]
Places = NDArray[np.intp]

NEARLY = 1e-6
"""What the solver may lack of a bound or a demand."""

SHORT = 1e-4
"""A span that lacks no more than this is wide enough; more than the solver may lack."""

DRAWS = 24
"""So many points are drawn at most that vary all cells at once, before the cells that are still
uncertain get two linear programs each."""


class Relation(NamedTuple):
    """A sum of cells that anybody knows: the cells' places, and the sign of each."""

    cells: tuple[int, ...]
    signs: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Cells:
    """Numbers that may be shown or hidden, and what is known of them.

    Attributes
    ----------
    values
        (n_cells,) what they are.
    lower, upper
        (n_cells,) between which anybody knows them to lie.
    span
        (n_cells,) how far the bounds of a hidden cell have to lie apart; 0 where it needs no
        protection.
    weights
        (n_cells,) what is lost where one is hidden.
    hidden, shown
        (n_cells,) those that are hidden, and those that stay shown, whatever is chosen.
    relations
        Sums that are known.
    """

    values: Numbers
    lower: Numbers
    upper: Numbers
    span: Numbers
    weights: Numbers
    hidden: Choice
    shown: Choice
    relations: tuple[Relation, ...]

    def __post_init__(self) -> None:
        """Refuse cells that are not what they are known to be."""
        outside = (self.values < self.lower - NEARLY) | (self.values > self.upper + NEARLY)
        if outside.any():
            place = int(outside.argmax())
            raise DataError(
                f"cell {place} is {self.values[place]:g}, outside {self.lower[place]:g} to "
                f"{self.upper[place]:g}."
            )
        if (self.hidden & self.shown).any():
            place = int((self.hidden & self.shown).argmax())
            raise DataError(f"cell {place} cannot be both hidden and shown whatever is chosen.")

    @cached_property
    def matrix(self) -> sparse.csr_array:
        """Give the relations as rows of signs, (n_relations, n_cells)."""
        starts = np.cumsum([0, *(len(one.cells) for one in self.relations)])
        cells = [cell for one in self.relations for cell in one.cells]
        signs = [sign for one in self.relations for sign in one.signs]
        shape = (len(self.relations), len(self.values))
        return sparse.csr_array((np.asarray(signs, float), cells, starts), shape=shape)


class _Slack(NamedTuple):
    """A relation of one hidden cell and one that is in no other, which thereby only bounds it."""

    cell: int
    row: int
    sign: float


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
        alone = hidden & ~inside
        self._places = np.flatnonzero(inside)
        self._sums = sparse.csr_array(columns[self._rows][:, self._places])
        self.smallest = np.where(alone, self._lower, cells.values)
        self.largest = np.where(alone, self._upper, cells.values)
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
            self._lower[cell] = max(self._lower[cell], cells.values[cell] + reach.min())
            self._upper[cell] = min(self._upper[cell], cells.values[cell] + reach.max())
            yield _Slack(cell, int(row), float(signs[1 - rest]))

    def uncertain(self) -> Places:
        """Give the cells asked for that are not yet known to be protected."""
        need = self._cells.span - (self.largest - self.smallest)
        return np.flatnonzero(self._asked & (need > SHORT))

    def explore(self, rng: np.random.Generator) -> None:
        """Look for points far apart, all cells at once, as long as they protect further cells."""
        for _ in range(DRAWS):
            waiting = self.uncertain()
            waiting = waiting[np.isin(waiting, self._places)]
            if len(waiting) == 0:
                return
            directions = np.zeros(len(self._cells.values))
            directions[waiting] = rng.choice([-1.0, 1.0], len(waiting)) * rng.uniform(
                1.0, 2.0, len(waiting)
            )
            for way in (directions, -directions):
                self._visit(way, waiting)
            if len(self.uncertain()) == len(waiting):
                return

    def _visit(self, directions: Numbers, waiting: Places) -> None:
        """Go some way in some directions, no cell further than it has to, so that all can go."""
        places, cells = self._places, self._cells
        values = cells.values[places]
        reach = np.where(np.isin(places, waiting), cells.span[places], np.inf)
        solved = milp(
            -directions[places],
            bounds=Limits(
                np.maximum(self._lower[places], values - reach),
                np.minimum(self._upper[places], values + reach),
            ),
            constraints=LinearConstraint(self._sums, *([self._sums @ values] * 2)),
        )
        assert solved.x is not None, solved.message
        point = cells.values.copy()
        point[places] = solved.x
        self.points.append(point)
        self.smallest = np.minimum(self.smallest, point)
        self.largest = np.maximum(self.largest, point)

    def violated(self) -> Iterator[tuple[int, Numbers]]:
        """Give each cell whose bounds are too tight, and what would set them apart.

        Yields
        ------
        tuple
            The cell's place, and (n_cells,) numbers `row`: whatever is hidden, the bounds lie no
            further apart than the sum of `row` over the hidden cells.
        """
        labels = self._components
        for cell in self.uncertain():
            here = np.flatnonzero(self._places == cell)
            together = np.flatnonzero(labels == labels[here[0]]) if len(here) else here
            row = np.zeros(len(self._cells.values))
            ends = []
            for sign in (1.0, -1.0):
                end, duals, rows = self._extreme(int(cell), sign, together)
                ends.append(end)
                row += self._limits(int(cell), sign, duals, rows)
            self.largest[cell], self.smallest[cell] = ends
            if ends[0] - ends[1] < self._cells.span[cell] - SHORT:
                yield int(cell), row

    def _extreme(self, cell: int, sign: float, together: Places) -> tuple[float, Numbers, Places]:
        """Give how far a cell goes to one side with those that it is linked to.

        Returns
        -------
        tuple
            Its value, the dual solution, and the places of its relations.
        """
        if len(together) == 0:
            end = self._upper[cell] if sign > 0 else self._lower[cell]
            return float(end), np.zeros(0), np.zeros(0, dtype=np.intp)
        places = self._places[together]
        columns = sparse.csr_array(self._sums[:, together])
        rows = np.flatnonzero(np.diff(columns.indptr))
        sums = sparse.csr_array(columns[rows])
        solved = linprog(
            np.where(places == cell, -sign, 0.0),
            A_eq=sums,  # type: ignore[call-overload]
            b_eq=sums @ self._cells.values[places],
            bounds=np.column_stack([self._lower[places], self._upper[places]]),
            method="highs",
        )
        # The cells' own values are such a point, and all cells are bounded.
        assert solved.success, solved.message
        return float(-sign * solved.fun), -solved.eqlin.marginals, self._rows[rows]

    def _limits(self, cell: int, sign: float, duals: Numbers, rows: Places) -> Numbers:
        """Give how far each cell lets one go to one side of its value, by weak duality."""
        cells, matrix = self._cells, self._cells.matrix
        costs = -(matrix[rows].T @ duals)
        costs[cell] += sign
        for slack in self._slacks:
            own = costs[slack.cell]
            bound, known = (self._upper, cells.upper) if own > 0 else (self._lower, cells.lower)
            if own and bound[slack.cell] != known[slack.cell]:
                here = slice(matrix.indptr[slack.row], matrix.indptr[slack.row + 1])
                costs[matrix.indices[here]] -= own / slack.sign * matrix.data[here]
        up, down = cells.upper - cells.values, cells.values - cells.lower
        return np.where(costs > NEARLY, costs * up, np.where(costs < -NEARLY, -costs * down, 0.0))

    @cached_property
    def _components(self) -> NDArray[np.int32]:
        """Give hidden cells that are in no common relation, even by others, different numbers."""
        pattern = abs(self._sums)
        return connected_components(pattern.T @ pattern, directed=False)[1]
