"""The parameter table as matrices: implied moments and their derivatives.

Every block (a group at a level) has the LISREL matrices of Bollen (1989, eqs 8.1 to 8.4) in the
all-y form. Observed variables that take part in regressions stand among `eta` with a loading of 1
and no residual, so that one form covers factor models, paths and growth curves:

    y = nu + lambda eta + epsilon,     eta = alpha + beta eta + zeta
    Sigma = lambda A psi A' lambda' + theta,   mu = nu + lambda A alpha,   A = (I - beta)^-1

The derivative of Sigma with respect to any one matrix element has rank two at most: it is
u v' + v u'. The engine keeps the vectors u and v and never forms the p(p+1)/2 x q Jacobian where
it can do without; every product that estimation needs is then an ordinary matrix product.

States, derivatives and curvatures also take many parameter vectors at once, (..., n_params), and
then give everything with the same leading dimensions: a bootstrap evaluates its samples together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.constraints import Reduction, Restrictions
from measure.responses import Layout, Responses, Slopes
from measure.table import ParameterTable

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# An inequality is taken to hold as an equation where it is met up to this.
ACTIVE = 1e-6

# Levels of the elements that do not move means, and of those that move them one to one.
ZERO_ONE = np.array([0.0, 1.0])

# Those that latent responses are made of; thresholds and scaling factors are no part of them.
MATRICES = ("lambda_", "theta", "psi", "beta", "nu", "alpha")


class Implied(NamedTuple):
    """Moments that a model implies for one block: `mu` (p,) or None, `sigma` (p, p).

    Of ordered items `thresholds` (T,) are those of the standardised responses, their means are 0
    and their variances 1.
    """

    mu: Array | None
    sigma: Array
    thresholds: Array | None = None


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Derivatives of one block's moments with respect to its q free elements.

    d sigma_k = u[:, k] v[:, k]' + v[:, k] u[:, k]';  d mu_k = d_mu[:, k] (None without means).
    With ordered items these are the moments of latent responses; `scale` leads on to those that
    answers have, and `following` holds what moves along with the elements.
    """

    u: Array
    v: Array
    d_mu: Array | None
    following: "Following | None" = None
    scale: "Scale | None" = None

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
        if self.scale is not None:
            return self._answers(self.scale)
        a, b = vech_places(len(self.u))
        covariances = self.u[a] * self.v[b] + self.v[a] * self.u[b]
        return covariances if self.d_mu is None else np.vstack([self.d_mu, covariances])

    def _answers(self, scale: "Scale") -> Array:
        responses, following = scale.responses, self.following
        assert self.d_mu is not None
        own = responses.jacobian(Slopes(self.u, self.v, self.d_mu, scale.d_tau, scale.d_delta))
        if following is None or not following.state.block.spreads:
            return own
        none = np.zeros(following.u.shape)
        no_tau = np.zeros((len(responses.tau), following.u.shape[1]))
        moved = responses.jacobian(Slopes(following.u, following.v, none, no_tau, None))
        return own + moved @ following.slope


class Scale(NamedTuple):
    """Latent responses, and how thresholds (T, q) and scaling factors (p, q) move."""

    responses: Responses
    d_tau: Array
    d_delta: Array | None


class Place(NamedTuple):
    """Where a row of the parameter table stands: matrix, row, column."""

    matrix: str
    i: int
    j: int


