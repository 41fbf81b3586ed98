"""Mode and mean of the posterior, against finite differences and dense grids."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure.scoring.posterior import (
    Answered,
    _derivatives,
    _log_posterior,
    _Order,
    log_probabilities,
    mean,
    mode,
)


def answered(codes, loading, cuts, correlation=0.0):
    """Answers (n, d, items) to items that load on one of d correlated factors; -1 is missing."""
    codes = np.asarray(codes)
    n, d, per = codes.shape
    ends = np.concatenate([[-np.inf], cuts, [np.inf]])
    sd = np.sqrt(1 - loading**2)
    flat = codes.reshape(n, -1)
    there = flat >= 0
    lower = np.where(there, ends[np.maximum(flat, 0)], -np.inf) / sd
    upper = np.where(there, ends[np.maximum(flat, 0) + 1], np.inf) / sd
    loadings = np.kron(np.eye(d), np.full((per, 1), loading))
    among = np.full((d, d), correlation) + (1 - correlation) * np.eye(d)
    return Answered(lower, upper, loadings @ np.linalg.cholesky(among) / sd)


def by_grid(one, points, reach=8.0):
    """Mean and covariance of each posterior over a dense grid."""
    d = one.slopes.shape[1]
    grid = np.linspace(-reach, reach, points)
    X = np.stack(np.meshgrid(*[grid] * d, indexing="ij"), axis=-1).reshape(-1, d)
    centre, covariance = [], []
    for k in range(len(one.lower)):
        row = Answered(one.lower[k], one.upper[k], one.slopes)
        mass = np.exp(_log_posterior(row, X))
        mass /= mass.sum()
        centre.append(mass @ X)
        covariance.append((X - centre[-1]).T @ ((X - centre[-1]) * mass[:, None]))
    return np.array(centre), np.array(covariance)


def answers(rng, n, d, per, categories):
    return rng.integers(-1, categories, (n, d, per))


def test_log_probabilities_keep_their_digits_in_the_tails():
    lower = np.array([-np.inf, -1.0, 8.0, 40.0, -41.0, -np.inf])
    upper = np.array([np.inf, 1.0, 9.0, np.inf, -40.0, -39.0])
    # Of one tail by the asymptotic series, of [8, 9] from a table of Phi.
    expected = [0.0, np.log(0.682689492137086), np.log(6.219832e-16)]
    found = log_probabilities(lower, upper)
    np.testing.assert_allclose(found[:3], expected, rtol=1e-6)

    def tail(x):
        return -(x**2) / 2 - np.log(x * np.sqrt(2 * np.pi)) + np.log1p(-1 / x**2 + 3 / x**4)

    np.testing.assert_allclose(found[3:], [tail(40), tail(40), tail(39)], rtol=1e-9)


def test_derivatives_by_finite_differences():
    rng = np.random.default_rng(1)
    one = answered(answers(rng, 6, 3, 3, 4), 0.8, [-1.0, 0.0, 1.2], 0.4)
    v = rng.standard_normal((6, 3))
    value, gradient, information = _derivatives(one, v)
    np.testing.assert_allclose(value, _log_posterior(one, v))
    step = 1e-5
    for k in range(3):
        move = step * np.eye(3)[k]
        up, down = _log_posterior(one, v + move), _log_posterior(one, v - move)
        np.testing.assert_allclose(gradient[:, k], (up - down) / (2 * step), atol=1e-8)
        up, down = _derivatives(one, v + move)[1], _derivatives(one, v - move)[1]
        np.testing.assert_allclose(information[:, k], -(up - down) / (2 * step), atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(
    loading=st.floats(0.05, 0.999),
    cuts=st.lists(st.floats(-3, 3), min_size=1, max_size=5, unique=True),
    correlation=st.floats(0, 0.95),
    seed=st.integers(0, 1000),
)
def test_a_mode_is_found_for_any_answers(loading, cuts, correlation, seed):
    cuts = np.sort(cuts)
    if len(cuts) > 1 and np.diff(cuts).min() < 1e-3:
        cuts = cuts[:1]
    rng = np.random.default_rng(seed)
    one = answered(answers(rng, 20, 2, 4, len(cuts) + 1), loading, cuts, correlation)
    found = mode(one)
    assert found.settled.all()
    _, gradient, information = _derivatives(one, found.centre)
    newton = np.linalg.solve(information, gradient[..., None])[..., 0]
    assert np.abs(newton).max() < 1e-6


def test_no_answers_leave_the_prior():
    one = answered(np.full((2, 2, 3), -1), 0.7, [0.0])
    for found in (mode(one), mean(one)):
        np.testing.assert_allclose(found.centre, 0, atol=1e-12)
        np.testing.assert_allclose(found.covariance, np.tile(np.eye(2), (2, 1, 1)), atol=1e-10)
    nothing = Answered(one.lower, one.upper, np.zeros((6, 0)))
    assert mean(nothing).centre.shape == (2, 0)


@pytest.mark.parametrize(
    ("d", "per", "loading", "cuts", "points"),
    [
        (1, 3, 0.6, [-1.0, 0.0, 1.0], 2001),
        (1, 8, 0.95, [0.5], 4001),
        (2, 3, 0.7, [-1.5, -0.5, 0.4, 1.2], 301),
        (3, 3, 0.7, [-1.0, 0.0, 1.0], 81),
    ],
)
def test_the_mean_agrees_with_a_dense_grid(d, per, loading, cuts, points):
    rng = np.random.default_rng(2)
    codes = answers(rng, 5, d, per, len(cuts) + 1)
    # The hardest: always the last category, which leaves the posterior most skewed.
    codes[0], codes[1] = len(cuts), 0
    one = answered(codes, loading, cuts, 0.4)
    found = mean(one)
    centre, covariance = by_grid(one, points)
    assert found.settled.all()
    # Well within the change at which quadrature stops, 5e-4.
    np.testing.assert_allclose(found.centre, centre, atol=1e-4)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-4)


def test_where_the_quadrature_does_not_settle_it_says_so():
    # Binary items that nearly determine three correlated factors, all in the last category.
    one = answered(np.ones((1, 3, 4), dtype=int), 0.95, [1.0], 0.3)
    found = mean(one)
    assert not found.settled.any()
    centre, _ = by_grid(one, 61, reach=6.0)
    np.testing.assert_allclose(found.centre, centre, atol=0.05)


def test_respondents_do_not_influence_each_other():
    rng = np.random.default_rng(3)
    one = answered(answers(rng, 30, 2, 4, 3), 0.8, [-0.5, 0.5], 0.5)
    whole = mean(one)
    alone = [mean(one.part(np.array([k]))).centre[0] for k in range(30)]
    np.testing.assert_allclose(whole.centre, alone, atol=1e-12)


def test_cross_loadings_are_integrated_over_the_same():
    """An item that depends on all factors, and a general factor beside group factors."""
    rng = np.random.default_rng(4)
    one = answered(answers(rng, 4, 2, 3, 3), 0.7, [-0.6, 0.5], 0.3)
    crossed = np.vstack([one.slopes[:-1], [[0.5, 0.8]]])
    general = np.array([[0.8, 0.5], [0.7, 0.6], [0.9, 0.3], [0.8, 0.0], [0.6, 0.0], [0.7, -0.4]])
    for slopes in (crossed, general):
        own = Answered(one.lower, one.upper, slopes)
        centre, covariance = by_grid(own, 301)
        found = mean(own)
        np.testing.assert_allclose(found.centre, centre, atol=1e-4)
        np.testing.assert_allclose(found.covariance, covariance, atol=1e-4)


def test_the_factors_are_ordered_so_that_items_need_few():
    slopes = np.kron(np.eye(3), np.ones((4, 1)))[:, ::-1] @ np.linalg.cholesky(
        np.full((3, 3), 0.5) + 0.5 * np.eye(3)
    )
    order = _Order.of(slopes[[0, 1, 2, 3, 4, 5, 8]])
    assert order.depth.tolist() == [1, 1, 1, 1, 2, 2, 3]
    assert len(order.leading) == 3
