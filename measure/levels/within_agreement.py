"""Whether the members of a cluster agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option
from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.levels.cluster_columns import items_apart_from_cluster

Array = NDArray[np.float64]

# Error variances of skewed answers on five categories (LeBreton & Senter 2008).
SKEWED_NULLS = {"slight": 1.34, "moderate": 0.90, "heavy": 0.44}
NULLS = ("uniform", *SKEWED_NULLS)


@dataclass(frozen=True, eq=False)
class Agreement:
    """Within-group agreement.

    Attributes
    ----------
    items
        A row per cluster and item: `cluster item size rwg ad_mean ad_median awg above_null`.
        `above_null` says that the answers vary more than the null, so that rwg was set to 0.
    clusters
        A row per cluster: `cluster size rwg_j rwg_j_lindell ad_mean ad_median awg above_null`,
        over all items, from rows that answer all of them.
    summary
        `mean median n` over clusters of each index in `clusters`.
    null, null_variance
        The answers expected without agreement, and their variance.
    scale
        Lowest and highest category.
    n_obs, n_dropped
        Rows behind `clusters`, and rows left out because the cluster or an answer is missing.
    notes
        What the reader has to know.
    """

    items: pd.DataFrame
    clusters: pd.DataFrame
    summary: pd.DataFrame
    null: str
    null_variance: float
    scale: tuple[float, float]
    n_obs: int
    n_dropped: int
    notes: tuple[str, ...]

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "null": self.null,
            "variance of the null": self.null_variance,
            "clusters": len(self.clusters),
            "respondents used": self.n_obs,
            "left out (missing answers or cluster)": self.n_dropped,
        }
        return facts | {f"note {i}": note for i, note in enumerate(self.notes, start=1)}

    def __repr__(self) -> str:
        return render_text("Within-group agreement", self._facts(), self._tables())

    def _repr_html_(self) -> str:
        return render_html("Within-group agreement", self._facts(), self._tables())

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {"Over clusters": self.summary}


def agreement(
    data: pd.DataFrame,
    items: str | Sequence[str],
    *,
    cluster: str,
    scale: tuple[float, float] = (1, 5),
    null: str = "uniform",
) -> Agreement:
    """Agreement of the members of each cluster: r_wg, r_wg(J), r*_wg(J), AD and a_wg.

    Parameters
    ----------
    data
        One row a respondent.
    items
        Items of one scale, answered on the same categories.
    cluster
        Column that names each respondent's cluster.
    scale
        Lowest and highest category.
    null
        Answers expected without agreement: `"uniform"` with variance (A² - 1)/12 for A
        categories; with five categories also `"slight"`, `"moderate"` and `"heavy"` skew
        (1.34, .90, .44).

    Returns
    -------
    Agreement

    Raises
    ------
    DataError
        An item or the cluster cannot be analysed; no respondent answered everything.
    OptionError
        `scale` is not a lower and a higher whole number; unknown null, or a skewed null on
        another number of categories than five.

    Notes
    -----
    r_wg = 1 - s²/σ², and 0 where s² is above σ². r_wg(J) = J(1 - v) / (J(1 - v) + v) with v the
    mean item variance over σ², at most 1; Lindell's r*_wg(J) = 1 - v, not truncated. AD is the
    mean absolute deviation from the mean or the median. a_wg compares the variance with the
    largest possible at that mean; it is NaN where the mean is so close to an end of the scale
    that the comparison is not defined, and 1 at the end itself. A cluster of one respondent gives
    NaN. An item is analysed with all its answers in `items`, but `clusters` uses rows that answer
    all items.

    References
    ----------
    James, Demaree & Wolf (1984); Lindell, Brandt & Whitney (1999); Burke & Dunlap (2002);
    Brown & Hauenstein (2005); LeBreton & Senter (2008) for the skewed nulls.
    """
    names = [items] if isinstance(items, str) else list(items)
    null_variance = _null_variance(scale, null)
    numbers = items_apart_from_cluster(data, names, cluster)
    clusters = data[cluster]
    complete = numbers.notna().all(axis=1) & clusters.notna()
    if not complete.any():
        raise DataError(f'no row has an answer to all items and a "{cluster}".')
    each = _item_indices(numbers, clusters, scale, null_variance)
    whole = _scale_indices(numbers[complete], clusters[complete], scale, null_variance)
    indices = ["rwg_j", "rwg_j_lindell", "ad_mean", "ad_median", "awg"]
    return Agreement(
        items=each,
        clusters=whole,
        summary=whole[indices].agg(["mean", "median", "count"]).T.rename(columns={"count": "n"}),
        null=null,
        null_variance=null_variance,
        scale=scale,
        n_obs=int(complete.sum()),
        n_dropped=int((~complete).sum()),
        notes=tuple(_agreement_notes(numbers, clusters, whole, scale)),
    )


class _Spread(NamedTuple):
    """How far the answers of each cluster lie apart: arrays (n_clusters, n_items)."""

    labels: Array
    sizes: Array
    variances: Array
    ad_mean: Array
    ad_median: Array
    awg: Array


def _spread(numbers: pd.DataFrame, clusters: pd.Series, scale: tuple[float, float]) -> _Spread:
    """Give the spread of each item in each cluster, NaN where fewer than two answered it."""
    used = clusters.notna().to_numpy()
    X = numbers.to_numpy(dtype=float)[used]
    codes, labels = pd.factorize(clusters[used])
    n_clusters = len(labels)
    answered = np.isfinite(X)

    def total(values: Array) -> Array:
        filled = np.where(answered, values, 0.0)
        columns = [np.bincount(codes, column, minlength=n_clusters) for column in filled.T]
        return np.stack(columns, axis=1)

    sizes = total(np.ones_like(X))
    medians = pd.DataFrame(X).groupby(codes).median().to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        means = total(X) / sizes
        variances = total((X - means[codes]) ** 2) / (sizes - 1)
        spread = _Spread(
            labels=np.asarray(labels),
            sizes=sizes,
            variances=variances,
            ad_mean=total(np.abs(X - means[codes])) / sizes,
            ad_median=total(np.abs(X - medians[codes])) / sizes,
            awg=_awg(means, variances, sizes, scale),
        )
    for values in spread[2:]:
        values[sizes < 2] = np.nan
    return spread


def _item_indices(
    numbers: pd.DataFrame,
    clusters: pd.Series,
    scale: tuple[float, float],
    null_variance: float,
) -> pd.DataFrame:
    """Agreement indices of each item in each cluster that answered it, item after item."""
    spread = _spread(numbers, clusters, scale)
    v = spread.variances / null_variance
    there = spread.sizes.T > 0
    places = np.broadcast_to(np.arange(len(spread.labels)), there.shape)
    names = np.broadcast_to(np.asarray(numbers.columns, dtype=object)[:, None], there.shape)
    return pd.DataFrame(
        {
            "cluster": spread.labels[places[there]],
            "item": names[there],
            "size": spread.sizes.T[there].astype(int),
            "rwg": (1 - np.minimum(v, 1.0)).T[there],
            "ad_mean": spread.ad_mean.T[there],
            "ad_median": spread.ad_median.T[there],
            "awg": spread.awg.T[there],
            "above_null": (v > 1).T[there],
        }
    )


def _scale_indices(
    numbers: pd.DataFrame,
    clusters: pd.Series,
    scale: tuple[float, float],
    null_variance: float,
) -> pd.DataFrame:
    """Agreement indices of each cluster over all items, from rows without missing answers."""
    spread = _spread(numbers, clusters, scale)
    v = spread.variances.mean(axis=1) / null_variance
    truncated = np.minimum(v, 1.0)
    J = numbers.shape[1]
    # An index that is not defined for one item is left out of the mean over items.
    defined = np.isfinite(spread.awg).sum(axis=1)
    awg = np.where(defined > 0, np.nansum(spread.awg, axis=1) / np.maximum(defined, 1), np.nan)
    return pd.DataFrame(
        {
            "cluster": spread.labels,
            "size": spread.sizes[:, 0].astype(int),
            "rwg_j": J * (1 - truncated) / (J * (1 - truncated) + truncated),
            "rwg_j_lindell": 1 - v,
            "ad_mean": spread.ad_mean.mean(axis=1),
            "ad_median": spread.ad_median.mean(axis=1),
            "awg": awg,
            "above_null": v > 1,
        }
    )


def _awg(means: Array, variances: Array, sizes: Array, scale: tuple[float, float]) -> Array:
    """a_wg (Brown & Hauenstein 2005) of each cluster and item."""
    low, high = scale
    largest = ((high + low) * means - means**2 - high * low) * sizes / (sizes - 1)
    values = 1 - 2 * variances / largest
    values[means < (low * (sizes - 1) + high) / sizes] = np.nan
    values[means > (high * (sizes - 1) + low) / sizes] = np.nan
    values[(means == low) | (means == high)] = 1.0
    return values


def _null_variance(scale: tuple[float, float], null: str) -> float:
    known_option("null", null, NULLS)
    if len(scale) != 2 or not scale[0] < scale[1] or any(end != int(end) for end in scale):
        raise OptionError(
            f"scale is {scale}, but must be the lowest and the highest category as whole numbers, "
            "for example (1, 5)."
        )
    categories = int(scale[1] - scale[0]) + 1
    if null == "uniform":
        return (categories**2 - 1) / 12
    if categories != 5:
        raise OptionError(
            f'null="{null}" is tabled for five categories only, but the scale {scale[0]:g} to '
            f'{scale[1]:g} has {categories}. Use null="uniform".'
        )
    return SKEWED_NULLS[null]


def _agreement_notes(
    numbers: pd.DataFrame, clusters: pd.Series, whole: pd.DataFrame, scale: tuple[float, float]
) -> list[str]:
    notes = []
    single = int((whole["size"] == 1).sum())
    if single:
        notes.append(f"{single} of {len(whole)} clusters have one respondent: no agreement there.")
    lost = clusters.dropna().nunique() - len(whole)
    if lost:
        notes.append(f"{lost} clusters have no respondent who answered all items.")
    above = int(whole["above_null"].sum())
    if above:
        notes.append(
            f"In {above} of {len(whole)} clusters the answers vary more than the null: rwg_j is 0."
        )
    for name in numbers.columns:
        outside = int(((numbers[name] < scale[0]) | (numbers[name] > scale[1])).sum())
        if outside:
            notes.append(
                f'Item "{name}" holds {outside} answers outside the scale {scale[0]:g} to '
                f"{scale[1]:g}: its awg, which depends on the ends of the scale, means nothing. "
                "Give the scale that was used."
            )
    return notes
