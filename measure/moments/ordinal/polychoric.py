"""Polychoric correlations of all pairs of items at once, by maximum likelihood given thresholds.

Second step of the two-step method of Olsson (1979): with the thresholds of both items fixed, the
log-likelihood of a contingency table is sum n_ab log pi_ab(rho), pi_ab the bivariate normal
probability of a cell. Derivatives of pi_ab with respect to rho are differences of the density at
the corners of the cell (Plackett 1954). Arrays have one table per pair in their first dimension;
no pair is looked at by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.bivariate import bivariate_cdf, bivariate_corner, bivariate_density
from measure.distributions import normal_between, normal_cdf
from measure.moments.ordinal.correlation_search import Likelihoods, climb
from measure.moments.ordinal.thresholds import threshold_density

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# The distribution function is right to about 1e-16. Differences of it that are smaller than this
# are computed anew where an answer makes them count, and taken for 0 elsewhere.
FAR = 1e-9
NOTHING = 1e-14
# Smallest probability that a logarithm is taken of.
LEAST = 1e-300
# `bivariate_corner` needs so much correlation. With less, no cell is as improbable as FAR.
SOME = 0.3
# Corners evaluated together; their temporary arrays then stay in the processor's cache.
CORNERS = 20_000


@dataclass(frozen=True, eq=False)
class Tables:
    """Contingency tables of pairs of items, and the limits of the categories of both.

    `counts` (n_pairs, width, width); `rows`, `columns` (n_pairs, width + 1).
    """

    counts: Array
    rows: Array
    columns: Array

    def __len__(self) -> int:
        return len(self.counts)

    def part(self, place: "slice | NDArray[np.bool_] | NDArray[np.intp]") -> "Tables":
        """Some of the tables."""
        return Tables(self.counts[place], self.rows[place], self.columns[place])

    def blocks(self) -> Iterator[slice]:
        """Pairs to be worked on together."""
        per_pair = max((self.rows.shape[1] - 2) * (self.columns.shape[1] - 2), 1)
        size = max(CORNERS // per_pair, 1)
        for begin in range(0, len(self), size):
            yield slice(begin, begin + size)

    @cached_property
    def margins(self) -> tuple[Array, Array]:
        """Normal probabilities below the limits of the rows and of the columns."""
        return normal_cdf(self.rows), normal_cdf(self.columns)

    @property
    def corners(self) -> tuple[Array, Array]:
        """Limits of rows (n_pairs, width - 1, 1) and columns (n_pairs, 1, width - 1) inside."""
        return self.rows[:, 1:-1, None], self.columns[:, None, 1:-1]


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of tables at one correlation each, `rho` (n_pairs,)."""

    tables: Tables
    rho: Array

    @cached_property
    def probabilities(self) -> Array:
        """Probability of each cell, (n_pairs, width, width)."""
        h, k = self.tables.corners
        below_rows, below_columns = self.tables.margins
        n, height, width = self.tables.counts.shape
        below = np.zeros((n, height + 1, width + 1))
        below[:, 1:-1, 1:-1] = bivariate_cdf(h, k, self.rho[:, None, None])
        below[:, :, -1] = below_rows
        below[:, -1, :] = below_columns
        found = np.diff(np.diff(below, axis=1), axis=2)
        answered = (found < FAR) & (self.tables.counts > 0)
        answered &= (np.abs(self.rho) > SOME)[:, None, None]
        result = np.maximum(found, NOTHING)
        if answered.any():
            result[answered] = self._far(np.nonzero(answered), result[answered])
        return result

    def _far(self, cells: tuple[Indices, ...], found: Array) -> Array:
        """Probability of cells far from the diagonal, from those of the corners beyond them.

        With a negative correlation the columns are turned round. Cells that the diagonal crosses
        keep what was found.
        """
        pair, row, column = cells
        sign = np.sign(self.rho[pair])
        h = self.tables.rows[pair, row], self.tables.rows[pair, row + 1]
        k = sign * self.tables.columns[pair, column], sign * self.tables.columns[pair, column + 1]
        k = np.minimum(*k), np.maximum(*k)
        above = h[1] <= k[0]
        # Below the diagonal the limits change their parts.
        near = np.where(above, h[1], k[1]), np.where(above, k[0], h[0])
        far = np.where(above, h[0], k[0]), np.where(above, k[1], h[1])
        apart = near[0] < near[1]
        pair, found = pair[apart], found.copy()
        (a, b), (c, d) = ((one[apart], other[apart]) for one, other in (near, far))
        rho = np.abs(self.rho[pair])
        nearest = bivariate_corner(a, b, rho)
        corners = nearest - bivariate_corner(c, b, rho)
        corners += bivariate_corner(c, d, rho) - bivariate_corner(a, d, rho)
        # A narrow cell may be improbable beside a corner that is not; it was found well.
        small = nearest < 10 * FAR
        found[apart] = np.where(small, np.maximum(corners, LEAST), found[apart])
        return found

    @cached_property
    def density(self) -> Array:
        """Bivariate density at the inner corners."""
        return bivariate_density(*self.tables.corners, self.rho[:, None, None])

    @cached_property
    def slopes(self) -> Array:
        """Derivative of the probabilities with respect to rho."""
        return _over_cells(self.density)

    @cached_property
    def curvatures(self) -> Array:
        """Second derivative of the probabilities with respect to rho."""
        h, k = (np.where(np.isfinite(limit), limit, 0.0) for limit in self.tables.corners)
        rho = self.rho[:, None, None]
        rest = (1 - rho) * (1 + rho)
        bend = rho / rest + ((1 + rho * rho) * h * k - rho * (h * h + k * k)) / rest**2
        return _over_cells(self.density * bend)

    @cached_property
    def scores(self) -> Array:
        """Derivative of the log-probability of each cell with respect to rho."""
        return np.asarray(self.slopes / self.probabilities)

    @cached_property
    def loglik(self) -> Array:
        """Log-likelihood of each table, (n_pairs,)."""
        return np.asarray(np.einsum("pab,pab->p", self.tables.counts, np.log(self.probabilities)))

    @cached_property
    def gradient(self) -> Array:
        """Derivative of the log-likelihoods, (n_pairs,)."""
        return np.asarray(np.einsum("pab,pab->p", self.tables.counts, self.scores))

    @cached_property
    def hessian(self) -> Array:
        """Second derivative of the log-likelihoods, (n_pairs,)."""
        bends = self.curvatures / self.probabilities - self.scores**2
        return np.asarray(np.einsum("pab,pab->p", self.tables.counts, bends))

    @cached_property
    def information(self) -> Array:
        """Expected information about rho, (n_pairs,)."""
        expected = np.einsum("pab,pab->p", self.slopes, self.scores)
        return np.asarray(expected * self.tables.counts.sum(axis=(1, 2)))

    @property
    def likelihoods(self) -> Likelihoods:
        """What the search needs."""
        return Likelihoods(self.loglik, self.gradient, self.hessian, self.information)

    @cached_property
    def row_slopes(self) -> Array:
        """`threshold_slopes` of the rows."""
        return self.threshold_slopes(of_rows=True)

    @cached_property
    def column_slopes(self) -> Array:
        """`threshold_slopes` of the columns."""
        return self.threshold_slopes(of_rows=False)

    def threshold_slopes(self, *, of_rows: bool) -> Array:
        """Derivatives with respect to a threshold, (n_pairs, width - 1, width).

        Moving threshold k of the rows adds phi(tau_k) [Phi(u_b) - Phi(u_b-1)] to the cell (k, b)
        and takes it from (k + 1, b), with u_b = (lambda_b - rho tau_k) / sqrt(1 - rho^2); for
        the columns likewise, with the dimensions exchanged.
        """
        own, other = self._turned(of_rows=of_rows)
        density = threshold_density(own)
        at = np.where(np.isfinite(own[:, 1:-1]), own[:, 1:-1], 0.0)
        root = np.sqrt((1 - self.rho) * (1 + self.rho))[:, None, None]
        turned = (other[:, None, :] - self.rho[:, None, None] * at[:, :, None]) / root
        return density[:, :, None] * normal_between(turned[..., :-1], turned[..., 1:])

    def threshold_bends(self, *, of_rows: bool) -> Array:
        """Derivatives of `threshold_slopes` with respect to rho.

        Differences over b of the derivative of the bivariate density with respect to tau_k,
        -(tau_k - rho lambda_b)/(1 - rho^2) times the density.
        """
        own, other = self._turned(of_rows=of_rows)
        rho = self.rho[:, None, None]
        tau, at = own[:, 1:-1, None], other[:, None, :]
        density = bivariate_density(tau, at, rho)
        there = density > 0
        slope = np.where(there, tau, 0.0) - rho * np.where(there, at, 0.0)
        return np.asarray(-np.diff(slope * density, axis=2) / ((1 - rho) * (1 + rho)))

    def _turned(self, *, of_rows: bool) -> tuple[Array, Array]:
        """Limits with those of the rows, or of the columns, first."""
        limits = self.tables.rows, self.tables.columns
        return limits if of_rows else limits[::-1]


