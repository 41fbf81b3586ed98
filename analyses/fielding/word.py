"""Writes a questionnaire to be printed or edited as a Word document."""

from io import BytesIO
from typing import Any

from docx import Document
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from analyses.export import word_page
from analyses.export.word_page import PAGE_WIDTH, SMALL
from analyses.fielding.sheet import Sheet, Table

TICK = "☐"
TICK_FONT = "Segoe UI Symbol"
SIZES = {"Normal": 11.0, "Heading 1": 20.0, "Heading 2": 14.0}
SIZE = Pt(SIZES["Normal"])
MARGIN = 15.0
NUMBER_WIDTH, ANSWER_WIDTH = Mm(9), Mm(14.6)
SHADE = "F1F1F1"


def contents(sheet: Sheet) -> bytes:
    """Give the questionnaire as the bytes of a .docx file of A4 pages.

    Headings are headings, the row with the answers is repeated on every page, and no row of a
    table is broken over two pages.
    """
    document = Document()
    _set_up(document, sheet)
    document.add_heading(sheet.title, level=1)
    for paragraph in sheet.introduction:
        document.add_paragraph(paragraph)
    if sheet.office:
        _office(document, sheet)
    for part in sheet.tables:
        if part.label:
            document.add_heading(part.label, level=2)
        if part.intro:
            _kept(document.add_paragraph(part.intro))
        above = _kept(document.add_paragraph())
        above.add_run(part.stem).bold = True
        above.add_run(f" {sheet.instruction}")
        _statements(document, part, sheet)
    if sheet.questions:
        document.add_heading(sheet.about, level=2)
        _kept(document.add_paragraph(f"{sheet.about_intro} {sheet.one_answer}"))
        for number, words, answers in sheet.questions:
            _question(document, number, words, answers)
    if sheet.thanks:
        last = document.add_paragraph()
        last.paragraph_format.space_before = Pt(14)
        last.add_run(sheet.thanks).bold = True
    buffer = BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _set_up(document: Any, sheet: Sheet) -> None:
    """Set page, fonts, language, properties and footer."""
    page = word_page.Page(sheet.title, sheet.language, sheet.footer, sheet.page, MARGIN)
    word_page.set_up(document, page, SIZES)
    for name in SIZES:
        layout = document.styles[name].paragraph_format
        if name == "Normal":
            layout.space_after = Pt(5)
        else:
            layout.space_before = Pt(0 if name == "Heading 1" else 14)
            layout.space_after = Pt(6)


def _office(document: Any, sheet: Sheet) -> None:
    """Add the frame that whoever runs the survey fills in."""
    document.paragraphs[-1].paragraph_format.space_after = Pt(12)
    table = document.add_table(rows=2, cols=len(sheet.office))
    table.style = "Table Grid"
    top = table.rows[0].cells[0].merge(table.rows[0].cells[-1])
    _write(top, sheet.office_label, size=SMALL)
    for cell, word in zip(table.rows[1].cells, sheet.office, strict=True):
        _write(cell, f"{word}:", size=SMALL)
        cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.TOP
    table.rows[1].height = Mm(11)
    for row in table.rows:
        _unbroken(row)


def _statements(document: Any, part: Table, sheet: Sheet) -> None:
    """Add the statements, one row each, with a box for every answer."""
    n = len(part.answers)
    text_width = PAGE_WIDTH - 2 * Mm(MARGIN) - NUMBER_WIDTH - n * ANSWER_WIDTH
    widths = [NUMBER_WIDTH, text_width, *([ANSWER_WIDTH] * n)]
    table = document.add_table(rows=1 + len(part.rows), cols=2 + n)
    table.style = "Table Grid"
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    _only_horizontal_lines(table)
    heading, *rows = table.rows
    _repeated(heading)
    for cell, word in zip(heading.cells, ["", sheet.statement, *part.answers], strict=True):
        _write(cell, word, size=SMALL, centred=cell is not heading.cells[1])
        cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.BOTTOM
    _write_left(heading.cells[1])
    for place, (row, (number, words)) in enumerate(zip(rows, part.rows, strict=True)):
        cells = row.cells
        _write(cells[0], str(number), centred=True)
        _write(cells[1], words)
        for cell in cells[2:]:
            _write(cell, TICK, size=Pt(14), centred=True, font=TICK_FONT)
        if place % 2:
            for cell in cells:
                _shade(cell)
    for row in table.rows:
        _unbroken(row)
        for place, (cell, width) in enumerate(zip(row.cells, widths, strict=True)):
            cell.width = width
            if place >= 2:
                _narrow_margins(cell)
            if place == 2 + n - part.n_missing and part.n_missing:
                _line_at_left(cell)
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    document.add_paragraph().paragraph_format.space_after = Pt(0)


