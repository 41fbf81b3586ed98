"""Takes the random effects out of the cross-products of a mixed model, level by level.

With V = I + sum of Z_t Psi_t Z_t' the relative covariance of the response, the likelihood needs
log|V| and W' V^-1 W for the fixed effects and the response, W = [X y]. Both follow level by
level: where V = U + Z Psi Z' and the effects within U have been taken out,

    W'V^-1 W = W'U^-1 W - W'U^-1 Z T Z'U^-1 W,    T = Psi (I + A Psi)^-1,    A = Z'U^-1 Z,
    log|V| = log|U| + log|I + A Psi|

(Harville 1977, section 5). A has a block for each unit of the level. These are the steps of a
block Cholesky factor (Bates et al. 2015, section 3.4), written so that a singular Psi needs no
exception. Derivatives go along:

    dT = (I + Psi A)^-1 dPsi (I + A Psi)^-1 - T dA T,
    d log|I + A Psi| = tr((I + A Psi)^-1 A dPsi) + tr(T dA).

References
----------
Bates, D., Mächler, M., Bolker, B., & Walker, S. (2015). Fitting linear mixed-effects models using
lme4. Journal of Statistical Software, 67(1), 1-48.
Harville, D. A. (1977). Maximum likelihood approaches to variance component estimation and to
related problems. Journal of the American Statistical Association, 72, 320-338.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from measure.levels.mixed.design import Design, Level

Array = NDArray[np.float64]


class Direction(NamedTuple):
    """A change of the relative covariance matrix of one term, (k, k)."""

    term: int
    change: Array


@dataclass(frozen=True, eq=False)
class State:
    """Cross-products of what is still there; with `tangent` set, their derivatives.

    Attributes
    ----------
    R
        Of the columns of the chain in each unit of the present level, (J, r, r).
    F
        Of those with the fixed effects and the response, (J, r, f).
    B
        Of those with the effects across, one (J, q) a column, sparse
        in large designs; empty without such effects.
    H
        Of the fixed effects and the response, (f, f).
    G
        Of those with the effects across, (f, q).
    C
        Of the effects across, (q, q).
    """

    R: Array
    F: Array
    B: list[Any]
    H: Array
    G: Array
    C: Array


@dataclass(frozen=True, eq=False)
class Step:
    """One level as it was taken out: its T, and the blocks of all units with what was left."""

    level: Level
    T: Array
    K: Array
    F: Array
    B: list[Any]


@dataclass(frozen=True, eq=False)
class Elimination:
    """What is left when all random effects are out.

    Attributes
    ----------
    logdet
        log|V|.
    H
        [X y]' V^-1 [X y], (p + 1, p + 1).
    slopes
        Derivatives of logdet, (n_directions,), and of H, (n_directions, p + 1, p + 1).
    steps
        The levels of the chain, innermost first.
    across
        T and cross-products of the effects across when the chain was out: (q, q), (p + 1, q).
    """

    logdet: float
    H: Array
    slopes: tuple[Array, Array]
    steps: tuple[Step, ...]
    across: tuple[Array, Array]


def eliminate(
    design: Design, factors: Sequence[Array], directions: Sequence[Direction] = ()
) -> Elimination:
    """Take all random effects out.

    Parameters
    ----------
    design
        The model.
    factors
        Of each term L with Psi = L L', (k, k).
    directions
        Changes of the covariance matrices along which derivatives are wanted.
    """
    state = _start(design)
    tangents: list[State | None] = [None] * len(directions)
    logdet, slopes, steps = 0.0, np.zeros(len(directions)), []
    for t, level in zip(design.chain, design.levels, strict=True):
        psi = factors[t] @ factors[t].T
        k = len(psi)
        A = state.R[:, :k, :k]
        E = _inverse(np.eye(k) + psi @ A)
        T = E @ psi
        T = (T + np.swapaxes(T, 1, 2)) / 2
        logdet -= float(_log_determinant(E))
        for i, direction in enumerate(directions):
            dT, own = None, tangents[i]
            if direction.term == t:
                dT = E @ direction.change @ np.swapaxes(E, 1, 2)
                slopes[i] += np.einsum("jab,jbc,ca->", A, E, direction.change)
            elif own is not None:
                dA = own.R[:, :k, :k]
                dT = -T @ dA @ T
                slopes[i] += np.einsum("jab,jba->", T, dA)
            if dT is not None:
                tangents[i] = _parted(_tangent(state, own, T, dT), level)
        steps.append(Step(level, T, state.R[:, :k, k:], state.F[:, :k], state.B[:k]))
        state = _parted(_without(state, T), level)
    if not design.across:
        H = [np.zeros_like(state.H) if one is None else one.H for one in tangents]
        shape = (len(directions), *state.H.shape)
        return Elimination(
            logdet,
            state.H,
            (slopes, np.reshape(H, shape)),
            tuple(steps),
            (state.C, state.G),
        )
    return _across(design, factors, directions, state, tangents, (logdet, slopes, tuple(steps)))


def _start(design: Design) -> State:
    R, B, C = design.products
    F, G, H = design.products_fixed
    return State(R, F, B, H, G, C)


def _without(state: State, T: Array) -> State:
    """Take out the first columns of the chain, whose T is given."""
    k = T.shape[1]
    K, KF, KB = state.R[:, :k, k:], state.F[:, :k], state.B[:k]
    KT = np.swapaxes(K, 1, 2) @ T
    FT = np.swapaxes(KF, 1, 2) @ T
    return State(
        R=state.R[:, k:, k:] - KT @ K,
        F=state.F[:, k:] - KT @ KF,
        B=[own - _weighted(KT[:, i], KB) for i, own in enumerate(state.B[k:])],
        H=state.H - (FT @ KF).sum(axis=0),
        G=state.G - _collected(FT, KB) if KB else state.G,
        C=state.C - _quadratic(KB, T, KB) if KB else state.C,
    )


def _tangent(state: State, own: State | None, T: Array, dT: Array) -> State:
    """Derivative of `_without`, where T changes by dT and the state by `own`."""
    k = T.shape[1]
    K, KF, KB = state.R[:, :k, k:], state.F[:, :k], state.B[:k]
    KdT = np.swapaxes(K, 1, 2) @ dT
    FdT = np.swapaxes(KF, 1, 2) @ dT
    change = State(
        R=-KdT @ K,
        F=-KdT @ KF,
        B=[-_weighted(KdT[:, i], KB) for i in range(len(state.B[k:]))],
        H=-(FdT @ KF).sum(axis=0),
        G=-_collected(FdT, KB) if KB else np.zeros_like(state.G),
        C=-_quadratic(KB, dT, KB) if KB else np.zeros_like(state.C),
    )
    if own is None:
        return change
    dK, dF, dB = own.R[:, :k, k:], own.F[:, :k], own.B[:k]
    KT, dKT = np.swapaxes(K, 1, 2) @ T, np.swapaxes(dK, 1, 2) @ T
    FT, dFT = np.swapaxes(KF, 1, 2) @ T, np.swapaxes(dF, 1, 2) @ T
    R, H = KT @ dK, (FT @ dF).sum(axis=0)
    moved = State(
        R=own.R[:, k:, k:] - R - np.swapaxes(R, 1, 2) + change.R,
        F=own.F[:, k:] - KT @ dF - dKT @ KF + change.F,
        B=[
            one - _weighted(KT[:, i], dB) - _weighted(dKT[:, i], KB) + change.B[i]
            for i, one in enumerate(own.B[k:])
        ],
        H=own.H - H - H.T + change.H,
        G=own.G + change.G,
        C=own.C + change.C,
    )
    if not KB:
        return moved
    mixed = _quadratic(KB, T, dB)
    return State(
        moved.R,
        moved.F,
        moved.B,
        moved.H,
        moved.G - _collected(FT, dB) - _collected(dFT, KB),
        moved.C - mixed - mixed.T,
    )


def _parted(state: State, level: Level) -> State:
    """Sum what belongs to the units of the level over those of the next."""
    if not state.R.shape[1]:
        return State(state.R[:0], state.F[:0], [], state.H, state.G, state.C)
    first = np.flatnonzero(np.r_[True, level.parents[1:] != level.parents[:-1]])
    if state.B and sparse.issparse(state.B[0]):
        n = len(level.parents)
        places = (level.parents, np.arange(n))
        sums = sparse.csr_array((np.ones(n), places), shape=(len(first), n))
        B = [sums @ own for own in state.B]
    else:
        B = [np.add.reduceat(own, first, axis=0) for own in state.B]
    R = np.add.reduceat(state.R, first, axis=0)
    return State(R, np.add.reduceat(state.F, first, axis=0), B, state.H, state.G, state.C)


def _weighted(weights: Array, B: list[Any]) -> Any:
    """Sum of the columns' products, each unit weighted, (J, k) and k times (J, q)."""
    parts = [own * weights[:, [i]] for i, own in enumerate(B)]
    return sum(parts[1:], parts[0])


