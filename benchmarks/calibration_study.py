"""The samples of a cell, one after another, and what they say together.

A cell is a kind of data and the estimator that is used for it; it knows how to draw a sample of a
design and what a fit to it gave. Here it is counted, the same for all kinds of cells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

import measure
from measure.replication.repeat import Repeats, repeat

Array = NDArray[np.float64]
# What a parameter is called in every table here: lhs, op and rhs together, and ".g2" for the
# second group.
Name = str


class Estimates(NamedTuple):
    """Free parameters, their estimates, standard errors and 95 % intervals, all (n_free,)."""

    names: tuple[Name, ...]
    est: Array
    se: Array
    lower: Array
    upper: Array


def estimates(fit: measure.Fit) -> Estimates:
    """Take the free parameters of a fit."""
    rows = fit.parameters.loc[fit.parameters["free"]]
    names = rows["lhs"] + rows["op"] + rows["rhs"]
    labels = fit.moments.groups
    names += ["" if own == labels[0] else f".g{labels.index(own) + 1}" for own in rows["group"]]
    columns = (rows[name].to_numpy() for name in ("est", "se", "ci.lower", "ci.upper"))
    return Estimates(tuple(names.tolist()), *columns)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one sample gave.

    Attributes
    ----------
    estimates
        Of the parameters that this sample has.
    admissible
        Whether the solution is proper.
    ratio
        Chi-square, scaled where the estimator scales it, over its degrees of freedom.
    pvalues
        Of "test" (the scaled statistic where there is one) and of other tests by name.
    share_missing
        Share of the answers that is missing.
    measures
        Other numbers by name, NaN where this sample has none.
    remarks
        What is particular about this sample.
    """

    estimates: Estimates
    admissible: bool
    ratio: float
    pvalues: Mapping[str, float]
    share_missing: float = 0.0
    measures: Mapping[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


D = TypeVar("D", contravariant=True)


class AnyCell(Protocol[D]):
    """A kind of data of a design, and what is done with it."""

    @property
    def name(self) -> str:
        """What the cell is called in tables."""
        ...

    def seed(self, n: int) -> int:
        """Seed of the samples of a size."""
        ...

    def truth(self, design: D) -> Mapping[Name, float]:
        """Give the value of every parameter in the population."""
        ...

    def sample(self, design: D, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw a sample."""
        ...

    def outcome(self, design: D, frame: pd.DataFrame) -> Outcome:
        """Fit a sample, and say what it gave."""
        ...

    def fit(self, design: D, frame: pd.DataFrame) -> measure.Fit:
        """Fit the true model."""
        ...

    @property
    def in_lavaan(self) -> Mapping[str, str | bool] | None:
        """Options of the same fit by lavaan; None where it has none."""
        ...


@dataclass(frozen=True)
class Sampling(Generic[D]):
    """The task that is repeated: draw a sample of a cell, fit the true model."""

    design: D
    cell: AnyCell[D]
    n: int

    def __call__(self, rng: np.random.Generator) -> Outcome:
        """Do it once."""
        return self.cell.outcome(self.design, self.cell.sample(self.design, self.n, rng))


@dataclass(frozen=True)
class ParameterFigures:
    """How one parameter came out over the samples that have it.

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
class Spread:
    """How a number came out over the samples: mean, 5th and 95th percentile, and without it."""

    mean: float
    q05: float
    q95: float
    absent: int


@dataclass(frozen=True, eq=False)
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
    measures
        Distribution of other numbers, by name.
    remarked
        Number of samples about which there is a remark.
    remarks
        Number of samples by remark.
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
    measures: dict[str, Spread] = field(default_factory=dict)
    remarked: int = 0
    remarks: dict[str, int] = field(default_factory=dict)

    @property
    def coverage(self) -> float:
        """Mean coverage over parameters."""
        return float(np.mean([one.coverage for one in self.parameters.values()]))

    def extreme(self, figure: str) -> tuple[tuple[float, Name], tuple[float, Name]]:
        """Give the smallest and the largest of a figure, each with its parameter."""
        pairs = [(float(getattr(one, figure)), name) for name, one in self.parameters.items()]
        return min(pairs), max(pairs)

    def only(self, part: str) -> "CellFigures":
        """Give the same with those parameters only whose name holds a text, as "=~"."""
        own = {name: one for name, one in self.parameters.items() if part in name}
        return replace(self, parameters=own)


def run(design: D, cell: AnyCell[D], n: int, *, samples: int, workers: int = 1) -> CellFigures:
    """Draw and fit the samples of a cell at one size."""
    done = repeat(Sampling(design, cell, n), samples, seed=cell.seed(n), workers=workers)
    return figures(done, n, cell.truth(design))


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
    remarks = pd.Series([text for one in outcomes for text in one.remarks], dtype="str")
    counts = remarks.value_counts().sort_index()
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
        measures={
            name: _spread(np.array([one.measures[name] for one in outcomes]))
            for name in outcomes[0].measures
        },
        remarked=sum(bool(one.remarks) for one in outcomes),
        remarks={str(text): int(count) for text, count in counts.items()},
    )


def _spread(values: Array) -> Spread:
    there = values[np.isfinite(values)]
    if not len(there):
        return Spread(*(float("nan"),) * 3, absent=len(values))
    low, high = np.quantile(there, (0.05, 0.95))
    return Spread(float(there.mean()), float(low), float(high), len(values) - len(there))


def _parameters(
    outcomes: Sequence[Outcome], truth: Mapping[Name, float]
) -> dict[Name, ParameterFigures]:
    names = list(dict.fromkeys(name for one in outcomes for name in one.estimates.names))
    place = {name: k for k, name in enumerate(names)}
    values = np.full((4, len(outcomes), len(names)), np.nan)
    # A sample may lack a parameter, as the threshold of a category that nobody used.
    has = np.zeros((len(outcomes), len(names)), dtype=bool)
    for k, one in enumerate(outcomes):
        own = [place[name] for name in one.estimates.names]
        values[:, k, own], has[k, own] = one.estimates[1:], True
    est, se, lower, upper = values
    true = np.array([truth[name] for name in names])
    # A standard error that does not exist leaves an interval that covers nothing.
    covered = ((lower <= true) & (true <= upper)).mean(axis=0, where=has)
    spread = est.std(axis=0, ddof=1, where=has)
    bias = (est.mean(axis=0, where=has) - true) / spread
    columns = (true, covered, se.mean(axis=0, where=has) / spread, spread, bias)
    return {
        name: ParameterFigures(*(float(value) for value in row))
        for name, row in zip(names, zip(*columns, strict=True), strict=True)
    }
