"""What stands in for worker processes where a test asks nothing of the processes themselves."""

import pickle
from collections.abc import Generator, Iterator

import pytest

from measure.replication.workers import Done, do, sendable

Chunks = list[tuple[int, int]]


@pytest.fixture
def workers_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Do here what worker processes would do: a copy of the task for each, chunks in wild order.

    Starting a process takes more than most of these tests do in it. That processes do the same as
    this is asked in `replication/test_repeat.py`, and of a bootstrap in `test_bootstrapping.py`.
    """
    counts = []

    def here(task: bytes, seed: int, chunks: Chunks, n_workers: int) -> Generator[Done, None, None]:
        counts.append(n_workers)
        copies = [pickle.loads(task) for _ in range(n_workers)]
        for place, (start, stop) in reversed(list(enumerate(chunks))):
            with sendable():
                done = do(copies[place % n_workers], seed, start, stop)
            yield pickle.loads(pickle.dumps(done))

    monkeypatch.setattr("measure.replication.repeat.in_parallel", here)
    yield
    assert counts, "no repeated work was shared out"
