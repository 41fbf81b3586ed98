"""Columns that the user gives a role: who belongs together, which groups are compared, when."""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from analyses.errors import SurveyError
from analyses.intake.columns import fold
from instruments.schema import BackgroundColumn, ColumnRole, Instrument

GivenRole = Literal["group", "cluster", "wave", "start", "cohort"]

KEEPING: tuple[ColumnRole, ...] = ("wave", "start", "cohort")
"""Roles whose column keeps the instrument's name and label, whatever the file calls it."""

WAVE_LABEL = {"da": "Måling", "en": "Wave"}


class Assigned(NamedTuple):
    """An instrument whose columns have the roles that the user gave, and where they are found.

    Attributes
    ----------
    instrument
        With the columns declared and required.
    mapping
        Name in the instrument → name of the column in the file, for `survey.read_survey`.
    """

    instrument: Instrument
    mapping: Mapping[str, str]


def assign(instrument: Instrument, wanted: Mapping[GivenRole, str | None]) -> Assigned:
    """Give columns the roles that the user wants them to have.

    Parameters
    ----------
    instrument
        What was asked. A column that it declares changes its role; any other is declared, under
        the name that the file has for it. What had a role that the user gives to another column
        becomes plain background, but for the roles of `KEEPING`.
    wanted
        Role → name of the column; None changes nothing.

    Raises
    ------
    SurveyError
        Where a column is an item, or is given two roles.
    """
    given = {role: column for role, column in wanted.items() if column is not None}
    for role, column in given.items():
        if fold(column) in {fold(item) for item in instrument.all_item_ids}:
            raise SurveyError(
                f'--{role}: "{column}" is an item of "{instrument.id}", and its answers are no '
                "groups.\n    Name a column with background information."
            )
        shared = [other for other, name in given.items() if fold(name) == fold(column)]
        if len(shared) > 1:
            raise SurveyError(
                f'the column "{column}" cannot be both --{shared[0]} and --{shared[1]}.\n'
                "    Name a column of its own for each."
            )
    mapping: dict[str, str] = {}
    for role, column in given.items():
        instrument, found = _with_role(instrument, role, column)
        mapping |= found
    return Assigned(instrument, mapping)


def _with_role(
    instrument: Instrument, role: ColumnRole, column: str
) -> tuple[Instrument, dict[str, str]]:
    declared = {fold(one.name): one for one in instrument.columns}
    own = declared.get(fold(column))
    mapping: dict[str, str] = {}
    if own is None and role in KEEPING and (name := instrument.column_for(role)) is not None:
        own = declared[fold(name)]
        mapping[own.name] = column
    if own is None:
        name = _identifier(column, set(declared))
        mapping[name] = column
        words = WAVE_LABEL if role == "wave" else {}
        label = {language: words.get(language, column) for language in instrument.languages}
        own = BackgroundColumn(name=name, role=role, label=label)
    given = own.model_copy(update={"role": role, "required": True})
    others = [
        one.model_copy(update={"role": "background"}) if one.role == role else one
        for one in instrument.columns
        if one.name != own.name
    ]
    # The first column of a role is the one that sections take.
    return instrument.model_copy(update={"columns": (given, *others)}), mapping


def _identifier(column: str, taken: set[str]) -> str:
    """Give a name for a column of the file, in the letters that names of columns may have."""
    name = re.sub(r"\W+", "_", column, flags=re.ASCII).strip("_") or "column"
    name = name if name[0].isalpha() else f"column_{name}"
    while fold(name) in taken:
        name = f"{name}_"
    return name
