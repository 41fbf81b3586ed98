"""Two-level models of rows that lack answers (FIML)."""

import numpy as np
import pytest

import measure
from measure.errors import DataError, OptionError
from measure.moments.twolevel.gap_likelihood import GapLikelihood
from measure.moments.twolevel.gaps import GappyClusters
from measure.moments.twolevel.incomplete import saturated_with_gaps
from measure.moments.twolevel.likelihood import ClusterLikelihood
from measure.moments.twolevel.saturated import saturated
from tests.measure.fitting.test_twolevel import clusters_of
from tests.measure.test_reference_twolevel import fitted
from tests.measure.whole_clusters import WholeCluster, dense_loglik
from tests.reference_cases import data

# Small samples, whose residual variances between clusters may be estimated below 0.
pytestmark = pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
GAPS = "level: 1\nfw =~ y1 + y2 + y3\ny4 ~ fw\nlevel: 2\nfb =~ y1 + y2 + y3\ny4 ~ fb"
LEVELS = (("x1", "y1", "y2"), ("y1", "y2", "w1", "w2"))


@pytest.fixture(scope="module")
def demo():
    return data("demo_twolevel.csv")


def with_gaps(frame, share, seed=1, names=("x1", "y1", "y2")):
    rng = np.random.default_rng(seed)
    holes = {name: frame[name].where(rng.random(len(frame)) > share) for name in names}
    return frame.assign(**holes)


@pytest.fixture(scope="module")
def gappy(demo):
    """Rows and clusters that lack answers, some of them all that is known between clusters."""
    frame = with_gaps(demo.iloc[:200], 0.2)
    frame.loc[frame["cluster"] == 2, "w1"] = np.nan
    frame.loc[frame["cluster"] == 5, ["w1", "w2"]] = np.nan
    return frame


def sorted_gaps(frame):
    levels = clusters_of(frame, *LEVELS).levels
    return GappyClusters.of(levels, frame[list(levels.names)].to_numpy(), frame["cluster"])


@pytest.fixture(scope="module")
def moments(demo):
    return saturated(clusters_of(demo, *LEVELS))


def test_the_likelihood_is_that_of_the_answers_there_are(gappy, moments):
    clusters = sorted_gaps(gappy)
    ours = GapLikelihood.at(clusters, *moments).loglik
    of_row = clusters.filled.of_row
    wanted = dense_loglik(clusters.levels, clusters.rows, of_row, *moments)
    assert ours == pytest.approx(wanted, rel=1e-12)
    answers = gappy[["x1", "y1", "y2"]].notna().to_numpy().sum()
    known = gappy.groupby("cluster")[["w1", "w2"]].first().notna().to_numpy().sum()
    assert clusters.n_answers == answers + known


def test_origin_does_not_matter(gappy, moments):
    within, between = moments
    moved = gappy.assign(y1=gappy["y1"] + 1e6)
    shifted = between._replace(mu=between.mu + np.array([1e6, 0, 0, 0]))
    ours = GapLikelihood.at(sorted_gaps(moved), within, shifted).loglik
    wanted = GapLikelihood.at(sorted_gaps(gappy), within, between).loglik
    assert ours == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("levels", [(("y1", "y2"), ("y1", "y2")), LEVELS])
def test_without_gaps_all_is_as_for_complete_rows(demo, levels):
    whole = clusters_of(demo.iloc[:300], *levels)
    within, between = saturated(whole)
    place = (
        within._replace(sigma=within.sigma * 1.1),
        between._replace(sigma=between.sigma * 0.8, mu=between.mu + 0.1),
    )
    gappy = GappyClusters.of(whole.levels, whole.rows, whole.of_row)
    ours, wanted = GapLikelihood.at(gappy, *place), ClusterLikelihood.at(whole, *place)
    assert ours.loglik == pytest.approx(wanted.loglik, rel=1e-12)
    for mine, other in zip(ours.gradient, wanted.gradient, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-9)
    again = saturated_with_gaps(gappy)
    np.testing.assert_allclose(again[1].sigma, between.sigma, atol=1e-6)


@pytest.fixture(scope="module")
def fit(demo):
    return measure.sem(
        "level: 1\nfw =~ y1 + y2 + y3\nfw ~ x1\nlevel: 2\nfb =~ y1 + y2 + y3\nfb ~ w1",
        with_gaps(demo.iloc[:600], 0.15),
        cluster="cluster",
        missing="fiml",
        estimator="MLR",
    )


