"""Are two-level models, and reliability with them, estimated right? `python -m benchmarks.levels`.

Samples of clusters are drawn from populations with known parameters, and it is counted how far
estimates lie from them, how often intervals hold them, and how often true models are rejected.
Results go to `levels.json` beside this file, and as tables to `LEVELS.md`; `--report` writes the
tables again, no more.
"""

import argparse
import json
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import measure
from benchmarks.calibration_results import HERE
from benchmarks.levels_design import ITEMS, MODEL, POPULATIONS, Population
from benchmarks.levels_report import report
from benchmarks.recovered import Estimate, figures
from measure.errors import ConvergenceError, MeasureWarning
from measure.replication.repeat import repeat

FILE, REPORT = "levels.json", "LEVELS.md"
SAMPLES, SEED = 100, 20_261_201
ESTIMATORS = ("ML", "MLR")
LEVELS = ((1, "within"), (2, "between"))
CLUSTER = "unit"


class Outcome(NamedTuple):
    """What one estimator gave in a sample.

    `ended` says which step has no fit, and is empty where all have one; `pvalues` are of the first
    step by itself and of the differences from step to step.
    """

    estimator: str
    estimates: tuple[Estimate, ...]
    ended: str
    improper: bool
    pvalues: dict[str, float]


@dataclass(frozen=True)
class Trial:
    """One sample of a population, analysed by each estimator; a task of `repeat`."""

    population: Population

    def __call__(self, rng: np.random.Generator) -> tuple[Outcome, ...]:
        """Climb the steps between the levels, and take the reliabilities at equal loadings."""
        frame = self.population.sample(rng)
        found = []
        for estimator in ESTIMATORS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", MeasureWarning)
                try:
                    climbed = measure.cross_level_invariance(
                        MODEL, frame, cluster=CLUSTER, estimator=estimator
                    )
                except ConvergenceError:
                    found.append(Outcome(estimator, (), "configural", False, {}))
                    continue
            found.append(_outcome(estimator, climbed))
        return tuple(found)


def _outcome(estimator: str, climbed: measure.CrossLevelInvariance) -> Outcome:
    first = climbed.fits["configural"]
    estimates = list(_parameters(first))
    if "metric" in climbed.fits:
        estimates += _reliabilities(climbed.fits["metric"])
    scaled = ".scaled" if estimator == "MLR" else ""
    steps = climbed.table.to_dict("index")
    pvalues = {"configural": float(steps["configural"][f"pvalue{scaled}"])}
    for step in climbed.steps[1:]:
        pvalues[step] = float(steps[step]["pvalue_diff"])
    ended = next((step for step in ("metric", "strong") if step not in climbed.fits), "")
    return Outcome(estimator, tuple(estimates), ended, not first.admissible, pvalues)


def _parameters(fit: measure.Fit) -> Iterator[Estimate]:
    """Loadings, residual variances and correlations of factors, factors turned the right way."""
    rows = fit.parameters[fit.parameters["free"]]
    for level, name in LEVELS:
        own = rows[rows["level"] == level]
        loadings = own[own["op"] == "=~"]
        signs = np.sign(loadings.groupby("lhs")["est"].sum())
        for _, row in loadings.iterrows():
            yield _estimate(f"loading {name}", row["rhs"], row, signs[row["lhs"]])
        for _, row in own[(own["op"] == "~~")].iterrows():
            if row["lhs"] in ITEMS:
                yield _estimate(f"residual {name}", row["lhs"], row)
            else:
                yield _estimate(f"correlation {name}", "f~~g", row, float(signs.prod()))


def _estimate(kind: str, item: str, row: Any, sign: float = 1.0) -> Estimate:
    ends = sorted(sign * row[end] for end in ("ci.lower", "ci.upper"))
    return Estimate(kind, item, sign * row["est"], row["se"], *ends)


def _reliabilities(fit: measure.Fit) -> Iterator[Estimate]:
    table = measure.multilevel_reliability(fit, "configural").table
    for _, row in table.iterrows():
        kind = f"{row['coefficient']}, {row['score']}"
        yield Estimate(kind, row["between"], *row[["est", "se", "ci.lower", "ci.upper"]])


def run(population: Population, samples: int, workers: int) -> list[dict[str, Any]]:
    """Count what samples of a population gave, by estimator."""
    place = POPULATIONS.index(population)
    done = repeat(Trial(population), samples, seed=SEED + place, workers=workers).require()
    return [
        _counted(population, estimator, [outcomes[k] for outcomes in done.results])
        for k, estimator in enumerate(ESTIMATORS)
    ]


def _counted(population: Population, estimator: str, outcomes: list[Outcome]) -> dict[str, Any]:
    pvalues: dict[str, list[float]] = {}
    for outcome in outcomes:
        for step, value in outcome.pvalues.items():
            pvalues.setdefault(step, []).append(value)
    return {
        "population": population.name,
        "estimator": estimator,
        "samples": len(outcomes),
        "ended": dict(Counter(outcome.ended for outcome in outcomes if outcome.ended)),
        "improper": sum(outcome.improper for outcome in outcomes),
        "tests": {
            step: {
                "samples": int(np.isfinite(values).sum()),
                "rejected": float(np.mean(np.array(values)[np.isfinite(values)] < 0.05)),
            }
            for step, values in pvalues.items()
        },
        "figures": figures(population.truth, (outcome.estimates for outcome in outcomes)),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study, or write its tables again."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.levels", description=__doc__)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="samples of each population")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--report", action="store_true", help="write the tables again, no more")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the files")
    given = parser.parse_args(arguments)
    path = given.out / FILE
    if not given.report:
        begin = time.perf_counter()
        studies = [s for one in POPULATIONS for s in run(one, given.samples, given.workers)]
        minutes = (time.perf_counter() - begin) / 60
        content = {"seed": SEED, "minutes": minutes, "studies": studies}
        path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    # From what was written, so that the files cannot differ.
    content = json.loads(path.read_text(encoding="utf-8"))
    (given.out / REPORT).write_text(report(content), encoding="utf-8")


if __name__ == "__main__":
    main()
