"""The same results from a Dask cluster, also where one of its workers dies in the middle."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import measure
from measure.errors import OptionError
from measure.planning.claims import Fits, Study
from measure.planning.study_power import Execution, power
from measure.replication import dask_cluster
from measure.replication.repeat import repeat
from tests.measure.planning.test_study_power import MODEL, TWO
from tests.measure.replication.test_repeat import named, same, sometimes

HOUSE = Path(__file__).parent.parent.parent.parent
# A test that starts three processes takes a while, and the machine may be busy.
WAIT = 60


@dataclass
class Traced:
    """A slow draw that says which process drew it."""

    folder: str

    def __call__(self, rng: np.random.Generator) -> float:
        value = float(rng.normal())
        (Path(self.folder) / f"{os.getpid()}-{value}").touch()
        time.sleep(0.05)
        return value


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[str]:
    """Start a scheduler and three workers without nannies, and give the address."""
    folder = tmp_path_factory.mktemp("cluster")
    given = folder / "scheduler.json"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HOUSE), *sys.path])}

    def start(module: str, *arguments: str) -> "subprocess.Popen[bytes]":
        log = stack.enter_context((folder / f"{module}{len(running)}.log").open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
        running.append(process)
        return process

    running: list[subprocess.Popen[bytes]] = []
    with ExitStack() as stack:
        stack.callback(lambda: [(p.kill(), p.wait()) for p in running])
        options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        scheduler = start("dask_scheduler", *options, "--scheduler-file", str(given))
        deadline = time.monotonic() + WAIT
        while not given.exists():
            assert scheduler.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for _ in range(3):
            start("dask_worker", "--scheduler-file", str(given), "--no-nanny", "--nthreads", "1")
        address = json.loads(given.read_text())["address"]
        with dask_cluster.Cluster(address) as found:
            while found.n_workers < 3:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield address


def test_a_cluster_gives_what_one_process_gives(cluster):
    same(repeat(sometimes, 60, seed=7, workers=cluster), repeat(sometimes, 60, seed=7))


def test_an_error_of_the_task_ends_the_work(cluster):
    with pytest.raises(ZeroDivisionError) as caught:
        repeat(divided, 30, seed=7, workers=cluster)
    assert "raised by repetition" in caught.value.__notes__[0]


def divided(rng):
    return 1 / (0 if rng.random() < 0.2 else 1)


def test_failures_of_the_analysis_are_counted(cluster):
    same(repeat(named, 20, seed=7, workers=cluster), repeat(named, 20, seed=7))


def test_a_plan_from_a_cluster_is_the_same(cluster):
    study = Study(measure.population(TWO), MODEL)
    claim = Fits(study, {"rmsea": ("<=", 0.06)})
    here = power(claim, [100, 150], repeats=20, seed=5).table
    there = power(claim, [100, 150], repeats=20, seed=5, execution=Execution(cluster)).table
    assert there.equals(here)


def test_a_worker_with_other_code_is_refused(cluster, monkeypatch):
    monkeypatch.setattr(dask_cluster, "code", lambda: "of another version")
    with pytest.raises(OptionError, match="has another version"):
        repeat(sometimes, 10, seed=7, workers=cluster)


# The last of this file: the cluster has two workers afterwards.
def test_a_worker_that_is_killed_changes_nothing(cluster, tmp_path):
    killed = []

    def kill(done: int, _: int) -> None:
        if done > 20 and not killed:
            killed.append(int(next(tmp_path.iterdir()).name.split("-")[0]))
            os.kill(killed[0], signal.SIGKILL)

    task = Traced(str(tmp_path))
    found = repeat(task, 120, seed=7, workers=cluster, chunk=2, progress=kill)
    assert killed
    assert found.results == repeat(np.random.Generator.normal, 120, seed=7).results
    assert len({path.name.split("-")[0] for path in tmp_path.iterdir()}) == 3


def test_a_cluster_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(dask_cluster, "PATIENCE", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(OptionError, match="cannot be reached"):
        repeat(sometimes, 10, seed=7, workers=f"tcp://127.0.0.1:{port}")


def test_an_address_that_is_none():
    with pytest.raises(OptionError, match="the address of a Dask scheduler"):
        repeat(sometimes, 10, seed=7, workers="localhost")
