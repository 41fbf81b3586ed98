"""Change between waves and its difference between groups: known truth, and the raw numbers."""

import numpy as np
import pandas as pd
import pytest

import measure
from benchmarks.change_design import ITEMS, MODEL, two_waves
from measure.errors import OptionError

LONG = {"person": "person", "wave": "wave"}
HALF = 0.4


@pytest.fixture(scope="module")
def long():
    return two_waves(7)


@pytest.fixture(scope="module")
def found(long):
    return measure.change_difference(
        MODEL, long, **LONG, group="effort", against="no", cluster="place", estimator="MLR", seed=1
    )


def test_the_interval_of_the_difference_in_change_holds_the_truth(found):
    row = found.table.iloc[0]
    assert (row["group"], row["against"], row["from"], row["to"]) == ("yes", "no", 1, 2)
    assert row["ci.lower"] < HALF < row["ci.upper"]
    assert row["ci.lower"] > 0
    changes = found.changes.set_index("group")
    # The definition of the difference: what the two groups' changes differ by.
    assert row["difference"] == pytest.approx(
        changes.loc["yes", "change"] - changes.loc["no", "change"], abs=1e-10
    )
    assert found.n_clusters == 40


def test_raw_change_is_that_of_the_mean_of_the_items(long, found):
    wide = long.assign(score=long[list(ITEMS)].mean(axis=1)).pivot(
        index=["person", "place", "effort"], columns="wave", values="score"
    )
    moved = (wide[2] - wide[1]).rename("moved").reset_index()
    means = moved.groupby("effort")["moved"].mean()
    assert found.table["raw"].iloc[0] == pytest.approx(means["yes"] - means["no"], abs=1e-12)
    by_cluster = moved.groupby(["effort", "place"])["moved"].mean()
    clusters = found.clusters.iloc[0]
    assert clusters["raw"] == pytest.approx(
        by_cluster["yes"].mean() - by_cluster["no"].mean(), abs=1e-12
    )
    # R: t.test(yes, no)$p.value is Welch's; scipy has the same.
    from scipy.stats import ttest_ind

    test = ttest_ind(by_cluster["yes"], by_cluster["no"], equal_var=False)
    assert clusters["pvalue"] == pytest.approx(test.pvalue, rel=1e-10)
    assert clusters["df"] == pytest.approx(test.df, rel=1e-10)


def test_reallocations_of_few_clusters_are_all_counted():
    few = two_waves(3, n_clusters=8, size=30)
    one, other = (
        measure.change_difference(
            MODEL, few, **LONG, group="effort", cluster="place", seed=seed
        ).clusters["pvalue.permutation"][0]
        for seed in (1, 2)
    )
    assert one == other
    assert one * 70 == pytest.approx(round(one * 70), abs=1e-9)


def test_change_in_ordered_answers_has_the_same_units(long):
    cut = two_waves(7, categories=True)
    fine = measure.latent_change(MODEL, long, **LONG, cluster="place", estimator="MLR")
    coarse = measure.latent_change(MODEL, cut, **LONG, cluster="place", ordered=True)
    assert coarse.table["change"][0] == pytest.approx(fine.table["change"][0], abs=0.05)
    # The standard deviation of the first wave is 1 by definition, also of the reference group.
    assert coarse.table["d"][0] == pytest.approx(coarse.table["change"][0], abs=1e-12)


def test_leavers_who_stand_high_bias_listwise_and_not_full_information():
    gone = two_waves(11, n_clusters=60, size=40, gains=(0.3, 0.3), leave=0.4)
    full = measure.latent_change(MODEL, gone, **LONG, estimator="MLR", missing="fiml")
    assert full.table["change"][0] == pytest.approx(0.3, abs=0.06)
    assert any("missing at random" in note for note in full.notes)
    assert full.n_all < full.n_obs


def test_repeated_cross_sections_are_compared_as_samples():
    one, other = two_waves(5, n_clusters=60), two_waves(6, n_clusters=60)
    both = pd.concat([one[one["wave"] == 1], other[other["wave"] == 2]])
    found = measure.change_difference(
        MODEL,
        both,
        wave="wave",
        group="effort",
        against="no",
        cluster="place",
        estimator="MLR",
        seed=1,
    )
    row = found.table.iloc[0]
    assert row["ci.lower"] < HALF < row["ci.upper"]
    assert row["n"] == len(both)
    assert any("nobody is followed" in note for note in found.notes)


def test_a_parameter_that_moved_is_left_to_differ():
    moved = two_waves(9, n_clusters=60, gains=(0.3, 0.3), shifted={"y3": 0.6})
    plain = measure.latent_change(MODEL, moved, **LONG)
    freed = measure.latent_change(MODEL, moved, **LONG, partial=["y3 ~1"])
    assert plain.table["change"][0] > 0.4
    assert freed.table["change"][0] == pytest.approx(0.3, abs=0.06)


def test_what_does_not_make_means_comparable_is_refused(long):
    with pytest.raises(OptionError, match="not on one scale"):
        measure.latent_change(MODEL, long, **LONG, step="metric")
    with pytest.raises(OptionError, match="makes all means equal"):
        measure.latent_change(MODEL, long, **LONG, step="means")
    with pytest.raises(OptionError, match="1 items left that measure alike"):
        measure.latent_change(MODEL, long, **LONG, partial=["y1 ~1", "f =~ y2", "y3 ~~ y3"])


@pytest.mark.slow
def test_intervals_of_the_difference_hold_the_truth_as_often_as_they_say():
    held = 0
    for seed in range(200):
        row = measure.change_difference(
            MODEL,
            two_waves(1000 + seed, n_clusters=20, size=15),
            **LONG,
            group="effort",
            against="no",
            cluster="place",
            estimator="MLR",
            n_permutations=1,
            seed=1,
        ).table.iloc[0]
        held += row["ci.lower"] < HALF < row["ci.upper"]
    # 20 clusters: a little below 95 % is known of the sandwich; 190 ± 3 standard errors otherwise.
    assert held >= 178


def test_results_show_what_they_rest_on(found):
    shown = repr(found)
    assert "Difference in change" in shown
    assert "Reallocations of clusters" in shown
    assert np.isfinite(found.table["d"]).all()
