"""Incomplete answers: saturated moments, auxiliary variables, patterns and coverage."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.model import Implied, moment_vector
from measure.moments.missing import saturated
from measure.moments.patterns import PatternLikelihood, patterns_of
from tests.reference_cases import case, data

MODEL = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
ITEMS = [f"x{k}" for k in range(1, 10)]


@pytest.fixture(scope="module")
def gaps():
    return data("hs39_mcar.csv")


@pytest.mark.parametrize("name", ["auxiliary_hs39_fiml", "auxiliary_hs39_fiml_mlr"])
def test_auxiliary_variables_agree_with_semtools(gaps, name):
    reference = case(name)
    options, results = reference["options"], reference["results"]
    fit = measure.cfa(MODEL, gaps, **options)
    for key, value in results["fit_measures"].items():
        assert fit.fit_measures[key] == pytest.approx(value, rel=1e-5, abs=1e-5), key
    rows = fit.parameters.set_index(["lhs", "op", "rhs"])
    for row in results["parameters"]:
        ours = rows.loc[(row["lhs"], row["op"], row["rhs"])]
        assert ours["est"] == pytest.approx(row["est"], abs=1e-4)
        assert ours["se"] == pytest.approx(row["se"], abs=1e-4)


def test_auxiliary_variables_leave_complete_rows_alone():
    frame = data("hs39.csv").drop(columns="grade")
    plain = measure.cfa(MODEL, frame, missing="fiml")
    helped = measure.cfa(MODEL, frame, missing="fiml", auxiliary=["ageyr"])
    for name in ("chisq", "df", "cfi", "rmsea"):
        assert helped.fit_measures[name] == pytest.approx(plain.fit_measures[name], rel=1e-6)


def test_saturated_moments_are_a_maximum(gaps):
    values = gaps[ITEMS].to_numpy()
    values = values[~np.isnan(values).all(axis=1)]
    patterns = patterns_of(values)
    here = PatternLikelihood.at(patterns, saturated(patterns, values, tuple(ITEMS)))
    g, centre = here.gradient
    assert np.abs(g).max() < 1e-8
    assert np.abs(centre).max() < 1e-8
    curvature = here.information(observed=True)
    assert np.linalg.eigvalsh(curvature)[0] > 0


def test_patterns_and_coverage_are_counted():
    frame = pd.DataFrame(
        {
            "a": [1.0, 2.0, np.nan, 4.0, np.nan],
            "b": [1.0, np.nan, 3.0, 5.0, np.nan],
            "c": [3.0, 1.0, 2.0, 2.0, np.nan],
        }
    )
    found = measure.missing_patterns(frame)
    assert (found.n_obs, found.n_complete, found.n_empty) == (5, 2, 1)
    first = found.patterns.iloc[0]
    assert first[["a", "b", "c"]].all()
    assert first["n"] == 2
    assert found.patterns["share"].sum() == pytest.approx(1.0)
    assert found.coverage.loc["a", "b"] == pytest.approx(0.4)
    assert found.coverage.loc["c", "c"] == pytest.approx(0.8)
    assert "complete rows" in repr(found)
    assert "<table" in found._repr_html_()


def test_counts_of_the_patterns_are_those_of_a_plain_count(gaps):
    found = measure.missing_patterns(gaps, ITEMS)
    plain = gaps[ITEMS].notna().value_counts()
    assert len(found.patterns) == len(plain)
    assert sorted(found.patterns["n"]) == sorted(plain)


def test_expected_information_is_that_of_both_models(gaps):
    # lavaan 0.6-14 with em.h1.tol = 1e-10, and warnings of rows without any answer.
    text = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6"
    six = gaps.dropna(subset=ITEMS[:6], how="all")
    found = measure.cfa(text, six, missing="fiml", estimator="MLR", information="expected")
    expected = {
        "chisq.scaled": 21.078464,
        "chisq.scaling.factor": 1.066241,
        "scaling.factor.h1": 1.066441,
        "baseline.chisq.scaled": 461.640194,
    }
    for name, value in expected.items():
        assert found.fit_measures[name] == pytest.approx(value, rel=1e-5), name


def test_the_size_of_moments_is_that_by_their_information(gaps):
    values = gaps[ITEMS].to_numpy()
    values = values[~np.isnan(values).all(axis=1)]
    patterns = patterns_of(values)
    here = PatternLikelihood.at(patterns, saturated(patterns, values, tuple(ITEMS)))
    square = np.random.default_rng(2).normal(size=(len(ITEMS), len(ITEMS)))
    moments = Implied(np.linspace(-1.0, 1.0, len(ITEMS)), square + square.T)
    vector = moment_vector(moments, means=True)
    wanted = vector @ here.information(observed=False) @ vector
    assert here.size(moments) == pytest.approx(wanted, rel=1e-10)
