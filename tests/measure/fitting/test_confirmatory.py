"""The engine against lavaan: every reference case of kind `cfa` that it covers so far."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import (
    ConvergenceError,
    DataError,
    IdentificationError,
    ImproperSolutionWarning,
    ListwiseWarning,
    MeasureError,
    ModelError,
    OptionError,
)
from tests.reference_cases import data

HS39 = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"


@pytest.fixture(scope="module")
def hs39():
    return data("hs39.csv")


def test_published_values_of_the_three_factor_model(hs39):
    measures = measure.cfa(HS39, hs39).fit_measures
    assert round(measures["chisq"], 3) == 85.306
    assert measures["df"] == 24
    assert round(measures["cfi"], 4) == 0.9306
    assert round(measures["rmsea"], 4) == 0.0921
    assert round(measures["rmsea.ci.lower"], 4) == 0.0714
    assert round(measures["rmsea.ci.upper"], 4) == 0.1137
    assert round(measures["srmr"], 4) == 0.0652
    assert round(measures["aic"], 3) == 7517.490
    assert round(measures["bic"], 3) == 7595.339


def test_same_result_from_raw_data_and_from_their_covariances(hs39):
    items = [f"x{k}" for k in range(1, 10)]
    raw = measure.cfa(HS39, hs39)
    summary = measure.cfa(HS39, sample_cov=hs39[items].cov(), sample_nobs=301)
    np.testing.assert_allclose(raw.parameters["se"], summary.parameters["se"], rtol=1e-6)
    assert raw.fit_measures["chisq"] == pytest.approx(summary.fit_measures["chisq"], rel=1e-9)


def test_order_of_items_and_rows_does_not_matter(hs39):
    turned = "speed =~ x7 + x9 + x8\nvisual =~ x1 + x3 + x2\ntextual =~ x4 + x6 + x5"
    first, second = (
        measure.cfa(HS39, hs39),
        measure.cfa(turned, hs39.sample(frac=1, random_state=1)),
    )
    assert first.fit_measures["chisq"] == pytest.approx(second.fit_measures["chisq"], rel=1e-9)
    pd.testing.assert_frame_equal(
        first.loadings, second.loadings.loc[first.loadings.index, first.loadings.columns], rtol=1e-5
    )


def test_rescaling_items_leaves_chisquare_and_standardized_loadings(hs39):
    scaled = hs39.assign(x2=hs39["x2"] * 1000 - 7, x9=-hs39["x9"] / 50)
    first, second = measure.cfa(HS39, hs39), measure.cfa(HS39, scaled)
    assert second.fit_measures["chisq"] == pytest.approx(first.fit_measures["chisq"], rel=1e-8)
    np.testing.assert_allclose(second.loadings.abs(), first.loadings.abs(), atol=1e-6)


def test_listwise_deletion_is_counted_and_announced():
    with pytest.warns(ListwiseWarning, match="rows lack an answer"):
        fit = measure.cfa(HS39, data("hs39_mcar.csv"))
    assert fit.n_dropped + fit.n_obs == 301
    assert any("listwise" in note for note in fit.notes)


def test_negative_variance_is_announced_and_not_clamped(hs39):
    corrupt = hs39.assign(x2=hs39["x1"] + 0.2 * hs39["x2"])
    with pytest.warns(ImproperSolutionWarning, match='negative residual variance for "x'):
        fit = measure.cfa("visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9", corrupt)
    assert fit.converged
    assert not fit.admissible
    assert fit.residual_variances.min() < 0


def test_unfinished_fit_travels_with_the_error(hs39, monkeypatch):
    monkeypatch.setattr("measure.optimize.MAX_ITERATIONS", 1)
    monkeypatch.setattr("measure.optimize.minimize.__kwdefaults__", {"max_iterations": 1})
    with pytest.raises(ConvergenceError, match="largest gradient") as caught:
        measure.cfa(HS39, hs39)
    assert not caught.value.fit.converged
    assert len(caught.value.fit.parameters) == 24


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("f =~ x1 + x2", r"4 free parameters but only 3 sample moments \(df = -1\)"),
        ("f =~ NA*x1 + x2 + x3 + x4", r"not identified.*f =~ x1.*f ~~ f"),
        ("f =~ x1 + x2 + x3\ng =~ x1 + x2 + x3 + x4 + x5 + x6", "not identified"),
    ],
)
def test_models_that_are_not_identified(hs39, model, words):
    with pytest.raises(IdentificationError, match=words):
        measure.cfa(model, hs39)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"estimator": "XYZ"}, 'unknown estimator "XYZ"'),
        ({"missing": "pairwise"}, 'missing="pairwise" is for ordered items'),
        ({"missing": "fiml", "estimator": "MLM"}, '"MLM" needs complete answers'),
        ({"missing": "fiml", "estimator": "GLS"}, '"GLS" needs complete answers'),
        ({"missing": "fiml", "test": "satorra.bentler"}, "are not defined"),
        ({"missing": "fiml", "meanstructure": False}, "need means"),
        ({"missing": "zero"}, 'missing="zero" is not known'),
        ({"group_equal": ["loadings"]}, "need `group`"),
        ({"group": "school", "group_equal": "loadings"}, 'group_equal=\\["loadings"\\]'),
        ({"group": "school", "group_equal": ["slopes"]}, '"slopes" is not known'),
        ({"group": "school", "group_equal": ["thresholds"]}, "needs ordered items"),
        (
            {"group": "school", "group_equal": ["loadings"], "group_partial": ["f =~ x1"]},
            "names no parameter",
        ),
        ({"cluster": "school", "estimator": "WLS"}, "does not account for clusters"),
        ({"auxiliary": ["agemo"]}, "they need missing"),
        ({"missing": "fiml", "auxiliary": ["x1"]}, "part of the model"),
        ({"se": "bootstrap"}, "measure.bootstrap"),
        ({"test": "bollen.stine"}, "measure.bootstrap"),
        ({"estimator": "GLS", "se": "robust.huber.white"}, "needs a likelihood"),
        ({"likelihood": "wishart", "estimator": "MLR"}, "standard test only"),
        ({"ordered": ["q1"]}, "ordered names q1, which the model does not use"),
        ({"ordered": "x1"}, 'as ordered=\\["x1"\\], or True'),
        ({"std_lv": True, "effect_coding": True}, "both set the scale"),
        ({"likelihood": "bayes"}, "not known"),
        ({"seed": 1}, "no use in this model"),
    ],
)
def test_options_are_refused_by_name(hs39, arguments, words):
    with pytest.raises(OptionError, match=words):
        measure.cfa(HS39, hs39, **arguments)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("f <~ x1 + x2 + x3", "Composites"),
        ("f =~ x1 + a*x2 + x3\na > q", '"q", which labels no parameter'),
        ("group: 1\nf =~ x1 + x2 + x3\ngroup: 2\nf =~ x1 + x2 + x3", "groups 1. Give each"),
        ("f =~ x1 + a*x2 + x3 + x4\na == q", '"q", which labels no parameter'),
        ("f =~ x1 + c(a, b)*x2 + x3", r"c\(\) on f =~ x2 .* has 2 entries"),
        ("f =~ x1 + a*x2 + a*x3 + b*x4\na == 1\nb == 2\na == b", "contradict each other"),
    ],
)
def test_models_are_refused_by_name(hs39, model, words):
    with pytest.raises(ModelError, match=words):
        measure.cfa(model, hs39)


def broken(frame, **changes):
    return frame.assign(**changes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.drop(columns="x5"), '"x5"'),
        (lambda d: d.assign(x5="a"), '"x5"'),
        (lambda d: d.assign(x5=1.0), '"x5"'),
        (lambda d: d.assign(x5=np.inf), '"x5"'),
        (lambda d: d.assign(x5=np.nan), '"x5"'),
        (lambda d: d.assign(x5=d["x4"] * 2), "not positive definite"),
        (lambda d: d.head(9), "9 rows have an answer"),
        (lambda d: d.to_numpy(), "DataFrame"),
    ],
)
def test_hostile_data_are_refused_by_name(hs39, change, words):
    with pytest.raises(DataError, match=words):
        measure.cfa(HS39, change(hs39))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "nothing to fit"),
        ({"sample_cov": pd.DataFrame([[1.0]], ["x1"], ["x1"])}, "sample_nobs"),
        ({"sample_cov": [[1.0]], "sample_nobs": 99}, "DataFrame"),
        ({"sample_cov": pd.DataFrame([[1.0]], ["x1"], ["x1"]), "sample_nobs": 100}, '"x2"'),
    ],
)
def test_moments_are_refused_by_name(arguments, words):
    with pytest.raises(MeasureError, match=words):
        measure.cfa(HS39, **arguments)


def test_covariances_that_are_not_symmetric_or_not_positive_definite(hs39):
    cov = hs39[[f"x{k}" for k in range(1, 10)]].cov()
    lopsided = cov.copy()
    lopsided.loc["x1", "x2"] += 0.1
    with pytest.raises(DataError, match='not symmetric: row "x1", column "x2"'):
        measure.cfa(HS39, sample_cov=lopsided, sample_nobs=301)
    impossible = cov.copy()
    impossible.loc["x1", "x2"] = impossible.loc["x2", "x1"] = 5.0
    with pytest.raises(DataError, match='not positive definite: "x1", "x2"'):
        measure.cfa(HS39, sample_cov=impossible, sample_nobs=301)


def test_representations_show_the_fit(hs39):
    fit = measure.cfa(HS39, hs39)
    assert "85.306" in repr(fit)
    assert "<table" in fit._repr_html_()


def test_a_search_that_runs_off_says_where_and_a_bound_holds_it():
    """One real factor of one item: the likelihood rises without end as its variance falls."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.standard_normal((60, 4)), columns=["a", "b", "c", "d"])
    free = "f =~ a + b + c + d"
    with pytest.raises(ConvergenceError, match=r"running off: negative residual variance for") as e:
        measure.cfa(free, frame, std_lv=True)
    runaway = e.value.fit.residual_variances.idxmin()
    bounded = measure.cfa(f"{free}\n{runaway} ~~ lower(0)*{runaway}", frame, std_lv=True)
    assert bounded.converged
    assert bounded.admissible
    assert bounded.residual_variances[runaway] == pytest.approx(0.0, abs=1e-6)
