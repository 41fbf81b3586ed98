"""The model syntax: a table of texts that can be read, a table of texts that cannot."""

import math
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from measure.errors import ModelSyntaxError, OptionError
from measure.specification.expressions import Name, evaluate, linear_coefficients, names
from measure.specification.syntax import Block, Statement, Syntax, parse

HOLZINGER_SWINEFORD = """
  # three factors
  visual  =~ x1 + x2 + x3
  textual =~ x4 + x5 + x6
  speed   =~ x7 + x8 + x9
"""


def shown(statement: Statement) -> str:
    """One statement on one line: `lhs op rhs`, its block, and each modifier as kind(values)."""
    modifiers = [
        f"{m.kind}({','.join('NA' if v is None else f'{v}' for v in m.values)})"
        for m in statement.modifiers
    ]
    block = [
        f"{key}={value}"
        for key, value in (("group", statement.block.group), ("level", statement.block.level))
        if value is not None
    ]
    parts = [statement.lhs, statement.op, statement.rhs, *block, *modifiers]
    return " ".join(part for part in parts if part)


ROWS = [
    # operators
    ("f =~ x1 + x2", ["f =~ x1", "f =~ x2"]),
    ("f <~ x1 + x2", ["f <~ x1", "f <~ x2"]),
    ("y ~ x + z", ["y ~ x", "y ~ z"]),
    ("x1 ~~ x1 + x2", ["x1 ~~ x1", "x1 ~~ x2"]),
    ("u | t1 + a*t2", ["u | t1", "u | t2 label(a)"]),
    ("u ~*~ u", ["u ~*~ u"]),
    ("u ~*~ 1*u", ["u ~*~ u fixed(1.0)"]),
    ("f=~x1;y~x;a~~b", ["f =~ x1", "y ~ x", "a ~~ b"]),
    ("f =~ 0; f ~ x", ["f =~ f fixed(0.0)", "f ~ x"]),
    # intercepts
    ("y ~ 1", ["y ~1"]),
    ("y ~1", ["y ~1"]),
    ("y ~ 1 + x", ["y ~1", "y ~ x"]),
    ("y ~ b*x + a*1", ["y ~ x label(b)", "y ~1 label(a)"]),
    ("y ~ 0.5*1", ["y ~1 fixed(0.5)"]),
    ("y ~ 1*1", ["y ~1 fixed(1.0)"]),
    ("y ~ NA*1", ["y ~1 free(NA)"]),
    ("y ~ c(0, NA)*1", ["y ~1 fixed(0.0,NA)"]),
    ("y ~ 0 + x", ["y ~1 fixed(0.0)", "y ~ x"]),
    ("x + y ~ 1", ["x ~1", "y ~1"]),
    ("y ~ 1 + 1", ["y ~1"]),
    # several variables on the left
    ("f1 + f2 =~ x1 + x2", ["f1 =~ x1", "f1 =~ x2", "f2 =~ x1", "f2 =~ x2"]),
    ("f1 + f2 =~ a*x1", ["f1 =~ x1 label(a)", "f2 =~ x1 label(a)"]),
    ("x1 + x2 ~~ x3", ["x1 ~~ x3", "x2 ~~ x3"]),
    ("x1 + x2 ~~ x1 + x2", ["x1 ~~ x1", "x1 ~~ x2", "x2 ~~ x2"]),
    ("x1 + x2 ~~ x3 + x1", ["x1 ~~ x3", "x1 ~~ x1", "x2 ~~ x3", "x1 ~~ x2"]),
    # fixed values
    ("f =~ 1*x", ["f =~ x fixed(1.0)"]),
    ("f =~ -0.5*x", ["f =~ x fixed(-0.5)"]),
    (
        "f =~ 1e-3*x + .5*y + 5.*z",
        ["f =~ x fixed(0.001)", "f =~ y fixed(0.5)", "f =~ z fixed(5.0)"],
    ),
    ("f =~ 1/2*x", ["f =~ x fixed(0.5)"]),
    ("f =~ 2*3*x", ["f =~ x fixed(6.0)"]),
    ("f =~ 1/2*3*x", ["f =~ x fixed(1.5)"]),
    ("f =~ sqrt(4)*x", ["f =~ x fixed(2.0)"]),
    ("f =~ (1 + 2)^2*x", ["f =~ x fixed(9.0)"]),
    ("f =~ (2*pi)*x", [f"f =~ x fixed({2 * math.pi})"]),
    ("f =~ NA*x", ["f =~ x free(NA)"]),
    ("f =~ c(1, NA)*x", ["f =~ x fixed(1.0,NA)"]),
    ("f =~ c(NA, NA)*x", ["f =~ x fixed(NA,NA)"]),
    ("f =~ c(NA)*x", ["f =~ x free(NA)"]),
    ("f =~ c(1/2, -sqrt(4))*x", ["f =~ x fixed(0.5,-2.0)"]),
    # labels
    ("f =~ a*x", ["f =~ x label(a)"]),
    ('f =~ "b1"*x', ["f =~ x label(b1)"]),
    ("f =~ 'a b'*x", ["f =~ x label(a b)"]),
    ("f =~ pi*x + c*y + start*z", ["f =~ x label(pi)", "f =~ y label(c)", "f =~ z label(start)"]),
    ('f =~ label("a")*x + label(b)*y', ["f =~ x label(a)", "f =~ y label(b)"]),
    ('f =~ c("a", b)*x', ["f =~ x label(a,b)"]),
    ("f =~ c(a, a)*x", ["f =~ x label(a,a)"]),
    ('f =~ c("a", "")*x', ["f =~ x label(a,)"]),
    ("f =~ c(a, NA)*x", ["f =~ x label(a,)"]),
    ("f =~ label(c(a, b))*x", ["f =~ x label(a,b)"]),
    ('f =~ equal("f =~ x1")*x', ["f =~ x equal(f=~x1)"]),
    ('f =~ equal(c("f=~x1", "f=~x1.g2"))*x', ["f =~ x equal(f=~x1,f=~x1.g2)"]),
    ("f =~ equal(a)*x", ["f =~ x equal(a)"]),
    # starting values, bounds, exploratory blocks
    ("f =~ start(0.8)*x", ["f =~ x start(0.8)"]),
    ("f =~ start(c(0.1, 0.2))*x", ["f =~ x start(0.1,0.2)"]),
    ("f =~ start(c(NA, 0.2))*x", ["f =~ x start(NA,0.2)"]),
    ("f =~ start(-1/4)*x", ["f =~ x start(-0.25)"]),
    ("f =~ 0.5?x", ["f =~ x start(0.5)"]),
    ("f =~ lower(0)*x + upper(1)*x", ["f =~ x lower(0.0) upper(1.0)"]),
    ("f =~ lower(c(0, -Inf))*x", ["f =~ x lower(0.0,-inf)"]),
    ('efa("b")*f1 + efa("b")*f2 =~ x', ["f1 =~ x efa(b)", "f2 =~ x efa(b)"]),
    ('efa("b")*f1 + f2 =~ a*x', ["f1 =~ x efa(b) label(a)", "f2 =~ x label(a)"]),
    # several modifiers on one parameter
    ("f =~ a*x1 + start(.5)*x1", ["f =~ x1 label(a) start(0.5)"]),
    ("f =~ a*x1; f =~ start(.5)*x1", ["f =~ x1 label(a) start(0.5)"]),
    ("f =~ start(.5)*a*x1", ["f =~ x1 start(0.5) label(a)"]),
    ("f =~ 1*a*x1", ["f =~ x1 fixed(1.0) label(a)"]),
    ("f =~ x1 + x2 + 4*x3 + load*x3", ["f =~ x1", "f =~ x2", "f =~ x3 fixed(4.0) label(load)"]),
    ("f =~ x1 + x1", ["f =~ x1"]),
    ("f =~ 1*x1 + 1*x1", ["f =~ x1 fixed(1.0)"]),
    ("x1 ~~ a*x2; x2 ~~ start(1)*x1", ["x1 ~~ x2 label(a) start(1.0)"]),
    ("f =~ c(NA, 1)*x + c(a, b)*x", ["f =~ x fixed(NA,1.0) label(a,b)"]),
    # lines
    ("f =~ x1 +\n\n x2", ["f =~ x1", "f =~ x2"]),
    ("f =~ x1\n # comment\n + x2", ["f =~ x1", "f =~ x2"]),
    ("f =~\n + x1\n + x2", ["f =~ x1", "f =~ x2"]),
    ("f =~ a\n *x1", ["f =~ x1 label(a)"]),
    ("f =~ c(a,\n b)*x1", ["f =~ x1 label(a,b)"]),
    ("f =~ x1 # + x2\n  ! y ~ x\ny ~ z ! more", ["f =~ x1", "y ~ z"]),
    ("f =~ 'a#b'*x1", ["f =~ x1 label(a#b)"]),
    (";; f =~ x1;; ;\r\ny ~ x\rz ~ x;", ["f =~ x1", "y ~ x", "z ~ x"]),
    ("\ufefff =~ x1", ["f =~ x1"]),
    ("f\u00a0=~\tx1", ["f =~ x1"]),
    # names
    ("F.1 =~ .x + _y + x_1.b", ["F.1 =~ .x", "F.1 =~ _y", "F.1 =~ x_1.b"]),
    ("evne =~ måling + øvelse + ærlig", ["evne =~ måling", "evne =~ øvelse", "evne =~ ærlig"]),
    ("f =~ ma\u030aling", ["f =~ ma\u030aling"]),
    ("y ~ x1:x2 + a*x1 : x3", ["y ~ x1:x2", "y ~ x1:x3 label(a)"]),
    ("y ~ `my variable` + `x`", ["y ~ my variable", "y ~ x"]),
    ("group ~ level", ["group ~ level"]),
    # blocks
    ("level: 1\nf =~ x\nlevel: 2\nf =~ x", ["f =~ x level=1", "f =~ x level=2"]),
    (
        "level: within\nf =~ x\nlevel: between\ng =~ x",
        ["f =~ x level=within", "g =~ x level=between"],
    ),
    (
        'group: Grant-White # school\nf =~ x\nGROUP : "My school; #1"\nf =~ x',
        ["f =~ x group=Grant-White", "f =~ x group=My school; #1"],
    ),
    ("group: 1; f =~ x; group: 2; f =~ x", ["f =~ x group=1", "f =~ x group=2"]),
    (
        "group: a\nlevel: 1\nf =~ x\nlevel: 2\ng =~ x\ngroup: b\nlevel: 1\nf =~ x",
        ["f =~ x group=a level=1", "g =~ x group=a level=2", "f =~ x group=b level=1"],
    ),
    ("f =~ x\ngroup := 1", ["f =~ x"]),
]


