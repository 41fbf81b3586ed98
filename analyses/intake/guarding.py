"""What an uploaded file may be, told before it is read: its size, and what it would unfold to.

A small archive can hold more than a machine has memory for, and a workbook can hold programs. What
is refused here is refused by what the file holds, whatever it is called.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from analyses.errors import SurveyError
from analyses.intake.reading import recognise

MOST_BYTES = 50 * 2**20
"""Of the file itself."""

MOST_UNFOLDED = 400 * 2**20
"""Bytes of all parts of an archive together, or of a compressed table."""

MOST_PARTS = 2_000
"""Files within an archive; a workbook has some dozens."""

MOST_ROWS, MOST_COLUMNS, MOST_CELLS = 200_000, 5_000, 5_000_000
"""Of one sheet or table: far beyond any survey, and within the memory of a plain machine."""

MACROS = re.compile(r"(^|/)(vbaproject\.bin|macrosheets/.*)$", re.IGNORECASE)
"""Parts of a workbook that are programs."""

ENTITIES = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
"""What lets a small XML document unfold to a large one; no workbook has it."""

CELL = re.compile(rb'<(?:\w+:)?c [^>]*?\br="([A-Z]{1,3})(\d{1,7})"')
ROW = re.compile(rb'<(?:\w+:)?row [^>]*?\br="(\d{1,7})"')

CHUNK = 2**20
OVERLAP = 200
"""Bytes of a chunk that are read again with the next, so that no cell is cut in two."""


def check(path: Path) -> None:
    """Refuse a file that is too large, would unfold to too much, or holds programs.

    Parameters
    ----------
    path
        The file; whether it is what its ending says is for `reading.read_table` to tell.

    Raises
    ------
    SurveyError
        Where the file is refused; the message says which limit it passes.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise _too_much(path, f"{size / 2**20:.0f} MB", f"{MOST_BYTES // 2**20} MB")
    content = path.read_bytes()
    kind = recognise(content)
    if content.startswith(b"PK\x03\x04"):
        _check_archive(path)
    elif kind == "parquet":
        _check_parquet(path)
    elif kind in ("sav", "dta"):
        _check_labelled(path, kind)
    elif kind == "text":
        _check_text(path, content)


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS:
                raise _too_much(path, f"{len(parts)} parts", f"{MOST_PARTS} parts")
            unfolded = sum(part.file_size for part in parts)
            if unfolded > MOST_UNFOLDED:
                raise _too_much(
                    path, f"{unfolded / 2**20:.0f} MB unpacked", f"{MOST_UNFOLDED // 2**20} MB"
                )
            if any(MACROS.search(part.filename) for part in parts):
                raise SurveyError(
                    f'"{path.name}" holds macros, which are programs.\n'
                    "    Save it in Excel as a workbook without macros (.xlsx)."
                )
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    _check_part(path, archive, part)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise SurveyError(
            f'"{path.name}" is an archive that is damaged, protected or not complete.\n'
            "    Open it in Excel and save it again without a password, or export it as CSV UTF-8."
        ) from error


def _check_part(path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    is_sheet = part.filename.startswith("xl/worksheets/")
    rows = columns = cells = 0
    for piece in _pieces(archive, part):
        if ENTITIES.search(piece):
            raise SurveyError(
                f'"{path.name}" holds an XML document type or entities, which no workbook has.\n'
                "    Open it in Excel and save it again."
            )
        if is_sheet:
            rows = max([rows, *(int(number) for number in ROW.findall(piece))])
            for letters, number in CELL.findall(piece):
                rows, columns = max(rows, int(number)), max(columns, _position(letters))
            cells += piece.count(b"<c ") + piece.count(b":c ")
            _check_extent(path, rows, columns)
            if cells > MOST_CELLS:
                raise _too_much(path, f"{cells} cells", f"{MOST_CELLS} cells")


def _pieces(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(part) as stream:
        before = b""
        while chunk := stream.read(CHUNK):
            yield before + chunk
            before = chunk[-OVERLAP:]


def _position(letters: bytes) -> int:
    """Give the position of a column from its letters: 1 for A."""
    position = 0
    for letter in letters:
        position = 26 * position + letter - 64
    return position


def _check_parquet(path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    try:
        stated = parquet.read_metadata(path)
    except (pyarrow.ArrowException, OSError):
        return  # The reader says what is wrong with it.
    _check_extent(path, stated.num_rows, stated.num_columns)
    unfolded = sum(stated.row_group(i).total_byte_size for i in range(stated.num_row_groups))
    if unfolded > MOST_UNFOLDED:
        raise _too_much(path, f"{unfolded / 2**20:.0f} MB unpacked", f"{MOST_UNFOLDED // 2**20} MB")


def _check_labelled(path: Path, kind: str) -> None:
    import pyreadstat

    read = pyreadstat.read_sav if kind == "sav" else pyreadstat.read_dta
    try:
        _, stated = read(path, metadataonly=True)
    except (pyreadstat.ReadstatError, UnicodeDecodeError):
        return  # The reader says what is wrong with it, or tries another encoding.
    rows = max(stated.number_rows or 0, 1)
    _check_extent(path, rows, stated.number_columns or 0)
    width = sum(stated.variable_storage_width.values())
    if rows * width > MOST_UNFOLDED:
        raise _too_much(
            path, f"{rows * width / 2**20:.0f} MB unpacked", f"{MOST_UNFOLDED // 2**20} MB"
        )


def _check_text(path: Path, content: bytes) -> None:
    cells = max(content.count(mark) for mark in (b",", b";", b"\t", b"|"))
    if cells > MOST_CELLS:
        raise _too_much(path, f"about {cells} cells", f"{MOST_CELLS} cells")
    if (lines := content.count(b"\n")) > MOST_ROWS:
        raise _too_much(path, f"{lines} rows", f"{MOST_ROWS} rows")


def _check_extent(path: Path, rows: int, columns: int) -> None:
    if rows > MOST_ROWS:
        raise _too_much(path, f"{rows} rows", f"{MOST_ROWS} rows")
    if columns > MOST_COLUMNS:
        raise _too_much(path, f"{columns} columns", f"{MOST_COLUMNS} columns")
    if rows * columns > MOST_CELLS:
        raise _too_much(path, f"{rows} rows of {columns} columns", f"{MOST_CELLS} cells")


def _too_much(path: Path, has: str, limit: str) -> SurveyError:
    return SurveyError(
        f'"{path.name}" has {has}; at most {limit} can be uploaded.\n'
        "    Export only the respondents and columns that belong to the survey."
    )
