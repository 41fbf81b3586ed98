"""How two scores go together across clusters when each comes from other members of the cluster.

Scores that the same persons give at the same moment share whatever colours their answers then. The
mean of one score over half of a cluster's members and the mean of the other over the other half do
not: what correlates is what members of a cluster have in common (Ostroff, Kinicki & Clark 2002).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence, numeric_items
from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.threads import on_one_thread

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

FEWEST_CLUSTERS = 10
"""With fewer clusters leaving one out says little about chance."""

MOST_BLOCKS = 200
"""More clusters than these are left out in so many blocks."""

COLUMNS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""The half means of `_halves`: x in the first and the second half, y in the first and second."""

PAIRS = (
    ("split", 0, 3),
    ("split", 1, 2),
    ("same_source", 0, 2),
    ("same_source", 1, 3),
    ("reliability_x", 0, 1),
    ("reliability_y", 2, 3),
)
"""Which two of `COLUMNS` each quantity correlates."""


@dataclass(frozen=True, eq=False, repr=False)
class SplitCluster:
    """How two scores go together across clusters, from other members and from the same.

    Attributes
    ----------
    table
        One row a quantity, `estimate se ci.lower ci.upper`:

        - `split`: x in one half of each cluster with y in the other half;
        - `same_source`: x and y in the same half, so that both rest on as many answers as above;
        - `reliability_x`, `reliability_y`: the same score in the two halves;
        - `corrected`: `split` over the root of the product of the two reliabilities, the
          correlation of what the clusters have in common (Spearman 1904). It may lie beyond 1, and
          is NaN where a reliability is not above 0.

        Correlations are means over the splits; standard errors leave out one cluster after the
        other (jackknife), and intervals are computed from them on Fisher's scale.
    n_clusters, n_obs
        Clusters with at least two members who have both scores, and those members.
    n_dropped
        Rows left out: a score or the cluster is missing, or nobody else is in the cluster.
    n_splits, confidence_level, seed
        As asked for; a seed that was left out is drawn.
    notes
        What the reader has to know.
    """

    table: pd.DataFrame
    n_clusters: int
    n_obs: int
    n_dropped: int
    n_splits: int
    confidence_level: float
    seed: int
    notes: tuple[str, ...]

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "clusters": self.n_clusters,
            "members": self.n_obs,
            "rows left out": self.n_dropped,
            "random splits": self.n_splits,
            "seed": self.seed,
        }
        return facts | {f"note {i}": note for i, note in enumerate(self.notes, start=1)}

    def __repr__(self) -> str:
        return render_text("Split-cluster correlation", self._facts(), {"": self.table})

    def _repr_html_(self) -> str:
        return render_html("Split-cluster correlation", self._facts(), {"": self.table})


