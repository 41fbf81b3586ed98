"""The statistics of a group as a model has them, in place of those that its answers give.

The influence of rows on statistics is a mean-zero function of the answers at the values where it is
taken. Taken at values that a model implies, its mean over the rows is, to first order, how far the
statistics of the rows lie from the model, and its square what that distance varies by if the model
holds: a score and its variance, neither of which rests on what few answers happen to say.
"""

import numpy as np
from numpy.typing import NDArray

from measure.distributions import normal_cdf
from measure.model import Implied
from measure.moments.ordinal.continuous_pairs import Scales
from measure.moments.ordinal.kinds import Kinds
from measure.moments.ordinal.pair_tables import PairTables
from measure.moments.ordinal.polychoric import Cells, Tables
from measure.moments.ordinal.two_step import TwoStep

Array = NDArray[np.float64]
Codes = NDArray[np.uint8]


def supposed(codes: Codes, values: Array, layout: Kinds, implied: Implied) -> TwoStep:
    """Put implied moments in the place of the statistics of a group.

    Parameters
    ----------
    codes
        Category numbers of the ordered variables, (n_ordered, n).
    values
        Values of the continuous ones, (n, n_continuous), NaN where missing.
    layout
        Which variable is what.
    implied
        What a model implies: of ordered items the moments of standardised responses.

    Returns
    -------
    TwoStep
        Its tables hold as many answers as there are, as many in each category and cell as normal
        responses would give: the information about a correlation is then the expected one, which
        is positive however few the answers.
    """
    assert implied.mu is not None
    assert implied.thresholds is not None
    own = layout.continuous
    scales = Scales(implied.mu[own], implied.sigma[own, own])
    sd = np.ones(len(layout.names))
    sd[own] = scales.sd
    i, j = layout.order.pairs
    rho = implied.sigma[i, j] / (sd[i] * sd[j])
    item, place = layout.thresholds
    limits = np.full((len(layout.ordered), layout.width + 1), np.inf)
    limits[:, 0] = -np.inf
    limits[item, place + 1] = implied.thresholds
    return TwoStep(
        layout,
        codes,
        scales.standardised(values),
        _expected(PairTables.of(codes, layout), layout, limits, rho[layout.ordered_pairs.places]),
        scales,
        rho,
        np.zeros(0, dtype=np.intp),
    )


def _expected(counted: PairTables, layout: Kinds, limits: Array, rho: Array) -> PairTables:
    """Spread the answers over the categories (n_items, width + 1) as correlations have them."""
    pairs, width = layout.ordered_pairs, layout.width
    margins = counted.margins.sum(axis=1)[:, None] * np.diff(normal_cdf(limits), axis=1)
    # A cell that holds no answers is computed less precisely; here all of them count.
    every = np.ones((len(rho), width, width))
    tables = Tables(every, limits[pairs.first], limits[pairs.second])
    counts = counted.counted.counts.sum(axis=(1, 2), keepdims=True) * np.concatenate(
        [Cells(tables.part(place), rho[place]).probabilities for place in tables.blocks()]
    )
    filled = Tables(counts, tables.rows, tables.columns)
    return PairTables(margins, limits, filled, counted.cells)
