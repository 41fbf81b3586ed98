"""Writes a report as JSON, as it was published, and reads it back without loss.

Every object carries its class under `@type`, so that the file explains itself and a message is
never taken for a table's cell. Lists are tuples, and whole numbers stay whole.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
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
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


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


def _plain(value: object) -> object:
    if is_dataclass(value) and type(value).__name__ in _CLASSES:
        return {"@type": type(value).__name__} | {
            field.name: _plain(getattr(value, field.name)) for field in fields(value)
        }
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    # A number of numpy is written as the plain number it equals.
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        if math.isfinite(number):
            return number
        raise ValueError(f"{number} cannot be published; what could not be computed is None")
    raise TypeError(f"a {type(value).__name__} cannot be part of a published report")


def _object(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_object(part) for part in value)
    if not isinstance(value, dict):
        return value
    parts = {name: _object(part) for name, part in value.items() if name != "@type"}
    return _CLASSES[value["@type"]](**parts) if "@type" in value else parts
