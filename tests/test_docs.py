"""The outputs that the pages of `docs/` show are those that the code gives."""

import doctest
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
PAGES = [
    page
    for page in sorted((HOUSE / "docs").rglob("*.md"))
    if ">>> " in page.read_text(encoding="utf-8")
]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_the_code_gives(page, monkeypatch):
    monkeypatch.chdir(HOUSE)
    found = doctest.testfile(
        str(page), module_relative=False, optionflags=FLAGS, encoding="utf-8", verbose=False
    )
    assert found.attempted > 0
    assert found.failed == 0
