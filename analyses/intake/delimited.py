"""Text files with one respondent a line: encoding and delimiter found, fields split, rows checked.

Every field stays text here. Which texts are numbers is decided where the columns are known to be
items, so that an organisation called "007" keeps its name.
"""

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd

from analyses.errors import SurveyError
from analyses.section import Message

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""Each delimiter and its name in the wording catalogue (`reading.delimiter.comma`)."""

SAMPLE = 200
"""Records that the delimiter is judged by."""

# The longer mark first: the mark of UTF-16 is the beginning of that of UTF-32.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


class Record(NamedTuple):
    """One row of the file: its number, the heading being row 1, its first line, its fields."""

    row: int
    line: int
    fields: list[str]


def read(
    content: bytes, name: str, expected: Collection[str] = ()
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Give the fields of a delimited text file as text, and what was detected.

    Parameters
    ----------
    content
        The whole file.
    name
        What error messages call the file.
    expected
        Column names that are looked for; they help to tell the delimiter.

    Returns
    -------
    frame
        (n_rows, n_columns) text, named by the first line. The index is called "row" and counts
        as a spreadsheet does, the heading being row 1. Blank lines are left out, but counted.
    notes
        Encoding, delimiter, and a leading `sep=` line where there is one.

    Raises
    ------
    SurveyError
        Where the text cannot be decoded, a quotation mark is never closed, the rows are ragged,
        or the delimiter is another than comma, semicolon, tab and bar.
    """
    text, encoding = decode(content, name)
    notes = []
    told = re.match(r"sep=(.)\r?\n", text)
    if told:
        delimiter, skipped = told[1], 1
        text = text[told.end() :]
        notes.append(Message("reading.separator_line"))
    else:
        skipped = 0
        delimiter = find_delimiter(text, expected)
    records = _records(text, delimiter, name, skipped)
    _, _, header = next(records, Record(0, 0, []))
    if not header:
        raise SurveyError(f'"{name}" is empty.\n    Export the survey again.')
    if len(header) == 1:
        _refuse_single_column(header[0], name, expected)
    index, rows = _rows(records, len(header), name)
    frame = pd.DataFrame(rows, index=index, columns=header, dtype="str")
    named = (
        Message(f"reading.delimiter.{DELIMITERS[delimiter]}")
        if delimiter in DELIMITERS
        else (delimiter)
    )
    notes.insert(0, Message("reading.delimited", {"encoding": encoding, "delimiter": named}))
    return frame, tuple(notes)


def decode(content: bytes, name: str) -> tuple[str, str]:
    """Give the text of a file and the name of its encoding.

    A byte order mark decides; without one, text that is valid UTF-8 is UTF-8 (other encodings of
    anything but plain English are hardly ever valid by accident), zero bytes on every other place
    are UTF-16, and what remains is Windows' western encoding, or Latin-1 where that has no letter.
    """
    for mark, codec, label in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return _decode(content, codec, label, name), label
    unmarked = utf16_without_mark(content)
    if unmarked:
        return _decode(content, unmarked, "UTF-16", name), "UTF-16"
    for codec, label in (("utf-8", "UTF-8"), ("cp1252", "Windows-1252")):
        try:
            return content.decode(codec), label
        except UnicodeDecodeError:
            continue  # the next encoding; Latin-1 reads any bytes
    return content.decode("latin-1"), "Latin-1"


def utf16_without_mark(content: bytes) -> str | None:
    """Tell UTF-16 by its zero bytes: every other byte of western text is zero."""
    head = np.frombuffer(content[:2000], dtype=np.uint8)
    if len(head) < 4:
        return None
    even, odd = np.mean(head[0::2] == 0), np.mean(head[1::2] == 0)
    if odd > 0.7 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 and odd < 0.1 else None


def find_delimiter(text: str, expected: Collection[str] = ()) -> str:
    """Give the delimiter that splits the heading and the first rows alike.

    The heading with the most expected names wins; then the delimiter that gives the most rows the
    width of the heading; then the one with the most fields. `csv.Sniffer` is not used: it also
    takes letters for delimiters, and fails on decimal commas.
    """
    wanted = {name.strip().casefold() for name in expected}
    scores = {}
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            sample = [record for record in islice(reader, SAMPLE) if record]
        except csv.Error:
            continue  # an unclosed quotation mark; it is named when the rows are split
        if not sample or len(sample[0]) < 2:
            continue
        width = len(sample[0])
        found = sum(field.strip().casefold() in wanted for field in sample[0])
        even = float(np.mean([len(record) == width for record in sample]))
        scores[delimiter] = (found, even, width)
    return max(scores, key=lambda delimiter: scores[delimiter], default=",")


