import numpy as np
import pandas as pd
import pytest
from scipy import stats

from measure.errors import DataError, OptionError
from measure.levels.means import group_means


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {"score": [1.0, 2.0, 4.0, 5.0, 3.0, np.nan], "team": ["a", "a", "a", "b", None, "a"]}
    )


def test_a_group_has_the_interval_of_a_t_test(frame: pd.DataFrame) -> None:
    row = group_means(frame, "score", by="team").loc["a"]
    expected = stats.ttest_1samp([1.0, 2.0, 4.0], 0.0).confidence_interval(0.95)
    assert row["n"] == 3
    assert row["mean"] == pytest.approx(7 / 3)
    assert (row["ci.lower"], row["ci.upper"]) == pytest.approx((expected.low, expected.high))


def test_a_group_of_one_has_a_mean_and_no_interval(frame: pd.DataFrame) -> None:
    row = group_means(frame, "score", by="team").loc["b"]
    assert row["mean"] == 5.0
    assert row[["sd", "se", "ci.lower", "ci.upper"]].isna().all()


def test_adding_a_constant_moves_mean_and_limits_alike(frame: pd.DataFrame) -> None:
    moved = group_means(frame.assign(score=frame["score"] + 10), "score", by="team")
    table = group_means(frame, "score", by="team")
    names = ["mean", "ci.lower", "ci.upper"]
    np.testing.assert_allclose(moved[names], table[names] + 10)


def test_a_higher_level_gives_a_wider_interval(frame: pd.DataFrame) -> None:
    wide = group_means(frame, "score", by="team", confidence=0.99)
    assert wide.loc["a", "ci.lower"] < group_means(frame, "score", by="team").loc["a", "ci.lower"]


def test_a_missing_column_is_named(frame: pd.DataFrame) -> None:
    with pytest.raises(DataError, match='"unit"'):
        group_means(frame, "score", by="unit")


def test_a_level_outside_0_and_1_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(OptionError, match="between 0 and 1"):
        group_means(frame, "score", by="team", confidence=95)
