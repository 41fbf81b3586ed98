"""Links to Markdown that is no page, such as a README beside data, lead to a copy of the file."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

LINK = re.compile(r"\]\((?P<path>[^)#:\s]+\.md)\)")


def lead(app: Sphinx, docname: str, source: list[str]) -> None:
    """Mark the links of a page that lead out of the folder of pages as links to files."""
    folder = Path(app.srcdir, docname).parent

    def marked(link: re.Match[str]) -> str:
        inside = (folder / link["path"]).resolve().is_relative_to(Path(app.srcdir).resolve())
        return link[0] if inside else f"](<path:{link['path']}>)"

    source[0] = LINK.sub(marked, source[0])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Look at each page as it is read."""
    app.connect("source-read", lead)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
