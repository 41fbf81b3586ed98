"""Writes a report as JSON, as it was published, and reads it back without loss.

Every object carries its class under `@type`, so that the file explains itself and a message is
never taken for a table's cell. Lists are tuples, and whole numbers stay whole.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from analyses import section
from analyses.errors import SurveyError
from analyses.export import own_json
from analyses.section import Report

FORMAT = "kobling-results"
FORMAT_VERSION = 1
FILE_NAME = "results.json"

_CLASSES = {
    kind.__name__: kind
    for kind in (
        section.Text,
        section.Message,
        section.Provenance,
        section.Quantity,
        section.Hidden,
        section.Column,
        section.Answers,
        section.AboutLeaders,
        section.Table,
        section.Figure,
        section.Rule,
        section.Finding,
        section.Section,
        section.Report,
    )
}
_FIELDS = {kind: tuple(field.name for field in fields(kind)) for kind in _CLASSES.values()}

_LINE = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_LEVELS = 7
"""So deep lie the rows of a table; each has a line, as the encoder that lays out is slow."""


def write(report: Report, path: Path) -> None:
    """Write the report to a JSON file.

    Parameters
    ----------
    report
        A published report.
    path
        The file to write.

    Raises
    ------
    TypeError, ValueError
        If the report holds what a published report cannot: another kind of object, or a NaN
        (what could not be computed is None).
    """
    path.write_text(dumps(report), encoding="utf-8")


def dumps(report: Report) -> str:
    """Give the report as JSON text."""
    content = {"format": FORMAT, "format_version": FORMAT_VERSION, "report": _plain(report)}
    return _laid_out(content, _LEVELS, "\n") + "\n"


def read(path: Path) -> Report:
    """Read a report that `write` has written.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Report
        Equal to the report that was written.

    Raises
    ------
    SurveyError
        If the file is not there, or is not a results file of this format version.
    """
    content = own_json.read(path, FORMAT, FORMAT_VERSION, "results written by kobling")
    try:
        report = _object(content.get("report"))
    except (KeyError, TypeError) as error:
        raise SurveyError(f'"{path.name}" is damaged: {error}.') from error
    if not isinstance(report, Report):
        raise SurveyError(f'"{path.name}" is damaged: it holds no report.')
    return report


def is_ours(path: Path) -> bool:
    """Tell whether a file holds results written by kobling, in any format version."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("format") == FORMAT


def _laid_out(value: object, levels: int, edge: str) -> str:
    """Write plain values over several lines down to so many levels, and on one line below."""
    if not levels or not isinstance(value, dict | list) or not value:
        return _LINE.encode(value)
    inner, levels = edge + " ", levels - 1
    if isinstance(value, list):
        parts = [_laid_out(part, levels, inner) for part in value]
        return f"[{inner}{f',{inner}'.join(parts)}{edge}]"
    named = [f"{_LINE.encode(k)}: {_laid_out(part, levels, inner)}" for k, part in value.items()]
    return f"{{{inner}{f',{inner}'.join(named)}{edge}}}"


def _plain(value: object) -> object:
    kind = type(value)
    if kind in _FIELDS:
        return {"@type": kind.__name__} | {
            name: _plain(getattr(value, name)) for name in _FIELDS[kind]
        }
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    # A number of numpy is written as the plain number it equals.
    if isinstance(value, int | Integral):
        return int(value)
    if isinstance(value, float | Real):
        number = float(value)
        if math.isfinite(number):
            return number
        raise ValueError(f"{number} cannot be published; what could not be computed is None")
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    raise TypeError(f"a {type(value).__name__} cannot be part of a published report")


def _object(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_object(part) for part in value)
    if not isinstance(value, dict):
        return value
    parts = {name: _object(part) for name, part in value.items() if name != "@type"}
    return _CLASSES[value["@type"]](**parts) if "@type" in value else parts
