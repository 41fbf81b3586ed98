"""Work done side by side: by this process, and by a few that it starts beside itself.

Tasks are begun in the order in which they are best taken up. A process beside takes the first that
waits; who asks for a result does that task himself if nobody has begun it, and others while he
waits. What comes out depends on none of this: with no process beside, tasks are done when their
results are asked for.

The processes are spawned, as those of `measure.replication.workers` and for its reasons. They end
with the team, and with the process that started them, however that ends.
"""

import os
import pickle
import signal
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import current_process, get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Condition, Thread
from typing import Any, Generic, TypeVar, cast

from analyses.process import settle, settled
from measure.errors import OptionError
from measure.replication.workers import available, portable, single_threaded
from measure.threads import one_thread

T = TypeVar("T")

WORKERS = "KOBLING_WORKERS"
"""Environment variable that says how many processes work; by default one a core."""

MOST_WORKERS = 4
"""A report has too few long tasks for more."""


LOADED = ("analyses.course", "analyses.export.pictures")
"""What a process beside loads before it takes its first task."""


@dataclass(frozen=True, eq=False)
class Shared(Generic[T]):
    """Something large that several tasks take as an argument, and that is sent only once."""

    number: int
    value: T
    packed: bytes


@dataclass(eq=False)
class _Outcome:
    """What a task gave: a value or an error, and the warnings on the way."""

    value: Any = None
    error: Exception | None = None
    warnings: Sequence[Warning] = ()


class Task(Generic[T]):
    """A function with its arguments, and in the end what came of it."""

    def __init__(
        self, team: "Team", function: Callable[..., T], arguments: tuple[Any, ...], packed: bytes
    ) -> None:
        self.function = function
        self.arguments = arguments
        self.packed = packed
        self.outcome: _Outcome | None = None
        self._team = team

    @property
    def failed(self) -> bool:
        """Whether the function raises an error."""
        return self._team.outcome_of(self).error is not None

    def result(self) -> T:
        """Give what the function returns, or raise what it raises."""
        outcome = self._team.outcome_of(self)
        for warning in outcome.warnings:
            warnings.warn(warning, stacklevel=2)
        if outcome.error is not None:
            raise outcome.error
        return cast(T, outcome.value)


