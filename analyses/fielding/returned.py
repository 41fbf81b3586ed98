"""Exports of survey systems, made into a table with the instrument's own names and codes.

Which system a file comes from is told by the columns that only this system exports. Columns are
found by the system's names (see `codes`), or by the wording of the question where that is the
heading; answers by the system's codes or by their words. What is not recognised stays as it is, for
`analyses.intake.columns` to judge.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analyses.errors import SurveyError
from analyses.fielding import codes
from analyses.fielding.codes import LIMESURVEY, REDCAP, XLSFORM, System
from analyses.intake.reading import RawTable
from analyses.section import Message
from instruments.schema import BackgroundColumn, Instrument
from instruments.texts import fold

RESPONDENT, LANGUAGE = "respondent", "language"
ENOUGH = 3
"""So many headings that are wordings cannot be chance."""


@dataclass(frozen=True)
class _Found:
    """The columns of an export: own names by heading, and what the system added."""

    system: System | None
    names: Mapping[str, str]
    own: tuple[str, ...]


def translate(
    raw: RawTable, instrument: Instrument, *, survey: str, keep: Collection[str] = ()
) -> RawTable:
    """Give a table the instrument's names and codes where a survey system exported it.

    Parameters
    ----------
    raw
        The table as found in the file.
    instrument
        What was asked.
    survey
        What error messages call the file.
    keep
        Columns that are left alone.

    Returns
    -------
    RawTable
        The same table where no system is recognised. Otherwise with columns renamed, the system's
        own columns and background columns without any value left out, and the answers in the
        instrument's codes. The system's number of a respondent stands in for an empty or missing
        column `respondent`, and its language of the answers for `language`.

    Raises
    ------
    SurveyError
        If two columns are the same item or background column.
    """
    headings = [str(name) for name in raw.frame.columns if str(name) not in keep]
    found = _find(headings, instrument)
    if found is None:
        return raw
    frame = raw.frame
    empty = {heading for heading in headings if not frame[heading].notna().any()}
    background = {column.name: column for column in instrument.columns}
    names = {
        heading: own
        for heading, own in found.names.items()
        if own not in background or heading not in empty
    }
    if found.system is not None:
        for own, stand_ins in (
            (RESPONDENT, found.system.respondent),
            (LANGUAGE, found.system.language),
        ):
            stand_in = next((one for one in stand_ins if one in headings), None)
            if own in background and own not in names.values() and stand_in is not None:
                names[stand_in] = own
    _refuse_doubles(names, survey)
    dropped = {one for one in found.own if one not in names}
    dropped |= {heading for heading in found.names if heading not in names}
    kept = [name for name in frame.columns if name not in dropped]
    frame = frame[kept].rename(columns=names)
    for heading, own in names.items():
        if heading not in raw.value_labels:
            column = background.get(own)
            frame[own] = _answers(frame[own], own, column, instrument, found.system)
    return replace(
        raw,
        frame=frame,
        notes=(*raw.notes, _note(found, names, dropped)),
        value_labels={names.get(name, name): one for name, one in raw.value_labels.items()},
        declared={names.get(name, name): one for name, one in raw.declared.items()},
        letters={names.get(name, name): one for name, one in raw.letters.items()},
    )


def _find(headings: Collection[str], instrument: Instrument) -> _Found | None:
    """Tell the system that a file comes from, and what its columns are."""
    own_names = set(codes.column_names(instrument))
    worded = _wordings(instrument)
    by_wording = {
        heading: worded[text]
        for heading in headings
        if heading not in own_names and (text := _wording(heading)) in worded
    }
    items = set(instrument.all_item_ids)
    for system in (LIMESURVEY, XLSFORM, REDCAP):
        names = {name.casefold(): own for own, name in system.names(own_names).items()}
        given = {
            heading: own
            for heading in headings
            if (own := _by_code(heading, own_names, names, system)) is not None
        }
        grouped = any(
            codes.in_groups(heading, system) and own in items for heading, own in given.items()
        )
        marked = any(system.marks.fullmatch(heading) for heading in headings)
        bracketed = system is LIMESURVEY and any(one.endswith("]") for one in by_wording)
        given = by_wording | given
        if not (grouped or marked or bracketed) or not items & set(given.values()):
            continue
        if system is LIMESURVEY and "form" not in given.values():
            # The text of an equation that stores the form is the form itself.
            forms = set(instrument.form_ids)
            given |= {heading: "form" for heading in headings if heading in forms}
        added = [one for one in headings if one not in given and system.metadata.fullmatch(one)]
        return _Found(system, given, tuple(added))
    if len(items & set(by_wording.values())) >= ENOUGH:
        return _Found(None, by_wording, ())
    return None


def _by_code(
    heading: str, own_names: Collection[str], names: Mapping[str, str], system: System
) -> str | None:
    return heading if heading in own_names else codes.own_name(heading, names, system)


def _wordings(instrument: Instrument) -> dict[str, str]:
    """Give what is called by each wording: items, background questions, labels of columns."""
    worded: dict[str, str] = {}
    for column in instrument.columns:
        for texts in (column.label, column.question):
            worded |= {fold(text): column.name for text in texts.values()}
    for item in instrument.all_items:
        for texts in (item.text, item.self_text):
            worded |= {fold(text): item.id for text in texts.values()}
    return worded


def _wording(heading: str) -> str:
    """Give the question of a heading: the text within brackets at its end, else all of it."""
    within = re.search(r"\[([^\[\]]+)\]\s*$", heading)
    return fold(within[1] if within is not None else heading)


def _refuse_doubles(names: Mapping[str, str], survey: str) -> None:
    owners: dict[str, str] = {}
    for heading, own in names.items():
        if owners.setdefault(own, heading) != heading:
            raise SurveyError(
                f'the columns "{owners[own]}" and "{heading}" of "{survey}" are both "{own}".\n'
                "    Delete one of them, or export one form at a time."
            )


def _answers(
    values: "pd.Series[Any]",
    name: str,
    column: BackgroundColumn | None,
    instrument: Instrument,
    system: System | None,
) -> "pd.Series[Any]":
    """Put the instrument's codes in the place of the system's; words of items stay words."""
    told: dict[str, object] = {}
    if column is not None:
        for value, labels in column.values.items():
            told |= {fold(label): value for label in labels.values()}
        if system is not None:
            by_code = codes.value_codes(column, system)
            told |= {fold(code): value for code, value in by_code.items()}
    elif system is not None:
        by_answer = codes.answer_codes(instrument.response(name), system)
        told = {fold(code): code_of for code, code_of in by_answer.items()}
    if not told or pd.api.types.is_numeric_dtype(values):
        return values
    known = values.map(
        lambda value: told.get(fold(value), value) if isinstance(value, str) else value
    )
    # Text stays text: the answers "3" of a text file are read as numbers later on.
    return known.map(str, na_action="ignore").astype("str") if _is_text(values) else known


def _is_text(values: "pd.Series[Any]") -> bool:
    return isinstance(values.dtype, pd.StringDtype)


def _note(found: _Found, names: Mapping[str, str], dropped: Collection[str]) -> Message:
    if found.system is None:
        return Message("reading.by_wording", {"n": len(names)})
    return Message(
        "reading.exported",
        {"system": found.system.title, "n": len(names), "own": len(dropped)},
    )
