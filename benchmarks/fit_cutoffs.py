"""`python -m benchmarks.fit_cutoffs`: how limits of fit behave that were found for one model.

Hu and Bentler's simple model (1999, Figure 1): three factors of five items each, of which
the fitted model leaves out one correlation of factors, or two. Studies are drawn with growing
numbers of respondents, and counted are those that each of the usual limits rejects. Beside it stand
the cut-offs that are simulated for this very model.
"""

import sys
import time
from dataclasses import dataclass
from functools import cache

import numpy as np
from rich.console import Console
from rich.table import Table

import instruments
import measure
from analyses.intake.cross_section import one_wave
from analyses.intake.survey import read_survey
from analyses.modelling.fits import fit_reference
from measure.planning.replicates import Design, Sample, Studies, Template, Truth
from measure.replication.repeat import repeat

LOADINGS = (0.70, 0.70, 0.75, 0.80, 0.80)
CORRELATIONS = {("f1", "f2"): 0.5, ("f1", "f3"): 0.4, ("f2", "f3"): 0.3}
OMITTED = {"right": (), "one left out": ("f1 ~~ 0*f2",), "two": ("f1 ~~ 0*f2", "f1 ~~ 0*f3")}
LIMITS = {"rmsea": 0.06, "cfi": 0.95, "srmr": 0.08}
SIZES = (150, 250, 500, 1000, 5000)
REPEATS = 500
LARGE = 100_000
# Seconds on two cores.
LIMIT = 60.0


def model(omitted: tuple[str, ...] = ()) -> str:
    """Write the model that is fitted."""
    lines = [
        f"f{f} =~ " + " + ".join(f"x{5 * (f - 1) + k}" for k in range(1, 6)) for f in (1, 2, 3)
    ]
    return "\n".join([*lines, *omitted])


def population() -> str:
    """Write the population."""
    lines = [f"{a} ~~ {r}*{b}" for (a, b), r in CORRELATIONS.items()]
    for f in (1, 2, 3):
        lines.append(f"f{f} ~~ 1*f{f}")
        for k, loading in enumerate(LOADINGS, start=5 * (f - 1) + 1):
            lines += [f"f{f} =~ {loading}*x{k}", f"x{k} ~~ {1 - loading**2!r}*x{k}"]
    return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Rejected:
    """Tells of a study by which limits it is rejected, with each of several models."""

    templates: tuple[Template, ...]

    def __call__(self, study: Sample) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        """Fit all models."""
        found = []
        for template in self.templates:
            measures = template.fitted(study).fit_measures
            found += [
                measures[name] < limit if name == "cfi" else measures[name] > limit
                for name, limit in LIMITS.items()
            ]
        return np.array(found, dtype=float)


def populations_fit() -> dict[str, dict[str, float]]:
    """Give the indices of each model in the population itself."""
    truth = measure.population(population())
    found = {}
    for name, omitted in OMITTED.items():
        fit = measure.cfa(
            model(omitted), sample_cov=truth.covariances[1], sample_nobs=LARGE, std_lv=True
        ).fit_measures
        # Without the sampling error that a chi-square's degrees of freedom stand for.
        df, chisq = fit["df"], fit["chisq"]
        found[name] = {
            "rmsea": float(np.sqrt(max(chisq, 0.0) / (df * LARGE))),
            "cfi": float(1 - chisq / fit["baseline.chisq"]),
            "srmr": float(fit["srmr"]),
        }
    return found


def rejections(repeats: int = REPEATS, seed: int = 1, workers: int = 2) -> dict[int, list[float]]:
    """Count the studies of each size that are rejected, by model and limit."""
    truth = measure.population(population())
    start = measure.simulate(truth, 2000, seed=seed)
    fits = [measure.cfa(model(omitted), start, std_lv=True) for omitted in OMITTED.values()]
    own = Rejected(tuple(Template.of(fit) for fit in fits))
    found = {}
    for n in SIZES:
        task = Studies(Design((n,)), (Truth.of(truth),), own)
        done = repeat(task, repeats, seed=seed, workers=workers)
        told = [result[0] for result in done.results if not isinstance(result[0], str)]
        found[n] = np.mean(told, axis=0).tolist()
    return found


@cache
def reference() -> measure.Fit:
    """Fit M2 to the bundled answers, as a report does: 24 ordered items, WLSMV."""
    asked = instruments.load("coupling")
    survey = one_wave(asked, read_survey(asked.demonstration_path(), asked))
    fit = fit_reference(asked, survey)[asked.reference_model.id].usable
    assert fit is not None
    return fit


def seconds() -> float:
    """Time the cut-offs of M2 on two cores."""
    fit = reference()
    begin = time.perf_counter()
    measure.dynamic_cutoffs(fit, seed=1, execution=measure.Execution(2))
    return time.perf_counter() - begin


def main() -> int:
    """Print what the usual limits reject, and the cut-offs of the model."""
    console = Console(width=110)
    table = Table(title=f"Hu & Bentler's simple model: share of {REPEATS} studies rejected")
    table.add_column("model")
    table.add_column("limit")
    for heading in ("population", *(f"n = {n}" for n in SIZES)):
        table.add_column(heading, justify="right")
    found, truth = rejections(), populations_fit()
    for k, name in enumerate(OMITTED):
        for j, (index, limit) in enumerate(LIMITS.items()):
            shares = [f"{found[n][3 * k + j]:.3f}" for n in SIZES]
            table.add_row(name, f"{index} {limit}", f"{truth[name][index]:.3f}", *shares)
    console.print(table)
    own = measure.dynamic_cutoffs(
        model(), 500, population=population(), seed=1, execution=measure.Execution(2)
    )
    console.print(own.omitted.to_string())
    console.print(own.table.drop(columns=["observed", "beyond"]).round(3).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())
