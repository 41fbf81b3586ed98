"""How far correlations vary from sample to sample: n times their asymptotic covariance.

Correlations stand in the order of the upper triangle, row by row, which is that of vech without its
diagonal.
"""

import numpy as np
from numpy.typing import NDArray

from measure.estimators.fiml import FullInformation
from measure.fitting.inference import inverse
from measure.moments import Codes, Moments
from measure.moments.asymptotic import cross_products
from measure.moments.ordinal import gamma_of
from measure.moments.ordinal.two_step import TwoStep

Array = NDArray[np.float64]


def normal_covariance(R: Array) -> Array:
    """Covariance of correlations of normal variables (Olkin & Siotani 1976, eq. 2.1).

    Parameters
    ----------
    R
        Population correlations, (p, p).
    """
    i, j = np.triu_indices(len(R), 1)
    r = R[i, j]
    ik, il, jk, jl = R[np.ix_(i, i)], R[np.ix_(i, j)], R[np.ix_(j, i)], R[np.ix_(j, j)]
    squares = ik**2 + il**2 + jk**2 + jl**2
    own = r[:, None]
    found = own * r * squares / 2 + ik * jl + il * jk
    return np.asarray(found - own * (jk * jl + ik * il) - r * (ik * jk + il * jl))


def rows_covariance(rows: Array, clusters: Codes | None = None) -> Array:
    """Covariance of the correlations of complete rows, whatever their distribution.

    A row moves r_ij by z_i z_j - r_ij (z_i² + z_j²)/2 (Browne 1984; de Leeuw 1983); rows of a
    cluster count together.
    """
    z = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    i, j = np.triu_indices(rows.shape[1], 1)
    products = z[:, i] * z[:, j]
    influence = products - products.mean(axis=0) * (z[:, i] ** 2 + z[:, j] ** 2) / 2
    return cross_products(influence, clusters)


def answers_covariance(answers: TwoStep, clusters: Codes | None = None) -> Array:
    """Covariance of polychoric, polyserial and Pearson correlations of ordered and other items.

    Rows of a cluster count together.
    """
    slopes = answers.correlation_slopes
    together = None if clusters is None else (clusters,)
    return np.asarray(slopes @ gamma_of([answers], together, "first.order") @ slopes.T)


def incomplete_moments_covariance(moments: Moments, *, robust: bool) -> Array | None:
    """Covariance of vech of the covariances of incomplete rows, estimated by EM, (p*, p*).

    The inverse of the observed information of the saturated model, or the sandwich of Yuan &
    Bentler (2000); None where the answers do not determine it.
    """
    likelihood = FullInformation(moments)
    bread = inverse(likelihood.saturated_information()[0])
    if bread is None:
        return None
    if robust:
        bread = bread @ likelihood.saturated_products[0] @ bread
    p = len(moments.names)
    return np.asarray(bread[p:, p:])


def of_correlations(sigma: Array, gamma: Array) -> Array:
    """Covariance of correlations (q, q) from that of vech of the covariances `sigma`."""
    slopes = _slopes(sigma)
    return np.asarray(slopes @ gamma @ slopes.T)


def _slopes(sigma: Array) -> Array:
    """Derivatives of the correlations with respect to vech of the covariances, (q, p*)."""
    p = len(sigma)
    sd = np.sqrt(np.diag(sigma))
    i, j = np.triu_indices(p, 1)
    a, b = np.triu_indices(p)
    r = sigma[i, j] / (sd[i] * sd[j])
    own = (a == i[:, None]) & (b == j[:, None])
    found = own / (sd[i] * sd[j])[:, None]
    for k in (i, j):
        diagonal = (a == k[:, None]) & (b == k[:, None])
        found = found - diagonal * (r / (2 * sd[k] ** 2))[:, None]
    return np.asarray(found)
