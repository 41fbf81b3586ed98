"""Columns that are called as items are, but are none: the mark of another version.

A code is never reused for something else, so a column "I_bro7" beside the six items "I_bro1" to
"I_bro6" was asked by a questionnaire that this instrument file does not describe.
"""

import re
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from analyses.section import Message, Value
from instruments.schema import Instrument

VERSION_COLUMNS = frozenset({"version", "instrument_version"})

ENOUGH = 3
"""So many items that begin alike make a family, whose other names are looked at too."""


def find(columns: Sequence[str], instrument: Instrument) -> tuple[str, ...]:
    """Give the columns that are called like items of the instrument and are no name of it.

    Parameters
    ----------
    columns
        The survey's columns that are neither item nor background column. A survey system may have
        put the name of a block around them: `block[item]`, where underscores are dropped, or
        `block/item`.
    instrument
        Whose item codes are compared: a column looks like an item where it differs from one only in
        its digits, or has the beginning (up to an underscore) of several and then letters and
        digits.
    """
    ids = instrument.all_item_ids
    known = {name.casefold() for name in (*ids, *(column.name for column in instrument.columns))}
    patterns = _numbered(ids) | _families(ids)
    within_brackets = re.compile("|".join(one.replace("_", "") for one in sorted(_numbered(ids))))
    plain = re.compile("|".join(sorted(patterns)))
    bare = {name.replace("_", "") for name in known}
    found = []
    for column in columns:
        name = column.strip().casefold()
        if (within := re.search(r"\[(\w+)\]$", name)) is not None:
            looks = bool(within_brackets.fullmatch(within[1])) and within[1] not in bare
        else:
            last = re.split(r"[/-]", name)[-1]
            looks = bool(plain.fullmatch(last)) and last not in known
        if looks:
            found.append(column)
    return tuple(found)


def other_versions(frame: pd.DataFrame, instrument: Instrument) -> tuple[Message, ...]:
    """Compare the version that a column of the survey states with the instrument's.

    Parameters
    ----------
    frame
        The survey; a column `version` or `instrument_version` is read where all that it holds are
        numbers of versions.
    instrument
        Whose version is compared.
    """
    own = {column.name.casefold() for column in instrument.columns}
    for name in frame.columns:
        if str(name).strip().casefold() not in VERSION_COLUMNS - own:
            continue
        stated = frame[name].dropna().astype(str).str.strip()
        others = sorted(set(stated) - {instrument.version})
        if others and stated.str.fullmatch(r"\d+(\.\d+)*").all():
            values: dict[str, Value] = {
                "column": str(name),
                "n": int(stated.isin(others).sum()),
                "others": tuple(others),
                "version": instrument.version,
            }
            return (Message("reading.stated_version", values),)
    return ()


def _numbered(ids: Sequence[str]) -> set[str]:
    """Give the items' codes, whatever their digits."""
    return {re.sub(r"\d+", r"\\d+", re.escape(name.casefold())) for name in ids}


def _families(ids: Sequence[str]) -> set[str]:
    """Give what begins as several items do and goes on with letters and digits."""
    beginnings = Counter(name.split("_", 1)[0].casefold() for name in ids if "_" in name)
    return {rf"{re.escape(one)}_[a-z]+\d+" for one, n in beginnings.items() if n >= ENOUGH}
