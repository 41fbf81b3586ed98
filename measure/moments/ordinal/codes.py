"""Answers to ordered items as category numbers, and which of them cannot be analysed."""

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
            _require_rows(used, rows.names, _of(rows, k))
        kept.append(used)
        if rows.clusters is not None:
            clusters.append(rows.clusters[k][use])
    chosen = tuple(name for name in rows.names if name in set(ordered))
    categories: dict[str, tuple[int, ...]] = {}
    columns = []
    for name in chosen:
        place = rows.names.index(name)
        item = _Item(name, tuple(values[:, place] for values in kept), rows)
        categories[name] = item.categories()
        columns.append(item)
    layout = Kinds(rows.names, categories)
    codes = []
    for k, values in enumerate(kept):
        own = np.empty((len(chosen), len(values)), dtype=np.uint8)
        for i, item in enumerate(columns):
            own[i] = item.numbered(k, categories[item.name], layout.width)
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


@dataclass(frozen=True, eq=False)
class _Item:
    """Answers to one ordered item, by group."""

    name: str
    answers: tuple[Array, ...]
    rows: Rows

    def categories(self) -> tuple[int, ...]:
        """Codes used in any group, ascending; all groups have to use all of them."""
        used = [self._used(k) for k in range(len(self.answers))]
        union = sorted(set().union(*used))
        if len(union) > MOST_CATEGORIES:
            raise DataError(
                f'ordered item "{self.name}" has {len(union)} categories; at most '
                f"{MOST_CATEGORIES} can be analysed as ordered. Leave it out of `ordered` to treat "
                "it as continuous, or merge neighbouring categories."
            )
        for k, own in enumerate(used):
            if len(own) < 2:
                held = f"only the answer {next(iter(own))}" if own else "no answers"
                raise DataError(
                    f'ordered item "{self.name}" has {held}{_where(self.rows, k)} in the rows that '
                    "are used: an item with one category has no thresholds. Leave it out."
                )
        for k, own in enumerate(used):
            absent = [value for value in union if value not in own]
            if absent:
                raise DataError(self._unused(k, absent, used))
        return tuple(union)

    def _unused(self, k: int, absent: list[int], used: list[set[int]]) -> str:
        labels = self.rows.groups
        value = absent[0]
        where = ", ".join(f'"{labels[g]}"' for g, own in enumerate(used) if value in own)
        return (
            f'category {value} of ordered item "{self.name}" is used in group {where} but not in '
            f'group "{labels[k]}", so that the groups do not have the same thresholds. Merge it '
            "with a neighbouring category in all groups (recode the item), or leave the item or "
            "the group out."
        )

    def _used(self, k: int) -> set[int]:
        answers = self.answers[k]
        given = answers[~np.isnan(answers)]
        broken = given != np.floor(given)
        if broken.any():
            value = given[broken][0]
            raise DataError(
                f'ordered item "{self.name}" holds {value:g} in {int((given == value).sum())} '
                f"row{'s' * int((given == value).sum() != 1)}{_where(self.rows, k)}. Ordered "
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

    def numbered(self, k: int, categories: tuple[int, ...], missing: int) -> Codes:
        """Category number of each row of a group."""
        answers = self.answers[k]
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


def _where(rows: Rows, k: int) -> str:
    return f' in group "{rows.groups[k]}"' if len(rows.groups) > 1 else ""


def _of(rows: Rows, k: int) -> str:
    return f' of group "{rows.groups[k]}"' if len(rows.groups) > 1 else ""


def _require_rows(values: Array, names: tuple[str, ...], where: str) -> None:
    n, p = values.shape
    if n <= p:
        raise DataError(
            f"{n} row{'s' * int(n != 1)}{where} {'has' if n == 1 else 'have'} an answer to all {p} "
            f"variables; their correlations need at least {p + 1}. Use fewer items, gather more "
            'answers, or use missing="pairwise" where answers are missing.'
        )
