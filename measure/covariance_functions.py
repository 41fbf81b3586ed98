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

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import complete_rows, confidence, known_option, numeric_items
from measure.distributions import normal_quantile
from measure.errors import DataError, OptionError
from measure.intervals import INTERVALS, acceleration
from measure.model import Implied
from measure.moments import Moments
from measure.moments.asymptotic import few_clusters_note, require_clusters, sums_by_cluster
from measure.moments.rows import rows_of
from measure.resampling import Resampling

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

# The interval from the standard error above, and those from drawn samples.
KINDS = ("adf", *INTERVALS)
# Samples whose covariances are held at once.
TOGETHER = 100
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


@dataclass(frozen=True, eq=False)
class CovarianceSample:
    """Complete answers to some items, with the clusters that respondents come from.

    Attributes
    ----------
    names
        The items.
    rows
        Answers, (n_obs, n_items).
    clusters
        Number of the cluster of each row; None without clusters.
    n_dropped
        Rows left out because an answer or the cluster is missing.
    """

    names: tuple[str, ...]
    rows: Array
    clusters: Codes | None
    n_dropped: int

    @property
    def n_obs(self) -> int:
        """Respondents used."""
        return len(self.rows)

    @property
    def n_clusters(self) -> int | None:
        """Clusters; None without."""
        return None if self.clusters is None else len(np.unique(self.clusters))

    @cached_property
    def covariance(self) -> Array:
        """Covariances, divided by n - 1, (n_items, n_items)."""
        return np.cov(self.rows, rowvar=False)

    def influence(self, slopes: Array) -> Array:
        """How much each row, or cluster, moves functions with these derivatives, (n_units, k)."""
        centred = self.rows - self.rows.mean(axis=0)
        moved = np.stack([((centred @ slope) * centred).sum(axis=1) for slope in slopes], axis=1)
        moved = (moved - moved.mean(axis=0)) / self.n_obs
        return moved if self.clusters is None else sums_by_cluster(moved, self.clusters)

    def drawn(self, n: int, seed: int) -> Iterator[Array]:
        """Covariances of `n` samples drawn from the rows, or from the clusters, in batches."""
        clusters = None if self.clusters is None else (self.clusters,)
        middle = Implied(self.rows.mean(axis=0), self.covariance)
        moments = Moments(
            self.names,
            (1,),
            (self.n_obs,),
            (middle,),
            (self.n_obs - 1,),
            rows=(self.rows,),
            clusters=clusters,
        )
        source = Resampling(moments, less_one=True)
        for batch, begin in enumerate(range(0, n, TOGETHER)):
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(batch,)))
            found = source.moments_of(source.draw(rng, TOGETHER)).sample[0].sigma
            yield found[: n - begin]


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


def sample_of(
    items: pd.DataFrame, *, cluster: str | None = None, minimum_items: int = 2
) -> CovarianceSample:
    """Take complete answers to items; the column `cluster` is not one of them.

    Raises
    ------
    DataError
        Too few items or complete rows (three are needed), an item that cannot be analysed, or no
        column `cluster` with at least two clusters.
    """
    if cluster is None or not isinstance(items, pd.DataFrame) or cluster not in items.columns:
        numbers = numeric_items(items, minimum_items=minimum_items)
    else:
        own = [name for name in items.columns if name != cluster]
        numbers = numeric_items(items, own, minimum_items=minimum_items)
    if cluster is None:
        complete = complete_rows(numbers, minimum_rows=3)
        values, codes = complete.to_numpy(), None
    else:
        # Also says that there is no such column, or that it is empty.
        rows_of(items, tuple(numbers.columns), cluster=cluster)
        named = pd.factorize(items[cluster])[0]
        complete = complete_rows(numbers[named >= 0], minimum_rows=3)
        used = (named >= 0) & numbers.notna().all(axis=1).to_numpy()
        values, codes = complete.to_numpy(), named[used].astype(np.intp)
        require_clusters((codes,), (1,), cluster)
    names = tuple(complete.columns)
    return CovarianceSample(names, values, codes, len(numbers) - len(values))


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Coefficients of a set of items, with intervals.

    Attributes
    ----------
    title
        What they are.
    table
        One row a coefficient: `coefficient est se ci.lower ci.upper`. `se` is the distribution-free
        standard error, or the standard deviation of the bootstrap replicates.
    interval, confidence_level
        Which interval, and of which level.
    n_obs, n_items, n_dropped, n_clusters
        Rows used, items, rows left out, clusters (None without).
    facts
        How the coefficients were obtained, by name.
    notes
        What the reader has to know.
    """

    title: str
    table: pd.DataFrame
    interval: str
    confidence_level: float
    n_obs: int
    n_items: int
    n_dropped: int
    n_clusters: int | None
    facts: dict[str, object]
    notes: tuple[str, ...]

    def __getitem__(self, coefficient: str) -> float:
        """Value of a coefficient."""
        found = self.table.loc[self.table["coefficient"] == coefficient, "est"]
        if len(found) != 1:
            raise KeyError(coefficient)
        return float(found.iloc[0])

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts = self.facts | {"rows used": self.n_obs, "left out": self.n_dropped}
        if self.n_clusters is not None:
            facts["clusters"] = self.n_clusters
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        return self.title, facts, {"Estimates": self.table}

    def __repr__(self) -> str:
        from measure.display import render_text

        return render_text(*self._report())

    def _repr_html_(self) -> str:
        from measure.display import render_html

        return render_html(*self._report())


def coefficients(
    title: str,
    sample: CovarianceSample,
    functions: Functions,
    asked: Asked,
    **others: Any,
) -> Coefficients:
    """Put functions of the covariances of a sample, with their intervals, into a result."""
    est = functions.values(sample.covariance)
    spread = spread_of(sample, functions, asked, est)
    return Coefficients(
        title,
        pd.DataFrame({"coefficient": functions.names, "est": est, **spread.columns}),
        asked.kind,
        asked.level,
        sample.n_obs,
        len(sample.names),
        sample.n_dropped,
        sample.n_clusters,
        asked.facts | others.get("facts", {}),
        (*others.get("notes", ()), *spread.notes),
    )


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
    notes = [few_clusters_note(sample.n_clusters)]
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
    return Spread(columns, tuple(filter(None, notes)))


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


def correlations(S: Array) -> Array:
    """Correlations of covariances, (..., p, p); NaN with an item that does not vary."""
    scale = np.sqrt(np.diagonal(S, axis1=-2, axis2=-1))
    scale = np.where(scale > 0, scale, np.nan)
    return np.asarray(S / (scale[..., :, None] * scale[..., None, :]))


def require_rows(sample: CovarianceSample, what: str) -> None:
    """Refuse as many items as rows, where the covariance matrix has to be inverted."""
    if sample.n_obs <= len(sample.names):
        raise DataError(
            f"{sample.n_obs} complete rows for {len(sample.names)} items: {what} needs more "
            "respondents than items."
        )
