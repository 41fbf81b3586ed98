"""Agreement of the members of clusters."""

import numpy as np
import pandas as pd
import pytest

from measure.errors import DataError, OptionError
from measure.levels.within_agreement import agreement
from tests.measure.ledger import AGREEMENT, unaccounted
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
