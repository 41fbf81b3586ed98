"""Seeded repeated work: what bootstrap, permutation and simulation have in common.

Every repetition gets a generator of its own, seeded by the seed of the whole and the index of the
repetition, so that the results depend on neither the number of workers nor the order of the work.
Repetitions that cannot be analysed are counted and named; they do not end the whole.
"""

import math
import os
import warnings
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd

from measure.display import render_html, render_text
from measure.errors import MeasureError, MeasureWarning, OptionError
from measure.replication.checkpoints import Checkpoint, missing
from measure.replication.dask_cluster import Cluster
from measure.replication.workers import (
    Count,
    Done,
    Task,
    Workers,
    add,
    available,
    in_parallel,
    pickled,
    serially,
)

T = TypeVar("T")
Progress = Callable[[int, int], object]

# Chunks a worker: few enough to cost nothing, enough for workers to end together.
CHUNKS = 50


@dataclass(frozen=True, eq=False, repr=False)
class Repeats(Generic[T]):
    """What repeated work gave.

    Attributes
    ----------
    results
        What the task returned, in the order of the repetitions, without those that failed.
    indices
        Number of the repetition behind each result, counted from 0.
    n
        Number of repetitions, failed ones included.
    seed
        The seed of the whole.
    failures
        One row a reason, most frequent first: `error` (its class), `count`, `first` (index of the
        first repetition that failed so) and `message` (of that one). Messages that differ in their
        numbers only are one reason.
    warnings
        One row a category of `MeasureWarning`: `warning`, `count` (repetitions that gave one),
        `first` and `message` (of that one). A repetition that failed may also have warned.
    """

    results: tuple[T, ...]
    indices: tuple[int, ...]
    n: int
    seed: int
    failures: pd.DataFrame
    warnings: pd.DataFrame

    @property
    def n_failed(self) -> int:
        """Number of repetitions that failed."""
        return self.n - len(self.results)

    def require(self, share: float = 0.9) -> "Repeats[T]":
        """Give these repeats back, or refuse them when too few repetitions succeeded.

        Parameters
        ----------
        share
            The least proportion of repetitions that must have succeeded.

        Raises
        ------
        MeasureError
            Fewer succeeded; the message says how many, and the most frequent reasons.
        OptionError
            `share` is not between 0 and 1.
        """
        if not 0 <= share <= 1:
            raise OptionError(f"share is {share}, but must lie between 0 and 1, as 0.9.")
        if len(self.results) >= share * self.n:
            return self
        reasons = [
            f"    {row.count} x {row.error} (first: repetition {row.first}): {row.message}"
            for row in self.failures.head(5).itertuples(index=False)
        ]
        if len(self.failures) > 5:
            reasons.append(f"    and {len(self.failures) - 5} more reasons, see `failures`")
        raise MeasureError(
            f"{self.n_failed} of {self.n} repetitions failed, but {share:.0%} must succeed:\n"
            + "\n".join(reasons)
        )

    def _shown(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        tables = {"Failures": self.failures, "Warnings": self.warnings}
        facts: dict[str, object] = {
            "succeeded": len(self.results),
            "failed": self.n_failed,
            "seed": self.seed,
        }
        shown = {caption: table for caption, table in tables.items() if len(table)}
        return f"{self.n} repetitions", facts, shown

    def __repr__(self) -> str:
        """Counts, failures and warnings as text."""
        return render_text(*self._shown())

    def _repr_html_(self) -> str:
        return render_html(*self._shown())


def repeat(
    task: Callable[[np.random.Generator], T],
    n: int,
    *,
    seed: int,
    workers: Workers = 1,
    progress: Progress | None = None,
    chunk: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Repeats[T]:
    """Do a random task `n` times, each time with its own generator.

    Parameters
    ----------
    task
        Takes a `numpy.random.Generator` and returns a result. With more than one worker it must be
        picklable: a function of a module, a `functools.partial` of one, or an object with
        `__call__`, and so must its results be. Repetition k gets the generator of the k-th child
        that `numpy.random.SeedSequence(seed)` spawns.
    n
        Number of repetitions.
    seed
        Whole number, 0 or more.
    workers
        Number of processes, 1 for this one alone. None uses all cores that this process may run
        on, and one in a task that is itself repeated by workers. Within a repetition numerical
        libraries use one thread, whatever the number of workers, which makes results equal to the
        last bit. The address of a Dask scheduler, such as "tcp://10.0.0.5:8786", has the workers
        of its cluster do the work; a worker that dies there is replaced by another.
    progress
        Called in this process with the number of repetitions done and `n`, after each chunk.
    chunk
        Repetitions sent to a worker at once; by default so many that each gets about 50 chunks.
    checkpoint
        A folder that keeps each chunk when it is done. Work that was interrupted goes on from
        there when it is started again with the same task and seed; other tasks may share the
        folder. It holds pickled results: read none that you do not trust.

    Returns
    -------
    Repeats
        Results in order, failures with their reasons, and warnings. The same for the same `task`,
        `n` and `seed`, whatever `workers` and `chunk`.

    Raises
    ------
    OptionError
        No seed, an impossible number, a task that cannot be sent to other processes, a worker
        that died, a cluster that cannot be reached or has other code, or a checkpoint that cannot
        be written.
    Exception
        Whatever else than `MeasureError` the task raises, with a note that names the repetition.

    Warns
    -----
    Warning
        Warnings of the task that are not `MeasureWarning` are given here, once a category.
    """
    _check(n, seed, workers, chunk)
    kept = None if checkpoint is None else Checkpoint(checkpoint, task, seed)
    done = [] if kept is None else kept.kept(n)
    n_done = sum(part.n for part in done)
    if n_done and progress is not None:
        progress(n_done, n)
    # Closed at once when `progress` raises; the traceback would keep the workers alive.
    with closing(_parts(task, seed, list(missing(done, n)), workers, chunk)) as parts:
        for part in parts:
            if kept is not None:
                kept.keep(part)
            done.append(part)
            n_done += part.n
            if progress is not None:
                progress(n_done, n)
    return _gathered(sorted(done, key=lambda part: part.start), n, seed)


def _parts(
    task: Task, seed: int, gaps: list[tuple[int, int]], workers: Workers, chunk: int | None
) -> Generator[Done, None, None]:
    """Do what is missing, here or by workers, and give each chunk when it is done."""
    if isinstance(workers, str):
        with Cluster(workers) as cluster:
            chunks = _chunks(gaps, chunk, cluster.n_workers)
            yield from cluster.work(pickled(task), seed, chunks)
        return
    n_workers = available() if workers is None else int(workers)
    chunks = _chunks(gaps, chunk, n_workers)
    n_workers = min(n_workers, len(chunks))
    if n_workers > 1:
        yield from in_parallel(pickled(task), seed, chunks, n_workers)
    else:
        yield from serially(task, seed, chunks)


def _chunks(
    gaps: list[tuple[int, int]], chunk: int | None, n_workers: int
) -> list[tuple[int, int]]:
    n = sum(stop - start for start, stop in gaps)
    size = chunk or max(1, math.ceil(n / (CHUNKS * n_workers)))
    return [
        (first, min(first + size, stop))
        for start, stop in gaps
        for first in range(start, stop, size)
    ]


def _check(n: int, seed: int, workers: Workers, chunk: int | None) -> None:
    """Refuse impossible numbers."""
    if seed is None:
        raise OptionError("repeated random work needs a seed: give a whole number, as seed=1.")
    if not _whole(seed, 0):
        raise OptionError(f"seed is {seed!r}, but must be a whole number, 0 or more.")
    if not _whole(n, 1):
        raise OptionError(f"the number of repetitions is {n!r}, but must be a whole number over 0.")
    if chunk is not None and not _whole(chunk, 1):
        raise OptionError(f"chunk is {chunk!r}, but must be a whole number over 0, or None.")
    if isinstance(workers, str):
        if "://" not in workers:
            raise OptionError(
                f"workers is {workers!r}, but must be a whole number over 0, None, or the address "
                'of a Dask scheduler, such as "tcp://10.0.0.5:8786".'
            )
    elif workers is not None and not _whole(workers, 1):
        raise OptionError(f"workers is {workers!r}, but must be a whole number over 0, or None.")


def _whole(value: object, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def _gathered(done: list[Done], n: int, seed: int) -> Repeats[Any]:
    """Put the chunks together, given in order of their start."""
    failures: dict[tuple[str, str], Count] = {}
    warned: dict[type[Warning], Count] = {}
    for part in done:
        for kind, count in part.failures.items():
            add(failures, kind, count)
        for category, count in part.warnings.items():
            add(warned, category, count)
    for category in [c for c in warned if not issubclass(c, MeasureWarning)]:
        found = warned.pop(category)
        message = f"{found.message} (in {found.count} of {n} repetitions, first: {found.first})"
        warnings.warn(message, category, stacklevel=3)
    pairs = [pair for part in done for pair in part.results]
    return Repeats(
        results=tuple(result for _, result in pairs),
        indices=tuple(index for index, _ in pairs),
        n=n,
        seed=seed,
        failures=reasons_table("error", [(name, count) for (name, _), count in failures.items()]),
        warnings=reasons_table(
            "warning", [(kind.__name__, count) for kind, count in warned.items()]
        ),
    )


def reasons_table(kind: str, counts: list[tuple[str, Count]]) -> pd.DataFrame:
    """List counts, the most frequent first, of equal ones that which came first."""
    rows = [(name, c.count, c.first, c.message) for name, c in counts]
    rows.sort(key=lambda row: (-row[1], row[2]))
    return pd.DataFrame(rows, columns=[kind, "count", "first", "message"])
