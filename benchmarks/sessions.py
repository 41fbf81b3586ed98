"""Twenty readers at once, each with a survey of their own: `python -m benchmarks.sessions`.

Each browser session uploads its own 200 answers to 24 items, waits for its results and looks on
every page for its own marker and for anybody else's. It tells how long all took, how much memory
the server and its processes had at most, and how many markers were out of place.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analyses import pages
from analyses.section import Message
from analyses.wording import words
from benchmarks.served import chromium, served

if TYPE_CHECKING:
    from playwright.sync_api import Page

N_SESSIONS, N_OBS, N_ITEMS = 20, 200, 24
MOST_SECONDS, MOST_BYTES = 600.0, 8 * 2**30

FUNCTIONS = ("bro", "kom", "kor", "kop")
LOADING, CORRELATION = 0.65, 0.6
CUTS = (-1.2, -0.4, 0.4, 1.2)

EVERY = 0.5
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Outcome:
    """What came of all sessions.

    Parameters
    ----------
    seconds
        From the first upload to the last page read.
    most_bytes
        Resident memory of the server and its processes, at most.
    done
        Sessions whose results came.
    misplaced
        Pages that lacked their own marker or held another's.
    """

    seconds: float
    most_bytes: int
    done: int
    misplaced: int

    def holds(self, n_sessions: int) -> bool:
        """Tell whether all was done in time, within the memory, and each saw only their own."""
        return (
            self.done == n_sessions
            and self.misplaced == 0
            and self.seconds <= MOST_SECONDS
            and self.most_bytes <= MOST_BYTES
        )


def answers(seed: int) -> pd.DataFrame:
    """Draw answers to the 24 `I` items of the coupling questionnaire, of 200 persons."""
    rng = np.random.default_rng(seed)
    common = np.sqrt(CORRELATION) * rng.standard_normal((N_OBS, 1))
    factors = common + np.sqrt(1 - CORRELATION) * rng.standard_normal((N_OBS, len(FUNCTIONS)))
    columns = {}
    for place, function in enumerate(FUNCTIONS):
        for number in range(1, N_ITEMS // len(FUNCTIONS) + 1):
            own = np.sqrt(1 - LOADING**2) * rng.standard_normal(N_OBS)
            latent = LOADING * factors[:, place] + own
            columns[f"I_{function}{number}"] = 1 + np.searchsorted(CUTS, latent)
    return pd.DataFrame(columns)


def marker(number: int) -> str:
    """Give the file name of one session, which every page of its results shows."""
    return f"maerke-{number:02d}-{(number * 7919) % 9973:04d}.csv"


def run(n_sessions: int = N_SESSIONS) -> Outcome:
    """Serve the dashboard, let all sessions work at once and watch the memory."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for number in range(n_sessions):
            answers(number).to_csv(folder / marker(number), index=False)
        with served(folder / "server") as dashboard:
            watch = _Watch(dashboard.process)
            started = time.monotonic()
            found = _work(folder, dashboard.address, n_sessions)
            seconds = time.monotonic() - started
            most = watch.stop()
    return Outcome(seconds, most, len(found), sum(found.values()))


def _work(folder: Path, address: str, n_sessions: int) -> dict[int, int]:
    """Upload in every session, then read all pages of each; give the misplaced markers of each.

    Only sessions whose results came are in the answer.
    """
    from playwright.sync_api import TimeoutError as TooLate

    deadline = time.monotonic() + MOST_SECONDS
    found: dict[int, int] = {}
    with chromium() as browser:
        sessions = [browser.new_context().new_page() for _ in range(n_sessions)]
        for number, page in enumerate(sessions):
            page.set_default_timeout(120_000)
            page.goto(f"{address}/?language=da&instrument=coupling")
            page.get_by_test_id("stSidebar").get_by_text("Egen fil", exact=True).click()
            field = page.locator("input[type=file]").first
            field.wait_for(state="attached")
            field.set_input_files(folder / marker(number))
            page.get_by_role("button", name="Undersøg svarene").click()
        for number, page in enumerate(sessions):
            left = max(deadline - time.monotonic(), 1.0)
            try:
                page.get_by_text(marker(number)).first.wait_for(timeout=1000 * left)
                page.locator(".kobling .answer").first.wait_for(timeout=1000 * left)
                found[number] = _misplaced(page, number, n_sessions)
            except TooLate:
                continue
    return found


def _misplaced(page: "Page", number: int, n_sessions: int) -> int:
    """Go through all pages of a session; count those without its marker or with another's."""
    others = [marker(other) for other in range(n_sessions) if other != number]
    wrong = 0
    # A study is planned without answers: that page shows none.
    for shown in (one for one in pages.PAGES if one.id != "planning"):
        title = words("da").say(Message(f"page.{shown.id}.title"))
        page.get_by_test_id("stSidebar").get_by_text(title, exact=True).click()
        page.get_by_role("heading", name=title, level=1, exact=True).wait_for()
        page.locator(".kobling .answer").first.wait_for()
        text = page.locator("body").inner_text()
        wrong += marker(number) not in text or any(other in text for other in others)
    return wrong


class _Watch:
    """Looks again and again at the resident memory of a process and all that it started."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Give the most that was seen, in bytes."""
        self._over.set()
        self._thread.join()
        return self._most

    def _look(self) -> None:
        while not self._over.wait(EVERY):
            self._most = max(self._most, _resident(self._process))


def _resident(process: int) -> int:
    """Give the resident memory of a process and its descendants, in bytes."""
    parents: dict[int, int] = {}
    sizes: dict[int, int] = {}
    page_size = os.sysconf("SC_PAGE_SIZE")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                told = (entry / "stat").read_text().rpartition(")")[2].split()
                held = (entry / "statm").read_text().split()
            except OSError:
                continue  # It has ended meanwhile.
            parents[int(entry.name)] = int(told[1])
            sizes[int(entry.name)] = int(held[1]) * page_size
    family = {process}
    while grown := {one for one, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(sizes.get(one, 0) for one in family)


def main() -> int:
    """Run the benchmark and tell what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sessions", type=int, default=N_SESSIONS)
    given = parser.parse_args()
    outcome = run(given.sessions)
    sys.stdout.write(
        f"{outcome.done} of {given.sessions} sessions done in {outcome.seconds:.0f} s, "
        f"at most {outcome.most_bytes / 2**30:.1f} GB, {outcome.misplaced} pages misplaced\n"
    )
    return 0 if outcome.holds(given.sessions) else 1


if __name__ == "__main__":
    raise SystemExit(main())
