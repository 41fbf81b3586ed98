"""Moments of many ordered and continuous variables at once, from which those of some are cut.

Thresholds rest on one variable and correlations on two, and so does the influence of each row: what
a model of some of the variables asks for is part of the whole, as long as it uses the same rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.moments import Moments
from measure.moments.ordinal.codes import Coded, coded
from measure.moments.ordinal.gather import Spread, assembled, estimates, refuse_perfect, spread_of
from measure.moments.ordinal.kinds import Kinds
from measure.moments.ordinal.two_step import TwoStep
from measure.moments.rows import Rows

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Wide:
    """The statistics of all groups of many variables, with their asymptotic covariance."""

    found: Coded
    groups: tuple[TwoStep, ...]
    spread: Spread
    information: str

    @classmethod
    def from_rows(cls, rows: Rows, ordered: tuple[str, ...], *, information: str) -> "Wide":
        """Gather them pairwise, as `ordinal.from_rows` does.

        Raises
        ------
        DataError
            As there, of any of the variables.
        """
        found = coded(rows, ordered, pairwise=True)
        groups = tuple(estimates(found, "2x2"))
        refuse_perfect(groups, found)
        return cls(found, groups, spread_of(groups, found.clusters, information), information)

    def cut(self, names: tuple[str, ...], ordered: tuple[str, ...]) -> Moments | None:
        """Give the moments of some of the variables.

        None where they are not among these in this order and as ordered or continuous as here, have
        fewer categories, or where some row has an answer to none of them.
        """
        whole = self.found.layout
        if not set(names) <= set(whole.names):
            return None
        places = np.array([whole.names.index(name) for name in names], dtype=np.intp)
        layout = Kinds(names, {x: whole.values[x] for x in names if x in whole.values})
        alike = set(layout.values) == set(names) & set(ordered)
        in_order = bool((np.diff(places) > 0).all())
        if not (alike and in_order and layout.values and layout.width == whole.width):
            return None
        rows = tuple(np.ascontiguousarray(own[:, places].T).T for own in self.found.rows)
        if any(np.isnan(own).all(axis=1).any() for own in rows):
            return None
        local = np.searchsorted(whole.ordered, places[layout.ordered])
        part = Coded(
            layout=layout,
            groups=self.found.groups,
            rows=rows,
            codes=tuple(codes[local] for codes in self.found.codes),
            clusters=self.found.clusters,
            n_dropped=self.found.n_dropped,
        )
        own = whole.order.places(list(places))
        size = whole.order.size
        kept = np.concatenate([own + k * size for k in range(len(self.groups))])
        return assembled(
            part,
            [group.only(layout, places) for group in self.groups],
            self.spread.only(kept),
            self.information,
        )
