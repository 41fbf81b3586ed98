"""The latent variables of a population: how they correlate, and where their variance lies."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyses.errors import AnalysisError
from instruments.population import PLACES, Population, Shares
from instruments.schema import Instrument

Array = NDArray[np.float64]

PERSON_ONLY = Shares(organisation=0.0, unit=0.0, group=0.0)


@dataclass(frozen=True, eq=False)
class Structure:
    """The latent variables of a population.

    Attributes
    ----------
    names
        Functions and conditions by the id of their scale, then background columns that are latent
        variables cut into categories.
    correlations
        (n, n), the same within every place.
    shares
        (4, n): which share of the variance lies in each of `PLACES`.
    functions
        Scale of a function → its level and function.
    common
        (n, n_levels): correlations with the common factor of each level, within a place.
    levels
        The levels, in the order of `common`.
    """

    names: tuple[str, ...]
    correlations: Array
    shares: Array
    functions: dict[str, tuple[str, str]]
    common: Array
    levels: tuple[str, ...]

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each latent variable stands."""
        return {name: k for k, name in enumerate(self.names)}

    @cached_property
    def root(self) -> Array:
        """A root of the correlations (lower triangle)."""
        return np.asarray(np.linalg.cholesky(self.correlations), dtype=float)

    @cached_property
    def pooled(self) -> Array:
        """Correlations over all persons, the places taken together.

        Within a place variables correlate as `correlations` say, and the places are independent.
        Two variables whose variance lies in different places therefore correlate less over all.
        """
        roots = np.sqrt(self.shares)
        return np.asarray(self.correlations * (roots.T @ roots))

    @cached_property
    def pooled_common(self) -> Array:
        """(n, n_levels): `common` over all persons.

        The variance of a level's common factor lies where that of its functions does.
        """
        roots = np.sqrt(self.shares)
        own = np.column_stack(
            [roots[:, self.place[self.of_level(name)[0]]] for name in self.levels]
        )
        return np.asarray(self.common * (roots.T @ own))

    def of_level(self, level: str) -> list[str]:
        """Give the scales of the functions of a level."""
        return [name for name, (own, _) in self.functions.items() if own == level]


def structure(instrument: Instrument, population: Population) -> Structure:
    """Work out the latent variables of a population.

    Functions f and g correlate as the product of their loadings on the common factor, and one of
    them at two levels as the levels do. A condition is what the common factors of the levels say
    of it (regression on them), and a rest; the rests correlate through one factor and by pairs.

    Raises
    ------
    AnalysisError
        Where no variables correlate in the way that the population states.
    """
    levels = tuple(level.id for level in population.levels)
    between = _between_levels(population)
    _positive(between, levels, population, "levels")
    functions = _functions(instrument, population)
    conditions = _conditions(population)
    gamma = {one.id: one.loading for one in population.functions}
    loadings = np.array([gamma[function] for _, function in functions.values()])
    level_of = [levels.index(level) for level, _ in functions.values()]
    kinds = np.array([function for _, function in functions.values()])
    # Functions with functions, then with conditions, then conditions with conditions.
    same = kinds[:, None] == kinds[None, :]
    among = np.where(same, 1.0, np.outer(loadings, loadings)) * between[np.ix_(level_of, level_of)]
    network = np.array([[one.network[level] for level in levels] for one in conditions])
    network = network.reshape(len(conditions), len(levels))
    across = loadings[:, None] * network[:, level_of].T
    rest = _among_conditions(conditions, network, between, population)
    found = np.block([[among, across], [across.T, rest]])
    names = (*functions, *(one.name for one in conditions))
    _positive(found, names, population, "network")
    shares = {level.id: level.shares for level in population.levels}
    own = [shares[level] for level, _ in functions.values()] + [one.shares for one in conditions]
    return Structure(
        names=names,
        correlations=found,
        shares=np.array([[getattr(one, place) for one in own] for place in PLACES]),
        functions=functions,
        common=np.vstack([loadings[:, None] * between[level_of], network]),
        levels=levels,
    )


class _Condition(NamedTuple):
    """A latent variable that is no function."""

    name: str
    network: Mapping[str, float]
    climate: float
    shares: Shares


def _functions(instrument: Instrument, population: Population) -> dict[str, tuple[str, str]]:
    found = {}
    for scale in population.scales:
        first = instrument.item(instrument.scale(scale.id).items[0])
        if first.function is not None and first.level is not None:
            found[scale.id] = (first.level, first.function)
    return found


def _conditions(population: Population) -> list[_Condition]:
    found = [
        _Condition(scale.id, scale.network, scale.climate, scale.shares)
        for scale in population.scales
        if scale.shares is not None
    ]
    return found + [
        _Condition(one.column, one.network, one.climate, PERSON_ONLY)
        for one in population.liabilities
    ]


def _among_conditions(
    conditions: list[_Condition], network: Array, between: Array, population: Population
) -> Array:
    names = tuple(one.name for one in conditions)
    explained = network @ np.linalg.solve(between, network.T)
    _explained_at_most(explained, names, population)
    climate = [one.climate for one in conditions]
    left = np.outer(climate, climate)
    np.fill_diagonal(left, 1.0)
    for pair in population.residual_correlations:
        i, j = names.index(pair.first), names.index(pair.second)
        left[i, j] = left[j, i] = left[i, j] + pair.value
    roots = np.sqrt(1.0 - np.diag(explained))
    return np.asarray(explained + np.outer(roots, roots) * left)


def _between_levels(population: Population) -> Array:
    names = [level.id for level in population.levels]
    found = np.eye(len(names))
    for i, level in enumerate(population.levels):
        for other, value in level.correlations.items():
            j = names.index(other)
            found[i, j] = found[j, i] = value
    return found


def _explained_at_most(explained: Array, names: tuple[str, ...], population: Population) -> None:
    for name, value in zip(names, np.diag(explained), strict=True):
        if value >= 1.0:
            raise AnalysisError(
                f'{population.origin}\n    the network of "{name}" is impossible: the common '
                f"factors would explain {value:.2f} of its variance.\n    Choose correlations "
                "nearer to 0, or nearer to each other."
            )


def _positive(found: Array, names: tuple[str, ...], population: Population, what: str) -> None:
    values, vectors = np.linalg.eigh(found)
    if values[0] <= 1e-8:
        involved = [
            f'"{name}"'
            for name, weight in zip(names, vectors[:, 0], strict=True)
            if abs(weight) > 0.1
        ]
        raise AnalysisError(
            f"{population.origin}\n    {what}: no variables correlate in this way (smallest "
            f"eigenvalue {values[0]:.3f}); it is about {', '.join(involved)}.\n    Choose "
            "correlations nearer to 0."
        )
