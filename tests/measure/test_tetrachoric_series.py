import numpy as np
import pytest

from measure.moments.ordinal.polychoric import Cells, Tables
from measure.moments.ordinal.tetrachoric_series import REACH, TERMS, Series, factors
from measure.moments.ordinal.thresholds import limits_of


def tables(seed, n_pairs=20, height=5, width=3):
    rng = np.random.default_rng(seed)
    rows = rng.integers(1, 50, size=(n_pairs, height)).astype(float)
    columns = rng.integers(1, 50, size=(n_pairs, width)).astype(float)
    # The last category of the first items is not theirs.
    rows[0, -1] = 0.0
    counts = rng.integers(0, 30, size=(n_pairs, height, width)).astype(float)
    counts[0, -1] = 0.0
    return Tables(counts, limits_of(rows), limits_of(columns))


@pytest.mark.parametrize("largest", [0.0, 1e-6, 0.05, 0.15, REACH])
def test_likelihoods_are_those_of_the_distribution_function(largest):
    given = tables(1)
    rho = np.linspace(-largest, largest, len(given))
    series = Series.of(given.rows, given.columns)
    found = series.likelihoods(given.counts, np.arange(len(given)), rho)
    expected = Cells(given, rho).likelihoods
    for own, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(own, theirs, rtol=1e-11, atol=1e-9)


def test_some_of_the_tables():
    given = tables(2)
    series = Series.of(given.rows, given.columns)
    some, rho = np.array([3, 7]), np.array([0.1, -0.2])
    every = np.zeros(len(given))
    every[some] = rho
    expected = series.likelihoods(given.counts, np.arange(len(given)), every)
    found = series.likelihoods(given.counts, some, rho)
    for own, whole in zip(found, expected, strict=True):
        np.testing.assert_allclose(own, whole[some], rtol=1e-12)


def test_factors_of_a_tetrachoric_table_are_pearson_s():
    # Pearson (1900): the coefficients of rho and of rho^2 are phi(h) phi(k) and h k phi phi / 2.
    h, k = 0.4, -1.1
    phi = np.exp(-(np.array([h, k]) ** 2) / 2) / np.sqrt(2 * np.pi)
    a = factors(np.array([[-np.inf, h, np.inf]]))[0]
    b = factors(np.array([[-np.inf, k, np.inf]]))[0]
    assert a.shape == (2, TERMS)
    product = a[0] * b[0]
    assert product[1] == pytest.approx(phi[0] * phi[1], rel=1e-14)
    assert product[2] == pytest.approx(h * k * phi[0] * phi[1] / 2, rel=1e-14)
    np.testing.assert_allclose(a.sum(axis=0), [1.0] + [0.0] * (TERMS - 1), atol=1e-15)
