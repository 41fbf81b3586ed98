"""Organisations, their units and occupational groups, and the people in them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from instruments.population import Population, Sizes

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

EFFORT = ("effort", "comparison")


@dataclass(frozen=True, eq=False)
class People:
    """Who is asked.

    Attributes
    ----------
    organisation, unit, group
        (n,) which organisation, unit, and profession in the organisation each belongs to, from 0.
    background
        (n, columns) what is known of them before they answer; the columns that are latent
        variables cut into categories are not yet there.
    """

    organisation: Indices
    unit: Indices
    group: Indices
    background: pd.DataFrame

    @property
    def n(self) -> int:
        """How many they are."""
        return len(self.organisation)

    def member_of(self, place: str) -> Indices:
        """Give which organisation, unit, group or person each is of (n,)."""
        return np.arange(self.n) if place == "person" else getattr(self, place)


def draw_people(population: Population, rng: np.random.Generator) -> People:
    """Draw organisations and the people in them.

    Each number of units and of professions is as frequent among the organisations; units differ in
    which professions they have most of, so that groups and units cross.
    """
    sizes = organisation_sizes(population.sizes, rng)
    n_units = _evenly(population.sizes.units, len(sizes), rng)
    n_professions = _evenly(population.sizes.professions, len(sizes), rng)
    sectors = _shares(
        {name: one.share for name, one in population.sectors.items()}, len(sizes), rng
    )
    effort = np.full(len(sizes), EFFORT[1], dtype=object)
    takes_part = rng.permutation(len(sizes))[: round(population.change.effort * len(sizes))]
    effort[takes_part] = EFFORT[0]
    units, groups, professions, leads = [], [], [], []
    first_unit = first_group = 0
    for size, k, m, sector in zip(sizes, n_units, n_professions, sectors, strict=True):
        own = _unit_sizes(int(size), int(k), rng)
        unit = np.repeat(np.arange(k), own)
        known = rng.permutation(np.array(population.sectors[sector].professions, dtype=object))[:m]
        group = _members(unit, int(k), int(m), rng)
        units.append(first_unit + unit)
        groups.append(first_group + group)
        professions.append(known[group])
        leads.append(_tiers(own, population))
        first_unit += int(k)
        first_group += int(m)
    organisation = np.repeat(np.arange(len(sizes)), sizes)
    unit = np.concatenate(units)
    tier = np.concatenate(leads)
    profession = np.concatenate(professions)
    kinds = _shares(population.background["unit_type"], first_unit, rng)
    columns = {
        "respondent": _numbered("r", np.arange(len(unit))),
        "organisation": _numbered("org", organisation),
        "unit": _numbered("unit", unit),
        "profession": profession,
        "role": _roles(tier, population, rng),
        "tier": tier,
        "education": _education(profession, population, rng),
        "sector": sectors[organisation],
        "unit_type": kinds[unit],
        "effort": effort[organisation],
    }
    for name, shares in population.background.items():
        if name not in columns:
            columns[name] = _shares(shares, len(unit), rng)
    return People(organisation, unit, np.concatenate(groups), pd.DataFrame(columns))


def organisation_sizes(sizes: Sizes, rng: np.random.Generator) -> Indices:
    """Draw the sizes of the organisations, which add up to the respondents.

    They are lognormal before they are kept within the limits; the median is what makes them add up.
    """
    weights = np.exp(sizes.spread * rng.standard_normal(sizes.organisations))
    low, high = sizes.smallest / weights.max(), sizes.largest / weights.min()
    for _ in range(100):
        middle = (low + high) / 2
        total = np.clip(middle * weights, sizes.smallest, sizes.largest).sum()
        low, high = (middle, high) if total < sizes.respondents else (low, middle)
    exact = np.clip(low * weights, sizes.smallest, sizes.largest)
    found = np.floor(exact + 1e-9).astype(int)
    rest = sizes.respondents - int(found.sum())
    found[np.argsort(found - exact, kind="stable")[:rest]] += 1
    return np.asarray(found)


def _evenly(numbers: tuple[int, ...], n: int, rng: np.random.Generator) -> Indices:
    """Give n numbers, each as often as the others, in random order."""
    return np.asarray(rng.permutation(np.resize(np.array(numbers), n)))


def _shares(shares: Mapping[str, float], n: int, rng: np.random.Generator) -> NDArray[np.object_]:
    """Draw n values by their shares."""
    names = np.array(list(shares), dtype=object)
    limits = np.cumsum(list(shares.values()))
    place = np.searchsorted(limits[:-1], rng.random(n), side="right")
    return np.asarray(names[place])


def _unit_sizes(size: int, n_units: int, rng: np.random.Generator) -> Indices:
    """Divide an organisation among its units, with at least two persons in each if it has them."""
    least = min(2, size // n_units)
    weights = rng.dirichlet(np.full(n_units, 4.0))
    return np.asarray(least + rng.multinomial(size - least * n_units, weights))


def _members(unit: Indices, n_units: int, n_groups: int, rng: np.random.Generator) -> Indices:
    """Draw the profession of each, by weights of the unit; every profession occurs."""
    limits = np.cumsum(rng.dirichlet(np.full(n_groups, 1.5), size=n_units), axis=1)
    group = (rng.random(len(unit))[:, None] > limits[unit, :-1]).sum(axis=1)
    chosen = rng.permutation(len(unit))
    for one in range(n_groups):
        if not (group == one).any():
            several = chosen[np.bincount(group, minlength=n_groups)[group[chosen]] > 1]
            group[several[0]] = one
    return np.asarray(group)


def _tiers(unit_sizes: Indices, population: Population) -> NDArray[np.object_]:
    """Give who leads in an organisation, its people in the order of the units."""
    rules = population.leaders
    tier = np.full(int(unit_sizes.sum()), "none", dtype=object)
    start = 0
    for size in unit_sizes:
        if size >= rules.unit_from:
            tier[start : start + -(-size // rules.members_each)] = "decentral"
        start += size
    free = np.flatnonzero(tier == "none")
    tier[free[: -(-len(tier) // rules.central_each)]] = "central"
    return tier


def _roles(
    tier: NDArray[np.object_], population: Population, rng: np.random.Generator
) -> NDArray[np.object_]:
    other = rng.random(len(tier)) < population.other_role
    return np.where(tier != "none", "leader", np.where(other, "other", "employee")).astype(object)


def _education(
    profession: NDArray[np.object_], population: Population, rng: np.random.Generator
) -> NDArray[np.object_]:
    found = np.full(len(profession), "", dtype=object)
    for name, shares in population.education.items():
        own = np.flatnonzero(profession == name)
        found[own] = _shares(shares, len(own), rng)
    return found


def _numbered(stem: str, numbers: Indices) -> NDArray[np.object_]:
    """Name things by their number from 1, with as many digits as the last one needs."""
    digits = len(str(int(numbers.max()) + 1))
    return np.array([f"{stem}{number + 1:0{digits}d}" for number in numbers], dtype=object)
