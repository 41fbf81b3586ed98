"""Lavaan model syntax: text → statements and constraints, in the order they stand.

`parse` knows the whole grammar: `=~ <~ ~ ~~ ~1 | ~*~ := == < >`, modifiers, `group:` and `level:`
blocks. It adds no defaults and drops nothing; what the text does not say is decided elsewhere.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from measure.errors import ModelSyntaxError, OptionError
from measure.specification.expressions import RESERVED, Expression, Name, names, read
from measure.specification.modifiers import Modifier, Term, Value, merge, read_terms, role
from measure.specification.tokens import OPERATORS, Cursor, Source, Token, show, split

__all__ = ["Block", "Constraint", "Modifier", "Statement", "Syntax", "Value", "parse"]


@dataclass(frozen=True, slots=True)
class Block:
    """Where a statement stands: the text after `group:` and after `level:`, None outside."""

    group: str | None = None
    level: str | None = None


class Statement(NamedTuple):
    """One parameter of the text: "f =~ a*x1 + x2" gives two.

    Attributes
    ----------
    lhs, op, rhs
        For an intercept `op` is "~1" and `rhs` is ""; for a threshold "|" and "t1".
        A factor without indicators ("f =~ 0") has itself as `rhs`, fixed to 0, as in lavaan.
    modifiers
        Merged over all mentions of the parameter in its block; at most one of each kind.
    block
        Where it stands.
    line, column
        Of the variable on the right (first mention), counted from 1.
    """

    lhs: str
    op: str
    rhs: str
    modifiers: tuple[Modifier, ...]
    block: Block
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Constraint:
    """An equation, an inequality or a definition.

    Attributes
    ----------
    lhs, op, rhs
        `op` is "==", "<", ">" or ":="; for ":=" `lhs` is a `Name`, the new one.
    line, column
        Of its first character, counted from 1.
    text
        As written.
    """

    lhs: Expression
    op: str
    rhs: Expression
    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Syntax:
    """A model text that has been read."""

    text: str
    statements: tuple[Statement, ...]
    constraints: tuple[Constraint, ...]


def parse(text: str) -> Syntax:
    """Read a model in lavaan syntax.

    Parameters
    ----------
    text
        Statements such as "f =~ x1 + x2", separated by line ends or semicolons; comments run from
        `#` or `!` to the end of the line. A statement goes on in the next line after an operator
        or `+`, inside parentheses, or where the next line begins with `+` or `*`.

    Returns
    -------
    Syntax
        One statement a parameter, in order of first mention within its block.

    Raises
    ------
    ModelSyntaxError
        The text cannot be read or contradicts itself; the message shows the place.
    OptionError
        The model is not a text.

    Examples
    --------
    >>> [(s.lhs, s.op, s.rhs) for s in parse("f =~ x1 + x2; f ~ 1").statements]
    [('f', '=~', 'x1'), ('f', '=~', 'x2'), ('f', '~1', '')]
    """
    if not isinstance(text, str):
        raise OptionError(
            f"the model must be a text in lavaan syntax, not {type(text).__name__}. "
            'Write it as "f =~ x1 + x2 + x3".'
        )
    return _read(text)


# Sections fit the same models to different answers; what has been read cannot be changed.
@lru_cache(maxsize=256)
def _read(text: str) -> Syntax:
    source = Source(text)
    reader = _Reader(source)
    for tokens in split(source):
        reader.read(tokens)
    return reader.finish()


_CONSTRAINTS = frozenset({"==", "<", ">", ":="})
_MPLUS = {"BY": "=~", "ON": "~", "WITH": "~~"}
_THRESHOLD = re.compile(r"t[1-9][0-9]*")
_HEADER = re.compile(r"(\w+)\s*:\s*(.*)", re.DOTALL)


class _Reader:
    """Collects statements and constraints while the text is read."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.block = Block()
        self.headers: dict[Block, Token] = {}
        self.statements: list[Statement] = []
        self.places: dict[tuple[str, str, str], int] = {}  # of this block's statements
        self.zeros: set[str] = set()  # variables of this block with "~ 0"
        self.constraints: list[Constraint] = []
        self.definitions: dict[str, tuple[str, ...]] = {}
        self.group_values: Modifier | None = None  # the first c() with several values

    def read(self, tokens: list[Token]) -> None:
        """Read one statement."""
        if tokens[0].kind == "header":
            self._open_block(tokens[0])
            return
        places = [index for index, token in enumerate(tokens) if token.kind == "operator"]
        if not places:
            raise self._no_operator(tokens)
        place = places[0]
        operator = tokens[place]
        if len(places) > 1:
            raise self._second_operator(tokens, operator, tokens[places[1]])
        if place == 0:
            raise self.source.error(f"expected a variable before {show(operator)}", operator.start)
        left = Cursor(self.source, [*tokens[:place], Token("end", "", operator.start)], 0)
        right = Cursor(self.source, [*tokens[place:], Token("end", "", tokens[-1].start)], 1)
        if operator.text in _CONSTRAINTS:
            self._read_constraint(left, operator, right)
        else:
            self._read_model(left, operator, right)

    def finish(self) -> Syntax:
        """Check what only the whole text can show."""
        self._close_block()
        if not self.statements:
            problem = (
                "the model has constraints but no parameters"
                if self.constraints
                else ('the model is empty: write for instance "f =~ x1 + x2 + x3"')
            )
            raise self.source.error(problem, 0)
        self._check_definitions()
        return Syntax(self.source.text, tuple(self.statements), tuple(self.constraints))

    def _open_block(self, token: Token) -> None:
        """Begin a `group:` or `level:` block."""
        match = _HEADER.fullmatch(token.text)
        assert match is not None
        keyword, value = match[1].lower(), match[2].strip()
        if keyword not in ("group", "level"):
            raise self.source.error(
                f'unknown block "{keyword}:": a block is opened by "group: name" or "level: name"',
                token.start,
            )
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1].strip()
        elif re.search("[=~<>|]", value):
            raise self.source.error(
                f'a statement stands on the line of "{keyword}:": begin it on a new line or '
                'after ";"',
                token.start,
            )
        if not value:
            example = "level: 1" if keyword == "level" else "group: name"
            raise self.source.error(f'this block has no name: write "{example}"', token.start)
        self._nest(keyword, value, token)

    def _nest(self, keyword: str, value: str, token: Token) -> None:
        """Check that a block may begin here, and begin it."""
        within = self.block.group
        if keyword == "group" and any(block.group is None for block in self.headers):
            raise self.source.error(
                'groups do not stand within levels: write "group:" first, and its levels inside',
                token.start,
            )
        outside = Block() if keyword == "group" else Block(within)
        if self.block == outside and self.places:
            raise self.source.error(
                f'statements stand before the first "{keyword}:" block: move each into a block',
                token.start,
            )
        opening_level = keyword == "level" and self.block == outside
        if not opening_level:
            self._close_block()
        block = Block(value) if keyword == "group" else Block(within, value)
        if block in self.headers:
            line, _ = self.source.position(self.headers[block].start)
            raise self.source.error(
                f'the block "{keyword}: {value}" stands twice, first in line {line}: join them',
                token.start,
            )
        self.headers[block] = token
        self.block, self.places, self.zeros = block, {}, set()

    def _close_block(self) -> None:
        """Refuse a block without statements."""
        if self.block in self.headers and not self.places:
            raise self.source.error(
                "this block holds no statement about a parameter", self.headers[self.block].start
            )

    def _read_constraint(self, left: Cursor, operator: Token, right: Cursor) -> None:
        """Read an equation, an inequality or a definition."""
        first = left.token
        sides = []
        for cursor in (left, right):
            sides.append(read(cursor))
            if cursor.token.kind != "end":
                raise cursor.expected("an operator")
            for token in cursor.tokens:
                if token.kind == "name" and (token.text in RESERVED or ":" in token.text):
                    raise cursor.error(f"{show(token)} cannot be the label of a parameter", token)
        lhs, rhs = sides
        op = operator.text
        if op == ":=":
            if not isinstance(lhs, Name):
                raise left.error('on the left of ":=" stands one new name', first)
            if lhs.name in self.definitions:
                raise left.error(f"{show(first)} is defined twice", first)
            self.definitions[lhs.name] = names(rhs)
        elif not (names(lhs) or names(rhs)):
            raise left.error("this constraint names no parameter: use labels, as in a == b", first)
        place = self.source.position(first.start)
        self.constraints.append(Constraint(lhs, op, rhs, *place, f"{lhs} {op} {rhs}"))

    def _check_definitions(self) -> None:
        """Refuse definitions that define a label, or that go in a circle."""
        labels = {
            value
            for statement in self.statements
            for modifier in statement.modifiers
            if modifier.kind == "label"
            for value in modifier.values
        }
        circle: list[str] = []
        try:
            TopologicalSorter(self.definitions).prepare()
        except CycleError as error:
            circle = error.args[1]
        for constraint in self.constraints:
            if constraint.op != ":=":
                continue
            name = constraint.lhs.name if isinstance(constraint.lhs, Name) else ""
            if name in labels:
                problem = f'"{name}" already labels a parameter: give the new quantity another name'
            elif name in circle:
                problem = f'the definition of "{name}" goes in a circle'
            else:
                continue
            raise ModelSyntaxError(problem, self.source.text, constraint.line, constraint.column)

    def _read_model(self, left: Cursor, operator: Token, right: Cursor) -> None:
        """Read a statement about parameters: every left side with every right side."""
        op = operator.text
        lefts = read_terms(left)
        for term in lefts:
            if term.variable.kind == "number":
                raise left.error("a number stands where a variable is needed", term.variable)
            if term.modifiers and not (op == "=~" and term.modifiers[0].kind == "efa"):
                problem = 'only efa("block") stands before a variable on the left'
                raise left.error(f"{problem}, and only with =~", left.tokens[0])
        if op == "~*~" and len(lefts) > 1:
            raise left.error('"~*~" takes one variable on the left', lefts[1].variable)
        terms = read_terms(right)
        for term in terms:
            _check_right(right, op, term, alone=len(terms) == 1)
        order = {term.variable.text: index for index, term in enumerate(lefts)}
        for index, first in enumerate(lefts):
            for second in terms:
                if op == "~~" and order.get(second.variable.text, index) < index:
                    # "x1 + x2 ~~ x1 + x2" holds one covariance, named in the order of the left.
                    swapped = Term(second.variable, second.modifiers)
                    self._add(second.variable.text, op, first.variable.text, swapped)
                else:
                    self._add_term(first, op, second)

    def _add_term(self, left: Term, op: str, right: Term) -> None:
        """Add one left side with one right side."""
        lhs, rhs = left.variable.text, right.variable.text
        if right.variable.kind == "number":
            if op == "=~":
                rhs = lhs
            else:
                op, rhs = "~1", ""
        elif lhs == rhs and op in ("=~", "<~", "~"):
            what = "predicted" if op == "~" else "measured"
            raise self.source.error(f'"{lhs}" cannot be {what} by itself', right.variable.start)
        elif op == "~*~" and lhs != rhs:
            raise self.source.error(
                f'"~*~" has the same variable on both sides: write {lhs} ~*~ {lhs}',
                right.variable.start,
            )
        self._add(lhs, op, rhs, Term(right.variable, left.modifiers + right.modifiers))

    def _add(self, lhs: str, op: str, rhs: str, term: Term) -> None:
        """Add a parameter, or what is newly said about one mentioned before."""
        start = term.variable.start
        line, column = self.source.position(start)
        modifiers = term.modifiers
        if term.variable == ("number", "0", start):
            modifiers = (*modifiers, Modifier("fixed", (0.0,), line, column))
            self.zeros.add(lhs)
        key = (op, rhs, lhs) if op == "~~" and rhs < lhs else (op, lhs, rhs)
        place = self.places.get(key)
        if modifiers:
            self._check_modifiers(modifiers)
        if place is None:
            self.places[key] = len(self.statements)
            self.statements.append(Statement(lhs, op, rhs, modifiers, self.block, line, column))
            return
        if op == "~1" and lhs in self.zeros:
            raise self.source.error(
                f'the intercept of "{lhs}" stands twice, once as 0, which fixes it: keep one', start
            )
        earlier = self.statements[place]
        merged, contradiction = merge(earlier.modifiers, modifiers)
        name = f'"{lhs} {op} {rhs}"' if rhs else f'"{lhs} ~ 1"'
        if contradiction is not None:
            raise ModelSyntaxError(
                f"{name} gets another {role(contradiction)} than in line {earlier.line}, column "
                f"{earlier.column}: keep one of the two",
                self.source.text,
                contradiction.line,
                contradiction.column,
            )
        self.statements[place] = earlier._replace(modifiers=merged)
        if len(merged) > len(earlier.modifiers):
            self._check_modifiers(merged)

    def _check_modifiers(self, modifiers: tuple[Modifier, ...]) -> None:
        """Refuse lists of unequal length, and a lower bound above the upper one."""
        bounds: dict[str, Modifier] = {}
        for modifier in modifiers:
            if modifier.kind in ("lower", "upper"):
                bounds[modifier.kind] = modifier
            if len(modifier.values) == 1:
                continue
            first = self.group_values = self.group_values or modifier
            if len(first.values) != len(modifier.values):
                raise ModelSyntaxError(
                    f"c() holds {len(modifier.values)} values, but {len(first.values)} in line "
                    f"{first.line}, column {first.column}: write one value a group",
                    self.source.text,
                    modifier.line,
                    modifier.column,
                )
        if len(bounds) == 2:
            lower, upper = bounds["lower"], bounds["upper"]
            n_groups = max(len(lower.values), len(upper.values))
            for low, high in zip(
                lower.values * (n_groups // len(lower.values)),
                upper.values * (n_groups // len(upper.values)),
                strict=True,
            ):
                if isinstance(low, float) and isinstance(high, float) and low > high:
                    raise ModelSyntaxError(
                        f"the lower bound {low:g} is above the upper bound {high:g}",
                        self.source.text,
                        lower.line,
                        lower.column,
                    )

    def _no_operator(self, tokens: list[Token]) -> ModelSyntaxError:
        """Say what a statement without operator may have been meant to be."""
        first, last = tokens[0], tokens[-1]
        for token in tokens[1:]:
            if token.kind == "name" and token.text.upper() in _MPLUS:
                operator = _MPLUS[token.text.upper()]
                return self.source.error(
                    f'{show(token)} is not an operator here: write "{operator}", and "+" between '
                    "variables",
                    token.start,
                )
        if first.kind not in ("name", "number", "string", "(", "-"):
            return self.source.error(f"expected a variable before {show(first)}", first.start)
        if re.compile(r"\S*\s*!=").match(self.source.text, last.start):
            problem = '"!" begins a comment, and there is no constraint "not equal"'
        elif ":" in first.text and first.kind == "name":
            keyword = first.text.split(":")[0]
            problem = (
                f'unknown block "{keyword}:": a block is opened by "group: name" or "level: name"'
            )
        elif first.text.lower() in ("group", "level") and len(tokens) > 1:
            problem = f'a block is opened with a colon: "{first.text.lower()}: {tokens[1].text}"'
        else:
            problem = (
                f"no operator in this statement: write one of {' '.join(OPERATORS)}; to go on with "
                'the statement above, end its line with "+"'
            )
        return self.source.error(problem, first.start)

    def _second_operator(
        self, tokens: list[Token], first: Token, second: Token
    ) -> ModelSyntaxError:
        """Say what to do about a statement with two operators."""
        if (
            first.text in _CONSTRAINTS
            and second.text in _CONSTRAINTS
            and ":="
            not in (
                first.text,
                second.text,
            )
        ):
            problem = "a comparison has two sides: write two constraints, as in a < b; b < c"
        else:
            problem = f"{show(second)} is the second operator of this statement: begin a new line"
            line, _ = self.source.position(tokens[0].start)
            if self.source.position(second.start)[0] != line:
                problem += (
                    f" (it began in line {line} and goes on because a line ends in an operator)"
                )
        return self.source.error(problem, second.start)


def _check_right(cursor: Cursor, op: str, term: Term, *, alone: bool) -> None:
    """Refuse what cannot stand on the right of an operator."""
    variable = term.variable
    for modifier in term.modifiers:
        if modifier.kind == "efa":
            raise ModelSyntaxError(
                'efa() stands before the factor: write efa("block")*f1 =~ x1 + x2',
                cursor.source.text,
                modifier.line,
                modifier.column,
            )
    if variable.kind == "number":
        if op == "~":
            if variable.text == "0" and term.modifiers:
                raise cursor.error(
                    "0 fixes the intercept at 0; modifiers stand before 1, as in a*1", variable
                )
        elif not (op == "=~" and variable.text == "0" and alone and not term.modifiers):
            raise cursor.error(
                f"a number stands where a variable is needed; to fix a parameter, write "
                f"{variable.text}* before the variable",
                variable,
            )
    elif op == "|" and not _THRESHOLD.fullmatch(variable.text):
        raise cursor.error("thresholds are called t1, t2, ...", variable)
