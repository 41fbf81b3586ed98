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


_limited = Lock()


@cache
def _controller() -> Any:
    # Only what is loaded can be limited, and scipy brings a library of its own.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep linear algebra on one thread inside the block; afterwards it has its threads back.

    The limit holds for the process. Where several threads of a program are inside at once, the
    first of them sets it and takes it back, and the others leave it alone.
    """
    if not _limited.acquire(blocking=False):
        yield
        return
    try:
        with _controller().limit(limits=1):
            yield
    finally:
        _limited.release()


def on_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function run with linear algebra on one thread, as inside `one_thread`."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with one_thread():
            return function(*args, **kwargs)

    return run
