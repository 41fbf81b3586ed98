"""Long work in processes of their own: a queue, how far each has come, and its end.

There are lanes: results of uploaded surveys, columns of files, plans, and what can wait. In each,
at most as many jobs run at once as the machine has cores, and the others wait in the order they
came: nobody who only wants to see the columns of a file waits for others' results. A job is
cancelled by ending its process, and its folder, with all that was uploaded, goes with it.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from analyses.export import results
from analyses.section import Report
from analyses.showing.worker import FIGURES, OF_A_TASK, RESULTS, Task
from analyses.side_by_side import WORKERS

State = Literal["waiting", "running", "done", "refused", "failed", "cancelled"]

Figures = dict[str, dict[str, str]]
"""Figures as SVG, by language and id."""

ENDED: frozenset[State] = frozenset({"done", "refused", "failed", "cancelled"})

GRACE = 30.0
"""Seconds that a job goes on after its browser has gone, in case the connection comes back."""

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""With as many processes as cores, each has one thread."""


@dataclass(eq=False)
class Job:
    """One task on its way.

    Parameters
    ----------
    task
        What is done. It gets a folder of its own when it begins, which is deleted when it ends.
    content, mapping
        The uploaded file and the text of a mapping file. While the job waits they are in memory
        only, and so go with the server.
    keep
        Called with the folder when the task is done, before the folder is deleted.
    """

    task: Task
    content: bytes | None = None
    mapping: str | None = None
    keep: Callable[[Path], None] | None = None
    state: State = "waiting"
    step: str = "cli.reading"
    share: float = 0.0
    error: str = ""
    report: Report | None = None
    figures: Figures = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)
    process: "subprocess.Popen[bytes] | None" = None


class Office:
    """Runs jobs, so many at once, each in a process."""

    def __init__(self, slots: int | None = None) -> None:
        self._slots = slots or os.cpu_count() or 1
        self._lock = threading.Lock()
        self._waiting: list[Job] = []
        self._running: set[Job] = set()

    def submit(self, job: Job) -> Job:
        """Put a job at the end of the queue."""
        with self._lock:
            self._waiting.append(job)
        self._fill()
        return job

    def place(self, job: Job) -> int:
        """Give how many jobs go before a waiting one; 0 for one that does not wait."""
        with self._lock:
            if job not in self._waiting:
                return 0
            before = self._waiting[: self._waiting.index(job)]
            return sum(one.task.lane == job.task.lane for one in before)

    def cancel(self, job: Job) -> None:
        """End a job, whether it waits or runs; one that has ended stays as it is."""
        with self._lock:
            if job.state in ENDED:
                return
            job.state = "cancelled"
            waited = job in self._waiting
            if waited:
                self._waiting.remove(job)
            process = job.process
        if process is not None:
            _kill(process)
        if waited:
            self._clear(job)

    def _fill(self) -> None:
        with self._lock:
            while (job := self._next()) is not None:
                self._waiting.remove(job)
                self._running.add(job)
                job.state = "running"
                threading.Thread(target=self._run, args=(job,), daemon=True).start()

    def _next(self) -> Job | None:
        """Give the first waiting job that there is a slot for in its lane."""
        running = Counter(job.task.lane for job in self._running)
        free = (job for job in self._waiting if running[job.task.lane] < self._slots)
        return next(free, None)

    def _workers(self, job: Job) -> int:
        """Give how many processes a job may work with: all cores where it is alone in its lane."""
        with self._lock:
            there = (*self._running, *self._waiting)
            beside = sum(one.task.lane == job.task.lane for one in there)
            return max(1, self._slots // max(1, beside))

    def _run(self, job: Job) -> None:
        """Start the process, follow it to its end and clear up after it."""
        try:
            job.task = placed(job.task, job.content, job.mapping)
            job.content = None
            with _started(job.task, self._workers(job)) as process:
                with self._lock:
                    job.process = process
                    cancelled = job.state == "cancelled"
                if cancelled:
                    _kill(process)
                self._follow(job, process)
        finally:
            with self._lock:
                self._running.discard(job)
            self._clear(job)
            self._fill()

    def _follow(self, job: Job, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(job.task.line())
            process.stdin.flush()
        end: Mapping[str, Any] = {"kind": "failed"}
        for line in process.stdout:
            message = json.loads(line)
            if message["kind"] == "progress":
                job.step, job.share = str(message["step"]), float(message["share"])
            else:
                end = message
                break
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()
        self._close(job, end)

    def _close(self, job: Job, end: Mapping[str, Any]) -> None:
        """Take over what a process has told at its end."""
        folder, state = Path(job.task.folder), end["kind"]
        report, figures = None, Figures()
        if state == "done" and job.task.kind in ("validate", "plan") and job.state != "cancelled":
            report = results.read(folder / RESULTS)
            figures = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
            if job.keep is not None:
                job.keep(folder)
        with self._lock:
            if job.state != "cancelled":
                job.report, job.figures = report, figures
                job.told, job.error = end, str(end.get("error", ""))
                job.state = state

    def _clear(self, job: Job) -> None:
        job.process, job.content = None, None
        if job.task.folder:
            shutil.rmtree(job.task.folder, ignore_errors=True)
        if job.state not in ENDED:
            job.state = "failed"
        job.ended.set()


class Owned:
    """The jobs of one session, which end with it."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._jobs: list[Job] = []
        self._timer: threading.Timer | None = None

    def submit(self, job: Job) -> Job:
        """Put a job of this session in the queue."""
        self._jobs = [*(one for one in self._jobs if one.state not in ENDED), job]
        return self._office.submit(job)

    def keep(self) -> None:
        """Tell that the session is there; an end that was near is called off."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def leave(self, after: float = GRACE) -> None:
        """Tell that the browser has gone; without `keep` the jobs end `after` so many seconds."""
        self.keep()
        self._timer = threading.Timer(after, self._end)
        self._timer.daemon = True
        self._timer.start()

    def _end(self) -> None:
        for job in self._jobs:
            self._office.cancel(job)


def placed(task: Task, content: bytes | None = None, mapping: str | None = None) -> Task:
    """Give a task a folder of its own, readable by this user only, with its files in it.

    Parameters
    ----------
    task
        Whose `survey` is the name of the uploaded file, or the path of one that stays where it is.
    content
        The uploaded file.
    mapping
        The text of a mapping file.
    """
    folder = Path(tempfile.mkdtemp(prefix=OF_A_TASK))
    task = replace(task, folder=str(folder))
    if content is not None:
        place = folder / plain_name(task.survey)
        place.write_bytes(content)
        task = replace(task, survey=str(place))
    if mapping is not None:
        place = folder / "mapping.toml"
        place.write_text(mapping, encoding="utf-8")
        task = replace(task, mapping=str(place))
    return task


def plain_name(given: str) -> str:
    """Give the name of an uploaded file without any folder that the browser put before it."""
    return given.replace("\\", "/").rsplit("/", 1)[-1].replace("\0", "") or "survey"


def _started(task: Task, workers: int) -> "subprocess.Popen[bytes]":
    environment = os.environ | dict.fromkeys(ONE_THREAD, "1") | {WORKERS: str(workers)}
    house = str(Path(__file__).resolve().parent.parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(
        part for part in (house, os.environ.get("PYTHONPATH", "")) if part
    )
    return subprocess.Popen(
        [sys.executable, "-m", "analyses.showing.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=task.folder,
        env=environment,
        start_new_session=True,
    )


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and those that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
