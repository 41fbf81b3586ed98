"""Numbers that may be shown or hidden, and what anybody knows of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds as Limits
from scipy.optimize import LinearConstraint, milp

from measure.errors import DataError

Numbers = NDArray[np.float64]
Choice = NDArray[np.bool_]

NEARLY = 1e-6
"""What the solver may lack of a bound or a demand."""


class Relation(NamedTuple):
    """A sum of cells that anybody knows: the cells' places, and what each is multiplied by."""

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
    whole
        (n_cells,) those that anybody knows to be whole numbers.
    relations
        Sums that are known.
    implied
        Pairs of cells: where the first is hidden, the second has to be.
    """

    values: Numbers
    lower: Numbers
    upper: Numbers
    span: Numbers
    weights: Numbers
    hidden: Choice
    shown: Choice
    whole: Choice
    relations: tuple[Relation, ...]
    implied: tuple[tuple[int, int], ...] = ()

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


def between(cells: Cells, lower: Numbers, upper: Numbers) -> Numbers | None:
    """Give values that the relations allow the hidden cells between some limits.

    Parameters
    ----------
    cells
        The cells; those that are not hidden keep their values.
    lower, upper
        (n_cells,) the limits.

    Returns
    -------
    ndarray or None
        (n_cells,); None where the relations allow none.
    """
    values, hidden = cells.values.copy(), np.flatnonzero(cells.hidden)
    if len(hidden):
        sums = sparse.csr_array(cells.matrix[:, hidden])
        solved = milp(
            np.zeros(len(hidden)),
            bounds=Limits(lower[hidden] - NEARLY, upper[hidden] + NEARLY),
            constraints=LinearConstraint(sums, *([sums @ values[hidden]] * 2)),
        )
        if solved.x is None:
            return None
        values[hidden] = solved.x
    return values


class Within(NamedTuple):
    """A sum of cells, and the least and the most that it may be."""

    sum: Relation
    least: float
    most: float


def whole_numbers(sums: Sequence[Within], lower: Numbers, upper: Numbers) -> Numbers | None:
    """Give whole numbers between some limits of which the sums are as they have to be.

    Parameters
    ----------
    sums
        Of the numbers, by their places.
    lower, upper
        (n_cells,) the limits; none is beyond the other where there are such numbers.

    Returns
    -------
    ndarray or None
        (n_cells,); None where there are none.
    """
    if (lower > upper).any():
        return None
    if len(lower) == 0:
        # A sum of nothing is 0.
        return None if any(one.least > 0 or one.most < 0 for one in sums) else lower
    starts = np.cumsum([0, *(len(one.sum.cells) for one in sums)])
    places = [cell for one in sums for cell in one.sum.cells]
    signs = [sign for one in sums for sign in one.sum.signs]
    rows = sparse.csr_array(
        (np.asarray(signs, float), places, starts), shape=(len(sums), len(lower))
    )
    ends = np.array([(one.least, one.most) for one in sums]).reshape(-1, 2)
    solved = milp(
        np.zeros(len(lower)),
        integrality=np.ones(len(lower), dtype=int),
        bounds=Limits(lower, upper),
        constraints=LinearConstraint(rows, ends[:, 0], ends[:, 1]) if sums else None,
    )
    return None if solved.x is None else np.round(solved.x)
