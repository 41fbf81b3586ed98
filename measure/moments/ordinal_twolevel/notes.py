"""What the reader of statistics at two levels has to know about them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from measure.moments.ordinal.notes import listed
from measure.moments.ordinal_twolevel.pair_search import LIMIT
from measure.moments.ordinal_twolevel.two_step import TwoLevelStatistics

Array = NDArray[np.float64]


def zero_note(found: TwoLevelStatistics) -> str:
    """Name the items without variance between clusters; empty where there are none."""
    names = [f'"{found.answered.names[i]}"' for i in np.flatnonzero(found.tau == 0)]
    if not names:
        return ""
    return (
        f"the clusters do not differ more in {listed(names)} than their members would make them "
        "differ by chance: the variance between clusters is 0, at the edge of what is possible, "
        "and has no standard error; covariances between clusters with it are 0."
    )


def limit_notes(found: TwoLevelStatistics) -> Iterator[str]:
    """Name the pairs whose correlation is at the limit, for either level."""
    i, j = found.layout.pairs
    names = found.answered.names
    for level, reached in zip(("within", "between"), found.at_limit.T, strict=True):
        pairs = [f'"{names[i[k]]}" and "{names[j[k]]}"' for k in np.flatnonzero(reached)]
        if pairs:
            yield (
                f"the correlation {level} clusters of {listed(pairs)} was followed to the limit of "
                f"{LIMIT} or -{LIMIT}; the likelihood rises further. There is no standard error; "
                "with few clusters, or little variance between them, this says little."
            )


def improper_notes(within: Array, between: Array) -> Iterator[str]:
    """Say which matrices are not positive definite."""
    there = np.diagonal(between) > 0
    matrices = {"within": within, "between": between[np.ix_(there, there)]}
    for level, matrix in matrices.items():
        smallest = float(np.linalg.eigvalsh(matrix)[0]) if len(matrix) else 1.0
        if smallest <= 0:
            yield (
                f"the matrix {level} clusters is not positive definite (smallest eigenvalue "
                f"{smallest:.3g}), as may happen where each pair is estimated by itself."
            )
