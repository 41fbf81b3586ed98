"""Maximum likelihood means and covariances of both levels: the saturated two-level model.

Variables within clusters only (o) and between them only (z) have the moments of all rows and of all
clusters. The others are regressed on them: y = a + G o + H z + u + e, with u between clusters and e
within. In coordinates in which the covariances of e are the identity and those of u diagonal with
entries l (see `Basis`), the regressions are weighted ones, one a coordinate, and the information
about both covariance matrices falls apart into a 2 x 2 matrix for each pair of coordinates
(Fisher scoring; Longford 1987). An iteration costs as much as there are sizes of clusters.

Covariances between clusters are kept positive semi-definite. Where the likelihood would rather have
a negative variance in some direction, l is 0 there, and the search moves along matrices of less
than full rank: what a step adds to covariances with such a direction, e, brings e^2/l of variance
in it (the Schur complement), which costs as much as its derivative says.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError
from measure.model import Implied
from measure.moments.twolevel.clusters import Clusters

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MAX_STEPS = 2000
# The search ends when a step promises to lower -2 log L by less than this.
TOLERANCE = 1e-11
# Variance between clusters, in units of that within, that counts as none.
ZERO = 1e-10
# Shortest part of a step that is tried.
SHORTEST = 1e-8


def saturated(clusters: Clusters) -> tuple[Implied, Implied]:
    """Find the moments within clusters and between them.

    Returns
    -------
    The moments of the variables within (those at both levels have mean 0 there) and between.

    Raises
    ------
    DataError
        Where the search finds no maximum.
    """
    data = _Regression.of(clusters)
    point = data.start()
    for _ in range(MAX_STEPS):
        slope, point = data.slope(point)
        step = _step(slope, point)
        if step.gain < TOLERANCE:
            return data.moments(point)
        length = 1.0
        while (there := data.at(*step.moved(point, length))) is None or there.value > point.value:
            length /= 2
            if length < SHORTEST:
                # Rounding hides what is left to gain.
                return data.moments(point)
        point = there
    raise DataError(
        "the means and covariances within and between clusters could not be determined: the "
        "search for the maximum of the likelihood did not end. Look for items that hardly vary "
        "within clusters, or between them."
    )


@dataclass(frozen=True, eq=False)
class _Point:
    """Covariances of e and u, as coordinates, and the regression and residuals there.

    `turn` (b, b) leads to the coordinates, `variances` (b,) are l. `slopes` (b, x) are those of the
    coordinates on the regressors, `scatter` (b, b) and `spread` (S, b, b) squares and products of
    residuals within clusters and of clusters of each size, and `value` is -2 log L, constants left
    out.
    """

    turn: Array
    variances: Array
    precision: Array
    slopes: Array
    scatter: Array
    spread: Array
    value: float


class _Slope(NamedTuple):
    """Derivatives of -2 log L with respect to B and W, (b, b), and expected second ones.

    `held` (b,) are the coordinates that get no variance.
    """

    b: Array
    w: Array
    curved: "Curved"
    held: Mask


class _Step(NamedTuple):
    """What is added to B and W, and how much that promises to gain."""

    b: Array
    w: Array
    gain: float

    def moved(self, point: _Point, length: float) -> tuple[Array, Array]:
        """Give W and B after a part of the step, in the variables' own units."""
        back = np.linalg.inv(point.turn)
        w = back @ (np.eye(len(back)) + length * self.w) @ back.T
        b = back @ (np.diag(point.variances) + length * self.b) @ back.T
        return (w + w.T) / 2, (b + b.T) / 2