class Team:
    """One process with those beside it.

    Parameters
    ----------
    n_beside
        Number of processes to start; with none this one does all.

    Attributes
    ----------
    processes
        Those that were started.
    """

    def __init__(self, n_beside: int = 0) -> None:
        self._waiting: deque[Task[Any]] = deque()
        self._changed = Condition()
        self._closed = False
        self._shared = 0
        self.processes: list[BaseProcess] = []
        self._connections: list[Connection] = []
        for _ in range(n_beside):
            self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(there,))
        with single_threaded():
            process.start()
        there.close()
        self.processes.append(process)
        self._connections.append(here)
        Thread(target=self._attend, args=(here,), daemon=True).start()

    def share(self, value: T) -> Shared[T]:
        """Prepare something that several tasks take; they get it as it is now."""
        self._shared += 1
        return Shared(self._shared, value, self._pack(value))

    def begin(self, function: Callable[..., T], *arguments: Any) -> Task[T]:
        """Hand in a task.

        Parameters
        ----------
        function
            Of a module, so that another process finds it.
        arguments
            Taken as they are now. The function gets the values of those that are `Shared`.
        """
        named = tuple(_Name(a.number) if isinstance(a, Shared) else a for a in arguments)
        task = Task(self, function, arguments, self._pack((function, named)))
        with self._changed:
            self._waiting.append(task)
            self._changed.notify()
        return task

    def _pack(self, value: object) -> bytes:
        """Pickle, in the thread that works: what it holds must not change meanwhile."""
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL) if self.processes else b""

    def outcome_of(self, task: Task[Any]) -> _Outcome:
        """Do tasks until one has its outcome."""
        while True:
            with self._changed:
                while task.outcome is None and not self._waiting:
                    self._changed.wait()
                if task.outcome is not None:
                    return task.outcome
                own = task if task in self._waiting else self._waiting[0]
                self._waiting.remove(own)
            own.outcome = _done(own.function, [_value(a) for a in own.arguments])

    def _attend(self, connection: Connection) -> None:
        """Keep a process beside busy, in a thread of this one."""
        sent: set[int] = set()
        # Until it has loaded what it needs, it would keep a task waiting.
        while _is_ready(connection):
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                task = self._waiting.popleft()
            try:
                outcome = _sent(task, connection, sent)
            except (EOFError, OSError):
                # It has ended, as for want of memory. The task waits for somebody else.
                with self._changed:
                    self._waiting.appendleft(task)
                    self._changed.notify_all()
                return
            with self._changed:
                task.outcome = outcome
                self._changed.notify_all()

    def close(self) -> None:
        """End the processes beside, whatever they are at."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.join()
        for connection in self._connections:
            connection.close()


ALONE = Team()
"""This process without any beside it."""


@contextmanager
def team(workers: int | None = None) -> Iterator[Team]:
    """Give a team for as long as the block lasts; linear algebra has one thread a process.

    Meanwhile this process is set up as `process.settled` says, and those beside are for good.

    Parameters
    ----------
    workers
        Processes that work, this one included. By default what the environment variable
        `KOBLING_WORKERS` says, and otherwise as many as there are cores, at most 4. A script that
        asks for several has to begin its work below `if __name__ == "__main__":`.

    Raises
    ------
    OptionError
        The number is not a whole number over 0.
    """
    n_workers = _asked() if workers is None else workers
    if n_workers < 1:
        raise OptionError(f"{n_workers} processes cannot work: give a whole number over 0.")
    # A process that is to end with its parent may start none.
    together = Team(0 if current_process().daemon else n_workers - 1)
    try:
        with one_thread(), settled():
            yield together
    finally:
        together.close()


def _asked() -> int:
    said = os.environ.get(WORKERS)
    if said is None:
        return min(available(), MOST_WORKERS)
    if not said.isdecimal():
        raise OptionError(f'{WORKERS} is "{said}", but must be a whole number over 0, as 2.')
    return int(said)


@dataclass(frozen=True)
class _Name:
    """Stands for something shared where a task is sent."""

    number: int


def _value(argument: Any) -> Any:
    return argument.value if isinstance(argument, Shared) else argument


def _done(function: Callable[..., Any], arguments: Sequence[Any]) -> _Outcome:
    try:
        return _Outcome(function(*arguments))
    except Exception as error:
        return _Outcome(error=error)


def _is_ready(connection: Connection) -> bool:
    """Wait for a process beside to say that it is; False where it has ended."""
    try:
        return bool(connection.recv())
    except (EOFError, OSError):
        return False


def _sent(task: Task[Any], connection: Connection, sent: set[int]) -> _Outcome:
    """Send a task with what it needs and wait for its outcome."""
    for one in task.arguments:
        if isinstance(one, Shared) and one.number not in sent:
            connection.send(_Name(one.number))
            connection.send_bytes(one.packed)
            sent.add(one.number)
    connection.send(None)
    connection.send_bytes(task.packed)
    packed = connection.recv_bytes()
    try:
        return cast(_Outcome, pickle.loads(packed))
    except Exception as error:  # whoever waits for the task has to hear of it
        return _Outcome(error=error)


def _serve(connection: Connection) -> None:
    """Do tasks in a process beside, until there is nobody to do them for."""
    # Ctrl-C reaches all processes of a terminal; the one that started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    for module in LOADED:
        import_module(module)
    settle()
    shared: dict[_Name, Any] = {}
    while True:
        connection.send(True)
        try:
            while (name := connection.recv()) is not None:
                shared[name] = pickle.loads(connection.recv_bytes())
            packed = connection.recv_bytes()
        except EOFError:
            return
        connection.send_bytes(_served(packed, shared))


def _served(packed: bytes, shared: dict[_Name, Any]) -> bytes:
    """Do a task and pack its outcome."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        function, named = pickle.loads(packed)
        outcome = _done(function, [shared[a] if isinstance(a, _Name) else a for a in named])
    if outcome.error is not None:
        outcome.error = portable(outcome.error)
    told = [one.message for one in heard if isinstance(one.message, Warning)]
    outcome.warnings = list({(type(one), str(one)): one for one in told}.values())
    try:
        return pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        return pickle.dumps(_Outcome(error=error))


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
