"""Formulas as MathML, which browsers draw and screen readers read without a script.

Roots and brackets grow with what they hold only in a font made for mathematics. Not every machine
has one, so that the one of the library ziamath (STIX Two Math, SIL Open Font License) comes along.
"""

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

FONT = "STIXTwoMath-Regular.ttf"


def mathml(latex: str, display: str) -> str:
    """Give a formula in LaTeX as MathML.

    Raises
    ------
    ExtensionError
        A command that is not known, which would be shown as it is written.
    """
    found = convert(latex, display=display)
    if "\\" in found:
        raise ExtensionError(f"this formula has a command that is not known: {latex}")
    return found


def inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    self.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, which may be scrolled where it is too wide."""
    self.body.append(f'<div class="formula" tabindex="0">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def bring_font(app: Sphinx, exception: Exception | None) -> None:
    """Lay the font beside the style sheet that names it."""
    if exception is None:
        with as_file(files("ziamath.fonts") / FONT) as font:
            shutil.copyfile(font, Path(app.outdir, "_static", FONT))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Make this the way in which HTML pages show formulas."""
    app.connect("build-finished", bring_font)
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