@pytest.mark.parametrize(("text", "rows"), ROWS)
def test_statements(text: str, rows: list[str]) -> None:
    assert [shown(statement) for statement in parse(text).statements] == rows


CONSTRAINTS = [
    ("a == b", [("a", "==", "b")]),
    ("a > 0; 0 < b", [("a", ">", "0"), ("0", "<", "b")]),
    ("a > -1", [("a", ">", "-1")]),
    ("a + b == 1", [("a+b", "==", "1")]),
    ("ind := a*b\ntotal := ind + c", [("ind", ":=", "a*b"), ("total", ":=", "ind+c")]),
    ("total := ind + c\nind := a*b", [("total", ":=", "ind+c"), ("ind", ":=", "a*b")]),
    ("a ==\n b", [("a", "==", "b")]),
    ("s := (a +\n b)\n *2", [("s", ":=", "(a+b)*2")]),
    (".p1. == .p2.", [(".p1.", "==", ".p2.")]),
    ("r := a/sqrt(b^2 + exp(-a))", [("r", ":=", "a/sqrt(b^2+exp(-a))")]),
    ("k := 2", [("k", ":=", "2")]),
    ("`my label` == 1", [("`my label`", "==", "1")]),
]


@pytest.mark.parametrize(("text", "expected"), CONSTRAINTS)
def test_constraints(text: str, expected: list[tuple[str, str, str]]) -> None:
    constraints = parse(f"f =~ x\n{text}").constraints
    assert [(str(c.lhs), c.op, str(c.rhs)) for c in constraints] == expected
    assert [c.text for c in constraints] == [" ".join(parts) for parts in expected]


