"""The asymptotic covariance of sample moments and of scores, without assuming a distribution.

Rows are independent, or (`clusters`) the sums of the rows of each cluster are: with J clusters in
a group the sums of products are multiplied by J/(J - 1) (Binder 1983; as in lavaan).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError, OptionError
from measure.model import vech_places
from measure.moments import Codes, Moments

Array = NDArray[np.float64]

# Clusters below which cluster-robust standard errors are too small (Cameron & Miller 2015).
FEW_CLUSTERS = 50


def few_clusters_note(n_clusters: int | None) -> str:
    """Say that there are few clusters; empty where there are enough, or none."""
    if n_clusters is None or n_clusters >= FEW_CLUSTERS:
        return ""
    return (
        f"There are {n_clusters} clusters; with fewer than {FEW_CLUSTERS} cluster-robust standard "
        "errors tend to be too small."
    )


def contributions(rows: Array, *, means: bool) -> Array:
    """Centred contributions of each row to (m, vech S), (n, p + p*), or to vech S alone."""
    centred = rows - rows.mean(axis=0)
    a, b = vech_places(rows.shape[1])
    products = centred[:, a] * centred[:, b]
    products -= products.mean(axis=0)
    return np.hstack([centred, products]) if means else products


def sums_by_cluster(rows: Array, clusters: Codes) -> Array:
    """Add up the rows (n, k) of each cluster, (n_clusters, k)."""
    _, codes = np.unique(clusters, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(codes.max() + 1))
    return np.asarray(np.add.reduceat(rows[order], starts, axis=0))


def cross_products(rows: Array, clusters: Codes | None) -> Array:
    """Mean outer product (k, k) of rows (n, k), or of their sums within clusters, over n."""
    if clusters is None:
        return np.asarray(rows.T @ rows / len(rows))
    sums = sums_by_cluster(rows, clusters)
    return np.asarray(sums.T @ sums / len(rows) * len(sums) / (len(sums) - 1))


def spanning(clusters: Sequence[Codes]) -> bool:
    """Whether a cluster has rows in several groups."""
    seen = [set(np.unique(own).tolist()) for own in clusters]
    return len(set().union(*seen)) < sum(map(len, seen))


def require_clusters(
    clusters: Sequence[Codes] | None, groups: Sequence[object], column: str | None = None
) -> None:
    """Refuse a single cluster, which says nothing about how clusters differ.

    Raises
    ------
    DataError
        Where all rows, or with clusters inside groups all rows of a group, belong to one cluster.
    """
    if clusters is None:
        return
    crossed = spanning(clusters)
    parts = [np.concatenate(list(clusters))] if crossed else list(clusters)
    named = f' (column "{column}")' if column else ""
    for k, codes in enumerate(parts):
        if len(np.unique(codes)) < 2:
            where = f' in group "{groups[k]}"' if len(groups) > 1 and not crossed else ""
            raise DataError(
                f"the rows used{where} belong to one cluster{named}; cluster-robust standard "
                "errors need at least two, and many more to be trusted. Leave `cluster` out."
            )


def mean_cross_products(parts: Sequence[Array], clusters: Sequence[Codes] | None) -> Array:
    """Mean outer product, over all rows of all groups, of rows (n_g, k) that share columns."""
    if clusters is not None and spanning(clusters):
        return cross_products(np.vstack(parts), np.concatenate(clusters))
    total = sum(map(len, parts))
    own: Sequence[Codes | None] = clusters or [None] * len(parts)
    return np.asarray(
        sum(
            len(part) / total * cross_products(part, codes)
            for part, codes in zip(parts, own, strict=True)
        )
    )


def joint_covariance(
    parts: Sequence[Array], clusters: Sequence[Codes] | None, weights: Array
) -> Array:
    """N times the covariance of the groups' means of rows (n_g, k_g), stacked.

    Block-diagonal, cross_products / weight, unless clusters have rows in several groups.
    """
    sizes = np.cumsum([0, *(part.shape[1] for part in parts)])
    if clusters is not None and spanning(clusters):
        stacked = np.zeros((sum(map(len, parts)), sizes[-1]))
        begin = 0
        for k, part in enumerate(parts):
            stacked[begin : begin + len(part), sizes[k] : sizes[k + 1]] = part / weights[k]
            begin += len(part)
        return cross_products(stacked, np.concatenate(clusters))
    own: Sequence[Codes | None] = clusters or [None] * len(parts)
    joint = np.zeros((sizes[-1], sizes[-1]))
    for k, (part, codes) in enumerate(zip(parts, own, strict=True)):
        place = slice(sizes[k], sizes[k + 1])
        joint[place, place] = cross_products(part, codes) / weights[k]
    return joint


def moment_contributions(
    moments: Moments, *, means: bool, fixed_x: tuple[str, ...] = ()
) -> list[Array]:
    """Contributions of the rows of each group to its moments.

    Their mean outer product is Gamma, n times the covariance matrix of (m, vech S) (Browne 1984,
    eq. 2.3). Given the variables of `fixed_x`, what these alone bring about does not vary: the
    contributions are less those of the values that the rows are expected to have (as in lavaan).

    Raises
    ------
    OptionError
        Where there are only covariances and no rows.
    """
    if moments.rows is None:
        raise OptionError(
            "robust standard errors, scaled tests and WLS need the answers themselves; "
            "sample_cov does not hold them. Give data."
        )
    whole = [contributions(rows, means=means) for rows in moments.rows]
    if not fixed_x:
        return whole
    x = np.array([name in fixed_x for name in moments.names])
    given = [contributions(_expected(rows, x), means=means) for rows in moments.rows]
    return [a - b for a, b in zip(whole, given, strict=True)]


def _expected(rows: Array, x: NDArray[np.bool_]) -> Array:
    """Regress the other variables on x, (n, p), and give their fitted values beside x."""
    design = np.column_stack([np.ones(len(rows)), rows[:, x]])
    fitted = rows.copy()
    fitted[:, ~x] = design @ np.linalg.lstsq(design, rows[:, ~x])[0]
    return fitted
