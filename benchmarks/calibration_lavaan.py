"""The same samples fitted by lavaan: what deviates from theory is then the method, not the code."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import measure
from benchmarks.calibration_study import AnyCell, estimates

SCRIPT = Path(__file__).with_name("calibration_lavaan.R")
SAMPLES = 100
# What is compared, with the tolerances of tests/reference/README.md: differences relative to
# max(1, |lavaan's value|).
TOLERANCES = {
    "chi-square, log-likelihood and indices": 1e-5,
    "scaled and robust tests and indices": 1e-4,
    "estimates": 1e-4,
    "standard errors": 1e-4,
}
PLAIN = (
    *("chisq", "pvalue", "baseline.chisq", "cfi", "tli", "logl", "unrestricted.logl"),
    *("aic", "bic", "rmsea", "rmsea.ci.lower", "rmsea.ci.upper", "srmr"),
)
SCALED = (
    *("chisq.scaled", "df.scaled", "pvalue.scaled", "chisq.scaling.factor"),
    *("baseline.chisq.scaled", "cfi.scaled", "tli.scaled", "rmsea.scaled"),
    *("cfi.robust", "tli.robust", "rmsea.robust"),
)
PARTS = ("chi-square, log-likelihood and indices", "scaled and robust tests and indices")


@dataclass(frozen=True)
class Job:
    """One sample: a repetition of a cell."""

    cell: AnyCell[Any]
    n: int
    index: int


@dataclass(frozen=True)
class Agreement:
    """How far lavaan and this package are apart.

    Attributes
    ----------
    version
        Of lavaan.
    samples
        Number of samples, over all cells and sizes.
    compared
        Numbers compared, by what they are.
    largest
        Largest deviation relative to max(1, |value|), by cell and by what deviates; without what
        the fits of a cell do not have.
    """

    version: str
    samples: int
    compared: dict[str, int]
    largest: dict[str, dict[str, float]]


def jobs(runs: Iterable[tuple[AnyCell[Any], int]], samples: int = SAMPLES) -> list[Job]:
    """Take the first repetitions of what lavaan can fit, one from each run in turn, so many."""
    strata = [(cell, n) for cell, n in runs if cell.in_lavaan is not None]
    return [Job(*strata[k % len(strata)], k // len(strata)) for k in range(samples)]


def drawn(design: Any, job: Job) -> pd.DataFrame:
    """Draw the sample of a repetition again, as `measure.replication.repeat` drew it."""
    sequence = np.random.SeedSequence(job.cell.seed(job.n), spawn_key=(job.index,))
    return job.cell.sample(design, job.n, np.random.default_rng(sequence))


def compare_with_lavaan(
    design: Any, runs: Iterable[tuple[AnyCell[Any], int]], samples: int = SAMPLES
) -> Agreement:
    """Fit samples of the study by both, and find the largest deviations.

    Raises
    ------
    RuntimeError
        There is no Rscript, or it ended with an error, which is shown.
    """
    if shutil.which("Rscript") is None:
        raise RuntimeError("the comparison needs Rscript with lavaan, which is not on the PATH.")
    chosen = jobs(runs, samples)
    ours = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for k, job in enumerate(chosen):
            frame = drawn(design, job)
            frame.to_csv(folder / f"{k}.csv", index=False, float_format="%.17g", na_rep="NA")
            ours.append(_numbers(job.cell.fit(design, frame)))
        theirs, version = _by_lavaan(design, chosen, folder)
    largest: dict[str, dict[str, float]] = {job.cell.name: {} for job in chosen}
    compared = dict.fromkeys(TOLERANCES, 0)
    for k, job in enumerate(chosen):
        own = largest[job.cell.name]
        for part, values in ours[k].items():
            gaps = [_gap(value, theirs[k][what]) for what, value in values.items()]
            compared[part] += len(gaps)
            if gaps:
                own[part] = max(own.get(part, 0.0), *gaps)
    return Agreement(version, len(chosen), compared, largest)


def _numbers(fit: measure.Fit) -> dict[str, dict[tuple[str, str], float]]:
    """What is compared of a fit, by part, kind and name."""
    own = estimates(fit)
    found = fit.fit_measures
    measures = [
        {("measure", name): float(found[name]) for name in part if name in found.index}
        for part in (PLAIN, SCALED)
    ]
    return {
        PARTS[0]: measures[0],
        PARTS[1]: measures[1],
        "estimates": {("est", name): x for name, x in zip(own.names, own.est, strict=True)},
        "standard errors": {("se", name): x for name, x in zip(own.names, own.se, strict=True)},
    }


def _by_lavaan(
    design: Any, chosen: list[Job], folder: Path
) -> tuple[list[dict[tuple[str, str], float]], str]:
    """Let R fit the samples of a folder."""
    table = pd.DataFrame([job.cell.in_lavaan for job in chosen])
    table.insert(0, "job", range(len(chosen)))
    table.insert(1, "file", [f"{k}.csv" for k in range(len(chosen))])
    table.to_csv(folder / "jobs.csv", index=False)
    (folder / "model.txt").write_text(design.model + "\n", encoding="utf-8")
    ran = subprocess.run(
        ["Rscript", str(SCRIPT), str(folder)], capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise RuntimeError(f"lavaan's side of the comparison failed:\n{ran.stderr}")
    results = pd.read_csv(folder / "results.csv", float_precision="round_trip")
    found: list[dict[tuple[str, str], float]] = [{} for _ in chosen]
    columns = (results[column].tolist() for column in ("job", "kind", "name", "value"))
    for job, kind, name, value in zip(*columns, strict=True):
        found[job][kind, name] = value
    return found, (folder / "version.txt").read_text(encoding="utf-8").strip()


def _gap(ours: float, theirs: float) -> float:
    """Difference relative to max(1, |value|); infinite where one of the two alone has no value."""
    if np.isnan(ours) and np.isnan(theirs):
        return 0.0
    gap = float(abs(ours - theirs) / max(1.0, abs(theirs)))
    return gap if np.isfinite(gap) else float("inf")
