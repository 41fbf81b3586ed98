"""Where people stand on the latent variables, at one wave and at the next."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyses.simulating.people import EFFORT, People
from analyses.simulating.structure import Structure
from instruments.population import PLACES, Liability, Population
from measure.distributions import normal_quantile

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Standing:
    """Where people stand.

    Attributes
    ----------
    parts
        Place → (units of that kind, n_latent) standard normal; `values` puts them together.
    values
        (n, n_latent), with what groups differ by and what was gained.
    """

    parts: Mapping[str, Array]
    values: Array


def draw_first(
    people: People, structure: Structure, population: Population, rng: np.random.Generator
) -> Standing:
    """Draw where people stand at the first wave."""
    parts = {}
    for place in PLACES:
        n = int(people.member_of(place).max()) + 1
        parts[place] = rng.standard_normal((n, len(structure.names))) @ structure.root.T
    values = _together(parts, people, structure)
    return Standing(parts, values + _differences(people, structure, population))


def draw_second(
    first: Standing,
    people: People,
    structure: Structure,
    population: Population,
    rng: np.random.Generator,
) -> Standing:
    """Draw where the same people stand at the second wave."""
    change = population.change
    parts = {}
    for place in PLACES:
        stays = change.stability[place]
        new = rng.standard_normal(first.parts[place].shape) @ structure.root.T
        parts[place] = stays * first.parts[place] + np.sqrt(1.0 - stays**2) * new
    values = _together(parts, people, structure) + _differences(people, structure, population)
    zones = first.values[:, structure.place[change.moderator.scale]]
    takes_part = (people.background["effort"] == EFFORT[0]).to_numpy()
    for level in structure.levels:
        gain = np.where(
            takes_part,
            change.effort_gain[level] * (1.0 + change.moderator.per_sd * zones),
            change.comparison_gain[level],
        )
        own = [structure.place[name] for name in structure.of_level(level)]
        values[:, own] += gain[:, None]
    return Standing(parts, values)


def _together(parts: Mapping[str, Array], people: People, structure: Structure) -> Array:
    roots = np.sqrt(structure.shares)
    found = np.zeros((people.n, len(structure.names)))
    for k, place in enumerate(PLACES):
        found += (roots[k] * parts[place])[people.member_of(place)]
    return found


def _differences(people: People, structure: Structure, population: Population) -> Array:
    """Give by how much each stands higher for belonging to a group, (n, n_latent)."""
    found = np.zeros((people.n, len(structure.names)))
    for one in population.differences:
        rows = (people.background[one.column] == one.value).to_numpy()
        own = [structure.place[name] for name in structure.of_level(one.level)]
        found[np.ix_(rows, np.array(own))] += one.shift
    return found


def cuts(liability: Liability) -> Array:
    """Where a latent variable is cut into the categories of its column."""
    shares = np.cumsum(list(liability.categories.values()))[:-1]
    return np.asarray(normal_quantile(shares))


def in_categories(values: Array, liability: Liability) -> "pd.Series[str]":
    """Give the categories of a latent variable (n,)."""
    names = np.array(list(liability.categories), dtype=object)
    return pd.Series(names[np.searchsorted(cuts(liability), values)])
