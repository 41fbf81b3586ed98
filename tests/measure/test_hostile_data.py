"""Data that no model should be fitted to, or that a reader has to be warned of."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, MeasureError, OptionError
from tests.reference_cases import data

MODEL = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
ITEMS = [f"x{k}" for k in range(1, 10)]


@pytest.fixture(scope="module")
def hs39():
    return data("hs39.csv")


def in_one_group(frame, item, value):
    changed = frame.copy()
    changed.loc[changed["school"] == "Pasteur", item] = value
    return changed


@pytest.mark.parametrize("options", [{}, {"missing": "fiml"}, {"estimator": "GLS"}])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.assign(x9=d["x7"] + d["x8"]), '"x7", "x8", "x9" are a linear combination'),
        (lambda d: d.assign(x2=d["x1"]), '"x1", "x2" are a linear combination'),
        (lambda d: d.assign(x2=np.inf), 'item "x2" is infinite in 301 rows'),
        (lambda d: d.assign(x2=d["x2"].where(d.index != 7, -np.inf)), r"first: row 8"),
        (lambda d: d.assign(x2=4.0), r'item "x2" has the same answer \(4\) everywhere'),
        (lambda d: d.assign(x2=np.nan), 'item "x2" has no answers'),
        (lambda d: d.head(1), "1 row, at least 2 are needed"),
        (lambda d: d.head(9), "9 rows"),
        (lambda d: d.head(0), "0 rows"),
        (lambda d: d.assign(x2=d["x2"].astype(str)), 'item "x2" holds text'),
        (lambda d: pd.concat([d, d[["x2"]]], axis=1), 'item "x2" occurs more than once'),
    ],
)
def test_what_cannot_be_analysed_is_named(hs39, options, change, words):
    with pytest.raises(DataError, match=words):
        measure.cfa(MODEL, change(hs39), **options)


@pytest.mark.parametrize("options", [{}, {"missing": "fiml"}])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: in_one_group(d, "x3", 2.0), 'item "x3" .* everywhere in group "Pasteur"'),
        (lambda d: in_one_group(d, "x3", np.nan), 'item "x3" has no answers in group "Pasteur"'),
        (lambda d: d.assign(school="Pasteur"), 'column "school" holds 1 value;'),
        (lambda d: d.assign(school=None), 'column "school" holds 0 values'),
        (lambda d: d.drop(columns="school"), 'need one column "school"'),
        (lambda d: d.assign(school=["a", "b"] * 150 + ["c"]), 'group "c"'),
    ],
)
def test_a_group_that_cannot_be_analysed_is_named(hs39, options, change, words):
    with pytest.raises(DataError, match=words):
        measure.cfa(MODEL, change(hs39), group="school", **options)


def test_items_that_never_meet_are_named(hs39):
    apart = hs39.copy()
    apart.loc[:149, "x1"] = np.nan
    apart.loc[150:, "x2"] = np.nan
    with pytest.raises(DataError, match='"x1" and "x2" are answered together in 0 rows'):
        measure.cfa(MODEL, apart, missing="fiml")


def test_units_that_differ_by_ten_to_the_eighth_change_nothing(hs39):
    wide = hs39.assign(x1=hs39["x1"] * 1e4, x9=hs39["x9"] / 1e4)
    for options in ({}, {"missing": "fiml"}, {"estimator": "GLS"}, {"estimator": "MLR"}):
        plain, scaled = measure.cfa(MODEL, hs39, **options), measure.cfa(MODEL, wide, **options)
        assert scaled.fit_measures["chisq"] == pytest.approx(plain.fit_measures["chisq"], rel=1e-9)
        assert scaled.notes == plain.notes


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_fewer_respondents_than_moments_are_a_finding(hs39):
    fit = measure.cfa(MODEL, hs39.head(40))
    assert any("40 respondents for 45 sample moments" in note for note in fit.notes)
    assert not any("sample moments" in note for note in measure.cfa(MODEL, hs39).notes)
    with pytest.raises(DataError, match="takes more than 45 rows; there are 40"):
        measure.cfa(MODEL, hs39.head(40), estimator="WLS")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.assign(x2=s["x2"] + 1), "not symmetric: row"),
        (lambda s: s.abs() * 2 - np.diag(np.diag(s)), "not positive definite"),
        (lambda s: s * -1, "not positive definite"),
        (lambda s: s.where(s != s.loc["x1", "x2"]), "missing or infinite"),
        (lambda s: s.drop(columns="x4"), "same variable names"),
        (lambda s: s.drop(columns="x4", index="x4"), 'has no "x4"'),
        (lambda s: s.to_numpy(), "has to be a DataFrame"),
    ],
)
def test_a_matrix_that_is_no_covariance_matrix_is_refused(hs39, change, words):
    cov = change(hs39[ITEMS].cov())
    with pytest.raises(DataError, match=words):
        measure.cfa(MODEL, sample_cov=cov, sample_nobs=301)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sample_nobs": 9}, "need more respondents"),
        ({"sample_nobs": 30.5}, "whole number"),
        ({"sample_nobs": True}, "whole number"),
        ({"sample_nobs": {"a": 100}}, "has the groups a"),
        ({"sample_nobs": 301, "estimator": "MLR"}, "need the answers themselves"),
        ({"sample_nobs": 301, "estimator": "MLM"}, "need the answers themselves"),
        ({"sample_nobs": 301, "estimator": "WLS"}, "need the answers themselves"),
        ({"sample_nobs": 301, "missing": "fiml"}, "sample_cov has none"),
        ({"sample_nobs": 301, "meanstructure": True}, "needs sample_mean"),
    ],
)
def test_what_moments_alone_cannot_give_is_refused(hs39, arguments, words):
    with pytest.raises(MeasureError, match=words):
        measure.cfa(MODEL, sample_cov=hs39[ITEMS].cov(), **arguments)


def test_moments_of_several_groups_give_what_their_rows_give(hs39):
    parts = dict(tuple(hs39.groupby("school", sort=False)[ITEMS]))
    given = {
        "sample_cov": {name: part.cov() for name, part in parts.items()},
        "sample_mean": {name: part.mean() for name, part in parts.items()},
        "sample_nobs": {name: len(part) for name, part in parts.items()},
    }
    equal = ["loadings", "intercepts"]
    rows = measure.cfa(MODEL, hs39, group="school", group_equal=equal)
    moments = measure.cfa(MODEL, **given, group="school", group_equal=equal)
    pd.testing.assert_frame_equal(moments.parameters, rows.parameters, rtol=1e-5)
    assert moments.fit_measures["chisq"] == pytest.approx(rows.fit_measures["chisq"], rel=1e-8)
    with pytest.raises(OptionError, match="sample_mean has the groups"):
        measure.cfa(MODEL, **{**given, "sample_mean": {"other": parts["Pasteur"].mean()}})


def test_rows_without_group_or_cluster_are_counted(hs39):
    holes = hs39.copy()
    holes.loc[:4, "school"] = None
    holes.loc[5:6, "clinic"] = np.nan
    holes.loc[7:, "clinic"] = np.arange(len(hs39) - 7) % 70
    with pytest.warns(measure.errors.ListwiseWarning, match="the group or the cluster"):
        fit = measure.cfa(MODEL, holes, group="school", cluster="clinic", estimator="MLR")
    assert fit.n_dropped == 7
    assert fit.n_obs == 294
    assert fit.n_clusters == 70


def test_an_empty_cluster_column_is_refused(hs39):
    with pytest.raises(DataError, match='cluster column "clinic" is empty'):
        measure.cfa(MODEL, hs39.assign(clinic=None), cluster="clinic")
