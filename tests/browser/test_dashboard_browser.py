"""The dashboard as a reader meets it, in real Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

import instruments

HOUSE = Path(__file__).parent.parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HS39 = instruments.load("mental_ability")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine's PATH"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Serve the dashboard from a folder of its own, as `kobling dashboard` does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    code = f"from analyses.cli import main; main(['dashboard', '--port', '{port}'])"
    environment = os.environ | {"PYTHONPATH": str(HOUSE), "STREAMLIT_SERVER_HEADLESS": "true"}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=log.parent,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield _ready(f"http://127.0.0.1:{port}", process, log)
        finally:
            os.killpg(process.pid, 15)
            process.wait(timeout=20)


def _ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urlopen(f"{url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return url
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.3)
    raise AssertionError(f"the dashboard did not start:\n{log.read_text()}")


@pytest.fixture
def page(address):
    from playwright.sync_api import sync_playwright

    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(60_000)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        yield page
        browser.close()
    hosts = {urlsplit(url).hostname for url in asked if urlsplit(url).scheme.startswith("http")}
    assert hosts == {"127.0.0.1"}


def _choose(page, name: str) -> None:
    page.get_by_test_id("stSidebar").get_by_text(name, exact=True).click()


def test_read_change_section_and_language(page):
    title = instruments.load("leadership_climate").title
    page.get_by_role("heading", name=title["da"]).wait_for()
    _choose(page, "Pålidelighed")
    figure = page.locator("figure img").first
    figure.wait_for()
    assert figure.evaluate("image => image.complete && image.naturalWidth > 0")
    assert "Omega" in (figure.get_attribute("alt") or "")
    assert page.locator("table caption").first.inner_text()
    _choose(page, "English")
    page.get_by_role("heading", name=title["en"]).wait_for()
    page.get_by_role("heading", name="Reliability", exact=True).wait_for()
    assert "skjult" not in page.locator("body").inner_text()


def test_a_link_leads_from_a_figure_to_its_table(page):
    _choose(page, "Pålidelighed")
    link = page.locator("figure figcaption a").first
    link.wait_for()
    target = (link.get_attribute("href") or "").removeprefix("#")
    table = page.locator(f"[id='{target}'] table")
    # The page draws its parts one after the other; the table comes after the figure.
    table.first.wait_for()
    assert table.count() == 1


def test_upload_a_right_and_a_wrong_file(page, tmp_path):
    page.get_by_role("heading", name="Ledelsesklima").wait_for()
    _choose(page, HS39.title["da"])
    page.get_by_role("heading", name=HS39.title["da"]).wait_for()
    _choose(page, "Egen fil")
    field = page.locator("input[type=file]")
    field.wait_for(state="attached")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n3,4\n")
    field.set_input_files(wrong)
    page.get_by_text("Filen kan ikke undersøges").wait_for()
    assert "Traceback" not in page.locator("body").inner_text()
    page.locator("input[type=file]").set_input_files(HS39.demonstration_path())
    page.get_by_role("heading", name=HS39.title["da"]).wait_for()
    page.get_by_text("hs39.csv · n = 301").wait_for()


def test_nothing_is_wider_than_a_narrow_screen(page):
    page.set_viewport_size({"width": 360, "height": 900})
    page.get_by_role("heading", name="Ledelsesklima").wait_for()
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not wide
