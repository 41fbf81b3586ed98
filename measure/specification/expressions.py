"""Arithmetic in constraints and definitions: nodes, values, exact derivatives.

An expression is a tree of frozen nodes. Everything walks the tree without recursion, so that a sum
over hundreds of loadings is as safe as one over two.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from measure.distributions import normal_cdf, normal_quantile
from measure.errors import ModelError
from measure.specification.tokens import Cursor, show

_Function = Callable[[Any], Any]  # NumPy numbers in and out: 1/0 is inf, log(-1) is nan, as in R
_SQRT_2PI = np.sqrt(2.0 * np.pi)


def _normal_density(x: Any) -> Any:
    return np.exp(-0.5 * x * x) / _SQRT_2PI


def _logistic(x: Any) -> Any:
    # With tanh neither end overflows.
    return 0.5 * (1.0 + np.tanh(0.5 * x))


# Name in R → the function and its derivative; for `abs` at 0, the middle of its slopes.
FUNCTIONS: dict[str, tuple[_Function, _Function]] = {
    "exp": (np.exp, np.exp),
    "expm1": (np.expm1, np.exp),
    "log": (np.log, lambda x: 1.0 / x if x >= 0 else np.nan),
    "log2": (np.log2, lambda x: 1.0 / (x * np.log(2.0)) if x >= 0 else np.nan),
    "log10": (np.log10, lambda x: 1.0 / (x * np.log(10.0)) if x >= 0 else np.nan),
    "log1p": (np.log1p, lambda x: 1.0 / (1.0 + x) if x >= -1 else np.nan),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "abs": (np.abs, np.sign),
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda x: -np.sin(x)),
    "tan": (np.tan, lambda x: 1.0 / np.cos(x) ** 2),
    "asin": (np.arcsin, lambda x: 1.0 / np.sqrt(1.0 - x * x)),
    "acos": (np.arccos, lambda x: -1.0 / np.sqrt(1.0 - x * x)),
    "atan": (np.arctan, lambda x: 1.0 / (1.0 + x * x)),
    "sinh": (np.sinh, np.cosh),
    "cosh": (np.cosh, np.sinh),
    "tanh": (np.tanh, lambda x: 1.0 / np.cosh(x) ** 2),
    "pnorm": (normal_cdf, _normal_density),
    "qnorm": (normal_quantile, lambda x: 1.0 / _normal_density(normal_quantile(x))),
    "dnorm": (_normal_density, lambda x: -x * _normal_density(x)),
    "plogis": (_logistic, lambda x: _logistic(x) * _logistic(-x)),
    "qlogis": (
        lambda x: np.log(x / (1.0 - x)),
        lambda x: 1.0 / (x * (1.0 - x)) if 0 <= x <= 1 else np.nan,
    ),
}

# Words that R gives a meaning of its own; a label or variable of that name would be misread.
RESERVED = frozenset({"NA", "NaN", "Inf", "NULL", "TRUE", "FALSE"})

# Deeper nesting than any formula needs, and far from Python's own limit.
_DEEPEST = 50

_PLAIN_NAME = re.compile(r"(?:[^\W\d]|\.(?![0-9]))[\w.\u0300-\u036f]*")
_SUM, _PRODUCT, _MINUS, _POWER, _ATOM = range(1, 6)


class Expression:
    """A formula of numbers, parameter labels, `+ - * / ^` and functions of one argument."""

    __slots__ = ()

    def __str__(self) -> str:
        return _written(self)


@dataclass(frozen=True, slots=True)
class Number(Expression):
    """A constant."""

    value: float


@dataclass(frozen=True, slots=True)
class Name(Expression):
    """The label of a parameter, or the name of a defined quantity."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary(Expression):
    """Minus an expression; `op` is "-"."""

    op: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    """Two expressions joined by `op`: + - * / ^."""

    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """A function of `FUNCTIONS` and its argument."""

    function: str
    argument: Expression


def names(expression: Expression) -> tuple[str, ...]:
    """Give the names in an expression, each once, in order of appearance."""
    return tuple(
        dict.fromkeys(node.name for node, _ in _steps(expression) if isinstance(node, Name))
    )


