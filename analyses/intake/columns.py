"""Which column of a survey is which item, and which form of the instrument it then is."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from analyses.errors import SurveyError
from analyses.intake import lookalikes
from analyses.section import Message, Text, Value
from instruments.schema import Form, Instrument

SHOWN = 10
"""Names that an error message lists before it counts the rest."""

GIVEN = "--group, --cluster, --wave, --start, --cohort"
"""The options that name a column."""

NEAREST = 3
"""So many forms are compared with a file that holds none of them."""

NEARLY = 0.1
"""A form that lacks at most this share of its items is named where a smaller one is read."""


@dataclass(frozen=True)
class Match:
    """The columns of a survey by the instrument's names.

    Parameters
    ----------
    found
        Name in the instrument → name of the column.
    form
        The largest form whose items are all found, or the rotated form where all items of at least
        one of its versions are.
    items
        Those of the form's items that the file has, in the instrument's order.
    notes
        Columns found under another spelling, items outside the form, columns not used, and what
        the form does not ask.
    """

    found: Mapping[str, str]
    form: Form
    items: tuple[str, ...]
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
    form_ids = _complete(columns, found, instrument, survey)
    form = instrument.form_of(form_ids[0])
    asked = {item for form_id in form_ids for item in instrument.form_items(form_id)}
    required = [part.name for part in instrument.columns if part.required]
    absent = [name for name in required if name not in found]
    if absent:
        raise SurveyError(
            f'"{survey}" lacks {listed(absent, "column")}, which "{instrument.id}" or an option '
            f"({GIVEN}) requires.\n    It has {listed(columns, 'column')}.\n"
            "    Add it, or give its column this name in the file."
        )
    items = tuple(name for name in instrument.all_item_ids if name in asked)
    outside = [name for name in instrument.all_item_ids if name in found and name not in asked]
    kept = {name: column for name, column in found.items() if name not in outside}
    notes = (
        *_renamed(kept, mapping, spelled),
        *_outside(instrument, form, outside, found),
        *_unused(columns, [*kept.values(), *(found[name] for name in outside)], instrument),
        *_versions(instrument, form, form_ids, items),
        *_not_asked(instrument, form),
    )
    return Match(kept, form, items, notes)


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
            f'"{survey}" has no {listed(absent, "column")}, which the mapping or an option '
            f"({GIVEN}) names.\n"
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


def _complete(
    columns: Sequence[str], found: Mapping[str, str], instrument: Instrument, survey: str
) -> list[str]:
    """Give the largest complete form, or all complete versions of the rotated form if larger.

    Raises
    ------
    SurveyError
        Where no form is complete; it names what the nearest ones lack, and the columns that look
        like items of another version of the questionnaire.
    """
    if not any(item in found for item in instrument.all_item_ids):
        raise SurveyError(
            f'"{survey}" has no column of the instrument "{instrument.id}".\n'
            f"    It has {listed(columns, 'column')}; the instrument has "
            f"{listed(instrument.item_ids, 'item')}.\n"
            "    Choose the instrument that was asked, or rename the columns in the file."
        )
    absent = _absent(instrument, found)
    complete = [form_id for form_id, lacking in absent.items() if not lacking]
    if not complete:
        _refuse_incomplete(columns, absent, found, instrument, survey)
    largest = max(complete, key=lambda form_id: len(instrument.form_items(form_id)))
    if largest in {form.id for form in instrument.forms}:
        return [largest]
    return [form_id for form_id in complete if instrument.form_of(form_id).id != form_id]


def _absent(instrument: Instrument, found: Mapping[str, str]) -> dict[str, list[str]]:
    """Give the items that each form and version lacks."""
    return {
        form_id: [item for item in instrument.form_items(form_id) if item not in found]
        for form_id in instrument.form_ids
    }


def _refuse_incomplete(
    columns: Sequence[str],
    absent: Mapping[str, list[str]],
    found: Mapping[str, str],
    instrument: Instrument,
    survey: str,
) -> NoReturn:
    nearest, *next_nearest = sorted(absent, key=lambda form_id: len(absent[form_id]))[:NEAREST]
    others = " No other form is complete either." if len(absent) > 1 else ""
    lines = [
        f'"{survey}" lacks {_lacking(nearest, absent, instrument)}.{others}',
        *(f"    It lacks {_lacking(other, absent, instrument)}." for other in next_nearest),
    ]
    free = [column for column in columns if column not in found.values()]
    if strange := lookalikes.find(free, instrument):
        lines.append(
            f"    It has {listed(strange, 'column')}, called like items, which version "
            f'{instrument.version} of "{instrument.id}" does not have: was another version asked?'
        )
    lines.append("    Export these columns too, or give them these names in the file.")
    raise SurveyError("\n".join(lines))


def _lacking(form_id: str, absent: Mapping[str, list[str]], instrument: Instrument) -> str:
    kind = "form" if instrument.form_of(form_id).id == form_id else "version"
    n = len(instrument.form_items(form_id))
    lacking = absent[form_id]
    return f'{len(lacking)} of the {n} items of the {kind} "{form_id}": {listed(lacking, "item")}'


def _renamed(
    found: Mapping[str, str], mapping: Mapping[str, str], spelled: Mapping[str, str]
) -> Iterator[Message]:
    for key, pairs in (("reading.mapped", mapping), ("reading.spelled", spelled)):
        used = tuple(
            Message("reading.pair", {"name": name, "column": column})
            for name, column in pairs.items()
            if name in found
        )
        if used:
            yield Message(key, {"n": len(used), "pairs": used})


def _outside(
    instrument: Instrument, form: Form, outside: Sequence[str], found: Mapping[str, str]
) -> Iterator[Message]:
    """Name the items that the form does not have, and the larger form that is nearly there."""
    if not outside:
        return
    values: dict[str, Value] = {"form": form.id, "n": len(outside), "items": tuple(outside)}
    yield Message("reading.outside_form", values)
    nearly = [
        (form_id, lacking)
        for form_id, lacking in _absent(instrument, found).items()
        if 0 < len(lacking) <= NEARLY * len(instrument.form_items(form_id))
        and len(instrument.form_items(form_id)) > len(form.items)
    ]
    if nearly:
        form_id, lacking = min(nearly, key=lambda pair: len(pair[1]))
        yield Message(
            "reading.nearly",
            {"form": form_id, "read_as": form.id, "n": len(lacking), "items": tuple(lacking)},
        )


def _unused(
    columns: Sequence[str], used: Sequence[str], instrument: Instrument
) -> Iterator[Message]:
    """Name the columns that are not used, apart from the others those called like items."""
    unused = [column for column in columns if column not in used]
    strange = lookalikes.find(unused, instrument)
    if strange:
        yield Message(
            "reading.other_version",
            {"n": len(strange), "columns": strange, "version": instrument.version},
        )
    plain = tuple(column for column in unused if column not in strange)
    if plain:
        yield Message("reading.unused", {"n": len(plain), "columns": plain})


def _versions(
    instrument: Instrument, form: Form, form_ids: Sequence[str], items: Sequence[str]
) -> Iterator[Message]:
    """Say which versions of the rotated form are there, where the form is not there as a whole."""
    if form_ids == [form.id]:
        return
    absent = [item for item in form.items if item not in items]
    values: dict[str, Value] = {
        "versions": tuple(form_ids),
        "form": form.id,
        "n": len(items),
        "all": len(form.items),
        "left_out": _grouped(instrument, absent, items),
    }
    yield Message("reading.versions" if absent else "reading.all_versions", values)


def _grouped(
    instrument: Instrument, absent: Sequence[str], present: Sequence[str]
) -> tuple[Value, ...]:
    """Name the scales of which nothing is present, and the absent items that others lack."""
    whole = [
        scale
        for scale in instrument.scales
        if set(scale.items) & set(absent) and not set(scale.items) & set(present)
    ]
    covered = {item for scale in whole for item in scale.items}
    return (
        *(Text(dict(scale.label)) for scale in whole),
        *(item for item in absent if item not in covered),
    )


def _not_asked(instrument: Instrument, form: Form) -> tuple[Message, ...]:
    """Name the scales of which the form asks nothing, and the items that others lack."""
    absent = [item for item in instrument.item_ids if item not in form.items]
    if not absent:
        return ()
    values: dict[str, Value] = {
        "n": len(absent),
        "all": len(instrument.items),
        "form": form.id,
        "left_out": _grouped(instrument, absent, form.items),
    }
    return (Message("reading.not_asked", values),)
