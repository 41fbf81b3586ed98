"""Moments of ordered answers, beside continuous ones: thresholds and category correlations.

The estimates of each group stand in `two_step`, the order of the statistics in
`measure.specification.responses.Layout`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError
from measure.model import Implied
from measure.moments import Categories, Moments
from measure.moments.ordinal.codes import Coded, coded
from measure.moments.ordinal.influence_sums import (
    Influences,
    joint_covariance,
    joint_root,
    joint_variances,
)
from measure.moments.ordinal.notes import (
    abnormal_note,
    improper_note,
    notes_of,
    pair_names,
    sparse_pairs,
    understatement,
)
from measure.moments.ordinal.supposed import supposed
from measure.moments.ordinal.two_step import TwoStep, two_step
from measure.moments.rows import Rows
from measure.threads import on_one_thread

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


def from_rows(
    rows: Rows, ordered: tuple[str, ...], *, pairwise: bool, information: str = "first.order"
) -> Moments:
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
    information
        How the asymptotic covariance comes about, see `ordinal.influence`.

    Raises
    ------
    DataError
        Where the answers of an ordered item are no categories (see `codes.coded`), or two
        variables determine each other.
    """
    return from_codes(coded(rows, ordered, pairwise=pairwise), information=information)


def from_codes(
    found: Coded, *, information: str, keep_rows: bool = True, diagnose: bool = True
) -> Moments:
    """Give the same of answers that have been numbered.

    Parameters
    ----------
    found
        The answers.
    information
        As for `from_rows`.
    keep_rows
        Whether the moments keep the rows for what is asked of single ones later.
    diagnose
        Whether to look for sparse tables and answers that are not normal, for the notes.

    Raises
    ------
    DataError
        Two variables determine each other.
    """
    groups = estimates(found, "2x2")
    refuse_perfect(groups, found)
    spread = spread_of(groups, found.clusters, information)
    return assembled(found, groups, spread, information, keep_rows=keep_rows, diagnose=diagnose)


@dataclass(frozen=True, eq=False)
class Spread:
    """N times the covariance matrix of the statistics of all groups, and what weighs them in DWLS.

    The names are those of `Categories`.
    """

    spread: Array | None
    root: Array | None
    variances: Array | None

    def only(self, kept: Indices) -> "Spread":
        """Give those of some of the statistics."""
        return Spread(
            None if self.spread is None else self.spread[kept[:, None], kept],
            None if self.root is None else self.root[kept],
            None if self.variances is None else self.variances[kept],
        )


def spread_of(
    groups: Sequence[TwoStep], clusters: tuple[Indices, ...] | None, information: str
) -> Spread:
    """Give the asymptotic covariance of the statistics of all groups."""
    rooted = _few_clusters(groups, clusters)
    return Spread(
        None if rooted else gamma_of(groups, clusters, information),
        root_of(groups, rooted, information) if rooted else None,
        None if information == "first.order" else variances_of(groups, clusters, "first.order"),
    )


def assembled(
    found: Coded,
    groups: Sequence[TwoStep],
    spread: Spread,
    information: str,
    *,
    keep_rows: bool = True,
    diagnose: bool = True,
) -> Moments:
    """Put the statistics of all groups together, with what is to be said about them."""
    notes: list[str] = []
    for group, label in zip(groups, found.groups, strict=True):
        where = place_of(label, found)
        if not diagnose:
            continue
        doubt = abnormal_note(group, where) if information == "first.order" else ""
        notes += [*notes_of(group, where), *filter(None, [doubt, improper_note(group, where)])]
    return Moments(
        names=found.layout.names,
        groups=found.groups,
        n_obs=tuple(group.n_rows for group in groups),
        sample=tuple(group.implied for group in groups),
        # Chi-squares count N - G, as lavaan's do.
        counts=tuple(group.n_rows - 1 for group in groups),
        rows=found.rows if keep_rows else None,
        clusters=found.clusters,
        n_dropped=found.n_dropped,
        ordinal=Categories(
            ordered=tuple(found.layout.values),
            values=found.layout.values,
            n_thresholds=found.layout.n_thresholds,
            spread=spread.spread,
            root=spread.root,
            notes=tuple(notes),
            information=information,
            sparse=tuple(
                dict.fromkeys(pair for group in groups if diagnose for pair in sparse_pairs(group))
            ),
            understated=max(map(understatement, groups)) if diagnose else 0.0,
            variances=spread.variances,
        ),
    )


