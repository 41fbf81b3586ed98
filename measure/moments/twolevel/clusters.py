"""The sufficient statistics of complete rows in clusters.

A row is the sum of a part between clusters, with covariances B, and one within, with covariances W.
All that the likelihood asks of the rows are the squares and products about the means of clusters,
and the means and covariances of the means of all clusters of one size n, whose covariance matrix is
B + W/n (McDonald & Goldstein 1989, section 2; Muthen 1990). However many rows there are, there are
as many of these as clusters have different sizes.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.model import Implied
from measure.specification.levels import BETWEEN, WITHIN, Levels

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Clusters:
    """The clusters of one group.

    Variables stand in the order of `levels.names`: those within clusters only, at both levels,
    between clusters only.

    Attributes
    ----------
    levels
        Which variable is modelled where.
    rows
        Complete rows, (n, p).
    of_row
        Cluster of each row, from 0, (n,).
    sizes, counts
        The different sizes of clusters, ascending, and how many clusters have each, (S,).
    of_cluster
        Place of each cluster's size among `sizes`, (J,).
    cluster_means
        (J, p).
    scatter
        Squares and products about the means of clusters, of the variables within, (p_w, p_w).
    means, covariances
        Of the means of the clusters of each size, (S, p) and (S, p, p).
    """

    levels: Levels
    rows: Array
    of_row: Codes
    sizes: Array
    counts: Array
    of_cluster: Codes
    cluster_means: Array
    scatter: Array
    means: Array
    covariances: Array

    @classmethod
    def of(cls, levels: Levels, rows: Array, clusters: Codes) -> "Clusters":
        """Sort rows (n, p) by their clusters, given by any numbers (n,)."""
        _, of_row = np.unique(clusters, return_inverse=True)
        order = np.argsort(of_row, kind="stable")
        n = np.bincount(of_row)
        ordered = rows[order]
        ends = np.cumsum(n)
        cluster_means = np.add.reduceat(ordered, ends - n, axis=0) / n[:, None]
        within = levels.place(WITHIN)
        centred = ordered[:, within] - np.repeat(cluster_means[:, within], n, axis=0)
        sizes, of_cluster = np.unique(n, return_inverse=True)
        means, covariances = [], []
        for k in range(len(sizes)):
            own = cluster_means[of_cluster == k]
            means.append(own.mean(axis=0))
            apart = own - means[-1]
            covariances.append(apart.T @ apart / len(own))
        return cls(
            levels,
            rows,
            of_row,
            sizes.astype(float),
            np.bincount(of_cluster).astype(float),
            of_cluster,
            cluster_means,
            centred.T @ centred,
            np.array(means),
            np.array(covariances),
        )

    def only(self, names: Collection[str]) -> tuple["Clusters", Places, Places]:
        """Give the same with some of the variables, and the places of these at each level."""
        own = np.array([name in names for name in self.levels.names])
        inner, outer = np.flatnonzero(own[self.within]), np.flatnonzero(own[self.between])
        part = Clusters(
            self.levels.only(names),
            self.rows[:, own],
            self.of_row,
            self.sizes,
            self.counts,
            self.of_cluster,
            self.cluster_means[:, own],
            self.scatter[np.ix_(inner, inner)],
            self.means[:, own],
            self.covariances[:, own][:, :, own],
        )
        return part, inner, outer

    def with_moments(self, within: Implied, between: Implied) -> "Clusters":
        """Give as many clusters of the same sizes with these moments, without rows.

        At them the likelihood has its maximum.
        """
        n = self.sizes[:, None, None]
        w, b = self.within, self.between
        covariances = np.zeros_like(self.covariances)
        covariances[:, w, w] += within.sigma / n
        covariances[:, b, b] += between.sigma
        mean = self.levels.total_mean(within.mu, between.mu)
        return replace(
            self,
            rows=np.empty((self.n_rows, 0)),
            cluster_means=np.empty((self.n_clusters, 0)),
            scatter=self.surplus * within.sigma,
            means=np.tile(mean, (len(self.sizes), 1)),
            covariances=covariances,
        )

    @property
    def within(self) -> slice:
        """Where the variables within clusters stand."""
        return self.levels.place(WITHIN)

    @property
    def between(self) -> slice:
        """Where the variables between clusters stand."""
        return self.levels.place(BETWEEN)

    @property
    def n_within(self) -> int:
        """Number of variables within clusters."""
        return len(self.levels.within.observed)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return len(self.of_cluster)

    @property
    def surplus(self) -> int:
        """Rows beyond one a cluster, which alone tell of differences within clusters."""
        return self.n_rows - self.n_clusters

    @property
    def n_answers(self) -> int:
        """Numbers that rows and clusters tell: one of each variable a row, or a cluster."""
        n_within = self.n_within
        return self.n_rows * n_within + self.n_clusters * (len(self.levels.names) - n_within)

    @cached_property
    def scatters(self) -> Array:
        """Squares and products about the mean of each cluster, vech of (p_w, p_w), (J, p_w*).

        Only the scores of clusters need them.
        """
        p = self.n_within
        a, b = np.triu_indices(p)
        order = np.argsort(self.of_row, kind="stable")
        n = self.sizes[self.of_cluster].astype(np.intp)
        found = np.empty((self.n_clusters, len(a)))
        begin = 0
        # Some clusters at a time, so that the products of all rows need not stand side by side.
        for some in np.array_split(np.arange(self.n_clusters), max(1, self.n_rows // CHUNK)):
            rows = order[begin : (begin := begin + int(n[some].sum()))]
            apart = self.rows[rows, :p] - self.cluster_means[self.of_row[rows], :p]
            starts = np.cumsum(n[some]) - n[some]
            found[some] = np.add.reduceat(apart[:, a] * apart[:, b], starts, axis=0)
        return found


# Rows whose products are formed together.
CHUNK = 16_384
