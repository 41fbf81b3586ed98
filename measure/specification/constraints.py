"""Constraints: which parameters are estimated, and how the others follow from them.

Labels, `equal()`, effect coding and linear `==` all say that a linear function of the free
elements is a number. The elements are then `offset + basis @ params`, with as many `params` as
are left to estimate, and no estimator has to know that there are constraints. Inequalities and
nonlinear `==` remain as `Restrictions`, which the search and the standard errors respect.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from measure.errors import ModelError
from measure.specification.definitions import Names
from measure.specification.expressions import Expression, linear_coefficients
from measure.specification.parameters import labels_of
from measure.specification.syntax import Constraint
from measure.specification.table import ParameterTable

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# A basis of more numbers than this is worth being treated as sparse.
LARGE = 40_000


@dataclass(frozen=True, eq=False)
class Reduction:
    """Elements (n_elements,) as `offset + basis @ params`; `basis` None is the identity.

    `kept` are the elements that the parameters stand for, one each. Where elements are tied by
    pairs, and by nothing else, `follows` (n_elements,) is the parameter that each is the same as.
    """

    n_elements: int
    kept: tuple[int, ...]
    basis: Array | None = None
    offset: Array | None = None
    follows: Indices | None = None

    @property
    def n_params(self) -> int:
        """Number of parameters that are estimated."""
        return len(self.kept)

    @cached_property
    def _map(self) -> "Array | sparse.csr_array":
        """The basis; where it is large, as a sparse matrix: most elements follow one parameter."""
        assert self.basis is not None
        return sparse.csr_array(self.basis) if self.basis.size > LARGE else self.basis

    @cached_property
    def _sorted(self) -> tuple[Indices, Indices]:
        """The elements in the order of what they follow, and where those of each begin."""
        assert self.follows is not None
        order = np.argsort(self.follows, kind="stable")
        return order, np.searchsorted(self.follows[order], np.arange(self.n_params))

    def expand(self, params: Array) -> Array:
        """Give the elements (..., n_elements) that belong to `params` (..., n_params)."""
        if self.basis is None or self.offset is None:
            return params
        if self.follows is not None:
            return params[..., self.follows]
        return np.asarray(self.offset + params @ self._map.T)

    def reduce_gradient(self, gradient: Array) -> Array:
        """Carry a gradient over elements (..., n_elements) to the parameters (..., n_params)."""
        if self.basis is None:
            return gradient
        if self.follows is not None:
            order, starts = self._sorted
            return np.asarray(np.add.reduceat(gradient[..., order], starts, axis=-1))
        return np.asarray(gradient @ self._map)

    def reduce_matrix(self, matrix: Array) -> Array:
        """Carry a quadratic form over elements to the parameters."""
        if self.basis is None:
            return matrix
        if self.follows is not None:
            order, starts = self._sorted
            narrow = np.add.reduceat(matrix[..., order, :], starts, axis=-2)
            return np.asarray(np.add.reduceat(narrow[..., order], starts, axis=-1))
        return np.asarray((self._map.T @ matrix) @ self._map)

    def expand_covariance(self, covariance: Array) -> Array:
        """Carry a covariance matrix of the parameters to the elements."""
        if self.basis is None:
            return covariance
        if self.follows is not None:
            return covariance[self.follows[:, None], self.follows]
        return np.asarray((self._map @ covariance) @ self._map.T)

    def moved(self, moves: Array) -> Array:
        """Give moves of the parameters (..., n_params) as those of the elements."""
        if self.basis is None:
            return moves
        return moves[..., self.follows] if self.follows is not None else moves @ self._map.T


def reduction(table: ParameterTable, free_rows: tuple[int, ...], values: Array) -> Reduction:
    """Solve the equality constraints of a parameter table.

    Raises
    ------
    ModelError
        Where constraints contradict each other or name an unknown label.
    """
    n = len(free_rows)
    _require_known_names(table)
    tied = _tied(table, free_rows)
    if tied is not None:
        return tied
    found = equations(table, free_rows, values)
    if not found:
        return Reduction(n, tuple(range(n)))
    matrix, right = np.array([e.coefficients for e in found]), np.array([e.total for e in found])
    pivots: list[int] = []
    row = 0
    # Reduced row echelon form from the last element backwards, so that the first of several tied
    # parameters is the one that is estimated.
    for column in np.flatnonzero(matrix.any(axis=0)).tolist()[::-1]:
        if row == len(matrix):
            break
        best = row + int(np.argmax(np.abs(matrix[row:, column])))
        if abs(matrix[best, column]) < 1e-10:
            continue
        if best != row:
            matrix[[row, best]], right[[row, best]] = matrix[[best, row]], right[[best, row]]
        right[row] /= matrix[row, column]
        matrix[row] /= matrix[row, column]
        # Most constraints tie two elements only, so that few rows have the column.
        others = np.flatnonzero(matrix[:, column])
        others = others[others != row]
        factors = matrix[others, column].copy()
        right[others] -= factors * right[row]
        matrix[others] -= factors[:, None] * matrix[row]
        pivots.append(column)
        row += 1
    if np.any(np.abs(right[row:]) > 1e-10):
        raise ModelError(
            "the equality constraints contradict each other: no values of the parameters satisfy "
            "all of them. Check the shared labels, fixed values and `==` of the model text."
        )
    kept = tuple(k for k in range(n) if k not in pivots)
    basis, offset = np.zeros((n, len(kept))), np.zeros(n)
    basis[list(kept), range(len(kept))] = 1.0
    for index, pivot in enumerate(pivots):
        basis[pivot] = -matrix[index][list(kept)]
        offset[pivot] = right[index]
    return Reduction(n, kept, basis, offset)


def _tied(table: ParameterTable, free_rows: tuple[int, ...]) -> Reduction | None:
    """Solve ties of free elements by themselves; None where there are none, or other equations."""
    position = {row: element for element, row in enumerate(free_rows)}
    pairs = [(position.get(first), position.get(second)) for first, second in table.ties]
    linear = bool(table.sums) or any(one.op == "==" for one in table.constraints)
    if not pairs or linear:
        return None
    # Of what is tied together the first element stands for all.
    first_of = list(range(len(free_rows)))

    def found(element: int) -> int:
        while first_of[element] != element:
            first_of[element] = first_of[first_of[element]]
            element = first_of[element]
        return element

    for one, other in pairs:
        if one is None or other is None:
            return None
        a, b = sorted((found(one), found(other)))
        first_of[b] = a
    kept = [k for k in range(len(free_rows)) if found(k) == k]
    place = np.zeros(len(free_rows), dtype=np.intp)
    place[kept] = np.arange(len(kept))
    follows = place[[found(k) for k in range(len(free_rows))]]
    basis = np.zeros((len(free_rows), len(kept)))
    basis[np.arange(len(free_rows)), follows] = 1.0
    return Reduction(len(free_rows), tuple(kept), basis, np.zeros(len(free_rows)), follows)


class Equation(NamedTuple):
    """One linear equality constraint: coefficients (n_elements,) @ elements = total.

    `rows` are the rows of the table that take part in it, in the order in which it names them.
    """

    coefficients: Array
    total: float
    name: str
    rows: tuple[int, ...]


def equations(table: ParameterTable, free_rows: tuple[int, ...], values: Array) -> list[Equation]:
    """Collect the linear equality constraints of a table, ties first.

    Parameters
    ----------
    table
        The parameter table.
    free_rows
        Table rows of the free elements.
    values
        Values of all rows; those of the fixed ones count.

    Raises
    ------
    ModelError
        Where a constraint among fixed parameters does not hold.
    """
    position = {row: element for element, row in enumerate(free_rows)}
    found: list[Equation] = []

    def add(terms: dict[int, float], total: float, name: str) -> None:
        equation = np.zeros(len(free_rows))
        for row, coefficient in terms.items():
            if row in position:
                equation[position[row]] += coefficient
            else:
                total -= coefficient * values[row]
        if equation.any():
            found.append(Equation(equation, total, name, tuple(terms)))
        elif abs(total) > 1e-10:
            raise ModelError(f"{name} cannot hold: every parameter in it is fixed to a number.")

    for first, second in table.ties:
        name = f'"{table.describe(first)}" = "{table.describe(second)}"'
        add({first: 1.0, second: -1.0}, 0.0, name)
    for rows_summed, total in table.sums:
        add(dict.fromkeys(rows_summed, 1.0), total, "effect coding")
    labelled = _labelled(table)
    for constraint in table.constraints:
        linear = _linear_terms(constraint, labelled) if constraint.op == "==" else None
        if linear is not None:
            add(*linear, f'"{constraint.text.strip()}"')
    return found


def _linear_terms(
    constraint: Constraint, labelled: dict[str, int]
) -> tuple[dict[int, float], float] | None:
    """Coefficients of the rows in a linear `==`, and its constant; None where it is not linear."""
    left, right = linear_coefficients(constraint.lhs), linear_coefficients(constraint.rhs)
    if left is None or right is None or not {*left[1], *right[1]} <= set(labelled):
        return None
    terms: dict[int, float] = {}
    for sign, side in ((1.0, left[1]), (-1.0, right[1])):
        for name, coefficient in side.items():
            terms[labelled[name]] = terms.get(labelled[name], 0.0) + sign * coefficient
    return terms, right[0] - left[0]


def _labelled(table: ParameterTable) -> dict[str, int]:
    found: dict[str, int] = {}
    for index, row in enumerate(table.parameters):
        if row.label:
            found.setdefault(row.label, index)
    return found


def _require_known_names(table: ParameterTable) -> None:
    """Refuse a constraint or definition that uses a name which nothing bears."""
    known = [*_labelled(table), *(str(d.lhs) for d in table.definitions)]
    for constraint in (*table.definitions, *table.constraints):
        for name in labels_of(constraint):
            if name not in known and not name.startswith("row "):
                raise ModelError(
                    f'"{constraint.text.strip()}" (line {constraint.line}, column '
                    f'{constraint.column}) uses "{name}", which labels no parameter. Labels in the '
                    f"model: {', '.join(known) or 'none'}."
                )


class Rotation(Protocol):
    """Equations that a rotation imposes on rows of the table."""

    @property
    def n_equations(self) -> int:
        """Number of equations."""

    def evaluate(self, values: Array) -> tuple[Array, Array]:
        """Give the equations (m,) and their derivatives (m, n_rows) at the values of all rows."""


@dataclass(frozen=True, eq=False)
class Restrictions:
    """Inequalities and nonlinear equations among the free elements.

    `equal` are differences that have to be 0, `positive` differences that must not be negative.
    `names` are the texts of the former, `bounds` those of the latter. `rotated` are the blocks
    whose rotation imposes equations too, after `equal`.
    """

    table: ParameterTable
    free_rows: tuple[int, ...]
    equal: tuple[tuple[Expression, Expression], ...]
    positive: tuple[tuple[Expression, Expression], ...]
    names: tuple[str, ...] = ()
    bounds: tuple[str, ...] = ()
    rotated: tuple[Rotation, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.equal or self.positive or self.rotated)

    @property
    def n_equal(self) -> int:
        """Number of equations."""
        return len(self.equal) + sum(block.n_equations for block in self.rotated)

    def evaluate(self, kind: str, row_values: Array) -> tuple[Array, Array]:
        """Give the differences of a kind (m,) and their derivatives (m, n_elements)."""
        pairs = self.equal if kind == "equal" else self.positive
        names = Names(self.table, row_values)
        values, slopes = np.zeros(len(pairs)), np.zeros((len(pairs), len(self.free_rows)))
        for k, (larger, smaller) in enumerate(pairs):
            first, second = names.evaluate(larger), names.evaluate(smaller)
            values[k] = first[0] - second[0]
            slopes[k] = (first[1] - second[1])[list(self.free_rows)]
        for block in self.rotated if kind == "equal" else ():
            own, by_row = block.evaluate(row_values)
            values = np.append(values, own)
            slopes = np.vstack([slopes, by_row[:, list(self.free_rows)]])
        return values, slopes


def restrictions(table: ParameterTable, free_rows: tuple[int, ...]) -> Restrictions:
    """Collect what `reduction` leaves over."""
    labelled = _labelled(table)
    equal, positive, names, bounds = [], [], [], []
    for constraint in table.constraints:
        sides = (constraint.lhs, constraint.rhs)
        if constraint.op == "==" and _linear_terms(constraint, labelled) is None:
            equal.append(sides)
            names.append(f'"{constraint.text.strip()}"')
        elif constraint.op in ("<", ">"):
            positive.append(sides if constraint.op == ">" else sides[::-1])
            bounds.append(f'"{constraint.text.strip()}"')
    return Restrictions(
        table, free_rows, tuple(equal), tuple(positive), tuple(names), tuple(bounds)
    )
