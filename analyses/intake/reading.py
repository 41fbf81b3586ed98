"""Survey files of every format, as one kind of table; nothing here knows an instrument.

What the file is, is told by its first bytes and compared with its ending, so that a page saved
under the wrong name is called what it is. Readers by format: `analyses.intake.delimited`,
`analyses.intake.spreadsheet`, `analyses.intake.labelled`; Parquet is pyarrow's.
"""

import io
import zipfile
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analyses.errors import SurveyError
from analyses.intake import delimited, labelled, spreadsheet
from analyses.section import Message

ENDINGS = {
    ".csv": "text",
    ".tsv": "text",
    ".txt": "text",
    ".xlsx": "xlsx",
    ".sav": "sav",
    ".dta": "dta",
    ".parquet": "parquet",
}
"""The endings of files that can be read, and what such a file has to be."""

KINDS = {
    "text": "plain text",
    "xlsx": "an Excel workbook",
    "sav": "an SPSS file",
    "dta": "a Stata file",
    "parquet": "a Parquet file",
    "xls": "an old Excel workbook (.xls), or one protected by a password",
    "xlsb": "a binary Excel workbook (.xlsb)",
    "ods": "an OpenDocument spreadsheet",
    "docx": "a Word document",
    "zip": "a zip archive",
    "gzip": "a compressed file (gzip)",
    "pdf": "a PDF document",
    "html": "a web page (HTML)",
    "xml": "an XML document",
    "json": "a JSON document",
    "binary": "neither text nor any table format that Kobling knows",
}
"""What a file can turn out to be, in words."""

READABLE = ".csv, .tsv, .txt, .xlsx, .sav, .dta and .parquet"

