"""The two-step estimates of one group: margins first, then pairs.

Two-step maximum likelihood (Olsson 1979; Olsson, Drasgow & Dorans 1982; Muthén 1984): thresholds,
means and variances from each variable by itself, then a correlation from each pair with those
fixed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.model import Implied
from measure.moments.ordinal.cell_influence import cell_influence
from measure.moments.ordinal.continuous_pairs import Scales, correlations, scales_of
from measure.moments.ordinal.correlation_search import determined
from measure.moments.ordinal.influence import Influence
from measure.moments.ordinal.kinds import Kinds
from measure.moments.ordinal.mixed_influence import MixedInfluence
from measure.moments.ordinal.pair_tables import Diagnosis, PairTables, joint_counts
from measure.moments.ordinal.polychoric import Cells, polychoric
from measure.moments.ordinal.polyserial import Answers, polyserial
from measure.moments.ordinal.scale_influence import PearsonInfluence, ScaleInfluence
from measure.moments.ordinal.thresholds import threshold_influence

Array = NDArray[np.float64]
Codes = NDArray[np.uint8]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class TwoStep:
    """Statistics of one group, and what they were computed from.

    Attributes
    ----------
    layout
        Which variable is what.
    codes
        Category numbers of the ordered variables, (n_ordered, n); `width` where missing.
    z
        Standardised values of the continuous ones, (n_continuous, n), NaN where missing.
    tables
        Tables of the pairs of ordered variables.
    scales
        Means and variances of the continuous variables.
    rho
        Correlations of all pairs, in the order of the layout.
    filled
        Numbers of the tables that something was put into.
    diagnosed
        How well the tables bear their correlations, where that is known.
    """

    layout: Kinds
    codes: Codes
    z: Array
    tables: PairTables
    scales: Scales
    rho: Array
    filled: Indices
    diagnosed: Diagnosis | None = None

    @property
    def n_rows(self) -> int:
        """Rows of the group."""
        return int(self.codes.shape[1])

    @cached_property
    def correlations(self) -> Array:
        """Correlation matrix, (p, p)."""
        matrix = np.eye(len(self.layout.names))
        i, j = self.layout.order.pairs
        matrix[i, j] = matrix[j, i] = self.rho
        return matrix

    @cached_property
    def thresholds(self) -> Array:
        """Thresholds of all ordered variables, one after the other."""
        item, place = self.layout.thresholds
        return np.asarray(self.tables.limits[item, place + 1])

    @property
    def implied(self) -> Implied:
        """Thresholds, means and covariances, as a saturated model has them."""
        layout = self.layout
        sd, mu = np.ones(len(layout.names)), np.zeros(len(layout.names))
        sd[layout.continuous], mu[layout.continuous] = self.scales.sd, self.scales.mean
        return Implied(mu, self.correlations * np.outer(sd, sd), self.thresholds)

    @property
    def perfect(self) -> Indices:
        """Numbers of the pairs whose correlation is at the bound of the search."""
        return np.flatnonzero(determined(self.rho))

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """How well the tables bear their correlations."""
        if self.diagnosed is not None:
            return self.diagnosed
        return self.tables.diagnosis(self.rho[self.layout.ordered_pairs.places])

    @property
    def n_together(self) -> NDArray[np.int_]:
        """Rows that have both of two variables, (p, p)."""
        missing = np.empty((len(self.layout.names), self.n_rows), dtype=np.uint8)
        missing[self.layout.ordered] = self.codes >= self.layout.width
        missing[self.layout.continuous] = np.isnan(self.z)
        return joint_counts(missing, 1)[:, 0, :, 0].astype(int)

    @property
    def correlation_slopes(self) -> Array:
        """Derivatives of the correlations with respect to all statistics, (n_pairs, n_statistics).

        Covariances are correlations times the standard deviations of the continuous variables.
        """
        layout = self.layout
        i, j = layout.order.pairs
        _, _, variances, covariances = layout.order.sections
        sd = np.ones(len(layout.names))
        sd[layout.continuous] = self.scales.sd
        slopes = np.zeros((len(i), layout.order.size))
        rows = np.arange(len(i))
        slopes[rows, covariances.start + rows] = 1 / (sd[i] * sd[j])
        place = np.zeros(len(layout.names), dtype=np.intp)
        place[layout.continuous] = np.arange(variances.start, variances.stop)
        for member in (i, j):
            some = ~layout.is_ordered[member]
            own = member[some]
            slopes[rows[some], place[own]] -= self.rho[some] / (2 * sd[own] ** 2)
        return slopes

    def only(self, layout: Kinds, places: Indices) -> "TwoStep":
        """Give the statistics of some of the variables, in their order here.

        Parameters
        ----------
        layout
            Which of these is what.
        places
            Places of these here, ascending.
        """
        whole, n = self.layout, len(self.layout.names)
        there = np.zeros(n, dtype=bool)
        there[places] = True
        pairs = there[whole.order.pairs[0]] & there[whole.order.pairs[1]]
        tables = np.flatnonzero(pairs[whole.ordered_pairs.places])
        ordered = np.searchsorted(whole.ordered, places[layout.ordered])
        values = np.searchsorted(whole.continuous, places[layout.continuous])
        return TwoStep(
            layout,
            self.codes[ordered],
            self.z[values],
            self.tables.only(ordered, tables),
            Scales(self.scales.mean[values], self.scales.variance[values]),
            self.rho[pairs],
            np.flatnonzero(np.isin(tables, self.filled)),
            Diagnosis(*(part[tables] for part in self.diagnosis)),
        )

    @cached_property
    def _cells(self) -> list[tuple[slice, Cells]]:
        """Cells of the tables as counted, for both kinds of information, by parts of the pairs."""
        tables, rho = self.tables.counted, self.rho[self.layout.ordered_pairs.places]
        return [(place, Cells(tables.part(place), rho[place])) for place in tables.blocks()]

    def influence(self, information: str) -> Influence:
        """Influence of each row on the statistics, see `category_influence`."""
        layout, z, limits = self.layout, self.z, self.tables.limits
        own, mixed, plain = layout.ordered_pairs, layout.mixed_pairs, layout.continuous_pairs
        n, rho = self.n_rows, self.rho
        observed = information == "observed"
        thresholds = threshold_influence(self.tables.margins, limits, n)
        cells = cell_influence(self._cells, own, thresholds / n, observed=observed)
        beside = Answers(self.codes, z, limits, mixed)
        return Influence(
            layout=layout,
            codes=self.codes,
            z=z,
            limits=limits,
            scales=self.scales,
            thresholds=thresholds,
            cells=n * cells,
            scale=ScaleInfluence.of(z, self.scales, observed=observed),
            mixed=MixedInfluence.of(
                beside, rho[mixed.places], self.scales, thresholds, observed=observed
            ),
            pearson=PearsonInfluence.of(
                z, rho[plain.places], plain, self.scales, observed=observed
            ),
        )


def two_step(codes: Codes, values: Array, layout: Kinds, empty_cells: str) -> TwoStep:
    """Estimate thresholds, means, variances and correlations of one group.

    Parameters
    ----------
    codes
        Category numbers of the ordered variables, (n_ordered, n).
    values
        Values of the continuous ones, (n, n_continuous), NaN where missing.
    layout
        Which variable is what.
    empty_cells
        What to do about empty cells, see `PairTables.filled`.
    """
    own, mixed, plain = layout.ordered_pairs, layout.mixed_pairs, layout.continuous_pairs
    tables = PairTables.of(codes, layout)
    filled, changed = tables.filled(empty_cells)
    scales = scales_of(values)
    z = scales.standardised(values)
    rho = np.zeros(len(layout.order.pairs[0]))
    rho[own.places] = polychoric(filled)
    rho[plain.places] = correlations(z, plain)
    rho[mixed.places] = polyserial(Answers(codes, z, tables.limits, mixed))
    return TwoStep(layout, codes, z, tables, scales, rho, changed)
