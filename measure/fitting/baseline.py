"""The baseline model: variances and means are free, nothing covaries."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from measure.chisquare import Statistic, Traces, independence, projected, rooted, scaled, statistic
from measure.errors import ConvergenceError
from measure.estimators.fiml import FullInformation
from measure.fitting.assembly import build as build_model
from measure.fitting.inference import weigh
from measure.fitting.problem import Point, Problem
from measure.fitting.starts import from_sample
from measure.model import Implied, level_vector, moment_vector
from measure.moments import Categories, Moments
from measure.optimize import minimize
from measure.specification.defaults import NAN
from measure.specification.levels import BETWEEN, WITHIN
from measure.specification.options import Method
from measure.specification.table import Parameter, ParameterTable

Array = NDArray[np.float64]


def closed_form(problem: Problem, method: Method) -> Statistic | None:
    """Test the baseline model without a search; None where there is no closed form."""
    if problem.moments.level_layout is not None:
        return independent_levels(problem, method)
    if problem.moments.layout is not None:
        return _independent_answers(problem, method)
    table = problem.model.table
    if table.levels is not None:
        return None
    simple = method.estimator.discrepancy == "ML" and not method.fiml and not table.auxiliary
    if not simple or method.test not in ("standard", "none"):
        return None
    chisq, df = independence(problem.moments, table.exogenous)
    return Statistic("standard", chisq, df)


def _independent_answers(problem: Problem, method: Method) -> Statistic:
    """Test that nothing covaries, with ordered items: all other moments fit exactly.

    What is left of the weight of the covariances once the other moments are free is
    W_cc - W_cf W_ff^-1 W_fc. Covariances among observed predictors are free.
    """
    moments, layout = problem.moments, problem.moments.layout
    assert layout is not None
    assert moments.ordinal is not None
    x = np.array([name in problem.model.table.exogenous for name in moments.names])
    tested = layout.is_covariance.copy()
    tested[layout.is_covariance] = ~(x[layout.pairs[0]] & x[layout.pairs[1]])
    own, gaps = [], []
    for share, weight, sample in zip(
        moments.shares, problem.discrepancy.weight([]), moments.sample, strict=True
    ):
        if weight.ndim == 1:
            own.append(share * weight[tested])
        else:
            across = weight[np.ix_(tested, ~tested)]
            rest = np.linalg.solve(weight[np.ix_(~tested, ~tested)], across.T)
            own.append(share * (weight[np.ix_(tested, tested)] - across @ rest))
        gaps.append(moment_vector(sample, means=True, layout=layout)[tested])
    gap = np.concatenate(gaps)
    chisq, df = moments.scale * float(gap @ weigh(own, gap)), len(gap)
    if method.test in ("standard", "none"):
        return Statistic("standard", chisq, df)
    keep = np.tile(tested, len(moments.n_obs))
    return scaled(method.test, chisq, df, _unexplained(moments.ordinal, own, keep))


def _unexplained(answers: Categories, own: Sequence[Array], tested: NDArray[np.bool_]) -> Traces:
    """Traces of the weights times the covariance of the moments that are tested."""
    nothing, none = np.zeros((int(tested.sum()), 0)), np.zeros((0, 0))
    if answers.root is not None:
        return rooted(own, nothing, none, answers.root[tested])
    return projected(own, nothing, none, answers.gamma[np.ix_(tested, tested)])


def independent_levels(
    problem: Problem, method: Method, levels: Collection[int] = (WITHIN, BETWEEN)
) -> Statistic:
    """Test that nothing covaries at some levels, with ordered items: the rest fits exactly.

    Weights are diagonal, so that moments which fit do not matter to the others.
    """
    moments, layout = problem.moments, problem.moments.level_layout
    assert layout is not None
    assert moments.ordinal is not None
    (weight,), (within, between) = problem.discrepancy.weight([]), moments.sample
    tested = np.zeros(layout.size, dtype=bool)
    for level, place in ((WITHIN, layout.sections[2]), (BETWEEN, layout.sections[3])):
        tested[place] = level in levels
    gap, own = level_vector(layout, within, between)[tested], [weight[tested]]
    chisq, df = moments.scale * float(gap @ weigh(own, gap)), len(gap)
    if method.test in ("standard", "none"):
        return Statistic("standard", chisq, df)
    return scaled(method.test, chisq, df, _unexplained(moments.ordinal, own, tested))


def baseline_point(problem: Problem) -> Point:
    """Fit the baseline model by the same estimator as the model itself.

    Covariances among exogenous observed variables, and those of auxiliary variables, stay in it: no
    model of the others explains them (as in lavaan; Savalei & Bentler 2009 for the latter).

    Raises
    ------
    ConvergenceError
        Where the search finds no minimum.
    """
    discrepancy, own = problem.discrepancy, baseline_problem(problem)
    if not isinstance(discrepancy, FullInformation):
        return _searched(own)
    # Of incomplete rows it takes as long as the model, and is that of all models of the same rows.
    key = (baseline_point, own.model.table.parameters)
    if key not in discrepancy.kept:
        discrepancy.kept[key] = _searched(own)
    return cast(Point, discrepancy.kept[key])


def baseline_statistic(point: Point, method: Method) -> Statistic:
    """Test a baseline model, of incomplete rows once for all models of the same rows."""
    discrepancy = point.problem.discrepancy
    if not isinstance(discrepancy, FullInformation):
        return statistic(point, method, point.value)
    key = (baseline_statistic, point.problem.model.table.parameters, method)
    if key not in discrepancy.kept:
        discrepancy.kept[key] = statistic(point, method, point.value)
    return cast(Statistic, discrepancy.kept[key])


def _searched(own: Problem) -> Point:
    search = minimize(own, from_sample(own.model, _alone(own.moments)), dear=own.dear)
    if not search.converged:
        raise ConvergenceError(f"the baseline model did not converge: {search.message}.", None)
    return own.at(search.params)


def _alone(moments: Moments) -> list[Implied]:
    """Sample moments, but each variance and mean from all the answers that the item has.

    For incomplete answers these are the estimates of a model in which nothing covaries.
    """
    if moments.patterns is None:
        return list(moments.sample)
    found = []
    for sample, patterns in zip(moments.sample, moments.patterns, strict=True):
        weight = patterns.observed * patterns.counts[:, None]
        total = weight.sum(axis=0)
        mean = (weight * patterns.mean).sum(axis=0) / total
        own = np.diagonal(patterns.scatter, axis1=1, axis2=2) + (patterns.mean - mean) ** 2
        sigma = sample.sigma.copy()
        np.fill_diagonal(sigma, (weight * own).sum(axis=0) / total)
        found.append(Implied(mean, sigma))
    return found


def baseline_problem(problem: Problem) -> Problem:
    """The baseline model as a problem of its own, with the same data and discrepancy."""
    moments = problem.moments
    nothing = baseline_table(problem.model.table, moments.block_names)
    model = build_model(nothing, list(moments.sample), moments.block_names)
    return Problem(model, moments, problem.discrepancy)


def baseline_table(table: ParameterTable, names: Sequence[tuple[str, ...]]) -> ParameterTable:
    """Give the table of the baseline model of a model, with the variables of each block."""
    places = [(g, n) for g in range(1, table.n_groups + 1) for n in range(1, table.n_levels + 1)]
    rows = [
        row for place, own in zip(places, names, strict=True) for row in _rows(table, place, own)
    ]
    return replace(
        table,
        parameters=tuple(rows),
        latent=(),
        groups=replace(table.groups, equal=(), partial=()),
        ties=(),
        sums=(),
        constraints=(),
        definitions=(),
    )


def _rows(table: ParameterTable, place: tuple[int, int], names: tuple[str, ...]) -> list[Parameter]:
    group, level = place
    own = table.at_level(level)

    def row(lhs: str, op: str, rhs: str, *, free: bool = True) -> Parameter:
        given = {lhs, rhs or lhs} <= set(own.fixed_x)
        value = NAN if free or given else 0.0
        free = free and not given
        return Parameter(lhs, op, rhs, group, level, "", free, value, NAN, given, False)

    rows = [row(name, "~~", name) for name in names]
    for k, name in enumerate(names):
        for other in names[:k]:
            together = {name, other} <= set(own.exogenous)
            if together or {name, other} & set(table.auxiliary):
                rows.append(row(other, "~~", name))
    if table.meanstructure:
        # Of a variable at two levels the mean stands between clusters.
        elsewhere = set() if table.levels is None or level == BETWEEN else table.levels.both
        rows += [row(name, "~1", "", free=name not in elsewhere) for name in names]
    return rows
