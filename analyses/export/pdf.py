"""Writes the two-page brief for decision makers as a PDF file, set by typst."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from analyses.briefing.brief import Brief, compose
from analyses.export import pictures, typesetting
from analyses.section import Report
from analyses.wording import Words

FILE_NAME = "summary.pdf"

_TEMPLATE = Path(__file__).parent / "summary.typ"
_FONT = "Libertinus Serif"
"""Carried by typst, so that the brief looks the same on every machine."""

_PAGES = 2
_SIZES = (
    (10.5, 82.0),
    (10.0, 82.0),
    (9.5, 75.0),
    (9.0, 68.0),
    (8.5, 60.0),
    (8.5, 45.0),
    (8.0, 40.0),
)
"""Sizes of the text in points and of the figure in mm; the first that fits two pages is used."""


def write(
    report: Report, path: Path, words: Words, *, drawn: Mapping[str, str] | None = None
) -> None:
    """Write the brief to a PDF file of two tagged A4 pages.

    Parameters
    ----------
    report
        A published report.
    path
        The file to write.
    words
        The language.
    drawn
        The figures as SVG by id, from `pictures.draw`; drawn here if None.
    """
    drawn = pictures.draw(report, words) if drawn is None else drawn
    path.write_bytes(contents(report, words, drawn))


def contents(report: Report, words: Words, drawn: Mapping[str, str]) -> bytes:
    """Give the brief as the bytes of a PDF file."""
    brief = compose(report, words)
    text = json.dumps(asdict(brief) | {"figure": _in_own_font(brief, drawn)})
    prepared = typesetting.compiler(_TEMPLATE)
    created = datetime.fromisoformat(report.created)
    for size, height in _SIZES:
        inputs = {"text": text, "size": str(size), "figure_height": str(height), "font": _FONT}
        made = typesetting.pdf(prepared, inputs, created)
        if int(json.loads(prepared.query("<pages>", field="value", one=True))) <= _PAGES:
            break
    return made


def _in_own_font(brief: Brief, drawn: Mapping[str, str]) -> str:
    """Give the figure of the brief, lettered as its text; nothing where it has none."""
    from analyses.charts.plotting import FONT

    if brief.figure is None:
        return ""
    # Libertinus runs narrower than the font the labels were measured in, so nothing collides.
    return drawn[brief.figure.id].replace(FONT, _FONT)
