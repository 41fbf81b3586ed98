"""Non-normal data: exact moments in the population, and the right ones in large samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure.errors import ModelError, OptionError
from measure.simulating.nonnormal import (
    METHODS,
    draw,
    implied_correlations,
    intermediate_correlations,
)
from measure.simulating.polynomials import fleishman, polynomial

# From 0 to the fourth moment of a cubic polynomial, by a rule that is exact to degree 39.
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(20)
WEIGHTS = WEIGHTS / WEIGHTS.sum()

SIGMA = np.array(
    [
        [1.44, 0.60, 0.30, -0.40],
        [0.60, 1.00, 0.45, 0.00],
        [0.30, 0.45, 2.25, 0.20],
        [-0.40, 0.00, 0.20, 4.00],
    ]
)
MU = np.array([0.0, 10.0, -3.0, 0.5])


def quadrature_correlation(r, first, second):
    """Correlation of two polynomials of normal variables that correlate r, by quadrature."""
    x = polynomial(NODES[:, None], first[None])[:, 0]
    z = r * NODES[:, None] + np.sqrt(1 - r * r) * NODES[None, :]
    y = polynomial(z.reshape(-1, 1), second[None]).reshape(z.shape)
    return float(WEIGHTS @ (x[:, None] * y) @ WEIGHTS)


def test_intermediate_correlations_agree_with_lavaan():
    # R 4, lavaan 0.6-14: lavaan:::ValeMaurelli1983(10, R, c(1.75, -.5, 0), c(3.75, 1, -1), TRUE)
    # prints seven digits.
    wanted = np.array([[1, 0.7, 0.2], [0.7, 1, -0.3], [0.2, -0.3, 1]])
    found = intermediate_correlations(wanted, fleishman([1.75, -0.5, 0], [3.75, 1, -1]))
    np.testing.assert_allclose(
        found[np.tril_indices(3, -1)], [0.9257256, 0.2483317, -0.3084315], atol=1e-6
    )


@given(st.integers(0, 2**32), st.integers(2, 12))
@settings(deadline=None, max_examples=100)
def test_the_implied_correlations_are_the_wanted_ones(seed, n_items):
    rng = np.random.default_rng(seed)
    loadings = rng.uniform(-0.7, 0.7, size=(n_items, 2)) / np.sqrt(2)
    wanted = loadings @ loadings.T * rng.integers(0, 2, size=(1, 1))  # uncorrelated at times
    np.fill_diagonal(wanted, 1.0)
    skewness = rng.uniform(-2, 2, n_items) * rng.integers(0, 2, n_items)
    coefficients = fleishman(skewness, 1.6 * skewness**2 + rng.uniform(-0.9, 4, n_items))
    found = intermediate_correlations(wanted, coefficients)
    assert np.abs(found).max() <= 1
    np.testing.assert_array_equal(found, found.T)
    implied = implied_correlations(found, coefficients)
    off = ~np.eye(n_items, dtype=bool)
    np.testing.assert_allclose(implied[off], wanted[off], atol=1e-12)
    np.testing.assert_allclose(np.diag(implied), 1.0, atol=1e-10)
    direct = quadrature_correlation(found[0, 1], coefficients[0], coefficients[1])
    assert direct == pytest.approx(wanted[0, 1], abs=1e-10)


def test_uncorrelated_and_perfectly_correlated_pairs():
    coefficients = fleishman([1.0, 1.0, -1.0], [2.0, 2.0, 2.0])
    wanted = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    found = intermediate_correlations(wanted, coefficients)
    np.testing.assert_allclose(found, wanted, atol=1e-7)
    np.testing.assert_allclose(implied_correlations(found, coefficients), wanted, atol=1e-10)


def test_a_correlation_out_of_reach_is_refused_by_name():
    sigma = np.array([[1, 0, 0], [0, 1, -0.9], [0, -0.9, 1]])
    with pytest.raises(OptionError, match=r"variables 2 and 3 cannot correlate -0.900 .* only -0"):
        draw(sigma, None, 5, np.random.default_rng(1), skewness=2.0, kurtosis=6.0)


def test_normal_variables_that_cannot_be_are_refused_by_name():
    sigma = np.array([[1, 0.7, 0.2], [0.7, 1, -0.3], [0.2, -0.3, 1]])
    with pytest.raises(OptionError, match=r"variables 1 and 2: 0\.926, for a correlation of 0\.7"):
        draw(
            sigma,
            None,
            5,
            np.random.default_rng(1),
            skewness=[1.75, -0.5, 0],
            kurtosis=[3.75, 1, -1],
        )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("skewness", "kurtosis"),
    [
        (0.0, 0.0),
        (0.0, 2.0),
        (0.0, -0.6),
        ([1.0, -0.8, 0.5, 1.2], [2.5, 1.5, 0.6, 3.0]),
    ],
)
def test_large_samples_have_the_wanted_moments(method, skewness, kurtosis):
    n = 1_000_000
    rng = np.random.default_rng(20)
    x = draw(SIGMA, MU, n, rng, skewness=skewness, kurtosis=kurtosis, method=method)
    assert x.shape == (n, 4)
    y = (x - MU) / np.sqrt(np.diag(SIGMA))
    correlations = SIGMA / np.sqrt(np.outer(np.diag(SIGMA), np.diag(SIGMA)))
    checks = [(y, 0.0), (y**3, np.asarray(skewness)), (y**4, np.asarray(kurtosis) + 3)]
    checks += [(y * y[:, [k]], correlations[k]) for k in range(4)]
    for values, expected in checks:
        errors = values.std(axis=0) / np.sqrt(n)
        # 24 means in each of 8 samples: chance passes 4.5 errors in one of 800 such suites.
        assert np.all(np.abs(values.mean(axis=0) - expected) < 4.5 * errors)


@pytest.mark.parametrize("method", METHODS)
def test_without_skewness_and_kurtosis_the_data_are_normal_to_the_last_bit(method):
    z = np.random.default_rng(3).standard_normal((50, 4))
    deviations = np.sqrt(np.diag(SIGMA))
    correlations = SIGMA / np.outer(deviations, deviations)
    values, vectors = np.linalg.eigh(correlations)
    root = {
        "vale_maurelli": np.linalg.cholesky(correlations),
        "independent": (vectors * np.sqrt(values)) @ vectors.T,
    }[method]
    x = draw(SIGMA, MU, 50, np.random.default_rng(3), method=method)
    np.testing.assert_allclose(x, MU + z @ root.T * deviations, atol=1e-13)
    # A linear map of normal variables, and back to independent ones.
    np.testing.assert_allclose(np.linalg.solve(root, ((x - MU) / deviations).T).T, z, atol=1e-12)


def test_independent_generators_give_each_variable_its_moments():
    # In the population: cumulants of a sum, from the generators that the function must find.
    deviations = np.sqrt(np.diag(SIGMA))
    values, vectors = np.linalg.eigh(SIGMA / np.outer(deviations, deviations))
    root = (vectors * np.sqrt(values)) @ vectors.T
    third, fourth = np.array([0.8, -0.2, 0.4, 1.0]), np.array([2.0, 0.5, 1.0, 3.0])
    skewness, kurtosis = root**3 @ third, root**4 @ fourth
    x = draw(
        SIGMA, MU, 40, np.random.default_rng(3), skewness=skewness, kurtosis=kurtosis,
        method="independent",
    )  # fmt: skip
    z = np.random.default_rng(3).standard_normal((40, 4))
    expected = MU + polynomial(z, fleishman(third, fourth)) @ root.T * deviations
    np.testing.assert_allclose(x, expected, atol=1e-10)
    np.testing.assert_allclose(root @ root.T * np.outer(deviations, deviations), SIGMA, atol=1e-12)


def test_an_impossible_generator_is_refused_by_name():
    with pytest.raises(OptionError, match="of the generator of variable 2"):
        draw(
            SIGMA, MU, 5, np.random.default_rng(1), skewness=[0, 2.3, 0, 0],
            kurtosis=[0, 7.5, 0, 0], method="independent",
        )  # fmt: skip


def test_the_same_generator_gives_the_same_rows():
    options = {"skewness": 1.0, "kurtosis": 2.0}
    first = draw(SIGMA, MU, 20, np.random.default_rng(1), **options)
    np.testing.assert_array_equal(first, draw(SIGMA, MU, 20, np.random.default_rng(1), **options))
    assert not np.isin(first, draw(SIGMA, MU, 20, np.random.default_rng(2), **options)).any()
    assert draw(SIGMA, MU, 0, np.random.default_rng(2), **options).shape == (0, 4)
    assert draw([[2.0]], 1.0, 3, np.random.default_rng(2), **options).shape == (3, 1)


BAD = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"sigma": [1.0, 2.0]}, ModelError, r"shape \(2,\), but must be a square matrix"),
        ({"sigma": [[1.0, np.nan], [0.0, 1.0]]}, ModelError, "not finite"),
        ({"sigma": [[1.0, 0.5], [0.4, 1.0]]}, ModelError, "sigma is not symmetric"),
        ({"sigma": [[1.0, 0.5], [0.5, -1.0]]}, ModelError, "variance -1 for variable 2"),
        ({"sigma": BAD}, ModelError, "not positive definite: the smallest eigenvalue .* -0.8"),
        ({"mu": [1.0, 2.0]}, ModelError, r"mu has the shape \(2,\): give one number, or 4"),
        ({"mu": np.inf}, ModelError, "mu holds values that are not finite"),
        ({"skewness": [1.0]}, OptionError, r"skewness has the shape \(1,\)"),
        ({"kurtosis": np.nan}, OptionError, "kurtosis holds values that are not finite"),
        ({"n": -1}, OptionError, "n is -1"),
        ({"n": 1.5}, OptionError, "n is 1.5"),
        (
            {"method": "copula"},
            OptionError,
            "unknown method 'copula'. Choose one of: vale_maurelli",
        ),
    ],
)
def test_wrong_input_is_refused(change, error, message):
    given_ = {"sigma": SIGMA, "mu": MU, "n": 5, "rng": np.random.default_rng(1), **change}
    arguments = [given_.pop(name) for name in ("sigma", "mu", "n", "rng")]
    with pytest.raises(error, match=message):
        draw(*arguments, **given_)
