"""Writes the figures as slides of 16:9 with large type, as SVG and as PNG.

A figure that fills a slide with type that is too small to be read from the back of a room is none.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from analyses import labels
from analyses.charts.plotting import FONT
from analyses.export import pictures
from analyses.section import Report
from analyses.wording import Words

FOLDER_NAME = "slides"

WIDTH, HEIGHT = 1600, 900
"""Pixels of a slide."""

_SIDE, _TOP, _BOTTOM = 60, 40, 60

SMALLEST = 1.5
"""How much a figure has to be enlarged to be a slide: its labels of 11.5 pixels are then as large
as 10 points on a slide of 13.3 inches."""

_DENSITY = 96.0
"""Points to the inch that keep the pixels of a slide as they are."""


def compose(report: Report, words: Words, drawn: Mapping[str, str]) -> dict[str, str]:
    """Give a slide as SVG for each figure that can be read as one, by the figure's id.

    Parameters
    ----------
    report
        A published report, whose marks stand on every slide.
    words
        The language.
    drawn
        The figures as SVG by id, from `pictures.draw`.
    """
    marks = labels.marks(report, words)
    found: dict[str, str] = {}
    for name, picture in drawn.items():
        width, height = pictures.size(picture)
        if min(_room(0) / width, _room(1) / height) >= SMALLEST:
            found[name] = _slide(picture, marks)
    return found


def write(slides: Mapping[str, str], folder: Path) -> None:
    """Write every slide as SVG and as PNG of the same size into a folder, which is made.

    Parameters
    ----------
    slides
        From `compose`.
    folder
        The folder, which must not exist yet.
    """
    folder.mkdir()
    for name, slide in slides.items():
        (folder / f"{name}.svg").write_text(slide + "\n", encoding="utf-8")
    for name, raster in pictures.rasters(slides, density=_DENSITY).items():
        (folder / f"{name}.png").write_bytes(raster)


def _room(axis: int) -> int:
    return HEIGHT - _TOP - _BOTTOM if axis else WIDTH - 2 * _SIDE


def _slide(picture: str, marks: Sequence[str]) -> str:
    """Enlarge a figure to the middle of a slide; its description is the slide's."""
    opening = re.match(r"<svg ([^>]*)>", picture)
    assert opening is not None
    label = re.search(r'aria-label="[^"]*"', opening[1])
    view = re.search(r'viewBox="[^"]*"', opening[1])
    assert label is not None
    assert view is not None
    told = escape(" · ".join(marks))
    mark = (
        f'<text x="{_SIDE}" y="{HEIGHT - 22}" font-family="{FONT}" font-size="22" '
        f'font-weight="bold" fill="#5a4700">{told}</text>'
    )
    # Nothing of a figure lies outside its view; to cut it off there costs a layer of pixels.
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'version="1.1" role="img" {label[0]} width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
        f'<svg x="{_SIDE}" y="{_TOP}" width="{_room(0)}" height="{_room(1)}" {view[0]} '
        f'preserveAspectRatio="xMidYMid meet" overflow="visible">{picture[opening.end() :]}'
        f"{mark if marks else ''}</svg>"
    )
