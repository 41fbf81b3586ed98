"""Maximum likelihood for rows in clusters, whose moments within and between both follow a model.

F = 2/N (log L_1 - log L_0) with log L_1 that of the saturated moments of both levels, so that N F
is the likelihood ratio statistic (Lee 1990; Bentler & Liang 2003). Blocks come in pairs, within and
between the clusters of a group, and only here are the two read together. The costs are those of the
different sizes of clusters, not of rows.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from measure.model import Curvature, Derivatives, Implied, vech_places
from measure.moments import Moments
from measure.moments.twolevel.clusters import Clusters
from measure.moments.twolevel.gap_likelihood import GapLikelihood
from measure.moments.twolevel.gap_scores import gap_scores
from measure.moments.twolevel.gaps import GappyClusters
from measure.moments.twolevel.likelihood import ClusterLikelihood, Directions
from measure.specification.levels import BETWEEN, WITHIN

Array = NDArray[np.float64]
# Variables whose moments are given, within clusters and between them.
Given = tuple[frozenset[str], frozenset[str]]
_Block = TypeVar("_Block")
AtMoments = ClusterLikelihood | GapLikelihood


@dataclass(frozen=True, eq=False)
class TwoLevelLikelihood:
    """Discrepancy between the moments of two levels and a model of both.

    `kept` holds what has been worked out of the moments alone, for a model and its baseline.
    """

    moments: Moments
    kept: dict[Hashable, list[Array]] = field(default_factory=dict, init=False, repr=False)

    @property
    def clusters(self) -> tuple[Clusters | GappyClusters, ...]:
        """The clusters of each group."""
        assert self.moments.nested is not None
        return self.moments.nested

    def _likelihoods(self, moments: Sequence[Implied]) -> list[AtMoments] | None:
        found = [
            _likelihood(own, *both)
            for own, both in zip(self.clusters, _pairs(moments), strict=True)
        ]
        there = [one for one in found if one is not None]
        return there if len(there) == len(found) else None

    @cached_property
    def saturated(self) -> list[AtMoments]:
        """The likelihood of each group at the saturated moments."""
        found = self._likelihoods(self.moments.sample)
        assert found is not None
        return found

    @cached_property
    def best(self) -> float:
        """Log-likelihood of the saturated moments, over all groups."""
        return sum(one.loglik for one in self.saturated)

    @property
    def constant(self) -> float:
        """What no moments change of a log-likelihood: -1/2 ln 2 pi for each number answered."""
        return -0.5 * float(np.log(2 * np.pi)) * sum(own.n_answers for own in self.clusters)

    def at(self, implied: list[Implied]) -> "TwoLevelAt | None":
        """Evaluate at implied moments; None where they are not positive definite."""
        here = self._likelihoods(implied)
        return None if here is None else TwoLevelAt(self, here)

    def weight(self, implied: list[Implied]) -> list[Array]:
        """Expected unit information of each group's (vech W, vech B, means), at these moments."""
        here = self._likelihoods(implied)
        assert here is not None
        nothing = (frozenset[str](), frozenset[str]())
        return [
            one.information(_saturated_directions(one, nothing).directions, observed=False)
            / one.clusters.n_rows
            for one in here
        ]

    def sizes(self, implied: list[Implied], moments: list[Implied]) -> list[float]:
        """Weighted squares of moments."""
        found = []
        parts = zip(self.weight(implied), self.clusters, _pairs(moments), strict=True)
        for weight, clusters, (inner, outer) in parts:
            covariances = [m.sigma[vech_places(len(m.sigma))] for m in (inner, outer)]
            mean = clusters.levels.total_mean(inner.mu, outer.mu)
            vector = np.concatenate([*covariances, mean])
            found.append(float(vector @ weight @ vector))
        return found

    def scores(self, implied: list[Implied], derivatives: list[Derivatives]) -> list[Array]:
        """Derivatives of each cluster's log-likelihood with respect to all free elements, by group.

        (J, n_elements) each, clusters in the order of `Clusters`.
        """
        here = self._likelihoods(implied)
        assert here is not None
        parts = zip(here, _pairs(derivatives), strict=True)
        return [_scores(likelihood, _Moved.of(likelihood, *both)) for likelihood, both in parts]

    def saturated_products(self, given: Given) -> list[Array]:
        """Sum of the outer products of the scores of clusters at the saturated moments, over N.

        Moments of given variables alone are left out.
        """
        key = ("products", given)
        if key not in self.kept:
            parts = (
                (own, _scores(own, _saturated_directions(own, given))) for own in self.saturated
            )
            self.kept[key] = [
                scores.T @ scores / likelihood.clusters.n_rows for likelihood, scores in parts
            ]
        return self.kept[key]

    def saturated_information(self, given: Given, *, observed: bool) -> list[Array]:
        """Unit information about the same moments, per group."""
        key = ("information", given, observed)
        if key not in self.kept:
            self.kept[key] = [
                one.information(_saturated_directions(one, given).directions, observed=observed)
                / one.clusters.n_rows
                for one in self.saturated
            ]
        return self.kept[key]

    def saturated_loglik(self, fixed_x: tuple[str, ...]) -> float:
        """Log-likelihood of the unrestricted model, given the variables of `fixed_x`.

        Taken off is the log-likelihood of those that are given at every level at which they are
        modelled, at their saturated moments; the others are no data by themselves.
        """
        known = [name for name in fixed_x if self.clusters[0].levels.fixed_throughout(name)]
        if not known:
            return self.best
        found = []
        for own, (within, between) in zip(self.clusters, _pairs(self.moments.sample), strict=True):
            part, inner, outer = own.only(known)
            assert within.mu is not None
            assert between.mu is not None
            given = _likelihood(
                part,
                Implied(within.mu[inner], within.sigma[np.ix_(inner, inner)]),
                Implied(between.mu[outer], between.sigma[np.ix_(outer, outer)]),
            )
            assert given is not None
            found.append(given.loglik)
        return self.best - sum(found)


