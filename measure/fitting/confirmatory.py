"""Fit a model: text and data in, a finished `Fit` out."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.errors import (
    ConvergenceError,
    ImproperSolutionWarning,
    ListwiseWarning,
    MeasureWarning,
    OptionError,
)
from measure.estimators import DISCREPANCIES
from measure.estimators.ml import MaximumLikelihood
from measure.fitting.assembly import build as build_model
from measure.fitting.categorical_fit import unavailable
from measure.fitting.cluster_notes import (
    NO_ROBUST_INDICES,
    cluster_notes,
    too_many_parameters,
)
from measure.fitting.constrained import minimize_restricted
from measure.fitting.fitted import Fit
from measure.fitting.identification import require_identified
from measure.fitting.inference import covariance_of_estimates, information, weakest_direction
from measure.fitting.problem import Point, Problem
from measure.fitting.rotated_blocks import Exploration, rotated, turn, unrotated
from measure.fitting.source import Source
from measure.fitting.starts import carried, starting_points
from measure.model import Model
from measure.moments import Moments
from measure.optimize import Search, minimize, search_from_several
from measure.specification.exploratory_blocks import exploratory_blocks
from measure.specification.levels import has_levels
from measure.specification.options import SCALED, Method, Options
from measure.specification.parameters import build as build_table
from measure.specification.parameters import levels_of
from measure.specification.refusals import refuse_for_ordered_levels
from measure.specification.responses import Ordered
from measure.specification.rotation_plan import RotationPlan, plan_of
from measure.specification.syntax import parse
from measure.specification.table import ParameterTable
from measure.specification.variables import variables_of
from measure.storage.stored_answers import StoredAnswers
from measure.threads import on_one_thread

Array = NDArray[np.float64]

# Seed of the perturbed starting points, which are tried only when the informed ones fail.
START_SEED = 1939


@on_one_thread
def estimate(
    text: str, source: Source, options: Options, function: str, near: Fit | None = None
) -> Fit:
    """Take the steps of a fit in their order: text, table, moments, model, search, inference.

    The search begins at the estimates of the model `near`, if one is given: a similar model of the
    same answers.
    """
    syntax = parse(text)
    ordered = source.ordered(syntax, options)
    options = options.completed(ordered=bool(ordered), levels=has_levels(syntax)).checked()
    method, groups = options.method(), source.groups(options)
    blocks = exploratory_blocks(syntax)
    plan = plan_of(options.rotation, options.rotation_args, options.seed, blocks)
    defaults = options.defaults(function)
    if plan is not None:
        defaults = replace(defaults, orthogonal_efa=not plan.oblique)
    if ordered:
        # The answers say how many thresholds there are, and so come before the table.
        names, levels = variables_of(syntax.statements).observed, None
        if has_levels(syntax):
            levels = levels_of([syntax.statements], asks_fixed=defaults.fixed_x)
            refuse_for_ordered_levels(levels, ordered, options.group)
        moments = source.moments(names, options, method, ordered, levels)
        table = build_table(
            syntax,
            defaults,
            groups=groups,
            ordered=Ordered.of(moments.names, moments.thresholds, options.parameterization),
        )
    else:
        table = build_table(syntax, defaults, groups=groups, auxiliary=options.auxiliary)
        moments = source.moments(table.observed, options, method, levels=table.levels)
    if table.meanstructure and any(group.mu is None for group in moments.sample):
        raise OptionError(
            "the model has means or intercepts, so sample_cov needs sample_mean. Without means, "
            "leave intercepts out of the text and give meanstructure=False."
        )
    shared = source.discrepancy(moments, method, means=table.meanstructure)
    problem = Problem(build_model_of(table, moments), moments, shared)
    return solve(problem, _Request(text, function, options, method, plan), near)


def problem_of(table: ParameterTable, moments: Moments, method: Method) -> Problem:
    """Bring a parameter table and moments together."""
    model = build_model_of(table, moments)
    make = DISCREPANCIES[method.estimator.discrepancy]
    return Problem(model, moments, make(moments, means=table.meanstructure))


def build_model_of(table: ParameterTable, moments: Moments) -> Model:
    """Lay a parameter table out as matrices."""
    return build_model(table, list(moments.sample), moments.block_names)


class _Request(NamedTuple):
    """What was asked for, for the record of a fit."""

    text: str
    function: str
    options: Options
    method: Method
    plan: RotationPlan | None = None


def solve(problem: Problem, request: _Request, near: Fit | None = None) -> Fit:
    """Search for the minimum, from the estimates of a similar fit if given, and make the fit of it.

    Raises
    ------
    IdentificationError, ConvergenceError
        The data cannot determine all parameters, or no minimum was found.
    """
    table = problem.model.table
    if table.exploratory:
        begun = unrotated(
            table, problem.moments.sample[0], problem.moments.names, pivot=request.plan is not None
        )
        problem = problem_of(begun, problem.moments, request.method)
    search, n_starts = _search(problem, near)
    found, exploration = search, None
    if request.plan is not None and search.converged:
        exploration = turn(problem, search.params, table, request.plan)
        problem, params = rotated(exploration, build_model_of(table, problem.moments))
        found = replace(search, params=params, here=None)
    return _finished(problem, found, n_starts, request, exploration)


def _search(problem: Problem, near: Fit | None) -> tuple[Search, int]:
    """Search for the minimum from one starting point after the other."""
    model = problem.model
    starts = starting_points(model, list(problem.moments.sample), START_SEED)
    if near is not None:
        starts.insert(0, lambda: carried(near.model, near.params, model))
    first = problem.at(starts[0]())
    require_identified(first)
    starts[0] = lambda: _near(problem, first.params)

    def search_from(start: Array) -> Search:
        if model.restrictions:
            return minimize_restricted(problem, start)
        begun = first if start is first.params else None
        return minimize(problem, start, here=begun, dear=problem.dear)

    return search_from_several(
        search_from,
        starts,
        lambda found: not _point(problem, found).improprieties,
    )


def _finished(
    problem: Problem,
    search: Search,
    n_starts: int,
    request: _Request,
    exploration: Exploration | None,
) -> Fit:
    """Make the fit of where a search ended."""
    model, point = problem.model, _point(problem, search)
    vcov = covariance_of_estimates(point, request.method) if search.converged else None
    improper = point.improprieties
    notes = _notes(point, request, n_starts, vcov)
    if exploration is not None:
        notes += [_Note(text) for text in exploration.notes]
    if improper:
        text = f"{'; '.join(improper)}. Standard errors may mislead."
        notes.append(_Note(text, ImproperSolutionWarning))
    fit = Fit(
        text=request.text,
        function=request.function,
        options=request.options,
        method=request.method,
        problem=problem,
        params=point.params,
        discrepancy=search.value,
        vcov=vcov,
        converged=search.converged,
        admissible=search.converged and not improper,
        iterations=search.iterations,
        starts=n_starts,
        notes=(*model.table.notes, *(note.text for note in notes)),
        found=point,
        exploration=exploration,
    )
    if not search.converged:
        raise _not_converged(search, fit)
    for note in notes:
        if note.warning is not None:
            # The caller of cfa(), five frames above this function.
            warnings.warn(note.text, note.warning, stacklevel=6)
    return fit


def _point(problem: Problem, search: Search) -> Point:
    """Give the model where a search ended, with what the search has computed there."""
    return search.here if isinstance(search.here, Point) else problem.at(search.params)


def _near(problem: Problem, start: Array) -> Array:
    """Begin the costly search over incomplete rows where complete ones with their moments end."""
    incomplete = problem.moments.patterns is not None
    if not incomplete or problem.model.restrictions:
        return start
    simple = Problem(problem.model, problem.moments, MaximumLikelihood(problem.moments))
    search = minimize(simple, start)
    return search.params if search.converged else start


def _not_converged(search: Search, fit: Fit) -> ConvergenceError:
    model = fit.model
    worst = int(np.argmax(np.abs(search.gradient)))
    row = model.table.describe(model.free_rows[model.reduction.kept[worst]])
    improper = fit.point.improprieties
    where = f" The search was running off: {'; '.join(improper)}." if improper else ""
    return ConvergenceError(
        f"{fit.estimator}: {search.message} ({fit.starts} starting points tried); the largest "
        f'gradient ({abs(search.gradient[worst]):.3g}) is at "{row}".{where} Look for items that '
        "hardly correlate with the others of their factor, and for factors of two items; a bound "
        "such as `x1 ~~ lower(0)*x1` keeps a variance from running off.",
        fit,
    )


class _Note(NamedTuple):
    """A sentence about a fit, and the warning that it is also given as."""

    text: str
    warning: type[Warning] | None = None


def _notes(point: Point, request: _Request, n_starts: int, vcov: Array | None) -> list[_Note]:
    """Say in words what happened on the way."""
    moments, notes = point.problem.moments, list[_Note]()
    if moments.n_dropped:
        notes.append(_dropped(moments, request))
    n_moments = point.problem.n_moments
    for label, n in zip(moments.groups, moments.n_obs, strict=True):
        if n < n_moments:
            where = f' in group "{label}"' if len(moments.groups) > 1 else ""
            notes.append(
                _Note(
                    f"There are {n} respondents for {n_moments} sample moments{where}; tests and "
                    "standard errors, robust ones above all, need more."
                )
            )
    if moments.ordinal is not None:
        notes += [_Note(text) for text in moments.ordinal.notes]
        reason = unavailable(point) if request.method.test in SCALED else None
        if reason is not None:
            notes.append(
                _Note(f"There are no robust CFI, TLI and RMSEA (Savalei 2021), because {reason}.")
            )
    held = point.bounds_reached
    if held:
        notes.append(
            _Note(
                f"{', '.join(held)}: the search ended at this bound. Standard errors take it as an "
                "equation (0 for a parameter that stands at its bound), and the chi-square follows "
                "no simple distribution."
            )
        )
    if n_starts > 1:
        notes.append(_Note(f"The search converged from starting point {n_starts}."))
    if vcov is None and request.method.se != "none":
        notes.append(_Note(_undetermined(point, request.method), MeasureWarning))
    if request.method.se == "standard" and request.method.estimator.name == "ULS":
        notes.append(
            _Note(
                "The standard errors and the chi-square of ULS take the moments for uncorrelated "
                'and of variance 1, which they are not; se="robust.sem" and test="scaled.shifted" '
                "do not."
            )
        )
    notes += [_Note(text) for text in cluster_notes(point, request.method)]
    if moments.nested is not None and request.method.fiml:
        notes.append(_Note(NO_ROBUST_INDICES))
    if moments.nested is not None and (text := too_many_parameters(point.problem)):
        notes.append(_Note(text, MeasureWarning))
    return notes


def _dropped(moments: Moments, request: _Request) -> _Note:
    total = moments.n_total + moments.n_dropped
    if request.method.fiml or request.options.missing == "pairwise":
        why = "have no answer to any item of the model, no group or no cluster, and were left out"
    else:
        why = "lack an answer to an item of the model and were left out (listwise)"
        if request.options.group or request.options.cluster:
            why = "lack an answer, the group or the cluster and were left out (listwise)"
    return _Note(f"{moments.n_dropped} of {total} rows {why}.", ListwiseWarning)


def _undetermined(point: Point, method: Method) -> str:
    model: Model = point.problem.model
    direction = weakest_direction(model.reduction.reduce_matrix(information(point, "expected")))
    involved = [
        f'"{model.table.describe(model.free_rows[element])}"'
        for element, weight in zip(model.reduction.kept, direction, strict=True)
        if abs(weight) > 0.1
    ]
    return (
        f"The {method.information} information matrix is singular at the solution, so there are no "
        f"standard errors: the data do not determine {', '.join(involved) or 'all parameters'}."
    )


def _entry(function: str, name: str, summary: str) -> Callable[..., Fit]:
    """Make one of the four ways to fit a model; they differ in what they add to the text only."""

    def run(
        model: str,
        data: pd.DataFrame | StoredAnswers | None = None,
        *,
        estimator: str | None = None,
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
        rotation_args: Mapping[str, Any] | None = None,
        seed: int | None = None,
        sample_cov: pd.DataFrame | Mapping[object, pd.DataFrame] | None = None,
        sample_mean: pd.Series | Mapping[object, pd.Series] | None = None,
        sample_nobs: int | Mapping[object, int] | None = None,
    ) -> Fit:
        options = Options(
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
            rotation_args,
            seed,
        )
        source = Source(data, sample_cov, sample_mean, sample_nobs)
        return estimate(model, source, options, function)

    run.__name__ = run.__qualname__ = name
    run.__doc__ = f"{summary}\n{_DOCUMENTATION}"
    return run


_DOCUMENTATION = """
    Parameters
    ----------
    model
        Model text in lavaan syntax.
    data
        One row a respondent; the model names its columns. Also answers larger than memory, from
        `stored`: at one level, all ordered, or all continuous without what needs single rows.
    estimator
        "ML", "GLS", "WLS" (asymptotically distribution free), "ULS", or ML with robust standard
        errors and a scaled test: "MLM" (Satorra-Bentler), "MLMV" (scaled and shifted), "MLMVS"
        (mean and variance adjusted), "MLR" (sandwich, Yuan-Bentler), "MLF" (first-order
        information). `option_table()` shows what each stands for.
    missing
        "listwise": rows that lack an answer to an item of the model are left out, and counted.
        "fiml": every row counts with the answers that it has (answers missing at random).
    group
        Column of the groups, in each of which the model is fitted. They have a mean structure.
    group_equal
        What is equal across groups: "loadings", "intercepts", "means", "regressions", "residuals",
        "residual.covariances", "lv.variances", "lv.covariances". Equal intercepts free the latent
        means of the later groups, and with `std_lv` equal loadings their latent variances.
    group_partial
        Parameters that are not, as ["x3 ~1", "visual =~ x2"].
    cluster
        Column of the clusters that respondents belong to. Standard errors and test allow for them:
        with "ML" as "MLR" with scores summed in clusters. A text with blocks `level: 1` (within
        clusters) and `level: 2` (between them) is a two-level model, of which clusters are a part:
        its variables vary at the levels whose blocks name them, and means stand between clusters
        unless a variable is within only. Estimators are then "ML", "MLR" and "MLF", of ordered
        items "WLSMV", "WLSM" and "DWLS"; the unit of a latent response is set within clusters.
    std_lv
        Fix the variances of the factors to 1 instead of the first loadings.
    orthogonal
        Fix the covariances among factors to 0.
    auto_fix_first
        Fix the first loading of each factor to 1.
    effect_coding
        Scale the factors by loadings that average 1 and intercepts that add up to 0.
    meanstructure
        Estimate intercepts and means; by default where the text names one (`growth`: always), with
        several groups, clusters and missing answers.
    fixed_x
        Take the moments of observed exogenous variables from the sample (default True).
    likelihood
        "normal" divides by N, "wishart" by N - 1.
    information
        "expected", "observed" or "first.order"; by default the estimator's own.
    se
        "standard", "robust.sem" (sandwich around the moments), "robust.huber.white" (around the
        scores), "none"; by default the estimator's own.
    test
        "standard", "satorra.bentler", "mean.var.adjusted", "scaled.shifted", "yuan.bentler.mplus",
        "none"; by default the estimator's own.
    auxiliary
        Columns outside the model that inform about missing answers (saturated correlates).
    rotation
        Of exploratory blocks, `efa("b")*f1 + efa("b")*f2 =~ x1 + x2 + x3 + x4` (ESEM; Asparouhov &
        Muthén 2009): a name in `measure.rotating.rotation.ROTATIONS`, by default "geomin", or
        "none".
    rotation_args
        Its arguments, as in `measure.efa`, or under lavaan's names; `epsilon` of geomin is 0.001 as
        in lavaan. Further `std.ov` (default True: items are divided by their standard deviation
        while rotating), `row.weights` ("kaiser", "none"), `rstarts` (random starts, 100). A target
        may be a data frame named by items and factors, and for several blocks is a dictionary.
    seed
        Of the random starts of the rotation.
    sample_cov, sample_mean, sample_nobs
        Covariance matrix with names on both sides, means, and number of respondents, in place of
        `data`; for several groups dictionaries from group to each.

    Returns
    -------
    Fit
        Estimates, standard errors, tests and indices.

    Raises
    ------
    ModelSyntaxError, ModelError
        The text cannot be read, or asks for what is not estimated.
    OptionError
        An option is not known, not available, or does not go with another.
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
fit = _entry(
    "lavaan",
    "fit",
    "Fit a model that the text specifies in full; only moments of given predictors are added.",
)
