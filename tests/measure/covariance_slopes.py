"""Derivatives of functions of a covariance matrix, compared with finite differences."""

import numpy as np
from numpy.typing import NDArray

from measure.consistency.covariance_functions import Functions


def assert_slopes(functions: Functions, S: NDArray[np.float64], *, rtol: float = 1e-6) -> None:
    """Compare in a few random directions."""
    rng = np.random.default_rng(1)
    slopes = functions.slopes(S)
    np.testing.assert_allclose(slopes, np.swapaxes(slopes, 1, 2), atol=1e-12)
    for _ in range(4):
        direction = rng.normal(size=S.shape)
        direction = (direction + direction.T) / 2
        step = 1e-5 * np.sqrt(np.outer(np.diag(S), np.diag(S))) * direction
        both = functions.values(np.stack([S + step, S - step]))
        expected = (both[0] - both[1]) / 2
        found = np.einsum("kij,ij->k", slopes, step)
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * np.abs(expected).max())
