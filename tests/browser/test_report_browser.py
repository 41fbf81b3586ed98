"""The report as a reader meets it, in real Chromium: no table runs out of the page."""

import shutil

import pytest

from analyses.export import html
from analyses.section import Report
from analyses.wording import LANGUAGES, words
from tests.analyses import demonstrations
from tests.analyses.demonstrations import NAMES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine's PATH"),
]

CUT_OFF = """() => [...document.querySelectorAll(".scroll")]
    .filter(part => part.scrollWidth > part.clientWidth + 1)
    .map(part => `${part.id}: ${part.scrollWidth} in ${part.clientWidth}`)"""
"""Tables that are wider than the page gives them room for."""


@pytest.fixture(scope="module", params=NAMES)
def published(request: pytest.FixtureRequest) -> Report:
    return demonstrations.validated(request.param)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_window_of_1200_pixels_shows_every_table_whole(published, language, tmp_path):
    from playwright.sync_api import sync_playwright

    path = tmp_path / html.FILE_NAME
    html.write(published, path, words(language))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.goto(path.as_uri())
        cut_off = page.evaluate(CUT_OFF)
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        browser.close()
    assert cut_off == []
    assert wide <= 1200
