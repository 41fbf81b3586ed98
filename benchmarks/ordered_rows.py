"""How time and memory of category correlations grow with rows.

Every size runs in a process of its own, so that the peak of its memory is its own.
"""

import resource
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from rich.table import Table

import measure

ITEMS = 24
ROWS = (10_000, 100_000, 1_000_000)
CUTS = (-1.2, -0.3, 0.5, 1.3)
LOADING = 0.7
# Kilobytes on Linux, bytes on a Mac.
PEAK_UNIT = 1024**2 if sys.platform == "darwin" else 1024


def simulated(n_rows: int) -> pd.DataFrame:
    """Draw five-category answers of one factor."""
    rng = np.random.default_rng(1979)
    factor = LOADING * rng.standard_normal(n_rows)
    error = np.sqrt(1 - LOADING**2)
    columns = {
        f"y{k}": np.searchsorted(CUTS, factor + error * rng.standard_normal(n_rows)) + 1
        for k in range(1, ITEMS + 1)
    }
    return pd.DataFrame(columns)


def peak_memory() -> float:
    """MB that this process has held at most."""
    status = Path("/proc/self/status")
    if status.exists():
        # What `resource` gives on Linux may still be the peak of the process that started this one.
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / PEAK_UNIT


def measured(n_rows: int) -> tuple[float, float, float, float]:
    """Seconds to the correlations, and to their asymptotic covariance; memory before and at peak.

    Memory is in MB, before with the data in it.
    """
    frame = simulated(n_rows)
    measure.polychoric(frame.head(1000)).covariance  # noqa: B018  (loads what it needs)
    before = peak_memory()
    begin = time.perf_counter()
    found = measure.polychoric(frame)
    _ = found.correlations, found.thresholds
    first = time.perf_counter() - begin
    _ = found.covariance
    second = time.perf_counter() - begin
    peak = peak_memory()
    return first, second, before, peak


def table() -> Table:
    """One row a size."""
    result = Table(title=f"growth with rows ({ITEMS} ordered items of five categories)")
    for heading in (
        *("rows", "correlations and thresholds, s", "with asymptotic covariance, s"),
        *("memory with the data, MB", "peak, MB"),
    ):
        result.add_column(heading, justify="right")
    for n_rows in ROWS:
        with get_context("spawn").Pool(1) as pool:
            first, second, before, peak = pool.apply(measured, (n_rows,))
        result.add_row(
            f"{n_rows:,}", f"{first:.3f}", f"{second:.3f}", f"{before:,.0f}", f"{peak:,.0f}"
        )
    return result