def _question(document: Any, number: int, words: str, answers: tuple[str, ...]) -> None:
    """Add a background question with a box before every answer, kept on one page."""
    asked = _kept(document.add_paragraph())
    asked.paragraph_format.space_before = Pt(8)
    asked.add_run(f"{number}  {words}").bold = True
    for place, answer in enumerate(answers):
        line = document.add_paragraph()
        line.paragraph_format.left_indent = Mm(7)
        line.paragraph_format.space_after = Pt(1)
        line.paragraph_format.keep_together = True
        line.paragraph_format.keep_with_next = place < len(answers) - 1
        box = line.add_run(f"{TICK} ")
        box.font.name = TICK_FONT
        line.add_run(f" {answer}")


def _kept(paragraph: Any) -> Any:
    """Keep a paragraph on the page of what follows it."""
    paragraph.paragraph_format.keep_with_next = True
    return paragraph


def _write(
    cell: Any, text: str, *, size: Any = SIZE, centred: bool = False, font: str | None = None
) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.paragraph_format.space_after = Pt(2)
    paragraph.paragraph_format.space_before = Pt(2)
    if centred:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run = paragraph.add_run(text)
    run.font.size = size
    if font is not None:
        run.font.name = font
    cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER


def _write_left(cell: Any) -> None:
    cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.LEFT


def _unbroken(row: Any) -> None:
    """Forbid that a row is broken over two pages."""
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


def _repeated(row: Any) -> None:
    """Have a row repeated at the top of every page that the table reaches."""
    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _only_horizontal_lines(table: Any) -> None:
    borders = OxmlElement("w:tblBorders")
    for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
        line = OxmlElement(f"w:{side}")
        drawn = side in ("top", "bottom", "insideH")
        line.set(qn("w:val"), "single" if drawn else "nil")
        if drawn:
            line.set(qn("w:sz"), "4")
            line.set(qn("w:color"), "8C8C8C")
        borders.append(line)
    table._tbl.tblPr.append(borders)


def _line_at_left(cell: Any) -> None:
    borders = OxmlElement("w:tcBorders")
    line = OxmlElement("w:left")
    line.set(qn("w:val"), "single")
    line.set(qn("w:sz"), "8")
    line.set(qn("w:color"), "8C8C8C")
    borders.append(line)
    _insert_property(cell, borders)


def _shade(cell: Any) -> None:
    shade = OxmlElement("w:shd")
    shade.set(qn("w:val"), "clear")
    shade.set(qn("w:fill"), SHADE)
    _insert_property(cell, shade)


def _narrow_margins(cell: Any) -> None:
    margins = OxmlElement("w:tcMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), "20")
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    _insert_property(cell, margins)


PROPERTY_ORDER = ("tcW", "gridSpan", "vMerge", "tcBorders", "shd", "noWrap", "tcMar", "vAlign")
"""The order that the format prescribes for the properties of a cell (ECMA-376, CT_TcPr)."""


def _insert_property(cell: Any, element: Any) -> None:
    """Put a property of a cell where the format wants it; Word refuses another order."""
    properties = cell._tc.get_or_add_tcPr()
    properties.append(element)
    order = {qn(f"w:{name}"): place for place, name in enumerate(PROPERTY_ORDER)}
    for child in sorted(properties, key=lambda one: order[one.tag]):
        properties.append(child)
