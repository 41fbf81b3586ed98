"""Which column of a survey is which item, and which form of the instrument it then is."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyses.errors import SurveyError
from analyses.section import Message, Text, Value
from instruments.schema import Form, Instrument

SHOWN = 10
"""Names that an error message lists before it counts the rest."""


@dataclass(frozen=True)
class Match:
    """The columns of a survey by the instrument's names.

    Parameters
    ----------
    found
        Name in the instrument → name of the column.
    form
        The largest form whose items are all found.
    notes
        Columns found under another spelling, items outside the form, columns not used, and what
        the form does not ask.
    """

    found: Mapping[str, str]
    form: Form
    notes: tuple[Message, ...]


def match(
    columns: Sequence[str],
    instrument: Instrument,
    *,
    survey: str,
    mapping: Mapping[str, str] | None = None,
) -> Match:
    """Find the instrument's items and background columns among the columns of a survey.

    A name is looked for as the mapping says, else to the letter, else without regard to case and
    surrounding blanks.

    Parameters
    ----------
    columns
        The survey's columns, without doubles.
    instrument
        Whose names are looked for.
    survey
        What error messages call the file.
    mapping
        Name in the instrument → name of the column, where they differ.

    Raises
    ------
    SurveyError
        Where the mapping names what is not there, a name fits several columns, no item is found,
        the items of no form are complete, or a required background column is missing.
    """
    names = [*instrument.all_item_ids, *(column.name for column in instrument.columns)]
    mapping = dict(mapping or {})
    _check_mapping(mapping, names, columns, instrument, survey)
    found = dict(mapping)
    found |= {name: name for name in names if name not in found and name in columns}
    spelled = _otherwise_spelled([name for name in names if name not in found], columns, found)
    found |= spelled
    _refuse_shared(found, survey)
    form = _form(columns, found, instrument, survey)
    required = [part.name for part in instrument.columns if part.required]
    absent = [name for name in required if name not in found]
    if absent:
        raise SurveyError(
            f'"{survey}" lacks {listed(absent, "column")}, which "{instrument.id}" requires.\n'
            "    Add it, or give its column this name in the file."
        )
    outside = [name for name in instrument.all_item_ids if name in found and name not in form.items]
    kept = {name: column for name, column in found.items() if name not in outside}
    notes = _notes(columns, kept, mapping, spelled, (form.id, outside))
    return Match(kept, form, (*notes, *_not_asked(instrument, form)))


def listed(names: Sequence[str], noun: str) -> str:
    """List names for an error message, at most 10: 'item "q1"', 'items "q1", "q2" … and 3 more'."""
    shown = ", ".join(f'"{name}"' for name in names[:SHOWN])
    more = f" … and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{noun}{'s' if len(names) > 1 else ''} {shown}{more}"


def fold(name: str) -> str:
    """Give a name as it is compared where it is not found to the letter."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def _check_mapping(
    mapping: Mapping[str, str],
    names: Sequence[str],
    columns: Sequence[str],
    instrument: Instrument,
    survey: str,
) -> None:
    unknown = [name for name in mapping if name not in names]
    if unknown:
        raise SurveyError(
            f'the mapping names {listed(unknown, "item")}, which "{instrument.id}" does not have.\n'
            "    Each entry is the instrument's name, then the name of the column in the file."
        )
    absent = [column for column in mapping.values() if column not in columns]
    if absent:
        raise SurveyError(
            f'the mapping names {listed(absent, "column")}, which "{survey}" does not have.\n'
            f"    It has {listed(columns, 'column')}."
        )


def _otherwise_spelled(
    names: Sequence[str], columns: Sequence[str], found: Mapping[str, str]
) -> dict[str, str]:
    free = [column for column in columns if column not in found.values()]
    spelled = {}
    for name in names:
        fits = [column for column in free if fold(column) == fold(name)]
        if len(fits) > 1:
            raise SurveyError(
                f'"{name}" may be any of the {listed(fits, "column")}.\n'
                f'    Rename the right one to "{name}" in the file.'
            )
        if fits:
            spelled[name] = fits[0]
    return spelled


def _refuse_shared(found: Mapping[str, str], survey: str) -> None:
    owners: dict[str, list[str]] = {}
    for name, column in found.items():
        owners.setdefault(column, []).append(name)
    for column, shared in owners.items():
        if len(shared) > 1:
            raise SurveyError(
                f'column "{column}" of "{survey}" cannot be both "{shared[0]}" and "{shared[1]}".\n'
                "    Correct the mapping, so that each column has one meaning."
            )


def _form(
    columns: Sequence[str], found: Mapping[str, str], instrument: Instrument, survey: str
) -> Form:
    """Give the largest complete form, or name what the nearest one lacks."""
    if not any(item in found for item in instrument.all_item_ids):
        raise SurveyError(
            f'"{survey}" has no column of the instrument "{instrument.id}".\n'
            f"    It has {listed(columns, 'column')}; the instrument has "
            f"{listed(instrument.item_ids, 'item')}.\n"
            "    Choose the instrument that was asked, or rename the columns in the file."
        )
    absent = {
        form.id: [item for item in form.items if item not in found] for form in instrument.forms
    }
    complete = [form for form in instrument.forms if not absent[form.id]]
    if complete:
        return max(complete, key=lambda form: len(form.items))
    nearest = min(instrument.forms, key=lambda form: len(absent[form.id]))
    lacking = absent[nearest.id]
    others = " No other form is complete either." if len(instrument.forms) > 1 else ""
    raise SurveyError(
        f'"{survey}" lacks {len(lacking)} of the {len(nearest.items)} items of the form '
        f'"{nearest.id}": {listed(lacking, "item")}.{others}\n'
        "    Export these columns too, or give them these names in the file."
    )


def _notes(
    columns: Sequence[str],
    found: Mapping[str, str],
    mapping: Mapping[str, str],
    spelled: Mapping[str, str],
    outside: tuple[str, list[str]],
) -> tuple[Message, ...]:
    notes = []
    for key, pairs in (("reading.mapped", mapping), ("reading.spelled", spelled)):
        used = tuple(
            Message("reading.pair", {"name": name, "column": column})
            for name, column in pairs.items()
            if name in found
        )
        if used:
            notes.append(Message(key, {"n": len(used), "pairs": used}))
    form, items = outside
    if items:
        outside_form: dict[str, Value] = {"form": form, "n": len(items), "items": tuple(items)}
        notes.append(Message("reading.outside_form", outside_form))
    unused = [column for column in columns if column not in found.values() and column not in items]
    if unused:
        notes.append(Message("reading.unused", {"n": len(unused), "columns": tuple(unused)}))
    return tuple(notes)


def _not_asked(instrument: Instrument, form: Form) -> tuple[Message, ...]:
    """Name the scales of which the form asks nothing, and the items that others lack."""
    absent = [item for item in instrument.item_ids if item not in form.items]
    if not absent:
        return ()
    whole = [
        scale
        for scale in instrument.scales
        if set(scale.items) & set(absent) and not set(scale.items) & set(form.items)
    ]
    covered = {item for scale in whole for item in scale.items}
    values: dict[str, Value] = {
        "n": len(absent),
        "all": len(instrument.items),
        "form": form.id,
        "left_out": (
            *(Text(dict(scale.label)) for scale in whole),
            *(item for item in absent if item not in covered),
        ),
    }
    return (Message("reading.not_asked", values),)
