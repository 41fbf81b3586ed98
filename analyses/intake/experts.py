"""Experts' ratings of how relevant each item is, read from a file.

Three layouts are read: a row for each item and expert (columns item, expert, relevance), a row for
each item and a column for each expert, and a row for each expert and a column for each item.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analyses.errors import SurveyError
from analyses.intake import lookalikes
from analyses.intake.columns import fold, listed
from analyses.intake.side_files import ITEM, SideFile, open_file
from instruments.schema import Instrument

EXPERT = ("expert", "ekspert", "rater", "judge", "bedømmer", "panelist")
RELEVANCE = ("relevance", "relevans", "rating", "bedømmelse", "vurdering", "score")
BESIDE = (
    *("text", "tekst", "wording", "ordlyd", "scale", "skala", "function", "funktion", "level"),
    *("niveau", "dimension", "comment", "comments", "kommentar", "kommentarer", "note", "noter"),
)
"""Columns that may stand beside the ratings and are not read."""

LOWEST, HIGHEST = 1, 4
"""Relevance is rated from 1 (not relevant) to 4 (highly relevant; Lynn 1986)."""

RELEVANT = (3, 4)


@dataclass(frozen=True, eq=False)
class Experts:
    """What experts said.

    Parameters
    ----------
    name
        The file's name, without its folder.
    ratings
        (n_items, n_experts) relevance, NaN where not rated; the items in the instrument's order,
        the experts numbered from 1.
    """

    name: str
    ratings: pd.DataFrame


def read_experts(path: str | Path, instrument: Instrument) -> Experts:
    """Read experts' ratings of relevance.

    Parameters
    ----------
    path
        A table of any format that a survey may have. Its columns may have Danish or English names.
    instrument
        Whose items were rated.

    Raises
    ------
    SurveyError
        Where the file is in none of the three layouts, names an unknown item, holds a rating
        outside 1 to 4, or an expert rated an item twice.
    """
    file = open_file(path, expected=(*ITEM, *EXPERT, *RELEVANCE, *instrument.all_item_ids))
    item, relevance = file.column(ITEM), file.column(RELEVANCE)
    if item is not None and relevance is not None:
        table = _by_row(file, item, relevance, instrument)
    elif item is not None:
        table = _by_item(file, item, instrument)
    else:
        table = _by_expert(file, instrument)
    table = table.dropna(how="all").dropna(how="all", axis=1)
    if table.empty:
        raise SurveyError(f'"{file.name}" holds no ratings.\n    Rate each item from 1 to 4.')
    order = [name for name in instrument.all_item_ids if name in table.index]
    experts = pd.RangeIndex(1, table.shape[1] + 1, name="expert")
    return Experts(file.name, table.loc[order].set_axis(experts, axis=1).rename_axis("item"))


def _by_row(file: SideFile, item: str, relevance: str, instrument: Instrument) -> pd.DataFrame:
    expert = file.column(EXPERT)
    if expert is None:
        raise SurveyError(
            f'"{file.name}" does not say which expert gave each rating.\n'
            '    Add a column "expert" with a number for each, and no names.'
        )
    rows = pd.DataFrame(
        {
            "item": file.items(item, instrument),
            "expert": file.text(expert),
            "rating": _ratings(file, relevance),
        }
    ).dropna(how="all")
    for name, column in (("item", item), ("expert", expert)):
        blank = rows.index[rows[name].isna()]
        if len(blank):
            raise SurveyError(
                f'"{file.name}": {file.place(blank[0], column)} is empty, so the rating belongs '
                f"to no {name}.\n    Fill it in, or leave the row out."
            )
    _refuse_twice(file, rows)
    return rows.pivot(index="item", columns="expert", values="rating")


def _by_item(file: SideFile, item: str, instrument: Instrument) -> pd.DataFrame:
    experts = [
        name
        for name in file.headings
        if name != item and fold(name) not in BESIDE and fold(name) not in EXPERT
    ]
    if not experts:
        raise SurveyError(
            f'"{file.name}" has a column of items and no ratings.\n'
            "    Give each expert a column, or add the columns expert and relevance."
        )
    items = file.items(item, instrument)
    doubles = items[items.notna() & items.duplicated()]
    if not doubles.empty:
        raise SurveyError(
            f'"{file.name}" has the item "{doubles.iloc[0]}" in more than one row (again in '
            f"{file.place(doubles.index[0], item)}).\n"
            "    Keep one of them; a row for each rating needs the columns expert and relevance."
        )
    table = pd.DataFrame({name: _ratings(file, name) for name in experts})
    return table[items.notna()].set_axis(pd.Index(items.dropna()), axis=0)


def _by_expert(file: SideFile, instrument: Instrument) -> pd.DataFrame:
    known = {fold(name): name for name in instrument.all_item_ids}
    columns = {name: known[fold(name)] for name in file.headings if fold(name) in known}
    expert = file.column(EXPERT)
    if not columns:
        raise SurveyError(
            f'"{file.name}" is no table of ratings: it has {listed(file.headings, "column")}.\n'
            "    Use the columns item, expert and relevance; or a column item and one for each "
            f'expert; or one for each item of "{instrument.id}".'
        )
    rest = [name for name in file.headings if name not in columns and name != expert]
    if strange := lookalikes.find(rest, instrument):
        raise SurveyError(
            f'"{file.name}" has {listed(strange, "column")}, called like items, which version '
            f'{instrument.version} of "{instrument.id}" does not have.\n'
            "    Correct the code, or delete the column."
        )
    if expert is not None:
        who = file.text(expert).dropna()
        doubles = who[who.duplicated()]
        if not doubles.empty:
            raise SurveyError(
                f'"{file.name}" has the expert "{doubles.iloc[0]}" in more than one row (again in '
                f"{file.place(doubles.index[0], expert)}).\n    Keep one row for each expert."
            )
    table = pd.DataFrame({own: _ratings(file, name) for name, own in columns.items()})
    return table.T


def _ratings(file: SideFile, column: str) -> "pd.Series[float]":
    """Read ratings; refuse what is not a whole number from 1 to 4."""
    text = file.text(column)
    plain = text.map(lambda cell: cell.replace(",", "."), na_action="ignore")
    numbers = pd.to_numeric(plain, errors="coerce")
    wrong = text[text.notna() & ~numbers.isin(range(LOWEST, HIGHEST + 1))]
    if not wrong.empty:
        more = f" {len(wrong) - 1} more do not fit." if len(wrong) > 1 else ""
        raise SurveyError(
            f'"{file.name}" holds the rating "{wrong.iloc[0]}" in '
            f"{file.place(wrong.index[0], column)}, outside {LOWEST} to {HIGHEST}.{more}\n"
            f"    Relevance is rated from {LOWEST} (not relevant) to {HIGHEST} (highly relevant); "
            "leave empty what was not rated."
        )
    return numbers.astype(float)


def _refuse_twice(file: SideFile, rows: pd.DataFrame) -> None:
    doubles: Any = rows[rows.duplicated(["item", "expert"])]
    if not doubles.empty:
        first = doubles.iloc[0]
        more = f" {len(doubles) - 1} more ratings are like it." if len(doubles) > 1 else ""
        raise SurveyError(
            f'"{file.name}": expert "{first["expert"]}" rated item "{first["item"]}" more than '
            f"once (again in {doubles.index.name} {doubles.index[0]}).{more}\n"
            "    Keep one rating of each item from each expert."
        )
