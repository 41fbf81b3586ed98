"""Influence of the answers in each cell of a contingency table on its polychoric correlation.

See `category_influence` for the formula.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from measure.moments.ordinal.correlation_search import determined
from measure.moments.ordinal.kinds import Pairs
from measure.moments.ordinal.polychoric import Cells

Array = NDArray[np.float64]


def cell_influence(
    parts: Sequence[tuple[slice, Cells]], pairs: Pairs, thresholds: Array, *, observed: bool
) -> Array:
    """Influence on polychoric correlations of the answers in each cell, over the number of rows.

    Parameters
    ----------
    parts
        Cells of tables as counted at their correlations, and which of the pairs they are.
    pairs
        Which items they belong to.
    thresholds
        Influence on the thresholds, (n_items, width - 1, width + 1), over the number of rows.
    observed
        Whether the information is minus the derivatives of the scores, or products of scores.

    Returns
    -------
    Array
        (n_pairs, width + 1, width + 1); the last place in each dimension stands for a missing
        answer. NaN where one item determines the other.
    """
    width = thresholds.shape[2] - 1
    influence = np.zeros((len(pairs.first), width + 1, width + 1))
    for place, cells in parts:
        info, of_rows, of_columns = (_observed if observed else _products)(cells)
        own = influence[place]
        own[:, :-1, :-1] = cells.scores
        own -= (of_rows[:, None] @ thresholds[pairs.first[place]]).transpose(0, 2, 1)
        own -= of_columns[:, None] @ thresholds[pairs.second[place]]
        own /= np.where((info > 0) & ~determined(cells.rho), info, np.nan)[:, None, None]
    return influence


def _products(cells: Cells) -> tuple[Array, Array, Array]:
    """Sums of products of the score of rho with itself and with those of all thresholds."""
    counts, scores = cells.tables.counts, cells.scores
    weights = np.where(counts > 0, counts * scores / cells.probabilities, 0.0)
    return (
        np.einsum("pab,pab->p", counts * scores, scores),
        _over_edges(cells.row_slopes, weights),
        _over_edges(cells.column_slopes, weights.transpose(0, 2, 1)),
    )


def _observed(cells: Cells) -> tuple[Array, Array, Array]:
    """Minus the sums of the derivatives of the score of rho likewise.

    The score is pi'/pi; moving a threshold changes it by (dpi' - pi'/pi dpi)/pi.
    """
    counts, scores = cells.tables.counts, cells.scores
    weights = np.where(counts > 0, counts / cells.probabilities, 0.0)
    found = []
    for of_rows, slopes in ((True, cells.row_slopes), (False, cells.column_slopes)):
        turn = (0, 1, 2) if of_rows else (0, 2, 1)
        own, weighted = weights.transpose(turn), (weights * scores).transpose(turn)
        steep = _over_edges(cells.threshold_bends(of_rows=of_rows), own)
        found.append(_over_edges(slopes, weighted) - steep)
    return -cells.hessian, found[0], found[1]


def _over_edges(slopes: Array, weights: Array) -> Array:
    """Sum over the cells before a threshold, less those after it, (n_pairs, width - 1)."""
    return np.asarray(np.einsum("pkb,pkb->pk", slopes, weights[:, :-1] - weights[:, 1:]))
