"""What a general factor and group factors make of a sum: omega, ECV, H, with their derivatives.

The items (of ordered items the latent responses) are uncorrelated factors of variance 1, times
loadings, plus residuals. The sum over a set of items then owes V(C) of its variance V(S) to factors
that contribute C = sum of l l' to the covariances S, where V adds up all entries, or goes from
latent responses to answers (`answer_sums`). Of all items and the general factor g, and of the items
of a group factor s:

    omega_t  V(all factors) / V(S)         McDonald (1999); Revelle & Zinbarg (2009)
    omega_h  V(g or s alone) / V(S)        Zinbarg, Revelle, Yovel & Li (2005); of s Reise (2012)
    ecv      share of g or s in the explained variance of the standardised items (Reise, Moore &
             Haviland 2010)
    h        1 / (1 + 1 / sum of l^2 / (1 - l^2)), l standardised: how well an optimally weighted
             sum would do (Hancock & Mueller 2001)

References
----------
Flora, D. B. (2020). Your coefficient alpha is probably wrong, but which coefficient omega is right?
Advances in Methods and Practices in Psychological Science, 3, 484-501. (omega_h of ordered items)
Rodriguez, A., Reise, S. P., & Haviland, M. G. (2016). Evaluating bifactor models. Psychological
Methods, 21, 137-150.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.consistency.answer_sums import Answers, SumVariance

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


class Slope(NamedTuple):
    """Derivatives of one index.

    By the loadings (p, k), by the covariances (p, p; the sum of these times the change of all
    entries) and by the thresholds (T,).
    """

    loadings: Array
    covariances: Array
    thresholds: Array


@dataclass(frozen=True, eq=False)
class GeneralFactor:
    """Uncorrelated factors of variance 1, the general one first, and the sums that are judged.

    Attributes
    ----------
    names
        The factors.
    loadings
        Items × factors, (p, k), in the units of the items or of their latent responses.
    covariances
        Of the items or the latent responses, (p, p).
    answers
        How responses become answers.
    members
        Of each factor the items whose sum is judged, ascending; of the first all of them.
    """

    names: tuple[str, ...]
    loadings: Array
    covariances: Array
    answers: Answers
    members: tuple[Indices, ...]

    @property
    def labels(self) -> list[tuple[str, str]]:
        """Factor and name of each index, in the order of `values`."""
        kinds = ("omega_t", "omega_h", "ecv", "h") if len(self.names) > 1 else ("omega_t", "h")
        return [(name, kind) for name in self.names for kind in kinds]

    @cached_property
    def values(self) -> Array:
        """All indices; NaN where one is not defined."""
        return np.array([self._value(self.names.index(f), kind) for f, kind in self.labels])

    @cached_property
    def slopes(self) -> list[Slope]:
        """Derivatives of all indices."""
        return [self._slope(self.names.index(f), kind) for f, kind in self.labels]

    @property
    def puc(self) -> float:
        """Share of the pairs of items that have no group factor in common.

        Correlations of such pairs are due to the general factor alone (Bonifay, Reise, Scheines &
        Meijer 2015). NaN without group factors.
        """
        if len(self.names) == 1:
            return float("nan")
        together = self._belongs[:, 1:].astype(float) @ self._belongs[:, 1:].T > 0
        pairs = np.triu_indices(len(together), 1)
        return float(1 - together[pairs].mean())

    @property
    def determinacy(self) -> Array:
        """Correlation of each factor with its regression score, (k,).

        The root of the diagonal of L'S^-1 L (Guttman 1955; Beauducel 2011); NaN where the
        covariances cannot be inverted.
        """
        try:
            explained = np.linalg.solve(self.covariances, self.loadings)
        except np.linalg.LinAlgError:
            return np.full(len(self.names), np.nan)
        squares = (self.loadings * explained).sum(axis=0)
        return np.sqrt(np.where((squares >= 0) & (squares <= 1 + 1e-9), squares, np.nan))

    @cached_property
    def standardized(self) -> Array:
        """Standardised loadings, (p, k)."""
        return np.asarray(self.loadings / np.sqrt(np.diag(self.covariances))[:, None])

    @cached_property
    def _belongs(self) -> NDArray[np.bool_]:
        belongs = np.zeros(self.loadings.shape, dtype=bool)
        for factor, own in enumerate(self.members):
            belongs[own, factor] = True
        return belongs

    def _value(self, factor: int, kind: str) -> float:
        if not len(self.members[factor]):
            return float("nan")
        total, every, alone = self._sums[factor]
        if kind == "omega_t":
            return every.value / total.value
        if kind == "omega_h":
            return alone.value / total.value
        squares = self.standardized**2
        if kind == "ecv":
            inside = squares[self.members[factor]]
            return float(inside[:, factor].sum() / inside.sum())
        own = squares[:, factor]
        if (own >= 1).any():
            return float("nan")
        ratio = float((own / (1 - own)).sum())
        return ratio / (1 + ratio)

    def _slope(self, factor: int, kind: str) -> Slope:
        if not len(self.members[factor]):
            shapes = (self.loadings.shape, self.covariances.shape, self.answers.thresholds.shape)
            return Slope(*(np.full(shape, np.nan) for shape in shapes))
        if kind.startswith("omega"):
            return self._omega_slope(factor, alone=kind == "omega_h")
        squares = self.standardized**2
        # By the squared standardised loadings first.
        if kind == "ecv":
            own = self.members[factor]
            total = squares[own].sum()
            by_square = np.zeros_like(squares)
            by_square[own] = -squares[own, factor].sum() / total**2
            by_square[own, factor] += 1 / total
        else:
            by_square = np.zeros_like(squares)
            value, left = self._value(factor, "h"), 1 - squares[:, factor]
            by_square[:, factor] = (1 - value) ** 2 / left**2
        variances = np.diag(self.covariances)
        by_loading = 2 * by_square * self.loadings / variances[:, None]
        by_variance = -(by_square * squares).sum(axis=1) / variances
        return Slope(by_loading, np.diag(by_variance), np.zeros(len(self.answers.thresholds)))

    def _omega_slope(self, factor: int, *, alone: bool) -> Slope:
        own = self.members[factor]
        total, every, one = self._sums[factor]
        true = one if alone else every
        omega = true.value / total.value
        columns = [factor] if alone else range(len(self.names))
        by_loading = np.zeros(self.loadings.shape)
        for column in columns:
            moved = 2 * true.by_covariance @ self.loadings[own, column]
            by_loading[own, column] = moved / total.value
        by_covariance = np.zeros(self.covariances.shape)
        by_covariance[np.ix_(own, own)] = -omega * total.by_covariance / total.value
        by_threshold = np.zeros(len(self.answers.thresholds))
        here = np.isin(self.answers.items, own)
        by_threshold[here] = (true.by_threshold - omega * total.by_threshold) / total.value
        return Slope(by_loading, by_covariance, by_threshold)

    @cached_property
    def _sums(self) -> list[tuple[SumVariance, SumVariance, SumVariance]]:
        """Of the items of each factor the variance of the sum, and what all and one explain."""
        found = []
        for factor, own in enumerate(self.members):
            L, answers = self.loadings[own], self.answers.restricted(own)
            total = answers.variance(self.covariances[np.ix_(own, own)])
            alone = np.outer(L[:, factor], L[:, factor])
            found.append((total, answers.true_variance(L @ L.T), answers.true_variance(alone)))
        return found


def continuous(n_items: int) -> Answers:
    """Items that are their own responses."""
    nothing = np.zeros(0)
    return Answers(nothing, np.zeros(0, dtype=np.intp), nothing, n_items)
