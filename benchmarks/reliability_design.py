"""The populations of the study of reliability, whose coefficients are known, and their samples."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.consistency.answer_sums import Answers
from measure.consistency.general_factor import GeneralFactor, continuous
from measure.consistency.weighted_sums import answer_covariances
from measure.distributions import normal_quantile
from measure.simulating.nonnormal import draw

Array = NDArray[np.float64]

N = 500
SKEWNESS, KURTOSIS = 1.5, 3.5
CLUSTER = "unit"
# Shares of the answers in five categories, the same for all items.
SYMMETRIC = (0.07, 0.24, 0.38, 0.24, 0.07)
SKEWED = (0.02, 0.05, 0.13, 0.35, 0.45)
EQUAL = (0.7,) * 6
UNEQUAL = (0.4, 0.5, 0.6, 0.7, 0.8, 0.6)
# Loadings of the items of a group factor.
OF_GROUP = (0.8, 0.7, 0.6, 0.7)


@dataclass(frozen=True)
class Kind:
    """A population of answers.

    Attributes
    ----------
    name
        What it is called in tables.
    loadings
        Of the items on their factor.
    general
        Loadings of the factors on a general one; empty for one factor.
    skewed
        Whether responses have the skewness and kurtosis above (Vale & Maurelli 1983).
    shares
        Of the answers in each category; empty for continuous answers.
    icc, size
        Share of the variance between clusters, and rows of a cluster.
    edge
        Whether a coefficient lies near a bound, where intervals are tabled as found.
    """

    name: str
    loadings: tuple[float, ...]
    general: tuple[float, ...] = ()
    skewed: bool = False
    shares: tuple[float, ...] = ()
    icc: float = 0.0
    size: int = 5
    edge: bool = False

    @property
    def ordered(self) -> bool:
        """Whether answers are in categories."""
        return bool(self.shares)

    @cached_property
    def factors(self) -> dict[str, list[str]]:
        """Items of each factor."""
        k = len(self.loadings)
        return {
            f"f{j + 1}": [f"y{j * k + i + 1}" for i in range(k)]
            for j in range(max(len(self.general), 1))
        }

    @property
    def items(self) -> list[str]:
        """All items."""
        return [name for own in self.factors.values() for name in own]

    @cached_property
    def sigma(self) -> Array:
        """Covariances of the responses."""
        g = np.array(self.general or (0.0,))
        phi = np.outer(g, g)
        np.fill_diagonal(phi, 1.0)
        L = np.kron(np.eye(len(g)), np.array(self.loadings)[:, None])
        sigma: Array = L @ phi @ L.T
        np.fill_diagonal(sigma, 1.0)
        return sigma

    @cached_property
    def thresholds(self) -> Array:
        """Thresholds of each item."""
        return np.asarray(normal_quantile(np.cumsum(self.shares)[:-1]))

    @cached_property
    def answers(self) -> Answers:
        """How responses become ordered answers."""
        p, t = len(self.sigma), self.thresholds
        return Answers(np.tile(t, p), np.repeat(np.arange(p), len(t)), np.ones(p * len(t)), p)

    @cached_property
    def covariances(self) -> Array:
        """Covariances of the answers."""
        if not self.ordered:
            return self.sigma
        return answer_covariances(self.answers, self.sigma)

    @cached_property
    def truth(self) -> GeneralFactor:
        """The general factor and group factors of the population."""
        loadings, p = np.array(self.loadings), len(self.sigma)
        answers = self.answers if self.ordered else continuous(p)
        if not self.general:
            return GeneralFactor(("g",), loadings[:, None], self.sigma, answers, (np.arange(p),))
        g = np.array(self.general)
        L = np.column_stack([np.kron(g, loadings), np.kron(np.diag(np.sqrt(1 - g**2)), loadings).T])
        members = (np.arange(p), *np.split(np.arange(p), len(g)))
        return GeneralFactor(("g", *self.factors), L, self.sigma, answers, members)

    def sample(self, rng: np.random.Generator) -> pd.DataFrame:
        """Draw `N` rows."""
        skewness, kurtosis = (SKEWNESS, KURTOSIS) if self.skewed else (0.0, 0.0)
        X = draw(self.sigma, None, N, rng, skewness=skewness, kurtosis=kurtosis)
        cluster = np.arange(N) // self.size
        if self.icc:
            shared = draw(self.sigma, None, N // self.size, rng)
            X = np.sqrt(1 - self.icc) * X + np.sqrt(self.icc) * shared[cluster]
        if self.ordered:
            X = np.searchsorted(self.thresholds, X).astype(np.float64) + 1
        frame = pd.DataFrame(X, columns=self.items)
        return frame.assign(**{CLUSTER: cluster}) if self.icc else frame


PARALLEL = Kind("parallel items, normal", EQUAL)
NORMAL = Kind("unequal loadings, normal", UNEQUAL)
BENT = Kind("unequal loadings, skewed", UNEQUAL, skewed=True)
FIVE = Kind("unequal loadings, five categories", UNEQUAL, shares=SYMMETRIC)
FIVE_BENT = Kind("unequal loadings, five skewed categories", UNEQUAL, shares=SKEWED)
CLUSTERED = Kind("unequal loadings, normal, 100 clusters, ICC .5", UNEQUAL, icc=0.5)
THREE = Kind("three factors, normal", OF_GROUP, (0.7, 0.8, 0.6))
THREE_BENT = Kind("three factors, skewed", OF_GROUP, (0.7, 0.8, 0.6), skewed=True)
THREE_FIVE = Kind("three factors, five categories", OF_GROUP, (0.7, 0.8, 0.6), shares=SYMMETRIC)
NEARLY_ONE = Kind(
    "three factors that correlate .93 to .95, normal", OF_GROUP, (0.96, 0.97, 0.98), edge=True
)
NEARLY_APART = Kind(
    "three factors that correlate .06 to .09, normal", OF_GROUP, (0.2, 0.3, 0.3), edge=True
)
