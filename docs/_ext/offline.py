"""No page may load anything from elsewhere: links lead out, but nothing comes in."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.typing import ExtensionMetadata

LOADED = {"src", "srcset", "data", "poster", "action", "href"}
ONLY_A_LINK = {("a", "href")}
ADDRESS = re.compile(r"""(?:url\(\s*|@import\s+(?!url))["']?([^"')\s;]+)""")
ELSEWHERE = ("http:", "https:", "//")


class Loads(HTMLParser):
    """What a page loads from other places."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the addresses elsewhere of whatever a browser loads by itself."""
        self.in_style = tag == "style"
        named = dict(attrs)
        # Says where a page stands; a browser does not follow it.
        if tag == "link" and named.get("rel") in ("canonical", "license"):
            return
        for name, value in attrs:
            if name == "style" and value:
                self.found += imports(value)
            elif name in LOADED and (tag, name) not in ONLY_A_LINK and value:
                # A srcset is a list of addresses, each with a size.
                parts = value.split(",") if name == "srcset" else [value]
                self.found += [one.strip() for one in parts if elsewhere(one)]

    def handle_data(self, data: str) -> None:
        """Read style sheets within the page."""
        if self.in_style:
            self.found += imports(data)
            self.in_style = False


def elsewhere(address: str) -> bool:
    """Tell whether an address names another machine."""
    return address.strip().lower().startswith(ELSEWHERE)


def loads(page: str) -> list[str]:
    """Give the addresses elsewhere that a page in HTML loads."""
    reader = Loads()
    reader.feed(page)
    return reader.found


def imports(style: str) -> list[str]:
    """Give the addresses elsewhere that a style sheet loads."""
    return [found for found in ADDRESS.findall(style) if elsewhere(found)]


def offenders(folder: Path) -> Iterator[str]:
    """Name each file below a folder that loads something from elsewhere, and what."""
    for kind, read in (("*.html", loads), ("*.css", imports)):
        for path in sorted(folder.rglob(kind)):
            for address in read(path.read_text(encoding="utf-8")):
                yield f"{path.relative_to(folder)} loads {address}"


def refuse(app: Sphinx, exception: Exception | None) -> None:
    """Fail a build whose pages load something from elsewhere."""
    if exception is None and (found := list(offenders(Path(app.outdir)))):
        raise ExtensionError("\n".join(["the pages need a network:", *found]))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Look at the pages when they are finished."""
    app.connect("build-finished", refuse)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
