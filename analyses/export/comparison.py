"""Writes the comparison of two runs as one HTML file that asks for nothing from elsewhere."""

from pathlib import Path

from analyses.export import one_section
from analyses.section import Report
from analyses.wording import Words

FILE_NAME = "comparison.html"


def write(report: Report, path: Path, words: Words) -> None:
    """Write a comparison to an HTML file.

    Parameters
    ----------
    report
        From `rerunning.comparison.compare`: one section, without figures.
    """
    path.write_text(one_section.page(report, words), encoding="utf-8")
