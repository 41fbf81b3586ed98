"""Writes a report as one HTML file that asks for nothing from elsewhere and prints well."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from analyses import labels
from analyses.chapters import chapters, numbers, shown
from analyses.export import pictures
from analyses.section import Message, Report, Section, Table, Value
from analyses.wording import Words

FILE_NAME = "report.html"


def write(
    report: Report, path: Path, words: Words, *, drawn: Mapping[str, str] | None = None
) -> None:
    """Write the report to an HTML file.

    Parameters
    ----------
    report
        A published report.
    path
        The file to write.
    words
        The language of the page.
    drawn
        The figures as SVG by id, from `pictures.draw`; drawn here if None.
    """
    path.write_text(page(report, words, drawn=drawn), encoding="utf-8")


def page(report: Report, words: Words, *, drawn: Mapping[str, str] | None = None) -> str:
    """Give the report as one HTML page; parameters as for `write`."""
    ordered = chapters(report)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            chapters=ordered,
            numbers=numbers(ordered),
            shown=shown,
            title=report.title.get(words.language, report.instrument),
            drawn=pictures.draw(report, words) if drawn is None else drawn,
            created=labels.created(report),
            marks=labels.marks(report, words),
            css_marks=_css_string(" · ".join(labels.marks(report, words))),
            **vocabulary(words),
        )
    )


def section_parts(section: Section, words: Words) -> dict[str, str]:
    """Give the parts of one section as HTML for a page that has its own frame.

    Parameters
    ----------
    section
        A published section.
    words
        The language.

    Returns
    -------
    dict
        `style` (a style element that only touches these parts), `findings`, and one part for each
        figure and table under `figure-<id>` and `table-<id>`, then `notes`; what the section lacks
        is left out, and so are tables that are withheld.
    """
    module = _environment().get_template("parts.html.j2").make_module(vocabulary(words))
    drawn = pictures.draw_section(section, words)
    parts = {"style": str(module.style())}  # type: ignore[attr-defined]
    if section.findings:
        parts["findings"] = str(module.findings(section.findings))  # type: ignore[attr-defined]
    for figure in section.figures:
        image = _image(drawn[figure.id], words.say(figure.alt))
        picture = module.picture(figure, image)  # type: ignore[attr-defined]
        parts[f"figure-{figure.id}"] = str(picture)
    for table in shown(section):
        parts[f"table-{table.id}"] = str(module.table(table))  # type: ignore[attr-defined]
    if section.notes:
        parts["notes"] = str(module.notes(section.notes))  # type: ignore[attr-defined]
    return parts


def template(name: str) -> Template:
    """Give a template of this folder, in which texts are escaped."""
    return _environment().get_template(name)


def _image(drawn: str, description: str) -> Markup:
    """Give an SVG as an image element, which pages keep that take inline SVG out."""
    content = b64encode(drawn.encode()).decode()
    source = f"data:image/svg+xml;base64,{content}"
    return Markup('<img src="{}" alt="{}">').format(source, description)


def paragraph(text: str, language: str) -> str:
    """Give a sentence as a paragraph of HTML in its language."""
    return f'<p lang="{language}">{escape(text)}</p>'


def _css_string(text: str) -> Markup:
    """Write a text as a string of a style sheet that stands inside an HTML page.

    Blanks are escaped too, since one that follows an escape belongs to it.
    """
    escaped = "".join(
        character if character.isalnum() else f"\\{ord(character):06x}" for character in text
    )
    return Markup(f'"{escaped}"')


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def vocabulary(words: Words) -> dict[str, object]:
    """Give a template the words of the language, and nothing to compute with."""

    def say(key: str, **values: Value) -> str:
        return words.say(Message(key, values))

    def looks(table: Table) -> list[str]:
        """Give the class of each column: numbers stand right, long texts get room."""
        cells = zip(*labels.rows(table, words), strict=True)
        longest = [max(map(len, column)) for column in cells] or [0] * len(table.columns)
        return [
            "number" if column.kind not in ("text", "message") else "long" if size > 30 else "word"
            for column, size in zip(table.columns, longest, strict=True)
        ]

    bound: dict[str, Callable[..., object]] = {
        "heading": lambda table: labels.heading(table, words),
        "evidence": lambda finding: labels.evidence_by_origin(finding, words),
        "rule": lambda finding: labels.rule(finding, words),
        "facts": lambda report: labels.facts(report, words),
        "rows": lambda table: labels.rows(table, words),
        "origin": lambda provenance: labels.provenance(provenance, words),
        "chapter_title": lambda chapter: labels.chapter(chapter, words),
        "lead": lambda chapter: labels.lead(chapter, words),
        "section_title": lambda section: labels.title(section, words),
        "verdict": lambda finding: labels.verdict(finding, words),
    }
    return {
        "language": words.language,
        "symbols": labels.SYMBOLS,
        "reading": labels.READING,
        "say": say,
        "looks": looks,
        "tell": words.say,
        **bound,
    }
