"""A dated record of what was fixed before the data, and what has been changed since.

A lock file holds each rule, model, hypothesis, claim, scale, item (how it is keyed and answered)
and column: what decides results as it stood, with a hash, and apart from that a hash of its words,
so that a better translation is not taken for another rule.

A checksum over the file finds out a file that was changed afterwards. It proves neither who wrote
the file nor when, since whoever edits it can compute the checksum anew. To be held to a lock,
publish its checksum where others date it (a preregistration) before the answers are collected.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AwareDatetime, Field, ValidationError

from instruments.errors import LockError
from instruments.problems import name_of
from instruments.rules import Rules
from instruments.schema import Instrument
from instruments.substance import digest, flat, halves
from instruments.texts import Identifier, Part, Text

LOCKED = (
    "responses",
    "items",
    "variants",
    "scales",
    "columns",
    "models",
    "total",
    "external",
    "hypotheses",
    "claims",
    "rules",
)
"""The fields of an instrument that decide what is computed and how it is judged."""

ENDING = ".lock.json"
FORMAT: Literal["kobling-lock"] = "kobling-lock"
FORMAT_VERSION: Literal[1] = 1

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class LockedPart(Part):
    """One part of an instrument as it stood: its substance, and the hashes of both halves."""

    substance: dict[str, Any]
    substance_hash: Hash
    words_hash: Hash


class Lock(Part):
    """What an instrument held at a moment.

    Parameters
    ----------
    locked
        When, by the clock of the machine that wrote it (UTC).
    parts
        The parts, by the instrument's field and by their own name.
    hash
        Of all parts together.
    checksum
        Of everything else in the file, as it was when the file was written.
    """

    format: Literal["kobling-lock"] = FORMAT
    format_version: Literal[1] = FORMAT_VERSION
    instrument: Identifier
    version: Text
    locked: AwareDatetime
    parts: dict[str, dict[str, LockedPart]]
    hash: Hash
    checksum: Hash

    @property
    def edited(self) -> bool:
        """Whether the file is no longer what was written: its checksums do not add up."""
        content = self.model_dump(mode="json", exclude={"checksum"})
        broken = (
            part.substance_hash != digest(part.substance)
            for parts in self.parts.values()
            for part in parts.values()
        )
        return self.checksum != digest(content) or any(broken)


class FieldChange(NamedTuple):
    """One field that is not what it was; None where it was or is not stated.

    Of a list, such as the statements of a model, only the entries that differ are given.
    """

    field: str
    before: object
    after: object


class Change(NamedTuple):
    """One part that is not what it was.

    Attributes
    ----------
    kind, name
        The instrument's field (`rules`), and the part's own name (`omega_groups`).
    what
        `reworded` where the substance is the same.
    fields
        What of the substance is not what it was; empty unless `changed`.
    """

    kind: str
    name: str
    what: Literal["changed", "added", "removed", "reworded"]
    fields: tuple[FieldChange, ...] = ()


def lock(instrument: Instrument, moment: datetime) -> Lock:
    """Record what an instrument holds.

    Parameters
    ----------
    moment
        When, with its time zone; kept to the second.
    """
    parts = _parts(instrument)
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "instrument": instrument.id,
        "version": instrument.version,
        "locked": moment.astimezone(UTC).replace(microsecond=0),
        "parts": parts,
        "hash": digest(
            {
                kind: {name: [part.substance_hash, part.words_hash] for name, part in named.items()}
                for kind, named in parts.items()
            }
        ),
    }
    unsigned = Lock.model_validate({**content, "checksum": "0" * 64})
    checksum = digest(unsigned.model_dump(mode="json", exclude={"checksum"}))
    return unsigned.model_copy(update={"checksum": checksum})


def digests(instrument: Instrument) -> dict[str, str]:
    """Give the SHA-256 of the substance of each kind of part, which no wording changes."""
    return {
        kind: digest({name: part.substance_hash for name, part in parts.items()})
        for kind, parts in _parts(instrument).items()
    }


def write(locked: Lock, path: Path) -> None:
    """Write a lock file; one that is there is never written over.

    Raises
    ------
    LockError
        Where the file exists, or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_text(locked))
    except FileExistsError:
        raise LockError(
            f'"{path}" is there already, and a lock is never written over. '
            "Name another file with --out."
        ) from None
    except OSError as error:
        raise LockError(f'"{path}" cannot be written: {error.strerror}.') from error


