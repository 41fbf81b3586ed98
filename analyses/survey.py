"""A survey file and an instrument, made into checked answers."""

import datetime
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analyses import columns
from analyses.errors import SurveyError
from analyses.fielding import returned
from analyses.reading import RawTable, read_table
from analyses.section import Message
from analyses.simulating import mark
from analyses.spreadsheet import Formula
from instruments import answers
from instruments.schema import BackgroundColumn, Instrument, ResponseScale
from instruments.texts import fold

BLANK_WORDS = frozenset({"NA", "N/A", "#N/A", "NaN", "."})
"""What programs write for an empty cell; to the letter, since "none" can be an answer."""

DECLARED = "declared"
"""The kind under which missing values are counted that the file declares, not the instrument."""

SPREADSHEET_ERRORS = frozenset(
    {"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!"}
)


@dataclass(frozen=True, eq=False)
class Survey:
    """The answers to an instrument, read and checked.

    Parameters
    ----------
    name
        The file's name, without its folder.
    data
        One row a respondent: the background columns of the instrument that the file has (text, or
        categories in the order of their codes where the file labels them), then the items as
        answered codes (float, NaN where missing).
    scored
        (n_obs, n_items): the items that are scored (checks of attention are not), reverse-keyed.
    form
        Id of the largest form of the instrument whose items are all there.
    missing_codes
        (n_items, kinds) counts of missing answers: the instrument's missing codes, `blank`, and
        `declared` where the file declares missing values that the instrument does not know.
    notes
        What was detected in the file, and what was not used.
    simulated
        True where no person gave the answers: a column of the file says so (`simulating.mark`), or
        they are those of the instrument's simulated demonstration.
    """

    name: str
    data: pd.DataFrame
    scored: pd.DataFrame
    form: str
    missing_codes: pd.DataFrame
    notes: tuple[Message, ...]
    simulated: bool


def read_survey(
    path: str | Path, instrument: Instrument, *, mapping: Mapping[str, str] | None = None
) -> Survey:
    """Read a survey file and check it against the instrument, before anything is computed.

    Parameters
    ----------
    path
        A .csv, .tsv, .txt, .xlsx, .sav, .dta or .parquet file with one row a respondent.
    instrument
        What was asked.
    mapping
        Name in the instrument → name of the column in the file, where they differ.

    Raises
    ------
    SurveyError
        Where the file cannot be read, or lacks what the instrument requires.
    AnswerError
        Where an answer is outside its response scale or no label of it, an item is constant or
        empty, or there are fewer complete answers than items.
    """
    path = Path(path)
    mapping = dict(mapping or {})
    names = [*instrument.all_item_ids, *(column.name for column in instrument.columns)]
    raw = read_table(path, expected=[mapping.get(name, name) for name in names])
    raw, marked = mark.taken_from(raw)
    raw = returned.translate(raw, instrument, survey=path.name, keep=set(mapping.values()))
    match = columns.match(
        [str(name) for name in raw.frame.columns], instrument, survey=path.name, mapping=mapping
    )
    order = [item for item in instrument.all_item_ids if item in match.form.items]
    # Whoever reads gives a check of attention the same answer, so it may well be constant.
    checks = instrument.check_ids
    given = {
        item: _answers(item, raw, match.found[item], instrument.response(item)) for item in order
    }
    decoded = instrument.decode(pd.DataFrame(given))
    answers.check_answers(
        decoded.codes,
        [item for item in order if item not in checks],
        together=instrument.asked_of_all(match.form.id),
    )
    missing, declared = _missing(decoded.missing, given, raw, match.found)
    background = {
        part.name: _background(raw, match.found[part.name], part)
        for part in instrument.columns
        if part.name in match.found
    }
    data = pd.concat([pd.DataFrame(background), decoded.codes], axis=1).reset_index(drop=True)
    return Survey(
        name=path.name,
        data=data,
        scored=instrument.score(data[order]),
        form=match.form.id,
        missing_codes=missing,
        notes=(*raw.notes, *_text_notes(given, raw), *declared, *match.notes),
        simulated=marked or _simulated(path, decoded.codes, instrument),
    )


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


def _missing(
    counts: pd.DataFrame,
    given: Mapping[str, "pd.Series[Any]"],
    raw: RawTable,
    found: Mapping[str, str],
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Count the missing values that only the file declares apart from blank answers."""
    declared = {
        item: raw.declared[found[item]].notna() for item in given if found[item] in raw.declared
    }
    n_declared = sum(int(mask.sum()) for mask in declared.values())
    if not n_declared:
        return counts, ()
    unknown = pd.Series(0, index=counts.index)
    for item, mask in declared.items():
        unknown[item] = int((mask & given[item].isna()).sum())
    note = Message("reading.declared", {"n": n_declared})
    if unknown.any():
        blank = counts[answers.BLANK] - unknown
        counts = counts.assign(**{answers.BLANK: blank, DECLARED: unknown})
    return counts, (note,)


def _background(raw: RawTable, column: str, declared: BackgroundColumn) -> "pd.Series[Any]":
    """Give a background column as text, or as categories where the file labels its values.

    The instrument's own names of the values go before the file's labels.
    """
    values = raw.frame[column]
    text = values.astype(object).map(_as_text, na_action="ignore")
    labels = {_as_text(value): label for value, label in raw.value_labels.get(column, {}).items()}
    if not labels or set(text.dropna()) <= set(declared.values):
        words = text.isin(BLANK_WORDS - set(declared.values))
        return text.mask(words).astype("str")
    doubles = {label for label, n in Counter(labels.values()).items() if n > 1}
    shown = {
        value: f"{label} ({value})" if label in doubles else label
        for value, label in labels.items()
    }
    others = sorted(set(text.dropna()) - set(shown))
    categories = [*shown.values(), *(value for value in others if value not in shown.values())]
    named = text.map(lambda value: shown.get(value, value), na_action="ignore")
    return named.astype(pd.CategoricalDtype(categories))


def _as_text(value: object) -> str:
    """Write a value of a background column; whole numbers without decimals."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return str(value.date())
    return str(value).strip()


def _simulated(path: Path, codes: pd.DataFrame, instrument: Instrument) -> bool:
    """Tell whether the answers are the instrument's simulated demonstration.

    Wherever the file lies, and also after a survey system has had it and written it anew.
    """
    if instrument.demonstration is None or not instrument.demonstration.simulated:
        return False
    original = instrument.demonstration_path()
    if path.read_bytes() == original.read_bytes():
        return True
    table = _demonstrated(original)
    if len(table) != len(codes) or not set(codes.columns) <= set(table.columns):
        return False
    answered = instrument.decode(table[list(codes.columns)]).codes
    return bool(
        np.array_equal(answered.to_numpy(), codes[answered.columns].to_numpy(), equal_nan=True)
    )


@lru_cache(maxsize=1)
def _demonstrated(path: Path) -> pd.DataFrame:
    """Read a demonstration once, not again for every survey that is held against it."""
    return read_table(path).frame


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
