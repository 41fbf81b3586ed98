"""What is true of each hypothesis in a population."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyses.simulating import latent
from analyses.simulating.structure import Structure
from analyses.simulating.true_answers import TrueAnswers
from instruments.population import Liability, Population
from instruments.schema import Expectation, Instrument

Array = NDArray[np.float64]

TOTAL = "total"
"""The common factor above the functions of a level."""


class Value(NamedTuple):
    """A true value: of what, at which level."""

    what: str
    level: str
    value: float


class Row(NamedTuple):
    """A true value and the expectation of a hypothesis that it belongs to."""

    hypothesis: str
    target: str
    what: str
    level: str
    value: float


@dataclass(frozen=True, eq=False)
class Network:
    """How the latent variables of a population go together.

    Attributes
    ----------
    instrument, population
        What was answered, and what it is drawn from.
    answers
        The true moments of the answers.
    """

    instrument: Instrument
    population: Population
    answers: TrueAnswers

    @property
    def _structure(self) -> Structure:
        return self.answers.structure

    def with_total(self, name: str, level: str) -> float:
        """Correlation of a latent variable with the common factor of a level.

        Differences between groups are left out of it, and change it by less than .001.
        """
        structure = self._structure
        place = structure.place[name], structure.levels.index(level)
        return float(structure.pooled_common[place])

    def rows(self) -> Iterator[Row]:
        """Give the true values, one row each: `hypothesis target what level value`."""
        for hypothesis in self.instrument.hypotheses:
            for expectation in hypothesis.expectations:
                for what, level, value in self._of(expectation):
                    yield Row(hypothesis.id, expectation.target, what, level, value)

    @property
    def _conditions(self) -> list[str]:
        """The scales that are no functions."""
        return [one.id for one in self.population.scales if one.shares is not None]

    def _of(self, expectation: Expectation) -> Iterator[Value]:
        """Give the true values of one expectation; those of one correlation at every level."""
        name, estimand = expectation.target, expectation.estimand
        if estimand in ("correlation", "partial") and name in self._conditions:
            yield from self._condition(name)
            if estimand == "partial":
                yield from self._partial(name)
        elif estimand == "distinct":
            assert expectation.of is not None
            r = float(self.answers.correlations[expectation.of][name])
            yield Value(expectation.of, "", r)
        elif estimand in ("difference", "self_other"):
            yield from self._difference(name)
        elif estimand == "equivalence":
            first = self._structure.levels[0]
            own = (one for one in self.population.differences if one.column == name)
            shifts = [one.shift for one in own if one.level == first]
            yield Value("largest difference", first, max(shifts, key=abs, default=0.0))
        elif estimand == "referents":
            yield from self._across_levels()
            yield from self._function_contrasts()
        elif estimand == "between" and expectation.level is not None and name in self._conditions:
            # Between the places that people share it is what the network states.
            place = self._structure.place[name], self._structure.levels.index(expectation.level)
            yield Value("within places", expectation.level, float(self._structure.common[place]))
        elif estimand == "levels" and expectation.level is not None:
            yield from self._stronger_at(name, expectation.level)

    def _condition(self, name: str) -> Iterator[Value]:
        structure, items = self._structure, self._items(name)
        for level in structure.levels:
            yield Value(TOTAL, level, self.with_total(name, level))
            for scale in structure.of_level(level):
                yield Value(scale, level, self.answers.between(scale, name))
            own = [item for scale in structure.of_level(level) for item in self._items(scale)]
            if not items:
                continue
            if self.instrument.scale(name).kind == "index":
                # What an analysis sees is the sum of the answers, not the index itself.
                common = structure.pooled_common[:, structure.levels.index(level)]
                answered = self.answers.with_latent(items, common)
                yield Value(f"{TOTAL}, index as answered", level, answered)
            if own:
                yield Value("sums of answers", level, self.answers.correlation(own, items))

    def _items(self, scale: str) -> list[str]:
        return self.answers.asked_of(self.instrument.scale(scale).items)

    def _partial(self, name: str) -> Iterator[Value]:
        """Hold constant what goes with it beyond the network: as it is, and as it is asked."""
        pairs = {(one.first, one.second) for one in self.population.residual_correlations}
        level = self._structure.levels[0]
        r = self.with_total(name, level)
        for one in self.population.liabilities:
            if not pairs & {(name, one.column), (one.column, name)}:
                continue
            a = self.with_total(one.column, level)
            b = self.answers.between(name, one.column)
            known = float((_shares(one) * _means(one) ** 2).sum())
            for what, kept in (("", 1.0), (" as asked", known)):
                value = (r - a * b * kept) / np.sqrt((1 - a**2 * kept) * (1 - b**2 * kept))
                yield Value(f"{TOTAL}, given {one.column}{what}", level, float(value))

    def _across_levels(self) -> Iterator[Value]:
        """Give the same function across levels, and different functions at one level."""
        found: dict[str, list[float]] = {"same function": [], "same level": [], "neither": []}
        functions = self._structure.functions
        for one, other in combinations(functions, 2):
            same_level = functions[one][0] == functions[other][0]
            same_function = functions[one][1] == functions[other][1]
            kind = "same function" if same_function else "same level" if same_level else "neither"
            found[kind].append(self.answers.between(one, other))
        for kind, values in found.items():
            if values:
                yield Value(f"{kind}, smallest", "", min(values))
                yield Value(f"{kind}, largest", "", max(values))

    def _function_contrasts(self) -> Iterator[Value]:
        """Give the mean of a function across levels, less that with the others at each level."""
        functions = self._structure.functions
        for function in dict.fromkeys(kind for _, kind in functions.values()):
            own = [name for name, (_, kind) in functions.items() if kind == function]
            same = [self.answers.between(one, other) for one, other in combinations(own, 2)]
            within = [
                self.answers.between(one, other)
                for one in own
                for other in self._structure.of_level(functions[one][0])
                if other != one
            ]
            yield Value(function, "", float(np.mean(same) - np.mean(within)))

    def _stronger_at(self, name: str, level: str) -> Iterator[Value]:
        """Give how much more an index goes with the sum of a level's functions than of the first's.

        The index as it is answered; sums of functions, each in standard deviations.
        """
        structure, items = self._structure, self._items(name)
        if not items:
            return
        found = []
        for one in (structure.levels[0], level):
            own = [structure.place[scale] for scale in structure.of_level(one)]
            whole = np.sqrt(structure.pooled[np.ix_(own, own)].sum())
            common = structure.pooled[:, own].sum(axis=1) / whole
            found.append(self.answers.with_latent(items, common))
        yield Value("sums of functions, difference", level, found[1] - found[0])

    def _difference(self, name: str) -> Iterator[Value]:
        """Give a difference between groups, in standard deviations within them."""
        first = self._structure.levels[0]
        liabilities = {one.column: one for one in self.population.liabilities}
        if name in liabilities:
            one = liabilities[name]
            yield Value(TOTAL, first, _between_ends(one, self.with_total(name, first)))
            for scale in self._structure.of_level(first):
                r = self.answers.between(scale, name)
                yield Value(scale, first, _between_ends(one, r))
            return
        for part in self.population.differences:
            if part.level != first:
                yield Value(f"{part.column} = {part.value}", part.level, part.shift)


def gains(population: Population, structure: Structure) -> dict[str, Mapping[str, float]]:
    """Give what changes between the waves (K5), by level: mean gains, and stability."""
    change = population.change
    stability = np.array([change.stability[place] for place in ("organisation", "unit", "group")])
    found: dict[str, Mapping[str, float]] = {}
    for level in structure.levels:
        scale = structure.of_level(level)[0]
        shares = structure.shares[:, structure.place[scale]]
        stays = shares[:3] @ stability + shares[3] * change.stability["person"]
        found[level] = {
            "effort": change.effort_gain[level],
            "comparison": change.comparison_gain[level],
            "difference": change.effort_gain[level] - change.comparison_gain[level],
            "more_for_each_sd_of_the_moderator": change.effort_gain[level]
            * change.moderator.per_sd,
            "correlation_without_the_effort": float(stays),
        }
    return found


def _shares(one: Liability) -> Array:
    return np.array(list(one.categories.values()))


def _edges(one: Liability) -> Array:
    return np.array([-np.inf, *latent.cuts(one), np.inf])


def _means(one: Liability) -> Array:
    """Mean of the latent variable in each category."""
    heights = np.exp(-(_edges(one) ** 2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(-np.diff(heights) / _shares(one))


def _variances(one: Liability) -> Array:
    """Variance of the latent variable in each category."""
    edges = _edges(one)
    heights = np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi)
    moments = np.where(np.isfinite(edges), edges, 0.0) * heights
    return np.asarray(1.0 - np.diff(moments) / _shares(one) - _means(one) ** 2)


def _between_ends(one: Liability, r: float) -> float:
    """Difference between the highest and the lowest category in a variable correlating r.

    In standard deviations within the two, by their sizes.
    """
    ends = np.array([0, -1])
    low, high = _means(one)[ends]
    shares = _shares(one)[ends]
    within = 1.0 - r**2 * (1.0 - _variances(one)[ends])
    return float(r * (high - low) / np.sqrt(shares @ within / shares.sum()))


def table(network: Network) -> pd.DataFrame:
    """Give all true values of the hypotheses as a table."""
    return pd.DataFrame(list(network.rows()), columns=list(Row._fields))
