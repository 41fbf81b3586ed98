"""Patterns of missing answers, and the likelihood that they give to means and covariances.

With P_j the inverse of the covariances of the items that pattern j observes (zero elsewhere), m_j
and S_j the means and covariances of its rows, r_j = m_j - mu and T_j = P_j (S_j + r_j r_j') P_j,

    log L = -1/2 sum_j n_j [p_j ln 2 pi + ln|Sigma_j| + tr(P_j (S_j + r_j r_j'))]

(Arbuckle 1996; Yuan & Bentler 2000, section 2). All patterns are computed at once.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dtrtri

from measure.model import Implied, vech_places

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Patterns:
    """The rows of one group by the items that they answer.

    Attributes
    ----------
    observed
        Which items each pattern has, (n_patterns, p).
    of_row
        Pattern of each row, (n,).
    counts
        Rows of each pattern, (n_patterns,).
    mean
        Means of each pattern's rows, (n_patterns, p); 0 for an item it lacks.
    scatter
        Covariances of each pattern's rows about its own means, divided by its count,
        (n_patterns, p, p); 0 for items it lacks.
    """

    observed: NDArray[np.bool_]
    of_row: NDArray[np.intp]
    counts: Array
    mean: Array
    scatter: Array

    @property
    def n_rows(self) -> float:
        """Rows over all patterns."""
        return float(self.counts.sum())


def patterns_of(rows: Array) -> Patterns:
    """Sort rows (n, p), NaN for a missing answer, by their patterns."""
    present = ~np.isnan(rows)
    # One void a row, so that whole rows are compared at once.
    packed = np.ascontiguousarray(np.packbits(present, axis=1))
    keys = packed.view([("", packed.dtype)] * packed.shape[1])[:, 0]
    _, first, of_row = np.unique(keys, return_index=True, return_inverse=True)
    of_row = of_row.reshape(-1)
    order = np.argsort(of_row, kind="stable")
    counts = np.bincount(of_row)
    ends = np.cumsum(counts)
    filled = np.where(present, rows, 0.0)[order]
    mean = np.add.reduceat(filled, ends - counts, axis=0) / counts[:, None]
    scatter = np.zeros((len(counts), rows.shape[1], rows.shape[1]))
    for k, end in enumerate(ends):
        if counts[k] > 1:
            centred = (filled[end - counts[k] : end] - mean[k]) * present[first[k]]
            scatter[k] = centred.T @ centred / counts[k]
    return Patterns(present[first], of_row, counts.astype(float), mean, scatter)


@dataclass(frozen=True, eq=False)
class PatternLikelihood:
    """Log-likelihood of the rows of one group at given moments, and its derivatives.

    `inverse` are the P_j, `log_determinants` the ln|Sigma_j|, `residuals` the r_j.
    """

    patterns: Patterns
    inverse: Array
    log_determinants: Array
    residuals: Array

    @classmethod
    def at(cls, patterns: Patterns, moments: Implied) -> "PatternLikelihood | None":
        """Evaluate at means and covariances; None where these are not positive definite."""
        mask = patterns.observed
        both = mask[:, :, None] & mask[:, None, :]
        # An identity in place of what a pattern lacks lets all patterns be inverted together.
        padded = np.where(both, moments.sigma, np.eye(mask.shape[1]))
        try:
            root = np.linalg.cholesky(padded)
        except np.linalg.LinAlgError:
            return None
        diagonal = np.diagonal(root, axis1=1, axis2=2)
        half = np.empty_like(root)
        for k, own in enumerate(root):
            # Transposed, a matrix is in the order of LAPACK.
            half[k] = dtrtri(own.T)[0].T
        inverse = np.swapaxes(half, 1, 2) @ half
        np.einsum("jaa->ja", inverse)[~mask] = 0.0
        assert moments.mu is not None
        residuals = np.where(mask, patterns.mean - moments.mu, 0.0)
        return cls(patterns, inverse, 2 * np.log(diagonal).sum(axis=1), residuals)

    @cached_property
    def spread(self) -> Array:
        """S_j + r_j r_j', (n_patterns, p, p)."""
        outer = self.residuals[:, :, None] * self.residuals[:, None, :]
        return np.asarray(self.patterns.scatter + outer)

    @cached_property
    def pull(self) -> Array:
        """P_j r_j, (n_patterns, p)."""
        return np.asarray((self.inverse @ self.residuals[:, :, None])[:, :, 0])

    @cached_property
    def tension(self) -> Array:
        """T_j, (n_patterns, p, p)."""
        return np.asarray(self.inverse @ self.spread @ self.inverse)

    @cached_property
    def loglik(self) -> float:
        """Log-likelihood, its constant included."""
        n_items = self.patterns.observed.sum(axis=1)
        trace = np.einsum("jab,jab->j", self.inverse, self.spread)
        each = n_items * np.log(2 * np.pi) + self.log_determinants + trace
        return float(-0.5 * self.patterns.counts @ each)

    @cached_property
    def gradient(self) -> tuple[Array, Array]:
        """Mean over rows of the derivatives: g (p,) for mu, and G with d log L = tr(G d Sigma)."""
        shares = self.patterns.counts / self.patterns.n_rows
        centre = np.einsum("j,jab->ab", shares, self.tension - self.inverse)
        return shares @ self.pull, centre / 2

    def information(self, *, observed: bool) -> Array:
        """Information of (mu, vech Sigma) per row, (p + p*, p + p*).

        Minus the second derivatives, or (`observed` False) their expectation where answers are
        missing completely at random: mu and Sigma are then uninformative about each other.
        """
        shares = self.patterns.counts / self.patterns.n_rows
        p = len(self.residuals[0])
        left = self.tension - self.inverse / 2 if observed else self.inverse / 2
        weighted = (shares[:, None] * left.reshape(len(shares), -1)).T
        products = (weighted @ self.inverse.reshape(len(shares), -1)).reshape(p, p, p, p)
        a, b = vech_places(p)
        half = np.where(a == b, 0.5, 1.0)
        # tr(M E_ab P E_cd) with E_ab = e_a e_b' + e_b e_a' (halved on the diagonal)
        rows = products[a, :, b] + products[b, :, a]
        square = (rows[:, a, b] + rows[:, b, a]) * np.outer(half, half)
        total = np.zeros((p + len(a), p + len(a)))
        total[:p, :p] = np.einsum("j,jab->ab", shares, self.inverse)
        total[p:, p:] = square
        if observed:
            turning = np.einsum("j,jia,jb->iab", shares, self.inverse, self.pull, optimize=True)
            cross = (turning[:, a, b] + turning[:, b, a]) * half
            total[:p, p:], total[p:, :p] = cross, cross.T
        return total

    def size(self, moments: Implied) -> float:
        """Give m' I m of moments m = (mu, vech Sigma), with I the expected information."""
        shares = self.patterns.counts / self.patterns.n_rows
        turned = self.inverse @ moments.sigma
        found = float(shares @ (turned * np.swapaxes(turned, 1, 2)).sum(axis=(1, 2))) / 2
        if moments.mu is None:
            return found
        return found + float(shares @ ((self.inverse @ moments.mu) @ moments.mu))

    def weighted_rows(self, rows: Array, mu: Array) -> Array:
        """P_j (y_i - mu) of each row, (n, p); 0 for items it lacks."""
        centred = np.where(np.isnan(rows), 0.0, rows - mu)
        result = np.empty_like(centred)
        of_row = self.patterns.of_row
        order = np.argsort(of_row, kind="stable")
        ends = np.cumsum(self.patterns.counts.astype(int))
        for k, end in enumerate(ends):
            own = order[end - int(self.patterns.counts[k]) : end]
            result[own] = centred[own] @ self.inverse[k]
        return result
