"""What people say afterwards about where they stood before: a second set of answers to the items.

An item's column is called "{item}_then", or as a mapping file says under `[then]`.
"""

from collections.abc import Mapping

import pandas as pd

from analyses.errors import SurveyError
from analyses.intake import raw_answers
from analyses.intake.columns import fold, listed
from analyses.intake.mapping import ThenColumns
from analyses.intake.reading import RawTable
from analyses.section import Message
from instruments.schema import Instrument


def columns_of(
    frame: pd.DataFrame, instrument: Instrument, wanted: ThenColumns, *, survey: str
) -> dict[str, str]:
    """Find the column of each item: those that are named, and by the pattern those that are there.

    Raises
    ------
    SurveyError
        Where the file lacks a column that the mapping names.
    """
    named = [str(name) for name in frame.columns]
    absent = [column for column in wanted.columns.values() if column not in named]
    if absent:
        raise SurveyError(
            f'"{survey}" lacks {listed(absent, "column")}, which the mapping names under then.'
            f"\n    It has {listed(named, 'column')}."
        )
    found = dict(wanted.columns)
    if wanted.pattern is None:
        return found
    by_name = {fold(name): name for name in named}
    for item in instrument.all_item_ids:
        column = by_name.get(fold(wanted.pattern.replace("{item}", item)))
        if column is not None and item not in found:
            found[item] = column
    return found


def read(
    raw: RawTable, columns: Mapping[str, str], instrument: Instrument
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Read the answers, reversed items turned, and say how many items have them.

    Raises
    ------
    SurveyError, AnswerError
        As for the answers themselves.
    """
    items = [item for item in columns if item not in instrument.check_ids]
    if not items:
        return pd.DataFrame(index=raw.frame.index), ()
    responses = {item: instrument.response(item) for item in items}
    codes, _, notes = raw_answers.read(raw, columns, responses)
    return instrument.score(codes), (*notes, Message("reading.then", {"n": len(items)}))
