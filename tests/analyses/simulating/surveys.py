"""Draws from the stated population that several tests look at, made once."""

from functools import cache

import instruments
from analyses.simulating.drawing import CLEAN, Drawn, Wanted, draw
from instruments.population import Population, load_population

KKS = instruments.load("coupling")
SEED = 20260301


@cache
def population() -> Population:
    return load_population(KKS)


@cache
def drawn(seed: int = SEED, wanted: Wanted | None = None, times: int = 1) -> Drawn:
    return draw(KKS, population(), seed=seed, wanted=wanted, times=times)


def large() -> Drawn:
    """Give a clean draw that is large enough to hold the truth against."""
    return drawn(5, CLEAN, 12)
