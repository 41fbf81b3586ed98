"""Excel workbooks: the sheet that holds the items, its cells as stored, and its formulas."""

import io
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analyses.errors import SurveyError
from analyses.section import Message

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

Grid = list[tuple[object, ...]]
"""The cells of a sheet, row by row from its first; None is an empty cell."""


@dataclass(frozen=True)
class Formula:
    """A cell whose formula has never been calculated, so that the file holds no value for it."""

    text: str

    def __str__(self) -> str:
        """Give the formula as written."""
        return self.text


def read(
    content: bytes, name: str, expected: Collection[str] = ()
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Give the cells of one sheet of an Excel workbook, and what was detected.

    Parameters
    ----------
    content
        The whole file.
    name
        What error messages call the file.
    expected
        Column names that are looked for: the sheet that holds most of them is read, and the first
        that is not empty where none holds any.

    Returns
    -------
    frame
        (n_rows, n_columns) cells as stored (numbers, text, dates, truth values), named by the
        sheet's first row that is not empty; the index holds the sheet's row numbers. A formula is
        given as the value that Excel last calculated, or as `Formula` where the file holds none.
        Columns without a name are named "" and stand where they are, so that the position of a
        column gives its letter.
    notes
        The sheet, where there are several, and the formulas.

    Raises
    ------
    SurveyError
        Where the file is damaged.
    """
    try:
        title, n_sheets, grid, formulas = _load(content, expected)
    # A damaged workbook makes openpyxl raise almost anything, from KeyError to zlib.error.
    except Exception as error:
        raise SurveyError(
            f'"{name}" is an Excel workbook, but it is damaged or not complete.\n'
            "    Open it in Excel and save it again, or export it as CSV UTF-8."
        ) from error
    notes = []
    if n_sheets > 1:
        notes.append(Message("reading.sheet", {"sheet": title, "sheets": n_sheets}))
    if formulas:
        notes.append(Message("reading.formulas", {"n": len(formulas), "cell": formulas[0]}))
    return _frame(grid), tuple(notes)


def cell_name(row: int, position: int) -> str:
    """Give Excel's name of a cell from its row number and the position of its column (from 0)."""
    from openpyxl.utils import get_column_letter

    return f"{get_column_letter(position + 1)}{row}"


def _load(content: bytes, expected: Collection[str]) -> tuple[str, int, Grid, list[str]]:
    """Give the title of the sheet, how many sheets there are, the cells, and where formulas are."""
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        # openpyxl warns of decoration that it does not keep (styles, validation, extensions);
        # nothing is written back, so that nothing is lost.
        warnings.simplefilter("ignore")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=False)
        title = _sheet(book.worksheets, expected)
        grid, formulas = _cells(book[title])
        n_sheets = len(book.worksheets)
        book.close()
        if formulas:
            # openpyxl gives either the formulas or their values; only workbooks with formulas
            # are read twice.
            book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
            grid = _calculated(grid, _cells(book[title])[0])
            book.close()
    return title, n_sheets, grid, formulas


def _rows(sheet: "Worksheet") -> Iterator[Sequence[object]]:
    # Some programs write a wrong extent of the sheet, and openpyxl would believe it.
    sheet.reset_dimensions()  # type: ignore[attr-defined]
    return iter(sheet.iter_rows())


def _sheet(sheets: "Sequence[Worksheet]", expected: Collection[str]) -> str:
    wanted = {name.strip().casefold() for name in expected}
    best, title = -1, sheets[0].title
    for sheet in sheets:
        heading = next((row for row in map(_texts, _rows(sheet)) if any(row)), None)
        if heading is None:
            continue
        found = sum(text in wanted for text in heading)
        if found > best:
            best, title = found, sheet.title
    return title


def _texts(row: Sequence[object]) -> list[str]:
    values = (getattr(cell, "value", None) for cell in row)
    return ["" if value is None else str(value).strip().casefold() for value in values]


def _cells(sheet: "Worksheet") -> tuple[Grid, list[str]]:
    """Give the cells of a sheet, and the names of those that are formulas."""
    grid: Grid = []
    formulas = []
    for number, row in enumerate(_rows(sheet), start=1):
        values: list[object] = []
        for position, cell in enumerate(row):
            value = getattr(cell, "value", None)
            if getattr(cell, "data_type", "n") == "f":
                formulas.append(cell_name(number, position))
                # Array formulas are objects that hold their text.
                value = Formula(str(getattr(value, "text", value)))
            values.append(value)
        grid.append(tuple(values))
    return grid, formulas


def _calculated(grid: Grid, values: Grid) -> Grid:
    """Put the stored values in the place of the formulas, where there are any."""
    return [
        tuple(
            (stored[position] if position < len(stored) and stored[position] is not None else cell)
            if isinstance(cell, Formula)
            else cell
            for position, cell in enumerate(row)
        )
        for row, stored in zip(grid, values, strict=True)
    ]


def _frame(grid: Grid) -> pd.DataFrame:
    width = max((len(row) for row in grid), default=0)
    first = next((i for i, row in enumerate(grid) if any(_filled(value) for value in row)), None)
    if first is None:
        return pd.DataFrame(index=pd.Index([], name="row", dtype="int64"))
    header = ["" if value is None else str(value).strip() for value in grid[first]]
    header += [""] * (width - len(header))
    rows = [row + (None,) * (width - len(row)) for row in grid[first + 1 :]]
    index = pd.RangeIndex(first + 2, first + 2 + len(rows), name="row")
    return pd.DataFrame(rows, index=index, columns=header, dtype=object)


def _filled(value: object) -> bool:
    return value is not None and str(value).strip() != ""
