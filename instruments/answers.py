"""Answers, given as codes or as label text, turned into checked codes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from instruments.errors import AnswerError
from instruments.texts import fold

if TYPE_CHECKING:
    from instruments.schema import ResponseScale

BLANK = "blank"
"""The kind under which empty cells are counted, beside the scale's own missing codes."""

BLANK_TEXTS = frozenset({"", ".", "na", "n/a", "nan", "<na>", "none", "null"})
"""Texts that programs write for an empty cell, folded; a label of the scale goes before them."""

NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d*)?(?:e[+-]?\d+)?")

FIRST_ROW = 2
"""The row of the first answers as a spreadsheet counts, the heading being row 1."""

PROBLEMS_SHOWN = 5
MISSING = float("nan")

LARGEST = 1e100
"""No measurement is larger, and the square of such a number can no longer be held."""


def decode(
    data: pd.DataFrame, responses: Mapping[str, "ResponseScale"]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turn the items of a table into codes.

    Parameters
    ----------
    data
        (n_obs, columns); columns that are not in `responses` are left out.
    responses
        The response scale of each item, in the order wanted.

    Returns
    -------
    tuple
        Codes, (n_obs, n_items) float with NaN where missing; and of the same shape the kind of each
        missing answer, NaN where there is an answer: the name of the missing code, or `blank`. The
        columns are categories of all kinds, `blank` the last.

    Raises
    ------
    AnswerError
        Where a column occurs twice, or an answer is outside its scale or no label of it.
    """
    present = [name for name in responses if name in data.columns]
    kinds = missing_kinds(responses.values())
    codes: dict[str, pd.Series[float]] = {}
    missing: dict[str, pd.Series[Any]] = {}
    problems: list[str] = []
    for name in present:
        column = data[name]
        if isinstance(column, pd.DataFrame):
            raise AnswerError(f'item "{name}" is {column.shape[1]} columns; keep one of them.')
        numbers, unread = _numbers(column, responses[name])
        wrong = unread | ~_fits(numbers, responses[name])
        if wrong.any():
            problems.append(_describe(name, column, wrong, responses[name]))
            continue
        codes[name], missing[name] = _without_missing(numbers, responses[name], kinds)
    if problems:
        raise AnswerError(_joined(problems))
    columns = pd.Index(present)
    table = pd.DataFrame(codes, index=data.index, columns=columns, dtype=float)
    return table, pd.DataFrame(missing, index=data.index, columns=columns)


def missing_kinds(scales: Iterable["ResponseScale"]) -> tuple[str, ...]:
    """Give the names of the missing codes of some response scales, and `blank` as the last."""
    named = (part.name for scale in scales for part in scale.missing)
    return (*dict.fromkeys(named), BLANK)


def count_missing(missing: pd.DataFrame, kinds: Sequence[str]) -> pd.DataFrame:
    """Count the missing answers of each item by their kind.

    Parameters
    ----------
    missing
        As `decode` gives it: (n_obs, n_items), the kind of each missing answer.
    kinds
        The kinds that are counted, in the order wanted.

    Returns
    -------
    DataFrame
        (n_items, kinds) int.
    """
    counts = {
        name: [int((missing[name] == kind).sum()) for kind in kinds] for name in missing.columns
    }
    table = pd.DataFrame.from_dict(counts, orient="index", columns=list(kinds), dtype="int64")
    return table.rename_axis("item")


def reverse(codes: pd.DataFrame, turned: Mapping[str, "ResponseScale"]) -> pd.DataFrame:
    """Turn the answers of reversed items: lowest + highest − answer.

    Parameters
    ----------
    codes
        (n_obs, n_items) checked codes.
    turned
        The reversed items and their response scales; items not in `codes` are passed over.
    """
    limits = {name: scale.limits for name, scale in turned.items() if name in codes.columns}
    return codes.assign(
        **{name: sum(ends) - codes[name] for name, ends in limits.items() if ends is not None}
    )


def check_answers(
    codes: pd.DataFrame, items: Iterable[str], *, together: Iterable[str] | None = None
) -> None:
    """Refuse answers that nothing can be computed from.

    Parameters
    ----------
    codes
        (n_obs, n_items) as `Instrument.decode` or `Instrument.score` gives them.
    items
        The items that the analysis needs.
    together
        Those of them that everybody was asked, where others are missing by design; by default all.

    Raises
    ------
    AnswerError
        Where an item is not there, has no answers, or has the same answer from everyone (all such
        items are named); or where fewer persons have answered all items of `together` than those
        are.
    """
    needed = list(dict.fromkeys(items))
    problems = []
    for name in needed:
        if name not in codes.columns:
            problems.append(f'item "{name}" is not in the data.')
            continue
        values = codes[name].dropna().unique()
        if len(values) == 0:
            problems.append(
                f'item "{name}" has no answers: all {len(codes)} rows are missing. '
                "Check that its column was exported, or use a form without it."
            )
        elif len(values) == 1:
            problems.append(
                f'item "{name}" is constant: every answer is {_number(values[0])}. '
                "It cannot be correlated with anything; check the export, or leave the item out."
            )
    if problems:
        raise AnswerError(_joined(problems))
    asked = needed if together is None else [name for name in needed if name in set(together)]
    complete = int(codes[asked].notna().all(axis=1).sum())
    if complete < len(asked):
        raise AnswerError(
            f"only {complete} of {len(codes)} rows have an answer to all {len(asked)} items, and "
            "fewer answers than items determine nothing. Collect more answers, or use a shorter "
            "form."
        )


def _numbers(
    column: "pd.Series[Any]", scale: "ResponseScale"
) -> tuple["pd.Series[float]", "pd.Series[bool]"]:
    """Read a column as numbers; the second part marks cells that hold text but no answer."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        numbers = column.to_numpy(dtype=float, na_value=MISSING)
        return pd.Series(numbers, index=column.index), pd.Series(False, index=column.index)
    # A column holds few different answers, so each is read once however many rows have it.
    # Missing cells have the place -1, which is the last of each list.
    places, values = pd.factorize(column)
    words = _words(scale)
    read = [_one_answer(value, words) for value in values]
    meaning = pd.Series([*(MISSING if code is None else code for code in read), MISSING])
    strange = pd.Series([*(code is None for code in read), False])
    return (
        meaning.take(places).set_axis(column.index).astype(float),
        strange.take(places).set_axis(column.index).astype(bool),
    )


def _words(scale: "ResponseScale") -> dict[str, float]:
    """Give the code of every text that is an answer or a missing answer, folded."""
    words = dict.fromkeys(BLANK_TEXTS, MISSING)
    words |= {fold(label): part.code for part in scale.missing for label in part.labels.values()}
    words |= {
        fold(label): code for labels in scale.labels.values() for code, label in labels.items()
    }
    return words


def _one_answer(value: object, words: Mapping[str, float]) -> float | None:
    """Give the number that a cell stands for, NaN for a blank, None for what is no answer."""
    if isinstance(value, bool):
        return None
    text = fold(str(value))
    if text in words:
        return words[text]
    return float(text.replace(",", ".")) if NUMBER.fullmatch(text) else None


def _fits(numbers: "pd.Series[float]", scale: "ResponseScale") -> "pd.Series[bool]":
    """Mark the numbers that are missing or within the response scale."""
    if scale.continuous:
        return numbers.isna() | (numbers.abs() <= LARGEST)
    allowed = {float(code) for code in (*scale.codes, *(part.code for part in scale.missing))}
    return numbers.isin(allowed) | numbers.isna()


def _without_missing(
    numbers: "pd.Series[float]", scale: "ResponseScale", kinds: Sequence[str]
) -> tuple["pd.Series[float]", "pd.Series[Any]"]:
    """Make all missing answers NaN, and give their kinds."""
    places = pd.Series(-1, index=numbers.index).mask(numbers.isna(), kinds.index(BLANK))
    for part in scale.missing:
        places = places.mask(numbers == part.code, kinds.index(part.name))
    found = pd.Categorical.from_codes(places.astype(int), categories=pd.Index(kinds))
    return numbers.mask(places >= 0), pd.Series(found, index=numbers.index)


def _describe(
    name: str, column: "pd.Series[Any]", wrong: "pd.Series[bool]", scale: "ResponseScale"
) -> str:
    """Say which value of an item does not fit, how often, where, and what to do."""
    rows = [place for place, is_wrong in enumerate(wrong) if is_wrong]
    first = column.iloc[rows[0]]
    same = [row for row, value in zip(rows, column.iloc[rows], strict=True) if value == first]
    where = f"in {len(same)} rows (first: {_place(column, same[0])})"
    if len(same) == 1:
        where = f"in {_place(column, same[0])}"
    others = len(rows) - len(same)
    more = f" Answers in {_rows(others)} more do not fit." if others else ""
    shown = f'"{first}"' if isinstance(first, str) else _number(first)
    is_text = isinstance(first, str) and not NUMBER.fullmatch(fold(first))
    if scale.continuous:
        why = "not a number" if is_text else "too large to be a measurement"
        return (
            f'item "{name}" holds {shown} {where}, which is {why}.{more}\n'
            "    Leave missing answers empty."
        )
    span = f"{scale.codes[0]} to {scale.codes[-1]}"
    if is_text:
        labels = next(iter(scale.labels.values()), {})
        words = f", or the labels ({', '.join(labels.values())})" if labels else ""
        return (
            f'item "{name}" holds {shown} {where}, which is no answer of its response scale.{more}'
            f"\n    Use the codes {span}{words}, and leave missing answers empty."
        )
    return (
        f'item "{name}" holds {shown} {where}, outside the response scale {span}.{more}\n'
        f"    Leave missing answers empty{_missing_codes(scale)}, or give the item a wider scale."
    )


def _place(column: "pd.Series[Any]", position: int) -> str:
    """Name a row as the file counts it, where the index has a name ("row", "case")."""
    if column.index.name:
        return f"{column.index.name} {column.index[position]}"
    return f"row {position + FIRST_ROW}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _missing_codes(scale: "ResponseScale") -> str:
    codes = ", ".join(f"{part.code} ({part.name})" for part in scale.missing)
    return f" or code them {codes}" if codes else ""


def _joined(problems: list[str]) -> str:
    rest = len(problems) - PROBLEMS_SHOWN
    shown = problems[:PROBLEMS_SHOWN]
    if rest > 0:
        shown = [
            *shown,
            f"{rest} more item{'s' if rest > 1 else ''} have the same kind of problem.",
        ]
    return "\n".join(shown)


def _number(value: object) -> str:
    """Write a number without needless decimals: 9, not 9.0."""
    return f"{value:g}" if isinstance(value, int | float) else str(value)
