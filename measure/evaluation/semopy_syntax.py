"""A parameter table written in semopy's syntax, or why it cannot be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import chain

import numpy as np
import pandas as pd

from measure.fitting.fitted import Fit
from measure.specification.expressions import Name
from measure.specification.syntax import Constraint
from measure.specification.table import Parameter, ParameterTable

OBJECTIVES: Mapping[str, str] = {
    **dict.fromkeys(("ML", "MLF", "MLM", "MLMV", "MLMVS", "MLR"), "MLW"),
    "GLS": "GLS",
    "ULS": "ULS",
}
"""semopy's fit function for each estimator; the robust variants of ML have its estimates."""

# A start for the loadings of a factor without a fixed one, in standardised size. semopy regresses
# on the item with the fixed loading, and where there is none it never ends.
TYPICAL_LOADING = 0.7


@dataclass(frozen=True, eq=False)
class Translation:
    """A model in semopy's words.

    Attributes
    ----------
    text, baseline
        The model, and the independence model of its items.
    names
        semopy's name of each variable. Names of its own (`v1`, `f1`) avoid its reserved words and
        the letters that its grammar does not know.
    turnable
        Factors without a fixed loading, whose side is arbitrary; lower ones first.
    starts
        Starting values by parameter. They are no part of `text`, since semopy 2.3.11 reads its
        own `start` statement with a negative number as another one, and `START()` as words.
    """

    table: ParameterTable
    text: str
    baseline: str
    names: Mapping[str, str]
    turnable: tuple[str, ...]
    starts: Mapping[str, float]

    @property
    def quantities(self) -> dict[tuple[str, str, str], str]:
        """What is compared, by (lhs, op, rhs): loadings, regressions, factor correlations.

        Correlations are those of factors that nothing explains; of the others, the covariance
        is a residual's, which semopy standardises by another variance. One that is fixed to 0 is
        no finding of either program.
        """
        explained = _indicators(self.table) | {r.lhs for r in self.table.parameters if r.op == "~"}
        free_factors = set(self.table.latent) - explained
        found: dict[tuple[str, str, str], str] = {}
        for row in self.table.parameters:
            pair = {row.lhs, row.rhs}
            if row.op in _DIRECTED:
                found[row.lhs, row.op, row.rhs] = _DIRECTED[row.op]
            elif row.op == "~~" and len(pair) == 2 and pair <= free_factors and _counts(row):
                found[row.lhs, row.op, row.rhs] = "factor correlation"
        return found


_DIRECTED = {"=~": "loading", "~": "regression"}


def refusal(fit: Fit) -> str:
    """Say why semopy cannot give a second opinion on a fit; empty where it can."""
    reasons = chain(_about_the_fit(fit), _about_the_table(fit.model.table))
    return next(reasons, "")


def _about_the_fit(fit: Fit) -> Iterator[str]:
    if fit.moments.ordinal is not None:
        yield "the model has ordered items, which semopy would take for numbers."
    if fit.n_groups > 1:
        yield f"semopy is asked for one group; this fit has {fit.n_groups}."
    if fit.estimator not in OBJECTIVES:
        yield f"the estimator {fit.estimator} has no counterpart in semopy."
    if fit.missing != "listwise":
        yield (
            f'missing="{fit.missing}" uses incomplete rows, and what semopy computes from those '
            "is known to be wrong."
        )
    if OBJECTIVES.get(fit.estimator) == "MLW" and fit.options.likelihood != "normal":
        yield f'semopy divides by N; likelihood="{fit.options.likelihood}" does not.'
    rows = fit.parameters
    variance = rows[(rows["op"] == "~~") & (rows["lhs"] == rows["rhs"])]
    negative = variance.loc[variance["est"] < 0, "lhs"].tolist()
    if negative:
        yield (
            f"the variance of {', '.join(negative)} is negative in this fit, and semopy keeps "
            "variances at zero or above."
        )


def _about_the_table(table: ParameterTable) -> Iterator[str]:
    rows = table.parameters
    if table.exploratory:
        yield "the model has exploratory blocks, which semopy does not rotate."
    foreign = sorted({row.op for row in rows} - {"=~", "~", "~~", "~1"})
    if foreign:
        yield f"the model has parameters ({' '.join(foreign)}) for items answered in categories."
    if any(row.level != 1 for row in rows):
        yield "the model has two levels."
    structured = [row for row in rows if row.op == "~1" and not _is_saturated(row, table)]
    if structured or _ties_a_mean(table):
        name = str(structured[0]) if structured else "a tied intercept"
        yield f'the model restricts the means ("{name}"), and semopy is asked for covariances only.'
    if table.sums:
        yield "effect coding ties loadings by their sum."
    general = [one.text.strip() for one in table.constraints if _same_label(one) is None]
    if general:
        yield f'the constraint "{general[0]}" says more than that two parameters are equal.'
    yield from _about_the_variables(table)


def _about_the_variables(table: ParameterTable) -> Iterator[str]:
    rows = table.parameters
    connected = {name for row in rows if row.op in ("=~", "~") for name in (row.lhs, row.rhs)}
    alone = [name for name in table.observed if name not in connected]
    if alone:
        yield f"{', '.join(alone)} stands in covariances only, which semopy does not know."
    predictors = {row.rhs for row in rows if row.op == "~"}
    explained = {row.lhs for row in rows if row.op == "~"} | _indicators(table)
    outside = predictors - explained - set(table.latent)
    if table.fixed_x and outside - set(table.fixed_x):
        yield "some predictors have sample moments and others are estimated."
    # semopy holds these residuals beside the others, where no path passes them on.
    ends = _indicators(table) - predictors - set(table.latent)
    mixed = [
        row
        for row in rows
        if row.op == "~~" and (row.lhs in ends) != (row.rhs in ends) and _counts(row)
    ]
    if mixed:
        yield (
            f'"{mixed[0]}" joins the residual of an item with a variable of the structural part, '
            "which semopy places otherwise."
        )


