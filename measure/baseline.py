"""The baseline model: variances and means are free, nothing covaries."""

from dataclasses import replace

from measure.chisquare import Statistic, independence, statistic
from measure.defaults import NAN
from measure.model import build as build_model
from measure.optimize import minimize
from measure.options import Method
from measure.problem import Problem
from measure.starts import from_sample
from measure.table import Parameter, ParameterTable


def baseline(problem: Problem, method: Method) -> Statistic:
    """Test the baseline model by the same estimator as the model itself.

    Covariances among exogenous observed variables, and those of auxiliary variables, stay in it: no
    model of the others explains them (as in lavaan; Savalei & Bentler 2009 for the latter).
    """
    table = problem.model.table
    simple = method.estimator.discrepancy == "ML" and not method.fiml and not table.auxiliary
    if simple and method.test in ("standard", "none"):
        chisq, df = independence(problem.moments, table.exogenous)
        return Statistic("standard", chisq, df)
    own = baseline_problem(problem)
    search = minimize(own, from_sample(own.model, list(problem.moments.sample)))
    return statistic(own.at(search.params), method, search.value)


def baseline_problem(problem: Problem) -> Problem:
    """The baseline model as a problem of its own, with the same data and discrepancy."""
    table, moments = problem.model.table, problem.moments
    rows = [
        row for group in range(1, table.n_groups + 1) for row in _rows(table, group, moments.names)
    ]
    nothing = replace(
        table,
        parameters=tuple(rows),
        latent=(),
        groups=replace(table.groups, equal=(), partial=()),
        ties=(),
        sums=(),
        constraints=(),
        definitions=(),
    )
    model = build_model(nothing, list(moments.sample), moments.names)
    return Problem(model, moments, problem.discrepancy)


def _rows(table: ParameterTable, group: int, names: tuple[str, ...]) -> list[Parameter]:
    def row(lhs: str, op: str, rhs: str) -> Parameter:
        given = {lhs, rhs or lhs} <= set(table.fixed_x)
        return Parameter(lhs, op, rhs, group, 1, "", not given, NAN, NAN, given, False)

    rows = [row(name, "~~", name) for name in names]
    for k, name in enumerate(names):
        for other in names[:k]:
            together = {name, other} <= set(table.exogenous)
            if together or {name, other} & set(table.auxiliary):
                rows.append(row(other, "~~", name))
    if table.meanstructure:
        rows += [row(name, "~1", "") for name in names]
    return rows
