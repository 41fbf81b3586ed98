"""A two-level model with one of its levels left unrestricted.

Within clusters all covariances are free. So they are between clusters, but where the saturated ones
are singular there: without more ado the likelihood would be largest at covariances that no
variables can have, or nowhere. They are kept positive semi-definite by being written as L L', with
as many columns of L as the saturated covariances have rank (and one more while the likelihood asks
for it), and L lower trapezoidal, which leaves no rotation undetermined.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from measure.moments import Moments
from measure.specification.defaults import NAN
from measure.specification.levels import BETWEEN, WITHIN
from measure.specification.parameters import bounds_of, labels_of
from measure.specification.syntax import Constraint
from measure.specification.table import Parameter, ParameterTable

Array = NDArray[np.float64]

# Eigenvalue of covariances between clusters, as correlations, that counts as none.
SINGULAR = 1e-6


@dataclass(frozen=True)
class Saturated:
    """A table with one level unrestricted.

    Attributes
    ----------
    table
        Rows of the restricted level first, then those of the other.
    values
        Where a search begins: values of the rows of the other level, NaN for those before them.
    notes
        What of the model could not be kept.
    """

    table: ParameterTable
    values: Array
    notes: tuple[str, ...]


def saturate(table: ParameterTable, level: int, moments: Moments) -> Saturated:
    """Free all means and covariances of a level.

    Parameters
    ----------
    table
        Of a two-level model.
    level
        The level that is left unrestricted.
    moments
        Of the sample, whose saturated moments are what a search begins with.
    """
    rows: list[Parameter] = []
    values: list[float] = []
    names = moments.block_names[level - 1]
    for group in range(1, table.n_groups + 1):
        sample = moments.sample[2 * (group - 1) + level - 1]
        assert sample.mu is not None
        for i, j, row in _unrestricted(table, names, group, level):
            rows.append(row)
            values.append(float(sample.mu[i] if row.op == "~1" else sample.sigma[i, j]))
    return _joined(table, level, rows, np.array(values))


def saturate_answers(table: ParameterTable, level: int, moments: Moments) -> Saturated:
    """Free all covariances of a level of ordered items.

    Thresholds and means stay as the model has them, and the residual variances within clusters,
    which follow from the scale.
    """
    names, sample = moments.block_names[level - 1], moments.sample[level - 1]
    place = {name: k for k, name in enumerate(names)}
    rows: list[Parameter] = []
    values: list[float] = []
    for row in table.parameters:
        scale = row.op == "~*~" or (row.op == "~~" and row.lhs == row.rhs and level == WITHIN)
        if row.level == level and row.lhs in place and (scale or row.op in ("|", "~1")):
            rows.append(row)
            values.append(NAN)
    for i, first in enumerate(names):
        for j in range(i if level == BETWEEN else i + 1, len(names)):
            rows.append(
                Parameter(first, "~~", names[j], 1, level, "", True, NAN, NAN, False, False)
            )
            values.append(float(sample.sigma[i, j]))
    return _joined(table, level, rows, np.array(values))


def factored(
    table: ParameterTable, moments: Moments, roots: Sequence[Array], order: Sequence[Array]
) -> Saturated:
    """Write the covariances between clusters as L L', and free all means there.

    Parameters
    ----------
    table, moments
        As for `saturate`.
    roots, order
        Of each group L (p, rank), and the order of the variables in which it is trapezoidal.
    """
    rows: list[Parameter] = []
    values: list[float] = []
    latent: list[str] = []
    names = moments.block_names[BETWEEN - 1]

    def add(lhs: str, op: str, rhs: str, group: int, value: float, *, free: bool = True) -> None:
        fixed = NAN if free else value
        rows.append(Parameter(lhs, op, rhs, group, BETWEEN, "", free, fixed, NAN, False, False))
        values.append(value)

    for group, (root, own) in enumerate(zip(roots, order, strict=True), start=1):
        mean = moments.sample[2 * group - 1].mu
        assert mean is not None
        for k in range(root.shape[1]):
            # No variable of a text has a name with a blank.
            factor = f"root {k + 1}"
            latent.append(factor)
            add(factor, "~~", factor, group, 1.0, free=False)
            for i in own[k:]:
                add(factor, "=~", names[i], group, float(root[i, k]))
        for i, name in enumerate(names):
            add(name, "~1", "", group, float(mean[i]))
    found = _joined(table, BETWEEN, rows, np.array(values))
    factors = tuple(dict.fromkeys((*found.table.latent, *latent)))
    return replace(found, table=replace(found.table, latent=factors))


def _unrestricted(
    table: ParameterTable, names: tuple[str, ...], group: int, level: int
) -> Iterator[tuple[int, int, Parameter]]:
    """Rows of all moments of a block, with the places of the variables."""
    given = set(table.at_level(level).fixed_x)
    assert table.levels is not None
    # Of a variable at two levels the mean stands between clusters.
    elsewhere = table.levels.both if level == WITHIN else frozenset()

    def row(lhs: str, op: str, rhs: str, *, exogenous: bool) -> Parameter:
        free = not exogenous
        return Parameter(lhs, op, rhs, group, level, "", free, NAN, NAN, exogenous, False)

    for j, second in enumerate(names):
        for i in range(j + 1):
            first = names[i]
            yield i, j, row(first, "~~", second, exogenous={first, second} <= given)
        if second in elsewhere:
            yield j, j, row(second, "~1", "", exogenous=False)._replace(free=False, value=0.0)
        else:
            yield j, j, row(second, "~1", "", exogenous=second in given)


def _joined(
    table: ParameterTable, level: int, rows: Sequence[Parameter], values: Array
) -> Saturated:
    """Put rows in the place of those of a level, and drop what tied these to others."""
    kept = [index for index, row in enumerate(table.parameters) if row.level != level]
    place = {index: k for k, index in enumerate(kept)}
    own = [table.parameters[index] for index in kept]
    known = {row.label for row in own if row.label}
    definitions = []
    for one in table.definitions:
        if known.issuperset(labels_of(one)):
            definitions.append(one)
            known.add(str(one.lhs))
    asked = [c for c in table.constraints if not any(n.startswith("row ") for n in labels_of(c))]
    constraints = [c for c in asked if known.issuperset(labels_of(c))]
    ties = [tie for tie in table.ties if set(tie) <= set(kept)]
    # A tie between rows of the saturated level says nothing any more, one across levels is lost.
    lost = [
        str(table.parameters[first])
        for first, second in table.ties
        if (first in place) != (second in place)
    ]
    lost += [c.text.strip() for c in asked if c not in constraints and _concerns(c, own)]
    notes = [
        "Left out, as the other level is saturated: equality across levels of "
        f"{', '.join(dict.fromkeys(lost))}."
    ]
    sums = [
        (tuple(place[k] for k in summed), total)
        for summed, total in table.sums
        if set(summed) <= set(kept)
    ]
    joined = replace(
        table,
        parameters=(*own, *rows),
        groups=replace(table.groups, equal=(), partial=()),
        ties=tuple((place[first], place[second]) for first, second in ties),
        sums=tuple(sums),
        constraints=(*constraints, *bounds_of(own)),
        definitions=tuple(definitions),
    )
    return Saturated(
        joined, np.append(np.full(len(own), NAN), values), tuple(notes if lost else ())
    )


def _concerns(constraint: Constraint, rows: list[Parameter]) -> bool:
    """Whether a constraint names a parameter among these rows."""
    return not {row.label for row in rows if row.label}.isdisjoint(labels_of(constraint))


def is_singular(sigma: Array) -> bool:
    """Whether a covariance matrix has a direction without variance."""
    sd = np.sqrt(np.maximum(np.diag(sigma), np.finfo(float).tiny))
    return bool(np.linalg.eigvalsh(sigma / np.outer(sd, sd))[0] < SINGULAR)


def trapezoidal_root(sigma: Array) -> tuple[Array, NDArray[np.intp]]:
    """Give L (p, rank) with L L' = sigma, and the order of the rows in which it is trapezoidal.

    Pivoted Cholesky decomposition (Golub & Van Loan 2013, section 4.2.8).
    """
    left, order, columns = sigma.copy(), list(range(len(sigma))), []
    scale = np.maximum(np.diag(sigma), np.finfo(float).tiny)
    for k in range(len(sigma)):
        rest = order[k:]
        best = k + int(np.argmax(np.diag(left)[rest] / scale[rest]))
        order[k], order[best] = order[best], order[k]
        pivot = left[order[k], order[k]]
        if pivot / scale[order[k]] < SINGULAR:
            break
        column = np.zeros(len(sigma))
        column[order[k:]] = left[order[k:], order[k]] / np.sqrt(pivot)
        columns.append(column)
        left = left - np.outer(column, column)
    root = np.array(columns).T if columns else np.zeros((len(sigma), 0))
    return root, np.array(order, dtype=np.intp)
