"""Answers beside those of attentive people: what indices of careless answers are computed from."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.attention.answer_sheet import Rows, Sheet
from measure.attention.attentive import Attentive
from measure.attention.person_profile import Profile, profile

Array = NDArray[np.float64]

CLEAR_LOADING = 0.2
"""An item with less in common with the others points in no direction."""

MOMENT_DRAWS = 20_000
"""Draws behind the mean and the covariance of the answers: errors below a hundredth of an SD."""

FLATTEST = 0.1
"""Share of the attentive whose scales differ too little for even and odd items to agree on it."""

Tail = Literal["high", "low", "both"]


@dataclass(frozen=True, eq=False)
class Yardstick:
    """What rows are compared with: the attentive's mean, covariance and directions.

    `direction` of the common items as answered: 1, −1, or 0 where it is not clear. `spread` is the
    least that a person's scales have to differ by for the even-odd correlation.
    """

    mean: Array
    covariance: Array
    direction: NDArray[np.intp]
    spread: float

    @classmethod
    def of(cls, sheet: Sheet, model: Attentive, rng: np.random.Generator) -> "Yardstick":
        """Measure it on drawn answers."""
        drawn = model.draw(MOMENT_DRAWS, rng)
        loadings = model.common_loadings[sheet.common] * sheet.sign[sheet.common]
        direction = np.where(np.abs(loadings) < CLEAR_LOADING, 0, np.sign(loadings))
        spread = 0.0
        if halved(sheet):
            turned = sheet.turned(Rows(drawn, np.zeros(len(drawn), dtype=np.intp)))
            spread = float(np.quantile(spread_of(sheet, turned), FLATTEST))
        return cls(
            mean=drawn.mean(axis=0),
            covariance=np.atleast_2d(np.cov(drawn.T)),
            direction=direction.astype(np.intp),
            spread=spread,
        )


@dataclass(frozen=True, eq=False)
class Compared:
    """Rows beside the attentive: what the indices are computed from."""

    sheet: Sheet
    yardstick: Yardstick
    rows: Rows

    @cached_property
    def turned(self) -> Array:
        """Steps of the common items, reversed items turned."""
        return self.sheet.turned(self.rows)

    @cached_property
    def given(self) -> Array:
        """Steps of the common items as answered."""
        return self.sheet.given(self.rows)

    @cached_property
    def in_order(self) -> Array:
        """The same in the order asked."""
        return self.sheet.in_order(self.rows)

    @cached_property
    def common_profile(self) -> Profile:
        """Of the common items, as answered."""
        sheet, common = self.sheet, self.sheet.common
        sign = sheet.sign[common]
        steps = self.yardstick.mean[common] - sheet.lowest[common]
        mean = np.where(sign < 0, sheet.top - steps, steps)
        covariance = self.yardstick.covariance[np.ix_(common, common)]
        return profile(self.given, mean, covariance * np.outer(sign, sign))

    @cached_property
    def squared_distance(self) -> Array:
        """Of all items; turning an item does not change it."""
        if len(self.sheet.common) == len(self.sheet.names):
            return self.common_profile.distance
        return profile(self.rows.answers, self.yardstick.mean, self.yardstick.covariance).distance


class Index(NamedTuple):
    """One index: its kind of evidence, its careless tail, what it lacks, and how it is computed."""

    kind: str
    tail: Tail
    lacks: Callable[[Sheet, Yardstick], str]
    compute: Callable[[Compared], Array]


def halved(sheet: Sheet) -> list[list[int]]:
    """Places among the common items of each scale that has two halves."""
    at = {int(item): place for place, item in enumerate(sheet.common)}
    own = [[at[item] for item in items if item in at] for items in sheet.scales.values()]
    return [items for items in own if len(items) > 1]


def spread_of(sheet: Sheet, turned: Array) -> Array:
    """Give by how much the means of a person's scales differ (standard deviation)."""
    there, filled = np.isfinite(turned), np.nan_to_num(turned)
    sums = np.column_stack([filled[:, own].sum(axis=1) for own in halved(sheet)])
    counts = np.column_stack([there[:, own].sum(axis=1) for own in halved(sheet)])
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    there = np.isfinite(means)
    centre = np.nansum(means, axis=1) / np.maximum(there.sum(axis=1), 1)
    squares = np.where(there, (means - centre[:, None]) ** 2, 0.0).sum(axis=1)
    return np.asarray(np.sqrt(squares / np.maximum(there.sum(axis=1), 1)))
