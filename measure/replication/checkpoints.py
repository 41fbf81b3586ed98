"""Chunks of repeated work kept on the disk, so that work that was killed goes on where it was.

Each chunk is a file of its own, which gets its name when all of it is on the disk: one that was
being written when the process was killed is not there. Chunks lie in a folder named after the
task, the seed and the code of this package, so that what one task gave is never taken for what
another would give, and one checkpoint serves several tasks.
"""

import contextlib
import os
import pickle
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from measure.errors import OptionError
from measure.replication.workers import Done, Task

# Of a name, such as "000120-000140.chunk".
SUFFIX = ".chunk"


class Checkpoint:
    """The chunks of one task that are done.

    Parameters
    ----------
    folder
        Where checkpoints lie; made if it is not there.
    task, seed
        What is repeated.

    Raises
    ------
    OptionError
        The folder cannot be made, or the task cannot be told from others.
    """

    def __init__(self, folder: str | os.PathLike[str], task: Task, seed: int) -> None:
        self._folder = Path(folder) / _name(task, seed)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(
                f'the checkpoint "{folder}" cannot be made: {error.strerror}. Name a folder that '
                "can be written to."
            ) from error

    def kept(self, n: int) -> list[Done]:
        """Give the chunks that are done and lie within the first `n` repetitions, in order.

        Of chunks that overlap, as those of runs with other chunk sizes, the earliest count; a file
        that cannot be read is done again.
        """
        found: list[Done] = []
        end = 0
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            start, stop = map(int, path.stem.split("-"))
            if start < end or stop > n:
                continue
            with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError):
                found.append(pickle.loads(path.read_bytes()))
                end = stop
        return found

    def keep(self, part: Done) -> None:
        """Write a chunk, whole or not at all.

        Raises
        ------
        OptionError
            The disk refuses; the chunks before are kept.
        """
        path = self._folder / f"{part.start:09d}-{part.start + part.n:09d}{SUFFIX}"
        place = self._folder / f".{uuid4().hex}"
        try:
            with place.open("wb") as file:
                file.write(pickle.dumps(part))
                file.flush()
                os.fsync(file.fileno())
            place.replace(path)
        except OSError as error:
            raise OptionError(
                f'the checkpoint "{self._folder.parent}" cannot be written: {error.strerror}. What '
                "was done before is kept; make room and start again to go on from there."
            ) from error
        finally:
            with contextlib.suppress(OSError):
                place.unlink(missing_ok=True)


def missing(kept: list[Done], n: int) -> Iterator[tuple[int, int]]:
    """Give the stretches of the first `n` repetitions that no chunk covers."""
    end = 0
    for part in kept:
        if part.start > end:
            yield end, part.start
        end = part.start + part.n
    if end < n:
        yield end, n


def _name(task: Task, seed: int) -> str:
    """Name a folder by what decides the results."""
    import joblib

    try:
        # Unlike a pickle the same in every process that builds the same task.
        own = joblib.hash(task)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise OptionError(
            f"the task cannot be kept in a checkpoint ({error}). Define it as a function of a "
            "module, or an object with __call__."
        ) from error
    return sha256(f"{own} {seed} {code()}".encode()).hexdigest()[:20]


@cache
def code() -> str:
    """Give a digest of the code of this package: other code may give other results."""
    digest = sha256()
    for path in sorted(Path(__file__).parent.parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
