"""Rules for integrals against the normal distribution in several dimensions.

References
----------
Heiss, F., & Winschel, V. (2008). Likelihood approximation by numerical integration on sparse
grids. Journal of Econometrics, 144, 62-80.
Smolyak, S. A. (1963). Quadrature and interpolation formulas for tensor products of certain classes
of functions. Soviet Mathematics Doklady, 4, 240-243.
Wasilkowski, G. W., & Wozniakowski, H. (1995). Explicit cost bounds of algorithms for multivariate
tensor product problems. Journal of Complexity, 11, 1-56.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@lru_cache(maxsize=64)
def sparse_rule(level: int, d: int) -> tuple[Array, Array]:
    """Sparse Gauss-Hermite rule for expectations of a function of d standard normal values.

    Parameters
    ----------
    level
        From 1. In one dimension the rule has 2 level - 1 points; in more it combines the products
        of rules of lower levels (Wasilkowski & Wozniakowski 1995, Lemma 1), and needs far fewer
        points than their full product (Heiss & Winschel 2008).
    d
        Dimensions.

    Returns
    -------
    tuple
        Points (k, d) and weights (k,), some of them negative, that add up to 1.
    """
    rules = [_normalised(2 * i - 1) for i in range(1, level + 1)]
    points, weights = [np.zeros((0, d))], [np.zeros(0)]
    for excess in range(max(0, level - d), level):
        missing = level - 1 - excess
        sign = (-1) ** missing * comb(d - 1, missing)
        for levels in _compositions(excess, d):
            chosen = [rules[i] for i in levels]
            grid = np.meshgrid(*(x for x, _ in chosen), indexing="ij")
            mass = np.meshgrid(*(w for _, w in chosen), indexing="ij")
            points.append(np.stack([x.ravel() for x in grid], axis=1))
            weights.append(sign * np.prod([w.ravel() for w in mass], axis=0))
    # Products share points, the middle above all.
    kept, place = _distinct(np.vstack(points))
    merged = np.zeros(len(kept))
    np.add.at(merged, place, np.concatenate(weights))
    return kept, merged


@lru_cache(maxsize=256)
def leading_points(level: int, d: int, k: int) -> tuple[Array, Indices]:
    """Distinct points that a sparse rule has in the first k dimensions.

    Returns
    -------
    tuple
        Points (m, k), and which of them each point of the rule has, (n_points,).
    """
    return _distinct(sparse_rule(level, d)[0][:, :k])


def _distinct(points: Array) -> tuple[Array, Indices]:
    # 0 is 0 whatever its sign.
    unique, place = np.unique(np.round(points, 10) + 0.0, axis=0, return_inverse=True)
    exact = np.empty_like(unique)
    exact[place.reshape(-1)] = points
    return exact, place.reshape(-1)


def _normalised(n: int) -> tuple[Array, Array]:
    """Gauss-Hermite rule of n points for the standard normal distribution."""
    x, w = np.polynomial.hermite_e.hermegauss(n)
    return x, w / w.sum()


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to write `total` as an ordered sum of `parts` numbers from 0."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _compositions(total - first, parts - 1):
            yield (first, *rest)
