"""Chunks of repeated work, done in this process or in several.

Worker processes are spawned, not forked. A fork copies a process whose numerical library may hold
threads and locks, and such a copy can wait for ever; a spawned process starts clean, on every
operating system alike, and ends with the call. The price is an import of this package in each
worker (about a second), and that a script has to begin its work below
`if __name__ == "__main__":`, since each worker imports that script anew.
"""

import os
import pickle
import re
import warnings
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import cpu_count, get_context
from threading import Lock
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from measure.errors import MeasureError, OptionError

Task = Callable[[np.random.Generator], Any]

Workers = int | str | None
"""Who does repeated work: a number of processes, None for one a core, or the address of the
scheduler of a Dask cluster, such as "tcp://10.0.0.5:8786"."""

# The numerical libraries read these when they are loaded, and never again.
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_STARTING = Lock()
# A number by itself; the digits of "x12" or "t1" belong to a name.
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])")


@dataclass(slots=True)
class Count:
    """How many repetitions failed or warned alike, and what the first of them said."""

    count: int
    first: int
    message: str


@dataclass(slots=True)
class Done:
    """What a chunk of repetitions gave."""

    start: int
    n: int = 0
    results: list[tuple[int, Any]] = field(default_factory=list)
    failures: dict[tuple[str, str], Count] = field(default_factory=dict)
    warnings: dict[type[Warning], Count] = field(default_factory=dict)


def do(task: Task, seed: int, start: int, stop: int) -> Done:
    """Do the repetitions from `start` up to `stop`."""
    done = Done(start)
    for index in range(start, stop):
        # The child that SeedSequence(seed).spawn(n)[index] would give.
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                done.results.append((index, task(rng)))
            except MeasureError as error:
                kind = (type(error).__name__, alike(str(error)))
                add(done.failures, kind, Count(1, index, str(error)))
            except Exception as error:
                error.add_note(f"raised by repetition {index} of the seed {seed}")
                raise
        done.n += 1
        for category in dict.fromkeys(warning.category for warning in caught):
            message = next(str(w.message) for w in caught if w.category is category)
            add(done.warnings, category, Count(1, index, message))
    return done


def alike(message: str) -> str:
    """Give a message with `#` for numbers: two that differ in numbers only are one reason."""
    return _NUMBER.sub("#", message)


def add(counts: dict[Any, Count], kind: Any, new: Count) -> None:
    """Add to the count of a kind; later repetitions come later."""
    if kind in counts:
        counts[kind].count += new.count
    else:
        counts[kind] = new


def serially(task: Task, seed: int, chunks: list[tuple[int, int]]) -> Generator[Done, None, None]:
    """Do chunks in this process, one after another."""
    for start, stop in chunks:
        # Not around all chunks: what the caller does between two of them is not ours to limit.
        with threadpool_limits(1):
            part = do(task, seed, start, stop)
        yield part


def in_parallel(
    task: bytes, seed: int, chunks: list[tuple[int, int]], n_workers: int
) -> Generator[Done, None, None]:
    """Send chunks to worker processes, never many ahead, so that an error ends all work soon."""
    waiting = iter(chunks)
    pool = ProcessPoolExecutor(
        n_workers, mp_context=get_context("spawn"), initializer=_receive, initargs=(task,)
    )
    try:
        running = set()
        for start, stop in waiting:
            with single_threaded():
                running.add(pool.submit(_work, seed, start, stop))
            if len(running) < 2 * n_workers:
                continue
            ready, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ready:
                yield future.result()
        while running:
            ready, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ready:
                yield future.result()
    except BrokenProcessPool as error:
        raise OptionError(
            "a worker process ended before its work was done. Either memory ran out (use fewer "
            "workers), or the script that started them does not begin its work below "
            '`if __name__ == "__main__":` (do that, or use workers=1).'
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let processes that are started now load numerical libraries with one thread each.

    Limiting a library after it is loaded would be too late: it has by then started a thread for
    each core, which in each of many workers is more than some machines allow.
    """
    with _STARTING:
        before = {name: os.environ.get(name) for name in _THREADS}
        os.environ.update(dict.fromkeys(_THREADS, "1"))
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


# Of a worker process: the task as it was sent, and once the first chunk has come, as it is called.
_received: list[Any] = []


def _receive(task: bytes) -> None:
    _received[:] = [task]


def _work(seed: int, start: int, stop: int) -> Done:
    """Do a chunk in a worker process."""
    if isinstance(_received[0], bytes):
        try:
            _received[0] = pickle.loads(_received[0])
        except (AttributeError, ImportError) as error:
            raise OptionError(
                f"a worker process cannot find the task ({error}). Define it in a module that can "
                "be imported, not in a notebook, or use workers=1."
            ) from error
    with sendable():
        return do(_received[0], seed, start, stop)


@contextmanager
def sendable() -> Iterator[None]:
    """Turn an exception that cannot be sent to another process into one that can."""
    try:
        yield
    except Exception as error:
        sent = portable(error)
        if sent is error:
            raise
        raise sent from error


def portable(error: Exception) -> Exception:
    """Give the error, or where that cannot be sent to another process, one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # a class may fail here in its own way, and what it says must arrive
        notes = "; ".join(getattr(error, "__notes__", ()))
        said = f"{type(error).__name__}: {error}"
        return RuntimeError(f"{said} ({notes})" if notes else said)
    return error


def available() -> int:
    """Give the number of processes that can work at once: in a worker, that one alone."""
    if _received:
        return 1
    # What a container or a batch system leaves to this process may be less than there is.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cpu_count()


def pickled(task: object) -> bytes:
    """Give the task as it is sent to workers, or raise `OptionError` if it cannot be sent."""
    try:
        return pickle.dumps(task)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise OptionError(
            f"the task cannot be sent to other processes ({error}). Define it as a function of a "
            "module (not a lambda, not inside a function), or use workers=1."
        ) from error
