"""Answers to ordered items as category numbers, and which of them cannot be analysed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError
from measure.moments.asymptotic import require_clusters
from measure.moments.missing import require_coverage
from measure.moments.ordinal.kinds import Kinds
from measure.moments.rows import Rows

Array = NDArray[np.float64]
Codes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

# More categories say nothing more about a response, and their tables are mostly empty.
MOST_CATEGORIES = 12
# Codes that lie further apart than this are sorted instead of counted.
WIDEST_SPAN = 1000


@dataclass(frozen=True, eq=False)
class Coded:
    """Answers with the ordered ones as category numbers.

    Attributes
    ----------
    layout
        The variables, and the codes of the categories of the ordered ones.
    groups
        Values of the groups.
    rows
        Answers used, (n, p) per group, NaN where one is missing.
    codes
        Category numbers from 0, (n_ordered, n) per group; the layout's `width` where an answer is
        missing.
    clusters
        Cluster number of each row, per group; None without clusters.
    n_dropped
        Rows left out.
    """

    layout: Kinds
    groups: tuple[object, ...]
    rows: tuple[Array, ...]
    codes: tuple[Codes, ...]
    clusters: tuple[NDArray[np.intp], ...] | None
    n_dropped: int


def coded(rows: Rows, ordered: tuple[str, ...], *, pairwise: bool) -> Coded:
    """Number the categories of the ordered items, the same in all groups.

    Parameters
    ----------
    rows
        Answers, by group.
    ordered
        Names of the ordered items; names that are not among those of the rows are passed over.
    pairwise
        Keep every row with at least one answer, not only the complete ones.

    Raises
    ------
    DataError
        Where a group has too few rows; where an ordered item holds other than whole numbers, has
        one category or more than `MOST_CATEGORIES`, or a category is not used in every group.
    """
    kept, clusters = [], []
    for k, values in enumerate(rows.values):
        missing = np.isnan(values)
        use = ~missing.all(axis=1) if pairwise else ~missing.any(axis=1)
        used = values if use.all() else values.T[:, use].T
        if pairwise:
            require_coverage(used, rows.names, _of(rows, k))
        else:
            require_rows(len(used), rows.names, _of(rows, k))
        kept.append(used)
        if rows.clusters is not None:
            clusters.append(rows.clusters[k][use])
    chosen = tuple(name for name in rows.names if name in set(ordered))
    places = [rows.names.index(name) for name in chosen]
    categories: dict[str, tuple[int, ...]] = {}
    for name, place in zip(chosen, places, strict=True):
        used_by_group = [
            used_codes(name, values[:, place], within(rows.groups, k))
            for k, values in enumerate(kept)
        ]
        categories[name] = shared_categories(name, used_by_group, rows.groups)
    layout = Kinds(rows.names, categories)
    codes = []
    for values in kept:
        own = np.empty((len(chosen), len(values)), dtype=np.uint8)
        for i, (name, place) in enumerate(zip(chosen, places, strict=True)):
            own[i] = numbered(values[:, place], categories[name], layout.width)
        codes.append(own)
    require_clusters(clusters or None, rows.groups)
    return Coded(
        layout=layout,
        groups=rows.groups,
        rows=tuple(kept),
        codes=tuple(codes),
        clusters=tuple(clusters) if rows.clusters is not None else None,
        n_dropped=rows.n_dropped + sum(map(len, rows.values)) - sum(map(len, kept)),
    )


def shared_categories(
    name: str, used: Sequence[set[int]], groups: tuple[object, ...]
) -> tuple[int, ...]:
    """Give the codes that any group uses, ascending; all groups have to use all of them.

    Parameters
    ----------
    name
        Of the item.
    used
        The codes that each group uses, from `used_codes`.
    groups
        Their values.

    Raises
    ------
    DataError
        There are one or too many categories, or one is not used in every group.
    """
    union = sorted(set().union(*used))
    if len(union) > MOST_CATEGORIES:
        raise DataError(
            f'ordered item "{name}" has {len(union)} categories; at most '
            f"{MOST_CATEGORIES} can be analysed as ordered. Leave it out of `ordered` to treat "
            "it as continuous, or merge neighbouring categories."
        )
    for k, own in enumerate(used):
        if len(own) < 2:
            held = f"only the answer {next(iter(own))}" if own else "no answers"
            raise DataError(
                f'ordered item "{name}" has {held}{within(groups, k)} in the rows that '
                "are used: an item with one category has no thresholds. Leave it out."
            )
    for k, own in enumerate(used):
        absent = [value for value in union if value not in own]
        if absent:
            where = ", ".join(f'"{groups[g]}"' for g, own in enumerate(used) if absent[0] in own)
            raise DataError(
                f'category {absent[0]} of ordered item "{name}" is used in group {where} but not '
                f'in group "{groups[k]}", so that the groups do not have the same thresholds. '
                "Merge it with a neighbouring category in all groups (recode the item), or leave "
                "the item or the group out."
            )
    return tuple(union)


def used_codes(name: str, answers: Array, where: str) -> set[int]:
    """Give the codes among answers (n,), of which NaN ones are missing.

    Raises
    ------
    DataError
        An answer is not a whole number.
    """
    given = answers[~np.isnan(answers)]
    broken = given != np.floor(given)
    if broken.any():
        value = given[broken][0]
        raise DataError(
            f'ordered item "{name}" holds {value:g} in {int((given == value).sum())} '
            f"row{'s' * int((given == value).sum() != 1)}{where}. Ordered "
            "answers are whole numbers: number the categories 1, 2, 3, ..., or leave the item "
            "out of `ordered` to treat it as continuous."
        )
    if not len(given):
        return set()
    low, high = given.min(), given.max()
    if high - low > WIDEST_SPAN:
        return {int(value) for value in np.unique(given)}
    counts = np.bincount((given - low).astype(np.intp))
    return {int(low) + int(step) for step in np.flatnonzero(counts)}


def numbered(answers: Array, categories: tuple[int, ...], missing: int) -> Codes:
    """Give the category number of each answer (n,), and `missing` for NaN."""
    there = ~np.isnan(answers)
    numbers: NDArray[np.integer]
    filled = answers if there.all() else np.where(there, answers, categories[0])
    span = categories[-1] - categories[0]
    if span > WIDEST_SPAN:
        numbers = np.searchsorted(np.array(categories, dtype=float), filled)
    else:
        lookup = np.zeros(span + 1, dtype=np.uint8)
        lookup[np.array(categories) - categories[0]] = np.arange(len(categories))
        numbers = lookup[(filled - categories[0]).astype(np.intp)]
    if not there.all():
        numbers = np.where(there, numbers, missing)
    return numbers.astype(np.uint8)


def within(groups: tuple[object, ...], k: int) -> str:
    """Say in which group, where there are several."""
    return f' in group "{groups[k]}"' if len(groups) > 1 else ""


def _of(rows: Rows, k: int) -> str:
    return f' of group "{rows.groups[k]}"' if len(rows.groups) > 1 else ""


def require_rows(n: int, names: tuple[str, ...], where: str) -> None:
    """Refuse fewer complete rows than the correlations need."""
    p = len(names)
    if n <= p:
        raise DataError(
            f"{n} row{'s' * int(n != 1)}{where} {'has' if n == 1 else 'have'} an answer to all {p} "
            f"variables; their correlations need at least {p + 1}. Use fewer items, gather more "
            'answers, or use missing="pairwise" where answers are missing.'
        )
