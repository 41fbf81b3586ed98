"""Modification indices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import measure
from measure.errors import OptionError
from measure.evaluation import modification
from tests.measure.after_fits import AFTER, ONE_GROUP_ONLY, by_name, fitted, found, results
from tests.measure.reference_fits import continuous, refit
from tests.reference_cases import case, data

VALUES = ("mi", "epc", "sepc.lv", "sepc.all", "sepc.nox")
WITH_INDICES = [name for name in continuous("cfa") if "modification_indices" in case(name)]
HS39 = case("cfa_hs39_3f")["model"]


@pytest.fixture(scope="module")
def fit():
    return measure.cfa(HS39, data("hs39.csv"))


@pytest.mark.parametrize("name", WITH_INDICES)
def test_the_ten_largest_agree_with_lavaan(name):
    reference = case(name)
    fit = refit(reference, reference)
    ours = measure.modification_indices(fit)
    rows = by_name(ours, fit, VALUES)
    for row in reference["modification_indices"]:
        own = found(rows, row)
        for column in ("mi", "epc", "sepc.lv", "sepc.all"):
            assert own[column] == pytest.approx(row[column], rel=1e-4, abs=1e-4), (row, column)
    theirs = [(row["lhs"], row["op"], row["rhs"]) for row in reference["modification_indices"]]
    assert list(ours[["lhs", "op", "rhs"]].head(10).itertuples(index=False, name=None)) == theirs


@pytest.mark.parametrize("name", AFTER)
def test_all_indices_agree_with_lavaan(name):
    fit = fitted(name)
    ours = by_name(measure.modification_indices(fit), fit, VALUES)
    theirs = results(name)["modification_indices"]
    for row in theirs:
        own = found(ours, row)
        for column in VALUES:
            assert own[column] == pytest.approx(row[column], rel=1e-4, abs=1e-4), (row, column)
    unlisted = {key[:3] for key in ours} - {(row["lhs"], row["op"], row["rhs"]) for row in theirs}
    unlisted -= {(row["rhs"], row["op"], row["lhs"]) for row in theirs}
    # lavaan has no residual covariances of variables that are no items.
    assert all(op == "~~" and {lhs, rhs} & {"ageyr", "grade"} for lhs, op, rhs in unlisted)


@pytest.mark.parametrize("name", AFTER)
def test_power_and_decision_agree_with_lavaan(name):
    fit = fitted(name)
    table = measure.modification_indices(fit, delta=0.3, metric="raw")
    ours = by_name(table, fit, ("ncp", "power", "decision"))
    for row in results(name)["power"]:
        own = found(ours, row)
        assert own["ncp"] == pytest.approx(row["ncp"], rel=1e-4)
        assert own["power"] == pytest.approx(row["power"], rel=1e-4, abs=1e-6)
        assert own["decision"] == row["decision"]


@pytest.mark.parametrize(
    ("options", "row"),
    [
        ({}, "visual =~ x9"),
        ({"estimator": "MLR"}, "textual =~ x3"),
        ({"group": "school", "group_equal": ["loadings"]}, "x2 ~~ x7"),
        ({"estimator": "GLS"}, "x2 ~~ x7"),
    ],
)
def test_freeing_a_parameter_lowers_chi_square_by_about_its_index(options, row):
    before = measure.cfa(HS39, data("hs39.csv"), **options)
    after = measure.cfa(f"{HS39}\n{row}", data("hs39.csv"), **options)
    same = "lhs == '{}' and op == '{}' and rhs == '{}'".format(*row.split())
    table = measure.modification_indices(before).query(same)
    drop = before.fit_measures["chisq"] - after.fit_measures["chisq"]
    assert table["mi"].sum() == pytest.approx(drop, rel=0.35)
    freed = after.parameters.query(same)
    for _, own in table.iterrows():
        estimate = freed.loc[freed["group"] == own["group"], "est"].iloc[0]
        assert np.sign(own["epc"]) == np.sign(estimate)
        if own["mi"] > 4:
            assert own["epc"] == pytest.approx(estimate, rel=0.5)


def test_expected_change_of_a_nearly_right_model_is_the_change():
    # Loadings fixed close to their estimates: the quadratic approximation is then exact.
    full = measure.cfa("f =~ x1 + x2 + x3 + x4", data("hs39.csv"), information="observed")
    value = full.parameters.query("rhs == 'x3' and op == '=~'")["est"].iloc[0] + 1e-3
    fixed = measure.cfa(f"f =~ x1 + x2 + {value}*x3 + x4", data("hs39.csv"))
    row = (
        measure.modification_indices(fixed, information="observed")
        .query("lhs == 'f' and rhs == 'x3'")
        .iloc[0]
    )
    assert row["epc"] == pytest.approx(-1e-3, rel=1e-2)
    drop = fixed.fit_measures["chisq"] - full.fit_measures["chisq"]
    assert row["mi"] == pytest.approx(drop, rel=1e-2)
    se = full.parameters.query("rhs == 'x3' and op == '=~'")["se"].iloc[0]
    assert row["se"] == pytest.approx(se, rel=1e-2)


def test_robust_index_is_the_squared_robust_z_of_a_nearly_right_model():
    options = {"estimator": "MLR"}
    full = measure.cfa("f =~ x1 + x2 + x3 + x4", data("hs39.csv"), **options)
    free = full.parameters.query("rhs == 'x3' and op == '=~'").iloc[0]
    value = free["est"] - 1e-3
    fixed = measure.cfa(f"f =~ x1 + x2 + {value}*x3 + x4", data("hs39.csv"), **options)
    row = (
        measure.modification_indices(fixed, information="observed")
        .query("lhs == 'f' and rhs == 'x3'")
        .iloc[0]
    )
    assert row["mi.robust"] == pytest.approx((1e-3 / free["se"]) ** 2, rel=2e-2)
    assert row["mi"] != pytest.approx(row["mi.robust"], rel=2e-2)


@settings(max_examples=10, deadline=None)
@given(order=st.permutations([f"x{k}" for k in range(1, 10)]))
def test_the_order_of_columns_and_candidates_does_not_matter(fit, order):
    other = measure.cfa(HS39, data("hs39.csv")[order])
    ours, theirs = (
        measure.modification_indices(one).set_index(["lhs", "op", "rhs"])["mi"]
        for one in (fit, other)
    )
    np.testing.assert_allclose(ours, theirs.loc[ours.index], rtol=1e-5, atol=1e-7)


def test_indices_do_not_depend_on_the_number_evaluated_together(fit, monkeypatch):
    whole = measure.modification_indices(fit)
    monkeypatch.setattr(modification, "CHUNK", 7)
    parts = measure.modification_indices(fit)
    np.testing.assert_allclose(whole["mi"], parts["mi"], rtol=1e-9)
    assert (whole[["lhs", "op", "rhs"]] == parts[["lhs", "op", "rhs"]]).all(axis=None)


def test_equivalence_is_the_verdict_of_two_one_sided_tests(fit):
    table = measure.modification_indices(fit, delta=0.2)
    error = (table["sepc.all"] / table["epc"] * table["se"]).abs()
    lower = (table["sepc.all"] + 0.2) / error
    upper = (table["sepc.all"] - 0.2) / error
    within = (lower > 1.6448536) & (upper < -1.6448536)
    assert (within == (table["equivalence"] == "within")).all()
    assert set(table["equivalence"]) == {"within", "open", "beyond"}


def test_a_negative_observed_information_gives_no_index(fit):
    # x9 is so far from where it should load that the log-likelihood is not concave there.
    table = measure.modification_indices(fit, information="observed")
    row = table.query("lhs == 'visual' and rhs == 'x9'").iloc[0]
    assert np.isnan(row[["mi", "epc", "power"]].astype(float)).all()
    assert row["decision"] == ""
    assert table["mi"].isna().sum() < 10


def test_minimum_and_saturated_models():
    fit = measure.cfa("f =~ x1 + x2 + x3", data("hs39.csv"))
    table = measure.modification_indices(fit)
    assert len(table) == 0
    assert "decision" in table
    wide = measure.cfa(HS39, data("hs39.csv"))
    assert (measure.modification_indices(wide, minimum=10)["mi"] >= 10).all()


def test_means_and_fixed_intercepts_are_tested():
    reference = case("cfa_growth_uncond")
    fit = refit(reference, reference)
    table = measure.modification_indices(fit)
    intercepts = table.query("op == '~1'")
    assert set(intercepts["lhs"]) == set(fit.moments.names)
    assert (table.query("op == '=~'")["lhs"].isin(fit.model.table.latent)).all()


def test_a_factor_that_one_group_leaves_out_is_no_candidate_there():
    fit = measure.sem(ONE_GROUP_ONLY, data("hs39.csv"), group="school")
    second = measure.modification_indices(fit).query("group == 'Grant-White'")
    assert len(second)
    assert "f" not in {*second["lhs"], *second["rhs"]}


def test_auxiliary_variables_are_no_candidates():
    fit = measure.cfa("f =~ x1 + x2 + x3 + x4", data("hs39.csv"), missing="fiml", auxiliary=["x7"])
    table = measure.modification_indices(fit)
    assert "x7" not in {*table["lhs"], *table["rhs"]}


def test_a_singular_information_gives_no_index(fit, monkeypatch):
    monkeypatch.setattr(modification, "inverse", lambda *_: None)
    table = measure.modification_indices(fit)
    assert len(table) > 0
    assert table[["mi", "epc", "sepc.all", "power"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"delta": 0}, "delta"),
        ({"metric": "std.lv"}, "metric"),
        ({"alpha": 1.5}, "alpha"),
        ({"high_power": 0}, "high_power"),
        ({"information": "hessian"}, "information"),
    ],
)
def test_wrong_options_are_named(fit, options, words):
    with pytest.raises(OptionError, match=words):
        measure.modification_indices(fit, **options)
