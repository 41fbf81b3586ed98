"""Fit a model: text and data in, a finished `Fit` out."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.admissibility import improprieties
from measure.chisquare import moment_count
from measure.errors import (
    ConvergenceError,
    DataError,
    ImproperSolutionWarning,
    ListwiseWarning,
    MeasureWarning,
    OptionError,
)
from measure.estimators import Discrepancy
from measure.estimators import estimator as find_estimator
from measure.fitted import Fit
from measure.identification import require_identified
from measure.inference import covariance_of_estimates, weakest_direction
from measure.model import Model
from measure.model import build as build_model
from measure.moments import complete
from measure.moments.complete import Moments
from measure.optimize import minimize_from_several
from measure.parameters import DEFAULTS, Defaults
from measure.parameters import build as build_table
from measure.starts import starting_points
from measure.syntax import parse

Array = NDArray[np.float64]

# Seed of the perturbed starting points, which are tried only when the informed ones fail.
START_SEED = 1939


@dataclass(frozen=True, eq=False)
class _Objective:
    """A discrepancy as a function of the parameters that are estimated."""

    model: Model
    discrepancy: Discrepancy

    def value(self, params: Array) -> float:
        return self.discrepancy.value(self.model.implied(params))

    def slope(self, params: Array) -> tuple[Array, Array]:
        """Gradient, and twice the unit information: the expected Hessian of the discrepancy."""
        gradient, information = self._elements(params)
        reduction = self.model.reduction
        return reduction.reduce_gradient(gradient), 2 * reduction.reduce_matrix(information)

    def hessian(self, params: Array) -> Array:
        """Second derivatives of the discrepancy."""
        states = self.model.states(params)
        derivatives = self.model.derivatives(states)
        elements = self.discrepancy.hessian(
            [state.implied for state in states],
            derivatives,
            self.model.curvatures(states, derivatives),
        )
        return self.model.reduction.reduce_matrix(elements)

    def information(self, params: Array) -> Array:
        """Unit information of the parameters."""
        return self.slope(params)[1] / 2

    def _elements(self, params: Array) -> tuple[Array, Array]:
        states = self.model.states(params)
        implied = [state.implied for state in states]
        return self.discrepancy.slope(implied, self.model.derivatives(states))


@dataclass(frozen=True)
class _Options:
    """What the caller asked for, apart from model and data; the names are those of `cfa`."""

    estimator: str
    missing: str
    ordered: Sequence[str] | bool
    group: str | None
    group_equal: Sequence[str]
    group_partial: Sequence[str]
    cluster: str | None
    std_lv: bool
    orthogonal: bool
    auto_fix_first: bool
    effect_coding: bool
    meanstructure: bool | None
    fixed_x: bool | None
    parameterization: str
    likelihood: str
    information: str | None
    se: str | None
    test: str | None
    auxiliary: Sequence[str]
    rotation: str | None

    def checked(self) -> "_Options":
        """Refuse by name what does not exist or is not available in this version."""
        find_estimator(self.estimator)
        for name, available, known in _CHOICES:
            value = getattr(self, name)
            if value in available:
                continue
            words = ", ".join(f'"{word}"' for word in available if word is not None)
            state = "is not available in this version" if value in known else "is not known"
            raise OptionError(f'{name}="{value}" {state}; available: {words}.')
        for name, purpose in _LATER.items():
            if getattr(self, name):
                raise OptionError(f"`{name}` ({purpose}) is not available in this version.")
        return self

    def defaults(self, function: str) -> Defaults:
        """Combine what the function adds to the text with what the caller asked for."""
        base = DEFAULTS[function]
        return replace(
            base,
            std_lv=self.std_lv,
            orthogonal=self.orthogonal,
            effect_coding=self.effect_coding,
            auto_fix_first=base.auto_fix_first and self.auto_fix_first,
            fixed_x=base.fixed_x if self.fixed_x is None else self.fixed_x,
            meanstructure=base.meanstructure if self.meanstructure is None else self.meanstructure,
        )


_CHOICES: tuple[tuple[str, tuple[str | None, ...], tuple[str, ...]], ...] = (
    ("missing", ("listwise",), ("fiml", "ml", "pairwise")),
    ("likelihood", ("normal", "wishart"), ()),
    ("information", (None, "expected"), ("observed", "first.order")),
    ("se", (None, "standard"), ("robust.sem", "robust.huber.white", "bootstrap", "none")),
    ("test", (None, "standard"), ("satorra.bentler", "yuan.bentler", "bollen.stine")),
    ("parameterization", ("delta", "theta"), ()),
)
_LATER = {
    "ordered": "items answered in categories",
    "group": "several groups",
    "group_equal": "equality across groups",
    "group_partial": "exceptions from equality across groups",
    "cluster": "clustered answers",
    "auxiliary": "auxiliary variables for missing answers",
    "rotation": "rotation of an exploratory block",
}


@dataclass(frozen=True, eq=False)
class _Input:
    """What a model is fitted to: raw rows, or moments with their number of respondents."""

    data: pd.DataFrame | None
    sample_cov: pd.DataFrame | None
    sample_mean: pd.Series | None
    sample_nobs: int | None

    def moments(self, names: tuple[str, ...], likelihood: str) -> Moments:
        if self.data is not None and self.sample_cov is not None:
            raise OptionError("give either data or sample_cov, not both.")
        if self.data is not None:
            return complete.from_data(self.data, names, likelihood=likelihood)
        if self.sample_cov is None:
            raise DataError("there is nothing to fit the model to: give data, or sample_cov.")
        if self.sample_nobs is None:
            raise OptionError("sample_cov needs sample_nobs, the number of respondents behind it.")
        return complete.from_covariance(
            self.sample_cov, self.sample_mean, self.sample_nobs, names, likelihood=likelihood
        )


def _estimate(text: str, source: _Input, options: _Options, defaults: Defaults) -> Fit:
    """Take the steps of a fit in their order: text, table, moments, model, search, inference."""
    table = build_table(parse(text), defaults)
    moments = source.moments(table.observed, options.likelihood)
    sample = list(moments.sample)
    if table.meanstructure and any(group.mu is None for group in sample):
        raise OptionError("the model has means or intercepts, so sample_cov needs sample_mean.")
    model = build_model(table, sample, moments.names)
    starts = starting_points(model, sample, START_SEED)
    n_moments = moment_count(moments, means=table.meanstructure, fixed_x=table.fixed_x)
    require_identified(model, n_moments, starts[0]())
    objective = _Objective(model, find_estimator(options.estimator).discrepancy(moments))
    search, n_starts = minimize_from_several(objective, starts)
    information = objective.information(search.params)
    scale = moments.n_total if options.likelihood == "normal" else moments.n_total - 1
    vcov = covariance_of_estimates(information, scale) if search.converged else None
    improper = improprieties(model, model.states(search.params))
    notes = _notes(moments, n_starts, vcov, information, model)
    if improper:
        text_improper = f"{'; '.join(improper)}. Standard errors may mislead."
        notes.append(_Note(text_improper, ImproperSolutionWarning))
    fit = Fit(
        text=text,
        estimator=options.estimator,
        likelihood=options.likelihood,
        missing=options.missing,
        model=model,
        moments=moments,
        params=search.params,
        discrepancy=search.value,
        vcov=vcov,
        converged=search.converged,
        admissible=search.converged and not improper,
        iterations=search.iterations,
        starts=n_starts,
        notes=(*table.notes, *(note.text for note in notes)),
    )
    if not search.converged:
        worst = int(np.argmax(np.abs(search.gradient)))
        row = table.parameters[model.free_rows[model.reduction.kept[worst]]]
        raise ConvergenceError(
            f"{options.estimator}: {search.message} ({n_starts} starting points tried); the "
            f'largest gradient ({abs(search.gradient[worst]):.3g}) is at "{row}". Look for items '
            "that hardly correlate with the others of their factor, and for factors of two items.",
            fit,
        )
    for note in notes:
        if note.warning is not None:
            # The caller of cfa(), two frames above this function.
            warnings.warn(note.text, note.warning, stacklevel=3)
    return fit


class _Note(NamedTuple):
    """A sentence about a fit, and the warning that it is also given as."""

    text: str
    warning: type[Warning] | None = None


def _notes(
    moments: Moments, n_starts: int, vcov: Array | None, information: Array, model: Model
) -> list[_Note]:
    """Say in words what happened on the way."""
    notes = []
    if moments.n_dropped:
        text = (
            f"{moments.n_dropped} of {moments.n_total + moments.n_dropped} rows lack an answer to "
            "an item of the model and were left out (listwise)."
        )
        notes.append(_Note(text, ListwiseWarning))
    if n_starts > 1:
        notes.append(_Note(f"The search converged from starting point {n_starts}."))
    if vcov is None:
        direction = weakest_direction(information)
        involved = [
            f'"{model.table.parameters[model.free_rows[element]]}"'
            for element, weight in zip(model.reduction.kept, direction, strict=True)
            if abs(weight) > 0.1
        ]
        text = (
            "The information matrix is singular at the solution, so there are no standard errors: "
            f"the data do not determine {', '.join(involved) or 'all parameters'}."
        )
        notes.append(_Note(text, MeasureWarning))
    return notes


def _entry(function: str, name: str, summary: str) -> Callable[..., Fit]:
    """Make one of the four ways to fit a model; they differ in what they add to the text only."""

    def run(
        model: str,
        data: pd.DataFrame | None = None,
        *,
        estimator: str = "ML",
        missing: str = "listwise",
        ordered: Sequence[str] | bool = (),
        group: str | None = None,
        group_equal: Sequence[str] = (),
        group_partial: Sequence[str] = (),
        cluster: str | None = None,
        std_lv: bool = False,
        orthogonal: bool = False,
        auto_fix_first: bool = True,
        effect_coding: bool = False,
        meanstructure: bool | None = None,
        fixed_x: bool | None = None,
        parameterization: str = "delta",
        likelihood: str = "normal",
        information: str | None = None,
        se: str | None = None,
        test: str | None = None,
        auxiliary: Sequence[str] = (),
        rotation: str | None = None,
        rotation_args: dict[str, float] | None = None,
        seed: int | None = None,
        sample_cov: pd.DataFrame | None = None,
        sample_mean: pd.Series | None = None,
        sample_nobs: int | None = None,
    ) -> Fit:
        options = _Options(
            estimator,
            missing,
            ordered,
            group,
            group_equal,
            group_partial,
            cluster,
            std_lv,
            orthogonal,
            auto_fix_first,
            effect_coding,
            meanstructure,
            fixed_x,
            parameterization,
            likelihood,
            information,
            se,
            test,
            auxiliary,
            rotation,
        ).checked()
        if rotation_args or seed is not None:
            raise OptionError("rotation_args and seed have no use in this model; leave them out.")
        source = _Input(data, sample_cov, sample_mean, sample_nobs)
        return _estimate(model, source, options, options.defaults(function))

    run.__name__ = run.__qualname__ = name
    run.__doc__ = f"{summary}\n{_DOCUMENTATION}"
    return run


_DOCUMENTATION = """
    Parameters
    ----------
    model
        Model text in lavaan syntax.
    data
        One row a respondent; the model names its columns.
    estimator
        "ML". Others of lavaan's names are refused until they are available.
    missing
        "listwise": rows that lack an answer to an item of the model are left out, and counted.
    std_lv
        Fix the variances of the factors to 1 instead of the first loadings.
    orthogonal
        Fix the covariances among factors to 0.
    auto_fix_first
        Fix the first loading of each factor to 1.
    effect_coding
        Scale the factors by loadings that average 1 and intercepts that add up to 0.
    meanstructure
        Estimate intercepts and means; by default where the text names one (`growth`: always).
    fixed_x
        Take the moments of observed exogenous variables from the sample (default True).
    likelihood
        "normal" divides by N, "wishart" by N - 1.
    sample_cov, sample_mean, sample_nobs
        Covariance matrix with names on both sides, means, and number of respondents, in place of
        `data`.

    Returns
    -------
    Fit
        Estimates, standard errors (expected information), tests and indices.

    Raises
    ------
    ModelSyntaxError, ModelError
        The text cannot be read, or asks for what is not estimated.
    OptionError
        An option is not known, or not available.
    DataError
        The data cannot be analysed.
    IdentificationError
        The data cannot determine all parameters.
    ConvergenceError
        No minimum was found; the unfinished fit is in its `fit`.

    Warns
    -----
    ListwiseWarning, ImproperSolutionWarning, MeasureWarning
        Rows were left out, estimates are impossible, or standard errors do not exist.
    """

cfa = _entry("cfa", "cfa", "Fit a confirmatory factor model, with lavaan's defaults for `cfa()`.")
sem = _entry("sem", "sem", "Fit a structural equation model, with lavaan's defaults for `sem()`.")
growth = _entry("growth", "growth", "Fit a latent growth curve, with lavaan's `growth()` defaults.")
fit = _entry("lavaan", "fit", "Fit a model that the text specifies in full; nothing is added.")
