"""Equality constraints: what is left to estimate, and what has to hold at the solution."""

import numpy as np
import pytest

import measure
from measure.errors import ConvergenceError, ModelError
from measure.fitting.starts import nearest
from measure.specification import constraints
from measure.specification.constraints import Reduction
from tests.reference_cases import data


@pytest.fixture(scope="module")
def hs39():
    return data("hs39.csv")


def estimates(fit):
    rows = fit.parameters
    return {f"{r.lhs}{r.op}{r.rhs}": r.est for r in rows.itertuples()}


def test_shared_labels_are_equal_and_counted_once(hs39):
    free = measure.cfa("f =~ x1 + x2 + x3 + x4", hs39)
    tied = measure.cfa("f =~ x1 + a*x2 + a*x3 + x4", hs39)
    assert tied.df == free.df + 1
    est = estimates(tied)
    assert est["f=~x2"] == pytest.approx(est["f=~x3"], abs=1e-12)
    se = tied.parameters.set_index("rhs").loc[["x2", "x3"], "se"].groupby(level=0).first()
    assert se["x2"] == pytest.approx(se["x3"], rel=1e-10)


def test_linear_constraints_hold(hs39):
    fit = measure.cfa("f =~ x1 + a*x2 + b*x3 + c*x4\na + b == c + 0.1\nd := a + b - c", hs39)
    assert fit.parameters.iloc[-1]["est"] == pytest.approx(0.1, abs=1e-10)
    assert fit.parameters.iloc[-1]["se"] == pytest.approx(0.0, abs=1e-6)


def test_a_label_shared_with_a_fixed_value_takes_that_value(hs39):
    fit = measure.cfa("f =~ x1 + a*x2 + x3 + x4\na == 0.7", hs39)
    assert estimates(fit)["f=~x2"] == pytest.approx(0.7, abs=1e-12)


def test_redundant_constraints_count_once(hs39):
    one = measure.cfa("f =~ x1 + a*x2 + a*x3 + x4", hs39)
    two = measure.cfa("f =~ x1 + a*x2 + a*x3 + x4\na == a", hs39)
    assert one.df == two.df


def test_constraints_do_not_depend_on_their_order(hs39):
    first = measure.cfa("f =~ x1 + a*x2 + b*x3 + c*x4\na == b\nb == 2*c", hs39)
    second = measure.cfa("f =~ x1 + a*x2 + b*x3 + c*x4\n2*c == a\nb == a", hs39)
    np.testing.assert_allclose(first.parameters["est"], second.parameters["est"], atol=1e-6)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("f =~ x1 + a*x2 + x3 + x4\na == 1\na == 2", "contradict"),
        ("f =~ a*x1 + a*x2 + x3 + x4\na == 2", "cannot hold|contradict"),
        ("f =~ x1 + a*x2 + x3 + x4\na == zz", "labels no parameter. Labels in the model: a"),
    ],
)
def test_impossible_constraints_are_refused(hs39, model, words):
    with pytest.raises(ModelError, match=words):
        measure.cfa(model, hs39)


def test_an_inequality_that_does_not_bind_changes_nothing(hs39):
    free = measure.cfa("f =~ x1 + x2 + x3 + x4", hs39)
    bounded = measure.cfa("f =~ x1 + a*x2 + x3 + x4\na > -1\na < 5", hs39)
    assert bounded.df == free.df
    np.testing.assert_allclose(bounded.parameters["est"], free.parameters["est"], atol=1e-6)
    np.testing.assert_allclose(bounded.parameters["se"], free.parameters["se"], atol=1e-6)


def test_an_inequality_that_binds_holds_as_an_equation(hs39):
    """Estimates are those of the equation, degrees of freedom those without it, as in lavaan."""
    bound = measure.cfa("f =~ x1 + a*x2 + x3 + x4\na > 0.9", hs39)
    fixed = measure.cfa("f =~ x1 + 0.9*x2 + x3 + x4", hs39)
    np.testing.assert_allclose(bound.parameters["est"], fixed.parameters["est"], atol=1e-5)
    np.testing.assert_allclose(bound.parameters["se"], fixed.parameters["se"], atol=1e-5)
    assert bound.df == fixed.df - 1


