"""The likelihood of rows in clusters that lack answers, and its derivatives.

In the terms of `gaps`, with C = B (I + A B)^-1 the covariances of what clusters deviate by, given
their answers, t = B q its expectation, K = Z'V^-1 Z and q = Z'V^-1 e, the derivatives of the
log-likelihood are

    with respect to B      sum (q q' - K) / 2
    with respect to W      sum_i (r_i r_i' - P_i + P_i C P_i) / 2,   r_i = P_i (e_i - t)
    with respect to mu     sum q

Variables between clusters only are known exactly: given them, z, a cluster's means are shifted by
H (z - mu_z), H = B_bz B_zz^-1, and B is B_bb - H B_zb. Second derivatives are those of the first by
a complex step (Squire & Trapp 1998, SIAM Review 40, 110-112): exact up to rounding, at the cost of
a few evaluations of the gradient for each direction.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.model import Implied
from measure.moments.twolevel.basis import Basis
from measure.moments.twolevel.gaps import GappyClusters, Shape
from measure.moments.twolevel.likelihood import ClusterLikelihood, Directions

Array = NDArray[np.float64]
# Real, or complex where a step is taken.
Numbers = NDArray[Any]

# No digits are lost, however small the step is.
STEP = 1e-30
# Numbers that the steps of several directions at once may hold for each of what clusters add up to:
# few enough for a processor's cache, and many enough for its time not to go into beginning.
AT_ONCE = 500_000


class _Point(NamedTuple):
    """Covariances within (p_w, p_w) and between (p_b, p_b) clusters, and all means (p,).

    Several points at once stand along axes before these, and so does all that comes of them.
    """

    W: Numbers
    B: Numbers
    mu: Numbers


class Slopes(NamedTuple):
    """Derivatives with respect to the means, W and B."""

    mu: Numbers
    W: Numbers
    B: Numbers


@dataclass(frozen=True, eq=False)
class _Sums:
    """What clusters add up to at a point.

    `inverse` (P, p_w, p_w) are the inverses of the patterns, A and C (J, p_w, p_w), q and t
    (J, p_w), and `outer` (J, p_b) and `spread` (J, p_b, p_b) are q and K of all variables between
    clusters. `quadratic` and `log_determinant` are NaN along a step: no derivatives need them.
    """

    inverse: Numbers
    A: Numbers
    C: Numbers
    q: Numbers
    t: Numbers
    outer: Numbers
    spread: Numbers
    quadratic: Numbers
    log_determinant: Numbers


@dataclass(frozen=True, eq=False)
class GapLikelihood:
    """Log-likelihood of the rows of one group at given moments, and its derivatives."""

    clusters: GappyClusters
    basis: Basis
    mu: Array
    point: _Point

    @classmethod
    def at(
        cls, clusters: GappyClusters, within: Implied, between: Implied
    ) -> "GapLikelihood | None":
        """Evaluate at moments of both levels; None where the likelihood is not defined."""
        levels = clusters.levels
        only = levels.n_within_only, levels.n_between_only
        # Where complete rows of these clusters have a likelihood, incomplete ones have it too.
        basis = Basis.of(within.sigma, between.sigma, only, clusters.filled.sizes)
        if basis is None:
            return None
        mu = clusters.levels.total_mean(within.mu, between.mu)
        return cls(clusters, basis, mu, _Point(within.sigma, between.sigma, mu - clusters.centre))

    @cached_property
    def sums(self) -> _Sums:
        """What clusters add up to here."""
        return _sums(self.clusters, self.point)

    @cached_property
    def loglik(self) -> float:
        """Log-likelihood, its constant included."""
        constant = self.clusters.n_answers * np.log(2 * np.pi)
        return float(-0.5 * (constant + self.sums.log_determinant + self.sums.quadratic))

    @cached_property
    def gradient(self) -> tuple[Array, Array, Array]:
        """Derivatives with respect to the means (p,), W and B, in the variables' own units."""
        return _slopes(self.clusters, self.point, self.sums)

    def information(self, directions: Directions, *, observed: bool) -> Array:
        """Information about the elements that move the moments in `directions`, (q, q).

        Minus the second derivatives along straight lines, or (`observed` False) what it would be
        with all answers: only the search is led by that.
        """
        if not observed:
            whole = ClusterLikelihood(self.clusters.filled, self.basis, self.mu)
            return whole.information(directions, observed=False)
        back = np.linalg.inv(self.basis.axes)
        w, b = self.clusters.within, self.clusters.between
        # In the variables' own units, an element to the row.
        inner, outer = (
            back @ np.moveaxis(part, -1, 0) @ back.T
            for part in (directions.within, directions.between)
        )
        q = directions.means.shape[1]
        dW = np.zeros((q, w.stop - w.start, w.stop - w.start))
        dB = np.zeros((q, b.stop - b.start, b.stop - b.start))
        dW[directions.places[0]], dB[directions.places[1]] = inner[:, w, w], outer[:, b, b]
        means = (back @ directions.means).T
        total, steps = np.zeros((q, q)), (dW, dB, means)
        size = max(AT_ONCE // (self.clusters.n_clusters * self.clusters.n_within**2), 1)
        for own in _chunks(np.array([step.reshape(q, -1).any(axis=1) for step in steps]), size):
            # What a chunk does not move is the same for all of it, and stands there once.
            moved = _Point(
                *(
                    still + 1j * STEP * step[own] if step[own].any() else still
                    for still, step in zip(self.point, steps, strict=True)
                )
            )
            slopes = _slopes(self.clusters, moved, _sums(self.clusters, moved))
            change = Slopes(*(part.imag / STEP for part in slopes))
            total[own] = -(
                change.mu @ means.T
                + np.einsum("lab,kab->lk", change.W, dW)
                + np.einsum("lab,kab->lk", change.B, dB)
            )
        return (total + total.T) / 2


def _chunks(moving: NDArray[np.bool_], size: int) -> Iterator[NDArray[np.intp]]:
    """Part directions into chunks of those that move the same, marked for W, B and mu, (3, q)."""
    kinds = np.array([1, 2, 4]) @ moving
    for kind in np.unique(kinds[kinds > 0]):
        alike = np.flatnonzero(kinds == kind)
        yield from np.split(alike, range(size, len(alike), size))


def _inverted(matrices: Numbers) -> Numbers:
    """Invert matrices; those along a step, which share their real part, to its first order.

    The second order is far below rounding.
    """
    if not np.iscomplexobj(matrices):
        return np.asarray(np.linalg.inv(matrices))
    still = np.linalg.inv(matrices[0].real)
    return np.asarray(still - 1j * (still @ matrices.imag @ still))


def _turned(matrices: Numbers) -> Numbers:
    return np.swapaxes(matrices, -1, -2)


def _sums(clusters: GappyClusters, point: _Point) -> _Sums:
    W, B, mu = point
    J, p, n_o = clusters.n_clusters, clusters.n_within, clusters.levels.n_within_only
    patterns, n_b, dtype = clusters.patterns, B.shape[-1], np.result_type(W, B, mu)
    lead = np.broadcast_shapes(W.shape[:-2], B.shape[:-2], mu.shape[:-1])
    still = not np.issubdtype(dtype, np.complexfloating)
    both = patterns.observed[:, :, None] & patterns.observed[:, None, :]
    padded = np.where(both, W[..., None, :, :], np.eye(p))
    inverse = np.where(both, _inverted(padded), 0.0)
    A = np.zeros((*W.shape[:-2], J, p, p), dtype=W.dtype)
    b = np.zeros((*lead, J, p), dtype=dtype)
    quadratic = log_determinant = np.full(lead, 0.0 if still else np.nan)
    for k, (cell, scatter) in enumerate(zip(clusters.cells, clusters.scatters, strict=True)):
        P = inverse[..., k, :, :]
        centre = np.where(patterns.observed[k], mu[..., :p], 0.0)
        gap = cell.sums - cell.counts[:, None] * centre[..., None, :]
        A[..., cell.clusters, :, :] += cell.counts[:, None, None] * P[..., None, :, :]
        b[..., cell.clusters, :] += gap @ P
        if not still:
            continue
        cross = cell.sums.sum(axis=0)[:, None] * centre[..., None, :]
        square = centre[..., :, None] * centre[..., None, :]
        shifted = scatter - cross - _turned(cross) + cell.counts.sum() * square
        quadratic = quadratic + (P * shifted).sum(axis=(-2, -1))
    if still:
        log_determinant = np.log(np.linalg.det(padded)) @ patterns.counts
    found = _Sums(
        inverse,
        A,
        np.zeros((*lead, J, p, p), dtype=dtype),
        np.zeros((*lead, J, p), dtype=dtype),
        np.zeros((*lead, J, p), dtype=dtype),
        np.zeros((*lead, J, n_b), dtype=dtype),
        np.zeros((*lead, J, n_b, n_b), dtype=dtype),
        quadratic,
        log_determinant,
    )
    for shape in clusters.shapes:
        quadratic, log_determinant = _of_shape(found, (shape, b, n_o), B, mu[..., p:])
        found = _Sums(
            *(found.inverse, found.A, found.C, found.q, found.t, found.outer, found.spread),
            found.quadratic + quadratic,
            found.log_determinant + log_determinant,
        )
    return found


def _of_shape(
    found: _Sums, own: tuple[Shape, Numbers, int], B: Numbers, mu_z: Numbers
) -> tuple[Numbers, Numbers]:
    """Fill in what clusters add up to that know the same variables between clusters only."""
    shape, b, n_o = own
    members, p, lead, dtype = shape.members, b.shape[-1], b.shape[:-2], b.dtype
    n_b = p - n_o
    z = n_b + shape.known
    places = np.concatenate([np.arange(n_b), z])
    B_zz = B[..., z[:, None], z]
    inverse_z = np.linalg.inv(B_zz)
    slope = B[..., :n_b, :][..., z] @ inverse_z
    left = np.zeros((*B.shape[:-2], p, p), dtype=B.dtype)
    left[..., n_o:, n_o:] = B[..., :n_b, :n_b] - slope @ B[..., z, :][..., :n_b]
    known = shape.values - mu_z[..., None, shape.known]
    shift = np.zeros((*lead, len(members), p), dtype=dtype)
    shift[..., n_o:] = known @ _turned(slope)
    A, b = found.A[..., members, :, :], b[..., members, :]
    reach = np.eye(p) + A @ left[..., None, :, :]
    turned = _inverted(reach)
    moved = b - (A @ shift[..., None])[..., 0]
    q = (turned @ moved[..., None])[..., 0]
    C = left[..., None, :, :] @ turned
    found.q[..., members, :], found.C[..., members, :, :] = q, C
    found.t[..., members, :] = shift + q @ _turned(left)
    K = (turned @ A)[..., n_o:, n_o:]
    # What all variables between clusters have, those only there among them.
    outer = np.zeros((*lead, len(members), len(places)), dtype=dtype)
    outer[..., :n_b] = q[..., n_o:]
    outer[..., n_b:] = known @ _turned(inverse_z) - q[..., n_o:] @ slope
    spread = np.zeros((*lead, len(members), len(places), len(places)), dtype=dtype)
    cross = -K @ slope[..., None, :, :]
    spread[..., :n_b, :n_b], spread[..., :n_b, n_b:] = K, cross
    spread[..., n_b:, :n_b] = _turned(cross)
    spread[..., n_b:, n_b:] = inverse_z[..., None, :, :] - _turned(slope)[..., None, :, :] @ cross
    found.outer[..., members[:, None], places] = outer
    found.spread[..., members[:, None, None], places[:, None], places] = spread
    if np.iscomplexobj(b):
        nothing = np.full(lead, np.nan)
        return nothing, nothing
    quadratic = (
        -2 * (shift * b).sum(axis=(-2, -1))
        + (shift[..., :, None] * A * shift[..., None, :]).sum(axis=(-3, -2, -1))
        - (moved[..., :, None] * C * moved[..., None, :]).sum(axis=(-3, -2, -1))
        + ((known @ inverse_z) * known).sum(axis=(-2, -1))
    )
    logs = np.log(np.linalg.det(reach)).sum(axis=-1) + len(members) * np.log(np.linalg.det(B_zz))
    return quadratic, logs


def _slopes(clusters: GappyClusters, point: _Point, sums: _Sums) -> Slopes:
    p, mu = clusters.n_within, point.mu
    n_b = p - clusters.levels.n_within_only
    lead, dtype = sums.q.shape[:-2], sums.q.dtype
    total = np.zeros((*lead, p, p), dtype=dtype)
    for k, (cell, scatter) in enumerate(zip(clusters.cells, clusters.scatters, strict=True)):
        own, n, P = cell.clusters, cell.counts, sums.inverse[..., k, :, :]
        # P is 0 for answers that the pattern lacks, whatever stands there.
        expected = sums.t[..., own, :] + mu[..., None, :p]
        across = cell.sums.T @ expected
        squares = scatter - across - _turned(across) + _turned(expected) @ (n[:, None] * expected)
        left = squares + np.tensordot(n, sums.C[..., own, :, :], axes=(0, -3))
        total += P @ left @ P - n.sum() * P
    means = np.zeros((*lead, mu.shape[-1]), dtype=dtype)
    means[..., :p] = sums.q.sum(axis=-2)
    means[..., p:] = sums.outer[..., n_b:].sum(axis=-2)
    outer = _turned(sums.outer) @ sums.outer - sums.spread.sum(axis=-3)
    return Slopes(means, total / 2, outer / 2)
