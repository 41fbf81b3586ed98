"""Fleishman's polynomials: the table, the moments, and what no polynomial has."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from measure.errors import OptionError
from measure.simulating.polynomials import fleishman, moments, polynomial

# From 0 to the fourth moment of a cubic polynomial, by a rule that is exact to degree 39.
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(20)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def by_quadrature(coefficients):
    """Mean, variance, skewness and excess kurtosis of one polynomial, by quadrature."""
    x = polynomial(NODES[:, None], np.atleast_2d(coefficients))[:, 0]
    return np.array([WEIGHTS @ x, WEIGHTS @ x**2, WEIGHTS @ x**3, WEIGHTS @ x**4 - 3])


# Skewness 1.75 and 1.5 with 3.75: Fleishman's table (1978), as quoted in the literature. The c of
# the first is right to seven digits only: with it, the variance of the polynomial is not 1 but
# 1 - 4e-8. Laplace: the example of fleish() in the R package SimMultiCorrData, given to 6 decimals.
@pytest.mark.parametrize(
    ("skewness", "kurtosis", "expected", "tolerance"),
    [
        (1.75, 3.75, (0.92966052480111, 0.39949667453766, -0.03646699281275), 3e-8),
        (1.5, 3.75, (0.86588620352314, 0.22102762101262, 0.02722069915809), 1e-12),
        (-1.75, 3.75, (0.92966052480111, -0.39949667453766, -0.03646699281275), 3e-8),
        (0.0, 3.0, (0.782356, 0.0, 0.067905), 5e-7),
        (0.0, 0.0, (1.0, 0.0, 0.0), 0.0),
    ],
)
def test_fleishman_table(skewness, kurtosis, expected, tolerance):
    np.testing.assert_allclose(fleishman(skewness, kurtosis), [expected], atol=tolerance, rtol=0)


@given(st.floats(-2.2, 2.2), st.floats(0.05, 20))
@settings(deadline=None, max_examples=60)
def test_polynomials_have_the_wanted_moments(skewness, above):
    kurtosis = 1.6 * skewness**2 - 1.15 + above
    (coefficients,) = fleishman(skewness, kurtosis)
    np.testing.assert_allclose(
        by_quadrature(coefficients), [0, 1, skewness, kurtosis], atol=1e-9, rtol=1e-10
    )


def test_alike_variables_have_the_same_polynomial():
    found = fleishman([1.0, -1.0, 0.5, 1.0], [2.0, 2.0, 1.0, 2.0])
    np.testing.assert_array_equal(found[0], found[3])
    np.testing.assert_array_equal(found[0], found[1] * [1, -1, 1])


def test_the_derivatives_are_those_of_the_moments():
    rng = np.random.default_rng(1)
    for x in rng.normal(scale=0.5, size=(10, 3)):
        numerical = approx_fprime(x, lambda y: moments(y)[0], 1e-7)
        np.testing.assert_allclose(moments(x)[1], numerical, atol=1e-4, rtol=1e-5)


# Lower edges of the kurtosis of cubic polynomials, found by minimising it for a given skewness.
# The first is -1.15132 in Headrick and Sawilowsky (2002) too.
@pytest.mark.parametrize(
    ("skewness", "edge"),
    [(0.0, -1.1513232), (1.0, 0.4249077), (-2.0, 5.1516299), (3.0, 13.7141134)],
)
def test_the_edge_of_what_is_possible_is_met(skewness, edge):
    (coefficients,) = fleishman(skewness, edge + 1e-4)
    np.testing.assert_allclose(by_quadrature(coefficients)[2:], [skewness, edge + 1e-4], atol=1e-9)
    with pytest.raises(OptionError, match="no Fleishman polynomial") as caught:
        fleishman(skewness, edge - 1e-4)
    assert f"at least {np.ceil(edge * 10) / 10:g}" in str(caught.value)


@pytest.mark.parametrize(
    ("skewness", "kurtosis", "message"),
    [
        ([0, 2], [0, 1], r"skewness 2 and excess kurtosis 1 of variable 2 \(counted from 1\)"),
        (0, 200, "has to be 101.3 at most"),
        (-7, 90, "the skewness has to lie between -6.4 and 6.4"),
    ],
)
def test_impossible_moments_are_refused_by_name(skewness, kurtosis, message):
    with pytest.raises(OptionError, match=message):
        fleishman(skewness, kurtosis)
