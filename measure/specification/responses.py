"""From latent responses to the moments that ordered answers have: thresholds and correlations.

An ordered item is a latent response y* cut at thresholds tau (Muthen 1984). Answers tell nothing
about the unit of y*, which is set in one of two ways (Muthen & Asparouhov 2002):

    delta   the scaling factor delta = 1 / sd(y*) is a parameter, 1 by default; the residual
            variance is what the factors leave of the variance 1 / delta^2
    theta   the residual variance is a parameter, 1 by default; delta follows from it

In both, the thresholds of the standardised response are delta (tau - mu), and covariances are
multiplied with the delta of both sides; a continuous variable has a delta of 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Ordered:
    """The ordered items of a model.

    Attributes
    ----------
    n_thresholds
        Number of thresholds (categories less one) of each ordered item.
    parameterization
        "delta" or "theta".
    """

    n_thresholds: Mapping[str, int]
    parameterization: str = "delta"

    @classmethod
    def of(
        cls, names: tuple[str, ...], n_thresholds: tuple[int, ...], parameterization: str
    ) -> "Ordered":
        """Take the variables that have thresholds."""
        pairs = zip(names, n_thresholds, strict=True)
        return cls({name: count for name, count in pairs if count}, parameterization)

    @property
    def follows(self) -> str:
        """Operator of the rows `x op x` whose values follow from all others."""
        return "~~" if self.parameterization == "delta" else "~*~"

    def layout(self, names: tuple[str, ...]) -> "Layout":
        """Give the layout of the moments of these variables."""
        return Layout(tuple(self.n_thresholds.get(name, 0) for name in names))


@dataclass(frozen=True)
class Layout:
    """The order of the moments of ordered and continuous variables in one vector.

    Thresholds, item by item; means and variances of the continuous variables; covariances (i, j),
    i < j, row by row. `n_thresholds` has one entry a variable, 0 for a continuous one.
    """

    n_thresholds: tuple[int, ...]

    @cached_property
    def items(self) -> Indices:
        """The variable of each threshold, (T,)."""
        return np.repeat(np.arange(len(self.n_thresholds)), self.n_thresholds)

    @cached_property
    def ordered(self) -> NDArray[np.bool_]:
        """Mark the ordered variables, (p,)."""
        return np.array(self.n_thresholds) > 0

    @cached_property
    def continuous(self) -> Indices:
        """The continuous variables."""
        return np.flatnonzero(~self.ordered)

    @cached_property
    def pairs(self) -> tuple[Indices, Indices]:
        """The pairs (i, j) of the covariances."""
        return np.triu_indices(len(self.n_thresholds), 1)

    @cached_property
    def sections(self) -> tuple[slice, slice, slice, slice]:
        """Where thresholds, means, variances and covariances stand."""
        n, c = len(self.items), len(self.continuous)
        ends = (n, n + c, n + 2 * c, n + 2 * c + len(self.pairs[0]))
        return slice(0, ends[0]), slice(*ends[:2]), slice(*ends[1:3]), slice(*ends[2:])

    @property
    def size(self) -> int:
        """Number of moments."""
        return int(self.sections[-1].stop)

    @cached_property
    def is_covariance(self) -> NDArray[np.bool_]:
        """Mark the covariances (i, j) in the vector."""
        return np.asarray(np.arange(self.size) >= self.sections[-1].start)

    def threshold_places(self, order: Sequence[int]) -> Indices:
        """Places here of the thresholds of these variables, variable by variable."""
        return np.concatenate([np.flatnonzero(self.items == k) for k in order])

    def places(self, order: Sequence[int]) -> Indices:
        """Places in the vector of the moments of these variables, in the order of a vector."""
        n, c, p = len(self.items), len(self.continuous), len(self.n_thresholds)
        own = np.searchsorted(self.continuous, [k for k in order if not self.ordered[k]])
        table = np.zeros((p, p), dtype=np.intp)
        table[self.pairs] = n + 2 * c + np.arange(len(self.pairs[0]))
        table = (table + table.T)[np.ix_(order, order)]
        across = table[np.triu_indices(len(order), 1)]
        return np.concatenate([self.threshold_places(order), n + own, n + c + own, across])

    def vector(self, mu: Array, sigma: Array, thresholds: Array) -> Array:
        """Put moments into one vector, (size,)."""
        own = self.continuous
        return np.concatenate([thresholds, mu[own], sigma[own, own], sigma[self.pairs]])

    def parted(self, vector: Array) -> tuple[Array, Array, Array]:
        """Put a vector into (mu, sigma, thresholds); 0 in the places of ordered items' scales."""
        p, n, c = len(self.n_thresholds), len(self.items), len(self.continuous)
        mu, sigma = np.zeros(p), np.zeros((p, p))
        mu[self.continuous] = vector[n : n + c]
        sigma[self.pairs] = vector[n + 2 * c :]
        sigma = sigma + sigma.T
        sigma[self.continuous, self.continuous] = vector[n + c : n + 2 * c]
        return mu, sigma, vector[:n]

    def spread(self, vector: Array) -> tuple[Array, Array, Array]:
        """Put what belongs to each moment into its place in (mu, sigma, thresholds).

        A covariance counts once in the vector and stands twice in the matrix: it is halved.
        """
        return self.parted(np.where(self.is_covariance, vector / 2, vector))


