"""The permutation test of a step of invariance."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.comparability.permuted_fits import STATISTICS, Deal
from measure.errors import DataError, OptionError
from tests.measure.comparability.test_invariance import answers, two_factors
from tests.reference_cases import data

THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
N_DRAWS = 60


@pytest.fixture(scope="module")
def school():
    return measure.permute_invariance(
        THREE, data("hs39.csv"), group="school", step="scalar", n=N_DRAWS, seed=1
    )


def test_what_is_observed_is_what_the_ladder_shows(school):
    row = measure.measurement_invariance(THREE, data("hs39.csv"), group="school").table.loc[
        "scalar"
    ]
    for name in STATISTICS:
        assert school.table.loc[name, "observed"] == pytest.approx(row[name], rel=1e-6)
    assert (school.step, school.against) == ("scalar", "metric")


def test_draws_are_fits_to_dealt_groups(school):
    """The first permutation once more, by the ladder itself."""
    frame = data("hs39.csv").sort_values("school", key=lambda s: s != "Pasteur", kind="stable")
    groups = (frame["school"] != "Pasteur").to_numpy().astype(int)
    rng = np.random.default_rng(np.random.SeedSequence(1, spawn_key=(0,)))
    dealt = Deal(groups, None).draw(rng)
    again = measure.measurement_invariance(
        THREE, frame.assign(g=np.where(dealt == 0, "a", "b")), group="g"
    ).table.loc["scalar"]
    for name in STATISTICS:
        expected = school.distribution[name].iloc[0]
        assert again[name] == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_a_step_that_fails_is_told_from_one_that_holds(school):
    # The scalar step of the two schools: chi-square 40.1 on 6 df.
    assert school.table.loc["chisq_diff", "pvalue"] == pytest.approx(1 / (N_DRAWS + 1))
    assert school.table.loc["delta_cfi", "pvalue"] < 0.05
    own = school.distribution["chisq_diff"]
    # About a chi-square on 6 df.
    assert 4 < own.mean() < 9
    rng = np.random.default_rng(5)
    alike = measure.permute_invariance(
        THREE,
        data("hs39.csv").assign(g=rng.permutation(np.arange(301) % 2)),
        group="g",
        n=N_DRAWS,
        seed=2,
    )
    assert alike.table.loc["chisq_diff", "pvalue"] > 0.05


def test_the_p_value_counts_the_data_among_the_permutations(school):
    own, row = school.distribution["delta_rmsea"], school.table.loc["delta_rmsea"]
    worse = (own >= row["observed"]).sum()
    assert row["pvalue"] == pytest.approx((1 + worse) / (1 + N_DRAWS))
    assert row["critical"] == pytest.approx(np.quantile(own, 0.95))
    assert school.table.loc["delta_cfi", "critical"] == pytest.approx(
        np.quantile(school.distribution["delta_cfi"], 0.05)
    )


def test_results_do_not_depend_on_workers(workers_here):
    options = {"group": "school", "step": "metric", "n": 55, "seed": 4}
    one = measure.permute_invariance(THREE, data("hs39.csv"), **options)
    two = measure.permute_invariance(THREE, data("hs39.csv"), workers=2, **options)
    pd.testing.assert_frame_equal(one.distribution, two.distribution)
    assert len(one.distribution) == 55


def test_ordered_items():
    frame = answers([4] * 6, n=500)
    found = measure.permute_invariance(
        two_factors(6), frame, group="g", ordered=True, step="metric", n=20, seed=3
    )
    assert found.against == "thresholds"
    assert found.n_failed == 0
    assert 0.05 < found.table.loc["chisq_diff", "pvalue"] <= 1
    # Half of one group answer one item at random: its loading is lower there.
    some = np.flatnonzero(frame["g"] == "group 1")[::2]
    frame.loc[some, "u1"] = np.random.default_rng(1).permutation(frame.loc[some, "u1"])
    turned = measure.permute_invariance(
        two_factors(6), frame, group="g", ordered=True, step="metric", n=20, seed=3
    )
    assert turned.table.loc["chisq_diff", "pvalue"] == pytest.approx(1 / 21)
    assert "group" in repr(turned)


def test_groups_are_dealt_to_clusters_as_wholes_or_within_them():
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(6), [2, 3, 4, 2, 3, 4])
    whole = Deal(np.repeat([0, 1], 9), clusters)
    assert whole.whole
    dealt = np.array([whole.draw(rng) for _ in range(50)])
    first = np.array([0, 2, 5, 9, 11, 14])
    np.testing.assert_array_equal(dealt, dealt[:, first][:, clusters])
    assert (dealt[:, first].sum(axis=1) == 3).all()
    assert len({tuple(one) for one in dealt}) > 10
    groups = np.tile([0, 1, 1], 6)
    within = Deal(groups, clusters)
    assert not within.whole
    dealt = np.array([within.draw(rng) for _ in range(50)])
    for k in range(6):
        own = clusters == k
        assert (dealt[:, own].sum(axis=1) == groups[own].sum()).all()
    assert (dealt != groups).any()
    alone = Deal(groups, None)
    assert alone.draw(rng).sum() == groups.sum()


@pytest.mark.parametrize("within", [True, False])
def test_clusters_of_a_survey(within):
    frame = data("hs39.csv")
    frame["unit"] = np.arange(301) % 30
    if not within:
        frame["unit"] = frame["unit"].astype(str) + frame["school"]
    found = measure.permute_invariance(
        THREE, frame, group="school", step="metric", n=20, seed=3, cluster="unit"
    )
    assert ("within their cluster" if within else "as wholes") in found.notes[-1]
    assert found.n_failed == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"step": "configural"}, "none before it"),
        ({"step": "weak"}, "unknown step"),
        ({"n": 0}, "n is 0"),
        ({"missing": "fiml"}, "unknown missing"),
    ],
)
def test_what_cannot_be_permuted_is_refused(options, words):
    with pytest.raises(OptionError, match=words):
        measure.permute_invariance(
            THREE, data("hs39.csv"), **{"group": "school", "seed": 1} | options
        )


def test_steps_without_a_test_are_refused():
    with pytest.raises(OptionError, match='has the degrees of freedom of "configural"'):
        measure.permute_invariance(
            two_factors(6), answers([3] * 6), group="g", ordered=True, step="thresholds", seed=1
        )
    with pytest.raises(DataError, match="holds 1 value"):
        measure.permute_invariance(THREE, data("hs39.csv").assign(g=1), group="g", seed=1)


def test_rare_categories_that_permutations_lose_are_counted():
    frame = answers([4] * 6, n=400)
    rows = [int(np.flatnonzero(frame["g"] == f"group {g}")[0]) for g in (0, 1)]
    frame["u1"] = frame["u1"].clip(lower=2)
    frame.iloc[rows, frame.columns.get_loc("u1")] = 1
    with pytest.raises(OptionError, match=r"permutations could not be fitted.*Merge rare"):
        measure.permute_invariance(
            two_factors(6), frame, group="g", ordered=True, step="metric", n=20, seed=3
        )
