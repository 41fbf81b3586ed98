"""Gives a report of one section as one HTML page that asks for nothing from elsewhere."""

from analyses import labels
from analyses.export import html
from analyses.section import Message, Report
from analyses.wording import Words


def page(report: Report, words: Words) -> str:
    """Give the page.

    Parameters
    ----------
    report
        A published report of one section.
    words
        The language of the page.
    """
    (section,) = report.sections
    created = labels.created(report)
    footer = Message("face.footer", {"software": report.software, "created": created})
    return html.template("one_section.html.j2").render(
        language=words.language,
        title=report.title.get(words.language, report.instrument),
        marks=labels.marks(report, words),
        answer=words.say(section.answer),
        parts=html.section_parts(section, words),
        footer=words.say(footer),
    )
