"""Moments of ordered items: their derivatives, and those of what is made of them, by differences.

`test_model` has the same for continuous variables.
"""

import numpy as np
import pytest

from measure.estimators import DISCREPANCIES, FOR_ORDERED
from measure.fitting.problem import Problem
from measure.fitting.standardization import standardize
from measure.model import moment_vector
from tests.measure.reference_fits import reference, refit
from tests.measure.test_model import central, relative
from tests.reference_cases import case

CASES = {
    "delta": ("cfa_bfi_2f_wlsmv_marker", None),
    "theta": ("cfa_bfi_2f_theta", None),
    "binary, theta": ("cfa_hs39binary_wlsmv_theta", None),
    "second order": ("cfa_hs39ord4_second_order_wlsmv", None),
    "second order, theta": ("engine_ordinal_second_order_theta", None),
    "mixed": ("cfa_bfi_mixed_cont_ord_wlsmv", None),
    "mixed, theta, groups": ("engine_ordinal_groups_mixed_theta", None),
    "free scales in groups": ("inv_bfi_gender_wlsmv_we16_delta", "metric"),
    "free residuals in groups": ("inv_bfi_gender_wlsmv_we16_theta", "metric"),
    "a free scale in the text": ("engine_ordinal_groups_scales", None),
    "equated thresholds": ("engine_ordinal_thresholds_groups", None),
    "ordered outcomes": ("engine_ordinal_paths", None),
    "ordered outcomes, theta": ("engine_ordinal_paths_theta", None),
    "ordered outcomes in groups": ("engine_ordinal_paths_groups", None),
    "an ordered mediator": ("engine_ordinal_mixed_paths", None),
    "ordered mediators, theta": ("engine_ordinal_paths_chain", None),
    "residual covariances": ("engine_ordinal_residual_covariances", None),
    "residual covariances, theta": ("engine_ordinal_residual_covariances_theta", None),
    "a random predictor": ("engine_ordinal_x_random", None),
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES.keys())
def fitted(request):
    fit = refit(reference(*request.param), case(request.param[0]))
    rng = np.random.default_rng(7)
    # Away from the solution, where no derivative is zero by accident.
    return fit, fit.params * (1 + 0.05 * rng.uniform(-1, 1, len(fit.params)))


def problem(fit, estimator):
    """The fit's model and data with another discrepancy."""
    discrepancy = DISCREPANCIES[estimator](fit.moments, means=True)
    return Problem(fit.model, fit.moments, discrepancy)


def test_jacobian_of_the_moments(fitted):
    fit, params = fitted
    layout = fit.moments.layout
    for k, jacobian in enumerate(fit.problem.at(params).jacobians):
        numeric = central(
            lambda x, k=k: moment_vector(fit.model.implied(x)[k], means=True, layout=layout), params
        )
        ours = fit.model.reduction.reduce_gradient(jacobian)
        assert relative(ours, numeric) < 1e-7


@pytest.mark.parametrize("estimator", FOR_ORDERED)
def test_gradient_of_the_discrepancy(fitted, estimator):
    fit, params = fitted
    objective = problem(fit, estimator)
    numeric = central(lambda x: np.array([objective.at(x).value]), params)[0]
    assert relative(objective.at(params).slope, numeric) < 1e-6


@pytest.mark.parametrize("estimator", FOR_ORDERED)
def test_hessian_of_the_discrepancy_where_it_is_given(fitted, estimator):
    fit, params = fitted
    objective = problem(fit, estimator)
    exact = objective.at(params).exact_curvature
    bends = any(block.bends for block in fit.model.blocks)
    assert (exact is None) == bends
    if exact is not None:
        numeric = central(lambda x: objective.at(x).slope, params)
        assert relative(exact, numeric) < 1e-6


def test_the_information_is_the_hessian_where_the_model_holds(fitted):
    fit, _ = fitted
    objective = problem(fit, "DWLS")
    point = objective.at(fit.params)
    products = [
        share * jacobian.T @ (weight[:, None] * jacobian)
        for share, weight, jacobian in zip(
            fit.moments.shares, objective.discrepancy.weights, point.jacobians, strict=True
        )
    ]
    np.testing.assert_allclose(point.information, sum(products), rtol=1e-10, atol=1e-12)


def test_derivatives_of_the_standardized_solution(fitted):
    fit, params = fitted
    solution = standardize(fit.model, params)
    reduce = fit.model.reduction.reduce_gradient
    for kind in ("std_all", "std_lv"):
        numeric = central(lambda x, k=kind: getattr(standardize(fit.model, x), k), params)
        ours = reduce(getattr(solution, kind.replace("std", "jacobian")))
        assert relative(ours, numeric) < 1e-6


def test_answers_are_seen_on_a_scale_of_one(fitted):
    fit, params = fitted
    ordered = fit.moments.layout.ordered
    for moments in fit.model.implied(params):
        np.testing.assert_array_equal(moments.sigma.diagonal()[ordered], 1.0)
        np.testing.assert_array_equal(moments.mu[ordered], 0.0)


def test_delta_and_theta_are_the_same_model():
    """Chi-square, and what does not depend on the scale of latent responses, agree."""
    for name in ("paths", "residual_covariances", "mixed_paths"):
        one, other = (
            refit(case(f"engine_ordinal_{name}{suffix}"), case(f"engine_ordinal_{name}{suffix}"))
            for suffix in ("", "_theta")
        )
        assert one.test.scaled == pytest.approx(other.test.scaled, rel=1e-6)
        for a, b in zip(one.implied_moments, other.implied_moments, strict=True):
            np.testing.assert_allclose(a.sigma, b.sigma, atol=1e-6)
        keys = ["lhs", "op", "rhs"]
        both = one.parameters.query("op != '~*~'").merge(other.parameters, on=keys)
        np.testing.assert_allclose(both["std.all_x"], both["std.all_y"], atol=1e-5)


def test_the_search_ends_at_the_minimum_without_second_derivatives(fitted):
    """Scoring converges linearly, so that a small step is not yet the last."""
    fit, _ = fitted
    point = fit.problem.at(fit.params)
    curvature = point.expected_curvature
    gain = point.slope @ np.linalg.lstsq(curvature, point.slope)[0] / 2
    assert gain < 1e-12
