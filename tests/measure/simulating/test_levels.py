"""Simulated clusters: the moments of both levels are those of the text, and are found again."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import ModelError, OptionError
from measure.simulating.clusters import Clusters
from measure.simulating.populations import population
from measure.simulating.simulation import simulate

TEXT = """
level: 1
    fw =~ 0.8*x1 + 0.7*x2 + 0.6*x3 + 0.7*x4
    fw ~~ 1*fw
    x1 ~~ 0.36*x1
    x2 ~~ 0.51*x2
    x3 ~~ 0.64*x3
    x4 ~~ 0.51*x4
level: 2
    fb =~ 0.5*x1 + 0.5*x2 + 0.4*x3 + 0.4*x4
    fb ~~ 1*fb
    x1 ~~ 0.05*x1
    x2 ~~ 0.05*x2
    x3 ~~ 0*x3
    x4 ~~ 0.02*x4
    x1 ~ 3*1
    x2 ~ 2*1
    x3 ~ 2*1
    x4 ~ 0*1
"""
ORDERED = """
level: 1
    fw =~ 0.8*q1 + 0.7*q2 + 0.6*q3
    fw ~~ 1*fw
level: 2
    fb =~ 0.5*q1 + 0.4*q2 + 0.5*q3
    fb ~~ 1*fb
    q1 ~~ 0.1*q1
    q2 ~~ 0.1*q2
    q3 ~~ 0.1*q3
    q1 | -1*t1 + 0.5*t2
    q2 | -0.8*t1 + 0*t2 + 1*t3
    q3 | 0.3*t1
