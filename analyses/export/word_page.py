"""What every Word document of ours has: A4 pages, fonts, a language, and a footer that counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docx.enum.text import WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

FONT = "Calibri"
SMALL = Pt(9)
MARK, MARK_FILL = RGBColor(0x5A, 0x47, 0x00), "FBF4DC"
"""Ink and ground of the marks that stand on every page."""

PAGE_WIDTH, PAGE_HEIGHT = Mm(210), Mm(297)
LANGUAGES = {"da": "da-DK", "en": "en-GB"}
"""The language tag of each language, so that Word checks the spelling by the right one."""


@dataclass(frozen=True)
class Page:
    """What stands on every page and in the properties of a document.

    Parameters
    ----------
    footer
        Text at the left of the footer.
    counting
        Text at its right, with `{page}` and `{pages}`.
    margin
        At the sides and the top, in mm.
    """

    title: str
    language: str
    footer: str
    counting: str
    margin: float


def set_up(document: Any, page: Page, sizes: Mapping[str, float]) -> None:
    """Set page, fonts, language, properties and footer.

    Parameters
    ----------
    sizes
        Size in points of each style that is used.
    """
    section = document.sections[0]
    section.page_width, section.page_height = PAGE_WIDTH, PAGE_HEIGHT
    section.left_margin = section.right_margin = section.top_margin = Mm(page.margin)
    section.bottom_margin = Mm(17)
    section.footer_distance = Mm(8)
    for name, size in sizes.items():
        style = document.styles[name]
        style.font.name, style.font.size = FONT, Pt(size)
        style.font.color.rgb = RGBColor(0x1A, 0x1A, 0x1A)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        for script in ("ascii", "hAnsi", "cs"):
            fonts.set(qn(f"w:{script}"), FONT)
    normal = document.styles["Normal"]
    normal.paragraph_format.line_spacing = 1.0
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), LANGUAGES.get(page.language, page.language))
    normal.element.get_or_add_rPr().append(language)
    properties = document.core_properties
    properties.title, properties.subject = page.title, page.footer
    properties.language, properties.author = page.language, ""
    properties.comments = ""
    _footer(section.footer, page)


def _footer(footer: Any, page: Page) -> None:
    paragraph = footer.paragraphs[0]
    # The style "Footer" has tab stops of its own, for narrower margins.
    paragraph.style = "Normal"
    stops = paragraph.paragraph_format.tab_stops
    stops.clear_all()
    stops.add_tab_stop(PAGE_WIDTH - 2 * Mm(page.margin), alignment=WD_TAB_ALIGNMENT.RIGHT)
    paragraph.add_run(f"{page.footer}\t").font.size = SMALL
    rest = page.counting
    for mark, field in (("{page}", "PAGE"), ("{pages}", "NUMPAGES")):
        before, rest = rest.split(mark, 1)
        paragraph.add_run(before).font.size = SMALL
        _field(paragraph, field)
    paragraph.add_run(rest).font.size = SMALL


def _field(paragraph: Any, name: str) -> None:
    """Add a field that Word fills in, such as the page number."""
    # Each part in a run of its own: LibreOffice drops the size of a run that holds several.
    for kind in ("begin", None, "separate", "text", "end"):
        run = paragraph.add_run()
        run.font.size = SMALL
        if kind is None:
            part = OxmlElement("w:instrText")
            part.set(qn("xml:space"), "preserve")
            part.text = name
        elif kind == "text":
            part = OxmlElement("w:t")
            part.text = "1"
        else:
            part = OxmlElement("w:fldChar")
            part.set(qn("w:fldCharType"), kind)
        run._r.append(part)


def mark(header: Any, text: str) -> None:
    """Mark every page: simulated answers, confidential content."""
    run = header.paragraphs[0].add_run(text)
    run.bold, run.font.size, run.font.color.rgb = True, SMALL, MARK
    shade(header.paragraphs[0], MARK_FILL)


def shade(paragraph: Any, fill: str) -> None:
    """Lay a colour behind a paragraph."""
    laid = OxmlElement("w:shd")
    laid.set(qn("w:val"), "clear")
    laid.set(qn("w:fill"), fill)
    properties = paragraph._p.get_or_add_pPr()
    # The format wants shading before spacing and indents; python-docx keeps that order itself.
    properties.insert_element_before(
        laid,
        *("w:tabs", "w:suppressAutoHyphens", "w:spacing", "w:ind", "w:jc", "w:outlineLvl", "w:rPr"),
    )