def evaluate(expression: Expression, values: Mapping[str, float]) -> tuple[float, dict[str, float]]:
    """Give the value of an expression and its exact first derivatives.

    Parameters
    ----------
    expression
        As read from a constraint or a definition.
    values
        A number for each name in the expression.

    Returns
    -------
    value : float
        Arithmetic as in R: 1/0 is infinite, the logarithm of a negative number is NaN.
    derivatives : dict
        The partial derivative for each name, by the chain rule from the result back to the names.
        At 0, `abs` has derivative 0.

    Raises
    ------
    ModelError
        A name has no value.
    """
    steps = _steps(expression)
    results: list[Any] = []
    slopes: list[tuple[Any, ...]] = []
    with np.errstate(all="ignore"):
        for node, operands in steps:
            if isinstance(node, Name) and node.name not in values:
                raise ModelError(
                    f'"{node.name}" in "{expression}" is neither the label of a parameter '
                    "nor a defined quantity."
                )
            result, slope = _step(node, [results[k] for k in operands], values)
            results.append(result)
            slopes.append(slope)
        derivatives = {node.name: np.float64(0.0) for node, _ in steps if isinstance(node, Name)}
        weights = [np.float64(0.0)] * (len(steps) - 1) + [np.float64(1.0)]
        for (node, operands), slope, weight in zip(
            reversed(steps), reversed(slopes), reversed(weights), strict=True
        ):
            if isinstance(node, Name):
                derivatives[node.name] += weight
            for operand, partial in zip(operands, slope, strict=True):
                weights[operand] += weight * partial
    return float(results[-1]), {name: float(slope) for name, slope in derivatives.items()}


def linear_coefficients(expression: Expression) -> tuple[float, dict[str, float]] | None:
    """Give an expression as constant + sum of coefficient times name.

    Returns
    -------
    tuple or None
        The constant and the coefficient of each name, in order of appearance; None when the
        expression is not linear in its names, or a coefficient is not a finite number.
    """
    stack: list[tuple[Any, dict[str, Any]]] = []
    with np.errstate(all="ignore"):
        for node, operands in _steps(expression):
            arguments = stack[len(stack) - len(operands) :]
            del stack[len(stack) - len(operands) :]
            if isinstance(node, Name):
                form: tuple[Any, dict[str, Any]] | None = (np.float64(0.0), {node.name: 1.0})
            elif all(not coefficients for _, coefficients in arguments):
                form = _step(node, [constant for constant, _ in arguments], {})[0], {}
            else:
                form = _linear_step(node, arguments)
            if form is None:
                return None
            stack.append(form)
    constant, coefficients = stack[0]
    if not np.isfinite([constant, *coefficients.values()]).all():
        return None
    return float(constant), {name: float(value) for name, value in coefficients.items()}


def _linear_step(
    node: Expression, arguments: list[tuple[Any, dict[str, Any]]]
) -> tuple[Any, dict[str, Any]] | None:
    """Combine linear forms, of which at least one holds a name; None if that is not linear."""
    constant, coefficients = arguments[0]
    if isinstance(node, Unary):
        return -constant, {name: -value for name, value in coefficients.items()}
    if not isinstance(node, Binary):
        return None
    other, others = arguments[1]
    if node.op in "+-":
        sign = 1.0 if node.op == "+" else -1.0
        # The left form is used nowhere else, so a long sum grows in place.
        for name, value in others.items():
            coefficients[name] = coefficients.get(name, 0.0) + sign * value
        return constant + sign * other, coefficients
    if node.op == "*" and not coefficients:
        return constant * other, {name: constant * value for name, value in others.items()}
    if others:
        return None
    if node.op == "^":
        return (constant, coefficients) if other == 1.0 else None
    factor = other if node.op == "*" else 1.0 / other
    return constant * factor, {name: value * factor for name, value in coefficients.items()}


def _step(
    node: Expression, operands: list[Any], values: Mapping[str, float]
) -> tuple[Any, tuple[Any, ...]]:
    """Value of a node and its slope in each operand, from the values of its operands."""
    if isinstance(node, Number):
        return np.float64(node.value), ()
    if isinstance(node, Name):
        return np.float64(values[node.name]), ()
    if isinstance(node, Unary):
        return -operands[0], (-1.0,)
    if isinstance(node, Call):
        function, derivative = FUNCTIONS[node.function]
        return function(operands[0]), (derivative(operands[0]),)
    assert isinstance(node, Binary)
    a, b = operands
    if node.op == "+":
        return a + b, (1.0, 1.0)
    if node.op == "-":
        return a - b, (1.0, -1.0)
    if node.op == "*":
        return a * b, (b, a)
    if node.op == "/":
        return a / b, (1.0 / b, -a / (b * b))
    power = a**b
    # a^0 is flat; without this, 0^(0 - 1) times 0 would make it NaN at a = 0.
    in_base = b * a ** (b - 1.0) if b != 0.0 else np.float64(0.0)
    # For a positive exponent, a^b log(a) goes to 0 with a.
    in_exponent = np.float64(0.0) if a == 0.0 and b > 0.0 else power * np.log(a)
    return power, (in_base, in_exponent)


def _steps(expression: Expression) -> list[tuple[Expression, tuple[int, ...]]]:
    """List the nodes, operands before what uses them, each with the places of its operands."""
    backwards: list[Expression] = []
    waiting = [expression]
    while waiting:
        node = waiting.pop()
        backwards.append(node)
        waiting.extend(_operands(node))
    steps: list[tuple[Expression, tuple[int, ...]]] = []
    open_places: list[int] = []
    for place, node in enumerate(reversed(backwards)):
        first = len(open_places) - len(_operands(node))
        steps.append((node, tuple(open_places[first:])))
        open_places[first:] = [place]
    return steps


