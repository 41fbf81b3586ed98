"""Variances of sums of items within clusters and between them, with their derivatives.

An amount is an array (1 + q,): a value, and behind it its derivatives with respect to what it was
estimated from, the free elements of a model or the moments of the saturated one. Amounts are added
and multiplied by numbers as arrays are.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from measure.estimators.twolevel import TwoLevelLikelihood
from measure.fitting.inference import inverse
from measure.model import Derivatives, State, latent_derivatives, observed_derivatives, vech_places
from measure.specification.levels import BETWEEN, WITHIN

if TYPE_CHECKING:
    from measure.fitting.fitted import Fit

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


def ratio(part: Array, whole: Array) -> Array:
    """Amount of a quotient of two amounts."""
    value = part[0] / whole[0]
    slope = (part[1:] - value * whole[1:]) / whole[0]
    return np.concatenate([[value], slope])


@dataclass(frozen=True, eq=False)
class ModelSums:
    """Variances of sums of items that a two-level model implies in one group."""

    fit: "Fit"
    group: int

    @cached_property
    def states(self) -> dict[int, State]:
        """Matrices within and between."""
        own = self.fit.point.states[2 * self.group : 2 * self.group + 2]
        return {state.block.level: state for state in own}

    @property
    def covariance(self) -> Array:
        """Covariance matrix of the free elements."""
        return self.fit.vcov_elements

    def whole(self, level: int, items: tuple[str, ...]) -> Array:
        """Variance of the sum of those items that the level has: 1' Sigma 1."""
        state, d = self.states[level], self._observed[level]
        own = _places(state.block.observed, items)
        value = state.implied.sigma[np.ix_(own, own)].sum()
        return np.append(value, 2 * d.u[own].sum(axis=0) * d.v[own].sum(axis=0))

    def true(self, level: int, factor: str, items: tuple[str, ...]) -> Array:
        """What a factor contributes to it: the square of the sum of loadings, times its variance.

        The contributions of other factors that covary with it are no part of this.
        """
        state = self.states[level]
        column, own = state.block.eta.index(factor), _places(state.block.observed, items)
        total = state.matrices["lambda_"][own, column].sum()
        variance = state.covariance[column, column]
        slope = total**2 * self._variances[level][column]
        if "lambda_" in state.block.elements:
            i, j, element = state.block.elements["lambda_"]
            slope[element[(j == column) & np.isin(i, own)]] += 2 * total * variance
        return np.append(total**2 * variance, slope)

    @cached_property
    def _observed(self) -> dict[int, Derivatives]:
        """Derivatives of the items' covariances, by level."""
        n = len(self.fit.model.free_rows)
        return {level: observed_derivatives(state, n) for level, state in self.states.items()}

    @cached_property
    def _variances(self) -> dict[int, Array]:
        """Derivatives of the factors' variances, by level."""
        n = len(self.fit.model.free_rows)
        return {level: latent_derivatives(s, n).variances for level, s in self.states.items()}


@dataclass(frozen=True, eq=False)
class SaturatedSums:
    """Variances of sums of items in the saturated moments of one group of a two-level fit."""

    fit: "Fit"
    group: int

    @cached_property
    def covariance(self) -> Array:
        """Covariance matrix of the saturated moments; NaN where there is none."""
        method, bread = self.fit.method, self._bread[0]
        if bread is None:
            return np.full((self._size, self._size), np.nan)
        if method.se.startswith("robust"):
            bread = bread @ self._products @ bread
        return np.asarray(bread / self.fit.moments.n_obs[self.group])

    @property
    def on_boundary(self) -> bool:
        """Whether the observed information has no inverse, and the expected one was taken.

        So it is where covariances between clusters are at the edge of what is possible: there the
        likelihood still rises, towards what is not.
        """
        return self._bread[1]

    @cached_property
    def _bread(self) -> tuple[Array | None, bool]:
        method = self.fit.method
        if method.se == "none":
            return None, False
        if method.information == "first.order":
            return inverse(self._products), False
        asked = method.information == "observed"
        found = inverse(self._information(observed=asked))
        if found is not None or not asked:
            return found, False
        return inverse(self._information(observed=False)), True

    def _information(self, *, observed: bool) -> Array:
        found = self._likelihood.saturated_information(self._given, observed=observed)
        return found[self.group]

    @cached_property
    def _products(self) -> Array:
        return self._likelihood.saturated_products(self._given)[self.group]

    @property
    def _likelihood(self) -> TwoLevelLikelihood:
        discrepancy = self.fit.problem.discrepancy
        assert isinstance(discrepancy, TwoLevelLikelihood)
        return discrepancy

    def whole(self, level: int, items: tuple[str, ...]) -> Array:
        """Variance of the sum of those items that the level has."""
        return self._sum(level, items, 1.0)

    def shared(self, level: int, items: tuple[str, ...]) -> Array:
        """Sum of the covariances among them, each pair counted twice."""
        return self._sum(level, items, 0.0)

    def _sum(self, level: int, items: tuple[str, ...], of_variances: float) -> Array:
        block = 2 * self.group + level - 1
        names = self.fit.moments.block_names[block]
        a, b = vech_places(len(names))
        own = np.isin(np.arange(len(names)), _places(names, items))
        weights = np.where(a == b, of_variances, 2.0) * (own[a] & own[b])
        value = weights @ self.fit.moments.sample[block].sigma[a, b]
        slope = np.zeros(self._size)
        slope[self._modelled[level]] = weights[self._kept[level]]
        return np.append(value, slope)

    @property
    def _given(self) -> tuple[frozenset[str], frozenset[str]]:
        levels = self.fit.model.table.levels
        assert levels is not None
        return levels.given

    @cached_property
    def _kept(self) -> dict[int, NDArray[np.bool_]]:
        """Which covariances of each level are estimated: not those of given variables alone."""
        found = {}
        for level, given in zip((WITHIN, BETWEEN), self._given, strict=True):
            names = self.fit.moments.block_names[2 * self.group + level - 1]
            x = np.array([name in given for name in names])
            a, b = vech_places(len(names))
            found[level] = ~(x[a] & x[b])
        return found

    @cached_property
    def _modelled(self) -> dict[int, slice]:
        """Where they stand among the saturated moments: within, between, then means."""
        inner, outer = (int(self._kept[level].sum()) for level in (WITHIN, BETWEEN))
        return {WITHIN: slice(0, inner), BETWEEN: slice(inner, inner + outer)}

    @cached_property
    def _size(self) -> int:
        levels = self.fit.model.table.levels
        assert levels is not None
        # The mean of a variable at both levels stands between clusters.
        inner, outer = self._given
        n_given = sum(
            name in (inner if k < levels.n_within_only else outer)
            for k, name in enumerate(levels.names)
        )
        return int(self._modelled[BETWEEN].stop) + len(levels.names) - n_given


def _places(names: tuple[str, ...], items: tuple[str, ...]) -> Indices:
    return np.array([names.index(item) for item in items if item in names], dtype=np.intp)
