import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f as f_distribution

from measure.errors import DataError, OptionError
from measure.levels.multilevel import agreement, icc
from tests.measure.ledger import AGREEMENT, ICC, unaccounted
from tests.reference_cases import case, data

LQ = data("lq2002.csv")


@pytest.mark.parametrize("name", ICC)
def test_icc_reference(name):
    reference = case(name)
    options = reference["options"]
    found = icc(data(reference["data"]), options["variables"], cluster=options["group"])
    # multilevel::ICC1 uses the mean cluster size, k* is what the reference calls n0.
    named = {
        "icc1": "icc1_n0",
        "icc1_mean_size": "icc1",
        "icc2": "icc2",
        "f": "f",
        "df1": "df1",
        "df2": "df2",
        "pvalue": "pvalue",
        "ms_between": "ms_between",
        "ms_within": "ms_within",
        "k_star": "n0",
        "n_clusters": "n_groups",
        "n": "n",
    }
    for expected in reference["results"]["variables"]:
        row = found.loc[expected["variable"]]
        for ours, theirs in named.items():
            assert row[ours] == pytest.approx(expected[theirs], rel=1e-7, abs=1e-7), ours
        assert not unaccounted(expected, {"variable", *named.values()})


def balanced(seed, n_clusters=20, size=6, between=0.5):
    rng = np.random.default_rng(seed)
    means = between * rng.normal(size=(n_clusters, 1))
    answers = means + rng.normal(size=(n_clusters, size))
    return pd.DataFrame({"q": answers.ravel(), "team": np.repeat(np.arange(n_clusters), size)})


def test_interval_of_equal_clusters_is_the_exact_one():
    row = icc(balanced(1), "q", cluster="team", confidence_level=0.9).loc["q"]
    lower = row["f"] / f_distribution.ppf(0.95, 19, 100)
    upper = row["f"] * f_distribution.ppf(0.95, 100, 19)
    assert row["icc1.ci.lower"] == pytest.approx((lower - 1) / (lower + 5))
    assert row["icc1.ci.upper"] == pytest.approx((upper - 1) / (upper + 5))
    assert row["icc2.ci.lower"] == pytest.approx(1 - 1 / lower)
    assert row["icc2.ci.upper"] == pytest.approx(1 - 1 / upper)
    assert row["k_star"] == row["mean_size"] == 6
    assert row["icc1"] == row["icc1_mean_size"]
    assert row["design_effect"] == pytest.approx(1 + 5 * row["icc1"])


def test_interval_of_unequal_clusters_covers():
    # k* in place of the common size is an approximation: coverage over 300 samples, se .013.
    rng = np.random.default_rng(2)
    sizes = np.repeat([3, 5, 10, 20], 10)
    team = np.repeat(np.arange(40), sizes)
    covered = 0
    for _ in range(300):
        answers = np.sqrt(0.2) * rng.normal(size=40)[team] + np.sqrt(0.8) * rng.normal(
            size=len(team)
        )
        row = icc(pd.DataFrame({"q": answers, "team": team}), "q", cluster="team").loc["q"]
        covered += row["icc1.ci.lower"] <= 0.2 <= row["icc1.ci.upper"]
    assert 0.91 <= covered / 300 <= 0.985


@settings(max_examples=20, deadline=None)
@given(shift=st.floats(-100, 100), factor=st.floats(0.1, 10))
def test_icc_ignores_the_metric(shift, factor):
    table = balanced(3)
    moved = table.assign(q=table["q"] * factor + shift)
    before, after = (icc(t, "q", cluster="team").loc["q"] for t in (table, moved))
    assert after["icc1"] == pytest.approx(before["icc1"], abs=1e-8)
    assert after["icc2"] == pytest.approx(before["icc2"], abs=1e-8)


