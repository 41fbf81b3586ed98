"""Writes the comparison of two runs as one HTML file that asks for nothing from elsewhere."""

from pathlib import Path

from analyses import labels
from analyses.export import html
from analyses.section import Message, Report
from analyses.wording import Words

FILE_NAME = "comparison.html"


def write(report: Report, path: Path, words: Words) -> None:
    """Write a comparison to an HTML file.

    Parameters
    ----------
    report
        From `rerunning.comparison.compare`: one section, without figures.
    """
    path.write_text(page(report, words), encoding="utf-8")


def page(report: Report, words: Words) -> str:
    """Give the comparison as one HTML page; parameters as for `write`."""
    section = report.section("runs")
    created = labels.created(report)
    footer = Message("face.footer", {"software": report.software, "created": created})
    return html.template("comparison.html.j2").render(
        language=words.language,
        title=report.title.get(words.language, report.instrument),
        marks=labels.marks(report, words),
        answer=words.say(section.answer),
        parts=html.section_parts(section, words),
        footer=words.say(footer),
    )
