"""The results of a study, in a file and out of it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from benchmarks import calibration_design, calibration_ordinal
from benchmarks.calibration_design import Cell, Design
from benchmarks.calibration_lavaan import Agreement
from benchmarks.calibration_ordinal import OrdinalCell, OrdinalDesign
from benchmarks.calibration_study import CellFigures, ParameterFigures, Spread

HERE = Path(__file__).parent
DIGITS = 6
D = TypeVar("D")
C = TypeVar("C")


@dataclass(frozen=True)
class Study(Generic[D, C]):
    """What is simulated and fitted, and where the results lie.

    Attributes
    ----------
    design, cell
        Classes of the population and of the cells.
    runs
        Each cell with each of its sizes, in order.
    file
        Name of the results.
    """

    design: type[D]
    cell: type[C]
    runs: tuple[tuple[C, int], ...]
    file: str


CONTINUOUS = Study(Design, Cell, calibration_design.RUNS, "calibration.json")
ORDINAL = Study(OrdinalDesign, OrdinalCell, calibration_ordinal.RUNS, "calibration_ordinal.json")
STUDIES: dict[str, Study[Any, Any]] = {"continuous": CONTINUOUS, "ordinal": ORDINAL}


@dataclass(frozen=True, eq=False)
class Calibration(Generic[D, C]):
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
    design: D
    cells: tuple[tuple[C, CellFigures], ...]
    lavaan: Agreement | None = None

    def of(self, cell: C, n: int) -> CellFigures:
        """Give the figures of a cell at one size."""
        return next(found for one, found in self.cells if one == cell and found.n == n)


def write(found: Calibration[Any, Any], path: Path) -> None:
    """Write the results for machines, one cell a line."""
    head = {name: getattr(found, name) for name in ("versions", "seed", "samples")}
    head |= {"minutes": round(found.minutes, 1), "design": asdict(found.design)}
    head |= {"lavaan": None if found.lavaan is None else _rounded(asdict(found.lavaan))}
    cells = [json.dumps(_rounded(asdict(cell) | asdict(one))) for cell, one in found.cells]
    parts = [f'"{key}": {json.dumps(value)}' for key, value in head.items()]
    parts.append('"cells": [\n' + ",\n".join(cells) + "\n]")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def read(path: Path, study: Study[D, C]) -> Calibration[D, C]:
    """Read what `write` wrote of a study."""
    content = json.loads(path.read_text(encoding="utf-8"))
    design = {key: _tuples(value) for key, value in content["design"].items()}
    lavaan = content["lavaan"]
    return Calibration(
        versions=content["versions"],
        seed=content["seed"],
        samples=content["samples"],
        minutes=content["minutes"],
        design=study.design(**design),
        cells=tuple(_cell(line, study.cell) for line in content["cells"]),
        lavaan=None if lavaan is None else Agreement(**lavaan),
    )


def _cell(line: dict[str, Any], kind: type[C]) -> tuple[C, CellFigures]:
    cell = kind(*(line.pop(name) for name in _fields(kind)))
    own = {name: ParameterFigures(**one) for name, one in line.pop("parameters").items()}
    measures = {name: Spread(**one) for name, one in line.pop("measures").items()}
    interval = tuple(line.pop("interval"))
    return cell, CellFigures(**line, interval=interval, parameters=own, measures=measures)


def _fields(kind: Any) -> Sequence[str]:
    return [field.name for field in fields(kind)]


def _rounded(value: Any) -> Any:
    """Round to significant digits, all the way down."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
