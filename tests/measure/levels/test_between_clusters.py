"""Intraclass correlations, their intervals, and what they mean for the means of clusters."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f as f_distribution

from measure.errors import DataError, OptionError
from measure.levels.between_clusters import answers_needed, icc
from measure.levels.components import variance_components
from tests.measure.ledger import ICC, unaccounted
from tests.reference_cases import case, data

LQ = data("lq2002.csv")
UNITS = data("units.csv")


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
        squares = row["df1"] * row["f"]
        assert squares / (squares + row["df2"]) == pytest.approx(expected["eta_squared"], abs=1e-7)
        of_mixed = _mixed(data(reference["data"]), expected, options["group"])
        assert not unaccounted(expected, {"variable", "eta_squared", *named.values(), *of_mixed})


def _mixed(frame, expected, cluster):
    """Compare with the REML estimates and the reliabilities of group means that follow."""
    own = variance_components(frame, expected["variable"], levels=cluster, intervals="none")
    between, within = own.components["estimate"]
    # nlme's search ends when the likelihood is flat to six digits.
    assert between == pytest.approx(expected["var_between_reml"], rel=1e-4)
    assert within == pytest.approx(expected["var_within_reml"], rel=1e-4)
    rho = own.components["share"][0]
    assert rho == pytest.approx(expected["icc_reml"], rel=1e-4)
    sizes = own.effects.set_index(cluster)["n"]
    reliability = sizes * rho / (1 + (sizes - 1) * rho)
    assert reliability.mean() == pytest.approx(expected["gmeanrel_mean"], rel=1e-4)
    reliability.index = reliability.index.astype(str)
    np.testing.assert_allclose(
        reliability.loc[[str(x) for x in expected["gmeanrel_group_first5"]]],
        expected["gmeanrel_first5"],
        rtol=1e-4,
    )
    return {name for name in expected if "reml" in name or "gmeanrel" in name}


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
    assert row["icc1"] == row["share"] == pytest.approx(-0.5)
    assert row["icc1_used"] == row["reliability.max"] == 0
    assert row["note"].startswith("ICC(1) is negative (-0.500)")
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


def test_unequal_clusters_have_the_design_effect_of_their_squares():
    table = pd.DataFrame({"q": LQ["LEAD"], "team": LQ["COMPID"]})
    row = icc(table, "q", cluster="team").loc["q"]
    sizes = table.groupby("team").size()
    # Kish (1965): what the variance of the mean of all is multiplied by.
    rho = row["icc1"]
    expected = (rho * (sizes**2).sum() + (1 - rho) * sizes.sum()) / sizes.sum()
    assert row["design_effect"] == pytest.approx(expected)
    assert row["reliability.min"] == pytest.approx(
        sizes.min() * rho / (1 + (sizes.min() - 1) * rho)
    )
    assert row["reliability.min"] < row["reliability.median"] < row["reliability.max"]
    assert row["sigma2"] + row["tau2"] == pytest.approx(row["tau2"] / rho)


def test_three_levels():
    found = icc(UNITS, "score", cluster="unit", within="organisation")
    parts = variance_components(UNITS, "score", levels=["organisation", "unit"]).components
    organisation, unit = found.loc[("score", "organisation")], found.loc[("score", "unit")]
    o, u, rest = parts["estimate"]
    assert organisation["icc1"] == organisation["share"] == pytest.approx(o / (o + u + rest))
    assert unit["share"] == pytest.approx(u / (o + u + rest))
    assert unit["icc1"] == pytest.approx((o + u) / (o + u + rest))
    for row in (organisation, unit):
        assert row["icc1.ci.lower"] < row["icc1"] < row["icc1.ci.upper"]
        assert row["share.ci.lower"] < row["share"] < row["share.ci.upper"]
        assert 0 < row["pvalue"] < 0.05
    assert (organisation["n_clusters"], unit["n_clusters"]) == (12, 54)
    assert (organisation["n"], organisation["dropped"]) == (385, 0)
    assert unit["note"].startswith('6 of 6 values of "unit" are found in more than one')
    assert organisation["note"] == ""
    assert list(found.columns) == list(icc(UNITS, "score", cluster="organisation").columns)


def test_the_design_effect_of_three_levels_by_simulation():
    row = icc(UNITS, "score", cluster="unit", within="organisation").iloc[0]
    o, sigma2 = row["tau2"], row["sigma2"]
    u = icc(UNITS, "score", cluster="unit", within="organisation").iloc[1]["tau2"]
    of = pd.factorize(UNITS["organisation"])[0]
    units = pd.factorize(UNITS["organisation"] + UNITS["unit"])[0]
    V = o * (of[:, None] == of) + u * (units[:, None] == units) + sigma2 * np.eye(len(of))
    n = len(of)
    assert V.sum() / n**2 == pytest.approx(row["design_effect"] * (o + u + sigma2) / n)
    # The mean of the first organisation, as an estimate of what the organisation adds.
    own = V[:, of == 0][of == 0]
    found = o / (own.sum() / (of == 0).sum() ** 2)
    frame = UNITS[UNITS["organisation"].isin([UNITS["organisation"][0]])]
    weights = (frame.groupby("unit").size() ** 2).sum() / len(frame) ** 2
    assert found == pytest.approx(o / (o + u * weights + sigma2 / len(frame)))
    assert row["reliability.min"] <= found <= row["reliability.max"]


def test_what_lies_within_what():
    with pytest.raises(OptionError, match="both the cluster and what it lies within"):
        icc(UNITS, "score", cluster="unit", within="unit")
    with pytest.raises(DataError, match='all rows lie in one "all"'):
        icc(UNITS.assign(all=1), "score", cluster="unit", within="all")


def test_answers_needed():
    # LeBreton & Senter (2008): the reliability of a mean of k is k ICC / (1 + (k - 1) ICC).
    found = answers_needed([0.1, 0.2, 0.7, 0.0, -0.1, np.nan], reliability=0.7)
    assert found["answers"].tolist()[:5] == [21, 10, 1, np.inf, np.inf]
    assert np.isnan(found["answers"][5])
    for rho, k in zip(found["icc1"][:3], found["answers"][:3], strict=True):
        assert k * rho / (1 + (k - 1) * rho) >= 0.7 - 1e-12
        assert (k - 1) * rho / (1 + (k - 2) * rho) < 0.7 or k == 1
    table = icc(LQ, ["LEAD", "HOSTIL01"], cluster="COMPID")
    found = answers_needed(table)
    assert found.index.tolist() == ["LEAD", "HOSTIL01"]
    assert (found["answers.ci.lower"] <= found["answers"]).all()
    assert (found["answers"] <= found["answers.ci.upper"]).all()
    assert found["answers"]["LEAD"] == answers_needed(table["icc1"]["LEAD"])["answers"][0]


@pytest.mark.parametrize(
    ("icc1", "reliability", "error", "message"),
    [(0.1, 1.0, OptionError, "reliability is 1.0"), (1.0, 0.7, DataError, "is 1 or more")],
)
def test_what_answers_needed_refuses(icc1, reliability, error, message):
    with pytest.raises(error, match=message):
        answers_needed(icc1, reliability=reliability)
