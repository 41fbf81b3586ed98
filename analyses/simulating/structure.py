"""The latent variables of a population: how they correlate, and where their variance lies."""

from dataclasses import dataclass
from functools import cached_property

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
    loading = {one.id: one.loading for one in population.functions}
    functions: dict[str, tuple[str, str]] = {}
    for scale in population.scales:
        first = instrument.item(instrument.scale(scale.id).items[0])
        if first.function is not None and first.level is not None:
            functions[scale.id] = (first.level, first.function)
    shares = {level.id: level.shares for level in population.levels}
    rows = [(name, shares[level]) for name, (level, _) in functions.items()]
    common = [
        loading[function] * between[levels.index(level)] for level, function in functions.values()
    ]
    networks, climate = [], []
    for scale in population.scales:
        if scale.shares is not None:
            rows.append((scale.id, scale.shares))
            networks.append([scale.network[level] for level in levels])
            climate.append(scale.climate)
    for one in population.liabilities:
        rows.append((one.column, PERSON_ONLY))
        networks.append([one.network[level] for level in levels])
        climate.append(one.climate)
    names = tuple(name for name, _ in rows)
    n_functions = len(functions)
    network = np.array(networks).reshape(len(networks), len(levels))
    found = np.eye(len(names))
    for i, (level, function) in enumerate(functions.values()):
        for j, (other_level, other) in enumerate(functions.values()):
            across = between[levels.index(level), levels.index(other_level)]
            found[i, j] = across * (
                1.0 if function == other else loading[function] * loading[other]
            )
        own = loading[function] * network[:, levels.index(level)]
        found[i, n_functions:] = found[n_functions:, i] = own
    explained = network @ np.linalg.solve(between, network.T)
    _explained_at_most(explained, names[n_functions:], population)
    rest = np.sqrt(1.0 - np.diag(explained))
    left = np.outer(climate, climate)
    np.fill_diagonal(left, 1.0)
    where = {name: k for k, name in enumerate(names[n_functions:])}
    for pair in population.residual_correlations:
        i, j = where[pair.first], where[pair.second]
        left[i, j] = left[j, i] = left[i, j] + pair.value
    found[n_functions:, n_functions:] = explained + np.outer(rest, rest) * left
    _positive(found, names, population, "network")
    return Structure(
        names,
        found,
        np.array([[getattr(one, place) for _, one in rows] for place in PLACES]),
        functions,
        np.vstack([*common, network]) if len(network) else np.array(common),
        levels,
    )


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
