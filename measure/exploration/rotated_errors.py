"""Standard errors of rotated loadings and of factor correlations.

Loadings L, factor correlations Φ and uniquenesses that belong to sample
correlations r solve D'W(r - ρ) = 0 together with the rotation equations, so that their covariance
is B D'W Γ W D B / n with B = K (K'D'WDK)^-1 K': D are the derivatives of the implied correlations,
K the directions that keep the rotation equations (`rotation_equations`), W the weights of the
extraction and Γ n times the covariance of the correlations (Jennrich 1973, 1974; Browne 1984, eq.
2.12 for the sandwich; with normal Γ at the implied correlations it is the inverse information of
maximum likelihood, as in lavaan).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.estimators.least_squares import weighted
from measure.fitting.inference import inverse
from measure.model import vech_places
from measure.rotating.rotation_equations import Criteria, equations

Array = NDArray[np.float64]

# Singular values of the rotation equations below this share of the largest count as 0.
DEPENDENT = 1e-8


@dataclass(frozen=True, eq=False)
class Rotation:
    """A rotated solution.

    Attributes
    ----------
    loadings
        Pattern, (n_items, n_factors).
    phi
        Factor correlations.
    how
        How it was rotated; None for a single factor.
    """

    loadings: Array
    phi: Array
    how: Criteria | None

    @property
    def pairs(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Pairs of factors whose correlations are estimated."""
        oblique = self.how is not None and self.how.oblique
        return np.triu_indices(len(self.phi) if oblique else 1, 1)


@dataclass(frozen=True, eq=False)
class Errors:
    """Covariance of the estimates.

    Attributes
    ----------
    covariance
        Of loadings (row by row), then correlations of the pairs of factors, then uniquenesses.
    loadings
        Standard errors, (n_items, n_factors).
    phi
        Standard errors, (n_factors, n_factors); 0 where a correlation is fixed.
    """

    covariance: Array
    loadings: Array
    phi: Array


def rotated_errors(found: Rotation, gamma: Array, weight: Array, n: float) -> Errors | None:
    """Standard errors of a rotated solution.

    Parameters
    ----------
    found
        The solution.
    gamma
        N times the asymptotic covariance of vech of the matrix that was analysed, (p*, p*); 0 for
        the diagonal of a correlation matrix.
    weight
        Of vech of the residuals, (p*, p*), or (p*,) where it is diagonal. Uniquenesses make those
        of the diagonal vanish.
    n
        What covariances are divided by.

    Returns
    -------
    Errors, or None where the correlations or the rotation do not determine all parameters.
    """
    p, k = found.loadings.shape
    n_pairs = len(found.pairs[0])
    a, b = vech_places(p)
    slopes = np.hstack([_correlation_slopes(found), np.eye(len(a))[:, a == b]])
    pressed = weighted(weight, slopes)
    bread = inverse(slopes.T @ pressed, _directions(found))
    if bread is None:
        return None
    moved = bread @ pressed.T
    covariance = np.asarray(moved @ gamma @ moved.T / n)
    se = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    phi = np.zeros((k, k))
    phi[found.pairs] = se[p * k : p * k + n_pairs]
    return Errors(covariance, se[: p * k].reshape(p, k), phi + phi.T)


def _correlation_slopes(found: Rotation) -> Array:
    """Derivatives of vech(L Φ L') with respect to loadings and correlations of pairs of factors."""
    L, phi = found.loadings, found.phi
    p, k = L.shape
    a, b = vech_places(p)
    rows = np.arange(len(a))
    turned = L @ phi
    by_loading = np.zeros((len(a), p, k))
    by_loading[rows, a] += turned[b]
    by_loading[rows, b] += turned[a]
    first, second = found.pairs
    by_pair = L[a][:, first] * L[b][:, second] + L[b][:, first] * L[a][:, second]
    return np.hstack([by_loading.reshape(len(a), -1), by_pair])


def _directions(found: Rotation) -> Array | None:
    """Directions that keep the rotation equations, (n_parameters, n_free)."""
    if found.how is None:
        return None
    p = len(found.loadings)
    at = equations(found.loadings, found.phi, np.zeros(p), found.how)
    m = len(at.values)
    first, second = found.pairs
    return kernel(
        np.hstack([at.loadings.reshape(m, -1), at.phi[:, first, second], np.zeros((m, p))])
    )


def kernel(slopes: Array) -> Array:
    """Directions in which nothing moves of what has these derivatives (m, n), (n, n - rank)."""
    _, sizes, directions = np.linalg.svd(slopes)
    rank = int((sizes > DEPENDENT * sizes.max(initial=0.0)).sum())
    return np.asarray(directions[rank:].T)
