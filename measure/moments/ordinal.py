"""Thresholds and category correlations of ordered answers, beside continuous ones.

The two-step maximum likelihood method (Olsson 1979; Muthén 1984): thresholds, means and variances
from each variable by itself, then a correlation from each pair with those fixed. The order of the
statistics stands in `layout`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.model import Implied
from measure.moments import Categories, Moments
from measure.moments.category_influence import (
    Influence,
    MixedInfluence,
    PearsonInfluence,
    ScaleInfluence,
    cell_influence,
)
from measure.moments.codes import Coded, coded
from measure.moments.continuous_pairs import Scales, correlations, scales_of
from measure.moments.influence_sums import joint_covariance
from measure.moments.layout import Layout
from measure.moments.pair_tables import filled, joint_counts, margins_of
from measure.moments.polychoric import Tables, polychoric
from measure.moments.polyserial import Answers, polyserial
from measure.moments.rows import Rows
from measure.moments.thresholds import limits_of, threshold_influence

Array = NDArray[np.float64]
Codes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Statistics:
    """Statistics of one group, and what they were computed from.

    `tables` are those of the pairs of ordered items, as counted; `rho` are the correlations of all
    pairs, in the order of the layout.
    """

    layout: Layout
    codes: Codes
    z: Array
    margins: Array
    tables: Tables
    limits: Array
    scales: Scales
    rho: Array

    @property
    def n_rows(self) -> int:
        """Rows of the group."""
        return int(self.codes.shape[1])

    @property
    def implied(self) -> Implied:
        """Thresholds, means and covariances, as a saturated model has them."""
        layout = self.layout
        sd, mu = np.ones(len(layout.names)), np.zeros(len(layout.names))
        sd[layout.continuous], mu[layout.continuous] = self.scales.sd, self.scales.mean
        sigma = np.diag(sd**2)
        i, j = layout.pairs
        sigma[i, j] = sigma[j, i] = self.rho * sd[i] * sd[j]
        item, place = layout.thresholds
        return Implied(mu, sigma, self.limits[item, place + 1])

    @property
    def mixed(self) -> Answers:
        """Pairs of an ordered and a continuous variable."""
        return Answers(self.codes, self.z, self.limits, self.layout.mixed_pairs)

    def influence(self) -> Influence:
        """Influence of each row on the statistics."""
        layout, z = self.layout, self.z
        own, mixed, plain = layout.ordered_pairs, layout.mixed_pairs, layout.continuous_pairs
        thresholds = threshold_influence(self.margins, self.limits, self.n_rows)
        return Influence(
            layout=layout,
            codes=self.codes,
            z=z,
            limits=self.limits,
            scales=self.scales,
            thresholds=thresholds,
            cells=cell_influence(self.tables, self.rho[own.places], own, thresholds, self.n_rows),
            scale=ScaleInfluence.of(z, self.scales),
            mixed=MixedInfluence.of(self.mixed, self.rho[mixed.places], self.scales, thresholds),
            pearson=PearsonInfluence.of(z, self.rho[plain.places], plain, self.scales),
        )


def statistics_of(codes: Codes, values: Array, layout: Layout, empty_cells: str) -> Statistics:
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
        What to do about empty cells, see `pair_tables.filled`.
    """
    joint = joint_counts(codes, layout.width)
    margins = margins_of(joint)
    limits = limits_of(margins)
    own, mixed, plain = layout.ordered_pairs, layout.mixed_pairs, layout.continuous_pairs
    tables = Tables(joint[own.first, :, own.second], limits[own.first], limits[own.second])
    binary = (layout.n_categories[own.first] == 2) & (layout.n_categories[own.second] == 2)
    counts, _ = filled(tables.counts, binary, empty_cells)
    scales = scales_of(values)
    z = scales.standardised(values)
    rho = np.zeros(len(layout.pairs[0]))
    rho[own.places] = polychoric(Tables(counts, tables.rows, tables.columns))
    rho[plain.places] = correlations(z, plain)
    if len(mixed.places):
        rho[mixed.places] = polyserial(Answers(codes, z, limits, mixed))
    return Statistics(layout, codes, z, margins, tables, limits, scales, rho)


def from_rows(rows: Rows, ordered: tuple[str, ...], *, pairwise: bool) -> Moments:
    """Two-step maximum likelihood moments of ordered and continuous variables.

    Parameters
    ----------
    rows
        Answers, by group.
    ordered
        Names of the ordered variables; names that are not among those of the rows are passed over.
    pairwise
        Use all answers: thresholds from those of an item, correlations from the rows that have
        both of a pair. Otherwise rows with a missing answer are left out.

    Raises
    ------
    DataError
        Where the answers of an ordered item are no categories (see `codes.coded`).
    """
    found = coded(rows, ordered, pairwise=pairwise)
    groups = [_group(found, k, "2x2") for k in range(len(found.groups))]
    return Moments(
        names=found.layout.names,
        groups=found.groups,
        n_obs=tuple(group.n_rows for group in groups),
        sample=tuple(group.implied for group in groups),
        # Chi-squares count N - G, as lavaan's do.
        counts=tuple(group.n_rows - 1 for group in groups),
        rows=found.rows,
        clusters=found.clusters,
        n_dropped=found.n_dropped,
        ordinal=Categories(
            ordered=tuple(found.layout.values),
            values=found.layout.values,
            n_thresholds=found.layout.n_thresholds,
            gamma=gamma_of(groups, found.clusters),
            notes=(),
        ),
    )


def _group(found: Coded, k: int, empty_cells: str) -> Statistics:
    layout = found.layout
    values = found.rows[k][:, layout.continuous]
    return statistics_of(found.codes[k], values, layout, empty_cells)


def gamma_of(groups: list[Statistics], clusters: tuple[NDArray[np.intp], ...] | None) -> Array:
    """N times the asymptotic covariance of the statistics of all groups, stacked."""
    influences = [group.influence().rows for group in groups]
    sizes = [group.n_rows for group in groups]
    return joint_covariance(influences, sizes, clusters, groups[0].layout.size)
