import numpy as np
import pandas as pd
import pytest

from measure.consistency.guttman import guttman_lambdas
from measure.consistency.lower_bound import GLB, bound_of, greatest_lower_bound
from measure.errors import DataError
from tests.measure.consistency.test_reliability import keyed_items
from tests.measure.covariance_slopes import assert_slopes
from tests.measure.ledger import ALPHA
from tests.reference_cases import case, data

HS39 = data("hs39.csv")[[f"x{k}" for k in range(1, 10)]]
S = HS39.cov().to_numpy()


@pytest.mark.parametrize("name", ALPHA)
def test_reference(name):
    reference = case(name)
    found = greatest_lower_bound(keyed_items(reference))
    # The reference is good to 1e-4; here it agrees far better.
    expected = reference["results"]["glb_algebraic_covariance"]
    assert found["glb"] == pytest.approx(expected, abs=1e-7)


def test_the_solution_comes_with_its_proof():
    found = bound_of(S)
    assert np.linalg.eigvalsh(S - np.diag(found.errors))[0] > 0
    assert (found.errors > 0).all()
    # Y is semidefinite with ones on the diagonal, so that tr SY bounds every tr D.
    assert np.linalg.eigvalsh(found.proof)[0] > -1e-12
    assert np.diag(found.proof).min() == pytest.approx(1, abs=1e-6)
    assert 0 <= found.gap < 1e-7 * S.sum()
    assert found.gap >= (S * found.proof).sum() - found.errors.sum() - 1e-12


def test_one_factor_without_misfit():
    # With D the residual variances S - D has rank one, and the bound is the reliability.
    loadings = np.array([0.5, 0.6, 0.7, 0.8])
    sigma = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
    expected = loadings.sum() ** 2 / sigma.sum()
    assert GLB.values(sigma)[0] == pytest.approx(expected, abs=1e-7)


def test_two_items_leave_no_error_in_one():
    # S - D is singular on a curve; the largest trace lies where both errors are equal, unless
    # one of them would be negative (Jackson & Agunwamba 1977).
    sigma = np.array([[1.0, 0.3], [0.3, 1.0]])
    assert GLB.values(sigma)[0] == pytest.approx(1 - 2 * 0.7 / 2.6, abs=1e-7)


def test_slopes():
    # The solution is exact to 1e-8 of the trace, which differences magnify.
    assert_slopes(GLB, S, rtol=1e-3)


def test_a_stack_gives_what_each_matrix_gives():
    stack = np.stack([S, 100 * S[::-1, ::-1], np.ones((9, 9))])
    values = GLB.values(stack)[:, 0]
    assert values[0] == pytest.approx(values[1], abs=1e-9)
    assert np.isnan(values[2])


def test_interval_and_notes():
    found = greatest_lower_bound(HS39, interval="percentile", seed=1, n_samples=200)
    plain = greatest_lower_bound(HS39)
    assert found.table["se"][0] == pytest.approx(plain.table["se"][0], rel=0.25)
    assert plain["glb"] > guttman_lambdas(HS39)["lambda4"]
    assert "too high" in plain.notes[0]
    assert "optimum" in repr(plain)


def test_what_is_refused():
    few = pd.DataFrame(np.random.default_rng(1).normal(size=(5, 6)), columns=list("abcdef"))
    with pytest.raises(DataError, match="more respondents than items"):
        greatest_lower_bound(few)
    twice = greatest_lower_bound(HS39[["x1"]].assign(copy=HS39["x1"], x2=HS39["x2"]))
    assert np.isnan(twice["glb"])
    assert any("determine each other" in note for note in twice.notes)
