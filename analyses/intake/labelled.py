"""SPSS and Stata files: values as stored, value labels, declared missing values."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import pandas as pd
import pyreadstat

from analyses.errors import SurveyError
from analyses.section import Message

LEGACY = "cp1252"
"""What files that do not name their encoding are nearly always written in."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A table with what a statistics package stores beside it.

    Parameters
    ----------
    frame
        (n_rows, n_columns) values as stored; declared missing values are NaN.
    value_labels
        For each column that has them, the label of each value.
    declared
        For each column that declares missing values, those values in their rows, NaN elsewhere.
    notes
        What was detected.
    """

    frame: pd.DataFrame
    value_labels: Mapping[str, Mapping[object, str]]
    declared: Mapping[str, "pd.Series[Any]"] = field(default_factory=dict)
    notes: tuple[Message, ...] = ()


def read(content: bytes, kind: Literal["sav", "dta"], name: str) -> Labelled:
    """Give the table of an SPSS or Stata file with its labels and declared missing values.

    Parameters
    ----------
    content
        The whole file.
    kind
        "sav" for SPSS (also compressed), "dta" for Stata.
    name
        What error messages call the file.

    Raises
    ------
    SurveyError
        Where the file is damaged or of a version that cannot be read.
    """
    read_file = _read_sav if kind == "sav" else _read_dta
    product = {"sav": "SPSS", "dta": "Stata"}[kind]
    notes = [Message(f"reading.{kind}")]
    try:
        frame, labels, declared = read_file(content, None)
    except (pyreadstat.ReadstatError, UnicodeDecodeError):
        # Either damaged, or text in an encoding that the file does not name.
        try:
            frame, labels, declared = read_file(content, LEGACY)
        except (pyreadstat.ReadstatError, UnicodeDecodeError) as error:
            raise SurveyError(
                f'"{name}" begins as a file of {product}, but it is damaged or not complete.\n'
                f"    Open it in {product} and save it again, or export it as CSV UTF-8."
            ) from error
        notes.append(Message("reading.legacy_encoding"))
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="case")
    declared = {column: values.set_axis(frame.index) for column, values in declared.items()}
    return Labelled(frame, labels, declared, tuple(notes))


_Parts = tuple[pd.DataFrame, dict[str, dict[object, str]], dict[str, "pd.Series[Any]"]]


def _read_sav(content: bytes, encoding: str | None) -> _Parts:
    frame, meta = pyreadstat.read_sav(io.BytesIO(content), user_missing=True, encoding=encoding)
    declared = {}
    all_ranges: dict[str, list[dict[str, Any]]] = cast(Any, meta.missing_ranges)
    for column, ranges in all_ranges.items():
        values = frame[column]
        mask = pd.Series(False, index=values.index)
        for limits in ranges:
            if isinstance(limits["lo"], str):
                mask |= values.str.rstrip() == limits["lo"].rstrip()
            else:
                mask |= values.between(limits["lo"], limits["hi"])
        declared[column] = values.where(mask)
        frame[column] = values.mask(mask)
    return frame, _labels(meta), declared


def _read_dta(content: bytes, encoding: str | None) -> _Parts:
    frame, _ = pyreadstat.read_dta(io.BytesIO(content), encoding=encoding)
    # Asked for declared missing values (.a to .z), pyreadstat gives plain missing values of whole
    # numbers as 0. So the values are taken from the first reading, only the letters from this.
    coded, meta = pyreadstat.read_dta(io.BytesIO(content), user_missing=True, encoding=encoding)
    declared = {}
    for column in meta.missing_user_values:
        lettered = coded[column].map(lambda value: isinstance(value, str))
        declared[column] = coded[column].where(lettered & frame[column].isna())
        frame[column] = pd.to_numeric(frame[column])
    return frame, _labels(meta), declared


def _labels(meta: Any) -> dict[str, dict[object, str]]:
    return {
        column: {value: str(label).strip() for value, label in labels.items()}
        for column, labels in meta.variable_value_labels.items()
    }
