"""Seeded repeated work: the same whatever the workers, nothing lost, nothing left behind."""

import os
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from measure.errors import (
    DataError,
    ImproperSolutionWarning,
    ListwiseWarning,
    MeasureError,
    ModelSyntaxError,
    OptionError,
)
from measure.replication.repeat import Repeats, repeat

HOUSE = Path(__file__).parent.parent.parent.parent


# The tasks stand in the module, where worker processes find them.
def draw(rng):
    return rng.normal(size=3)


def spectrum(rng):
    """Enough numerical work for a threaded library to use its threads."""
    values = rng.normal(size=(300, 200))
    return np.linalg.eigvalsh(values.T @ values)


def sometimes(rng):
    """Fail in about a third of the repetitions, for two reasons, and warn in others."""
    x = rng.random()
    if x < 0.1:
        raise DataError(f"item x1 is constant at {x:.4f}.")
    if x < 0.3:
        raise ModelSyntaxError("expected a variable", "f =~", 1, 5)
    if x > 0.6:
        warnings.warn(f"negative variance {-x}", ImproperSolutionWarning, stacklevel=1)
        warnings.warn("and again", ImproperSolutionWarning, stacklevel=1)
    if x > 0.9:
        warnings.warn("rows left out", ListwiseWarning, stacklevel=1)
    return x