@on_one_thread
def split_cluster(
    data: pd.DataFrame,
    x: str,
    y: str,
    *,
    cluster: str,
    n_splits: int = 200,
    confidence_level: float = 0.95,
    seed: int | None = None,
) -> SplitCluster:
    """Correlate x in one half of each cluster's members with y in the other half.

    Parameters
    ----------
    data
        One row a respondent.
    x, y
        Columns with the two scores. Members who lack one of them are left out.
    cluster
        Column that names each respondent's cluster; clusters of one member are left out.
    n_splits
        Random splits into halves. The odd member of a cluster goes to either half by chance.
    confidence_level
        Of the intervals.
    seed
        Of the splits; the same seed gives the same result.

    Returns
    -------
    SplitCluster
        `table` with the correlations and their intervals.

    Raises
    ------
    DataError
        A score cannot be analysed, or fewer than 10 clusters have two members.
    OptionError
        Less than one split, or `confidence_level` outside 0 to 1.

    Notes
    -----
    Clusters weigh alike. With n members of a cluster, variance T between clusters and S among their
    members, a half mean has variance T + 2S/n, so that `split` is smaller than the correlation of
    what clusters have in common by the reliabilities of the halves; `corrected` takes that back.
    `same_source` has in addition 2/n of the covariance of x and y among members.

    In simulations (500 data sets, correlation .5 between clusters, ICC(1) .15 and .20) the 95 %
    intervals of `split` and `corrected` held the truth in 95.6 and 97.8 % with 25 clusters of 12
    members, and in 93.6 and 94.8 % with 60 of 15; percentile intervals of a bootstrap of clusters
    in 94.2 and 86.8 %, and 92.2 and 92.0 %.

    References
    ----------
    Ostroff, C., Kinicki, A. J., & Clark, M. A. (2002). Substantive and operational issues of
    response bias across levels of analysis. Journal of Applied Psychology, 87, 355-368.
    """
    confidence(confidence_level)
    if n_splits < 1:
        raise OptionError(f"n_splits is {n_splits}; give at least 1, better 100 or more.")
    if seed is None:
        seed = int(np.random.default_rng().integers(2**32))
    values, members, dropped = _members(data, x, y, cluster)
    rng = np.random.default_rng(seed)
    halves = _halves(values, members, n_splits, rng)
    n_clusters = int(members[-1]) + 1
    everyone = np.ones((1, n_clusters))
    once = _quantities(halves, everyone)
    without = _quantities(halves, _without(n_clusters))
    rows = {
        name: _interval(float(estimate[0]), without[name], confidence_level)
        for name, estimate in once.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return SplitCluster(
        table=table,
        n_clusters=n_clusters,
        n_obs=len(members),
        n_dropped=dropped,
        n_splits=n_splits,
        confidence_level=confidence_level,
        seed=seed,
        notes=tuple(_notes(table, n_clusters)),
    )


def _members(data: pd.DataFrame, x: str, y: str, cluster: str) -> tuple[Array, Codes, int]:
    """Give the scores (2, n) of members who have both, by cluster, with their cluster's number."""
    scores = numeric_items(data, [x, y])
    if cluster not in data.columns:
        raise DataError(f'the data have no column "{cluster}".')
    used = scores.notna().all(axis=1) & data[cluster].notna()
    codes, _ = pd.factorize(data.loc[used, cluster])
    sizes = np.bincount(codes, minlength=1)
    several = sizes[codes] > 1 if len(codes) else np.zeros(0, dtype=bool)
    if (sizes > 1).sum() < FEWEST_CLUSTERS:
        raise DataError(
            f'only {int((sizes > 1).sum())} values of "{cluster}" have two members with both '
            f'"{x}" and "{y}"; a split-cluster correlation needs {FEWEST_CLUSTERS}.'
        )
    _, members = np.unique(codes[several], return_inverse=True)
    order = np.argsort(members, kind="stable")
    values = scores.loc[used].to_numpy().T[:, several][:, order]
    return values, members[order].astype(np.intp), len(data) - len(members)


def _halves(values: Array, members: Codes, n_splits: int, rng: np.random.Generator) -> Array:
    """Means of x and y over both halves of each cluster, (2, 2, n_splits, n_clusters)."""
    sizes, n = np.bincount(members), len(members)
    drawn = np.empty((n_splits, n))
    first = np.empty((n_splits, len(sizes)), dtype=np.intp)
    for split in range(n_splits):
        drawn[split] = rng.random(n)
        # The odd member goes to the first or the second half.
        first[split] = sizes // 2 + (sizes % 2) * rng.integers(0, 2, len(sizes))
    # What is drawn is below 1: members change places within their cluster only.
    order = np.argsort(members + drawn, axis=1)
    starts = np.stack([np.zeros_like(first), first], axis=2) + (np.cumsum(sizes) - sizes)[:, None]
    starts += n * np.arange(n_splits)[:, None, None]
    counts = np.stack([first, sizes - first], axis=2)
    sums = np.stack([np.add.reduceat(one[order].ravel(), starts.ravel()) for one in values])
    means = sums.reshape(2, *counts.shape) / counts
    return np.ascontiguousarray(np.moveaxis(means, 3, 1))


def _quantities(halves: Array, weights: Array) -> dict[str, Array]:
    """All quantities of the table for samples of clusters, given as weights (n_samples, J)."""
    # Centring first keeps the sums of squares exact for scores far from 0.
    centred = halves - halves.mean(axis=(1, 2, 3), keepdims=True)
    shares = weights / weights.sum(axis=1, keepdims=True)
    columns = [centred[score, half] for score, half in COLUMNS]
    means = [shares @ column.T for column in columns]
    variances = [
        shares @ (column**2).T - mean**2 for column, mean in zip(columns, means, strict=True)
    ]
    of: dict[str, list[Array]] = {}
    for name, i, j in PAIRS:
        covariance = shares @ (columns[i] * columns[j]).T - means[i] * means[j]
        product = variances[i] * variances[j]
        correlation = covariance / np.sqrt(np.where(product > 0, product, np.nan))
        of.setdefault(name, []).append(correlation.mean(axis=1))
    found = {name: np.asarray(np.mean(both, axis=0)) for name, both in of.items()}
    reliabilities = found["reliability_x"], found["reliability_y"]
    product = np.where(np.minimum(*reliabilities) > 0, np.prod(reliabilities, axis=0), np.nan)
    return {**found, "corrected": found["split"] / np.sqrt(product)}


def _without(n_clusters: int) -> Array:
    """Weights of the clusters where each, or each block of them, is left out, (n_blocks, J)."""
    n_blocks = min(n_clusters, MOST_BLOCKS)
    blocks = np.arange(n_clusters) % n_blocks
    return np.asarray(blocks != np.arange(n_blocks)[:, None], dtype=np.float64)


def _interval(estimate: float, without: Array, level: float) -> dict[str, float]:
    """Limits from the jackknife, on Fisher's scale where the estimate is a correlation."""
    from scipy.special import stdtrit

    found = {"estimate": estimate, "se": np.nan, "ci.lower": np.nan, "ci.upper": np.nan}
    n_blocks = len(without)
    if not (np.isfinite(estimate) and np.isfinite(without).all()):
        return found
    spread = (n_blocks - 1) / n_blocks * ((without - without.mean()) ** 2).sum()
    se = float(np.sqrt(spread))
    reach = float(stdtrit(n_blocks - 2, (1 + level) / 2)) * se
    if abs(estimate) < 1:
        z, reach = np.arctanh(estimate), reach / (1 - estimate**2)
        lower, upper = np.tanh([z - reach, z + reach])
    else:
        lower, upper = estimate - reach, estimate + reach
    return found | {"se": se, "ci.lower": float(lower), "ci.upper": float(upper)}


def _notes(table: pd.DataFrame, n_clusters: int) -> list[str]:
    notes = []
    if n_clusters < 30:
        notes.append(f"There are {n_clusters} clusters; with fewer than 30 intervals are rough.")
    unreliable = [
        name
        for name in ("reliability_x", "reliability_y")
        if not float(table["estimate"][name]) > 0
    ]
    if unreliable:
        notes.append(
            f"{' and '.join(unreliable)} is not above 0: members of a cluster have nothing in "
            "common there, so that there is no corrected correlation."
        )
    return notes
