"""Profile likelihood intervals: the extremes of a quantity where the likelihood is high enough.

All points with a d that lies within a quantile of chi-square of its minimum form a region; the
smallest and the largest value of a quantity in it are the ends of its profile likelihood interval
(Venzon & Moolgavkar 1988). This needs no model in which the quantity is a parameter.

References
----------
Venzon, D. J., & Moolgavkar, S. H. (1988). A method for computing profile-likelihood-based
confidence intervals. Applied Statistics, 37, 87-94.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from measure.distributions import chisq_isf
from measure.levels.mixed.likelihood import Near, Regression
from measure.levels.mixed.quantities import Quantity
from measure.levels.mixed.search import Solution

Array = NDArray[np.float64]
Function = Callable[[Array], tuple[float, Array]]

TOLERANCE = 1e-5
"""How far d at the end of an interval may lie from the quantile of chi-square."""

SLACK = 1e-2
"""How far the gradients of the quantity and of d may point apart at the end, in radians."""

FLATTEST = 1e-8
"""Directions that bend less than this, over the most, have no standard error."""

LONGEST = 1.0
"""Largest unit of the search, in relative standard deviations: d may not bend on the boundary."""

ASIDE = 0.05
"""Relative standard deviation of an effect without variance, to see what a quantity owes to it."""

FARTHEST = 30.0
"""How many units the search may go; 2 lead to the end of a 95 % interval where d is quadratic."""


@dataclass(frozen=True, eq=False)
class Region:
    """All entries and sigmas whose likelihood is near the highest.

    Attributes
    ----------
    solution
        The highest likelihood.
    level
        Confidence level of the intervals.
    """

    solution: Solution
    level: float

    @cached_property
    def limit(self) -> float:
        """How far above its minimum d may be."""
        return chisq_isf(1 - self.level, 1)

    @cached_property
    def centre(self) -> Array:
        """Entries and sigma of the solution, (m + 1,)."""
        return np.append(self.solution.near.entries, self.solution.sigma)

    @cached_property
    def hessian(self) -> Array:
        """Hessian of d by entries and sigma, (m + 1, m + 1).

        That with sigma at its best is its Schur complement.
        """
        near = self.solution.near
        nu, rest, sigma = near.likelihood.nu, near.regression.rest, self.solution.sigma
        _, d_rest = near.partial
        mixed = -2 * d_rest / sigma**3
        corner = -2 * nu / sigma**2 + 6 * rest / sigma**4
        inner = 2 * near.likelihood.design.n_obs * near.hessian + np.outer(mixed, mixed) / corner
        return np.block([[inner, mixed[:, None]], [mixed[None], np.array([[corner]])]])

    @cached_property
    def covariance(self) -> Array:
        """Covariance of the estimates of entries and sigma, (m + 1, m + 1).

        The inverse of the observed information, without directions in which d does not bend.
        """
        return np.asarray(2 * np.linalg.pinv(self.hessian, rcond=FLATTEST, hermitian=True))

    def se(self, quantity: Quantity) -> float:
        """Standard error by the delta method; 0 for a variance on the boundary."""
        _, slope = quantity.at(self.centre[:-1], float(self.centre[-1]))
        return float(np.sqrt(max(float(slope @ self.covariance @ slope), 0.0)))

    def interval(self, quantity: Quantity, *, upper_only: bool = False) -> tuple[float, float]:
        """Give the smallest and the largest value of a quantity; NaN where it was not found.

        With `upper_only` the smallest is not looked for, and NaN.
        """

        def value(point: Array) -> tuple[float, Array]:
            return quantity.at(point[:-1], float(point[-1]))

        signs = (1.0,) if upper_only else (-1.0, 1.0)
        return self._extremes(value, self._above, self.centre, self.hessian, signs)

    def interval_fixed(self, combination: Array) -> tuple[float, float]:
        """Give the interval of a combination of the coefficients, (p,), likewise."""
        near = self.solution.near
        estimate = float(combination @ near.regression.coefficients)
        variance = float(combination @ near.regression.covariance @ combination)
        centre = np.append(self.centre, estimate)
        hessian = np.zeros((len(centre), len(centre)))
        hessian[:-1, :-1] = self.hessian
        hessian[-1, -1] = 2 / (self.solution.sigma**2 * variance)
        last = np.append(np.zeros(len(self.centre)), 1.0)

        def above(point: Array) -> tuple[float, Array]:
            return self._above_fixed(point, combination)

        return self._extremes(
            lambda point: (float(point[-1]), last), above, centre, hessian, (-1.0, 1.0)
        )

    def _near(self, entries: Array) -> Near:
        return self.solution.near.likelihood.at(entries)

    def _above(self, point: Array) -> tuple[float, Array]:
        """How far d is above its minimum, and its gradient."""
        value, slope = self._near(point[:-1]).joint(float(point[-1]))
        return value - self.solution.near.deviance, slope

    def _above_fixed(self, point: Array, combination: Array) -> tuple[float, Array]:
        """The same where a combination of the coefficients has a given value."""
        near, sigma = self._near(point[:-2]), float(point[-2])
        value, slope = near.joint(sigma)
        dH = near.with_slopes.slopes[1]
        regression: Regression = near.regression
        weights = regression.covariance @ combination
        variance = float(combination @ weights)
        away = float(point[-1] - combination @ regression.coefficients)
        d_b = dH[:, :-1, -1] @ weights - dH[:, :-1, :-1] @ regression.coefficients @ weights
        d_variance = -np.einsum("iab,a,b->i", dH[:, :-1, :-1], weights, weights)
        extra = away**2 / (sigma**2 * variance)
        by_entries = -2 * away * d_b / (sigma**2 * variance) - extra * d_variance / variance
        by_rest = np.array([-2 * extra / sigma, 2 * away / (sigma**2 * variance)])
        gradient = np.append(slope, 0.0) + np.concatenate([by_entries, by_rest])
        return value + extra - self.solution.near.deviance, gradient

    def _extremes(
        self,
        value: Function,
        above: Function,
        centre: Array,
        hessian: Array,
        signs: tuple[float, ...],
    ) -> tuple[float, float]:
        """Smallest (sign -1) and largest (1) value where `above` is at most the limit."""
        values, vectors = np.linalg.eigh(hessian)
        # In these units d is about the squared distance from the centre.
        axes = vectors * np.sqrt(2 / np.maximum(values, 2 / LONGEST**2))
        found = [self._extreme(value, above, centre, axes, sign) for sign in signs]
        return (found[0] if -1.0 in signs else np.nan), found[-1]

    def _extreme(
        self, value: Function, above: Function, centre: Array, axes: Array, sign: float
    ) -> float:
        from scipy.optimize import minimize

        start, slope = value(centre)
        if not slope.any():
            # A variance of 0, whose square root the search is by: there is only one way to go.
            aside = centre.copy()
            aside[: len(self.solution.boundary)] += ASIDE * self.solution.boundary
            slope = value(aside)[1]
        along = axes.T @ slope
        length = float(np.linalg.norm(along))
        z = sign * np.sqrt(self.limit) * along / length

        def function(z: Array) -> Any:
            own, gradient = value(centre + axes @ z)
            return -sign * (own - start) / length, -sign * axes.T @ gradient / length

        last: list[tuple[Array, float, Array]] = []

        def room(z: Array) -> tuple[float, Array]:
            if not (last and np.array_equal(last[0][0], z)):
                far, gradient = above(centre + axes @ z)
                last[:] = [(z.copy(), self.limit - far, -axes.T @ gradient)]
            return last[0][1:]

        constraint: Any = {
            "type": "ineq",
            "fun": lambda z: room(z)[0],
            "jac": lambda z: room(z)[1],
        }
        options: Any = {"ftol": 1e-9, "maxiter": 200}
        end = minimize(
            function,
            z,
            jac=True,
            method="SLSQP",
            bounds=[(-FARTHEST, FARTHEST)] * len(z),
            constraints=[constraint],
            options=options,
        )
        found, gradient = value(centre + axes @ end.x)
        left, inwards = room(end.x)
        gradient = axes.T @ gradient / length
        if left > TOLERANCE:
            # Inside the region only where the quantity itself has an extreme, as a variance at 0.
            return found if float(np.abs(gradient).max()) < SLACK else np.nan
        # On its edge the quantity grows straight outwards.
        straight = gradient + sign * np.linalg.norm(gradient) * inwards / np.linalg.norm(inwards)
        held = abs(left) <= TOLERANCE and float(np.linalg.norm(straight)) < SLACK
        return found if held else np.nan
