"""Moments and parameters counted by hand: a second opinion on a fit's degrees of freedom.

The count walks through the rows of the parameter table and knows nothing of matrices, of the
search's parameters or of the engine's own arithmetic: moments less free parameters, plus one for
each equation that ties them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.display import render_html, render_text
from measure.fitting.fitted import Fit
from measure.specification.definitions import Names
from measure.specification.levels import BETWEEN, WITHIN
from measure.specification.table import Parameter, ParameterTable

Array = NDArray[np.float64]

KINDS = (
    "loadings",
    "regressions",
    "factor variances",
    "factor covariances",
    "residual variances",
    "residual covariances",
    "intercepts",
    "factor means",
    "thresholds",
    "scaling factors",
    "auxiliary",
)


@dataclass(frozen=True, eq=False, repr=False)
class ModelCard:
    """What a model explains, and by how much.

    Attributes
    ----------
    moments
        One row a group (and level): `group observed thresholds means variances covariances given
        moments`; `given` are the moments of fixed.x, which are taken from the sample and do not
        count in `moments`. Ordered items have thresholds in place of a mean and a variance.
    parameters
        One row a group (and level): `group`, the free parameters by kind, and `free`, their sum.
    n_moments, n_free
        Totals over groups, before constraints.
    equalities_within, equalities_across
        Independent equations among the parameters of a group, and those that tie groups.
    rotation
        Equations that the rotation of exploratory blocks takes for granted: with k factors that may
        correlate k(k - 1) a block, with uncorrelated ones k(k - 1)/2.
    df_predicted, df
        Degrees of freedom by this count, and those that the fit used.
    notes
        What a reader has to know.
    """

    moments: pd.DataFrame
    parameters: pd.DataFrame
    n_moments: int
    n_free: int
    equalities_within: int
    equalities_across: int
    rotation: int
    df_predicted: int
    df: int
    notes: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether both counts give the same degrees of freedom."""
        return self.df_predicted == self.df

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "moments": self.n_moments,
            "free parameters": self.n_free,
            "equalities within groups": self.equalities_within,
            "equalities across groups": self.equalities_across,
            **({"equations of the rotation": self.rotation} if self.rotation else {}),
            "df predicted": self.df_predicted,
            "df of the fit": self.df,
            "agree": self.agrees,
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        return "Model card", facts, {"Moments": self.moments, "Parameters": self.parameters}

    def __repr__(self) -> str:
        """Counts as text."""
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def model_card(fit: Fit) -> ModelCard:
    """Count the moments and parameters of a fit, block by block, independently of the fit.

    The df are p(p + 1)/2 covariances and, with a mean structure, p means a group, less those of the
    k predictors of fixed.x among themselves, less the free parameters, plus the independent
    equations among these: shared labels, `equal()`, `group_equal`, effect coding and `==` (Bollen
    1989, p. 93; with constraints, p. 265). Two levels have covariances each, and a variable at both
    has one mean. Inequalities take no df. An ordered item with c
    categories has c - 1 thresholds in place of its mean and its variance (Muthen 1984).

    Parameters
    ----------
    fit
        A fitted model.

    Returns
    -------
    ModelCard
    """
    table = fit.model.table
    labels = table.groups.labels
    places = [(g, n) for g in range(1, len(labels) + 1) for n in range(1, table.n_levels + 1)]
    moments = pd.DataFrame([_moments(table, place) for place in places])
    parameters = pd.DataFrame([_parameters(table, place) for place in places])
    within, across = _equalities(fit)
    turned = _rotation(table) if fit.exploration is not None else 0
    n_moments, n_free = int(moments["moments"].sum()), int(parameters["free"].sum())
    return ModelCard(
        moments,
        parameters,
        n_moments,
        n_free,
        within,
        across,
        turned,
        n_moments - n_free + within + across + turned,
        int(fit.fit_measures["df"]),
        _notes(table),
    )


def _where(table: ParameterTable, place: tuple[int, int]) -> dict[str, object]:
    """Group, and with two levels the level, that a row of counts is about."""
    group, level = place
    label = {"group": table.groups.labels[group - 1]}
    return label if table.levels is None else {**label, "level": level}


