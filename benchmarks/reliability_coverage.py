"""Do intervals of reliability hold what is true? `python -m benchmarks.reliability_coverage`.

Samples of populations with known coefficients are drawn, and it is counted how often each interval
holds the true value. Results go to `reliability.json` beside this file, and as tables to
`RELIABILITY.md`; `--report` writes the tables again.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks import reliability_design as design
from benchmarks.reliability_design import Kind
from benchmarks.reliability_probes import PROBES, Found, quietly
from benchmarks.reliability_report import report
from measure.errors import MeasureError
from measure.replication.repeat import repeat

HERE = Path(__file__).parent
FILE, REPORT = HERE / "reliability.json", HERE / "RELIABILITY.md"
SAMPLES, SEED = 2_000, 20_261_001
ALL = ("alpha", "lambdas", "split halves", "one factor")


@dataclass(frozen=True)
class Study:
    """A population, what is asked of its samples, and of which share of them."""

    kind: Kind
    probes: tuple[str, ...]
    share: float = 1.0


STUDIES = (
    Study(design.NORMAL, ALL),
    Study(design.BENT, ALL),
    Study(design.FIVE, ("alpha", "one factor", "conditional errors")),
    Study(design.FIVE_BENT, ("alpha", "one factor", "conditional errors")),
    Study(design.THREE, ("exploratory", "second order", "subscores")),
    Study(design.THREE_BENT, ("exploratory", "second order", "subscores")),
    Study(design.THREE_FIVE, ("exploratory", "second order")),
    Study(design.CLUSTERED, ("alpha in clusters", "one factor")),
    Study(design.PARALLEL, ALL),
    Study(design.NEARLY_ONE, ("exploratory",)),
    Study(design.NEARLY_APART, ("exploratory",)),
    # What takes long, or is known to be biased.
    Study(design.THREE, ("bifactor",), 0.25),
    Study(design.THREE_BENT, ("bifactor",), 0.25),
    Study(design.NEARLY_ONE, ("second order",), 0.25),
    Study(design.NEARLY_APART, ("second order",), 0.25),
    Study(design.NORMAL, ("greatest lower bound",), 0.25),
    Study(design.BENT, ("greatest lower bound",), 0.25),
    Study(design.BENT, ("one factor, percentile", "one factor, bca"), 0.1),
)


@dataclass(frozen=True)
class Asking:
    """Draw a sample of a study and ask its probes; a task of `repeat`."""

    study: Study

    def __call__(self, rng: np.random.Generator) -> tuple[Found, tuple[str, ...]]:
        """Give intervals, and the probes that could not be answered."""
        frame = self.study.kind.sample(rng)
        found: Found = {}
        failed = []
        for name in self.study.probes:
            try:
                found |= quietly(PROBES[name], frame, self.study.kind)
            except MeasureError as error:
                failed.append(f"{name}: {type(error).__name__}")
        return found, tuple(failed)


@dataclass(frozen=True)
class Figures:
    """What the intervals of one coefficient gave.

    Attributes
    ----------
    coefficient, interval
        Which.
    samples, undefined
        Samples in which there was an estimate, and of these without an interval.
    true, mean, sd
        True value, mean and standard deviation of the estimates.
    coverage
        Share of the samples whose interval holds the true value.
    below, above
        Share whose interval lies below, and above it.
    width
        Mean width.
    """

    coefficient: str
    interval: str
    samples: int
    undefined: int
    true: float
    mean: float
    sd: float
    coverage: float
    below: float
    above: float
    width: float


def run(study: Study, samples: int, *, workers: int = 1) -> dict[str, Any]:
    """Count what a study gives."""
    kind = study.kind
    place = [one.kind for one in STUDIES].index(kind)
    repeats = repeat(Asking(study), samples, seed=SEED + place, workers=workers).require(1.0)
    truth: dict[str, float] = {}
    for name in study.probes:
        truth |= PROBES[name].truth(kind)
    keys = list(dict.fromkeys(key for found, _ in repeats.results for key in found))
    figures = []
    for key in keys:
        rows = np.array([found[key] for found, _ in repeats.results if key in found])
        est, lower, upper = rows[np.isfinite(rows[:, 0])].T
        true, there = truth[key[0]], np.isfinite(lower) & np.isfinite(upper)
        figures.append(
            Figures(
                *key,
                samples=len(est),
                undefined=int((~there).sum()),
                true=true,
                mean=float(est.mean()),
                sd=float(est.std(ddof=1)),
                coverage=float((there & (lower <= true) & (true <= upper)).mean()),
                below=float((there & (upper < true)).mean()),
                above=float((there & (lower > true)).mean()),
                width=float((upper - lower)[there].mean()),
            )
        )
    failed: dict[str, int] = {}
    for _, reasons in repeats.results:
        for reason in reasons:
            failed[reason] = failed.get(reason, 0) + 1
    return {
        "kind": kind.name,
        "edge": kind.edge,
        "probes": list(study.probes),
        "samples": samples,
        "failed": failed,
        "figures": [
            {name: _rounded(value) for name, value in asdict(one).items()} for one in figures
        ],
    }


def _rounded(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def write(content: dict[str, Any], path: Path) -> None:
    """Write the results, one study a line."""
    head = [f'"{key}": {json.dumps(value)}' for key, value in content.items() if key != "studies"]
    studies = ",\n".join(json.dumps(one) for one in content["studies"])
    path.write_text("{\n" + ",\n".join([*head, f'"studies": [\n{studies}\n]']) + "\n}\n", "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the studies, or some of them, and write the files."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability_coverage", description=__doc__
    )
    parser.add_argument("--samples", type=int, default=SAMPLES, help="samples of each population")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--only", default="", help="run again the studies whose name holds this")
    parser.add_argument("--resume", action="store_true", help="run what the file does not have")
    parser.add_argument("--report", action="store_true", help="write the tables again, no more")
    given = parser.parse_args(arguments)
    console = Console()
    if not given.report:
        goes_on = (given.only or given.resume) and FILE.exists()
        stored = json.loads(FILE.read_text("utf-8")) if goes_on else {}
        done = {(one["kind"], *one["probes"]): one for one in stored.get("studies", ())}
        minutes = stored.get("minutes", 0.0)
        for study in STUDIES:
            there = (study.kind.name, *study.probes) in done
            if given.only not in study.kind.name or (given.resume and there):
                continue
            begin = time.perf_counter()
            found = run(study, round(study.share * given.samples), workers=given.workers)
            minutes += (time.perf_counter() - begin) / 60
            done[study.kind.name, *study.probes] = found
            console.print(f"{study.kind.name}: {time.perf_counter() - begin:.0f} s")
            keys = [(one.kind.name, *one.probes) for one in STUDIES]
            versions = {name: version(name) for name in ("kobling", "numpy", "scipy")}
            content = {
                "versions": versions,
                "seed": SEED,
                "n": design.N,
                "samples": given.samples,
                "minutes": round(minutes, 1),
                "studies": [done[key] for key in keys if key in done],
            }
            write(content, FILE)
    REPORT.write_text(report(json.loads(FILE.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main()
