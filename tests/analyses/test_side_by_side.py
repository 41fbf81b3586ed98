import gc
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from analyses import report, side_by_side
from analyses.errors import AnalysisError
from analyses.side_by_side import Team
from measure.errors import MeasureWarning, OptionError
from tests.analyses import demonstrations


@pytest.fixture(scope="module")
def two() -> Iterator[Team]:
    with side_by_side.team(2) as team:
        yield team


def here(_: object = None) -> int:
    return os.getpid()


def slowly(_: object = None) -> int:
    time.sleep(0.2)
    return os.getpid()


def refuse(text: str) -> None:
    raise AnalysisError(text)


def warn(text: str) -> str:
    warnings.warn(text, MeasureWarning, stacklevel=1)
    return text


def enlarge(numbers: list[int], by: int) -> list[int]:
    numbers.append(by)
    return numbers


def wait_until_ready(team: Team) -> None:
    """Wait for the other process to have done a task."""
    for _ in range(600):
        tasks = [team.begin(slowly) for _ in range(2)]
        if any(task.result() != os.getpid() for task in tasks):
            return
    raise AssertionError("the process beside does nothing")


def test_alone_tasks_are_done_here_when_asked_for() -> None:
    made: list[int] = []
    with side_by_side.team(1) as team:
        task = team.begin(enlarge, made, 3)
        assert made == []
        assert task.result() is made
        assert task.result() == [3]


def test_tasks_are_shared_out_and_each_is_done_once(two: Team) -> None:
    wait_until_ready(two)
    tasks = [two.begin(slowly) for _ in range(6)]
    assert len({task.result() for task in tasks}) == 2


def test_what_is_shared_arrives_as_it_was(two: Team) -> None:
    wait_until_ready(two)
    numbers = [1]
    shared = two.share(numbers)
    # The other process keeps what it got, and gives it to both tasks.
    tasks = [two.begin(_length_slowly, shared) for _ in range(4)]
    assert [task.result() for task in tasks] == [1, 1, 1, 1]


def _length_slowly(numbers: list[int]) -> int:
    time.sleep(0.1)
    return len(numbers)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_errors_and_warnings_arrive_from_wherever_they_arose(n_workers: int, two: Team) -> None:
    team = two if n_workers == 2 else side_by_side.ALONE
    tasks = [team.begin(refuse, f"number {k}") for k in range(4)]
    for k, task in enumerate(tasks):
        assert task.failed
        with pytest.raises(AnalysisError, match=f"number {k}"):
            task.result()
    heard = [team.begin(warn, f"heard {k}") for k in range(4)]
    for k, told in enumerate(heard):
        with pytest.warns(MeasureWarning, match=f"heard {k}"):
            assert told.result() == f"heard {k}"


def test_processes_end_with_the_block_though_a_task_is_running() -> None:
    with side_by_side.team(2) as team:
        wait_until_ready(team)
        team.begin(time.sleep, 600)
        time.sleep(0.2)
        assert [process.is_alive() for process in team.processes] == [True]
    assert [process.is_alive() for process in team.processes] == [False]


def test_processes_end_with_one_that_is_killed() -> None:
    program = (
        "import time\n"
        "from analyses import side_by_side\n"
        "if __name__ == '__main__':\n"
        "    with side_by_side.team(2) as team:\n"
        "        print(team.processes[0].pid, flush=True)\n"
        "        time.sleep(600)\n"
    )
    house = Path(side_by_side.__file__).parents[1]
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=house, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(600):
        if not _runs(child):
            return
        time.sleep(0.1)
    raise AssertionError("the process beside goes on")


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def test_how_many_work_is_said_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(side_by_side.WORKERS, "1")
    with side_by_side.team() as team:
        assert team.processes == []
    for wrong in ("0", "two", "-1"):
        monkeypatch.setenv(side_by_side.WORKERS, wrong)
        with pytest.raises(OptionError, match="over 0"), side_by_side.team():
            pass


def test_a_report_does_not_depend_on_who_works_on_it(two: Team) -> None:
    wait_until_ready(two)
    name = "mental_ability"
    made = report.validate(demonstrations.instrument(name), demonstrations.survey(name), team=two)
    assert made.sections == demonstrations.validated(name).sections


def settings(_: object = None) -> tuple[str, int, int]:
    time.sleep(0.2)
    return str(pd.get_option("mode.string_storage")), gc.get_threshold()[0], os.getpid()


def test_a_process_is_set_up_for_small_tables_as_long_as_it_has_a_team() -> None:
    with pd.option_context("mode.string_storage", "pyarrow"):
        with side_by_side.team(1) as team:
            assert team.begin(settings).result()[0] == "python"
        assert settings()[0] == "pyarrow"


def test_the_process_beside_is_set_up_likewise(two: Team) -> None:
    wait_until_ready(two)
    tasks = [two.begin(settings) for _ in range(2)]
    storages, thresholds, processes = zip(*(task.result() for task in tasks), strict=True)
    assert len(set(processes)) == 2
    assert set(storages) == {"python"}
    assert len(set(thresholds)) == 1
