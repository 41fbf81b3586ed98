"""Which column of a file is probably which item, where names differ; a person decides.

Nothing is read by a suggestion alone: it fills in a form that somebody looks through.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence

from analyses.intake.columns import fold
from instruments.schema import Instrument

LONG = 12
"""Letters that a wording has to have before a heading is held against it."""


def wanted(instrument: Instrument) -> tuple[str, ...]:
    """Give the names of all items and background columns, in the instrument's order."""
    return (*instrument.all_item_ids, *(column.name for column in instrument.columns))


def by_themselves(columns: Sequence[str], instrument: Instrument) -> Mapping[str, str]:
    """Give the names that a survey is read by without any mapping, and their columns."""
    folded = {fold(column): column for column in columns}
    return {name: folded[fold(name)] for name in wanted(instrument) if fold(name) in folded}


def suggest(
    columns: Sequence[str], instrument: Instrument, *, found: Collection[str] = ()
) -> Mapping[str, str]:
    """Suggest a column for each name of an instrument that one can be found for.

    Parameters
    ----------
    columns
        The file's columns that are not yet taken.
    instrument
        Whose names are looked for: without regard to case, blanks and punctuation; else at the
        end of a longer name ("block1_I_bro1", "svar[I_bro1]"); else by the wording of the item or
        the label of the column, in any language.
    found
        Names that need no suggestion.

    Returns
    -------
    Mapping
        Name in the instrument → column; each column once, and nothing where several fit alike.
    """
    suggested: dict[str, str] = {}
    for fits in (_bare, _at_the_end, _by_wording):
        free = [column for column in columns if column not in suggested.values()]
        names = [name for name in wanted(instrument) if name not in found]
        pairs = [(name, fits(name, free, instrument)) for name in names if name not in suggested]
        claims = [column for _, fitting in pairs for column in fitting]
        for name, fitting in pairs:
            if len(fitting) == 1 and claims.count(fitting[0]) == 1:
                suggested[name] = fitting[0]
    return suggested


def _bare(name: str, columns: Sequence[str], instrument: Instrument) -> list[str]:
    return [column for column in columns if _plain(column) == _plain(name)]


def _at_the_end(name: str, columns: Sequence[str], instrument: Instrument) -> list[str]:
    """Find the name at the end of a longer one, set off by something that is no letter."""
    folded = re.escape(name.casefold()).replace("_", "[_. -]?")
    ending = re.compile(rf"(?:^|[^a-z0-9]){folded}[^a-z0-9]*$")
    return [column for column in columns if ending.search(column.casefold())]


def _by_wording(name: str, columns: Sequence[str], instrument: Instrument) -> list[str]:
    said = {_plain(text) for text in _wordings(name, instrument)}
    return [column for column in columns if _plain(column) in said]


def _wordings(name: str, instrument: Instrument) -> Iterator[str]:
    if name in instrument.all_item_ids:
        for text in instrument.item(name).text.values():
            if len(text) >= LONG:
                yield text
    for column in instrument.columns:
        if column.name == name:
            yield from column.label.values()


def _plain(text: str) -> str:
    """Give only the letters and digits of a text, in small letters."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return "".join(character for character in folded if character.isalnum())
