"""The outputs that the pages of `docs/` and the README show are those that the code gives."""

import doctest
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
PAGES = sorted((HOUSE / "docs").glob("*.md"))
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_the_code_gives(page, monkeypatch):
    monkeypatch.chdir(HOUSE)
    found = doctest.testfile(
        str(page), module_relative=False, optionflags=FLAGS, encoding="utf-8", verbose=False
    )
    assert found.attempted > 0
    assert found.failed == 0
