"""Sums of stored answers within clusters, for the analysis of variance."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError
from measure.levels.variance_analysis import Sums
from measure.storage.places import Numbering
from measure.storage.stored_answers import StoredAnswers

Array = NDArray[np.float64]


def cluster_sums(answers: StoredAnswers, items: Sequence[str], cluster: str) -> dict[str, Sums]:
    """Give sizes, means and squared deviations of the clusters of each item.

    Raises
    ------
    DataError
        An item is the cluster, is not numeric, has no answers or one answer everywhere; the cluster
        is missing in all rows.
    """
    answers.require(items)
    answers.require([cluster], "clusters")
    if cluster in items:
        raise DataError(f'"{cluster}" is both an item and the cluster.')
    numbering, kept = Numbering(), _Kept(len(items))
    pairs = zip(answers.numbers(items), answers.batches([cluster]), strict=True)
    for values, batch in pairs:
        kept.add(values, numbering.of(batch[cluster]), len(numbering.labels))
    if not numbering.labels:
        raise DataError(f'cluster "{cluster}" is missing in all rows.')
    return {name: kept.sums(k, name, answers.n_rows) for k, name in enumerate(items)}


class _Kept:
    """Answers, sums and squares of each item within each cluster."""

    def __init__(self, n_items: int) -> None:
        self._totals = np.zeros((3, n_items, 0))
        # Squares of deviations from the first answer of an item lose nothing to large means.
        self._origin = np.full(n_items, np.nan)

    def add(self, values: Array, clusters: NDArray[np.intp], n_clusters: int) -> None:
        """Add rows, of which those without a cluster (-1) do not count."""
        room = n_clusters - self._totals.shape[2]
        if room > 0:
            # Twice as much as is needed, so that little is copied.
            self._totals = np.pad(self._totals, ((0, 0), (0, 0), (0, max(room, n_clusters))))
        width = self._totals.shape[2]
        for k in range(values.shape[1]):
            there = ~np.isnan(values[:, k]) & (clusters >= 0)
            own, places = values[there, k], clusters[there]
            if np.isnan(self._origin[k]) and len(own):
                self._origin[k] = own[0]
            moved = own - self._origin[k]
            for place, weights in enumerate((None, moved, moved**2)):
                self._totals[place, k] += np.bincount(places, weights, width)

    def sums(self, k: int, name: str, n_rows: int) -> Sums:
        """Give what is known of one item."""
        there = self._totals[0, k] > 0
        n, total, squares = self._totals[:, k, there]
        if not len(n):
            raise DataError(f'item "{name}" has no answers. Leave it out.')
        if (total == 0).all() and (squares == 0).all():
            raise DataError(
                f'item "{name}" has the same answer ({self._origin[k]:g}) everywhere: it has no '
                "variance to analyse. Leave it out."
            )
        moved = total / n
        within = float((squares - n * moved**2).sum())
        sizes = n.astype(np.intp)
        return Sums(sizes, moved + self._origin[k], max(within, 0.0), n_rows - int(n.sum()))
