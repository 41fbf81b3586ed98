"""Polychoric matrices of many data sets, as simulations and parallel analysis need them."""

import numpy as np
from numpy.typing import NDArray

from measure.moments.ordinal.kinds import Kinds
from measure.moments.ordinal.pair_tables import PairTables
from measure.moments.ordinal.polychoric import Tables, polychoric

Array = NDArray[np.float64]

# Cells of tables held at once.
CELLS = 2_000_000


def polychoric_matrix(
    codes: NDArray[np.integer],
    n_categories: "int | NDArray[np.integer]",
    *,
    empty_cells: str = "2x2",
) -> Array:
    """Polychoric correlations of answers that are known to be fit for them.

    The tables of many data sets go through one search together.

    Parameters
    ----------
    codes
        Category numbers from 0, (..., n_rows, n_items); negative where an answer is missing.
    n_categories
        Categories of all items, or of each, (n_items,). A category may be without answers.
    empty_cells
        What to do about empty cells, see `measure.polychoric`.

    Returns
    -------
    Array
        (..., n_items, n_items). NaN where an item of the pair has the same answer in every row.
    """
    *several, n_rows, n_items = codes.shape
    sizes = np.broadcast_to(n_categories, n_items)
    layout = Kinds(
        tuple(f"{k}" for k in range(n_items)),
        {f"{k}": tuple(range(size)) for k, size in enumerate(sizes.tolist())},
    )
    flat = codes.reshape(-1, n_rows, n_items)
    matrices = np.empty((len(flat), n_items, n_items))
    step = max(CELLS // (n_items * n_items * layout.width**2), 1)
    for begin in range(0, len(flat), step):
        part = flat[begin : begin + step]
        matrices[begin : begin + step] = _matrices(part, layout, empty_cells)
    return matrices.reshape(*several, n_items, n_items)


def _matrices(codes: NDArray[np.integer], layout: Kinds, empty_cells: str) -> Array:
    found = []
    for one in codes:
        numbers = np.where(one < 0, layout.width, one).astype(np.uint8)
        tables = PairTables.of(np.ascontiguousarray(numbers.T), layout)
        found.append(tables.filled(empty_cells)[0])
    every = Tables(
        np.concatenate([tables.counts for tables in found]),
        np.concatenate([tables.rows for tables in found]),
        np.concatenate([tables.columns for tables in found]),
    )
    constant = ~np.isfinite(every.rows[:, 1:-1]).any(axis=1)
    constant |= ~np.isfinite(every.columns[:, 1:-1]).any(axis=1)
    rho = np.where(constant, np.nan, polychoric(every)).reshape(len(codes), -1)
    matrices = np.zeros((len(codes), len(layout.names), len(layout.names)))
    matrices[:] = np.eye(len(layout.names))
    i, j = layout.order.pairs
    matrices[:, i, j] = matrices[:, j, i] = rho
    return matrices
