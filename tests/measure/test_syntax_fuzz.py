"""A hundred thousand random and damaged model texts: read, or refused at the right place.

A fifth of them are tried each time, and the others among the slow studies.
"""

import random
import re
import time
from collections import Counter
from collections.abc import Callable

import pytest

from measure.errors import ModelSyntaxError
from measure.specification.syntax import Syntax, parse

N_TEXTS = 100_000
N_EACH_TIME = 20_000
# A text of 40 characters takes about 0.05 ms; this long is a blow-up, not a slow machine.
SECONDS_PER_TEXT = 5.0

VALID = (
    "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9",
    "f1 =~ 1*x1 + a*x2 + start(0.8)*x3\nf2 =~ NA*x4 + x5\nf2 ~~ 1*f2\nf2 ~ b*f1",
    "y ~ 1 + c(a, b)*x + x:z\ny ~~ c(1, NA)*y\n  # a comment\nx + z ~~ x + z",
    'efa("block")*f1 + efa("block")*f2 =~ x1 + x2 + x3 + x4',
    "f =~ u1 + u2 + u3; u1 | t1 + a*t2; u1 ~*~ 1*u1; u2 | -0.5*t1",
    "f =~ x1 + l2*x2 + l3*x3\nl2 == 2 * l3\nind := l2 * l3 / (1 + exp(-l3))^2\nl2 > 0; l3 < 3.5e1",
    "level: 1\n  w =~ x1 + x2 + x3\nlevel: 2\n  b =~ x1 + x2 + x3\n  b ~ size",
    'group: "first"\nlevel: w\nf =~ x1 + x2\nlevel: b\nf =~ x1 + x2\ngroup: 2\nx1 ~~ x2',
    'f =~ equal("f=~x1")*x2 + lower(0)*x3 + upper(1)*lower(-1)*x4 + "my label"*x5 + 2?x6',
    "i =~ 1*t.1 + 1*t.2 + 1*t.3\ns =~ 0*t.1 + 1*t.2 + 2*t.3\ni + s ~ 1\n`odd name` ~~ 0*i",
    "form <~ å1 + ärger + ø_3\n! remark\r\nform ~~ 0*form; f =~ 0; y ~ form +\n    f",
)
SIGNS = (
    *("=~", "<~", "~", "~~", "~*~", "|", ":=", "==", "<", ">", "+", "-", "*", "/", "^", "**", "?"),
    *("(", ")", ",", ";", ":", "=", "<->", "->", "<-", "~>", "!=", "#", "!", '"', "'", "`", "."),
)
NAMES = ("x1", "x2", "f", "y", "a", "b", "t1", "t2", "1", "0", "x1 : x2", "`a b`", "l_1", "ø")
WORDS = (
    *("x1", "x2", "f", "y", "a", "NA", "Inf", "NULL", "TRUE", "pi", "0", "1", "0.5", "1e3", ".5"),
    *("1e999", "5.", "1e-400", "00", "t1", "t0", "BY", "ON", "WITH", "x1:x2", "a.b", "_", "..."),
    *("c(", "start(", "equal(", "label(", "lower(", "upper(", "efa(", "prior(", "exp(", "log("),
    *("level:", "group:", "block:", "LEVEL : 1\n", "group: 'a b'\n", "sqrt(-1)", "0/0", "2^9999"),
)
SPACES = (
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\v",
    "\f",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\xa0",
)
UNICODE = (
    *(
        "å",
        "é",
        "e\u0301",
        "\u0301",
        "ß",
        "ﬁ",
        "İ",
        "名",
        "😀",
        "\U00010400",
        "²",
        "٣",
        "Ⅷ",
        "\u200b",
    ),
    *(
        "\u200f",
        "\ufeff",
        "\ud800",
        "\udfff",
        "\ufffe",
        "–",
        "−",
        "“",
        "”",
        "’",
        "×",
        "∼",
        "≤",
        "＝",
    ),
)
CONTROL = tuple(chr(code) for code in (*range(32), *range(127, 160)))
PIECES = (SIGNS, SIGNS, WORDS, WORDS, SPACES, UNICODE, CONTROL)
_TOKENS = re.compile(r"\w+|\s+|[^\w\s]+")


def piece(rng: random.Random) -> str:
    return rng.choice(rng.choice(PIECES))


def of_signs(rng: random.Random) -> str:
    """Pieces of the syntax in any order."""
    alphabet = PIECES if rng.random() < 0.3 else PIECES[:4]
    gap = rng.choice(("", " "))
    return gap.join(rng.choice(rng.choice(alphabet)) for _ in range(rng.randint(0, 12)))