SIGNATURES = (
    (b"PAR1", "parquet"),
    (b"$FL2", "sav"),
    (b"$FL3", "sav"),
    (b"<stata_dta>", "dta"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    (b"%PDF", "pdf"),
    (b"\x1f\x8b", "gzip"),
)
STATA_VERSIONS = {105, 108, 110, 111, 112, 113, 114, 115}
"""First byte of Stata files before version 13; the second is the byte order, the third is 1."""


@dataclass(frozen=True, eq=False)
class RawTable:
    """A survey file as it was found.

    Parameters
    ----------
    frame
        (n_rows, n_columns), without unnamed columns, and without the empty rows of text files and
        spreadsheets. Text files give text
        throughout, the other formats give values as stored; missing is NaN or None. The index is
        where the file has the row: its name is "row" (the heading being row 1, as a spreadsheet
        counts) or "case" (from 1, in files whose columns have names of their own).
    notes
        What was detected, and what was left out.
    value_labels
        For each column of an SPSS or Stata file that has them, the label of each value.
    declared
        For each column that declares missing values, those values in their rows, NaN elsewhere;
        `frame` has them as missing.
    letters
        The position (from 0) of each column in a spreadsheet; empty for other formats.
    """

    frame: pd.DataFrame
    notes: tuple[Message, ...]
    value_labels: Mapping[str, Mapping[object, str]] = field(default_factory=dict)
    declared: Mapping[str, "pd.Series[Any]"] = field(default_factory=dict)
    letters: Mapping[str, int] = field(default_factory=dict)

    @property
    def typed(self) -> bool:
        """Whether the file tells numbers from text, so that numbers written as text stand out."""
        return bool(self.letters) or self.frame.index.name == "case"

    def place(self, row: int, column: str) -> str:
        """Say where a cell is: "cell C7" in a spreadsheet, else "row 7" or "case 7"."""
        if column in self.letters:
            return f"cell {spreadsheet.cell_name(row, self.letters[column])}"
        return f"{self.frame.index.name} {row}"


def read_table(path: str | Path, *, expected: Collection[str] = ()) -> RawTable:
    """Read a survey file of any format.

    Parameters
    ----------
    path
        A .csv, .tsv, .txt, .xlsx, .sav, .dta or .parquet file.
    expected
        Names of columns that are looked for; they help to find the delimiter and the sheet.

    Returns
    -------
    RawTable
        One row a respondent, and what was detected.

    Raises
    ------
    SurveyError
        Where there is no such file, it is empty or damaged, it is not what its ending says, its
        rows are ragged, a column occurs twice, or a column with content has no name.
    """
    path = Path(path)
    content = _content(path)
    kind = _checked_kind(path, content)
    positions: dict[str, int] = {}
    if kind in ("sav", "dta"):
        raw = labelled.read(content, "sav" if kind == "sav" else "dta", path.name)
    else:
        reader = {"text": delimited.read, "xlsx": spreadsheet.read, "parquet": _read_parquet}[kind]
        frame, notes = reader(content, path.name, expected)
        raw = labelled.Labelled(frame, {}, {}, notes)
    given = [str(name) for name in raw.frame.columns]
    names = [name.strip() for name in given]
    if kind == "xlsx":
        positions = {name: position for position, name in enumerate(names)}
    frame, notes = _tidy(raw.frame.set_axis(names, axis=1), path.name)
    return RawTable(
        frame,
        raw.notes + notes,
        {column.strip(): labels for column, labels in raw.value_labels.items()},
        {column.strip(): values.loc[frame.index] for column, values in raw.declared.items()},
        positions,
    )


def recognise(content: bytes) -> str:
    """Tell from its bytes what a file is: a key of `KINDS`."""
    for signature, kind in SIGNATURES:
        if content.startswith(signature):
            return kind
    if content.startswith(b"PK\x03\x04"):
        return _kind_of_zip(content)
    if len(content) > 3 and content[0] in STATA_VERSIONS and content[1:3] in (b"\1\1", b"\2\1"):
        return "dta"
    marked = any(content.startswith(mark) for mark, _, _ in delimited.BYTE_ORDER_MARKS)
    if not marked and b"\0" in content and not delimited.utf16_without_mark(content):
        return "binary"
    start = content[:1000].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table", b"<head", b"<meta")):
        return "html"
    if start.startswith(b"<?xml"):
        return "html" if b"<html" in start else "xml"
    if start.startswith((b"{", b"[{", b"[[")):
        return "json"
    return "text"


def _kind_of_zip(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        # Cut off before its list of contents; a workbook names its parts along the way too.
        return "xlsx" if b"xl/" in content or b"[Content_Types].xml" in content else "zip"
    if "xl/workbook.bin" in names:
        return "xlsb"
    if any(name.startswith("xl/") for name in names):
        return "xlsx"
    if any(name.startswith("word/") for name in names):
        return "docx"
    return "ods" if {"mimetype", "content.xml"} <= names else "zip"


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise SurveyError(
            f'"{path}" is a folder.\n    Name the survey file in it: one of {READABLE}.'
        )
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        near = f' in "{path.parent}"' if path.parent.is_dir() else ": its folder does not exist"
        raise SurveyError(
            f'there is no file "{path.name}"{near}.\n'
            "    Check the name and the folder; a name with blanks needs quotation marks."
        ) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SurveyError(
            f'"{path}" cannot be read: {reason}.\n'
            "    Close it in other programs and check that you may read it."
        ) from error
    if not content.removeprefix(b"\xef\xbb\xbf").strip():
        raise SurveyError(f'"{path.name}" is empty.\n    Export the survey again.')
    return content


def _checked_kind(path: Path, content: bytes) -> str:
    """Give what the file is, where that is what its ending says."""
    ending, kind = path.suffix.lower(), recognise(content)
    if ENDINGS.get(ending) == kind:
        return kind
    endings = [ending for ending, meant in ENDINGS.items() if meant == kind]
    if ending in ENDINGS:
        problem = f'"{path.name}" is not what its ending says: it is {KINDS[kind]}.'
    elif endings:
        problem = f'"{path.name}" is {KINDS[kind]}, but its ending does not say so.'
    else:
        problem = f'"{path.name}" is {KINDS[kind]}, which cannot be read as a survey.'
    if endings:
        advice = f"Rename it to {path.stem}{endings[0]}, or export the survey again."
    elif kind in ("xls", "xlsb", "ods", "html"):
        advice = "Open it in a spreadsheet program and save it as .xlsx without a password."
    else:
        advice = f"Export the survey as one of {READABLE}."
    raise SurveyError(f"{problem}\n    {advice}")


def _read_parquet(
    content: bytes, name: str, expected: Collection[str] = ()
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Give the table of a Parquet file with all its columns, those of a stored index too."""
    import pyarrow
    from pyarrow import parquet

    try:
        frame = parquet.read_table(io.BytesIO(content)).to_pandas(ignore_metadata=True)
    except (pyarrow.ArrowException, OSError) as error:
        raise SurveyError(
            f'"{name}" begins as a Parquet file, but it is damaged or not complete.\n'
            "    Export it again."
        ) from error
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="case")
    return frame, (Message("reading.parquet"),)


def _tidy(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Make blank cells missing; leave out empty rows and columns without a name; refuse doubles."""
    columns = [_blanks_missing(frame.iloc[:, i]) for i in range(frame.shape[1])]
    notes = []
    filled = pd.concat([column.notna() for column in columns], axis=1) if columns else frame
    # Only text and spreadsheets have rows by accident; elsewhere an empty row is a respondent.
    by_accident = frame.index.name == "row"
    rows = filled.any(axis=1).to_numpy() if by_accident else np.ones(len(frame), dtype=bool)
    if not frame.shape[1] or not rows.any():
        raise SurveyError(
            f'"{name}" holds names of columns but no answers.\n'
            "    Export the survey again, with one row a respondent."
        )
    if not rows.all():
        notes.append(Message("reading.empty_rows", {"n": int((~rows).sum())}))
    named = []
    for position, column in enumerate(columns):
        if str(column.name):
            named.append(column)
        elif not column.notna().any():
            notes.append(Message("reading.empty_column", {"position": position + 1}))
        elif _counts_rows(column[rows]):
            notes.append(Message("reading.row_numbers", {"position": position + 1}))
        else:
            first = column.index[int(column.notna().to_numpy().argmax())]
            raise SurveyError(
                f'"{name}": column {position + 1} has no name, but holds "{column[first]}" in '
                f"{frame.index.name} {first}.\n    Give the column a name, or delete it."
            )
    _refuse_doubles([str(column.name) for column in named], name)
    tidy = pd.concat(named, axis=1) if named else frame.iloc[:, :0]
    return tidy[rows], tuple(notes)


def _blanks_missing(column: "pd.Series[Any]") -> "pd.Series[Any]":
    if isinstance(column.dtype, pd.StringDtype):
        return column.mask(column.str.strip() == "")
    if column.dtype == object:
        blank = column.map(lambda value: isinstance(value, str) and not value.strip())
        return column.mask(blank.astype(bool))
    return column


def _counts_rows(column: "pd.Series[Any]") -> bool:
    """Tell row numbers, which some programs write as a first column without a name."""
    numbers = pd.to_numeric(column, errors="coerce")
    start = numbers.iloc[0]
    return bool(start in (0, 1) and (numbers.diff().iloc[1:] == 1).all())


def _refuse_doubles(names: list[str], name: str) -> None:
    doubles = [column for column, n in Counter(names).items() if n > 1]
    if not doubles:
        return
    places = [str(i + 1) for i, column in enumerate(names) if column == doubles[0]]
    others = f" So are {len(doubles) - 1} more." if len(doubles) > 1 else ""
    raise SurveyError(
        f'"{name}" has the column "{doubles[0]}" twice (columns {", ".join(places)}).{others}\n'
        "    Delete or rename all but one of them."
    )
