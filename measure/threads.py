"""Linear algebra on one thread while a model is fitted.

The matrices of a model have tens or hundreds of rows. Splitting their products over threads gains
nothing on an idle machine, and on a busy one every product waits for the slowest thread: fits were
seen to take ten times as long.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


class _Users:
    """Who is inside: the first one in sets the limit, the last one out takes it back."""

    lock = Lock()
    count = 0
    limit: Any = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep linear algebra on one thread; several threads of a program may be inside at once."""
    with _Users.lock:
        if _Users.count == 0:
            _Users.limit = _controller().limit(limits=1)
        _Users.count += 1
    try:
        yield
    finally:
        with _Users.lock:
            _Users.count -= 1
            if _Users.count == 0:
                _Users.limit.restore_original_limits()


def on_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function run inside `one_thread`."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with one_thread():
            return function(*args, **kwargs)

    return run
