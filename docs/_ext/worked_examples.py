"""Worked examples end with an empty line, which doctest needs and a reader does not."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata


def trim(app: Sphinx, doctree: nodes.document) -> None:
    """Take the empty lines from the end of each block of code."""
    for block in doctree.findall(nodes.literal_block):
        text = block.astext().rstrip()
        # Sphinx colours a block only while both are the same.
        block.rawsource = text
        block.children = [nodes.Text(text)]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Look at each page when it has been read."""
    app.connect("doctree-read", trim)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
