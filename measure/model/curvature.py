"""Second derivatives of the moments of a block, weighted into one matrix."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.model.derivatives import Derivatives
from measure.model.states import State

Array = NDArray[np.float64]


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
        found, own = self.own_weighted(weight, weight_mu), self.first.own
        if own is None:
            return found
        q = self.first.u.shape[-1]
        whole = np.zeros((*weight.shape[:-2], q, q))
        whole[..., own[:, None], own] = found
        return whole

    def own_weighted(self, weight: Array, weight_mu: Array | None) -> Array:
        """Give the same of the elements that stand in the block: `Derivatives.own`."""
        block, elements = self.state.block, self.first.own
        u, v = (
            part if elements is None else part[..., elements]
            for part in (self.first.u, self.first.v)
        )
        index = block.roles if elements is None else block.own_roles
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
