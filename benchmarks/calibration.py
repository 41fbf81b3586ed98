"""Do tests and intervals keep what they promise? Run by `python -m benchmarks.calibration`.

Samples of a population in which the model is exactly true are drawn and fitted, and it is counted
how often the test rejects the model and how often the intervals hold the true values. Results go to
`calibration.json` beside this file, and as tables to `CALIBRATION.md`. With `--lavaan` some of the
same samples are fitted by lavaan too, and the largest deviations are added to both files.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.calibration_design import CELLS, SAMPLES, SEED, SIZES, Cell, Design
from benchmarks.calibration_lavaan import Agreement, compare_with_lavaan
from benchmarks.calibration_report import report
from benchmarks.calibration_study import CellFigures, ParameterFigures, run

HERE = Path(__file__).parent
RESULTS = HERE / "calibration.json"
REPORT = HERE / "CALIBRATION.md"
DIGITS = 6


@dataclass(frozen=True, eq=False)
class Calibration:
    """The whole study.

    Attributes
    ----------
    versions
        Of this package and the libraries that the numbers depend on.
    seed, samples, minutes
        As run; minutes by the clock.
    design
        The population.
    cells
        Each cell with its figures at one size.
    lavaan
        Agreement with lavaan; None where it was not compared.
    """

    versions: dict[str, str]
    seed: int
    samples: int
    minutes: float
    design: Design
    cells: tuple[tuple[Cell, CellFigures], ...]
    lavaan: Agreement | None = None

    def of(self, cell: Cell, n: int) -> CellFigures:
        """Give the figures of a cell at one size."""
        return next(found for one, found in self.cells if one == cell and found.n == n)


def study(samples: int, workers: int, console: Console) -> Calibration:
    """Run all cells at all sizes."""
    design, cells, begin = Design(), list[tuple[Cell, CellFigures]](), time.perf_counter()
    for n in SIZES:
        for cell in CELLS:
            started = time.perf_counter()
            found = run(design, cell, n, samples=samples, workers=workers)
            cells.append((cell, found))
            took = time.perf_counter() - started
            console.print(
                f"{cell.name}, n = {n:,}: rejects {found.rejected['test']:.1%}, "
                f"coverage {found.coverage:.1%} ({took:.0f} s)"
            )
    versions = {name: version(name) for name in ("kobling", "numpy", "scipy")}
    minutes = (time.perf_counter() - begin) / 60
    return Calibration(versions, SEED, samples, minutes, design, tuple(cells))


def write(found: Calibration, path: Path) -> None:
    """Write the results for machines, one cell a line."""
    head = {name: getattr(found, name) for name in ("versions", "seed", "samples")}
    head |= {"minutes": round(found.minutes, 1), "design": asdict(found.design)}
    head |= {"lavaan": None if found.lavaan is None else _rounded(asdict(found.lavaan))}
    cells = [json.dumps(_rounded(asdict(cell) | asdict(one))) for cell, one in found.cells]
    parts = [f'"{key}": {json.dumps(value)}' for key, value in head.items()]
    parts.append('"cells": [\n' + ",\n".join(cells) + "\n]")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def read(path: Path) -> Calibration:
    """Read what `write` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    design = {key: _tuples(value) for key, value in content["design"].items()}
    cells = []
    for line in content["cells"]:
        cell = Cell(*(line.pop(part) for part in ("data", "answers", "estimator")))
        own = {name: ParameterFigures(**one) for name, one in line.pop("parameters").items()}
        interval = tuple(line.pop("interval"))
        cells.append((cell, CellFigures(**line, interval=interval, parameters=own)))
    lavaan = content["lavaan"]
    return Calibration(
        versions=content["versions"],
        seed=content["seed"],
        samples=content["samples"],
        minutes=content["minutes"],
        design=Design(**design),
        cells=tuple(cells),
        lavaan=None if lavaan is None else Agreement(**lavaan),
    )


def _rounded(value: Any) -> Any:
    """Round to significant digits, all the way down."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def main() -> None:
    """Run the study, or compare samples of it with lavaan, and write both files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="samples of each cell")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--lavaan", action="store_true", help="compare stored results with lavaan")
    parser.add_argument("--report", action="store_true", help="write the tables again, no more")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the two files")
    arguments = parser.parse_args()
    results = arguments.out / RESULTS.name
    if arguments.lavaan:
        found = read(results)
        found = replace(found, lavaan=compare_with_lavaan(found.design))
    elif arguments.report:
        found = read(results)
    else:
        found = study(arguments.samples, arguments.workers, Console())
    write(found, results)
    # From what was written, so that the two files cannot differ.
    (arguments.out / REPORT.name).write_text(report(read(results)), encoding="utf-8")


if __name__ == "__main__":
    main()
