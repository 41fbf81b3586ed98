"""The dashboard as a reader meets it, in real Chromium: every page, both languages, light and dark.

One server and one browser serve all tests, on stored results; only one survey is computed.
"""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pandas as pd
import pyreadstat
import pytest

import instruments
from analyses import pages
from analyses.section import Message
from analyses.wording import words
from benchmarks.served import CHROMIUM, chromium
from tests.analyses.reports import MARKED
from tests.analyses.showing.stocked import stock
from tests.browser.served import served

HOUSE = Path(__file__).parent.parent.parent
HS39 = instruments.load("mental_ability")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
GROUND = "app => getComputedStyle(app).backgroundColor"
APP = """document.querySelector('[data-testid="stApp"]')"""
NARROW = {"width": 320, "height": 800}
WIDE = {"width": 1280, "height": 1000}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine's PATH"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """Serve the dashboard from a folder of its own, as `kobling dashboard` does."""
    folder = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        for name in ("coupling", "mental_ability"):
            stock(instruments.load(name), MARKED)
    with served(folder) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser, address):
    """Give a function that opens a page; no request of it may leave the machine."""
    asked: list[str] = []
    contexts = []

    def open_page(path: str = "", **choices: str):
        context = browser.new_context(viewport=WIDE, color_scheme="light")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda request: asked.append(request.url))
        said = "&".join(f"{name}={value}" for name, value in choices.items())
        page.goto(f"{address}/{path}?{said}")
        _settled(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    hosts = {urlsplit(url).hostname for url in asked if urlsplit(url).scheme.startswith("http")}
    assert hosts == {"127.0.0.1"}


def _settled(page) -> None:
    """Wait until a page has its heading and the server has nothing more to draw."""
    page.get_by_role("heading", level=1).wait_for()
    for busy in ("[data-testid=stStatusWidget]", "[data-stale=true]"):
        page.locator(busy).first.wait_for(state="detached")


def _choose(page, name: str) -> None:
    page.get_by_test_id("stSidebar").get_by_text(name, exact=True).click()


def _go(page, shown: pages.Page, language: str) -> None:
    title = words(language).say(Message(f"page.{shown.id}.title"))
    _choose(page, title)
    page.get_by_role("heading", name=title, level=1, exact=True).wait_for()
    _settled(page)


def _violations(page) -> list[str]:
    """Let axe examine a page, through the console, since its policy lets no script in."""
    spec = find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.origin is not None
    axe = (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")
    console = page.context.new_cdp_session(page)
    console.send("Runtime.evaluate", {"expression": axe})
    options = json.dumps({"runOnly": {"type": "tag", "values": TAGS}})
    run = f"axe.run(document, {options}).then(found => JSON.stringify(found.violations))"
    asked = {"expression": run, "awaitPromise": True, "returnByValue": True}
    found = json.loads(console.send("Runtime.evaluate", asked)["result"]["value"])
    console.detach()
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary'][:200]}"
        for one in found
        for node in one["nodes"]
    ]


# Colours do not depend on the language, nor words on the colours.
@pytest.mark.parametrize(
    ("language", "scheme"),
    [
        ("da", "dark"),
        ("en", "light"),
        pytest.param("da", "light", marks=pytest.mark.slow),
        pytest.param("en", "dark", marks=pytest.mark.slow),
    ],
)
def test_every_page_can_be_used_by_everybody(opened, language, scheme):
    page = opened(language=language, instrument="coupling")
    before = page.get_by_test_id("stApp").evaluate(GROUND)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"before => ({GROUND})({APP}) !== before", arg=before)
    if scheme == "light":
        page.emulate_media(color_scheme="light")
        page.wait_for_function(f"before => ({GROUND})({APP}) === before", arg=before)
    for shown in pages.PAGES:
        _go(page, shown, language)
        if shown.id == "structure":
            page.locator(
                "summary", has_text="Forklar" if language == "da" else "Explain"
            ).first.click()
            page.get_by_test_id("stExpander").first.click()
            page.locator("table").first.wait_for()
            _settled(page)
        assert _violations(page) == [], (shown.id, scheme)
        assert page.evaluate("document.documentElement.lang") == language
        page.set_viewport_size(NARROW)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], shown.id
        page.set_viewport_size(WIDE)


def test_a_link_shows_the_same_page_and_a_change_of_language_keeps_it(opened):
    page = opened("reliabilitet", language="en", instrument="coupling")
    page.get_by_role("heading", name="Reliability", level=1).wait_for()
    _choose(page, "Dansk")
    page.get_by_role("heading", name="Reliabilitet", level=1).wait_for()
    _settled(page)
    assert urlsplit(page.url).path == "/reliabilitet"
    assert "language=da" in page.url
    assert page.evaluate("document.documentElement.lang") == "da"


def test_a_figure_has_words_and_a_table_of_its_numbers(opened):
    page = opened("niveauer", language="da", instrument="coupling")
    _go(page, pages.page("structure"), "da")
    figure = page.locator("figure img").first
    figure.wait_for()
    assert figure.evaluate("image => image.complete && image.naturalWidth > 0")
    assert "Figur af eigenvalues" in (figure.get_attribute("alt") or "")
    page.get_by_text("Tallene som tabel: Egenværdier").click()
    table = page.locator("table").first
    table.wait_for()
    assert "6,10" in table.inner_text()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Hent eigenvalues.csv").click()
    assert "6,10" in Path(taken.value.path()).read_text(encoding="utf-8-sig")


def test_an_evaluator_uploads_maps_reads_and_takes_the_brief(opened, tmp_path):
    page = opened(language="da", instrument="mental_ability")
    _choose(page, "Egen fil")
    field = page.locator("input[type=file]").first
    field.wait_for(state="attached")
    wrong = tmp_path / "forkert.xlsx"
    wrong.write_bytes(b"PK\x03\x04 no workbook")
    field.set_input_files(wrong)
    page.get_by_text("Filen kan ikke undersøges").wait_for()
    assert "Traceback" not in page.locator("body").inner_text()
    frame = pd.read_csv(HS39.demonstration_path())
    right = tmp_path / "svar.sav"
    pyreadstat.write_sav(frame.rename(columns={"x1": "q_x1", "x5": "fem"}), str(right))
    page.locator("input[type=file]").first.set_input_files(right)
    page.get_by_label("x5: ").click()
    page.get_by_role("option", name="fem", exact=True).click()
    page.get_by_text("Her er intet at vælge.").wait_for()
    _settled(page)
    with page.expect_download() as taken:
        page.get_by_role("button", name="Gem kolonnevalget").click()
    assert '"x5" = "fem"' in Path(taken.value.path()).read_text(encoding="utf-8")
    assert _violations(page) == []
    page.get_by_role("button", name="Undersøg svarene").click()
    page.get_by_text("svar.sav · n = 301").wait_for(timeout=180_000)
    _go(page, pages.page("reports"), "da")
    with page.expect_download(timeout=180_000) as taken:
        page.get_by_role("button", name="Hent summary.pdf").click()
    assert Path(taken.value.path()).read_bytes().startswith(b"%PDF")


def test_headers_stand_on_pages_scripts_and_what_is_not_there(address):
    for path in ("/", "/reliabilitet", "/kobling/language.js", "/static/no-such.js"):
        try:
            with urlopen(f"{address}{path}", timeout=10) as answer:
                headers = answer.headers
        except URLError as error:
            headers = error.headers  # type: ignore[attr-defined]
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert "default-src 'self'" in headers["Content-Security-Policy"], path
