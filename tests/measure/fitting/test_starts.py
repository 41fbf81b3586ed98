"""Starting values: a first guess good enough that the search needs few steps."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import measure
from measure.errors import ImproperSolutionWarning
from measure.fitting.starts import _instrumental, _principal_factor
from measure.optimize import Search, search_from_several
from tests.reference_cases import data

HS39 = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"


def one_factor(loadings, n_obs, seed):
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(n_obs, 1))
    residual = rng.normal(size=(n_obs, len(loadings))) * np.sqrt(1 - np.square(loadings))
    names = [f"y{k}" for k in range(len(loadings))]
    return pd.DataFrame(factor * loadings + residual, columns=names)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([-0.8, -0.5, 0.4, 0.6, 0.8]), min_size=4, max_size=9),
    st.integers(0, 10_000),
    st.floats(-3, 3),
)
def test_reversed_items_and_any_scale_converge_from_the_first_start(loadings, seed, exponent):
    frame = one_factor(np.array(loadings), 500, seed) * 10.0**exponent
    fit = measure.cfa("f =~ " + " + ".join(frame.columns), frame, std_lv=True)
    assert fit.converged
    assert fit.starts == 1
    assert fit.iterations < 30
    signs = np.sign(loadings) * np.sign(loadings[0])
    np.testing.assert_array_equal(np.sign(fit.loadings["f"]), signs)


def test_items_that_hardly_load_do_not_stop_the_search():
    frame = one_factor(np.array([0.05, 0.7, 0.8, 0.6, 0.02]), 400, 3)
    fit = measure.cfa("f =~ y0 + y1 + y2 + y3 + y4", frame)
    assert fit.converged


def test_user_starts_are_used_and_do_not_change_the_answer():
    frame = data("hs39.csv")
    plain = measure.cfa(HS39, frame)
    started = measure.cfa(HS39.replace("x2", "start(3)*x2"), frame)
    np.testing.assert_allclose(plain.parameters["est"], started.parameters["est"], atol=1e-6)


def test_the_marker_sets_the_sign():
    frame = data("hs39.csv").assign(x1=lambda d: -d["x1"])
    assert (measure.cfa(HS39, frame).loadings.loc["x1", "visual"]) > 0
    assert (measure.cfa(HS39, frame).loadings.loc["x2", "visual"]) < 0


@pytest.mark.parametrize("r", [0.5, -0.5, 0.0])
def test_two_items_share_their_correlation(r):
    loadings = _principal_factor(np.array([[1.0, r], [r, 1.0]]))
    assert abs(loadings[0]) == pytest.approx(abs(loadings[1]))
    if r:
        assert loadings[0] * loadings[1] == pytest.approx(r)


def test_three_items_with_an_impossible_variance_are_met_exactly():
    """r12 r13 / r23 exceeds 1, so that the first item has a negative residual variance."""
    names = ["a", "b", "c"]
    cov = pd.DataFrame([[1.0, 0.6, 0.7], [0.6, 1.0, 0.4], [0.7, 0.4, 1.0]], names, names)
    with pytest.warns(ImproperSolutionWarning, match='"a"'):
        fit = measure.cfa("f =~ a + b + c", sample_cov=cov, sample_nobs=200, std_lv=True)
    assert fit.fit_measures["chisq"] == pytest.approx(0.0, abs=1e-8)
    assert fit.loadings.loc["a", "f"] == pytest.approx(np.sqrt(0.6 * 0.7 / 0.4), abs=1e-6)


def test_instruments_reproduce_the_correlations_of_three_items():
    loadings = np.array([0.9, -0.5, 0.3])
    correlations = np.outer(loadings, loadings)
    np.fill_diagonal(correlations, 1.0)
    found = _instrumental(correlations)
    np.testing.assert_allclose(np.outer(found, found)[0, 1:], correlations[0, 1:], atol=1e-12)


def test_an_impossible_solution_is_compared_with_other_starts():
    improper = Search(np.zeros(1), 2.0, np.zeros(1), True, 5, "converged")
    better = Search(np.ones(1), 1.0, np.zeros(1), True, 5, "converged")
    found = {0.0: improper, 1.0: better, 2.0: improper, 3.0: improper}
    starts = [lambda k=k: np.array([float(k)]) for k in range(4)]
    search, attempts = search_from_several(lambda x: found[float(x[0])], starts, lambda _: False)
    assert search is better
    assert attempts == 3
    search, attempts = search_from_several(lambda x: found[float(x[0])], starts, lambda _: True)
    assert search is improper
    assert attempts == 1
