"""Expressions: values, exact derivatives, linear forms, and what is written is read back."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure.errors import ModelError
from measure.specification.expressions import (
    FUNCTIONS,
    Binary,
    Call,
    Expression,
    Name,
    Number,
    Unary,
    evaluate,
    linear_coefficients,
    names,
)
from measure.specification.syntax import parse


def read(text: str) -> Expression:
    return parse(f"f =~ x\nresult := {text}").constraints[0].rhs


VALUES = {"a": 0.7, "b": -1.3, "d": 2.1}

EVALUATED = [
    ("1 + 2*3", 7.0),
    ("(1 + 2)*3", 9.0),
    ("10 - 4 - 3", 3.0),
    ("12/3/2", 2.0),
    ("2^3^2", 512.0),
    ("-2^2", -4.0),
    ("(-2)^2", 4.0),
    ("2^-1", 0.5),
    ("3*-2", -6.0),
    ("1 - -1", 2.0),
    ("--2", 2.0),
    ("+2", 2.0),
    ("1e-3 + .5 + 2.", 2.501),
    ("a*b", 0.7 * -1.3),
    ("a - b/d", 0.7 + 1.3 / 2.1),
    ("sqrt(d)^2", 2.1),
    ("exp(log(d))", 2.1),
    ("log10(1000)", 3.0),
    ("abs(b)", 1.3),
    ("pnorm(qnorm(0.975))", 0.975),
    ("qnorm(0.975)", 1.959963984540054),
    ("plogis(qlogis(0.2))", 0.2),
    ("dnorm(0)", 0.3989422804014327),
]


@pytest.mark.parametrize(("text", "value"), EVALUATED)
def test_value(text: str, value: float) -> None:
    assert evaluate(read(text), VALUES)[0] == pytest.approx(value, rel=1e-14)


DIFFERENTIATED = [
    "a + b",
    "a - b",
    "a*b",
    "a/b",
    "-a",
    "a^3",
    "b^3",
    "a^b",
    "d^a",
    "2^a",
    "a*a*a - a",
    "(a + b)*(a - d)/(d^2 + 1)",
    "a*b/(a*b + sqrt(d))",
    "exp(a*b) - log(d + a)^2",
    "-(a - b)^-2",
]


@pytest.mark.parametrize("text", DIFFERENTIATED)
def test_derivatives_against_finite_differences(text: str) -> None:
    check_derivatives(read(text), VALUES)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("x", [0.2, 0.55, 0.9])
def test_derivative_of_every_function(function: str, x: float) -> None:
    check_derivatives(Call(function, Name("x")), {"x": x})


@pytest.mark.parametrize(
    "function", [f for f in FUNCTIONS if f not in ("qnorm", "qlogis") and "log" not in f[:3]]
)
def test_derivative_left_of_zero(function: str) -> None:
    if function != "sqrt":
        check_derivatives(Call(function, Name("x")), {"x": -0.4})


def check_derivatives(expression: Expression, values: dict[str, float]) -> None:
    _, derivatives = evaluate(expression, values)
    assert set(derivatives) == set(names(expression))
    step = 1e-5
    for name, slope in derivatives.items():
        points = [values | {name: values[name] + k * step} for k in (-2, -1, 1, 2)]
        f = [evaluate(expression, point)[0] for point in points]
        numeric = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * step)
        # Five-point differences carry a rounding error of about 1e-16 / step.
        assert slope == pytest.approx(numeric, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "values", "value", "slope"),
    [
        ("1/a", {"a": 0.0}, math.inf, -math.inf),
        ("log(a)", {"a": -1.0}, math.nan, math.nan),
        ("log(a)", {"a": 0.0}, -math.inf, math.inf),
        ("sqrt(a)", {"a": -1.0}, math.nan, math.nan),
        ("sqrt(a)", {"a": 0.0}, 0.0, math.inf),
        ("abs(a)", {"a": 0.0}, 0.0, 0.0),
        ("a^0", {"a": 0.0}, 1.0, 0.0),
        ("a^2", {"a": 0.0}, 0.0, 0.0),
        ("a^2", {"a": -3.0}, 9.0, -6.0),
        ("a^0.5", {"a": -3.0}, math.nan, math.nan),
        ("0^a", {"a": 2.0}, 0.0, 0.0),
        ("exp(a)", {"a": 1000.0}, math.inf, math.inf),
        ("qnorm(a)", {"a": 1.0}, math.inf, math.inf),
    ],
)
def test_at_the_edge_of_the_domain(
    text: str, values: dict[str, float], value: float, slope: float
) -> None:
    result, derivatives = evaluate(read(text), values)
    np.testing.assert_equal((result, derivatives["a"]), (value, slope))


def test_results_are_plain_numbers() -> None:
    value, derivatives = evaluate(read("a*b + 1"), VALUES)
    assert type(value) is float
    assert {name: type(slope) for name, slope in derivatives.items()} == {"a": float, "b": float}


def test_names_in_order_of_appearance() -> None:
    assert names(read("d*(b + a) - exp(b)/.p3.")) == ("d", "b", "a", ".p3.")
    assert names(read("1 + 2")) == ()


def test_a_name_without_value_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r'"missing" in "a\*missing" is neither the label'):
        evaluate(read("a*missing"), VALUES)


LINEAR = [
    ("1 + 2", (3.0, {})),
    ("a", (0.0, {"a": 1.0})),
    ("2*a - b/4 + 3", (3.0, {"a": 2.0, "b": -0.25})),
    ("-(a - 2*(b + 1))*3", (6.0, {"a": -3.0, "b": 6.0})),
    ("a - a", (0.0, {"a": 0.0})),
    ("(a + 1)^1", (1.0, {"a": 1.0})),
    ("sqrt(4)*a + exp(0)", (1.0, {"a": 2.0})),
    ("a*(3 - 1)", (0.0, {"a": 2.0})),
    ("a*b", None),
    ("a^2", None),
    ("2^a", None),
    ("1/a", None),
    ("a/b", None),
    ("exp(a)", None),
    ("a/0", None),
    ("a + log(-1)", None),
]


@pytest.mark.parametrize(("text", "form"), LINEAR)
def test_linear_coefficients(text: str, form: tuple[float, dict[str, float]] | None) -> None:
    assert linear_coefficients(read(text)) == form


def test_long_sums_need_no_recursion() -> None:
    labels = [f"a{k}" for k in range(20_000)]
    expression = read(" + ".join(labels))
    value, derivatives = evaluate(expression, dict.fromkeys(labels, 0.5))
    assert value == 10_000.0
    assert set(derivatives.values()) == {1.0}
    assert linear_coefficients(expression) == (0.0, dict.fromkeys(labels, 1.0))
    assert str(expression) == "+".join(labels)


WRITTEN = [
    ("a + b * c", "a+b*c"),
    ("(a + b) * c", "(a+b)*c"),
    ("a - (b - c)", "a-(b-c)"),
    ("a - b - c", "a-b-c"),
    ("a / (b * c)", "a/(b*c)"),
    ("(a^b)^c", "(a^b)^c"),
    ("a^(b^c)", "a^b^c"),
    ("(-a)^2", "(-a)^2"),
    ("-a^2", "-a^2"),
    ("-(a + b)", "-(a+b)"),
    ("a * -b", "a*-b"),
    ("exp(a + 1.50)", "exp(a+1.5)"),
    ("`my label` * 2.0", "`my label`*2"),
    ("1e-7 * a", "1e-07*a"),
]


@pytest.mark.parametrize(("text", "written"), WRITTEN)
def test_written_in_lavaan_syntax(text: str, written: str) -> None:
    assert str(read(text)) == written


def test_negative_numbers_are_written_so_that_they_can_be_read() -> None:
    expression = Binary("^", Number(-2.0), Binary("*", Name("a"), Number(-3.0)))
    assert str(expression) == "(-2)^(a*-3)"
    assert evaluate(read(str(expression)), {"a": 1.0})[0] == -0.125


def expressions() -> st.SearchStrategy[Expression]:
    numbers = st.floats(0, 1e6, allow_nan=False).map(Number)
    leaves: st.SearchStrategy[Any] = numbers | st.sampled_from(sorted(VALUES)).map(Name)

    def grown(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return (
            st.builds(Binary, st.sampled_from("+-*/^"), children, children)
            | st.builds(Unary, st.just("-"), children)
            | st.builds(Call, st.sampled_from(sorted(FUNCTIONS)), children)
        )

    return st.recursive(leaves, grown, max_leaves=12)


@given(expressions())
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_read_back(expression: Expression) -> None:
    again = read(str(expression))
    assert again == expression
    np.testing.assert_equal(evaluate(again, VALUES), evaluate(expression, VALUES))
