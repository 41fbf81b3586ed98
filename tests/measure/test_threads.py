"""Linear algebra stays on one thread inside, whoever else is inside, and gets its threads back."""

from concurrent.futures import ThreadPoolExecutor

from threadpoolctl import threadpool_info, threadpool_limits

from measure.threads import on_one_thread, one_thread


def threads():
    """Threads of the linear algebra of NumPy, in which models are fitted."""
    return {pool["num_threads"] for pool in threadpool_info() if "numpy" in pool["filepath"]}


def test_one_thread_inside_and_the_old_number_afterwards():
    with threadpool_limits(2):
        before = threads()
        with one_thread(), one_thread():
            assert threads() == {1}
        assert threads() == before
        assert on_one_thread(threads)() == {1}


def test_the_number_comes_back_after_an_error():
    before = threads()
    try:
        with one_thread():
            raise RuntimeError
    except RuntimeError:
        assert threads() == before


def test_many_at_once_do_not_leave_the_limit_behind():
    before = threads()
    with ThreadPoolExecutor(8) as pool:
        inside = list(pool.map(lambda _: on_one_thread(threads)(), range(200)))
    assert all(found == {1} for found in inside)
    assert threads() == before