def of_statements(rng: random.Random) -> str:
    """Pieces in an order that is nearly one of the syntax."""
    lines = []
    for _ in range(rng.randint(1, 3)):
        terms = [
            rng.choice(("", "", "2*", "a*", "NA*", "c(1,2)*", "c(1)*", "start(1)*", "-", "("))
            + (rng.choice(NAMES) if rng.random() < 0.9 else rng.choice(WORDS))
            for _ in range(rng.randint(1, 3))
        ]
        sign = rng.choice(SIGNS[:10] if rng.random() < 0.9 else SIGNS)
        lines.append(f"{rng.choice(NAMES)} {sign} {rng.choice('+++++*-, ').join(terms)}")
    return rng.choice(("\n", ";", "\r\n", " ")).join(lines)


def of_characters(rng: random.Random) -> str:
    """Any code points at all, surrogates among them."""
    highest = rng.choice((0x7F, 0xFF, 0xFFFF, 0x10FFFF))
    return "".join(chr(rng.randint(0, highest)) for _ in range(rng.randint(0, 30)))


def with_characters_changed(rng: random.Random) -> str:
    characters = list(rng.choice(VALID))
    for _ in range(rng.randint(1, 4)):
        place, change = rng.randrange(len(characters)), rng.random()
        if change < 0.3:
            del characters[place]
        elif change < 0.6:
            characters.insert(place, piece(rng))
        elif change < 0.8:
            other = rng.randrange(len(characters))
            characters[place], characters[other] = characters[other], characters[place]
        else:
            characters[place] = piece(rng)
        characters = characters or [""]
    return "".join(characters)


def with_tokens_changed(rng: random.Random) -> str:
    tokens = _TOKENS.findall(rng.choice(VALID))
    for _ in range(rng.randint(1, 3)):
        place, other, change = rng.randrange(len(tokens)), rng.randrange(len(tokens)), rng.random()
        if change < 0.3:
            tokens.insert(place, tokens[place])
        elif change < 0.5:
            tokens[place], tokens[other] = tokens[other], tokens[place]
        elif change < 0.7:
            tokens.insert(place, tokens[other])
        elif change < 0.85 and len(tokens) > 1:
            del tokens[place]
        else:
            tokens[place] = piece(rng)
    return "".join(tokens)


def spliced(rng: random.Random) -> str:
    """The beginning of one model and the end of another."""
    first, second = rng.choice(VALID), rng.choice(VALID)
    return (
        first[: rng.randint(0, len(first))]
        + rng.choice(("", "", "\n", ";", piece(rng)))
        + second[rng.randint(0, len(second)) :]
    )


def joined(rng: random.Random) -> str:
    """Whole lines of several models, which agree or contradict each other."""
    lines = [line for text in rng.choices(VALID, k=4) for line in text.splitlines()]
    return rng.choice(("\n", ";", "\r\n", "\u2028")).join(rng.choices(lines, k=rng.randint(1, 6)))


def damaged(rng: random.Random) -> str:
    """One damage after another: characters of a text of which the tokens were changed."""
    text = with_tokens_changed(rng) + rng.choice(("\n", " ", "")) + with_characters_changed(rng)
    place = rng.randint(0, len(text))
    return text[:place] + piece(rng) + text[place:]


MAKERS: tuple[Callable[[random.Random], str], ...] = (
    *(of_signs, of_statements, of_characters, with_characters_changed, with_tokens_changed),
    *(spliced, joined, damaged),
)


def large(rng: random.Random) -> str:
    """A very long line, many lines, or deep nesting."""
    size = rng.choice((10, 49, 50, 51, 52, 200, 1_000, 5_000))
    repeated = rng.choice((*SIGNS, *WORDS, *SPACES, *UNICODE, "(-", "exp(", "a^", "x+", "x1\n"))
    return rng.choice(
        (
            "f =~ x\nb := " + "(" * size + "a" + ")" * (size - rng.choice((0, 0, 1))),
            "f =~ a*x\na == " + "-" * size + "b",
            "f =~ a*x\na == " + "b^" * size + "2",
            "f =~ a*x\na == " + "exp(" * size + "b" + ")" * size,
            "f =~ " + "(" * size + "1" + ")" * size + "*x",
            "f =~ " + "2*" * size + "x",
            "f =~ " + "1/" * size + "2*x",
            "f =~ c(" + "1," * size + "2)*x",
            "f =~ " + " + ".join(f"x{k}" for k in range(size)),
            "\n".join(f"x{k} ~~ {rng.choice((1, 2))}*x{k % 40}" for k in range(size)),
            "f =~ x" + "".join(f"; d{k} := d{k + 1}" for k in range(size)) + f"; d{size} := d0",
            "f =~ x + " + "y" * size,
            "f =~ " + " " * size + "x +" + "\n" * size + "#" + "c" * size + "\n y",
            repeated * size,
            rng.choice(VALID) + repeated * size,
            f"f =~ x{repeated * size}y",
        )
    )