def test_the_left_of_a_definition_is_a_name() -> None:
    assert parse("f =~ x; ab := 2*a").constraints[0].lhs == Name("ab")


def test_everything_knows_its_place() -> None:
    syntax = parse("f =~ x1 +\n    start(.5)*x2 + a*x1\n b := 2*a")
    first, second = syntax.statements
    assert (first.line, first.column) == (1, 6)
    assert (first.modifiers[0].line, first.modifiers[0].column) == (2, 20)
    assert (second.line, second.column) == (2, 15)
    assert (second.modifiers[0].line, second.modifiers[0].column) == (2, 5)
    assert (syntax.constraints[0].line, syntax.constraints[0].column) == (3, 2)


def test_the_result_holds_the_text_and_one_block_outside_blocks() -> None:
    syntax = parse(HOLZINGER_SWINEFORD)
    assert syntax.text == HOLZINGER_SWINEFORD
    assert {statement.block for statement in syntax.statements} == {Block(None, None)}
    assert len(syntax.statements) == 9
    assert syntax.constraints == ()


def test_values_are_floats() -> None:
    (statement,) = parse("f =~ c(1, 2)*x + start(3)*x").statements
    assert [type(v) for m in statement.modifiers for v in m.values] == [float] * 3


ERRORS = [
    # nothing to read
    ("", 1, 1, "the model is empty"),
    ("  # only a comment\n", 1, 1, "the model is empty"),
    ("a == b", 1, 1, "constraints but no parameters"),
    # operators
    ("f x1", 1, 1, "no operator in this statement"),
    ("f =~ x1\nx2 + x3", 2, 1, 'end its line with "+"'),
    ("f BY x1 x2", 1, 3, 'write "=~"'),
    ("y ON x", 1, 3, 'write "~"'),
    ("f =~ x1 ~ x2", 1, 9, '"~" is the second operator'),
    ("f =~ x1 +\ny ~ x", 2, 3, "began in line 1"),
    ("y\n~ x", 1, 1, "no operator"),
    ("f = x1", 1, 3, '"=~" to measure a factor'),
    ("f =~~ x1", 1, 3, 'unknown operator "=~~"'),
    ("f ~= x1", 1, 3, 'write "=~"'),
    ("x ~~~ y", 1, 3, 'write "~~"'),
    ("x <-> y", 1, 3, 'write "~~"'),
    ("x -> y", 1, 3, 'write "~" with the outcome on the left'),
    ("ab <- a*b", 1, 4, 'write ":="'),
    ("f =~ x; a <= b", 1, 11, 'write "<"'),
    ("f =~ x; a != b", 1, 9, '"!" begins a comment'),
    ("f =~ x; a =: b", 1, 11, 'write ":="'),
    ("f =|= x", 1, 3, "the operators are =~ <~ ~"),
    # missing parts
    ("=~ x1", 1, 1, 'expected a variable before "=~"'),
    ("+ x1", 1, 1, 'expected a variable before "+"'),
    ("f =~", 1, 3, 'expected a variable after "=~"'),
    ("f =~ x1\n\ng =~\n# end", 3, 3, 'expected a variable after "=~"'),
    ("f =~ * x1", 1, 6, 'expected a variable after "=~", found "*"'),
    ("f =~ x1 +", 1, 9, 'expected a variable after "+"'),
    ("f1 =~ x1\nf2 =~ x4 + + x6", 2, 12, 'expected a variable after "+", found "+"'),
    ("f =~ a*", 1, 7, 'expected a variable after "*"'),
    ("f =~ a*+x1", 1, 8, 'expected a variable after "*", found "+"'),
    ("f =~ a**x1", 1, 7, "variables are not calculated with"),
    ("f =~ x1 x2", 1, 9, 'expected "+" between "x1" and "x2"'),
    ("f1 f2 =~ x", 1, 4, 'expected "+" between'),
    ("f =~ x1, x2", 1, 8, 'joined by "+", not by ","'),
    ("y ~ x1 - x2", 1, 8, 'joined by "+", not by "-"'),
    ("f =~ x1)", 1, 8, 'closes no "("'),
    ("f =~ c(a, b*x1", 1, 7, 'this "(" is not closed'),
    ("f =~ start(1;f =~ x2", 1, 11, 'this "(" is not closed'),
    ("f =~ c(a b)*x1", 1, 10, 'expected "," or ")" after "a", found "b"'),
    ("f =~ equal(f=~x1)*x2", 1, 13, "in quotes"),
    ("y ~ x + (1 | school)", 1, 9, "random effects"),
    ('f =~ "a*x1', 1, 6, "is not closed on its line"),
    ("f =~ `x1", 1, 6, "is not closed on its line"),
    # variables
    ("f =~ 1", 1, 6, "a number stands where a variable is needed"),
    ("1 ~ x", 1, 1, "a number stands where a variable is needed"),
    ("f =~ x1 + 0", 1, 11, "write 0* before the variable"),
    ("x ~~ 0", 1, 6, "write 0* before the variable"),
    ("y ~ 2 + x", 1, 5, "1 or 0 after ~ for an intercept"),
    ("y ~ -1 + x", 1, 5, "1 or 0 after ~ for an intercept"),
    ("f =~ 2x", 1, 6, 'a name cannot begin with a digit: "2x"'),
    ("f =~ 2 x", 1, 8, 'expected "*" and a variable after "2", found "x"'),
    ('f =~ "x1"', 1, 6, "a variable stands without quotes"),
    ("f =~ NA", 1, 6, "cannot be the name of a variable"),
    ("y ~ x^2", 1, 6, "transform them in the data"),
    ("y ~ log(x)", 1, 5, '"x" is a name'),
    ("y ~ (x1 + x2)", 1, 5, '"x1" is a name'),
    ("f =~ f", 1, 6, '"f" cannot be measured by itself'),
    ("f <~ x + f", 1, 10, '"f" cannot be measured by itself'),
    ("y ~ x + y", 1, 9, '"y" cannot be predicted by itself'),
    ("u | t1 + s2", 1, 10, "thresholds are called t1, t2"),
    ("u | t0", 1, 5, "thresholds are called t1, t2"),
    ("u ~*~ v", 1, 7, "the same variable on both sides"),
    ("u + v ~*~ u", 1, 5, "one variable on the left"),
    ("y ~ a*0", 1, 7, "modifiers stand before 1"),
    ("y ~ 0 + 1", 1, 9, "once as 0"),
    ("y ~ 1\ny ~ 0", 2, 5, "once as 0"),
    # modifiers
    ("f =~ foo(1)*x", 1, 6, 'unknown modifier "foo()"'),
    ('f =~ prior("normal(0,1)")*x', 1, 6, "Bayesian"),
    ('f =~ rv("s")*x', 1, 6, "random slopes"),
    ("f =~ -a*x", 1, 6, '"a" is a name'),
    ("f =~ a/2*x", 1, 7, "not calculated with"),
    ("f =~ a?x", 1, 7, "a starting value, a number"),
    ("f =~ TRUE*x", 1, 6, '"TRUE" cannot be a label'),
    ('f =~ ""*x', 1, 6, "this label is empty"),
    ('f =~ c("", NA)*x', 1, 6, "every label in this c() is empty"),
    ("f =~ a*b*x", 1, 8, "a second label"),
    ("f =~ start(1)*start(2)*x", 1, 15, "a second starting value"),
    ("f =~ NA*1*x", 1, 9, "a second value"),
    ("f =~ (1/0)*x", 1, 6, "finite number"),
    ("f =~ log(-1)*x", 1, 6, "gives no number"),
    ("f =~ 1e999*x", 1, 6, "too large"),
    ("f =~ start(Inf)*x", 1, 6, "finite number"),
    ("f =~ 2**3*x", 1, 7, 'a power is written "^"'),
    ("f =~ (2**3)*x", 1, 8, 'a power is written "^"'),
    ("f =~ c()*x", 1, 6, "c() is empty"),
    ("f =~ c(1, )*x", 1, 11, "expected a number, a label or NA"),
    ('f =~ c(1, "a")*x', 1, 11, "either numbers or labels"),
    ("f =~ c(a, NA, 1)*x", 1, 15, "either numbers or labels"),
    ("f =~ c(c(1, 2), 3)*x", 1, 8, "c() inside c()"),
    ("f =~ c(1, 2)*x + c(a, b, d)*y", 1, 18, "c() holds 3 values, but 2 in line 1, column 6"),
    ("f =~ start()*x", 1, 12, "start() needs a number"),
    ("f =~ start(a)*x", 1, 12, "start() needs a number"),
    ("f =~ start(NA)*x", 1, 12, "start() needs a number"),
    ("f =~ start(0.5, 1)*x", 1, 15, "for several groups write c()"),
    ("f =~ label(1)*x", 1, 12, "label() needs a name"),
    ("f =~ label(c(1, 2))*x", 1, 12, "label() needs a name"),
    ("f =~ lower(2)*x + upper(1)*x", 1, 6, "lower bound 2 is above the upper bound 1"),
    ("f =~ lower(c(0, 2))*upper(1)*x", 1, 6, "lower bound 2 is above the upper bound 1"),
    ('f =~ efa("b")*x', 1, 6, "stands before the factor"),
    ('efa(c("a", "b"))*f =~ x', 1, 5, "the name of one block"),
    ('efa("b")*y ~ x', 1, 1, "only with =~"),
    ("a*f =~ x", 1, 1, 'only efa("block")'),
    ("1*f =~ x", 1, 1, 'only efa("block")'),
    # contradictions
    ("f =~ 1*x1 + 2*x1", 1, 13, '"f =~ x1" gets another value than in line 1, column 8'),
    ("x ~~ 0*y\ny ~~ 1*x", 2, 6, '"y ~~ x" gets another value than in line 1, column 8'),
    ("f =~ NA*x\nf =~ 1*x", 2, 6, "another value"),
    ("y ~ a*1; y ~ b*1", 1, 14, '"y ~ 1" gets another label'),
    ('f =~ a*x + equal("b")*x', 1, 12, "another label"),
    # constraints
    ("f =~ x\na < b < c", 2, 7, "write two constraints"),
    ("f =~ x\na == ", 2, 3, 'expected a number or a label after "=="'),
    ("f =~ x\na == b +", 2, 8, 'expected a number or a label after "+"'),
    ("f =~ x\na == b c", 2, 8, 'expected an operator after "b", found "c"'),
    ("f =~ x\na == b**2", 2, 7, 'a power is written "^"'),
    ("f =~ x\na == foo(b)", 2, 6, 'unknown function "foo"'),
    ("f =~ x\na == log(b, 2)", 2, 11, "log() takes one number"),
    ("f =~ x\na == (b", 2, 6, 'this "(" is not closed'),
    ("f =~ x\na == ()", 2, 7, "expected a number or a label"),
    ("f =~ x\na == NA", 2, 6, '"NA" cannot be the label'),
    ("f =~ x\na:b := 2", 2, 1, '"a:b" cannot be the label'),
    ('f =~ x\na == "b"', 2, 6, "expected a number or a label"),
    ("f =~ x\n1 == 1", 2, 1, "names no parameter"),
    ("f =~ x\n2*a := b", 2, 1, "one new name"),
    ("f =~ x\nb := a; b := 2*a", 2, 9, '"b" is defined twice'),
    ("f =~ a*x\nb := a; a := 2", 2, 9, '"a" already labels a parameter'),
    ("f =~ x\nb := b + 1", 2, 1, "goes in a circle"),
    ("f =~ x\nk := b\nb := d; d := b", 3, 1, "goes in a circle"),
    # blocks
    ("group:\nf =~ x", 1, 1, 'no name: write "group: name"'),
    ("f =~ x;  level: \nf =~ x", 1, 10, "no name"),
    ("f =~ x;  level: 1\nf =~ x", 1, 10, "stand before the first"),
    ("level: ''\nf =~ x", 1, 1, 'no name: write "level: 1"'),
    ("block: 1\nf =~ x", 1, 1, 'unknown block "block:"'),
    ("school: 1\nf =~ x", 1, 7, 'a block is opened by "group: name"'),
    ("school: a\nf =~ x", 1, 1, 'unknown block "school:"'),
    ("level 1\nf =~ x", 1, 1, '"level: 1"'),
    ("level: 1 f =~ x", 1, 1, "begin it on a new line"),
    ("level: 1\nlevel: 2\nf =~ x", 1, 1, "holds no statement"),
    ("level: 1\nf =~ x\nlevel: 2", 3, 1, "holds no statement"),
    ("level: 1\nf =~ x\nlevel: 1\nf =~ y", 3, 1, "stands twice, first in line 1"),
    ("f =~ x\ngroup: 1\nf =~ x", 2, 1, 'before the first "group:"'),
    ("level: 1\nf =~ x\ngroup: 1\nf =~ x", 3, 1, "groups do not stand within levels"),
    # characters
    ("y ~ \u20130.5*x", 1, 5, "type -"),
    ("f =~ \u201ca\u201d*x", 1, 6, 'type "'),
    ("f =~ \u2018a\u2019*x", 1, 6, "type '"),
    ("f =~ a\u00d7x", 1, 7, "type *"),
    ("f =\u223c x", 1, 4, "type ~"),
    ("f =~ x\u200b1", 1, 7, "invisible character U+200B: delete it"),
    ("f =~ x\x00", 1, 7, "invisible character U+0000"),
    ("f =~ x %in% y", 1, 8, 'unexpected character "%" (U+0025)'),
    ("f =~ x[1]", 1, 7, 'unexpected character "["'),
    # depth
    ("f =~ x\na == " + "(" * 60 + "b" + ")" * 60, 2, 57, "more than 50 deep"),
    ("f =~ " + "(" * 5000 + "1" + ")" * 5000 + "*x", 1, 57, "more than 50 deep"),
]


