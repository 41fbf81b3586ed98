"""Influence of rows on polyserial covariances.

See `category_influence` for the formula.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.moments.ordinal.continuous_pairs import Scales
from measure.moments.ordinal.correlation_search import determined
from measure.moments.ordinal.kinds import Pairs
from measure.moments.ordinal.polyserial import Answers, Given

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MixedInfluence:
    """Influence on polyserial covariances.

    `products` (n_pairs, 2): A21 for mean and variance; `cells` (n_pairs, width + 1): A21 f for the
    thresholds, by category; `info` (n_pairs,): a22.
    """

    rho: Array
    pairs: Pairs
    products: Array
    cells: Array
    info: Array

    @classmethod
    def of(
        cls, answers: Answers, rho: Array, scales: Scales, thresholds: Array, *, observed: bool
    ) -> "MixedInfluence":
        """Add up the information over all rows.

        Parameters
        ----------
        answers, rho
            The pairs and their correlations.
        scales
            Means and variances of the continuous variables.
        thresholds
            Influence on the thresholds, (n_ordered, width - 1, width + 1).
        observed
            Whether the information is minus the derivatives of the scores, or products of scores.
        """
        n = answers.z.shape[1]
        total = _Sums(len(rho), answers.limits.shape[1] - 1)
        for chunk in answers.chunks():
            total.add(Given(chunk, rho), observed=observed)
        sd = scales.sd[answers.pairs.second]
        products = total.products / n / np.stack([sd, sd**2], axis=1)
        on_thresholds = (total.upper[:, :-1] - total.lower[:, 1:]) / n
        cells = (on_thresholds[:, None] @ thresholds[answers.pairs.first])[:, 0]
        info = np.where((total.info > 0) & ~determined(rho), total.info / n, np.nan)
        return cls(rho, answers.pairs, products, cells, info)

    def rows(self, answers: Answers, scales: Scales, moved: Array) -> Array:
        """Influence of rows on covariances, (n_pairs, n), given that on means and variances."""
        given = Given(answers, self.rho)
        first, second = self.pairs.first, self.pairs.second
        codes = answers.codes[first]
        on_rho = given.scores - self.cells[np.arange(len(first))[:, None], codes]
        on_rho -= np.einsum("pk,pkn->pn", self.products, moved[second])
        on_rho /= self.info[:, None]
        sd = scales.sd[second][:, None]
        return np.asarray(sd * on_rho + self.rho[:, None] / (2 * sd) * moved[second, 1])


class _Sums:
    """Sums over rows of the information about rho: its own, and what it shares.

    `products` is shared with mean and variance; `upper` and `lower`, by category, with the
    threshold above and below it.
    """

    def __init__(self, n_pairs: int, width: int) -> None:
        self.info, self.products = np.zeros(n_pairs), np.zeros((n_pairs, 2))
        self.upper, self.lower = np.zeros((n_pairs, width)), np.zeros((n_pairs, width))

    def add(self, given: Given, *, observed: bool) -> None:
        """Take in some rows."""
        scores = given.scores
        if observed:
            self.info -= given.likelihoods.hessian
            bend, edges = given.bends
            self.products += np.stack([bend.sum(axis=1), (bend * given.z / 2).sum(axis=1)], axis=1)
        else:
            self.info += (scores**2).sum(axis=1)
            shared = [(scores * other).sum(axis=1) for other in given.value_scores]
            self.products += np.stack(shared, axis=1)
            edges = scores * given.edges[0], scores * given.edges[1]
        n_pairs, width = self.upper.shape
        place = (given.categories + np.arange(n_pairs)[:, None] * width).ravel()
        for total, edge in zip((self.upper, self.lower), edges, strict=True):
            counted = np.bincount(place, edge.ravel(), n_pairs * width)
            total += counted.reshape(n_pairs, width)
