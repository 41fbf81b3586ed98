"""From latent variables to answers in categories, as an attentive respondent gives them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyses.simulating.people import People
from analyses.simulating.structure import Structure
from instruments.population import Population
from instruments.schema import Instrument

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Items:
    """The scored items of a form and how they depend on the latent variables.

    Attributes
    ----------
    names
        Their ids.
    scale
        The scale of each.
    latent
        Which latent variable each measures.
    loadings
        Standardised; those of an index are what makes the sum of its parts the latent variable.
    thresholds
        (n_items, n_thresholds), on the scored side.
    index_of
        Which index each is a part of, from 0; −1 for items of reflective scales.
    """

    names: tuple[str, ...]
    scale: tuple[str, ...]
    latent: Indices
    loadings: Array
    thresholds: Array
    index_of: Indices

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each item stands."""
        return {name: k for k, name in enumerate(self.names)}


def items_of(
    instrument: Instrument, population: Population, structure: Structure, asked: Sequence[str]
) -> Items:
    """Give the items of all scales of which some are asked, in the order of the population.

    The parts of an index are drawn together, so that scales come whole; `Items` then has more than
    are asked.
    """
    rows = []
    n_indices = 0
    for stated in population.scales:
        members = instrument.scale(stated.id).items
        if not set(members) & set(asked):
            continue
        k = len(members)
        index = -1
        loadings = stated.loadings
        if stated.item_correlation is not None:
            loadings = (float(np.sqrt((1 + (k - 1) * stated.item_correlation) / k)),) * k
            index, n_indices = n_indices, n_indices + 1
        cuts = np.array(population.thresholds[stated.thresholds])
        for item, loading, difficulty in zip(members, loadings, stated.difficulties, strict=True):
            where = structure.place[stated.id]
            rows.append((item, stated.id, where, loading, cuts + difficulty, index))
    names, scales, latent, weights, thresholds, index_of = zip(*rows, strict=True)
    return Items(
        names, scales, np.array(latent), np.array(weights), np.array(thresholds), np.array(index_of)
    )


def draw_unique(
    items: Items, people: People, population: Population, rng: np.random.Generator
) -> Array:
    """Draw what is unique to each item, (n, n_items), with variance 1.

    A share lies between organisations. The parts of an index have uniquenesses that add up to 0,
    so that their sum is the index and nothing else; those are of persons only.
    """
    share = population.unique_organisation
    n_organisations = int(people.organisation.max()) + 1
    of_organisation = rng.standard_normal((n_organisations, len(items.names)))
    own = rng.standard_normal((people.n, len(items.names)))
    found = np.sqrt(share) * of_organisation[people.organisation] + np.sqrt(1.0 - share) * own
    for index in range(int(items.index_of.max()) + 1):
        parts = np.flatnonzero(items.index_of == index)
        k = len(parts)
        centred = own[:, parts] - own[:, parts].mean(axis=1, keepdims=True)
        found[:, parts] = centred * np.sqrt(k / (k - 1))
    return np.asarray(found)


def responses(items: Items, values: Array, unique: Array) -> Array:
    """Give the latent responses (n, n_items) from the latent variables and what is unique."""
    loadings = items.loadings
    common = values[:, items.latent] * loadings
    return common + unique * np.sqrt(1.0 - loadings**2)


def planted(items: Items, values: Array, background: pd.DataFrame, population: Population) -> Array:
    """Give what the planted non-invariance of loadings adds to the latent responses."""
    found = np.zeros((len(values), len(items.names)))
    for one in population.noninvariance:
        if one.parameter == "loading" and one.item in items.place:
            k = items.place[one.item]
            rows = (background[one.column] == one.value).to_numpy()
            found[rows, k] += one.shift * values[rows, items.latent[k]]
    return found


def categories(
    items: Items, latent_responses: Array, background: pd.DataFrame, plants: Population | None
) -> NDArray[np.int8]:
    """Cut latent responses into answers on the scored side: 0, 1, 2, ...

    Parameters
    ----------
    plants
        The population, if its shifted thresholds hold; None for the same thresholds in all groups.
    """
    found = np.zeros(latent_responses.shape, dtype=np.int8)
    shifted: dict[tuple[int, int], Array] = {}
    for one in () if plants is None else plants.noninvariance:
        if one.threshold is not None and one.item in items.place:
            key = items.place[one.item], one.threshold - 1
            rows = (background[one.column] == one.value).to_numpy()
            shifted[key] = shifted.get(key, np.zeros(len(rows))) + one.shift * rows
    for c in range(items.thresholds.shape[1]):
        passed = latent_responses > items.thresholds[:, c]
        for (k, threshold), shift in shifted.items():
            if threshold == c:
                passed[:, k] = latent_responses[:, k] > items.thresholds[k, c] + shift
        found += passed
    return found


def flattened(
    items: Items, latent_responses: Array, flat: NDArray[np.bool_], population: Population
) -> Array:
    """Draw the responses of those with a flat profile together around their own mean.

    Each set of thresholds has its own mean, since burdens are answered lower than the rest.
    """
    found = latent_responses.copy()
    kind = np.array([population.scale(name).thresholds for name in items.scale])
    for one in np.unique(kind):
        own = np.ix_(flat, kind == one)
        means = latent_responses[own].mean(axis=1, keepdims=True)
        found[own] = means + population.careless.flat_spread * (latent_responses[own] - means)
    return found