def test_bounds_are_inequalities(hs39):
    text = "f =~ x1 + lower(0.9)*x2 + x3 + upper(10)*x4"
    bound = measure.cfa(text, hs39)
    fixed = measure.cfa("f =~ x1 + 0.9*x2 + x3 + x4", hs39)
    np.testing.assert_allclose(bound.parameters["est"], fixed.parameters["est"], atol=1e-5)


def test_a_negative_variance_can_be_kept_at_zero(hs39):
    corrupt = hs39.assign(x2=hs39["x1"] + 0.2 * hs39["x2"])
    text = "visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9\nx2 ~~ v*x2\nv > 0"
    fit = measure.cfa(text, corrupt)
    assert fit.admissible
    assert estimates(fit)["x2~~x2"] == pytest.approx(0.0, abs=1e-6)


def test_a_constraint_on_a_defined_quantity(hs39):
    text = "f =~ x1 + a*x2 + b*x3 + c*x4\nmean := (a + b + c)/3\nmean == 1"
    fit = measure.cfa(text, hs39)
    assert fit.parameters.iloc[-1]["est"] == pytest.approx(1.0, abs=1e-8)
    assert fit.df == 3


def test_nonlinear_equation_holds(hs39):
    fit = measure.cfa("f =~ x1 + a*x2 + b*x3 + c*x4\na == exp(b) - 1", hs39)
    est = estimates(fit)
    assert est["f=~x2"] == pytest.approx(np.exp(est["f=~x3"]) - 1, abs=1e-8)
    assert fit.df == 3


def test_restrictions_that_contradict_each_other_do_not_converge(hs39):
    with pytest.raises(ConvergenceError, match="restrictions"):
        measure.cfa("f =~ x1 + a*x2 + x3 + x4\na > 2\na < 1", hs39)


def test_ties_are_added_up_as_the_basis_would():
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(6, 6))
    matrix += matrix.T
    tied = np.zeros((6, 3))
    # The last element is fixed by a constraint, and follows no parameter.
    tied[[0, 1, 2, 3, 4], [0, 1, 0, 2, 1]] = 1.0
    twice = tied.copy()
    twice[4] = [0.0, 2.0, 0.0]
    sums = tied.copy()
    sums[4, 0] = 1.0
    for basis in (tied, twice, sums):
        reduction = Reduction(6, (0, 1, 3), basis, np.zeros(6))
        np.testing.assert_allclose(
            reduction.reduce_matrix(matrix), basis.T @ matrix @ basis, atol=1e-13
        )


def test_ties_are_solved_as_equations_are(monkeypatch):
    frame = data("hs39.csv")
    text = "f =~ x1 + a*x2 + x3 + x4\ng =~ x5 + a*x6 + x7 + b*x8\nx1 ~~ b*x1"
    tied = measure.cfa(text, frame, group="school", group_equal=["loadings", "intercepts"])
    monkeypatch.setattr(constraints, "_tied", lambda *_: None)
    whole = measure.cfa(text, frame, group="school", group_equal=["loadings", "intercepts"])
    found, wanted = tied.model.reduction, whole.model.reduction
    assert wanted.follows is None
    assert found.kept == wanted.kept
    np.testing.assert_array_equal(found.basis, wanted.basis)
    np.testing.assert_array_equal(found.offset, wanted.offset)
    rng = np.random.default_rng(1)
    params, slopes = rng.normal(size=(3, found.n_params)), rng.normal(size=(2, found.n_elements))
    square = rng.normal(size=(found.n_elements, found.n_elements))
    small = rng.normal(size=(found.n_params, found.n_params))
    for name, given in (
        ("expand", params),
        ("moved", params),
        ("reduce_gradient", slopes),
        ("reduce_matrix", square),
        ("expand_covariance", small),
    ):
        ours, theirs = (getattr(one, name)(given) for one in (found, wanted))
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    np.testing.assert_allclose(
        nearest(tied.model, slopes[0]), nearest(whole.model, slopes[0]), atol=1e-12
    )
    np.testing.assert_allclose(tied.parameters["est"], whole.parameters["est"], atol=1e-7)
    np.testing.assert_allclose(tied.vcov, whole.vcov, atol=1e-9)


@pytest.mark.parametrize("more", ["x2 ~~ 0.5*x2\nx3 ~~ a*x3\na == 0.5", "b == 2*a"])
def test_other_equations_than_ties_are_solved_together(more):
    fit = measure.cfa(f"f =~ x1 + a*x2 + a*x3 + b*x4\n{more}", data("hs39.csv"))
    assert fit.model.reduction.follows is None
