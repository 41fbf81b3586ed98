"""Time and memory that analyses of stored answers take, as rows grow.

`python -m benchmarks.large` writes `LARGE.md` beside this file. Answers to 24 items of four
factors, in five categories, from 5,000 clusters, are drawn into Parquet files of 100,000 to 10
million rows. Each analysis runs in a process of its own, whose largest memory is that of all it
did.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

import measure
from benchmarks.calibration_results import HERE
from benchmarks.calibration_tables import filled, table

REPORT = "LARGE.md"
SIZES = (100_000, 1_000_000, 10_000_000)
SEED = 20261130
ITEMS = tuple(f"{factor}{k}" for factor in "abcd" for k in range(1, 7))
MODEL = "\n".join(
    f"{factor.upper()} =~ " + " + ".join(f"{factor}{k}" for k in range(1, 7)) for factor in "abcd"
)
CUTS = (-1.3, -0.5, 0.3, 1.2)
N_CLUSTERS, CHUNK = 5_000, 250_000
# What each call has to be given, and gives a number that another machine can compare.
CALLS: dict[str, Callable[[measure.StoredAnswers], float]] = {
    "polychoric": lambda answers: float(
        measure.polychoric(answers, cluster="unit").correlations["a2"].iloc[0]
    ),
    "cfa, WLSMV": lambda answers: float(
        measure.cfa(MODEL, answers, ordered=True).fit_measures["chisq.scaled"]
    ),
    "icc": lambda answers: float(measure.icc(answers, ITEMS, cluster="unit")["icc1"].mean()),
    "descriptives": lambda answers: float(measure.descriptives(answers, ITEMS)["mean"].mean()),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the answers, run every analysis of every size, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rows")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the table")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.run is not None:
        print(json.dumps(measured(*given.run)))
        return
    given.out.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n in given.sizes:
            path = Path(folder) / f"{n}.parquet"
            drawn(path, n)
            for name in CALLS:
                rows.append((n, name, path.stat().st_size, apart(path, name)))
                print(rows[-1], flush=True)
            path.unlink()
    (given.out / REPORT).write_text(report(rows), encoding="utf-8")


def drawn(path: Path, n: int) -> None:
    """Draw answers into a Parquet file, some rows at a time."""
    rng = np.random.default_rng(SEED)
    shared = rng.normal(scale=0.3, size=(N_CLUSTERS, 4))
    root = np.linalg.cholesky(0.5 + 0.5 * np.eye(4))
    fields = [(name, pa.int8()) for name in ITEMS] + [("unit", pa.int32())]
    with parquet.ParquetWriter(path, pa.schema(fields)) as writer:
        for begin in range(0, n, CHUNK):
            size = min(CHUNK, n - begin)
            unit = rng.integers(N_CLUSTERS, size=size)
            factors = rng.standard_normal((size, 4)) @ root.T + shared[unit]
            latent = np.repeat(factors, 6, axis=1) * 0.7 + rng.normal(scale=0.7, size=(size, 24))
            answers = (np.digitize(latent, CUTS) + 1).astype(np.int8)
            columns = [*answers.T, unit.astype(np.int32)]
            writer.write_table(pa.table(columns, schema=pa.schema(fields)))


def apart(path: Path, name: str) -> dict[str, float]:
    """Run one analysis in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.large", "--run", str(path), name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measured(path: str, name: str) -> dict[str, float]:
    """Run one analysis here: seconds, the largest memory of the process in MB, and the result."""
    answers = measure.stored(path)
    begin = time.perf_counter()
    result = CALLS[name](answers)
    seconds = time.perf_counter() - begin
    # Kilobytes, as Linux counts them.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "mb": peak, "result": result}


def report(rows: Sequence[tuple[int, str, int, dict[str, float]]]) -> str:
    """Write the table."""
    head = f"""Answers to 24 items in five categories, of {N_CLUSTERS:,} clusters, read from Parquet
    by `measure.stored` (`python -m benchmarks.large`). **memory** is the largest resident size of
    the process, the interpreter and its libraries (about 150 MB) included; part of it are pages of
    a file that the system can take back. **seconds a million** would not change with the number of
    rows if the time were exactly proportional to it."""
    lines = [
        [
            f"{n:,}",
            name,
            f"{found['seconds']:.1f}",
            f"{found['seconds'] / n * 1e6:.1f}",
            f"{found['mb']:.0f}",
            f"{size / 1e6:.0f}",
            f"{found['result']:.6g}",
        ]
        for n, name, size, found in rows
    ]
    heading = [
        "rows",
        "analysis",
        "seconds",
        "seconds a million",
        "memory, MB",
        "file, MB",
        "gives",
    ]
    return f"# Answers larger than memory\n\n{filled(head)}\n\n{table(heading, lines)}\n"


if __name__ == "__main__":
    main()
