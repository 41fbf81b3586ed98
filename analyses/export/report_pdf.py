"""Writes the technical report as a tagged PDF file, set by typst."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from analyses.export import pictures, typesetting
from analyses.export.document import document
from analyses.section import Report
from analyses.wording import Words

FILE_NAME = "report.pdf"

_TEMPLATE = Path(__file__).parent / "report.typ"


def write(
    report: Report, path: Path, words: Words, *, drawn: Mapping[str, str] | None = None
) -> None:
    """Write the report to a PDF file; parameters as for `html.write`."""
    drawn = pictures.draw(report, words) if drawn is None else drawn
    path.write_bytes(contents(report, words, drawn))


def contents(report: Report, words: Words, drawn: Mapping[str, str]) -> bytes:
    """Give the report as the bytes of a PDF file of A4 pages (PDF/A-2a, PDF/UA-1)."""
    own = {name: pictures.in_own_font(picture) for name, picture in drawn.items()}
    inputs = {
        "report": json.dumps(document(report, words, drawn)),
        "drawn": json.dumps(own),
        "font": pictures.CARRIED_FONT,
    }
    created = datetime.fromisoformat(report.created)
    return typesetting.pdf(typesetting.compiler(_TEMPLATE), inputs, created)
