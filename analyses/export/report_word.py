"""Writes the technical report as a Word document."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from docx import Document
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.oxml.shape import CT_Inline
from docx.shared import Inches, Length, Mm, Pt, RGBColor

from analyses.export import document as texts
from analyses.export import pictures, word_page
from analyses.export.document import Grid, Part, Picture, Question, Said
from analyses.export.widths import LANDSCAPE, PORTRAIT
from analyses.section import Report
from analyses.wording import Words

FILE_NAME = "report.docx"

SIZES = {
    "Normal": 10.5,
    "List Bullet": 9.5,
    "Caption": 9.5,
    "Title": 22.0,
    "Heading 1": 20.0,
    "Heading 2": 14.0,
}
SMALL, SMALLEST = Pt(9), Pt(8)
MARGIN = 20.0
MUTED = RGBColor(0x59, 0x59, 0x59)
WIDEST, TALLEST = Mm(170), Mm(205)

PIXELS = 96
"""Of a drawing, to the inch."""

_CHARACTER, _ROOMY = 74, 96
"""Twentieths of a point that a character of a table is given; with room on the page more, since a
reader without our font sees a wider one."""

# What XML 1.0 cannot hold, which a survey's texts may.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Image(NamedTuple):
    """A figure as PNG, its number in the document, and how large it was drawn."""

    raster: bytes
    number: int
    width: Length
    height: Length


def write(
    report: Report, path: Path, words: Words, *, drawn: Mapping[str, str] | None = None
) -> None:
    """Write the report to a Word file; parameters as for `html.write`."""
    drawn = pictures.draw(report, words) if drawn is None else drawn
    path.write_bytes(contents(report, words, drawn))


def contents(report: Report, words: Words, drawn: Mapping[str, str]) -> bytes:
    """Give the report as the bytes of a .docx file of A4 pages.

    Headings are headings, figures carry their descriptions, and the first row of a table is
    repeated on every page.
    """
    told = texts.document(report, words, drawn)
    images = _images(told, drawn)
    document = Document()
    page = word_page.Page(told["title"], told["language"], told["title"], told["page"], MARGIN)
    word_page.set_up(document, page, SIZES)
    _hyphenate(document)
    _spacing(document)
    if told["marks"]:
        word_page.mark(document.sections[0].header, " · ".join(told["marks"]))
    _opening(document, told)
    for chapter in told["chapters"]:
        _chapter(document, chapter, images)
    _muted(document, told["footer"])
    created = datetime.fromisoformat(report.created).replace(tzinfo=None)
    document.core_properties.created = document.core_properties.modified = created
    buffer = BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _images(told: texts.Document, drawn: Mapping[str, str]) -> dict[str, Image]:
    """Give the figures that stand in the report."""
    wanted = {
        figure["id"]: drawn[figure["id"]]
        for chapter in told["chapters"]
        for section in chapter["sections"]
        for figure in section["figures"]
        if not figure["instead"]
    }
    sizes = {name: pictures.size(picture) for name, picture in wanted.items()}
    return {
        name: Image(raster, number, *(Inches(side / PIXELS) for side in sizes[name]))
        for number, (name, raster) in enumerate(pictures.rasters(wanted).items(), start=1)
    }


def _hyphenate(document: Any) -> None:
    """Have long words of headings broken by the rules of the language."""
    place = document.settings.element.find(qn("w:defaultTabStop"))
    assert place is not None
    place.addnext(OxmlElement("w:autoHyphenation"))


def _spacing(document: Any) -> None:
    for name in SIZES:
        layout = document.styles[name].paragraph_format
        layout.space_before = Pt(18 if name == "Heading 2" else 0)
        layout.space_after = Pt(8 if name.startswith(("Heading", "Title")) else 4)
    document.styles["Heading 1"].paragraph_format.page_break_before = True
    caption = document.styles["Caption"]
    caption.font.bold, caption.font.italic = False, False


def _opening(document: Any, told: texts.Document) -> None:
    """Add the title, what the report is of, how it is read, and its contents."""
    _muted(document, told["kicker"])
    document.add_paragraph(_clean(told["title"]), style="Title")
    for label, value in told["facts"]:
        document.add_paragraph(_clean(f"{label}: {value}"))
    document.add_paragraph().add_run(told["reading"]).bold = True
    verdicts, *others = told["reading_lines"]
    _list(document, [f"{verdicts} {' · '.join(told['verdicts'])}", *others])
    if told["notes"]:
        document.add_paragraph().add_run(told["notes_title"]).bold = True
        _list(document, told["notes"])
    document.add_paragraph().add_run(told["contents"]).bold = True
    for chapter in told["chapters"]:
        document.add_paragraph(chapter["title"])
        _list(document, [section["title"] for section in chapter["sections"]])


def _chapter(document: Any, chapter: Part, images: Mapping[str, Image]) -> None:
    heading = document.add_heading(chapter["title"], level=1)
    if chapter["empty"]:
        # A chapter without sections needs no page of its own.
        heading.paragraph_format.page_break_before = False
    _muted(document, chapter["lead"])
    if chapter["empty"]:
        document.add_paragraph(chapter["empty"])
    for section in chapter["sections"]:
        _section(document, section, images)


def _section(document: Any, section: Question, images: Mapping[str, Image]) -> None:
    document.add_heading(section["title"], level=2)
    document.add_paragraph().add_run(_clean(section["answer"])).font.size = Pt(12)
    for finding in section["findings"]:
        _finding(document, finding)
    for note in section["notes"]:
        _muted(document, note)
    for figure in section["figures"]:
        if figure["instead"]:
            _caption(document, figure)
            _muted(document, figure["instead"])
        else:
            _picture(document, figure, images[figure["id"]])
    for table in section["tables"]:
        _turn(document, landscape=table["landscape"])
        _table(document, table)
    _turn(document, landscape=False)


def _finding(document: Any, finding: Said) -> None:
    claim = document.add_paragraph()
    claim.paragraph_format.space_before = Pt(8)
    claim.paragraph_format.keep_with_next = True
    claim.add_run(f"[{finding['symbol']} {finding['word']}] ").font.size = SMALL
    claim.add_run(_clean(finding["claim"])).bold = True
    for numbers, origin in finding["evidence"]:
        line = document.add_paragraph()
        line.add_run(_clean("   ".join(numbers))).font.size = SMALL
        run = line.add_run(_clean(f"   {origin}"))
        run.font.size, run.font.color.rgb = SMALLEST, MUTED
    for text in (finding["rule"], *finding["notes"]):
        if text:
            _muted(document, text)


def _picture(document: Any, figure: Picture, image: Image) -> None:
    """Add a figure as large as it was drawn, or as the page allows.

    It carries its description for those who cannot see it.
    """
    share = min(1.0, WIDEST / image.width, TALLEST / image.height)
    sides = (Length(round(share * side)) for side in (image.width, image.height))
    relation, _ = document.part.get_or_add_image(BytesIO(image.raster))
    # A picture that python-docx numbers itself has it read the whole document for a free number.
    inline = CT_Inline.new_pic_inline(image.number, relation, f"{figure['id']}.png", *sides)
    inline.docPr.set("descr", _clean(figure["alt"]))
    paragraph = document.add_paragraph()
    paragraph.add_run()._r.add_drawing(inline)
    paragraph.paragraph_format.keep_with_next = True
    _caption(document, figure)


def _caption(document: Any, figure: Picture) -> None:
    caption = _styled(document, "Caption")
    caption.add_run(f"{figure['number']}. ").bold = True
    caption.add_run(_clean(figure["alt"]))


def _turn(document: Any, *, landscape: bool) -> None:
    """Go on upright or on the side; nothing happens where the page lies so already."""
    last = document.sections[-1]
    if (last.orientation == WD_ORIENT.LANDSCAPE) == landscape:
        return
    new = document.add_section(WD_SECTION.NEW_PAGE)
    new.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    new.page_width, new.page_height = last.page_height, last.page_width


def _table(document: Any, table: Grid) -> None:
    caption = _styled(document, "Caption")
    caption.paragraph_format.keep_with_next = True
    caption.paragraph_format.space_before = Pt(12)
    caption.add_run(_clean(f"{table['number']}. {table['title']}")).bold = True
    caption.add_run().add_break()
    origin = caption.add_run(_clean(table["origin"]))
    origin.font.size, origin.font.color.rgb = SMALLEST, MUTED
    # Cell by cell through python-docx a table of hundreds of rows takes seconds.
    caption._p.addnext(parse_xml(_grid(table)))
    for note in table["notes"]:
        _muted(document, note)


def _grid(table: Grid) -> str:
    """Give a table as the XML of the format (ECMA-376 part 1, 17.4)."""
    room = LANDSCAPE if table["landscape"] else PORTRAIT
    character = min(_ROOMY, _CHARACTER * room / sum(table["widths"]))
    widths = [round(width * character) for width in table["widths"]]
    sides = ["right" if numeric else "left" for numeric in table["numeric"]]

    def row(texts: Sequence[str], properties: str, look: str, place: str = "") -> str:
        cells = "".join(
            f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{place}</w:tcPr>'
            f'<w:p><w:pPr><w:spacing w:before="20" w:after="20"/><w:jc w:val="{side}"/></w:pPr>'
            f'<w:r><w:rPr>{look}<w:sz w:val="16"/></w:rPr>'
            f'<w:t xml:space="preserve">{_text(text)}</w:t></w:r></w:p></w:tc>'
            for text, width, side in zip(texts, widths, sides, strict=True)
        )
        return f"<w:tr><w:trPr><w:cantSplit/>{properties}</w:trPr>{cells}</w:tr>"

    head = row(
        table["headings"],
        "<w:tblHeader/>",
        "<w:b/>",
        f'<w:tcBorders>{_line("bottom", 4)}</w:tcBorders><w:vAlign w:val="bottom"/>',
    )
    body = "".join(row(cells, "", "") for cells in table["rows"])
    columns = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    margins = "".join(f'<w:{side} w:w="40" w:type="dxa"/>' for side in ("left", "right"))
    return (
        f"<w:tbl {nsdecls('w')}><w:tblPr>"
        f'<w:tblW w:w="{sum(widths)}" w:type="dxa"/>'
        f"<w:tblBorders>{_line('top', 8)}{_line('bottom', 8)}</w:tblBorders>"
        f'<w:tblLayout w:type="fixed"/><w:tblCellMar>{margins}</w:tblCellMar>'
        '<w:tblLook w:val="0020" w:firstRow="1" w:lastRow="0" w:firstColumn="0" w:lastColumn="0"'
        ' w:noHBand="1" w:noVBand="1"/>'
        f'<w:tblCaption w:val="{_text(table["title"])}"/>'
        f"</w:tblPr><w:tblGrid>{columns}</w:tblGrid>{head}{body}</w:tbl>"
    )


def _line(side: str, eighths: int) -> str:
    """Give the rule at one side of a table or cell, so many eighths of a point thick."""
    return f'<w:{side} w:val="single" w:sz="{eighths}" w:space="0" w:color="1A1A1A"/>'


def _list(document: Any, lines: Sequence[str]) -> None:
    for line in lines:
        _styled(document, "ListBullet").add_run(_clean(line))


def _styled(document: Any, style_id: str) -> Any:
    """Add a paragraph in a style by the style's id, which spares looking its name up."""
    paragraph = document.add_paragraph()
    paragraph._p.style = style_id
    return paragraph


def _muted(document: Any, text: str) -> None:
    run = document.add_paragraph().add_run(_clean(text))
    run.font.size, run.font.color.rgb = SMALL, MUTED


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("", text)


def _text(text: str) -> str:
    return escape(_clean(text), quote=True)
