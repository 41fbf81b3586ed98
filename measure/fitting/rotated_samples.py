"""Turn the exploratory blocks of many samples to the position of one fit.

A bootstrap estimates each sample in echelon form, as the fit was. From there the rotation begins
where that of the fit ended, so that it ends at the same minimum of the criterion, with the factors
in the same order and of the same sign.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from measure.fitting.rotated_blocks import Exploration, blocks_of, moved
from measure.model import Model
from measure.rotating.gradient_projection import gradient_projection
from measure.rotating.rotation import CONVERGED
from measure.rotating.rotation_equations import Criteria, lengths

Array = NDArray[np.float64]

# Norm of the gradient at which the rotation of a sample ends.
SHARP = 1e-7


@dataclass(frozen=True, eq=False)
class Turning:
    """What turns the parameters of samples.

    Attributes
    ----------
    model
        The rotated model.
    exploration
        How its blocks were turned.
    """

    model: Model
    exploration: Exploration

    def __call__(self, params: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Turn the parameters of samples.

        Parameters
        ----------
        params
            In echelon form, (n_samples, n_params).

        Returns
        -------
        Parameters of the rotated model, (n_samples, n_params), and whether the rotation of every
        block found a minimum.
        """
        begun, table = self.exploration.problem.model, self.model.table
        values = np.array([begun.table_values(own, begun.states(own)) for own in params])
        good = np.ones(len(params), dtype=bool)
        for own, turned in zip(
            blocks_of(table, self.exploration.plan), self.exploration.turned, strict=True
        ):
            T, norms = _turned(
                values[:, own.loadings], values[:, own.residuals], own.how, turned.transformation
            )
            good &= norms < CONVERGED
            for k, transformation in enumerate(T):
                values[k] = moved(table.parameters, values[k], own, transformation)
        elements = values[:, list(self.model.free_rows)]
        return elements[:, list(self.model.reduction.kept)], good


def _turned(L: Array, residuals: Array, how: Criteria, start: Array) -> tuple[Array, Array]:
    """Transformations of the loadings of samples (n, p, k), and norms of their last gradients."""
    identity, plain = np.eye(L.shape[-1]), replace(how, kaiser=False)
    size = np.array(
        [lengths(own, identity, theta, plain) for own, theta in zip(L, residuals, strict=True)]
    )
    return turned_alike(L / size[..., None], how, start)


def turned_alike(A: Array, how: Criteria, start: Array) -> tuple[Array, Array]:
    """Rotate the loadings of many samples from one transformation.

    Parameters
    ----------
    A
        Unrotated loadings, (n_samples, n_items, n_factors), in a position near that of the others.
    how
        How they are rotated.
    start
        Where each rotation begins, (n_factors, n_factors).

    Returns
    -------
    Transformations (n_samples, n_factors, n_factors), and norms of their last gradients.
    """
    if how.kaiser:
        sizes = np.sqrt((A**2).sum(axis=-1, keepdims=True))
        A = A / np.where(sizes > 0, sizes, 1.0)
    starts = np.broadcast_to(start, (len(A), *start.shape)).copy()
    T, _, norms = gradient_projection(
        A, how.criterion, starts, oblique=how.oblique, tolerance=SHARP
    )
    return T, norms
