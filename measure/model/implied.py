"""Moments that a model implies, and their order in one vector."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.specification.responses import Layout

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


class Implied(NamedTuple):
    """Moments that a model implies for one block: `mu` (p,) or None, `sigma` (p, p).

    Of ordered items `thresholds` (T,) are those of the standardised responses, their means are 0
    and their variances 1.
    """

    mu: Array | None
    sigma: Array
    thresholds: Array | None = None


def vech_places(p: int) -> tuple[Indices, Indices]:
    """Rows and columns of the p(p + 1)/2 different elements of a symmetric matrix.

    The order is that of vech, down the columns of the lower triangle.
    """
    return np.triu_indices(p)


def moment_vector(moments: Implied, *, means: bool, layout: Layout | None = None) -> Array:
    """(m, vech S), or vech S alone; with ordered items the vector that `Layout` describes."""
    if layout is not None:
        assert moments.thresholds is not None
        assert moments.mu is not None
        return layout.vector(moments.mu, moments.sigma, moments.thresholds)
    covariances = moments.sigma[vech_places(len(moments.sigma))]
    if not means:
        return np.asarray(covariances)
    assert moments.mu is not None
    return np.concatenate([moments.mu, covariances])
