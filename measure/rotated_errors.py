"""Standard errors of rotated loadings and of factor correlations.

Loadings L, factor correlations Φ and (for likelihoods) uniquenesses that belong to sample
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
from measure.inference import inverse
from measure.model import vech_places
from measure.rotation_equations import Criteria, equations

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


def normal_covariance(R: Array) -> Array:
    """N times the covariance of correlations of normal variables (Olkin & Siotani 1976, eq. 2.1).

    Parameters
    ----------
    R
        Population correlations, (p, p).

    Returns
    -------
    (q, q) for the q = p(p - 1)/2 correlations below the diagonal, column by column.
    """
    i, j = np.triu_indices(len(R), 1)
    r = R[i, j]
    ik, il, jk, jl = R[np.ix_(i, i)], R[np.ix_(i, j)], R[np.ix_(j, i)], R[np.ix_(j, j)]
    squares = ik**2 + il**2 + jk**2 + jl**2
    own = r[:, None]
    found = own * r * squares / 2 + ik * jl + il * jk
    return np.asarray(found - own * (jk * jl + ik * il) - r * (ik * jk + il * jl))


def rotated_errors(found: Rotation, gamma: Array, weight: Array | None, n: float) -> Errors | None:
    """Standard errors of a rotated solution.

    Parameters
    ----------
    found
        The solution.
    gamma
        N times the asymptotic covariance of the correlations, (q, q).
    weight
        Of vech of the correlation matrix, diagonal included, where uniquenesses are parameters
        beside the loadings (maximum likelihood); of the correlations alone, (q, q) or their
        diagonal (q,), for least squares.
    n
        What covariances are divided by.

    Returns
    -------
    Errors, or None where the correlations or the rotation do not determine all parameters.
    """
    p, k = found.loadings.shape
    n_pairs = len(found.pairs[0])
    a, b = vech_places(p)
    off = a != b
    slopes = _correlation_slopes(found)
    directions = _directions(found, 0)
    if weight is not None and weight.ndim == 2 and len(weight) == len(a):
        slopes = np.hstack([slopes, np.eye(len(a))[:, ~off]])
        directions = _directions(found, p)
        pressed = weight @ slopes
        spread = pressed[off]
    else:
        slopes = slopes[off]
        pressed = slopes if weight is None else weighted(weight, slopes)
        spread = pressed
    bread = inverse(slopes.T @ pressed, directions)
    if bread is None:
        return None
    moved = bread @ spread.T
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


def _directions(found: Rotation, n_more: int) -> Array | None:
    """Directions that keep the rotation equations, (n_parameters, n_free)."""
    if found.how is None:
        return None
    p = len(found.loadings)
    at = equations(found.loadings, found.phi, np.zeros(p), found.how)
    m = len(at.values)
    first, second = found.pairs
    slopes = np.hstack(
        [at.loadings.reshape(m, -1), at.phi[:, first, second], np.zeros((m, n_more))]
    )
    return kernel(slopes)


def kernel(slopes: Array) -> Array:
    """Directions in which nothing moves of what has these derivatives (m, n), (n, n - rank)."""
    _, sizes, directions = np.linalg.svd(slopes)
    rank = int((sizes > DEPENDENT * sizes.max(initial=0.0)).sum())
    return np.asarray(directions[rank:].T)