class Responses(NamedTuple):
    """Latent responses of one block: their moments, thresholds and scaling factors.

    `mu` (p,) and `sigma` (p, p) are those of y*; `tau` (T,); `delta` (p,).
    """

    layout: Layout
    mu: Array
    sigma: Array
    tau: Array
    delta: Array

    def scaled(self) -> tuple[Array, Array, Array]:
        """Give (mu, sigma, thresholds) on the scale on which answers are seen."""
        layout, delta = self.layout, self.delta
        sigma = self.sigma * np.outer(delta, delta)
        ordered = layout.ordered
        sigma[ordered, ordered] = 1.0
        thresholds = delta[layout.items] * (self.tau - self.mu[layout.items])
        return np.where(ordered, 0.0, self.mu), sigma, thresholds

    def jacobian(self, slopes: "Slopes") -> Array:
        """Derivatives of the vector of moments, (size, q)."""
        layout, delta = self.layout, self.delta
        items, own, (a, b) = layout.items, layout.continuous, layout.pairs
        u, v, d_delta = slopes.u, slopes.v, slopes.d_delta
        # Pairs are many: what takes memory for them is written in its place at once.
        found = np.empty((layout.size, u.shape[1]))
        thresholds, means, variances, covariances = (found[place] for place in layout.sections)
        np.multiply(delta[items, None], slopes.d_tau - slopes.d_mu[items], out=thresholds)
        means[:], variances[:] = slopes.d_mu[own], 2 * u[own] * v[own]
        np.multiply(u[a], v[b], out=covariances)
        covariances += v[a] * u[b]
        covariances *= (delta[a] * delta[b])[:, None]
        if d_delta is not None:
            thresholds += (self.tau - self.mu[items])[:, None] * d_delta[items]
            turn = delta[b, None] * d_delta[a] + delta[a, None] * d_delta[b]
            covariances += self.sigma[a, b][:, None] * turn
        return found


class Slopes(NamedTuple):
    """Derivatives of latent responses with respect to q elements.

    d sigma_k = u[:, k] v[:, k]' + v[:, k] u[:, k]'; `d_mu` (p, q), `d_tau` (T, q), and `d_delta`
    (p, q), None where the scaling factors do not move.
    """

    u: Array
    v: Array
    d_mu: Array
    d_tau: Array
    d_delta: Array | None

    def only(self, elements: NDArray[np.intp] | slice) -> "Slopes":
        """Give the derivatives with respect to some of the elements."""
        u, v, d_mu, d_tau = (part[:, elements] for part in self[:4])
        d_delta = None if self.d_delta is None else self.d_delta[:, elements]
        return Slopes(u, v, d_mu, d_tau, d_delta)
