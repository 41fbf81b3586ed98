"""What stands before `*` in a term: fixed values, labels, starting values, bounds.

A term such as `0.5*x1`, `c(a, b)*x1` or `start(0.8)*label("a")*x1` is read into the name of its
variable and its modifiers, each with one value, or with one value a group where `c()` was used.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from measure.errors import ModelSyntaxError
from measure.specification.expressions import (
    FUNCTIONS,
    RESERVED,
    Binary,
    close,
    evaluate,
    names,
    read,
    read_factor,
)
from measure.specification.tokens import Cursor, Token, show

Value = float | str | None

# What may be written with parentheses before `*`, and whether it takes numbers or texts.
_MODIFIER_FUNCTIONS = {
    "start": "numbers",
    "lower": "numbers",
    "upper": "numbers",
    "equal": "texts",
    "label": "texts",
    "efa": "texts",
}
_FOREIGN = {
    "prior": "prior distributions belong to Bayesian estimation",
    "rv": "random slopes are not part of this model syntax",
}
_CONSTANTS = {"pi": math.pi, "Inf": math.inf}
_START_OF_NUMBER = frozenset({"number", "-", "("})


@dataclass(frozen=True, slots=True)
class Modifier:
    """What the text says about one parameter beside its existence.

    Attributes
    ----------
    kind
        "fixed", "free" (`NA`), "label", "start", "equal", "lower", "upper" or "efa".
    values
        One value, or with `c()` one a group. Numbers for "fixed", "start", "lower" and "upper"
        (None: nothing is said for that group, so it is free), None for "free", texts for the
        others ("" for a group without label).
    line, column
        Where it stands, counted from 1.
    """

    kind: str
    values: tuple[Value, ...]
    line: int
    column: int


class Term(NamedTuple):
    """A variable, or the number 1 or 0 (`kind` "number"), with its modifiers."""

    variable: Token
    modifiers: tuple[Modifier, ...]


def read_terms(cursor: Cursor) -> list[Term]:
    """Read terms joined by `+` to the end of the statement.

    Raises
    ------
    ModelSyntaxError
        The terms cannot be read; the message says what was expected where.
    """
    if cursor.token.kind == "+":
        cursor.take()
    terms = [read_term(cursor)]
    while cursor.token.kind == "+":
        cursor.take()
        terms.append(read_term(cursor))
    if cursor.token.kind != "end":
        raise _after_term(cursor, terms[-1].variable)
    return terms


def read_term(cursor: Cursor) -> Term:
    """Read one term: modifiers, each followed by `*`, and the variable or the number 1 or 0."""
    modifiers: list[Modifier] = []
    while True:
        token = cursor.token
        kind = token.kind
        if kind == "name" and cursor.following not in ("*", "(", "?", "/", "^", "**"):
            if token.text in RESERVED:
                raise cursor.error(f"{show(token)} cannot be the name of a variable")
            cursor.take()
            return Term(token, tuple(modifiers))
        if kind == "number" and token.text in ("0", "1") and cursor.following in ("end", "+"):
            cursor.take()
            return Term(token, tuple(modifiers))
        if kind == "string" and cursor.following != "*":
            raise cursor.error(
                f"a variable stands without quotes; before a variable, {show(token)}* is a label"
            )
        if kind not in ("name", "string") and kind not in _START_OF_NUMBER:
            raise cursor.expected("a variable")
        modifier = _read_modifier(cursor)
        if cursor.token.kind == "?":
            if modifier.kind != "fixed":
                raise cursor.error('before "?" stands a starting value, a number')
            modifier = Modifier("start", modifier.values, modifier.line, modifier.column)
        elif cursor.token.kind != "*":
            raise _no_variable(cursor, token)
        cursor.take()
        _include(modifiers, modifier, cursor, token)


def merge(
    earlier: tuple[Modifier, ...], later: tuple[Modifier, ...]
) -> tuple[tuple[Modifier, ...], Modifier | None]:
    """Join what two mentions of a parameter say; also give a modifier that contradicts another."""
    merged = list(earlier)
    for modifier in later:
        for other in merged:
            if _ROLE[other.kind] == _ROLE[modifier.kind]:
                if (other.kind, other.values) != (modifier.kind, modifier.values):
                    return earlier, modifier
                break
        else:
            merged.append(modifier)
    return tuple(merged), None


# Two modifiers of one role have to agree: a parameter is fixed or free, and has one label.
_ROLE = {
    "fixed": "value",
    "free": "value",
    "label": "label",
    "equal": "label",
    "start": "starting value",
    "lower": "lower bound",
    "upper": "upper bound",
    "efa": "efa block",
}


def role(modifier: Modifier) -> str:
    """Name what a modifier decides: "value", "label", "starting value", ..."""
    return _ROLE[modifier.kind]


def _include(modifiers: list[Modifier], new: Modifier, cursor: Cursor, token: Token) -> None:
    """Add a modifier to those before it in the same term."""
    last = modifiers[-1] if modifiers else new
    if last is not new and last.kind == new.kind == "fixed":
        first, second = last.values[0], new.values[0]
        if len(last.values) == len(new.values) == 1 and first is not None and second is not None:
            # 2*3*x1 is arithmetic: the parameter is fixed to 6.
            product = float(first) * float(second)
            modifiers[-1] = Modifier("fixed", (product,), last.line, last.column)
            return
    if any(role(other) == role(new) for other in modifiers):
        raise cursor.error(
            f"a second {role(new)} for one parameter; for several groups write c(first, second)",
            token,
        )
    modifiers.append(new)


def _read_modifier(cursor: Cursor) -> Modifier:
    """Read one modifier; the cursor is left at the `*` that should follow."""
    token = cursor.token
    kind: str = "fixed"
    values: tuple[Value, ...]
    if token.kind == "string":
        kind, values = "label", (_read_label(cursor),)
        if not token.text:
            raise cursor.error("this label is empty", token)
    elif token.kind == "name" and cursor.following == "(" and token.text == "c":
        kind, values = _read_group_values(cursor)
    elif token.kind == "name" and cursor.following == "(" and token.text in _MODIFIER_FUNCTIONS:
        kind, values = token.text, _read_arguments(cursor)
    elif token.kind == "name" and cursor.following == "(" and token.text not in FUNCTIONS:
        raise _unknown_function(cursor, token)
    elif token.kind == "name" and token.text == "NA":
        cursor.take()
        kind, values = "free", (None,)
    elif token.kind == "name" and cursor.following != "(":
        kind, values = "label", (_read_label(cursor),)
    else:
        values = (_read_number(cursor, in_list=False),)
    if kind in ("fixed", "start") and any(value in (math.inf, -math.inf) for value in values):
        raise cursor.error("a fixed or starting value is a finite number", token)
    return Modifier(kind, values, *cursor.source.position(token.start))


def _read_group_values(cursor: Cursor) -> tuple[str, tuple[Value, ...]]:
    """Read `c(...)`: labels, or numbers, in both cases with NA."""
    opening = cursor.take()
    cursor.take()
    if cursor.token.kind == ")":
        raise cursor.error("c() is empty: write one value a group, as in c(1, NA)", opening)
    tokens = [cursor.token]
    values = [_read_element(cursor)]
    while cursor.token.kind == ",":
        cursor.take()
        tokens.append(cursor.token)
        values.append(_read_element(cursor))
    close(cursor, '"," or ")"')
    given = [(v, token) for v, token in zip(values, tokens, strict=True) if v is not None]
    texts = bool(given) and isinstance(given[0][0], str)
    for value, token in given:
        if isinstance(value, str) != texts:
            raise cursor.error(
                "c() holds either numbers or labels; write two modifiers, as in "
                'c(1, NA)*x1 + c("", "a")*x1',
                token,
            )
    if not texts:
        return ("free" if values == [None] else "fixed"), tuple(values)
    if not any(value for value in values):
        raise cursor.error("every label in this c() is empty", opening)
    return "label", tuple(value or "" for value in values)


def _read_element(cursor: Cursor) -> Value:
    """Read a number, a label or NA (None)."""
    token = cursor.token
    if token.kind == "string":
        return _read_label(cursor)
    if token.kind == "name" and cursor.following != "(":
        if token.text == "NA":
            cursor.take()
            return None
        if token.text not in _CONSTANTS:
            return _read_label(cursor)
    if token.kind == "name" and token.text == "c" and cursor.following == "(":
        raise cursor.error("c() inside c(): list all values in one c()")
    if token.kind != "name" and token.kind not in _START_OF_NUMBER:
        raise cursor.expected("a number, a label or NA")
    return _read_number(cursor, in_list=True)


def _read_arguments(cursor: Cursor) -> tuple[Value, ...]:
    """Read what stands in the parentheses of `start()`, `label()` and their like."""
    function = cursor.take().text
    texts = _MODIFIER_FUNCTIONS[function] == "texts"
    needed = 'a name, as in "a"' if texts else "a number"
    cursor.take()
    first = cursor.token
    if first.kind == ")":
        raise cursor.error(f"{function}() needs {needed}")
    if first.kind == "name" and first.text == "c" and cursor.following == "(":
        kind, values = _read_group_values(cursor)
        wrong = kind != ("label" if texts else "fixed")
    else:
        values = (_read_element(cursor),)
        wrong = values[0] in (None, "") or isinstance(values[0], str) != texts
    if cursor.token.kind == ",":
        raise cursor.error(f"{function}() takes one value; for several groups write c()")
    close(cursor, '")"')
    if wrong:
        raise cursor.error(f"{function}() needs {needed}", first)
    if function == "efa" and len(values) > 1:
        raise cursor.error("efa() takes the name of one block", first)
    if function == "equal":
        # "f =~ x1" names the same parameter as "f=~x1".
        return tuple("".join(str(value).split()) for value in values)
    return values


def _read_label(cursor: Cursor) -> str:
    """Read a label, quoted or not."""
    token = cursor.take()
    if token.kind == "name" and (token.text in RESERVED or ":" in token.text):
        raise cursor.error(f"{show(token)} cannot be a label", token)
    return token.text


def _read_number(cursor: Cursor, *, in_list: bool) -> float:
    """Read arithmetic with constants; outside a list, `+ - *` belong to the terms around it."""
    token = cursor.token
    if token.kind == "number" and cursor.following in ((",", ")") if in_list else ("*", "?")):
        plain = float(token.text)
        if plain < math.inf:
            cursor.take()
            return plain
    expression = read(cursor) if in_list else read_factor(cursor)
    while not in_list and cursor.token.kind == "/":
        cursor.take()
        expression = Binary("/", expression, read_factor(cursor))
    unknown = [name for name in names(expression) if name not in _CONSTANTS]
    if unknown:
        raise cursor.error(
            f'only numbers can be calculated with before a variable, and "{unknown[0]}" is a name; '
            'terms are joined by "+"',
            token,
        )
    value = evaluate(expression, _CONSTANTS)[0]
    if math.isnan(value):
        raise cursor.error("this arithmetic gives no number", token)
    return value


def _unknown_function(cursor: Cursor, token: Token) -> ModelSyntaxError:
    """Name the functions that may stand before a variable."""
    if token.text in _FOREIGN:
        return cursor.error(f"{token.text}() is not known: {_FOREIGN[token.text]}", token)
    known = ", ".join(f"{name}()" for name in ("c", *_MODIFIER_FUNCTIONS))
    return cursor.error(f'unknown modifier "{token.text}()": there are {known}', token)


def _no_variable(cursor: Cursor, first: Token) -> ModelSyntaxError:
    """Say what is wrong where a modifier is not followed by `*`."""
    token = cursor.token
    before = cursor.tokens[cursor.index - 1]
    if token.kind in ("/", "^", "**"):
        return cursor.error(
            "variables are not calculated with in the model text: transform them in the data"
        )
    if token.kind == "name" and before.kind == "number" and before is first:
        if token.start == before.start + len(before.text):
            return cursor.error(
                f'a name cannot begin with a digit: "{before.text}{token.text}"', before
            )
    elif first.kind in _START_OF_NUMBER and token.kind in ("end", "+"):
        return cursor.error(
            "a number stands where a variable is needed: write 0.5*x1 to fix a parameter, 1 or 0 "
            "after ~ for an intercept",
            first,
        )
    return cursor.expected('"*" and a variable')


def _after_term(cursor: Cursor, variable: Token) -> ModelSyntaxError:
    """Say what is wrong where a term is followed by something else than `+`."""
    token = cursor.token
    if token.kind in ("name", "number", "string", "("):
        return cursor.error(f'expected "+" between {show(variable)} and {show(token)}')
    return cursor.error(f'terms are joined by "+", not by {show(token)}')
