"""What the pages of `docs/` have to hold, and what their builder refuses.

`make docs` builds them, and fails where a link is broken or a page needs a network.
"""

import re
from pathlib import Path
from types import SimpleNamespace

import mathml
import offline
import outside
import pytest
import worked_examples
from docutils import nodes
from docutils.utils import new_document
from sphinx.errors import ExtensionError

import measure

DOCS = Path(__file__).parent.parent / "docs"
BENCHMARKS = DOCS.parent / "benchmarks"


def test_the_reference_has_every_public_name_once():
    named = []
    for page in (DOCS / "reference").glob("*.md"):
        block = page.read_text(encoding="utf-8").partition(".. autosummary::")[2]
        if ".. currentmodule:: measure\n" in page.read_text(encoding="utf-8"):
            named += re.findall(r"^   (\w+)$", block, flags=re.MULTILINE)
    # The errors have a page of their own.
    assert sorted([*named, "errors"]) == sorted(measure.__all__)


def test_every_calibration_table_has_a_page():
    pages = [page.read_text(encoding="utf-8") for page in (DOCS / "calibration").glob("*.md")]
    for report in BENCHMARKS.glob("*.md"):
        assert any(f"include}} ../../benchmarks/{report.name}" in page for page in pages), report


@pytest.mark.parametrize("page", ["evaluator-da.md", "policymaker-da.md"])
def test_danish_pages_say_so(page):
    assert (
        (DOCS / "tutorials" / page)
        .read_text(encoding="utf-8")
        .startswith("---\nlanguage: da\n---\n")
    )


def test_formulas_become_mathml():
    found = mathml.mathml(r"\frac{a}{b}", "inline")
    assert "<mfrac>" in found
    assert 'display="inline"' in found


def test_a_command_that_is_not_known_is_refused():
    with pytest.raises(ExtensionError, match=r"not known: \\nosuchcommand"):
        mathml.mathml(r"\nosuchcommand{a}", "block")


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/a.css">',
        '<img src="http://example/a.png">',
        '<img srcset="a.png 1x, https://example/b.png 2x">',
        '<style>@import url("https://fonts.example/a.css");</style>',
        '<form action="https://example/search"></form>',
    ],
)
def test_a_page_that_loads_from_elsewhere_is_seen(page):
    assert offline.loads(page)


@pytest.mark.parametrize(
    "page",
    [
        '<a href="https://example/">a link leads out</a>',
        '<script src="_static/a.js"></script>',
        '<link rel="canonical" href="https://example/">',
        '<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    ],
)
def test_links_and_own_files_are_no_loads(page):
    assert not offline.loads(page)


def test_style_sheets_are_read_too():
    assert offline.imports("a { background: url('https://example/a.png') }")
    assert offline.imports('@import "https://example/a.css";')
    assert not offline.imports("@font-face { src: url(../fonts/a.woff2) }")


def test_links_out_of_the_pages_lead_to_a_copy():
    source = ["[a](../tests/README.md), [b](howto/index.md), [c](index.md#d)"]
    outside.lead(SimpleNamespace(srcdir=str(DOCS)), "levels", source)
    assert source == ["[a](<path:../tests/README.md>), [b](howto/index.md), [c](index.md#d)"]


def test_the_empty_line_that_doctest_needs_is_not_shown():
    page = new_document("page")
    page += nodes.literal_block(text=">>> 1\n1\n\n")
    worked_examples.trim(None, page)
    assert page.astext() == ">>> 1\n1"
