"""Does the search for partial invariance find what differs? `python -m benchmarks.invariance`.

Surveys are drawn from the stated population of the bundled instrument, in which three parameters
are planted to differ between groups, and searched by `measure.partial_invariance`. Results go to
`invariance.json` beside this file, and as tables to `INVARIANCE.md`; `--report` writes the tables
again, no more. `--calibration` asks of other surveys whether the single tests keep their level, and
adds what they gave (`invariance_calibration.json`) to the tables.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration_results import HERE
from benchmarks.calibration_tables import filled, table
from benchmarks.invariance_calibration import Survey, calibration
from benchmarks.invariance_recovery import (
    COMPARISONS,
    CONDITIONS,
    Outcome,
    Plant,
    Released,
    Trial,
    hit,
    others,
    plants,
)
from benchmarks.recovery_design import RecoveryDesign
from measure.errors import MeasureWarning
from measure.replication.workers import in_parallel, pickled, serially

FILE, REPORT = "invariance.json", "INVARIANCE.md"
CALIBRATION = "invariance_calibration.json"
SAMPLES, SEED = 200, 20260102
# The surveys of the calibration are others.
OTHERS = SEED + 1
# Surveys after which what was found so far is written.
AT_ONCE = 10


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study, or write its tables again."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.invariance", description=__doc__)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="surveys of each condition")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--calibration", action="store_true", help="of single tests, no more")
    parser.add_argument("--resume", action="store_true", help="add to what the file holds")
    parser.add_argument("--report", action="store_true", help="write the tables again, no more")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the files")
    given = parser.parse_args(arguments)
    path, design = given.out / FILE, RecoveryDesign()
    if given.calibration:
        written(given.out / CALIBRATION, Survey(design), given, OTHERS)
    elif not given.report:
        written(path, Trial(design), given, SEED)
    # From what was written, so that the files cannot differ.
    text = report(read(path), plants(design))
    if (given.out / CALIBRATION).exists():
        tests = json.loads((given.out / CALIBRATION).read_text(encoding="utf-8"))
        text += f"\n{calibration(tests)}\n"
    (given.out / REPORT).write_text(text, encoding="utf-8")


def written(
    path: Path, task: Callable[[np.random.Generator], Any], given: argparse.Namespace, seed: int
) -> None:
    """Draw surveys, and write what they gave, some at a time."""
    found: dict[str, Any] = {"samples": 0, "failed": 0, "seed": seed, "minutes": 0.0}
    found["outcomes"] = []
    if given.resume and path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["seed"] != seed:
            raise SystemExit(f"{path} holds surveys of the seed {found['seed']}, not {seed}.")
    for first in range(found["samples"] + found["failed"], given.samples, AT_ONCE):
        begin = time.perf_counter()
        chunks = [(k, k + 1) for k in range(first, min(first + AT_ONCE, given.samples))]
        parts = (
            serially(task, seed, chunks)
            if given.workers == 1
            else in_parallel(pickled(task), seed, chunks, given.workers)
        )
        done = sorted(parts, key=lambda part: part.start)
        for category, count in (pair for part in done for pair in part.warnings.items()):
            if not issubclass(category, MeasureWarning):
                warnings.warn(f"{count.message} (survey {count.first})", category, stacklevel=2)
        results = [result for part in done for _, result in part.results]
        found["samples"] += len(results)
        found["failed"] += len(chunks) - len(results)
        found["minutes"] += (time.perf_counter() - begin) / 60
        found["outcomes"] += results
        path.write_text(json.dumps(found, indent=1), encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """Read the results of a study."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    found["outcomes"] = [
        Outcome(condition, column, tuple(Released(*row) for row in rows), holds)
        for trial in found["outcomes"]
        for condition, column, rows, holds in trial
    ]
    return found


def report(found: dict[str, Any], planted: Sequence[Plant]) -> str:
    """Write the whole report."""
    n = found["samples"]
    failed = f" ({found['failed']} more could not be searched)" if found["failed"] else ""
    head = f"""simulerede data / simulated data. {n} surveys{failed} of the population
    that the instrument "coupling" states were drawn for each condition, with the same people,
    and searched by `measure.partial_invariance`: the reference model of four functions with six
    items each, ordered answers by WLSMV from pairs of answers, errors and score tests robust to
    clusters (units), steps thresholds, metric and scalar, each at a level of 0.05/3 after Holm's
    correction, forwards. Leaders are compared with employees, and the unskilled with all others.
    Seed {found["seed"]}; {found["minutes"]:.0f} minutes in one process on a shared machine."""
    errors = [100 * (rate * (1 - rate) / n) ** 0.5 for rate in (0.05, 0.8)]
    second = f"""**released** counts surveys in which the planted parameter itself was released with
    the sign that it has; **item released** those in which any parameter of the item was. **any
    other item** counts surveys in which some item without a planted difference was released in any
    step, **most of one item** those of the other item that was released most often. With {n}
    surveys a rate of 5 % has a standard error of {errors[0]:.1f} %, one of 80 % of
    {errors[1]:.1f} %."""
    parts = [
        f"# Partial invariance\n\n{filled(head)}",
        f"## What was planted\n\n{filled(second)}\n\n" + _found(found["outcomes"], planted, n),
        "## What was not\n\n" + _false(found["outcomes"], planted, n),
    ]
    return "\n\n".join(parts) + "\n"


def _share(count: int, n: int) -> str:
    return f"{100 * count / n:.1f}"


def _found(outcomes: Sequence[Outcome], planted: Sequence[Plant], n: int) -> str:
    rows = []
    for condition in (one.name for one in CONDITIONS if one.planted):
        for plant in planted:
            own = [
                outcome.released
                for outcome in outcomes
                if (outcome.condition, outcome.column) == (condition, plant.column)
            ]
            items = sum(any(one.item == plant.item for one in released) for released in own)
            name = f"`{plant.item}` {plant.parameter}, by {plant.column}"
            hits = sum(hit(released, plant) for released in own)
            rows.append([condition, name, _share(hits, n), _share(items, n)])
    return table(["condition", "planted", "released, %", "item released, %"], rows)


def _false(outcomes: Sequence[Outcome], planted: Sequence[Plant], n: int) -> str:
    rows = []
    for condition in CONDITIONS:
        there = planted if condition.planted else ()
        for column in (one.column for one in COMPARISONS):
            own = [
                outcome
                for outcome in outcomes
                if (outcome.condition, outcome.column) == (condition.name, column)
            ]
            false = [others(outcome, there) for outcome in own]
            counts = {item: sum(item in one for one in false) for item in set().union(*false)}
            most = max(sorted(counts), key=lambda item: counts[item], default="")
            rows.append(
                [
                    condition.name,
                    column,
                    _share(sum(bool(one) for one in false), n),
                    f"{_share(counts.get(most, 0), n)} `{most}`" if most else "0.0",
                    _share(sum(not outcome.holds for outcome in own), n),
                ]
            )
    heading = ["condition", "by", "any other item, %", "most of one item, %", "no anchor left, %"]
    return table(heading, rows)


if __name__ == "__main__":
    main()
