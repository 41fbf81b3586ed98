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
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.constraints import Reduction, Restrictions
from measure.table import ParameterTable

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# An inequality is taken to hold as an equation where it is met up to this.
ACTIVE = 1e-6

# Levels of the elements that do not move means, and of those that move them one to one.
ZERO_ONE = np.array([0.0, 1.0])

MATRICES = ("lambda_", "theta", "psi", "beta", "nu", "alpha")


class Implied(NamedTuple):
    """Moments that a model implies for one block: `mu` (p,) or None, `sigma` (p, p)."""

    mu: Array | None
    sigma: Array


class Derivatives(NamedTuple):
    """Derivatives of one block's moments with respect to its q free elements.

    d sigma_k = u[:, k] v[:, k]' + v[:, k] u[:, k]';  d mu_k = d_mu[:, k] (None without means).
    """

    u: Array
    v: Array
    d_mu: Array | None


class Place(NamedTuple):
    """Where a row of the parameter table stands: matrix, row, column."""

    matrix: str
    i: int
    j: int


@dataclass(frozen=True, eq=False)
class Block:
    """One group at one level: the fixed values of its matrices, and where the free ones stand.

    `rows` are table rows, `elements` their positions among the model's free elements.
    """

    group: int
    observed: tuple[str, ...]
    eta: tuple[str, ...]
    template: Mapping[str, Array]
    places: Mapping[int, Place]
    elements: Mapping[str, tuple[Indices, Indices, Indices]]
    meanstructure: bool

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
    matrices = dict(block.template)
    stack = elements.shape[:-1]
    for name, (i, j, element) in block.elements.items():
        matrix, values = _copied(matrices[name], stack), elements[..., element]
        matrix[..., i, j] = values
        if name in ("theta", "psi"):
            matrix[..., j, i] = values
        matrices[name] = matrix
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
    shape = (*stack, cross.shape[-2], n_elements)
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
    return Derivatives(u, v, d_mu)


def observed_derivatives(state: State, n_elements: int) -> Derivatives:
    """Give the derivatives of mu and sigma with respect to the free elements."""
    unit = np.eye(len(state.block.observed))
    return _derivatives(state, n_elements, unit, state.loading, state.cross)


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
        size = sum(len(elements) for _, _, elements in block.elements.values())
        indices = np.zeros((3, size), dtype=np.intp)
        found = cls(indices[0], indices[1], indices[2], np.zeros(size), np.full(size, one))
        begin = 0
        for name, (i, j, elements) in block.elements.items():
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


def moment_vector(moments: Implied, *, means: bool) -> Array:
    """(m, vech S), or vech S alone."""
    covariances = moments.sigma[vech_places(len(moments.sigma))]
    if not means:
        return np.asarray(covariances)
    assert moments.mu is not None
    return np.concatenate([moments.mu, covariances])


def jacobian(d: Derivatives) -> Array:
    """Derivatives of (mu, vech Sigma) of one block, (p + p*, q); without means (p*, q)."""
    a, b = vech_places(len(d.u))
    covariances = d.u[a] * d.v[b] + d.v[a] * d.u[b]
    return covariances if d.d_mu is None else np.vstack([d.d_mu, covariances])


def latent_derivatives(state: State, n_elements: int) -> Derivatives:
    """Give the derivatives of the means and covariances of eta likewise."""
    unit = np.zeros((len(state.block.eta), len(state.block.observed)))
    return _derivatives(state, n_elements, unit, state.inverse, state.covariance)
