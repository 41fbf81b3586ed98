from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from measure.errors import DataError, OptionError
from measure.levels.means import group_means, overall_means


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


LQ2002 = Path(__file__).parents[3] / "instruments" / "leadership_climate" / "lq2002.csv"


def test_the_interval_of_a_mean_allows_for_clusters_as_sandwich_does() -> None:
    # tests/reference/generate/63_overall_means.R: R 4.2.2, sandwich 3.0-2.
    answers = pd.read_csv(LQ2002)
    for start in ("LEAD", "TSIG"):
        names = [name for name in answers if name.startswith(start)]
        answers[start] = answers[names].mean(axis=1)
    table = overall_means(answers, ["LEAD", "TSIG"], cluster="COMPID")
    np.testing.assert_allclose(table["mean"], [3.0007123141, 3.1330395038], rtol=1e-9)
    np.testing.assert_allclose(table["se"], [0.0387518300, 0.0533430011], rtol=1e-8)
    assert (table["n"] == 2042).all()
    assert (table["n_clusters"] == 49).all()
    reach = stats.t.ppf(0.975, 48) * table["se"]
    np.testing.assert_allclose(table["ci.upper"] - table["mean"], reach)


def test_without_clusters_the_interval_is_that_of_a_t_test(frame: pd.DataFrame) -> None:
    scores = [1.0, 2.0, 4.0, 5.0, 3.0]
    expected = stats.ttest_1samp(scores, 0.0).confidence_interval(0.95)
    for cluster in (None, "own"):
        own = frame.assign(own=range(6))
        row = overall_means(own, ["score"], cluster=cluster).loc["score"]
        assert (row["ci.lower"], row["ci.upper"]) == pytest.approx((expected.low, expected.high))


def test_who_belongs_to_nobody_is_a_cluster_of_its_own(frame: pd.DataFrame) -> None:
    row = overall_means(frame, ["score"], cluster="team").loc["score"]
    assert (row["n"], row["n_clusters"], row["mean"]) == (5, 3, 3.0)


def test_one_cluster_and_no_score_leave_the_interval_open(frame: pd.DataFrame) -> None:
    one = overall_means(frame.assign(all="x", none=np.nan), ["score", "none"], cluster="all")
    assert one.loc["score", "mean"] == 3.0
    assert one[["se", "ci.lower", "ci.upper"]].isna().all(axis=None)
    assert (one.loc["none", "n"], one.loc["none", "n_clusters"]) == (0, 0)


def test_overall_means_name_what_is_missing(frame: pd.DataFrame) -> None:
    with pytest.raises(DataError, match='"unit"'):
        overall_means(frame, ["score"], cluster="unit")
    with pytest.raises(OptionError, match="between 0 and 1"):
        overall_means(frame, ["score"], confidence=0)
