"""Many samples at once give what each gives by itself."""

import numpy as np
import pytest

import measure
from measure.estimators.ml import MaximumLikelihood
from measure.fitting.problem import Problem
from measure.fitting.stacked import definite, minimize_stack, model_of, row_values, stackable, taken
from measure.fitting.standardization import standardize, standardized_values
from measure.model import Implied
from measure.moments import Moments
from measure.optimize import minimize
from measure.replication.resampling import Resampling
from tests.reference_cases import data

FACTORS = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
DEMOCRACY = """
    ind60 =~ x1 + x2 + x3
    dem60 =~ y1 + a*y2 + b*y3 + c*y4
    dem65 =~ y5 + a*y6 + b*y7 + c*y8
    dem60 ~ ind60
    dem65 ~ ind60 + dem60
    y1 ~~ y5
    y2 ~~ y4 + y6
"""
FIXED_X = "speed =~ x7 + x8 + x9\nspeed ~ a*x1 + b*x4\nx5 ~ c*speed + x1\nac := a*c"


def fits():
    hs = data("hs39.csv")
    yield "factors", measure.cfa(FACTORS, hs)
    yield "means", measure.cfa(FACTORS, hs, meanstructure=True)
    yield "labels", measure.sem(DEMOCRACY, data("political_democracy.csv"))
    yield "fixed.x", measure.sem(FIXED_X, hs)
    yield "fixed.x and means", measure.sem(FIXED_X, hs, meanstructure=True)
    groups = {"group": "school", "group_equal": ["loadings", "intercepts"]}
    yield "groups", measure.cfa(FACTORS, hs, **groups)
    yield "paths", measure.sem("x1 ~~ x2\nx3 ~ x1", hs, fixed_x=False)
    yield "covariances only", measure.fit("x1 ~~ x2\nx1 ~~ x1\nx2 ~~ x2", hs)


FITS = dict(fits())


@pytest.fixture(params=FITS, ids=str, scope="module")
def fit(request):
    return FITS[request.param]


def drawn(fit, n_samples):
    resampling = Resampling(fit.moments, fit.method.less_one)
    counts = resampling.draw(np.random.default_rng(11), n_samples)
    return resampling, counts, resampling.moments_of(counts)


def single(moments, k):
    sample = tuple(
        Implied(None if one.mu is None else one.mu[k], one.sigma[k]) for one in moments.sample
    )
    counts = tuple(int(count[k]) for count in moments.counts)
    return Moments(moments.names, moments.groups, counts, sample, counts)


def test_moments_are_those_of_the_rows_drawn(fit):
    resampling, counts, moments = drawn(fit, 3)
    for k in range(3):
        direct = resampling.moments_with_rows(tuple(own[k] for own in counts))
        assert direct.counts == tuple(int(count[k]) for count in moments.counts)
        for own, other in zip(direct.sample, moments.sample, strict=True):
            np.testing.assert_allclose(other.mu[k], own.mu, rtol=1e-12)
            np.testing.assert_allclose(other.sigma[k], own.sigma, rtol=1e-10, atol=1e-12)


def test_derivatives_of_a_stack_are_those_of_its_members(fit):
    _, _, moments = drawn(fit, 4)
    rng = np.random.default_rng(3)
    params = fit.params * (1 + 0.02 * rng.uniform(-1, 1, (4, len(fit.params))))
    stack = Problem(model_of(fit.model, moments), moments, MaximumLikelihood(moments)).at(params)
    for k in range(4):
        own = single(moments, k)
        one = Problem(model_of(fit.model, own), own, MaximumLikelihood(own)).at(params[k])
        assert stack.evaluation.values[k] == pytest.approx(one.value, abs=1e-12)
        for name in ("slope", "expected_curvature", "exact_curvature"):
            np.testing.assert_allclose(
                getattr(stack, name)[k], getattr(one, name), rtol=1e-9, atol=1e-10
            )


def test_minima_of_a_stack_are_those_of_its_members(fit):
    assert stackable(fit.problem)
    _, _, moments = drawn(fit, 12)
    search = minimize_stack(fit.model, moments, fit.params)
    assert search.converged.sum() >= 10
    for k in np.flatnonzero(search.converged):
        own = single(moments, int(k))
        problem = Problem(model_of(fit.model, own), own, MaximumLikelihood(own))
        one = minimize(problem, fit.params)
        assert one.converged
        assert search.values[k] == pytest.approx(one.value, abs=1e-11)
        # Of order 1e-5 of a standard error: F is flat where a factor is weak.
        assert np.abs(problem.at(search.params[k]).slope).max() < 1e-6
        np.testing.assert_allclose(search.params[k], one.params, rtol=1e-4, atol=1e-5)


def test_standardised_values_of_a_stack(fit):
    values = np.tile(fit.model.row_values(fit.params), (2, 1))
    params = np.tile(fit.params, (2, 1))
    found = standardized_values(fit.model, fit.model.states(params), values)
    expected = standardize(fit.model, fit.params).std_all
    np.testing.assert_allclose(found, [expected, expected], rtol=1e-12)


def test_exogenous_rows_take_the_moments_of_their_sample():
    fit = FITS["fixed.x and means"]
    _, _, moments = drawn(fit, 2)
    values = row_values(fit.model, moments, np.tile(fit.params, (2, 1)))
    i, j = (moments.names.index(name) for name in ("x1", "x4"))
    at = {str(row): k for k, row in enumerate(fit.model.table.parameters)}
    np.testing.assert_array_equal(values[:, at["x1 ~~ x4"]], moments.sample[0].sigma[:, i, j])
    np.testing.assert_array_equal(values[:, at["x4 ~1"]], moments.sample[0].mu[:, j])


def test_samples_without_a_start_are_left_to_others():
    fit = FITS["factors"]
    _, _, moments = drawn(fit, 3)
    start = fit.params.copy()
    start[[str(fit.model.table.parameters[k]) for k in fit.model.free_rows].index("x1 ~~ x1")] = -9
    search = minimize_stack(fit.model, moments, start)
    assert not search.converged.any()
    assert np.isnan(search.values).all()


def test_positive_definite_matrices_are_told_from_others():
    good, bad = np.eye(2), np.array([[1.0, 2.0], [2.0, 1.0]])
    pattern = [True, False, True, True, False]
    found = definite(np.array([good if proper else bad for proper in pattern]))
    assert found.tolist() == pattern
    assert definite(np.zeros((0, 2, 2))).tolist() == []
    assert not definite(np.full((1, 2, 2), np.nan)).any()


def test_a_stack_can_be_cut():
    _, _, moments = drawn(FITS["groups"], 5)
    some = taken(moments, np.array([3, 1]))
    for own, other in zip(some.sample, moments.sample, strict=True):
        np.testing.assert_array_equal(own.sigma, other.sigma[[3, 1]])
        np.testing.assert_array_equal(own.mu, other.mu[[3, 1]])
