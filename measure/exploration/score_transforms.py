"""Answers as step functions of normal scores, and what categorising does to correlations.

A score with the distribution of an item's answers is a step function of a standard normal value.
In Hermite polynomials of that value, the function has the coefficients c_k, and two items whose
normal values correlate r have scores that correlate by the sum of c_k d_k r^k (Mehler's formula;
Lancaster 1957). One normal correlation gives one correlation of the scores, with no simulation.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from measure.distributions import normal_quantile
from measure.moments.ordinal.tetrachoric_series import factors

Array = NDArray[np.float64]

# Halvings after which the correlation of normal values is known to the last digit.
HALVINGS = 52


@dataclass(frozen=True, eq=False)
class ScoreTransforms:
    """Items as functions of normal values.

    Attributes
    ----------
    answers
        Sorted answers of each item, (n_items, n_obs).
    coefficients
        Hermite coefficients of the standardised scores, orders 1, 2, ..., (n_items, n_orders).
    """

    answers: Array
    coefficients: Array

    @classmethod
    def of(cls, answers: Array) -> "ScoreTransforms":
        """Take the distributions of items from their answers, (n_obs, n_items), none missing."""
        return cls(
            np.sort(answers.T, axis=1), np.array([_coefficients(item) for item in answers.T])
        )

    def correlations(self, normal: Array) -> Array:
        """Correlations of the scores for those of the normal values, (n_items, n_items).

        Sizes of 1 on the diagonal stay.
        """
        result = np.zeros_like(normal)
        power = np.ones_like(normal)
        for order in self.coefficients.T:
            power = power * normal
            result += np.outer(order, order) * power
        np.fill_diagonal(result, 1.0)
        return result

    def same_item(self, correlation: Array) -> Array:
        """Correlations of normal values that give two scores of the same item these ones.

        Parameters
        ----------
        correlation
            For each item, at least 0 and below 1, (n_items,).
        """
        squared = self.coefficients**2
        orders = np.arange(1, squared.shape[1] + 1)
        low, high = np.zeros_like(correlation), np.ones_like(correlation)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            below = (squared * middle[:, None] ** orders).sum(axis=1) < correlation
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray((low + high) / 2)

    def scores(self, values: NDArray[Any]) -> Array:
        """Give the answers that normal values stand for, the lowest value the lowest answer.

        Parameters
        ----------
        values
            Normal values, (n_items, n_rows), of as many or more rows as there are answers; or
            what stands in their order. Equal ones are taken in the order of the rows.

        Returns
        -------
        Array
            (n_items, n_rows), each row with the distribution of the item's answers.
        """
        n_rows, n_answers = values.shape[1], self.answers.shape[1]
        # The middle of each of the n_rows parts of the distribution; all answers where n_rows is
        # their number.
        places = ((np.arange(n_rows) + 0.5) / n_rows * n_answers).astype(np.intp)
        result = np.empty(values.shape)
        order = np.argsort(values, axis=1, kind="stable")
        np.put_along_axis(result, order, self.answers[:, places], axis=1)
        return result


def _coefficients(item: Array) -> Array:
    scores, counts = np.unique(item, return_counts=True)
    share = counts / counts.sum()
    between = normal_quantile(np.cumsum(share)[:-1])
    limits = np.concatenate([[-np.inf], between, [np.inf]])
    centred = scores - share @ scores
    spread = np.sqrt(share @ centred**2)
    return np.asarray(centred @ factors(limits[None])[0] / spread)[1:]
