"""Answers, groups and clusters that tests of differential item functioning compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import numeric_items
from measure.errors import DataError, OptionError
from measure.moments.ordinal.codes import MOST_CATEGORIES

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

FEWEST_IN_GROUP = 20
MOST_GROUPS = 30
FEW_OF_A_GROUP = 5
"""Clusters of a group below which its sums over clusters say little."""


@dataclass(frozen=True, eq=False)
class GroupedAnswers:
    """Answers as category numbers, (n_obs, n_items), -1 where missing; each row has a group.

    Attributes
    ----------
    items
        Names of the columns.
    values
        Of each item, the answer that each category number stands for.
    labels
        (n_obs,) number of the group; 0 is the largest.
    groups
        The groups' sizes, in that order.
    clusters
        (n_obs,) numbers of clusters; None without.
    n_dropped
        Rows without a group, a cluster, or any answer.
    """

    items: tuple[str, ...]
    codes: Codes
    values: tuple[Array, ...]
    labels: Codes
    groups: "pd.Series[int]"
    clusters: Codes | None
    n_dropped: int

    @property
    def n_groups(self) -> int:
        """How many groups are compared."""
        return len(self.groups)

    @property
    def n_clusters(self) -> int | None:
        """How many clusters the rows come from."""
        return None if self.clusters is None else int(self.clusters.max()) + 1

    @cached_property
    def membership(self) -> Array:
        """(n_obs, n_groups - 1): 1 where a row belongs to a group but the first."""
        member = self.labels[:, None] == np.arange(1, self.n_groups)
        return np.asarray(member, dtype=float)

    def notes(self) -> tuple[str, ...]:
        """Say what was left out, and which groups lie in few clusters."""
        said = []
        if self.n_dropped:
            rows = "row" if self.n_dropped == 1 else "rows"
            said.append(
                f"{self.n_dropped} {rows} without a group, a cluster or any answer left out."
            )
        if self.clusters is not None:
            for number, group in enumerate(self.groups.index):
                n = len(np.unique(self.clusters[self.labels == number]))
                if n < FEW_OF_A_GROUP:
                    said.append(
                        f'The group "{group}" lies in {n} clusters; that few can hardly show '
                        "whether items work differently for it."
                    )
        return tuple(said)


def grouped_answers(
    data: pd.DataFrame, items: Sequence[str], group: str, cluster: str | None
) -> GroupedAnswers:
    """Check and number answers, groups and clusters.

    Raises
    ------
    DataError
        Items that cannot be analysed or have more than 12 categories; fewer than two groups, more
        than 30, or one of fewer than 20 respondents.
    OptionError
        An unknown column.
    """
    for column in (group, cluster):
        if column is not None and list(data.columns).count(column) != 1:
            raise OptionError(f'the data need one column "{column}".')
    names = list(items)
    answers = numeric_items(data, names, minimum_items=3, minimum_rows=2 * FEWEST_IN_GROUP)
    values = answers.to_numpy()
    keep = data[group].notna().to_numpy() & ~np.isnan(values).all(axis=1)
    if cluster is not None:
        keep &= data[cluster].notna().to_numpy()
    labels, groups = numbered_groups(data[group][keep])
    used = values[keep]
    found = tuple(_values(name, used[:, k]) for k, name in enumerate(names))
    columns = [_codes(used[:, k], own) for k, own in enumerate(found)]
    return GroupedAnswers(
        items=tuple(names),
        codes=np.column_stack(columns),
        values=found,
        labels=labels,
        groups=groups,
        clusters=None if cluster is None else pd.factorize(data[cluster][keep])[0].astype(np.intp),
        n_dropped=int((~keep).sum()),
    )


def numbered_groups(values: "pd.Series[Any]") -> tuple[Codes, "pd.Series[int]"]:
    """Number of each row's group, the largest first, and their sizes."""
    codes, names = pd.factorize(values)
    counts = np.bincount(codes, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    sizes = pd.Series(counts[order], pd.Index(names[order], name=values.name), name="count")
    if len(sizes) < 2:
        raise DataError("there is one group only; differences need at least two.")
    if len(sizes) > MOST_GROUPS:
        raise DataError(
            f"there are {len(sizes)} groups, and up to {MOST_GROUPS} can be compared. Join them "
            "into fewer, or choose another column: this one seems to hold numbers or names."
        )
    small = sizes[sizes < FEWEST_IN_GROUP]
    if len(small):
        raise DataError(
            f'the group "{small.index[0]}" has {small.iloc[0]} respondents, at least '
            f"{FEWEST_IN_GROUP} are needed. Join groups, or leave it out."
        )
    return np.argsort(order)[codes].astype(np.intp), sizes


def _values(name: str, answers: Array) -> Array:
    """Give the different answers to an item, the lowest first."""
    found = np.unique(answers[~np.isnan(answers)])
    if len(found) > MOST_CATEGORIES:
        raise DataError(
            f'item "{name}" has {len(found)} different answers; up to {MOST_CATEGORIES} ordered '
            "categories can be tested."
        )
    if len(found) < 2:
        raise DataError(f'item "{name}" is constant among the rows that have a group.')
    return found


def _codes(answers: Array, found: Array) -> Codes:
    """Category numbers from 0, -1 where an answer is missing."""
    return np.where(np.isnan(answers), -1, np.searchsorted(found, answers)).astype(np.intp)