@dataclass(frozen=True, eq=False)
class TwoLevelAt:
    """The discrepancy at implied moments: the likelihood of each group there."""

    discrepancy: TwoLevelLikelihood
    groups: list[AtMoments]

    @property
    def _scale(self) -> int:
        return self.discrepancy.moments.scale

    @cached_property
    def value(self) -> float:
        """F."""
        here = sum(one.loglik for one in self.groups)
        return 2 * (self.discrepancy.best - here) / self._scale

    def gradient(self, derivatives: list[Derivatives]) -> Array:
        """First derivatives of F with respect to the free elements."""
        total: Array | float = 0.0
        for here, (inner, outer) in zip(self.groups, _pairs(derivatives), strict=True):
            pull, within, between = here.gradient
            for d, centre, place in (
                (inner, within, here.clusters.within),
                (outer, between, here.clusters.between),
            ):
                assert d.d_mu is not None
                slope = 2 * (d.u * (centre @ d.v)).sum(axis=0) + pull[place] @ d.d_mu
                total = total - 2 / self._scale * slope
        return np.asarray(total)

    def information(self, derivatives: list[Derivatives]) -> Array:
        """Expected unit information."""
        return self._informed(derivatives, observed=False)

    def hessian(self, derivatives: list[Derivatives], curvatures: list[Curvature]) -> Array:
        """Second derivatives of F with respect to the free elements."""
        total = 2 * self._informed(derivatives, observed=True)
        for here, (inner, outer) in zip(self.groups, _pairs(curvatures), strict=True):
            pull, within, between = here.gradient
            for curvature, centre, place in (
                (inner, within, here.clusters.within),
                (outer, between, here.clusters.between),
            ):
                total = total - 2 / self._scale * curvature.weighted(centre, pull[place])
        return np.asarray(total)

    def _informed(self, derivatives: list[Derivatives], *, observed: bool) -> Array:
        total: Array | float = 0.0
        for here, both in zip(self.groups, _pairs(derivatives), strict=True):
            moved = _Moved.of(here, *both)
            total = total + here.information(moved.directions, observed=observed) / self._scale
        return np.asarray(total)


def _pairs(blocks: Sequence[_Block]) -> Iterator[tuple[_Block, _Block]]:
    """Blocks within and between, group by group."""
    return zip(blocks[::2], blocks[1::2], strict=True)


