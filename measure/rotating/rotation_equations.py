"""What holds of rotated loadings: the equations that take the place of fixed parameters.

A rotated solution is a solution of the factor model whose loadings L and factor correlations Φ
also make the rotation criterion stationary. With G the gradient of the criterion at L and Z = L'G
these are the equations Z - Z' = 0 where factors are uncorrelated (Jennrich 1974, eq. 27; Archer &
Jennrich 1973), and z_ij = z_ii φ_ij, i ≠ j, where they correlate (Jennrich 1973, eq. 36). An
information matrix along the directions that keep them gives the standard errors of rotated
loadings, as it does with any other constraint (`inference.inverse`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.rotating.rotation_criteria import Criterion

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Step along the imaginary axis: its square vanishes beside 1, so that nothing is cancelled.
COMPLEX_STEP = 1e-30


@dataclass(frozen=True, eq=False)
class Criteria:
    """How loadings were rotated.

    Attributes
    ----------
    criterion
        See `measure.rotating.rotation_criteria`.
    oblique
        Whether factors may correlate.
    kaiser
        Whether items are divided by the root of their communality while rotating.
    standardized
        Whether they are divided by their standard deviation.
    """

    criterion: Criterion
    oblique: bool
    kaiser: bool = False
    standardized: bool = False


def lengths(L: Array, phi: Array, residuals: Array, how: Criteria) -> Array:
    """What each item is divided by while rotating, (n_items,).

    Parameters
    ----------
    L, phi
        Loadings and factor correlations.
    residuals
        Residual variances, (n_items,).
    how
        How loadings are rotated.
    """
    if not (how.kaiser or how.standardized):
        return np.ones(len(L))
    common = ((L @ phi) * L).sum(axis=1)
    # Kaiser's normalisation undoes any other.
    total = common if how.kaiser else common + residuals
    return np.asarray(np.sqrt(np.where(total > 0, total, 1.0)))


def second_derivatives(criterion: Criterion, L: Array) -> Array:
    """Second derivatives of a criterion by a complex step (Squire & Trapp 1998).

    Returns
    -------
    (n_items, n_factors, n_items, n_factors): how the gradient changes with each loading, first two
    axes.
    """
    p, k = L.shape
    steps = np.eye(p * k).reshape(p * k, p, k) * COMPLEX_STEP
    gradient = criterion(L + 1j * steps)[1]
    return np.asarray(gradient.imag / COMPLEX_STEP).reshape(p, k, p, k)


@dataclass(frozen=True, eq=False)
class Slopes:
    """Rotation equations at a solution, and their derivatives.

    Attributes
    ----------
    values
        What has to be 0, (m,).
    loadings, phi, residuals
        Derivatives with respect to loadings (m, n_items, n_factors), to the correlation of each
        pair of factors (m, n_factors, n_factors; above the diagonal, 0 elsewhere) and to residual
        variances (m, n_items).
    """

    values: Array
    loadings: Array
    phi: Array
    residuals: Array


def equations(L: Array, phi: Array, residuals: Array, how: Criteria) -> Slopes:
    """Evaluate the rotation equations; arguments as `lengths`."""
    p, k = L.shape
    size = lengths(L, phi, residuals, how)
    B = L / size[:, None]
    G = how.criterion(B)[1]
    Z = B.T @ G
    # Of Z by loadings as they are rotated: its own factor, and through the gradient.
    by_B = np.einsum("ia,icjb->jbac", B, second_derivatives(how.criterion, B).transpose(2, 3, 0, 1))
    own = np.zeros((p, k, k, k))
    own[:, np.arange(k), np.arange(k), :] = G[:, None, :]
    by_B = by_B + own
    # B also moves with the lengths: dB_jb = dL_jb / s_j - B_jb d(s_j^2) / (2 s_j^2).
    by_length = -np.einsum("jbac,jb->jac", by_B, B) / (2 * size**2)[:, None, None]
    by_L, by_phi = by_B / size[:, None, None, None], np.zeros((k, k, k, k))
    by_residual = np.zeros((p, k, k))
    if how.kaiser or how.standardized:
        by_L = by_L + 2 * (L @ phi)[:, :, None, None] * by_length[:, None]
        # A correlation stands in phi twice.
        both = 2 * np.einsum("ja,jb,jcd->abcd", L, L, by_length)
        by_phi[np.triu_indices(k, 1)] = both[np.triu_indices(k, 1)]
    if how.standardized and not how.kaiser:
        by_residual = by_length
    if not how.oblique:
        a, b = np.tril_indices(k, -1)

        def taken(change: Array) -> Array:
            return np.moveaxis(change[..., a, b] - change[..., b, a], -1, 0)

        return Slopes(Z[a, b] - Z[b, a], taken(by_L), taken(by_phi), taken(by_residual))
    a, b = np.nonzero(~np.eye(k, dtype=bool))

    def kept(change: Array) -> Array:
        return np.moveaxis(change[..., a, b] - change[..., a, a] * phi[a, b], -1, 0)

    slopes = kept(by_phi)
    slopes[np.arange(len(a)), np.minimum(a, b), np.maximum(a, b)] -= Z[a, a]
    return Slopes(Z[a, b] - Z[a, a] * phi[a, b], kept(by_L), slopes, kept(by_residual))
