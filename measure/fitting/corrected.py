"""Robust fit indices after full information maximum likelihood (Zhang & Savalei 2023).

The statistic of the likelihood of incomplete rows weighs misfit by what the gaps leave of it, so
that indices formed from it depend on how much is missing. The corrected ones are formed from the
complete-data discrepancy between the EM moments and those that the FIML estimates imply.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray

from measure.chisquare import Statistic, modelled
from measure.estimators import RowLikelihood
from measure.estimators.fiml import FullInformation
from measure.estimators.ml import MaximumLikelihood
from measure.estimators.normal import weight as normal_weight
from measure.estimators.normal import weighted_products
from measure.fitting.inference import inverse
from measure.fitting.problem import Point, Problem

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
    weights = _weights(point.problem, robust=robust)
    return weights.statistic(point), weights.of_null(null)


def _weights(problem: Problem, *, robust: bool) -> "_Weights":
    """Give the information of the saturated moments, which models of the same moments share."""
    discrepancy = problem.discrepancy
    if not isinstance(discrepancy, FullInformation):
        return _Weights.of(problem, robust=robust)
    key = (_Weights, problem.model.table.fixed_x, robust)
    if key not in discrepancy.kept:
        discrepancy.kept[key] = _Weights.of(problem, robust=robust)
    return cast(_Weights, discrepancy.kept[key])


@dataclass(frozen=True)
class _Weights:
    """Information of the saturated moments of each group, weighted by its share.

    Attributes
    ----------
    incomplete, complete
        W_m and W_c of each group. Moments of fixed.x alone are left out: no model explains them.
    products
        J of each group; None where normal answers are assumed.
    keep
        Marks the moments that are not left out, those of a group.
    """

    incomplete: tuple[Array, ...]
    complete: tuple[Array, ...]
    products: tuple[Array, ...] | None
    keep: NDArray[np.bool_]

    @classmethod
    def of(cls, problem: Problem, *, robust: bool) -> "_Weights":
        discrepancy, moments = problem.discrepancy, problem.moments
        assert isinstance(discrepancy, RowLikelihood)
        keep = modelled(moments, problem.model.table.fixed_x, means=True)

        def weighted(parts: Sequence[Array]) -> tuple[Array, ...]:
            pairs = zip(moments.weights, parts, strict=True)
            return tuple(share * part[np.ix_(keep, keep)] for share, part in pairs)

        return cls(
            weighted(discrepancy.saturated_information()),
            weighted([normal_weight(s.sigma, means=True) for s in moments.sample]),
            weighted(discrepancy.saturated_products) if robust else None,
            keep,
        )

    @cached_property
    def solved(self) -> tuple[Array, ...]:
        """W_m^-1 W_c of each group."""
        pairs = zip(self.incomplete, self.complete, strict=True)
        return tuple(_solved(own, complete) for own, complete in pairs)

    @cached_property
    def crossed(self) -> tuple[Array, ...]:
        """W_c W_m^-1 J of each group."""
        assert self.products is not None
        pairs = zip(self.solved, self.products, strict=True)
        return tuple(own.T @ products for own, products in pairs)

    @cached_property
    def saturated(self) -> float:
        """The mean with nothing estimated: tr(W_c W_m^-1), or tr(W_c W_m^-1 J W_m^-1)."""
        if self.products is None:
            return sum(float(np.trace(own)) for own in self.solved)
        return sum(
            float(np.sum(own * _solved(weight, product).T))
            for own, weight, product in zip(
                self.solved, self.incomplete, self.products, strict=True
            )
        )

    def of_null(self, null: Point) -> Statistic:
        """Give the same of a baseline model, of incomplete rows once for all models of them."""
        discrepancy = null.problem.discrepancy
        if not isinstance(discrepancy, FullInformation):
            return self.statistic(null)
        key = (_Weights.of_null, self.products is None, null.problem.model.table.parameters)
        if key not in discrepancy.kept:
            discrepancy.kept[key] = self.statistic(null)
        return cast(Statistic, discrepancy.kept[key])

    def statistic(self, point: Point) -> Statistic:
        """Complete-data statistic of a model at its FIML estimates, with its mean.

        With B = (D' W_m D)^-1 the trace of U, multiplied out, needs of the saturated moments only
        what lies within groups: less tr(B D' W_c D), or less 2 tr(B D' W_c W_m^-1 J D) and plus
        tr(B D' W_c D B D' J D), than with nothing estimated.
        """
        problem = point.problem
        complete = MaximumLikelihood(problem.moments)
        at_implied = complete.at(point.implied)
        assert at_implied is not None
        chisq = problem.moments.scale * at_implied.value
        changes = [one[self.keep] for one in point.jacobians_along]
        bread = inverse(_between(changes, self.incomplete))
        if bread is None:
            return Statistic("corrected", chisq, problem.df)
        by_complete = bread @ _between(changes, self.complete)
        if self.products is None:
            mean = self.saturated - float(np.trace(by_complete))
        else:
            both = bread @ _between(changes, self.crossed)
            by_products = bread @ _between(changes, self.products)
            mean = self.saturated - 2 * float(np.trace(both))
            mean += float(np.sum(by_complete * by_products.T))
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


def _solved(weight: Array, other: Array) -> Array:
    return np.asarray(np.linalg.solve(weight, other), dtype=float)


def _between(changes: Sequence[Array], weights: Sequence[Array]) -> Array:
    """Sum D' W D over groups."""
    pairs = zip(changes, weights, strict=True)
    return np.asarray(sum(weighted_products(change, weight) for change, weight in pairs))
