"""The likelihood of rows in clusters at given moments of both levels, and its derivatives.

With N rows in J clusters, W and B the covariance matrices within and between, and of the J_n
clusters of size n the means m_n and covariances S_n of their means,

    -2 log L = N_y ln 2 pi + (N - J) ln|W| + tr(W^-1 S_w) - p_w sum_n J_n ln(1/n)
               + sum_n J_n [ln|V_n| + tr(V_n^-1 (S_n + r_n r_n'))],   V_n = B + W/n,  r_n = m_n - mu

with S_w the squares and products about the means of clusters and N_y the number of answers
(McDonald & Goldstein 1989, eqs 7 to 9; Lee 1990). It is written in the coordinates of `Basis`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.model import Implied
from measure.moments.twolevel.basis import Basis
from measure.moments.twolevel.clusters import Clusters

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Directions:
    """Directions in which the moments of both levels move, in the coordinates of a `Basis`.

    Attributes
    ----------
    within, between
        Derivatives of W and B with respect to the elements of each level, (p, p, q_w) and
        (p, p, q_b).
    means
        Derivatives of the means with respect to all q elements, (p, q).
    places
        Which of the q elements are those of W and those of B, (q_w,) and (q_b,).
    """

    within: Array
    between: Array
    means: Array
    places: tuple[Places, Places]


@dataclass(frozen=True, eq=False)
class ClusterLikelihood:
    """Log-likelihood of the rows of one group at given moments, and its derivatives."""

    clusters: Clusters
    basis: Basis
    mu: Array

    @classmethod
    def at(
        cls, clusters: Clusters, within: Implied, between: Implied
    ) -> "ClusterLikelihood | None":
        """Evaluate at moments of both levels; None where the likelihood is not defined."""
        levels = clusters.levels
        only = levels.n_within_only, levels.n_between_only
        basis = Basis.of(within.sigma, between.sigma, only, clusters.sizes)
        if basis is None:
            return None
        return cls(clusters, basis, clusters.levels.total_mean(within.mu, between.mu))

    @cached_property
    def residuals(self) -> Array:
        """A (m_n - mu), (S, p)."""
        return np.asarray((self.clusters.means - self.mu) @ self.basis.axes.T)

    @cached_property
    def spread(self) -> Array:
        """A (S_n + r_n r_n') A', (S, p, p)."""
        axes, r = self.basis.axes, self.residuals
        own = axes @ self.clusters.covariances @ axes.T
        return np.asarray(own + r[:, :, None] * r[:, None, :])

    @cached_property
    def scatter(self) -> Array:
        """A S_w A', with 0 for variables between clusters only, (p, p)."""
        found = np.zeros((len(self.mu), len(self.mu)))
        own = self.clusters.within
        axes = self.basis.axes[own, own]
        found[own, own] = axes @ self.clusters.scatter @ axes.T
        return found

    @cached_property
    def unit(self) -> Array:
        """W in the coordinates: 1 for the variables within clusters, (p,)."""
        found = np.zeros(len(self.mu))
        found[self.clusters.within] = 1.0
        return found

    @cached_property
    def loglik(self) -> float:
        """Log-likelihood, its constant included."""
        clusters, basis = self.clusters, self.basis
        n_within = clusters.n_within
        inner = clusters.surplus * basis.log_within + self.scatter.trace()
        squares = (basis.precision * np.diagonal(self.spread, axis1=1, axis2=2)).sum(axis=1)
        outer = basis.log_means + n_within * np.log(clusters.sizes) + squares
        constant = clusters.n_answers * np.log(2 * np.pi)
        return float(-0.5 * (constant + inner + clusters.counts @ outer))

    @cached_property
    def tension(self) -> Array:
        """V_n^-1 (S_n + r_n r_n') V_n^-1 in the coordinates, (S, p, p)."""
        f = self.basis.precision
        return np.asarray(f[:, :, None] * self.spread * f[:, None, :])

    @cached_property
    def pull(self) -> Array:
        """Derivative of the log-likelihood with respect to the means, in the coordinates, (p,)."""
        return self.clusters.counts @ (self.basis.precision * self.residuals)

    @cached_property
    def centres(self) -> tuple[Array, Array]:
        """G_W and G_B with d log L = tr(G_W dW) + tr(G_B dB), in the coordinates, (p, p) each."""
        clusters, f = self.clusters, self.basis.precision
        found = []
        for weight in (clusters.counts / clusters.sizes, clusters.counts):
            centre = np.einsum("n,nab->ab", weight, self.tension)
            centre[np.diag_indices(len(centre))] -= weight @ f
            found.append(centre)
        inner = self.scatter - clusters.surplus * np.diag(self.unit)
        return (found[0] + inner) / 2, found[1] / 2

    @cached_property
    def gradient(self) -> tuple[Array, Array, Array]:
        """Derivatives with respect to the means (p,), W and B, in the variables' own units."""
        axes, (inner, outer) = self.basis.axes, self.centres
        w, b = self.clusters.within, self.clusters.between
        return (
            axes.T @ self.pull,
            (axes.T @ inner @ axes)[w, w],
            (axes.T @ outer @ axes)[b, b],
        )

    def information(self, directions: Directions, *, observed: bool) -> Array:
        """Information about the elements that move the moments in `directions`, (q, q).

        Minus the second derivatives of the log-likelihood along straight lines, or (`observed`
        False) their expectation.
        """
        inner, outer = directions.places
        total = directions.means.T @ (
            (self.clusters.counts @ self.basis.precision)[:, None] * directions.means
        )
        ww, wb, bb = self._products(directions) if observed else self._expected(directions)
        total[np.ix_(inner, inner)] += ww
        total[np.ix_(inner, outer)] += wb
        total[np.ix_(outer, inner)] += wb.T
        total[np.ix_(outer, outer)] += bb
        if observed:
            cross = np.zeros_like(total)
            for power, own, X in ((1, inner, directions.within), (0, outer, directions.between)):
                f, weight = self.basis.precision, self._weight(power)
                turn = (weight[:, None] * f * self.residuals).T @ f
                cross[own] += np.einsum("kl,kla->la", turn, X).T @ directions.means
            total += cross + cross.T
        return total

    def _weight(self, power: int) -> Array:
        """J_n / n^power, (S,)."""
        return self.clusters.counts / self.clusters.sizes**power

    def _expected(self, directions: Directions) -> tuple[Array, Array, Array]:
        """Half of sum_n J_n tr(V^-1 dV V^-1 dV) for WW, WB, BB; the rows within added for WW."""
        f = self.basis.precision
        inner, outer = _flat(directions.within), _flat(directions.between)
        products = [((self._weight(k)[:, None] * f).T @ f).ravel() / 2 for k in range(3)]
        within = (self.clusters.surplus / 2) * np.outer(self.unit, self.unit).ravel()
        return (
            inner.T @ ((products[2] + within)[:, None] * inner),
            inner.T @ (products[1][:, None] * outer),
            outer.T @ (products[0][:, None] * outer),
        )

    def _products(self, directions: Directions) -> tuple[Array, Array, Array]:
        """Half of sum_n J_n tr((2 D - P) dV P dV), with D the tension and P the inverse of V."""
        f, p = self.basis.precision, len(self.mu)
        left = self.tension.copy()
        left[:, range(p), range(p)] -= f / 2
        flat = left.reshape(len(f), -1)
        sums = [((self._weight(k)[:, None] * f).T @ flat).reshape(p, p, p) for k in range(3)]
        inner, outer = directions.within, directions.between
        within = self.scatter - self.clusters.surplus / 2 * np.diag(self.unit)
        towards_w = _flat(sums[2] @ inner + within @ inner)
        towards_b = _flat(sums[0] @ outer)
        across = _flat(sums[1] @ inner)
        return (
            towards_w.T @ _flat(inner),
            across.T @ _flat(outer),
            towards_b.T @ _flat(outer),
        )


def _flat(directions: Array) -> Array:
    """(p, p, q) as (p p, q)."""
    # Not -1: a level may have no free covariance, so q = 0.
    return directions.reshape(len(directions) ** 2, directions.shape[-1])
