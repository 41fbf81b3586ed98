"""Variances, covariances and shares as functions of the entries of the factors and of sigma."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from measure.levels.mixed.likelihood import Likelihood

Array = NDArray[np.float64]


class Quantity(Protocol):
    """A function of the entries and of sigma."""

    def at(self, entries: Array, sigma: float) -> tuple[float, Array]:
        """Give its value and its gradient, (m + 1,)."""


@dataclass(frozen=True, eq=False)
class Covariance:
    """Covariance of two effects of one term, their variance where they are the same."""

    likelihood: Likelihood
    term: int
    first: int
    second: int

    def at(self, entries: Array, sigma: float) -> tuple[float, Array]:
        """Give its value and its gradient, (m + 1,)."""
        L = self.likelihood.factors(entries)[self.term]
        scale = self.likelihood.design.terms[self.term].scale
        unit = self.likelihood.design.unit**2 / (scale[self.first] * scale[self.second])
        product = float(L[self.first] @ L[self.second])
        slope = np.zeros(len(entries) + 1)
        for i, place in enumerate(self.likelihood.places):
            if place.term == self.term:
                slope[i] += L[self.second, place.column] * (place.row == self.first)
                slope[i] += L[self.first, place.column] * (place.row == self.second)
        slope *= sigma**2
        slope[-1] = 2 * sigma * product
        return unit * sigma**2 * product, unit * slope


@dataclass(frozen=True, eq=False)
class Residual:
    """Variance of the residuals."""

    likelihood: Likelihood

    def at(self, entries: Array, sigma: float) -> tuple[float, Array]:
        """Give its value and its gradient, (m + 1,)."""
        unit = self.likelihood.design.unit**2
        return unit * sigma**2, np.append(np.zeros(len(entries)), 2 * unit * sigma)


@dataclass(frozen=True, eq=False)
class Share:
    """Sum of some quantities over the sum of these and others."""

    parts: tuple[Quantity, ...]
    others: tuple[Quantity, ...]

    def at(self, entries: Array, sigma: float) -> tuple[float, Array]:
        """Give its value and its gradient, (m + 1,)."""
        part, slope = _sum(self.parts, entries, sigma)
        rest, rest_slope = _sum(self.others, entries, sigma)
        total = part + rest
        return part / total, slope / total - part / total**2 * (slope + rest_slope)


def _sum(quantities: tuple[Quantity, ...], entries: Array, sigma: float) -> tuple[float, Array]:
    value, slope = 0.0, np.zeros(len(entries) + 1)
    for quantity in quantities:
        own, own_slope = quantity.at(entries, sigma)
        value, slope = value + own, slope + own_slope
    return value, slope
