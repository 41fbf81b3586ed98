"""Gather the moments of rows in clusters."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.errors import DataError
from measure.model import Implied
from measure.moments import Moments
from measure.moments.asymptotic import spanning
from measure.moments.missing import require_coverage
from measure.moments.rows import Rows
from measure.moments.twolevel.checks import require_known_between, require_two_levels
from measure.moments.twolevel.clusters import Clusters
from measure.moments.twolevel.gaps import GappyClusters
from measure.moments.twolevel.incomplete import saturated_with_gaps
from measure.moments.twolevel.saturated import saturated
from measure.specification.levels import WITHIN, Levels

Array = NDArray[np.float64]


def from_rows(rows: Rows, levels: Levels, *, incomplete: bool = False) -> Moments:
    """Saturated moments of both levels, of the rows that have all answers.

    Parameters
    ----------
    rows
        Answers, by group, of the variables in the order of `levels.names`, with clusters.
    levels
        Which variable is modelled where.
    incomplete
        Use every row with the answers that it has.

    Raises
    ------
    DataError
        Where the clusters or a variable do not vary as the model needs it.
    """
    assert rows.clusters is not None
    _require_whole_clusters(rows.clusters)
    kept, nested, sample = [], list[Clusters | GappyClusters](), list[Implied]()
    for k, values in enumerate(rows.values):
        lacking = np.isnan(values)
        use = ~(lacking.all(axis=1) if incomplete else lacking.any(axis=1))
        where = f' of group "{rows.groups[k]}"' if len(rows.groups) > 1 else ""
        codes = rows.clusters[k][use]
        kept.append(codes)
        if incomplete:
            gappy = gathered_with_gaps(levels, values[use], codes, where)
            nested.append(gappy)
            sample += saturated_with_gaps(gappy)
        else:
            own = Clusters.of(levels, values[use], codes)
            require_two_levels(own, where)
            nested.append(own)
            sample += saturated(own)
    n_obs = tuple(own.n_rows for own in nested)
    return Moments(
        names=rows.names,
        groups=rows.groups,
        n_obs=n_obs,
        sample=tuple(sample),
        counts=n_obs,
        rows=tuple(own.rows for own in nested),
        clusters=tuple(kept),
        n_dropped=rows.n_dropped + sum(map(len, rows.values)) - sum(n_obs),
        nested=tuple(nested),
    )


def gathered_with_gaps(
    levels: Levels, values: Array, codes: NDArray[np.intp], where: str = ""
) -> GappyClusters:
    """Sort rows that may lack answers, and refuse those that say nothing about a level."""
    inner = levels.place(WITHIN)
    if inner.stop:
        require_coverage(values[:, inner], levels.names[inner], where)
    found = GappyClusters.of(levels, values, codes)
    require_known_between(found, where)
    # With gaps filled by cluster means nothing varies within clusters that does not without.
    require_two_levels(found.filled, where)
    return found


def _require_whole_clusters(clusters: Sequence[NDArray[np.intp]]) -> None:
    """Refuse clusters that several groups share: the groups would not be independent."""
    if not spanning(clusters):
        return
    seen = pd.Series(np.concatenate([np.unique(own) for own in clusters])).value_counts()
    raise DataError(
        f"{int((seen > 1).sum())} of {len(seen)} clusters have rows in several groups. In a "
        "two-level model of several groups each cluster belongs to one; where the same name stands "
        "for different clusters of the groups, give each its own."
    )
