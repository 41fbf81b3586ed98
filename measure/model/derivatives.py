"""First derivatives of the moments of a block with respect to its free elements.

The derivative of Sigma with respect to any one matrix element has rank two at most: it is
u v' + v u'. The engine keeps the vectors u and v and never forms the p(p+1)/2 x q Jacobian where
it can do without; every product that estimation needs is then an ordinary matrix product.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.model.implied import vech_places
from measure.model.states import State, residuals_for
from measure.specification.responses import Responses, Slopes

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Levels of the elements that do not move means, and of those that move them one to one.
ZERO_ONE = np.array([0.0, 1.0])


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Derivatives of one block's moments with respect to its q free elements.

    d sigma_k = u[:, k] v[:, k]' + v[:, k] u[:, k]';  d mu_k = d_mu[:, k] (None without means).
    With ordered items these are the moments of latent responses; `scale` leads on to those that
    answers have, and `following` holds what moves along with the elements. `own` are the elements
    that stand in the block, and move anything; of many groups most stand in others.
    """

    u: Array
    v: Array
    d_mu: Array | None
    following: "Following | None" = None
    scale: "Scale | None" = None
    own: Indices | None = None

    @property
    def variances(self) -> Array:
        """Derivatives of the diagonal of sigma, (p, q)."""
        own = 2 * self.u * self.v
        if self.following is None:
            return own
        return own + 2 * (self.following.u * self.following.v) @ self.following.slope

    @cached_property
    def jacobian(self) -> Array:
        """Derivatives of (mu, vech Sigma), (p + p*, q); without means (p*, q).

        With ordered items those of the vector that `Layout` describes.
        """
        if self.own is None:
            return self.own_jacobian
        whole = np.zeros((len(self.own_jacobian), self.u.shape[1]))
        whole[:, _span(self.own)] = self.own_jacobian
        return whole

    @cached_property
    def own_jacobian(self) -> Array:
        """The same with respect to `own`, (p + p*, n_own): the rest of it is 0."""
        if self.scale is not None:
            return self._answers(self.scale)
        u, v, d_mu = (self._of_own(part) for part in (self.u, self.v, self.d_mu))
        assert u is not None
        assert v is not None
        a, b = vech_places(len(u))
        covariances = u[a] * v[b] + v[a] * u[b]
        return covariances if d_mu is None else np.vstack([d_mu, covariances])

    def _of_own(self, part: Array | None) -> Array | None:
        return part if part is None or self.own is None else part[:, _span(self.own)]

    def added(self, total: Array, part: Array) -> None:
        """Add what belongs to `own`, (n_own,) or (n_own, n_own), to a total over all elements."""
        places = slice(None) if self.own is None else _span(self.own)
        if part.ndim == 1:
            total[places] += part
        elif isinstance(places, slice):
            total[places, places] += part
        else:
            total[places[:, None], places] += part

    def tied(self, tie: "Tie") -> "Tied":
        """Give the derivatives with respect to the parameters that the elements of `own` follow."""
        slopes = self.own_jacobian
        if tie.shared is not None:
            order, starts = tie.shared
            slopes = np.add.reduceat(slopes[:, order], starts, axis=1)
        return Tied(slopes, tie)

    def _answers(self, scale: "Scale") -> Array:
        responses, following = scale.responses, self.following
        assert self.d_mu is not None
        slopes = Slopes(self.u, self.v, self.d_mu, scale.d_tau, scale.d_delta)
        found = responses.jacobian(slopes if self.own is None else slopes.only(_span(self.own)))
        if following is None or not following.state.block.spreads:
            return found
        none = np.zeros(following.u.shape)
        no_tau = np.zeros((len(responses.tau), following.u.shape[1]))
        moved = responses.jacobian(Slopes(following.u, following.v, none, no_tau, None))
        slope = self._of_own(following.slope)
        assert slope is not None
        return found + moved @ slope


def _span(own: Indices) -> slice | Indices:
    """Give ascending places as a slice where none is left out: it takes and adds many times faster.

    The elements of a group stand side by side, but not those of a level.
    """
    together = len(own) > 0 and own[-1] - own[0] + 1 == len(own)
    return slice(own[0], own[-1] + 1) if together else own


@dataclass(frozen=True, eq=False)
class Tie:
    """How the elements that stand in a block follow the parameters.

    Attributes
    ----------
    params
        The parameters that they follow, among all `n_params`.
    shared
        The order of the elements by what they follow, and where in it those of each parameter
        begin; None where each follows one of its own.
    """

    params: Indices
    n_params: int
    shared: tuple[Indices, Indices] | None = None

    @classmethod
    def of(cls, follows: Indices, n_params: int) -> "Tie":
        """Tell it from the parameter that each of the elements follows."""
        params, starts = np.unique(np.sort(follows), return_index=True)
        if len(params) == len(follows):
            return cls(follows, n_params)
        return cls(params, n_params, (np.argsort(follows, kind="stable"), starts))

    @cached_property
    def pairs(self) -> Indices:
        """Place of each pair of `params` in a matrix over all parameters, row after row."""
        return self.params[:, None] * self.n_params + self.params


