"""Contingency tables of all pairs of ordered items, counted together, and their empty cells."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.uint8]
Indices = NDArray[np.intp]

# Indicators held at once. Sums of fewer than 2^24 ones are exact in single precision.
INDICATORS = 2_000_000
# What is added to an empty cell (as in lavaan, Mplus and psych).
ADDED = 0.5


def joint_counts(codes: Codes, width: int) -> Array:
    """Count how often each two categories of each two items go together.

    The product of the matrix of indicators (category c of item i chosen) with itself, accumulated
    over chunks of rows.

    Parameters
    ----------
    codes
        Category numbers, (n_items, n); `width` or more where an answer is missing.
    width
        Categories of the item that has most of them.

    Returns
    -------
    Array
        (n_items, width, n_items, width); an item's own answers stand on the diagonal.
    """
    n_items, n = codes.shape
    size = n_items * width
    counts = np.zeros((size, size))
    step = max(INDICATORS // max(size, 1), 1)
    kinds = np.arange(width, dtype=np.uint8)[None, :, None]
    for begin in range(0, n, step):
        chunk = codes[:, None, begin : begin + step] == kinds
        indicators = chunk.reshape(size, -1).astype(np.float32)
        counts += indicators @ indicators.T
    return counts.reshape(n_items, width, n_items, width)


def margins_of(joint: Array) -> Array:
    """Answers in each category of each item, (n_items, width)."""
    return np.asarray(np.einsum("icic->ic", joint))


def filled(counts: Array, binary: NDArray[np.bool_], empty_cells: str) -> tuple[Array, Indices]:
    """Put something into empty cells, from which a correlation is estimated.

    Parameters
    ----------
    counts
        Tables, (n_pairs, width, width).
    binary
        Tables with two rows and two columns, (n_pairs,).
    empty_cells
        "2x2": in a table of two rows and two columns with one empty cell, 0.5 is added there and
        to the opposite cell and taken from the other two, so that its margins stay the same.

    Returns
    -------
    tuple
        The tables, and the numbers of those that were changed.
    """
    if empty_cells == "none":
        return counts, np.zeros(0, dtype=np.intp)
    corner = counts[:, :2, :2]
    changed = np.flatnonzero(binary & ((corner == 0).sum(axis=(1, 2)) == 1))
    if not len(changed):
        return counts, changed
    result = counts.copy()
    own = corner[changed]
    main = (own[:, 0, 0] == 0) | (own[:, 1, 1] == 0)
    sign = np.where(main, ADDED, -ADDED)[:, None, None]
    result[changed, :2, :2] = own + sign * np.array([[1.0, -1.0], [-1.0, 1.0]])
    return result, changed
