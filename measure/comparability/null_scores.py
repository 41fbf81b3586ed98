"""What each respondent or cluster adds to the score of a step, taken where the step holds.

The test of an equality asks how far a score lies from 0, against how much it varies if the equality
holds. Scores that are taken at the moments of the step add up to the one and their squares to the
other, both under the hypothesis (Boos 1992; Cameron, Gelbach & Miller 2008, Review of
Economics and Statistics 90, 414-427, on imposing it). An asymptotic covariance of the moments of
each group is not of this kind: it is taken at the group's own moments, where a rare category that
happens to be rarer still seems to be known better, so that the test goes wrong in the tail.
"""

import numpy as np
from numpy.typing import NDArray

from measure.estimators import Likelihood
from measure.estimators.least_squares import LeastSquares, weighted
from measure.fitting.problem import Point
from measure.moments.asymptotic import moment_contributions, sums_by_cluster
from measure.moments.ordinal import influences_at
from measure.moments.ordinal.influence_sums import pressed

Array = NDArray[np.float64]


def null_scores(point: Point, directions: Array) -> Array:
    """Scores of rows, or their sums in clusters, along directions, at the moments of a point.

    Of a likelihood these are its scores. Of a distance D'W(s - sigma) they are D'W times the
    deviations of the rows from sigma, those of ordered items to first order (`ordinal.supposed`).

    Parameters
    ----------
    point
        Where the scores are taken.
    directions
        Of the elements, (n_elements, k).

    Returns
    -------
    Array
        (k, n_rows) or (k, n_clusters).
    """
    clusters = point.problem.moments.clusters
    rows = np.hstack(_of_rows(point, directions))
    return rows if clusters is None else sums_by_cluster(rows.T, np.concatenate(clusters)).T


def _of_rows(point: Point, directions: Array) -> list[Array]:
    discrepancy, moments = point.problem.discrepancy, point.problem.moments
    if isinstance(discrepancy, Likelihood):
        scores = discrepancy.scores(point.implied, point.derivatives)
        return [directions.T @ own.T for own in scores]
    pairs = zip(discrepancy.weight(point.implied), point.jacobians, strict=True)
    pulls = [weighted(weight, jacobian @ directions).T for weight, jacobian in pairs]
    if moments.ordinal is not None:
        groups = zip(influences_at(moments, point.implied), moments.n_obs, pulls, strict=True)
        return [pressed(influences, np.arange(n), pull) for influences, n, pull in groups]
    assert isinstance(discrepancy, LeastSquares)
    parts = moment_contributions(moments, means=point.problem.model.table.meanstructure)
    found = []
    samples, models = discrepancy.vectors(moments.sample), discrepancy.vectors(point.implied)
    for own, sample, model, pull in zip(parts, samples, models, pulls, strict=True):
        found.append(pull @ (own + sample - model).T)
    return found