@pytest.mark.parametrize(("text", "line", "column", "problem"), ERRORS)
def test_errors(text: str, line: int, column: int, problem: str) -> None:
    with pytest.raises(ModelSyntaxError) as caught:
        parse(text)
    assert problem in caught.value.problem
    assert (caught.value.line, caught.value.column) == (line, column)


def test_the_message_points_at_the_place() -> None:
    with pytest.raises(ModelSyntaxError) as caught:
        parse("f1 =~ x1 + x2\nf2 =~ x4 + + x6")
    assert str(caught.value) == (
        'expected a variable after "+", found "+" (line 2, column 12)\n'
        "    f2 =~ x4 + + x6\n"
        "               ^"
    )


def test_the_place_is_right_after_every_kind_of_line_end() -> None:
    with pytest.raises(ModelSyntaxError) as caught:
        parse("f =~ x\r\n\rg =~ y\u2028\x0bh = z")
    assert (caught.value.line, caught.value.column) == (5, 3)
    assert "    h = z\n      ^" in str(caught.value)


@pytest.mark.parametrize("model", [None, 1.5, ["f =~ x"], b"f =~ x"])
def test_a_model_that_is_no_text_is_refused(model: Any) -> None:
    with pytest.raises(OptionError, match="must be a text in lavaan syntax, not"):
        parse(model)


