"""Coefficients of a sum of items that depend on the items' covariances alone, with intervals.

Alpha, Guttman's lambdas, split halves and the greatest lower bound are all functions f of the
covariance matrix S. To first order f moves by the sum of f's derivatives times the change of S, so
that row i contributes

    u_i = (x_i' G x_i - mean) / n,   x_i the answers less their means, G = df/dS,

whatever the distribution of the answers (Maydeu-Olivares, Coffman & Hartmann 2007, for alpha). The
variance of f is the sum of the squares of these contributions, or of their sums within clusters,
times J/(J - 1) with J rows or clusters.

References
----------
Maydeu-Olivares, A., Coffman, D. L., & Hartmann, W. M. (2007). Asymptotically distribution-free
(ADF) interval estimation of coefficient alpha. Psychological Methods, 12, 157-176.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.checks import confidence, known_option
from measure.consistency.covariance_samples import CovarianceSample
from measure.distributions import normal_quantile
from measure.errors import OptionError
from measure.replication.intervals import INTERVALS, acceleration

Array = NDArray[np.float64]

# The interval from the standard error above, and those from drawn samples.
KINDS = ("adf", *INTERVALS)
# Replicates that must exist for an interval to be read from them.
ENOUGH = 0.9


@dataclass(frozen=True, eq=False)
class Functions:
    """Some functions of a covariance matrix.

    Attributes
    ----------
    names
        What they are called, k of them.
    values
        Takes covariance matrices (..., p, p) and gives the functions, (..., k); NaN where one is
        not defined.
    slopes
        Takes one matrix (p, p) and gives the derivatives (k, p, p), symmetric, so that a function
        changes by the sum of these times the change of all entries.
    """

    names: tuple[str, ...]
    values: Callable[[Array], Array]
    slopes: Callable[[Array], Array]


@dataclass(frozen=True)
class Asked:
    """Which interval, how wide, and from how many samples it is read where it needs some.

    Attributes
    ----------
    kind
        "adf" (a normal interval, whatever the distribution of the answers), "percentile" or "bca".
    level
        Of the interval.
    n_samples, seed
        Of the bootstrap.
    """

    kind: str
    level: float = 0.95
    n_samples: int = 1000
    seed: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is not possible."""
        known_option("interval", self.kind, KINDS)
        confidence(self.level)
        if self.drawn and self.seed is None:
            raise OptionError(f'interval="{self.kind}" draws samples: give seed, as seed=1.')
        if self.drawn and self.n_samples < 2:
            raise OptionError(f"n_samples is {self.n_samples}, but must be 2 or more.")

    @property
    def drawn(self) -> bool:
        """Whether samples are drawn."""
        return self.kind in INTERVALS

    @property
    def facts(self) -> dict[str, object]:
        """What a report says about the interval."""
        facts: dict[str, object] = {"interval": f"{LABELS[self.kind]}, {self.level:.0%}"}
        if self.drawn:
            facts |= {"bootstrap samples": self.n_samples, "seed": self.seed}
        return facts


LABELS = {
    "adf": "normal, distribution-free standard error",
    "percentile": "bootstrap, percentile",
    "bca": "bootstrap, bias-corrected and accelerated",
}


@dataclass(frozen=True, eq=False)
class Spread:
    """Standard errors and intervals (columns `se ci.lower ci.upper`), and what there is to say."""

    columns: dict[str, Array]
    notes: tuple[str, ...]


def spread_of(
    sample: CovarianceSample, functions: Functions, asked: Asked, est: Array | None = None
) -> Spread:
    """Say how sure functions of the covariances of a sample are; `est` where known already."""
    S = sample.covariance
    est = functions.values(S) if est is None else est
    moved = sample.influence(functions.slopes(S))
    notes = sample.notes
    if not asked.drawn:
        se = standard_errors(moved)
        half = normal_quantile((1 + asked.level) / 2) * se
        columns = {"se": se, "ci.lower": est - half, "ci.upper": est + half}
    else:
        assert asked.seed is not None
        found = np.concatenate(
            [functions.values(batch) for batch in sample.drawn(asked.n_samples, asked.seed)]
        )
        columns = replicated(found, est, moved, asked)
        share = np.isfinite(found).mean(axis=0)
        notes += [
            f"{name}: {1 - part:.0%} of the bootstrap samples gave no value."
            for name, part in zip(functions.names, share, strict=True)
            if part < 1 and np.isfinite(est[functions.names.index(name)])
        ]
    return Spread(columns, tuple(notes))


def standard_errors(moved: Array) -> Array:
    """Standard errors (k,) of what the units move by so much, (n_units, k)."""
    n = len(moved)
    return np.asarray(np.sqrt((moved**2).sum(axis=0) * n / (n - 1)))


def replicated(replicates: Array, est: Array, moved: Array, asked: Asked) -> dict[str, Array]:
    """Columns `se ci.lower ci.upper` from bootstrap replicates (n_samples, k).

    An interval is NaN where the estimate is, or where too few replicates exist.
    """
    pull = acceleration(np.nan_to_num(moved))
    se, limits = np.full(len(est), np.nan), np.full((len(est), 2), np.nan)
    for k, value in enumerate(est):
        own = replicates[np.isfinite(replicates[:, k]), k]
        if not np.isfinite(value) or len(own) < max(2.0, ENOUGH * len(replicates)):
            continue
        se[k] = own.std(ddof=1)
        limits[k] = INTERVALS[asked.kind](own, float(value), float(pull[k]), asked.level)
    return {"se": se, "ci.lower": limits[:, 0], "ci.upper": limits[:, 1]}


def through_correlations(slope: Array, S: Array) -> Array:
    """Derivatives (p, p) by covariances of what has derivatives `slope` by correlations."""
    scale = np.sqrt(np.diag(S))
    R = S / np.outer(scale, scale)
    off = slope * (1 - np.eye(len(S)))
    result: Array = off / np.outer(scale, scale)
    result[np.diag_indices(len(S))] = -(off * R).sum(axis=1) / scale**2
    return result
