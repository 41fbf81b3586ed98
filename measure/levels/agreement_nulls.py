"""Answers that are expected without agreement: their variance, and draws of them.

References
----------
Cohen, A., Doveh, E., & Nahum-Shani, I. (2009). Testing agreement for multi-item scales with the
indices r_wg(J) and AD_M(J). Organizational Research Methods, 12, 148-164.
Dunlap, W. P., Burke, M. J., & Smith-Crowe, K. (2003). Accurate tests of statistical significance
for r_wg and average deviation interrater agreement indexes. Journal of Applied Psychology, 88,
356-362.
LeBreton, J. M., & Senter, J. L. (2008). Answers to 20 questions about interrater reliability and
interrater agreement. Organizational Research Methods, 11, 815-852. Table 2.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.checks import known_option
from measure.distributions import normal_quantile
from measure.errors import OptionError
from measure.levels.agreement_indices import rwg_j
from measure.levels.polarization import consensus

Array = NDArray[np.float64]

SKEWED = {
    "slight": (0.05, 0.15, 0.20, 0.35, 0.25),
    "moderate": (0.00, 0.10, 0.15, 0.40, 0.35),
    "heavy": (0.00, 0.00, 0.10, 0.40, 0.50),
}
"""Shares of five categories, whose variances are 1.34, .90 and .44."""

NULLS = ("uniform", *SKEWED)
CHUNK = 2_000_000
"""Answers drawn at once."""


@dataclass(frozen=True, eq=False)
class Null:
    """Answers expected without agreement: `shares` of the categories from `low` on, (K,)."""

    name: str
    shares: Array
    low: float

    @property
    def variance(self) -> float:
        """Variance of such an answer."""
        values = np.arange(len(self.shares))
        mean = float(self.shares @ values)
        return round(float(self.shares @ (values - mean) ** 2), 12)


def null_of(name: str, scale: tuple[float, float]) -> Null:
    """Give a null by name, or say why there is none."""
    known_option("null", name, NULLS)
    if len(scale) != 2 or not scale[0] < scale[1] or any(end != int(end) for end in scale):
        raise OptionError(
            f"scale is {scale}, but must be the lowest and the highest category as whole numbers, "
            "for example (1, 5)."
        )
    categories = int(scale[1] - scale[0]) + 1
    if name == "uniform":
        return Null(name, np.full(categories, 1 / categories), scale[0])
    if categories != 5:
        raise OptionError(
            f'null="{name}" is tabled for five categories only, but the scale {scale[0]:g} to '
            f'{scale[1]:g} has {categories}. Use null="uniform".'
        )
    return Null(name, np.array(SKEWED[name]), scale[0])


def nulls_of(scale: tuple[float, float]) -> list[Null]:
    """Give all nulls that there are for a scale."""
    five = scale[1] - scale[0] == 4
    return [null_of(name, scale) for name in (NULLS if five else NULLS[:1])]


@dataclass(frozen=True, eq=False)
class Draws:
    """Clusters whose members answer without agreement, items correlated as they are.

    Normal values with the items' correlations are cut at the shares of the null (Cohen, Doveh &
    Nahum-Shani 2009; R's multilevel does so for the uniform null).

    Attributes
    ----------
    null
        What the answers are drawn from.
    correlations
        Of the items among members of a cluster, (J, J).
    n_draws, seed
        Clusters drawn of each size; draws of one size do not depend on which others there are.
    """

    null: Null
    correlations: Array
    n_draws: int
    seed: int

    @cached_property
    def root(self) -> Array:
        """Square root of the correlations, which may be singular."""
        values, vectors = np.linalg.eigh(self.correlations)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))

    def indices(self, size: int) -> tuple[Array, Array]:
        """Give r_wg(J) and the mean consensus of clusters of one size, both (n_draws,)."""
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(size,)))
        cuts = normal_quantile(np.clip(np.cumsum(self.null.shares)[:-1], 0.0, 1.0))
        n_items, n_categories = len(self.root), len(self.null.shares)
        rwg, agreed = [], []
        step = max(1, CHUNK // (size * n_items))
        for first in range(0, self.n_draws, step):
            shape = (min(step, self.n_draws - first), size, n_items)
            answers = np.searchsorted(cuts, rng.normal(size=shape) @ self.root.T)
            rwg.append(rwg_j(answers.var(axis=1, ddof=1), self.null.variance))
            counts = np.stack([(answers == k).sum(axis=1) for k in range(n_categories)], axis=-1)
            agreed.append(consensus(counts).mean(axis=1))
        return np.concatenate(rwg), np.concatenate(agreed)


def correlations_within(answers: Array, codes: NDArray[np.intp]) -> Array:
    """Correlations of items among members of a cluster, (J, J), 0 with an item without variance."""
    sizes = np.bincount(codes)
    means = np.stack([np.bincount(codes, column) / sizes for column in answers.T], axis=1)
    off = answers - means[codes]
    S = off.T @ off
    spread = np.sqrt(np.diag(S))
    spread[spread == 0] = 1.0
    found = S / np.outer(spread, spread)
    np.fill_diagonal(found, 1.0)
    return np.asarray(found)
