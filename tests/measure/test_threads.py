"""Linear algebra stays on one thread inside, and has its threads back afterwards."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from measure.threads import on_one_thread


@on_one_thread
def inside():
    return threads()


def threads():
    """Threads of the linear algebra of NumPy, in which models are fitted."""
    return {pool["num_threads"] for pool in threadpool_info() if "numpy" in pool["filepath"]}


def test_one_thread_inside_and_the_old_number_afterwards():
    with threadpool_limits(2):
        before = threads()
        assert inside() == {1}
        assert on_one_thread(inside)() == {1}
        assert threads() == before


def test_the_number_comes_back_after_an_error():
    @on_one_thread
    def fails():
        raise RuntimeError

    before = threads()
    with pytest.raises(RuntimeError):
        fails()
    assert threads() == before


def test_many_at_once_do_not_leave_the_limit_behind():
    before = threads()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: inside(), range(200)))
    assert threads() == before