class Tied(NamedTuple):
    """Derivatives of the moments of a block, (m, n_own), over the parameters of `tie`."""

    own_jacobian: Array
    tie: Tie

    def added(self, total: Array, part: Array) -> None:
        """Add what belongs to pairs of these parameters, (n_own, n_own), to a total over all."""
        total.reshape(-1)[self.tie.pairs] += part


class Scale(NamedTuple):
    """Latent responses, and how thresholds (T, q) and scaling factors (p, q) move."""

    responses: Responses
    d_tau: Array
    d_delta: Array | None


@dataclass(frozen=True, eq=False)
class Following:
    """Residual variances (k,) that follow from all other parameters.

    `u`, `v` (p, k) are derivatives with respect to them, in the form of `Derivatives`.
    """

    state: State
    u: Array
    v: Array
    n_elements: int

    @cached_property
    def slope(self) -> Array:
        """Derivatives of the residual variances with respect to the elements, (k, q).

        The variances of the ordered items are 1 / delta^2 whatever the elements do.
        """
        own, state = self.state.block.followers, self.state
        d = observed_derivatives(state, self.n_elements)
        change = -2 * d.u[own] * d.v[own]
        assert d.scale is not None
        if d.scale.d_delta is not None:
            delta = d.scale.responses.delta[own]
            change = change - 2 * d.scale.d_delta[own] / delta[:, None] ** 3
        return residuals_for(state, change)


def observed_derivatives(state: State, n_elements: int) -> Derivatives:
    """Give the derivatives of mu and sigma with respect to the free elements."""
    unit = np.eye(len(state.block.observed))
    d = _derivatives(state, n_elements, unit, state.loading, state.cross)
    own = state.block.own[: np.searchsorted(state.block.own, n_elements)]
    scale = None if state.responses is None else _scale(state, state.responses, d)
    return replace(d, scale=scale, own=own if len(own) < n_elements else None)


def latent_derivatives(state: State, n_elements: int) -> Derivatives:
    """Give the derivatives of the means and covariances of eta likewise."""
    unit = np.zeros((len(state.block.eta), len(state.block.observed)))
    return _derivatives(state, n_elements, unit, state.inverse, state.covariance)


def _derivatives(
    state: State, n_elements: int, unit: Array, loading: Array, cross: Array
) -> Derivatives:
    """Fill u and v for variables that are `unit` * epsilon + `loading` * zeta.

    `unit` (p, n_observed) carries lambda and theta, `loading` (p, n_eta) psi, beta and alpha;
    `cross` (p, n_eta) is the covariance of the variables with eta.
    """
    # Of a stack one of the two may be the same throughout, and then has no leading dimension.
    stack = cross.shape[:-2] or state.eta_mean.shape[:-1]
    n_all = n_elements + len(state.block.follows)
    shape = (*stack, cross.shape[-2], n_all)
    sides = (unit, loading, cross)
    columns = np.concatenate(
        [np.broadcast_to(side, (*stack, *side.shape[-2:])) if stack else side for side in sides],
        axis=-1,
    )
    at = state.block.columns
    u, v = np.zeros(shape), np.zeros(shape)
    directions = columns[..., at.directions]
    u[..., at.elements] = directions
    v[..., at.elements] = columns[..., at.partners] * at.halves
    d_mu = None
    if state.block.meanstructure:
        d_mu, mean = np.zeros(shape), state.eta_mean
        levels = np.concatenate([mean, np.broadcast_to(ZERO_ONE, (*mean.shape[:-1], 2))], axis=-1)
        d_mu[..., at.elements] = directions * levels[..., None, at.levels]
    if n_all == n_elements:
        return Derivatives(u, v, d_mu)
    assert d_mu is not None
    free, rest = slice(n_elements), slice(n_elements, None)
    following = Following(state, u[:, rest], v[:, rest], n_elements)
    return Derivatives(u[:, free], v[:, free], d_mu[:, free], following)


def _scale(state: State, responses: Responses, d: Derivatives) -> Scale:
    """Give the derivatives of thresholds and scaling factors."""
    elements, n_elements = state.block.elements, d.u.shape[1]
    d_tau = np.zeros((len(responses.tau), n_elements))
    if "tau" in elements:
        places, _, own = elements["tau"]
        d_tau[places, own] = 1.0
    d_delta = None
    if state.block.theta_scaled:
        ordered = responses.layout.ordered
        d_delta = np.zeros(d.u.shape)
        d_delta[ordered] = -(responses.delta[ordered, None] ** 3) * d.u[ordered] * d.v[ordered]
    elif "delta" in elements:
        items, _, own = elements["delta"]
        d_delta = np.zeros(d.u.shape)
        d_delta[items, own] = 1.0
    return Scale(responses, d_tau, d_delta)
