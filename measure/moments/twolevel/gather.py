"""Gather the moments of complete rows in clusters."""

import numpy as np

from measure.moments import Moments
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
    kept, nested, sample = [], [], []
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
