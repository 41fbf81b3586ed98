"""The answers of a survey file as codes, with the kind of each that is missing."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analyses.errors import SurveyError
from analyses.intake.asked import NOT_ASKED
from analyses.intake.reading import RawTable
from analyses.intake.selfratings import SELF_RATING
from analyses.intake.spreadsheet import Formula
from analyses.section import Message
from instruments import answers
from instruments.schema import ResponseScale
from instruments.texts import fold

DECLARED = "declared"
"""The kind under which missing values are counted that the file declares, not the instrument."""

OPTIONAL_KINDS = (DECLARED, NOT_ASKED, SELF_RATING)
"""Kinds of missing answers that are shown only where there are any."""

SPREADSHEET_ERRORS = frozenset(
    {"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!"}
)


def read(
    raw: RawTable, found: Mapping[str, str], responses: Mapping[str, ResponseScale]
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[Message, ...]]:
    """Read the items' answers.

    Parameters
    ----------
    raw
        The table as found in the file, with the instrument's codes.
    found
        Item → name of its column.
    responses
        The response scale of each item, in the order wanted.

    Returns
    -------
    tuple
        Codes, (n_obs, n_items) float with NaN where missing; the kind of each missing answer, of
        the same shape; and what was detected.

    Raises
    ------
    SurveyError
        Where a cell holds what is no answer, or the file gives an answer another code.
    AnswerError
        As `instruments.answers.decode`.
    """
    given = {
        item: _answers(item, raw, found[item], response) for item, response in responses.items()
    }
    codes, missing = answers.decode(pd.DataFrame(given), responses)
    missing, declared = _declared(missing, given, raw, found)
    return codes, missing, (*_text_notes(given, raw), *declared)


def _answers(item: str, raw: RawTable, column: str, response: ResponseScale) -> "pd.Series[Any]":
    """Give an item's answers as `Instrument.decode` reads them: codes, or labels in words."""
    values = raw.frame[column]
    labels = raw.value_labels.get(column, {})
    _refuse_cells(item, raw, column)
    _refuse_other_coding(item, values, labels, response)
    if labels and not pd.api.types.is_numeric_dtype(values):
        # Some programs store answers as short texts ("A1"), and the words as their labels.
        values = values.map(lambda value: labels.get(value, value))
    if column not in raw.declared:
        return values
    words = {fold(label): part.code for part in response.missing for label in part.labels.values()}
    known = {part.code for part in response.missing}
    codes = {
        value: words.get(fold(labels.get(value, "")), value if value in known else None)
        for value in raw.declared[column].dropna().unique()
    }
    declared = raw.declared[column].map(codes)
    return values.astype(object).where(declared.isna(), declared)


def _refuse_cells(item: str, raw: RawTable, column: str) -> None:
    """Refuse what a spreadsheet or a database holds that is neither number nor text."""
    values = raw.frame[column].dropna()
    for kind, is_kind, advice in CELLS:
        bad = values[is_kind(values)]
        if not bad.empty:
            first = bad.index[0]
            more = f", and {len(bad) - 1} more like it" if len(bad) > 1 else ""
            raise SurveyError(
                f'item "{item}" holds {kind} in {raw.place(first, column)} '
                f"({bad.iloc[0]!s}){more}.\n    {advice}"
            )


def _refuse_other_coding(
    item: str,
    values: "pd.Series[Any]",
    labels: Mapping[object, str],
    response: ResponseScale,
) -> None:
    """Refuse a file whose labels give an answer another code than the instrument does."""
    codes: dict[str, set[float]] = {}
    for scale_labels in response.labels.values():
        for code, label in scale_labels.items():
            codes.setdefault(fold(label), set()).add(code)
    for part in response.missing:
        for label in part.labels.values():
            codes.setdefault(fold(label), set()).add(part.code)
    for value in values.dropna().unique() if labels else ():
        expected = codes.get(fold(labels.get(value, "")), {value})
        if not isinstance(value, str) and value not in expected:
            raise SurveyError(
                f'item "{item}": the file labels the code {value:g} "{labels[value]}", which the '
                f"instrument codes {min(expected):g}.\n"
                "    Recode the item as the instrument does, or export the labels as text."
            )


def _text_notes(given: Mapping[str, "pd.Series[Any]"], raw: RawTable) -> tuple[Message, ...]:
    """Say which items hold text, and what it was taken for."""
    comma, as_text, labelled, words = [], [], [], dict[str, int]()
    for item, values in given.items():
        counts = values[
            values.map(lambda value: isinstance(value, str)).astype(bool)
        ].value_counts()
        texts = {str(text).strip(): int(n) for text, n in counts.items()}
        numbers = [text for text in texts if answers.NUMBER.fullmatch(fold(text))]
        blank = [text for text in texts if fold(text) in answers.BLANK_TEXTS]
        for text in blank:
            words[text] = words.get(text, 0) + texts[text]
        if any("," in text for text in numbers):
            comma.append(item)
        if numbers and raw.typed:
            as_text.append(item)
        if len(texts) > len(numbers) + len(blank):
            labelled.append(item)
    notes = [
        Message(key, {"n": len(items), "items": tuple(items)})
        for key, items in (
            ("reading.decimal_comma", comma),
            ("reading.numbers_as_text", as_text),
            ("reading.answers_in_words", labelled),
        )
        if items
    ]
    if words:
        n = sum(words.values())
        notes.append(Message("reading.blank_words", {"n": n, "words": tuple(words)}))
    return tuple(notes)


def _declared(
    missing: pd.DataFrame,
    given: Mapping[str, "pd.Series[Any]"],
    raw: RawTable,
    found: Mapping[str, str],
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Tell the missing values that only the file declares from blank answers."""
    kinds = [*dict.fromkeys([*missing.dtypes.iloc[0].categories, *OPTIONAL_KINDS])]
    missing = missing.astype(pd.CategoricalDtype(kinds))
    declared = {
        item: raw.declared[found[item]].notna() for item in given if found[item] in raw.declared
    }
    n_declared = sum(int(mask.sum()) for mask in declared.values())
    for item, mask in declared.items():
        missing[item] = missing[item].mask(mask & given[item].isna(), DECLARED)
    notes = (Message("reading.declared", {"n": n_declared}),) if n_declared else ()
    return missing, notes


def _of_type(values: "pd.Series[Any]", *types: type) -> "pd.Series[bool]":
    """Mark the values of a type; text columns are known to hold text without looking."""
    if isinstance(values.dtype, pd.StringDtype):
        return values.notna() if str in types else pd.Series(False, index=values.index)
    return values.map(lambda value: isinstance(value, types)).astype(bool)


CELLS: tuple[tuple[str, Callable[["pd.Series[Any]"], "pd.Series[bool]"], str], ...] = (
    (
        "a date",
        lambda values: _of_type(values, datetime.date, datetime.time, datetime.timedelta),
        "Spreadsheets turn answers like 3-4 into dates: write the answer again, as a number.",
    ),
    (
        "a formula that was never calculated",
        lambda values: _of_type(values, Formula),
        "Open the file in a spreadsheet program and save it, or paste the values.",
    ),
    (
        "the error of a formula",
        lambda values: values.isin(SPREADSHEET_ERRORS),
        "Correct the formula, or empty the cell if the answer is missing.",
    ),
    (
        "a truth value",
        lambda values: _of_type(values, bool, np.bool_),
        "Export the answer as a code of the response scale.",
    ),
)
"""Cells that are no answer: what they are called, how they are told, what to do."""
