"""What the study of variance components draws: persons in clusters, or in units of these."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.distributions import normal_cdf, normal_quantile

Array = NDArray[np.float64]

SIZES = (5, 40)
"""Smallest and largest cluster; sizes between are equally frequent."""

SHARES = (0.05, 0.15, 0.20, 0.35, 0.25)
"""Of five categories, slightly skewed (LeBreton & Senter 2008)."""

NORMAL, FIVE = "normal", "five categories"


@dataclass(frozen=True)
class Cell:
    """One condition: clusters, ICC(1) of the normal values behind the answers, and the answers.

    With `units` above 1 a cluster is an organisation of so many units of 5 to 15 persons, and
    `unit_share` of the variance lies between the units of an organisation.
    """

    clusters: int
    icc: float
    answers: str = NORMAL
    units: int = 1
    unit_share: float = 0.0

    @property
    def name(self) -> str:
        """How tables call it."""
        below = f", {self.units} units each" if self.units > 1 else ""
        return f"{self.clusters} clusters{below}, {self.answers}"

    def truth(self) -> tuple[float, float, float]:
        """Give the variances between clusters, between units and of persons."""
        between, units = self.icc, self.unit_share
        if self.answers == NORMAL:
            return between, units, 1 - between - units
        total = _covariance(1.0)
        outer = _covariance(between)
        inner = _covariance(between + units)
        return outer, inner - outer, total - inner

    def sample(self, rng: np.random.Generator) -> tuple[pd.DataFrame, Array]:
        """Draw answers, and the true mean of each cluster in the order of the data."""
        if self.units > 1:
            counts = rng.integers(5, 16, size=self.clusters * self.units)
            unit = np.repeat(np.arange(len(counts)), counts)
            cluster = unit // self.units
        else:
            cluster = np.repeat(
                np.arange(self.clusters), rng.integers(SIZES[0], SIZES[1] + 1, size=self.clusters)
            )
            unit = cluster
        effects = np.sqrt(self.icc) * rng.normal(size=self.clusters)
        below = np.sqrt(self.unit_share) * rng.normal(size=unit[-1] + 1)
        rest = 1 - self.icc - self.unit_share
        values = effects[cluster] + below[unit] + np.sqrt(rest) * rng.normal(size=len(unit))
        true = effects
        if self.answers != NORMAL:
            cuts = _cuts()
            values = 1.0 + np.searchsorted(cuts, values)
            spread = np.sqrt(1 - self.icc)
            true = 1 + normal_cdf((effects[:, None] - cuts) / spread).sum(axis=1)
        return pd.DataFrame({"y": values, "cluster": cluster, "unit": unit}), true


def _cuts() -> Array:
    return np.asarray(normal_quantile(np.cumsum(SHARES)[:-1]))


def _covariance(correlation: float) -> float:
    """Covariance of two answers whose normal values have this correlation."""
    cuts = _cuts()
    if correlation >= 1:
        values = np.arange(1, len(SHARES) + 1)
        return float(SHARES @ (values - values @ np.array(SHARES)) ** 2)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    # The expected answer given what the two values share.
    at = np.sqrt(correlation) * nodes[:, None]
    expected = normal_cdf((at - cuts) / np.sqrt(1 - correlation)).sum(axis=1)
    return float(weights @ (expected - weights @ expected) ** 2)


def cells() -> Iterator[tuple[Cell, int]]:
    """Give all conditions, each with its number of samples."""
    for answers in (NORMAL, FIVE):
        for clusters, samples in ((50, 250), (200, 100)):
            for icc in (0.0, 0.02, 0.10, 0.30) if answers == NORMAL else (0.02, 0.10):
                yield Cell(clusters, icc, answers), samples
    yield Cell(30, 0.05, units=4, unit_share=0.10), 100
