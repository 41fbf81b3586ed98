"""How well models predict answers that they were not fitted to."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.casewise import model_moments, row_logliks
from measure.checks import confidence, numeric_items
from measure.confirmatory import Source, estimate
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.errors import MeasureError, MeasureWarning, OptionError
from measure.fitted import Fit
from measure.model import Implied
from measure.moments.asymptotic import sums_by_cluster
from measure.options import Options
from measure.repeat import Progress, Repeats, repeat

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
        answers under the model fitted without them), `se`, `se.folds`, `cvi` (mean over folds of
        the ML discrepancy between the fold's own moments and the model), `n_failed` (fits that
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
    workers: int | None = 1,
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
    specs = _specifications(models)
    confidence(level)
    design = _design(specs, data, folds, cluster)
    task = _Round(specs, design)
    done: Repeats[_Outcome] = repeat(task, repeats, seed=seed, workers=workers, progress=progress)
    rounds = done.require(1.0).results
    return _gathered(specs, design, list(rounds), (repeats, seed, level))


class _Specification(NamedTuple):
    """A model as it is refitted."""

    name: str
    text: str
    function: str
    options: Options


def _specifications(models: Mapping[str, str | Fit]) -> tuple[_Specification, ...]:
    if not isinstance(models, Mapping) or not models:
        raise OptionError(
            'models is a dictionary from names to fits or model texts, as {"one": fit1, "two": '
            "fit2}."
        )
    found = []
    for name, model in models.items():
        if isinstance(model, str):
            found.append(_Specification(str(name), model, "cfa", Options()))
        else:
            if model.moments.rows is None:
                raise OptionError(
                    f'"{name}" was fitted to covariances; cross-validation needs data. Fit it to '
                    "them first."
                )
            found.append(_Specification(str(name), model.text, model.function, model.options))
    if len({spec.name for spec in found}) < len(found):
        raise OptionError("two models bear the same name. Give each its own.")
    first = found[0]
    for spec in found[1:]:
        for option in ("missing", "group"):
            mine, other = getattr(spec.options, option), getattr(first.options, option)
            if mine != other:
                raise OptionError(
                    f'"{spec.name}" has {option}="{mine}" and "{first.name}" has '
                    f'{option}="{other}"; models are compared on the same rows and groups only.'
                )
    return tuple(found)


class _Design(NamedTuple):
    """The rows that are dealt to folds.

    `values` (n, p) are the answers to `names`; `groups` and `units` number the group and the unit
    of each row.
    """

    frame: pd.DataFrame
    names: tuple[str, ...]
    values: Array
    groups: Indices
    labels: tuple[object, ...]
    units: Indices
    n_folds: int
    fiml: bool


def _design(
    specs: tuple[_Specification, ...], data: pd.DataFrame, folds: int, cluster: str | None
) -> _Design:
    """Choose the rows. Each model is fitted to all of them once, which checks text and options."""
    options = specs[0].options
    named = [s.options.cluster for s in specs if s.options.cluster is not None]
    cluster = cluster or (named[0] if named else None)
    variables = [_observed(spec, data) for spec in specs]
    for spec, own in zip(specs[1:], variables[1:], strict=True):
        if set(own) != set(variables[0]):
            apart = ", ".join(sorted(set(own) ^ set(variables[0])))
            raise OptionError(
                f'"{spec.name}" and "{specs[0].name}" are about different variables ({apart} in '
                "one of them only); their discrepancies cannot be compared."
            )
    names = variables[0]
    for column in (options.group, cluster):
        if column is not None and list(data.columns).count(column) != 1:
            raise OptionError(f'the data need one column "{column}".')
    values = numeric_items(data, list(names), minimum_rows=2).to_numpy(dtype=float)
    fiml = options.missing == "fiml"
    answered = ~np.isnan(values)
    keep = answered.any(axis=1) if fiml else answered.all(axis=1)
    for column in (options.group, cluster):
        if column is not None:
            keep &= data[column].notna().to_numpy()
    frame = data[keep].reset_index(drop=True)
    groups, labels = np.zeros(len(frame), dtype=np.intp), (1,)
    if options.group is not None:
        groups, labels = pd.factorize(frame[options.group])
    units = np.arange(len(frame))
    if cluster is not None:
        units = pd.factorize(frame[cluster])[0].astype(np.intp)
    n_units = len(np.unique(units))
    whole = isinstance(folds, int | np.integer) and not isinstance(folds, bool)
    if not whole or not 2 <= folds <= n_units:
        what = "clusters" if cluster is not None else "respondents"
        raise OptionError(
            f"folds is {folds!r}, but must be a whole number from 2 to {n_units}, the number of "
            f"{what}."
        )
    return _Design(frame, names, values[keep], groups, tuple(labels), units, int(folds), fiml)


def _observed(spec: _Specification, data: pd.DataFrame) -> tuple[str, ...]:
    fit = _refit(spec, data)
    return tuple(n for n in fit.moments.names if n not in spec.options.auxiliary)


def _refit(spec: _Specification, data: pd.DataFrame) -> Fit:
    """Fit a model without standard errors and test, which nothing here reads."""
    options = replace(spec.options, se="none", test="none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MeasureWarning)
        return estimate(spec.text, Source(data), options, spec.function)


class _Failure(NamedTuple):
    model: str
    error: str
    message: str


class _Outcome(NamedTuple):
    """One repetition: `logliks` (n_models, n_rows) of held-out rows, `fold` of each row."""

    logliks: Array
    fold: Indices
    improper: tuple[int, ...]
    failures: tuple[_Failure, ...]


@dataclass(frozen=True, eq=False)
class _Round:
    """One repetition as a task: deal the folds, fit every model to every training part."""

    specs: tuple[_Specification, ...]
    design: _Design

    def __call__(self, generator: np.random.Generator) -> _Outcome:
        design = self.design
        fold = _deal(design, generator)
        logliks = np.full((len(self.specs), len(fold)), np.nan)
        improper, failures = [0] * len(self.specs), list[_Failure]()
        for k in range(design.n_folds):
            held = fold == k
            training = design.frame[~held]
            for m, spec in enumerate(self.specs):
                try:
                    fit = _refit(spec, training)
                except MeasureError as error:
                    message = str(error).splitlines()[0]
                    failures.append(_Failure(spec.name, type(error).__name__, message))
                    continue
                improper[m] += not fit.admissible
                logliks[m, held] = _held_out(design, held, fit)
        return _Outcome(logliks, fold, tuple(improper), tuple(failures))


def _deal(design: _Design, generator: np.random.Generator) -> Indices:
    """Fold of each row: units in random order, group by group, are dealt in turn."""
    n_units = int(design.units.max()) + 1
    group = np.zeros(n_units, dtype=np.intp)
    group[design.units[::-1]] = design.groups[::-1]
    order = generator.permutation(n_units)
    order = order[np.argsort(group[order], kind="stable")]
    fold = np.empty(n_units, dtype=np.intp)
    fold[order] = np.arange(n_units) % design.n_folds
    return np.asarray(fold[design.units])


def _held_out(design: _Design, held: NDArray[np.bool_], fit: Fit) -> Array:
    """Log-likelihoods of the held-out rows under a model fitted to the others."""
    found = np.full(int(held.sum()), np.nan)
    groups, values = design.groups[held], design.values[held]
    order = [fit.moments.names.index(name) for name in design.names]
    by_group = dict(zip(fit.moments.groups, model_moments(fit), strict=True))
    for code, label in enumerate(design.labels):
        own = groups == code
        if not own.any():
            continue
        moments = by_group[label] if fit.n_groups > 1 else next(iter(by_group.values()))
        assert moments.mu is not None
        marginal = Implied(moments.mu[order], moments.sigma[np.ix_(order, order)])
        found[own] = row_logliks(values[own], marginal)
    return found


def _saturated(design: _Design, held: NDArray[np.bool_]) -> float:
    """Mean -2 log-likelihood of held-out rows at their own moments; NaN where these do not exist.

    -2 log L = sum_g n_g (p ln 2 pi + ln|S_g| + p) over groups.
    """
    if design.fiml:
        return NAN
    groups, values = design.groups[held], design.values[held]
    p, total = values.shape[1], 0.0
    for code in np.unique(groups):
        own = values[groups == code]
        if len(own) <= p:
            return NAN
        sign, log_determinant = np.linalg.slogdet(np.cov(own, rowvar=False, ddof=0).reshape(p, p))
        if sign <= 0:
            return NAN
        total += len(own) * (p * np.log(2 * np.pi) + float(log_determinant) + p)
    return float(total / len(values))


def _gathered(
    specs: tuple[_Specification, ...],
    design: _Design,
    rounds: list[_Outcome],
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
    specs: tuple[_Specification, ...], design: _Design, rounds: list[_Outcome]
) -> pd.DataFrame:
    rows = []
    for repetition, one in enumerate(rounds, start=1):
        for k in range(design.n_folds):
            held = one.fold == k
            n, saturated = int(held.sum()), _saturated(design, held)
            for m, spec in enumerate(specs):
                deviance = float(-2 * one.logliks[m, held].mean())
                sizes = (len(held) - n, n)
                rows.append((repetition, k + 1, spec.name, *sizes, deviance, deviance - saturated))
    columns = ["repetition", "fold", "model", "n_train", "n_test", "deviance", "cvi"]
    return pd.DataFrame(rows, columns=columns)


def _mean_of_rounds(rounds: list[_Outcome]) -> Array:
    """Deviance of each model and row (n_models, n), mean over the repetitions that have it."""
    values = np.array([-2 * one.logliks for one in rounds])
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
    deviance: Array, of_model: Mapping[str, pd.DataFrame], design: _Design, level: float
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


def _failures(failed: list[_Failure]) -> pd.DataFrame:
    counts: dict[tuple[str, str], list[str]] = {}
    for failure in failed:
        counts.setdefault((failure.model, failure.error), []).append(failure.message)
    rows = [(*kind, len(messages), messages[0]) for kind, messages in counts.items()]
    return pd.DataFrame(rows, columns=["model", "error", "count", "message"])


def _notes(models: pd.DataFrame, design: _Design) -> tuple[str, ...]:
    notes = [
        f'"{row["model"]}" could not be fitted {row["n_failed"]} times; its figures are of the '
        "other folds, and its differences of the folds that both models have."
        for _, row in models.iterrows()
        if row["n_failed"]
    ]
    if design.fiml:
        notes.append("With missing answers there is no `cvi`; `deviance` uses every answer given.")
    elif models["cvi"].isna().any() and not models["n_failed"].any():
        notes.append(
            "A fold has no more rows than there are variables, so that its covariances have no "
            "`cvi`; `deviance` does not need them."
        )
    return tuple(notes)
