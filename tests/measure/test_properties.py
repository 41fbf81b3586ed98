"""What must hold for any data: a model means the same however it is written and measured."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import measure
from tests.reference_cases import data

ITEMS = {"visual": ["x1", "x2", "x3"], "textual": ["x4", "x5", "x6"], "speed": ["x7", "x8", "x9"]}
WAYS = {
    "ML": {},
    "std_lv": {"std_lv": True},
    "MLM": {"estimator": "MLM"},
    "MLMV": {"estimator": "MLMV"},
    "MLR": {"estimator": "MLR"},
    "GLS": {"estimator": "GLS"},
    "WLS": {"estimator": "WLS"},
    "fiml": {"missing": "fiml", "estimator": "MLR"},
    "groups": {"group": "school", "group_equal": ["loadings", "intercepts"]},
    "clusters": {"cluster": "clinic", "estimator": "MLR"},
}
MEASURES = ("chisq", "df", "cfi", "rmsea", "srmr")


@pytest.fixture(scope="module")
def hs39():
    frame = data("hs39.csv")
    rng = np.random.default_rng(11)
    frame["clinic"] = rng.integers(0, 60, len(frame))
    return frame


@pytest.fixture(scope="module")
def gaps():
    frame = data("hs39_mcar.csv")
    return frame[frame[[f"x{k}" for k in range(1, 10)]].notna().any(axis=1)]


def text(order):
    return "\n".join(f"{factor} =~ " + " + ".join(items) for factor, items in order.items())


def fitted(way, frame, order=None):
    return measure.cfa(text(order or ITEMS), frame, **WAYS[way])


def assert_same(first, second, names=MEASURES):
    scaled = [f"{name}.scaled" for name in ("chisq", "cfi", "rmsea")]
    for name in (*names, *(s for s in scaled if s in first.fit_measures)):
        assert second.fit_measures[name] == pytest.approx(first.fit_measures[name], rel=1e-7), name


def implied(fit):
    """Implied covariances of every group, items in a fixed order."""
    items = sorted(fit.moments.names)
    return [
        pd.DataFrame(m.sigma, fit.moments.names, fit.moments.names).loc[items, items].to_numpy()
        for m in fit.implied_moments
    ]


def source(way, hs39, gaps):
    return gaps if way == "fiml" else hs39


@pytest.mark.parametrize("way", WAYS)
def test_order_of_items_factors_and_rows(way, hs39, gaps):
    frame = source(way, hs39, gaps)
    turned = {
        "speed": ["x9", "x8", "x7"],
        "visual": ["x3", "x1", "x2"],
        "textual": ["x5", "x6", "x4"],
    }
    first, second = fitted(way, frame), fitted(way, frame.sample(frac=1, random_state=3), turned)
    assert_same(first, second)
    ours = dict(zip(first.moments.groups, implied(first), strict=True))
    theirs = dict(zip(second.moments.groups, implied(second), strict=True))
    for group, sigma in ours.items():
        np.testing.assert_allclose(theirs[group], sigma, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_units_of_the_items(way, hs39, gaps):
    """Nothing is equated within a group, so that units change neither fit nor tests."""
    frame = source(way, hs39, gaps)
    units = {"x1": 1e4, "x5": 0.01, "x9": -1e-4}
    scaled = frame.assign(**{item: frame[item] * unit + 3 for item, unit in units.items()})
    first, second = fitted(way, frame), fitted(way, scaled)
    # The SRMR is of standardised residuals too, but its means are relative to moved means.
    assert_same(first, second, ("chisq", "df", "cfi", "rmsea"))
    np.testing.assert_allclose(
        second.parameters["z"].abs().where(second.parameters["op"] != "~1"),
        first.parameters["z"].abs().where(first.parameters["op"] != "~1"),
        rtol=1e-5,
    )


@pytest.mark.parametrize("way", [way for way in WAYS if way != "std_lv"])
def test_the_marker_item(way, hs39, gaps):
    frame = source(way, hs39, gaps)
    other = {factor: [items[1], items[0], items[2]] for factor, items in ITEMS.items()}
    first, second = fitted(way, frame), fitted(way, frame, other)
    assert_same(first, second)
    standard = measure.cfa(text(ITEMS), frame, **{**WAYS[way], "std_lv": True})
    assert_same(first, standard)


def test_labels_and_order_of_the_groups(hs39):
    first = fitted("groups", hs39)
    named = hs39.assign(school=hs39["school"].map({"Pasteur": "b", "Grant-White": "a"}))
    second = fitted("groups", named.iloc[::-1])
    assert second.moments.groups == ("a", "b")
    assert_same(first, second)
    for ours, theirs in zip(implied(first), reversed(implied(second)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_order_of_the_statements(hs39):
    lines = [
        *text(ITEMS).splitlines(),
        "x1 ~~ x4",
        "x7 ~~ v*x7",
        "x8 ~~ v*x8",
        "visual ~~ r*speed",
        "textual ~~ r*speed",
    ]
    first = measure.cfa("\n".join(lines), hs39)
    for seed in range(4):
        turned = np.random.default_rng(seed).permutation(lines)
        second = measure.cfa("\n".join(turned), hs39)
        assert_same(first, second)
        np.testing.assert_allclose(implied(second)[0], implied(first)[0], rtol=1e-5, atol=1e-6)


def test_duplicated_rows_double_the_chi_square(hs39):
    once, twice = fitted("ML", hs39), fitted("ML", pd.concat([hs39, hs39]))
    assert twice.fit_measures["chisq"] == pytest.approx(2 * once.fit_measures["chisq"], rel=1e-9)
    np.testing.assert_allclose(twice.parameters["est"], once.parameters["est"], atol=1e-6)


def test_clusters_of_one_row_are_no_clusters(hs39):
    alone = measure.cfa(text(ITEMS), hs39, estimator="MLR", meanstructure=True)
    singles = hs39.assign(clinic=np.arange(len(hs39)))
    clustered = measure.cfa(text(ITEMS), singles, estimator="MLR", cluster="clinic")
    # Clusters count J/(J - 1) times.
    ratio = np.sqrt(len(hs39) / (len(hs39) - 1))
    np.testing.assert_allclose(
        clustered.parameters["se"], alone.parameters["se"] * ratio, rtol=1e-8
    )


def test_fiml_of_complete_rows_is_ml(hs39):
    complete = measure.cfa(text(ITEMS), hs39, meanstructure=True, information="observed")
    full = measure.cfa(text(ITEMS), hs39, missing="fiml")
    assert_same(complete, full)
    np.testing.assert_allclose(full.parameters["est"], complete.parameters["est"], atol=1e-6)
    np.testing.assert_allclose(full.parameters["se"], complete.parameters["se"], atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 0.9), st.integers(3, 6))
def test_a_model_fits_the_moments_that_it_implies(seed, loading, n_items):
    """From its own moments a model has chi-square 0, and its parameters come back."""
    rng = np.random.default_rng(seed)
    loadings = loading + rng.uniform(-0.2, 0.1, n_items)
    names = [f"y{k}" for k in range(n_items)]
    sigma = np.outer(loadings, loadings) + np.diag(rng.uniform(0.3, 1.0, n_items))
    n = 500
    cov = pd.DataFrame(sigma * n / (n - 1), names, names)
    fit = measure.cfa("f =~ " + " + ".join(names), sample_cov=cov, sample_nobs=n, std_lv=True)
    assert fit.fit_measures["chisq"] == pytest.approx(0.0, abs=1e-8)
    found = fit.parameters.query("op == '=~'")["est"].to_numpy()
    np.testing.assert_allclose(np.abs(found), loadings, atol=1e-6)
