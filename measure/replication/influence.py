"""How much each respondent, or cluster, moves the estimates: empirical influence values.

To first order the estimates are a sum over rows: with s_i the scores of row i, A the observed
information of a row and N the rows, row i moves the estimates by A^-1 s_i / N (Hampel 1974; for
means and covariance structures Yuan & Bentler 1998). What depends on the estimates moves by its
derivatives. No refit is needed, so that the cost does not grow with the number of rows squared.

With ordered items rows move thresholds and correlations, by IF_i / n, and these the estimates of
least squares, by (D'WD)^-1 D'W with D the derivatives of the moments and W their weights, taken as
given: D'W IF_i stands for the scores.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from measure.estimators import Likelihood
from measure.estimators.least_squares import weighted
from measure.fitting.assembly import build as build_model
from measure.fitting.inference import information, inverse
from measure.fitting.problem import Point, Problem
from measure.fitting.standardization import standardize
from measure.model import Model
from measure.moments import Moments
from measure.moments.asymptotic import spanning, sums_by_cluster
from measure.moments.ordinal import influences_of
from measure.moments.ordinal.influence_sums import pressed
from measure.specification.definitions import definitions
from measure.specification.levels import WITHIN

Array = NDArray[np.float64]


def influence(problem: Problem, row_values: Array) -> Array | None:
    """Influence of each unit on the estimates and on the standardised solution.

    Parameters
    ----------
    problem
        A model with the rows behind its moments, and a discrepancy that is a likelihood or, with
        ordered items, of least squares.
    row_values
        The solution: value of every row of the parameter table.

    Returns
    -------
    (n_units, 2 (n_rows + n_definitions)): every row of the table and every `:=` as estimated, then
    the same standardised (std.all). Units are rows, or clusters where there are some. Moments that
    fixed.x takes from the sample are estimates here, as they vary from sample to sample. None where
    the estimator has no likelihood or the information is singular.
    """
    problem, params = _freed(problem, row_values)
    point = problem.at(params)
    if problem.moments.ordinal is not None:
        bread = inverse(point.information, point.basis)
    elif isinstance(problem.discrepancy, Likelihood):
        bread = inverse(information(point, "observed"), point.basis)
    else:
        return None
    if bread is None:
        return None
    changes = _changes(problem.model, params)
    return _unit_scores(point) @ (bread @ changes.T / problem.moments.n_total)


def _freed(problem: Problem, row_values: Array) -> tuple[Problem, Array]:
    """Let the moments that fixed.x takes from the sample be parameters, with these as estimates.

    The means within clusters of variables at both levels are 0 in every sample, and stay.
    """
    table = problem.model.table
    centred = set() if table.levels is None else table.levels.both
    rows = tuple(
        row._replace(free=row.free or row.exogenous, exogenous=False)
        if not (row.op == "~1" and row.level == WITHIN and row.lhs in centred)
        else row
        for row in table.parameters
    )
    moments: Moments = problem.moments
    model = build_model(
        replace(table, parameters=rows, fixed_x=()), list(moments.sample), moments.block_names
    )
    elements = row_values[list(model.free_rows)]
    return Problem(model, moments, problem.discrepancy), elements[list(model.reduction.kept)]


def _changes(model: Model, params: Array) -> Array:
    """Derivatives of all quantities with respect to the elements."""
    free = list(model.free_rows)
    own = np.zeros((len(model.table.parameters), len(free)))
    own[free, range(len(free))] = 1.0
    _, slopes = definitions(model.table, model.row_values(params))
    return np.vstack([own, slopes[:, free], standardize(model, params).jacobian_all])


def _unit_scores(point: Point) -> Array:
    """Scores of rows, or their sums in clusters, as deviations from their group's mean."""
    clusters = point.problem.moments.clusters
    scores = _scores(point)
    if point.problem.moments.nested is not None:
        # Those of clusters already.
        return np.vstack([own - own.mean(axis=0) for own in scores])
    if clusters is not None and spanning(clusters):
        scores = [sums_by_cluster(np.vstack(scores), np.concatenate(clusters))]
    elif clusters is not None:
        scores = [sums_by_cluster(s, own) for s, own in zip(scores, clusters, strict=True)]
    return np.vstack([s - s.mean(axis=0) for s in scores])


def _scores(point: Point) -> list[Array]:
    """Scores of the rows of each group, (n, n_elements)."""
    discrepancy, moments = point.problem.discrepancy, point.problem.moments
    if isinstance(discrepancy, Likelihood):
        return discrepancy.scores(point.implied, point.derivatives)
    found = []
    groups = zip(
        influences_of(moments),
        moments.n_obs,
        discrepancy.weight(point.implied),
        point.jacobians,
        strict=True,
    )
    for influences, n, weight, jacobian in groups:
        found.append(pressed(influences, np.arange(n), weighted(weight, jacobian).T).T)
    return found