@dataclass(frozen=True, eq=False)
class Block:
    """One group at one level: the fixed values of its matrices, and where the free ones stand.

    `places` are of table rows, `elements` of their positions among the model's free elements. With
    ordered items there are a `layout` of their moments and the matrices `tau` (T, 1) and `delta`
    (p, 1); `theta_scaled` tells that delta follows from the variances, and `follows` lists the
    residual variances that follow from delta, as elements after all free ones. `following_rows`
    are the rows of the table whose values follow.
    """

    group: int
    observed: tuple[str, ...]
    eta: tuple[str, ...]
    template: Mapping[str, Array]
    places: Mapping[int, Place]
    elements: Mapping[str, tuple[Indices, Indices, Indices]]
    meanstructure: bool
    layout: Layout | None = None
    theta_scaled: bool = False
    follows: tuple[Place, ...] = ()
    following_rows: Mapping[int, Place] = field(default_factory=dict)

    @cached_property
    def bends(self) -> bool:
        """Whether the scale of the answers moves with parameters other than scaling factors."""
        return "delta" in self.elements or self.theta_scaled or self.spreads

    @property
    def spreads(self) -> bool:
        """Whether a residual variance that follows from the others reaches other variables."""
        return any(place.matrix == "psi" for place in self.follows)

    @cached_property
    def followers(self) -> Indices:
        """The ordered item of each residual variance in `follows`."""
        names = (self.eta if p.matrix == "psi" else self.observed for p in self.follows)
        own = [name[p.i] for name, p in zip(names, self.follows, strict=True)]
        return np.array([self.observed.index(name) for name in own], dtype=np.intp)

    @cached_property
    def has_paths(self) -> bool:
        """Whether some variable among eta depends on another."""
        return "beta" in self.elements or bool(self.template["beta"].any())

    @cached_property
    def columns(self) -> "_Columns":
        """Where the derivatives with respect to the free elements are found."""
        return _Columns.of(self)

    @cached_property
    def roles(self) -> "_Elements":
        """Positions of the free elements by the part they play in second derivatives."""
        return _Elements.of(self)


@dataclass(frozen=True, eq=False)
class State:
    """The matrices of one block at one point, and what is computed from them."""

    block: Block
    matrices: Mapping[str, Array]
    inverse: Array
    covariance: Array
    loading: Array
    cross: Array
    mean: Array | None
    implied: Implied
    responses: Responses | None = None

    @property
    def sigma(self) -> Array:
        """Covariances of the observed variables, of ordered items those of latent responses."""
        return self.implied.sigma if self.responses is None else self.responses.sigma

    @property
    def eta_mean(self) -> Array:
        """Means of eta; zero without a mean structure."""
        return np.zeros(len(self.block.eta)) if self.mean is None else self.mean


@dataclass(frozen=True, eq=False)
class Model:
    """A model ready to be evaluated.

    Attributes
    ----------
    table
        The parameter table, with the values that fixed.x takes from the sample filled in.
    blocks
        One per group.
    free_rows
        Table rows of the free elements, in order.
    reduction
        How the free elements follow from the parameters that are estimated, where labels or
        constraints tie some of them together.
    restrictions
        Inequalities and nonlinear equations that remain.
    """

    table: ParameterTable
    values: Array
    blocks: tuple[Block, ...]
    free_rows: tuple[int, ...]
    reduction: Reduction
    restrictions: Restrictions

    @property
    def n_params(self) -> int:
        """Number of parameters that the search moves, after linear equality constraints."""
        return self.reduction.n_params

    @property
    def n_free(self) -> int:
        """Number of free parameters: each equation, linear or not, takes one away."""
        return self.n_params - len(self.restrictions.equal)

    @property
    def constrained(self) -> bool:
        """Whether anything ties the free elements together."""
        return self.reduction.basis is not None or bool(self.restrictions)

    def tangent(self, params: Array) -> Array:
        """Directions (n_elements, k) in which the elements can move with all constraints kept.

        An inequality counts where it holds as an equation.
        """
        reduction = self.reduction
        basis = np.eye(reduction.n_elements) if reduction.basis is None else reduction.basis
        if not self.restrictions:
            return basis
        values = self.row_values(params)
        _, slopes = self.restrictions.evaluate("equal", values)
        gaps, others = self.restrictions.evaluate("positive", values)
        held = np.vstack([slopes, others[gaps < ACTIVE]]) @ basis
        if not len(held):
            return basis
        _, sizes, directions = np.linalg.svd(held)
        rank = int((sizes > 1e-9 * max(sizes.max(initial=0.0), 1e-300)).sum())
        return np.asarray(basis @ directions[rank:].T)

    def elements(self, params: Array) -> Array:
        """Give the values of all free elements from the reduced parameter vector."""
        return self.reduction.expand(params)

    def row_values(self, params: Array) -> Array:
        """Give the value of every row of the table, fixed ones included."""
        values = self.values.copy()
        values[list(self.free_rows)] = self.elements(params)
        return values

    def table_values(self, params: Array, states: list[State]) -> Array:
        """Give the value of every row, those that follow from the others included."""
        values = self.row_values(params)
        for state in states:
            for index, place in state.block.following_rows.items():
                values[index] = state.matrices[place.matrix][place.i, place.j]
        return values

    def states(self, params: Array) -> list[State]:
        """Evaluate the matrices of every block at `params` (..., n_params)."""
        elements = self.elements(params)
        return [_state(block, elements) for block in self.blocks]

    def implied(self, params: Array) -> list[Implied]:
        """Give the moments that the model implies for each block at `params` (n_params,)."""
        return [state.implied for state in self.states(params)]

    def derivatives(self, states: list[State]) -> list[Derivatives]:
        """Give the derivatives of each block's moments with respect to all free elements."""
        return [observed_derivatives(state, len(self.free_rows)) for state in states]

    def curvatures(self, states: list[State], d: list[Derivatives]) -> list["Curvature"]:
        """Give what second derivatives of each block's moments are formed from."""
        return [Curvature(state, one) for state, one in zip(states, d, strict=True)]


