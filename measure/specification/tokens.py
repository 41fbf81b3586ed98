"""Model text → tokens, gathered into statements; every token knows where it stands.

The text is cut by one regular expression. A statement ends at a semicolon, or at a line end
unless it is plainly unfinished: inside parentheses, after an operator, or before a line that
begins with `+` or another sign that cannot begin a statement.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from measure.errors import ModelSyntaxError

# Exactly the line ends that str.splitlines knows, since error messages show lines cut by it.
_END = r"\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
_SPACE = rf"[^\S{_END}]"
# Combining accents are not \w, but stand in names typed on a Mac.
_NAME = r"(?:[^\W\d]|\.(?![0-9]))[\w.\u0300-\u036f]*+"

_TOKEN = re.compile(
    rf"(?P<header>(?:\A\ufeff?|(?<=[{_END};])){_SPACE}*+"
    rf"(?i:group|level|block|class){_SPACE}*+:(?!=)(?:\"[^\"{_END}]*\"|[^;#!{_END}])*+)"
    rf"|{_SPACE}*+(?:"
    rf"(?P<name>{_NAME}(?:{_SPACE}*+:{_SPACE}*+{_NAME})*+)"
    r"|(?P<operator>~\*~|<->|<-|->|[=~<>|:]+)"
    r"|(?P<number>(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)"
    r"|(?P<symbol>\*\*|[+*(),/^?;-])"
    rf"|(?P<newline>\r\n|[{_END}])"
    rf"|(?P<comment>[#!][^{_END}]*+)"
    rf"|(?P<string>\"[^\"{_END}]*+\"|'[^'{_END}]*+')"
    rf"|(?P<quoted_name>`[^`{_END}]++`)"
    r"|(?P<end>\Z)"
    r"|(?P<unknown>.))",
    re.DOTALL,
)

OPERATORS = ("=~", "<~", "~", "~~", "~*~", "|", ":=", "==", "<", ">")
_KNOWN = frozenset(OPERATORS)

# Signs after which a statement goes on in the next line, and signs that no statement begins with.
_UNFINISHED = frozenset({"operator", "+", "-", "*", "/", "^", "**", "?", ",", "("})
_CONTINUES = frozenset({"+", "*", "/", "^", "**", "?", ",", ")"})

# What a token says as it is written, and what no statement goes on after.
_WRITTEN = frozenset({"number", *"+*(),/^?-", "**"})
_ENDS = frozenset({"header", ";", "end"})

_INSTEAD = {
    "=": 'write "=~" to measure a factor, "==" for an equality, ":=" to define a quantity',
    "=~~": 'write "=~" to measure a factor or "~~" for a covariance',
    "~=": 'write "=~" to measure a factor',
    "~~~": 'write "~~" for a covariance',
    "~<": 'write "<~" for a composite',
    "~>": 'write "~" with the outcome on the left for a regression',
    "=:": 'write ":=" to define a quantity',
    ":==": 'write ":=" to define a quantity',
    "===": 'write "==" for an equality',
    "<=": 'write "<", which allows equality here',
    ">=": 'write ">", which allows equality here',
    "=<": 'write "<", which allows equality here',
    "=>": 'write ">", which allows equality here',
    "<-": 'write ":=" to define a quantity, or put a space between "<" and "-"',
    "->": 'write "~" with the outcome on the left for a regression',
    "<->": 'write "~~" for a covariance',
    "<>": 'write "~~" for a covariance',
    "::": 'write "x1:x2" for an interaction',
    ":": 'a block is opened by "group: name" or "level: name"; an interaction is "x1:x2"',
    "||": 'write "|" for thresholds',
}

_PASTED = {
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212",
    '"': "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033",
    "'": "\u2018\u2019\u201a\u201b\u2032\u00b4",
    "*": "\u00d7\u00b7\u2217\u22c5",
    "~": "\u223c\u02dc\uff5e\u2053",
    "=": "\uff1d",
    "+": "\uff0b",
    "<": "\u2264",
    ">": "\u2265",
    "/": "\u00f7",
}
_TYPED = {pasted: typed for typed, characters in _PASTED.items() for pasted in characters}


class Token(NamedTuple):
    """A word or sign of the model text.

    `kind` is "name", "number", "string", "operator", "header" or "end", or for the signs
    `+ - * / ^ ? , ( )` the sign itself; `text` is without quotes; `start` counts characters from 0.
    """

    kind: str
    text: str
    start: int


class Source:
    """Model text that knows its lines."""

    __slots__ = ("line_starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.line_starts = [0]

    def position(self, start: int) -> tuple[int, int]:
        """Line and column, counted from 1, of a character that has been read."""
        line = bisect_right(self.line_starts, start)
        return line, start - self.line_starts[line - 1] + 1

    def error(self, problem: str, start: int) -> ModelSyntaxError:
        """Make the error that points at a character."""
        return ModelSyntaxError(problem, self.text, *self.position(start))


class Cursor:
    """A place in the tokens of one statement."""

    __slots__ = ("index", "source", "tokens")

    def __init__(self, source: Source, tokens: list[Token], index: int) -> None:
        self.source = source
        self.tokens = tokens  # the last one is of kind "end"
        self.index = index

    @property
    def token(self) -> Token:
        """The token that comes next; past the last one, a token of kind "end"."""
        return self.tokens[self.index]

    @property
    def following(self) -> str:
        """Kind of the token after the next one."""
        return self.tokens[min(self.index + 1, len(self.tokens) - 1)].kind

    def take(self) -> Token:
        """Give the next token and step past it."""
        token = self.tokens[self.index]
        if token.kind != "end":
            self.index += 1
        return token

    def error(self, problem: str, token: Token | None = None) -> ModelSyntaxError:
        """Say what is wrong at a token (default: the next one)."""
        return self.source.error(problem, (token or self.token).start)

    def expected(self, what: str) -> ModelSyntaxError:
        """Say what should have stood where the next token stands."""
        token = self.token
        after = f" after {show(self.tokens[self.index - 1])}" if self.index else ""
        if token.kind == "end":
            return self.error(f"expected {what}{after}" if after else f"expected {what}")
        return self.error(f"expected {what}{after}, found {show(token)}")


def show(token: Token) -> str:
    """Write a token as a message quotes it; long ones are cut."""
    text = token.text if len(token.text) <= 40 else token.text[:37] + "..."
    return f'"{text}"'


def split(source: Source) -> Iterator[list[Token]]:
    """Cut model text into statements.

    Parameters
    ----------
    source
        Its lines are filled in as the text is read.

    Yields
    ------
    list of Token
        One statement, never empty; a block header is a statement of one token.

    Raises
    ------
    ModelSyntaxError
        A character that belongs to no token, an unknown operator, parentheses that do not match.
    """
    statement: list[Token] = []
    opened: list[Token] = []
    line_ended = False
    for match in _TOKEN.finditer(source.text):
        kind: str = match.lastgroup  # type: ignore[assignment]  # every branch has a name
        start = match.start(kind)
        if kind == "newline":
            source.line_starts.append(match.end())
            line_ended = True
            continue
        if kind == "comment":
            continue
        text = match[kind]
        if kind == "symbol":
            kind = text
        if kind in _WRITTEN:
            token = Token(kind, text, start)
        else:
            token = _token(source, kind, text, start)
            kind = token.kind
        if kind in _ENDS or (kind == "operator" and opened):
            if opened:
                raise _not_closed(source, opened[-1], token)
            if statement:
                yield statement
                statement = []
            if kind == "header":
                yield [token]
            line_ended = False
            continue
        if line_ended:
            line_ended = False
            if (
                statement
                and not opened
                and kind not in _CONTINUES
                and statement[-1].kind not in _UNFINISHED
            ):
                yield statement
                statement = []
        if kind == "(":
            opened.append(token)
        elif kind == ")":
            if not opened:
                raise source.error('this ")" closes no "("', start)
            opened.pop()
        statement.append(token)


def _token(source: Source, kind: str, text: str, start: int) -> Token:
    """Make a token of what the regular expression found, or say what is wrong with it."""
    if kind == "name":
        if ":" in text:
            text = "".join(text.split())
    elif kind == "operator":
        if text not in _KNOWN:
            after = start + len(text)
            if source.text[after : after + 1] in _TYPED:
                raise _unknown_character(source, source.text[after], after)
            instead = _INSTEAD.get(text, f"the operators are {' '.join(OPERATORS)}")
            raise source.error(f'unknown operator "{text[:40]}": {instead}', start)
    elif kind == "string":
        text = text[1:-1]
    elif kind == "quoted_name":
        kind, text = "name", text[1:-1]
    elif kind == "header":
        # The header begins with the space before it; messages point at its first letter.
        stripped = text.lstrip("\ufeff").lstrip()
        start += len(text) - len(stripped)
        text = stripped
    elif kind == "unknown":
        if text == "\ufeff" and start == 0:
            return Token(";", text, start)
        raise _unknown_character(source, text, start)
    return Token(kind, text, start)


def _unknown_character(source: Source, character: str, start: int) -> ModelSyntaxError:
    """Say what to do about a character that has no place in a model."""
    if character in "\"'`":
        return source.error(f"this quote ({character}) is not closed on its line", start)
    shown = f'"{character}" (U+{ord(character):04X})'
    if not character.isprintable():
        shown = f"invisible character U+{ord(character):04X}"
    if character in _TYPED:
        problem = f"{shown} was perhaps pasted from a text document: type {_TYPED[character]}"
        return source.error(problem, start)
    if not character.isprintable():
        return source.error(f"{shown}: delete it", start)
    return source.error(f"unexpected character {shown}", start)


def _not_closed(source: Source, opening: Token, found: Token) -> ModelSyntaxError:
    """Say that a parenthesis is open where its statement cannot go on."""
    if found.text == "|":
        problem = (
            'random effects such as "(1 | group)" are not part of a model text: a model of two '
            'levels has "level:" blocks'
        )
        return source.error(problem, opening.start)
    if found.kind == "operator":
        return source.error(
            f"{show(found)} inside parentheses: close the parenthesis first, or put the name of "
            'a parameter in quotes, as in equal("f=~x1")',
            found.start,
        )
    return source.error('this "(" is not closed', opening.start)
