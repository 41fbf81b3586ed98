"""Best linear unbiased predictions of the random effects, and the spread of their errors.

The mixed model equations (Henderson 1975) are solved from where the elimination ended, outermost
level first; the inverse of their matrix gives the variances of prediction errors, which hold that
the fixed effects are estimated and take the variances as known.

References
----------
Henderson, C. R. (1975). Best linear unbiased estimation and prediction under a selection model.
Biometrics, 31, 423-447.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from measure.levels.mixed.elimination import Step
from measure.levels.mixed.likelihood import Near

Array = NDArray[np.float64]

CHUNK = 4_000_000
"""Numbers held at once while errors are worked out."""


@dataclass(frozen=True, eq=False)
class Effects:
    """Predicted effects of one term, in units of the design, in the order of its units.

    Attributes
    ----------
    values
        (n_units, k).
    errors
        Covariances of prediction errors of each unit, (n_units, k, k).
    """

    values: Array
    errors: Array


@dataclass(frozen=True, eq=False)
class _Outer:
    """What is known of the levels that lie outside: effects, and covariances of their errors.

    `effects` (J, r), `local` (J, r, r) of a unit's own and outer effects, `common` (J, r, g) of
    these with the effects across and the fixed effects.
    """

    effects: Array
    local: Array
    common: Array


def predict(near: Near) -> list[Effects]:
    """Predict the random effects, one result a term."""
    design, gone = near.likelihood.design, near.without_slopes
    regression, variance = near.regression, near.sigma**2
    p = design.n_fixed
    fixed: Array = np.asarray(regression.covariance)
    found: dict[int, Effects] = {}
    T, G = gone.across
    beside = T @ (G.T @ regression.contrast) if design.across else np.zeros(0)
    common = fixed
    if design.across:
        mixed = -T @ G[:p].T @ fixed
        own = T - mixed @ G[:p] @ T
        common = np.asarray(np.block([[own, mixed], [mixed.T, fixed]]))
        start = 0
        for t in design.across:
            term = design.terms[t]
            size = (term.n_units, term.width)
            places = start + np.arange(term.n_units * term.width).reshape(size)
            errors = common[places[:, :, None], places[:, None, :]]
            found[t] = Effects(beside[places], np.asarray(errors * variance))
            start += places.size
    outer = _Outer(np.zeros((1, 0)), np.zeros((1, 0, 0)), np.zeros((1, 0, len(common))))
    pairs = list(zip(design.chain, gone.steps, strict=True))
    for depth, (t, step) in reversed(list(enumerate(pairs))):
        outer, errors = _inwards(step, outer, (regression.contrast, beside, common), depth > 0)
        k = step.T.shape[1]
        places = np.argsort(step.level.units)
        found[t] = Effects(outer.effects[places, :k], errors[places] * variance)
    return [found[t] for t in range(len(design.terms))]


def _dense(matrix: Any) -> Array:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)


def _inwards(
    step: Step, outer: _Outer, known: tuple[Array, Array, Array], keep: bool
) -> tuple[_Outer, Array]:
    """Go one level inwards; without `keep` only the errors of the units themselves are held."""
    contrast, beside, common = known
    n_units, k = step.T.shape[:2]
    parents = step.level.parents
    found, errors, local, mixed = [], [], [], []
    size = max(1, CHUNK // (k * max(len(common), 1)))
    for first in range(0, n_units, size):
        part = slice(first, first + size)
        above, T, K = parents[part], step.T[part], step.K[part]
        B = [_dense(one[part]) for one in step.B]
        crossed = np.stack(B, axis=1) if B else np.zeros((len(T), k, 0))
        left = step.F[part] @ contrast - crossed @ beside
        left -= np.einsum("jkr,jr->jk", K, outer.effects[above])
        found.append(np.einsum("jkl,jl->jk", T, left))
        by_outer = -T @ K
        by_common = -T @ np.concatenate([crossed, step.F[part][:, :, :-1]], axis=2)
        with_common = by_outer @ outer.common[above] + by_common @ common
        with_outer = by_outer @ outer.local[above] + by_common @ np.swapaxes(
            outer.common[above], 1, 2
        )
        own = T + with_outer @ np.swapaxes(by_outer, 1, 2)
        own = own + with_common @ np.swapaxes(by_common, 1, 2)
        errors.append(own)
        if keep:
            turned = np.swapaxes(with_outer, 1, 2)
            local.append(np.block([[own, with_outer], [turned, outer.local[above]]]))
            mixed.append(np.concatenate([with_common, outer.common[above]], axis=1))
    effects = np.concatenate([np.concatenate(found), outer.effects[parents]], axis=1)
    if not keep:
        return _Outer(effects, outer.local, outer.common), np.concatenate(errors)
    return _Outer(effects, np.concatenate(local), np.concatenate(mixed)), np.concatenate(errors)