def _decode(content: bytes, codec: str, label: str, name: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        raise SurveyError(
            f'"{name}" says that it is {label} text, but byte {error.start + 1} is not.\n'
            "    The file may be cut off. Export it again, as CSV UTF-8."
        ) from error


def _records(text: str, delimiter: str, name: str, skipped: int) -> Iterator[Record]:
    """Give each record that holds anything."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begin = skipped + 1
    try:
        for row, fields in enumerate(reader, start=1):
            if len(fields) > 1 or (fields and fields[0].strip()):
                yield Record(row, begin, fields)
            begin = reader.line_num + skipped + 1
    except csv.Error as error:
        raise SurveyError(
            f'"{name}": the quotation marks do not match in the row that begins on line {begin}.\n'
            '    A quotation mark (") inside an answer must be doubled, and the answer enclosed in '
            "quotation marks."
        ) from error


def _rows(
    records: Iterator[Record], width: int, name: str
) -> tuple["pd.Index[int]", list[list[str]]]:
    """Give the numbers and the fields of the rows; refuse rows of another width."""
    numbers, rows, ragged = [], [], []
    for record in records:
        numbers.append(record.row)
        rows.append(record.fields)
        if len(record.fields) != width:
            ragged.append(record)
    if ragged:
        one_more = len(ragged) == len(rows) and {len(row) for row in rows} == {width + 1}
        _refuse_ragged(ragged, width, name, unnamed=one_more and len(rows) > 1)
    return pd.Index(numbers, dtype="int64", name="row"), rows


def _refuse_ragged(ragged: list[Record], width: int, name: str, *, unnamed: bool) -> None:
    row, line, fields = ragged[0]
    where = f"row {row}" if row == line else f"row {row} (line {line} of the file)"
    if width == 1:
        advice = "The first line must hold the names of the columns, and nothing may stand above."
    elif unnamed:
        advice = (
            "Every row has one field more than the heading: give the first column a name too "
            "(row numbers are often written without one)."
        )
    else:
        others = len(ragged) - 1
        more = (
            f" {others} more {'row is' if others == 1 else 'rows are'} like it." if others else ""
        )
        advice = (
            "Look for a missing or extra delimiter, or for one inside an answer that is not "
            f"enclosed in quotation marks.{more}"
        )
    raise SurveyError(
        f'"{name}": {where} has {_fields(len(fields))}, but the heading has {_fields(width)}.\n'
        f"    {advice}"
    )


def _fields(n: int) -> str:
    return "1 field" if n == 1 else f"{n} fields"


def _refuse_single_column(heading: str, name: str, expected: Collection[str]) -> None:
    """Say so where the only column's name is the instrument's items, joined by something."""
    separator = _joined_by(heading, sorted(expected, key=len, reverse=True))
    if separator is None:
        return
    if separator.strip(' "') in DELIMITERS or separator in DELIMITERS:
        raise SurveyError(
            f'"{name}" has only one column: each whole line is enclosed in quotation marks.\n'
            "    Export the file again, with each answer in a field of its own."
        )
    shown = "blanks" if separator.isspace() else f'"{separator}"'
    raise SurveyError(
        f'"{name}" has only one column; its heading holds the instrument\'s items joined by '
        f"{shown}.\n    Save the file with comma, semicolon, tab or | between the fields."
    )


def _joined_by(heading: str, names: Sequence[str]) -> str | None:
    """Give what stands between the first two of the names in a heading, or None."""
    if not names:
        return None
    # Longest name first, so that "x1" is not found in "x10"; "_" is part of a name and may also
    # be what joins names, so a name is not asked to end at a word boundary.
    pattern = re.compile("|".join(re.escape(name) for name in names), flags=re.IGNORECASE)
    places = list(islice(pattern.finditer(heading), 2))
    if len(places) < 2:
        return None
    return heading[places[0].end() : places[1].start()] or None
