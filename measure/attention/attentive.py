"""What attentive people would have answered: what cut-offs for careless answers rest on."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.distributions import normal_cdf
from measure.errors import MeasureWarning
from measure.exploration.category_correlations import polychoric
from measure.moments.ordinal.codes import MOST_CATEGORIES
from measure.moments.ordinal.smoothing import smoothed
from measure.rotating.extraction import extract

Array = NDArray[np.float64]

ROWS_AN_ITEM = 10
"""Rows that the thinnest pair of items needs for each item, for its correlation to be taken as it
is; with fewer, correlations are those of one factor a scale. An inverse of correlations that rest
on little takes noise for structure."""

SMALLEST_LOADING, LARGEST_LOADING = 0.1, 0.975

FLAT_NOISE = 0.35
"""What a naturally flat profile has of the ordinary variation from item to item."""


@dataclass(frozen=True, eq=False)
class Attentive:
    """Normal latent responses cut into the answers that were seen.

    Attributes
    ----------
    correlations
        Of the latent responses, (n_items, n_items).
    seen
        The answers that were given to each item, ascending; their distribution is kept.
    source
        "correlations": polychoric (Pearson for continuous items), each pair by itself. "scales":
        those that one factor a scale and correlated factors imply.
    """

    correlations: Array
    seen: tuple[Array, ...]
    source: str

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Draw answers of attentive people, (n, n_items)."""
        return self._answered(rng.standard_normal((n, len(self.seen))) @ self._root.T)

    def draw_flat(self, n: int, rng: np.random.Generator) -> Array:
        """Draw attentive people of flat profile: equally high everywhere, with little noise.

        Each stands equally high on everything that the items have in common, and varies from item
        to item by `FLAT_NOISE` of what is ordinary. Such people read what they answer.
        """
        loadings = self.common_loadings
        own = np.sqrt(1.0 - loadings**2) * FLAT_NOISE
        noise = rng.standard_normal((n, len(self.seen))) * own
        return self._answered(rng.standard_normal((n, 1)) * loadings + noise)

    @cached_property
    def common_loadings(self) -> Array:
        """Loadings on the first principal axis, most of them positive."""
        values, vectors = np.linalg.eigh(self.correlations)
        loadings = vectors[:, -1] * np.sqrt(values[-1])
        sign = -1.0 if loadings.sum() < 0 else 1.0
        return np.asarray(np.clip(sign * loadings, -LARGEST_LOADING, LARGEST_LOADING))

    @cached_property
    def _root(self) -> Array:
        values, vectors = np.linalg.eigh(self.correlations)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))

    def _answered(self, latent: Array) -> Array:
        """Give the answer at the same place in the distribution of those seen."""
        places = normal_cdf(latent)
        answers = np.empty_like(latent)
        for item, seen in enumerate(self.seen):
            rank = (places[:, item] * seen.size).astype(np.intp)
            answers[:, item] = seen[np.minimum(rank, seen.size - 1)]
        return answers


def attentive(answers: pd.DataFrame, scales: Sequence[Sequence[int]]) -> Attentive:
    """Estimate what attentive people answer, from answers most of which are attentive.

    Parameters
    ----------
    answers
        (n_obs, n_items), reversed items turned, NaN where missing. Whole numbers in at most 12
        categories are taken as ordered, other items as continuous.
    scales
        Places of the items of each scale; an item in none stands by itself.

    Raises
    ------
    DataError
        There are no more rows than items, a pair of items was never answered together, or an item
        has one answer only.
    """
    present = answers.notna().to_numpy().astype(float)
    ordered = [str(name) for name in answers.columns if _in_categories(answers[name])]
    with warnings.catch_warnings():
        # A matrix that is not positive definite is replaced or raised below.
        warnings.simplefilter("ignore", MeasureWarning)
        found = polychoric(
            answers, ordered=ordered, missing="pairwise", smooth="eigenvalues"
        ).correlations.to_numpy()
        thinnest = float((present.T @ present).min())
        if thinnest >= ROWS_AN_ITEM * answers.shape[1]:
            source = "correlations"
        else:
            found, source = _by_scales(found, _partition(scales, answers.shape[1])), "scales"
    seen = tuple(np.sort(answers[name].dropna().to_numpy(dtype=float)) for name in answers.columns)
    return Attentive(found, seen, source)


def _in_categories(answers: pd.Series) -> bool:
    given = answers.dropna()
    return bool((given % 1 == 0).all()) and given.nunique() <= MOST_CATEGORIES


def _partition(scales: Sequence[Sequence[int]], n_items: int) -> list[list[int]]:
    """Give each item to the first scale that has it, or to one of its own."""
    left = set(range(n_items))
    parts = []
    for scale in scales:
        own = [item for item in scale if item in left]
        left -= set(own)
        if own:
            parts.append(own)
    return parts + [[item] for item in sorted(left)]


def _by_scales(R: Array, scales: Sequence[Sequence[int]]) -> Array:
    """Correlations that one factor a scale and least-squares factor correlations imply."""
    loadings = np.zeros((len(R), len(scales)))
    for factor, items in enumerate(scales):
        loadings[items, factor] = _one_factor(R[np.ix_(items, items)])
    weights = loadings / (loadings**2).sum(axis=0)
    between = np.clip(weights.T @ R @ weights, -1.0, 1.0)
    np.fill_diagonal(between, 1.0)
    between, _ = smoothed(between)
    implied = loadings @ between @ loadings.T
    np.fill_diagonal(implied, 1.0)
    return np.asarray(implied)


def _one_factor(R: Array) -> Array:
    """Loadings of one factor; an item by itself is its own factor."""
    if len(R) == 1:
        return np.ones(1)
    if len(R) == 2:
        size = np.sqrt(max(abs(R[0, 1]), SMALLEST_LOADING**2))
        loadings = np.array([size, np.sign(R[0, 1]) * size if R[0, 1] else size])
    else:
        found = extract(smoothed(R)[0], 1, "minres").loadings
        loadings = found[:, 0]
    size = np.clip(np.abs(loadings), SMALLEST_LOADING, LARGEST_LOADING)
    return np.asarray(np.where(loadings < 0, -size, size))
