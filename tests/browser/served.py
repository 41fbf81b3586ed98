"""A dashboard whose server has not failed while the tests read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import served as dashboards


@contextmanager
def served(folder: Path, port: int | None = None) -> Iterator[str]:
    """Serve the dashboard with its store in `folder / "cache"`; give its address."""
    with dashboards.served(folder, port) as dashboard:
        yield dashboard.address
    assert "Traceback" not in (folder / dashboards.LOG).read_text()