def _moments(table: ParameterTable, place: tuple[int, int]) -> dict[str, object]:
    here = table.at_level(place[1])
    p, k = len(here.observed), len(here.fixed_x)
    # The mean of a variable at both levels is one of those between clusters.
    elsewhere = table.levels.both if table.levels is not None and place[1] == WITHIN else set()
    categories = {} if table.ordered is None else table.ordered.n_thresholds
    cut = {name: n for name, n in categories.items() if name in here.observed}
    continuous = p - len(cut)
    thresholds = sum(n for name, n in cut.items() if name not in elsewhere)
    if table.ordered is not None and table.levels is not None:
        elsewhere = set()
    means = continuous - len(elsewhere) if table.meanstructure else 0
    covariances = sum(range(p))
    # The unit of a response is set within clusters, so that it has a variance between them.
    variances = p if place[1] == BETWEEN else continuous
    given_means = len(set(here.fixed_x) - elsewhere) if table.meanstructure else 0
    given = sum(range(k + 1)) + given_means
    return {
        **_where(table, place),
        "observed": p,
        "thresholds": thresholds,
        "means": means,
        "variances": variances,
        "covariances": covariances,
        "given": given,
        "moments": thresholds + means + variances + covariances - given,
    }


def _parameters(table: ParameterTable, place: tuple[int, int]) -> dict[str, object]:
    counts = dict.fromkeys(KINDS, 0)
    for row in table.parameters:
        if (row.group, row.level) == place and row.free:
            counts[_kind(table, row)] += 1
    return {**_where(table, place), **counts, "free": sum(counts.values())}


def _kind(table: ParameterTable, row: Parameter) -> str:
    if {row.lhs, row.rhs} & set(table.auxiliary):
        return "auxiliary"
    if row.op in ("=~", "~"):
        return "loadings" if row.op == "=~" else "regressions"
    if row.op in ("|", "~*~"):
        return "thresholds" if row.op == "|" else "scaling factors"
    latent = row.lhs in table.latent
    if row.op == "~1":
        return "factor means" if latent else "intercepts"
    # A factor that something explains has a residual, as an item has.
    latent = latent and not _explained(table, row)
    alone = row.lhs == row.rhs
    if latent:
        return "factor variances" if alone else "factor covariances"
    return "residual variances" if alone else "residual covariances"


def _explained(table: ParameterTable, variance: Parameter) -> bool:
    """Whether something explains the variable that a row is the variance of."""
    name, block = variance.lhs, table.block_of(variance)
    return any(
        table.block_of(row) == block
        and ((row.op == "=~" and row.rhs == name) or (row.op == "~" and row.lhs == name))
        for row in table.parameters
    )


def _equalities(fit: Fit) -> tuple[int, int]:
    """Independent equations within groups, and those that are needed beyond them.

    Each equation is a row of derivatives over the table's free rows; the rank counts an equation
    that follows from others once.
    """
    table = fit.model.table
    rows = table.parameters
    free = [index for index, row in enumerate(rows) if row.free]
    equations: list[Array] = []
    for pair in table.ties:
        equation = np.zeros(len(rows))
        equation[list(pair)] = 1.0, -1.0
        equations.append(equation)
    for summed, _ in table.sums:
        equation = np.zeros(len(rows))
        equation[list(summed)] = 1.0
        equations.append(equation)
    names = Names(table, fit.model.row_values(fit.params))
    for constraint in table.constraints:
        if constraint.op == "==":
            left, right = names.evaluate(constraint.lhs), names.evaluate(constraint.rhs)
            equations.append(left[1] - right[1])
    if not equations:
        return 0, 0
    matrix = np.array(equations)[:, free]
    groups = np.array([rows[index].group for index in free])
    inside = np.array([len(set(groups[equation != 0])) < 2 for equation in matrix])
    within = _rank(matrix[inside])
    return within, _rank(matrix) - within


def _rotation(table: ParameterTable) -> int:
    """Equations of the rotation: a transformation has k² entries, of which k scale the factors."""
    total = 0
    for block in table.exploratory:
        k = len(block.factors)
        pairs = [
            row
            for row in table.parameters
            if row.op == "~~"
            and row.free
            and row.lhs != row.rhs
            and {row.lhs, row.rhs} <= set(block.factors)
        ]
        total += k * (k - 1) // 2 + len(pairs)
    return total


def _rank(matrix: Array) -> int:
    return int(np.linalg.matrix_rank(matrix)) if matrix.size else 0


def _notes(table: ParameterTable) -> tuple[str, ...]:
    if any(constraint.op in ("<", ">") for constraint in table.constraints):
        return (
            "There are inequalities. They take no degrees of freedom, also where an estimate lies "
            "on its bound.",
        )
    return ()
