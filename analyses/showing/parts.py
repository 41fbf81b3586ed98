"""The parts of the pages as HTML, each number with what explains it.

Tables are HTML, so that a screen reader reads them and nothing but the published cells reaches the
browser. Colours come from the page, which may be light or dark; verdicts bring their own.
"""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analyses import glossary, labels
from analyses.export import html
from analyses.glossary import Entry
from analyses.section import Figure, Finding, Message, Section, Table
from analyses.wording import Words

STYLE = """
<style>
.stApp .kobling { --ink: currentColor; --link: currentColor; --rule: #8c8c8c;
  --muted: color-mix(in srgb, currentColor 82%, transparent); max-width: 100%; }
.stApp .kobling .answer { font-size: 1.25rem; line-height: 1.45; max-width: 46rem; margin: 0; }
.stApp .kobling .lead { font-weight: 600; }
.stApp .kobling p, .stApp .kobling ol.findings, .stApp .kobling dl { max-width: 46rem; }
.stApp .kobling .origin, .stApp .kobling .note, .stApp .kobling .rule { font-size: .875rem; }
.stApp .kobling figure { margin: .8rem 0 .4rem; }
.stApp .kobling .picture { overflow-x: auto; }
.stApp .kobling .picture:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
.stApp .kobling figure img { margin-left: 0; max-width: 100%; min-width: min(30rem, 200vw);
  background: white; }
.stApp .kobling .evidence, .stApp .kobling .verdict, .stApp .kobling table,
.stApp .kobling .origin { font-family: inherit; }
.stMainBlockContainer { padding-top: 3.5rem; }
.stApp h1, .stApp h2, .stApp h3 { hyphens: auto; overflow-wrap: anywhere; }
@media (max-width: 640px) { .stApp h1 { font-size: 1.9rem; } .stApp h2 { font-size: 1.4rem; } }
.stApp .kobling figcaption { color: inherit; font-size: .9rem; }
.stApp .kobling .scroll { margin: .4rem 0 .8rem; }
.stApp .kobling .explained { margin: .4rem 0; font-size: .9rem; max-width: 46rem; }
.stApp .kobling .explained summary { cursor: pointer; min-height: 24px; text-decoration: underline;
  width: fit-content; padding: .1rem 0; }
.stApp .kobling summary:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
.stApp .kobling dt { font-weight: 600; margin-top: .6rem; }
.stApp .kobling dd { margin: 0; }
.stApp .kobling .formula { display: block; }
.stApp .kobling .glossary dt { font-size: 1.05rem; }
</style>
"""
"""Beside the report's own style: colours of the page instead of paper's."""


def style(words: Words) -> str:
    """Give the style of all parts, to stand once on a page."""
    return f"{_macro('style', words)}{STYLE}"


def answer(message: Message, words: Words) -> str:
    """Give the sentence that answers a page or a section."""
    return _framed(_macro("answer", words, message), words)


def paragraph(text: str, words: Words) -> str:
    """Give a sentence as it is."""
    return _framed(html.paragraph(text, words.language), words)


def findings(all_of_them: Sequence[Finding], words: Words) -> str:
    """Give findings with their verdicts, numbers and rules."""
    return _framed(_macro("findings", words, all_of_them), words)


def picture(figure: Figure, drawn: str, words: Words) -> str:
    """Give a drawn figure with its finding in words below it."""
    source = f"data:image/svg+xml;base64,{b64encode(drawn.encode()).decode()}"
    image = Markup('<img src="{}" alt="{}">').format(source, words.say(figure.alt))
    return _framed(_macro("picture", words, figure, image), words)


def table(one: Table, words: Words) -> str:
    """Give a table with its notes and the meaning of its columns."""
    return _framed(_macro("table", words, one), words)


def notes(section: Section, words: Words) -> str:
    """Give the notes of a section."""
    return _framed(_macro("notes", words, section.notes), words)


def terms(entries: Sequence[Entry], words: Words) -> str:
    """Give the glossary."""
    return _framed(_macro("glossary", words, entries), words)


def _framed(part: str, words: Words) -> str:
    return f'<div class="kobling" lang="{words.language}">{part}</div>'


def _macro(name: str, words: Words, *given: object) -> str:
    def origins(finding: Finding) -> list[str]:
        written = (labels.provenance(one.provenance, words) for one in finding.evidence)
        return list(dict.fromkeys(written))

    said = html.vocabulary(words) | {
        "origins": origins,
        "terms_of": glossary.of_finding,
        "terms_of_table": glossary.of_table,
    }
    template = _environment().get_template("showing/parts.html.j2")
    return str(getattr(template.make_module(said), name)(*given))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