@dataclass(frozen=True, eq=False)
class _Moved:
    """How the moments of one group move, in the coordinates of a likelihood.

    dW = u v' + v u' of the elements within, u and v (p, q_w), and dB likewise; `means` (p, q).
    """

    within: tuple[Array, Array]
    between: tuple[Array, Array]
    means: Array
    places: tuple[NDArray[np.intp], NDArray[np.intp]]

    @classmethod
    def of(cls, here: AtMoments, inner: Derivatives, outer: Derivatives) -> "_Moved":
        """Turn the derivatives of both levels into the coordinates."""
        axes, sides, places = here.basis.axes, [], []
        means = np.zeros((len(axes), inner.u.shape[1]))
        for d, place in ((inner, here.clusters.within), (outer, here.clusters.between)):
            own = np.flatnonzero(d.u.any(axis=0))
            sides.append((axes[:, place] @ d.u[:, own], axes[:, place] @ d.v[:, own]))
            places.append(own)
            assert d.d_mu is not None
            means += axes[:, place] @ d.d_mu
        return cls(sides[0], sides[1], means, (places[0], places[1]))

    @cached_property
    def directions(self) -> Directions:
        """The derivatives of W and B as matrices."""
        within, between = (
            u[:, None] * v[None] + v[:, None] * u[None] for u, v in (self.within, self.between)
        )
        return Directions(within, between, self.means, self.places)


def _likelihood(
    clusters: Clusters | GappyClusters, within: Implied, between: Implied
) -> AtMoments | None:
    """Evaluate the likelihood of one group, whose rows are complete or not."""
    if isinstance(clusters, GappyClusters):
        return GapLikelihood.at(clusters, within, between)
    return ClusterLikelihood.at(clusters, within, between)


def _scores(here: AtMoments, moved: _Moved) -> Array:
    """Derivatives of the log-likelihood of each cluster, (J, q)."""
    if isinstance(here, GapLikelihood):
        return gap_scores(here, moved.within, moved.between, (moved.means, *moved.places))
    return _whole_scores(here, moved)


def _whole_scores(here: ClusterLikelihood, moved: _Moved) -> Array:
    """Derivatives of the log-likelihood of each cluster, (J, q).

    With r the residual of the mean of a cluster, P the inverse covariance matrix of means of its
    size n and S_j its squares and products within, of an element between r'P dB P r / 2 -
    tr(P dB) / 2, of one within 1/n of that and tr(W^-1 dW W^-1 S_j) / 2 - (n - 1) tr(W^-1 dW) / 2,
    and of one that moves means r'P dmu.
    """
    clusters, basis = here.clusters, here.basis
    size = clusters.sizes[clusters.of_cluster]
    pull = (clusters.cluster_means - here.mu) @ basis.axes.T
    pull = pull * basis.precision[clusters.of_cluster]
    total = pull @ moved.means
    inner, outer = moved.places
    (u, v), w = moved.within, clusters.within
    of_means = (pull @ u) * (pull @ v) - (basis.precision @ (u * v))[clusters.of_cluster]
    a, b = vech_places(clusters.n_within)
    axes = basis.axes[w, w]
    back_u, back_v = axes.T @ u[w], axes.T @ v[w]
    products = back_u[a] * back_v[b] + back_v[a] * back_u[b]
    products[a == b] /= 2
    of_rows = clusters.scatters @ products - (size - 1)[:, None] * (u[w] * v[w]).sum(axis=0)
    total[:, inner] += of_means / size[:, None] + of_rows
    u, v = moved.between
    level = basis.precision @ (u * v)
    total[:, outer] += (pull @ u) * (pull @ v) - level[clusters.of_cluster]
    return total


def _saturated_directions(here: AtMoments, given: Given) -> _Moved:
    """Directions of all moments of both levels, but those of given variables alone."""
    clusters = here.clusters
    levels, sides = clusters.levels, []
    for level, known in zip((WITHIN, BETWEEN), given, strict=True):
        names = levels.order(level)
        x = np.array([name in known for name in names])
        a, b = vech_places(len(names))
        keep = ~(x[a] & x[b])
        own = np.eye(len(names))
        sides.append((own[:, a[keep]], own[:, b[keep]] * np.where(a == b, 0.5, 1.0)[keep]))
    n_inner, n_outer = (u.shape[1] for u, _ in sides)
    mean_given = [
        name in (given[0] if k < levels.n_within_only else given[1])
        for k, name in enumerate(levels.names)
    ]
    means = np.eye(len(levels.names))[:, ~np.array(mean_given)]
    axes = here.basis.axes
    (inner_u, inner_v), (outer_u, outer_v) = sides
    inner, outer = axes[:, clusters.within], axes[:, clusters.between]
    return _Moved(
        (inner @ inner_u, inner @ inner_v),
        (outer @ outer_u, outer @ outer_v),
        np.hstack([np.zeros((len(axes), n_inner + n_outer)), axes @ means]),
        (np.arange(n_inner), np.arange(n_inner, n_inner + n_outer)),
    )
