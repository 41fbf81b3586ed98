"""The matrices of a block at one point, multiplied out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from measure.model.blocks import Block
from measure.model.implied import Implied
from measure.specification.responses import Layout, Responses

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


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


def state_at(block: Block, elements: Array) -> State:
    """Evaluate the matrices of a block at the values of its elements, (..., n_elements)."""
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
    values = residuals_for(state, target - sigma.diagonal()[own])
    for name in ("theta", "psi"):
        matrices[name] = matrices[name].copy()
    for place, value in zip(block.follows, values, strict=True):
        matrices[place.matrix][place.i, place.i] = value
    if block.spreads:
        return _unscaled(block, matrices)
    sigma = sigma.copy()
    sigma[own, own] = target
    return replace(state, matrices=matrices, implied=Implied(state.implied.mu, sigma))


def residuals_for(state: State, variances: Array) -> Array:
    """Give what of residual variances that follow adds this to the variances of ordered items."""
    block, own = state.block, state.block.followers
    if not block.spreads:
        return variances
    columns = [
        state.loading[own, place.i] ** 2 if place.matrix == "psi" else (own == item).astype(float)
        for place, item in zip(block.follows, own, strict=True)
    ]
    return np.linalg.solve(np.column_stack(columns), variances)


def _copied(matrix: Array, stack: tuple[int, ...]) -> Array:
    """Give a copy of a matrix, or one for each place of a stack."""
    if not stack or matrix.ndim > 2:
        return matrix.copy()
    return np.broadcast_to(matrix, (*stack, *matrix.shape)).copy()