def _state(block: Block, elements: Array) -> State:
    if block.follows:
        elements = np.append(elements, np.zeros(len(block.follows)))
    matrices = dict(block.template)
    stack = elements.shape[:-1]
    for name, (i, j, element) in block.elements.items():
        matrix, values = _copied(matrices[name], stack), elements[..., element]
        matrix[..., i, j] = values
        if name in ("theta", "psi"):
            matrix[..., j, i] = values
        matrices[name] = matrix
    state = _unscaled(block, matrices)
    return state if block.layout is None else _answered(state, block.layout)


def _unscaled(block: Block, matrices: Mapping[str, Array]) -> State:
    """Multiply the matrices out."""
    lambda_, psi = matrices["lambda_"], matrices["psi"]
    n_eta = len(block.eta)
    if block.has_paths:
        inverse = np.asarray(np.linalg.inv(np.eye(n_eta) - matrices["beta"]))
        covariance = inverse @ psi @ inverse.mT
        loading = lambda_ @ inverse
    else:
        inverse, covariance, loading = np.eye(n_eta), psi, lambda_
    cross = lambda_ @ covariance
    sigma = cross @ lambda_.mT + matrices["theta"]
    mean = mu = None
    if block.meanstructure:
        column = inverse @ matrices["alpha"]
        mean, mu = column[..., 0], (matrices["nu"] + lambda_ @ column)[..., 0]
    return State(block, matrices, inverse, covariance, loading, cross, mean, Implied(mu, sigma))


def _answered(state: State, layout: Layout) -> State:
    """Go from latent responses to the moments of answers."""
    block = state.block
    if block.follows:
        state = _completed(state)
    mu, sigma = state.implied.mu, state.implied.sigma
    assert mu is not None
    matrices = dict(state.matrices)
    if block.theta_scaled:
        delta = matrices["delta"].copy()
        with np.errstate(invalid="ignore", divide="ignore"):
            delta[layout.ordered, 0] = sigma.diagonal()[layout.ordered] ** -0.5
        matrices["delta"] = delta
    responses = Responses(layout, mu, sigma, matrices["tau"][:, 0], matrices["delta"][:, 0])
    seen = Implied(*responses.scaled())
    return replace(state, matrices=matrices, implied=seen, responses=responses)