def rest_of_line(lines: list[str], line: int, column: int) -> str:
    """The rest of the line from a place on; the place has to lie within the text."""
    assert 1 <= line <= len(lines)
    assert 1 <= column <= max(1, len(lines[line - 1]))
    return lines[line - 1][column - 1 :]


def check_refusal(text: str, error: ModelSyntaxError) -> None:
    """The place lies within the text, the caret under its character, and that one is meant."""
    lines = text.splitlines() or [""]
    rest = rest_of_line(lines, error.line, error.column)
    source = lines[error.line - 1]
    margin = re.sub("[^\t]", " ", source[: error.column - 1])
    place = f"(line {error.line}, column {error.column})"
    assert str(error) == f"{error.problem} {place}\n    {source}\n    {margin}^"
    assert error.problem
    assert "\n" not in error.problem
    code = re.match(r"(?:unexpected|invisible) character .*?U\+([0-9A-F]{4,6})", error.problem)
    if code:
        assert ord(rest[0]) == int(code[1], 16)
    operator = re.match(r'unknown operator "([^"]+)"', error.problem)
    if operator:
        assert rest.startswith(operator[1])
    found = re.search(r'found "([^"`\' :]+?)(?:\.\.\.)?"$', error.problem)
    if found:
        assert rest.lstrip("\"'`").startswith(found[1])
    if "quote (" in error.problem:
        assert rest[0] in "\"'`"
    if "closes no" in error.problem:
        assert rest[0] == ")"
    if error.problem == 'this "(" is not closed':
        assert rest[0] == "("


def check_reading(text: str, syntax: Syntax) -> None:
    """Everything that was read says where it stands, and it does stand there."""
    assert syntax.text == text
    assert syntax.statements
    lines = text.splitlines()
    for statement in syntax.statements:
        rest = rest_of_line(lines, statement.line, statement.column)
        if statement.op == "~1":
            assert rest[0] in "01"
        else:
            # "f =~ 0" stands for f itself; the left of "~~" may be what is mentioned last.
            meant = ("0" if statement.lhs == statement.rhs else statement.rhs, statement.rhs)
            meant += (statement.lhs,) if statement.op == "~~" else ()
            assert re.sub(r"\s*:\s*", ":", rest.lstrip("`")).startswith(meant)
        for modifier in statement.modifiers:
            assert rest_of_line(lines, modifier.line, modifier.column)[0] not in " \t*?),;"
    for constraint in syntax.constraints:
        rest = rest_of_line(lines, constraint.line, constraint.column)
        assert rest[0] not in " \t*/^),;"


def outcome(text: str) -> str:
    """Read a text and check what came of it: "read", or the problem without its details."""
    started = time.process_time()
    try:
        syntax = parse(text)
    except ModelSyntaxError as error:
        check_refusal(text, error)
        result = re.sub(r'"[^"]*"|\d+', "", error.problem)
    else:
        check_reading(text, syntax)
        result = "read"
    assert time.process_time() - started < SECONDS_PER_TEXT
    return result


def tried(make: Callable[[random.Random], str], seeds: range) -> Counter[str]:
    """Try one text a seed; a failure shows the seed and the text."""
    outcomes: Counter[str] = Counter()
    for seed in seeds:
        text = make(random.Random(seed))
        try:
            outcomes[outcome(text)] += 1
        except Exception as error:
            error.add_note(f"seed {seed} of {make.__name__}: {text[:2000]!r}")
            raise
    return outcomes


def test_the_models_to_be_damaged_are_valid() -> None:
    assert [outcome(text) for text in VALID] == ["read"] * len(VALID)


def check_many(make: Callable[[random.Random], str], seeds: range) -> Counter[str]:
    """Try texts of a kind, of which not all are read, and refused for many reasons."""
    outcomes = tried(make, seeds)
    assert outcomes.total() == len(seeds)
    assert outcomes["read"] < 0.7 * outcomes.total()
    assert len(outcomes) > 10
    return outcomes


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_texts_are_read_or_refused_at_the_right_place(make: Callable[[random.Random], str]) -> None:
    outcomes = check_many(make, range(N_EACH_TIME // len(MAKERS)))
    # Signs alone make a model too seldom for so few texts.
    assert outcomes["read"] > 0 or make is of_signs


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_many_more_texts_are_read_or_refused_too(make: Callable[[random.Random], str]) -> None:
    assert check_many(make, range(N_EACH_TIME // len(MAKERS), N_TEXTS // len(MAKERS)))["read"] > 0


def test_long_lines_and_deep_nesting_are_read_or_refused_quickly() -> None:
    assert check_many(large, range(100))["read"] > 0


@pytest.mark.slow
def test_many_more_long_lines_are_read_or_refused_quickly() -> None:
    assert check_many(large, range(100, 300))["read"] > 0
