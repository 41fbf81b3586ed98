"""Rows dealt to folds, and models fitted to all folds but one: the work of cross-validation."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import numeric_items
from measure.errors import MeasureError, MeasureWarning, OptionError
from measure.evaluation.heldout_answers import Answers
from measure.fitting.confirmatory import estimate
from measure.fitting.fitted import Fit, require_one_level
from measure.fitting.source import Source
from measure.model import Implied
from measure.replication.casewise import model_moments, row_logliks
from measure.specification.options import Options
from measure.specification.refusals import refuse_levels
from measure.specification.syntax import parse

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
NAN = float("nan")


class Specification(NamedTuple):
    """A model as it is refitted."""

    name: str
    text: str
    function: str
    options: Options


def specifications(models: Mapping[str, str | Fit]) -> tuple[Specification, ...]:
    """Read what is to be refitted off fits and model texts.

    Raises
    ------
    OptionError
        Where two models bear one name, or differ in groups or in the treatment of missing answers.
    """
    if not isinstance(models, Mapping) or not models:
        raise OptionError(
            'models is a dictionary from names to fits or model texts, as {"one": fit1, "two": '
            "fit2}."
        )
    found = []
    for name, model in models.items():
        if isinstance(model, str):
            refuse_levels(parse(model), "cross_validate")
            found.append(Specification(str(name), model, "cfa", Options()))
        else:
            require_one_level(model, "cross_validate")
            if model.moments.rows is None:
                raise OptionError(
                    f'"{name}" was fitted to covariances; cross-validation needs data. Fit it to '
                    "them first."
                )
            found.append(Specification(str(name), model.text, model.function, model.options))
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


class Design(NamedTuple):
    """The rows that are dealt to folds.

    `values` (n, p) are the answers to `names`; `groups` and `units` number the group and the unit
    of each row. `answers` is there where items are ordered.
    """

    frame: pd.DataFrame
    names: tuple[str, ...]
    values: Array
    groups: Indices
    labels: tuple[object, ...]
    units: Indices
    n_folds: int
    fiml: bool
    answers: Answers | None = None


def design_of(
    specs: tuple[Specification, ...], data: pd.DataFrame, folds: int, cluster: str | None
) -> Design:
    """Choose the rows. Each model is fitted to all of them once, which checks text and options.

    Raises
    ------
    OptionError
        Models of different variables, an unknown column, or an impossible number of folds.
    DataError
        The data cannot be analysed.
    """
    options = specs[0].options
    named = [s.options.cluster for s in specs if s.options.cluster is not None]
    cluster = cluster or (named[0] if named else None)
    fits = [_refit(spec, data) for spec in specs]
    variables = [_observed(spec, fit) for spec, fit in zip(specs, fits, strict=True)]
    for spec, own in zip(specs[1:], variables[1:], strict=True):
        if set(own) != set(variables[0]):
            apart = ", ".join(sorted(set(own) ^ set(variables[0])))
            raise OptionError(
                f'"{spec.name}" and "{specs[0].name}" are about different variables ({apart} in '
                "one of them only); their discrepancies cannot be compared."
            )
    _require_same_ordered(specs, fits)
    names = variables[0]
    for column in (options.group, cluster):
        if column is not None and list(data.columns).count(column) != 1:
            raise OptionError(f'the data need one column "{column}".')
    values = numeric_items(data, list(names), minimum_rows=2).to_numpy(dtype=float)
    fiml = options.missing == "fiml"
    answered = ~np.isnan(values)
    incomplete = fiml or options.missing == "pairwise"
    keep = answered.any(axis=1) if incomplete else answered.all(axis=1)
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
    answers = None
    if fits[0].moments.ordinal is not None:
        answers = Answers.of(frame, fits[0].moments, options.group, cluster)
    return Design(
        frame, names, values[keep], groups, tuple(labels), units, int(folds), fiml, answers
    )


def _observed(spec: Specification, fit: Fit) -> tuple[str, ...]:
    return tuple(n for n in fit.moments.names if n not in spec.options.auxiliary)


def _require_same_ordered(specs: tuple[Specification, ...], fits: list[Fit]) -> None:
    """Refuse models of which one takes for numbers what another takes for ordered answers."""
    ordered = [
        set() if fit.moments.ordinal is None else set(fit.moments.ordinal.ordered) for fit in fits
    ]
    for spec, own in zip(specs[1:], ordered[1:], strict=True):
        apart = sorted(own ^ ordered[0])
        if apart:
            raise OptionError(
                f'{", ".join(apart)}: ordered in one of "{spec.name}" and "{specs[0].name}" and '
                "continuous in the other; their discrepancies cannot be compared. Fit both with "
                "the same `ordered`."
            )


def _refit(spec: Specification, data: pd.DataFrame) -> Fit:
    """Fit a model without standard errors and test, which nothing here reads."""
    options = replace(spec.options, se="none", test="none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MeasureWarning)
        return estimate(spec.text, Source(data), options, spec.function)


class Failure(NamedTuple):
    """A fit to a training part that failed: the model, the error's class, its first line."""

    model: str
    error: str
    message: str


class Outcome(NamedTuple):
    """One repetition: `deviances` (n_models, n_rows) of held-out rows, `fold` of each row."""

    deviances: Array
    fold: Indices
    improper: tuple[int, ...]
    failures: tuple[Failure, ...]


@dataclass(frozen=True, eq=False)
class Round:
    """One repetition as a task: deal the folds, fit every model to every training part."""

    specs: tuple[Specification, ...]
    design: Design

    def __call__(self, generator: np.random.Generator) -> Outcome:
        """Do one repetition, with folds dealt by this generator."""
        design = self.design
        fold = _deal(design, generator)
        deviances = np.full((len(self.specs), len(fold)), np.nan)
        improper, failures = [0] * len(self.specs), list[Failure]()
        for k in range(design.n_folds):
            held = fold == k
            training = design.frame[~held]
            for m, spec in enumerate(self.specs):
                try:
                    fit = _refit(spec, training)
                    if design.answers is not None:
                        design.answers.require_categories(fit)
                except MeasureError as error:
                    message = str(error).splitlines()[0]
                    failures.append(Failure(spec.name, type(error).__name__, message))
                    continue
                improper[m] += not fit.admissible
                deviances[m, held] = _held_out(design, held, fit)
        return Outcome(deviances, fold, tuple(improper), tuple(failures))


def _deal(design: Design, generator: np.random.Generator) -> Indices:
    """Fold of each row: units in random order, group by group, are dealt in turn."""
    n_units = int(design.units.max()) + 1
    group = np.zeros(n_units, dtype=np.intp)
    group[design.units[::-1]] = design.groups[::-1]
    order = generator.permutation(n_units)
    order = order[np.argsort(group[order], kind="stable")]
    fold = np.empty(n_units, dtype=np.intp)
    fold[order] = np.arange(n_units) % design.n_folds
    return np.asarray(fold[design.units])


def _held_out(design: Design, held: NDArray[np.bool_], fit: Fit) -> Array:
    """Deviances of the held-out rows under a model fitted to the others."""
    if design.answers is not None:
        return design.answers.deviances(fit, held)
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
        found[own] = -2 * row_logliks(values[own], marginal)
    return found


def saturated_deviance(design: Design, held: NDArray[np.bool_]) -> float:
    """Mean -2 log-likelihood of held-out rows at their own moments; NaN where these do not exist.

    -2 log L = sum_g n_g (p ln 2 pi + ln|S_g| + p) over groups. Of ordered items it is less what the
    rows by themselves add to the discrepancy.
    """
    if design.answers is not None:
        return -design.answers.common(held)
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
