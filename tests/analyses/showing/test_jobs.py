"""Jobs in processes of their own: the queue, cancelling, and what is left of them."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from analyses.showing import jobs
from analyses.showing.jobs import Job, Office, Owned
from analyses.showing.worker import OF_A_TASK, PATIENCE, Task
from tests.analyses.demonstrations import instrument

HS39 = instrument("mental_ability").demonstration_path()


def _columns(**changes: object) -> Job:
    task = replace(Task("columns", "mental_ability", "", "svar.csv"), **changes)
    return Job(task, HS39.read_bytes())


def _sleeping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let jobs start a process that tells where it is and then waits."""
    code = (
        "import json, sys, time; sys.stdin.readline(); "
        "print(json.dumps({'kind': 'progress', 'step': 'step.fits', 'share': 0.5}), flush=True); "
        "time.sleep(60)"
    )

    def started(task: Task, workers: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    monkeypatch.setattr(jobs, "_started", started)


def _until(true, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_columns_of_a_file_are_told_and_its_folder_goes():
    job = Office(1).submit(_columns())
    assert job.ended.wait(60)
    assert job.state == "done"
    assert job.told["columns"][-2:] == ["x8", "x9"]
    assert {"x1", "sex"} <= set(job.told["found"])
    assert Path(job.task.folder).name.startswith(OF_A_TASK)
    assert not Path(job.task.folder).exists()
    assert job.content is None


def test_a_wrong_file_is_refused_in_a_sentence_and_leaves_no_traceback(capfd):
    task = Task("validate", "mental_ability", "", "wrong.csv")
    job = Office(1).submit(Job(task, b"a,b\n1,2\n3,4\n"))
    assert job.ended.wait(60)
    assert (job.state, job.report) == ("refused", None)
    assert '"wrong.csv" has no column of the instrument' in job.error
    assert "Traceback" not in capfd.readouterr().err


def test_a_fault_of_the_program_reaches_neither_reader_nor_log_with_what_the_file_says(capfd):
    job = Office(1).submit(_columns(instrument="mental_ability", kind="no such kind"))
    assert job.ended.wait(60)
    assert (job.state, job.error) == ("failed", "")
    logged = capfd.readouterr().err
    assert "KeyError" in logged
    assert "no such kind" not in logged


def test_no_more_run_at_once_than_there_are_places(monkeypatch):
    _sleeping(monkeypatch)
    office = Office(2)
    all_of_them = [office.submit(_columns()) for _ in range(4)]
    _until(lambda: all(job.share == 0.5 for job in all_of_them[:2]))
    assert [job.state for job in all_of_them] == ["running", "running", "waiting", "waiting"]
    # What waits is on no disk.
    assert [bool(job.task.folder) for job in all_of_them] == [True, True, False, False]
    assert [office.place(job) for job in all_of_them[2:]] == [0, 1]
    office.cancel(all_of_them[0])
    _until(lambda: all_of_them[2].state == "running")
    for job in all_of_them:
        office.cancel(job)
        assert job.ended.wait(20)
    assert {job.state for job in all_of_them} == {"cancelled"}
    assert not any(job.task.folder and Path(job.task.folder).exists() for job in all_of_them)


def test_the_columns_of_a_file_are_told_while_others_wait_for_results(monkeypatch):
    _sleeping(monkeypatch)
    office = Office(1)
    results = [office.submit(_columns(kind="validate")) for _ in range(2)]
    columns = [office.submit(_columns()) for _ in range(2)]
    assert [job.state for job in (*results, *columns)] == ["running", "waiting"] * 2
    assert [office.place(job) for job in (results[1], columns[1])] == [0, 0]
    for job in (*results, *columns):
        office.cancel(job)
        assert job.ended.wait(20)


def test_what_can_wait_keeps_nobody_waiting(monkeypatch):
    _sleeping(monkeypatch)
    office = Office(1)
    patient = office.submit(_columns(kind="validate", patient=True))
    upload = office.submit(_columns(kind="validate"))
    assert [job.state for job in (patient, upload)] == ["running", "running"]
    for job in (patient, upload):
        office.cancel(job)
        assert job.ended.wait(20)


@pytest.mark.parametrize("patient", [False, True])
def test_a_patient_process_lets_others_go_first(patient):
    task = jobs.placed(Task("validate", "mental_ability", "", str(HS39), patient=patient))
    with jobs._started(task, 1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(task.line())
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["kind"] == "progress"
        own = os.getpriority(os.PRIO_PROCESS, 0)
        nice = os.getpriority(os.PRIO_PROCESS, process.pid)
        process.stdin.close()
    assert nice == (min(own + PATIENCE, 19) if patient else own)


def test_a_cancelled_process_is_gone(monkeypatch):
    _sleeping(monkeypatch)
    office = Office(1)
    job = office.submit(_columns())
    _until(lambda: job.share == 0.5)
    assert job.process is not None
    number = job.process.pid
    office.cancel(job)
    assert job.ended.wait(20)
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
    office.cancel(job)
    assert job.state == "cancelled"


def test_jobs_end_with_their_session_unless_it_comes_back(monkeypatch):
    _sleeping(monkeypatch)
    office = Office(2)
    mine = Owned(office)
    job = mine.submit(_columns())
    mine.leave(0.3)
    mine.keep()
    time.sleep(0.5)
    assert job.state == "running"
    mine.leave(0.05)
    assert job.ended.wait(20)
    assert job.state == "cancelled"


def test_a_worker_ends_when_the_server_does_and_leaves_nothing_that_was_uploaded():
    answers = instrument("coupling").demonstration_path()
    task = jobs.placed(Task("validate", "coupling", "", "svar.csv"), answers.read_bytes())
    process = jobs._started(task, 1)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(task.line())
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["kind"] == "progress"
    assert Path(task.survey).exists()
    process.stdin.close()
    assert process.wait(20) == 1
    process.stdout.close()
    assert not Path(task.folder).exists()


@pytest.mark.parametrize(
    ("given", "plain"),
    [("../../svar.csv", "svar.csv"), ("C:\\x\\svar.sav", "svar.sav"), ("a\0b.csv", "ab.csv")],
)
def test_an_uploaded_name_has_no_folder(given, plain):
    task = jobs.placed(Task("columns", "mental_ability", "", given), b"x")
    try:
        assert Path(task.survey) == Path(task.folder) / plain
        assert Path(task.folder).stat().st_mode & 0o077 == 0
    finally:
        Path(task.survey).unlink()
        Path(task.folder).rmdir()
