"""What is known of the population that the survey was sent to: its shares, and who was invited."""

import csv
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from analyses import evidence
from analyses.errors import SurveyError
from analyses.intake.columns import listed
from analyses.intake.survey import Survey
from instruments.schema import BackgroundColumn, Instrument

FIELDS = ("column", "value", "share", "count", "invited")

ROUNDING = 0.006
"""By how much each share may be rounded off, so that their sum may miss 1 by as many times it."""


@dataclass(frozen=True)
class Group:
    """One value of a background column in the population.

    Attributes
    ----------
    value
        As the survey writes it.
    share
        Of the population.
    count
        People of the population; None where only shares are known.
    invited
        People who were asked to answer; None where not known.
    """

    value: str
    share: float
    count: int | None
    invited: int | None


@dataclass(frozen=True)
class Margin:
    """A background column in the population."""

    column: BackgroundColumn
    groups: tuple[Group, ...]


def read_margins(path: str | Path, instrument: Instrument, survey: Survey) -> tuple[Margin, ...]:
    """Read the margins of a population from a file.

    Parameters
    ----------
    path
        A .csv file with the headings column, value, share or count, and possibly invited, comma- or
        semicolon-separated; or a .toml file with the same in tables `[[margin]]`. Shares are
        between 0 and 1 and add up to 1 in each column.
    instrument, survey
        What the columns and values are held against.

    Raises
    ------
    SurveyError
        Where the file cannot be read; where it names a column that the survey does not have, or a
        value that the column does not; where a value is named twice, has neither a share nor a
        count or has both; where shares do not add up to 1.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SurveyError(f'"{path}" cannot be read as text: {error}.') from None
    rows = list(_toml_rows(path.name, text) if path.suffix == ".toml" else _csv_rows(text))
    if not rows:
        raise SurveyError(
            f'"{path.name}" holds no margins.\n    Give a row for each value of a column: '
            "column,value,share (or count)."
        )
    by_column: dict[str, list[tuple[str, Mapping[str, object]]]] = {}
    for number, row in enumerate(rows, start=1):
        place = f'"{path.name}", entry {number}'
        unknown = [name for name in row if name not in FIELDS]
        if unknown or not row.get("column") or row.get("value") in (None, ""):
            what = f'"{unknown[0]}" is no field' if unknown else "column and value are both needed"
            raise SurveyError(f"{place}: {what}.\n    The fields are {', '.join(FIELDS)}.")
        by_column.setdefault(str(row["column"]), []).append((place, row))
    declared = {column.name: column for column in instrument.columns}
    return tuple(_margin(name, own, declared, survey, path.name) for name, own in by_column.items())


def _csv_rows(text: str) -> Iterator[Mapping[str, object]]:
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    for row in csv.DictReader(text.splitlines(), delimiter=delimiter):
        cells = {
            ("" if name is None else name.strip()): cell.strip() if isinstance(cell, str) else cell
            for name, cell in row.items()
        }
        if any(cells.values()):
            yield {name: cell for name, cell in cells.items() if cell not in ("", None)}


def _toml_rows(name: str, text: str) -> Iterator[Mapping[str, object]]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SurveyError(f'"{name}" is no TOML file: {error}.') from None
    tables = content.get("margin")
    if set(content) != {"margin"} or not isinstance(tables, list):
        raise SurveyError(
            f'"{name}" has to hold tables [[margin]] and nothing else, each with column, value, '
            "and share or count."
        )
    yield from tables


def _margin(
    name: str,
    rows: list[tuple[str, Mapping[str, object]]],
    declared: Mapping[str, BackgroundColumn],
    survey: Survey,
    file: str,
) -> Margin:
    place = rows[0][0]
    if name not in declared or name not in survey.data.columns:
        known = [column for column in declared if column in survey.data.columns]
        raise SurveyError(
            f'{place}: the survey has no background column "{name}".\n'
            f"    It has {listed(known, 'column')}."
        )
    values = _values_of(declared[name], survey)
    found: dict[str, tuple[float | None, int | None, int | None]] = {}
    for where, row in rows:
        value = evidence.written_value(row["value"])
        if values is not None and value not in values:
            raise SurveyError(
                f'{where}: column "{name}" has no value "{value}".\n'
                f"    It has {listed(list(values), 'value')}."
            )
        if value in found:
            raise SurveyError(f'{where}: "{value}" of column "{name}" is given twice.')
        found[value] = (
            _number(row, "share", where),
            _whole(row, "count", where),
            _whole(row, "invited", where),
        )
        if (found[value][0] is None) == (found[value][1] is None):
            raise SurveyError(f"{where}: give either a share or a count of the population.")
    return Margin(declared[name], _groups(name, found, file))


def _values_of(column: BackgroundColumn, survey: Survey) -> set[str] | None:
    """Give the values that a column may have; None where the instrument leaves them open."""
    if not column.values:
        return None
    seen = survey.data[column.name].dropna().unique()
    return set(column.values) | {evidence.written_value(value) for value in seen}


def _groups(
    name: str, found: Mapping[str, tuple[float | None, int | None, int | None]], file: str
) -> tuple[Group, ...]:
    shares = [share for share, _, _ in found.values() if share is not None]
    if shares and len(shares) < len(found):
        raise SurveyError(
            f'"{file}": column "{name}" has shares for some values and counts for others.\n'
            "    Give one or the other for the whole column."
        )
    counts = [count for _, count, _ in found.values() if count is not None]
    whole = math.fsum(shares) if shares else float(sum(counts))
    if shares and abs(whole - 1.0) > ROUNDING * len(shares):
        advice = "Divide percentages by 100. " if whole > 2 else ""
        raise SurveyError(
            f'"{file}": the shares of column "{name}" add up to {whole:.3g}, not to 1.\n'
            f"    {advice}Give a share for every value that the population has."
        )
    if whole == 0:
        raise SurveyError(f'"{file}": column "{name}" has nobody in it.')
    return tuple(
        Group(value, (share if count is None else count / whole) or 0.0, count, invited)
        for value, (share, count, invited) in found.items()
    )


def _number(row: Mapping[str, object], field: str, place: str) -> float | None:
    given = row.get(field)
    if given is None:
        return None
    try:
        number = float(str(given).replace(",", "."))
    except ValueError:
        number = math.nan
    if isinstance(given, bool) or not math.isfinite(number) or number < 0:
        raise SurveyError(f'{place}: {field} is "{given}", which is no number from 0 upwards.')
    return number


def _whole(row: Mapping[str, object], field: str, place: str) -> int | None:
    number = _number(row, field, place)
    if number is not None and not number.is_integer():
        raise SurveyError(f'{place}: {field} is "{row[field]}", which is no whole number.')
    return None if number is None else int(number)
