"""The mapping file: which column of a survey is which item, and which measure something else.

[columns]
I_bro1 = "q1"                      # the instrument's name = the column's name in the file

[external.relational_coordination] # a measure of another instrument, by its id
columns = ["rc1", "rc2", "rc3"]
reversed = ["rc2"]                 # turned within lowest and highest
lowest = 1
highest = 5

[external]
extraversion = ["e1", "e2"]        # the same in short, without reversed columns

[then]                             # what people say afterwards about where they stood before:
I_bro1 = "q1_then"                 # the column of each item, by default "{item}_then",
pattern = "then_{item}"            # or what all these columns are called
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from analyses.errors import SurveyError
from analyses.intake.columns import listed
from analyses.section import Message
from instruments.schema import Instrument

FIELDS = ("columns", "reversed", "lowest", "highest")


@dataclass(frozen=True)
class OwnMeasure:
    """A measure of another instrument, in columns of the user's own.

    Parameters
    ----------
    id
        Of the external measure, as the instrument has it.
    columns, reversed
        Names of the columns in the file, and which of them mean little of the measure when high.
    lowest, highest
        Ends of the answer scale, where the file declares them.
    """

    id: str
    columns: tuple[str, ...]
    reversed: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called once read, so that a model text can hold them."""
        return tuple(f"{self.id}.{place}" for place in range(1, len(self.columns) + 1))


