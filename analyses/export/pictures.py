"""Draws every figure of a report once, for the other writers and as files of their own."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import typst

from analyses import figures
from analyses.charts.plotting import FONT
from analyses.section import Report, Section
from analyses.side_by_side import ALONE, Team
from analyses.wording import Words

FOLDER_NAME = "figures"

CARRIED_FONT = "Libertinus Serif"
DENSITY = 150.0
"""Points to the inch of figures as PNG, sharp enough for a printed page."""

_SHEETS = b"""
#set page(width: auto, height: auto, margin: 0pt)
#for picture in json(bytes(sys.inputs.drawn)) {
  page(image(bytes(picture), format: "svg", alt: ""))
}
"""


def draw(report: Report, words: Words, team: Team = ALONE) -> dict[str, str]:
    """Draw all figures of a report.

    Parameters
    ----------
    report
        A published report.
    words
        The language of titles, axes and descriptions.
    team
        Who draws.

    Returns
    -------
    dict
        One SVG element for each figure, by the figure's id.
    """
    # A section's figures may be many, and one of them as much as another.
    drawing = {
        figure.id: team.begin(figures.svg, figure, section.table(figure.table), words)
        for section in report.sections
        for figure in section.figures
    }
    return {name: one.result() for name, one in drawing.items()}


def draw_section(section: Section, words: Words) -> dict[str, str]:
    """Draw the figures of one section, by their ids."""
    return {
        figure.id: figures.svg(figure, section.table(figure.table), words)
        for figure in section.figures
    }


def size(picture: str) -> tuple[float, float]:
    """Give the width and the height of an SVG in its own pixels."""
    found = re.search(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)"', picture)
    assert found is not None
    return float(found[1]), float(found[2])


def rasters(drawn: Mapping[str, str], *, density: float = DENSITY) -> dict[str, bytes]:
    """Give figures as PNG, by their ids.

    Set by typst, which carries the font and draws all of them in one go.

    Parameters
    ----------
    drawn
        SVG elements by figure id, from `draw`.
    density
        Points to the inch, of which an SVG's pixels are 96.
    """
    if not drawn:
        return {}
    compiler = typst.Compiler(_SHEETS, font_paths=typst.Fonts(include_system_fonts=False))
    made = compiler.compile(
        format="png",
        ppi=density,
        sys_inputs={"drawn": json.dumps([in_own_font(picture) for picture in drawn.values()])},
    )
    # A single page comes alone and not in a list.
    pages = [made] if isinstance(made, bytes) else made
    assert pages is not None
    return dict(zip(drawn, pages, strict=True))


def in_own_font(picture: str) -> str:
    """Give a figure in the font that typst carries, so that it looks the same on every machine.

    Libertinus runs narrower than the font the labels were measured in, so nothing collides.
    """
    return picture.replace(FONT, CARRIED_FONT)


def write(drawn: Mapping[str, str], folder: Path) -> None:
    """Write one SVG file for each figure into a folder, which is made.

    Parameters
    ----------
    drawn
        SVG elements by figure id, from `draw`.
    folder
        The folder, which must not exist yet.
    """
    folder.mkdir()
    for figure_id, picture in drawn.items():
        (folder / f"{figure_id}.svg").write_text(picture + "\n", encoding="utf-8")
