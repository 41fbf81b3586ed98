"""Likelihood of the answers to one item, with random effects of clusters.

The answers of a cluster with effect b are independent, category c having the probability
Phi(t_c - b) - Phi(t_c-1 - b); b is normal with mean 0 and standard deviation tau. This is the
cumulative probit model with a random intercept (Hedeker & Gibbons 1994). Derivatives of the
logarithm of an integral are means over the effects given the answers: with s the score of the
answers and the effect together, the score is E s and the Hessian E s' + var s (Louis 1982).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.distributions import normal_between
from measure.moments.ordinal_twolevel.lattice import Line, line_spacing, size_classes

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class RandomIntercept:
    """Estimates of one item.

    Attributes
    ----------
    thresholds
        In units of the standard deviation within clusters, (n_categories - 1,).
    tau
        Standard deviation of the cluster effects; 0 where the likelihood falls from there.
    scores
        Derivatives of each cluster's log-likelihood with respect to the thresholds and tau,
        (n_clusters, n_categories); without tau where that is 0.
    information
        Minus the second derivatives of the log-likelihood.
    loglik
        Of all clusters.
    converged
        Whether the search found a maximum.
    """

    thresholds: Array
    tau: float
    scores: Array
    information: Array
    loglik: float
    converged: bool = True

    @cached_property
    def influence(self) -> Array:
        """Change of thresholds and tau that a cluster brings about, (n_clusters, n_categories).

        Their sum of products estimates the covariance matrix. A tau of 0 does not move.
        """
        moved = np.asarray(np.linalg.solve(self.information, self.scores.T).T)
        return moved if self.tau > 0 else np.hstack([moved, np.zeros((len(moved), 1))])


@dataclass(frozen=True, eq=False)
class Likelihood:
    """The likelihood of one item, for effects of a deviation up to `reach` (none where 0)."""

    counts: Array
    reach: float

    @cached_property
    def parts(self) -> list[tuple[Indices, Line]]:
        """Clusters of similar size, and the effects that they are integrated over."""
        sizes = self.counts.sum(axis=1)
        return [
            (own, Line.of(line_spacing(float(sizes[own].max()), self.reach)))
            for own in size_classes(sizes)
        ]

    @property
    def n(self) -> float:
        """Number of answers."""
        return float(self.counts.sum())

    def at(self, params: Array) -> "Local":
        """Look at the likelihood at thresholds and, unless there are no effects, tau."""
        return Local(self, params)


@dataclass(frozen=True, eq=False)
class Local:
    """The likelihood at one point; for a search, minus its logarithm over the answers."""

    likelihood: Likelihood
    params: Array

    @cached_property
    def _tau(self) -> float:
        return float(self.params[-1]) if self.likelihood.reach > 0 else 0.0

    @cached_property
    def _thresholds(self) -> Array:
        return self.params[:-1] if self.likelihood.reach > 0 else self.params

    @cached_property
    def _parts(self) -> "list[_Part]":
        limits = np.concatenate([[-np.inf], self._thresholds, [np.inf]])
        effects = self.likelihood.reach > 0
        return [
            _Part(self.likelihood.counts[own], line, limits, self._tau, effects)
            for own, line in self.likelihood.parts
        ]

    @property
    def value(self) -> float:
        """Minus the log-likelihood over the answers; infinite where thresholds do not ascend."""
        if (np.diff(self._thresholds) <= 0).any():
            return float("inf")
        return -self.loglik / self.likelihood.n

    @cached_property
    def loglik(self) -> float:
        """The log-likelihood."""
        return float(sum(part.loglik for part in self._parts))

    @cached_property
    def scores(self) -> Array:
        """Scores of the clusters, (n_clusters, n_params)."""
        scores = np.zeros((len(self.likelihood.counts), len(self.params)))
        for (own, _), part in zip(self.likelihood.parts, self._parts, strict=True):
            scores[own] = part.scores
        return scores

    @property
    def slope(self) -> Array:
        """First derivatives of `value`."""
        return np.asarray(-self.scores.sum(axis=0) / self.likelihood.n)

    @property
    def expected_curvature(self) -> Array:
        """Products of the scores, which are positive semi-definite."""
        return np.asarray(self.scores.T @ self.scores / self.likelihood.n)

    @cached_property
    def hessian(self) -> Array:
        """Second derivatives of the log-likelihood."""
        size = len(self.params)
        return sum((part.hessian for part in self._parts), np.zeros((size, size)))

    @property
    def exact_curvature(self) -> Array:
        """Second derivatives of `value`."""
        return -self.hessian / self.likelihood.n

    @property
    def estimates(self) -> RandomIntercept:
        """Take this point for the estimates."""
        return RandomIntercept(self._thresholds, self._tau, self.scores, -self.hessian, self.loglik)


@dataclass(frozen=True, eq=False)
class _Part:
    """Clusters that share a lattice, `counts` (n_clusters, n_categories)."""

    counts: Array
    line: Line
    limits: Array
    tau: float
    effects: bool

    @cached_property
    def _moved(self) -> Array:
        """Limits less the effects, (n_categories + 1, k)."""
        return np.asarray(self.limits[:, None] - self.tau * self.line.z)

    @cached_property
    def _probabilities(self) -> Array:
        found = normal_between(self._moved[:-1], self._moved[1:])
        return np.maximum(found, np.finfo(float).tiny)

    @cached_property
    def _logs(self) -> Array:
        """Logarithm of likelihood times weight at each point, (n_clusters, k)."""
        return np.asarray(self.counts @ np.log(self._probabilities) + self.line.log_weights)

    @cached_property
    def _sums(self) -> tuple[Array, Array]:
        highest = self._logs.max(axis=1, keepdims=True)
        terms = np.exp(self._logs - highest)
        sums = terms.sum(axis=1, keepdims=True)
        return terms / sums, (highest + np.log(sums))[:, 0]

    @property
    def loglik(self) -> float:
        return float(self._sums[1].sum())

    @property
    def _posterior(self) -> Array:
        return self._sums[0]

    @cached_property
    def _density(self) -> Array:
        return normal_density(self._moved)

    @cached_property
    def _steps(self) -> Array:
        """Derivatives of the probabilities, (n_params, n_categories, k)."""
        density = self._density
        n = len(self.limits) - 1
        steps = np.zeros((n - 1 + self.effects, n, density.shape[1]))
        inner = np.arange(n - 1)
        steps[inner, inner] = density[1:-1]
        steps[inner, inner + 1] = -density[1:-1]
        if self.effects:
            steps[-1] = -self.line.z * np.diff(density, axis=0)
        return steps

    @cached_property
    def _slopes(self) -> Array:
        """Derivatives of the log-probabilities."""
        return self._steps / self._probabilities

    @cached_property
    def _together(self) -> Array:
        """Scores of answers and effect together, (n_clusters, n_params, k)."""
        return np.asarray(np.tensordot(self.counts, self._slopes, axes=(1, 1)))

    @cached_property
    def scores(self) -> Array:
        """Scores of the clusters."""
        return np.asarray(np.einsum("jmk,jk->jm", self._together, self._posterior))

    @cached_property
    def hessian(self) -> Array:
        """Sum over the clusters of E s' + var s."""
        weighted = self._together * self._posterior[:, None]
        products = np.einsum("jmk,jlk->ml", weighted, self._together, optimize=True)
        answers = self.counts.T @ self._posterior
        pressed = self._slopes * answers
        bends = (self._bends * (answers / self._probabilities)).sum(axis=(2, 3))
        squares = np.einsum("mck,lck->ml", pressed, self._slopes, optimize=True)
        return np.asarray(bends - squares + products - self.scores.T @ self.scores)

    @property
    def _bends(self) -> Array:
        """Second derivatives of the probabilities, (n_params, n_params, n_categories, k).

        The derivative of phi(h) is -h phi(h), and h = t - tau z moves by -z with tau.
        """
        size, n, k = self._steps.shape
        pull = np.where(np.isfinite(self._moved), self._moved, 0.0) * self._density
        bends = np.zeros((size, size, n, k))
        inner = np.arange(n - 1)
        bends[inner, inner, inner] = -pull[1:-1]
        bends[inner, inner, inner + 1] = pull[1:-1]
        if self.effects:
            z = self.line.z
            bends[inner, -1, inner] = z * pull[1:-1]
            bends[inner, -1, inner + 1] = -z * pull[1:-1]
            bends[-1, :-1] = bends[:-1, -1]
            bends[-1, -1] = -z * z * np.diff(pull, axis=0)
        return bends


def normal_density(x: Array) -> Array:
    """Normal density, 0 at infinite values."""
    there = np.isfinite(x)
    density = np.exp(-(np.where(there, x, 0.0) ** 2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(np.where(there, density, 0.0))
