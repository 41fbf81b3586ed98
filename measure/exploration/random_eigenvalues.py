"""Eigenvalues of correlation matrices of random data, which parallel analysis compares with."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from measure.checks import SINGULAR
from measure.errors import DataError
from measure.exploration.clustered_answers import ClusteredAnswers
from measure.exploration.shuffled import Shuffled
from measure.moments.ordinal.smoothing import smoothed
from measure.replication.repeat import Progress, repeat
from measure.replication.workers import Workers

Array = NDArray[np.float64]

# Matrices drawn at a time: enough to keep numpy busy, few enough to stay in the cache.
BATCH = 250
# Share of the random matrices that must have an inverse for the reduced ones to be compared with.
LEAST_PROPER = 0.9


@dataclass(frozen=True)
class Repetition:
    """How often random data are drawn, see `measure.replication.repeat`."""

    n: int
    seed: int
    workers: Workers
    progress: Progress | None


@dataclass(frozen=True, eq=False)
class RandomEigenvalues:
    """Eigenvalues of random data, largest first.

    Attributes
    ----------
    full
        Of the correlation matrices, (n_draws, n_items).
    reduced
        Of those with squared multiple correlations on the diagonal, (n_draws, n_items), or fewer
        rows where some matrices have no inverse.
    n_improper
        Matrices that were not positive definite.
    treatment
        What was done about them.
    """

    full: Array
    reduced: Array
    n_improper: int = 0
    treatment: str = ""


def descending(matrices: Array) -> Array:
    """Eigenvalues of symmetric matrices (..., p, p), largest first."""
    return np.asarray(np.linalg.eigvalsh(matrices)[..., ::-1], dtype=np.float64)


def with_squared_multiples(R: Array) -> Array:
    """Return the matrices with squared multiple correlations on their diagonals."""
    result = R.copy()
    diagonal = np.arange(R.shape[-1])
    smc = 1.0 - 1.0 / np.linalg.inv(R)[..., diagonal, diagonal]
    result[..., diagonal, diagonal] = smc
    return result


def of_uncorrelated(n_obs: int, n_items: int, repetition: Repetition) -> RandomEigenvalues:
    """Eigenvalues of Pearson correlations of uncorrelated normal answers, drawn in this process."""
    rng, n_draws = np.random.default_rng(repetition.seed), repetition.n
    full, small = np.empty((n_draws, n_items)), np.empty((n_draws, n_items))
    for start in range(0, n_draws, BATCH):
        stop = min(start + BATCH, n_draws)
        R = random_correlations(n_obs, n_items, stop - start, rng)
        full[start:stop] = descending(R)
        small[start:stop] = descending(with_squared_multiples(R))
        if repetition.progress is not None:
            repetition.progress(stop, n_draws)
    return RandomEigenvalues(full, small)


def of_clustered(answers: ClusteredAnswers, repetition: Repetition) -> RandomEigenvalues:
    """Eigenvalues of Pearson correlations of normal answers that share nothing but their clusters.

    The items are uncorrelated, with the clusters' sizes and the ICC(1) of each item. Drawn are the
    sums of products between and within clusters: the means of the clusters, and a Wishart matrix.
    """
    rng, n_draws = np.random.default_rng(repetition.seed), repetition.n
    parts = []
    for start in range(0, n_draws, BATCH):
        stop = min(start + BATCH, n_draws)
        S = _clustered_products(answers, stop - start, rng)
        deviations = np.sqrt(np.diagonal(S, axis1=1, axis2=2))
        R = S / (deviations[:, :, None] * deviations[:, None, :])
        parts.append((descending(R), descending(with_squared_multiples(R))))
        if repetition.progress is not None:
            repetition.progress(stop, n_draws)
    full, small = (np.concatenate(part) for part in zip(*parts, strict=True))
    return RandomEigenvalues(full, small)


def _clustered_products(
    answers: ClusteredAnswers, n_draws: int, rng: np.random.Generator
) -> NDArray[Any]:
    """Sums of products about the mean, `(n_draws, n_items, n_items)`, total variances 1."""
    icc1, n_items = answers.icc1, len(answers.icc1)
    sizes = np.bincount(answers.clusters)
    n_within = int(sizes.sum()) - len(sizes)
    means = rng.standard_normal((n_draws, len(sizes), n_items))
    means *= np.sqrt(icc1 + (1 - icc1) / sizes[:, None])
    means -= (sizes[:, None] * means).sum(axis=1, keepdims=True) / sizes.sum()
    means *= np.sqrt(sizes)[:, None]
    within = (
        _triangles(n_within, n_items, n_draws, rng).transpose(0, 2, 1)
        if n_within >= n_items
        else rng.standard_normal((n_draws, n_within, n_items))
    ) * np.sqrt(1 - icc1)
    return np.asarray(means.transpose(0, 2, 1) @ means + within.transpose(0, 2, 1) @ within)


def drawn_eigenvalues(n_obs: int, root: Array, n_draws: int, rng: np.random.Generator) -> Array:
    """Eigenvalues of Pearson correlations of normal answers from a population.

    Parameters
    ----------
    n_obs, n_draws
        Respondents of a sample, and samples.
    root
        Lower triangular root of the population's correlations, (n_items, n_items).
    rng
        Source of the randomness.

    Returns
    -------
    Array
        Largest first, (n_draws, n_items).
    """
    parts = []
    for start in range(0, n_draws, BATCH):
        size = min(BATCH, n_draws - start)
        parts.append(descending(random_correlations(n_obs, len(root), size, rng, root)))
    return np.concatenate(parts)


def random_correlations(
    n_obs: int, n_items: int, n_draws: int, rng: np.random.Generator, root: Array | None = None
) -> NDArray[Any]:
    """Correlation matrices of `n_obs` normal answers, `(n_draws, n_items, n_items)`.

    The answers are independent, or have the correlations whose lower triangular root is given.
    Drawn through Bartlett's (1933) decomposition of the Wishart matrix with n - 1 degrees of
    freedom, which costs p²/2 random numbers a matrix instead of np and has the same distribution.
    """
    triangle = _triangles(n_obs - 1, n_items, n_draws, rng)
    if root is not None:
        triangle = root @ triangle
    triangle /= np.linalg.norm(triangle, axis=2, keepdims=True)
    return np.asarray(triangle @ triangle.transpose(0, 2, 1))


def _triangles(df: int, n_items: int, n_draws: int, rng: np.random.Generator) -> NDArray[Any]:
    """Lower triangular roots of Wishart matrices of uncorrelated normal values."""
    triangle = np.zeros((n_draws, n_items, n_items))
    below = np.tril_indices(n_items, -1)
    triangle[:, below[0], below[1]] = rng.standard_normal((n_draws, len(below[0])))
    diagonal = np.arange(n_items)
    triangle[:, diagonal, diagonal] = np.sqrt(rng.chisquare(df - diagonal, size=(n_draws, n_items)))
    return triangle


def of_shuffled(shuffled: Shuffled, smooth: str, repetition: Repetition) -> RandomEigenvalues:
    """Eigenvalues of polychoric correlations of answers that are shuffled item by item.

    Parameters
    ----------
    shuffled
        The answers.
    smooth
        What is done about a matrix that is not positive definite: `"eigenvalues"` smooths it as
        that of the data; `"none"` leaves it, and as it has no squared multiple correlations it is
        not among the reduced ones.
    repetition
        How often.

    Raises
    ------
    DataError
        More than a tenth of the matrices are not positive definite.
    """
    drawn = repeat(
        partial(_eigenvalues, shuffled, smooth),
        repetition.n,
        seed=repetition.seed,
        workers=repetition.workers,
        progress=repetition.progress,
    ).require(1.0)
    full, small, improper = (np.array(part) for part in zip(*drawn.results, strict=True))
    n_improper = int(improper.sum())
    if smooth == "eigenvalues":
        return RandomEigenvalues(full, small, n_improper, "they were smoothed as those of the data")
    if n_improper > (1 - LEAST_PROPER) * repetition.n:
        raise DataError(
            f"the matrix of polychoric correlations is not positive definite in {n_improper} of "
            f"{repetition.n} random data sets of this size: {shuffled.answers.n_rows} rows are too "
            f"few for {full.shape[1]} items. Use fewer items, merge rare categories, or "
            'smooth="eigenvalues".'
        )
    left = "parallel analysis of the reduced matrix leaves them out"
    return RandomEigenvalues(full, small[~improper], n_improper, left)


def _eigenvalues(
    shuffled: Shuffled, smooth: str, rng: np.random.Generator
) -> tuple[Array, Array, bool]:
    """Eigenvalues of the full and of the reduced matrix of a draw, and whether it was improper."""
    R = shuffled.draw(rng)
    full = descending(R)
    improper = bool(full[-1] < SINGULAR)
    if improper and smooth != "eigenvalues":
        return full, np.full_like(full, np.nan), improper
    if improper:
        R, _ = smoothed(R)
        full = descending(R)
    return full, descending(with_squared_multiples(R)), improper