"""
MODEL = "level: 1\nfw =~ x1 + x2 + x3 + x4\nlevel: 2\nfb =~ x1 + x2 + x3 + x4"


def test_moments_of_both_levels_are_those_of_the_text():
    truth = population(TEXT, cluster="team")
    assert truth.cluster == "team"
    outer, inner = np.array([0.5, 0.5, 0.4, 0.4]), np.array([0.8, 0.7, 0.6, 0.7])
    between = np.outer(outer, outer) + np.diag([0.05, 0.05, 0, 0.02])
    within = np.outer(inner, inner) + np.diag(1 - inner**2)
    np.testing.assert_allclose(truth.between[0].sigma, between)
    np.testing.assert_allclose(truth.moments[0].sigma, within)
    np.testing.assert_allclose(truth.covariances[1], between + within)
    assert truth.means[1].tolist() == [3, 2, 2, 0]


def test_clusters_are_as_large_as_asked():
    drawn = simulate(TEXT, 1000, seed=1, clusters=Clusters(sizes=20))
    assert drawn["cluster"].value_counts().tolist() == [20] * 50
    drawn = simulate(TEXT, 103, seed=1, clusters=Clusters(number=20), cluster="team")
    assert sorted(drawn["team"].value_counts()) == [5] * 17 + [6] * 3
    drawn = simulate(TEXT, 3000, seed=1, clusters=Clusters(sizes=(5, 15)))
    counts = drawn["cluster"].value_counts()
    assert set(counts) <= {5, 15, int(counts.min())}
    assert len(counts) == pytest.approx(300, abs=40)


def test_more_rows_leave_the_first_ones_as_they_are():
    for clusters in (Clusters(sizes=8), Clusters(sizes=(4, 9, 11))):
        few = simulate(TEXT, 64, seed=5, clusters=clusters)
        many = simulate(TEXT, 400, seed=5, clusters=clusters)
        pd.testing.assert_frame_equal(few, many.iloc[:64])


def test_the_moments_are_found_again_in_a_large_sample():
    drawn = simulate(TEXT, 40_000, seed=2, clusters=Clusters(sizes=10), skewness=1, kurtosis=2)
    truth = population(TEXT)
    means = drawn.groupby("cluster").transform("mean")
    within = (drawn[list(truth.names)] - means).cov() * 10 / 9
    np.testing.assert_allclose(within, truth.moments[0].sigma, atol=0.03)
    np.testing.assert_allclose(drawn[list(truth.names)].cov(), truth.covariances[1], atol=0.05)
    np.testing.assert_allclose(drawn[list(truth.names)].mean(), [3, 2, 2, 0], atol=0.05)
    persons = drawn[list(truth.names)] - means
    assert persons["x1"].skew() == pytest.approx(1, abs=0.25)


def test_a_two_level_model_is_found_again_in_answers_drawn_from_its_fit():
    start = measure.cfa(
        MODEL,
        simulate(TEXT.replace("0*x3", "0.05*x3"), 3000, seed=3, clusters=Clusters(sizes=20)),
        cluster="cluster",
    )
    truth = population(start)
    assert (truth.cluster, truth.names) == ("cluster", ("x1", "x2", "x3", "x4"))
    again = measure.cfa(
        MODEL, simulate(truth, 10_000, seed=4, clusters=Clusters(sizes=10)), cluster="cluster"
    )
    _alike(start, again)


def test_ordered_answers_in_clusters_are_found_again():
    text = "level: 1\nfw =~ q1 + q2 + q3\nlevel: 2\nfb =~ q1 + q2 + q3"
    options = {"cluster": "cluster", "ordered": True, "std_lv": True}
    drawn = simulate(ORDERED, 6000, seed=1, clusters=Clusters(sizes=15))
    assert set(drawn["q2"]) == {1, 2, 3, 4}
    fit = measure.cfa(text, drawn, **options)
    rows = fit.parameters.set_index(["level", "lhs", "op", "rhs"])
    # The fit sets the variance of a response within clusters to 1, as the text does.
    known = {(1, "fw", "=~", "q1"): 0.8, (1, "fw", "=~", "q2"): 0.7, (2, "fb", "=~", "q1"): 0.5}
    known |= {(2, "q1", "|", "t1"): -1, (2, "q1", "|", "t2"): 0.5, (2, "q2", "|", "t3"): 1}
    for key, value in known.items():
        row = rows.loc[key]
        assert abs(row["est"] - value) < 4 * row["se"], key
        assert row["se"] < 0.1
    again = measure.cfa(text, simulate(fit, 6000, seed=2, clusters=Clusters(sizes=15)), **options)
    _alike(fit, again)


def _alike(start, again):
    free = again.parameters["free"]
    gap = (again.parameters["est"] - start.parameters["est"])[free]
    z = gap / again.parameters["se"][free]
    assert z.abs().max() < 4


def test_variables_of_one_level_stay_there():
    text = """
    level: 1
        y ~ 0.4*x
        x ~~ 1*x
        y ~~ 1*y
    level: 2
        y ~ 0.5*w
        w ~~ 1*w
        y ~~ 0.2*y
    """
    drawn = simulate(text, 20_000, seed=1, clusters=Clusters(sizes=10))
    assert (drawn.groupby("cluster")["w"].nunique() == 1).all()
    found = measure.icc(drawn, ["x", "y"], cluster="cluster")
    assert found["icc1"].iloc[0] == pytest.approx(0, abs=0.02)
    # Of y: .25 + .2 between, .16 + 1 within.
    assert found["icc1"].iloc[1] == pytest.approx(0.45 / 1.61, abs=0.03)


def test_groups_have_clusters_of_their_own():
    text = "level: 1\nx ~~ 1*x\ny ~~ 1*y + 0.2*x\nlevel: 2\nx ~~ 0.2*x\ny ~~ 0.1*y + 0.05*x\n"
    text += "x ~ c(0, 1)*1\ny ~ c(0, 0)*1"
    drawn = simulate(text, {"a": 4000, "b": 2000}, seed=1, clusters=Clusters(sizes=10))
    assert (drawn.groupby("cluster")["group"].nunique() == 1).all()
    assert drawn["cluster"].nunique() == 600
    assert drawn.groupby("group")["x"].mean().tolist() == pytest.approx([0, 1], abs=0.12)
    own = population(text, groups=("a", "b")).only("b")
    assert own.group is None
    assert own.means["b"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: simulate(TEXT, 100, seed=1), OptionError, "drawn in clusters"),
        (
            lambda: simulate(TEXT, 100, seed=1, clusters=Clusters(number=101)),
            OptionError,
            "101 clusters cannot be filled with 100",
        ),
        (
            lambda: simulate("x ~~ 1*x + 0.1*y\ny ~~ 1*y", 9, seed=1, clusters=Clusters(sizes=3)),
            OptionError,
            "which this is not",
        ),
        (lambda: Clusters(), OptionError, "either sizes or a number"),
        (lambda: Clusters(sizes=0), OptionError, "0 is no whole number"),
        (lambda: Clusters(sizes=()), OptionError, "give at least one"),
        (lambda: Clusters(number=1.5), OptionError, "1.5 is no whole number"),
        (lambda: population(TEXT.replace("0.4*x3", "x3")), ModelError, "fb =~ x3"),
        (
            lambda: simulate(TEXT, 9, seed=1, clusters=Clusters(sizes=3), cluster="x1"),
            OptionError,
            'the column of the clusters, "x1"',
        ),
        (
            lambda: population(TEXT.replace("x4 ~~ 0.02*x4", "x4 ~~ -0.02*x4")),
            ModelError,
            "negative residual variance",
        ),
    ],
)
def test_impossible_clusters_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
