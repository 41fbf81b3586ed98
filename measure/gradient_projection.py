"""Minimise a rotation criterion by gradient projection, from many starts in one computation."""

import numpy as np
from numpy.typing import NDArray

from measure.rotation_criteria import Criterion

Array = NDArray[np.float64]

MAX_ITERATIONS = 5000
# Determinant of T below which factors coincide.
COLLAPSED = 1e-5
# Share of the fall promised by the gradient that a step has to bring; weight of former values.
PROMISED, MEMORY = 1e-4, 0.85
MOST_HALVINGS = 40
# Shortest and longest step.
LENGTHS = (1e-10, 1e5)


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
    Jennrich (2001) for orthogonal, Jennrich (2002) for oblique rotation. The first trial of a step
    has the length of Barzilai & Borwein (1988), which needs no search as a rule; it is halved until
    the value lies below a running mean of former ones by part of what the gradient promises (Zhang
    & Hager 2004, eqs 1.5 to 1.7; Wen & Yin 2013, algorithm 2).
    """
    T = starts.copy()
    value, gradient = _at(A, criterion, T, oblique)
    direction, norm = _projected(T, gradient, oblique)
    # Where the search has been best; it may go up a little on the way.
    best, best_value, best_norm = T.copy(), value.copy(), norm.copy()
    # Of the starts that go on: the running mean, its weight, and the length of the step.
    active = np.flatnonzero(norm > tolerance)
    mean, weight = value[active], np.ones(len(active))
    length = 1 / np.maximum(norm[active], 1.0)
    for iteration in range(MAX_ITERATIONS):
        if len(active) == 0:
            break
        old_T, old_direction = T[active], direction[active]
        slope = norm[active] ** 2
        pending = np.arange(len(active))
        for _ in range(MOST_HALVINGS):
            own = active[pending]
            trial = _back(
                old_T[pending] - length[pending, None, None] * old_direction[pending], oblique
            )
            trial_value, trial_gradient = _at(A, criterion, trial, oblique)
            enough = trial_value <= mean[pending] - PROMISED * length[pending] * slope[pending]
            done = own[enough]
            T[done], value[done], gradient[done] = (
                trial[enough],
                trial_value[enough],
                trial_gradient[enough],
            )
            pending = pending[~enough]
            if len(pending) == 0:
                break
            length[pending] /= 2
        direction[active], norm[active] = _projected(T[active], gradient[active], oblique)
        lower = active[value[active] < best_value[active]]
        best[lower], best_value[lower], best_norm[lower] = T[lower], value[lower], norm[lower]
        moved, turned = T[active] - old_T, direction[active] - old_direction
        length = _barzilai_borwein(moved, turned, iteration)
        grown = MEMORY * weight + 1
        mean = (MEMORY * weight * mean + value[active]) / grown
        weight = grown
        # No step lowers the value any more: this start is as good as rounding allows.
        going = norm[active] > tolerance
        going[pending] = False
        active, mean, weight, length = active[going], mean[going], weight[going], length[going]
    return best, best_value, best_norm


def _barzilai_borwein(moved: Array, turned: Array, iteration: int) -> Array:
    """Lengths of the next step, by turns the longer and the shorter of the two, (n_starts,)."""
    both = np.abs((moved * turned).sum(axis=(-1, -2)))
    if iteration % 2:
        upper, lower = both, (turned**2).sum(axis=(-1, -2))
    else:
        upper, lower = (moved**2).sum(axis=(-1, -2)), both
    return np.asarray(np.clip(upper / np.maximum(lower, 1e-300), *LENGTHS))


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