def _indicators(table: ParameterTable) -> set[str]:
    return {row.rhs for row in table.parameters if row.op == "=~"}


def _counts(row: Parameter) -> bool:
    """Whether a row is anything but fixed to 0."""
    return row.free or row.exogenous or row.value != 0


def _is_saturated(row: Parameter, table: ParameterTable) -> bool:
    """Whether an intercept is free and a factor's mean 0, so that all sample means are met."""
    if row.lhs in table.latent:
        return not row.free and row.value == 0
    return row.free or row.exogenous


def _ties_a_mean(table: ParameterTable) -> bool:
    rows = table.parameters
    return any(rows[index].op == "~1" for pair in table.ties for index in pair)


def _same_label(constraint: Constraint) -> tuple[str, str] | None:
    """Give the two labels that a constraint sets equal, or None where it says anything else."""
    left, right = constraint.lhs, constraint.rhs
    if constraint.op == "==" and isinstance(left, Name) and isinstance(right, Name):
        return left.name, right.name
    return None


def translate(table: ParameterTable, complete: pd.DataFrame) -> Translation:
    """Write a parameter table, which `refusal` has passed, in semopy's syntax.

    Parameters
    ----------
    table
        The model.
    complete
        Answers to its items, (n_obs, n_items), from which loadings without a fixed one in their
        factor get a start.

    Notes
    -----
    Every free parameter is named, since semopy otherwise fixes the first loading of a factor. The
    moments of predictors that a fit takes from the sample are free here: the fit is the same, but
    semopy would count them as known when it counts degrees of freedom.
    """
    names = {name: f"v{k}" for k, name in enumerate(table.observed)}
    names |= {name: f"f{k}" for k, name in enumerate(table.latent)}
    written = _written_values(table)
    lines = [
        f"{names[row.lhs]} {row.op} {written[index]}*{names[row.rhs]}"
        for index, row in enumerate(table.parameters)
        # Left out, a covariance is 0 for semopy too, but a variance is free.
        if row.op in _DIRECTED or (row.op == "~~" and (row.lhs == row.rhs or _counts(row)))
    ]
    unscaled = _unscaled(table)
    starts = {written[index]: value for index, value in _starts(table, complete, set(unscaled))}
    baseline = [f"FORCE(endo) {' '.join(names[name] for name in table.observed)}"]
    baseline += [
        f"{names[row.lhs]} ~~ p{index}*{names[row.rhs]}"
        for index, row in enumerate(table.parameters)
        if row.op == "~~" and row.lhs != row.rhs and {row.lhs, row.rhs} <= set(table.exogenous)
    ]
    return Translation(table, "\n".join(lines), "\n".join(baseline), names, unscaled, starts)


def _written_values(table: ParameterTable) -> list[str]:
    """Give each row's number, or the name of its parameter; tied rows share it."""
    rows = table.parameters
    leader = list(range(len(rows)))

    def find(index: int) -> int:
        while leader[index] != index:
            index = leader[index]
        return index

    labelled = {row.label: index for index, row in enumerate(rows) if row.label}
    equal = [pair for one in table.constraints if (pair := _same_label(one)) is not None]
    ties = [*table.ties, *((labelled[first], labelled[second]) for first, second in equal)]
    for first, second in ties:
        leader[find(second)] = find(first)
    # One that is fixed fixes all that are tied to it.
    fixed = {
        find(index): row.value
        for index, row in enumerate(rows)
        if not row.free and not row.exogenous
    }
    return [
        _number(fixed[root]) if (root := find(index)) in fixed else f"p{root}"
        for index in range(len(rows))
    ]


def _number(value: float) -> str:
    """Write a number without an exponent, whose sign semopy's grammar takes for a sum."""
    return str(np.format_float_positional(value, trim="0"))


def _unscaled(table: ParameterTable) -> tuple[str, ...]:
    """Give the factors without a fixed loading, those measured by items before those above."""
    fixed = {row.lhs for row in table.parameters if row.op == "=~" and not row.free and row.value}
    latent = set(table.latent)
    above: dict[str, set[str]] = {name: set() for name in table.latent}
    for row in table.parameters:
        if row.op == "=~" and row.rhs in latent:
            above[row.lhs].add(row.rhs)
    ordered = TopologicalSorter(above).static_order()
    return tuple(name for name in ordered if name not in fixed)


def _starts(
    table: ParameterTable, complete: pd.DataFrame, unscaled: set[str]
) -> Iterator[tuple[int, float]]:
    """Give the starts of the text, and of loadings where semopy has no item to go by."""
    first: dict[str, str] = {}
    for index, row in enumerate(table.parameters):
        if not row.free:
            continue
        if not np.isnan(row.start):
            yield index, row.start
        elif row.op == "=~" and row.lhs in unscaled:
            if row.rhs in table.latent:
                yield index, TYPICAL_LOADING
                continue
            # A reversed item starts on its own side.
            reference = first.setdefault(row.lhs, row.rhs)
            together = np.corrcoef(complete[reference], complete[row.rhs])[0, 1]
            side = -1.0 if together < 0 else 1.0
            yield index, side * TYPICAL_LOADING * float(complete[row.rhs].std(ddof=0))
