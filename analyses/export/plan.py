"""Writes the plan of a study as one HTML file that asks for nothing from elsewhere."""

from pathlib import Path

from analyses.export import one_section
from analyses.section import Report
from analyses.wording import Words

FILE_NAME = "plan.html"


def write(report: Report, path: Path, words: Words) -> None:
    """Write a plan to an HTML file.

    Parameters
    ----------
    report
        From `planning.report`.
    """
    path.write_text(one_section.page(report, words), encoding="utf-8")
