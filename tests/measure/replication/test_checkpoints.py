"""Work that is killed goes on where it was, and ends as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from measure.errors import OptionError
from measure.replication import checkpoints
from measure.replication.repeat import repeat

HOUSE = Path(__file__).parent.parent.parent.parent
N, SEED = 40, 11


@dataclass
class Counted:
    """A draw that is slow, and leaves a trace of each repetition that was begun."""

    folder: str
    seconds: float = 0.0

    def __call__(self, rng: np.random.Generator) -> float:
        value = float(rng.normal())
        (Path(self.folder) / repr(value)).touch()
        time.sleep(self.seconds)
        return value


def n_begun(folder: Path) -> int:
    return len(list(folder.iterdir()))


def test_a_run_that_was_killed_ends_with_the_same_results(tmp_path):
    begun, kept = tmp_path / "begun", tmp_path / "kept"
    begun.mkdir()
    code = (
        "from tests.measure.replication.test_checkpoints import Counted\n"
        "from measure.replication.repeat import repeat\n"
        f"repeat(Counted({str(begun)!r}, 0.05), {N}, seed={SEED}, chunk=3,\n"
        f"       checkpoint={str(kept)!r})"
    )
    environment = os.environ | {"PYTHONPATH": str(HOUSE)}
    with subprocess.Popen([sys.executable, "-c", code], cwd=HOUSE, env=environment) as process:
        while n_begun(begun) < 10:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    done = n_begun(begun)
    assert done < N
    told = []
    task = Counted(str(begun), 0.05)
    found = repeat(task, N, seed=SEED, checkpoint=kept, chunk=3, progress=lambda *c: told.append(c))
    # At least two whole chunks were not done again, and what was told begins with them.
    assert told[0][0] >= 6
    assert told[-1] == (N, N)
    assert found.results == repeat(Counted(str(begun)), N, seed=SEED).results


def test_what_is_kept_is_not_done_again(tmp_path):
    task = Counted(str(tmp_path))
    kept = tmp_path / "kept"
    first = repeat(task, 12, seed=1, checkpoint=kept, chunk=5)
    for path in tmp_path.iterdir():
        if path.is_file():
            path.unlink()
    again = repeat(task, 12, seed=1, checkpoint=kept)
    assert again.results == first.results
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    # More repetitions go on from there.
    assert repeat(task, 15, seed=1, checkpoint=kept).results[:12] == first.results
    assert len([path for path in tmp_path.iterdir() if path.is_file()]) == 3


@pytest.mark.parametrize("changed", ["seed", "task", "code"])
def test_other_work_is_not_taken_from_a_checkpoint(tmp_path, changed, monkeypatch):
    seed, task = 1, Counted(str(tmp_path))
    repeat(task, 4, seed=seed, checkpoint=tmp_path / "kept")
    if changed == "seed":
        seed = 2
    elif changed == "task":
        task = Counted(str(tmp_path), 0.001)
    else:
        monkeypatch.setattr(checkpoints, "code", lambda: "another version")
    found = repeat(task, 4, seed=seed, checkpoint=tmp_path / "kept")
    assert found.results == repeat(task, 4, seed=seed).results
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_a_damaged_chunk_is_done_again(tmp_path):
    task, kept = Counted(str(tmp_path)), tmp_path / "kept"
    first = repeat(task, 6, seed=1, checkpoint=kept, chunk=2)
    damaged = next(iter(sorted(kept.rglob(f"*{checkpoints.SUFFIX}"))))
    damaged.write_bytes(damaged.read_bytes()[:20])
    assert repeat(task, 6, seed=1, checkpoint=kept, chunk=2).results == first.results


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="cannot be made"):
        repeat(Counted(str(tmp_path)), 3, seed=1, checkpoint=tmp_path / "file")


def test_a_full_disk_ends_the_work_and_leaves_what_was_done(tmp_path, monkeypatch):
    kept, calls = tmp_path / "kept", []
    whole = os.fsync

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        whole(handle)

    monkeypatch.setattr(os, "fsync", full)
    task = Counted(str(tmp_path))
    with pytest.raises(OptionError, match="No space left on device"):
        repeat(task, 10, seed=1, checkpoint=kept, chunk=2)
    folder = next(kept.iterdir())
    assert sorted(path.name for path in folder.iterdir()) == [
        "000000000-000000002.chunk",
        "000000002-000000004.chunk",
    ]
    assert repeat(task, 10, seed=1, checkpoint=kept).results == repeat(task, 10, seed=1).results


def test_a_task_that_cannot_be_told_from_others(tmp_path):
    with pytest.raises(OptionError, match="cannot be kept in a checkpoint"):
        repeat(lambda rng: 1, 3, seed=1, checkpoint=tmp_path)
