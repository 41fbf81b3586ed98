"""Linear algebra on one thread while a model is fitted.

The matrices of a model have tens or hundreds of rows. Splitting their products over threads gains
nothing on an idle machine, and on a busy one every product waits for the slowest thread: fits were
seen to take ten times as long.
"""

from collections.abc import Callable
from functools import cache, wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


_limited = Lock()


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def on_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function run with linear algebra on one thread; afterwards it has its threads back.

    The limit holds for the process. Where several threads of a program are inside at once, the
    first of them sets it and takes it back, and the others leave it alone.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if not _limited.acquire(blocking=False):
            return function(*args, **kwargs)
        try:
            with _controller().limit(limits=1):
                return function(*args, **kwargs)
        finally:
            _limited.release()

    return run