def read(path: Path, instrument: Instrument) -> Lock:
    """Read a lock file of an instrument; one that was edited is read too, and says so.

    Raises
    ------
    LockError
        Where the file is not there, is no lock file, or is the lock of another instrument.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LockError(f'the lock file "{path}" cannot be read: {error.strerror}.') from error
    except ValueError as error:
        raise LockError(f'"{path}" is no lock file: it is not JSON.') from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise LockError(f'"{path}" is no lock file of kobling.')
    try:
        found = Lock.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise LockError(f'the lock file "{path}" is broken: {place}: {problem["msg"]}.') from error
    if found.instrument != instrument.id:
        raise LockError(
            f'"{path}" locks the instrument "{found.instrument}", not "{instrument.id}".'
        )
    return found


def default_path(instrument: Instrument, folder: Path) -> Path:
    """Give where the lock of an instrument lies in a folder, unless it is told otherwise."""
    return folder / f"{instrument.id}{ENDING}"


def beside(instrument: Instrument) -> Path | None:
    """Give the lock file that lies beside the instrument's own file, if there is one."""
    path = default_path(instrument, instrument.origin.parent)
    return path if path.is_file() else None


def changes(locked: Lock, instrument: Instrument) -> tuple[Change, ...]:
    """Name what is not as it was locked, in the order of `LOCKED`."""
    parts, now = _named(instrument), _parts(instrument)
    found: list[Change] = []
    for kind in dict.fromkeys([*LOCKED, *locked.parts]):
        before, after = locked.parts.get(kind, {}), now.get(kind, {})
        for name in dict.fromkeys([*before, *after]):
            part = parts.get(kind, {}).get(name)
            found += _change(kind, name, (before.get(name), after.get(name)), part)
    return tuple(found)


def _change(
    kind: str, name: str, pair: tuple[LockedPart | None, LockedPart | None], part: Part | None
) -> Iterator[Change]:
    old, new = pair
    if old is None:
        yield Change(kind, name, "added")
    elif new is None:
        yield Change(kind, name, "removed")
    elif old.substance_hash != new.substance_hash:
        fields = _fields(flat(old.substance), flat(new.substance), part)
        yield Change(kind, name, "changed", tuple(fields))
    elif old.words_hash != new.words_hash:
        yield Change(kind, name, "reworded")


def _fields(
    before: Mapping[str, object], after: Mapping[str, object], part: Part | None
) -> Iterator[FieldChange]:
    for field in dict.fromkeys([*before, *after]):
        default = _default(part, field)
        old, new = before.get(field, default), after.get(field, default)
        if old != new:
            yield FieldChange(field, _without(old, new), _without(new, old))


def _without(value: object, other: object) -> object:
    """Give a value; of a list only the entries that the other one lacks, or None."""
    if not isinstance(value, tuple):
        return value
    known = other if isinstance(other, tuple) else ()
    return tuple(entry for entry in value if entry not in known) or None


def _default(part: Part | None, field: str) -> object:
    """Give what a field is where a file does not state it; None where that says nothing."""
    stated = None if part is None else type(part).model_fields.get(field)
    return stated.default if stated is not None and _is_plain(stated.default) else None


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def _named(instrument: Instrument) -> dict[str, dict[str, Part]]:
    """Give the parts that are locked, by the instrument's field and by their own name."""
    found: dict[str, dict[str, Part]] = {}
    for kind in LOCKED:
        value = getattr(instrument, kind, None)
        if isinstance(value, Rules):
            found[kind] = dict(value)
        elif isinstance(value, Part):
            found[kind] = {kind: value}
        elif value:
            found[kind] = {str(name_of(part)): part for part in value}
    return found


def _parts(instrument: Instrument) -> dict[str, dict[str, LockedPart]]:
    return {
        kind: {name: _locked(part, instrument.languages) for name, part in parts.items()}
        for kind, parts in _named(instrument).items()
    }


def _locked(part: Part, languages: tuple[str, ...]) -> LockedPart:
    substance, words = halves(part, languages)
    return LockedPart(
        substance=substance, substance_hash=digest(substance), words_hash=digest(words)
    )


def _text(locked: Lock) -> str:
    """Write a lock as JSON with one line a part, so that people can read and compare it."""
    content = locked.model_dump(mode="json")
    kinds = content.pop("parts")
    head = [f" {_json(key)}: {_json(value)}" for key, value in content.items()]
    bodies = [
        f"  {_json(kind)}: {{\n"
        + ",\n".join(f"   {_json(name)}: {_json(part)}" for name, part in parts.items())
        + "\n  }"
        for kind, parts in kinds.items()
    ]
    parts = ' "parts": {\n' + ",\n".join(bodies) + "\n }"
    return "{\n" + ",\n".join([*head, parts]) + "\n}\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
