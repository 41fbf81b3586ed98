"""Rows in clusters that lack answers: what the likelihood asks of them.

Rows are told apart by which variables they answer. With P_i the inverse of the covariances W of
what row i answers (zero elsewhere), e_i its deviation from the means and B the covariances between
clusters, all that the likelihood asks of a cluster is in A = sum P_i and b = sum P_i e_i. Of its
covariance matrix V over all answers, and with Z the rows' selections of variables,

    Z' V^-1 Z = (I + A B)^-1 A,   Z' V^-1 e = (I + A B)^-1 b,   ln|V| = sum ln|W_i| + ln|I + A B|

(the Woodbury identity; for the model du Toit & du Toit 2008, Multilevel structural equation
modeling, in de Leeuw & Meijer, Handbook of Multilevel Analysis). An evaluation costs an inverse
for each pattern of missing answers and for each cluster, and a product for each pattern within
each cluster, whatever the number of rows that share one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.model import Implied
from measure.moments.patterns import Patterns, patterns_of
from measure.moments.twolevel.clusters import Clusters
from measure.specification.levels import Levels

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Cell:
    """The rows of one pattern: how many each cluster has, and the sums of their answers.

    `clusters` (k,) are the clusters that have any, `counts` (k,) and `sums` (k, p_w) theirs.
    """

    clusters: Codes
    counts: Array
    sums: Array


@dataclass(frozen=True, eq=False)
class Shape:
    """Clusters that know the same of the variables between clusters only.

    `known` are the places of these variables among those between clusters only, `values`
    (J, n_known) what they are, and `members` (J,) which clusters have it so.
    """

    members: Codes
    known: Places
    values: Array


@dataclass(frozen=True, eq=False)
class GappyClusters:
    """The clusters of one group whose rows may lack answers.

    Attributes
    ----------
    filled
        The same rows with each gap filled by the mean of the cluster: for sizes of clusters and
        starting values, never for a result.
    rows
        Answers (n, p) in the order of `levels.names`, NaN for a missing one.
    centre
        Means that are taken off before sums are formed, so that these lose no digits, (p,).
    patterns
        Of the variables within clusters, less `centre`.
    cells
        One a pattern.
    shapes
        Clusters by what they know of the variables between clusters only.
    """

    filled: Clusters
    rows: Array
    centre: Array
    patterns: Patterns
    cells: tuple[Cell, ...]
    shapes: tuple[Shape, ...]

    @classmethod
    def of(cls, levels: Levels, rows: Array, clusters: Codes) -> "GappyClusters":
        """Sort rows (n, p) by clusters, given by any numbers (n,), and by patterns."""
        names, of_row = np.unique(clusters, return_inverse=True)
        n_within, J = len(levels.within.observed), len(names)
        filled = Clusters.of(levels, _filled(rows, of_row, J), of_row)
        centre = filled.rows.mean(axis=0)
        centred = rows - centre
        patterns = patterns_of(centred[:, :n_within])
        cells = []
        answers = np.where(np.isnan(centred[:, :n_within]), 0.0, centred[:, :n_within])
        for k in range(len(patterns.counts)):
            own = np.flatnonzero(patterns.of_row == k)
            there, place, counts = np.unique(of_row[own], return_inverse=True, return_counts=True)
            sums = np.zeros((len(there), n_within))
            np.add.at(sums, place, answers[own])
            cells.append(Cell(there, counts.astype(float), sums))
        between = _first_known(centred[:, n_within:], of_row, J)
        return cls(filled, rows, centre, patterns, tuple(cells), tuple(_shapes(between)))

    def only(self, names: Collection[str]) -> tuple["GappyClusters", Places, Places]:
        """Give the same with some of the variables, and the places of these at each level."""
        levels = self.filled.levels
        own = np.array([name in names for name in levels.names])
        inner = np.flatnonzero(own[self.filled.within])
        outer = np.flatnonzero(own[self.filled.between])
        part = GappyClusters.of(levels.only(names), self.rows[:, own], self.filled.of_row)
        return part, inner, outer

    def with_moments(self, within: Implied, between: Implied) -> Clusters:
        """Give complete clusters of the same sizes with these moments, without rows."""
        return self.filled.with_moments(within, between)

    @property
    def levels(self) -> Levels:
        """Which variable is modelled where."""
        return self.filled.levels

    @property
    def within(self) -> slice:
        """Where the variables within clusters stand."""
        return self.filled.within

    @property
    def between(self) -> slice:
        """Where the variables between clusters stand."""
        return self.filled.between

    @property
    def n_within(self) -> int:
        """Number of variables within clusters."""
        return self.filled.n_within

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return self.filled.n_clusters

    @cached_property
    def scatters(self) -> Array:
        """Squares and products of the answers of each pattern, less `centre`, (P, p_w, p_w)."""
        own = self.patterns
        outer = own.mean[:, :, None] * own.mean[:, None, :]
        return np.asarray(own.counts[:, None, None] * (own.scatter + outer))

    @cached_property
    def n_answers(self) -> int:
        """Numbers that rows and clusters tell."""
        answered = int((self.patterns.observed.sum(axis=1) * self.patterns.counts).sum())
        return answered + sum(shape.values.size for shape in self.shapes)


def _filled(rows: Array, of_row: Codes, n_clusters: int) -> Array:
    """Fill gaps by the mean of the cluster, or of all rows."""
    present = ~np.isnan(rows)
    answers = np.where(present, rows, 0.0)
    sums, counts = np.zeros((2, n_clusters, rows.shape[1]))
    np.add.at(sums, of_row, answers)
    np.add.at(counts, of_row, present)
    total = sums.sum(axis=0) / np.maximum(counts.sum(axis=0), 1.0)
    means = np.where(counts > 0, sums / np.maximum(counts, 1.0), total)
    return np.where(present, rows, means[of_row])


def _first_known(rows: Array, of_row: Codes, n_clusters: int) -> Array:
    """What each cluster is known to have, (J, n); NaN where no row says it."""
    found = np.full((n_clusters, rows.shape[1]), np.nan)
    for k, column in enumerate(rows.T):
        known = np.flatnonzero(~np.isnan(column))[::-1]
        found[of_row[known], k] = column[known]
    return found


def _shapes(between: Array) -> list[Shape]:
    if not between.shape[1]:
        return [Shape(np.arange(len(between)), np.zeros(0, dtype=np.intp), between)]
    patterns = patterns_of(between)
    found = []
    for k, observed in enumerate(patterns.observed):
        members = np.flatnonzero(patterns.of_row == k)
        known = np.flatnonzero(observed)
        found.append(Shape(members, known, between[np.ix_(members, known)]))
    return found
