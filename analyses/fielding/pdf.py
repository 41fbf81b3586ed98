"""Writes a questionnaire to be printed as a tagged PDF file, set by typst."""

import json
from pathlib import Path

import typst

from analyses.fielding.sheet import Sheet

_TEMPLATE = Path(__file__).parent / "questionnaire.typ"


def contents(sheet: Sheet) -> bytes:
    """Give the questionnaire as the bytes of a PDF file of A4 pages (PDF/A-2a, PDF/UA-1)."""
    compiler = typst.Compiler(
        _TEMPLATE,
        root=_TEMPLATE.parent,
        font_paths=typst.Fonts(include_system_fonts=False),
    )
    made = compiler.compile(
        format="pdf",
        sys_inputs={"sheet": json.dumps(sheet.plain())},
        pdf_standards=["a-2a", "ua-1"],
    )
    assert isinstance(made, bytes)
    return made
