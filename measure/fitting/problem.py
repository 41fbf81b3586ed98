"""A model and the discrepancy that it is fitted by: a function of the parameters to minimise."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.estimators import Discrepancy, Evaluation, Likelihood
from measure.estimators.least_squares import LeastSquaresAt, jacobians
from measure.fitting.admissibility import improprieties
from measure.model import ACTIVE, Curvature, Derivatives, Implied, Model, State, Tied
from measure.moments import Moments
from measure.moments.asymptotic import mean_cross_products
from measure.moments.twolevel.gaps import GappyClusters

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Problem:
    """A discrepancy as a function of the parameters that are estimated."""

    model: Model
    moments: Moments
    discrepancy: Discrepancy

    def at(self, params: Array) -> "Point":
        """Evaluate the model at `params` (n_params,)."""
        return Point(self, params)

    @property
    def dear(self) -> bool:
        """Whether the exact Hessian costs many times what a slope does: see `minimize`."""
        return any(isinstance(own, GappyClusters) for own in self.moments.nested or ())

    @property
    def n_moments(self) -> int:
        """Number of moments of one group, those that fixed.x takes from the sample included."""
        layout, levels = self.moments.level_layout or self.moments.layout, self.model.table.levels
        if layout is not None:
            return layout.size
        if levels is not None:
            return moment_count_of_levels(levels.within.observed, levels.between.observed)
        return moment_count(len(self.moments.names), means=self.model.table.meanstructure)

    @property
    def df(self) -> int:
        """Degrees of freedom: moments that the model explains less free parameters."""
        table = self.model.table
        given = moment_count(len(table.fixed_x), means=table.meanstructure)
        if table.levels is not None:
            levels = table.levels
            given = moment_count_of_levels(
                levels.within.fixed_x, levels.between.fixed_x, levels.both
            )
        return (self.n_moments - given) * len(self.moments.n_obs) - self.model.n_free


@dataclass(frozen=True, eq=False)
class Point:
    """What a problem looks like at one value of its parameters; computed when asked for, once.

    Everything over elements is (..., n_elements): before constraints tie them together.
    """

    problem: Problem
    params: Array

    def __getstate__(self) -> dict[str, object]:
        """Leave out what has been computed: it is many times larger, and soon computed again."""
        return {"problem": self.problem, "params": self.params}

    @cached_property
    def states(self) -> list[State]:
        """Model matrices of each block."""
        return self.problem.model.states(self.params)

    @property
    def implied(self) -> list[Implied]:
        """Implied moments of each block."""
        return [state.implied for state in self.states]

    @cached_property
    def derivatives(self) -> list[Derivatives]:
        """Derivatives of the implied moments."""
        return self.problem.model.derivatives(self.states)

    @cached_property
    def curvatures(self) -> list[Curvature]:
        """Second derivatives of the implied moments."""
        return self.problem.model.curvatures(self.states, self.derivatives)

    @cached_property
    def evaluation(self) -> Evaluation | None:
        """The discrepancy here; None where it is not defined."""
        return self.problem.discrepancy.at(self.implied)

    @property
    def _defined(self) -> Evaluation:
        if self.evaluation is None:
            raise AssertionError("the discrepancy is not defined at these parameters")
        return self.evaluation

    @property
    def value(self) -> float:
        """The discrepancy; infinite where it is not defined."""
        return float("inf") if self.evaluation is None else self.evaluation.value

    @cached_property
    def information(self) -> Array:
        """Expected unit information over elements."""
        return self._defined.information(self.derivatives)

    @cached_property
    def _second(self) -> Array | None:
        return self._defined.hessian(self.derivatives, self.curvatures)

    @property
    def hessian(self) -> Array:
        """Second derivatives of the discrepancy over elements."""
        if self._second is None:
            raise AssertionError("second derivatives are not worked out for this model")
        return self._second

    @cached_property
    def gradient(self) -> Array:
        """First derivatives of the discrepancy over elements."""
        return self._defined.gradient(self.derivatives)

    @property
    def slope(self) -> Array:
        """First derivatives over the parameters (n_params,)."""
        return self.problem.model.reduction.reduce_gradient(self.gradient)

    @cached_property
    def tied(self) -> list[Tied] | None:
        """Derivatives of the moments of each block over the parameters.

        None where elements do more than follow parameters, or levels share moments.
        """
        ties = self.problem.model.ties
        if ties is None or self.problem.moments.levels is not None:
            return None
        return [d.tied(tie) for d, tie in zip(self.derivatives, ties, strict=True)]

    @cached_property
    def expected_curvature(self) -> Array:
        """Expected second derivatives over the parameters; positive semi-definite."""
        if isinstance(self.evaluation, LeastSquaresAt) and self.tied is not None:
            return 2 * self.evaluation.information_along(self.tied)
        return 2 * self.problem.model.reduction.reduce_matrix(self.information)

    @property
    def exact_curvature(self) -> Array | None:
        """Second derivatives over the parameters; None where they are not worked out."""
        if self._second is None:
            return None
        return self.problem.model.reduction.reduce_matrix(self._second)

    @cached_property
    def score_products(self) -> Array:
        """Mean outer product of the scores of the elements, of rows or of their sums in clusters.

        Of a two-level model clusters are the independent units.
        """
        discrepancy, moments = self.problem.discrepancy, self.problem.moments
        assert isinstance(discrepancy, Likelihood)
        scores = discrepancy.scores(self.implied, self.derivatives)
        if moments.nested is not None:
            return np.asarray(sum(own.T @ own for own in scores) / moments.n_total)
        return mean_cross_products(scores, moments.clusters)

    @cached_property
    def improprieties(self) -> list[str]:
        """What is impossible about the parameters, a sentence each."""
        return improprieties(self.problem.model, self.states)

    @property
    def bounds_reached(self) -> list[str]:
        """Inequalities of the model that hold as equations here, as they were written."""
        model = self.problem.model
        if not model.restrictions.positive:
            return []
        gaps, _ = model.restrictions.evaluate("positive", model.row_values(self.params))
        bounds = zip(model.restrictions.bounds, gaps, strict=True)
        return [text for text, gap in bounds if gap < ACTIVE]

    @cached_property
    def jacobians(self) -> list[Array]:
        """Derivatives of the vector of moments of each group over elements."""
        return jacobians(self.problem.moments, self.derivatives)

    @cached_property
    def basis(self) -> Array:
        """Directions (n_elements, n_free) in which the elements may move, all constraints kept."""
        return self.problem.model.tangent(self.params)

    def along(self, slopes: Array) -> Array:
        """Multiply derivatives over elements (..., n_elements) with `basis`, (..., n_free)."""
        model = self.problem.model
        return (
            slopes @ self.basis if model.restrictions else model.reduction.reduce_gradient(slopes)
        )

    def among(self, matrix: Array) -> Array:
        """Carry a quadratic form over elements to `basis`, (n_free, n_free)."""
        model = self.problem.model
        if model.restrictions:
            return np.asarray(self.basis.T @ matrix @ self.basis)
        return model.reduction.reduce_matrix(matrix)

    def covariance_of_elements(self, covariance: Array) -> Array:
        """Carry a covariance matrix along `basis` to the elements, (n_elements, n_elements)."""
        model = self.problem.model
        if model.restrictions:
            return np.asarray(self.basis @ covariance @ self.basis.T)
        return model.reduction.expand_covariance(covariance)

    def over_elements(self, moves: Array) -> Array:
        """Give moves along `basis`, (..., n_free), as those of the elements, (..., n_elements)."""
        model = self.problem.model
        return moves @ self.basis.T if model.restrictions else model.reduction.moved(moves)

    @cached_property
    def jacobians_along(self) -> list[Array]:
        """Derivatives of the vector of moments of each group along `basis`."""
        if self.tied is None or self.problem.model.restrictions:
            return [self.along(own) for own in self.jacobians]
        found = []
        for one in self.tied:
            whole = np.zeros((len(one.own_jacobian), one.tie.n_params))
            whole[:, one.tie.params] = one.own_jacobian
            found.append(whole)
        return found

    @cached_property
    def products_along(self) -> Array:
        """Inner products of the derivatives of all moments along `basis`, (n_free, n_free)."""
        if self.tied is None or self.problem.model.restrictions:
            return self.among(self._moment_products)
        total = np.zeros((len(self.params), len(self.params)))
        for one in self.tied:
            one.added(total, one.own_jacobian.T @ one.own_jacobian)
        return total

    @property
    def _moment_products(self) -> Array:
        """Inner products of the derivatives of all moments, over elements."""
        size = self.derivatives[0].u.shape[1]
        total = np.zeros((size, size))
        if self.problem.moments.level_layout is not None:
            for slopes in self.jacobians:
                total += slopes.T @ slopes
            return total
        for d in self.derivatives:
            d.added(total, d.own_jacobian.T @ d.own_jacobian)
        return total


def moment_count(p: int, *, means: bool) -> int:
    """Number of moments of p continuous variables."""
    return p * (p + 1) // 2 + (p if means else 0)


def moment_count_of_levels(
    within: Sequence[str], between: Sequence[str], both: Collection[str] | None = None
) -> int:
    """Number of moments of continuous variables within clusters and between them.

    The means of variables that the model has at both levels (`both`, by default all that are named
    twice) stand between clusters.
    """
    shared = set(within) & set(between) if both is None else set(both)
    means = [*(x for x in within if x not in shared), *between]
    covariances = sum(moment_count(len(names), means=False) for names in (within, between))
    return covariances + len(means)