def _completed(state: State) -> State:
    """Set the residual variances that make each ordered item's variance 1 / delta^2."""
    block, matrices = state.block, dict(state.matrices)
    own, sigma = block.followers, state.implied.sigma
    target = matrices["delta"][own, 0] ** -2.0
    values = np.linalg.solve(_reach(state), target - sigma.diagonal()[own])
    for name in ("theta", "psi"):
        matrices[name] = matrices[name].copy()
    for place, value in zip(block.follows, values, strict=True):
        matrices[place.matrix][place.i, place.i] = value
    if block.spreads:
        return _unscaled(block, matrices)
    sigma = sigma.copy()
    sigma[own, own] = target
    return replace(state, matrices=matrices, implied=Implied(state.implied.mu, sigma))


def _reach(state: State) -> Array:
    """How the variances of ordered items depend on the residual variances that follow, (k, k)."""
    block, own = state.block, state.block.followers
    columns = [
        state.loading[own, place.i] ** 2 if place.matrix == "psi" else (own == item).astype(float)
        for place, item in zip(block.follows, own, strict=True)
    ]
    return np.column_stack(columns)


def _copied(matrix: Array, stack: tuple[int, ...]) -> Array:
    """Give a copy of a matrix, or one for each place of a stack."""
    if not stack or matrix.ndim > 2:
        return matrix.copy()
    return np.broadcast_to(matrix, (*stack, *matrix.shape)).copy()


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
        return np.asarray(np.linalg.solve(_reach(state), change))


def observed_derivatives(state: State, n_elements: int) -> Derivatives:
    """Give the derivatives of mu and sigma with respect to the free elements."""
    unit = np.eye(len(state.block.observed))
    d = _derivatives(state, n_elements, unit, state.loading, state.cross)
    if state.responses is None:
        return d
    return replace(d, scale=_scale(state, state.responses, d))


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


@dataclass(frozen=True, eq=False)
class Curvature:
    """Second derivatives of one block's moments, weighted into one matrix.

    With Sigma = L psi L' + theta, L = lambda A: a loading or regression k changes L by
    u_k a_k', where a_k is row j_k of A; a regression also changes later u and a.
    """

    state: State
    first: Derivatives

    def weighted(self, weight: Array, weight_mu: Array | None) -> Array:
        """Give sum_ij weight_ij d2 sigma_ij + sum_i weight_mu_i d2 mu_i, (q, q).

        `weight` (p, p) is symmetric; `weight_mu` is (p,) or None without means.
        """
        u, v = self.first.u, self.first.v
        index = self.state.block.roles
        # What stands on one side of the diagonal only, and half of what is symmetric.
        side = np.zeros((*weight.shape[:-2], u.shape[-1], u.shape[-1]))
        if not len(index.slopes):
            return side
        inverse, covariance = self.state.inverse, self.state.covariance
        slopes, columns = index.slopes, index.slope_columns
        own = u[..., slopes]
        pressed = own.mT @ weight
        side[..., slopes[:, None], slopes] = covariance[..., columns[:, None], columns] * (
            pressed @ own
        )
        if len(index.psis):
            towards_a = inverse[..., columns[:, None], index.psi_rows]
            towards_b = inverse[..., columns[:, None], index.psi_columns] * index.psi_halves
            side[..., slopes[:, None], index.psis] = 2 * (
                towards_a * (pressed @ v[..., index.psis])
                + towards_b * (pressed @ u[..., index.psis])
            )
        passing = inverse[..., columns[:, None], index.beta_rows].mT
        if len(index.betas):
            turned = (pressed @ v[..., index.betas]).mT
            side[..., index.betas[:, None], slopes] += 2 * passing * turned
        if weight_mu is not None:
            reach = weight_mu[..., None, :] @ own
            if len(index.betas):
                levels = self.state.eta_mean[..., index.beta_columns, None]
                side[..., index.betas[:, None], slopes] += passing * (levels * reach)
            if len(index.alphas):
                alphas = inverse[..., columns[:, None], index.alpha_rows]
                side[..., slopes[:, None], index.alphas] = alphas * reach.mT
        return side + side.mT


