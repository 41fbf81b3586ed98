"""Implied moments and their derivatives against finite differences."""

import numpy as np
import pytest

import measure
from measure.estimators import DISCREPANCIES
from measure.estimators.least_squares import LeastSquares
from measure.fitting.identification import gram
from measure.fitting.problem import Problem
from measure.fitting.standardization import standardize
from measure.model import Implied, moment_vector, vech_places
from measure.moments import Moments
from measure.moments.patterns import PatternLikelihood
from tests.measure.reference_fits import continuous, reference, refit
from tests.reference_cases import case

STEP = 1e-6


ML_CASES = [name for name in continuous("cfa") if case(name)["options"]["estimator"] == "ML"]
GROUP_CASES = [("inv_hs39_school_ml", "scalar"), ("inv_hs39mcar_school_fiml", "metric")]


@pytest.fixture(
    scope="module", params=[*((name, None) for name in ML_CASES), *GROUP_CASES], ids=str
)
def fitted(request):
    fit = refit(reference(*request.param), case(request.param[0]))
    rng = np.random.default_rng(7)
    # Away from the solution, where no derivative is zero by accident.
    return fit, fit.params * (1 + 0.05 * rng.uniform(-1, 1, len(fit.params)))


def central(function, params):
    columns = []
    for k in range(len(params)):
        step = np.zeros(len(params))
        step[k] = STEP * max(1.0, abs(params[k]))
        columns.append((function(params + step) - function(params - step)) / (2 * step[k]))
    return np.array(columns).T


def relative(ours, theirs):
    return np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max())


def vech(d_sigma):
    rows, columns = vech_places(len(d_sigma))
    return d_sigma[rows, columns]


def problem(fit, estimator):
    """The fit's model and data with another discrepancy."""
    means = fit.model.table.meanstructure
    moments = fit.moments
    if estimator in ("WLS", "DWLS") and (moments.rows is None or moments.patterns is not None):
        # There are no complete rows to weigh by; any positive definite weight will do.
        size = len(moment_vector(moments.sample[0], means=means))
        root = np.random.default_rng(5).standard_normal((size, size))
        weights = tuple(root @ root.T / size for _ in moments.sample)
        return Problem(fit.model, moments, LeastSquares(moments, weights, means))
    return Problem(fit.model, moments, DISCREPANCIES[estimator](moments, means=means))


def test_derivatives_of_moments(fitted):
    fit, params = fitted
    model = fit.model
    states = model.states(params)
    d = model.derivatives(states)[0]
    d_sigma = np.einsum("ik,jk->ijk", d.u, d.v)
    d_sigma = d_sigma + d_sigma.transpose(1, 0, 2)
    basis = model.reduction.basis
    numeric = central(lambda x: model.implied(x)[0].sigma.ravel(), params)
    ours = d_sigma.reshape(-1, d_sigma.shape[-1])
    assert relative(ours if basis is None else ours @ basis, numeric) < 1e-7
    if d.d_mu is not None:
        numeric = central(lambda x: model.implied(x)[0].mu, params)
        assert relative(model.reduction.reduce_gradient(d.d_mu), numeric) < 1e-7
    assert relative(d.jacobian[-len(vech_places(len(d.u))[0]) :], vech(d_sigma)) < 1e-12
    products = np.einsum("ijk,ijl->kl", d_sigma, d_sigma)
    products += 0 if d.d_mu is None else d.d_mu.T @ d.d_mu
    np.testing.assert_allclose(gram(d), products, rtol=1e-10, atol=1e-10 * np.abs(products).max())


@pytest.mark.parametrize("estimator", DISCREPANCIES)
def test_gradient_of_the_discrepancy(fitted, estimator):
    fit, params = fitted
    objective = problem(fit, estimator)
    numeric = central(lambda x: np.array([objective.at(x).value]), params)[0]
    assert relative(objective.at(params).slope, numeric) < 1e-6


@pytest.mark.parametrize("estimator", DISCREPANCIES)
def test_hessian_of_the_discrepancy(fitted, estimator):
    fit, params = fitted
    objective = problem(fit, estimator)
    numeric = central(lambda x: objective.at(x).slope, params)
    assert relative(objective.at(params).exact_curvature, numeric) < 1e-6


def test_information_is_the_expected_hessian(fitted):
    """At the moments that the model itself implies, the Hessian equals its expectation."""
    fit, _ = fitted
    sample = tuple(
        moments._replace(mu=implied.mu, sigma=implied.sigma)
        for moments, implied in zip(fit.moments.sample, fit.implied_moments, strict=True)
    )
    old = fit.moments
    exact = Moments(old.names, old.groups, old.n_obs, sample, old.counts)
    objective = Problem(fit.model, exact, DISCREPANCIES["ML"](exact, means=True))
    information = objective.at(fit.params).expected_curvature / 2
    hessian = central(lambda x: objective.at(x).slope, fit.params)
    scale = np.sqrt(np.outer(np.diag(information), np.diag(information)))
    assert np.abs(information - hessian / 2).max() / scale.max() < 1e-5


def test_derivatives_of_the_standardized_solution(fitted):
    fit, params = fitted
    solution = standardize(fit.model, params)
    reduce = fit.model.reduction.reduce_gradient
    for kind in ("std_all", "std_lv"):
        numeric = central(lambda x, k=kind: getattr(standardize(fit.model, x), k), params)
        ours = reduce(getattr(solution, kind.replace("std", "jacobian")))
        assert relative(ours, numeric) < 1e-6


def test_standardized_refuses_another_kind(fitted):
    fit, _ = fitted
    with pytest.raises(measure.errors.OptionError, match=r"std\.nox"):
        measure.standardized(fit, kind="std.nox")


@pytest.mark.parametrize("name", ["cfa_hs39_3f_stdlv_mean", "cfa_hs39mcar_fiml_ml"])
def test_scores_add_up_to_the_gradient(name):
    fit = refit(case(name), case(name))
    params = fit.params * (1 + 0.05 * np.random.default_rng(7).uniform(-1, 1, len(fit.params)))
    point = fit.problem.at(params)
    scores = np.vstack(fit.problem.discrepancy.scores(point.implied, point.derivatives))
    assert relative(-2 * scores.mean(axis=0), point.gradient) < 1e-9


def test_saturated_information_is_the_curvature_of_the_pattern_likelihood():
    fit = refit(case("cfa_hs39mcar_fiml_ml"), case("cfa_hs39mcar_fiml_ml"))
    patterns, sample = fit.moments.patterns[0], fit.implied_moments[0]
    p = len(sample.mu)
    rows, columns = vech_places(p)

    def unpack(vector):
        sigma = np.zeros((p, p))
        sigma[rows, columns] = sigma[columns, rows] = vector[p:]
        return Implied(vector[:p], sigma)

    def gradient(vector):
        g, centre = PatternLikelihood.at(patterns, unpack(vector)).gradient
        return np.append(g, centre[rows, columns] * np.where(rows == columns, 1, 2))

    def loglik(vector):
        return PatternLikelihood.at(patterns, unpack(vector)).loglik / patterns.n_rows

    here = np.append(sample.mu, sample.sigma[rows, columns])
    assert relative(gradient(here), central(lambda x: np.array([loglik(x)]), here)[0]) < 1e-7
    ours = PatternLikelihood.at(patterns, sample).information(observed=True)
    assert relative(ours, -central(gradient, here)) < 1e-7
