"""Parametric bootstrap of a mixed model."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.levels.mixed.report import Report
from measure.levels.mixed.search import solve
from measure.replication.intervals import quantiles
from measure.replication.repeat import repeat
from measure.replication.workers import Workers

Array = NDArray[np.float64]

ENOUGH = 0.9
"""Share of the samples whose search has to end."""


@dataclass(frozen=True, eq=False)
class Redraw:
    """Draws a response from a solution and gives what the model says of it."""

    report: Report

    def __call__(self, rng: np.random.Generator) -> Array:
        """Give all values of one sample; see `Report.values`."""
        report = self.report
        design, near = report.design, report.solution.near
        y = design.Q @ near.regression.coefficients
        for term, factor in zip(design.terms, near.factors, strict=True):
            effects = rng.normal(size=(term.n_units, term.width)) @ factor.T
            y += near.sigma * (term.Z * effects[term.codes]).sum(axis=1)
        y += near.sigma * rng.normal(size=design.n_obs)
        drawn = copy(design)
        drawn.respond(design.unit * y + design.Q @ design.ordinary)
        restricted = near.likelihood.restricted
        return Report(solve(drawn, restricted=restricted), report.names).values()


def redrawn(
    report: Report,
    level: float,
    n: int,
    seed: int,
    workers: Workers,
    progress: Callable[[int, int], object] | None,
) -> tuple[Array, list[str]]:
    """Give percentile intervals of all values, (n_values, 2), and what has to be said."""
    done = repeat(Redraw(report), n, seed=seed, workers=workers, progress=progress)
    samples = np.array(done.require(ENOUGH).results)
    tail = (1 - level) / 2
    ends = np.array([quantiles(column, np.array([tail, 1 - tail])) for column in samples.T])
    ends[np.isnan(report.values())] = np.nan
    notes = [f"Intervals are percentiles of {len(samples)} samples drawn from the model."]
    if done.n_failed:
        notes.append(f"{done.n_failed} of {n} samples could not be fitted and are left out.")
    return ends, notes
