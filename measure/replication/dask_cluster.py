"""Chunks of repeated work sent to a Dask cluster that runs already.

The scheduler is Dask's: it hands out the chunks, and hands them out again when a worker dies. The
workers need this package in the same version, and should have one thread a process, since within a
process chunks wait for each other.
"""

import pickle
from collections.abc import Generator
from functools import lru_cache
from threading import Lock
from typing import Any

from threadpoolctl import threadpool_limits

from measure.errors import OptionError
from measure.replication.checkpoints import code
from measure.replication.workers import Done, Task, do, sendable

# Seconds until a scheduler has to answer, and until it must have a worker.
PATIENCE = 15
# What is caught of warnings is caught for the whole process.
_ALONE = Lock()


class Cluster:
    """A connection to the scheduler of a cluster, closed at the end of a `with` block.

    Parameters
    ----------
    address
        Such as "tcp://10.0.0.5:8786".

    Raises
    ------
    OptionError
        Dask is not installed, the scheduler does not answer, or it has no workers.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise OptionError(
                f'"{address}" asks for a Dask cluster, but the library distributed is not '
                "installed. Install it with: pip install distributed"
            ) from error
        try:
            self._client = Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise OptionError(
                f'the cluster at "{address}" cannot be reached ({error}). Check the address, and '
                "that the scheduler runs."
            ) from error
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            self._client.close()
            raise OptionError(
                f'the cluster at "{address}" has no workers. Start some with: dask worker '
                f"{address} --nthreads 1"
            ) from error

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @property
    def n_workers(self) -> int:
        """Number of worker processes."""
        return len(self._client.nthreads())

    def work(
        self, task: bytes, seed: int, chunks: list[tuple[int, int]]
    ) -> Generator[Done, None, None]:
        """Give chunks as they are done; an error ends all of them.

        Parameters
        ----------
        task
            From `workers.pickled`.
        seed, chunks
            As for `workers.in_parallel`.
        """
        from distributed import CancelledError, KilledWorker, as_completed

        # As a result of the cluster it is sent once a worker, and made again where it was lost.
        sent = self._client.submit(bytes, task, pure=False)
        running = [
            self._client.submit(_work, sent, code(), seed, *chunk, pure=False) for chunk in chunks
        ]
        try:
            for future in as_completed(running, loop=self._client.loop):
                yield future.result()
        except KilledWorker as error:
            raise OptionError(
                "several workers of the cluster died of the same piece of work. Perhaps their "
                f"memory ran out; their logs say more. ({error})"
            ) from error
        except CancelledError as error:
            raise OptionError(
                f"the cluster let go of the work, or went away ({error}). Start again."
            ) from error
        finally:
            self._client.cancel([*running, sent])


@lru_cache(maxsize=1)
def _task(sent: bytes) -> Task:
    try:
        found: Task = pickle.loads(sent)
    except (AttributeError, ImportError) as error:
        raise OptionError(
            f"a worker of the cluster cannot find the task ({error}). Define it in a module that "
            "is installed there too."
        ) from error
    return found


def _work(sent: bytes, version: str, seed: int, start: int, stop: int) -> Any:
    """Do a chunk in a worker of the cluster."""
    if version != code():
        raise OptionError(
            "a worker of the cluster has another version of this package, whose results may "
            "differ. Install the same version everywhere."
        )
    with _ALONE, threadpool_limits(1), sendable():
        return do(_task(sent), seed, start, stop)
