"""From the numbers that `measure` gives to what a section carries."""

import math
import re
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import pandas as pd

from analyses.intake.survey import Survey
from analyses.section import CellKind, Column, Message, Phrase, Provenance, Quantity, Table, Text
from instruments.schema import BackgroundColumn, Instrument, MeasurementModel, Scale
from instruments.texts import fold

CONFIDENCE = 0.95
"""Level of every interval that a section shows."""

ROOM = 1.1
"""How far an axis goes on beyond the longest interval."""


def number(value: object) -> float | None:
    """Give a plain number, or None where it could not be computed (None, NaN)."""
    if value is None:
        return None
    if not isinstance(value, Real):
        raise TypeError(f"{value!r} is not a number")
    plain = float(value)
    return None if math.isnan(plain) else plain


def text(languages: Mapping[str, str]) -> Text:
    """Give words of the instrument."""
    return Text(dict(languages))


def model_label(model: MeasurementModel) -> Message:
    """Name a model by its words and its id."""
    return Message("model.label", {"id": model.id, "label": text(model.label)})


def plain(phrase: Phrase) -> Message:
    """Give words that stand in no catalogue as a message."""
    return Message("plain", {"text": phrase})


def column(name: str, kind: CellKind = "number", digits: int = 2) -> Column:
    """Give a column headed by the catalogue's row `column.<name>`."""
    return Column(name, Message(f"column.{name}"), kind, digits)


def columns(kind: CellKind, digits: int, *names: str) -> tuple[Column, ...]:
    """Give several columns of one kind."""
    return tuple(column(name, kind, digits) for name in names)


def count(name: str, value: int, source: Phrase, n_obs: int | None = None) -> Quantity:
    """Give a number of people, items or models, by its row `statistic.<name>`."""
    provenance = Provenance(Message("estimator.count"), n_obs, source)
    return Quantity(f"statistic.{name}", float(value), provenance, kind="count", digits=0)


def share(name: str, value: float, source: Phrase, n_obs: int | None) -> Quantity:
    """Give a proportion, by its row `statistic.<name>`, written as a percentage."""
    provenance = Provenance(Message("estimator.count"), n_obs, source)
    return Quantity(f"statistic.{name}", number(value), provenance, kind="percent", digits=1)


def limit(value: float, digits: int = 2) -> Quantity:
    """Give the number of a rule, to stand in a sentence."""
    return Quantity(
        "statistic.limit", value, Provenance(Message("estimator.rule"), None, ""), digits=digits
    )


def around_zero(table: Table, *names: str) -> tuple[float, float]:
    """Give the ends of an axis with 0 in its middle and room for some columns of a table."""
    shown = [abs(cell) for name in names for cell in table.column(name) if isinstance(cell, float)]
    reach = ROOM * max(shown, default=1.0)
    return -reach, reach


def standing_notes(instrument: Instrument, survey: Survey) -> tuple[Message, ...]:
    """Give the notes that every section of this survey carries."""
    notes: list[Message] = []
    if survey.simulated:
        notes.append(Message("note.simulated"))
    if any(not response.continuous for response in instrument.responses):
        notes.append(Message("note.self_report"))
    if survey.wave is not None:
        notes.append(Message("note.wave", {"wave": survey.wave, "n": len(survey.data)}))
    if (n_self := int(survey.self_ratings.notna().any(axis=1).sum())) > 0:
        notes.append(Message("note.self_ratings", {"n": n_self}))
    return tuple(notes)


def scored_items(scale: Scale, survey: Survey) -> list[str]:
    """Give the items of a scale that the survey holds."""
    return [item for item in scale.items if item in survey.scored.columns]


def natural(label: str) -> tuple[tuple[int, float, str], ...]:
    """Give a key that sorts labels as people do: 2 before 10, words by the alphabet."""
    parts = re.split(r"(\d+(?:\.\d+)?)", label)
    return tuple((0, float(part), "") if part[:1].isdigit() else (1, 0.0, part) for part in parts)


def group_label(value: object, declared: BackgroundColumn) -> Phrase:
    """Give the words for one value of a background column."""
    written = written_value(value)
    if written in declared.values:
        return text(declared.values[written])
    return written


def written_value(value: object) -> str:
    """Write a value of a background column: whole numbers without decimals."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def ordered_groups(values: pd.Series, declared: BackgroundColumn) -> list[object]:
    """Give the values of a background column: in declared order, else by label."""
    declared_order = list(declared.values)
    unique = list(pd.unique(values.dropna()))

    def key(value: object) -> tuple[int, tuple[tuple[int, float, str], ...]]:
        written = written_value(value)
        place = declared_order.index(written) if written in declared_order else len(declared_order)
        return place, natural(written)

    return sorted(unique, key=key)


def present_columns(
    instrument: Instrument, survey: Survey, roles: Iterable[str]
) -> list[BackgroundColumn]:
    """Give the declared background columns of some roles that the survey holds."""
    wanted = set(roles)
    return [
        declared
        for declared in instrument.columns
        if declared.role in wanted and declared.name in survey.data.columns
    ]


def codes(survey: Survey, declared: BackgroundColumn) -> "pd.Series[Any]":
    """Give a background column by the instrument's names of its values.

    A survey whose file labels the values holds the labels, in any of the languages.
    """
    names = {
        fold(label): code
        for code, labels in declared.values.items()
        for label in (code, *labels.values())
    }
    written = survey.data[declared.name].astype(object).map(written_value, na_action="ignore")
    return written.map(lambda value: names.get(fold(value), value), na_action="ignore")
