"""Scores of clusters whose rows lack answers.

Of an element between clusters q'dB q / 2 - tr(K dB) / 2, of one within the sum over rows of
r'dW r / 2 - tr((P - P C P) dW) / 2, and of one that moves means q'dmu, in the terms of
`gap_likelihood`.
"""

import numpy as np
from numpy.typing import NDArray

from measure.moments.twolevel.gap_likelihood import GapLikelihood

Array = NDArray[np.float64]
Places = NDArray[np.intp]
Sides = tuple[Array, Array]


def gap_scores(
    here: GapLikelihood, within: Sides, between: Sides, rest: tuple[Array, Places, Places]
) -> Array:
    """Derivatives of the log-likelihood of each cluster, (J, q).

    Parameters
    ----------
    here
        The likelihood.
    within, between
        u and v (p, q_w) and (p, q_b) of dW = u v' + v u' and dB, in the coordinates of its basis.
    rest
        Derivatives of the means in the coordinates, (p, q), and the places of the elements within
        and between among the q.
    """
    means, inner, outer = rest
    clusters, sums = here.clusters, here.sums
    back = np.linalg.inv(here.basis.axes)
    n_o = clusters.levels.n_within_only
    # q of all variables: those within only, and all between.
    pull = np.hstack([sums.q[:, :n_o], sums.outer])
    total = pull @ (back @ means)
    u, v = (back[clusters.between] @ side for side in between)
    level = np.einsum("jab,ak,bk->jk", sums.spread, u, v, optimize=True)
    total[:, outer] += (sums.outer @ u) * (sums.outer @ v) - level
    u, v = (back[clusters.within] @ side for side in within)
    total[:, inner] += _of_rows(here, u, v)
    return np.asarray(total)


def _of_rows(here: GapLikelihood, u: Array, v: Array) -> Array:
    """What the rows of each cluster add for elements within, (J, q_w)."""
    clusters, sums, p = here.clusters, here.sums, here.clusters.n_within
    rows = clusters.rows[:, :p] - clusters.centre[:p]
    found = np.zeros((clusters.n_clusters, u.shape[1]))
    of_row = clusters.filled.of_row
    for k, (P, cell) in enumerate(zip(sums.inverse, clusters.cells, strict=True)):
        pressed_u, pressed_v = P @ u, P @ v
        own = np.flatnonzero(clusters.patterns.of_row == k)
        gap = np.nan_to_num(rows[own]) - sums.t[of_row[own]] - here.point.mu[:p]
        np.add.at(found, of_row[own], (gap @ pressed_u) * (gap @ pressed_v))
        level = (u * pressed_v).sum(axis=0)
        back = np.einsum(
            "ak,jab,bk->jk", pressed_u, sums.C[cell.clusters], pressed_v, optimize=True
        )
        found[cell.clusters] -= cell.counts[:, None] * (level - back)
    return found
