"""What of a part of an instrument decides results, and what is only said about it.

Two files that differ in the order of keys and lists, in blanks, comments or layout say the same.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from instruments.checks import statements
from instruments.problems import name_of
from instruments.texts import Part

SAID = frozenset({"source", "claim", "version", "status", "wording", "concept", "band", "element"})
"""Fields that say where something comes from and how far it has come; no result hangs on them."""


class Halves(NamedTuple):
    """A value in two: what is computed with, and what is told to people; None for nothing."""

    substance: Any
    words: Any


def halves(part: Part, languages: tuple[str, ...]) -> Halves:
    """Take what is told to people about a part apart from what is computed with.

    Parameters
    ----------
    languages
        Those of the instrument; what is given for each of them is told to people.

    Returns
    -------
    Halves
        Plain JSON values in one order. Fields at their defaults are left out, so that a field that
        is new in a later version of the toolkit changes no part that does not use it.
    """
    return _value(part.model_dump(mode="json", exclude_defaults=True), frozenset(languages))


def flat(value: Any, place: str = "") -> dict[str, object]:
    """Write nested fields as paths: `expectations.trust_rational.lower`; a list is a tuple."""
    if isinstance(value, dict):
        below = {str(key): entry for key, entry in value.items()}
    elif isinstance(value, list) and value and all(name_of(entry) for entry in value):
        below = _by_name(value)
    else:
        return {place: tuple(value) if isinstance(value, list) else value}
    found: dict[str, object] = {}
    for name, entry in below.items():
        found |= flat(entry, f"{place}.{name}" if place else name)
    return found


def digest(value: Any) -> str:
    """Give the SHA-256 of a plain value, in hexadecimal digits."""
    return hashlib.sha256(_written(value).encode()).hexdigest()


def _value(value: Any, languages: frozenset[str]) -> Halves:
    if isinstance(value, Mapping):
        if value and set(value) <= languages:
            return Halves(None, _plain(value))
        found = {key: _field(key, entry, languages) for key, entry in value.items()}
        return Halves(
            {key: half.substance for key, half in found.items() if half.substance is not None},
            {key: half.words for key, half in found.items() if half.words} or None,
        )
    if isinstance(value, list):
        found = {name: _value(entry, languages) for name, entry in _by_name(value).items()}
        # Which items a scale has counts, not the order that they stand in.
        return Halves(
            sorted((half.substance for half in found.values()), key=_written),
            {name: half.words for name, half in found.items() if half.words} or None,
        )
    return Halves(_plain(value), None)


def _field(key: str, value: Any, languages: frozenset[str]) -> Halves:
    if key in SAID:
        return Halves(None, _plain(value))
    if key == "syntax":
        # Of a model text the statements count, not its lines, blanks and comments.
        return Halves([re.sub(r"\s+", "", one) for one in statements(value)], None)
    if key == "labels":
        # Answers given in words are read by them, and another label asks for another answer.
        return Halves(_plain(value), None)
    if key == "values":
        # Which categories a column has counts, what they are called does not.
        return Halves(sorted(value), _plain(value))
    if key == "awaits":
        # Whether something is awaited decides what is computed; what it is, is only said.
        return Halves(True, _plain(value))
    return _value(value, languages)


def _by_name(values: list[Any]) -> dict[str, Any]:
    """Give the entries of a list by what they call themselves, or by their number."""
    names = [name_of(entry) for entry in values]
    own = None not in names and len(set(names)) == len(names)
    return {
        str(name) if own else f"{name or ''}{number}": entry
        for number, (name, entry) in enumerate(zip(names, values, strict=True), start=1)
    }


def _plain(value: Any) -> Any:
    """Give a value whose blanks do not count."""
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list) else value


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
