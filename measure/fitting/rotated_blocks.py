"""Fit exploratory blocks: estimate them in one position, then turn them to the rotated one.

The search needs a model that the data determine, so that each block begins in echelon form with
uncorrelated factors: the first item of an order loads on the first factor only, the second on the
first two, and so on. Any position is as good; the order follows from an exploratory solution of the
sample correlations, so that no factor rests on an item that hardly loads. Rotated loadings are then
free parameters, kept in place by the equations of the rotation (`rotation_equations`) among the
`constraints.Restrictions` of the model, which gives them their standard errors (Jennrich 1974;
Asparouhov & Muthén 2009).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from measure.errors import OptionError
from measure.fitting.problem import Problem
from measure.model import Implied, Model
from measure.rotating.extraction import extract
from measure.rotating.rotation import Rotated, oriented, rotate
from measure.rotating.rotation_equations import Criteria, equations, lengths
from measure.specification.exploratory_blocks import ExploratoryBlock
from measure.specification.rotation_plan import RotationPlan
from measure.specification.table import Parameter, ParameterTable

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

START_SEED = 1973


@dataclass(frozen=True, eq=False)
class RotatedBlock:
    """Rows of the parameter table that a rotation ties together.

    Attributes
    ----------
    block
        The factors and items.
    loadings
        Row of each loading, (n_items, n_factors).
    phi
        Row of the covariance of each pair of factors, (n_factors, n_factors); -1 on the diagonal.
    residuals
        Row of each residual variance, (n_items,).
    how
        How they are rotated.
    """

    block: ExploratoryBlock
    loadings: Indices
    phi: Indices
    residuals: Indices
    how: Criteria

    @property
    def n_equations(self) -> int:
        """Number of equations that the rotation imposes."""
        k = len(self.block.factors)
        return k * (k - 1) if self.how.oblique else k * (k - 1) // 2

    @property
    def names(self) -> tuple[str, ...]:
        """What each equation is called in a message."""
        return (f'rotation of block "{self.block.name}"',) * self.n_equations

    def matrices(self, values: Array) -> tuple[Array, Array, Array]:
        """Give loadings, factor correlations and residual variances from the values of all rows."""
        phi = np.where(self.phi < 0, 1.0, values[self.phi])
        return values[self.loadings], phi, values[self.residuals]

    def evaluate(self, values: Array) -> tuple[Array, Array]:
        """Give the equations (m,) and their derivatives (m, n_rows) at the values of all rows."""
        found = equations(*self.matrices(values), self.how)
        slopes = np.zeros((len(found.values), len(values)))
        slopes[:, self.loadings.ravel()] = found.loadings.reshape(len(slopes), -1)
        first, second = np.triu_indices(len(self.phi), 1)
        slopes[:, self.phi[first, second]] = found.phi[:, first, second]
        slopes[:, self.residuals] += found.residuals
        return found.values, slopes


@dataclass(frozen=True, eq=False)
class Turned:
    """How a block was rotated.

    Attributes
    ----------
    block
        Its factors and items.
    transformation
        T with rotated loadings = unrotated (T')^-1.
    value, share_at_best
        Value of the criterion, and the share of the random starts that reached it.
    converged
        Whether the gradient vanished.
    """

    block: ExploratoryBlock
    transformation: Array
    value: float
    share_at_best: float
    converged: bool


@dataclass(frozen=True, eq=False)
class Exploration:
    """What stands behind the rotated blocks of a fit.

    Attributes
    ----------
    plan
        How the blocks were to be rotated.
    turned
        How each was.
    problem, params
        The model in the position that the search began in, and its estimates.
    """

    plan: RotationPlan
    turned: tuple[Turned, ...]
    problem: Problem
    params: Array

    @property
    def facts(self) -> dict[str, object]:
        """What a report says of the rotation."""
        shown: dict[str, object] = {"rotation": self.plan.rotation}
        for own in self.plan.arguments.values():
            plain = {name: value for name, value in own.items() if not np.ndim(value)}
            shown |= {f"rotation, {name}": value for name, value in plain.items()}
        shown["rotation, items standardised"] = self.plan.standardized
        for one in self.turned:
            shown[f'share of starts at the best value, block "{one.block.name}"'] = (
                one.share_at_best
            )
        return shown

    @property
    def notes(self) -> list[str]:
        """What a reader has to know about the rotation."""
        found = []
        for one in self.turned:
            if not one.converged:
                found.append(
                    f'The rotation of block "{one.block.name}" stopped before its gradient '
                    "vanished: its standard errors may mislead."
                )
            if one.share_at_best < 0.5:
                found.append(
                    f"Only {one.share_at_best:.0%} of the random starts reached the best value of "
                    f'the rotation criterion of block "{one.block.name}": it has several local '
                    "minima."
                )
        return found


def unrotated(
    table: ParameterTable, sample: Implied, names: Sequence[str], *, pivot: bool = True
) -> ParameterTable:
    """Give the same table with every exploratory block in echelon form, its factors uncorrelated.

    Parameters
    ----------
    table
        The table of the rotated model.
    sample, names
        Sample moments of the only group, and their variables, in order.
    pivot
        Whether the items that fix the position are chosen by the data; else they are the first.
    """
    rows = list(table.parameters)
    place = {(row.lhs, row.op, row.rhs): index for index, row in enumerate(rows)}
    for block in table.exploratory:
        own = [list(names).index(item) for item in block.items]
        sd = np.sqrt(np.diag(sample.sigma)[own])
        A = _extracted(sample.sigma[np.ix_(own, own)] / np.outer(sd, sd), len(block.factors))
        order = _pivots(A) if pivot else np.arange(len(A))
        A = _echelon(A, order)
        for j, factor in enumerate(block.factors):
            for i, item in enumerate(block.items):
                index = place[factor, "=~", item]
                if i in order[:j]:
                    rows[index] = rows[index]._replace(free=False, value=0.0)
                else:
                    rows[index] = rows[index]._replace(start=float(A[i, j] * sd[i]))
            for other in block.factors[j + 1 :]:
                index = _between(place, factor, other)
                rows[index] = rows[index]._replace(free=False, value=0.0)
    return replace(table, parameters=tuple(rows))


def _between(place: Mapping[tuple[str, str, str], int], one: str, other: str) -> int:
    """Row of the covariance of two factors, whichever is named first."""
    key = (one, "~~", other)
    return place[key] if key in place else place[other, "~~", one]


def _extracted(R: Array, n_factors: int) -> Array:
    """Unrotated loadings of a correlation matrix, a ridge added where it is not definite."""
    smallest = float(np.linalg.eigvalsh(R)[0])
    if smallest < 1e-6:
        R = (R + (1e-6 - smallest) * np.eye(len(R))) / (1 + 1e-6 - smallest)
    return extract(R, n_factors, "minres").loadings


def _pivots(A: Array) -> Indices:
    """Order of the items such that the first of them span the factors best."""
    from scipy.linalg import qr

    return np.asarray(qr(A.T, pivoting=True, mode="economic")[2], dtype=np.intp)


def _echelon(A: Array, order: Indices) -> Array:
    """Turn loadings so that the first items of an order have zeros above the diagonal."""
    k = A.shape[1]
    Q, R = np.linalg.qr(A[order[:k]].T)
    return np.asarray(A @ (Q * np.where(np.diag(R) < 0, -1.0, 1.0)))


def blocks_of(table: ParameterTable, plan: RotationPlan) -> tuple[RotatedBlock, ...]:
    """Find the rows of each block that a rotation ties together."""
    place = {(row.lhs, row.op, row.rhs): index for index, row in enumerate(table.parameters)}
    found = []
    for block in table.exploratory:
        if not block.is_rotated:
            continue
        k = len(block.factors)
        phi = np.full((k, k), -1, dtype=np.intp)
        for i, j in zip(*np.triu_indices(k, 1), strict=True):
            phi[i, j] = phi[j, i] = _between(place, block.factors[i], block.factors[j])
        found.append(
            RotatedBlock(
                block,
                np.array([[place[f, "=~", x] for f in block.factors] for x in block.items]),
                phi,
                np.array([place[x, "~~", x] for x in block.items]),
                _of_answers(table, block, plan.how(block)),
            )
        )
    return tuple(found)


def _of_answers(table: ParameterTable, block: ExploratoryBlock, how: Criteria) -> Criteria:
    """Leave out what latent responses need not be divided by: their variance is 1 already."""
    ordered = table.ordered
    if ordered is None or ordered.parameterization == "theta":
        return how
    if any(item not in ordered.n_thresholds for item in block.items):
        if not how.standardized:
            return how
        raise OptionError(
            f'the exploratory block "{block.name}" has ordered and continuous items, which can be '
            'rotated as they are, rotation_args={"std.ov": False}, or standardised with '
            'parameterization="theta".'
        )
    return replace(how, standardized=False)


def turn(problem: Problem, params: Array, table: ParameterTable, plan: RotationPlan) -> Exploration:
    """Rotate every block of a model that was estimated in echelon form."""
    rng = np.random.default_rng(START_SEED if plan.seed is None else plan.seed)
    values = problem.model.table_values(params, problem.model.states(params))
    turned = []
    for own in blocks_of(table, plan):
        L, phi, residuals = own.matrices(values)
        size = lengths(L, phi, residuals, replace(own.how, kaiser=False))
        unit, arguments = size[:, None], plan.arguments[own.block.name]
        found = rotate(L / unit, plan.rotation, arguments, n_starts=plan.n_starts, rng=rng)
        found = oriented(found, plan.rotation, arguments, order="index", unit=unit)
        turned.append(_turned(own.block, found))
    return Exploration(plan, tuple(turned), problem, params)


def _turned(block: ExploratoryBlock, found: Rotated) -> Turned:
    return Turned(block, found.transformation, found.value, found.share_at_best, found.converged)


def rotated(exploration: Exploration, model: Model) -> tuple[Problem, Array]:
    """Give the problem of the rotated model and its estimates.

    Parameters
    ----------
    exploration
        The model in echelon form, and how each block is turned.
    model
        The model of the rotated table, without the equations of the rotation.
    """
    blocks = blocks_of(model.table, exploration.plan)
    restricted = replace(model, restrictions=replace(model.restrictions, rotated=blocks))
    old = exploration.problem
    values = old.model.table_values(exploration.params, old.model.states(exploration.params))
    for own, turned in zip(blocks, exploration.turned, strict=True):
        values = moved(model.table.parameters, values, own, turned.transformation)
    elements = values[list(model.free_rows)]
    params = elements[list(model.reduction.kept)]
    return Problem(restricted, old.moments, old.discrepancy), params


def moved(
    rows: Sequence[Parameter], values: Array, own: RotatedBlock, transformation: Array
) -> Array:
    """Turn the factors of one block: eta becomes T'eta."""
    values, T = values.copy(), transformation
    L, _, _ = own.matrices(values)
    values[own.loadings] = np.linalg.solve(T, L.T).T
    phi = T.T @ T
    first, second = np.triu_indices(len(phi), 1)
    values[own.phi[first, second]] = phi[first, second]
    # Covariances with what stands outside the block.
    outside: dict[str, dict[int, int]] = {}
    factors = own.block.factors
    for index, row in enumerate(rows):
        inside = [name in factors for name in (row.lhs, row.rhs)]
        if row.op == "~~" and sum(inside) == 1:
            factor, other = (row.lhs, row.rhs) if inside[0] else (row.rhs, row.lhs)
            outside.setdefault(other, {})[factors.index(factor)] = index
    for covariances in outside.values():
        places = [covariances[j] for j in range(len(factors))]
        values[places] = T.T @ values[places]
    return values
