"""Standardised solutions: estimates in standard deviations of the factors and of the items.

A standardised value is the estimate times roots of variances and of their inverses: for a loading
the root of the factor's variance over the root of the item's (Bollen 1989, p. 124 f.). Written as
est * prod_s V_s^e_s with the exponents e of each row, its derivatives follow at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.model import (
    Block,
    Derivatives,
    Model,
    State,
    latent_derivatives,
    observed_derivatives,
)
from measure.specification.definitions import defined_values, definitions
from measure.specification.table import Parameter

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Standardization:
    """Standardised values of every row of the parameter table, definitions last.

    `states` are the model's matrices at the estimates, `raw` the value of each row. The Jacobians
    (n_rows, n_elements) are derivatives with respect to the free elements.
    """

    model: Model
    states: list[State]
    raw: Array

    @cached_property
    def std_lv(self) -> Array:
        """Factors standardised."""
        return self._values(items=False)

    @cached_property
    def std_all(self) -> Array:
        """Factors and items standardised."""
        return self._values(items=True)

    @cached_property
    def jacobian_lv(self) -> Array:
        """Derivatives of `std_lv`."""
        return self._jacobian(items=False)

    @cached_property
    def jacobian_all(self) -> Array:
        """Derivatives of `std_all`."""
        return self._jacobian(items=True)

    @cached_property
    def _observed(self) -> list[Derivatives]:
        """Derivatives of the observed moments, per block."""
        return [observed_derivatives(state, len(self.model.free_rows)) for state in self.states]

    def _following(self) -> Iterator[tuple[int, Array]]:
        """Rows whose values follow from the elements, each with its derivatives (n_elements,)."""
        for state, d in zip(self.states, self._observed, strict=True):
            block = state.block
            for index, place in block.following_rows.items():
                if d.following is not None:
                    yield index, d.following.slope[block.follows.index(place)]
                elif d.scale is not None and d.scale.d_delta is not None:
                    yield index, d.scale.d_delta[place.i]

    @cached_property
    def _variance_slopes(self) -> Array:
        """Derivatives of the variances, (n_scales, n_elements)."""
        n_elements = len(self.model.free_rows)
        parts = []
        for state, observed in zip(self.states, self._observed, strict=True):
            parts += [latent_derivatives(state, n_elements).variances, observed.variances]
            for matrix in ("psi", "theta"):
                n_all = n_elements + len(state.block.follows)
                slope = np.zeros((len(state.matrices[matrix]), n_all))
                if matrix in state.block.elements:
                    i, j, element = state.block.elements[matrix]
                    slope[i[i == j], element[i == j]] = 1.0
                if observed.following is not None:
                    moved = slope[:, n_elements:] @ observed.following.slope
                    slope = slope[:, :n_elements] + moved
                parts.append(slope)
        return np.vstack(parts)

    def factors(self, kept: set[str], outcomes: set[str] | None = None) -> Array:
        """Give what standardisation multiplies each row of the table with, (n_rows,).

        Parameters
        ----------
        kept
            The variables that are brought to a standard deviation of 1: the factors for `std.lv`,
            all for `std.all`, all but the given predictors for `std.nox`.
        outcomes
            The same for the left side of a regression; by default `kept`.
        """
        powers = _restricted(self._powers, self.model, kept, outcomes)
        return _factor(powers, self._variances)

    @cached_property
    def _powers(self) -> Array:
        """Exponents of each row where all variables are standardised, (n_rows, n_scales)."""
        return _exponents(self.model)

    @cached_property
    def _variances(self) -> Array:
        """Variances that standardise, (n_scales,)."""
        return _variances(self.states)

    def _values(self, *, items: bool) -> Array:
        value = self.raw * self.factors(_kept(self.model, items=items))
        return np.append(value, definitions(self.model.table, value)[0])

    def _jacobian(self, *, items: bool) -> Array:
        kept = _kept(self.model, items=items)
        powers, variances = _restricted(self._powers, self.model, kept), self._variances
        relative = powers / np.where(variances > 0, variances, 1.0)
        factor = _factor(powers, variances)
        value = self.raw * factor
        slope = value[:, None] * (relative @ self._variance_slopes)
        free = list(self.model.free_rows)
        slope[free, range(len(free))] += factor[free]
        for index, own in self._following():
            slope[index] += factor[index] * own
        defined = definitions(self.model.table, value)[1]
        return np.vstack([slope, defined @ slope]) if len(defined) else slope


def standardize(model: Model, params: Array) -> Standardization:
    """Standardise all rows of a model's table at `params` (n_params,)."""
    states = model.states(params)
    return Standardization(model, states, model.table_values(params, states))