def _collected(FT: Array, B: list[Any]) -> Array:
    """Sum over units and columns, (J, f, k) and k times (J, q) to (f, q)."""
    return np.asarray(sum((own.T @ FT[:, :, i]).T for i, own in enumerate(B)))


def _quadratic(left: list[Any], T: Array, right: list[Any]) -> Array:
    """Sum over units of left' T right, (q, q)."""
    parts = [own.T @ _weighted(T[:, i], right) for i, own in enumerate(left)]
    total = sum(parts[1:], parts[0])
    return np.asarray(total.toarray() if hasattr(total, "toarray") else total)


def _across(
    design: Design,
    factors: Sequence[Array],
    directions: Sequence[Direction],
    state: State,
    tangents: list[State | None],
    so_far: tuple[float, Array, tuple[Step, ...]],
) -> Elimination:
    """Take out the effects across, together."""
    from scipy.linalg import cho_factor, cho_solve

    logdet, slopes, steps = so_far
    # I + L'CL, and T = L (I + L'CL)^-1 L'.
    turned = [factor.T for factor in factors]
    inner = _blockwise(design, turned, _blockwise(design, turned, state.C).T)
    root = cho_factor(inner + np.eye(len(inner)), lower=True)
    logdet += 2.0 * float(np.log(np.diag(root[0])).sum())
    T = _blockwise(
        design, factors, _blockwise(design, factors, cho_solve(root, np.eye(len(inner)))).T
    )
    GT = state.G @ T
    H = state.H - GT @ state.G.T
    dH = np.zeros((len(directions), *H.shape))
    if directions:
        # With E = (I + Psi C)^-1 = I - T C: blocks of C E, and G E.
        TC = T @ state.C
        GE = state.G - state.G @ TC
        places = _places(design)
    for i, direction in enumerate(directions):
        own = tangents[i]
        if direction.term in design.across:
            k = len(direction.change)
            place = places[direction.term]
            blocks = place.reshape(-1, k)
            columns = state.C[:, place].reshape(len(TC), -1, k)
            cross = TC[:, place].reshape(len(TC), -1, k)
            CE = state.C[blocks[:, :, None], blocks[:, None, :]] - np.einsum(
                "qja,qjb->jab", columns, cross
            )
            slopes[i] += np.einsum("jab,ba->", CE, direction.change)
            split = GE[:, place].reshape(len(GE), -1, k)
            dH[i] = -np.einsum("fja,ab,gjb->fg", split, direction.change, split)
        elif own is not None:
            slopes[i] += float((T * own.C).sum())
            mixed = own.G @ GT.T
            dH[i] = own.H - mixed - mixed.T + GT @ own.C @ GT.T
    return Elimination(logdet, H, (slopes, dH), steps, (T, state.G))


def _places(design: Design) -> dict[int, NDArray[np.intp]]:
    """Give the columns of each term among the effects across."""
    sizes = [design.terms[t].n_units * design.terms[t].width for t in design.across]
    ends = np.cumsum(sizes)
    return {
        t: np.arange(end - size, end)
        for t, end, size in zip(design.across, ends, sizes, strict=True)
    }


def _blockwise(design: Design, factors: Sequence[Array], matrix: Array) -> Array:
    """Multiply the rows of each unit among the effects across by its term's factor, (q, q)."""
    found, start = [], 0
    for t in design.across:
        size = design.terms[t].n_units, design.terms[t].width
        rows = matrix[start : start + size[0] * size[1]].reshape(*size, -1)
        found.append((factors[t] @ rows).reshape(size[0] * size[1], -1))
        start += size[0] * size[1]
    return np.concatenate(found)


def _inverse(matrices: Array) -> Array:
    return np.asarray(1.0 / matrices if matrices.shape[1] == 1 else np.linalg.inv(matrices))


def _log_determinant(matrices: Array) -> float:
    if matrices.shape[1] == 1:
        return float(np.log(matrices).sum())
    return float(np.linalg.slogdet(matrices)[1].sum())
