"""Writes the two-page brief for decision makers as a Word document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import vl_convert
from docx import Document
from docx.enum.text import WD_BREAK
from docx.shared import Mm, Pt, RGBColor

from analyses.briefing.brief import Brief, compose
from analyses.export import pictures, word_page
from analyses.section import Report
from analyses.wording import Words

FILE_NAME = "summary.docx"

SIZES = {
    "Normal": 10.0,
    "List Bullet": 10.0,
    "List Number": 10.0,
    "Heading 1": 19.0,
    "Heading 2": 12.0,
    "Heading 3": 10.5,
}
SMALL = Pt(8.5)
MARGIN = 22.0
FIGURE_WIDTH = Mm(150)
FIGURE_SCALE = 3.0
"""Pixels for one of the drawing's own, so that a printed figure is sharp."""

MUTED = RGBColor(0x59, 0x59, 0x59)
BOX_FILL = "F4F4F4"


def write(
    report: Report, path: Path, words: Words, *, drawn: Mapping[str, str] | None = None
) -> None:
    """Write the brief to a Word file; parameters as for `pdf.write`."""
    drawn = pictures.draw(report, words) if drawn is None else drawn
    path.write_bytes(contents(report, words, drawn))


def contents(report: Report, words: Words, drawn: Mapping[str, str]) -> bytes:
    """Give the brief as the bytes of a .docx file.

    Headings are headings, lists are lists, and the figure carries its description.
    """
    brief = compose(report, words)
    document = Document()
    page = word_page.Page(brief.title, brief.language, brief.instrument, brief.page, MARGIN)
    word_page.set_up(document, page, SIZES)
    _spacing(document)
    if brief.marks:
        word_page.mark(document.sections[0].header, " · ".join(brief.marks))
    _first_page(document, brief, drawn)
    _second_page(document, brief)
    created = datetime.fromisoformat(report.created).replace(tzinfo=None)
    document.core_properties.created = document.core_properties.modified = created
    buffer = BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _spacing(document: Any) -> None:
    for name in SIZES:
        layout = document.styles[name].paragraph_format
        layout.space_before = Pt(9 if name == "Heading 2" else 4 if name == "Heading 3" else 0)
        layout.space_after = Pt(6 if name == "Heading 1" else 3)


def _first_page(document: Any, brief: Brief, drawn: Mapping[str, str]) -> None:
    named = brief.headings
    kicker = document.add_paragraph().add_run(named["kicker"])
    kicker.font.size, kicker.font.color.rgb = SMALL, MUTED
    document.add_heading(brief.title, level=1)
    _part(document, named["asked"], brief.asked)
    document.add_heading(named["results"], level=2)
    for one in brief.results:
        line = document.add_paragraph(style="List Bullet")
        if one.verdict:
            line.add_run(f"{one.verdict}. ").bold = True
        line.add_run(one.text)
    if brief.figure is None:
        document.add_paragraph().add_run(brief.figure_missing).font.color.rgb = MUTED
    else:
        _picture(document, drawn[brief.figure.id], brief.figure_alt)
    _part(document, named["context"], brief.context)


def _second_page(document: Any, brief: Brief) -> None:
    named = brief.headings
    use = document.add_heading(named["use"], level=2)
    use.paragraph_format.page_break_before = True
    for sign, key, texts in (("✓", "can", brief.can), ("✗", "cannot", brief.cannot)):
        if texts:
            document.add_heading(f"{sign} {named[key]}", level=3)
            _list(document, texts)
    _part(document, named["levels"], brief.levels)
    _part(document, named["certainty"], brief.certainty)
    if brief.questions:
        document.add_heading(named["questions"], level=2)
        for one in brief.questions:
            line = document.add_paragraph(one.text, style="List Number")
            if one.proposal:
                line.runs[-1].add_break(WD_BREAK.LINE)
                proposal = line.add_run(one.proposal)
                proposal.font.size, proposal.font.color.rgb = SMALL, MUTED
    heading = document.add_heading(named["method"], level=2)
    word_page.shade(heading, BOX_FILL)
    for text in brief.method:
        paragraph = document.add_paragraph()
        paragraph.add_run(text).font.size = SMALL
        word_page.shade(paragraph, BOX_FILL)


def _part(document: Any, heading: str, texts: Sequence[str]) -> None:
    if texts:
        document.add_heading(heading, level=2)
        for text in texts:
            document.add_paragraph(text)


def _list(document: Any, texts: Sequence[str]) -> None:
    for text in texts:
        document.add_paragraph(text, style="List Bullet")


def _picture(document: Any, drawn: str, description: str) -> None:
    """Add a figure as a sharp picture with its description for those who cannot see it."""
    image = vl_convert.svg_to_png(drawn, scale=FIGURE_SCALE)
    shape = document.add_picture(BytesIO(image), width=FIGURE_WIDTH)
    shape._inline.docPr.set("descr", description)