@dataclass(frozen=True, eq=False)
class _Regression:
    """Sums of squares and products of (1, o, y, z), centred at their means.

    `inner` (1 + p, 1 + p) within clusters, `outer` (S, 1 + p, 1 + p) of the means of clusters of
    each size; `x` and `y` are the places of regressors and outcomes.
    """

    clusters: Clusters
    inner: Array
    outer: Array
    x: NDArray[np.intp]
    y: NDArray[np.intp]
    centre: Array

    @classmethod
    def of(cls, clusters: Clusters) -> "_Regression":
        levels = clusters.levels
        n_within, p = clusters.n_within, len(levels.names)
        weight = clusters.counts * clusters.sizes
        centre = weight @ clusters.means / clusters.n_rows
        # Clusters count alike for the variables of which each has one value.
        centre[n_within:] = clusters.counts @ clusters.means[:, n_within:] / clusters.n_clusters
        m = np.hstack([np.ones((len(clusters.sizes), 1)), clusters.means - centre])
        outer = m[:, :, None] * m[:, None, :]
        outer[:, 1:, 1:] += clusters.covariances
        outer *= clusters.counts[:, None, None]
        inner = np.zeros((1 + p, 1 + p))
        inner[1 : 1 + n_within, 1 : 1 + n_within] = clusters.scatter
        y = np.arange(1 + levels.n_within_only, 1 + n_within)
        x = np.setdiff1d(np.arange(1 + p), y)
        return cls(clusters, inner, outer, x, y, centre)

    def start(self) -> _Point:
        """Begin with the covariances of an analysis of variance."""
        clusters, own = self.clusters, self.y
        sizes, counts = clusters.sizes, clusters.counts
        w = self.inner[np.ix_(own, own)] / clusters.surplus
        n, j = clusters.n_rows, clusters.n_clusters
        squares = np.einsum("n,nab->ab", sizes, self.outer[:, own[:, None], own])
        size = (n - counts @ sizes**2 / n) / (j - 1)
        found = self.at(w, (squares / (j - 1) - w) / size)
        assert found is not None
        return found

    def at(self, w: Array, b: Array) -> _Point | None:
        """Regress at covariances; negative variances of `b` are taken for 0. None for a bad `w`."""
        try:
            half = np.linalg.inv(np.linalg.cholesky(w))
        except np.linalg.LinAlgError:
            return None
        variances, vectors = np.linalg.eigh(half @ b @ half.T)
        turn, sizes, counts = vectors.T @ half, self.clusters.sizes, self.clusters.counts
        variances = np.where(variances < ZERO, 0.0, variances)
        own = variances + 1 / sizes[:, None]
        slopes = self._slopes(turn, 1 / own)
        toward = np.zeros((len(turn), len(self.inner)))
        toward[:, self.y], toward[:, self.x] = turn, -slopes
        scatter, spread = toward @ self.inner @ toward.T, toward @ self.outer @ toward.T
        logs = -2 * np.log(half.diagonal()).sum() * self.clusters.n_rows
        squares = (np.diagonal(spread, axis1=1, axis2=2) / own).sum()
        # ln|B + W/n| is ln|W| and the sum of ln(l + 1/n); the former counts for all rows.
        value = float(logs + scatter.trace() + counts @ np.log(own).sum(axis=1) + squares)
        return _Point(turn, variances, 1 / own, slopes, scatter, spread, value)

    def _slopes(self, turn: Array, precision: Array) -> Array:
        x, y = self.x, self.y
        inner_x, inner_y = self.inner[np.ix_(x, x)], self.inner[np.ix_(x, y)]
        outer_x, outer_y = self.outer[:, x[:, None], x], self.outer[:, x[:, None], y]
        squares = inner_x + np.einsum("nk,nab->kab", precision, outer_x)
        products = inner_y + np.einsum("nk,nab->kab", precision, outer_y)
        right = np.einsum("kab,kb->ka", products, turn)
        return np.asarray(np.linalg.solve(squares, right[:, :, None])[:, :, 0])

    def slope(self, point: _Point) -> tuple[_Slope, _Point]:
        """Give the derivatives, in coordinates that those of the directions without variance fit.

        Returns
        -------
        The derivatives, and the point in the coordinates that they are in.
        """
        clusters, f = self.clusters, point.precision
        null = point.variances == 0
        gradient = _gradient(clusters, point)
        if null.any():
            turn = np.eye(len(null))
            turn[np.ix_(null, null)] = np.linalg.eigh(gradient[0][np.ix_(null, null)])[1]
            point = _turned(point, turn)
            gradient = turn.T @ gradient[0] @ turn, turn.T @ gradient[1] @ turn
        b, w = gradient
        # Where the likelihood asks for a negative variance, there is none.
        held = null & (b.diagonal() >= 0)
        curved = Curved.at(clusters, f)
        curved.bend(b.diagonal(), held, ~null, point.variances)
        return _Slope(b, w, curved, held), point

    def moments(self, point: _Point) -> tuple[Implied, Implied]:
        """Give the moments of both levels."""
        clusters = self.clusters
        levels, n_within = clusters.levels, clusters.n_within
        n_o, n_z = levels.n_within_only, levels.n_between_only
        back = np.linalg.inv(point.turn)
        slopes, own = back @ point.slopes, self.y - 1
        mu = self.centre.copy()
        mu[own] += slopes[:, 0]
        total = self.inner + np.einsum("n,nab->ab", clusters.sizes, self.outer)
        o = total[1 : 1 + n_o, 1 : 1 + n_o] / clusters.n_rows
        z = self.outer[:, 1 + n_within :, 1 + n_within :].sum(axis=0) / clusters.n_clusters
        inner, outer = slopes[:, 1 : 1 + n_o], slopes[:, 1 + n_o :]
        w = np.block([[o, o @ inner.T], [inner @ o, back @ back.T + inner @ o @ inner.T]])
        left = (back * point.variances) @ back.T
        b = np.block([[left + outer @ z @ outer.T, outer @ z], [z @ outer.T, z]])
        within = np.append(mu[:n_o], np.zeros(len(own)))
        assert len(b) == len(own) + n_z
        return Implied(within, w), Implied(mu[n_o:], b)


