"""Criteria that count factors by the eigenvalues of a correlation matrix and what they leave."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


def first_not_above(observed: Array, reference: Array) -> int:
    """Return how many leading eigenvalues lie above their reference values."""
    below = np.flatnonzero(observed <= reference)
    return int(below[0]) if len(below) else len(observed)


def minimum_average_partial(R: Array) -> pd.DataFrame:
    """Average squared and fourth-power partial correlation after removing components.

    Parameters
    ----------
    R
        Correlation matrix, `(n_items, n_items)`.

    Returns
    -------
    pandas.DataFrame
        `squared` (Velicer 1976) and `fourth` (Velicer, Eaton & Fava 2000); the index is the
        number of components removed, 0 to n_items - 2. NaN where an item has no variance left.
    """
    n_items = len(R)
    eigenvalues, vectors = np.linalg.eigh(R)
    loadings = (vectors * np.sqrt(np.maximum(eigenvalues, 0.0)))[:, ::-1]
    off_diagonal = ~np.eye(n_items, dtype=bool)
    average = np.full((max(n_items - 1, 1), 2), np.nan)
    for removed in range(len(average)):
        partial = R - loadings[:, :removed] @ loadings[:, :removed].T
        variances = np.diag(partial)
        if (variances > 1e-12).all():
            squared = (partial**2 / np.outer(variances, variances))[off_diagonal]
            average[removed] = squared.mean(), (squared**2).mean()
    index = pd.RangeIndex(len(average), name="components")
    return pd.DataFrame(average, columns=["squared", "fourth"], index=index)


def empirical_kaiser(eigenvalues: Array, n_obs: int) -> Array:
    """Reference eigenvalues of the empirical Kaiser criterion (Braeken & van Assen 2017).

    The j-th is (1 + √(p/n))² times the mean of the variance not yet explained, at least 1.
    """
    n_items = len(eigenvalues)
    explained = np.concatenate([[0.0], np.cumsum(eigenvalues)[:-1]])
    remaining = (n_items - explained) / (n_items - np.arange(n_items))
    reference: Array = np.maximum((1 + np.sqrt(n_items / n_obs)) ** 2 * remaining, 1.0)
    return reference
