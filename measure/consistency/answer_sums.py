"""Variance of a sum of answers whose latent responses are normal: what thresholds make of it.

An ordered item is a standard normal response y* cut at thresholds t_c; its answer rises by a step
w_c where y* passes t_c. Two answers then covary by

    cov(X_i, X_j) = sum_c sum_d w_c w_d [Phi2(t_c, t_d; r_ij) - Phi(t_c) Phi(t_d)]

(Green & Yang 2009, eq. 21, with w_c = 1 for answers 1, 2, 3, ...). A continuous item j is its
own response, so that cov(X_i, X_j) = s_ij sum_c w_c phi(t_c) with an ordered item i (Stein's
lemma), and s_ij with another continuous one.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.bivariate import bivariate_cdf, bivariate_density
from measure.distributions import normal_cdf

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


class SumVariance(NamedTuple):
    """Variance of a sum of answers, and its derivatives.

    `by_threshold` (T,), and `by_covariance` (p, p) so that the variance changes by the sum of
    `by_covariance` times the change of all entries of the covariance matrix, both triangles.
    """

    value: float
    by_threshold: Array
    by_covariance: Array


@dataclass(frozen=True, eq=False)
class Answers:
    """How the responses of p items become answers.

    Attributes
    ----------
    thresholds
        Standardised thresholds of the ordered items, (T,), ascending inside an item.
    items
        The item (0 to p - 1) of each threshold, (T,). Items without a threshold are continuous.
    steps
        By how much the answer rises at each threshold, (T,).
    n_items
        p.
    """

    thresholds: Array
    items: Indices
    steps: Array
    n_items: int

    @cached_property
    def ordered(self) -> NDArray[np.bool_]:
        """Which items have thresholds, (p,)."""
        return np.isin(np.arange(self.n_items), self.items)

    @cached_property
    def _heights(self) -> Array:
        """Normal density at each threshold, (T,)."""
        return np.asarray(np.exp(-(self.thresholds**2) / 2) / np.sqrt(2 * np.pi))

    @cached_property
    def _slopes(self) -> Array:
        """Covariance of each answer with its response, (p,)."""
        slopes = np.where(self.ordered, 0.0, 1.0)
        np.add.at(slopes, self.items, self.steps * self._heights)
        return slopes

    def restricted(self, chosen: Indices) -> "Answers":
        """Give the same for some of the items, in the order given."""
        place = np.full(self.n_items, -1)
        place[chosen] = np.arange(len(chosen))
        # Stable, so that the thresholds of an item stay in their order.
        own = np.flatnonzero(place[self.items] >= 0)
        own = own[np.argsort(place[self.items[own]], kind="stable")]
        return Answers(self.thresholds[own], place[self.items[own]], self.steps[own], len(chosen))

    def covariances(self, correlations: Array) -> Array:
        """Covariances of the answers themselves, (p, p), where all items are ordered.

        Parameters
        ----------
        correlations
            Correlations (p, p) of the responses.
        """
        t, w, items = self.thresholds, self.steps, self.items
        below = normal_cdf(t)
        r = correlations[np.ix_(items, items)]
        one = items[:, None] == items[None, :]
        both = bivariate_cdf(t[:, None], t[None, :], np.where(one, 0.0, r))
        both = np.where(one, np.minimum.outer(below, below), both)
        found = np.zeros((self.n_items, self.n_items))
        weighted = np.outer(w, w) * (both - np.outer(below, below))
        np.add.at(found, (items[:, None], items[None, :]), weighted)
        return found

    def variance(self, covariances: Array) -> SumVariance:
        """Variance of the sum.

        Parameters
        ----------
        covariances
            Covariances (p, p) of the responses: correlations among ordered items, whose diagonal
            is not looked at, and the variances of continuous ones.

        Returns
        -------
        SumVariance
            NaN where two ordered items correlate 1 or more.
        """
        return self._covariance(covariances, same=True)

    def true_variance(self, common: Array) -> SumVariance:
        """Covariance of the sum with that of a second, independent answering of the same items.

        This is the numerator of the reliability of the sum (Green & Yang 2009, eq. 21).

        Parameters
        ----------
        common
            The part (p, p) of the responses' covariances that both occasions share: its diagonal
            are the communalities of ordered items.

        Returns
        -------
        SumVariance
            NaN where an entry between ordered items is 1 or more in size.
        """
        return self._covariance(common, same=False)

    def _covariance(self, covariances: Array, *, same: bool) -> SumVariance:
        if not len(self.thresholds):
            return SumVariance(
                float(covariances.sum()), np.zeros(0), np.ones((self.n_items, self.n_items))
            )
        value, by_threshold, by_covariance = self._among_ordered(covariances, same=same)
        # With continuous items the covariance is linear in the responses'.
        linear = ~np.outer(self.ordered, self.ordered)
        weights = np.where(linear, np.outer(self._slopes, self._slopes), 0.0)
        value += float((weights * covariances).sum())
        reach = np.where(linear, covariances, 0.0) @ self._slopes
        turn = -2 * self.steps * self.thresholds * self._heights * reach[self.items]
        return SumVariance(value, by_threshold + turn, by_covariance + weights)

    def _among_ordered(self, covariances: Array, *, same: bool) -> tuple[float, Array, Array]:
        t, w, items = self.thresholds, self.steps, self.items
        r = covariances[np.ix_(items, items)]
        one = (items[:, None] == items[None, :]) if same else np.zeros(r.shape, dtype=bool)
        r = np.where(one, 0.0, r)
        if (np.abs(r) >= 1).any() or np.isnan(r).any():
            nothing = np.full((self.n_items, self.n_items), np.nan)
            return np.nan, np.full(len(t), np.nan), nothing
        first, second = t[:, None], t[None, :]
        both = bivariate_cdf(first, second, r)
        other = normal_cdf((second - r * first) / np.sqrt((1 - r) * (1 + r)))
        density = bivariate_density(first, second, r)
        if same:
            # One and the same response: below both thresholds is below the lower one.
            both = np.where(one, normal_cdf(np.minimum(first, second)), both)
            other = np.where(one, np.sign(second - first) / 2 + 0.5, other)
            density = np.where(one, 0.0, density)
        level = w @ normal_cdf(t)
        by_covariance = np.zeros((self.n_items, self.n_items))
        np.add.at(by_covariance, (items[:, None], items[None, :]), np.outer(w, w) * density)
        by_threshold = 2 * w * self._heights * (other @ w - level)
        return float(w @ both @ w - level**2), by_threshold, by_covariance