def test_derivatives_are_those_of_finite_differences(fit):
    problem = fit.problem
    point = problem.at(fit.params + 0.02 * np.random.default_rng(1).normal(size=len(fit.params)))
    step = 1e-5 * np.eye(len(fit.params))
    pairs = [(problem.at(point.params + h), problem.at(point.params - h)) for h in step]
    slope = np.array([(up.value - down.value) / 2e-5 for up, down in pairs])
    np.testing.assert_allclose(point.slope, slope, atol=1e-7)
    curvature = np.array([(up.slope - down.slope) / 2e-5 for up, down in pairs])
    np.testing.assert_allclose(point.exact_curvature, curvature, atol=1e-6 * curvature.max())


def test_scores_add_up_to_the_gradient(fit):
    point = fit.problem.at(fit.params * 1.02)
    (scores,) = fit.problem.discrepancy.scores(point.implied, point.derivatives)
    assert len(scores) == fit.n_clusters
    np.testing.assert_allclose(-2 / fit.n_obs * scores.sum(axis=0), point.gradient, atol=1e-12)


def test_scores_are_those_of_single_clusters(gappy, moments):
    # The likelihood of a cluster is that of the data without it, less that of all.
    clusters = sorted_gaps(gappy)
    here = GapLikelihood.at(clusters, *moments)
    one = sorted_gaps(gappy[gappy["cluster"].isin([3, 4])])
    parts = [sorted_gaps(gappy[gappy["cluster"] == k]) for k in (3, 4)]
    logliks = [GapLikelihood.at(own, *moments).loglik for own in parts]
    assert GapLikelihood.at(one, *moments).loglik == pytest.approx(sum(logliks), rel=1e-12)
    assert here.loglik < GapLikelihood.at(one, *moments).loglik


def test_nothing_nearby_is_more_likely(gappy):
    clusters = sorted_gaps(gappy)
    best = GapLikelihood.at(clusters, *saturated_with_gaps(clusters))
    mean, within, between = best.gradient
    np.testing.assert_allclose(mean, 0.0, atol=1e-3)
    np.testing.assert_allclose(within, 0.0, atol=1e-3)
    # Clusters are few enough for a direction without variance.
    assert np.linalg.eigvalsh(between)[-1] < 1e-3


def test_complete_rows_give_the_same_fit_both_ways(demo):
    rows = demo.iloc[:600]
    options = {"cluster": "cluster", "estimator": "MLR"}
    whole = measure.sem(GAPS, rows, **options)
    gappy = measure.sem(GAPS, rows, **options, missing="fiml")
    np.testing.assert_allclose(gappy.parameters["est"], whole.parameters["est"], atol=1e-7)
    np.testing.assert_allclose(gappy.parameters["se"], whole.parameters["se"], atol=1e-7)
    shared = [k for k in whole.fit_measures.index if ".robust" not in k]
    np.testing.assert_allclose(
        gappy.fit_measures[shared], whole.fit_measures[shared], rtol=1e-6, atol=1e-7
    )
    assert gappy.fit_measures.filter(like=".robust").isna().all()
    assert any("no robust CFI" in note for note in gappy.notes)


def test_every_answer_counts(demo):
    frame = with_gaps(demo, 0.2, names=("y1", "y2"))
    text = "level: 1\nfw =~ y1 + y2 + y3\nlevel: 2\nfb =~ y1 + y2 + y3"
    whole = measure.cfa(text, demo, cluster="cluster")
    gappy = measure.cfa(text, frame, cluster="cluster", missing="fiml")
    with pytest.warns(measure.errors.ListwiseWarning):
        listwise = measure.cfa(text, frame, cluster="cluster")
    free = whole.parameters["free"]
    se = [fit.parameters.loc[free, "se"].mean() for fit in (whole, gappy, listwise)]
    assert se[0] < se[1] < se[2]
    gap = (gappy.parameters["est"] - whole.parameters["est"])[free]
    assert (gap.abs() / gappy.parameters.loc[free, "se"]).max() < 2
    assert gappy.n_obs == len(frame)
    holes = frame.assign(y3=frame["y3"].where(frame["y1"].notna()))
    with pytest.warns(measure.errors.ListwiseWarning, match="no answer to any item"):
        some = measure.cfa(text, holes, cluster="cluster", missing="fiml")
    assert some.n_obs == holes[["y1", "y2", "y3"]].notna().any(axis=1).sum() < len(frame)


def test_answers_missing_at_random_do_not_bias(demo):
    # Who has a high y5 lacks y1: its mean is that of the others, unless y5 is in the model.
    frame = demo.assign(y1=demo["y1"].where(demo["y5"] < demo["y5"].quantile(0.6)))
    text = "level: 1\ny1 ~~ y5\nlevel: 2\ny1 ~~ y5"
    fit = measure.sem(text, frame, cluster="cluster", missing="fiml")
    whole = measure.sem(text, demo, cluster="cluster")
    for table in (fit.parameters, whole.parameters):
        table.index = table["lhs"] + table["op"] + table["rhs"] + table["level"].astype(str)
    assert abs(frame["y1"].mean() - demo["y1"].mean()) > 0.1
    for name in ("y1~12", "y1~~y11", "y1~~y12"):
        ours, wanted = fit.parameters.loc[name], whole.parameters.loc[name]
        assert abs(ours["est"] - wanted["est"]) < 2.5 * ours["se"]


