"""Rotate factor loadings: the rotations by name, and the best of many starts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from measure.errors import OptionError
from measure.rotating import rotation_criteria as criteria
from measure.rotating.gradient_projection import (
    COLLAPSED,
    gradient_projection,
    inverse_transposed,
    random_orthogonal,
)
from measure.rotating.rotation_criteria import Criterion

Array = NDArray[np.float64]

# Norm of the projected gradient: rough for every start, where the value is known to about its
# square, coarse for the best few, fine for the best of all.
ROUGH, COARSE, FINE = 1e-3, 1e-5, 1e-8
BEST_FEW = 4
CONVERGED = 1e-4
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
        Whether factors may correlate, unless `orthogonal` is one of the arguments and is asked for.
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


def _either_way(name: str, *row: Any, keeps_order: bool = False) -> dict[str, Rotation]:
    """Give the rows of a rotation that may be oblique or orthogonal."""
    make, arguments = row
    own = {**arguments, "orthogonal": False}
    return {
        name: Rotation(make, True, own, keeps_order=keeps_order),
        f"{name}Q": Rotation(make, True, arguments, keeps_order=keeps_order),
        f"{name}T": Rotation(make, False, arguments, keeps_order=keeps_order),
    }


def _crawford_ferguson(kappa: criteria.Kappa, oblique: bool) -> Rotation:
    own = {"orthogonal": False} if oblique else {}
    return Rotation(lambda: criteria.crawford_ferguson(kappa), oblique, own)


# A name ending in T is orthogonal, in Q oblique, as in GPArotation; one that lavaan has without
# such an ending is oblique and takes `orthogonal`. Defaults are those of GPArotation.
ROTATIONS: dict[str, Rotation] = {
    "varimax": Rotation(lambda: criteria.orthomax(1.0), False, {}, kaiser=True),
    "quartimax": Rotation(lambda: criteria.orthomax(0.0), False, {}),
    "equamax": _crawford_ferguson(criteria.cf_equamax, False),
    "parsimax": _crawford_ferguson(criteria.cf_parsimax, False),
    "orthomax": Rotation(criteria.orthomax, False, {"gamma": 1.0}),
    "oblimin": Rotation(criteria.oblimin, True, {"gamma": 0.0}),
    "quartimin": Rotation(lambda: criteria.oblimin(0.0), True, {}),
    **_either_way("geomin", criteria.geomin, {"epsilon": 0.01}),
    **_either_way("cf", criteria.crawford_ferguson, {"kappa": 0.0}),
    "cf-varimax": _crawford_ferguson(criteria.cf_varimax, True),
    "cf-equamax": _crawford_ferguson(criteria.cf_equamax, True),
    "cf-parsimax": _crawford_ferguson(criteria.cf_parsimax, True),
    **_either_way("bentler", criteria.bentler, {}),
    **_either_way("infomax", criteria.infomax, {}),
    "entropy": Rotation(criteria.entropy, False, {}),
    "simplimax": Rotation(criteria.simplimax, True, {"k": "n_items"}),
    **_either_way("bifactor", criteria.bifactor, {}, keeps_order=True),
    **_either_way("bigeomin", criteria.bigeomin, {"epsilon": 0.01}, keeps_order=True),
    **_either_way("target", criteria.target, {"target": None}, keeps_order=True),
    **_either_way("pst", criteria.target, {"target": None, "weights": None}, keeps_order=True),
}
# Promax has no criterion: it is a regression on powered varimax loadings.
PROMAX: dict[str, Any] = {"power": 4}
# The names that GPArotation, stats::promax and lavaan give to the same arguments.
SYNONYMS = {
    "gam": "gamma",
    "delta": "epsilon",
    "eps": "epsilon",
    "Target": "target",
    "W": "weights",
    "m": "power",
    "oblimin.gamma": "gamma",
    "orthomax.gamma": "gamma",
    "geomin.epsilon": "epsilon",
    "cf.gamma": "kappa",
    "promax.kappa": "power",
    "target.mask": "weights",
}


def _is_number(value: object) -> bool:
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    return bool(np.isfinite(float(value)))


def _is_table(value: object) -> bool:
    try:
        return np.ndim(np.asarray(value, dtype=float)) == 2
    except (TypeError, ValueError):
        return False


# What each argument has to be.
SENSIBLE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "normalize": (lambda v: isinstance(v, bool | np.bool_), "True or False"),
    "orthogonal": (lambda v: isinstance(v, bool | np.bool_), "True or False"),
    "gamma": (_is_number, "a number"),
    "kappa": (lambda v: _is_number(v) and 0 <= v <= 1, "a number between 0 and 1"),
    "epsilon": (lambda v: _is_number(v) and v > 0, "a number above 0"),
    "power": (lambda v: _is_number(v) and v > 1, "a number above 1"),
    "k": (
        lambda v: v == "n_items" or (isinstance(v, Integral) and int(v) > 0),
        'a whole number above 0, or "n_items"',
    ),
    "target": (_is_table, "a table of numbers, items × factors, NaN where an entry is free"),
    "weights": (_is_table, "a table of numbers, items × factors"),
}


def rotation_names() -> list[str]:
    """Return the names of all rotations, in the order of the table."""
    return ["none", "promax", *ROTATIONS]


def resolve_arguments(rotation: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return all arguments of a rotation, `normalize` among them, defaults filled in.

    Raises
    ------
    OptionError
        Unknown rotation or argument; an argument that must be given and is not, or makes no sense.
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
    for name, value in arguments.items():
        sensible, wanted = SENSIBLE[name]
        if not sensible(value):
            raise OptionError(
                f"{name} of rotation {rotation!r} is {value!r}, but must be {wanted}."
            )
    return arguments


@dataclass(frozen=True, eq=False)
class NamedCriterion:
    """The criterion of a rotation in `ROTATIONS`, which other processes can make again."""

    rotation: str
    arguments: Mapping[str, Any]

    @cached_property
    def _made(self) -> Criterion:
        row = ROTATIONS[self.rotation]
        own = {name: self.arguments[name] for name in row.arguments if name != "orthogonal"}
        return row.criterion(**own)

    def __call__(self, L: Array) -> tuple[Array, Array]:
        """Give value and gradient at loadings."""
        return self._made(L)

    def __reduce__(self) -> tuple[Any, ...]:
        """Send names, not functions."""
        return NamedCriterion, (self.rotation, self.arguments)


def criterion_of(rotation: str, arguments: Mapping[str, Any]) -> tuple[Criterion, bool]:
    """Return the criterion of a rotation in `ROTATIONS`, and whether factors may correlate.

    Parameters
    ----------
    rotation, arguments
        As returned by `resolve_arguments`.
    """
    oblique = ROTATIONS[rotation].oblique and not arguments.get("orthogonal", False)
    return NamedCriterion(rotation, arguments), oblique


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
    criterion, oblique = criterion_of(rotation, arguments)
    lengths = np.sqrt((unrotated**2).sum(axis=1, keepdims=True))
    scale = np.where(lengths > 0, lengths, 1.0) if arguments["normalize"] else 1.0
    A = unrotated / scale
    starts = np.concatenate([np.eye(n_factors)[None], random_orthogonal(n_factors, n_starts, rng)])
    T, values, _ = gradient_projection(A, criterion, starts, oblique=oblique, tolerance=ROUGH)
    few = np.argsort(values, kind="stable")[:BEST_FEW]
    T[few], values[few], _ = gradient_projection(
        A, criterion, T[few], oblique=oblique, tolerance=COARSE
    )
    best = int(np.argmin(values))
    share = float(np.mean(values < values[best] + SAME_VALUE * max(1.0, abs(values[best]))))
    T, value, gradient = gradient_projection(
        A, criterion, T[best][None], oblique=oblique, tolerance=FINE
    )
    if oblique and abs(np.linalg.det(T[0])) < 100 * COLLAPSED:
        raise OptionError(
            f"rotation {rotation!r} with {dict(arguments)} has no minimum for these loadings: it "
            "drives the factors into each other. Choose other arguments (for oblimin gamma of at "
            "most 0), fewer factors, or another rotation."
        )
    loadings = (A @ inverse_transposed(T[0], oblique)) * scale
    phi = T[0].T @ T[0]
    return Rotated(loadings, phi, T[0], float(value[0]), share, bool(gradient[0] < CONVERGED))


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


def oriented(
    found: Rotated,
    rotation: str,
    arguments: Mapping[str, Any],
    *,
    order: str = "sums",
    unit: Array | float = 1.0,
) -> Rotated:
    """Give the same loadings in one fixed order of columns and signs.

    Parameters
    ----------
    found
        Rotated loadings.
    rotation, arguments
        How; a bifactor or target rotation keeps its order, and columns for which a target asks for
        anything but zeros keep their sign. All others get positive sums.
    order
        `"sums"`: by sums of squared loadings; `"index"`: by the mean position of the items whose
        loading is at least .8 of the column's largest, as lavaan.
    unit
        What loadings are multiplied by before they are compared, (n_items, 1).
    """
    L = found.loadings * unit
    signs = np.where((L.sum(axis=0) < 0) & ~_signed(rotation, arguments, L.shape[1]), -1.0, 1.0)
    if rotation in ROTATIONS and ROTATIONS[rotation].keeps_order:
        columns = np.arange(L.shape[1])
    elif order == "index":
        sizes = np.abs(L)
        large = sizes >= 0.8 * sizes.max(axis=0)
        places = np.arange(len(L))[:, None]
        columns = np.argsort((places * large).sum(axis=0) / large.sum(axis=0), kind="stable")
    else:
        columns = np.argsort(-(L**2).sum(axis=0), kind="stable")
    turned = (found.transformation * signs)[:, columns]
    phi = (found.phi * np.outer(signs, signs))[np.ix_(columns, columns)]
    return replace(
        found, loadings=(found.loadings * signs)[:, columns], phi=phi, transformation=turned
    )


def _signed(rotation: str, arguments: Mapping[str, Any], n_factors: int) -> NDArray[np.bool_]:
    """Columns whose sign a target determines."""
    if "target" not in arguments:
        return np.zeros(n_factors, dtype=bool)
    wanted = np.asarray(arguments["target"], dtype=float)
    counts = np.asarray(arguments.get("weights", 1.0), dtype=float) != 0
    return np.asarray((np.isfinite(wanted) & (wanted != 0) & counts).any(axis=0))
