"""The dashboard in a process of its own, and a browser that reads it, for the benchmarks."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOUSE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Dashboard:
    """A dashboard that answers.

    Parameters
    ----------
    address
        Where.
    process
        The number of its process.
    """

    address: str
    process: int


@contextmanager
def served(cache: Path) -> Iterator[Dashboard]:
    """Serve the dashboard as `kobling dashboard` does, with its store below `cache`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = f"from analyses.cli import main; main(['dashboard', '--headless', '--port', '{port}'])"
    environment = os.environ | {"PYTHONPATH": str(HOUSE), "XDG_CACHE_HOME": str(cache)}
    cache.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=cache,
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address)
        yield Dashboard(address, process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urlopen(f"{address}/health", timeout=2):
                return
        except (URLError, TimeoutError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Start a browser.

    Raises
    ------
    RuntimeError
        Where there is no Chromium on the PATH.
    """
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise RuntimeError("this benchmark needs Chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        yield browser
        browser.close()
