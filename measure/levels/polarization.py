"""Do answers gather in one place, spread evenly, or split into two camps? Van der Eijk's index.

References
----------
Van der Eijk, C. (2001). Measuring agreement in ordered rating scales. Quality & Quantity, 35,
325-341.
"""

from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def consensus(frequencies: Array) -> Array:
    """Van der Eijk's agreement A of frequency distributions over ordered categories.

    Parameters
    ----------
    frequencies
        Answers in each category, (..., K).

    Returns
    -------
    (...): 1 where all answer alike, 0 where answers spread evenly over all categories, -1 where
    half are at each end; NaN without answers. A distribution is taken apart into layers of equal
    height; each counts with its share of the answers and its own A = U (1 - (S - 1) / (K - 1)), S
    its number of categories and U its unimodality (eqs 3 to 5).
    """
    left = np.array(frequencies, dtype=float)
    n_categories = left.shape[-1]
    total = left.sum(axis=-1)
    of_pattern = _patterns(n_categories)
    bits = 2 ** np.arange(n_categories)
    found = np.zeros(left.shape[:-1])
    # Every layer empties at least one category.
    for _ in range(n_categories):
        present = left > 0
        height = np.where(present, left, np.inf).min(axis=-1)
        height = np.where(np.isfinite(height), height, 0.0)
        found += height * present.sum(axis=-1) * of_pattern[(present * bits).sum(axis=-1)]
        left -= height[..., None] * present
    return np.where(total > 0, found / np.where(total > 0, total, 1.0), np.nan)


@cache
def _patterns(n_categories: int) -> Array:
    """A of every pattern of used categories, (2^K,), category k being bit k."""
    found = np.zeros(2**n_categories)
    for code in range(1, len(found)):
        pattern = [code >> k & 1 for k in range(n_categories)]
        used = sum(pattern)
        if used == 1:
            found[code] = 1.0
        elif used < n_categories:
            triples = [*combinations(pattern, 3)]
            whole = triples.count((1, 1, 0)) + triples.count((0, 1, 1))
            split = triples.count((1, 0, 1))
            K = n_categories
            unimodality = ((K - 2) * whole - (K - 1) * split) / ((K - 2) * (whole + split))
            found[code] = unimodality * (1 - (used - 1) / (K - 1))
    return found
