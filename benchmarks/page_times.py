"""How long a reader waits for each page: `python -m benchmarks.page_times`.

It serves the dashboard twice: once with an empty store, to see how soon the first page is there
with its progress, and once with stored results on the bundled answers of the coupling
questionnaire, which it computes first where `--cache` has none. A page counts as there when its
heading, its answer and all that belongs to it are drawn and the server has nothing more to do.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from analyses import pages
from analyses.section import Message
from analyses.wording import words
from benchmarks.served import chromium, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

FIRST_SECONDS, PAGE_SECONDS = 3.0, 1.5
ROUNDS = 3
"""Walks through all pages; the first draws what the others find drawn."""

COMPUTING = 1_200_000
"""Milliseconds within which the bundled answers have to be computed."""

IDLE = """() => !document.querySelector(
  '[data-testid=stStatusWidget], [data-stale=true], [data-testid=stSkeleton]')"""


def main() -> int:
    """Measure, and tell what took longer than it may."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cache", type=Path, help="a folder to serve from, whose store is kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as empty, chromium() as browser:
        cache = given.cache or Path(empty) / "warm"
        cold = _cold(browser, Path(empty) / "cold")
        _fill(browser, cache)
        first, taken = _warm(browser, cache)
    sys.stdout.write(f"first page, empty store, with progress: {cold:.2f} s\n")
    sys.stdout.write(f"first page, stored results: {first:.2f} s\n")
    for name, seconds in taken.items():
        written = " ".join(f"{one:.2f}" for one in seconds)
        sys.stdout.write(f"{name:16s} {written} s\n")
    slowest = max(max(seconds) for seconds in taken.values())
    return 0 if max(cold, first) <= FIRST_SECONDS and slowest <= PAGE_SECONDS else 1


def _cold(browser: "Browser", cache: Path) -> float:
    """Give the seconds until a first reader sees progress."""
    with _open(browser, cache) as (page, go):
        return _seconds(go, lambda: page.get_by_test_id("stProgress").first.wait_for())


def _fill(browser: "Browser", cache: Path) -> None:
    """Wait until the results on the bundled answers are stored."""
    with _open(browser, cache) as (page, go):
        go()
        page.locator(".kobling .answer").first.wait_for(timeout=COMPUTING)


def _warm(browser: "Browser", cache: Path) -> tuple[float, dict[str, list[float]]]:
    """Give the seconds until the first page is there, and for each page those of each round."""
    taken: dict[str, list[float]] = {}
    with _open(browser, cache) as (page, go):
        first = _seconds(go, lambda: _settled(page))
        for _ in range(ROUNDS):
            for shown in (*pages.PAGES[1:], pages.PAGES[0]):
                title = words("da").say(Message(f"page.{shown.id}.title"))
                link = page.get_by_test_id("stSidebar").get_by_text(title, exact=True)
                heading = page.get_by_role("heading", name=title, level=1, exact=True)
                seconds = _seconds(link.click, partial(_settled, page, heading))
                taken.setdefault(shown.id, []).append(seconds)
    return first, taken


@contextmanager
def _open(browser: "Browser", cache: Path) -> "Iterator[tuple[Page, Callable[[], None]]]":
    """Give a page of a fresh browser session, and what goes to the dashboard."""
    with served(cache) as dashboard:
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(60_000)
        yield page, lambda: _go(page, dashboard.address)
        context.close()


def _go(page: "Page", address: str) -> None:
    page.goto(f"{address}/?language=da&instrument=coupling", wait_until="commit")


def _settled(page: "Page", heading: "Locator | None" = None) -> None:
    if heading is not None:
        heading.wait_for()
    page.locator(".kobling .answer").first.wait_for()
    page.wait_for_function(IDLE)


def _seconds(start: Callable[[], None], wait: Callable[[], None]) -> float:
    began = time.monotonic()
    start()
    wait()
    return time.monotonic() - began


if __name__ == "__main__":
    raise SystemExit(main())
