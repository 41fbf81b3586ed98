"""Writes a questionnaire to be printed as a tagged PDF file, set by typst."""

import json
from pathlib import Path

from analyses.export import typesetting
from analyses.fielding.sheet import Sheet

_TEMPLATE = Path(__file__).parent / "questionnaire.typ"


def contents(sheet: Sheet) -> bytes:
    """Give the questionnaire as the bytes of a PDF file of A4 pages (PDF/A-2a, PDF/UA-1)."""
    inputs = {"sheet": json.dumps(sheet.plain())}
    return typesetting.pdf(typesetting.compiler(_TEMPLATE), inputs)
