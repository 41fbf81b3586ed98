"""The order of the statistics of ordered items at two levels in one vector."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class TwoLevelLayout:
    """Thresholds, item by item; variances between; correlations within; covariances between.

    Pairs (i, j), i < j, stand row by row. `n_thresholds` has one entry an item. The first
    `n_within_only` items are modelled without differences between clusters.
    """

    n_thresholds: tuple[int, ...]
    n_within_only: int = 0

    @property
    def p(self) -> int:
        """Number of items."""
        return len(self.n_thresholds)

    @cached_property
    def items(self) -> Indices:
        """The item of each threshold."""
        return np.repeat(np.arange(self.p), self.n_thresholds)

    @property
    def n_outer(self) -> int:
        """Number of items with differences between clusters, the last ones."""
        return self.p - self.n_within_only

    @cached_property
    def pairs(self) -> tuple[Indices, Indices]:
        """The pairs (i, j) within clusters."""
        return np.triu_indices(self.p, 1)

    @cached_property
    def outer_pairs(self) -> tuple[Indices, Indices]:
        """The pairs between clusters, counted among the items that differ there."""
        return np.triu_indices(self.n_outer, 1)

    @cached_property
    def sections(self) -> tuple[slice, slice, slice, slice]:
        """Where thresholds, variances between, correlations within, covariances between stand."""
        inner, outer = len(self.pairs[0]), len(self.outer_pairs[0])
        ends = np.cumsum([0, len(self.items), self.n_outer, inner, outer]).tolist()
        return slice(*ends[:2]), slice(*ends[1:3]), slice(*ends[2:4]), slice(*ends[3:])

    @property
    def size(self) -> int:
        """Number of statistics."""
        return int(self.sections[-1].stop)

    def places(self, order: Sequence[int]) -> Indices:
        """Places in the vector of the statistics of these items, in the order of a vector.

        All items are named, those without differences between clusters first.
        """
        inner = np.asarray(order, dtype=np.intp)
        outer = inner[self.n_within_only :] - self.n_within_only
        cut, own, within, between = self.sections
        return np.concatenate(
            [
                np.concatenate([cut.start + np.flatnonzero(self.items == k) for k in inner]),
                own.start + outer,
                within.start + _turned(self.pairs, self.p)[np.ix_(inner, inner)][self.pairs],
                between.start
                + _turned(self.outer_pairs, self.n_outer)[np.ix_(outer, outer)][self.outer_pairs],
            ]
        )

    def vector(self, thresholds: Array, within: Array, between: Array) -> Array:
        """Put thresholds (T,) and the matrices of both levels into one vector.

        `within` is (p, p), `between` (n_outer, n_outer).
        """
        own = np.diagonal(between)
        return np.concatenate([thresholds, own, within[self.pairs], between[self.outer_pairs]])

    def parted(self, vector: Array) -> tuple[Array, Array, Array]:
        """Take a vector apart into thresholds, correlations within and covariances between."""
        parts = [vector[place] for place in self.sections]
        within, between = np.eye(self.p), np.diag(parts[1])
        within[self.pairs], between[self.outer_pairs] = parts[2], parts[3]
        within.T[self.pairs], between.T[self.outer_pairs] = parts[2], parts[3]
        return parts[0], within, between

    def labels(self, names: tuple[str, ...]) -> list[tuple[str, str]]:
        """Level and name of each statistic, in lavaan's words: `x|t1`, `x~~x`, `x~~y`."""
        outer = names[self.n_within_only :]
        cut = [f"{names[k]}|t{t + 1}" for k, n in enumerate(self.n_thresholds) for t in range(n)]
        own = [f"{name}~~{name}" for name in outer]
        return [
            *(("between", name) for name in (*cut, *own)),
            *(("within", name) for name in _crossed(names, self.pairs)),
            *(("between", name) for name in _crossed(outer, self.outer_pairs)),
        ]


def _turned(pairs: tuple[Indices, Indices], p: int) -> Indices:
    """Number of each pair, whichever of both stands first, (p, p)."""
    table = np.zeros((p, p), dtype=np.intp)
    table[pairs] = np.arange(len(pairs[0]))
    return np.asarray(table + table.T)


def _crossed(names: tuple[str, ...], pairs: tuple[Indices, Indices]) -> list[str]:
    return [f"{names[a]}~~{names[b]}" for a, b in zip(*pairs, strict=True)]
