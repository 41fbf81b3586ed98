"""A correlation matrix that is not positive definite, and the nearest thing to it that is."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# What eigenvalues are raised to: inverses then still have ten digits.
RAISED = 1e-6


def smoothed(matrix: Array) -> tuple[Array, float]:
    """Raise the eigenvalues that are too small, and scale the diagonal back to 1.

    Parameters
    ----------
    matrix
        Correlations, (p, p).

    Returns
    -------
    tuple
        The matrix, and the largest change of a correlation; 0 where it was positive definite.
    """
    values, vectors = np.linalg.eigh(matrix)
    if values[0] > 0:
        return matrix, 0.0
    raised = (vectors * np.maximum(values, RAISED)) @ vectors.T
    sd = np.sqrt(np.diag(raised))
    result = raised / np.outer(sd, sd)
    np.fill_diagonal(result, 1.0)
    return (result + result.T) / 2, float(np.abs(result - matrix).max())
