"""Mean outer products of the influences of rows, or of their sums within clusters.

Influences are computed for one chunk of rows at a time and never stored for all of them.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from measure.moments.asymptotic import spanning

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Influences held at once.
INFLUENCES = 200_000
# With very many statistics, still so many rows.
SMALLEST_CHUNK = 512
# Takes some rows of a group, and gives their influences (n_statistics, n).
Influences = Callable[[slice | Indices], Array]
# Takes influences or sums of them (k, n), and gives their products (k, k), or the squares (k,).
Product = Callable[[Array], Array]


def joint_covariance(
    groups: Sequence[Influences],
    sizes: Sequence[int],
    clusters: Sequence[Indices] | None,
    n_statistics: int,
) -> Array:
    """N times the covariance of the groups' statistics, stacked.

    Parameters
    ----------
    groups
        Influences of the rows of each group.
    sizes
        Number of rows of each group.
    clusters
        Cluster number of each row; None where rows are independent.
    n_statistics
        Statistics of one group.

    Returns
    -------
    Array
        (G m, G m). The block of a group is its own mean outer product divided by its share of the
        rows; blocks off the diagonal are 0 unless clusters have rows in several groups. With J
        clusters the products are multiplied by J/(J - 1) (Binder 1983).
    """
    m = n_statistics
    if clusters is not None and spanning(clusters):
        return _spanning(groups, sizes, clusters, m, _outer)
    joint = np.zeros((len(groups) * m, len(groups) * m))
    for k, own in enumerate(_means(groups, sizes, clusters, m, _outer)):
        place = slice(k * m, (k + 1) * m)
        joint[place, place] = own
    return joint


def joint_root(
    groups: Sequence[Influences],
    sizes: Sequence[int],
    clusters: Sequence[Indices],
    n_statistics: int,
) -> Array:
    """Give the matrix (G m, n_clusters) whose product with its transpose is `joint_covariance`.

    Its columns are the sums of influences within clusters. With fewer clusters than statistics it
    says the same in less room, and takes fewer products.
    """
    m, total = n_statistics, sum(sizes)
    shares = np.array(sizes, dtype=float) / total
    if spanning(clusters):
        parts = [(groups, clusters, np.repeat(1 / shares, m)[:, None], total)]
    else:
        parts = [
            ([own], [codes], np.ones((m, 1)), size * share)
            for own, codes, size, share in zip(groups, clusters, sizes, shares, strict=True)
        ]
    found = []
    for influences, codes, weights, n in parts:
        sums = np.hstack(list(_sums(influences, codes, m))) * weights
        n_clusters = sums.shape[1]
        found.append(sums * np.sqrt(n_clusters / (n_clusters - 1) / n))
    return found[0] if len(found) == 1 else np.asarray(block_diag(*found))


def joint_variances(
    groups: Sequence[Influences],
    sizes: Sequence[int],
    clusters: Sequence[Indices] | None,
    n_statistics: int,
) -> Array:
    """Diagonal of `joint_covariance`, (G m,); the rest is not computed."""
    if clusters is not None and spanning(clusters):
        return _spanning(groups, sizes, clusters, n_statistics, _squares)
    return np.concatenate(list(_means(groups, sizes, clusters, n_statistics, _squares)))


def _outer(influences: Array) -> Array:
    return influences @ influences.T


def _squares(influences: Array) -> Array:
    return np.asarray(np.einsum("ij,ij->i", influences, influences))


def _means(
    groups: Sequence[Influences],
    sizes: Sequence[int],
    clusters: Sequence[Indices] | None,
    m: int,
    product: Product,
) -> Iterator[Array]:
    """Give the mean products of each group over its share of the rows."""
    total = sum(sizes)
    for k, (influences, size) in enumerate(zip(groups, sizes, strict=True)):
        products = (
            _of_rows(influences, size, m, product)
            if clusters is None
            else _of_clusters([influences], [clusters[k]], m, product)
        )
        yield products / size * (total / size)


def pressed(influences: Influences, places: Indices, matrix: Array) -> Array:
    """Multiply a matrix (k, n_statistics) with the influences of some rows, giving (k, n)."""
    found = np.empty((len(matrix), len(places)))
    step = _step(matrix.shape[1])
    for begin in range(0, len(places), step):
        own = places[begin : begin + step]
        found[:, begin : begin + step] = matrix @ influences(own)
    return found


def _step(m: int) -> int:
    return max(INFLUENCES // max(m, 1), SMALLEST_CHUNK)


def _of_rows(influences: Influences, n: int, m: int, product: Product) -> Array:
    steps = range(0, n, _step(m))
    return sum(
        (product(influences(slice(begin, min(begin + _step(m), n)))) for begin in steps),
        start=np.zeros(()),
    )


def _of_clusters(
    groups: Sequence[Influences],
    clusters: Sequence[Indices],
    m: int,
    product: Product,
    weights: Array | float = 1.0,
) -> Array:
    """Add up the products of the sums within clusters."""
    products: Array = np.zeros(())
    n_clusters = 0
    for sums in _sums(groups, clusters, m):
        products = products + product(sums * weights)
        n_clusters += sums.shape[1]
    return products * (n_clusters / (n_clusters - 1))


def _spanning(
    groups: Sequence[Influences],
    sizes: Sequence[int],
    clusters: Sequence[Indices],
    m: int,
    product: Product,
) -> Array:
    """Give the mean products of all groups, where clusters have rows in several of them."""
    total = sum(sizes)
    weights = np.repeat(total / np.array(sizes, dtype=float), m)[:, None]
    return _of_clusters(groups, clusters, m, product, weights) / total


def _sums(groups: Sequence[Influences], clusters: Sequence[Indices], m: int) -> Iterator[Array]:
    """Give sums of influences within clusters, (n_groups m, n_clusters), some clusters at a time.

    The rows of every group are sorted by cluster; the clusters that are added up together hold
    about as many rows as one chunk, or are one large cluster.
    """
    labels, together = np.unique(np.concatenate(list(clusters)), return_inverse=True)
    ends = np.cumsum([len(own) for own in clusters])
    numbers = np.split(together, ends[:-1])
    orders = [np.argsort(own, kind="stable") for own in numbers]
    ordered = [own[order] for own, order in zip(numbers, orders, strict=True)]
    filled = np.cumsum(np.bincount(together, minlength=len(labels)))
    step = _step(len(groups) * m)
    first = 0
    while first < len(labels):
        before = filled[first - 1] if first else 0
        last = max(int(np.searchsorted(filled, before + step, side="right")), first + 1)
        sums = np.zeros((len(groups) * m, last - first))
        for k, influences in enumerate(groups):
            begin, end = np.searchsorted(ordered[k], [first, last])
            own = sums[k * m : (k + 1) * m]
            for at in range(begin, end, step):
                upto = min(at + step, end)
                _add(own, influences(orders[k][at:upto]), ordered[k][at:upto] - first)
        yield sums
        first = last


def _add(sums: Array, chunk: Array, places: Indices) -> None:
    """Add columns of a chunk, whose places ascend, to those of the sums."""
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    sums[:, places[starts]] += np.add.reduceat(chunk, starts, axis=1)
