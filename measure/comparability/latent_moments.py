"""Latent means and variances of groups, with their derivatives, and what a comparison rests on."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.fitting.fitted import Fit
from measure.model import latent_derivatives

Array = NDArray[np.float64]
Moment = tuple[float, Array]
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
    """Latent means and variances of all groups, with their derivatives.

    Parameters
    ----------
    fit
        A model of several groups.
    unit
        The group whose standard deviations are the units of composites.
    composites
        Sums of several factors, each over its standard deviation in that group, by their names.
    """

    def __init__(
        self, fit: Fit, unit: int = 0, composites: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.fit = fit
        self.unit = unit
        self.factors = fit.model.table.latent
        self.composites = {} if composites is None else dict(composites)
        self.labels = fit.moments.groups
        self.sizes = [int(n) for n in fit.moments.n_obs]
        self._states = fit.point.states
        self._slopes = [latent_derivatives(one, len(fit.model.free_rows)) for one in self._states]
        self._spread = fit.vcov_elements
        self._known: dict[tuple[str, str, int], Moment] = {}
        self._alike: dict[tuple[str, str, str], NDArray[np.bool_]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All that has a mean: the factors, then the composites."""
        return (*self.factors, *self.composites)

    def mean(self, name: str, group: int) -> Moment:
        """Mean of a factor or composite in a group, and its derivatives (n_elements,)."""
        key = ("mean", name, group)
        if key not in self._known:
            self._known[key] = self._mean(name, group)
        return self._known[key]

    def _mean(self, name: str, group: int) -> Moment:
        if name not in self.composites:
            own = self._place(name, group)
            value, slope = float(self._states[group].eta_mean[own]), self._slopes[group].d_mu
            return value, np.zeros(len(self.fit.model.free_rows)) if slope is None else slope[own]
        value, slope = 0.0, np.zeros(len(self.fit.model.free_rows))
        for factor in self.composites[name]:
            (mean, d_mean), (unit, d_unit) = self.mean(factor, group), self._unit(factor)
            value += mean * unit
            slope += d_mean * unit + mean * d_unit
        return value, slope

    def variance(self, name: str, group: int) -> Moment:
        """Variance of a factor or composite in a group, and its derivatives (n_elements,)."""
        key = ("variance", name, group)
        if key not in self._known:
            self._known[key] = self._variance(name, group)
        return self._known[key]

    def _variance(self, name: str, group: int) -> Moment:
        if name not in self.composites:
            return self._covariance(name, name, group)
        value, slope = 0.0, np.zeros(len(self.fit.model.free_rows))
        for one, other in product(self.composites[name], repeat=2):
            covariance, d_covariance = self._covariance(one, other, group)
            (a, d_a), (b, d_b) = self._unit(one), self._unit(other)
            value += covariance * a * b
            slope += d_covariance * a * b + covariance * (d_a * b + a * d_b)
        return value, slope

    def _covariance(self, one: str, other: str, group: int) -> Moment:
        i, j = self._place(one, group), self._place(other, group)
        d = self._slopes[group]
        slope = d.u[i] * d.v[j] + d.v[i] * d.u[j]
        if d.following is not None:
            u, v = d.following.u, d.following.v
            slope = slope + (u[i] * v[j] + v[i] * u[j]) @ d.following.slope
        return float(self._states[group].covariance[i, j]), slope

    def _unit(self, factor: str) -> Moment:
        """What a factor is multiplied with in a composite: 1 over its standard deviation."""
        variance, slope = self.variance(factor, self.unit)
        value = variance**-0.5
        return value, -value / (2 * variance) * slope

    def se(self, slope: Array) -> float:
        """Standard error of a quantity with these derivatives; NaN where the fit has none."""
        if self.fit.vcov is None:
            return float("nan")
        own = np.flatnonzero(slope)
        spread = self._spread[own[:, None], own]
        return float(np.sqrt(max(float(slope[own] @ spread @ slope[own]), 0.0)))

    def gap(self, name: str, pair: Pair) -> Gap:
        """Tell whether a difference of means is free, and how many anchors it rests on.

        A composite is compared where all its factors are, and has the anchors of the one that has
        fewest.
        """
        if name in self.composites:
            parts = [self.gap(factor, pair) for factor in self.composites[name]]
            return Gap(all(p.free for p in parts), min(p.anchors for p in parts))
        slope = self.mean(name, pair[1])[1] - self.mean(name, pair[0])[1]
        along = self.fit.point.along(slope)
        free = bool(np.abs(along).max(initial=0.0) > STILL)
        return Gap(free, self._anchors(name, pair))

    def _place(self, factor: str, group: int) -> int:
        return self._states[group].block.eta.index(factor)

    def _anchors(self, factor: str, pair: Pair) -> int:
        """Count the indicators of a factor that work alike in two groups."""
        indicators = [rhs for lhs, op, rhs, _ in self._rows if (lhs, op) == (factor, "=~")]
        alike = 0
        for item in dict.fromkeys(indicators):
            same = self._equal((factor, "=~", item), pair) and self._equal((item, "~1", ""), pair)
            steps = self._steps.get(item, ())
            same = same and all(self._equal((item, "|", step), pair) for step in steps)
            # A factor that another one is measured by needs anchors of its own.
            alike += same and (item not in self.factors or self._anchors(item, pair) > 0)
        return alike

    @cached_property
    def _steps(self) -> dict[str, set[str]]:
        """Names of the thresholds of each ordered item."""
        found: dict[str, set[str]] = {}
        for lhs, op, rhs, _ in self._rows:
            if op == "|":
                found.setdefault(lhs, set()).add(rhs)
        return found

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
        if name not in self._alike:
            self._alike[name] = self._same(name)
        return bool(self._alike[name][pair])

    def _same(self, name: tuple[str, str, str]) -> NDArray[np.bool_]:
        """Mark the pairs of groups in which the model keeps a parameter equal, (G, G)."""
        n_groups = len(self.labels)
        rows = {
            g: self._rows[key] for g in range(n_groups) if (key := (*name, g + 1)) in self._rows
        }
        there = np.array([g in rows for g in range(n_groups)])
        values = np.zeros(n_groups)
        values[there] = self.fit.row_values[list(rows.values())]
        ways = np.zeros((n_groups, self._directions.shape[1]))
        for group, row in rows.items():
            if row in self._elements:
                ways[group] = self._directions[self._elements[row]]
        # What moves no group has nothing to be told apart by.
        ways = ways[:, ways.any(axis=0)]
        apart = np.abs(ways[:, None] - ways[None]).max(axis=2, initial=0.0)
        near = np.abs(values[:, None] - values) < STILL * (1 + np.abs(values[:, None]))
        same = (apart < STILL) & near
        return np.asarray((there[:, None] == there) & (~there[:, None] | same))
