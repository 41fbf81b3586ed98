"""Do rows in clusters vary where a model has them vary? What does not is refused by name."""

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError
from measure.moments.complete import require_positive_definite
from measure.moments.twolevel.clusters import Clusters
from measure.moments.twolevel.gaps import GappyClusters

Array = NDArray[np.float64]

# Share of an item's sum of squares below which it does not vary at a level, but for rounding.
NONE = 1e-12


def require_two_levels(clusters: Clusters, where: str = "") -> None:
    """Refuse clusters and variables of one group that a two-level model has nothing to say about.

    Raises
    ------
    DataError
        Where there are fewer clusters than variables between them, or no cluster with two rows; a
        variable that is modelled between clusters only differs within one, a variable that is
        modelled within does not differ there, or one that is modelled at both levels has the same
        mean in all clusters; variables determine each other at a level.
    """
    if clusters.n_clusters < 2:
        raise DataError(
            f"the rows{where} belong to one cluster; a two-level model needs many. Leave `cluster` "
            "and the `level:` blocks out, or name the column of the clusters."
        )
    if not clusters.surplus:
        raise DataError(
            f"every cluster{where} has one row, so that differences within clusters cannot be told "
            "from those between them. Leave `cluster` and the `level:` blocks out, or name the "
            "column of the clusters."
        )
    _require_variances(clusters, where)
    levels, w = clusters.levels, clusters.within
    if clusters.surplus < clusters.n_within:
        raise DataError(
            f"{clusters.n_rows} rows{where} in {clusters.n_clusters} clusters leave "
            f"{clusters.surplus} differences within clusters for {clusters.n_within} variables; at "
            "least as many are needed. Use fewer variables, or gather more answers."
        )
    what = f"the variables{where} within clusters"
    require_positive_definite(clusters.scatter / clusters.surplus, levels.names[w], what)
    own = slice(clusters.n_within, len(levels.names))
    if own.stop > own.start:
        only = clusters.cluster_means[:, own]
        if len(only) <= only.shape[1]:
            raise DataError(
                f"{len(only)} clusters{where} for {only.shape[1]} variables between clusters only: "
                "their covariances need more clusters than variables."
            )
        cov = np.atleast_2d(np.cov(only, rowvar=False, bias=True))
        what = f"the variables{where} between clusters"
        require_positive_definite(cov, levels.names[own], what)


def _require_variances(clusters: Clusters, where: str) -> None:
    levels, n_within = clusters.levels, clusters.n_within
    total = clusters.rows.var(axis=0) * clusters.n_rows
    apart = clusters.rows - clusters.cluster_means[clusters.of_row]
    inner = (apart**2).sum(axis=0)
    for k, name in enumerate(levels.names):
        none_within = inner[k] <= NONE * total[k]
        if k >= n_within and not none_within:
            cluster = int(clusters.of_row[np.argmax(np.abs(apart[:, k]))])
            size = int(clusters.sizes[clusters.of_cluster[cluster]])
            raise DataError(
                f'"{name}" is modelled between clusters only, but differs within them{where} '
                f"(most in a cluster of {size} rows). Give each row the mean of its cluster, or "
                "use it in the block `level: 1` too."
            )
        if k < n_within and none_within:
            raise DataError(
                f'"{name}" is modelled within clusters, but is the same for all rows of each '
                f"cluster{where}. Use it in the block `level: 2` only."
            )
        if name in levels.both and total[k] - inner[k] <= NONE * total[k]:
            raise DataError(
                f'"{name}" is modelled between clusters, but has the same mean in all of '
                f"them{where}. Use it in the block `level: 1` only."
            )


def require_known_between(clusters: GappyClusters, where: str = "") -> None:
    """Refuse variables between clusters only that rows of a cluster contradict each other about.

    Raises
    ------
    DataError
        Naming the variable; also where no cluster has it.
    """
    filled, n_within = clusters.filled, clusters.n_within
    for k, name in enumerate(clusters.levels.names[n_within:], start=n_within):
        column = clusters.rows[:, k]
        known = np.flatnonzero(~np.isnan(column))
        first = np.full(filled.n_clusters, np.nan)
        first[filled.of_row[known[::-1]]] = column[known[::-1]]
        apart = np.abs(column[known] - first[filled.of_row[known]])
        if (apart > NONE * np.abs(column[known]).max(initial=1.0)).any():
            raise DataError(
                f'"{name}" is modelled between clusters only, but differs within them{where}. Give '
                "each row the mean of its cluster, or use it in the block `level: 1` too."
            )
