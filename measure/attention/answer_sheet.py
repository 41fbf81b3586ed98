"""Answers laid side by side: turned or as given, in the order asked, counted in steps."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import numbers_of
from measure.errors import DataError, OptionError
from measure.moments.ordinal.codes import MOST_CATEGORIES

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Asked:
    """How the items were asked.

    Attributes
    ----------
    scales
        The items of each scale.
    categories
        Lowest and highest answer of each item with categories; the others are continuous.
    reversed_items
        Items whose high answer means little of their scale.
    orders
        The items of each version of the questionnaire in the order asked; whoever has none of
        them was asked in the order of the columns.
    """

    scales: Mapping[str, Sequence[str]]
    categories: Mapping[str, tuple[int, int]]
    reversed_items: Collection[str] = ()
    orders: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Rows(NamedTuple):
    """Answers with reversed items turned, (n, n_items), and the order each row was asked in."""

    answers: Array
    order: Places


@dataclass(frozen=True, eq=False)
class Sheet:
    """The items as columns of arrays, and what is known of them.

    `common` are the items with as many categories as most have: those whose answers, counted from
    the lowest, can be laid side by side. `sign` is −1 for reversed items.
    """

    names: tuple[str, ...]
    rows: Rows
    scales: dict[str, list[int]]
    lowest: Array
    steps: Places
    sign: Array
    orders: tuple[Places, ...]
    dropped: tuple[str, ...]

    @classmethod
    def of(cls, data: pd.DataFrame, asked: Asked, version: pd.Series | None) -> "Sheet":
        """Check answers and turn the reversed ones; items with one answer are left out."""
        named = {*asked.categories, *asked.reversed_items, *_all(asked.scales), *_all(asked.orders)}
        unknown = sorted(named - set(map(str, data.columns)))
        if unknown:
            raise OptionError(f'`asked` names "{unknown[0]}", which is not among the columns.')
        given = numbers_of(data, list(data.columns))
        _refuse_outside(given, asked)
        varied = given.nunique() > 1
        dropped = tuple(str(name) for name in given.columns[~varied])
        given = given.loc[:, varied]
        names = tuple(map(str, given.columns))
        lowest = np.array([float(asked.categories.get(name, (0, 0))[0]) for name in names])
        highest = np.array([float(asked.categories.get(name, (0, 0))[1]) for name in names])
        sign = np.array([-1.0 if name in asked.reversed_items else 1.0 for name in names])
        values = given.to_numpy(dtype=float)
        answers = np.where(sign < 0, lowest + highest - values, values)
        place = {name: column for column, name in enumerate(names)}
        orders = [np.arange(len(names))]
        codes = np.zeros(len(data), dtype=np.intp)
        for label, items in asked.orders.items():
            if version is not None:
                codes[(version == label).to_numpy()] = len(orders)
            orders.append(np.array([place[item] for item in items if item in place], dtype=np.intp))
        scales = {
            name: [place[item] for item in items if item in place]
            for name, items in asked.scales.items()
        }
        return cls(
            names=names,
            rows=Rows(answers, codes),
            scales=scales,
            lowest=lowest,
            steps=(highest - lowest).astype(np.intp),
            sign=sign,
            orders=tuple(orders),
            dropped=dropped,
        )

    @cached_property
    def common(self) -> Places:
        """Places of the items with the most frequent number of categories."""
        usable = np.where(self.steps < MOST_CATEGORIES, self.steps, 0)
        counts = np.bincount(usable)
        counts[0] = 0
        return np.flatnonzero(usable == counts.argmax()) if counts.any() else np.empty(0, np.intp)

    @property
    def top(self) -> int:
        """Steps from the lowest to the highest answer of the common items; 0 without any."""
        return int(self.steps[self.common[0]]) if len(self.common) else 0

    def frame(self, keep: NDArray[np.bool_]) -> pd.DataFrame:
        """Give the turned answers of some rows as a table."""
        return pd.DataFrame(self.rows.answers[keep], columns=list(self.names))

    def turned(self, rows: Rows) -> Array:
        """Steps of the common items above the lowest answer, reversed items turned."""
        return np.asarray(rows.answers[:, self.common] - self.lowest[self.common])

    def given(self, rows: Rows) -> Array:
        """Steps of the common items as they were answered."""
        turned = self.turned(rows)
        return np.where(self.sign[self.common] < 0, self.top - turned, turned)

    def in_order(self, rows: Rows) -> Array:
        """Steps as answered, in the order asked; what was not asked stands last, as NaN."""
        given = np.full(rows.answers.shape, np.nan)
        given[:, self.common] = self.given(rows)
        sequence = np.full(given.shape, np.nan)
        for code, order in enumerate(self.orders):
            own = np.flatnonzero(rows.order == code)
            places = order[np.isin(order, self.common)]
            sequence[np.ix_(own, np.arange(len(places)))] = given[np.ix_(own, places)]
        return sequence


def _all(lists: Mapping[str, Sequence[str]]) -> list[str]:
    return [item for items in lists.values() for item in items]


def _refuse_outside(given: pd.DataFrame, asked: Asked) -> None:
    for place, name in enumerate(map(str, given.columns)):
        if name in asked.reversed_items and name not in asked.categories:
            raise DataError(
                f'item "{name}" is reversed, but has no categories to be turned within. '
                "Turn it yourself, or give its lowest and highest answer."
            )
        if name not in asked.categories:
            continue
        lowest, highest = asked.categories[name]
        own = given.iloc[:, place].to_numpy()
        outside = own[(own < lowest) | (own > highest) | (own % 1 > 0)]
        if outside.size:
            raise DataError(
                f'item "{name}" holds {outside[0]:g}, which is none of its answers '
                f"{lowest} to {highest}. Code missing answers as NaN."
            )
