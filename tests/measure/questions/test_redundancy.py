"""Pairs of items that say nearly the same."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError
from measure.questions.redundancy import partial_correlations, topological_overlap

DATA = Path(__file__).parents[2] / "reference" / "data"


def test_partial_correlations_are_those_of_residuals() -> None:
    data = pd.read_csv(DATA / "hs39.csv")[[f"x{i}" for i in range(1, 7)]]
    others = np.column_stack([np.ones(len(data)), data.drop(columns=["x1", "x4"])])
    left = [
        data[name] - others @ np.linalg.lstsq(others, data[name], rcond=None)[0]
        for name in ("x1", "x4")
    ]
    found = partial_correlations(data.corr().to_numpy())
    assert found[0, 3] == pytest.approx(np.corrcoef(left)[0, 1])
    assert (np.diag(found) == 0).all()


def test_overlap_of_a_small_network_by_hand() -> None:
    weights = np.array([[0, 0.5, 0.2], [0.5, 0, -0.3], [0.2, -0.3, 0]])
    found = topological_overlap(weights)
    assert found[0, 1] == pytest.approx((0.2 * -0.3 + 0.5) / (0.7 + 1 - 0.5))
    assert found[0, 2] == pytest.approx((0.5 * -0.3 + 0.2) / (0.5 + 1 - 0.2))
    assert (np.diag(found) == 1).all()


def test_connected_to_the_same_items_and_each_other_is_full_overlap() -> None:
    weights = np.ones((4, 4)) - np.eye(4)
    np.testing.assert_allclose(topological_overlap(weights), 1.0)


def draw(n: int, seed: int) -> pd.DataFrame:
    """Eight items of one factor, the last two with a wording in common."""
    rng = np.random.default_rng(seed)
    factor, wording = rng.normal(size=(2, n))
    answers = 0.7 * factor[:, None] + 0.71 * rng.normal(size=(n, 8))
    answers[:, 6:] = 0.7 * factor[:, None] + 0.6 * wording[:, None] + 0.38 * rng.normal(size=(n, 2))
    return pd.DataFrame(answers, columns=[f"y{i}" for i in range(8)])


def test_a_redundant_pair_comes_first_and_above_the_cut_off() -> None:
    found = measure.redundancy(draw(600, 1))
    assert list(found.loc[0, ["item1", "item2"]]) == ["y6", "y7"]
    assert found["wto"].iloc[0] > 0.25 > found["wto"].iloc[1]
    assert len(found) == 28
    assert (found["n_obs"] == 600).all()


def test_turning_an_item_turns_its_pairs() -> None:
    data = draw(300, 2)
    one = measure.redundancy(data).set_index(["item1", "item2"])["wto"]
    other = measure.redundancy(data.assign(y7=-data["y7"])).set_index(["item1", "item2"])["wto"]
    turned = [-1 if "y7" in pair else 1 for pair in one.index]
    np.testing.assert_allclose(other.loc[one.index], one * turned, atol=1e-12)


def test_ordered_answers_by_polychoric_correlations() -> None:
    cut = draw(800, 3).apply(lambda answers: np.digitize(answers, [-1.0, 0.0, 1.0]) + 1)
    found = measure.redundancy(cut, correlation="polychoric")
    matrix = measure.polychoric(cut).correlations
    again = measure.redundancy(matrix, correlation="polychoric", n_obs=800)
    pd.testing.assert_frame_equal(found, again)
    assert list(found.loc[0, ["item1", "item2"]]) == ["y6", "y7"]


def test_identical_items_are_refused() -> None:
    data = draw(200, 4)
    with pytest.raises(DataError, match="y7"):
        measure.redundancy(data.assign(y7=data["y6"]))
