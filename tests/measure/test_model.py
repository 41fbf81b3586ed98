"""Implied moments and their derivatives against finite differences."""

import numpy as np
import pytest

import measure
from measure.confirmatory import _Objective
from measure.estimators import ESTIMATORS
from measure.identification import gram
from measure.standardization import standardize
from tests.measure.test_confirmatory import COVERED, refit
from tests.reference_cases import case

STEP = 1e-6


@pytest.fixture(scope="module", params=COVERED)
def fitted(request):
    fit = refit(case(request.param))
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
    products = np.einsum("ijk,ijl->kl", d_sigma, d_sigma)
    products += 0 if d.d_mu is None else d.d_mu.T @ d.d_mu
    np.testing.assert_allclose(gram(d), products, rtol=1e-10, atol=1e-10 * np.abs(products).max())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_gradient_of_the_discrepancy(fitted, estimator):
    fit, params = fitted
    objective = _Objective(fit.model, ESTIMATORS[estimator].discrepancy(fit.moments))
    gradient, _ = objective.slope(params)
    numeric = central(lambda x: np.array([objective.value(x)]), params)[0]
    assert relative(gradient, numeric) < 1e-6


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_hessian_of_the_discrepancy(fitted, estimator):
    fit, params = fitted
    objective = _Objective(fit.model, ESTIMATORS[estimator].discrepancy(fit.moments))
    numeric = central(lambda x: objective.slope(x)[0], params)
    assert relative(objective.hessian(params), numeric) < 1e-6


def test_information_is_the_expected_hessian(fitted):
    """At the moments that the model itself implies, the Hessian equals its expectation."""
    fit, _ = fitted
    sample = tuple(
        moments._replace(mu=implied.mu, sigma=implied.sigma)
        for moments, implied in zip(fit.moments.sample, fit.implied_moments, strict=True)
    )
    exact = type(fit.moments)(fit.moments.names, fit.moments.n_obs, sample)
    objective = _Objective(fit.model, ESTIMATORS["ML"].discrepancy(exact))
    information = objective.information(fit.params)
    hessian = central(lambda x: objective.slope(x)[0], fit.params)
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