def test_negative_estimates_stay_as_they_are():
    # Every team holds the same three answers: no difference between, much within.
    table = pd.DataFrame({"q": [1, 3, 5] * 4, "team": np.repeat(list("abcd"), 3)})
    row = icc(table, "q", cluster="team").loc["q"]
    assert row["icc1"] == pytest.approx(-0.5)
    assert np.isnan(row["icc2"])
    assert row["design_effect"] == 1.0


def test_missing_answers_missing_clusters_and_clusters_of_one_are_counted():
    table = balanced(4).astype({"team": object})
    table.loc[0, "q"] = np.nan
    table.loc[[1, 2], "team"] = None
    table.loc[len(table)] = {"q": 1.0, "team": "alone"}
    row = icc(table, ["q"], cluster="team").loc["q"]
    assert row["dropped"] == 3
    assert row["n"] == 118
    assert row["n_clusters"] == 21
    assert row["n_single"] == 1


@pytest.mark.parametrize(
    ("table", "cluster", "message"),
    [
        (LQ.assign(COMPID=1), "COMPID", 'answered in one "COMPID" only'),
        (LQ.assign(COMPID=range(len(LQ))), "COMPID", 'every "COMPID" has one answer'),
        (LQ, "TEAM", 'no column "TEAM" to use as cluster'),
        (LQ.assign(COMPID=np.nan), "COMPID", '"COMPID" is missing in all rows'),
        (LQ, "LEAD01", "both an item and the cluster"),
        (LQ.assign(LEAD01=LQ["COMPID"]), "COMPID", 'does not vary within any "COMPID"'),
        (
            LQ[["LEAD01", "COMPID", "SUB"]].set_axis(["LEAD01", "COMPID", "COMPID"], axis=1),
            "COMPID",
            'cluster "COMPID" occurs more than once',
        ),
    ],
)
def test_clusters_that_are_refused(table, cluster, message):
    with pytest.raises(DataError, match=message):
        icc(table, ["LEAD01"], cluster=cluster)


def test_confidence_level_of_icc():
    with pytest.raises(OptionError, match="confidence_level"):
        icc(LQ, "LEAD01", cluster="COMPID", confidence_level=1)


@pytest.mark.parametrize("name", AGREEMENT)
def test_agreement_reference(name):
    reference = case(name)
    options, expected = reference["options"], reference["results"]
    table = data(reference["data"])
    asked = {"cluster": options["group"], "scale": tuple(options["response_range"])}

    def compare(found, groups):
        groups = pd.DataFrame(groups).set_index("group")
        found = found.set_axis(found["cluster"].astype(str)).loc[groups.index]
        for column in groups.columns:
            np.testing.assert_allclose(
                found[column], groups[column].astype(float), rtol=0, atol=1e-7, err_msg=column
            )

    for single in expected["single"]:
        found = agreement(table, [single["variable"]], **asked)
        assert (found.items["item"] == single["variable"]).all()
        compare(found.items, single["groups"])
    found = agreement(table, options["multi"], **asked)
    assert found.null_variance == options["random_variance"]
    compare(found.clusters, expected["multi"]["groups"])
    for index, summary in expected["summary"].items():
        assert found.summary.loc[index].to_dict() == pytest.approx(summary, abs=1e-7)
    assert not unaccounted(expected, {"single", "multi", "summary"})


def test_items_use_all_answers_and_clusters_complete_rows():
    found = agreement(data("cohesion.csv"), [f"COH0{i}" for i in range(1, 6)], cluster="PLATOON")
    first = found.items[found.items["cluster"] == "1ST"].set_index("item")["size"]
    assert first["COH01"] == 5
    assert found.clusters.set_index("cluster").loc["1ST", "size"] == 4
    assert (found.n_obs, found.n_dropped) == (10, 1)
    assert "Over clusters" in repr(found)
    assert "<table" in found._repr_html_()


def test_one_item_has_the_same_rwg_with_either_formula():
    found = agreement(LQ, "TSIG01", cluster="COMPID")
    np.testing.assert_allclose(found.items["rwg"], found.clusters["rwg_j"])


