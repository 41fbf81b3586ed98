"""Are the groups fit to be compared? Their number, their sizes, the categories that they use."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option, numbers_of
from measure.errors import DataError
from measure.moments.rows import group_labels, rows_of

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

# With more groups than this exact equality in all of them is no question that can be answered.
MOST_GROUPS = 50
# Groups or items named before the rest is only counted.
SHOWN = 6


def require_groups(data: pd.DataFrame, group: str) -> tuple[object, ...]:
    """Give the groups, after refusing a column that holds no groups.

    Raises
    ------
    DataError
        No such column, one value in it, or more values than groups can be compared.
    """
    labels = group_labels(data, group)
    if len(labels) > MOST_GROUPS:
        raise DataError(
            f'the group column "{group}" holds {len(labels)} values; groups are compared one '
            f"with another, at most {MOST_GROUPS}. Give a column of few groups, or cut a number "
            "such as an age into bands (pandas.cut)."
        )
    return labels


def require_sizes(n_obs: dict[object, int], n_items: int, n_parameters: int) -> None:
    """Refuse groups with too few respondents for the model.

    Parameters
    ----------
    n_obs
        Respondents who are used, by group.
    n_items
        Observed variables of the model.
    n_parameters
        Free parameters of a group in which nothing is equal to the others.

    Raises
    ------
    DataError
        Names the groups.
    """
    few = {label: n for label, n in n_obs.items() if n <= max(n_items, n_parameters)}
    if few:
        named = _listed([f'"{label}" ({n})' for label, n in few.items()])
        raise DataError(
            f"too few respondents in {named}: the "
            f"model has {n_items} items and {n_parameters} parameters in each group, and needs "
            "more respondents than that in each. Merge groups that belong together, leave the "
            "small ones out, or use fewer items."
        )


def usable(
    data: pd.DataFrame, names: Sequence[str], group: str, cluster: str | None, *, complete: bool
) -> pd.DataFrame:
    """Rows that a fit would use: with group and cluster, and an answer to all items or to one.

    Raises
    ------
    DataError
        A column is missing or cannot be analysed, or an item is constant in a group.
    """
    rows_of(data, tuple(names), group=group, cluster=cluster)
    answers = data[list(names)]
    keep = answers.notna().all(axis=1) if complete else answers.notna().any(axis=1)
    for column in (group, cluster):
        if column is not None:
            keep &= data[column].notna()
    return data[keep]


def with_shared_categories(
    data: pd.DataFrame, used: pd.DataFrame, ordered: Sequence[str], group: str, categories: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """See to it that every group uses every category of every ordered item.

    Parameters
    ----------
    data
        The answers.
    used
        The rows of them that a fit would use.
    ordered
        The ordered items.
    group
        Column of the groups.
    categories
        "refuse": an unused category is an error. "merge": it is merged with its neighbour in all
        groups: an outer category with the next one, an inner one with the rarer of both neighbours.

    Returns
    -------
    The answers, recoded where categories were merged, and a sentence for each such item.

    Raises
    ------
    DataError
        A category is unused in a group and is not to be merged, or only one would be left.
    OptionError
        For another word.
    """
    known_option("categories", categories, ("refuse", "merge"))
    if not ordered:
        return data, ()
    groups, labels = pd.factorize(used[group].to_numpy(dtype=object))
    answers = numbers_of(used, list(ordered)).to_numpy()
    counts = {item: _counts(answers[:, k], groups, list(labels)) for k, item in enumerate(ordered)}
    gaps = {item: table for item, table in counts.items() if (table == 0).to_numpy().any()}
    if not gaps:
        return data, ()
    if categories == "refuse":
        raise DataError(_unused(gaps))
    recoded, notes = data.copy(), []
    for item, table in gaps.items():
        merged = _merged(table)
        if len(merged) < 2:
            raise DataError(
                f'"{item}" has no two categories that every group uses. Leave it out of the model.'
            )
        lookup = {value: own[0] for own in merged for value in own}
        recoded[item] = numbers_of(data, [item])[item].map(lookup)
        joined = "; ".join("+".join(f"{v:g}" for v in own) for own in merged if len(own) > 1)
        notes.append(
            f'categories of "{item}" that not every group uses were merged in all groups: {joined}.'
        )
    return recoded, tuple(notes)


def _counts(answers: Array, groups: Codes, labels: list[object]) -> pd.DataFrame:
    """Answers (n,) by category (rows) and group (columns), with the place of each one's group."""
    there = ~np.isnan(answers)
    values, places = np.unique(answers[there], return_inverse=True)
    cells = places * len(labels) + groups[there]
    counts = np.bincount(cells, minlength=len(values) * len(labels))
    return pd.DataFrame(counts.reshape(len(values), -1), index=values, columns=labels)


def _unused(gaps: dict[str, pd.DataFrame]) -> str:
    places = []
    for item, table in gaps.items():
        for value, row in table.iterrows():
            absent = [f'"{label}"' for label, n in row.items() if n == 0]
            if absent:
                places.append(f'{value:g} of "{item}" in group {", ".join(absent)}')
    return (
        f"categories that a group does not use: {_listed(places)}. Thresholds of groups can only "
        'be compared where every group uses every category. Give categories="merge" to merge each '
        "with its neighbour in all groups, recode the items, or leave items or groups out."
    )


def _merged(table: pd.DataFrame) -> list[list[float]]:
    """Categories that go together so that every group uses every class of them."""
    classes = [[float(value)] for value in table.index]
    rows = list(table.to_numpy())
    while len(classes) > 1:
        empty = next((k for k, row in enumerate(rows) if (row == 0).any()), None)
        if empty is None:
            break
        sides = [k for k in (empty - 1, empty + 1) if 0 <= k < len(rows)]
        other = min(sides, key=lambda k: rows[k].sum())
        low, high = sorted((empty, other))
        classes[low] += classes.pop(high)
        rows[low] = rows[low] + rows.pop(high)
    return classes


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
