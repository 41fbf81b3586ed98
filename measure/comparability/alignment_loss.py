"""The loss that alignment makes small: unequal item parameters, summed over pairs of groups.

A configural model gives each group loadings and intercepts for a factor with mean 0 and variance 1.
With a mean alpha and a standard deviation exp(s) the same answers are described by

    lambda_g = lambda_g0 exp(-s_g),    nu_g = nu_g0 - alpha_g lambda_g

(Asparouhov & Muthen 2014; for the thresholds of ordered items, with residual variances of 1,
tau_g = tau_g0 + alpha_g lambda_g, Muthen & Asparouhov 2014). The loss is

    F = sum_j sum_{g<h} w_gh f(u_gj - u_hj),   f(x) = (x^2 + epsilon)^(1/4),  w_gh = sqrt(n_g n_h)

over all parameters u_j, loadings and intercepts. f rises like the root of a difference, so that few
large differences cost less than many small ones.

References
----------
Asparouhov, T., & Muthen, B. (2014). Multiple-group factor analysis alignment. Structural Equation
Modeling, 21, 495-508.
Muthen, B., & Asparouhov, T. (2014). IRT studies of many groups: The alignment method. Frontiers in
Psychology, 5, 978.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.comparability.common_metric import Scoring

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class AlignmentLoss:
    """The loss of one factor as a function of x = (alpha_1, s_1, alpha_2, s_2, ...), (2 G,).

    Attributes
    ----------
    scoring
        How the items are answered; see `common_metric`.
    loadings, locations
        Of the configural model with a factor of mean 0 and variance 1, (G, p) and (G, m). Or many
        such sets, (n, G, p) and (n, G, m), each of which meets an x of its own, (n, 2 G).
    n_obs
        Respondents of the groups, (G,).
    epsilon
        Makes f smooth: differences below its root count little.
    """

    scoring: Scoring
    loadings: Array
    locations: Array
    n_obs: Array
    epsilon: float

    @cached_property
    def pairs(self) -> tuple[Indices, Indices]:
        """The pairs g < h."""
        return np.triu_indices(len(self.n_obs), 1)

    @cached_property
    def weights(self) -> Array:
        """Root of the product of the numbers of respondents, (n_pairs,)."""
        a, b = self.pairs
        return np.asarray(np.sqrt(self.n_obs[a] * self.n_obs[b]))

    def at(self, places: Indices) -> "AlignmentLoss":
        """Give the loss of some of many sets of parameters; that of a single one is the same."""
        if self.loadings.ndim == 2:
            return self
        return replace(self, loadings=self.loadings[places], locations=self.locations[places])

    def aligned(self, x: Array) -> Array:
        """Parameters (..., G, p + m) at x (..., 2 G): loadings, then intercepts or thresholds."""
        alpha, s = x[..., 0::2, None], x[..., 1::2, None]
        loadings = self.loadings * np.exp(-s)
        shift = self.scoring.signs * alpha * loadings[..., self.scoring.items]
        return np.concatenate([loadings, self.locations - shift], axis=-1)

    def losses(self, x: Array) -> Array:
        """Part of each parameter in the loss, (..., p + m)."""
        squares = self._gaps(self.aligned(x)) ** 2 + self.epsilon
        return np.asarray(self.weights @ squares**0.25)

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """Loss (...,) and its derivatives (..., 2 G)."""
        u = self.aligned(x)
        gaps = self._gaps(u)
        squares = gaps**2 + self.epsilon
        roots = squares**0.25
        value = (self.weights @ roots).sum(axis=-1)
        by_u = self._pulls(gaps, roots / squares)
        moved = self._moved(x, u)
        gradient = np.einsum("...gj,...gja->...ga", by_u, moved)
        return value, gradient.reshape(x.shape)

    def second(self, x: Array) -> tuple[Array, Array]:
        """Second derivatives at one x: (2 G, 2 G), and by x and what is aligned, (2 G, G (p + m)).

        What is aligned is ordered group by group: loadings, then locations.
        """
        u = self.aligned(x)
        gaps = self._gaps(u)
        squares = gaps**2 + self.epsilon
        by_u = self._pulls(gaps, squares**-0.75)
        bends = self.weights[:, None] * (squares / 2 - 0.75 * gaps**2) * squares**-1.75
        a, b = self.pairs
        n, size = u.shape
        across = np.zeros((size, n, n))
        across[:, a, b] = -bends.T
        across += across.mT
        across[:, range(n), range(n)] = -across.sum(axis=2)
        moved, given = self._moved(x, u), self.by_given(x)
        hessian = np.einsum("gja,jgh,hjb->gahb", moved, across, moved)
        mixed = np.einsum("gja,jgh,hjk->gahk", moved, across, given)
        own, p = np.arange(n), self.loadings.shape[1]
        bent, turned = self._bent(x, u), self._turned(x)
        hessian[own, :, own, :] += np.einsum("gj,gjab->gab", by_u, bent)
        mixed[own, :, own, :p] += np.einsum("gj,gjai->gai", by_u, turned)
        return hessian.reshape(2 * n, 2 * n), mixed.reshape(2 * n, n * size)

    def by_x(self, x: Array) -> Array:
        """Derivatives of the aligned parameters of each group by its own (alpha, s), (G, j, 2)."""
        return self._moved(x, self.aligned(x))

    def by_given(self, x: Array) -> Array:
        """Derivatives of the aligned parameters of each group by what is aligned, (G, j, j)."""
        p = self.loadings.shape[1]
        factor = np.exp(-x[1::2])
        found = np.zeros((len(factor), self.scoring.size, self.scoring.size))
        found[:, range(p), range(p)] = factor[:, None]
        places = np.arange(p, self.scoring.size)
        shift = self.scoring.signs * (x[0::2] * factor)[:, None]
        found[:, places, self.scoring.items] = -shift
        found[:, places, places] = 1.0
        return found

    def _gaps(self, u: Array) -> Array:
        a, b = self.pairs
        return np.asarray(u[..., a, :] - u[..., b, :])

    @cached_property
    def _incidence(self) -> Array:
        """Which pairs a group is in, and on which side, times their weight, (G, n_pairs)."""
        a, b = self.pairs
        found = np.zeros((len(self.n_obs), len(a)))
        found[a, np.arange(len(a))], found[b, np.arange(len(a))] = self.weights, -self.weights
        return found

    def _pulls(self, gaps: Array, powers: Array) -> Array:
        """Derivatives of the loss by the aligned parameters; `powers` are (x^2 + epsilon)^-3/4."""
        return np.asarray(self._incidence @ (gaps * powers / 2))

    def _moved(self, x: Array, u: Array) -> Array:
        p, items, signs = self.loadings.shape[-1], self.scoring.items, self.scoring.signs
        loadings = u[..., :p]
        reach = signs * loadings[..., items]
        none = np.zeros_like(loadings)
        by_alpha = np.concatenate([none, -reach], axis=-1)
        by_s = np.concatenate([-loadings, x[..., 0::2, None] * reach], axis=-1)
        return np.stack([by_alpha, by_s], axis=-1)

    def _bent(self, x: Array, u: Array) -> Array:
        """Second derivatives of the aligned parameters by (alpha, s) twice, (G, j, 2, 2)."""
        p, items, signs = self.loadings.shape[1], self.scoring.items, self.scoring.signs
        reach = signs * u[:, :p][:, items]
        bent = np.zeros((*u.shape, 2, 2))
        bent[:, p:, 0, 1] = bent[:, p:, 1, 0] = reach
        bent[:, :p, 1, 1] = u[:, :p]
        bent[:, p:, 1, 1] = -x[0::2, None] * reach
        return bent

    def _turned(self, x: Array) -> Array:
        """Second derivatives of them by (alpha, s) and the loadings given, (G, j, 2, p)."""
        p, m = self.loadings.shape[1], len(self.scoring.items)
        factor = np.exp(-x[1::2])
        turned = np.zeros((len(factor), p + m, 2, p))
        turned[:, range(p), 1, range(p)] = -factor[:, None]
        places = np.arange(p, p + m)
        turned[:, places, 0, self.scoring.items] = -self.scoring.signs * factor[:, None]
        shift = self.scoring.signs * (x[0::2] * factor)[:, None]
        turned[:, places, 1, self.scoring.items] = shift
        return turned
