"""Which cells to hide beside those that must be, so that none of them can be worked out.

A choice of hidden cells is safe where the bounds of each, given all that is shown, lie far enough
apart. Among the safe choices, one that costs least is looked for by cutting planes: an integer
program proposes what to hide, each bound is checked, and a bound that is too tight gives an
inequality that every safe choice fulfils (Fischetti & Salazar 2001, Management Science 47, section
3; Hundepool et al. 2012, Statistical Disclosure Control, section 4.4). Unlike there, the cells that
are hidden to protect others have to be protected as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds as Limits
from scipy.optimize import LinearConstraint, milp

from measure.protection.bounds import Bounds
from measure.protection.cells import NEARLY, Cells, Choice, Numbers

FREE_ROUNDS = 3
"""So many proposals are made afresh; then what was proposed stays hidden, and only further cells
are added, which ends soon and costs little more."""

GAP, NODES = 0.01, 100
"""When the integer program is good enough. A limit of time would make the choice depend on the
machine."""

MOST_AT_ONCE = 64
"""Relations of so many cells at most say at the outset what each cell demands that might be hidden;
of longer ones, what is violated is added."""


@dataclass(frozen=True, eq=False)
class Suppressed:
    """What is hidden, and what could not be protected.

    Attributes
    ----------
    hidden
        (n_cells,) all hidden cells.
    exposed
        (n_cells,) hidden cells whose bounds are too tight although all that could help is hidden.
    points
        Values of all cells, each (n_cells,), between which the shown ones do not decide.
    """

    hidden: Choice
    exposed: Choice
    points: tuple[Numbers, ...]


@dataclass(eq=False)
class _Search:
    """What every safe choice is known to fulfil: `rows @ hidden >= least`."""

    cells: Cells
    forced: Choice
    exposed: Choice
    places: list[int] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    least: list[float] = field(default_factory=list)

    def add(self, places: Sequence[int], numbers: Sequence[float], least: float) -> None:
        """Add an inequality."""
        self.places.extend(places)
        self.numbers.extend(numbers)
        self.lengths.append(len(places))
        self.least.append(least)

    def demand(
        self, places: Sequence[int], numbers: Sequence[float], cell: int, least: float
    ) -> bool:
        """Demand of the hidden cells that the numbers add up to so much, if a cell is hidden.

        Where not even everything could, everything that counts is hidden, and the cell exposed.
        A cell that need not be hidden has to be shown then.

        Returns
        -------
        bool
            Whether everything could.
        """
        kept = [
            (place, min(number, least))
            for place, number in zip(places, numbers, strict=True)
            if number > 0 and not self.cells.shown[place]
        ]
        if sum(number for place, number in kept if self.forced[place]) >= least:
            return True
        if not self.forced[cell]:
            kept.append((cell, -least))
            least = 0.0
        elif sum(number for _, number in kept) < least - NEARLY:
            self.forced[[place for place, _ in kept]] = True
            self.exposed[cell] = True
            return False
        self.add([place for place, _ in kept], [number for _, number in kept], least)
        return True

    def cheapest(self) -> Choice:
        """Give the choice that costs least among those that fulfil what is known."""
        starts = np.cumsum([0, *self.lengths])
        shape = (len(self.least), len(self.forced))
        rows = sparse.csr_array((self.numbers, self.places, starts), shape=shape, dtype=float)
        rows.sum_duplicates()
        least = np.asarray(self.least) - rows @ self.forced.astype(float)
        columns = np.flatnonzero(~self.forced & ~self.cells.shown)
        free = sparse.csr_array(rows[:, columns])
        # A demand that holds whatever else is hidden is none.
        kept = np.flatnonzero(free.minimum(0).sum(axis=1) < least - NEARLY)
        choice = self.forced.copy()
        if not (least > NEARLY).any():
            return choice
        free = sparse.csr_array(free[kept])
        used = np.unique(free.indices)
        if len(used) == 0:
            return choice
        solved = milp(
            self.cells.weights[columns[used]],
            integrality=np.ones(len(used), dtype=int),
            bounds=Limits(0, 1),
            constraints=LinearConstraint(sparse.csr_array(free[:, used]), lb=least[kept]),
            options={"mip_rel_gap": GAP, "node_limit": NODES},
        )
        # Everything hidden fulfils each demand, should the limit be too low to find better.
        choice[columns[used]] = True if solved.x is None else solved.x > 0.5
        return choice


def suppress(cells: Cells, *, seed: int) -> Suppressed:
    """Choose what to hide so that every hidden cell is uncertain enough, at the least loss.

    Parameters
    ----------
    cells
        What there is, and what is known of it.
    seed
        Of the directions in which bounds are explored. Where choices cost the same it may decide
        between them; the weights should not leave that open.

    Returns
    -------
    Suppressed
        Where no choice protects a cell, everything that could help is hidden, and the cell is
        among `exposed`.
    """
    search = _Search(cells, cells.hidden.copy(), np.zeros(len(cells.values), dtype=bool))
    if not cells.hidden.any():
        return Suppressed(search.forced, search.exposed, ())
    for pair in cells.implied:
        search.add(pair, (-1.0, 1.0), 0.0)
    _first_demands(search)
    rng = np.random.default_rng(seed)
    for rounds in count():
        hidden = search.cheapest()
        bounds = Bounds(cells, hidden, search.exposed)
        bounds.explore(rng)
        found = list(bounds.violated())
        if not found:
            return Suppressed(hidden, search.exposed, tuple(bounds.points))
        if rounds >= FREE_ROUNDS:
            search.forced |= hidden
        for cell, row, least in found:
            places = np.flatnonzero(row)
            search.demand(places.tolist(), row[places].tolist(), cell, least)
    raise AssertionError(
        "each round hides more cells or exposes one, of which there are finitely many"
    )


def _first_demands(search: _Search) -> None:
    """Demand what follows from each relation alone where a cell of it is hidden.

    A cell is what the others leave of the sum. Its bounds lie no further apart than those of the
    others, and than all cells' room to one side.
    """
    cells = search.cells
    up = (cells.upper - cells.values).tolist()
    down = (cells.values - cells.lower).tolist()
    span, hidden = cells.span.tolist(), cells.hidden.tolist()
    for places, signs in cells.relations:
        own = [cell for cell in places if span[cell] > 0]
        must = [cell for cell in own if hidden[cell]]
        if must:
            own = [max(must, key=span.__getitem__)]
        elif len(places) > MOST_AT_ONCE:
            continue
        for cell in own:
            here = signs[places.index(cell)]
            ways = [sign / here for sign in signs]
            one = [
                way * down[at] if way > 0 else -way * up[at]
                for at, way in zip(places, ways, strict=True)
            ]
            other = [
                way * up[at] if way > 0 else -way * down[at]
                for at, way in zip(places, ways, strict=True)
            ]
            both = [
                0.0 if at == cell else abs(way) * (up[at] + down[at])
                for at, way in zip(places, ways, strict=True)
            ]
            able = [
                search.demand(places, numbers, cell, span[cell]) for numbers in (one, other, both)
            ]
            if not all(able) and len(set(signs)) == 1:
                # So little room is the same for each part of the sum.
                search.exposed[list(places)] |= search.forced[list(places)]
