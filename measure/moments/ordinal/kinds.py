"""Which variables are ordered, with which categories, and which are continuous."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.specification.responses import Layout

Indices = NDArray[np.intp]


class Pairs(NamedTuple):
    """Some pairs of variables: their places among all pairs, and both members.

    Members are counted among the ordered or among the continuous variables, whichever they are; in
    a mixed pair the ordered one stands first.
    """

    places: Indices
    first: Indices
    second: Indices


@dataclass(frozen=True, eq=False)
class Kinds:
    """Which variable is what; `values` are the category codes of the ordered ones."""

    names: tuple[str, ...]
    values: Mapping[str, tuple[int, ...]]

    @cached_property
    def is_ordered(self) -> NDArray[np.bool_]:
        """Whether each variable is ordered, (p,)."""
        return np.array([name in self.values for name in self.names])

    @cached_property
    def ordered(self) -> Indices:
        """Places of the ordered variables."""
        return np.flatnonzero(self.is_ordered)

    @cached_property
    def continuous(self) -> Indices:
        """Places of the continuous variables."""
        return np.flatnonzero(~self.is_ordered)

    @cached_property
    def n_categories(self) -> Indices:
        """Categories of the ordered variables, (n_ordered,)."""
        counts = [len(self.values[self.names[place]]) for place in self.ordered]
        return np.array(counts, dtype=np.intp)

    @property
    def width(self) -> int:
        """Categories of the variable that has most of them; 1 without ordered ones."""
        return int(self.n_categories.max(initial=1))

    @cached_property
    def n_thresholds(self) -> tuple[int, ...]:
        """Thresholds of each variable, 0 where it is continuous."""
        return tuple(
            len(self.values[name]) - 1 if name in self.values else 0 for name in self.names
        )

    @cached_property
    def thresholds(self) -> tuple[Indices, Indices]:
        """Ordered item, and place within the item, of each threshold."""
        item = np.repeat(np.arange(len(self.ordered)), self.n_categories - 1)
        return item, np.concatenate([np.arange(0), *(np.arange(n - 1) for n in self.n_categories)])

    @cached_property
    def order(self) -> Layout:
        """The order of the statistics."""
        return Layout(self.n_thresholds)

    @cached_property
    def _local(self) -> Indices:
        """Place of each variable among those of its kind."""
        local = np.zeros(len(self.names), dtype=np.intp)
        local[self.ordered] = np.arange(len(self.ordered))
        local[self.continuous] = np.arange(len(self.continuous))
        return local

    @cached_property
    def ordered_pairs(self) -> Pairs:
        """Pairs of ordered variables."""
        i, j = self.order.pairs
        places = np.flatnonzero(self.is_ordered[i] & self.is_ordered[j])
        return Pairs(places, self._local[i[places]], self._local[j[places]])

    @cached_property
    def continuous_pairs(self) -> Pairs:
        """Pairs of continuous variables."""
        i, j = self.order.pairs
        places = np.flatnonzero(~self.is_ordered[i] & ~self.is_ordered[j])
        return Pairs(places, self._local[i[places]], self._local[j[places]])

    @cached_property
    def mixed_pairs(self) -> Pairs:
        """Pairs of an ordered and a continuous variable, in this order."""
        i, j = self.order.pairs
        places = np.flatnonzero(self.is_ordered[i] != self.is_ordered[j])
        i, j = i[places], j[places]
        leads = self.is_ordered[i]
        first, second = np.where(leads, i, j), np.where(leads, j, i)
        return Pairs(places, self._local[first], self._local[second])

    @cached_property
    def kinds(self) -> list[str]:
        """What the correlation of each pair is called."""
        i, j = self.order.pairs
        binary = np.array([n == 1 for n in self.n_thresholds])
        ordered = self.is_ordered[i].astype(int) + self.is_ordered[j]
        words = np.array(["Pearson", "polyserial", "polychoric", "tetrachoric"])
        return list(map(str, words[ordered + (binary[i] & binary[j])]))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names of the statistics in lavaan's words: `x|t1`, `y~1`, `y~~y`, `x~~y`."""
        names = self.names
        item, place = self.thresholds
        values = [names[i] for i in self.continuous]
        return (
            *(f"{names[self.ordered[i]]}|t{k + 1}" for i, k in zip(item, place, strict=True)),
            *(f"{name}~1" for name in values),
            *(f"{name}~~{name}" for name in values),
            *(f"{names[i]}~~{names[j]}" for i, j in zip(*self.order.pairs, strict=True)),
        )
