"""Does an analysis find the stated truth again? Run by `python -m benchmarks.recovery`.

Surveys are drawn from the stated population of the bundled instrument, as `kobling simulate` draws
them, and fitted as the reports fit them: ordered answers by WLSMV, with cluster-robust errors. It
is counted how often the 95 % intervals hold the true values. Results go to `recovery.json` beside
this file, and as tables to `RECOVERY.md`; `--report` writes the tables again, no more.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.calibration import Request, simulate
from benchmarks.calibration_results import HERE, read
from benchmarks.recovery_design import FILE, RECOVERY
from benchmarks.recovery_report import report

REPORT = "RECOVERY.md"
SAMPLES = 200


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study, or write its tables again."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery", description=__doc__)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="surveys of each cell")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--only", default="", help="run again the cells whose name holds this text")
    parser.add_argument("--report", action="store_true", help="write the tables again, no more")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the files")
    given = parser.parse_args(arguments)
    path = given.out / FILE
    if not given.report:
        request = Request(given.samples, given.workers, given.only)
        simulate(RECOVERY, request, path, Console())
    # From what was written, so that the files cannot differ.
    (given.out / REPORT).write_text(report(read(path, RECOVERY)), encoding="utf-8")


if __name__ == "__main__":
    main()