def test_scores_use_the_answers_there_are(fit, demo):
    frame = with_gaps(demo.iloc[:600], 0.15)
    found = measure.factor_scores(fit, frame)
    assert found.scores.notna().all(axis=None)
    levels = fit.model.table.levels
    own = frame[frame["cluster"] == 3]
    rows = own[list(levels.names)].to_numpy()
    cluster = WholeCluster.of(levels, rows, *fit.implied_moments)
    for state, factor in zip(fit.point.states, ("fw", "fb"), strict=True):
        score, se = cluster.expectation(state, levels, factor)
        assert found.scores.loc[own.index[0], factor] == pytest.approx(score, abs=1e-10)
        assert found.se.loc[own.index[0], factor] == pytest.approx(se, abs=1e-10)


def test_a_bootstrap_draws_clusters_with_their_gaps(fit):
    found = measure.bootstrap(fit, n=3, seed=1, intervals=["percentile"])
    assert found.n_failed == 0
    free = fit.parameters["free"]
    assert (found.parameters.loc[free, "se"] > 0).all()


def test_level_fit_and_differences_of_incomplete_rows():
    fit = fitted("twolevel_fiml")
    table = measure.level_fit(fit)
    assert table["df"].sum() == fit.df
    assert table["chisq"].sum() == pytest.approx(fit.fit_measures["chisq"], rel=0.2)
    frame = data("demo_twolevel_gaps.csv")
    text = GAPS.replace("y1 + y2 + y3\ny4 ~ fb", "y1 + 0.7*y2 + y3\ny4 ~ fb")
    restricted = measure.sem(text, frame, cluster="cluster", missing="fiml")
    row = measure.compare(restricted, fit).iloc[0]
    assert row["df_diff"] == 1
    wanted = restricted.fit_measures["chisq"] - fit.fit_measures["chisq"]
    assert row["chisq_diff"] == pytest.approx(wanted, abs=1e-9)


def test_modification_indices_rest_on_observed_information():
    fit = fitted("twolevel_fiml")
    with pytest.raises(OptionError, match='choose information="observed"'):
        measure.modification_indices(fit)
    table = measure.modification_indices(fit, information="observed")
    assert len(table)
    assert table["mi"].dropna().min() >= 0


def test_what_is_known_of_a_cluster_may_not_differ(demo):
    text = "level: 1\ny1 ~ x1\nlevel: 2\ny1 ~ w1"
    options = {"cluster": "cluster", "missing": "fiml"}
    frame = demo.iloc[:200].copy()
    # One row says it for the others.
    frame.loc[frame.index % 5 != 0, "w1"] = np.nan
    whole = measure.sem(text, demo.iloc[:200], **options)
    part = measure.sem(text, frame, **options)
    np.testing.assert_allclose(part.parameters["est"], whole.parameters["est"], atol=1e-7)
    frame.loc[7, "w1"] = 99.0
    with pytest.raises(DataError, match='"w1" is modelled between clusters only, but differs'):
        measure.sem(text, frame, **options)


def test_items_that_are_never_answered_together_are_refused(demo):
    apart = demo.iloc[:200].copy()
    apart.loc[apart.index % 2 == 0, "y1"] = np.nan
    apart.loc[apart.index % 2 == 1, "y2"] = np.nan
    with pytest.raises(DataError, match="answered together in 0 rows"):
        measure.sem(GAPS, apart, cluster="cluster", missing="fiml")


def test_expected_information_is_refused(demo):
    with pytest.raises(OptionError, match='choose "observed"'):
        measure.sem(GAPS, demo, cluster="cluster", missing="fiml", information="expected")


def test_groups_are_as_each_by_itself(demo):
    frame = with_gaps(demo, 0.1, names=("y1", "y2", "y3"))
    frame = frame.assign(half=np.where(frame["cluster"] % 2, "odd", "even"))
    both = measure.sem(GAPS, frame, cluster="cluster", missing="fiml", group="half")
    apart = [
        measure.sem(GAPS, own, cluster="cluster", missing="fiml").parameters
        for _, own in frame.groupby("half", sort=False)
    ]
    for label, own in zip(frame["half"].unique(), apart, strict=True):
        found = both.parameters[both.parameters["group"] == label]
        for column in ("est", "se"):
            np.testing.assert_allclose(found[column], own[column], atol=1e-5)
