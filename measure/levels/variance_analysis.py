"""The one-way analysis of variance of an item: what clusters and their members contribute."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError

Array = NDArray[np.float64]

QUARTILES = {"min": 0.0, "q1": 0.25, "median": 0.5, "q3": 0.75, "max": 1.0}


class Sums(NamedTuple):
    """What the analysis of variance of one item needs to know.

    Attributes
    ----------
    sizes, means
        Answers and their mean, of each cluster, (n_clusters,).
    within
        Sum of squared deviations of the answers from the means of their clusters.
    dropped
        Rows that are not used.
    """

    sizes: NDArray[np.intp]
    means: Array
    within: float
    dropped: int


def one_way(
    item: str, sums: Sums, cluster: str, confidence_level: float
) -> dict[str, float | int | str]:
    """Give the row of an item; see `icc`."""
    from scipy.stats import f

    sizes, means = sums.sizes, sums.means
    _check_clusters(item, cluster, sizes)
    n, n_clusters = int(sizes.sum()), len(sizes)
    df1, df2 = n_clusters - 1, n - n_clusters
    spread = float(sizes @ (means - sizes @ means / n) ** 2)
    between, within = spread / df1, sums.within / df2
    # Rounding leaves a tiny within variance where all members of every cluster agree.
    if within <= 1e-20 * max(between, (float(sizes @ means**2) + sums.within) / n):
        raise DataError(
            f'item "{item}" does not vary within any "{cluster}": it belongs to the '
            "clusters, not to their members, and has no intraclass correlation."
        )
    k_star = float(n - (sizes**2).sum() / n) / df1
    ratio = between / within
    tail = (1 - confidence_level) / 2
    bounds = ratio / np.asarray(f.ppf([1 - tail, tail], df1, df2))
    icc1 = (ratio - 1) / (ratio + k_star - 1)
    lower, upper = ((bounds - 1) / (bounds + k_star - 1)).tolist()
    mean_size = n / n_clusters
    used_icc = max(icc1, 0.0)
    reliabilities = sizes * used_icc / (1 + (sizes - 1) * used_icc)
    return {
        "icc1": icc1,
        "icc1.ci.lower": lower,
        "icc1.ci.upper": upper,
        "icc1_used": used_icc,
        "icc1_mean_size": (ratio - 1) / (ratio + mean_size - 1),
        "share": icc1,
        "share.ci.lower": lower,
        "share.ci.upper": upper,
        "icc2": icc2(ratio),
        "icc2.ci.lower": icc2(float(bounds[0])),
        "icc2.ci.upper": icc2(float(bounds[1])),
        **quartiles(reliabilities),
        "f": ratio,
        "df1": df1,
        "df2": df2,
        "pvalue": float(f.sf(ratio, df1, df2)),
        "ms_between": between,
        "ms_within": within,
        "tau2": (between - within) / k_star,
        "sigma2": within,
        "design_effect": 1 + (float((sizes**2).sum()) / n - 1) * used_icc,
        "n_clusters": n_clusters,
        "mean_size": mean_size,
        "k_star": k_star,
        "n_single": int((sizes == 1).sum()),
        "n": n,
        "dropped": sums.dropped,
        "note": _negative(icc1),
    }


def icc2(ratio: float) -> float:
    """Return 1 - 1/F; equal cluster means (F = 0) have no reliability to speak of: NaN."""
    return 1 - 1 / ratio if ratio > 0 else np.nan


def _negative(icc1: float) -> str:
    if icc1 >= 0:
        return ""
    return (
        f"ICC(1) is negative ({icc1:.3f}): clusters differ less than chance would have it. It "
        "counts as 0."
    )


def quartiles(reliabilities: Array) -> dict[str, float]:
    """Give the ends and quartiles of reliabilities, labelled as `icc` does."""
    found = np.quantile(reliabilities, [*QUARTILES.values()])
    return {f"reliability.{name}": float(x) for name, x in zip(QUARTILES, found, strict=True)}


def _check_clusters(item: object, cluster: str, sizes: NDArray[np.int_]) -> None:
    if len(sizes) < 2:
        raise DataError(
            f'item "{item}" is answered in one "{cluster}" only; differences between clusters need '
            "at least two."
        )
    if (sizes == 1).all():
        raise DataError(
            f'every "{cluster}" has one answer to item "{item}": differences within clusters '
            "cannot be seen. Check whether this column names clusters or respondents."
        )
