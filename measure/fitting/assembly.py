"""From the parameter table to matrices: where each parameter stands, and what is fixed there."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from measure.errors import ModelError
from measure.model import Block, Implied, Model, Place
from measure.specification.constraints import reduction, restrictions
from measure.specification.levels import WITHIN
from measure.specification.responses import Layout
from measure.specification.table import Parameter, ParameterTable

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
# Sample moments of each block, with the names of its variables.
_Sample = Sequence[tuple[Implied, tuple[str, ...]]]


def build(table: ParameterTable, sample: list[Implied], order: Sequence[tuple[str, ...]]) -> Model:
    """Lay the parameter table out as matrices.

    Parameters
    ----------
    table
        The parameter table.
    sample
        Sample moments of each block, for the variables in `order`; fixed.x takes its values here.
    order
        Names of the observed variables of each block, in the order of its moments.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        Where rows of the table contradict each other.
    """
    free_rows = tuple(index for index, row in enumerate(table.parameters) if row.free)
    position = {row: element for element, row in enumerate(free_rows)}
    own = list(zip(sample, order, strict=True))
    values = np.array([_fixed_value(table, row, own) for row in table.parameters])
    places = [(g, n) for g in range(1, table.n_groups + 1) for n in range(1, table.n_levels + 1)]
    blocks = tuple(
        _block(table, place, names, values, position)
        for place, names in zip(places, order, strict=True)
    )
    return Model(
        table,
        values,
        blocks,
        free_rows,
        reduction(table, free_rows, values),
        restrictions(table, free_rows),
    )


def _fixed_value(table: ParameterTable, row: Parameter, sample: _Sample) -> float:
    if not row.exogenous:
        return row.value
    block = table.block_of(row)
    moments, names = sample[block]
    i = names.index(row.lhs)
    if row.op == "~1":
        return float(moments.mu[i]) if moments.mu is not None else float("nan")
    return float(moments.sigma[i, names.index(row.rhs)])


def _block(
    table: ParameterTable,
    place_of_block: tuple[int, int],
    observed: tuple[str, ...],
    values: Array,
    position: dict[int, int],
) -> Block:
    group, level = place_of_block
    rows = [
        (index, row)
        for index, row in enumerate(table.parameters)
        if (row.group, row.level) == place_of_block
    ]
    dummies = _among_eta(table, level)
    # A block of the text may leave a factor out.
    named = {row.lhs for _, row in rows}
    latent = tuple(f for f in table.latent if f in named)
    eta = (*latent, *(x for x in observed if x in dummies))
    n_observed, n_eta = len(observed), len(eta)
    template = {
        "lambda_": np.zeros((n_observed, n_eta)),
        "theta": np.zeros((n_observed, n_observed)),
        "psi": np.zeros((n_eta, n_eta)),
        "beta": np.zeros((n_eta, n_eta)),
        "nu": np.zeros((n_observed, 1)),
        "alpha": np.zeros((n_eta, 1)),
    }
    for j, name in enumerate(eta[len(latent) :], start=len(latent)):
        template["lambda_"][observed.index(name), j] = 1.0
    layout = table.layout(observed)
    # The scale of ordered items is set within clusters; thresholds stand at both levels.
    scaled = layout is not None and level == WITHIN
    if layout is not None:
        template["tau"] = np.zeros((len(layout.items), 1))
    if scaled:
        template["delta"] = np.ones((n_observed, 1))
    places: dict[int, Place] = {}
    following: dict[int, Place] = {}
    taken: dict[tuple[str, int, int], Parameter] = {}
    for index, row in rows:
        place = _place(row, observed, eta, layout)
        key = (place.matrix, place.i, place.j)
        if key in taken:
            raise ModelError(
                f'"{taken[key]}" and "{row}" are the same parameter, written twice. Keep one.'
            )
        taken[key] = row
        places[index] = place
        if table.follows(row):
            following[index] = place
        elif index not in position:
            template[place.matrix][place.i, place.j] = values[index]
            if place.matrix in ("theta", "psi"):
                template[place.matrix][place.j, place.i] = values[index]
    standing = [(place, position[index]) for index, place in places.items() if index in position]
    theta_scaled, follows = False, tuple[Place, ...]()
    if table.ordered is not None and scaled:
        theta_scaled = table.ordered.parameterization == "theta"
        if not theta_scaled:
            own = (name for name in table.ordered.n_thresholds if name in observed)
            follows = tuple(_residual(name, observed, eta) for name in own)
            standing += [(place, len(position) + k) for k, place in enumerate(follows)]
    return Block(
        group,
        observed,
        eta,
        template,
        places,
        _by_matrix(standing),
        table.meanstructure,
        layout if scaled else None,
        theta_scaled,
        follows,
        following,
        level,
    )


def _among_eta(table: ParameterTable, level: int) -> set[str]:
    """Observed variables that have to stand among eta at a level.

    Those in regressions, and every variable whose residual covaries with one that stands there:
    psi and theta have no element between them. All groups have the same.
    """
    rows = [row for row in table.parameters if row.level == level]
    latent = set(table.latent)
    inside = latent | table.regressed_at(level) | set(table.at_level(level).fixed_x)
    pairs = [{row.lhs, row.rhs} for row in rows if row.op == "~~" and row.lhs != row.rhs]
    while more := set().union(*(pair for pair in pairs if pair & inside)) - inside:
        inside |= more
    return inside - latent


def _by_matrix(
    standing: list[tuple[Place, int]],
) -> dict[str, tuple[Indices, Indices, Indices]]:
    """Index arrays (i, j, element) of the elements of each matrix, from their places."""
    found: dict[str, list[tuple[int, int, int]]] = {}
    for place, element in standing:
        found.setdefault(place.matrix, []).append((place.i, place.j, element))
    result = {}
    for name, entries in found.items():
        columns = np.array(entries, dtype=np.intp).T
        result[name] = (columns[0], columns[1], columns[2])
    return result


def _residual(name: str, observed: tuple[str, ...], eta: tuple[str, ...]) -> Place:
    """Find the residual variance of an observed variable."""
    if name in eta:
        return Place("psi", eta.index(name), eta.index(name))
    return Place("theta", observed.index(name), observed.index(name))


def _place(
    row: Parameter, observed: tuple[str, ...], eta: tuple[str, ...], layout: Layout | None
) -> Place:
    """Find the matrix element that a row of the table stands for."""
    if layout is not None and row.op in ("|", "~*~"):
        item = observed.index(row.lhs)
        if row.op == "~*~":
            return Place("delta", item, 0)
        return Place("tau", sum(layout.n_thresholds[:item]) + int(row.rhs[1:]) - 1, 0)
    if row.op == "=~":
        factor = eta.index(row.lhs)
        if row.rhs in eta:
            return Place("beta", eta.index(row.rhs), factor)
        return Place("lambda_", observed.index(row.rhs), factor)
    if row.op == "~":
        return Place("beta", eta.index(row.lhs), eta.index(row.rhs))
    if row.op == "~1":
        if row.lhs in eta:
            return Place("alpha", eta.index(row.lhs), 0)
        return Place("nu", observed.index(row.lhs), 0)
    if row.lhs in eta and row.rhs in eta:
        i, j = sorted((eta.index(row.lhs), eta.index(row.rhs)))
        return Place("psi", i, j)
    i, j = sorted((observed.index(row.lhs), observed.index(row.rhs)))
    return Place("theta", i, j)
