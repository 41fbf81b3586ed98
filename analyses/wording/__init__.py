"""Everything that is said to a reader, in Danish and in English.

A catalogue is a TOML file for each language: `da.toml` and `en.toml` hold what the sections say
(`section.<id>.title`, `verdict.<verdict>`, `statistic.<name>`, ...), `faces_da.toml` and
`faces_en.toml` the words of the command line, the reports and the dashboard, and
`glossary_da.toml` and `glossary_en.toml` what terms mean (see `analyses.glossary`). Keys are the
TOML paths joined by dots. A text may hold placeholders, filled from the values of a `Message`:

- `{n}` writes the value;
- `{column~}` writes it with a small first letter, as a label stands inside a sentence;
- `{n:respondent|respondents}` writes the first word where the value counts one, else the second
  (a tuple counts as its length).

Nothing here rounds what has been published: numbers arrive rounded and are only written.
"""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from analyses.section import CellKind, Hidden, Message, Quantity, Text, Value
from measure.errors import OptionError

LANGUAGES = ("da", "en")

_PLACEHOLDER = re.compile(r"\{(\w+)(~)?(?::([^{}|]*)\|([^{}|]*))?\}")
_MINUS = "\N{MINUS SIGN}"
_NOTHING = "\N{EN DASH}"
_NO_BREAK = "\N{NO-BREAK SPACE}"


class WordingError(LookupError):
    """A message has no row in the catalogue, or lacks a value that its text asks for."""


@dataclass(frozen=True)
class NumberStyle:
    """How one language writes numbers: its decimal mark, its thousands mark and so on."""

    decimal: str
    thousands: str
    percent: str
    between: str


STYLES: Mapping[str, NumberStyle] = {
    "da": NumberStyle(decimal=",", thousands=".", percent=f"{_NO_BREAK}%", between="; "),
    "en": NumberStyle(decimal=".", thousands=",", percent="%", between=", "),
}


@dataclass(frozen=True)
class Words:
    """One language: its catalogue and its way of writing numbers."""

    language: str
    catalogue: Mapping[str, str]
    style: NumberStyle

    def say(self, message: Message) -> str:
        """Write a message as text.

        Raises
        ------
        WordingError
            If the catalogue has no such row, or the message lacks a value for a placeholder.
        """
        try:
            text = self.catalogue[message.key]
        except KeyError:
            raise WordingError(
                f'the catalogue "{self.language}" has no row "{message.key}"'
            ) from None

        def fill(match: re.Match[str]) -> str:
            name, inside, one, many = match.groups()
            if name not in message.values:
                raise WordingError(f'the message "{message.key}" has no value for "{{{name}}}"')
            value = message.values[name]
            if inside is not None:
                return self._inside(value)
            if one is None:
                return self.write(value)
            return one if _count(value) == 1 else many

        return _PLACEHOLDER.sub(fill, text)

    def has(self, key: str) -> bool:
        """Tell whether the catalogue has this row."""
        return key in self.catalogue

    def write(self, value: Value) -> str:
        """Write any value of a message: words as words, a bare number as a count."""
        match value:
            case None:
                return _NOTHING
            case str():
                return value
            case Message():
                return self.say(value)
            case Text():
                return self.text(value)
            case Quantity():
                return self.quantity(value)
            case Hidden():
                return self.say(Message("hidden"))
            case tuple():
                return self.enumerate(tuple(self.write(part) for part in value))
            case int() | float():
                return self.number(value, "count", 0)

    def text(self, text: Text) -> str:
        """Write words of the instrument; where it lacks this language, in its first one."""
        if self.language in text.languages:
            return text.languages[self.language]
        return next(iter(text.languages.values()), "")

    def cell(self, value: Value, kind: CellKind, digits: int) -> str:
        """Write one cell of a table, by the kind and the digits of its column."""
        if isinstance(value, int | float) and kind not in ("text", "message"):
            return self.number(value, kind, digits)
        return self.write(value)

    def quantity(self, quantity: Quantity) -> str:
        """Write a number with its interval, where it has one: `0,93 [0,91; 0,95]`."""
        kind, digits = quantity.kind, quantity.digits
        value = self.cell(quantity.value, kind, digits)
        if quantity.lower is None or quantity.upper is None:
            return value
        lower = self.cell(quantity.lower, kind, digits)
        upper = self.cell(quantity.upper, kind, digits)
        return f"{value} [{lower}{self.style.between}{upper}]"

    def number(self, value: float, kind: CellKind, digits: int) -> str:
        """Write a number in the language's form; NaN is written as what could not be computed."""
        if math.isnan(value):
            return _NOTHING
        if math.isinf(value):
            return f"{_MINUS if value < 0 else ''}∞"
        match kind:
            case "count":
                return self._decimal(value, 0)
            case "percent":
                return f"{self._decimal(100 * value, digits)}{self.style.percent}"
            case "pvalue" if round(value, digits) == 0:
                return f"<{_NO_BREAK}{self._decimal(10.0**-digits, digits)}"
            case _:
                return self._decimal(value, digits)

    def enumerate(self, parts: tuple[str, ...]) -> str:
        """Join the parts as a list in a sentence: `a, b og c`."""
        if len(parts) < 2:
            return "".join(parts)
        return f"{', '.join(parts[:-1])} {self.catalogue['and']} {parts[-1]}"

    def _inside(self, value: Value) -> str:
        """Write a label as it stands inside a sentence; names in capitals keep theirs."""
        if isinstance(value, tuple):
            return self.enumerate(tuple(self._inside(part) for part in value))
        label = self.write(value)
        return f"{label[:1].lower()}{label[1:]}" if label[1:2].islower() else label

    def _decimal(self, value: float, digits: int) -> str:
        plain = f"{abs(value):,.{digits}f}"
        # A value that is written as zero has no sign.
        negative = value < 0 and any(digit not in "0.," for digit in plain)
        whole, _, fraction = plain.partition(".")
        whole = whole.replace(",", self.style.thousands)
        written = f"{whole}{self.style.decimal}{fraction}" if fraction else whole
        return f"{_MINUS}{written}" if negative else written


def words(language: str) -> Words:
    """Give the words of one language.

    Parameters
    ----------
    language
        `da` (Danish) or `en` (English).

    Raises
    ------
    measure.errors.OptionError
        If there is no such language.
    """
    if language not in LANGUAGES:
        raise OptionError(f'there is no language "{language}". Choose da (dansk) or en (English).')
    return Words(language, catalogue(language), STYLES[language])


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Read the rows of one language, from the files of the sections, the faces and the glossary."""
    rows: dict[str, str] = {}
    for name in (f"{language}.toml", f"faces_{language}.toml", f"glossary_{language}.toml"):
        file = resources.files(__name__) / name
        for key, text in _flatten(tomllib.loads(file.read_text(encoding="utf-8"))).items():
            if key in rows:
                raise WordingError(f'the row "{key}" stands in two files of the language')
            rows[key] = text
    return rows


def placeholders(text: str) -> frozenset[str]:
    """Give the names of the values that a text asks for."""
    return frozenset(match.group(1) for match in _PLACEHOLDER.finditer(text))


def _flatten(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    rows: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            rows |= _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, str):
            rows[f"{prefix}{name}"] = value
        else:
            raise WordingError(f'the row "{prefix}{name}" is not a text')
    return rows


def _count(value: Value) -> float:
    if isinstance(value, tuple):
        return len(value)
    if isinstance(value, Quantity):
        value = value.value
    if not isinstance(value, int | float):
        raise WordingError(f"{value!r} is not a count, so no form of a word can be chosen by it")
    return value