def standardized_values(model: Model, states: list[State], raw: Array) -> Array:
    """Standardise (std.all) the rows of many solutions at once, without derivatives.

    Parameters
    ----------
    model
        The model.
    states
        Its matrices, with a leading dimension over solutions.
    raw
        Values of the rows, (n, n_rows).

    Returns
    -------
    (n, n_rows + n_definitions); NaN where a variance to divide by is negative.
    """
    value = raw * _factor(_exponents(model), _variances(states))
    return np.hstack([value, defined_values(model.table, value)])


def _kept(model: Model, *, items: bool) -> set[str]:
    """Variables that are brought to a standard deviation of 1: the factors, or all."""
    table = model.table
    return {*table.latent, *table.observed} if items else set(table.latent)


def _variances(states: list[State]) -> Array:
    """Variances that standardise, of all blocks one after the other (see `_scale_names`)."""
    parts = []
    for state in states:
        residuals = state.matrices["psi"], state.matrices["theta"]
        for matrix in (state.covariance, state.sigma, *residuals):
            parts.append(matrix.diagonal(axis1=-2, axis2=-1))
    stack = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
    return np.concatenate(
        [np.broadcast_to(part, (*stack, part.shape[-1])) for part in parts], axis=-1
    )


def _factor(powers: Array, variances: Array) -> Array:
    """What each estimate is multiplied with (..., n_rows), from variances (..., n_scales)."""
    positive = variances > 0
    if positive.all():
        return np.asarray(np.exp(np.log(variances) @ powers.T))
    factor = np.exp(np.log(np.where(positive, variances, 1.0)) @ powers.T)
    # The root of a negative variance does not exist; lavaan gives NaN likewise.
    return np.where(~positive @ (powers != 0).T, np.nan, factor)


Key = tuple[str, str]


def _scale_names(block: Block) -> list[Key]:
    """Name the variances of a block: totals of eta and of the observed, residuals likewise."""
    names = [("total", name) for name in block.eta]
    names += [("total", name) for name in block.observed]
    names += [("residual", name) for name in block.eta]
    # The residual of an observed variable that stands among eta is there.
    return names + [("" if name in block.eta else "residual", name) for name in block.observed]


def _exponents(model: Model) -> Array:
    """Powers of the variances that each row is multiplied with, (n_rows, n_scales)."""
    rows = model.table.parameters
    names = [_scale_names(block) for block in model.blocks]
    powers = np.zeros((len(rows), sum(map(len, names))))
    begin = 0
    for block, own in zip(model.blocks, names, strict=True):
        # Observed variables that stand among eta have the same total twice; the later one counts.
        place = {key: begin + k for k, key in enumerate(own)}
        for index in block.places:
            for key, power in _units(rows[index]):
                powers[index, place[key]] = power
        begin += len(own)
    return powers


def _restricted(
    powers: Array, model: Model, kept: set[str], outcomes: set[str] | None = None
) -> Array:
    """Leave only the powers of variables that are standardised; see `Standardization.factors`."""
    names = [name for block in model.blocks for _, name in _scale_names(block)]
    own: Array = powers * np.array([name in kept for name in names])
    if outcomes is not None:
        paths = [k for k, row in enumerate(model.table.parameters) if row.op == "~"]
        divided = np.minimum(powers[paths], 0.0) * np.array([name in outcomes for name in names])
        own[paths] = np.maximum(own[paths], 0.0) + divided
    return own


def _units(row: Parameter) -> list[tuple[Key, float]]:
    """Powers of the variances that a parameter is multiplied with."""
    if row.op == "=~":
        return [(("total", row.lhs), 0.5), (("total", row.rhs), -0.5)]
    if row.op == "~":
        return [(("total", row.rhs), 0.5), (("total", row.lhs), -0.5)]
    if row.op in ("~1", "|"):
        return [(("total", row.lhs), -0.5)]
    if row.op == "~*~":
        # A scaling factor is 1 over a standard deviation.
        return [(("total", row.lhs), 0.5)]
    if row.lhs == row.rhs:
        return [(("total", row.lhs), -1.0)]
    return [(("residual", row.lhs), -0.5), (("residual", row.rhs), -0.5)]
