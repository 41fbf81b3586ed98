"""The dashboard in a process of its own, and a browser that reads it, for benchmarks and tests."""

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
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LOG = "log"
"""What the server says, in the folder that it is served from."""


def free_port() -> int:
    """Give a port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


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
def served(folder: Path, port: int | None = None) -> Iterator[Dashboard]:
    """Serve the dashboard as `kobling dashboard` does, with its store in `folder / "cache"`."""
    port = free_port() if port is None else port
    code = f"from analyses.cli import main; main(['dashboard', '--headless', '--port', '{port}'])"
    environment = os.environ | {"PYTHONPATH": str(HOUSE), "XDG_CACHE_HOME": str(folder / "cache")}
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / LOG).open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process, folder / LOG)
            yield Dashboard(address, process.pid)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def _wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the dashboard did not start:\n{log.read_text()}")
        try:
            with urlopen(f"{address}/health", timeout=2):
                return
        except (URLError, TimeoutError, ConnectionError):
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

    if CHROMIUM is None:
        raise RuntimeError("this benchmark needs Chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        yield browser
        browser.close()
