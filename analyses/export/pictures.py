"""Draws every figure of a report once, for the other writers and as files of their own."""

from collections.abc import Mapping
from pathlib import Path

from analyses import figures
from analyses.section import Report, Section
from analyses.side_by_side import ALONE, Team
from analyses.wording import Words

FOLDER_NAME = "figures"


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
