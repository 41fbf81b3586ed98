import numpy as np
import pandas as pd
import pytest

from measure.exploration.category_correlations import polychoric
from measure.exploration.shuffled import Shuffled
from measure.moments.ordinal.two_step import two_step
from tests.reference_cases import data


def shuffled_of(table, ordered=True, empty_cells="2x2"):
    found = polychoric(table, ordered, empty_cells=empty_cells)
    return Shuffled(found.answers[0], empty_cells)


def by_the_estimator(shuffled, rng):
    """Shuffle the same way and estimate from the start."""
    answers = shuffled.answers
    codes = np.stack([rng.permutation(own) for own in answers.codes])
    nothing = np.empty((answers.n_rows, 0))
    return two_step(codes, nothing, answers.layout, shuffled.empty_cells)


@pytest.mark.parametrize("empty_cells", ["2x2", "all", "none"])
@pytest.mark.parametrize("n", [60, 2000])
def test_a_draw_is_what_the_estimator_finds_in_shuffled_answers(n, empty_cells):
    items = [f"{scale}{k}" for scale in "AC" for k in range(1, 5)]
    table = data("bfi.csv")[items].dropna().iloc[:n]
    # One item in two categories, and one in which one of them is rare.
    table = table.assign(A1=(table["A1"] > 2).astype(int), C1=np.where(np.arange(n) < 3, 2, 1))
    shuffled = shuffled_of(table, empty_cells=empty_cells)
    for seed in range(3):
        expected = by_the_estimator(shuffled, np.random.default_rng(seed))
        found = shuffled.draw(np.random.default_rng(seed))
        np.testing.assert_allclose(found, expected.correlations, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(expected.tables.margins, shuffled.answers.tables.margins)


def test_correlations_beyond_the_reach_of_the_series():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(rng.integers(1, 4, size=(15, 4)), columns=list("abcd"))
    shuffled = shuffled_of(table)
    draws = np.array([shuffled.draw(np.random.default_rng(seed)) for seed in range(20)])
    assert np.abs(draws - np.eye(4)).max() > 0.6
    expected = by_the_estimator(shuffled, np.random.default_rng(5)).correlations
    np.testing.assert_allclose(draws[5], expected, rtol=0, atol=1e-9)


def test_continuous_items_are_shuffled_too():
    rng = np.random.default_rng(8)
    common = rng.normal(size=3000)
    table = pd.DataFrame(
        {
            "x": common + rng.normal(size=3000),
            "y": common + rng.normal(size=3000),
            "a": 1 + (common + rng.normal(size=3000) > 0.3),
            "b": 1 + (common + rng.normal(size=3000) > -0.5),
        }
    )
    shuffled = shuffled_of(table, ["a", "b"])
    assert shuffled.answers.correlations.min() > 0.4
    draw = shuffled.draw(np.random.default_rng(1))
    # Standard errors of about .02 to .03.
    assert 0 < np.abs(draw - np.eye(4)).max() < 0.12