@dataclass(frozen=True)
class ThenColumns:
    """Where answers about the time before stand: the column of each item, or what all are called.

    `columns` are to be there; by `pattern` whatever is there is taken.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    pattern: str | None = None


@dataclass(frozen=True)
class ColumnMapping:
    """What a mapping file says: see the top of this module."""

    columns: Mapping[str, str] = field(default_factory=dict)
    own: tuple[OwnMeasure, ...] = ()
    then: ThenColumns = ThenColumns(pattern="{item}_then")


def read_mapping(path: str | Path, instrument: Instrument) -> ColumnMapping:
    """Read a mapping file and check it against the instrument.

    Raises
    ------
    SurveyError
        Where the file cannot be read, has a table, a name or a measure that is not known, or gives
        one column two meanings.
    """
    path = Path(path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SurveyError(f'the mapping file "{path}" cannot be read: {error.strerror}') from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SurveyError(f'the mapping file "{path.name}" is not valid TOML: {error}') from error
    unknown = [name for name in raw if name not in ("columns", "external", "then")]
    if unknown:
        raise SurveyError(
            f'"{path.name}" has the {listed(unknown, "table")}, which a mapping file does not '
            "have.\n    It has [columns], with the instrument's names and those of the file, "
            "[external], with columns of the user's own, and [then], with answers about before."
        )
    columns = _columns(raw.get("columns", {}), path.name)
    own = tuple(_measures(raw.get("external", {}), instrument, path.name))
    then = _then(raw["then"], instrument, path.name) if "then" in raw else ColumnMapping().then
    meant = {**columns, **{f"then.{item}": column for item, column in then.columns.items()}}
    _refuse_two_meanings(meant, own, path.name)
    return ColumnMapping(columns, own, then)


def written(mapping: ColumnMapping) -> str:
    """Give a mapping as the text of a mapping file, which `read_mapping` reads as the same."""
    lines = ["[columns]", *(_entry(*pair) for pair in mapping.columns.items())]
    for measure in mapping.own:
        lines += ["", f"[external.{json.dumps(measure.id)}]"]
        lines.append(_entry("columns", list(measure.columns)))
        if measure.reversed:
            lines.append(_entry("reversed", list(measure.reversed)))
        if measure.lowest is not None and measure.highest is not None:
            lines += [_entry("lowest", measure.lowest), _entry("highest", measure.highest)]
    if mapping.then != ColumnMapping().then:
        lines += ["", "[then]", *(_entry(*pair) for pair in mapping.then.columns.items())]
        if mapping.then.pattern is not None:
            lines.append(_entry("pattern", mapping.then.pattern))
    return "\n".join(lines) + "\n"


def _entry(name: str, value: object) -> str:
    """Write one entry; strings, numbers and lists of strings are written in TOML as in JSON."""
    return f"{json.dumps(name, ensure_ascii=False)} = {json.dumps(value, ensure_ascii=False)}"


def _columns(raw: object, file: str) -> dict[str, str]:
    if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
        raise SurveyError(
            f'"{file}", columns: each entry is the instrument\'s name = "the column of the file".'
        )
    return dict(raw)


def _then(raw: object, instrument: Instrument, file: str) -> ThenColumns:
    if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
        raise SurveyError(f'"{file}", then: each entry is an item = "the column of the file".')
    named = dict(raw)
    pattern = named.pop("pattern", None)
    unknown = [item for item in named if item not in instrument.all_item_ids]
    if unknown:
        raise SurveyError(
            f'"{file}", then: "{instrument.id}" does not have the {listed(unknown, "item")}.'
        )
    if pattern is not None and "{item}" not in pattern:
        raise SurveyError(
            f'"{file}", then, pattern: "{pattern}" does not say where the name of the item stands; '
            'write it as {item}, such as "then_{item}".'
        )
    return ThenColumns(named, pattern)


def _measures(raw: object, instrument: Instrument, file: str) -> Iterator[OwnMeasure]:
    known = [external.id for external in instrument.external]
    if not isinstance(raw, dict):
        raise SurveyError(f'"{file}", external: it is a table of measures and their columns.')
    for name, given in raw.items():
        if name not in known:
            has = f"it has {listed(known, 'measure')}" if known else "it has none"
            raise SurveyError(
                f'"{file}", external: "{instrument.id}" expects nothing of a measure "{name}"; '
                f"{has}."
            )
        yield _measure(name, given, f'"{file}", external, {name}')


def _measure(name: str, given: object, place: str) -> OwnMeasure:
    """Read one measure: a list of columns, or a table of `FIELDS`."""
    fields: dict[str, Any] = given if isinstance(given, dict) else {"columns": given}
    unknown = [field for field in fields if field not in FIELDS]
    if unknown:
        raise SurveyError(f"{place}: there is no {listed(unknown, 'field')} ({', '.join(FIELDS)}).")
    columns, turned = fields.get("columns"), fields.get("reversed", [])
    for part in (columns, turned):
        if not isinstance(part, list) or not all(isinstance(one, str) for one in part):
            raise SurveyError(f'{place}: columns are listed by name, as ["a1", "a2"].')
    if not columns:
        raise SurveyError(f"{place}: it has no columns.")
    twice = [column for column in dict.fromkeys(columns) if columns.count(column) > 1]
    if twice:
        raise SurveyError(f"{place}: {listed(twice, 'column')} is named twice.")
    absent = [column for column in turned if column not in columns]
    if absent:
        raise SurveyError(
            f"{place}, reversed: {listed(absent, 'column')} is not among its columns."
        )
    ends = [fields.get("lowest"), fields.get("highest")]
    numbers = [end for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
    if any(end is not None for end in ends) and (len(numbers) < 2 or numbers[0] >= numbers[1]):
        raise SurveyError(f"{place}: lowest and highest are two numbers, the first the smaller.")
    if turned and not numbers:
        raise SurveyError(
            f"{place}: reversed columns are turned within their answer scale; give lowest and "
            "highest."
        )
    lowest, highest = numbers if numbers else (None, None)
    return OwnMeasure(name, tuple(columns), tuple(turned), lowest, highest)


def _refuse_two_meanings(
    columns: Mapping[str, str], own: tuple[OwnMeasure, ...], file: str
) -> None:
    meanings: dict[str, list[str]] = {}
    for name, column in columns.items():
        meanings.setdefault(column, []).append(name)
    for measure in own:
        for column in measure.columns:
            meanings.setdefault(column, []).append(measure.id)
    for column, names in meanings.items():
        if len(names) > 1:
            raise SurveyError(
                f'"{file}": column "{column}" cannot be both "{names[0]}" and "{names[1]}".\n'
                "    Correct the mapping, so that each column has one meaning."
            )


def own_columns(frame: pd.DataFrame, own: tuple[OwnMeasure, ...], survey: str) -> pd.DataFrame:
    """Give the columns of the user's own as numbers, reversed ones turned.

    Parameters
    ----------
    frame
        The file's columns as read.
    own
        The measures; the result has their `names`.
    survey
        What error messages call the file.

    Raises
    ------
    SurveyError
        Where a column is not there, or holds what is no number or outside its answer scale.
    """
    found: dict[str, pd.Series] = {}
    for measure in own:
        absent = [column for column in measure.columns if column not in frame.columns]
        if absent:
            raise SurveyError(
                f'"{survey}" lacks {listed(absent, "column")}, which the mapping names for '
                f'"{measure.id}".'
            )
        for name, column in zip(measure.names, measure.columns, strict=True):
            found[name] = _numbers(frame[column], column, measure, survey)
    return pd.DataFrame(found, index=frame.index)


def own_notes(own: Sequence[OwnMeasure]) -> tuple[Message, ...]:
    """Say which columns were read as measures of other instruments."""
    pairs = tuple(
        Message("reading.pair", {"name": measure.id, "column": column})
        for measure in own
        for column in measure.columns
    )
    return (Message("reading.own", {"n": len(own), "pairs": pairs}),) if pairs else ()


def _numbers(
    values: pd.Series, column: str, measure: OwnMeasure, survey: str
) -> "pd.Series[float]":
    plain = values.map(lambda value: value.replace(",", ".") if isinstance(value, str) else value)
    blank = plain.map(lambda value: isinstance(value, str) and not value.strip()).astype(bool)
    numbers = pd.to_numeric(plain.mask(blank), errors="coerce").astype(float)
    bad = values[numbers.isna() & values.notna() & ~blank]
    if not bad.empty:
        raise SurveyError(
            f'column "{column}" of "{survey}" holds "{bad.iloc[0]}" in {len(bad)} rows, which is '
            f'no number.\n    Export the answers of "{measure.id}" as numbers.'
        )
    if measure.lowest is None or measure.highest is None:
        return numbers
    outside = numbers[(numbers < measure.lowest) | (numbers > measure.highest)]
    if not outside.empty:
        raise SurveyError(
            f'column "{column}" of "{survey}" holds {outside.iloc[0]:g} in {len(outside)} rows, '
            f'outside the scale {measure.lowest:g} to {measure.highest:g} of "{measure.id}".\n'
            "    Code missing answers as empty, or correct lowest and highest in the mapping."
        )
    return measure.lowest + measure.highest - numbers if column in measure.reversed else numbers
