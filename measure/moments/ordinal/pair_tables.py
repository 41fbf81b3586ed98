"""Contingency tables of all pairs of ordered items, counted together, and their empty cells."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.moments.ordinal.correlation_search import determined
from measure.moments.ordinal.kinds import Kinds
from measure.moments.ordinal.polychoric import Cells, Tables
from measure.moments.ordinal.thresholds import limits_of

Array = NDArray[np.float64]
Codes = NDArray[np.uint8]
Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]

# Indicators held at once. Sums of fewer than 2^24 ones are exact in single precision.
INDICATORS = 2_000_000
# What is added to an empty cell (as in lavaan, Mplus and psych).
ADDED = 0.5
# Tables are sparse where most cells are expected to hold fewer answers than this.
FEW = 5.0
EMPTY_CELLS = ("2x2", "all", "none")


def joint_counts(codes: Codes, width: int) -> Array:
    """Count how often each two categories of each two items go together.

    The product of the matrix of indicators (category c of item i chosen) with itself, accumulated
    over chunks of rows.

    Parameters
    ----------
    codes
        Category numbers, (n_items, n); `width` or more where an answer is missing.
    width
        Categories of the item that has most of them.

    Returns
    -------
    Array
        (n_items, width, n_items, width); an item's own answers stand on the diagonal.
    """
    n_items, n = codes.shape
    size = n_items * width
    counts = np.zeros((size, size))
    step = max(INDICATORS // max(size, 1), 1)
    kinds = np.arange(width, dtype=np.uint8)[None, :, None]
    for begin in range(0, n, step):
        chunk = codes[:, None, begin : begin + step] == kinds
        indicators = chunk.reshape(size, chunk.shape[2]).astype(np.float32)
        counts += indicators @ indicators.T
    return counts.reshape(n_items, width, n_items, width)


@dataclass(frozen=True, eq=False)
class PairTables:
    """The tables of all pairs of ordered items of one group.

    Attributes
    ----------
    margins
        Answers in each category of each item, (n_items, width).
    limits
        Of the categories of each item, (n_items, width + 1).
    counted
        The tables as counted.
    cells
        Which places of a table are cells of both items, (n_pairs, width, width).
    """

    margins: Array
    limits: Array
    counted: Tables
    cells: Mask

    @classmethod
    def of(cls, codes: Codes, layout: Kinds) -> "PairTables":
        """Count the answers of a group, (n_items, n)."""
        width = layout.width
        joint = joint_counts(codes, width)
        margins = np.einsum("icic->ic", joint)
        limits = limits_of(margins)
        first, second = layout.ordered_pairs.first, layout.ordered_pairs.second
        counts = joint[first, :, second]
        real = np.arange(width) < layout.n_categories[:, None]
        cells = real[first][:, :, None] & real[second][:, None, :]
        return cls(margins, limits, Tables(counts, limits[first], limits[second]), cells)

    def only(self, items: Indices, pairs: Indices) -> "PairTables":
        """Give those of some items, and of their pairs."""
        return PairTables(
            self.margins[items], self.limits[items], self.counted.part(pairs), self.cells[pairs]
        )

    @cached_property
    def empty(self) -> Mask:
        """Empty cells."""
        return np.asarray(self.cells & (self.counted.counts == 0))

    @cached_property
    def n_cells(self) -> Array:
        """Cells of each table, (n_pairs,)."""
        return np.asarray(self.cells.sum(axis=(1, 2)), dtype=float)

    def filled(self, empty_cells: str) -> tuple[Tables, Indices]:
        """Put something into empty cells, for the correlations to be estimated from.

        Parameters
        ----------
        empty_cells
            "2x2": in a table of two rows and two columns with one empty cell, 0.5 is added to it
            and to the opposite cell and taken from the other two, so that the margins stay (as
            lavaan does). "all": 0.5 is also added to every empty cell of larger tables. "none":
            nothing is added.

        Returns
        -------
        tuple
            The tables, and the numbers of those that were changed.
        """
        per_table = self.empty.sum(axis=(1, 2))
        square = (self.n_cells == 4) & self.cells[:, :2, :2].all(axis=(1, 2))
        changed = square & (per_table == 1)
        larger = ~square & (per_table > 0)
        if empty_cells != "all":
            larger[:] = False
        if empty_cells == "none":
            changed[:] = False
        if not (changed | larger).any():
            return self.counted, np.zeros(0, dtype=np.intp)
        counts = self.counted.counts.copy()
        counts[larger] += ADDED * self.empty[larger]
        own = self.empty[changed, :2, :2]
        main = own[:, 0, 0] | own[:, 1, 1]
        sign = np.where(main, ADDED, -ADDED)[:, None, None]
        counts[changed, :2, :2] += sign * np.array([[1.0, -1.0], [-1.0, 1.0]])
        filled = Tables(counts, self.counted.rows, self.counted.columns)
        return filled, np.flatnonzero(changed | larger)

    def diagnosis(self, rho: Array) -> "Diagnosis":
        """Compare the tables with what is expected at correlations (n_pairs,)."""
        thin, ratio = np.zeros(len(rho)), np.full(len(rho), np.nan)
        for place in self.counted.blocks():
            part = self.counted.part(place)
            cells = Cells(part, rho[place])
            totals = part.counts.sum(axis=(1, 2))[:, None, None]
            few = (totals * cells.probabilities < FEW) & self.cells[place]
            thin[place] = few.sum(axis=(1, 2))
            products = np.einsum("pab,pab->p", part.counts, cells.scores**2)
            concave = (cells.hessian < 0) & ~determined(rho[place])
            ratio[place][concave] = -products[concave] / cells.hessian[concave]
        return Diagnosis(thin / self.n_cells, ratio)


class Diagnosis(NamedTuple):
    """How well tables bear a polychoric correlation; both (n_pairs,).

    Attributes
    ----------
    thin
        Share of the cells in which fewer than 5 answers are expected.
    information_ratio
        First-order over observed information about the correlation. About 1 where the latent
        responses are normal (White 1982, section 4); far from 1 where they are not. NaN where one
        item determines the other.
    """

    thin: Array
    information_ratio: Array
