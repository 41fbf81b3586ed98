"""Standard errors, intervals, and the distributions they are read from."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, stats

import measure
from measure import distributions
from measure.chisquare import projected, rooted
from measure.errors import MeasureWarning
from measure.fitting.inference import (
    gathered,
    inverse,
    inverse_at,
    spread_over,
    wald,
    weakest_direction,
    weigh,
)
from tests.reference_cases import data


def test_wald_is_the_normal_test():
    result = wald(np.array([1.0, -2.0, 0.3]), np.array([0.5, 1.0, 0.0]))
    np.testing.assert_allclose(result["z"][:2], [2.0, -2.0])
    np.testing.assert_allclose(result["pvalue"][:2], 2 * stats.norm.sf(2.0))
    np.testing.assert_allclose(result["ci.upper"][0], 1 + stats.norm.ppf(0.975) * 0.5)
    assert np.isnan(result["z"][2])
    assert result["ci.lower"][2] == result["ci.upper"][2] == 0.3


def test_covariance_is_the_inverse_information_whatever_the_units():
    information = np.array([[4.0, 1.0], [1.0, 2.0]])
    np.testing.assert_allclose(inverse(information), np.linalg.inv(information))
    units = np.diag([1e6, 1e-6])
    scaled = inverse(units @ information @ units)
    np.testing.assert_allclose(scaled, np.linalg.inv(units @ information @ units), rtol=1e-9)


def test_singular_information_gives_no_standard_errors():
    information = np.array([[1.0, 1.0], [1.0, 1.0]])
    assert inverse(information) is None
    direction = weakest_direction(information)
    assert direction[0] == pytest.approx(-direction[1])
    assert not weakest_direction(np.full((2, 2), np.nan)).any()


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("diagonal", [False, True])
def test_traces_over_groups_are_those_of_the_whole_matrix(shared, diagonal):
    """Against U Gamma with U = W - W D (D'WD)^-1 D'W; groups share clusters, or do not."""
    rng = np.random.default_rng(3)
    n_groups, m, q = 3, 7, 2
    size = n_groups * m
    root = rng.normal(size=(size, 2 * size))
    gamma = root @ root.T
    apart = np.kron(np.eye(n_groups), np.ones((m, m)))
    gamma = gamma if shared else gamma * apart
    # One parameter of each group moves its moments alone, the last one those of all.
    change = np.zeros((size, n_groups * q + 1))
    for k in range(n_groups):
        change[k * m : (k + 1) * m, k * q : (k + 1) * q] = rng.normal(size=(m, q))
    change[:, -1] = rng.normal(size=size)
    own = [rng.uniform(0.5, 2.0, m) for _ in range(n_groups)]
    own = own if diagonal else [np.diag(one) + 0.1 for one in own]
    weight = linalg.block_diag(*(np.diag(one) if diagonal else one for one in own))
    pressed = weight @ change
    bread = np.linalg.inv(change.T @ pressed)
    product = (weight - pressed @ bread @ pressed.T) @ gamma
    parts = np.split(pressed, n_groups)
    spread = spread_over(gamma, parts)
    np.testing.assert_allclose(spread, gamma @ pressed, atol=1e-9)
    np.testing.assert_allclose(gathered(parts, spread), pressed.T @ spread, rtol=1e-9)
    found = projected(own, pressed, bread, gamma)
    assert found.first == pytest.approx(np.trace(product))
    assert found.second == pytest.approx(np.trace(product @ product))


@pytest.mark.parametrize("diagonal", [False, True])
def test_traces_of_a_root_are_those_of_its_product(diagonal):
    rng = np.random.default_rng(4)
    m, q = 7, 4
    root, change = rng.normal(size=(2 * m, 5)), rng.normal(size=(2 * m, q))
    own = [rng.uniform(0.5, 2.0, m) for _ in range(2)]
    own = own if diagonal else [np.diag(one) + 0.1 for one in own]
    pressed = weigh(own, change)
    bread = np.linalg.inv(change.T @ pressed)
    found, whole = rooted(own, pressed, bread, root), projected(own, pressed, bread, root @ root.T)
    assert found.first == pytest.approx(whole.first, rel=1e-10)
    assert found.second == pytest.approx(whole.second, rel=1e-10)


def test_empirical_underidentification_is_announced():
    """Two factors of two items are identified by their correlation alone; here it is exactly 0."""
    names = ["x1", "x2", "y1", "y2"]
    block = np.array([[1.0, 0.5], [0.5, 1.0]])
    cov = np.block([[block, np.zeros((2, 2))], [np.zeros((2, 2)), block]])
    frame = pd.DataFrame(cov, names, names)
    with pytest.warns(MeasureWarning, match=r"singular at the solution.*f =~ x2"):
        fit = measure.cfa("f =~ x1 + x2\ng =~ y1 + y2", sample_cov=frame, sample_nobs=200)
    assert fit.vcov is None
    assert fit.parameters["se"][fit.parameters["free"]].isna().all()
    assert measure.standardized(fit)["se"].isna().any()


def test_distributions_are_those_of_scipy():
    assert distributions.chisq_sf(3.0, 2) == pytest.approx(stats.chi2.sf(3.0, 2))
    assert distributions.chisq_isf(0.05, 10) == pytest.approx(stats.chi2.isf(0.05, 10))
    assert distributions.noncentral_chisq_cdf(9.0, 4, 3.0) == pytest.approx(
        stats.ncx2.cdf(9.0, 4, 3.0)
    )
    assert distributions.normal_cdf(1.3) == pytest.approx(stats.norm.cdf(1.3))
    assert distributions.normal_quantile(0.8) == pytest.approx(stats.norm.ppf(0.8))


@pytest.mark.parametrize("text", ["f =~ o1 + o2 + o3 + o4", "f =~ o1 + a*o2 + b*o3 + o4\na > 0.1"])
def test_products_along_the_directions_of_a_point_are_those_with_its_basis(text):
    frame = data("hs39_ordered4.csv")
    fit = measure.cfa(text, frame, ordered=True, group="school", group_equal=["thresholds"])
    point, rng = fit.point, np.random.default_rng(5)
    n_elements, n_free = point.basis.shape
    slopes, square = rng.normal(size=(3, n_elements)), rng.normal(size=(n_elements, n_elements))
    moves = rng.normal(size=(3, n_free))
    np.testing.assert_allclose(point.along(slopes), slopes @ point.basis, atol=1e-12)
    np.testing.assert_allclose(
        point.among(square), point.basis.T @ square @ point.basis, atol=1e-12
    )
    np.testing.assert_allclose(point.over_elements(moves), moves @ point.basis.T, atol=1e-12)
    stacked = np.vstack(point.jacobians)
    along = stacked @ point.basis
    np.testing.assert_allclose(np.vstack(point.jacobians_along), along, atol=1e-12)
    np.testing.assert_allclose(point.products_along, along.T @ along, atol=1e-12)
    np.testing.assert_allclose(
        point.covariance_of_elements(along.T @ along),
        point.basis @ along.T @ along @ point.basis.T,
        atol=1e-12,
    )
    np.testing.assert_allclose(
        inverse_at(point, point.information), inverse(point.information, point.basis), atol=1e-10
    )


def test_a_point_goes_to_another_process_without_what_was_computed_there():
    fit = measure.cfa("f =~ x1 + x2 + x3 + x4", data("hs39.csv"))
    assert fit.point.information.shape == (8, 8)
    sent = pickle.loads(pickle.dumps(fit.point))
    assert set(vars(sent)) == {"problem", "params"}
    assert sent.value == fit.point.value
    np.testing.assert_array_equal(sent.information, fit.point.information)
