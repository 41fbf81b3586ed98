"""Gather the moments of complete rows in clusters."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.errors import DataError
from measure.model import Implied
from measure.moments import Moments
from measure.moments.asymptotic import spanning
from measure.moments.rows import Rows
from measure.moments.twolevel.checks import require_two_levels
from measure.moments.twolevel.clusters import Clusters
from measure.moments.twolevel.saturated import saturated
from measure.specification.levels import Levels


def from_rows(rows: Rows, levels: Levels) -> Moments:
    """Saturated moments of both levels, of the rows that have all answers.

    Parameters
    ----------
    rows
        Answers, by group, of the variables in the order of `levels.names`, with clusters.
    levels
        Which variable is modelled where.

    Raises
    ------
    DataError
        Where the clusters or a variable do not vary as the model needs it.
    """
    assert rows.clusters is not None
    _require_whole_clusters(rows.clusters)
    kept, nested, sample = [], list[Clusters](), list[Implied]()
    for k, values in enumerate(rows.values):
        whole = ~np.isnan(values).any(axis=1)
        where = f' of group "{rows.groups[k]}"' if len(rows.groups) > 1 else ""
        own = Clusters.of(levels, values[whole], rows.clusters[k][whole])
        require_two_levels(own, where)
        kept.append(rows.clusters[k][whole])
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