def _gradient(clusters: Clusters, point: _Point) -> tuple[Array, Array]:
    """Derivatives of -2 log L with respect to B and W, in the coordinates."""
    f, counts, sizes = point.precision, clusters.counts, clusters.sizes
    pressed = f[:, :, None] * point.spread * f[:, None, :]
    b = np.diag(counts @ f) - pressed.sum(axis=0)
    w = np.diag((counts / sizes) @ f) - np.einsum("n,nab->ab", 1 / sizes, pressed)
    return b, w + clusters.surplus * np.eye(len(b)) - point.scatter


def _turned(point: _Point, turn: Array) -> _Point:
    """Rotate coordinates that have the same variance."""
    return _Point(
        turn.T @ point.turn,
        point.variances,
        point.precision,
        turn.T @ point.slopes,
        turn.T @ point.scatter @ turn,
        turn.T @ point.spread @ turn,
        point.value,
    )


@dataclass(frozen=True, eq=False)
class Curved:
    """Expected second derivatives of -2 log L with respect to B and W, a number for each pair.

    In coordinates in which covariances of both levels are diagonal, (p, p) each.
    """

    bb: Array
    bw: Array
    ww: Array

    @classmethod
    def at(cls, clusters: Clusters, precision: Array) -> "Curved":
        """Sum over sizes of clusters, whose means have these precisions (S, p)."""
        parts = [
            ((clusters.counts / clusters.sizes**k)[:, None] * precision).T @ precision
            for k in range(3)
        ]
        return cls(parts[0], parts[1], parts[2] + clusters.surplus)

    def bend(self, slope: Array, held: Mask, free: Mask, variances: Array) -> None:
        """Add what variance costs that covariances with directions without it bring.

        `slope` (p,) is the derivative with respect to the variances, of which `held` stay 0 and
        `free` are `variances`.
        """
        cost = slope[held][:, None] / variances[free]
        self.bb[np.ix_(held, free)] += cost
        self.bb[np.ix_(free, held)] += cost.T

    def solve(self, b: Array, w: Array, has_b: Mask, has_w: Mask) -> tuple[Array, Array]:
        """Solve the 2 x 2 equations of each pair for what is added to B and W.

        `has_b` and `has_w` (p, p) mark the pairs that may move; where only one of B and W may, it
        is moved by itself.
        """
        bw = np.where(has_b & has_w, self.bw, 0.0)
        determinant = self.bb * self.ww - bw**2
        move_b = np.where(has_b, (bw * w - self.ww * b) / determinant, 0.0)
        return move_b, np.where(has_w, (bw * b - self.bb * w) / determinant, 0.0)


def _step(slope: _Slope, point: _Point) -> _Step:
    fixed = slope.held[:, None] & (point.variances == 0)
    every = np.ones_like(fixed)
    b, w = slope.curved.solve(slope.b, slope.w, ~(fixed | fixed.T), every)
    return _Step(b, w, -float((slope.b * b + slope.w * w).sum()) / 2)