def _over_cells(corners: Array) -> Array:
    """Differences over the cells of what is given at their inner corners and 0 at the outer."""
    n, height, width = corners.shape
    bordered = np.zeros((n, height + 2, width + 2))
    bordered[:, 1:-1, 1:-1] = corners
    return np.diff(np.diff(bordered, axis=1), axis=2)


def polychoric(tables: Tables) -> Array:
    """Correlation of each table by maximum likelihood, (n_pairs,), within `LIMIT` of 0."""
    rho = np.zeros(len(tables))
    for place in tables.blocks():
        rho[place] = _climbed(tables.part(place))
    return rho


def _climbed(tables: Tables) -> Array:
    return climb(lambda some, rho: Cells(tables.part(some), rho).likelihoods, _start(tables))


def _start(tables: Tables) -> Array:
    """Pearson correlation of the category numbers, stretched as for a small correlation.

    To first order in rho, the covariance of category numbers is rho times the sums of the normal
    densities at the thresholds of both items.
    """
    counts = tables.counts
    total = counts.sum(axis=(1, 2))
    places = [np.arange(size, dtype=float) for size in counts.shape[1:]]
    mean_row = counts.sum(axis=2) @ places[0] / total
    mean_column = counts.sum(axis=1) @ places[1] / total
    product = (counts @ places[1]) @ places[0] / total
    stretch = threshold_density(tables.rows).sum(axis=1) * threshold_density(tables.columns).sum(
        axis=1
    )
    covariance = product - mean_row * mean_column
    return np.asarray(
        np.divide(covariance, stretch, out=np.zeros_like(covariance), where=stretch > 0)
    )
