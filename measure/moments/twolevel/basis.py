"""Coordinates in which the covariance matrices of both levels are diagonal.

The means of a cluster of n rows have the covariance matrix B + W/n. In coordinates c = A y in which
W is the identity and B is diagonal, with entries l, it is diagonal for every n at once: its inverse
has the entries 1/(l + 1/n). No matrix of a single size of clusters is then inverted, and sums over
sizes are sums of numbers.

Variables that are modelled at one level only have no part in the other matrix. Those within
clusters only (o) are taken out of the others by regression within clusters, W_bo W_oo^-1, and those
between clusters only (z) by regression between them, B_bz B_zz^-1; what is left of the others is
diagonalised (Golub & Van Loan 2013, section 8.7). The covariance matrix of the means is W_oo/n for
o, whose entries are then n, and B_zz for z, whose entries are 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Basis:
    """The coordinates at one pair of covariance matrices.

    Attributes
    ----------
    axes
        A, (p, p): coordinates of o, of the variables at both levels, of z.
    variances
        l of the variables at both levels, (p_both,), ascending: variances between clusters in units
        of those within.
    precision
        Entries of the inverse covariance matrix of the means of each size of clusters, (S, p).
    log_within
        ln|W|.
    log_means
        ln|B + W/n| of each size, (S,).
    """

    axes: Array
    variances: Array
    precision: Array
    log_within: float
    log_means: Array

    @classmethod
    def of(cls, W: Array, B: Array, n_only: tuple[int, int], sizes: Array) -> "Basis | None":
        """Find the coordinates; None where a covariance matrix is not positive definite.

        Parameters
        ----------
        W, B
            Covariances within clusters, of o and the variables at both levels, and between them,
            of the latter and z.
        n_only
            How many variables are modelled within clusters only, and between them only.
        sizes
            Different sizes of clusters, (S,).
        """
        n_o, n_z = n_only
        n_b = len(W) - n_o
        p = n_o + n_b + n_z
        o, b, z = slice(0, n_o), slice(n_o, n_o + n_b), slice(n_o + n_b, p)
        axes, log_within, log_between = np.zeros((p, p)), 0.0, 0.0
        own_w, own_b = W[n_o:, n_o:], B[:n_b, :n_b]
        try:
            if n_o:
                root = np.linalg.inv(np.linalg.cholesky(W[:n_o, :n_o]))
                left = W[n_o:, :n_o] @ root.T
                own_w = own_w - left @ left.T
                axes[o, o], axes[b, o] = root, -left @ root
                log_within -= 2 * float(np.log(root.diagonal()).sum())
            if n_z:
                root = np.linalg.inv(np.linalg.cholesky(B[n_b:, n_b:]))
                left = B[:n_b, n_b:] @ root.T
                own_b = own_b - left @ left.T
                axes[z, z], axes[b, z] = root, -left @ root
                log_between = -2 * float(np.log(root.diagonal()).sum())
            half = np.linalg.inv(np.linalg.cholesky(own_w))
            variances, vectors = np.linalg.eigh(half @ own_b @ half.T)
        except np.linalg.LinAlgError:
            return None
        log_b = 2 * float(np.log(half.diagonal()).sum())
        turned = vectors.T @ half
        axes[b, :n_o] = turned @ axes[b, :n_o]
        axes[b, z] = turned @ axes[b, z]
        axes[b, b] = turned
        return cls._completed(axes, variances, sizes, (log_within, log_b, log_between), n_only)

    @classmethod
    def _completed(
        cls,
        axes: Array,
        variances: Array,
        sizes: Array,
        logs: tuple[float, float, float],
        n_only: tuple[int, int],
    ) -> "Basis | None":
        log_o, log_b, log_z = logs
        n_o, n_z = n_only
        own = variances + 1 / sizes[:, None]
        if not (own > 0).all():
            return None
        ones = np.ones((len(sizes), n_z))
        precision = np.hstack([np.tile(sizes[:, None], n_o), 1 / own, ones])
        # The determinant of B + W/n is that of W_oo/n, of W_b.o times (l + 1/n), and of B_zz.
        log_means = log_o - n_o * np.log(sizes) - log_b + np.log(own).sum(axis=1) + log_z
        return cls(axes, variances, precision, log_o - log_b, np.asarray(log_means))
