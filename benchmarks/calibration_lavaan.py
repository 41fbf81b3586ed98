"""The same samples fitted by lavaan: what deviates from theory is then the method, not the code."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import measure
from benchmarks.calibration_design import CELLS, SIZES, Cell, Design, seed_of

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

    cell: Cell
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


def jobs(samples: int = SAMPLES) -> list[Job]:
    """Take the first repetitions of each cell, one from each in turn, so many in all."""
    strata = [(cell, n) for cell in CELLS for n in SIZES]
    return [Job(*strata[k % len(strata)], k // len(strata)) for k in range(samples)]


def drawn(design: Design, job: Job) -> pd.DataFrame:
    """Draw the sample of a repetition again, as `measure.repeat` drew it."""
    sequence = np.random.SeedSequence(seed_of(job.cell, job.n), spawn_key=(job.index,))
    return design.sample(job.n, np.random.default_rng(sequence), job.cell.data, job.cell.answers)


def compare_with_lavaan(design: Design, samples: int = SAMPLES) -> Agreement:
    """Fit samples of the study by both, and find the largest deviations.

    Raises
    ------
    RuntimeError
        There is no Rscript, or it ended with an error, which is shown.
    """
    if shutil.which("Rscript") is None:
        raise RuntimeError("the comparison needs Rscript with lavaan, which is not on the PATH.")
    chosen = jobs(samples)
    ours = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for k, job in enumerate(chosen):
            frame = drawn(design, job)
            frame.to_csv(folder / f"{k}.csv", index=False, float_format="%.17g", na_rep="NA")
            ours.append(_numbers(job.cell.fit(design, frame)))
        theirs, version = _by_lavaan(design, chosen, folder)
    largest: dict[str, dict[str, float]] = {cell.name: {} for cell in CELLS}
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
    rows = fit.parameters.loc[fit.parameters["free"]]
    names = (rows["lhs"] + rows["op"] + rows["rhs"]).tolist()
    found = fit.fit_measures
    measures = [
        {("measure", name): float(found[name]) for name in part if name in found.index}
        for part in (PLAIN, SCALED)
    ]
    return {
        PARTS[0]: measures[0],
        PARTS[1]: measures[1],
        "estimates": dict(zip([("est", name) for name in names], rows["est"], strict=True)),
        "standard errors": dict(zip([("se", name) for name in names], rows["se"], strict=True)),
    }


def _by_lavaan(
    design: Design, chosen: list[Job], folder: Path
) -> tuple[list[dict[tuple[str, str], float]], str]:
    """Let R fit the samples of a folder."""
    table = pd.DataFrame(
        {
            "job": range(len(chosen)),
            "file": [f"{k}.csv" for k in range(len(chosen))],
            "estimator": [job.cell.estimator for job in chosen],
            "missing": ["listwise" if job.cell.answers == "complete" else "fiml" for job in chosen],
        }
    )
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
    """Difference relative to max(1, |value|); infinite where one of the two has no value."""
    gap = abs(ours - theirs) / max(1.0, abs(theirs))
    return gap if np.isfinite(gap) else float("inf")
