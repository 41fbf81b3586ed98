"""Split-cluster correlations against their expectation, a slow second way, and what must hold."""

import re

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, OptionError
from measure.levels import cluster_splits

BETWEEN, WITHIN = 0.6, 0.4
ICC_X, ICC_Y = 0.20, 0.30


def _clustered(n_clusters: int, size: int, seed: int, between: float = BETWEEN) -> pd.DataFrame:
    """Two scores of variance 1 with known correlations between and within clusters."""
    rng = np.random.default_rng(seed)

    def pairs(x: float, y: float, r: float, shape: tuple[int, ...]) -> np.ndarray:
        cov = [[x, r * np.sqrt(x * y)], [r * np.sqrt(x * y), y]]
        return rng.multivariate_normal([0, 0], cov, shape)

    common = pairs(ICC_X, ICC_Y, between, (n_clusters, 1))
    both = common + pairs(1 - ICC_X, 1 - ICC_Y, WITHIN, (n_clusters, size))
    unit = np.repeat([f"u{k}" for k in range(n_clusters)], size)
    return pd.DataFrame({"x": both[..., 0].ravel(), "y": both[..., 1].ravel(), "unit": unit})


@pytest.mark.parametrize("size", [2, 8])
def test_the_expectation_is_found_with_many_clusters(size: int) -> None:
    found = measure.split_cluster(
        _clustered(3000, size, seed=3), "x", "y", cluster="unit", n_splits=20, seed=1
    )
    half = size / 2
    x, y = ICC_X + (1 - ICC_X) / half, ICC_Y + (1 - ICC_Y) / half
    covariance = BETWEEN * np.sqrt(ICC_X * ICC_Y)
    shared = WITHIN * np.sqrt((1 - ICC_X) * (1 - ICC_Y)) / half
    expected = {
        "split": covariance / np.sqrt(x * y),
        "same_source": (covariance + shared) / np.sqrt(x * y),
        "reliability_x": ICC_X / x,
        "reliability_y": ICC_Y / y,
        "corrected": BETWEEN,
    }
    assert list(found.table.index) == list(expected)
    for name, value in expected.items():
        # Three standard errors of 3,000 clusters, wider where it is divided by reliabilities.
        assert found.table.loc[name, "estimate"] == pytest.approx(
            value, abs=0.13 if name == "corrected" else 0.04
        )
    assert found.n_clusters == 3000
    assert found.n_obs == 3000 * size
    assert found.n_dropped == 0


def test_what_persons_share_with_themselves_does_not_count() -> None:
    found = measure.split_cluster(
        _clustered(2000, 10, seed=4, between=0.0), "x", "y", cluster="unit", n_splits=20, seed=1
    )
    table = found.table
    assert table.loc["split", "ci.lower"] < 0 < table.loc["split", "ci.upper"]
    assert table.loc["same_source", "ci.lower"] > 0.05


def test_pairs_of_members_have_all_their_splits_in_one_formula() -> None:
    """With two members in each cluster a split is a choice of who stands first."""
    data = _clustered(12, 2, seed=5)
    found = measure.split_cluster(data, "x", "y", cluster="unit", n_splits=2000, seed=1)
    x, y = (data[name].to_numpy().reshape(12, 2) for name in "xy")
    rng = np.random.default_rng(9)
    first = rng.integers(0, 2, (2000, 12))
    rows = np.arange(12)
    r = [
        np.corrcoef(x[rows, a], y[rows, 1 - a])[0, 1] / 2
        + np.corrcoef(x[rows, 1 - a], y[rows, a])[0, 1] / 2
        for a in first
    ]
    # Both are means over 2,000 random splits.
    assert found.table.loc["split", "estimate"] == pytest.approx(np.mean(r), abs=0.01)


