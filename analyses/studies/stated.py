"""What is taken of the population: as the instrument's file states it, as asked, or as usual."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyses.simulating.answering import items_of
from analyses.simulating.structure import Structure, structure
from analyses.studies.wishes import Wish
from instruments.population import Population, load_population
from instruments.schema import Instrument

Array = NDArray[np.float64]

LOADING, CORRELATION, ICC = 0.70, 0.50, 0.10
"""What is taken where nobody says anything: usual values of questionnaires at work."""

WIDEST = 1.5
"""Where the outer thresholds stand then."""


@dataclass(frozen=True)
class Taken:
    """Values of a population for some items.

    Attributes
    ----------
    loadings
        Item → standardised loading on its factor.
    thresholds
        Item → thresholds of its standardised response; items without categories are not named.
    origins
        What was taken → "stated" (by the instrument), "asked" or "usual".
    """

    loadings: dict[str, float]
    thresholds: dict[str, tuple[float, ...]]
    origins: dict[str, str]

    @property
    def omega(self) -> float:
        """Reliability of the sum of the latent responses, all taken as one scale."""
        own = np.array(list(self.loadings.values()))
        return float(own.sum() ** 2 / (own.sum() ** 2 + (1 - own**2).sum()))


@dataclass(frozen=True, eq=False)
class Source:
    """The instrument, and what it states of its population; None where it states nothing."""

    instrument: Instrument
    population: Population | None

    @classmethod
    def of(cls, instrument: Instrument) -> "Source":
        """Read the population, where the instrument names one."""
        demonstration = instrument.demonstration
        named = demonstration is not None and demonstration.population is not None
        return cls(instrument, load_population(instrument) if named else None)

    def _structure(self) -> Structure | None:
        return None if self.population is None else structure(self.instrument, self.population)

    def items(self, names: Sequence[str], wish: Wish) -> Taken:
        """Take loadings and thresholds of items."""
        found = self._structure()
        loadings: dict[str, float] = {}
        thresholds: dict[str, tuple[float, ...]] = {}
        if found is not None and self.population is not None:
            own = items_of(self.instrument, self.population, found, names)
            for name in names:
                if name in own.place:
                    k = own.place[name]
                    loadings[name] = float(own.loadings[k])
                    thresholds[name] = tuple(map(float, own.thresholds[k]))
        origin = "stated" if len(loadings) == len(names) else "usual"
        origins = {"loading": origin if wish.loading is None else "asked"}
        for name in names:
            if wish.loading is not None:
                loadings[name] = wish.loading
            loadings.setdefault(name, LOADING)
            codes = self.instrument.response(name).codes
            if len(codes) > 1:
                thresholds.setdefault(name, _usual(len(codes)))
        if thresholds:
            origins["thresholds"] = origin
        return Taken({name: loadings[name] for name in names}, thresholds, origins)

    def correlations(self, factors: Sequence[str], wish: Wish) -> tuple[Array, str]:
        """Take the correlations of factors, and say where they are from."""
        found = self._structure()
        if wish.correlation is None and found is not None and set(factors) <= set(found.place):
            places = [found.place[name] for name in factors]
            return found.pooled[np.ix_(places, places)], "stated"
        value, origin = wish.correlation, "asked"
        if value is None:
            value, origin = CORRELATION, "usual"
        return np.where(np.eye(len(factors)) > 0, 1.0, value), origin

    def icc(self, scale: str, wish: Wish) -> tuple[float, str]:
        """Take the share of a factor's variance between units, and say where it is from."""
        found = self._structure()
        if wish.icc is not None:
            return wish.icc, "asked"
        if found is not None and scale in found.place:
            # Units lie within organisations, so that both parts are shared.
            k = found.place[scale]
            return float(found.shares[0, k] + found.shares[1, k]), "stated"
        return ICC, "usual"


def _usual(n_categories: int) -> tuple[float, ...]:
    """Give thresholds at equal distances, or in the middle where there is one."""
    if n_categories == 2:
        return (0.0,)
    return tuple(map(float, np.linspace(-WIDEST, WIDEST, n_categories - 1)))
