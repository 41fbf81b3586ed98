"""The order of the statistics of ordered items at two levels in one vector."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class TwoLevelLayout:
    """Thresholds, item by item; variances between; correlations within; covariances between.

    Pairs (i, j), i < j, stand row by row. `n_thresholds` has one entry an item.
    """

    n_thresholds: tuple[int, ...]

    @property
    def p(self) -> int:
        """Number of items."""
        return len(self.n_thresholds)

    @cached_property
    def items(self) -> Indices:
        """The item of each threshold."""
        return np.repeat(np.arange(self.p), self.n_thresholds)

    @cached_property
    def pairs(self) -> tuple[Indices, Indices]:
        """The pairs (i, j)."""
        return np.triu_indices(self.p, 1)

    @cached_property
    def sections(self) -> tuple[slice, slice, slice, slice]:
        """Where thresholds, variances between, correlations within, covariances between stand."""
        n, pairs = len(self.items), len(self.pairs[0])
        ends = np.cumsum([0, n, self.p, pairs, pairs]).tolist()
        return slice(*ends[:2]), slice(*ends[1:3]), slice(*ends[2:4]), slice(*ends[3:])

    @property
    def size(self) -> int:
        """Number of statistics."""
        return int(self.sections[-1].stop)

    def vector(self, thresholds: Array, within: Array, between: Array) -> Array:
        """Put thresholds (T,) and the matrices of both levels (p, p) into one vector."""
        own = np.diagonal(between)
        return np.concatenate([thresholds, own, within[self.pairs], between[self.pairs]])

    def parted(self, vector: Array) -> tuple[Array, Array, Array]:
        """Take a vector apart into thresholds, correlations within and covariances between."""
        parts = [vector[place] for place in self.sections]
        within, between = np.eye(self.p), np.diag(parts[1])
        for matrix, values in ((within, parts[2]), (between, parts[3])):
            matrix[self.pairs] = values
            matrix.T[self.pairs] = values
        return parts[0], within, between

    def labels(self, names: tuple[str, ...]) -> list[tuple[str, str]]:
        """Level and name of each statistic, in lavaan's words: `x|t1`, `x~~x`, `x~~y`."""
        i, j = self.pairs
        crossed = [f"{names[a]}~~{names[b]}" for a, b in zip(i, j, strict=True)]
        cut = [f"{names[k]}|t{t + 1}" for k, n in enumerate(self.n_thresholds) for t in range(n)]
        own = [f"{name}~~{name}" for name in names]
        return [
            *(("between", name) for name in (*cut, *own)),
            *(("within", name) for name in crossed),
            *(("between", name) for name in crossed),
        ]
