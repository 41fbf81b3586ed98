"""A page whose front matter says `language: da` says so to browsers and screen readers too."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata


def tell(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Set the language of a page."""
    stated = (context.get("meta") or {}).get("language")
    if stated:
        context["language"] = stated


def setup(app: Sphinx) -> ExtensionMetadata:
    """Ask each page for its language."""
    app.connect("html-page-context", tell)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
