"""The study of change: what is counted, and its tables."""

import json

import numpy as np
import pytest

from benchmarks.calibration_results import HERE
from benchmarks.change import CELLS, SEED, Cell, report, trial


def test_the_tables_count_samples() -> None:
    def sample(released: float, item: float, far: float) -> list[list[float | None]]:
        return [[released, item] if cell.asked == "shift" else [far, 0.1] for cell in CELLS]

    failed: list[list[float | None]] = [[None, None] for _ in CELLS]
    outcomes = [sample(1, 1, 0.05), sample(0, 0, -0.2), sample(1, 0, 0.05), failed]
    text = report({"outcomes": outcomes, "seed": SEED, "failed": 0})
    assert "| ordered | 50 | 1000 | nothing | 3 | 66.7 (27.2) |  |" in text
    assert "| ordered | 50 | 1000 | y3 + .5 | 3 | 66.7 (27.2) | 33.3 (27.2) |" in text
    # Two of three lie within .1 of the truth; .1 is 2.101 standard errors with 18 degrees.
    assert "| numbers | 20 | 300 | 3 | 66.7 (27.2) | -0.033 | 0.144 | 0.048 |" in text


@pytest.mark.parametrize("ordered", [False, True])
def test_a_planted_shift_is_found_in_its_item(ordered: bool) -> None:
    assert Cell("shift", ordered, 50, 20, planted=True).found(1) == [1.0, 1.0]


@pytest.mark.parametrize("ordered", [False, True])
def test_the_difference_is_near_the_truth(ordered: bool) -> None:
    far, half = Cell("difference", ordered, 40, 25).found(1)
    assert far is not None
    assert half is not None
    assert abs(far) < 2 * half
    assert 0.1 < half < 0.25


def test_what_cannot_be_asked_is_told_apart() -> None:
    assert Cell("difference", False, 2, 2).found(1) == [None, None]


@pytest.mark.slow
def test_a_trial_asks_every_cell() -> None:
    assert len(trial(np.random.default_rng(1))) == len(CELLS)


def test_the_page_is_made_of_the_file() -> None:
    found = json.loads((HERE / "change.json").read_text(encoding="utf-8"))
    assert (HERE / "CHANGE.md").read_text(encoding="utf-8") == report(found)
    assert found["samples"] == len(found["outcomes"]) >= 40
