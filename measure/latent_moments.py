"""Latent means and variances of groups, with their derivatives, and what a comparison rests on."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.fitted import Fit
from measure.model import latent_derivatives

Array = NDArray[np.float64]
Pair = tuple[int, int]

# Directions in which the parameters can move are unit vectors; rounding leaves about 1e-15.
STILL = 1e-8


class Gap(NamedTuple):
    """What stands between the means of a factor in two groups: is it free, and on what it rests."""

    free: bool
    anchors: int

    @property
    def compared(self) -> bool:
        """Whether the difference is estimated and means something."""
        return self.free and self.anchors > 0


class Latent:
    """Latent means and variances of all groups, with their derivatives."""

    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        self.factors = fit.model.table.latent
        self.labels = fit.moments.groups
        self.sizes = [int(n) for n in fit.moments.n_obs]
        n_elements = len(fit.model.free_rows)
        self._means, self._variances, self._slopes = [], [], []
        for state in fit.point.states:
            d = latent_derivatives(state, n_elements)
            none = np.zeros((len(state.block.eta), n_elements))
            self._means.append(np.broadcast_to(state.eta_mean, len(none)))
            self._variances.append(state.covariance.diagonal())
            self._slopes.append((none if d.d_mu is None else d.d_mu, d.variances))

    def mean(self, factor: str, group: int) -> tuple[float, Array]:
        """Mean of a factor in a group, and its derivatives (n_elements,)."""
        own = self._place(factor, group)
        return float(self._means[group][own]), self._slopes[group][0][own]

    def variance(self, factor: str, group: int) -> tuple[float, Array]:
        """Variance of a factor in a group, and its derivatives (n_elements,)."""
        own = self._place(factor, group)
        return float(self._variances[group][own]), self._slopes[group][1][own]

    def se(self, slope: Array) -> float:
        """Standard error of a quantity with these derivatives; NaN where the fit has none."""
        return float(np.sqrt(max(float(slope @ self.fit.vcov_elements @ slope), 0.0)))

    def gap(self, factor: str, pair: Pair) -> Gap:
        """Tell whether a difference of means is free, and how many anchors it rests on."""
        slope = self.mean(factor, pair[1])[1] - self.mean(factor, pair[0])[1]
        free = bool(np.abs(slope @ self._directions).max(initial=0.0) > STILL)
        return Gap(free, self._anchors(factor, pair))

    def _place(self, factor: str, group: int) -> int:
        return self.fit.point.states[group].block.eta.index(factor)

    def _anchors(self, factor: str, pair: Pair) -> int:
        """Count the indicators of a factor that work alike in two groups."""
        indicators = [rhs for lhs, op, rhs, _ in self._rows if (lhs, op) == (factor, "=~")]
        alike = 0
        for item in dict.fromkeys(indicators):
            same = self._equal((factor, "=~", item), pair) and self._equal((item, "~1", ""), pair)
            steps = {rhs for lhs, op, rhs, _ in self._rows if (lhs, op) == (item, "|")}
            same &= all(self._equal((item, "|", step), pair) for step in steps)
            # A factor that another one is measured by needs anchors of its own.
            alike += same and (item not in self.factors or self._anchors(item, pair) > 0)
        return alike

    @cached_property
    def _rows(self) -> dict[tuple[str, str, str, int], int]:
        """Place of each parameter in the table, by its name and its group from 1."""
        rows = self.fit.model.table.parameters
        return {(row.lhs, row.op, row.rhs, row.group): k for k, row in enumerate(rows)}

    @cached_property
    def _directions(self) -> Array:
        """Directions in which the free elements can move, (n_elements, k)."""
        return self.fit.model.tangent(self.fit.params)

    @cached_property
    def _elements(self) -> dict[int, int]:
        """Place among the free elements, by the row of the table."""
        return {row: k for k, row in enumerate(self.fit.model.free_rows)}

    def _equal(self, name: tuple[str, str, str], pair: Pair) -> bool:
        """Whether the model keeps a parameter equal in two groups; absent in both is equal."""
        rows = [self._rows[key] for group in pair if (key := (*name, group + 1)) in self._rows]
        if len(rows) < 2:
            return not rows
        values = self.fit.row_values[rows]
        ways = [
            self._directions[self._elements[row]]
            if row in self._elements
            else np.zeros(self._directions.shape[1])
            for row in rows
        ]
        apart = np.abs(ways[0] - ways[1]).max(initial=0.0)
        return bool(apart < STILL and abs(values[0] - values[1]) < STILL * (1 + abs(values[0])))