class _Elements(NamedTuple):
    """Positions of a block's free elements by the part they play in second derivatives."""

    slopes: Indices
    slope_columns: Indices
    betas: Indices
    beta_rows: Indices
    beta_columns: Indices
    psis: Indices
    psi_rows: Indices
    psi_columns: Indices
    psi_halves: Array
    alphas: Indices
    alpha_rows: Indices

    @classmethod
    def of(cls, block: Block) -> "_Elements":
        """Look the positions up in a block."""
        none = np.zeros(0, dtype=np.intp)
        nothing = (none, none, none)
        _, lambda_columns, lambdas = block.elements.get("lambda_", nothing)
        beta_rows, beta_columns, betas = block.elements.get("beta", nothing)
        psi_rows, psi_columns, psis = block.elements.get("psi", nothing)
        alpha_rows, _, alphas = block.elements.get("alpha", nothing)
        return cls(
            np.concatenate([lambdas, betas]),
            np.concatenate([lambda_columns, beta_columns]),
            betas,
            beta_rows,
            beta_columns,
            psis,
            psi_rows,
            psi_columns,
            np.where(psi_rows == psi_columns, 0.5, 1.0),
            alphas,
            alpha_rows,
        )


class _Columns(NamedTuple):
    """Where the free elements of a block find their derivatives, an entry for each.

    With the columns of unit, loading and cross side by side (see `_derivatives`) u is the column
    `directions`, v the column `partners` times `halves`, and d mu is u times the entry `levels` of
    the means of eta, 0 and 1.
    """

    elements: Indices
    directions: Indices
    partners: Indices
    halves: Array
    levels: Indices

    @classmethod
    def of(cls, block: Block) -> "_Columns":
        """Look the columns up in a block."""
        loading, n_eta = len(block.observed), len(block.eta)
        cross, zero, one = loading + n_eta, n_eta, n_eta + 1
        own_elements = {n: e for n, e in block.elements.items() if n in MATRICES}
        size = sum(len(elements) for _, _, elements in own_elements.values())
        indices = np.zeros((3, size), dtype=np.intp)
        found = cls(indices[0], indices[1], indices[2], np.zeros(size), np.full(size, one))
        begin = 0
        for name, (i, j, elements) in own_elements.items():
            own = slice(begin, begin := begin + len(elements))
            side = 0 if name in ("lambda_", "theta", "nu") else loading
            found.elements[own], found.directions[own] = elements, side + i
            if name in ("lambda_", "beta"):
                found.partners[own], found.halves[own], found.levels[own] = cross + j, 1.0, j
            elif name in ("psi", "theta"):
                found.partners[own], found.levels[own] = side + j, zero
                found.halves[own] = np.where(i == j, 0.5, 1.0)
        return found


def vech_places(p: int) -> tuple[Indices, Indices]:
    """Rows and columns of the p(p + 1)/2 different elements of a symmetric matrix.

    The order is that of vech, down the columns of the lower triangle.
    """
    return np.triu_indices(p)


def moment_vector(moments: Implied, *, means: bool, layout: Layout | None = None) -> Array:
    """(m, vech S), or vech S alone; with ordered items the vector that `Layout` describes."""
    if layout is not None:
        assert moments.thresholds is not None
        assert moments.mu is not None
        return layout.vector(moments.mu, moments.sigma, moments.thresholds)
    covariances = moments.sigma[vech_places(len(moments.sigma))]
    if not means:
        return np.asarray(covariances)
    assert moments.mu is not None
    return np.concatenate([moments.mu, covariances])


def latent_derivatives(state: State, n_elements: int) -> Derivatives:
    """Give the derivatives of the means and covariances of eta likewise."""
    unit = np.zeros((len(state.block.eta), len(state.block.observed)))
    return _derivatives(state, n_elements, unit, state.inverse, state.covariance)