def place_of(label: object, found: Coded) -> str:
    """Name a group, where there are several."""
    return f' in group "{label}"' if len(found.groups) > 1 else ""


@on_one_thread
def estimates(found: Coded, empty_cells: str) -> list[TwoStep]:
    """Estimate the statistics of every group."""
    layout = found.layout
    return [
        two_step(codes, values[:, layout.continuous], layout, empty_cells)
        for codes, values in zip(found.codes, found.rows, strict=True)
    ]


@on_one_thread
def gamma_of(
    groups: Sequence[TwoStep], clusters: Sequence[Indices] | None, information: str
) -> Array:
    """N times the asymptotic covariance of the statistics of all groups, stacked."""
    influences = [group.influence(information).rows for group in groups]
    sizes = [group.n_rows for group in groups]
    return joint_covariance(influences, sizes, clusters, groups[0].layout.order.size)


@on_one_thread
def root_of(groups: Sequence[TwoStep], clusters: Sequence[Indices], information: str) -> Array:
    """Give a matrix, with a column a cluster, that times its transpose is `gamma_of`."""
    influences = [group.influence(information).rows for group in groups]
    sizes = [group.n_rows for group in groups]
    return joint_root(influences, sizes, clusters, groups[0].layout.order.size)


def _few_clusters(
    groups: Sequence[TwoStep], clusters: tuple[Indices, ...] | None
) -> Sequence[Indices] | None:
    """Give the clusters where there are fewer than statistics of all groups; None else."""
    if clusters is None:
        return None
    n_clusters = sum(len(np.unique(own)) for own in clusters)
    return clusters if n_clusters < groups[0].layout.order.size * len(groups) else None


@on_one_thread
def variances_of(
    groups: Sequence[TwoStep], clusters: Sequence[Indices] | None, information: str
) -> Array:
    """Diagonal of `gamma_of`."""
    influences = [group.influence(information).rows for group in groups]
    sizes = [group.n_rows for group in groups]
    return joint_variances(influences, sizes, clusters, groups[0].layout.order.size)


def influences_of(moments: Moments) -> list[Influences]:
    """Influence of the rows of each group on its statistics, from the rows that moments keep."""
    assert moments.ordinal is not None
    information = moments.ordinal.information
    return [group.influence(information).rows for group in estimates(_kept(moments), "2x2")]


@on_one_thread
def influences_at(moments: Moments, implied: Sequence[Implied]) -> list[Influences]:
    """Influence of the rows of each group at the moments that a model implies; see `supposed`."""
    found = _kept(moments)
    groups = [
        supposed(codes, values[:, found.layout.continuous], found.layout, own)
        for codes, values, own in zip(found.codes, found.rows, implied, strict=True)
    ]
    return [group.influence("observed").rows for group in groups]


def _kept(moments: Moments) -> Coded:
    """Number the answers that moments keep."""
    assert moments.ordinal is not None
    rows = Rows(moments.names, moments.groups, moments.kept_rows, None, 0)
    return coded(rows, moments.ordinal.ordered, pairwise=True)


def refuse_perfect(groups: Sequence[TwoStep], found: Coded) -> None:
    """Refuse variables that determine each other.

    Raises
    ------
    DataError
        Naming the first two.
    """
    for group, label in zip(groups, found.groups, strict=True):
        pairs = pair_names(group, group.perfect)
        if pairs:
            raise DataError(
                f"{pairs[0]}{place_of(label, found)} determine each other: the correlation of "
                "their latent responses is 1 or -1, and has no standard error. Leave one of them "
                "out, or merge categories until every cell of their table is used."
            )
