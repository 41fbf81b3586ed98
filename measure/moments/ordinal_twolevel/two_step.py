"""Statistics of ordered items at two levels: each item first, then each pair.

Two-step maximum likelihood as at one level (Olsson 1979; Muthén 1984), with random effects of
clusters in both steps (Asparouhov & Muthén 2007). With s the scores of a pair's correlations, A
minus their derivatives and C those by the thresholds and deviations t of both items, a cluster
moves the correlations by

    A^-1 (s + C d)

where d is what it moves t by (two-step estimation, Newey & McFadden 1994, section 6). Clusters are
independent of each other, so that the sum of products of these influences, times J/(J - 1) (Binder
1983), estimates the covariance matrix of all statistics. A and C are observed second derivatives:
products of scores would take many clusters.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError
from measure.moments.ordinal_twolevel.item_likelihood import RandomIntercept
from measure.moments.ordinal_twolevel.pair_cells import Item
from measure.moments.ordinal_twolevel.pair_search import PairEstimate, pair_estimate
from measure.moments.ordinal_twolevel.random_intercept import random_intercept
from measure.specification.level_layout import TwoLevelLayout
from measure.threads import on_one_thread

Array = NDArray[np.float64]
Codes = NDArray[np.uint8]
Indices = NDArray[np.intp]

# Effects of a larger deviation leave nothing to see within clusters: a share of 99 % between.
LARGEST_DEVIATION = 10.0
# By so much are correlations of category numbers smaller than those of responses, about.
COARSENED = 1.15
FURTHEST_START = 0.85


class Answered(NamedTuple):
    """Answers to ordered items in clusters.

    Attributes
    ----------
    names
        The items.
    codes
        Category numbers from 0, (n_items, n); larger than any category where missing.
    n_categories
        Of each item, (n_items,).
    clusters
        Number of the cluster of each row, from 0, (n,).
    n_within_only
        So many items, the first ones, are taken not to differ between clusters.
    """

    names: tuple[str, ...]
    codes: Codes
    n_categories: Indices
    clusters: Indices
    n_within_only: int = 0

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.clusters.max()) + 1

    def counts(self, i: int) -> Array:
        """Answers of each cluster in each category of an item, (n_clusters, n_categories)."""
        width = int(self.n_categories[i]) + 1
        places = self.clusters * width + np.minimum(self.codes[i], width - 1)
        counts = np.bincount(places, minlength=self.n_clusters * width)
        return counts.reshape(self.n_clusters, width)[:, :-1].astype(float)

    def pair_counts(self, i: int, j: int) -> Array:
        """Answers of each cluster in each cell of two items, (n_clusters, height, width)."""
        height, width = int(self.n_categories[i]) + 1, int(self.n_categories[j]) + 1
        rows, columns = (
            np.minimum(self.codes[k], size - 1) for k, size in ((i, height), (j, width))
        )
        places = (self.clusters * height + rows) * width + columns
        counts = np.bincount(places, minlength=self.n_clusters * height * width)
        return counts.reshape(self.n_clusters, height, width)[:, :-1, :-1].astype(float)


@dataclass(frozen=True, eq=False)
class TwoLevelStatistics:
    """Thresholds, correlations within and covariances between clusters of ordered items.

    Attributes
    ----------
    answered
        The answers.
    singles
        Estimates of each item.
    pairs
        Estimates of each pair, in the order of the layout.
    """

    answered: Answered
    singles: tuple[RandomIntercept, ...]
    pairs: tuple[PairEstimate, ...]

    @cached_property
    def layout(self) -> TwoLevelLayout:
        """The order of the statistics."""
        answered = self.answered
        counts = tuple(int(n) - 1 for n in answered.n_categories)
        return TwoLevelLayout(counts, answered.n_within_only)

    @property
    def tau(self) -> Array:
        """Standard deviations between clusters, (p,)."""
        return np.array([single.tau for single in self.singles])

    @property
    def at_limit(self) -> NDArray[np.bool_]:
        """Pairs whose correlation within, or between, is at the limit, (n_pairs, 2)."""
        return np.array([pair.at_limit for pair in self.pairs]).reshape(-1, 2)

    @cached_property
    def vector(self) -> Array:
        """The statistics, in the order of the layout."""
        i, j = self.layout.pairs
        tau, outer = self.tau, self._outer
        thresholds = np.concatenate([single.thresholds for single in self.singles])
        rho, r = np.array([(pair.rho, pair.r) for pair in self.pairs]).reshape(-1, 2).T
        between = (r * tau[i] * tau[j])[outer]
        return np.concatenate([thresholds, tau[self.layout.n_within_only :] ** 2, rho, between])

    @property
    def _outer(self) -> NDArray[np.bool_]:
        """Which pairs have a covariance between clusters."""
        return np.asarray(self.layout.pairs[0] >= self.layout.n_within_only)

    @cached_property
    def influence(self) -> Array:
        """Change of the statistics that each cluster brings about, (n_clusters, n_statistics)."""
        singles = [single.influence for single in self.singles]
        tau = self.tau
        thresholds = np.hstack([moved[:, :-1] for moved in singles])
        deviations = np.column_stack([moved[:, -1] for moved in singles])
        within, between = [], []
        for i, j, pair in zip(*self.layout.pairs, self.pairs, strict=True):
            both = np.hstack([singles[i], singles[j]])
            moved = pair.influence + both @ pair.cross.T
            within.append(moved[:, 0])
            shared = tau[j] * deviations[:, i] + tau[i] * deviations[:, j]
            between.append(tau[i] * tau[j] * moved[:, 1] + pair.r * shared)
        variances = (2 * tau * deviations)[:, self.layout.n_within_only :]
        n = self.answered.n_clusters
        inner, outer = (np.reshape(part, (-1, n)).T for part in (within, between))
        return np.hstack([thresholds, variances, inner, outer[:, self._outer]])

    @cached_property
    def covariance(self) -> Array:
        """Covariance matrix of the statistics; that of a variance of 0, and what it takes, is 0."""
        n = self.answered.n_clusters
        return np.asarray(self.influence.T @ self.influence * (n / (n - 1)))


@on_one_thread
def two_step(answered: Answered) -> TwoLevelStatistics:
    """Estimate the statistics of ordered items in clusters.

    Raises
    ------
    DataError
        Where no cluster has two answers to an item, or its answers do not vary within clusters.
    """
    singles = []
    for place, name in enumerate(answered.names):
        counts = answered.counts(place)
        if place < answered.n_within_only:
            singles.append(random_intercept(counts, effects=False))
            continue
        _require_spread(counts, name)
        single = random_intercept(counts)
        if single.tau > LARGEST_DEVIATION or not single.converged:
            raise DataError(_no_spread(name))
        singles.append(single)
    items = [Item(single.thresholds, single.tau) for single in singles]
    rho, r = _starts(answered)
    pairs = []
    for i, j in zip(*np.triu_indices(len(items), 1), strict=True):
        counts = answered.pair_counts(int(i), int(j))
        start = float(rho[i, j]), float(r[i, j])
        pairs.append(pair_estimate(counts, (items[i], items[j]), start))
    return TwoLevelStatistics(answered, tuple(singles), tuple(pairs))


def _require_spread(counts: Array, name: str) -> None:
    sizes = counts.sum(axis=1)
    if (sizes < 2).all():
        raise DataError(
            f'no cluster has two answers to item "{name}": what differs between clusters cannot be '
            "told from what differs between their members. Leave `cluster` out, or give larger "
            "clusters."
        )
    if (counts.max(axis=1) == sizes).all():
        raise DataError(_no_spread(name))


def _no_spread(name: str) -> str:
    return (
        f'the answers to item "{name}" hardly vary within clusters: it belongs to the clusters, '
        "not to their members, and has no two levels. Leave it out."
    )


def _starts(answered: Answered) -> tuple[Array, Array]:
    """Correlations within and between, (p, p), from the analysis of variance of category numbers.

    A missing answer counts as an average one; the search begins there, no more.
    """
    codes = answered.codes.astype(float)
    codes[answered.codes >= answered.n_categories[:, None]] = np.nan
    numbers = np.nan_to_num(codes - np.nanmean(codes, axis=1, keepdims=True))
    n, n_clusters = numbers.shape[1], answered.n_clusters
    sizes = np.bincount(answered.clusters, minlength=n_clusters)
    sums = np.stack([np.bincount(answered.clusters, row, minlength=n_clusters) for row in numbers])
    among = sums / sizes @ sums.T
    within = (numbers @ numbers.T - among) / max(n - n_clusters, 1)
    size = (n - sizes @ sizes / n) / (n_clusters - 1)
    between = (among / (n_clusters - 1) - within) / size
    return _correlations(COARSENED * within, within), _correlations(between, between)


def _correlations(matrix: Array, own: Array) -> Array:
    variances = np.diagonal(own)
    there = variances > 0
    scale = np.where(there, 1 / np.sqrt(np.where(there, variances, 1.0)), 0.0)
    scaled = matrix * np.outer(scale, scale)
    return np.asarray(np.clip(scaled, -FURTHEST_START, FURTHEST_START))