PIECES = [
    *("=~", "~", "~~", "~*~", ":=", "==", "<", ">", "|", "+", "*", "-", "/", "^", "**", "(", ")"),
    *("c(", "NA", "Inf", "start(", 'equal("', 'efa("b")*', "label(", "lower(", "exp(", "log(", "?"),
    *('"', "'", "`", "#", "!", ";", ",", ":", "\n", "\r\n", "\u2028", "\t", " ", "\ufeff", "\x00"),
    *(
        "level:",
        "group: g\n",
        "0",
        "1",
        "0.5",
        "1e999",
        "a",
        "x1",
        "x1:x2",
        "å",
        "\u0301",
        "\ud800",
    ),
    *("\u2013", "\u201c", "²", "٣"),
]
VALID = [text for text, _ in ROWS] + [f"f =~ x\n{text}" for text, _ in CONSTRAINTS]


def mutated(rng: random.Random) -> str:
    """A readable model, or two, with one to three pieces put in, cut out or moved."""
    text = rng.choice(VALID)
    if rng.random() < 0.3:
        text += "\n" + rng.choice(VALID)
    for _ in range(rng.randint(1, 3)):
        place, other = rng.randint(0, len(text)), rng.randint(0, len(text))
        change = rng.random()
        if change < 0.4:
            text = text[:place] + rng.choice(PIECES) + text[place:]
        elif change < 0.7:
            text = text[:place] + text[place + rng.randint(1, 3) :]
        else:
            text = text[:place] + text[other : other + 5] + text[place:]
    return text


