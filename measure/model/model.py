"""The parameter table as matrices, a block for each group and level."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.model.blocks import Block
from measure.model.curvature import Curvature
from measure.model.derivatives import Derivatives, Tie, observed_derivatives
from measure.model.implied import Implied
from measure.model.joined_levels import joined
from measure.model.states import State, state_at
from measure.specification.constraints import Reduction, Restrictions
from measure.specification.levels import BETWEEN, WITHIN
from measure.specification.table import ParameterTable

Array = NDArray[np.float64]

# An inequality is taken to hold as an equation where it is met up to this.
ACTIVE = 1e-6


@dataclass(frozen=True, eq=False)
class Model:
    """A model ready to be evaluated.

    Attributes
    ----------
    table
        The parameter table, with the values that fixed.x takes from the sample filled in.
    blocks
        One per group, or in a two-level model one per group and level.
    free_rows
        Table rows of the free elements, in order.
    reduction
        How the free elements follow from the parameters that are estimated, where labels or
        constraints tie some of them together.
    restrictions
        Inequalities and nonlinear equations that remain.
    """

    table: ParameterTable
    values: Array
    blocks: tuple[Block, ...]
    free_rows: tuple[int, ...]
    reduction: Reduction
    restrictions: Restrictions

    @property
    def n_params(self) -> int:
        """Number of parameters that the search moves, after linear equality constraints."""
        return self.reduction.n_params

    @property
    def n_free(self) -> int:
        """Number of free parameters: each equation, linear or not, takes one away."""
        return self.n_params - self.restrictions.n_equal

    @cached_property
    def ties(self) -> list[Tie] | None:
        """How the elements of each block follow the parameters; None where they do more."""
        follows = self.reduction.follows
        if follows is None:
            return None
        own = [block.own[: np.searchsorted(block.own, len(follows))] for block in self.blocks]
        return [Tie.of(follows[elements], self.n_params) for elements in own]

    @property
    def constrained(self) -> bool:
        """Whether anything ties the free elements together."""
        return self.reduction.basis is not None or bool(self.restrictions)

    def tangent(self, params: Array) -> Array:
        """Directions (n_elements, k) in which the elements can move with all constraints kept.

        An inequality counts where it holds as an equation.
        """
        reduction = self.reduction
        basis = np.eye(reduction.n_elements) if reduction.basis is None else reduction.basis
        if not self.restrictions:
            return basis
        values = self.row_values(params)
        _, slopes = self.restrictions.evaluate("equal", values)
        gaps, others = self.restrictions.evaluate("positive", values)
        held = np.vstack([slopes, others[gaps < ACTIVE]]) @ basis
        if not len(held):
            return basis
        _, sizes, directions = np.linalg.svd(held)
        rank = int((sizes > 1e-9 * max(sizes.max(initial=0.0), 1e-300)).sum())
        return np.asarray(basis @ directions[rank:].T)

    def added_over_levels(self, parts: Sequence[Array]) -> list[Array]:
        """Add up what blocks say of means, (p,) or (p, q) each, over the levels of a group.

        A variable at two levels has one mean only: the sum of those of both. Of a model of one
        level the parts are given as they are.
        """
        levels = self.table.levels
        if levels is None:
            return list(parts)
        found = []
        for inner, outer in zip(parts[::2], parts[1::2], strict=True):
            total = np.zeros((len(levels.names), *inner.shape[1:]))
            total[levels.place(WITHIN)] += inner
            total[levels.place(BETWEEN)] += outer
            found.append(total)
        return found

    def elements(self, params: Array) -> Array:
        """Give the values of all free elements from the reduced parameter vector."""
        return self.reduction.expand(params)

    def row_values(self, params: Array) -> Array:
        """Give the value of every row of the table, fixed ones included."""
        values = self.values.copy()
        values[list(self.free_rows)] = self.elements(params)
        return values

    def table_values(self, params: Array, states: list[State]) -> Array:
        """Give the value of every row, those that follow from the others included."""
        values = self.row_values(params)
        for state in states:
            for index, place in state.block.following_rows.items():
                values[index] = state.matrices[place.matrix][place.i, place.j]
        return values

    def states(self, params: Array) -> list[State]:
        """Evaluate the matrices of every block at `params` (..., n_params)."""
        elements = self.elements(params)
        states = [state_at(block, elements) for block in self.blocks]
        if self.table.levels is None or self.table.ordered is None:
            return states
        return [
            state for pair in zip(states[::2], states[1::2], strict=True) for state in joined(*pair)
        ]

    def implied(self, params: Array) -> list[Implied]:
        """Give the moments that the model implies for each block at `params` (n_params,)."""
        return [state.implied for state in self.states(params)]

    def derivatives(self, states: list[State]) -> list[Derivatives]:
        """Give the derivatives of each block's moments with respect to all free elements."""
        return [observed_derivatives(state, len(self.free_rows)) for state in states]

    def curvatures(self, states: list[State], d: list[Derivatives]) -> list["Curvature"]:
        """Give what second derivatives of each block's moments are formed from."""
        return [Curvature(state, one) for state, one in zip(states, d, strict=True)]
