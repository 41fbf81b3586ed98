"""Populations of continuous answers in clusters, with the same two factors within and between."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIZES = (5, 40)
FACTORS = {"f": ("f1", "f2", "f3", "f4"), "g": ("g1", "g2", "g3", "g4")}
ITEMS = tuple(item for own in FACTORS.values() for item in own)
LOADINGS = np.array([0.8, 0.7, 0.6, 0.7] * 2)
# Residual variances make the variance of an item within clusters 1.
RESIDUALS = 1 - LOADINGS**2
# Variance of a factor between clusters, that within them being 1, and its correlations.
BETWEEN, WITHIN_R, BETWEEN_R = 0.2, 0.6, 0.7
# Residual variances between clusters, in units of the variance within.
BIAS = np.array([0.02, 0.05, 0.03, 0.04] * 2)
MODEL = "\n".join(f"{name} =~ {' + '.join(own)}" for name, own in FACTORS.items())
# A chi-square with so many degrees of freedom has skewness 1.41 and excess kurtosis 3.
SKEWED_DF = 4


@dataclass(frozen=True)
class Population:
    """So many clusters of 5 to 40 members.

    `skewed` tells whether factors and residuals of both levels are skewed, `biased` whether items
    have residual variances between clusters.
    """

    n_clusters: int
    skewed: bool = False
    biased: bool = True

    @property
    def name(self) -> str:
        """How tables call it."""
        kind = "skewed" if self.skewed else "normal"
        return f"{self.n_clusters} clusters, {kind}" + ("" if self.biased else ", no bias")

    @property
    def residuals_between(self) -> Array:
        """Residual variances between clusters, (n_items,)."""
        return BIAS if self.biased else np.zeros(len(ITEMS))

    @cached_property
    def truth(self) -> dict[tuple[str, str], float]:
        """True values by kind and name; loadings are those of factors of variance 1."""
        found = {
            ("correlation within", "f~~g"): WITHIN_R,
            ("correlation between", "f~~g"): BETWEEN_R,
        }
        for k, item in enumerate(ITEMS):
            found["loading within", item] = float(LOADINGS[k])
            found["loading between", item] = float(np.sqrt(BETWEEN) * LOADINGS[k])
            found["residual within", item] = float(RESIDUALS[k])
            found["residual between", item] = float(self.residuals_between[k])
        for name, own in FACTORS.items():
            place = [ITEMS.index(item) for item in own]
            found |= {
                (f"{coefficient}, {score}", name): value
                for (coefficient, score), value in self._reliabilities(place).items()
            }
        return found

    def _reliabilities(self, place: list[int]) -> dict[tuple[str, str], float]:
        """Give the reliabilities of the sum of some items of one factor."""
        sigma = np.outer(LOADINGS[place], LOADINGS[place])
        within = sigma + np.diag(RESIDUALS[place])
        between = BETWEEN * sigma + np.diag(self.residuals_between[place])
        share, k = self.mean_reciprocal, len(place)
        scores = {
            "person": (1 + BETWEEN, within + between, within + between),
            "deviation": (1.0, within, within),
            "cluster mean": (BETWEEN, between, between + share * within),
            "latent mean": (BETWEEN, between, between),
        }
        found = {}
        for score, (variance, common, whole) in scores.items():
            among = common.sum() - np.trace(common)
            found["omega", score] = float(variance * sigma.sum() / whole.sum())
            found["alpha", score] = float(k / (k - 1) * among / whole.sum())
        return found

    @property
    def sizes(self) -> NDArray[np.intp]:
        """Members of each cluster: all sizes as often as they fit, the same in every sample."""
        low, high = SIZES
        return low + np.arange(self.n_clusters) * (high - low + 1) // self.n_clusters

    @property
    def mean_reciprocal(self) -> float:
        """Mean of 1/n over clusters."""
        return float(np.mean(1 / self.sizes))

    def sample(self, rng: np.random.Generator) -> pd.DataFrame:
        """Draw clusters with their members."""
        sizes = self.sizes
        unit = np.repeat(np.arange(len(sizes)), sizes)
        inner = self._level(len(unit), WITHIN_R, RESIDUALS, rng)
        # Factors have their variance, and residuals theirs.
        outer = self._level(
            len(sizes), BETWEEN_R, self.residuals_between, rng, scale=np.sqrt(BETWEEN)
        )
        return pd.DataFrame(inner + outer[unit], columns=list(ITEMS)).assign(unit=unit)

    def _level(
        self, n: int, r: float, residuals: Array, rng: np.random.Generator, scale: float = 1.0
    ) -> Array:
        """Draw the parts of n units at a level, (n, n_items)."""
        first, second = self._drawn((n, 2), rng).T
        factors = scale * np.column_stack([first, r * first + np.sqrt(1 - r**2) * second])
        own = np.repeat([0, 1], [len(own) for own in FACTORS.values()])
        unique = self._drawn((n, len(ITEMS)), rng)
        return np.asarray(factors[:, own] * LOADINGS + np.sqrt(residuals) * unique)

    def _drawn(self, shape: tuple[int, int], rng: np.random.Generator) -> Array:
        """Draw numbers of mean 0 and variance 1."""
        if not self.skewed:
            return rng.standard_normal(shape)
        return np.asarray((rng.chisquare(SKEWED_DF, shape) - SKEWED_DF) / np.sqrt(2 * SKEWED_DF))


POPULATIONS = (
    *(Population(n, skewed) for skewed in (False, True) for n in (50, 200)),
    *(Population(n, biased=False) for n in (50, 200)),
)
