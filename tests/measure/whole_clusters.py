"""A two-level model by the whole covariance matrix of a cluster: slow, and hard to get wrong."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class WholeCluster:
    """The answers that one cluster has, as deviations `gap` from their means, and covariances `V`.

    `place` tells the variable of each answer among `levels.names`, `who` its row, -1 for one that
    belongs to the cluster.
    """

    gap: np.ndarray
    V: np.ndarray
    place: np.ndarray
    who: np.ndarray

    @classmethod
    def of(cls, levels, rows, within, between):
        """Lay out the rows (n, p) of a cluster, NaN for a missing answer, at moments of levels."""
        p, q, n = len(levels.names), len(levels.within.observed), len(rows)
        W, B = np.zeros((p, p)), np.zeros((p, p))
        W[:q, :q], B[levels.place(2), levels.place(2)] = within.sigma, between.sigma
        own = np.append(rows[:, :q].ravel(), rows[0, q:])
        place = np.append(np.tile(np.arange(q), n), np.arange(q, p))
        who = np.append(np.repeat(np.arange(n), q), np.full(p - q, -1))
        known = ~np.isnan(own)
        own, place, who = own[known], place[known], who[known]
        V = B[np.ix_(place, place)] + W[np.ix_(place, place)] * (who[:, None] == who)
        gap = own - levels.total_mean(within.mu, between.mu)[place]
        return cls(gap, V, place, who)

    @property
    def loglik(self):
        """Log-likelihood of the answers."""
        logs = np.linalg.slogdet(self.V)[1] + len(self.gap) * np.log(2 * np.pi)
        return -0.5 * (logs + self.gap @ np.linalg.solve(self.V, self.gap))

    def expectation(self, state, levels, factor):
        """Expectation of a factor given the answers, and its error; within of the first row."""
        level = state.block.level
        at = state.block.eta.index(factor)
        names = levels.order(level)
        there = [
            levels.names[k] in names and (level == 2 or w == 0)
            for k, w in zip(self.place, self.who, strict=True)
        ]
        c = np.array(
            [
                state.cross[names.index(levels.names[k]), at] if use else 0.0
                for k, use in zip(self.place, there, strict=True)
            ]
        )
        weights = np.linalg.solve(self.V, c)
        error = np.sqrt(state.covariance[at, at] - weights @ c)
        return state.eta_mean[at] + weights @ self.gap, error


def dense_loglik(levels, rows, of_row, within, between):
    """Log-likelihood of the rows (n, p) of clusters, one cluster at a time."""
    return sum(
        WholeCluster.of(levels, rows[of_row == j], within, between).loglik
        for j in np.unique(of_row)
    )
