"""Which tests share a process, and which begin first, where `make test` runs them in several.

A file is one unit of work, and so are files that read the same reports. The longest begin first:
one that began last would keep the other processes waiting. What one process has made of the
demonstrations, the others read; see `tests/analyses/demonstrations.py`.
"""

import gc
import os
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent

# The tests themselves run side by side.
os.environ.setdefault("KOBLING_WORKERS", "1")

# Thousands of tests stay in memory, and are looked through for garbage again and again.
gc.set_threshold(200_000)

SHARED = "KOBLING_TESTS_SHARED"
"""Names the folder in which the processes of one run leave what they have made for each other."""

TOGETHER = {
    "analyses/test_chapters.py": "reports",
    "analyses/briefing/test_brief.py": "reports",
    "analyses/test_report.py": "reports",
    "analyses/test_validity.py": "reports",
    "analyses/test_wording.py": "reports",
    "analyses/fielding/test_returned.py": "reports",
    "browser/test_report_browser.py": "reports",
}
LONGEST = (
    "test_cli.py",
    "reports",
    "browser/test_dashboard_browser.py",
    "test_dashboard.py",
    "analyses/test_attack.py",
    "measure/replication/test_repeat.py",
    "analyses/intake/test_versions.py",
    "analyses/test_sensitivity.py",
    "analyses/across_levels/test_parts.py",
    "analyses/ledger/test_ledger.py",
    "analyses/test_items.py",
    "measure/planning/test_study_power.py",
    "analyses/fielding/test_round_trip.py",
    "analyses/showing/test_jobs.py",
    "browser/test_signing_in_browser.py",
    "analyses/test_screening.py",
    "measure/test_ordinal_bootstrapping.py",
    "measure/functioning/test_dif.py",
)


def _unit(item: pytest.Item) -> str:
    path = item.path.relative_to(HOUSE).as_posix()
    return TOGETHER.get(path, path)


# Before the workers, which read the marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_unit(item)))
    places = {unit: place for place, unit in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(_unit(item), len(places)))


@pytest.fixture(scope="session", autouse=True)
def _shared(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Name the folder that the processes share; one process alone needs none."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ[SHARED] = str(tmp_path_factory.getbasetemp().parent)
