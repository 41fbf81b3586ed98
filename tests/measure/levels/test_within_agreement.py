"""Agreement of the members of clusters."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, levene

from measure.errors import DataError, OptionError
from measure.levels.agreement_indices import dispersions
from measure.levels.agreement_nulls import Draws, Null, null_of
from measure.levels.polarization import consensus
from measure.levels.within_agreement import agreement
from tests.measure.ledger import AGREEMENT, AGREEMENT_NULLS, unaccounted
from tests.reference_cases import case, data

LQ = data("lq2002.csv")


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


EVEN = Null("uniform", np.full(5, 0.2), 1)


@pytest.mark.parametrize("name", AGREEMENT_NULLS)
def test_simulated_nulls(name):
    for row in case(name)["results"]["percentiles"]:
        n_items = row["items"]
        correlations = np.full((n_items, n_items), float(row["correlation"]))
        np.fill_diagonal(correlations, 1.0)
        rwg, _ = Draws(EVEN, correlations, 8000, 1).indices(row["size"])
        # multilevel gives the first value above the percentile; both are simulated.
        limit = np.quantile(rwg, 0.95, method="higher")
        above = rwg[rwg > limit + 1e-9].min()
        assert above == pytest.approx(row["rwg_95"], abs=0.03)
        assert rwg.mean() == pytest.approx(row["mean"], abs=0.02)


@pytest.mark.parametrize("null", ["slight", "moderate", "heavy"])
def test_draws_have_the_shares_of_their_null(null):
    draws = Draws(null_of(null, (1, 5)), np.eye(1), 200, 1)
    # r_wg of large clusters without agreement is that of the variance of the null: 0.
    assert draws.indices(400)[0].mean() < 0.06
    assert null_of(null, (1, 5)).variance == {"slight": 1.34, "moderate": 0.9, "heavy": 0.44}[null]


def camps():
    """Clusters of ten: evenly spread, in agreement, in two camps."""
    rows = {"even": [1, 2, 3, 4, 5] * 2, "one": [4, 5] * 5, "two": [1] * 5 + [5] * 5}
    return pd.DataFrame(
        [(team, x, x) for team, xs in rows.items() for x in xs], columns=["team", "q1", "q2"]
    )


def test_agreement_beyond_chance_and_two_camps():
    found = agreement(camps(), ["q1", "q2"], cluster="team", n_draws=500, seed=3)
    clusters = found.clusters.set_index("cluster")
    assert clusters["beyond_chance"].to_dict() == {"even": 0, "one": 1, "two": 0}
    assert clusters["bimodal"].to_dict() == {"even": 0, "one": 0, "two": 1}
    assert clusters["consensus"].to_dict() == pytest.approx({"even": 0, "one": 0.75, "two": -1})
    assert "In 1 of 3 clusters the answers fall into two camps" in " ".join(found.notes)
    assert (found.n_draws, found.seed) == (500, 3)
    without = agreement(camps(), ["q1", "q2"], cluster="team")
    assert without.clusters[["rwg_j_chance", "bimodal"]].isna().all(axis=None)
    assert (without.n_draws, without.seed) == (0, None)


def test_evenly_spread_answers_are_flagged_rarely():
    rng = np.random.default_rng(4)
    table = pd.DataFrame(rng.integers(1, 6, size=(3000, 3)), columns=["a", "b", "c"])
    table["team"] = np.repeat(np.arange(300), 10)
    found = agreement(table, ["a", "b", "c"], cluster="team", n_draws=2000, seed=5).clusters
    assert 0.02 < found["bimodal"].mean() < 0.08
    assert 0.02 < found["beyond_chance"].mean() < 0.08
    peaked = table.assign(**{x: table[x].clip(2, 4) for x in "abc"})
    found = agreement(peaked, ["a", "b", "c"], cluster="team", n_draws=500, seed=5).clusters
    assert found["bimodal"].sum() == 0


def test_consensus():
    # An example of Van der Eijk's, and the cases that define the index.
    frequencies = np.array(
        [[30, 40, 210, 130, 530, 50, 10], [1] * 7, [5, 0, 0, 0, 0, 0, 5], [0, 0, 3, 0, 0, 0, 0]]
    )
    np.testing.assert_allclose(consensus(frequencies), [0.61133333, 0, -1, 1], atol=1e-8)
    np.testing.assert_allclose(consensus(frequencies[:, ::-1]), consensus(frequencies))
    np.testing.assert_allclose(consensus(7 * frequencies), consensus(frequencies))
    assert np.isnan(consensus(np.zeros(5)))


def test_answers_between_categories_have_no_consensus():
    table = pd.DataFrame({"team": list("aabb"), "q": [1, 2.5, 4, 4]})
    found = agreement(table, "q", cluster="team").items
    assert np.isnan(found["consensus"][0])
    assert found["consensus"][1] == 1


def test_dispersion():
    scores = LQ["LEAD"].to_numpy()
    codes, labels = pd.factorize(LQ["COMPID"])
    table, whole = dispersions(scores, codes, len(labels), 0.95)
    groups = [scores[codes == k] for k in range(len(labels))]
    np.testing.assert_allclose(table["sd"], [np.std(group, ddof=1) for group in groups])
    test = levene(*groups, center="median")
    assert (whole["f"], whole["pvalue"]) == pytest.approx((test.statistic, test.pvalue))
    assert (whole["df1"], whole["df2"]) == (48, len(scores) - 49)
    assert ((table["sd.ci.lower"] < table["sd"]) & (table["sd"] < table["sd.ci.upper"])).all()
    found = agreement(LQ, [f"LEAD{i:02d}" for i in range(1, 12)], cluster="COMPID")
    # LEAD is the mean of the items, to four digits.
    np.testing.assert_allclose(found.clusters["sd"], table["sd"], atol=1e-3)
    np.testing.assert_allclose(found.dispersion, whole, rtol=0.05, atol=1e-2)


def test_intervals_of_dispersion_cover():
    rng = np.random.default_rng(6)
    codes = np.repeat(np.arange(4000), 8)
    table, whole = dispersions(2 * rng.normal(size=len(codes)), codes, 4000, 0.95)
    assert whole["kurtosis"] == pytest.approx(3, abs=0.1)
    assert whole["cv_between"] < 0.15
    # Bonett's variance is that of normal scores where n is large: 2.375 / 7 in place of 2 / 7.
    df = 2 / (2.375 / 7)
    reach = np.sqrt(df / chi2.ppf([0.975, 0.025], df))
    np.testing.assert_allclose(table["sd.ci.lower"] / table["sd"], reach[0], rtol=0.02)
    assert ((table["sd.ci.lower"] < 2) & (table["sd.ci.upper"] > 2)).mean() > 0.94
    # Five categories: variances vary less from cluster to cluster than those of normal scores.
    table, whole = dispersions(rng.integers(1, 6, size=len(codes)) * 1.0, codes, 4000, 0.95)
    assert whole["kurtosis"] == pytest.approx(1.7, abs=0.05)
    true = np.sqrt(2)
    covered = ((table["sd.ci.lower"] < true) & (table["sd.ci.upper"] > true)).mean()
    assert 0.93 < covered < 0.985
    uneven = np.where(codes % 2, 1.0, 2.0) * rng.normal(size=len(codes))
    _, whole = dispersions(uneven, codes, 4000, 0.95)
    assert whole["pvalue"] < 1e-6
    # Variances of 1 and 4: their standard deviation is 1.5, their mean 2.5. The kurtosis that the
    # difference adds counts as chance.
    assert 0.4 < whole["cv_between"] < 0.62


def test_clusters_without_spread_have_no_dispersion_to_compare():
    table = pd.DataFrame({"team": list("aabbc"), "q": [4, 4, 2, 2, 3]})
    found = agreement(table, "q", cluster="team")
    assert found.clusters["sd"].tolist()[:2] == [0, 0]
    assert np.isnan(found.clusters["sd"][2])
    assert found.dispersion["f":].isna().all()


def test_rwg_under_each_null():
    found = agreement(LQ, ["LEAD01", "LEAD02"], cluster="COMPID", null="moderate")
    assert found.nulls.index.tolist() == ["uniform", "slight", "moderate", "heavy"]
    assert found.nulls.loc["moderate", "median"] == found.summary.loc["rwg_j", "median"]
    assert found.nulls["n_above_null"].is_monotonic_increasing
    seven = agreement(LQ, "LEAD01", cluster="COMPID", scale=(1, 7))
    assert seven.nulls.index.tolist() == ["uniform"]


def test_draws_need_a_seed():
    with pytest.raises(OptionError, match="needs a number of draws and a seed"):
        agreement(LQ, "LEAD01", cluster="COMPID", n_draws=10)
