"""Score tests of equality constraints."""

import numpy as np
import pytest

import measure
from measure.errors import ModelError, OptionError
from tests.measure.after_fits import TIED, fitted, results
from tests.measure.reference_fits import reference, refit
from tests.reference_cases import case, data


def test_releasing_each_tie_agrees_with_lavaan():
    content = case("inv_hs39_school_ml_partial")
    fit = refit(reference(content["id"], "metric"), content)
    table = measure.equality_tests(fit).table
    assert len(table) == len(content["score_tests_metric"])
    for ours, theirs in zip(table.to_dict("records"), content["score_tests_metric"], strict=True):
        assert (ours["lhs"], ours["op"], ours["rhs"]) == tuple(
            theirs[key] for key in ("lhs", "op", "rhs")
        )
        assert ours["chisq"] == pytest.approx(theirs["X2"], rel=1e-4, abs=1e-5)
        assert ours["df"] == theirs["df"]
        assert ours["pvalue"] == pytest.approx(theirs["pvalue"], abs=1e-5)


def test_total_and_expected_changes_agree_with_lavaan():
    found, theirs = measure.equality_tests(fitted(TIED)), results(TIED)["equality_tests"]
    assert found.total["chisq"] == pytest.approx(theirs["total"]["chisq"], rel=1e-5)
    assert found.total["df"] == theirs["total"]["df"]
    np.testing.assert_allclose(
        found.table["chisq"], [row["chisq"] for row in theirs["table"]], rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        found.changes["epc"], [row["epc"] for row in theirs["changes"]], atol=1e-4
    )


def test_total_counts_what_the_data_determine():
    # With std_lv nine loadings are tied and three variances freed: releasing the ties gives six.
    # lavaan reports 9 degrees of freedom here.
    content = case("inv_hs39_school_ml_partial")
    fit = refit(reference(content["id"], "metric"), content)
    found = measure.equality_tests(fit)
    assert found.total["df"] == 6
    assert found.total["chisq"] == pytest.approx(
        measure.equality_tests(fitted(TIED)).total["chisq"], rel=1e-5
    )
    assert found.changes["epc"].isna().all()


def test_a_released_tie_changes_as_expected():
    model, frame = case("cfa_hs39_3f")["model"], data("hs39.csv")
    tied = measure.cfa(model, frame, group="school", group_equal=["loadings"])
    free = measure.cfa(
        model, frame, group="school", group_equal=["loadings"], group_partial=["textual =~ x5"]
    )
    row = measure.equality_tests(tied, information="observed").table.query("rhs == 'x5'").iloc[0]
    assert row["group"] == "Grant-White"
    first, second = free.parameters.query("lhs == 'textual' and rhs == 'x5'")["est"]
    assert row["epc"] == pytest.approx(second - first, rel=0.1)
    drop = tied.fit_measures["chisq"] - free.fit_measures["chisq"]
    assert row["chisq"] == pytest.approx(drop, rel=0.1)
    assert row["chisq"] == pytest.approx((row["epc"] / row["se"]) ** 2, rel=1e-6)


def test_linear_and_nonlinear_constraints_of_the_text_are_tested():
    frame = data("hs39.csv")
    text = "f =~ a*x1 + b*x2 + c*x3 + d*x4\nf ~~ 1*f\n{}"
    free = measure.cfa(text.format(""), frame, auto_fix_first=False)
    for constraint in ("a == 2*b", "c == b^2 + 0.1"):
        tied = measure.cfa(text.format(constraint), frame, auto_fix_first=False)
        table = measure.equality_tests(tied, information="observed").table
        assert table["constraint"].str.replace(" ", "").tolist() == [
            f'"{constraint}"'.replace(" ", "")
        ]
        drop = tied.fit_measures["chisq"] - free.fit_measures["chisq"]
        assert table["chisq"].iloc[0] == pytest.approx(drop, rel=0.5, abs=0.05)


def test_redundant_and_identifying_constraints_have_no_test():
    frame = data("hs39.csv")
    coded = measure.cfa("f =~ x1 + x2 + x3 + x4", frame, effect_coding=True, meanstructure=True)
    found = measure.equality_tests(coded)
    assert found.table["chisq"].isna().all()
    assert found.total["df"] == 0
    labels = measure.cfa("f =~ x1 + a*x2 + a*x3 + x4\na == 1*a", frame)
    assert len(measure.equality_tests(labels).table) == 1


def test_the_report_shows_the_table():
    text = repr(measure.equality_tests(fitted(TIED)))
    assert "chisq" in text
    assert "visual =~ x2 (group Pasteur)" in text


def test_without_constraints_there_is_nothing_to_test():
    with pytest.raises(ModelError, match="no equality constraints"):
        measure.equality_tests(measure.cfa("f =~ x1 + x2 + x3", data("hs39.csv")))
    with pytest.raises(OptionError, match="information"):
        measure.equality_tests(fitted(TIED), information="x")