def test_the_jackknife_is_that_of_leaving_out_each_cluster() -> None:
    from scipy.stats import t

    data = _clustered(15, 6, seed=6)
    whole = measure.split_cluster(data, "x", "y", cluster="unit", n_splits=400, seed=1)
    left_out = [
        measure.split_cluster(
            data[data["unit"] != unit], "x", "y", cluster="unit", n_splits=400, seed=2
        ).table.loc["split", "estimate"]
        for unit in data["unit"].unique()
    ]
    estimate = whole.table.loc["split", "estimate"]
    spread = np.sqrt(14 / 15 * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    reach = t.ppf(0.975, 13) * spread / (1 - estimate**2)
    limits = np.tanh([np.arctanh(estimate) - reach, np.arctanh(estimate) + reach])
    # Other random splits: the estimates differ in the third decimal.
    np.testing.assert_allclose(
        whole.table.loc["split", ["ci.lower", "ci.upper"]].to_numpy(float), limits, atol=0.05
    )


def test_units_and_the_order_of_rows_play_no_part() -> None:
    data = _clustered(40, 9, seed=7)
    found = measure.split_cluster(data, "x", "y", cluster="unit", seed=1)
    again = measure.split_cluster(data, "x", "y", cluster="unit", seed=1)
    pd.testing.assert_frame_equal(found.table, again.table)
    scaled = data.assign(x=3 * data["x"] + 1e6)
    moved = measure.split_cluster(scaled, "x", "y", cluster="unit", seed=1)
    # A score a million from 0 has ten digits left.
    pd.testing.assert_frame_equal(found.table, moved.table, rtol=1e-6)
    turned = measure.split_cluster(data.assign(x=-data["x"]), "x", "y", cluster="unit", seed=1)
    assert turned.table.loc["split", "estimate"] == pytest.approx(
        -found.table.loc["split", "estimate"]
    )
    shuffled = data.sample(frac=1, random_state=1)
    other = measure.split_cluster(shuffled, "x", "y", cluster="unit", n_splits=2000, seed=1)
    # Other splits of the same members.
    assert other.table.loc["split", "estimate"] == pytest.approx(
        found.table.loc["split", "estimate"], abs=0.03
    )


def test_members_without_a_score_or_a_fellow_are_left_out_and_counted() -> None:
    data = _clustered(20, 5, seed=8)
    data.loc[0, "x"] = np.nan
    data.loc[5, "unit"] = None
    data.loc[10:13, "y"] = np.nan
    found = measure.split_cluster(data, "x", "y", cluster="unit", n_splits=10, seed=1)
    # Of the third cluster one member is left, who goes too.
    assert (found.n_obs, found.n_dropped, found.n_clusters) == (100 - 7, 7, 19)
    assert found.n_obs == 93
    assert "fewer than 30" in found.notes[0]
    assert "Split-cluster correlation" in repr(found)
    assert "<table>" in found._repr_html_()


def test_more_clusters_than_blocks_are_left_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _clustered(450, 4, seed=9)
    blocks = measure.split_cluster(data, "x", "y", cluster="unit", n_splits=10, seed=1)
    monkeypatch.setattr(cluster_splits, "MOST_BLOCKS", 450)
    each = measure.split_cluster(data, "x", "y", cluster="unit", n_splits=10, seed=1)
    pd.testing.assert_series_equal(blocks.table["estimate"], each.table["estimate"])
    # A standard error from 200 blocks is itself uncertain by 1/sqrt(2 * 200), 5 %.
    np.testing.assert_allclose(
        blocks.table["ci.upper"] - blocks.table["ci.lower"],
        each.table["ci.upper"] - each.table["ci.lower"],
        rtol=0.15,
    )


def test_scores_that_clusters_do_not_share_have_no_corrected_correlation() -> None:
    # The members of a cluster stand on opposite sides of the mean.
    rng = np.random.default_rng(1)
    x = rng.standard_normal(30)
    data = pd.DataFrame(
        {
            "x": np.column_stack([x, -x]).ravel(),
            "y": rng.random(60),
            "unit": np.repeat(range(30), 2),
        }
    )
    found = measure.split_cluster(data, "x", "y", cluster="unit", n_splits=20, seed=1)
    assert found.table.loc["reliability_x", "estimate"] < 0
    assert np.isnan(found.table.loc["corrected"]).all()
    assert any("nothing in common" in note for note in found.notes)


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        ({}, {"n_splits": 0}, OptionError, "n_splits is 0"),
        ({}, {"confidence_level": 1.0}, OptionError, "confidence_level is 1.0"),
        ({"unit": "one"}, {}, DataError, 'only 1 values of "unit" have two members'),
        ({"unit": np.arange(200)}, {}, DataError, 'only 0 values of "unit" have two members'),
        ({"x": 1.0}, {}, DataError, '"x"'),
    ],
)
def test_what_cannot_be_split_is_refused(
    change: dict[str, object],
    options: dict[str, float],
    error: type[Exception],
    message: str,
) -> None:
    data = _clustered(20, 10, seed=1).assign(**change)
    with pytest.raises(error, match=re.escape(message)):
        measure.split_cluster(data, "x", "y", cluster="unit", **options)  # type: ignore[arg-type]


def test_a_cluster_column_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match='no column "team"'):
        measure.split_cluster(_clustered(20, 4, seed=1), "x", "y", cluster="team")
