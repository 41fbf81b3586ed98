"""Bootstrap of a fitted model: standard errors, intervals, and a test of exact fit."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence, known_option
from measure.display import render_html, render_text
from measure.errors import DataError, MeasureError, MeasureWarning, OptionError
from measure.estimators import DISCREPANCIES
from measure.fitting.fitted import Fit, require_numbers, require_one_level
from measure.fitting.problem import Problem
from measure.fitting.rotated_samples import Turning
from measure.fitting.source import Source
from measure.model import Implied
from measure.moments import Moments
from measure.replication.influence import influence
from measure.replication.intervals import INTERVALS, acceleration
from measure.replication.refitting import Refit, Refits
from measure.replication.repeat import Repeats, reasons_table, repeat
from measure.replication.resampling import Resampling
from measure.replication.workers import Count, Workers, add, alike

Array = NDArray[np.float64]

KINDS = ("ordinary", "bollen.stine")
# The share of samples that should be fitted.
ENOUGH = 0.9
# Units or blocks of units that a jackknife leaves out one after the other, in a group.
BLOCKS = 500


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap:
    """What refitting a model to drawn samples gave.

    Attributes
    ----------
    kind
        "ordinary" or "bollen.stine".
    parameters
        One row a parameter, `:=` last, as in the fit: `lhs op rhs group level label free est se
        bias ci.lower ci.upper`. `se` is the standard deviation of the replicates and `bias` their
        mean less `est`. The interval is the first of those asked for; further ones stand in
        `ci.lower.bca` and so on. A fixed row has `se` 0 and is its own interval, also one that
        fixed.x takes from the sample.
    standardized
        The same of the standardised solution (std.all), with `est.std`.
    replicates
        Free parameters and `:=` of each sample that was fitted, named as in `fit.covariance`; the
        index is the number of the sample, from 0.
    chisq
        Unscaled chi-square of each, likewise; NaN where answers are missing.
    admissible
        Whether the solution of each is possible; impossible ones are kept.
    n, seed
        Samples drawn, and the seed.
    failures
        One row a reason why samples could not be fitted: `error count first message`.
    improper
        One row a kind of impossible solution: `improper count first message`.
    pvalue
        Bollen and Stine's: the share of `chisq` not below that of the fit. NaN for the ordinary
        bootstrap.
    notes
        What a reader has to know.
    """

    kind: str
    parameters: pd.DataFrame
    standardized: pd.DataFrame
    replicates: pd.DataFrame
    chisq: pd.Series
    admissible: pd.Series
    n: int
    seed: int
    failures: pd.DataFrame
    improper: pd.DataFrame
    pvalue: float
    notes: tuple[str, ...]

    @property
    def n_failed(self) -> int:
        """Samples that could not be fitted."""
        return self.n - len(self.replicates)

    @property
    def n_inadmissible(self) -> int:
        """Samples whose solution is impossible: a negative variance, a correlation above 1."""
        return int((~self.admissible).sum())

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "kind": self.kind,
            "samples fitted": len(self.replicates),
            "not fitted": self.n_failed,
            "fitted, but not admissible": self.n_inadmissible,
            "seed": self.seed,
        }
        if self.kind == "bollen.stine":
            facts["pvalue"] = self.pvalue
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        tables = {"parameters": self.parameters, "standardized": self.standardized}
        if len(self.failures):
            tables["failures"] = self.failures
        if len(self.improper):
            tables["improper solutions"] = self.improper
        return "Bootstrap", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def bootstrap(
    fit: Fit,
    data: pd.DataFrame | None = None,
    *,
    n: int = 1000,
    seed: int,
    kind: str = "ordinary",
    intervals: Sequence[str] = ("percentile", "bca"),
    confidence_level: float = 0.95,
    workers: Workers = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Bootstrap:
    """Fit a model again to samples drawn with replacement from its rows.

    Rows are drawn within groups. Where the fit has clusters, as a two-level one has, whole clusters
    are drawn, within groups or, where clusters have rows in several groups, over all of them.
    Searches begin at the
    estimates; moments of exogenous variables (fixed.x) are those of the drawn sample, as in lavaan.
    With ordered items thresholds, correlations and weights are estimated anew from each sample; one
    in which nobody answers in some category cannot be fitted, and is counted as such.

    Parameters
    ----------
    fit
        A model that was fitted to rows.
    data
        The data of the fit; may be left out, as the fit keeps the rows that it used.
    n
        Number of samples.
    seed
        Whole number, 0 or more.
    kind
        "ordinary", or "bollen.stine": rows are first transformed so that the model holds exactly,
        Y S^(-1/2) Sigma^(1/2) per group (Bollen & Stine 1992, eq. 10), which gives the chi-square
        a distribution under the model whatever that of the answers. Complete answers only.
    intervals
        One or more of "percentile" and "bca" (Efron 1987). The acceleration of the latter is
        computed from empirical influence values, scores times the inverse observed information
        (with ordered items influences of the rows on the moments, times what these do to the
        estimates), so that the model need not be refitted without each row; another estimator that
        has no likelihood, or a model with inequalities or nonlinear constraints, is refitted
        without each unit instead, or without each of 500 blocks where a group has more units.
    confidence_level
        Of the intervals.
    workers
        Number of processes, None for all cores, or the address of a Dask scheduler; see `repeat`.
        The results do not depend on it.
    progress
        Called with the number of samples done and `n`.

    Returns
    -------
    Bootstrap

    Raises
    ------
    OptionError
        An unknown option; answers are missing and `kind` is "bollen.stine".
    DataError
        The fit has no rows and none are given, or `data` are not those of the fit.
    MeasureError
        Fewer than two samples could be fitted.

    Warns
    -----
    MeasureWarning
        Fewer than 90 % of the samples could be fitted.

    References
    ----------
    Bollen, K. A., & Stine, R. A. (1992). Bootstrapping goodness-of-fit measures in structural
    equation models. Sociological Methods & Research, 21, 205-229.
    Efron, B. (1987). Better bootstrap confidence intervals. Journal of the American Statistical
    Association, 82, 171-185.
    """
    known_option("kind", kind, KINDS)
    require_numbers(fit, "bootstrap")
    if kind == "bollen.stine" and fit.moments.ordinal is not None:
        raise OptionError(
            'kind="bollen.stine" transforms answers as numbers until the model holds in them; '
            "ordered answers cannot be transformed so. Their test is the scaled chi-square of the "
            "fit."
        )
    if kind == "bollen.stine":
        require_one_level(fit, 'kind="bollen.stine"')
    asked = _Asked(_checked_intervals(intervals), confidence(confidence_level))
    _check(fit, n)
    moments = _rows_of(fit, data)
    if kind == "bollen.stine":
        moments = _transformed(fit, moments)
    name = fit.method.estimator.discrepancy
    discrepancy = DISCREPANCIES[name](moments, means=fit.model.table.meanstructure)
    model, params, explored = fit.model, fit.params, fit.exploration
    if explored is not None:
        model, params = explored.problem.model, explored.params
    problem = Problem(model, moments, discrepancy)
    resampling = Resampling(moments, fit.method.less_one, bool(fit.model.table.fixed_x))
    refit = Refit.sized(problem, params, name, resampling, n)
    if explored is not None:
        refit = replace(refit, turning=Turning(fit.model, explored))
    repeats = repeat(
        refit,
        -(-n // refit.size),
        seed=seed,
        workers=workers,
        progress=None if progress is None else _counting(progress, refit.size, n),
        chunk=1,
    )
    samples = _Samples.of(repeats, refit.size, n)
    samples.require(n)
    result = _result(fit, refit, samples, asked)
    if samples.share < ENOUGH:
        warnings.warn(_too_few(samples, n), MeasureWarning, stacklevel=2)
    chisq = fit.moments.scale * fit.discrepancy
    is_test = kind == "bollen.stine"
    return Bootstrap(
        kind=kind,
        **result,
        n=n,
        seed=seed,
        pvalue=float(np.mean(samples.chisq >= chisq)) if is_test else float("nan"),
        notes=tuple(_notes(fit, refit, samples, n)),
    )


@dataclass(frozen=True)
class _Asked:
    """Which intervals, and how wide."""

    kinds: tuple[str, ...]
    level: float


def _checked_intervals(intervals: Sequence[str]) -> tuple[str, ...]:
    if isinstance(intervals, str) or not intervals:
        raise OptionError('intervals is a list of names, as intervals=["percentile"].')
    for name in intervals:
        known_option("interval", name, INTERVALS)
    return tuple(dict.fromkeys(intervals))


def _check(fit: Fit, n: int) -> None:
    """Refuse what cannot be repeated."""
    if not isinstance(n, Integral) or isinstance(n, bool) or n < 2:
        raise OptionError(f"n is {n!r}, but the number of samples is a whole number over 1.")
    if not fit.converged:
        raise OptionError("the fit has not converged: there are no estimates to begin from.")
    rows = fit.model.table.parameters
    for tie in fit.model.table.ties:
        for k in tie:
            if rows[k].exogenous:
                raise OptionError(
                    f'"{rows[k]}" is taken from the sample (fixed.x) and equated with a parameter; '
                    "no sample drawn has the same value. Fit with fixed_x=False."
                )


def _rows_of(fit: Fit, data: pd.DataFrame | None) -> Moments:
    """Give the moments of the fit with its rows, from the data where it has none."""
    if data is None:
        if fit.moments.rows is None:
            raise DataError("the fit has no rows to draw: give data.")
        return fit.moments
    ordered = () if fit.moments.ordinal is None else fit.moments.ordinal.ordered
    levels = fit.model.table.levels
    own = Source(data).moments(fit.moments.names, fit.options, fit.method, ordered, levels)
    if own.groups != fit.moments.groups or own.n_obs != fit.moments.n_obs:
        raise DataError(
            f"data has {own.n_total} rows that the model can use in {len(own.groups)} group(s), "
            f"but the fit was made from {fit.n_obs} in {fit.n_groups}. Give the data of the fit."
        )
    for one, other in zip(own.sample, fit.moments.sample, strict=True):
        if not np.allclose(one.sigma, other.sigma, rtol=1e-6, atol=1e-6 * np.abs(one.sigma).max()):
            raise DataError("data has other covariances than the fit. Give the data of the fit.")
    return own


def _transformed(fit: Fit, moments: Moments) -> Moments:
    """Transform the rows so that the model holds exactly in their moments, group by group."""
    if moments.patterns is not None:
        raise OptionError(
            'kind="bollen.stine" transforms complete answers; with missing="fiml" no change '
            "of the rows makes the model hold exactly in them."
        )
    assert moments.rows is not None
    rows, sample = [], []
    for own, here, model in zip(moments.rows, moments.sample, fit.implied_moments, strict=True):
        assert here.mu is not None
        mu = here.mu if model.mu is None else model.mu
        rows.append(mu + (own - here.mu) @ _root(here.sigma, -0.5) @ _root(model.sigma, 0.5))
        sample.append(Implied(mu, model.sigma))
    return replace(moments, rows=tuple(rows), sample=tuple(sample))


def _root(sigma: Array, power: float) -> Array:
    """Symmetric power of a covariance matrix."""
    values, vectors = np.linalg.eigh(sigma)
    return np.asarray((vectors * values**power) @ vectors.T)


def _counting(
    progress: Callable[[int, int], object], size: int, n: int
) -> Callable[[int, int], object]:
    """Count samples in place of batches."""
    return lambda done, _: progress(min(done * size, n), n)


@dataclass(frozen=True, eq=False)
class _Samples:
    """The samples that could be fitted, and what became of the others."""

    numbers: NDArray[np.intp]
    estimates: Array
    standardized: Array
    chisq: Array
    improper: tuple[str, ...]
    failures: pd.DataFrame
    n: int

    @classmethod
    def of(cls, repeats: Repeats[Refits], size: int, n: int) -> "_Samples":
        """Number the samples of all batches, and leave out those beyond the `n`-th."""
        # A batch notes what fails in it and raises nothing that `repeat` would count.
        batches = list(zip(repeats.indices, repeats.results, strict=True))
        numbers = np.concatenate([size * k + batch.places for k, batch in batches])
        keep = numbers < n
        failures: dict[tuple[str, str], Count] = {}
        for k, batch in batches:
            for place, error, message in batch.failures:
                if size * k + place < n:
                    add(failures, (error, alike(message)), Count(1, size * k + place, message))
        texts = [text for _, batch in batches for text in batch.improper]
        return cls(
            numbers[keep],
            np.concatenate([batch.estimates for _, batch in batches])[keep],
            np.concatenate([batch.standardized for _, batch in batches])[keep],
            np.concatenate([batch.chisq for _, batch in batches])[keep],
            tuple(text for text, kept in zip(texts, keep, strict=True) if kept),
            reasons_table("error", [(name, count) for (name, _), count in failures.items()]),
            n,
        )

    @property
    def share(self) -> float:
        """Share of the samples that were fitted."""
        return len(self.numbers) / self.n

    def require(self, n: int) -> None:
        """Refuse to compute a spread from less than two samples."""
        if len(self.numbers) < 2:
            raise MeasureError(f"{_too_few(self, n)} There is no spread to report.")


def _too_few(samples: _Samples, n: int) -> str:
    reasons = "; ".join(
        f"{row.count} x {row.error}: {row.message}"
        for row in samples.failures.head(3).itertuples(index=False)
    )
    return f"only {len(samples.numbers)} of {n} samples could be fitted ({reasons})."


def _result(fit: Fit, refit: Refit, samples: _Samples, asked: _Asked) -> dict[str, Any]:
    """Make the tables."""
    rows = fit.parameters
    free = rows["free"].to_numpy(dtype=bool)
    varying = free | (rows["op"] == ":=").to_numpy()
    pull = _acceleration(refit, asked)
    half = samples.estimates.shape[1]
    names = [*fit.covariance.columns, *rows.loc[~free & varying, "lhs"]]
    own = rows[["lhs", "op", "rhs", "group", "level", "label", "free", "est"]]
    std = rows[["lhs", "op", "rhs", "group", "level"]].assign(**{"est.std": rows["std.all"]})
    replicates = samples.estimates[:, varying]
    spread = _Spread(asked, pull[:half])
    return {
        "parameters": own.assign(
            **spread.columns(samples.estimates, rows["est"].to_numpy(dtype=float), varying)
        ),
        "standardized": std.assign(
            **_Spread(asked, pull[half:]).columns(
                samples.standardized, rows["std.all"].to_numpy(dtype=float), None
            )
        ),
        "replicates": pd.DataFrame(replicates, index=samples.numbers, columns=names),
        "chisq": pd.Series(samples.chisq, index=samples.numbers, name="chisq"),
        "admissible": pd.Series(
            [not text for text in samples.improper], index=samples.numbers, dtype=bool
        ),
        "failures": samples.failures,
        "improper": _improper(samples),
    }


class _Spread(NamedTuple):
    """How intervals are made of replicates; `pull` is the acceleration of each quantity."""

    asked: _Asked
    pull: Array

    def columns(
        self, replicates: Array, est: Array, varying: NDArray[np.bool_] | None
    ) -> dict[str, Array]:
        """Columns `se bias ci.lower ci.upper` and so on, each (n_rows,)."""
        found = {name: np.zeros(len(est)) for name in ("se", "bias")}
        for kind in self.asked.kinds:
            found |= {f"ci.{side}{self.suffix(kind)}": est.copy() for side in ("lower", "upper")}
        for k in range(len(est)):
            own = replicates[np.isfinite(replicates[:, k]), k]
            spread = float(own.std(ddof=1)) if len(own) > 1 else float("nan")
            # What is the same in all samples differs by rounding only.
            if (varying is not None and not varying[k]) or spread <= 1e-9 * max(abs(est[k]), 1.0):
                continue
            found["se"][k] = spread
            found["bias"][k] = own.mean() - est[k] if len(own) else float("nan")
            for kind in self.asked.kinds:
                limits = INTERVALS[kind](own, est[k], float(self.pull[k]), self.asked.level)
                suffix = self.suffix(kind)
                found[f"ci.lower{suffix}"][k], found[f"ci.upper{suffix}"][k] = limits
        return found

    def suffix(self, kind: str) -> str:
        """Nothing for the first kind of interval, else its name."""
        return "" if kind == self.asked.kinds[0] else f".{kind}"


def _acceleration(refit: Refit, asked: _Asked) -> Array:
    """Acceleration of all estimates, then of all standardised values; 0 where none is asked for."""
    table = refit.problem.model.table
    n_rows = len(table.parameters) + len(table.definitions)
    if "bca" not in asked.kinds:
        return np.zeros(2 * n_rows)
    found = None
    if not refit.model.restrictions:
        found = influence(refit.problem, refit.problem.model.row_values(refit.params))
    return acceleration(_by_jackknife(refit, 2 * n_rows) if found is None else found)


def _by_jackknife(refit: Refit, n_quantities: int) -> Array:
    """Influence of each unit, or block of units, by refitting without it.

    l = (b - 1)(mean - without) / b over the b blocks of a group (Davison & Hinkley 1997, eq. 5.27).
    """
    without: dict[int, list[Array]] = {}
    blocks: dict[int, float] = {}
    for stratum, n_blocks, values in refit.jackknife(BLOCKS):
        without.setdefault(stratum, []).append(values)
        blocks[stratum] = n_blocks
    parts = [np.zeros((1, n_quantities))]
    for stratum, found in without.items():
        left = np.array(found)
        parts.append((blocks[stratum] - 1) / blocks[stratum] * (left.mean(axis=0) - left))
    return np.vstack(parts)


def _improper(samples: _Samples) -> pd.DataFrame:
    """Count what is impossible about solutions; one sample may count for several reasons."""
    counts: dict[str, Count] = {}
    for number, text in zip(samples.numbers, samples.improper, strict=True):
        for part in text.split("; ") if text else ():
            add(counts, alike(part).replace(" (#)", ""), Count(1, int(number), part))
    return reasons_table("improper", list(counts.items()))


def _notes(fit: Fit, refit: Refit, samples: _Samples, n: int) -> Iterator[str]:
    """Say in words what a reader has to know."""
    if samples.share < ENOUGH:
        yield _too_few(samples, n)
    n_improper = sum(map(bool, samples.improper))
    if n_improper:
        yield f"{n_improper} samples have an impossible solution; they are kept."
    if fit.n_clusters is not None:
        where = "over all groups" if len(refit.resampling.strata) < fit.n_groups else "in groups"
        yield f"Whole clusters were drawn{'' if fit.n_groups == 1 else ' ' + where}."
