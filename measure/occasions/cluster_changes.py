"""Difference in change from one number a cluster: what few clusters can carry."""

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.occasions.observed_changes import Observed, Scores
from measure.occasions.occasions import Occasions
from measure.occasions.regressions import reach, two_sided

Array = NDArray[np.float64]
COLUMNS = (
    *("factor", "group", "against", "from", "to", "n_clusters", "n_clusters.against"),
    *("raw", "se", "df", "pvalue", "ci.lower", "ci.upper", "pvalue.permutation"),
)
FEWEST = 2


def cluster_changes(
    scores: Scores,
    where: Occasions,
    pairs: Sequence[tuple[int, int]],
    *,
    n_permutations: int,
    seed: int,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Compare the mean changes of clusters of two groups; see `latent_changes.change_difference`.

    Returns
    -------
    The table, empty without clusters, and what has to be said about it.
    """
    empty = pd.DataFrame(columns=list(COLUMNS))
    some = next(iter(scores.values()))
    if some.clusters is None:
        return empty, ()
    groups_of = pd.Series(some.group).groupby(some.clusters).nunique()
    if (groups_of > 1).any():
        return empty, (
            "Clusters have members in both groups, so that they cannot be reallocated as wholes: "
            "there is no table of one number a cluster.",
        )
    rng = np.random.default_rng(seed)
    rows = []
    for group in range(1, len(where.groups)):
        for first, later in pairs:
            for factor, own in scores.items():
                changes, labels = _changes(own, first, later)
                rows.append(
                    {
                        "factor": factor,
                        "group": where.groups[group],
                        "against": where.groups[0],
                        "from": where.waves[first],
                        "to": where.waves[later],
                        **_compared(
                            changes[labels == group], changes[labels == 0], n_permutations, rng
                        ),
                    }
                )
    return pd.DataFrame(rows, columns=list(COLUMNS)), (
        f"Reallocations of clusters: all, or {n_permutations} random ones with the seed {seed}.",
    )


def _changes(own: Observed, first: int, later: int) -> tuple[Array, NDArray[np.intp]]:
    """Give the mean change of each cluster that has one, and its group."""
    assert own.clusters is not None
    frame = pd.DataFrame(
        {"before": own.scores[:, first], "after": own.scores[:, later], "group": own.group}
    )
    if not own.across:
        frame = frame.dropna()
    by = frame.groupby(own.clusters[frame.index])
    moved = by["after"].mean() - by["before"].mean()
    there = moved.notna()
    labels = by["group"].first()[there].to_numpy(dtype=np.intp)
    return moved[there].to_numpy(dtype=float), labels


def _compared(
    mine: Array, other: Array, n_permutations: int, rng: np.random.Generator
) -> dict[str, object]:
    """Compare the mean changes of the clusters of two groups (Welch 1947; permutation)."""
    row: dict[str, object] = {"n_clusters": len(mine), "n_clusters.against": len(other)}
    if min(len(mine), len(other)) < FEWEST:
        return row | dict.fromkeys(COLUMNS[7:], np.nan)
    difference = float(mine.mean() - other.mean())
    parts = [float(own.var(ddof=1)) / len(own) for own in (mine, other)]
    se = float(np.sqrt(sum(parts)))
    lost = sum(part**2 / (len(own) - 1) for part, own in zip(parts, (mine, other), strict=True))
    df = sum(parts) ** 2 / lost if lost > 0 else np.nan
    half = reach(df) * se
    return row | {
        "raw": difference,
        "se": se,
        "df": df,
        "pvalue": two_sided(difference / se, df),
        "ci.lower": difference - half,
        "ci.upper": difference + half,
        "pvalue.permutation": _permuted(mine, other, n_permutations, rng),
    }


def _permuted(mine: Array, other: Array, n_permutations: int, rng: np.random.Generator) -> float:
    """Share of reallocations whose difference is as far from 0 (Edgington & Onghena 2007)."""
    pooled, n = np.concatenate([mine, other]), len(mine)
    seen = abs(mine.mean() - other.mean())
    if comb(len(pooled), n) <= n_permutations:
        chosen = np.array(list(combinations(range(len(pooled)), n)))
        extra = 0
    else:
        chosen = np.argsort(rng.random((n_permutations, len(pooled))), axis=1)[:, :n]
        extra = 1
    sums = pooled[chosen].sum(axis=1)
    gaps = np.abs(sums / n - (pooled.sum() - sums) / len(other))
    # A difference is as large as itself whatever the order of the sum rounds it to.
    as_far = int((gaps >= seen * (1 - 1e-12)).sum())
    return (as_far + extra) / (len(gaps) + extra)
