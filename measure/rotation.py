"""Rotate factor loadings: the criteria, and gradient projection over many starts at once.

Arrays of loadings have the shape `(..., n_items, n_factors)`: leading axes are random starts, so
that all of them are rotated in one computation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from measure.errors import OptionError

Array = NDArray[np.float64]
Criterion = Callable[[Array], tuple[Array, Array]]

MAX_ITERATIONS = 5000
# Norm of the projected gradient: coarse for every start, fine for the best of them.
COARSE, FINE = 1e-4, 1e-8
# Determinant of T below which factors coincide.
COLLAPSED = 1e-5
# Two criterion values closer than this are the same minimum.
SAME_VALUE = 1e-5


@dataclass(frozen=True)
class Rotation:
    """A row of `ROTATIONS`.

    Attributes
    ----------
    criterion
        Makes the criterion, loadings → (value, gradient), from the rotation's own arguments.
    oblique
        Whether factors may correlate.
    arguments
        The rotation's own arguments and their defaults; None must be given.
    kaiser
        Whether loadings are normalised to communality 1 while rotating, unless asked otherwise.
    keeps_order
        Whether the columns have their own meaning (a general factor, a target).
    """

    criterion: Callable[..., Criterion]
    oblique: bool
    arguments: Mapping[str, Any]
    kaiser: bool = False
    keeps_order: bool = False


@dataclass(frozen=True, eq=False)
class Rotated:
    """Rotated loadings.

    Attributes
    ----------
    loadings
        Pattern, `(n_items, n_factors)`.
    phi
        Factor correlations, `(n_factors, n_factors)`.
    transformation
        T with loadings = A (T')⁻¹ and phi = T'T for unrotated loadings A.
    value
        Criterion value (NaN where the rotation has none: promax, none).
    share_at_best
        Share of the random starts that reached this value.
    converged
        Whether the gradient vanished at the solution.
    """

    loadings: Array
    phi: Array
    transformation: Array
    value: float
    share_at_best: float
    converged: bool


# ---- criteria -----------------------------------------------------------------------------------


def orthomax(gamma: float) -> Criterion:
    """Orthomax family: γ = 0 quartimax, γ = 1 varimax (Kaiser 1958)."""

    def criterion(L: Array) -> tuple[Array, Array]:
        squared = L**2
        centred = squared - gamma * squared.mean(axis=-2, keepdims=True)
        return -_sum(squared * centred) / 4, -L * centred

    return criterion


def oblimin(gamma: float) -> Criterion:
    """Direct oblimin (Jennrich & Sampson 1966); γ = 0 is quartimin."""

    def criterion(L: Array) -> tuple[Array, Array]:
        squared = L**2
        others = squared.sum(axis=-1, keepdims=True) - squared
        if gamma != 0:
            others = others - gamma * others.mean(axis=-2, keepdims=True)
        return _sum(squared * others) / 4, L * others

    return criterion


def geomin(epsilon: float) -> Criterion:
    """Geomin (Yates 1987): sum over items of the geometric mean of the squared loadings + ε."""

    def criterion(L: Array) -> tuple[Array, Array]:
        squared = L**2 + epsilon
        mean = np.exp(np.log(squared).mean(axis=-1, keepdims=True))
        value: Array = mean.sum(axis=(-1, -2))
        return value, 2 / L.shape[-1] * L / squared * mean

    return criterion


def crawford_ferguson(kappa: float) -> Criterion:
    """Crawford & Ferguson (1970): (1 - κ) row complexity + κ column complexity."""

    def criterion(L: Array) -> tuple[Array, Array]:
        squared = L**2
        rows = squared.sum(axis=-1, keepdims=True) - squared
        columns = squared.sum(axis=-2, keepdims=True) - squared
        weighted = (1 - kappa) * rows + kappa * columns
        return _sum(squared * weighted) / 4, L * weighted

    return criterion


def bifactor() -> Criterion:
    """Jennrich & Bentler (2011): quartimin on all columns but the first, the general factor."""
    groups_only = oblimin(0.0)

    def criterion(L: Array) -> tuple[Array, Array]:
        value, groups = groups_only(L[..., 1:])
        return 4 * value, np.concatenate([np.zeros_like(L[..., :1]), 4 * groups], axis=-1)

    return criterion


def target(target: ArrayLike) -> Criterion:
    """Least squares distance to a target (Browne 1972, 2001); NaN entries are free."""
    wanted = np.asarray(target, dtype=float)
    given = np.isfinite(wanted)
    wanted = np.where(given, wanted, 0.0)

    def criterion(L: Array) -> tuple[Array, Array]:
        if wanted.shape != L.shape[-2:]:
            raise OptionError(
                f"the target is {wanted.shape[0]} × {wanted.shape[-1]}, but the loadings are "
                f"{L.shape[-2]} × {L.shape[-1]} (items × factors)."
            )
        distance = np.where(given, L - wanted, 0.0)
        return _sum(distance**2), 2 * distance

    return criterion


def _sum(terms: Array) -> Array:
    total: Array = terms.sum(axis=(-1, -2))
    return total


# A name ending in T is orthogonal, in Q oblique, as in GPArotation.
ROTATIONS: dict[str, Rotation] = {
    "varimax": Rotation(lambda: orthomax(1.0), False, {}, kaiser=True),
    "quartimax": Rotation(lambda: orthomax(0.0), False, {}),
    "oblimin": Rotation(oblimin, True, {"gamma": 0.0}),
    "quartimin": Rotation(lambda: oblimin(0.0), True, {}),
    "geomin": Rotation(geomin, True, {"epsilon": 0.01}),
    "geominQ": Rotation(geomin, True, {"epsilon": 0.01}),
    "geominT": Rotation(geomin, False, {"epsilon": 0.01}),
    "cfQ": Rotation(crawford_ferguson, True, {"kappa": 0.0}),
    "cfT": Rotation(crawford_ferguson, False, {"kappa": 0.0}),
    "bifactorQ": Rotation(bifactor, True, {}, keeps_order=True),
    "bifactorT": Rotation(bifactor, False, {}, keeps_order=True),
    "targetQ": Rotation(target, True, {"target": None}, keeps_order=True),
    "targetT": Rotation(target, False, {"target": None}, keeps_order=True),
}
# Promax has no criterion: it is a regression on powered varimax loadings.
PROMAX: dict[str, Any] = {"power": 4}
# The names that GPArotation and stats::promax give to the same arguments.
SYNONYMS = {"gam": "gamma", "delta": "epsilon", "eps": "epsilon", "Target": "target", "m": "power"}


def rotation_names() -> list[str]:
    """Return the names of all rotations, in the order of the table."""
    return ["none", "promax", *ROTATIONS]


def resolve_arguments(rotation: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return all arguments of a rotation, `normalize` among them, defaults filled in.

    Raises
    ------
    OptionError
        Unknown rotation or argument; an argument that must be given and is not.
    """
    if rotation not in rotation_names():
        raise OptionError(
            f"unknown rotation {rotation!r}. Choose one of: {', '.join(rotation_names())}."
        )
    if rotation == "none":
        defaults: dict[str, Any] = {}
    elif rotation == "promax":
        defaults = {"normalize": True, **PROMAX}
    else:
        row = ROTATIONS[rotation]
        defaults = {"normalize": row.kaiser, **row.arguments}
    arguments = dict(defaults)
    for name, value in (given or {}).items():
        known = SYNONYMS.get(name, name)
        if known not in defaults:
            raise OptionError(
                f"rotation {rotation!r} has no argument {name!r}. "
                f"It has: {', '.join(defaults) or 'none'}."
            )
        arguments[known] = value
    missing = [name for name, value in arguments.items() if value is None]
    if missing:
        raise OptionError(f"rotation {rotation!r} needs {missing[0]!r} in rotation_args.")
    return arguments


def rotate(
    unrotated: Array,
    rotation: str,
    arguments: Mapping[str, Any],
    *,
    n_starts: int,
    rng: np.random.Generator,
) -> Rotated:
    """Rotate loadings from the unrotated position and `n_starts` random ones, and keep the best.

    Parameters
    ----------
    unrotated
        Loadings, `(n_items, n_factors)`.
    rotation, arguments
        As returned by `resolve_arguments`.
    n_starts
        Random orthogonal starts besides the unrotated position.
    rng
        Source of the random starts.

    Raises
    ------
    OptionError
        The criterion has no minimum: two factors run into each other (oblimin with large γ).

    Notes
    -----
    With `normalize`, every item's loadings are divided by the root of its communality while
    rotating and multiplied back after (Kaiser 1958).
    """
    n_factors = unrotated.shape[1]
    if rotation == "none" or n_factors == 1:
        identity = np.eye(n_factors)
        return Rotated(unrotated, identity, identity, np.nan, 1.0, True)
    if rotation == "promax":
        return _promax(unrotated, arguments, n_starts, rng)
    row = ROTATIONS[rotation]
    own = {name: value for name, value in arguments.items() if name != "normalize"}
    criterion = row.criterion(**own)
    lengths = np.sqrt((unrotated**2).sum(axis=1, keepdims=True))
    scale = np.where(lengths > 0, lengths, 1.0) if arguments["normalize"] else 1.0
    A = unrotated / scale
    starts = np.concatenate([np.eye(n_factors)[None], random_orthogonal(n_factors, n_starts, rng)])
    T, values, _ = gradient_projection(A, criterion, starts, oblique=row.oblique, tolerance=COARSE)
    best = int(np.argmin(values))
    share = float(np.mean(values < values[best] + SAME_VALUE * max(1.0, abs(values[best]))))
    T, value, gradient = gradient_projection(
        A, criterion, T[best][None], oblique=row.oblique, tolerance=FINE
    )
    if row.oblique and abs(np.linalg.det(T[0])) < 100 * COLLAPSED:
        raise OptionError(
            f"rotation {rotation!r} with {own} has no minimum for these loadings: it drives the "
            "factors into each other. Choose other arguments (for oblimin gamma of at most 0), "
            "fewer factors, or another rotation."
        )
    loadings = (A @ _inverse_transposed(T[0], row.oblique)) * scale
    phi = T[0].T @ T[0]
    return Rotated(loadings, phi, T[0], float(value[0]), share, bool(gradient[0] < COARSE))


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


def _inverse_transposed(T: Array, oblique: bool) -> Array:
    if not oblique:
        return T
    return np.asarray(np.linalg.inv(T).swapaxes(-1, -2), dtype=np.float64)


def _at(A: Array, criterion: Criterion, T: Array, oblique: bool) -> tuple[Array, Array]:
    """Criterion value and its gradient with respect to T."""
    if oblique:
        # Factors that coincide cannot be told apart; the line search must step back from there.
        collapsed = np.abs(np.linalg.det(T)) < COLLAPSED
        T = np.where(collapsed[:, None, None], np.eye(T.shape[-1]), T)
    turned = _inverse_transposed(T, oblique)
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


def _promax(
    unrotated: Array, arguments: Mapping[str, Any], n_starts: int, rng: np.random.Generator
) -> Rotated:
    """Promax (Hendrickson & White 1964) from varimax loadings."""
    varimax = rotate(
        unrotated, "varimax", {"normalize": arguments["normalize"]}, n_starts=n_starts, rng=rng
    )
    V = varimax.loadings
    powered = V * np.abs(V) ** (arguments["power"] - 1)
    U = np.linalg.lstsq(V, powered, rcond=None)[0]
    U = U * np.sqrt(np.diag(np.linalg.inv(U.T @ U)))
    T = np.linalg.inv(varimax.transformation @ U).T
    return Rotated(V @ U, T.T @ T, T, np.nan, varimax.share_at_best, varimax.converged)
