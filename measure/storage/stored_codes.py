"""Stored answers to ordered items as category numbers, a byte each, in a file that is mapped.

Two readings: the first says which categories there are and which rows are used, the second numbers
them. What is then counted of pairs and summed of influences reads the numbers some rows at a time,
as it does in memory, and gives the same to the last bit.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError, OptionError
from measure.moments.asymptotic import require_clusters
from measure.moments.missing import refuse_apart
from measure.moments.ordinal.codes import (
    Coded,
    numbered,
    require_rows,
    shared_categories,
    used_codes,
    within,
)
from measure.moments.ordinal.kinds import Kinds
from measure.storage.places import Indices, Numbering
from measure.storage.stored_answers import StoredAnswers

Array = NDArray[np.float64]
Codes = NDArray[np.uint8]


@dataclass(frozen=True)
class Asked:
    """Which columns, and which rows of them: those of `coded` and of `rows_of`."""

    names: tuple[str, ...]
    groups: tuple[object, ...]
    group: str | None
    cluster: str | None
    pairwise: bool


def coded_answers(answers: StoredAnswers, asked: Asked, ordered: Sequence[str]) -> Coded:
    """Number the answers to ordered items, as `codes.coded` does those in memory.

    Returns
    -------
    Coded
        Without `rows`: (n, 0) per group. The numbers lie in temporary files that are gone when
        nothing refers to them any more.

    Raises
    ------
    OptionError
        Some variables are not ordered.
    DataError
        As `codes.coded`; and where the disk has no room for a byte an answer.
    """
    continuous = [name for name in asked.names if name not in set(ordered)]
    if continuous:
        raise OptionError(
            f'"{continuous[0]}" is continuous and others are ordered. Of stored answers all '
            "variables of a model have to be ordered, or none. Read the columns into memory, or "
            "name all in `ordered`."
        )
    first = _Survey(answers, asked)
    categories = first.categories()
    layout = Kinds(asked.names, categories)
    codes = tuple(_mapped(len(asked.names), n) for n in first.sizes)
    filled = [0] * len(codes)
    for values, _, of_group in _used(answers, asked):
        for k, own in enumerate(codes):
            rows = values[of_group == k]
            place = slice(filled[k], filled[k] + len(rows))
            for i, name in enumerate(asked.names):
                own[i, place] = numbered(rows[:, i], categories[name], layout.width)
            filled[k] += len(rows)
    clusters = first.clusters()
    require_clusters(clusters, asked.groups, asked.cluster)
    return Coded(
        layout=layout,
        groups=asked.groups,
        rows=tuple(np.empty((n, 0)) for n in first.sizes),
        codes=codes,
        clusters=clusters,
        n_dropped=first.n_rows - sum(first.sizes),
    )


def _used(answers: StoredAnswers, asked: Asked) -> Iterator[tuple[Array, Indices, Indices]]:
    """Give the rows that are used, with the numbers of their clusters and groups."""
    groups, clusters = Numbering(), Numbering()
    beside = [name for name in (asked.group, asked.cluster) if name is not None]
    # Two readings at once, so that words and numbers are each taken as they are.
    others = answers.batches(beside) if beside else None
    for values in answers.numbers(asked.names):
        n = len(values)
        of_group = of_cluster = np.zeros(n, dtype=np.intp)
        if others is not None:
            batch = next(others)
            if asked.group is not None:
                of_group = groups.of(batch[asked.group])
            if asked.cluster is not None:
                of_cluster = clusters.of(batch[asked.cluster])
        missing = np.isnan(values)
        answered = ~missing.all(axis=1) if asked.pairwise else ~missing.any(axis=1)
        use = answered & (of_group >= 0) & (of_cluster >= 0)
        yield values[use], of_cluster[use], of_group[use]


class _Survey:
    """What the first reading finds."""

    def __init__(self, answers: StoredAnswers, asked: Asked) -> None:
        self._asked = asked
        n_groups, p = len(asked.groups), len(asked.names)
        self._codes = [[set[int]() for _ in asked.names] for _ in range(n_groups)]
        self._together = np.zeros((n_groups, p, p))
        self._clusters: list[list[Indices]] = [[] for _ in range(n_groups)]
        self.sizes = [0] * n_groups
        self.n_rows = answers.n_rows
        for values, clusters, of_group in _used(answers, asked):
            for k in range(n_groups):
                own = of_group == k
                self._add(k, values[own], clusters[own])

    def _add(self, k: int, values: Array, clusters: Indices) -> None:
        self.sizes[k] += len(values)
        if self._asked.pairwise:
            present = (~np.isnan(values)).astype(float)
            self._together[k] += present.T @ present
        if self._asked.cluster is not None:
            self._clusters[k].append(clusters)
        for i, name in enumerate(self._asked.names):
            where = within(self._asked.groups, k)
            self._codes[k][i] |= used_codes(name, values[:, i], where)

    def categories(self) -> dict[str, tuple[int, ...]]:
        """Give the categories of each item, or refuse what cannot be analysed."""
        names, groups = self._asked.names, self._asked.groups
        for k, n in enumerate(self.sizes):
            where = f' of group "{groups[k]}"' if len(groups) > 1 else ""
            if self._asked.pairwise:
                refuse_apart(self._together[k], n, names, where)
            else:
                require_rows(n, names, where)
        return {
            name: shared_categories(name, [own[i] for own in self._codes], groups)
            for i, name in enumerate(names)
        }

    def clusters(self) -> tuple[Indices, ...] | None:
        """Give the cluster of each row that is used, per group."""
        if self._asked.cluster is None:
            return None
        return tuple(np.concatenate(own) for own in self._clusters)


def _mapped(n_items: int, n: int) -> Codes:
    """Give room for numbers in a temporary file."""
    try:
        # The map holds the file open, which has no name and is gone with it.
        with tempfile.TemporaryFile() as file:
            # A map that grew into a full disk would end the process.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, n_items * n)
            return np.memmap(file, dtype=np.uint8, mode="w+", shape=(n_items, n))
    except OSError as error:
        raise DataError(
            f"{n_items * n / 1e9:.1f} GB are needed for the answers as category numbers, and "
            f'"{tempfile.gettempdir()}" cannot hold them: {error.strerror}. Make room, or set '
            "TMPDIR to a folder with more."
        ) from error
