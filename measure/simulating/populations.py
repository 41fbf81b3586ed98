"""The population that a model describes: text with all parameters given, or a fit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option
from measure.errors import ModelError, OptionError
from measure.fitting.admissibility import improprieties
from measure.fitting.assembly import build as build_model
from measure.fitting.fitted import Fit
from measure.model import Implied, Model
from measure.specification.defaults import DEFAULTS
from measure.specification.levels import BETWEEN, NAMES, WITHIN, Levels
from measure.specification.parameters import build as build_table
from measure.specification.refusals import refuse_levels
from measure.specification.responses import Ordered
from measure.specification.syntax import Syntax, parse
from measure.specification.table import Groups, Parameter, ParameterTable

Array = NDArray[np.float64]

FUNCTIONS = {"cfa": "cfa", "sem": "sem", "growth": "growth", "fit": "lavaan"}
# A correlation matrix whose smallest eigenvalue is below this is singular.
SINGULAR = 1e-10
# How far given values may be from what labels and equations make of them.
ROUNDING = 1e-8


@dataclass(frozen=True, eq=False)
class Population:
    """Means and covariances of the observed variables in each group.

    Attributes
    ----------
    names
        The variables.
    groups
        Values of the groups; `(1,)` for a single one.
    group
        Name of the column of the groups; None for a single one.
    moments
        `mu` (p,) and `sigma` (p, p) of each group. Of ordered items these are the moments of
        standardised latent responses, with their `thresholds`.
    values
        Answers of the ordered items by category, ascending; other variables are not named.
    between
        Of two levels the means and covariances between clusters, of each group; `moments` are then
        covariances within them, with means of 0, and `thresholds` of the sum of both parts. A
        variable that a level does not have is 0 there. Empty for one level.
    cluster
        Name of the column of the clusters; None for one level.
    """

    names: tuple[str, ...]
    groups: tuple[object, ...]
    group: str | None
    moments: tuple[Implied, ...]
    values: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    between: tuple[Implied, ...] = ()
    cluster: str | None = None

    @property
    def covariances(self) -> dict[object, pd.DataFrame]:
        """Covariance matrix of each group, over both levels, as `sample_cov` takes it."""
        parts = [self.moments, self.between] if self.between else [self.moments]
        names = list(self.names)
        return {
            label: pd.DataFrame(sum(one.sigma for one in own), index=names, columns=names)
            for label, *own in zip(self.groups, *parts, strict=True)
        }

    @property
    def means(self) -> dict[object, pd.Series]:
        """Means of each group, as `sample_mean` takes them."""
        return {
            label: pd.Series(one.mu, index=list(self.names))
            for label, one in zip(self.groups, self.between or self.moments, strict=True)
        }

    def only(self, label: object) -> "Population":
        """Give one of the groups as a population of its own."""
        k = self.groups.index(label)
        return replace(
            self,
            groups=(label,),
            group=None,
            moments=(self.moments[k],),
            between=self.between[k : k + 1],
        )

    def cuts(self, item: str) -> list[Array]:
        """Thresholds of an ordered item in each group, (n_categories - 1,) each."""
        counts = {name: len(self.values[name]) - 1 for name in self.names if name in self.values}
        before = list(counts)[: list(counts).index(item)]
        begin = sum(counts[name] for name in before)
        found = (one.thresholds for one in self.moments)
        return [own[begin : begin + counts[item]] for own in found if own is not None]


def population(
    model: str | Fit,
    *,
    groups: Sequence[object] | None = None,
    group: str = "group",
    cluster: str = "cluster",
    function: str = "sem",
    std_lv: bool = False,
    orthogonal: bool = False,
    group_equal: Sequence[str] = (),
) -> Population:
    """Work out the moments of a population from a model.

    Parameters
    ----------
    model
        A fit, whose estimates are the population, with the sample's moments for variables of
        fixed.x and, where it has no mean structure, for means. Or model text in which every
        parameter has a value: fixed (`0.7*x1`), as a start (`start(0.7)*x1`), or following from a
        label, `equal()`, `==` or `group_equal`. A start counts before a fixed value, so that
        `start(0.8)*x1` on a first indicator is 0.8. Nothing is assumed for parameters without a
        value, also where other programs do: they are refused by name, with those that `function`
        adds. Only where a text names no mean at all are all means 0. Items that the text gives
        thresholds (`x1 | -1*t1 + 0.5*t2`) are ordered, under the delta parameterization: the
        variance of a latent response is 1, or what `x1 ~*~ 0.8*x1` makes of it. Of a text with
        `level:` blocks that is the variance within clusters, and thresholds stand between them.
    groups
        Values of the groups of a text; by default one group, or those of its `group:` blocks.
    group, cluster
        Names of the columns of groups and of clusters of a text; a fit has its own.
    function
        Which function's defaults complete a text: "cfa", "sem", "growth" or "fit" (none).
    std_lv, orthogonal, group_equal
        As for `cfa`.

    Returns
    -------
    Population

    Raises
    ------
    ModelSyntaxError
        The text cannot be read.
    ModelError
        Parameters without a value, values that contradict each other or a constraint, impossible
        ones (a negative variance, a correlation above 1, thresholds that do not ascend), or moments
        that are not positive definite.
    """
    if isinstance(model, Fit):
        if groups is not None or group_equal or std_lv or orthogonal:
            raise OptionError("a fit has its own groups and options; give only the fit.")
        return _of_fit(model)
    if not isinstance(model, str):
        raise ModelError(f"model must be model text or a fit, not {type(model).__name__}.")
    known_option("function", function, FUNCTIONS)
    labels = _labels(parse(model), groups)
    own = _Completed(function, std_lv, orthogonal, labels, tuple(group_equal))
    built = _stated(model, own)
    states = built.states(np.zeros(0))
    ordered = built.table.ordered
    counts = {} if ordered is None else ordered.n_thresholds
    names = built.table.observed if built.table.levels is None else built.table.levels.names
    moments, between = _parted([state.implied for state in states], built.table.levels)
    return _checked(
        Population(
            names,
            labels,
            group if len(labels) > 1 else None,
            moments,
            {name: tuple(range(1, count + 2)) for name, count in counts.items()},
            between,
            cluster if between else None,
        )
    )


@dataclass(frozen=True)
class _Completed:
    """How a text is completed, and the values of its groups."""

    function: str
    std_lv: bool
    orthogonal: bool
    labels: tuple[object, ...]
    group_equal: tuple[str, ...]


def stated_model(text: str) -> Model:
    """Give the model of a text of one group in which every parameter has a value.

    It has no parameters left: its states are those at an empty vector.

    Raises
    ------
    ModelSyntaxError, ModelError
        As for `population`.
    """
    refuse_levels(parse(text), "a model with stated values")
    return _stated(text, _Completed("sem", False, False, (1,), ()))


def _stated(text: str, how: _Completed) -> Model:
    syntax = parse(text)
    defaults = replace(
        DEFAULTS[FUNCTIONS[how.function]],
        std_lv=how.std_lv,
        orthogonal=how.orthogonal,
        fixed_x=False,
    )
    table = build_table(
        syntax, defaults, groups=Groups(how.labels, how.group_equal), ordered=_ordered(syntax)
    )
    # Groups get a mean structure by themselves; a text that says nothing of means has none.
    means = defaults.meanstructure or any(row.op == "~1" for row in syntax.statements)
    built = _with_values(table if means else _without_means(table))
    found = improprieties(built, built.states(np.zeros(0)))
    if found:
        raise ModelError(f"no population has these parameters: {'; '.join(found)}.")
    return built


def _of_fit(fit: Fit) -> Population:
    moments = fit.moments
    own = [
        one if one.mu is not None else Implied(sample.mu, one.sigma)
        for one, sample in zip(fit.implied_moments, moments.sample, strict=True)
    ]
    within, between = _parted(own, moments.levels)
    values = {} if moments.ordinal is None else moments.ordinal.values
    cluster = fit.options.cluster if between else None
    return _checked(
        Population(
            moments.names, moments.groups, fit.options.group, within, values, between, cluster
        )
    )


def _parted(
    blocks: Sequence[Implied], levels: Levels | None
) -> tuple[tuple[Implied, ...], tuple[Implied, ...]]:
    """Part the moments of all blocks into those within and between clusters, (p, p) each."""
    if levels is None:
        return tuple(blocks), ()
    within, between = [], []
    for inner, outer in zip(blocks[::2], blocks[1::2], strict=True):
        mu = np.zeros(len(levels.names))
        for level, one in ((WITHIN, inner), (BETWEEN, outer)):
            if one.mu is not None:
                mu[levels.place(level)] += one.mu
        none = np.zeros(len(mu))
        within.append(Implied(none, _spread(inner.sigma, levels, WITHIN), inner.thresholds))
        between.append(Implied(mu, _spread(outer.sigma, levels, BETWEEN)))
    return tuple(within), tuple(between)


def _spread(sigma: Array, levels: Levels, level: int) -> Array:
    """Put the covariances of a level among those of all variables, with 0 for the others."""
    whole = np.zeros((len(levels.names), len(levels.names)))
    whole[levels.place(level), levels.place(level)] = sigma
    return whole


def _ordered(syntax: Syntax) -> Ordered | None:
    """Find the items that the text gives thresholds; None without any."""
    counts: dict[str, int] = {}
    for row in syntax.statements:
        if row.op == "|":
            counts[row.lhs] = max(counts.get(row.lhs, 0), int(row.rhs[1:]))
    return Ordered(counts) if counts else None


def _labels(syntax: Syntax, groups: Sequence[object] | None) -> tuple[object, ...]:
    if groups is not None:
        if isinstance(groups, str) or not len(groups) or len(set(groups)) < len(groups):
            raise OptionError(f"groups is a list of different values, not {groups!r}.")
        return tuple(groups)
    named = dict.fromkeys(s.block.group for s in syntax.statements if s.block.group)
    return tuple(named) or (1,)


def _without_means(table: ParameterTable) -> ParameterTable:
    """Fix the means that only the groups brought in to 0."""
    rows = tuple(
        row._replace(free=False, value=0.0) if row.op == "~1" else row for row in table.parameters
    )
    kept = tuple(tie for tie in table.ties if rows[tie[0]].op != "~1")
    return replace(table, parameters=rows, ties=kept)


def _with_values(table: ParameterTable) -> Model:
    """Give every parameter its value, and build the model of them.

    Raises
    ------
    ModelError
        Naming the parameters without a value, or with more than one.
    """
    rows = tuple(
        row._replace(free=False, value=row.start) if np.isfinite(row.start) else row
        for row in table.parameters
    )
    # Values and equations are solved together, with every row an unknown at first, but those that
    # follow from the others.
    unknown = tuple(
        row if table.follows(row) else row._replace(free=True, value=float("nan")) for row in rows
    )
    names = _names_of_blocks(table)
    open_model = build_model(replace(table, parameters=unknown), _no_sample(table), names)
    own = list(open_model.free_rows)
    values = np.full(len(rows), np.nan)
    values[own] = _solved(
        open_model, np.array([np.nan if rows[k].free else rows[k].value for k in own])
    )
    known = tuple(
        row if table.follows(row) else row._replace(free=False, value=float(value))
        for row, value in zip(rows, values, strict=True)
    )
    _require_restrictions(open_model, values)
    fixed = replace(table, parameters=known, ties=(), sums=(), constraints=())
    return build_model(fixed, _no_sample(table), names)


def _names_of_blocks(table: ParameterTable) -> list[tuple[str, ...]]:
    """Name the observed variables of each block."""
    levels = table.levels
    own = [table.observed] if levels is None else [levels.order(n) for n in NAMES]
    return own * table.n_groups


def _no_sample(table: ParameterTable) -> list[Implied]:
    """Stand in for sample moments, which are read for fixed.x only; a population has none."""
    sizes = map(len, _names_of_blocks(table))
    return [Implied(np.zeros(p), np.eye(p)) for p in sizes]


def _solved(model: Model, given: Array) -> Array:
    """Values of all rows from the given ones (NaN where there is none) and the equations."""
    table, reduction = model.table, model.reduction
    if reduction.basis is None or reduction.offset is None:
        values = given
    else:
        has = np.isfinite(given)
        basis, offset = reduction.basis, reduction.offset
        params = np.linalg.lstsq(basis[has], given[has] - offset[has])[0]
        values = offset + basis @ params
        gap = np.abs(values - given)
        gap[~has] = 0.0
        if gap.max() > ROUNDING:
            worst = int(gap.argmax())
            raise ModelError(
                f'"{table.describe(model.free_rows[worst])}" has the value {given[worst]:g}, but '
                f"the labels and equations of the text ask for another ({values[worst]:g}). Give "
                "tied parameters one value."
            )
        # Undetermined is what can still move when all that is given stays.
        _, sizes, directions = np.linalg.svd(basis[has])
        rank = int((sizes > 1e-9 * max(sizes.max(initial=0.0), 1.0)).sum())
        moving = np.abs(basis @ directions[rank:].T).max(axis=1, initial=0.0) > 1e-9
        values = np.where(moving & ~has, np.nan, values)
    without = [model.free_rows[k] for k in np.flatnonzero(np.isnan(values))]
    lacking = [table.describe(k) for k in without]
    if lacking:
        raise ModelError(
            f"{len(lacking)} parameter{'s have' if len(lacking) > 1 else ' has'} no value: "
            f"{', '.join(lacking)}.\n    Give each a number in the model text, such as "
            f'"{_example(table.parameters[without[0]])}".'
        )
    return values


def _example(row: Parameter) -> str:
    number = "0" if row.op == "~1" else "0.5"
    return f"{row.lhs} {row.op if row.op != '~1' else '~'} {number}*{row.rhs or '1'}"


def _require_restrictions(model: Model, values: Array) -> None:
    """Refuse values that break an inequality or a nonlinear equation of the text."""
    if not model.restrictions:
        return
    gaps, _ = model.restrictions.evaluate("equal", values)
    slack, _ = model.restrictions.evaluate("positive", values)
    if np.abs(gaps).max(initial=0.0) > ROUNDING or slack.min(initial=0.0) < -ROUNDING:
        texts = ", ".join(f'"{c.text.strip()}"' for c in model.table.constraints)
        raise ModelError(f"the values of the text do not keep its constraints: {texts}.")


def _checked(found: Population) -> Population:
    """Refuse moments that no variables have, and name the variables to blame."""
    names, kept = found.names, []
    for k, (label, one) in enumerate(zip(found.groups, found.moments, strict=True)):
        where = f' of group "{label}"' if len(found.groups) > 1 else ""
        levels = [(one.sigma, "")]
        if found.between:
            levels = [(one.sigma, " within clusters"), (found.between[k].sigma, " between them")]
        for sigma, level in levels:
            for reason in _reasons(names, sigma, bool(level)):
                raise ModelError(
                    f"the covariances that the model implies{level}{where} are not positive "
                    f"definite: {reason}"
                )
        kept.append(one._replace(mu=np.zeros(len(names)) if one.mu is None else one.mu))
    for name in found.values:
        for label, cuts in zip(found.groups, found.cuts(name), strict=True):
            if (np.diff(cuts) <= 0).any():
                where = f' in group "{label}"' if len(found.groups) > 1 else ""
                raise ModelError(
                    f'the thresholds of "{name}"{where} do not ascend: '
                    f"{', '.join(f'{value:g}' for value in cuts)}."
                )
    return replace(found, moments=tuple(kept))


def _reasons(names: tuple[str, ...], sigma: Array, of_a_level: bool) -> Iterator[str]:
    """Say what is impossible; at a level variables may lack, and determine each other."""
    variances = np.diag(sigma)
    for name, variance in zip(names, variances, strict=True):
        if variance < 0 or (variance == 0 and not of_a_level):
            yield f'"{name}" has the variance {variance:.3g}. Give it a residual variance.'
    roots = np.sqrt(np.where(variances > 0, variances, 1.0))
    values, vectors = np.linalg.eigh(sigma / np.outer(roots, roots))
    if values[0] < (-SINGULAR if of_a_level else SINGULAR):
        involved = [
            f'"{name}"'
            for name, weight in zip(names, vectors[:, 0], strict=True)
            if abs(weight) > 0.1
        ]
        yield (
            f"{', '.join(involved)} determine each other (smallest eigenvalue of their "
            f"correlations {values[0]:.2g}). Give them residual variances, or correlations nearer "
            "to 0."
        )


def sizes_of(population: Population, n: int | Mapping[object, int]) -> tuple[int, ...]:
    """Rows of each group: the same number in each, or one per group by name."""
    if isinstance(n, Mapping):
        if set(n) != set(population.groups):
            raise OptionError(
                f"n names the groups {', '.join(map(str, n))}, but the model has "
                f"{', '.join(map(str, population.groups))}."
            )
        return tuple(n[label] for label in population.groups)
    return (n,) * len(population.groups)
