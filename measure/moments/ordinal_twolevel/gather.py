"""Answers of rows in clusters, and the moments at two levels that come of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError
from measure.model import Implied
from measure.moments import Categories, Moments
from measure.moments.ordinal.codes import Coded, coded
from measure.moments.ordinal_twolevel.notes import improper_notes, limit_notes
from measure.moments.ordinal_twolevel.two_step import Answered, TwoLevelStatistics, two_step
from measure.moments.rows import Rows
from measure.specification.levels import Levels

Array = NDArray[np.float64]


class Gathered(NamedTuple):
    """Answers of one group: as they were coded, and as the statistics take them."""

    coded: Coded
    answered: Answered


def answers_of(rows: Rows, *, pairwise: bool, n_within_only: int = 0) -> Gathered:
    """Number categories and clusters.

    Parameters
    ----------
    rows
        Answers of one group, in clusters; all items are ordered.
    pairwise
        Keep every row with an answer, not only the complete ones.
    n_within_only
        So many items, the first ones, are taken not to differ between clusters.

    Raises
    ------
    DataError
        Where the answers of an item are no categories, or there is one cluster.
    """
    found = coded(rows, rows.names, pairwise=pairwise)
    assert found.clusters is not None
    _, clusters = np.unique(found.clusters[0], return_inverse=True)
    layout = found.layout
    return Gathered(
        found,
        Answered(
            layout.names,
            found.codes[0],
            layout.n_categories,
            clusters.astype(np.intp),
            n_within_only,
        ),
    )


def from_rows(rows: Rows, levels: Levels, *, pairwise: bool) -> Moments:
    """Two-step maximum likelihood moments of ordered items at two levels.

    Parameters
    ----------
    rows
        Answers of one group, of the items in the order of `levels.names`, with clusters.
    levels
        Which item is modelled where; none between clusters only.
    pairwise
        Use all answers: those to an item by themselves, of a pair those of rows that have both.
        Otherwise rows with a missing answer are left out.

    Raises
    ------
    DataError
        Where the answers of an item are no categories, do not vary within clusters, or vary between
        them no more than by chance although the model has them there; where there is one cluster.
    """
    found, answered = answers_of(rows, pairwise=pairwise, n_within_only=levels.n_within_only)
    statistics = two_step(answered)
    _require_variances(statistics)
    n = answered.codes.shape[1]
    thresholds, within, between = statistics.layout.parted(statistics.vector)
    n_outer = sum(statistics.layout.n_thresholds[levels.n_within_only :])
    return Moments(
        names=rows.names,
        groups=rows.groups,
        n_obs=(n,),
        sample=(
            Implied(np.zeros(len(within)), within, thresholds),
            Implied(np.zeros(len(between)), between, thresholds[len(thresholds) - n_outer :]),
        ),
        counts=(n,),
        rows=found.rows,
        clusters=(answered.clusters,),
        n_dropped=found.n_dropped,
        ordinal=Categories(
            ordered=tuple(found.layout.values),
            values=found.layout.values,
            n_thresholds=found.layout.n_thresholds,
            spread=n * statistics.covariance,
            notes=(*limit_notes(statistics), *improper_notes(within, between)),
            information="observed",
            levels=levels,
        ),
    )


def _require_variances(statistics: TwoLevelStatistics) -> None:
    names = statistics.answered.names[statistics.layout.n_within_only :]
    tau = statistics.tau[statistics.layout.n_within_only :]
    none = [f'"{name}"' for name, own in zip(names, tau, strict=True) if own == 0]
    if none:
        raise DataError(
            f"{', '.join(none)}: clusters do not differ more in the answers than their members "
            "would make them differ by chance, so that there is no variance between clusters to be "
            "modelled. Use the item in the block `level: 1` only."
        )
