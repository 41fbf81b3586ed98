"""Whether models, expectations and rules were fixed before the answers, and what has changed since.

What can be compared is the moment that a lock file states and the moment when the survey file was
last changed. Neither shows when somebody first saw the answers, and every sentence here says only
what was compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from analyses import evidence
from analyses.evidence import column, columns
from analyses.section import Cell, Finding, Message, Provenance, Table, Value
from instruments import locking
from instruments.locking import Change, Lock
from instruments.schema import Instrument

MOST_NAMED = 6
"""As many changed parts are named in a sentence; all of them stand in the table."""

IN_A_SENTENCE, IN_A_CELL = 30, 300
"""A value of more letters is not shown there; the field that it belongs to is."""

_KINDS = {
    "responses": "lock.kind.responses",
    "items": "lock.kind.items",
    "variants": "lock.kind.items",
    "scales": "lock.kind.scales",
    "columns": "lock.kind.columns",
    "models": "lock.kind.models",
    "total": "lock.kind.total",
    "external": "lock.kind.external",
    "hypotheses": "lock.kind.hypotheses",
    "claims": "lock.kind.claims",
    "rules": "lock.kind.rules",
}
_WHAT = {
    "changed": "lock.changed",
    "added": "lock.added",
    "removed": "lock.removed",
    "reworded": "lock.reworded",
}
_MONTHS = (
    "month.january",
    "month.february",
    "month.march",
    "month.april",
    "month.may",
    "month.june",
    "month.july",
    "month.august",
    "month.september",
    "month.october",
    "month.november",
    "month.december",
)


@dataclass(frozen=True)
class Locked:
    """What is known about whether the rules were fixed before the answers.

    Parameters
    ----------
    lock, file
        The lock and the name of its file; None where there is none.
    written
        When the lock file was last changed.
    changes
        What is not as it was locked; empty for a lock that is not to be trusted.
    survey
        When the survey file was last changed; None where that is not known.
    """

    lock: Lock | None = None
    file: str = ""
    written: datetime | None = None
    changes: tuple[Change, ...] = ()
    survey: datetime | None = None

    @property
    def edited(self) -> bool:
        """Whether the lock file was changed after it was written."""
        return self.lock is not None and self.lock.edited

    @property
    def substantial(self) -> tuple[Change, ...]:
        """The changes that a result may hang on."""
        return tuple(change for change in self.changes if change.what != "reworded")


def examine(
    instrument: Instrument, *, lock: Path | None = None, survey: Path | None = None
) -> Locked:
    """Read the lock of an instrument and compare it with what the instrument now holds.

    Parameters
    ----------
    lock
        The lock file; by default the one beside the instrument's own file, if there is one.
    survey
        The file with the answers.

    Raises
    ------
    instruments.errors.LockError
        Where the file cannot be read, is no lock file, or locks another instrument.
    """
    path = lock or locking.beside(instrument)
    changed = None if survey is None else _last_changed(survey)
    if path is None:
        return Locked(survey=changed)
    found = locking.read(path, instrument)
    changes = () if found.edited else locking.changes(found, instrument)
    return Locked(found, path.name, _last_changed(path), changes, changed)


def note(locked: Locked) -> Message:
    """Say in a sentence or two whether the rules were locked, when, and what has changed."""
    if locked.lock is None:
        return Message("lock.none")
    when = _moment(locked.lock.locked)
    if locked.edited:
        written = _moment(locked.written)
        return Message("lock.edited", {"file": locked.file, "locked": when, "written": written})
    values: dict[str, Value] = {"locked": when, "changes": _changes(locked)}
    if locked.survey is None:
        return Message("lock.unknown", values)
    values["survey"] = _moment(locked.survey)
    before = locked.lock.locked < locked.survey
    return Message("lock.before" if before else "lock.after", values)


def finding(locked: Locked) -> Finding:
    """Say the same with what was compared and how much that can show."""
    notes = [Message("lock.note.none")]
    if locked.lock is not None:
        values: dict[str, Value] = {"file": locked.file, "checksum": locked.lock.checksum}
        notes = [
            Message("lock.note.compared"),
            Message("lock.note.checksum_edited" if locked.edited else "lock.note.checksum", values),
        ]
    return Finding("lock", note(locked), "information", notes=tuple(notes))


def tables(locked: Locked) -> Iterator[Table]:
    """Give one row for each field that is not as it was locked; no table where nothing changed."""
    rows: list[tuple[Cell, ...]] = []
    for change in locked.changes:
        part = (_kind(change), change.name, Message(_WHAT[change.what]))
        rows += [
            (*part, field.field, _value(field.before), _value(field.after))
            for field in change.fields
        ] or [(*part, "", "", "")]
    if not rows:
        return
    yield Table(
        id="lock_changes",
        title=Message("lock.table.changes"),
        columns=(
            column("lock_kind", "message"),
            column("lock_part", "text"),
            column("lock_what", "message"),
            column("lock_field", "text"),
            *columns("message", 0, "lock_before", "lock_after"),
        ),
        rows=tuple(rows),
        provenance=Provenance(
            Message("estimator.none"), None, Message("source.lock", {"file": locked.file})
        ),
        notes=(Message("lock.note.fields"),),
    )


def _last_changed(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


def _moment(moment: datetime | None) -> Message:
    """Write a moment to the minute, in UTC as the lock file has it."""
    if moment is None:
        return Message("not_stated")
    utc = moment.astimezone(UTC)
    return Message(
        "moment",
        {
            "day": str(utc.day),
            "month": Message(_MONTHS[utc.month - 1]),
            "year": str(utc.year),
            "hour": f"{utc:%H}",
            "minute": f"{utc:%M}",
        },
    )


def _changes(locked: Locked) -> Message:
    """Say what has changed, by name where that is few."""
    parts = locked.substantial
    reworded = len(locked.changes) - len(parts)
    if not parts:
        return Message("lock.words", {"n": reworded}) if reworded else Message("lock.same")
    if len(parts) > MOST_NAMED:
        return Message("lock.many", {"n": len(parts)})
    return Message("lock.few", {"n": len(parts), "parts": tuple(map(_named, parts))})


def _named(change: Change) -> Message:
    """Name a changed part, with both values where it is one number or word."""
    values: dict[str, Value] = {"kind": _kind(change), "name": change.name}
    if len(change.fields) == 1 and all(map(_is_short, change.fields[0][1:])):
        field, before, after = change.fields[0]
        values |= {"field": field, "before": _value(before), "after": _value(after)}
        return Message("lock.part_value" if field == "value" else "lock.part_field", values)
    return Message("lock.part", values | {"what": Message(_WHAT[change.what])})


def _kind(change: Change) -> Message:
    """Give the word for what a part is; a lock of a later version may hold other kinds."""
    return Message(_KINDS.get(change.kind, "lock.kind.other"))


def _is_short(value: object) -> bool:
    return value is not None and len(_text(value)) <= IN_A_SENTENCE


def _text(value: object) -> str:
    return "; ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _value(value: object) -> Cell:
    """Write what a field was or is; a number with the decimals that it was given with."""
    if value is None:
        return Message("lock.not_stated")
    if isinstance(value, bool):
        return Message("lock.yes" if value else "lock.no")
    if isinstance(value, int | float):
        decimals = len(f"{value:f}".rstrip("0").partition(".")[2])
        digits = 0 if isinstance(value, int) else max(2, decimals)
        number = evidence.limit(value, digits)
        return Message("plain", {"text": number})
    written = _text(value)
    return written if len(written) <= IN_A_CELL else Message("lock.too_long")