def read_or_refuse(text: str) -> Syntax | None:
    """Read a text; what can be read can be used, and what cannot gets a place within the text."""
    syntax, line, column = None, 1, 1
    try:
        syntax = parse(text)
    except ModelSyntaxError as error:
        line, column = error.line, error.column
    lines = text.splitlines() or [""]
    assert 1 <= line <= len(lines)
    assert 1 <= column <= max(1, len(lines[line - 1]))
    if syntax is None:
        return None
    assert syntax.statements
    for constraint in syntax.constraints:
        for side in (constraint.lhs, constraint.rhs):
            evaluate(side, dict.fromkeys(names(side), -0.5))
            linear_coefficients(side)
            assert parse(f"f =~ x; result_ := {side}").constraints[0].rhs == side
    return syntax


@given(st.integers(0, 2**32))
@settings(max_examples=500, deadline=None)
def test_changed_models_are_read_or_refused(seed: int) -> None:
    read_or_refuse(mutated(random.Random(seed)))


@given(st.text(max_size=40) | st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@settings(max_examples=500, deadline=None)
@example("level:\n")
@example("a" + "^-a" * 1000 + "== b")
@example("f =~ x; a == " + "-" * 10_000 + "b")
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refuse(text)


@pytest.mark.slow
@given(st.integers(0, 2**64))
@settings(max_examples=100_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_changed_models_are_read_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    read_or_refuse(mutated(rng) if rng.random() < 0.8 else "".join(rng.choices(PIECES, k=12)))


def test_changed_models_are_not_all_refused() -> None:
    rng = random.Random(1)
    readable = sum(read_or_refuse(mutated(rng)) is not None for _ in range(500))
    assert 50 < readable < 450
