"""Claims that a study may want to make, asked of one simulated study at a time.

A claim is drawn and judged by `claim(n, rng)`: a study with n respondents (in each group, or whole
clusters until there are as many) is drawn from a population, analysed as it would be, and the claim
is either made or not. What a study cannot analyse raises a `MeasureError`, and counts as not made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from measure.errors import OptionError
from measure.fitting.confirmatory import cfa
from measure.fitting.fitted import Fit
from measure.simulating.clusters import Clusters
from measure.simulating.holes import Holes, require_kept, with_holes
from measure.simulating.inattention import Careless
from measure.simulating.planned import Forms
from measure.simulating.populations import Population
from measure.simulating.simulation import simulate

Limits = Mapping[str, tuple[str, float]]
"""Measure → "<=" or ">=" and the limit."""


class Claim(Protocol):
    """What a study with `n` respondents may show."""

    def __call__(self, n: int, rng: np.random.Generator) -> bool:
        """Draw one study, and tell whether it shows it."""


@dataclass(frozen=True, eq=False)
class Study:
    """How data come about, and how a model is fitted to them.

    Attributes
    ----------
    population
        From `measure.population`.
    model
        Text of the model that is fitted; "" for claims that fit none.
    options
        Of `cfa`: estimator, ordered, missing, group, cluster.
    missing
        Holes to leave and forms to hand out, as for `measure.simulate`.
    clusters
        Of a population of two levels, how respondents are divided; clusters lie within groups.
    careless
        Respondents who do not read.
    """

    population: Population
    model: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[Holes | Forms, ...] = ()
    clusters: Clusters | None = None
    careless: Careless | None = None

    def __post_init__(self) -> None:
        require_kept(self.missing, self.population.names)

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw n respondents in each group.

        Each group has streams of its own for answers and for holes, so that the respondents of a
        smaller study are the first ones of a larger.
        """
        truth, parts, before = self.population, [], 0
        names = list(truth.names)
        for label in truth.groups:
            answers, holes = rng.spawn(2)
            part = simulate(
                truth.only(label),
                n,
                seed=answers,
                clusters=self.clusters,
                careless=self.careless,
            )
            if self.missing:
                part[names] = with_holes(part[names], self.missing, holes)
            if truth.cluster is not None:
                part[truth.cluster] += before
                before = int(part[truth.cluster].max())
            if truth.group is not None:
                part[truth.group] = pd.Series([label] * len(part), index=part.index)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def fit(self, data: pd.DataFrame, model: str | None = None) -> Fit:
        """Fit the model, or another one, to respondents."""
        return cfa(self.model if model is None else model, data, **self.options)


@dataclass(frozen=True, eq=False)
class Fits:
    """That a model fits by some limits, and a rival does not.

    Attributes
    ----------
    study
        With the model that is claimed to fit.
    limits
        Fit measure → "<=" or ">=" and the limit, as `{"cfi.robust": (">=", 0.95)}`; all have to
        hold.
    rival
        Text of a model for which at least one of them must not hold; None for no rival.
    """

    study: Study
    limits: Limits
    rival: str | None = None

    def __post_init__(self) -> None:
        require_limits(self.limits, "a claim that a model fits")

    def __call__(self, n: int, rng: np.random.Generator) -> bool:
        """Draw one study, and tell whether it shows it."""
        data = self.study.draw(n, rng)
        if not self._holds(self.study.fit(data)):
            return False
        return self.rival is None or not self._holds(self.study.fit(data, self.rival))

    def _holds(self, fit: Fit) -> bool:
        return within(fit.fit_measures, self.limits)


@dataclass(frozen=True, eq=False)
class Estimated:
    """That a parameter is told from 0, or is known well enough.

    Attributes
    ----------
    study
        With the model that has the parameter.
    parameter
        Its `lhs`, `op` and `rhs`; with several groups that of the last one, as the mean of a
        factor.
    alpha
        Level of the two-sided test against 0.
    half_width
        Half of the 95 % interval must not be longer; None to ask for the test instead.
    """

    study: Study
    parameter: tuple[str, str, str]
    alpha: float = 0.05
    half_width: float | None = None

    def __call__(self, n: int, rng: np.random.Generator) -> bool:
        """Draw one study, and tell whether it shows it."""
        rows = self.study.fit(self.study.draw(n, rng)).parameters
        lhs, op, rhs = self.parameter
        own = rows[(rows["lhs"] == lhs) & (rows["op"] == op) & (rows["rhs"] == rhs)]
        if own.empty:
            raise OptionError(f'the model has no parameter "{lhs} {op} {rhs}".')
        row = own.iloc[-1]
        if not row["se"] > 0:
            raise OptionError(
                f'"{lhs} {op} {rhs}" is fixed in the model: there is nothing to test.'
            )
        if self.half_width is not None:
            return bool((row["ci.upper"] - row["ci.lower"]) / 2 <= self.half_width)
        return bool(row["pvalue"] < self.alpha)


def require_limits(limits: Limits, what: str) -> None:
    """Refuse limits that are none."""
    for name, (sign, _) in limits.items():
        if sign not in ("<=", ">="):
            raise OptionError(f'the limit of "{name}" begins with {sign!r}: give "<=" or ">=".')
    if not limits:
        raise OptionError(f"{what} needs at least one limit.")


def within(found: "pd.Series[Any]", limits: Limits) -> bool:
    """Tell whether all measures keep their limits; one that could not be computed does not."""
    for name, (sign, limit) in limits.items():
        if name not in found.index:
            raise OptionError(
                f'there is no measure "{name}"; there are: {", ".join(map(str, found.index))}.'
            )
        value = float(found[name])
        if not (value <= limit if sign == "<=" else value >= limit):
            return False
    return True
