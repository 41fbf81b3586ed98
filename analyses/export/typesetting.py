"""What all documents that typst sets have in common: the fonts it carries, and PDF standards."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import typst


def compiler(template: Path) -> typst.Compiler:
    """Prepare a template; it looks the same on every machine, whatever fonts that has."""
    return typst.Compiler(
        template, root=template.parent, font_paths=typst.Fonts(include_system_fonts=False)
    )


def pdf(
    prepared: typst.Compiler, inputs: Mapping[str, str], created: datetime | None = None
) -> bytes:
    """Set a document as the bytes of a tagged PDF file (PDF/A-2a, PDF/UA-1).

    Parameters
    ----------
    prepared
        From `compiler`.
    inputs
        What the template reads, by name.
    created
        The time that the file says it was made; None for none.
    """
    made = prepared.compile(
        format="pdf",
        sys_inputs=dict(inputs),
        # To be kept for ever, and to be read by everybody.
        pdf_standards=["a-2a", "ua-1"],
        timestamp=created,
    )
    assert isinstance(made, bytes)
    return made
