"""Answers that do not come from reading the questions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyses.simulating.asking import Asked
from instruments.population import CARELESS_KINDS, Careless
from instruments.schema import Instrument
from measure.simulating.inattention import unread

Array = NDArray[np.float64]

ATTENTIVE, FLAT = "attentive", "flat"
STRAIGHTLINE, RANDOM, PARTIAL = CARELESS_KINDS


@dataclass(frozen=True, eq=False)
class Attention:
    """How each respondent answers.

    Attributes
    ----------
    kind
        (n,) attentive, flat (attentive, with a flat profile), or one of `CARELESS_KINDS`.
    until
        (n,) up to which share of the form the questions are read: 1 for the attentive, 0 for those
        who never read.
    """

    kind: NDArray[np.object_]
    until: Array

    def read(self, asked: Asked) -> NDArray[np.intp]:
        """Give how many items of the form each has read, (n,)."""
        return np.asarray((asked.order < self.until[:, None]).sum(axis=1))


def draw_attention(
    n: int, stated: Careless, rng: np.random.Generator, *, careless: bool, flat: bool
) -> Attention:
    """Draw who answers carelessly, equally many of each kind, and who has a flat profile."""
    kind = np.full(n, ATTENTIVE, dtype=object)
    order = rng.permutation(n)
    n_careless = round(stated.share * n)
    n_flat = round(stated.flat * (n - n_careless))
    if careless:
        kind[order[:n_careless]] = np.resize(np.array(CARELESS_KINDS, dtype=object), n_careless)
    if flat:
        kind[order[n_careless : n_careless + n_flat]] = FLAT
    until = np.where((kind == STRAIGHTLINE) | (kind == RANDOM), 0.0, 1.0)
    point = rng.uniform(stated.attentive_from, stated.attentive_to, n)
    return Attention(kind, np.where(kind == PARTIAL, point, until))


def without_reading(
    asked: Asked,
    attention: Attention,
    instrument: Instrument,
    stated: Careless,
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """Give what each would answer without reading, as coded, (n, n_items)."""
    lowest = np.array([instrument.response(item).codes[0] for item in asked.items])
    highest = np.array([instrument.response(item).codes[-1] for item in asked.items])
    favourites = {int(one): share for one, share in stated.favourites.items()}
    lines = attention.kind == STRAIGHTLINE
    return unread((lowest, highest), lines, favourites, stated.keeps, rng).astype(np.int8)


def checks_answered(
    asked: Asked, instrument: Instrument, stated: Careless, rng: np.random.Generator
) -> dict[str, NDArray[np.int8]]:
    """Give what readers answer to the checks of attention: as told, but for slips."""
    n = len(asked.order)
    found = {}
    for item in asked.items:
        told = instrument.item(item).instructed
        if told is not None:
            codes = np.array([code for code in instrument.response(item).codes if code != told])
            slip = rng.random(n) < stated.slips
            found[item] = np.where(slip, rng.choice(codes, n), told).astype(np.int8)
    return found
