"""The engine against lavaan: every reference case of kind `cfa` that it covers so far."""

import warnings

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
from tests.reference_cases import case, cases, data

COVERED = [
    "cfa_abilitycov_1f",
    "cfa_bfi_5f_listwise",
    "cfa_epibfi_mediation",
    "cfa_growth_linear",
    "cfa_growth_uncond",
    "cfa_hs39_1f",
    "cfa_hs39_3f",
    "cfa_hs39_3f_effectcoding",
    "cfa_hs39_3f_orthogonal",
    "cfa_hs39_3f_stdlv_mean",
    "cfa_hs39_3f_wishart",
    "cfa_hs39_constraints",
    "cfa_hs39_crossload_2f_obsreg",
    "cfa_hs39_latent_mediation",
    "cfa_hs39_residcov",
    "cfa_hs39_second_order",
    "cfa_hs39mcar_listwise",
    "cfa_polidem_sem",
    "cfa_polidem_sem_equal",
    "cfa_thurstone_bifactor",
    "cfa_thurstone_cor",
]
REFUSED = {"cfa_hs39_nonlinear_constraint": "nonlinear constraint"}
FIT_ARGUMENTS = ("std_lv", "meanstructure", "orthogonal", "likelihood", "effect_coding")
# Tolerances are those that tests/reference/README.md derives from how far lavaan's own optimisers
# differ. Models whose parameters are far from 1 are compared in units of their standard errors.
SCALE_DEPENDENT = ("ability", "polidem", "growth")

HS39 = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"


def refit(reference):
    """Fit the model of a case as its options say."""
    options = reference["options"]
    arguments = {name: options[name] for name in FIT_ARGUMENTS if name in options}
    frame = data(reference["data"])
    if options["input"] != "raw":
        frame.index = frame.columns
        arguments |= {"sample_cov": frame, "sample_nobs": options["sample_nobs"]}
        frame = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ListwiseWarning)
        return getattr(measure, options["function"])(reference["model"], frame, **arguments)


@pytest.fixture(scope="module")
def fits():
    return {name: refit(case(name)) for name in COVERED}


@pytest.fixture(scope="module")
def hs39():
    return data("hs39.csv")


def rows_by_name(fit, reference):
    """Pair each reference row with ours; `a ~~ b` and `b ~~ a` are the same row."""
    ours = measure.standardized(fit)[["se"]].rename(columns={"se": "std.all.se"})
    ours = pd.concat([fit.parameters, ours], axis=1)
    found = {(row["lhs"], row["op"], row["rhs"]): row for _, row in ours.iterrows()}
    defined = {row["lhs"]: row for _, row in ours.iterrows() if row["op"] == ":="}
    for row in reference["parameters"]:
        key = (row["lhs"], row["op"], row["rhs"])
        if row["op"] == ":=":
            yield row, defined[row["lhs"]]
        else:
            yield row, found[key] if key in found else found[key[2], key[1], key[0]]


def close(ours, theirs, tolerance):
    if theirs is None:
        return np.isnan(ours)
    return abs(ours - theirs) <= tolerance * max(1.0, abs(theirs))


@pytest.mark.parametrize("name", COVERED)
def test_fit_measures_agree_with_lavaan(fits, name):
    reference = case(name)["fit_measures"]
    ours = fits[name].fit_measures
    wrong = {
        key: (ours[key], value)
        for key, value in reference.items()
        if not close(ours[key], value, 1e-5)
    }
    assert not wrong
    assert set(reference) == set(ours.index)


@pytest.mark.parametrize("name", COVERED)
def test_parameters_agree_with_lavaan(fits, name):
    fit, reference = fits[name], case(name)
    pairs = list(rows_by_name(fit, reference))
    assert len(fit.parameters) == len(pairs)
    columns = ("est", "se", "z", "pvalue", "ci.lower", "ci.upper", "std.lv", "std.all")
    scale_dependent = any(word in name for word in SCALE_DEPENDENT)
    for theirs, ours in pairs:
        unit = max(1.0, theirs["se"] or 0.0) if scale_dependent else 1.0
        for column in (*columns, "std.all.se"):
            if column not in theirs:
                continue
            where = (theirs["lhs"], theirs["op"], theirs["rhs"], column)
            assert close(ours[column], theirs[column], 1e-4 * unit), where
        assert bool(ours["free"]) == bool(theirs["free"]), theirs


def test_every_ml_case_is_covered_or_refused():
    def ours(reference):
        options = reference["options"]
        later = ("ordered", "group", "cluster", "se", "test")
        return (
            options["estimator"] == "ML"
            and options["missing"] == "listwise"
            and not any(options.get(key) for key in later)
        )

    bundled = {reference["id"] for reference in cases("cfa") if ours(reference)}
    assert bundled == {*COVERED, *REFUSED}


@pytest.mark.parametrize(("name", "words"), REFUSED.items())
def test_what_is_not_estimated_is_refused_by_name(name, words):
    with pytest.raises(ModelError, match=words):
        refit(case(name))


def test_published_values_of_the_three_factor_model(fits):
    measures = fits["cfa_hs39_3f"].fit_measures
    assert round(measures["chisq"], 3) == 85.306
    assert measures["df"] == 24
    assert round(measures["cfi"], 4) == 0.9306
    assert round(measures["rmsea"], 4) == 0.0921
    assert round(measures["rmsea.ci.lower"], 4) == 0.0714
    assert round(measures["rmsea.ci.upper"], 4) == 0.1137
    assert round(measures["srmr"], 4) == 0.0652
    assert round(measures["aic"], 3) == 7517.490
    assert round(measures["bic"], 3) == 7595.339


def test_implied_moments_and_residuals_agree_with_lavaan(fits):
    reference = case("cfa_hs39_3f")
    fit = fits["cfa_hs39_3f"]
    implied = np.array(reference["implied"]["cov"]["values"])
    np.testing.assert_allclose(fit.implied_moments[0].sigma, implied, atol=1e-6)
    for kind, key in (("raw", "raw"), ("cor.bentler", "cor_bentler")):
        theirs = np.array(reference["residuals"][key]["cov"]["values"])
        np.testing.assert_allclose(measure.residuals(fit, kind=kind), theirs, atol=1e-6)


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
        ({"estimator": "WLSMV"}, '"WLSMV" is not available in this version; available: ML'),
        ({"estimator": "XYZ"}, 'unknown estimator "XYZ"'),
        ({"missing": "fiml"}, 'missing="fiml" is not available in this version'),
        ({"missing": "zero"}, 'missing="zero" is not known'),
        ({"group": "school"}, "several groups"),
        ({"cluster": "school"}, "clustered answers"),
        ({"ordered": ["x1"]}, "items answered in categories"),
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
        ("f =~ x1 + x2 + x3\nx1 | t1", "thresholds"),
        ("level: 1\nf =~ x1 + x2 + x3\nlevel: 2\nf =~ x1 + x2 + x3", "two-level"),
        ("f =~ x1 + a*x2 + x3\na > 0", "inequality"),
        ("f =~ x1 + a*x2 + b*x3 + x4\na == b^2", "nonlinear constraint"),
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
        ({"sample_cov": [[1.0]], "sample_nobs": 9}, "DataFrame"),
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


def test_representations_show_the_fit(fits):
    fit = fits["cfa_hs39_3f"]
    assert "85.306" in repr(fit)
    assert "<table" in fit._repr_html_()
