"""Which items say nearly the same? Weighted topological overlap of partial correlations."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.exploration.correlating import Kind, correlations_of

Array = NDArray[np.float64]


def redundancy(
    data: pd.DataFrame,
    *,
    correlation: str = "pearson",
    ordered: bool | Sequence[str] = True,
    smooth: str = "none",
    n_obs: int | None = None,
) -> pd.DataFrame:
    """Partial correlation and topological overlap of each pair of items.

    Parameters
    ----------
    data
        Items, one row a respondent; rows with a missing answer are left out. Or, with `n_obs`, a
        square correlation matrix.
    correlation, ordered, smooth
        As for `sampling_adequacy`.
    n_obs
        Number of respondents behind a correlation matrix.

    Returns
    -------
    pandas.DataFrame
        One row a pair, the most redundant first: `item1 item2 r partial wto n_obs`. `r` is the
        correlation, `partial` the one given all other items, and `wto` the weighted topological
        overlap of the network of partial correlations: how far two items are connected to each
        other and to the same others, alike in sign; from -1 to 1. Above .25 two items are taken as
        moderately to largely redundant (Christensen, Garrido & Golino 2023, whose network is
        regularised; this one is not, and overlaps of many items in few respondents are noisy).

    Raises
    ------
    DataError
        The items cannot be correlated, or their matrix is singular.
    OptionError
        An option is not known, or has no effect on Pearson correlations.

    References
    ----------
    Zhang & Horvath (2005), A general framework for weighted gene co-expression network analysis;
    Nowick, Gernat, Almaas & Stubbs (2009) for signed weights.
    """
    found = correlations_of(data, Kind(correlation, ordered, smooth=smooth), n_obs=n_obs)
    R = found.matrix.to_numpy()
    partial = partial_correlations(R)
    overlap = topological_overlap(partial)
    rows, columns = np.triu_indices(len(R), 1)
    names = found.matrix.columns
    table = pd.DataFrame(
        {
            "item1": names[rows],
            "item2": names[columns],
            "r": R[rows, columns],
            "partial": partial[rows, columns],
            "wto": overlap[rows, columns],
            "n_obs": found.n_obs,
        }
    )
    return table.sort_values("wto", ascending=False, ignore_index=True)


def partial_correlations(R: Array) -> Array:
    """Correlations of each pair given all others, (n_items, n_items), 0 in the diagonal.

    -P_ij / √(P_ii P_jj) with P the inverse of the positive definite correlations R.
    """
    inverse = np.linalg.inv(R)
    scale = np.sqrt(np.diag(inverse))
    partial = -inverse / np.outer(scale, scale)
    np.fill_diagonal(partial, 0.0)
    return np.asarray(partial, dtype=float)


def topological_overlap(weights: Array) -> Array:
    """Weighted topological overlap of a network with signed weights and an empty diagonal.

    (Σ_u a_iu a_uj + a_ij) / (min(k_i, k_j) + 1 - |a_ij|) with k_i = Σ_u |a_iu| (Nowick et al.
    2009), 1 in the diagonal.
    """
    shared = weights @ weights + weights
    strength = np.abs(weights).sum(axis=1)
    smaller = np.minimum(strength[:, None], strength[None, :])
    overlap = shared / (smaller + 1.0 - np.abs(weights))
    np.fill_diagonal(overlap, 1.0)
    return np.asarray(overlap, dtype=float)
