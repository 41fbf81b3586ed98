"""How well models predict answers that they were not fitted to."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.evaluation.heldout import (
    Design,
    Failure,
    Outcome,
    Round,
    Specification,
    design_of,
    saturated_deviance,
    specifications,
)
from measure.fitting.fitted import Fit
from measure.moments.asymptotic import sums_by_cluster
from measure.replication.repeat import Progress, Repeats, repeat
from measure.replication.workers import Workers

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
NAN = float("nan")


@dataclass(frozen=True, eq=False, repr=False)
class CrossValidation:
    """Models compared by their discrepancy from held-out answers.

    Attributes
    ----------
    models
        One row a model: `model`, `deviance` (mean over respondents of -2 log-likelihood of their
        answers under the model fitted without them; with ordered items see `cross_validate`),
        `se`, `se.folds`, `cvi` (mean over folds of the ML discrepancy, or that of DWLS, between the
        fold's own moments and the model), `n_failed` (fits that
        failed) and `n_improper` (fits with impossible estimates, which count).
    differences
        One row a pair: `model_a model_b difference` (deviance of a less that of b), `se ci.lower
        ci.upper` (from respondents or clusters), `se.folds`, `n` (respondents compared).
    folds
        One row a repetition, fold and model: `repetition fold model n_train n_test deviance cvi`.
    failures
        Fits that failed: `model error count message` (of the first).
    n_obs, n_units
        Respondents, and units that were held out together: respondents or clusters.
    n_folds, repeats, seed, level
        What was asked for.
    notes
        What a reader has to know.
    """

    models: pd.DataFrame
    differences: pd.DataFrame
    folds: pd.DataFrame
    failures: pd.DataFrame
    n_obs: int
    n_units: int
    n_folds: int
    repeats: int
    seed: int
    level: float
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "respondents": self.n_obs,
            "units": self.n_units,
            "folds": self.n_folds,
            "repetitions": self.repeats,
            "seed": self.seed,
            "level of the intervals": self.level,
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        tables = {"Models": self.models, "Differences a - b": self.differences}
        if len(self.failures):
            tables["Failures"] = self.failures
        return "Cross-validation", facts, tables

    def __repr__(self) -> str:
        """Tables as text."""
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def cross_validate(
    models: Mapping[str, str | Fit],
    data: pd.DataFrame,
    *,
    seed: int,
    folds: int = 10,
    repeats: int = 1,
    cluster: str | None = None,
    level: float = 0.95,
    workers: Workers = 1,
    progress: Progress | None = None,
) -> CrossValidation:
    """Fit models to parts of the data and measure their discrepancy from the rest.

    Rows, or whole clusters, are dealt to folds at random; each fold in turn is held out and every
    model is fitted to the others. The discrepancy from the held-out part is that of maximum
    likelihood over means and covariances, whatever the estimator: F = ln|Sigma| + tr(Sigma^-1 (S +
    d d')) - ln|S| - p with S the covariances (divided by n) and d the gap of the means of the
    held-out rows (the two-sample index of Cudeck & Browne 1983, Multivariate Behavioral Research
    18, eq. 3; Browne & Cudeck 1989), column `cvi`. Per respondent, and without the part that is the
    same for all models, it is -2 log-likelihood, column `deviance`, which exists for folds of any
    size and for incomplete rows.

    Ordered answers have no such likelihood. `cvi` is then the discrepancy of diagonally weighted
    least squares, (s - sigma)'W(s - sigma) with s the thresholds and correlations of the held-out
    rows and W the inverse variances of those of all rows, whatever the estimator; `deviance` is
    the same without the part that is the same for all models, as a mean over respondents (see
    `heldout_answers`).

    Parameters
    ----------
    models
        Names and models: fits, which are refitted with their own text and options, or model texts,
        which are fitted as `cfa` does by default. All with the same observed variables.
    data
        One row a respondent.
    seed
        Whole number, 0 or more: deals the folds.
    folds
        Number of folds, at least 2.
    repeats
        How often all of it is done, with new folds; results are averaged.
    cluster
        Column of the clusters that are held out as a whole; by default that of the fits.
    level
        Confidence level of the intervals of differences.
    workers, progress
        As in `repeat`: repetitions are shared among processes.

    Returns
    -------
    CrossValidation
        The same for the same arguments, whatever `workers`.

    Raises
    ------
    OptionError
        Models that cannot be compared, or impossible numbers.
    DataError
        The data cannot be analysed.

    Notes
    -----
    Models are refitted by `Options` of their own, so that a fit to means and groups is validated
    with them; without a mean structure the means are those of the training rows. With groups rows
    are dealt within groups. Standard errors come from respondents, or from sums over clusters; they
    take the fitted models as given and are somewhat too small for what other samples would show
    (Bengio & Grandvalet 2004). `se.folds` is that of the folds' means.
    """
    specs = specifications(models)
    confidence(level)
    design = design_of(specs, data, folds, cluster)
    task = Round(specs, design)
    done: Repeats[Outcome] = repeat(task, repeats, seed=seed, workers=workers, progress=progress)
    rounds = done.require(1.0).results
    return _gathered(specs, design, list(rounds), (repeats, seed, level))


def _gathered(
    specs: tuple[Specification, ...],
    design: Design,
    rounds: list[Outcome],
    asked: tuple[int, int, float],
) -> CrossValidation:
    repeats, seed, level = asked
    folds = _fold_table(specs, design, rounds)
    deviance = _mean_of_rounds(rounds)
    failed = [failure for one in rounds for failure in one.failures]
    of_model = {spec.name: folds[folds["model"] == spec.name] for spec in specs}
    rows = []
    for m, (name, own) in enumerate(of_model.items()):
        mean, error = _mean_and_error(deviance[m], design.units)
        cvi = float(own["cvi"].mean()) if own["cvi"].notna().all() else NAN
        n_failed = sum(failure.model == name for failure in failed)
        n_improper = sum(one.improper[m] for one in rounds)
        rows.append((name, mean, error, _fold_error(own), cvi, n_failed, n_improper))
    columns = ["model", "deviance", "se", "se.folds", "cvi", "n_failed", "n_improper"]
    models = pd.DataFrame(rows, columns=columns)
    return CrossValidation(
        models,
        _differences(deviance, of_model, design, level),
        folds,
        _failures(failed),
        len(design.frame),
        int(design.units.max()) + 1,
        design.n_folds,
        repeats,
        seed,
        level,
        _notes(models, design),
    )


def _fold_table(
    specs: tuple[Specification, ...], design: Design, rounds: list[Outcome]
) -> pd.DataFrame:
    rows = []
    for repetition, one in enumerate(rounds, start=1):
        for k in range(design.n_folds):
            held = one.fold == k
            n, saturated = int(held.sum()), saturated_deviance(design, held)
            for m, spec in enumerate(specs):
                deviance = float(one.deviances[m, held].mean())
                sizes = (len(held) - n, n)
                rows.append((repetition, k + 1, spec.name, *sizes, deviance, deviance - saturated))
    columns = ["repetition", "fold", "model", "n_train", "n_test", "deviance", "cvi"]
    return pd.DataFrame(rows, columns=columns)


def _mean_of_rounds(rounds: list[Outcome]) -> Array:
    """Deviance of each model and row (n_models, n), mean over the repetitions that have it."""
    values = np.array([one.deviances for one in rounds])
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, values, 0.0).sum(axis=0) / there.sum(axis=0))


def _mean_and_error(values: Array, units: Indices) -> tuple[float, float]:
    """Mean of rows that have a value, and its standard error from independent units.

    sqrt(J/(J - 1) sum_j (sum of the deviations in unit j)^2)/n (Binder 1983).
    """
    there = ~np.isnan(values)
    n = int(there.sum())
    if not n:
        return NAN, NAN
    mean = float(values[there].mean())
    sums = sums_by_cluster((values[there] - mean)[:, None], units[there])
    n_units = len(sums)
    if n_units < 2:
        return mean, NAN
    return mean, float(np.sqrt(n_units / (n_units - 1) * np.sum(sums**2)) / n)


def _fold_error(folds: pd.DataFrame) -> float:
    """Standard error of the mean from the means of folds, averaged over repetitions."""
    groups = folds.dropna(subset="deviance").groupby("repetition")["deviance"]
    return float((groups.std() / np.sqrt(groups.size())).mean())


def _differences(
    deviance: Array, of_model: Mapping[str, pd.DataFrame], design: Design, level: float
) -> pd.DataFrame:
    rows = []
    quantile = float(normal_quantile(0.5 + level / 2))
    for (i, (a, own)), (j, (b, other)) in combinations(enumerate(of_model.items()), 2):
        gap = deviance[i] - deviance[j]
        difference, error = _mean_and_error(gap, design.units)
        paired = own.reset_index(drop=True).copy()
        paired["deviance"] -= other["deviance"].to_numpy()
        reach = quantile * error
        interval = (difference - reach, difference + reach)
        n = int((~np.isnan(gap)).sum())
        rows.append((a, b, difference, error, *interval, _fold_error(paired), n))
    columns = ["model_a", "model_b", "difference", "se", "ci.lower", "ci.upper", "se.folds", "n"]
    return pd.DataFrame(rows, columns=columns)


def _failures(failed: list[Failure]) -> pd.DataFrame:
    counts: dict[tuple[str, str], list[str]] = {}
    for failure in failed:
        counts.setdefault((failure.model, failure.error), []).append(failure.message)
    rows = [(*kind, len(messages), messages[0]) for kind, messages in counts.items()]
    return pd.DataFrame(rows, columns=["model", "error", "count", "message"])


def _notes(models: pd.DataFrame, design: Design) -> tuple[str, ...]:
    notes = [
        f'"{row["model"]}" could not be fitted {row["n_failed"]} times; its figures are of the '
        "other folds, and its differences of the folds that both models have."
        for _, row in models.iterrows()
        if row["n_failed"]
    ]
    if design.answers is not None:
        notes.append(
            "Items are ordered: `cvi` is the discrepancy of diagonally weighted least squares, and "
            "`deviance` what of it differs between models."
        )
    if design.fiml:
        notes.append("With missing answers there is no `cvi`; `deviance` uses every answer given.")
    elif models["cvi"].isna().any() and not models["n_failed"].any():
        notes.append(
            "A fold has no more rows than there are variables, so that its covariances have no "
            "`cvi`; `deviance` does not need them."
        )
    return tuple(notes)
