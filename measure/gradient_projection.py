"""Minimise a rotation criterion by gradient projection, from many starts in one computation."""

import numpy as np
from numpy.typing import NDArray

from measure.rotation_criteria import Criterion

Array = NDArray[np.float64]

MAX_ITERATIONS = 5000
# Determinant of T below which factors coincide.
COLLAPSED = 1e-5


def gradient_projection(
    A: Array, criterion: Criterion, starts: Array, *, oblique: bool, tolerance: float
) -> tuple[Array, Array, Array]:
    """Minimise a rotation criterion from every start.

    Parameters
    ----------
    A
        Unrotated loadings, `(n_items, n_factors)`.
    starts
        Transformations to start from, `(n_starts, n_factors, n_factors)`.
    oblique
        Columns of T have length 1 (oblique), or T is orthogonal.
    tolerance
        Norm of the projected gradient at which a start has converged.

    Returns
    -------
    tuple
        Transformations, criterion values and norms of the projected gradient of every start.

    References
    ----------
    Jennrich (2001) for orthogonal, Jennrich (2002) for oblique rotation; the step is halved until
    the value falls by at least half of what the gradient promises, and doubled after every
    iteration.
    """
    T = starts.copy()
    value, gradient = _at(A, criterion, T, oblique)
    projected, norm = _projected(T, gradient, oblique)
    step = np.ones(len(T))
    searching = norm > tolerance
    for _ in range(MAX_ITERATIONS):
        active = np.flatnonzero(searching)
        if len(active) == 0:
            break
        step[active] *= 2
        pending = active
        for _ in range(30):
            trial = _back(T[pending] - step[pending, None, None] * projected[pending], oblique)
            trial_value, trial_gradient = _at(A, criterion, trial, oblique)
            enough = value[pending] - trial_value > 0.5 * norm[pending] ** 2 * step[pending]
            done = pending[enough]
            T[done], value[done], gradient[done] = (
                trial[enough],
                trial_value[enough],
                trial_gradient[enough],
            )
            pending = pending[~enough]
            if len(pending) == 0:
                break
            step[pending] /= 2
        # No step lowers the value any more: this start is as good as rounding allows.
        searching[pending] = False
        projected[active], norm[active] = _projected(T[active], gradient[active], oblique)
        searching &= norm > tolerance
    return T, value, norm


def random_orthogonal(size: int, number: int, rng: np.random.Generator) -> Array:
    """Random orthogonal matrices, uniform over all rotations, `(number, size, size)`."""
    Q, R = np.linalg.qr(rng.standard_normal((number, size, size)))
    signs = np.sign(np.diagonal(R, axis1=1, axis2=2))
    result: Array = Q * signs[:, None, :]
    return result


def inverse_transposed(T: Array, oblique: bool) -> Array:
    """Return what unrotated loadings are multiplied by: T itself where T is orthogonal."""
    if not oblique:
        return T
    return np.asarray(np.linalg.inv(T).swapaxes(-1, -2), dtype=np.float64)


def _at(A: Array, criterion: Criterion, T: Array, oblique: bool) -> tuple[Array, Array]:
    """Criterion value and its gradient with respect to T."""
    if oblique:
        # Factors that coincide cannot be told apart; the line search must step back from there.
        collapsed = np.abs(np.linalg.det(T)) < COLLAPSED
        T = np.where(collapsed[:, None, None], np.eye(T.shape[-1]), T)
    turned = inverse_transposed(T, oblique)
    L = A @ turned
    value, by_loadings = criterion(L)
    if oblique:
        value = np.where(collapsed, np.inf, value)
        gradient = -turned @ by_loadings.swapaxes(-1, -2) @ L
        return value, gradient
    return value, A.T @ by_loadings


def _projected(T: Array, gradient: Array, oblique: bool) -> tuple[Array, Array]:
    """Project the gradient on what the constraint on T leaves free; its norm."""
    if oblique:
        projected = gradient - T * (T * gradient).sum(axis=-2, keepdims=True)
    else:
        M = T.swapaxes(-1, -2) @ gradient
        projected = gradient - T @ (M + M.swapaxes(-1, -2)) / 2
    return projected, np.sqrt((projected**2).sum(axis=(-1, -2)))


def _back(X: Array, oblique: bool) -> Array:
    """Return the nearest matrix that meets the constraint on T."""
    if oblique:
        scaled: Array = X / np.sqrt((X**2).sum(axis=-2, keepdims=True))
        return scaled
    U, _, V = np.linalg.svd(X, full_matrices=False)
    nearest: Array = U @ V
    return nearest
