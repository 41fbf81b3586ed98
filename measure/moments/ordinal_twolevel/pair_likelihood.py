"""Likelihood of the answers to two items, given the thresholds and effects of each by itself.

It depends on the correlation `rho` of the responses within clusters, through the probabilities of
the cells, and on the correlation `r` of the effects, through the weights of the points that are
summed over. Derivatives are means over the effects given the answers, see `item_likelihood`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.moments.ordinal_twolevel.lattice import Box, Plane, size_classes
from measure.moments.ordinal_twolevel.pair_cells import Item, PairCells, PairFactors

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Clusters times points that are held at once.
HELD = 200_000


@dataclass(frozen=True, eq=False)
class PairLikelihood:
    """Answers to two items, and a box of correlations in which they are looked at.

    Attributes
    ----------
    counts
        Answers of each cluster in each cell, (n_clusters, height, width).
    items
        Both items.
    box
        The correlations.
    """

    counts: Array
    items: tuple[Item, Item]
    box: Box

    @property
    def has_r(self) -> bool:
        """Whether both items have effects, so that there is a correlation between clusters."""
        return min(item.tau for item in self.items) > 0

    @cached_property
    def parts(self) -> list[tuple[Indices, PairFactors]]:
        """Clusters of similar size, and the factors of their cells."""
        sizes = self.counts.sum(axis=(1, 2))
        tau = (self.items[0].tau, self.items[1].tau)
        largest = max(map(abs, self.box.rho))
        return [
            (
                own,
                PairFactors.of(
                    self.items, Plane.of(float(sizes[own].max()), tau, self.box), largest
                ),
            )
            for own in size_classes(sizes)
        ]

    def at(self, rho: float, r: float) -> "PairPoint":
        """Look at the likelihood at correlations inside the box."""
        return PairPoint(self, rho, r)


class _Sums(NamedTuple):
    """Sums over clusters that share a lattice; points last.

    `answers` are expected counts given the answers (height * width, n_points), `moved` the same
    weighted with the score of rho about its mean.
    """

    loglik: float
    scores: Array
    products: Array
    answers: Array
    moved: Array


@dataclass(frozen=True, eq=False)
class PairPoint:
    """The likelihood at one point.

    Parameters are rho and r; rho alone where an item has no effects.
    """

    likelihood: PairLikelihood
    rho: float
    r: float

    @cached_property
    def _parts(self) -> "list[_Part]":
        counts = self.likelihood.counts
        return [
            _Part(counts[own].reshape(len(own), -1), PairCells(factors, self.rho), self.r)
            for own, factors in self.likelihood.parts
        ]

    @property
    def n_params(self) -> int:
        """Correlations there are."""
        return 1 + self.likelihood.has_r

    @cached_property
    def loglik(self) -> float:
        """The log-likelihood."""
        return float(sum(part.sums.loglik for part in self._parts))

    @cached_property
    def scores(self) -> Array:
        """Scores of the clusters, (n_clusters, n_params)."""
        scores = np.zeros((len(self.likelihood.counts), 2))
        for (own, _), part in zip(self.likelihood.parts, self._parts, strict=True):
            scores[own] = part.sums.scores
        return scores[:, : self.n_params]

    @cached_property
    def hessian(self) -> Array:
        """Second derivatives, (n_params, n_params)."""
        total = sum((part.hessian for part in self._parts), np.zeros((2, 2)))
        return np.asarray(total[: self.n_params, : self.n_params])

    @cached_property
    def cross(self) -> Array:
        """Derivatives of the scores' sum by thresholds and deviation of both items, item by item.

        (n_params, m) with m the numbers of categories of both added up.
        """
        total = sum(part.cross(self.likelihood.items) for part in self._parts)
        return np.asarray(total)[: self.n_params]


@dataclass(frozen=True, eq=False)
class _Part:
    """Clusters that share a lattice; `counts` (n_clusters, height * width)."""

    counts: Array
    cells: PairCells
    r: float

    @cached_property
    def _weights(self) -> tuple[Array, Array, Array]:
        return self.cells.factors.plane.log_weights(self.r)

    def _flat(self, cells: Array) -> Array:
        return cells.reshape(-1, cells.shape[-1])

    def _blocks(self) -> Iterator[slice]:
        step = max(HELD // len(self._weights[0]), 1)
        for begin in range(0, len(self.counts), step):
            yield slice(begin, begin + step)

    def _posterior(self, counts: Array, log_cells: Array) -> tuple[Array, float]:
        """Probability of each point given the answers of some clusters, and their likelihood."""
        posterior = counts @ log_cells
        posterior += self._weights[0]
        highest = posterior.max(axis=1, keepdims=True)
        posterior -= highest
        np.exp(posterior, out=posterior)
        total = posterior.sum(axis=1, keepdims=True)
        posterior /= total
        return posterior, float((highest + np.log(total)).sum())

    @cached_property
    def sums(self) -> _Sums:
        """Everything that the search takes from a pass over the clusters."""
        log_cells, steep = self._log_cells, self._flat(self.cells.scores)
        _, slope, bend = self._weights
        loglik, products = 0.0, np.zeros((2, 2))
        scores = np.empty((len(self.counts), 2))
        answers, moved = np.zeros_like(steep), np.zeros_like(steep)
        for block in self._blocks():
            counts = self.counts[block]
            posterior, own_loglik = self._posterior(counts, log_cells)
            loglik += own_loglik
            answers += counts.T @ posterior
            mean_r = posterior @ slope
            products[1, 1] += posterior.sum(axis=0) @ (slope * slope + bend) - mean_r @ mean_r
            together = counts @ steep
            mean = np.einsum("jg,jg->j", posterior, together)
            scores[block, 0], scores[block, 1] = mean, mean_r
            together -= mean[:, None]
            together *= posterior
            products[0, 1] += together.sum(axis=0) @ slope
            moved += counts.T @ together
        products[1, 0] = products[0, 1]
        # The variance of the score of rho given the answers, from the same weighted counts.
        products[0, 0] = float((moved * steep).sum())
        return _Sums(loglik, scores, products, answers, moved)

    @cached_property
    def _log_cells(self) -> Array:
        return self._flat(np.log(self.cells.probabilities))

    @property
    def _moved_r(self) -> Array:
        """Expected counts weighted with the score of r about its mean."""
        slope = self._weights[1]
        moved = self.sums.answers * slope
        for block in self._blocks():
            counts = self.counts[block]
            posterior, _ = self._posterior(counts, self._log_cells)
            moved -= (counts * self.sums.scores[block, 1:]).T @ posterior
        return moved

    @property
    def hessian(self) -> Array:
        """Sum over the clusters of E s' + var s; that of the weights stands in the products."""
        found = self.sums.products.copy()
        found[0, 0] += float((self.sums.answers * self._flat(self.cells.bends)).sum())
        return found

    def cross(self, items: tuple[Item, Item]) -> Array:
        """Derivatives of the sums of scores by thresholds and deviations, (2, m)."""
        cells = self.cells
        shape = cells.probabilities.shape
        p, steep = cells.probabilities, cells.scores
        answers = self.sums.answers.reshape(shape) / p
        of_rho, of_r = (moved.reshape(shape) / p for moved in (self.sums.moved, self._moved_r))
        found = []
        for axis, z in enumerate(cells.factors.plane.points):
            value, turned = cells.threshold_slopes(of_rows=axis == 0)
            # What a threshold adds to the cells below it, it takes from those above.
            ends = [
                -np.diff(weight, axis=axis) for weight in (answers, of_rho - answers * steep, of_r)
            ]
            whole = np.stack([turned * ends[0] + value * ends[1], value * ends[2]])
            by_threshold = whole.sum(axis=2 - axis)
            found += [by_threshold.sum(axis=2), -(by_threshold.sum(axis=1) @ z)[:, None]]
        return np.hstack(found)
