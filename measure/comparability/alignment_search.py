"""The search for the alignment: many starts at once, the best of them made exact."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.comparability.alignment_loss import AlignmentLoss

Array = NDArray[np.float64]

# Steps of the search of all starts; most end after fewer than 100.
PATIENCE = 500
# A start has ended where no derivative of the loss (per unit of the weights) is above this.
FLAT = 1e-7
HALVINGS = 30
# A start has also ended where a step brings less than this share of its loss.
LEAST = 1e-10
# Armijo's constant: the share of the promised decrease that a step has to bring.
SUFFICIENT = 1e-4
# The longest first step, and the longest of all, in units of the latent variable.
LONGEST, FARTHEST = 0.5, 2.0
# Starts whose loss is above the least by less than this share have reached the same minimum.
SAME = 1e-6


class AlignmentSearch(NamedTuple):
    """What the search found.

    `x` (2 G,) are mean and log standard deviation of each group; `basis` (2 G, q) the directions in
    which they are free; `reached` the share of starts that ended at the least loss; `flat` whether
    the search ended at a minimum; `hessian` (q, q) and `mixed` (q, G (p + m)) second derivatives
    there, along the directions.
    """

    x: Array
    value: float
    basis: Array
    reached: float
    flat: bool
    hessian: Array
    mixed: Array


def align(loss: AlignmentLoss, *, fixed: int | None, n_starts: int, seed: int) -> AlignmentSearch:
    """Find means and standard deviations with the least loss.

    The product of the standard deviations is 1: without it, F would shrink with all loadings
    (Asparouhov & Muthen 2014). `fixed` is the group whose mean is 0, None where all means
    are free.
    """
    n = len(loss.n_obs)
    basis = directions(n, fixed)
    informed = np.linalg.lstsq(basis, _informed(loss, fixed))[0]
    rng = np.random.default_rng(seed)
    spread = np.where(np.arange(n_starts) > 0, 0.5, 0.0)[:, None]
    starts = informed + spread * rng.standard_normal((n_starts, basis.shape[1]))
    z, values = _descend(loss, basis, starts)
    best = int(np.argmin(values))
    reached = float((values <= values[best] * (1 + SAME)).mean())
    exact, flat = _polished(loss, basis, z[best])
    x = basis @ exact
    hessian, mixed = loss.second(x)
    return AlignmentSearch(
        x=x,
        value=float(loss.value_and_gradient(x)[0]),
        basis=basis,
        reached=reached,
        flat=flat,
        hessian=basis.T @ hessian @ basis,
        mixed=basis.T @ mixed,
    )


def realign(loss: AlignmentLoss, search: AlignmentSearch) -> Array:
    """Find the least losses of many sets of parameters, from where that of one was, (n, 2 G)."""
    start = np.linalg.lstsq(search.basis, search.x)[0]
    # The curvature there is a good first guess of the others'.
    total = loss.weights.sum()
    guess = np.linalg.pinv(search.hessian / total, hermitian=True)
    z, _ = _descend(loss, search.basis, np.tile(start, (len(loss.loadings), 1)), guess)
    return np.asarray(z @ search.basis.T)


def directions(n_groups: int, fixed: int | None) -> Array:
    """Directions (2 G, q) that keep the sum of log standard deviations and the fixed mean at 0."""
    means = np.delete(np.eye(n_groups), [] if fixed is None else [fixed], axis=1)
    # Orthonormal, so that the search sees no order of the groups.
    centred = np.eye(n_groups) - 1 / n_groups
    scales = np.linalg.svd(centred)[0][:, : n_groups - 1]
    found = np.zeros((2 * n_groups, means.shape[1] + scales.shape[1]))
    found[0::2, : means.shape[1]] = means
    found[1::2, means.shape[1] :] = scales
    return found


def _informed(loss: AlignmentLoss, fixed: int | None) -> Array:
    """Start at the median of what single items say, which a minority of other items cannot move."""
    size = np.maximum(np.abs(loss.loadings), 1e-3)
    s = np.median(np.log(size / np.exp(np.log(size).mean(axis=0))), axis=1)
    loadings = loss.loadings * np.exp(-(s - s.mean()))[:, None]
    reach = (loss.scoring.signs * loadings[:, loss.scoring.items]).mean(axis=0)
    reach = np.where(np.abs(reach) < 1e-3, 1e-3, reach)
    alpha = np.median((loss.locations - loss.locations.mean(axis=0)) / reach, axis=1)
    x = np.zeros(2 * len(s))
    x[0::2] = alpha - (alpha.mean() if fixed is None else alpha[fixed])
    x[1::2] = s - s.mean()
    return x


def _along(loss: AlignmentLoss, basis: Array, z: Array) -> tuple[Array, Array]:
    """Loss per unit of the weights, and its derivatives along the directions."""
    value, gradient = loss.value_and_gradient(z @ basis.T)
    total = loss.weights.sum()
    return value / total, gradient @ basis / total


def _descend(
    loss: AlignmentLoss, basis: Array, z: Array, guess: Array | None = None
) -> tuple[Array, Array]:
    """Quasi-Newton steps (BFGS; Nocedal & Wright 2006, eq. 6.17) of all starts (n, q) at once.

    `guess` is a first inverse of the second derivatives, (q, q).
    """
    n, q = z.shape
    z = z.copy()
    value, gradient = _along(loss, basis, z)
    inverse = np.zeros((n, q, q))
    inverse[:] = np.eye(q) if guess is None else guess
    if guess is None:
        first = LONGEST / np.maximum(np.sqrt((gradient**2).sum(axis=1)), LONGEST)
        inverse *= first[:, None, None]
    going = np.arange(n)
    for _ in range(PATIENCE):
        going = going[np.abs(gradient[going]).max(axis=1, initial=0.0) > FLAT]
        if not len(going):
            break
        step = -(inverse[going] @ gradient[going, :, None])[..., 0]
        slope = (step * gradient[going]).sum(axis=1)
        lost = slope >= 0
        step[lost], slope[lost] = -gradient[going[lost]], -(gradient[going[lost]] ** 2).sum(axis=1)
        inverse[going[lost]] = np.eye(q)
        shorter = FARTHEST / np.maximum(np.abs(step).max(axis=1), FARTHEST)
        step, slope = step * shorter[:, None], slope * shorter
        here = z[going], value[going]
        length, moved = _searched(loss.at(going), basis, here, (step, slope))
        change = length[:, None] * step
        turn = moved[1] - gradient[going]
        gained = value[going] - moved[0]
        z[going] += change
        value[going], gradient[going] = moved
        inverse[going] = _updated(inverse[going], change, turn)
        going = going[gained > LEAST * np.abs(moved[0])]
    return z, value * loss.weights.sum()


def _searched(
    loss: AlignmentLoss, basis: Array, here: tuple[Array, Array], along: tuple[Array, Array]
) -> tuple[Array, tuple[Array, Array]]:
    """Halve steps until they bring enough; length 0 where none does."""
    (z, value), (step, slope) = here, along
    length = np.ones(len(z))
    found_value, found_gradient = _along(loss, basis, z + step)
    for _ in range(HALVINGS):
        short = np.flatnonzero(~(found_value <= value + SUFFICIENT * length * slope))
        if not len(short):
            break
        length[short] /= 2
        own = z[short] + length[short, None] * step[short]
        found_value[short], found_gradient[short] = _along(loss.at(short), basis, own)
    stuck = np.flatnonzero(~(found_value <= value))
    if len(stuck):
        length[stuck] = 0.0
        found_value[stuck], found_gradient[stuck] = _along(loss.at(stuck), basis, z[stuck])
    return length, (found_value, found_gradient)


def _updated(inverse: Array, change: Array, turn: Array) -> Array:
    """Update inverse Hessians (n, q, q); those that would lose definiteness stay."""
    curvature = (change * turn).sum(axis=1)
    sizes = np.sqrt((change**2).sum(axis=1) * (turn**2).sum(axis=1))
    use = curvature > 1e-10 * sizes
    rho = np.where(use, 1 / np.where(use, curvature, 1.0), 0.0)[:, None, None]
    left = np.eye(change.shape[1]) - rho * change[:, :, None] * turn[:, None, :]
    update = left @ inverse @ left.mT + rho * change[:, :, None] * change[:, None, :]
    return np.where(use[:, None, None], update, inverse)


def _polished(loss: AlignmentLoss, basis: Array, z: Array) -> tuple[Array, bool]:
    """Newton's steps from where a start ended; tell whether they ended at a minimum."""
    total = loss.weights.sum()
    value, gradient = _along(loss, basis, z)
    # Until rounding keeps the derivatives from falling further: standard errors differentiate this.
    for _ in range(20):
        hessian = basis.T @ loss.second(basis @ z)[0] @ basis / total
        moved = z - np.linalg.lstsq(hessian, gradient)[0]
        moved_value, moved_gradient = _along(loss, basis, moved)
        higher = moved_value > value + 1e-12 * abs(value)
        if higher or not np.abs(moved_gradient).max() < np.abs(gradient).max():
            break
        z, value, gradient = moved, moved_value, moved_gradient
    hessian = basis.T @ loss.second(basis @ z)[0] @ basis / total
    return z, bool(np.abs(gradient).max() < 10 * FLAT and np.linalg.eigvalsh(hessian)[0] > 0)
