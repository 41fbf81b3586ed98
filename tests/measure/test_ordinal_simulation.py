"""Answers drawn from models with ordered items."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import ModelError
from measure.simulating.holes import Holes
from measure.simulating.populations import population
from measure.simulating.simulation import simulate
from tests.measure.ordinal_misfit_fits import fitted
from tests.reference_cases import data

TEXT = """
    f =~ 0.8*a + 0.7*b + 0.3*c + 0.5*y
    f ~~ 1*f
    y ~~ 2*y
    y ~ 3*1
    a | -1*t1 + 0*t2 + 1*t3
    b | 0.5*t1
    c | -1*t1 + 1*t2
    c ~*~ 2*c
"""
TIED = ("thresholds", "loadings")


def test_a_text_with_thresholds_has_ordered_items():
    truth = population(TEXT)
    assert truth.names == ("a", "b", "c", "y")
    assert truth.values == {"a": (1, 2, 3, 4), "b": (1, 2), "c": (1, 2, 3)}
    sigma = truth.covariances[1]
    np.testing.assert_allclose(np.diag(sigma), [1, 1, 1, 2.25])
    # c has a standard deviation of 1/2.
    assert sigma.loc["a", "c"] == pytest.approx(0.8 * 0.3 * 2)
    np.testing.assert_allclose(truth.cuts("c")[0], [-2, 2])
    np.testing.assert_allclose(truth.cuts("b")[0], [0.5])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"parameterization": "theta"},
        {"group": "gender", "group_equal": TIED},
        {"group": "gender", "group_equal": TIED, "parameterization": "theta"},
    ],
)
def test_a_model_is_found_again_in_answers_drawn_from_its_fit(options):
    frame = data("bfi.csv").dropna(subset=["N1", "N2", "N3", "N4", "A2", "gender"])
    text = "f =~ N1 + N2 + N3 + N4\nA2 ~ f"
    start = measure.sem(text, frame, ordered=["N1", "N2", "N3", "N4"], **options)
    answers = simulate(start, 60_000, seed=3)
    again = measure.sem(text, answers, ordered=["N1", "N2", "N3", "N4"], **options)
    z = (again.parameters["est"] - start.parameters["est"])[again.parameters["free"]]
    z = z / again.parameters["se"][again.parameters["free"]]
    assert z.abs().max() < 4
    assert z.abs().mean() == pytest.approx(0.8, abs=0.3)
    if "group" in options:
        assert sorted(answers["gender"].unique()) == [1, 2]
    assert set(answers["N1"]) == {1, 2, 3, 4, 5, 6}


def test_categories_have_the_shares_that_the_thresholds_say():
    answers = simulate(TEXT, 200_000, seed=1)
    np.testing.assert_allclose(
        answers["a"].value_counts(normalize=True).sort_index(),
        [0.1587, 0.3413, 0.3413, 0.1587],
        atol=0.005,
    )
    assert (answers["b"] == 2).mean() == pytest.approx(0.3085, abs=0.005)
    assert answers["y"].mean() == pytest.approx(3, abs=0.02)
    assert answers["y"].var() == pytest.approx(2.25, abs=0.05)


def test_answers_keep_their_own_codes_and_get_holes():
    frame = data("hs39_ordered4.csv")
    frame["o4"] = frame["o4"] * 10
    start = measure.cfa("f =~ o4 + o5 + o6 + o7", frame, ordered=True)
    answers = simulate(start, 500, seed=2, missing=Holes(0.2, ["o5"]))
    assert set(answers["o4"]) == {10, 20, 30, 40}
    assert answers["o5"].isna().mean() == pytest.approx(0.2, abs=0.06)
    pd.testing.assert_frame_equal(answers, simulate(start, 500, seed=2, missing=Holes(0.2, ["o5"])))


def test_skewed_responses_change_the_shares():
    plain, skewed = (simulate(TEXT, 100_000, seed=4, skewness=s, kurtosis=3 * s) for s in (0, 1.5))
    assert (plain["b"] == 2).mean() - (skewed["b"] == 2).mean() > 0.04
    assert skewed["y"].skew() == pytest.approx(1.5, abs=0.15)
    assert skewed["y"].var() == pytest.approx(2.25, abs=0.05)


def test_values_are_asked_for_by_name():
    with pytest.raises(ModelError, match=r"no value: a \| t2"):
        population(TEXT.replace("0*t2", "t2"))
    with pytest.raises(ModelError, match=r'thresholds of "a" do not ascend: -1, 2, 1'):
        population(TEXT.replace("0*t2", "2*t2"))
    with pytest.raises(ModelError, match="follows from its scaling factor"):
        population(TEXT + "a ~~ 0.36*a")
    with pytest.raises(ModelError, match="negative residual variance"):
        population(TEXT.replace("0.8*a", "1.2*a"))


def test_the_population_of_a_fit_has_its_thresholds():
    fit = fitted("ordinal_misfit_hs39_school_equal")
    truth = population(fit)
    for k, moments in enumerate(fit.implied_moments):
        cuts = np.concatenate([truth.cuts(name)[k] for name in fit.moments.names])
        np.testing.assert_array_equal(cuts, moments.thresholds)
