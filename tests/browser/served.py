"""A dashboard whose server has not failed while the tests read it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from benchmarks import served as dashboards


@contextmanager
def served(folder: Path, port: int | None = None) -> Iterator[str]:
    """Serve the dashboard with its store in `folder / "cache"`; give its address."""
    with dashboards.served(folder, port) as dashboard:
        with urlopen(f"{dashboard.address}/health", timeout=10) as answer:
            assert json.loads(answer.read()) == {"status": "ok"}
        yield dashboard.address
    assert "Traceback" not in (folder / dashboards.LOG).read_text()
