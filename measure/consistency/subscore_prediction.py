"""How well true subscores are predicted from observed sums (Haberman 2008).

The true subscore t_j is predicted by linear regression from observed sums W's: from the subscore,
the total, both, or all subscores. With V the covariances of the observed subscores and T those of
the true ones, which differ on the diagonal only, the proportional reduction in mean squared error
is

    PRMSE = c'M^-1 c / T_jj,   c = W'T e_j,   M = W'V W,

the squared correlation of prediction and true subscore. A subscore has added value where its own
PRMSE, its reliability, exceeds that of the total.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# What the true subscore is predicted from, and the first less the second.
KINDS = ("prmse.s", "prmse.x", "prmse.sx", "prmse.all", "difference")


@dataclass(frozen=True, eq=False)
class SubscorePrediction:
    """All PRMSE as functions of the items' covariances.

    Attributes
    ----------
    belongs
        1 where the item is in the scale, (p, k).
    known
        Reliabilities, (k,); NaN for alpha, which is itself a function of the covariances.
    """

    belongs: Array
    known: Array

    def true_variances(self, S: Array) -> Array:
        """Of the subscores, (k,)."""
        Z = self.belongs
        sizes = Z.sum(axis=0)
        total, own = np.diag(Z.T @ S @ Z), np.diag(S) @ Z
        alpha = sizes / (sizes - 1) * (total - own)
        return np.asarray(np.where(np.isnan(self.known), alpha, self.known * total))

    def values(self, S: Array) -> Array:
        """All `KINDS` of the first scale, then of the next, (..., 5 k); NaN with T_jj <= 0."""
        if S.ndim > 2:
            return np.stack([self.values(one) for one in S])
        V, t = self.belongs.T @ S @ self.belongs, self.true_variances(S)
        found = []
        for j in range(len(t)):
            four = [self._prmse(V, t, j, W)[0] for W in self._weights(j)]
            found += [*four, four[0] - four[1]]
        return np.array(found)

    def slopes_by_scores(self, S: Array) -> tuple[Array, Array]:
        """Derivatives by V (5 k, k, k) and by the true variances (5 k, k)."""
        V, t = self.belongs.T @ S @ self.belongs, self.true_variances(S)
        k = len(t)
        by_V, by_t = np.zeros((5 * k, k, k)), np.zeros((5 * k, k))
        for j in range(k):
            for row, W in enumerate(self._weights(j)):
                value, reach = self._prmse(V, t, j, W)
                slope = -np.outer(reach, reach) / t[j]
                across = 2 * reach / t[j]
                by_t[5 * j + row, j] = across[j] - value / t[j]
                across[j] = 0.0
                slope[:, j] += across / 2
                slope[j] += across / 2
                by_V[5 * j + row] = slope
            by_V[5 * j + 4] = by_V[5 * j] - by_V[5 * j + 1]
            by_t[5 * j + 4] = by_t[5 * j] - by_t[5 * j + 1]
        return by_V, by_t

    def slopes(self, S: Array) -> Array:
        """Derivatives by the covariances of the items, (5 k, p, p), known reliabilities held."""
        by_V, by_t = self.slopes_by_scores(S)
        Z, sizes = self.belongs, self.belongs.sum(axis=0)
        # How the true variance of each scale moves with S.
        blocks = np.einsum("ij,kj->jik", Z, Z)
        off = blocks * (1 - np.eye(len(S))) * (sizes / (sizes - 1))[:, None, None]
        moved = np.where(
            np.isnan(self.known)[:, None, None], off, blocks * self.known[:, None, None]
        )
        return np.asarray(Z @ by_V @ Z.T + np.einsum("rj,jik->rik", by_t, moved))

    def _weights(self, j: int) -> list[Array]:
        k = self.belongs.shape[1]
        own, total = np.eye(k)[:, [j]], np.ones((k, 1))
        return [own, total, np.hstack([own, total]), np.eye(k)]

    def _prmse(self, V: Array, t: Array, j: int, W: Array) -> tuple[float, Array]:
        """PRMSE of t_j from W's, and W M^-1 c, the weights of the subscores."""
        if not t[j] > 0:
            return float("nan"), np.full(len(t), np.nan)
        target = V[:, j].copy()
        target[j] = t[j]
        c = W.T @ target
        try:
            weights = W @ np.linalg.solve(W.T @ V @ W, c)
        except np.linalg.LinAlgError:
            return float("nan"), np.full(len(t), np.nan)
        return float(weights @ target / t[j]), weights
