"""Raw answers of the variables of a model, by group, with the clusters they belong to."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import item_values, require_variance
from measure.errors import DataError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Answers as numbers, (n, p) per group, with cluster numbers and what was dropped so far."""

    names: tuple[str, ...]
    groups: tuple[object, ...]
    values: tuple[Array, ...]
    clusters: tuple[NDArray[np.intp], ...] | None
    n_dropped: int


def group_labels(data: pd.DataFrame, group: str) -> tuple[object, ...]:
    """Values of the groups, in the order in which the rows bring them in.

    Raises
    ------
    DataError
        Where there is no such column, or only one group in it.
    """
    return _groups(data, group)[1]


def _groups(data: pd.DataFrame, group: str) -> tuple[NDArray[np.intp], tuple[object, ...]]:
    """Give the number of each row's group, -1 for none, and the values of the groups."""
    codes, found = pd.factorize(_column(data, group, "group").to_numpy(dtype=object))
    labels = tuple(found.tolist())
    if len(labels) < 2:
        raise DataError(
            f'the group column "{group}" holds {len(labels)} value{"s" * (len(labels) != 1)}; '
            "a model of several groups needs at least two. Leave `group` out for one group."
        )
    return codes, labels


def rows_of(
    data: pd.DataFrame,
    names: tuple[str, ...],
    *,
    group: str | None = None,
    cluster: str | None = None,
) -> Rows:
    """Take the named columns as numbers, row by row in their groups.

    Rows without a group or a cluster are left out and counted.

    Raises
    ------
    DataError
        Where a column is missing, not numeric, infinite, empty or constant; in a group by itself,
        where an item is empty or constant there.
    """
    values = item_values(data, names)
    keep = np.ones(len(values), dtype=bool)
    labels: tuple[object, ...] = (1,)
    of_group = np.zeros(len(values), dtype=np.intp)
    if group is not None:
        of_group, labels = _groups(data, group)
        keep &= of_group >= 0
    codes = None
    if cluster is not None:
        codes, _ = pd.factorize(_column(data, cluster, "cluster"))
        if (codes < 0).all():
            raise DataError(f'the cluster column "{cluster}" is empty. Leave `cluster` out.')
        keep &= codes >= 0
    if group is None and keep.all():
        return Rows(names, labels, (values,), None if codes is None else (codes,), 0)
    chosen = [np.flatnonzero(keep & (of_group == k)) for k in range(len(labels))]
    # Columns stay together in memory; all rows are taken as they are.
    parts = tuple(values if len(rows) == len(values) else values.T[:, rows].T for rows in chosen)
    if group is not None:
        for label, part in zip(labels, parts, strict=True):
            require_variance(part, names, f' in group "{label}"')
    clusters = None if codes is None else tuple(codes[rows].astype(np.intp) for rows in chosen)
    return Rows(names, labels, parts, clusters, int(len(values) - keep.sum()))


def _column(data: pd.DataFrame, name: str, what: str) -> pd.Series:
    if not isinstance(data, pd.DataFrame):
        raise DataError(
            "the data must be a pandas DataFrame with one row a respondent, "
            f"not {type(data).__name__}."
        )
    if list(data.columns).count(name) != 1:
        known = ", ".join(str(column) for column in list(data.columns)[:10])
        raise DataError(
            f'the data need one column "{name}", which `{what}` names. Columns there: {known}.'
        )
    return data[name]
