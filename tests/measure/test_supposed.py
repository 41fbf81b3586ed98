"""Influences of answers at moments that a model implies, and the scores that they make up."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import measure
from measure.comparability.null_scores import null_scores
from measure.model import Implied
from measure.moments.ordinal import estimates, from_rows, gamma_of, influences_at
from measure.moments.ordinal.codes import coded
from measure.moments.ordinal.supposed import supposed
from measure.moments.rows import rows_of
from tests.measure.test_category_moments import ORDERED, answers
from tests.reference_cases import data

STEP = 1e-5


def group_of(frame, ordered=ORDERED):
    found = coded(rows_of(frame, tuple(frame.columns)), ordered, pairwise=True)
    return estimates(found, "none")[0], found


def mean_at(found, vector):
    """Mean influence at a vector of moments."""
    layout = found.layout
    mu, sigma, thresholds = layout.order.parted(vector)
    sigma[layout.ordered, layout.ordered] = 1.0
    values = found.rows[0][:, layout.continuous]
    group = supposed(found.codes[0], values, layout, Implied(mu, sigma, thresholds))
    return group.influence("observed").rows(slice(None)).mean(axis=1)


def slopes_at(found, vector):
    steps = STEP * np.eye(len(vector))
    return np.array(
        [(mean_at(found, vector + s) - mean_at(found, vector - s)) / (2 * STEP) for s in steps]
    ).T


def test_at_the_estimates_influences_add_up_to_nothing():
    group, found = group_of(answers())
    own = group.implied
    vector = found.layout.order.vector(own.mu, own.sigma, own.thresholds)
    np.testing.assert_allclose(mean_at(found, vector), 0.0, atol=1e-7)


def test_moving_a_moment_moves_its_own_mean_influence_and_no_other():
    """The mean of the influences is how far the statistics lie from the moments, to first order."""
    group, found = group_of(answers())
    order, own = found.layout.order, group.implied
    slopes = slopes_at(found, order.vector(own.mu, own.sigma, own.thresholds))
    # Correlations of ordered items go by the expected information; see the next test.
    places = order.sections[-1].start + found.layout.ordered_pairs.places
    exact = np.setdiff1d(np.arange(order.size), places)
    np.testing.assert_allclose(slopes[exact], -np.eye(order.size)[exact], atol=1e-5)


CUTS = ([-1.4, 0.2, 1.1], [-0.5, 0.9])
RHO = 0.45


@pytest.fixture(scope="module")
def as_implied():
    """Two items whose 400,000 answers are distributed as normal responses have them."""
    normal = multivariate_normal(cov=[[1, RHO], [RHO, 1]])
    limits = [np.array([-9.0, *cuts, 9.0]) for cuts in CUTS]
    below = np.array([[normal.cdf([a, b]) for b in limits[1]] for a in limits[0]])
    counts = np.rint(400_000 * np.diff(np.diff(below, axis=0), axis=1)).astype(int)
    first, second = (part.ravel() for part in np.indices(counts.shape))
    frame = pd.DataFrame({"a": first, "b": second}).astype(float)
    return frame.loc[np.repeat(frame.index, counts.ravel())].reset_index(drop=True)


def test_answers_as_implied_have_the_influences_of_the_estimates(as_implied):
    group, found = group_of(as_implied, ("a", "b"))
    vector = np.array([*CUTS[0], *CUTS[1], RHO])
    np.testing.assert_allclose(mean_at(found, vector), 0.0, atol=1e-4)
    np.testing.assert_allclose(slopes_at(found, vector), -np.eye(6), atol=1e-3)
    moments = from_rows(rows_of(as_implied, ("a", "b")), ("a", "b"), pairwise=True)
    rows = influences_at(moments, [group.implied])[0](slice(None))
    theirs = gamma_of([group], None, "first.order")
    np.testing.assert_allclose(rows @ rows.T / len(as_implied), theirs, rtol=1e-3, atol=1e-4)


def test_a_category_that_is_rare_by_chance_is_not_taken_for_a_certain_one():
    """The variance of a threshold is that of the implied share, however few have chosen it."""
    frame = pd.DataFrame({"a": [0.0] * 2 + [1.0] * 198, "b": [0.0, 1.0] * 100})
    _, found = group_of(frame, ("a", "b"))
    implied = Implied(np.zeros(2), np.eye(2), np.array([-1.6448536269514722, 0.0]))
    values = np.empty((200, 0))
    group = supposed(found.codes[0], values, found.layout, implied)
    own = group.influence("observed").rows(slice(None))[0]
    density = np.exp(-(1.6448536269514722**2) / 2) / np.sqrt(2 * np.pi)
    # (below - .05) / density, of 2 and of 198.
    np.testing.assert_allclose(np.sort(own)[[0, -1]], np.array([-0.05, 0.95]) / density)
    np.testing.assert_allclose(own.mean(), (0.01 - 0.05) / density)


@pytest.mark.parametrize(
    ("estimator", "group"), [("ML", "school"), ("MLR", "school"), ("GLS", None), ("ULSMV", None)]
)
def test_scores_of_rows_and_of_clusters_add_up_to_the_score(estimator, group):
    frame = data("hs39.csv").assign(team=np.arange(301) // 7)
    text = "visual =~ x1 + x2 + x3 + x4\nspeed =~ x7 + x8 + x9"
    options = {"estimator": estimator, "meanstructure": True, "group": group}
    fit = measure.cfa(text, frame, **options)
    # Away from the estimates, where scores are not 0.
    point = fit.problem.at(fit.params + 0.05)
    directions = np.eye(len(point.gradient))
    scores = null_scores(point, directions)
    assert scores.shape == (len(directions), 301)
    np.testing.assert_allclose(scores.mean(axis=1), -0.5 * point.gradient, rtol=1e-9)
    clustered = measure.cfa(text, frame, cluster="team", **options)
    sums = null_scores(clustered.problem.at(fit.params + 0.05), directions)
    np.testing.assert_allclose(sums.sum(axis=1), scores.sum(axis=1), rtol=1e-9, atol=1e-9)
