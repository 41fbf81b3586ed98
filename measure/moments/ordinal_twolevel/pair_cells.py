"""Probabilities of the cells of a contingency table at every point of a lattice of effects.

Given the effects of a cluster the responses to two items are bivariate normal, cut at thresholds
that the effects move. The probability of a cell is a power series in the correlation within
clusters (see `tetrachoric_series`): its coefficients are products of a factor of the row, which
depends on the effect of the first item alone, and one of the column. So the probabilities at all
points, and their derivatives, are products of two matrices.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.moments.ordinal.tetrachoric_series import hermite_functions
from measure.moments.ordinal_twolevel.lattice import Plane

Array = NDArray[np.float64]

# Terms of the series below this are left out; what rounding leaves of a sum is about as large.
ROUNDING = 1e-14
# Probabilities below this are lost in rounding. An answer that is as improbable as that, whatever
# the effects, no longer pulls at the correlation.
LEAST = 1e-13


class Item(NamedTuple):
    """Thresholds of an item (n_categories - 1,) and the deviation of its cluster effects."""

    thresholds: Array
    tau: float


def n_terms(largest: float) -> int:
    """Number of terms for correlations up to `largest`, second derivatives included.

    The factors of order n are below 1 / sqrt(n) each, so that the n-th term of the second
    derivative is below n rho^(n - 2).
    """
    n = 8
    while n * largest ** (n - 2) > ROUNDING:
        n += max(n // 8, 1)
    return n


@dataclass(frozen=True, eq=False)
class Factors:
    """Factors of the categories of one item at each value of its effect.

    Attributes
    ----------
    categories
        (n_terms, n_categories, k).
    thresholds
        Their derivatives with respect to the threshold at the upper end, which are minus those
        with respect to the same threshold for the category above, (n_terms, n_categories - 1, k).
    """

    categories: Array
    thresholds: Array

    @classmethod
    def of(cls, item: Item, z: Array, terms: int) -> "Factors":
        """Give the factors at effects tau z.

        The derivative of the function of order n is -sqrt(n + 1) times that of order n + 1.
        """
        limits = np.concatenate([[-np.inf], item.thresholds, [np.inf]])
        moved = limits[:, None] - item.tau * z
        values = hermite_functions(moved, terms + 1)
        roots = -np.sqrt(np.arange(1.0, terms + 1))[:, None, None]
        return cls(np.diff(values[:-1], axis=1), roots * values[1:, 1:-1])


@dataclass(frozen=True, eq=False)
class PairFactors:
    """Factors of both items on a plane of effects."""

    plane: Plane
    rows: Factors
    columns: Factors

    @classmethod
    def of(cls, items: tuple[Item, Item], plane: Plane, largest: float) -> "PairFactors":
        """Prepare for correlations up to `largest` in size."""
        terms = n_terms(largest)
        first, second = (
            Factors.of(item, z, terms) for item, z in zip(items, plane.axes, strict=True)
        )
        return cls(plane, first, second)

    def multiplied(self, rows: Array, columns: Array, powers: Array) -> Array:
        """Sum the series at the points of the plane, (n_rows, n_columns, n_points)."""
        n, height, n_rows = rows.shape
        _, width, n_columns = columns.shape
        weighted = (rows * powers[:, None, None]).reshape(n, -1)
        whole = (weighted.T @ columns.reshape(n, -1)).reshape(height, n_rows, width, n_columns)
        first, second = self.plane.places
        return np.moveaxis(whole[:, first, :, second], 0, -1)


@dataclass(frozen=True, eq=False)
class PairCells:
    """The cells at one correlation; arrays are (height, width, n_points)."""

    factors: PairFactors
    rho: float

    @cached_property
    def _powers(self) -> tuple[Array, Array, Array]:
        """rho^n and its derivatives."""
        n = np.arange(len(self.factors.rows.categories), dtype=float)
        value, first, second = (np.zeros(len(n)) for _ in range(3))
        value[:] = np.cumprod(np.concatenate([[1.0], np.full(len(n) - 1, self.rho)]))
        first[1:] = n[1:] * value[:-1]
        second[2:] = n[2:] * first[1:-1]
        return value, first, second

    def _cells(self, order: int) -> Array:
        rows, columns = self.factors.rows.categories, self.factors.columns.categories
        return self.factors.multiplied(rows, columns, self._powers[order])

    @cached_property
    def probabilities(self) -> Array:
        """Probability of each cell."""
        return np.maximum(self._cells(0), LEAST)

    @cached_property
    def scores(self) -> Array:
        """Derivative of the logarithm with respect to rho; 0 where rounding has the upper hand."""
        return np.where(self.probabilities > LEAST, self._cells(1) / self.probabilities, 0.0)

    @cached_property
    def bends(self) -> Array:
        """Second derivative of the logarithm."""
        own = self._cells(2) / self.probabilities - self.scores**2
        return np.where(self.probabilities > LEAST, own, 0.0)

    def threshold_slopes(self, *, of_rows: bool) -> tuple[Array, Array]:
        """Derivatives of the probabilities with respect to thresholds, and of these by rho.

        Those of the rows: (height - 1, width, n_points), for the cells below each threshold; with
        the sign turned they are those of the cells above. Those of the columns likewise with
        (height, width - 1, n_points).
        """
        one, other = self.factors.rows, self.factors.columns
        pair = (one.thresholds, other.categories) if of_rows else (one.categories, other.thresholds)
        value, first, _ = self._powers
        return self.factors.multiplied(*pair, value), self.factors.multiplied(*pair, first)
