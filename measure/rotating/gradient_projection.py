"""Minimise a rotation criterion by gradient projection, from many starts in one computation."""

import numpy as np
from numpy.typing import NDArray

from measure.rotating.rotation_criteria import Criterion

Array = NDArray[np.float64]

MAX_ITERATIONS = 5000
# Determinant of T below which factors coincide.
COLLAPSED = 1e-5
# Entries of an inverse below this leave no doubt that factors differ.
FAR = 1e3
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
        Unrotated loadings, `(n_items, n_factors)`; or those of each start, `(n_starts, n_items,
        n_factors)`.
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
    # Of all starts: the running mean, its weight, the length of the next step, its halvings.
    mean, weight = value.copy(), np.ones(len(T))
    length, halvings = 1 / np.maximum(norm, 1.0), np.zeros(len(T), dtype=int)
    active = np.flatnonzero(norm > tolerance)
    for iteration in range(MAX_ITERATIONS):
        if len(active) == 0:
            break
        step = length[active, None, None] * direction[active]
        trial = _back(T[active] - step, oblique)
        of_trial = A if A.ndim == 2 else A[active]
        trial_value, trial_gradient = _at(of_trial, criterion, trial, oblique)
        promised = PROMISED * length[active] * norm[active] ** 2
        enough = trial_value <= mean[active] - promised
        length[active[~enough]] /= 2
        halvings[active[~enough]] += 1
        done = active[enough]
        reached, ahead = trial[enough], trial_value[enough]
        turned, size = _projected(reached, trial_gradient[enough], oblique)
        length[done] = _barzilai_borwein(reached - T[done], turned - direction[done], iteration)
        T[done], value[done], direction[done], norm[done] = reached, ahead, turned, size
        grown = MEMORY * weight[done] + 1
        mean[done] = (MEMORY * weight[done] * mean[done] + ahead) / grown
        weight[done], halvings[done] = grown, 0
        lower = done[ahead < best_value[done]]
        best[lower], best_value[lower], best_norm[lower] = T[lower], value[lower], norm[lower]
        # Where no step lowers the value any more a start is as good as rounding allows.
        active = active[(norm[active] > tolerance) & (halvings[active] < MOST_HALVINGS)]
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
    if not oblique:
        value, by_loadings = criterion(A @ T)
        return value, A.mT @ by_loadings
    turned, collapsed = _turned(T)
    L = A @ turned
    value, by_loadings = criterion(L)
    if collapsed is not None:
        value = np.where(collapsed, np.inf, value)
    return value, -turned @ (by_loadings.mT @ L)


def _turned(T: Array) -> tuple[Array, NDArray[np.bool_] | None]:
    """Return the transposed inverses, and which are none because factors coincide (None: no one).

    Such factors cannot be told apart; the line search must step back from there.
    """
    try:
        turned = inverse_transposed(T, True)
    except np.linalg.LinAlgError:
        turned = np.full_like(T, np.inf)
    sizes = np.abs(turned).reshape(len(T), -1).max(axis=-1)
    if (sizes < FAR).all():
        return turned, None
    collapsed = np.abs(np.linalg.det(T)) < COLLAPSED
    safe = np.where(collapsed[:, None, None], np.eye(T.shape[-1]), T)
    return inverse_transposed(safe, True), collapsed


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