@pytest.mark.parametrize(
    ("null", "variance"), [("slight", 1.34), ("moderate", 0.9), ("heavy", 0.44)]
)
def test_skewed_nulls_expect_less_variance(null, variance):
    found = agreement(LQ, ["LEAD01", "LEAD02"], cluster="COMPID", null=null)
    assert found.null_variance == variance
    uniform = agreement(LQ, ["LEAD01", "LEAD02"], cluster="COMPID")
    assert (found.clusters["rwg_j"] <= uniform.clusters["rwg_j"] + 1e-12).all()
    assert found.clusters["above_null"].sum() >= uniform.clusters["above_null"].sum()


def test_perfect_agreement_bimodal_groups_and_single_members():
    table = pd.DataFrame(
        {
            "team": [*"aaabbbbc", None],
            "q1": [4, 4, 4, 1, 1, 5, 5, 3, 2],
            "q2": [5, 5, 5, 1, 1, 5, 5, 3, 2],
        }
    )
    found = agreement(table, ["q1", "q2"], cluster="team")
    clusters = found.clusters.set_index("cluster")
    assert clusters.loc["a", ["rwg_j", "rwg_j_lindell", "awg"]].tolist() == [1, 1, 1]
    assert clusters.loc["a", "ad_mean"] == 0
    assert clusters.loc["b", "rwg_j"] == 0
    assert clusters.loc["b", "above_null"]
    assert clusters.loc["b", "rwg_j_lindell"] < 0
    assert clusters.loc["c", ["rwg_j", "ad_mean", "awg"]].isna().all()
    assert not clusters.loc["c", "above_null"]
    assert found.n_dropped == 1
    assert found.notes[0].startswith("1 of 3 clusters have one respondent")
    assert found.notes[1].startswith("In 1 of 3 clusters the answers vary more than the null")


def test_a_cluster_without_complete_rows_is_noted():
    table = pd.DataFrame({"team": list("aabb"), "q1": [1, 2, np.nan, 4], "q2": [1, 2, 3, np.nan]})
    found = agreement(table, ["q1", "q2"], cluster="team")
    assert found.clusters["cluster"].tolist() == ["a"]
    assert "1 clusters have no respondent who answered all items." in found.notes


def test_awg_is_undefined_near_an_end_of_the_scale():
    # Mean 1.2 of ten answers lies below (1 * 9 + 5) / 10 = 1.4.
    table = pd.DataFrame({"team": ["a"] * 10, "q": [1] * 8 + [2] * 2})
    found = agreement(table, "q", cluster="team")
    assert np.isnan(found.items.loc[0, "awg"])
    assert np.isnan(found.clusters.loc[0, "awg"])


def test_answers_outside_the_scale_are_noted():
    found = agreement(LQ, "HOSTIL01", cluster="COMPID", scale=(1, 5))
    assert any('"HOSTIL01" holds 657 answers outside the scale 1 to 5' in n for n in found.notes)
    assert not any(
        "outside" in n for n in agreement(LQ, "HOSTIL01", cluster="COMPID", scale=(0, 4)).notes
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"null": "triangular"}, "unknown null 'triangular'"),
        ({"null": "slight", "scale": (1, 7)}, "tabled for five categories only.* has 7"),
        ({"scale": (5, 1)}, "lowest and the highest category as whole numbers"),
        ({"scale": (1, 4.5)}, "whole numbers"),
    ],
)
def test_options_of_agreement_that_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        agreement(LQ, ["LEAD01"], cluster="COMPID", **options)


def test_nobody_answered_everything():
    table = pd.DataFrame(
        {"team": list("aabb"), "q1": [1, 2, np.nan, np.nan], "q2": [np.nan, np.nan, 1, 2]}
    )
    with pytest.raises(DataError, match="no row has an answer to all items"):
        agreement(table, ["q1", "q2"], cluster="team")
