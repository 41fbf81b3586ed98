"""The ways to split items in two, and the split with the largest coefficient."""

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Items up to which all splits are looked at: 2^15 of 16 items.
ALL_UP_TO = 16
# Random splits from which the search for the best one starts, where there are too many to look at.
STARTS = 100
# Numbers that are held at once: 32 MB.
LARGEST = 4_000_000


def equal_splits(n_items: int) -> Array:
    """All splits into halves of n/2 items, or of (n - 1)/2 and (n + 1)/2; (n_splits, n_items).

    1 marks the items of one half, -1 the others. Of an even number the first item always has a 1,
    so that no split occurs twice.
    """
    half = n_items // 2
    first = half if n_items % 2 else half - 1
    start = 0 if n_items % 2 else 1
    chosen = np.array(list(combinations(range(start, n_items), first)), dtype=np.intp)
    signs = -np.ones((len(chosen), n_items))
    np.put_along_axis(signs, chosen.reshape(len(chosen), first), 1.0, axis=1)
    if not n_items % 2:
        signs[:, 0] = 1.0
    return signs


def n_equal_splits(n_items: int) -> int:
    """Count the splits that `equal_splits` gives."""
    return comb(n_items, n_items // 2) // (1 if n_items % 2 else 2)


def drawn_splits(n_items: int, n_splits: int, rng: np.random.Generator) -> Array:
    """Random splits into halves, (n_splits, n_items), with replacement."""
    order = np.argsort(rng.random((n_splits, n_items)), axis=1)
    return np.where(order < n_items // 2, 1.0, -1.0)


def all_splits(n_items: int) -> Array:
    """All splits into two parts of any size, (2^(n_items - 1) - 1, n_items)."""
    numbers = np.arange(1, 2 ** (n_items - 1))[:, None]
    bits = numbers >> np.arange(n_items - 1)[None, :] & 1
    return np.hstack([np.ones((len(numbers), 1)), 1.0 - 2.0 * bits])


def best_splits(S: Array, rng: np.random.Generator) -> Array:
    """Split with the smallest s'Ss, and so the largest lambda 4, of each matrix (m, p, p); (m, p).

    All splits are looked at up to 16 items. Of more items, one item after the other changes sides
    while that lowers s'Ss, from random splits and the signs of the last eigenvector, which finds a
    good split and need not find the best.
    """
    n_items = S.shape[-1]
    if n_items > ALL_UP_TO:
        return np.stack([_searched(one, rng) for one in S])
    splits = all_splits(n_items)
    i, j = np.triu_indices(n_items, 1)
    best = np.full(len(S), np.inf)
    found = np.zeros((len(S), n_items))
    # s'Ss is the trace plus twice the sum of s_i s_j S_ij.
    step = max(1, LARGEST // max(len(S), len(i)))
    for begin in range(0, len(splits), step):
        part = splits[begin : begin + step]
        values = (part[:, i] * part[:, j]) @ S[:, i, j].T
        place = values.argmin(axis=0)
        lowest = values[place, np.arange(len(S))]
        better = lowest < best
        found[better], best[better] = part[place[better]], lowest[better]
    return found


def _searched(S: Array, rng: np.random.Generator) -> Array:
    n_items = len(S)
    signs = np.where(rng.random((STARTS, n_items)) < 0.5, 1.0, -1.0)
    signs[0] = np.where(np.linalg.eigh(S)[1][:, 0] < 0, -1.0, 1.0)
    off = S - np.diag(np.diag(S))
    while True:
        # Turning item i changes s'Ss by -4 s_i (off s)_i.
        gain = signs * (signs @ off)
        place = gain.argmax(axis=1)
        turning = gain[np.arange(STARTS), place] > 1e-12 * np.trace(S)
        if not turning.any():
            break
        signs[turning, place[turning]] *= -1
    best = signs[np.einsum("si,ij,sj->s", signs, off, signs).argmin()]
    return np.asarray(best * best[0])
