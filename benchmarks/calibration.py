"""Do tests and intervals keep what they promise? Run by `python -m benchmarks.calibration`.

Samples of a population in which the model is exactly true are drawn and fitted, and it is counted
how often the test rejects the model and how often the intervals hold the true values: once with
continuous answers, once with ordered ones. Results go to `calibration.json` and
`calibration_ordinal.json` beside this file, and as tables to `CALIBRATION.md`. With `--lavaan` some
of the same samples are fitted by lavaan too, and the largest deviations are added to all of them.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.calibration_design import SAMPLES, SEED
from benchmarks.calibration_lavaan import compare_with_lavaan
from benchmarks.calibration_ordinal_report import ordinal_report
from benchmarks.calibration_report import report
from benchmarks.calibration_results import (
    CONTINUOUS,
    HERE,
    ORDINAL,
    STUDIES,
    Calibration,
    Study,
    read,
    write,
)
from benchmarks.calibration_study import run

REPORT = HERE / "CALIBRATION.md"


@dataclass(frozen=True)
class Request:
    """How to run a study: samples of each cell, processes, and a text that names the cells."""

    samples: int
    workers: int
    only: str = ""


def simulate(study: Study[Any, Any], request: Request, path: Path, console: Console) -> None:
    """Run the cells of a study, each written when it is done; others stay as they are there."""
    design = study.design()
    stored = read(path, study) if request.only and path.exists() else None
    done = {} if stored is None else {(cell, one.n): one for cell, one in stored.cells}
    minutes = 0.0 if stored is None else stored.minutes
    versions = {name: version(name) for name in ("kobling", "numpy", "scipy")}
    for cell, n in study.runs:
        if request.only not in cell.name:
            continue
        begin = time.perf_counter()
        found = run(design, cell, n, samples=request.samples, workers=request.workers)
        took = time.perf_counter() - begin
        minutes += took / 60
        done[cell, n] = found
        console.print(
            f"{cell.name}, n = {n:,}: rejects {found.rejected['test']:.1%}, "
            f"coverage {found.coverage:.1%} ({took:.0f} s)"
        )
        cells = tuple((key[0], done[key]) for key in study.runs if key in done)
        write(Calibration(versions, SEED, request.samples, minutes, design, cells), path)


def report_of(folder: Path) -> str:
    """Write the report of the results that lie in a folder."""
    parts = []
    if (folder / CONTINUOUS.file).exists():
        parts.append(report(read(folder / CONTINUOUS.file, CONTINUOUS)))
    if (folder / ORDINAL.file).exists():
        parts.append(ordinal_report(read(folder / ORDINAL.file, ORDINAL)))
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the studies, or compare samples of them with lavaan, and write the files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--study", choices=[*STUDIES, "all"], default="all", help="which to run")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="samples of each cell")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--only", default="", help="run again the cells whose name holds this text")
    parser.add_argument("--lavaan", action="store_true", help="compare stored results with lavaan")
    parser.add_argument("--report", action="store_true", help="write the tables again, no more")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the files")
    given = parser.parse_args(arguments)
    for name, study in STUDIES.items():
        path = given.out / study.file
        if given.study not in (name, "all"):
            continue
        if given.lavaan:
            found = read(path, study)
            write(replace(found, lavaan=compare_with_lavaan(found.design, study.runs)), path)
        elif not given.report:
            request = Request(given.samples, given.workers, given.only)
            simulate(study, request, path, Console())
    # From what was written, so that the files cannot differ.
    (given.out / REPORT.name).write_text(report_of(given.out), encoding="utf-8")


if __name__ == "__main__":
    main()
