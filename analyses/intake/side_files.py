"""Files beside the survey: experts' ratings and notes from interviews, about the items."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analyses.errors import SurveyError
from analyses.intake.columns import fold, listed
from analyses.intake.reading import RawTable, read_table
from instruments.schema import Instrument

ITEM = ("item", "code", "kode", "spørgsmål", "udsagn", "question", "statement")

PERSONAL = (
    ("an e-mail address", re.compile(r"[\w.+-]+@[\w-]+\.\w+")),
    ("a CPR number", re.compile(r"\b[0-3]\d[01]\d{3}[- ]?\d{4}\b")),
    ("a telephone number", re.compile(r"(?<!\d)(?:\+45 ?)?[2-9]\d(?: ?\d\d){3}(?!\d)")),
)


@dataclass(frozen=True, eq=False)
class SideFile:
    """A table about the items, as found in its file."""

    raw: RawTable
    name: str

    @property
    def headings(self) -> list[str]:
        """The columns of the file."""
        return [str(name) for name in self.raw.frame.columns]

    def column(self, names: Collection[str]) -> str | None:
        """Give the column that has one of some names, in any case; None where none has."""
        fits = [heading for heading in self.headings if fold(heading) in names]
        if len(fits) > 1:
            raise SurveyError(
                f'"{self.name}" has the {listed(fits, "column")}, which mean the same here.\n'
                "    Delete or rename all but one of them."
            )
        return fits[0] if fits else None

    def text(self, column: str) -> "pd.Series[Any]":
        """Give a column as text without surrounding blanks; empty cells are missing."""
        cells = self.raw.frame[column].astype(object)
        read = cells.map(lambda cell: str(cell).strip(), na_action="ignore")
        return read.mask(read == "")

    def place(self, row: Any, column: str) -> str:
        """Say where a cell is."""
        return self.raw.place(row, column)

    def items(self, column: str, instrument: Instrument) -> "pd.Series[Any]":
        """Give the item codes of a column as the instrument writes them.

        Raises
        ------
        SurveyError
            Where there is no such item.
        """
        known = {fold(item): item for item in instrument.all_item_ids}
        text = self.text(column)
        items = text.map(lambda code: known.get(fold(code)), na_action="ignore")
        unknown = text[text.notna() & items.isna()]
        if not unknown.empty:
            names = list(dict.fromkeys(unknown))
            raise SurveyError(
                f'"{self.name}" names {listed(names, "item")} '
                f"(first in {self.place(unknown.index[0], column)}), which version "
                f'{instrument.version} of "{instrument.id}" does not have.\n'
                "    Correct the code, or leave the rows out."
            )
        return items

    def refuse_personal(self, column: str) -> None:
        """Refuse text by which a person can be reached (SurveyError)."""
        text = self.text(column).dropna()
        for kind, pattern in PERSONAL:
            found = text[text.map(lambda note, one=pattern: one.search(note) is not None)]
            if not found.empty:
                raise SurveyError(
                    f'"{self.name}": {self.place(found.index[0], column)} seems to hold {kind}, '
                    "and the notes are printed in the report.\n"
                    "    Take out whatever tells who said it."
                )


def open_file(path: str | Path, expected: Sequence[str]) -> SideFile:
    """Read a table about the items from a file of any format that surveys may have.

    Raises
    ------
    SurveyError
        Where the file cannot be read, or holds no rows.
    """
    path = Path(path)
    return SideFile(read_table(path, expected=expected), path.name)
