"""Answers of rows in clusters, as the statistics at two levels take them."""

import numpy as np

from measure.moments.ordinal.codes import coded
from measure.moments.ordinal_twolevel.two_step import Answered
from measure.moments.rows import Rows


def answered_of(rows: Rows, *, pairwise: bool) -> tuple[Answered, int]:
    """Number categories and clusters, and say how many rows were left out.

    Parameters
    ----------
    rows
        Answers of one group, in clusters; all items are ordered.
    pairwise
        Keep every row with an answer, not only the complete ones.

    Raises
    ------
    DataError
        Where the answers of an item are no categories, or there is one cluster.
    """
    found = coded(rows, rows.names, pairwise=pairwise)
    assert found.clusters is not None
    _, clusters = np.unique(found.clusters[0], return_inverse=True)
    answered = Answered(
        found.layout.names, found.codes[0], found.layout.n_categories, clusters.astype(np.intp)
    )
    return answered, found.n_dropped
