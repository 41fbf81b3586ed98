"""Bootstrap of models for ordered items."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, MeasureError, OptionError
from measure.replication.bootstrapping import _by_jackknife
from measure.replication.influence import influence
from measure.replication.refitting import Refit
from measure.replication.resampling import Resampling
from tests.reference_cases import data

ITEMS = ["o4", "o5", "o6", "o7"]
TEXT = "f =~ o4 + o5 + o6 + o7"


@pytest.fixture(scope="module")
def frame():
    return data("hs39_ordered4.csv").assign(team=lambda rows: rows["id"] // 4)


def fitted(frame, text=TEXT, **options):
    return measure.cfa(text, frame, **{"ordered": True, **options})


def refit_of(fit):
    resampling = Resampling(fit.moments, fit.method.less_one)
    name = fit.method.estimator.discrepancy
    return Refit(fit.problem, fit.params, name, resampling, 4)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"estimator": "ULSMV", "parameterization": "theta"},
        {"group": "school", "group_equal": ["thresholds", "loadings"]},
        {"ordered": ITEMS[:2], "std_lv": True},
        {"cluster": "team"},
        {"cluster": "team", "group": "school", "group_equal": ["loadings"]},
    ],
)
def test_a_refit_is_the_fit_of_the_rows_drawn(frame, options):
    fit = fitted(frame, f"{TEXT}\nratio := 2", **options)
    refit = refit_of(fit)
    counts = refit.resampling.draw(np.random.default_rng(5), 2)
    found = refit.fit(counts)
    assert found.failures == ()
    groups = ["Pasteur", "Grant-White"] if "group" in options else [None]
    parts = []
    for label, own in zip(groups, counts, strict=True):
        part = frame if label is None else frame[frame["school"] == label]
        times = own[1].astype(int)
        rows = part.loc[part.index.repeat(times)].copy()
        # A cluster that is drawn twice makes two.
        rows["team"] = rows["team"] * 1000 + rows.groupby("id").cumcount()
        parts.append(rows)
    again = fitted(pd.concat(parts), f"{TEXT}\nratio := 2", **options)
    np.testing.assert_allclose(found.estimates[1], again.parameters["est"], atol=2e-5)
    np.testing.assert_allclose(found.standardized[1], again.parameters["std.all"], atol=2e-5)
    assert found.chisq[1] == pytest.approx(again.test.chisq, rel=1e-6)


@pytest.mark.parametrize(
    "options", [{}, {"cluster": "team"}, {"group": "school", "parameterization": "theta"}]
)
def test_standard_errors_are_about_the_robust_ones(frame, options):
    fit = fitted(frame, **options)
    found = measure.bootstrap(fit, n=150, seed=2, intervals=["percentile"])
    free = fit.parameters["free"] & fit.parameters["op"].eq("|")
    ratio = found.parameters.loc[free, "se"] / fit.parameters.loc[free, "se"]
    assert ratio.median() == pytest.approx(1.0, abs=0.1)
    std = measure.standardized(fit).query("op == '=~'")
    ratio = found.standardized.loc[std.index, "se"] / std["se"]
    assert ratio.between(0.75, 1.6).all()
    assert len(found.replicates) == 150
    assert found.chisq.notna().all()


def test_the_same_for_the_same_seed_whatever_the_workers(frame, workers_here):
    fit = fitted(frame)
    one, two = (measure.bootstrap(fit, n=12, seed=3, workers=workers) for workers in (1, 2))
    pd.testing.assert_frame_equal(one.replicates, two.replicates)
    pd.testing.assert_frame_equal(one.parameters, two.parameters)


def test_a_category_that_is_not_drawn_is_a_failure_by_name(frame):
    rare = frame.copy()
    rare.loc[rare.index[0], "o4"] = 5
    fit = fitted(rare)
    with pytest.warns(measure.errors.MeasureWarning, match="could be fitted"):
        found = measure.bootstrap(fit, n=60, seed=1, intervals=["percentile"])
    assert found.n_failed == found.failures["count"].sum() > 6
    first = found.failures.iloc[0]
    assert first["error"] == "DataError"
    assert first["message"] == 'category 5 of ordered item "o4" is not among the rows drawn.'
    assert len(found.replicates) == 60 - found.n_failed


def test_nothing_can_be_drawn_where_a_category_has_one_row(frame):
    lone = frame.iloc[:40].copy()
    lone.loc[lone.index[0], "o4"] = 5
    lone.loc[lone.index[1], "o4"] = 6
    fit = fitted(lone.assign(o5=lone["o5"].clip(2, 3)), "f =~ o4 + o5 + o6")
    resampling = Resampling(fit.moments, fit.method.less_one)
    with pytest.raises(DataError, match="category 5"):
        resampling.moments_with_rows((np.array([0.0, *np.ones(39)]),))


def test_an_unfittable_bootstrap_says_why(frame):
    rare = frame.copy()
    for k, name in enumerate(ITEMS):
        rare.loc[rare.index[k], name] = 5
    with pytest.raises(MeasureError, match="is not among the rows drawn"):
        measure.bootstrap(fitted(rare), n=2, seed=1)


def test_clusters_are_drawn_as_a_whole(frame):
    fit = fitted(frame, cluster="team")
    resampling = Resampling(fit.moments, fit.method.less_one)
    (counts,) = resampling.draw(np.random.default_rng(1), 1)
    moments = resampling.moments_with_rows((counts[0],))
    times = pd.Series(counts[0]).groupby(fit.moments.clusters[0]).agg(["min", "max"])
    assert (times["min"] == times["max"]).all()
    assert moments.n_clusters == fit.n_clusters == times["min"].sum()
    sizes = pd.Series(moments.clusters[0]).value_counts()
    assert sizes.max() == pd.Series(fit.moments.clusters[0]).value_counts().max()
    notes = measure.bootstrap(fit, n=3, seed=1, intervals=["percentile"]).notes
    assert "Whole clusters were drawn." in notes


@pytest.mark.parametrize("options", [{}, {"parameterization": "theta"}, {"cluster": "team"}])
def test_influence_is_what_leaving_a_unit_out_does(frame, options):
    fit = fitted(frame, **options)
    ours = influence(fit.problem, fit.row_values)
    left = _by_jackknife(refit_of(fit), ours.shape[1])[1:]
    assert len(ours) == len(left) == (fit.n_clusters or fit.n_obs)
    places = list(fit.model.free_rows)
    found = [np.corrcoef(ours[:, k], left[:, k])[0, 1] for k in places]
    # The two differ in second order, most where one row or cluster weighs much.
    assert min(found) > 0.9
    assert np.median(found) > 0.99


@pytest.mark.parametrize(
    "options",
    [
        {"parameterization": "theta"},
        {"ordered": ITEMS[:2], "estimator": "ULSMV"},
        {"group": "school", "group_equal": ["thresholds", "loadings"]},
        {"cluster": "team"},
    ],
)
def test_influence_gives_the_sandwich_standard_errors(frame, options):
    fit = fitted(frame, **options)
    found = influence(fit.problem, fit.row_values)[:, : len(fit.parameters)]
    n_units = fit.n_clusters or fit.n_obs
    # Standard errors divide by N - G, and with J clusters by J - 1 in place of J.
    ratio = fit.n_obs / fit.moments.scale
    ratio *= n_units / (n_units - 1) if fit.n_clusters else 1.0
    free = fit.parameters["free"].to_numpy()
    spread = np.sqrt(ratio * (found**2).sum(axis=0))
    np.testing.assert_allclose(spread[free], fit.parameters["se"][free], rtol=1e-5)


def test_bca_intervals_without_refitting(frame):
    fit = fitted(frame)
    found = measure.bootstrap(fit, n=100, seed=4, intervals=["percentile", "bca"])
    rows = found.parameters[found.parameters["free"]]
    assert (rows["ci.lower.bca"] < rows["ci.upper.bca"]).all()
    assert (rows["ci.lower.bca"] != rows["ci.lower"]).any()


def test_bollen_stine_is_refused(frame):
    with pytest.raises(OptionError, match="ordered answers cannot be transformed"):
        measure.bootstrap(fitted(frame), n=5, seed=1, kind="bollen.stine")


def test_data_are_taken_in_place_of_the_rows(frame):
    fit = fitted(frame, missing="pairwise")
    one = measure.bootstrap(fit, n=4, seed=1, intervals=["percentile"])
    two = measure.bootstrap(fit, frame, n=4, seed=1, intervals=["percentile"])
    pd.testing.assert_frame_equal(one.replicates, two.replicates)
    with pytest.raises(DataError, match="Give the data of the fit"):
        measure.bootstrap(fit, frame.assign(o4=frame["o4"].iloc[::-1].to_numpy()), n=4, seed=1)


def test_incomplete_rows_are_drawn_with_their_holes(frame):
    holes = frame.copy()
    holes.loc[holes.index[::7], "o4"] = np.nan
    fit = fitted(holes, missing="pairwise")
    found = measure.bootstrap(fit, n=60, seed=6, intervals=["percentile"])
    thresholds = fit.parameters.query("op == '|'").index
    ratio = found.parameters.loc[thresholds, "se"] / fit.parameters.loc[thresholds, "se"]
    assert ratio.median() == pytest.approx(1.0, abs=0.15)
