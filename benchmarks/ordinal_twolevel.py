"""Are ordered answers at two levels estimated right? `python -m benchmarks.ordinal_twolevel`.

Samples of clusters are drawn from populations with known shares, correlations and loadings, and it
is counted how far estimates lie from them, and how often intervals hold them. Results go to
`ordinal_twolevel.json` beside this file, and as tables to `TWOLEVEL.md`; `--report` writes the
tables again, no more.
"""

import argparse
import json
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import measure
from benchmarks.calibration_results import HERE
from benchmarks.ordinal_twolevel_design import MODEL, POPULATIONS, Population
from benchmarks.ordinal_twolevel_report import report
from benchmarks.recovered import Estimate, figures
from measure.distributions import normal_quantile
from measure.errors import MeasureError, MeasureWarning
from measure.fitting.confirmatory import estimate
from measure.fitting.source import Source
from measure.replication.repeat import repeat
from measure.specification.options import Options

FILE, REPORT = "ordinal_twolevel.json", "TWOLEVEL.md"
SAMPLES, SEED = 100, 20_261_130
WIDE = float(normal_quantile(0.975))


class Outcome(NamedTuple):
    """What a sample gave; `refused` says why there is no fit, and is empty where there is one."""

    estimates: tuple[Estimate, ...]
    refused: str
    improper: bool
    pvalue: float
    pvalue_mean: float


@dataclass(frozen=True)
class Trial:
    """One sample of a population, analysed; a task of `repeat`."""

    population: Population

    def __call__(self, rng: np.random.Generator) -> Outcome:
        """Estimate the statistics of both levels, and the factor model."""
        frame = self.population.sample(rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MeasureWarning)
            found = measure.twolevel_correlations(frame, cluster="unit")
            own = tuple(_statistics(found))
            # Both tests take the same moments, which the source keeps.
            source, options = Source(frame), Options(ordered=True, cluster="unit", std_lv=True)
            try:
                fit = estimate(MODEL, source, options, "cfa")
            except MeasureError as error:
                return Outcome(own, type(error).__name__, False, np.nan, np.nan)
            mean = estimate(MODEL, source, replace(options, estimator="WLSM"), "cfa")
        rows = fit.parameters
        loadings = tuple(_loadings(rows[rows["op"] == "=~"]))
        tests = (one.fit_measures["pvalue.scaled"] for one in (fit, mean))
        return Outcome((*own, *loadings), "", not fit.admissible, *tests)


def _statistics(found: "measure.TwoLevelCorrelations") -> Iterator[Estimate]:
    for item, row in found.icc.iterrows():
        values = row[["icc", "se", "ci.lower", "ci.upper"]]
        yield Estimate("share between", str(item), *values.astype(float))
    for _, row in found.pairs.iterrows():
        for level in ("within", "between"):
            names = [level, *(f"{level}.{name}" for name in ("se", "ci.lower", "ci.upper"))]
            pair = f"{row['lhs']}~~{row['rhs']}"
            yield Estimate(f"correlation {level}", pair, *row[names].astype(float))
    errors = found.se.loc["between"]
    for name, est in found.thresholds.items():
        half = WIDE * errors[name]
        yield Estimate("threshold", str(name), est, errors[name], est - half, est + half)


def _loadings(rows: pd.DataFrame) -> Iterator[Estimate]:
    for level, name in ((1, "within"), (2, "between")):
        own = rows[rows["level"] == level]
        # A factor may be found turned round.
        sign = 1.0 if own["est"].sum() >= 0 else -1.0
        for _, row in own.iterrows():
            ends = sorted(sign * row[end] for end in ("ci.lower", "ci.upper"))
            yield Estimate(f"loading {name}", row["rhs"], sign * row["est"], row["se"], *ends)


def run(population: Population, samples: int, workers: int) -> dict[str, Any]:
    """Count what samples of a population gave."""
    place = POPULATIONS.index(population)
    done = repeat(Trial(population), samples, seed=SEED + place, workers=workers).require(1.0)
    fits = [outcome for outcome in done.results if not outcome.refused]
    refused: dict[str, int] = {}
    for outcome in done.results:
        if outcome.refused:
            refused[outcome.refused] = refused.get(outcome.refused, 0) + 1
    return {
        "population": population.name,
        "samples": len(done.results),
        "refused": refused,
        "improper": sum(outcome.improper for outcome in fits),
        "rejected": float(np.mean([outcome.pvalue < 0.05 for outcome in fits])),
        "rejected_mean": float(np.mean([outcome.pvalue_mean < 0.05 for outcome in fits])),
        "figures": figures(population.truth, (outcome.estimates for outcome in done.results)),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study, or write its tables again."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ordinal_twolevel", description=__doc__
    )
    parser.add_argument("--samples", type=int, default=SAMPLES, help="samples of each population")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--report", action="store_true", help="write the tables again, no more")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the files")
    given = parser.parse_args(arguments)
    path = given.out / FILE
    if not given.report:
        begin = time.perf_counter()
        studies = [run(one, given.samples, given.workers) for one in POPULATIONS]
        minutes = (time.perf_counter() - begin) / 60
        content = {"seed": SEED, "minutes": minutes, "studies": studies}
        path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    content = json.loads(path.read_text(encoding="utf-8"))
    (given.out / REPORT).write_text(report(content), encoding="utf-8")


if __name__ == "__main__":
    main()
