"""Influence of each row on thresholds, means, variances and category correlations.

The two-step estimator solves equations for the univariate parameters first and, given them, for
the correlations. The influence of a row on a correlation is (Muthén 1984, eqs 12 to 15)

    (s - A21 f) / a22,

with s its score for the correlation and f its influence on the thresholds, means and variances of
the pair. A21 and a22 are the information of the pair's likelihood about the correlation, shared
with those parameters and its own, as means over the rows. There are two ways to them:

- "first.order": products of scores. It is what lavaan and Muthén use, and right where the latent
  responses (and continuous variables) are normal.
- "observed": minus the derivatives of s. It is right whatever the distribution, as in any sandwich
  of two-step estimation (Newey & McFadden 1994, section 6; for polychorics Monroe 2018).

For ordered pairs the influence depends on the two categories only, so that it is computed once for
each cell of a table and looked up for each row. N times the covariance of the statistics is the
mean outer product of the influences.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.moments.ordinal.continuous_pairs import Scales
from measure.moments.ordinal.kinds import Kinds
from measure.moments.ordinal.mixed_influence import MixedInfluence
from measure.moments.ordinal.polyserial import Answers
from measure.moments.ordinal.scale_influence import PearsonInfluence, ScaleInfluence

Array = NDArray[np.float64]
Codes = NDArray[np.uint8]
Indices = NDArray[np.intp]

INFORMATION = ("first.order", "observed")


@dataclass(frozen=True, eq=False)
class Influence:
    """Influence of the rows of one group on all of its statistics, in the order of the layout."""

    layout: Kinds
    codes: Codes
    z: Array
    limits: Array
    scales: Scales
    thresholds: Array
    cells: Array
    scale: ScaleInfluence
    mixed: MixedInfluence
    pearson: PearsonInfluence

    @cached_property
    def _threshold_table(self) -> Array:
        item, place = self.layout.thresholds
        return np.ascontiguousarray(self.thresholds[item, place])

    @cached_property
    def _offsets(self) -> tuple[Indices, Indices]:
        width = self.layout.width + 1
        item, _ = self.layout.thresholds
        return np.arange(len(item))[:, None] * width, np.arange(len(self.cells))[:, None] * width**2

    def rows(self, place: "slice | Indices") -> Array:
        """Influence of some rows, (n_statistics, n)."""
        codes = self.codes[:, place].astype(np.intp)
        n = codes.shape[1]
        result = np.empty((self.layout.order.size, n))
        on_thresholds, on_means, on_variances, on_covariances = self.layout.order.sections
        item, _ = self.layout.thresholds
        offsets = self._offsets
        np.take(
            self._threshold_table.ravel(),
            codes[item] + offsets[0],
            out=result[on_thresholds],
            mode="clip",
        )
        pairs = self.layout.ordered_pairs
        cell = codes[pairs.first] * (self.layout.width + 1) + codes[pairs.second] + offsets[1]
        if not len(self.layout.continuous):
            np.take(self.cells.ravel(), cell, out=result[on_covariances], mode="clip")
            return result
        z = self.z[:, place]
        moved = self.scale.rows(z)
        result[on_means], result[on_variances] = moved[:, 0], moved[:, 1]
        covariances = result[on_covariances]
        covariances[pairs.places] = self.cells.ravel()[cell]
        mixed = Answers(self.codes[:, place], z, self.limits, self.layout.mixed_pairs)
        covariances[mixed.pairs.places] = self.mixed.rows(mixed, self.scales, moved)
        places = self.layout.continuous_pairs.places
        covariances[places] = self.pearson.rows(z, self.scales, moved)
        return result
