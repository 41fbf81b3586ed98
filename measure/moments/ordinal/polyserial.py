"""Polyserial correlations of ordered with continuous variables, all pairs at once.

Second step of the two-step method (Olsson, Drasgow & Dorans 1982, eq. 26): with the thresholds of
the ordered variable and the mean and variance of the continuous one fixed, the log-likelihood of a
row is log [Phi(u_c) - Phi(u_c-1)], u_c = (tau_c - rho z) / sqrt(1 - rho^2), for category c and the
standardised value z. Rows are taken in chunks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.distributions import normal_between
from measure.moments.ordinal.correlation_search import Likelihoods, climb
from measure.moments.ordinal.kinds import Pairs
from measure.moments.ordinal.thresholds import threshold_density

Array = NDArray[np.float64]
Codes = NDArray[np.uint8]
Indices = NDArray[np.intp]

# Smallest probability that a logarithm is taken of.
SMALLEST = 1e-300
# Values of rows times pairs held at once.
VALUES = 200_000
# From so many rows on the search begins on every k-th of them, about this many.
SUBSAMPLE = 20_000
_ROOT = np.sqrt(2 * np.pi)


@dataclass(frozen=True, eq=False)
class Answers:
    """Ordered answers beside continuous ones.

    `codes` (n_ordered, n) category numbers, `width` where missing; `z` (n_continuous, n)
    standardised values, NaN where missing; `limits` (n_ordered, width + 1) of the categories;
    `pairs` which ordered variable is seen with which continuous one.
    """

    codes: Codes
    z: Array
    limits: Array
    pairs: Pairs

    def rows(self, place: "slice | Indices") -> "Answers":
        """Some of the rows."""
        return Answers(self.codes[:, place], self.z[:, place], self.limits, self.pairs)

    def of(self, some: Indices) -> "Answers":
        """Some of the pairs."""
        return Answers(self.codes, self.z, self.limits, Pairs(*(part[some] for part in self.pairs)))

    def chunks(self) -> Iterator["Answers"]:
        """Rows to be worked on together."""
        step = max(VALUES // max(len(self.pairs.places), 1), 1)
        for begin in range(0, self.z.shape[1], step):
            yield self.rows(slice(begin, begin + step))


@dataclass(frozen=True, eq=False)
class Given:
    """Probabilities of the answers given the continuous values, at one correlation a pair.

    Arrays are (n_pairs, n_rows); where an answer is missing, scores are 0.
    """

    answers: Answers
    rho: Array

    @cached_property
    def there(self) -> NDArray[np.bool_]:
        """Whether both answers are there."""
        pairs, width = self.answers.pairs, self.answers.limits.shape[1] - 1
        here = self.answers.codes < width
        return np.asarray(here[pairs.first] & ~np.isnan(self.answers.z)[pairs.second])

    @cached_property
    def z(self) -> Array:
        """Standardised values, 0 where missing."""
        return np.where(self.there, self.answers.z[self.answers.pairs.second], 0.0)

    @cached_property
    def categories(self) -> Indices:
        """Category numbers, 0 where missing."""
        codes = self.answers.codes[self.answers.pairs.first].astype(np.intp)
        return np.where(self.there, codes, 0)

    @cached_property
    def root(self) -> Array:
        """sqrt(1 - rho^2), (n_pairs, 1)."""
        return np.sqrt((1 - self.rho) * (1 + self.rho))[:, None]

    @cached_property
    def _ends(self) -> tuple[tuple[Array, Array, Array], tuple[Array, Array, Array]]:
        """Threshold, u and phi(u) at the upper and the lower end; 0, infinite and 0 beyond."""
        limits = self.answers.limits[self.answers.pairs.first]
        own = np.arange(len(limits))[:, None]
        return self._end(limits[own, self.categories + 1]), self._end(limits[own, self.categories])

    def _end(self, tau: Array) -> tuple[Array, Array, Array]:
        u = (tau - self.rho[:, None] * self.z) / self.root
        return np.where(np.isfinite(tau), tau, 0.0), u, np.exp(-u * u / 2) / _ROOT

    @cached_property
    def probability(self) -> Array:
        """Probability of each answer."""
        (_, upper, _), (_, lower, _) = self._ends
        return np.maximum(normal_between(lower, upper), SMALLEST)

    @cached_property
    def edges(self) -> tuple[Array, Array]:
        """phi(u) / (p sqrt(1 - rho^2)) at both ends.

        They are what the upper threshold, and minus what the lower one, does to the
        log-probability.
        """
        (_, _, upper), (_, _, lower) = self._ends
        scale = self.there / (self.probability * self.root)
        return upper * scale, lower * scale

    @cached_property
    def _turns(self) -> tuple[Array, Array]:
        """Derivative of u with respect to rho at both ends, times sqrt(1 - rho^2)."""
        upper, lower = (
            (tau * self.rho[:, None] - self.z) / self.root**2 for tau, _, _ in self._ends
        )
        return upper, lower

    @cached_property
    def scores(self) -> Array:
        """Derivative of the log-probabilities with respect to rho."""
        (upper, lower), (high, low) = self.edges, self._turns
        return np.asarray(upper * high - lower * low)

    @cached_property
    def value_scores(self) -> tuple[Array, Array]:
        """Scores of both answers for the mean, times sd, and for the variance, times sd squared."""
        upper, lower = self.edges
        pull = self.there * self.z + self.rho[:, None] * (upper - lower)
        return pull, (self.z * pull - self.there) / 2

    @property
    def bends(self) -> tuple[Array, tuple[Array, Array]]:
        """How the score of rho changes.

        Its derivative with respect to z; and minus that with respect to the threshold above, and
        the derivative with respect to the threshold below.
        """
        rho, rest = self.rho[:, None], self.root**2
        over_z, over_tau = [], []
        for edge, turn, (_, u, _) in zip(self.edges, self._turns, self._ends, strict=True):
            # Beyond the outer thresholds u is infinite and the density 0.
            along = np.where(edge > 0, u, 0.0) * turn / self.root
            over_z.append(edge * (rho * along - 1 / rest + rho * self.scores))
            over_tau.append(edge * (self.scores + along - rho / rest))
        return np.asarray(over_z[0] - over_z[1]), (over_tau[0], over_tau[1])

    @property
    def likelihoods(self) -> Likelihoods:
        """Summed over the rows."""
        rho, rest = self.rho[:, None], self.root**2
        ends = []
        for edge, turn, (tau, u, _) in zip(self.edges, self._turns, self._ends, strict=True):
            along = np.where(edge > 0, u, 0.0) * turn**2 / self.root
            ends.append(edge * ((tau + 3 * rho * turn) / rest - along))
        bends = ends[0] - ends[1] - self.scores**2
        return Likelihoods(
            np.where(self.there, np.log(self.probability), 0.0).sum(axis=1),
            self.scores.sum(axis=1),
            bends.sum(axis=1),
            (self.scores**2).sum(axis=1),
        )


def polyserial(answers: Answers) -> Array:
    """Correlation of each pair by maximum likelihood, (n_pairs,).

    Where there are very many rows, a part of them shows where to begin.
    """
    n = answers.z.shape[1]
    start = _start(answers)
    if n >= 2 * SUBSAMPLE:
        part = answers.rows(slice(None, None, n // SUBSAMPLE))
        start = climb(lambda some, rho: _likelihoods(part.of(some), rho), start)
    return climb(lambda some, rho: _likelihoods(answers.of(some), rho), start)


def _likelihoods(answers: Answers, rho: Array) -> Likelihoods:
    parts = [Given(chunk, rho).likelihoods for chunk in answers.chunks()]
    return Likelihoods(*(np.sum(part, axis=0) for part in zip(*parts, strict=True)))


def _start(answers: Answers) -> Array:
    """Covariance of category numbers and z over the sum of densities at the thresholds.

    The two-step estimator of Olsson, Drasgow & Dorans (1982, eq. 30), before rounding to |rho| < 1.
    """
    stretch = threshold_density(answers.limits).sum(axis=1)[answers.pairs.first]
    total = np.zeros((5, len(stretch)))
    for chunk in answers.chunks():
        given = Given(chunk, np.zeros(len(stretch)))
        x, z = given.categories, given.z
        parts = (given.there, x, z, x * z)
        total[:4] += [part.sum(axis=1) for part in parts]
    n, x, z, product = total[:4]
    return np.asarray((product - x * z / n) / n / stretch)
