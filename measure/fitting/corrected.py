"""Robust fit indices after full information maximum likelihood (Zhang & Savalei 2023).

The statistic of the likelihood of incomplete rows weighs misfit by what the gaps leave of it, so
that indices formed from it depend on how much is missing. The corrected ones are formed from the
complete-data discrepancy between the EM moments and those that the FIML estimates imply.
"""

import numpy as np
from numpy.typing import NDArray

from measure.chisquare import Statistic, modelled
from measure.estimators import RowLikelihood
from measure.estimators.ml import MaximumLikelihood
from measure.estimators.normal import weight as normal_weight
from measure.fitting.inference import inverse
from measure.fitting.problem import Point, Problem
from measure.moments import Moments

Array = NDArray[np.float64]


def corrected_for_missing(
    point: Point, null: Point, *, robust: bool
) -> tuple[Statistic, Statistic]:
    """Give the complete-data statistics of a model and of its baseline, with their means.

    With W_m and W_c the information of the saturated moments from incomplete and from complete
    rows and U = W_m - W_m D (D' W_m D)^-1 D' W_m the mean of the statistic is
    tr(W_c W_m^-1 U W_m^-1), or, where answers are not normal (`robust`),
    tr(U W_m^-1 W_c W_m^-1 U Gamma) with Gamma = W_m^-1 J W_m^-1 and J the products of scores
    (Zhang & Savalei 2023, the versions V6 and V3).

    Parameters
    ----------
    point, null
        The model and its baseline at their FIML estimates.
    robust
        Whether the mean allows for answers that are not normal.
    """
    weights = _Weights.of(point.problem, robust=robust)
    return weights.statistic(point), weights.statistic(null)


class _Weights:
    """Information of the saturated moments of all groups, stacked and weighted by their shares.

    Moments of fixed.x alone are left out of it: no model explains them. `keep` marks the others.
    """

    def __init__(
        self, matrices: tuple[Array, Array, Array | None], keep: NDArray[np.bool_]
    ) -> None:
        incomplete, complete, self.spread = matrices
        self.incomplete, self.keep = incomplete, keep
        self.inverse = np.linalg.inv(incomplete)
        self.middle = self.inverse @ complete @ self.inverse

    @classmethod
    def of(cls, problem: Problem, *, robust: bool) -> "_Weights":
        discrepancy, moments = problem.discrepancy, problem.moments
        assert isinstance(discrepancy, RowLikelihood)
        own_moments = modelled(moments, problem.model.table.fixed_x, means=True)
        keep = np.tile(own_moments, len(moments.n_obs))
        incomplete = _stack(discrepancy.saturated_information(), moments)
        complete = _stack([normal_weight(s.sigma, means=True) for s in moments.sample], moments)
        spread = None
        if robust:
            spread = _stack(discrepancy.saturated_products, moments)
        both = np.ix_(keep, keep)
        kept = None if spread is None else spread[both]
        return cls((incomplete[both], complete[both], kept), keep)

    def statistic(self, point: Point) -> Statistic:
        """Complete-data statistic of a model at its FIML estimates, with its mean."""
        problem = point.problem
        complete = MaximumLikelihood(problem.moments)
        at_implied = complete.at(point.implied)
        assert at_implied is not None
        chisq = problem.moments.scale * at_implied.value
        change = np.vstack(point.jacobians)[self.keep]
        weighted = self.incomplete @ change
        bread = inverse(change.T @ weighted, point.basis)
        if bread is None:
            return Statistic("corrected", chisq, problem.df)
        left = self.incomplete - weighted @ bread @ weighted.T
        if self.spread is None:
            mean = float(np.sum(self.middle * left))
        else:
            gamma = self.inverse @ self.spread @ self.inverse
            mean = float(np.sum((left @ self.middle @ left) * gamma))
        factor = mean / problem.df if problem.df else float("nan")
        return Statistic(
            "corrected",
            chisq,
            problem.df,
            chisq / factor if problem.df else float("nan"),
            problem.df,
            factor,
            trace=mean,
        )


def _stack(parts: list[Array], moments: Moments) -> Array:
    sizes = np.cumsum([0, *map(len, parts)])
    stacked = np.zeros((sizes[-1], sizes[-1]))
    for k, (share, part) in enumerate(zip(moments.weights, parts, strict=True)):
        place = slice(sizes[k], sizes[k + 1])
        stacked[place, place] = share * part
    return stacked