def _operands(node: Expression) -> tuple[Expression, ...]:
    if isinstance(node, Binary):
        return (node.left, node.right)
    if isinstance(node, Unary):
        return (node.operand,)
    return (node.argument,) if isinstance(node, Call) else ()


def _written(expression: Expression) -> str:
    """Write an expression so that reading it gives the same tree."""
    stack: list[tuple[str, int]] = []  # text, and how tightly it holds together
    for node, operands in _steps(expression):
        arguments = stack[len(stack) - len(operands) :]
        del stack[len(stack) - len(operands) :]
        if isinstance(node, Number):
            text = repr(float(node.value)).removesuffix(".0")
            stack.append((text, _MINUS if text.startswith("-") else _ATOM))
        elif isinstance(node, Name):
            plain = _PLAIN_NAME.fullmatch(node.name) and node.name not in RESERVED
            stack.append((node.name if plain else f"`{node.name}`", _ATOM))
        elif isinstance(node, Call):
            stack.append((f"{node.function}({arguments[0][0]})", _ATOM))
        elif isinstance(node, Unary):
            stack.append((f"-{_within(arguments[0], _POWER)}", _MINUS))
        else:
            assert isinstance(node, Binary)
            own, left, right, sign = {
                "+": (_SUM, _SUM, _PRODUCT, "+"),
                "-": (_SUM, _SUM, _PRODUCT, "-"),
                "*": (_PRODUCT, _PRODUCT, _MINUS, "*"),
                "/": (_PRODUCT, _PRODUCT, _MINUS, "/"),
                "^": (_POWER, _ATOM, _MINUS, "^"),
            }[node.op]
            text = f"{_within(arguments[0], left)}{sign}{_within(arguments[1], right)}"
            stack.append((text, own))
    return stack[0][0]


def _within(part: tuple[str, int], needed: int) -> str:
    text, strength = part
    return text if strength >= needed else f"({text})"


def read(cursor: Cursor, depth: int = 0) -> Expression:
    """Read a sum; the cursor is left at the first token that is not part of it.

    Raises
    ------
    ModelSyntaxError
        A number, a name or a closing parenthesis is missing, the function is not known, or the
        nesting is deeper than any formula needs.
    """
    left = read_product(cursor, depth)
    while cursor.token.kind in ("+", "-"):
        op = cursor.take().kind
        left = Binary(op, left, read_product(cursor, depth))
    return left


def read_product(cursor: Cursor, depth: int = 0) -> Expression:
    """Read factors joined by `*` and `/`."""
    left = read_factor(cursor, depth)
    while cursor.token.kind in ("*", "/"):
        op = cursor.take().kind
        left = Binary(op, left, read_factor(cursor, depth))
    return left


def read_factor(cursor: Cursor, depth: int = 0) -> Expression:
    """Read a power with or without a sign; as in R, -a^2 is minus the square."""
    if depth > _DEEPEST:
        raise cursor.error(f"parentheses or powers more than {_DEEPEST} deep: define parts by :=")
    negative = False
    while cursor.token.kind in ("+", "-"):
        negative ^= cursor.take().kind == "-"
    base = _read_atom(cursor, depth)
    if cursor.token.kind == "**":
        raise cursor.error('a power is written "^", not "**"')
    if cursor.token.kind == "^":
        cursor.take()
        base = Binary("^", base, read_factor(cursor, depth + 1))
    return Unary("-", base) if negative else base


def _read_atom(cursor: Cursor, depth: int) -> Expression:
    token = cursor.token
    if token.kind == "number":
        value = float(cursor.take().text)
        if value == np.inf:
            raise cursor.error(f"{show(token)} is too large for a number", token)
        return Number(value)
    if token.kind == "(":
        cursor.take()
        inner = read(cursor, depth + 1)
        close(cursor)
        return inner
    if token.kind != "name":
        raise cursor.expected("a number or a label")
    cursor.take()
    if cursor.token.kind == "(":
        if token.text not in FUNCTIONS:
            known = " ".join(FUNCTIONS)
            raise cursor.error(f"unknown function {show(token)}: there are {known}", token)
        cursor.take()
        argument = read(cursor, depth + 1)
        if cursor.token.kind == ",":
            raise cursor.error(f"{token.text}() takes one number")
        close(cursor)
        return Call(token.text, argument)
    return Name(token.text)


def close(cursor: Cursor, what: str = 'an operator or ")"') -> None:
    """Step past a closing parenthesis; `what` names all that could have stood there."""
    if cursor.token.kind != ")":
        raise cursor.expected(what)
    cursor.take()
