"""Two-level models: the likelihood, its derivatives and maximum, and what is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, MeasureWarning, ModelError, OptionError
from measure.fitting.problem import Problem
from measure.moments.twolevel.clusters import Clusters
from measure.moments.twolevel.likelihood import ClusterLikelihood
from measure.moments.twolevel.saturated import saturated
from measure.specification.levels import Levels, LevelVariables
from tests.measure.test_reference_twolevel import fitted
from tests.measure.whole_clusters import dense_loglik
from tests.reference_cases import case, data

FACTORS = "level: 1\nfw =~ y1 + y2 + y3\nlevel: 2\nfb =~ y1 + y2 + y3"


@pytest.fixture(scope="module")
def demo():
    return data("demo_twolevel.csv")


def clusters_of(frame, within, between, cluster="cluster"):
    given = [LevelVariables(tuple(names), (), ()) for names in (within, between)]
    levels = Levels(*given)
    return Clusters.of(levels, frame[list(levels.names)].to_numpy(), frame[cluster].to_numpy())


@pytest.mark.parametrize(
    ("within", "between"),
    [
        (("y1", "y2"), ("y1", "y2")),
        (("x1", "y1", "y2"), ("y1", "y2", "w1", "w2")),
        (("x1", "y1"), ("w1", "y1")),
    ],
)
def test_the_likelihood_is_that_of_whole_clusters(demo, within, between):
    clusters = clusters_of(demo.iloc[:150], within, between)
    moments = saturated(clusters)
    ours = ClusterLikelihood.at(clusters, *moments).loglik
    wanted = dense_loglik(clusters.levels, clusters.rows, clusters.of_row, *moments)
    assert ours == pytest.approx(wanted, rel=1e-12)


def test_there_is_no_likelihood_outside_positive_definite_moments(demo):
    clusters = clusters_of(demo, ("y1", "y2"), ("y1", "y2"))
    within, between = saturated(clusters)
    worse = within._replace(sigma=within.sigma - 3 * np.eye(2))
    assert ClusterLikelihood.at(clusters, worse, between) is None
    # A negative variance between clusters is allowed as long as their means have a positive one.
    none = between._replace(sigma=np.zeros((2, 2)))
    assert ClusterLikelihood.at(clusters, within, none) is not None
    beyond = between._replace(sigma=-within.sigma)
    assert ClusterLikelihood.at(clusters, within, beyond) is None


CASES = (
    *("twolevel_demo_cov", "twolevel_lq2002_isomorphic", "twolevel_outcomes", "twolevel_groups"),
    *("twolevel_within_known", "twolevel_between_known"),
)


@pytest.mark.parametrize("name", CASES)
def test_derivatives_are_those_of_finite_differences(name):
    fit = fitted(name)
    problem = fit.problem
    point = problem.at(fit.params + 0.02 * np.random.default_rng(1).normal(size=len(fit.params)))
    step = 1e-5 * np.eye(len(fit.params))
    pairs = [(problem.at(point.params + h), problem.at(point.params - h)) for h in step]
    slope = np.array([(up.value - down.value) / 2e-5 for up, down in pairs])
    np.testing.assert_allclose(point.slope, slope, atol=1e-7)
    curvature = np.array([(up.slope - down.slope) / 2e-5 for up, down in pairs])
    np.testing.assert_allclose(point.exact_curvature, curvature, atol=1e-6 * curvature.max())


@pytest.mark.parametrize("name", CASES)
def test_scores_add_up_to_the_gradient(name):
    fit = fitted(name)
    point = fit.problem.at(fit.params * 1.02)
    scores = fit.problem.discrepancy.scores(point.implied, point.derivatives)
    assert [len(own) for own in scores] == [own.n_clusters for own in fit.moments.nested]
    total = sum(own.sum(axis=0) for own in scores)
    np.testing.assert_allclose(-2 / fit.n_obs * total, point.gradient, atol=1e-12)


def test_expected_information_is_the_mean_of_the_observed_one(demo):
    # In clusters whose statistics are those that the model expects the two are the same.
    fit = measure.cfa(FACTORS, demo, cluster="cluster")
    within, between = fit.implied_moments
    expected = fit.moments.nested[0].with_moments(within, between)
    moments = type(fit.moments)(
        **{**vars_of(fit.moments), "sample": (within, between), "nested": (expected,)}
    )
    discrepancy = type(fit.problem.discrepancy)(moments)
    point = Problem(fit.model, moments, discrepancy).at(fit.params)
    assert point.value == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(point.hessian / 2, point.information, atol=1e-10)


def vars_of(moments):
    return {name: getattr(moments, name) for name in moments.__dataclass_fields__}


class TestSaturated:
    """The maximum of the likelihood over all moments."""

    def test_moments_that_are_met_exactly_are_found(self, demo):
        clusters = clusters_of(demo, ("x1", "y1", "y2"), ("y1", "y2", "w1"))
        within, between = saturated(clusters)
        again = saturated(clusters.with_moments(within, between))
        for ours, wanted in zip(again, (within, between), strict=True):
            np.testing.assert_allclose(ours.sigma, wanted.sigma, atol=1e-8)
            np.testing.assert_allclose(ours.mu, wanted.mu, atol=1e-8)

    def test_nothing_nearby_is_more_likely(self, demo):
        clusters = clusters_of(demo, ("x1", "y1", "y2"), ("y1", "y2", "w1"))
        within, between = saturated(clusters)
        best = ClusterLikelihood.at(clusters, within, between).gradient
        for own in best:
            np.testing.assert_allclose(own, 0.0, atol=1e-4)

    def test_singular_covariances_between_clusters(self):
        # 19 items of 49 companies vary in 10 directions between these. lavaan's EM, run to 1e-9,
        # ends 0.011 below this likelihood, at -50648.198974 (`generate/60_twolevel.R`).
        frame = data("lq2002.csv")
        items = [c for c in frame if c.startswith(("LEAD", "TSIG0", "HOSTIL0")) and c != "LEAD"]
        clusters = clusters_of(frame, items, items, "COMPID")
        within, between = saturated(clusters)
        likelihood = ClusterLikelihood.at(clusters, within, between)
        assert likelihood.loglik == pytest.approx(-50648.187978, abs=1e-5)
        sizes, vectors = np.linalg.eigh(between.sigma)
        assert (sizes < 1e-10).sum() == 9
        assert sizes[0] > -1e-12
        # No variance in any of these directions would make the answers more likely.
        empty = vectors[:, sizes < 1e-10]
        slope = likelihood.gradient[2]
        assert np.linalg.eigvalsh(empty.T @ slope @ empty)[-1] < 1e-4
        np.testing.assert_allclose(slope @ vectors[:, 9:], 0.0, atol=1e-3)


def test_results_do_not_depend_on_the_order_of_rows_and_the_names_of_clusters(demo):
    fit = measure.cfa(FACTORS, demo, cluster="cluster", estimator="MLR")
    mixed = demo.sample(frac=1.0, random_state=1)
    mixed["cluster"] = "c" + mixed["cluster"].astype(str)
    other = measure.cfa(FACTORS, mixed, cluster="cluster", estimator="MLR")
    np.testing.assert_allclose(fit.fit_measures, other.fit_measures, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(fit.parameters["se"], other.parameters["se"], atol=1e-9)


def test_chi_square_does_not_depend_on_units(demo):
    fit = measure.cfa(FACTORS, demo, cluster="cluster")
    scaled = demo.assign(y1=100 * demo["y1"] + 500, y3=demo["y3"] / 10)
    other = measure.cfa(FACTORS, scaled, cluster="cluster")
    assert other.fit_measures["chisq"] == pytest.approx(fit.fit_measures["chisq"], abs=1e-6)
    np.testing.assert_allclose(other.parameters["std.all"][:3], fit.parameters["std.all"][:3])


def test_robust_errors_do_not_depend_on_the_origin_of_a_predictor():
    # As lavaan's do; see `generate/60_twolevel.R`.
    ours = fitted("twolevel_demo_mlr").parameters
    centred = fitted("twolevel_centred_mlr").parameters
    slopes = ours["op"].isin(["=~", "~"]) | ((ours["op"] == "~~") & ours["free"])
    np.testing.assert_allclose(ours["se"][slopes], centred["se"][slopes], rtol=1e-7)


def test_equal_parameters_across_groups_are_at_the_maximum():
    # lavaan weighs the likelihood of each group by its share of the rows once more, and so is not
    # at the maximum where groups of different sizes share parameters.
    content = case("twolevel_groups_tied")
    fit = fitted("twolevel_groups_tied")
    theirs = {
        (r["lhs"], r["op"], r["rhs"], r["level"], r["group"]): r["est"]
        for r in content["parameters"]
    }
    rows = fit.model.table.parameters
    labels = fit.moments.groups
    values = np.array(
        [
            theirs[r.lhs, r.op, r.rhs, r.level, labels[r.group - 1]]
            for r in (rows[k] for k in fit.model.free_rows)
        ]
    )
    there = fit.problem.at(values[list(fit.model.reduction.kept)])
    best = fit.problem.discrepancy.best
    logl = best - fit.n_obs * there.value / 2
    assert logl == pytest.approx(content["fit_measures"]["logl"], abs=1e-3)
    assert fit.fit_measures["logl"] > logl + 0.1


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_parameters_bear_the_names_of_lavaan(demo):
    fit = measure.cfa(FACTORS, demo, cluster="cluster")
    assert list(fit.covariance.columns[:2]) == ["fw=~y2", "fw=~y3"]
    assert "fb=~y2.l2" in fit.covariance.columns
    assert "y1~1.l2" in fit.covariance.columns
    halves = demo.assign(half=demo["cluster"] % 2)
    names = measure.cfa(FACTORS, halves, cluster="cluster", group="half").covariance.columns
    assert "y3~1.g2.l2" in names


def test_levels_can_be_named_and_tied(demo):
    text = FACTORS.replace("level: 1", "level: within").replace("level: 2", "level: between")
    named = measure.cfa(text, demo, cluster="cluster")
    fit = measure.cfa(FACTORS, demo, cluster="cluster")
    pd.testing.assert_frame_equal(named.parameters, fit.parameters)
    turned = "level: 2\nfb =~ y1 + y2 + y3\nlevel: 1\nfw =~ y1 + y2 + y3"
    assert measure.cfa(turned, demo, cluster="cluster").df == fit.df
    labelled = measure.cfa(
        'level: 1\nfw =~ y1 + y2 + y3\nlevel: 2\nfb =~ y1 + equal("fw=~y2")*y2 + y3',
        demo,
        cluster="cluster",
    )
    loadings = labelled.parameters.query("op == '=~' and rhs == 'y2'")["est"]
    assert loadings.iloc[0] == pytest.approx(loadings.iloc[1], abs=1e-12)


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_equal_intercepts_free_factor_means_between_clusters_only(demo):
    halves = demo.assign(half=demo["cluster"] % 2)
    fit = measure.cfa(
        FACTORS, halves, cluster="cluster", group="half", group_equal=["loadings", "intercepts"]
    )
    means = fit.parameters.query("op == '~1' and lhs in ['fw', 'fb']")
    assert means["free"].tolist() == [False, False, False, True]
    assert fit.df == 2 * 2 + 2


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_tables_have_a_level(demo):
    fit = measure.cfa(FACTORS, demo, cluster="cluster")
    assert fit.loadings.loc[2].loc["y1", "fb"] > fit.loadings.loc[1].loc["y1", "fw"]
    assert (fit.residual_variances.loc[1] > fit.residual_variances.loc[2]).all()
    assert fit.factor_correlations.loc[1].loc["fw", "fw"] == pytest.approx(1.0)
    assert fit.n_clusters == 200
    assert "200" in repr(fit)
    halves = demo.assign(half=demo["cluster"] % 2)
    groups = measure.cfa(FACTORS, halves, cluster="cluster", group="half")
    assert groups.loadings.index.nlevels == 3
    assert groups.n_clusters == 200


def test_fixed_predictors_are_taken_off_the_log_likelihood(demo):
    text = "level: 1\ny1 ~ x1\nlevel: 2\ny1 ~ w1"
    fixed = measure.sem(text, demo, cluster="cluster")
    free = measure.sem(text, demo, cluster="cluster", fixed_x=False)
    x = demo["x1"].to_numpy()
    w = demo.groupby("cluster")["w1"].first().to_numpy()
    own = [-len(v) / 2 * (np.log(2 * np.pi) + 1 + np.log(v.var())) for v in (x, w)]
    assert free.fit_measures["logl"] == pytest.approx(fixed.fit_measures["logl"] + sum(own))


# What the data or the text lack, and what the message says.
BAD_DATA = {
    "one cluster": (FACTORS, {"cluster": 1}, "belong to one cluster"),
    "clusters of one": (FACTORS, {"cluster": range(2500)}, "every cluster has one row"),
    "no clusters": (FACTORS, {"cluster": np.nan}, "is empty"),
    "differs within": (
        FACTORS + "\nfb ~ x1",
        {},
        '"x1" is modelled between clusters only, but differs',
    ),
    "the same within": (
        "level: 1\nfw =~ y1 + y2 + y3\nfw ~ w1\nlevel: 2\nfb =~ y1 + y2 + y3",
        {},
        '"w1" is modelled within clusters, but is the same',
    ),
}


@pytest.mark.parametrize("kind", BAD_DATA)
def test_data_without_two_levels_are_refused(demo, kind):
    text, changes, words = BAD_DATA[kind]
    with pytest.raises(DataError, match=words):
        measure.sem(text, demo.assign(**changes), cluster="cluster")


def test_an_item_without_any_variance_between_clusters_is_refused(demo):
    flat = demo.assign(y1=demo["y1"] - demo.groupby("cluster")["y1"].transform("mean"))
    with pytest.raises(DataError, match='"y1" is modelled between clusters, but has the same mean'):
        measure.cfa(FACTORS, flat, cluster="cluster")


def test_an_item_with_no_variance_found_between_clusters_is_named(demo):
    shrunk = demo.assign(y3=demo["y3"] - 0.95 * demo.groupby("cluster")["y3"].transform("mean"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = measure.cfa(FACTORS, shrunk, cluster="cluster")
    assert any("y3: no variance between clusters" in note for note in fit.notes)
    assert any("`level: 1` only" in note for note in fit.notes)


def test_rows_without_a_cluster_are_counted(demo):
    holes = demo.assign(cluster=demo["cluster"].where(demo.index >= 7))
    with pytest.warns(MeasureWarning, match="7 of 2500 rows"):
        fit = measure.cfa(FACTORS, holes, cluster="cluster")
    assert fit.n_dropped == 7


def test_more_parameters_between_clusters_than_clusters_are_warned_of(demo):
    few = demo[demo["cluster"] <= 12]
    text = "level: 1\nfw =~ y1 + y2 + y3 + y4 + y5\nlevel: 2\nfb =~ y1 + y2 + y3 + y4 + y5"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = measure.cfa(text, few, cluster="cluster")
    assert any("parameters between clusters for 12 clusters" in str(w.message) for w in caught)
    assert any("12 clusters; with fewer than 50" in note for note in fit.notes)


NEGATIVE = "level: 1\nfw =~ y1 + y2 + y3\nlevel: 2\ny2 ~~ y3\ny1 ~~ -0.01*y1 + 0*y2 + 0*y3"


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_without_a_variance_between_clusters_there_is_no_srmr(demo):
    # lavaan gives .514 here: it takes the correlations that are not defined for reproduced.
    fit = measure.cfa(NEGATIVE, demo, cluster="cluster")
    assert np.isnan(fit.fit_measures[["srmr", "srmr_between"]]).all()
    assert fit.fit_measures["srmr_within"] < 0.1
    assert any("no SRMR between clusters" in note and "y1 (-0.01)" in note for note in fit.notes)
    assert np.isnan(measure.level_fit(fit).loc["between", "srmr"])
    left = measure.residuals(fit, kind="cor.bollen").loc[2]
    assert np.isnan(left.loc["y1", ["y1", "y2", "y3"]].to_numpy(float)).all()
    assert np.isfinite(left.loc["y2", "y3"])


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_levels_are_tested_where_a_residual_variance_between_clusters_is_negative():
    items = "HOSTIL01 + HOSTIL02 + HOSTIL04 + HOSTIL05"
    text = f"level: 1\nw =~ {items}\nlevel: 2\nb =~ {items}"
    fit = measure.cfa(text, data("lq2002.csv"), cluster="COMPID", estimator="MLR")
    assert not fit.admissible
    found = measure.level_fit(fit)
    assert found["df"].tolist() == [2, 2]
    assert found.loc["between", "cfi"] > 0.9
    # What both levels miss adds up to what the model misses, nearly.
    assert found["chisq"].sum() == pytest.approx(fit.fit_measures["chisq"], rel=0.05)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "with fewer than 50 standard errors between clusters"),
        ({"estimator": "MLR"}, "with fewer than 50 cluster-robust standard errors between"),
        ({"se": "none"}, "with fewer than 50 tests reject too often"),
    ],
)
@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_few_clusters_are_said_of_what_was_fitted(demo, options, words):
    fit = measure.cfa(FACTORS, demo[demo["cluster"] <= 40], cluster="cluster", **options)
    (note,) = [note for note in fit.notes if "40 clusters" in note]
    assert words in note


def test_a_cluster_in_two_groups_is_refused(demo):
    halves = demo.assign(half=demo.index % 2)
    with pytest.raises(DataError, match="200 of 200 clusters have rows in several"):
        measure.cfa(FACTORS, halves, cluster="cluster", group="half")


BAD_TEXT = {
    "one level": ("level: 1\nfw =~ y1 + y2 + y3", ModelError, "one level block"),
    "three levels": (FACTORS + "\nlevel: 3\ny1 ~~ y1", ModelError, "3 levels"),
    "explored": (
        FACTORS.replace("fw =~", 'efa("a")*fw =~'),
        ModelError,
        "estimated at one level only",
    ),
}


@pytest.mark.parametrize("kind", BAD_TEXT)
def test_texts_are_refused(demo, kind):
    text, error, words = BAD_TEXT[kind]
    with pytest.raises(error, match=words):
        measure.cfa(text, demo, cluster="cluster")


BAD_OPTIONS = {
    "no cluster": ({}, "need clusters: name their column"),
    "wls": ({"cluster": "cluster", "estimator": "WLS"}, "not available for two-level"),
    "mlm": ({"cluster": "cluster", "estimator": "MLM"}, "not available for two-level"),
    "sandwich": ({"cluster": "cluster", "se": "robust.sem"}, "not defined for two-level"),
    "shifted": ({"cluster": "cluster", "test": "scaled.shifted"}, "not defined for two-level"),
    "wishart": ({"cluster": "cluster", "likelihood": "wishart"}, "for models of one level"),
}


@pytest.mark.parametrize("kind", BAD_OPTIONS)
def test_options_are_refused(demo, kind):
    options, words = BAD_OPTIONS[kind]
    with pytest.raises(OptionError, match=words):
        measure.cfa(FACTORS, demo, **options)


def test_ordered_items_beside_continuous_ones_are_refused(demo):
    with pytest.raises(ModelError, match="y2, y3: two-level models with continuous variables"):
        measure.cfa(FACTORS, demo, cluster="cluster", ordered=["y1"])
