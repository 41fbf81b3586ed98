"""The samples of a cell, one after another, and what they say together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

import measure
from benchmarks.calibration_design import Cell, Design, Name, seed_of
from measure.chisquare import p_value
from measure.repeat import Repeats, repeat
from measure.small_samples import small_sample_tests

Array = NDArray[np.float64]
CORRECTIONS = ("bartlett", "swain", "yuan.2015")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one sample gave.

    Attributes
    ----------
    names
        The free parameters.
    est, se, lower, upper
        Their estimates, standard errors and 95 % intervals, (n_free,).
    admissible
        Whether the solution is proper.
    ratio
        Chi-square, scaled where the estimator scales it, over its degrees of freedom.
    pvalues
        Of "unscaled", "test" (the scaled statistic where there is one) and each of `CORRECTIONS`;
        these only where answers are complete.
    share_missing
        Share of the answers that is missing.
    """

    names: tuple[Name, ...]
    est: Array
    se: Array
    lower: Array
    upper: Array
    admissible: bool
    ratio: float
    pvalues: Mapping[str, float]
    share_missing: float


@dataclass(frozen=True)
class Sampling:
    """The task that is repeated: draw a sample of a cell, fit the true model."""

    design: Design
    cell: Cell
    n: int

    def __call__(self, rng: np.random.Generator) -> Outcome:
        """Do it once."""
        frame = self.design.sample(self.n, rng, self.cell.data, self.cell.answers)
        fit = self.cell.fit(self.design, frame)
        rows = fit.parameters.loc[fit.parameters["free"]]
        ratio, pvalues = _tests(fit)
        return Outcome(
            names=tuple((rows["lhs"] + rows["op"] + rows["rhs"]).tolist()),
            est=rows["est"].to_numpy(),
            se=rows["se"].to_numpy(),
            lower=rows["ci.lower"].to_numpy(),
            upper=rows["ci.upper"].to_numpy(),
            admissible=fit.admissible,
            ratio=ratio,
            pvalues=pvalues,
            share_missing=float(frame.isna().to_numpy().mean()),
        )


def _tests(fit: measure.Fit) -> tuple[float, dict[str, float]]:
    test = fit.test
    scaled = test.test != "standard"
    chisq, df = (test.scaled, test.scaled_df) if scaled else (test.chisq, float(test.df))
    found = {"unscaled": p_value(test.chisq, test.df), "test": p_value(chisq, df)}
    if not fit.method.fiml:
        table = small_sample_tests(fit)
        column = table["pvalue.scaled" if scaled else "pvalue"]
        found |= {name: float(column[name]) for name in CORRECTIONS}
    return chisq / df, found


@dataclass(frozen=True)
class ParameterFigures:
    """How one parameter came out over the samples.

    Attributes
    ----------
    true
        Its value in the population.
    coverage
        Share of the samples whose 95 % interval holds it.
    se_ratio
        Mean standard error over the standard deviation of the estimates.
    sd
        Standard deviation of the estimates.
    bias
        Mean estimate less the true value, in standard deviations of the estimates.
    """

    true: float
    coverage: float
    se_ratio: float
    sd: float
    bias: float


@dataclass(frozen=True)
class CellFigures:
    """How one cell came out at one size.

    Attributes
    ----------
    n, samples
        Rows of a sample, and number of samples.
    failed, improper
        Samples without a solution, which count no further, and with an improper one, which do.
    failures
        Class of error and count of those without.
    share_missing
        Mean share of missing answers.
    ratio
        Mean of chi-square over degrees of freedom.
    rejected
        Share of the samples whose p is below 5 %, by test.
    interval
        95 % interval (Wilson) of the share that "test" rejects, for the chance of this number of
        samples.
    parameters
        Figures of each parameter.
    """

    n: int
    samples: int
    failed: int
    improper: int
    failures: dict[str, int]
    share_missing: float
    ratio: float
    rejected: dict[str, float]
    interval: tuple[float, float]
    parameters: dict[Name, ParameterFigures]

    @property
    def coverage(self) -> float:
        """Mean coverage over parameters."""
        return float(np.mean([one.coverage for one in self.parameters.values()]))

    def extreme(self, figure: str) -> tuple[tuple[float, Name], tuple[float, Name]]:
        """Give the smallest and the largest of a figure, each with its parameter."""
        pairs = [(float(getattr(one, figure)), name) for name, one in self.parameters.items()]
        return min(pairs), max(pairs)


def run(design: Design, cell: Cell, n: int, *, samples: int, workers: int = 1) -> CellFigures:
    """Draw and fit the samples of a cell at one size."""
    task, seed = Sampling(design, cell, n), seed_of(cell, n)
    done = repeat(task, samples, seed=seed, workers=workers)
    return figures(done, n, design.truth)


def figures(done: Repeats[Outcome], n: int, truth: Mapping[Name, float]) -> CellFigures:
    """Count what the samples of a cell gave.

    Parameters
    ----------
    done
        The outcomes.
    n
        Rows of a sample.
    truth
        Value of each parameter in the population.
    """
    outcomes = done.require().results
    kinds = done.failures.groupby("error")["count"].sum()
    tests = {
        name: np.array([one.pvalues[name] for one in outcomes]) for name in outcomes[0].pvalues
    }
    n_rejected = int((tests["test"] < 0.05).sum())
    low, high = binomtest(n_rejected, len(outcomes)).proportion_ci(method="wilson")
    return CellFigures(
        n=n,
        samples=done.n,
        failed=done.n_failed,
        improper=sum(not one.admissible for one in outcomes),
        failures={str(name): int(count) for name, count in kinds.items()},
        share_missing=float(np.mean([one.share_missing for one in outcomes])),
        ratio=float(np.mean([one.ratio for one in outcomes])),
        rejected={name: float(np.mean(p < 0.05)) for name, p in tests.items()},
        interval=(float(low), float(high)),
        parameters=_parameters(outcomes, truth),
    )


def _parameters(
    outcomes: Sequence[Outcome], truth: Mapping[Name, float]
) -> dict[Name, ParameterFigures]:
    names = outcomes[0].names
    if any(one.names != names for one in outcomes):
        raise ValueError("the samples do not have the same parameters in the same order")
    parts = ("est", "se", "lower", "upper")
    est, se, lower, upper = (np.array([getattr(one, part) for one in outcomes]) for part in parts)
    true = np.array([truth[name] for name in names])
    # A standard error that does not exist leaves an interval that covers nothing.
    covered = ((lower <= true) & (true <= upper)).mean(axis=0)
    spread = est.std(axis=0, ddof=1)
    bias = (est.mean(axis=0) - true) / spread
    columns = (true, covered, se.mean(axis=0) / spread, spread, bias)
    return {
        name: ParameterFigures(*(float(value) for value in row))
        for name, row in zip(names, zip(*columns, strict=True), strict=True)
    }
