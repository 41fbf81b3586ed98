"""Maximum likelihood moments of both levels from rows that lack answers.

The steps are those of `saturated`, in coordinates in which the covariances of both levels are
diagonal: each pair of coordinates is moved by itself, by the gradient of the likelihood of the
answers that there are and the information that complete rows would have. As that is more than there
is, steps are too short, by about the share of what is missing, and the search converges linearly.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError
from measure.model import Implied
from measure.moments.twolevel.gap_likelihood import GapLikelihood
from measure.moments.twolevel.gaps import GappyClusters
from measure.moments.twolevel.saturated import MAX_STEPS, SHORTEST, ZERO, Curved, saturated

Array = NDArray[np.float64]

# The search ends when a step promises to raise the log-likelihood by less than this.
TOLERANCE = 1e-10


def saturated_with_gaps(clusters: GappyClusters) -> tuple[Implied, Implied]:
    """Find the moments within clusters and between them; see `saturated`.

    Raises
    ------
    DataError
        Where the search finds no maximum.
    """
    moments = saturated(clusters.filled)
    here = GapLikelihood.at(clusters, *moments)
    assert here is not None
    for _ in range(MAX_STEPS):
        step = _step(here)
        if step.gain < TOLERANCE:
            return moments
        length = 1.0
        while True:
            moved = step.moved(here, length)
            there = None if moved is None else GapLikelihood.at(clusters, *moved)
            if moved is not None and there is not None and there.loglik >= here.loglik:
                moments, here = moved, there
                break
            length /= 2
            if length < SHORTEST:
                # Rounding hides what is left to gain.
                return moments
    raise DataError(
        "the means and covariances within and between clusters could not be determined from "
        "incomplete rows: the search for the maximum of the likelihood did not end. Look for items "
        "with very few answers."
    )


class _Step(NamedTuple):
    """What is added to B, W and the means, in the coordinates `axes`; `variances` are those of B.

    `gain` is what that promises to add to the log-likelihood.
    """

    axes: Array
    variances: Array
    b: Array
    w: Array
    mean: Array
    gain: float

    def moved(self, here: GapLikelihood, length: float) -> tuple[Implied, Implied] | None:
        """Give the moments after a part of the step; None where W is not positive definite."""
        own, back = here.clusters, np.linalg.inv(self.axes)
        levels, w, b = own.levels, own.within, own.between
        inner = np.zeros(len(back))
        inner[w] = 1.0
        W = (back @ (np.diag(inner) + length * self.w) @ back.T)[w, w]
        B = (back @ (np.diag(self.variances) + length * self.b) @ back.T)[b, b]
        mu = here.mu + length * (back @ self.mean)
        n_o, n_both = levels.n_within_only, own.n_within - levels.n_within_only
        proper = _proper(W[n_o:, n_o:], B, n_both)
        if proper is None:
            return None
        means = np.append(mu[:n_o], np.zeros(n_both))
        return Implied(means, (W + W.T) / 2), Implied(mu[n_o:], proper)


def _step(here: GapLikelihood) -> _Step:
    levels, filled, basis = here.clusters.levels, here.clusters.filled, here.basis
    n_o, n_within, p = levels.n_within_only, here.clusters.n_within, len(here.mu)
    both = slice(n_o, n_within)
    variances = np.zeros(p)
    variances[both] = np.where(basis.variances < ZERO, 0.0, basis.variances)
    null = np.zeros(p, dtype=bool)
    null[both] = variances[both] == 0
    variances[n_within:] = 1.0
    axes = basis.axes
    mean, w, b = _turned_gradient(here, axes)
    if null.any():
        turn = np.eye(p)
        turn[np.ix_(null, null)] = np.linalg.eigh(b[np.ix_(null, null)])[1]
        axes = turn.T @ axes
        mean, w, b = turn.T @ mean, turn.T @ w @ turn, turn.T @ b @ turn
    f = basis.precision
    place = np.arange(p)
    held = null & (b.diagonal() >= 0)
    curved = Curved.at(filled, f)
    curved.bend(b.diagonal(), held, ~null & (place >= n_o), variances)
    inner, outer = place < n_within, place >= n_o
    fixed = held[:, None] & null
    has_b = np.outer(outer, outer) & ~(fixed | fixed.T)
    move_b, move_w = curved.solve(b, w, has_b, np.outer(inner, inner))
    move_mean = mean / (filled.counts @ f)
    gain = -float((b * move_b + w * move_w).sum()) / 4 + float(mean @ move_mean) / 2
    return _Step(axes, variances, move_b, move_w, move_mean, gain)


def _turned_gradient(here: GapLikelihood, axes: Array) -> tuple[Array, Array, Array]:
    """Derivatives of the log-likelihood for the means, of -2 log L for W and B, in coordinates."""
    back = np.linalg.inv(axes)
    mean, W, B = here.gradient
    p = len(mean)
    w, b = np.zeros((2, p, p))
    w[here.clusters.within, here.clusters.within] = W
    b[here.clusters.between, here.clusters.between] = B
    return back.T @ mean, -2 * back.T @ w @ back, -2 * back.T @ b @ back


def _proper(W: Array, B: Array, n_both: int) -> Array | None:
    """Take negative variances between clusters, given what is between them only, for 0."""
    z = slice(n_both, len(B))
    try:
        slope = B[:n_both, z] @ np.linalg.inv(B[z, z])
        root = np.linalg.cholesky(W)
    except np.linalg.LinAlgError:
        return None
    left = B[:n_both, :n_both] - slope @ B[z, :n_both]
    half = np.linalg.inv(root)
    sizes, vectors = np.linalg.eigh(half @ left @ half.T)
    kept = root @ vectors * np.where(sizes < ZERO, 0.0, sizes)
    found = B.copy()
    found[:n_both, :n_both] = kept @ (root @ vectors).T + slope @ B[z, :n_both]
    return np.asarray((found + found.T) / 2)
