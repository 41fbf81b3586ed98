"""What aligned means are worth: alignment of data drawn from its own solution."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.comparability.aligned import Alignment, alignment
from measure.display import render_html, render_text
from measure.errors import ConvergenceError, DataError
from measure.fitting.confirmatory import estimate
from measure.fitting.source import Source
from measure.replication.repeat import Progress, repeat
from measure.replication.workers import Workers
from measure.simulating.populations import Population, population, sizes_of
from measure.simulating.simulation import simulate
from measure.specification.options import Options

Array = NDArray[np.float64]

# Below this correlation of means over groups an order of the groups is not to be trusted
# (Muthen & Asparouhov 2014).
TRUSTED = 0.98
# Draws behind the standard errors of a sample, where they are drawn.
DRAWS = 100


@dataclass(frozen=True, eq=False, repr=False)
class AlignmentRecovery:
    """How well alignment finds the means and variances of a known population.

    Attributes
    ----------
    summary
        One row a factor: `correlation.means correlation.variances`, the mean over samples of the
        correlation over groups between estimate and truth; `lowest.means`, its lowest tenth;
        `rmse.means rmse.variances`; `coverage.means`, how often the intervals of the means hold the
        truth, over groups whose mean is estimated.
    groups
        One row a factor and group: `factor group mean` (true), `bias sd rmse coverage` of its
        estimates, and the same of the variance as `variance variance.bias variance.sd
        variance.rmse variance.coverage`.
    failures
        Samples that could not be analysed: `error count first message`.
    n, n_failed, seed
        Samples drawn, those that failed, and the seed.
    n_obs
        Respondents of each group of a sample.
    notes
        What a reader has to know.
    """

    summary: pd.DataFrame
    groups: pd.DataFrame
    failures: pd.DataFrame
    n: int
    n_failed: int
    seed: int
    n_obs: tuple[int, ...]
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "samples": self.n,
            "failed": self.n_failed,
            "seed": self.seed,
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        tables = {"Factors": self.summary, "Groups": self.groups}
        if len(self.failures):
            tables["Failures"] = self.failures
        return "Recovery of aligned means", facts, tables

    def __repr__(self) -> str:
        """Tables as text."""
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def alignment_recovery(
    aligned: Alignment,
    *,
    seed: int,
    n: int = 100,
    n_obs: int | Mapping[object, int] | None = None,
    workers: Workers = 1,
    progress: Progress | None = None,
) -> AlignmentRecovery:
    """Draw data from an aligned solution, align them, and compare with the solution.

    Parameters
    ----------
    aligned
        The solution, which is taken to be true: data with the moments that its configural model
        implies, normal (ordered answers cut from normal responses).
    seed
        Whole number, 0 or more.
    n
        Samples.
    n_obs
        Respondents of each group: one number for all, or one per group by name; by default those of
        the data.
    workers, progress
        As for `measure.replication.repeat.repeat`.

    Returns
    -------
    AlignmentRecovery

    Raises
    ------
    MeasureError
        Fewer than 90 % of the samples could be analysed.
    OptionError
        `n_obs` names other groups, or an impossible number.

    Notes
    -----
    The study of Muthen & Asparouhov (2014), who take a correlation of .98 between true and
    estimated means, over groups, as the least for a trustworthy order of the groups. Samples are
    aligned as the data were, with 100 draws where standard errors are drawn.
    """
    fit = aligned.fit
    truth = population(fit)
    sizes = fit.moments.n_obs if n_obs is None else sizes_of(truth, n_obs)
    # Drawn rows are complete and independent of each other.
    options = replace(fit.options, cluster=None, auxiliary=())
    task = _Task(truth, sizes, fit.text, fit.function, options, _settings(aligned))
    found = repeat(task, n, seed=seed, workers=workers, progress=progress).require()
    results = np.stack(found.results)
    names = [(own.factor, group) for own in aligned.functions for group in own.groups]
    groups = _groups(aligned, results, names)
    summary = _summary(aligned, results, groups)
    return AlignmentRecovery(
        summary=summary,
        groups=groups,
        failures=found.failures,
        n=n,
        n_failed=found.n_failed,
        seed=seed,
        n_obs=tuple(sizes),
        notes=tuple(_notes(aligned, summary)),
    )


@dataclass(frozen=True)
class _Task:
    """Draw a sample, fit the configural model to it, and align."""

    truth: Population
    sizes: tuple[int, ...]
    text: str
    function: str
    options: Options
    settings: Mapping[str, Any]

    def __call__(self, rng: np.random.Generator) -> Array:
        """Give `mean ci.lower ci.upper variance variance.ci.lower variance.ci.upper`, (rows, 6)."""
        n_obs = dict(zip(self.truth.groups, self.sizes, strict=True))
        frame = simulate(self.truth, n_obs, seed=rng)
        fit = estimate(self.text, Source(frame), self.options, self.function)
        if not fit.converged:
            raise ConvergenceError("the configural model of a sample did not converge.", fit)
        if fit.moments.groups != self.truth.groups:
            raise DataError("the groups of a sample are not those of the data.")
        means = alignment(fit, **self.settings).means
        limits = ["ci.lower", "ci.upper"]
        columns = ["mean", *limits, "variance", *(f"variance.{name}" for name in limits)]
        return means[columns].to_numpy()


def _settings(aligned: Alignment) -> dict[str, Any]:
    """How the samples are aligned: as the data were."""
    names = ("method", "reference", "epsilon", "n_starts", "seed", "errors")
    drawn = {} if aligned.n_draws is None else {"n_draws": min(aligned.n_draws, DRAWS)}
    found = {name: getattr(aligned, name) for name in names}
    return found | drawn | {"confidence_level": aligned.level}


def _groups(aligned: Alignment, results: Array, names: list[tuple[str, object]]) -> pd.DataFrame:
    """Bias, spread and coverage per group, from (n, rows, 6)."""
    columns: dict[str, object] = {
        "factor": [factor for factor, _ in names],
        "group": [group for _, group in names],
    }
    for k, (quantity, prefix) in enumerate((("mean", ""), ("variance", "variance."))):
        true = aligned.means[quantity].to_numpy()
        est, lower, upper = (results[..., 3 * k + j] for j in range(3))
        fixed = est.std(axis=0) < 1e-12
        inside = ((lower <= true) & (true <= upper)).mean(axis=0)
        columns |= {
            quantity: true,
            f"{prefix}bias": est.mean(axis=0) - true,
            f"{prefix}sd": est.std(axis=0, ddof=1) if len(est) > 1 else np.full(len(true), np.nan),
            f"{prefix}rmse": np.sqrt(((est - true) ** 2).mean(axis=0)),
            f"{prefix}coverage": np.where(fixed, np.nan, inside),
        }
    return pd.DataFrame(columns)


def _summary(aligned: Alignment, results: Array, groups: pd.DataFrame) -> pd.DataFrame:
    """Correlations over groups, and errors, per factor."""
    rows = []
    for own in aligned.functions:
        at = (groups["factor"] == own.factor).to_numpy()
        part = groups[at]
        by_sample = {
            quantity: _correlations(results[:, at, 3 * k], part[quantity].to_numpy())
            for k, quantity in enumerate(("mean", "variance"))
        }
        rows.append(
            {
                "factor": own.factor,
                "correlation.means": by_sample["mean"].mean(),
                "lowest.means": np.quantile(by_sample["mean"], 0.1),
                "correlation.variances": by_sample["variance"].mean(),
                "rmse.means": np.sqrt((part["rmse"] ** 2).mean()),
                "rmse.variances": np.sqrt((part["variance.rmse"] ** 2).mean()),
                "coverage.means": part["coverage"].mean(),
            }
        )
    return pd.DataFrame(rows).set_index("factor")


def _correlations(est: Array, true: Array) -> Array:
    """Correlation over groups of each sample (n, G) with the truth; NaN with two groups."""
    if len(true) < 3 or true.std() < 1e-12:
        return np.full(len(est), np.nan)
    centred, right = est - est.mean(axis=1, keepdims=True), true - true.mean()
    return np.asarray(centred @ right / np.sqrt((centred**2).sum(axis=1) * (right**2).sum()))


def _notes(aligned: Alignment, summary: pd.DataFrame) -> list[str]:
    fit = aligned.fit
    notes = []
    if fit.n_clusters is not None:
        notes.append("Samples have no clusters: errors are smaller than in the data.")
    if fit.missing != "listwise":
        notes.append("Samples are complete: errors are smaller than where answers are missing.")
    if fit.n_groups == 2:
        notes.append("Two groups have no order to recover; their means are judged by bias alone.")
    for factor, row in summary.iterrows():
        if row["correlation.means"] < TRUSTED:
            notes.append(
                f"{factor}: estimated and true means correlate {row['correlation.means']:.3f} over "
                f"groups, below {TRUSTED}: their order is not to be trusted."
            )
    return notes
