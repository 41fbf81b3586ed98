"""Standardised solutions: estimates in standard deviations of the factors and of the items."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.definitions import definitions
from measure.model import Model, State, latent_derivatives, observed_derivatives
from measure.table import Parameter

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Standardization:
    """Standardised values of every row of the parameter table, definitions last.

    The Jacobians (n_rows, n_elements) are derivatives with respect to the free elements.
    """

    std_lv: Array
    std_all: Array
    jacobian_lv: Array
    jacobian_all: Array


def standardize(model: Model, params: Array) -> Standardization:
    """Standardise all rows of a model's table at `params` (n_params,)."""
    rows = model.table.parameters
    n_elements = len(model.free_rows)
    raw = model.row_values(params)
    d_raw = np.zeros((len(rows), n_elements))
    d_raw[list(model.free_rows), range(n_elements)] = 1.0
    latent = set(model.table.latent)
    solutions = []
    for kept in (latent, latent | set(model.table.observed)):
        value, slope = raw.copy(), d_raw.copy()
        for state in model.states(params):
            scales = _scales(state, n_elements)
            for index in state.block.places:
                row = rows[index]
                above, below = _units(row, kept)
                _rescale(value, slope, index, [scales[key] for key in above], 0.5)
                _rescale(value, slope, index, [scales[key] for key in below], -0.5)
        solutions.append(_with_definitions(model, value, slope))
    (std_lv, jacobian_lv), (std_all, jacobian_all) = solutions
    return Standardization(std_lv, std_all, jacobian_lv, jacobian_all)


def factors(model: Model, params: Array, kept: set[str], outcomes: set[str] | None = None) -> Array:
    """Give what standardisation multiplies each row of a model's table with, (n_rows,).

    Parameters
    ----------
    model
        The model.
    params
        Its parameters.
    kept
        The variables that are brought to a standard deviation of 1: the factors for `std.lv`, all
        for `std.all`, all but the given predictors for `std.nox`.
    outcomes
        The same for the left side of a regression; by default `kept`.
    """
    rows = model.table.parameters
    value, slope = np.ones(len(rows)), np.zeros((len(rows), len(model.free_rows)))
    for state in model.states(params):
        scales = _scales(state, len(model.free_rows))
        for index in state.block.places:
            row = rows[index]
            above, below = _units(row, kept)
            if row.op == "~" and outcomes is not None:
                below = _units(row, outcomes)[1]
            _rescale(value, slope, index, [scales[key] for key in above], 0.5)
            _rescale(value, slope, index, [scales[key] for key in below], -0.5)
    return value


Scale = tuple[float, Array]


def _scales(state: State, n_elements: int) -> dict[tuple[str, str], Scale]:
    """Variances that standardise, each with its derivatives.

    `total` is the variance of a variable, `residual` the diagonal of psi or theta.
    """
    block = state.block
    scales: dict[tuple[str, str], Scale] = {}
    latent = latent_derivatives(state, n_elements)
    observed = observed_derivatives(state, n_elements)
    for names, variances, d in (
        (block.eta, np.diag(state.covariance), latent),
        (block.observed, np.diag(state.implied.sigma), observed),
    ):
        slopes = 2 * d.u * d.v
        for i, name in enumerate(names):
            scales["total", name] = float(variances[i]), slopes[i]
    for matrix, names in (("theta", block.observed), ("psi", block.eta)):
        variances = np.diag(state.matrices[matrix])
        for i, name in enumerate(names):
            if matrix == "theta" and name in block.eta:
                continue
            slope = np.zeros(n_elements)
            if matrix in block.elements:
                left, right, element = block.elements[matrix]
                slope[element[(left == i) & (right == i)]] = 1.0
            scales["residual", name] = float(variances[i]), slope
    return scales


Key = tuple[str, str]


def _units(row: Parameter, kept: set[str]) -> tuple[list[Key], list[Key]]:
    """Variances whose root a parameter is multiplied with, and divided by."""

    def keys(kind: str, *names: str) -> list[Key]:
        return [(kind, name) for name in names if name in kept]

    if row.op == "=~":
        return keys("total", row.lhs), keys("total", row.rhs)
    if row.op == "~":
        return keys("total", row.rhs), keys("total", row.lhs)
    if row.op == "~1":
        return [], keys("total", row.lhs)
    if row.lhs == row.rhs:
        return [], keys("total", row.lhs) * 2
    return [], keys("residual", row.lhs, row.rhs)


def _rescale(value: Array, slope: Array, index: int, by: list[Scale], power: float) -> None:
    """Multiply row `index` with variances to a power, carrying the derivatives along."""
    for variance, d_variance in by:
        # The root of a negative variance does not exist; lavaan gives NaN likewise.
        factor = variance**power if variance > 0 else float("nan")
        slope[index] = slope[index] * factor + value[index] * power * factor / variance * d_variance
        value[index] *= factor


def _with_definitions(model: Model, value: Array, slope: Array) -> tuple[Array, Array]:
    """Append the `:=` rows, evaluated on the (standardised) values of their labels."""
    defined, d_defined = definitions(model.table, value)
    if not len(defined):
        return value, slope
    return np.append(value, defined), np.vstack([slope, d_defined @ slope])