class TwoArgumentsError(Exception):
    """An error that cannot be sent between processes as it is."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def broken(rng, error):
    if rng.random() < 0.2:
        raise error
    return 1


def divides(rng):
    if rng.random() < 0.5:
        warnings.warn("divide by zero", RuntimeWarning, stacklevel=1)
    return 1


def dies(rng):
    os._exit(3)


@dataclass
class Leaves:
    """Write the process behind each repetition to a folder; fail at will."""

    folder: Path
    fails: bool = False

    def __call__(self, rng):
        name = f"{os.getpid()}-{rng.integers(2**40)}"
        (self.folder / name).touch()
        time.sleep(0.05)
        if self.fails:
            raise ZeroDivisionError("a bug")
        return os.getpid()


def gone(folder):
    """Whether each process that wrote to the folder has ended; at least one did."""
    processes = {int(path.name.split("-")[0]) for path in folder.iterdir()} - {os.getpid()}
    assert processes
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    return True


def same(first, second):
    assert first.indices == second.indices
    for one, other in zip(first.results, second.results, strict=True):
        np.testing.assert_array_equal(one, other)
    assert first.failures.equals(second.failures)
    assert first.warnings.equals(second.warnings)


@pytest.mark.parametrize(
    ("task", "workers", "chunk"), [(spectrum, 2, 1), (sometimes, 2, 5), (sometimes, 3, 1)]
)
def test_results_depend_on_neither_workers_nor_chunks(task, workers, chunk):
    same(repeat(task, 23, seed=7, workers=workers, chunk=chunk), repeat(task, 23, seed=7))


@pytest.mark.parametrize("chunk", [1, 2, 7, 23, 24])
def test_chunks_in_one_process_change_nothing(chunk):
    same(repeat(sometimes, 23, seed=7, chunk=chunk), repeat(sometimes, 23, seed=7))


def test_each_repetition_has_the_generator_that_the_seed_spawns():
    children = np.random.SeedSequence(5).spawn(4)
    expected = [np.random.default_rng(child).normal(size=3) for child in children]
    np.testing.assert_array_equal(repeat(draw, 4, seed=5).results, expected)
    assert len({tuple(result) for result in repeat(draw, 100, seed=5).results}) == 100


def test_more_repetitions_go_on_where_fewer_end():
    few, many = repeat(draw, 5, seed=5), repeat(draw, 9, seed=5)
    np.testing.assert_array_equal(few.results, many.results[:5])


def test_different_seeds_differ():
    first, second = repeat(draw, 10, seed=1), repeat(draw, 10, seed=2)
    assert not np.isin(np.array(first.results), np.array(second.results)).any()


def test_failures_are_counted_by_reason():
    found = repeat(sometimes, 200, seed=3)
    x = np.array([np.random.default_rng(s).random() for s in np.random.SeedSequence(3).spawn(200)])
    assert found.n == 200
    assert found.n_failed == np.sum(x < 0.3)
    assert found.indices == tuple(np.flatnonzero(x >= 0.3))
    np.testing.assert_array_equal(found.results, x[x >= 0.3])
    syntax, constant = (x >= 0.1) & (x < 0.3), x < 0.1
    assert syntax.sum() > constant.sum() > 1
    first = np.flatnonzero(constant)[0]
    assert found.failures["error"].tolist() == ["ModelSyntaxError", "DataError"]
    assert found.failures["count"].tolist() == [syntax.sum(), constant.sum()]
    assert found.failures["first"].tolist() == [np.flatnonzero(syntax)[0], first]
    assert found.failures["message"][1] == f"item x1 is constant at {x[first]:.4f}."


def named(rng):
    raise DataError(f"item x{rng.integers(1, 3)} is constant at {rng.random()}.")


def test_reasons_that_differ_in_names_are_told_apart():
    failures = repeat(named, 50, seed=3).failures
    assert len(failures) == 2
    assert failures["count"].sum() == 50


def test_warnings_are_counted_by_category_and_not_shown():
    found = repeat(sometimes, 200, seed=3)  # every warning that is shown is an error here
    x = np.array([np.random.default_rng(s).random() for s in np.random.SeedSequence(3).spawn(200)])
    first = np.flatnonzero(x > 0.6)[0]
    assert found.warnings["warning"].tolist() == ["ImproperSolutionWarning", "ListwiseWarning"]
    assert found.warnings["count"].tolist() == [np.sum(x > 0.6), np.sum(x > 0.9)]
    assert found.warnings["first"][0] == first
    assert found.warnings["message"][0] == f"negative variance {-x[first]}"


@pytest.mark.parametrize("workers", [1, 2])
def test_foreign_warnings_are_given_once(workers):
    with pytest.warns(RuntimeWarning, match=r"divide by zero \(in \d+ of 30 rep.*first: \d") as got:
        found = repeat(divides, 30, seed=1, workers=workers)
    assert len(got) == 1
    assert len(found.warnings) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_foreign_exceptions_propagate_and_name_the_repetition(workers):
    task = partial(broken, error=KeyError("a bug"))
    first = next(
        index
        for index, child in enumerate(np.random.SeedSequence(1).spawn(50))
        if np.random.default_rng(child).random() < 0.2
    )
    with pytest.raises(KeyError, match="a bug") as caught:
        repeat(task, 50, seed=1, workers=workers, chunk=50 if workers == 1 else 49)
    assert caught.value.__notes__[0] == f"raised by repetition {first} of the seed 1"


def test_an_exception_that_cannot_be_sent_still_says_what_it_said():
    with pytest.raises(RuntimeError, match=r"TwoArgumentsError: 1 and 2 \(raised by repetition"):
        repeat(bad_pair, 10, seed=1, workers=2)


def bad_pair(rng):
    raise TwoArgumentsError(1, 2)


@pytest.mark.parametrize(("workers", "chunk"), [(1, None), (1, 3), (2, 3)])
def test_progress_rises_to_the_total(workers, chunk):
    calls = []
    repeat(sometimes, 10, seed=1, workers=workers, chunk=chunk, progress=lambda *c: calls.append(c))
    done = [done for done, _ in calls]
    assert done == sorted(set(done))
    assert calls[-1] == (10, 10)
    assert {total for _, total in calls} == {10}
    assert len(calls) == (10 if chunk is None else 4)


def test_require_lets_enough_results_pass():
    found = repeat(sometimes, 200, seed=3)
    share = len(found.results) / 200
    assert found.require(share) is found
    assert isinstance(found.require(0.5), Repeats)


def test_require_names_how_many_failed_and_why():
    found = repeat(sometimes, 200, seed=3)
    with pytest.raises(MeasureError, match=r"of 200 repetitions failed, but 90% must") as caught:
        found.require()
    message = str(caught.value)
    assert message.startswith(f"{found.n_failed} of 200")
    for row in found.failures.itertuples():
        assert f"{row.count} x {row.error} (first: repetition {row.first}): {row.message}" in (
            message
        )
    with pytest.raises(OptionError, match="share is 90"):
        found.require(90)


def many_reasons(rng):
    raise DataError(f'item "{"abcdefgh"[rng.integers(8)]}" is constant.')


def test_require_shortens_a_long_list_of_reasons():
    with pytest.raises(MeasureError, match="and 3 more reasons, see `failures`"):
        repeat(many_reasons, 100, seed=1).require()


def test_the_printout_shows_counts_failures_and_warnings():
    found = repeat(sometimes, 200, seed=3)
    for shown in (repr(found), found._repr_html_()):
        assert "200 repetitions" in shown
        assert str(found.n_failed) in shown
        assert "ModelSyntaxError" in shown
        assert "ListwiseWarning" in shown
    assert "Failures" not in repr(repeat(draw, 3, seed=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": None}, "needs a seed"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1.0}, "seed is 1.0"),
        ({"seed": True}, "seed is True"),
        ({"n": 0}, "number of repetitions is 0"),
        ({"n": 2.5}, "number of repetitions is 2.5"),
        ({"workers": 0}, "workers is 0"),
        ({"workers": "all"}, "workers is 'all'"),
        ({"chunk": 0}, "chunk is 0"),
    ],
)
def test_impossible_options_are_refused(options, message):
    arguments = {"n": 3, "seed": 1, **options}
    with pytest.raises(OptionError, match=message):
        repeat(draw, arguments.pop("n"), **arguments)


def test_numpy_numbers_are_numbers():
    same(repeat(draw, np.int64(3), seed=np.uint32(1)), repeat(draw, 3, seed=1))


@pytest.mark.parametrize("workers", [2, 3])
def test_a_task_that_cannot_be_sent_is_refused(workers):
    with pytest.raises(OptionError, match="cannot be sent to other processes"):
        repeat(lambda rng: 1, 3, seed=1, workers=workers)


def test_a_task_that_workers_cannot_find_is_refused():
    code = (
        "from measure.replication.repeat import repeat\n"
        "def task(rng): return 1\n"
        "try: repeat(task, 4, seed=1, workers=2)\n"
        "except ValueError as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HOUSE, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("OptionError a worker process cannot find the task")


def test_a_script_without_a_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from measure.replication.repeat import repeat\n"
        "def task(rng): return 1\n"
        "repeat(task, 4, seed=1, workers=2)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(script)], cwd=HOUSE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "OptionError: a worker process ended before its work was done" in done.stderr


def test_a_worker_that_dies_is_reported():
    with pytest.raises(OptionError, match="a worker process ended before its work was done"):
        repeat(dies, 4, seed=1, workers=2)


def test_workers_end_with_the_call(tmp_path):
    environment = dict(os.environ)
    found = repeat(Leaves(tmp_path), 12, seed=1, workers=2)
    assert os.getpid() not in found.results
    assert gone(tmp_path)
    assert dict(os.environ) == environment


def test_workers_end_with_an_error_and_soon(tmp_path):
    with pytest.raises(ZeroDivisionError):
        repeat(Leaves(tmp_path, fails=True), 1000, seed=1, workers=2, chunk=1)
    assert gone(tmp_path)
    assert len(list(tmp_path.iterdir())) < 50


def test_workers_end_when_progress_is_interrupted(tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        repeat(Leaves(tmp_path), 1000, seed=1, workers=2, chunk=1, progress=interrupt)
    assert gone(tmp_path)
    assert len(list(tmp_path.iterdir())) < 50
    assert caught.value.__traceback__ is not None


def threads(rng):
    return os.environ["OPENBLAS_NUM_THREADS"]


def nested(rng):
    """Repeated work within a worker does not start workers of its own."""
    return repeat(process, 3, seed=int(rng.integers(2**32)), workers=None).results, os.getpid()


def process(rng):
    return os.getpid()


def test_workers_use_one_numerical_thread():
    assert set(repeat(threads, 4, seed=1, workers=2).results) == {"1"}


def test_all_cores_are_used_and_not_twice():
    found = repeat(nested, 4, seed=1, workers=2)
    for inner, outer in found.results:
        assert set(inner) == {outer}
    assert len(repeat(draw, 4, seed=1, workers=None).results) == 4
