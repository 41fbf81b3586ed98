"""What leaders answer about themselves, kept apart from what others answer about their leader.

The two have different referents, so a mean, a reliability or an agreement over both is of nothing.
They part when a survey is read, so that no analysis can mix them: a self-rating is missing in the
item's answers, and stands in a table of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analyses.section import Message, Text, Value
from instruments.schema import Instrument
from instruments.texts import fold

SELF_RATING = "self_rating"
"""The kind of a missing answer that is apart because it is about the respondent."""


@dataclass(frozen=True, eq=False)
class Apart:
    """The answers of raters, and those about oneself.

    Parameters
    ----------
    codes, missing, asked
        (n_obs, n_items) as they were given, without the self-ratings: these are NaN, of the kind
        `self_rating`, and not asked.
    self_ratings
        (n_obs, items with `self_for`): reverse-keyed, NaN for everybody else.
    notes
        How many answered about themselves, or that nothing tells who did.
    """

    codes: pd.DataFrame
    missing: pd.DataFrame
    asked: pd.DataFrame
    self_ratings: pd.DataFrame
    notes: tuple[Message, ...]


def apart(
    instrument: Instrument,
    codes: pd.DataFrame,
    missing: pd.DataFrame,
    asked: pd.DataFrame,
    background: Mapping[str, "pd.Series[Any]"],
) -> Apart:
    """Take the answers about oneself out of the answers.

    Parameters
    ----------
    instrument
        Its items with `self_for` are answered about themselves by those with that value in the
        column with the role "role".
    codes, missing, asked
        (n_obs, n_items) answered codes, kinds of missing answers, and what was asked.
    background
        The background columns of the file by name.
    """
    items = [one.id for one in instrument.all_items if one.self_for is not None and one.id in codes]
    nobody = codes[items].astype(float).mask(pd.Series(True, index=codes.index))
    column = instrument.column_for("role")
    if not items or column is None:
        return Apart(codes, missing, asked, nobody, ())
    label = next(one.label for one in instrument.columns if one.name == column)
    values: dict[str, Value] = {"items": tuple(items), "column": Text(dict(label))}
    if column not in background:
        return Apart(codes, missing, asked, nobody, (Message("reading.no_role", values),))
    roles = _roles(instrument, column, background[column])
    codes, missing, asked = codes.copy(), missing.copy(), asked.copy()
    own = pd.DataFrame(False, index=codes.index, columns=items)
    for item in items:
        own[item] = (roles == instrument.item(item).self_for) & asked[item]
        missing[item] = missing[item].mask(own[item], SELF_RATING)
        asked[item] = asked[item] & ~own[item]
    ratings = instrument.score(codes[items]).where(own)
    codes[items] = codes[items].mask(own)
    n, unknown = int(own.any(axis=1).sum()), int((roles.isna() & asked[items].any(axis=1)).sum())
    notes = [
        Message(key, {"n": count, **values})
        for key, count in (("reading.self_ratings", n), ("reading.role_unknown", unknown))
        if count
    ]
    return Apart(codes, missing, asked, ratings, tuple(notes))


def _roles(instrument: Instrument, column: str, values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Give the roles by the instrument's names, where the file has their words."""
    declared = next(one for one in instrument.columns if one.name == column)
    words = {fold(value): value for value in declared.values}
    for value, labels in declared.values.items():
        words |= {fold(text): value for text in labels.values()}
    return values.astype(object).map(
        lambda value: words.get(fold(str(value)), value), na_action="ignore"
    )
