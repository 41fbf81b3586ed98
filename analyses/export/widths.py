"""How wide the columns of a printed table are, and whether it needs a page on its side."""

from collections.abc import Sequence
from dataclasses import dataclass

PORTRAIT, LANDSCAPE = 128.0, 194.0
"""As many characters of the tables' type fit side by side on an upright page and on its side."""

_GAP = 2.0
"""Characters between two columns."""

_HEADING = 9.0
"""A heading's words may be broken from here on."""

_BOLD = 1.2
"""How much wider than other type the headings are."""

_WORD, _SHORT, _TEXT, _USUAL = 16, 26, 90, 1.3
"""A text column is not narrower than its longest word of at most `_WORD` characters. Texts of up to
`_SHORT` stand in one line if there is room; beyond that it is as wide as `_USUAL` times its average
text, and never wider than `_TEXT`."""

_CROWDED = 0.85
"""Columns that need so much of an upright page leave its texts too little room."""


@dataclass(frozen=True)
class Layout:
    """Widths in characters, one a column, and whether the table stands on a page on its side."""

    widths: tuple[float, ...]
    landscape: bool


def layout(
    headings: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]
) -> Layout:
    """Lay out the columns of a table so that no number is broken over two lines.

    Parameters
    ----------
    headings
        One a column.
    rows
        The cells as they are written.
    numeric
        Whether each column holds numbers.
    """
    needed, wanted = [], []
    for place, heading in enumerate(headings):
        texts = [row[place] for row in rows]
        longest = max(map(len, texts), default=0)
        whole = _BOLD * _longest_word([heading])
        word = min(whole, _HEADING)
        if numeric[place]:
            needed.append(max(longest, word) + _GAP)
            wanted.append(max(longest, min(whole, 2 * _HEADING)) + _GAP)
        else:
            least = max(min(_longest_word(texts), _WORD), word)
            needed.append(least + _GAP)
            usual = _USUAL * sum(map(len, texts)) / max(len(texts), 1)
            wanted.append(max(least, min(longest, max(usual, _SHORT), _TEXT)) + _GAP)
    landscape = sum(needed) > _CROWDED * PORTRAIT and sum(wanted) > PORTRAIT
    room = LANDSCAPE if landscape else PORTRAIT
    return Layout(tuple(_fitted(needed, wanted, room)), landscape)


def _fitted(needed: Sequence[float], wanted: Sequence[float], room: float) -> list[float]:
    """Give each column what it wants, or what it needs and its part of what is left over."""
    if sum(wanted) <= room:
        return list(wanted)
    spare = room - sum(needed)
    if spare <= 0:
        return [width * room / sum(needed) for width in needed]
    wishes = [want - need for want, need in zip(wanted, needed, strict=True)]
    return [need + spare * wish / sum(wishes) for need, wish in zip(needed, wishes, strict=True)]


def _longest_word(texts: Sequence[str]) -> int:
    return max((len(word) for text in texts for word in text.split(" ")), default=0)
