"""What each respondent was asked, in which order, and what of it was left unanswered."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyses.fielding.questionnaire import form_items
from instruments.population import Population
from instruments.schema import Instrument

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

BLANK = -1
"""Stands for an answer that was left out or never asked for, until the table is made."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What each respondent was asked.

    Attributes
    ----------
    items
        Ids of all items of the form, checks of attention included, in the instrument's order.
    form
        (n,) the form, or the version of the rotated form.
    order
        (n, n_items) the place of each item in the respondent's form as a share of its length,
        from 0 to below 1; NaN where it was not asked.
    length
        (n,) how many items the form has.
    """

    items: tuple[str, ...]
    form: NDArray[np.object_]
    order: Array
    length: NDArray[np.intp]

    @property
    def mask(self) -> Flags:
        """(n, n_items) whether an item was asked."""
        return ~np.isnan(self.order)


class Shares(NamedTuple):
    """Shares of answers of each item that are no answer, each (n_items,)."""

    not_relevant: Array
    dont_know: Array


def ask(
    instrument: Instrument, form: str, n: int, rng: np.random.Generator, *, planned: bool
) -> Asked:
    """Spread the versions of a form evenly over respondents, if it is rotated and wanted so."""
    names = form_items(instrument, form)
    items = tuple(item for item in instrument.all_item_ids if item in set(names))
    rotation = instrument.rotation
    versions: tuple[str, ...] = (form,)
    if planned and rotation is not None and rotation.form == form:
        versions = tuple(version.id for version in rotation.versions)
    given = rng.permutation(np.resize(np.arange(len(versions)), n))
    orders = np.full((len(versions), len(items)), np.nan)
    lengths = np.zeros(len(versions), dtype=np.intp)
    where = {item: k for k, item in enumerate(items)}
    for row, version in enumerate(versions):
        asked = form_items(instrument, version)
        lengths[row] = len(asked)
        orders[row, [where[item] for item in asked]] = np.arange(len(asked)) / len(asked)
    return Asked(items, np.array(versions, dtype=object)[given], orders[given], lengths[given])


def left_out(
    asked: Asked,
    background: pd.DataFrame,
    instrument: Instrument,
    population: Population,
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """Draw which answers are missing in the ordinary way.

    Returns
    -------
    ndarray
        (n, n_items): 0 where there is an answer, else `BLANK` or the code of the kind of no answer.
    """
    stated = population.missing
    shape = asked.order.shape
    found = np.zeros(shape, dtype=np.int8)
    shares = _no_answer(asked.items, instrument, population)
    not_relevant = np.broadcast_to(shares.not_relevant, shape).copy()
    for one in stated.not_relevant:
        if one.item in asked.items:
            rows = (background[one.column] == one.value).to_numpy()
            not_relevant[rows, asked.items.index(one.item)] = one.share
    codes = _codes(asked.items, instrument)
    chance = rng.random(shape)
    no_opinion = chance < not_relevant + shares.dont_know
    found[no_opinion] = np.broadcast_to(codes.dont_know, shape)[no_opinion]
    irrelevant = chance < not_relevant
    found[irrelevant] = np.broadcast_to(codes.not_relevant, shape)[irrelevant]
    blank = np.full(len(background), stated.blank)
    for column, times in stated.blank_times.items():
        blank *= background[column].map(dict(times)).fillna(1.0).to_numpy(dtype=float)
    found[rng.random(shape) < blank[:, None]] = BLANK
    stops = rng.random(len(background)) < stated.stops
    ends = np.where(stops, rng.random(len(background)), 1.0)
    found[asked.order >= ends[:, None]] = BLANK
    return found


def _no_answer(items: tuple[str, ...], instrument: Instrument, population: Population) -> Shares:
    not_relevant, dont_know = np.zeros(len(items)), np.zeros(len(items))
    where = {item: k for k, item in enumerate(items)}
    for scale in population.scales:
        for item in instrument.scale(scale.id).items:
            if item in where:
                not_relevant[where[item]] = scale.not_relevant
                dont_know[where[item]] = scale.dont_know
    return Shares(not_relevant, dont_know)


def _codes(items: tuple[str, ...], instrument: Instrument) -> Shares:
    """Give the codes of the kinds of no answer; blank where an item has no such code."""
    found = []
    for kind in Shares._fields:
        codes = []
        for item in items:
            named = {part.name: part.code for part in instrument.response(item).missing}
            codes.append(named.get(kind, BLANK))
        found.append(np.array(codes))
    return Shares(*found)
