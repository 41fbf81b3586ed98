"""The recovery study: it draws, fits and counts right, and what it found."""

import numpy as np
import pytest

from benchmarks.calibration_results import HERE, read
from benchmarks.calibration_study import run
from benchmarks.recovery_design import (
    BUNDLED,
    CELLS,
    FILE,
    ORDINARY,
    RECOVERY,
    REMOVED,
    N,
    RecoveryCell,
    RecoveryDesign,
)
from benchmarks.recovery_report import report

DESIGN = RecoveryDesign()
CLEAN_CELL = CELLS[0]


@pytest.fixture(scope="module")
def committed():
    return read(HERE / FILE, RECOVERY)


def test_every_parameter_of_a_fit_has_a_true_value() -> None:
    for cell in (CLEAN_CELL, CELLS[3]):
        frame = cell.sample(DESIGN, N, np.random.default_rng(1))
        found = cell.outcome(DESIGN, frame).estimates
        truth = cell.truth(DESIGN)
        assert set(found.names) <= set(truth)
        distance = (found.est - [truth[name] for name in found.names]) / found.se
        assert np.abs(distance).max() < 5
        assert 0.6 < np.sqrt(np.mean(distance**2)) < 1.6


def test_respondents_are_left_out_by_what_is_true_of_them() -> None:
    rows = {
        condition: len(
            RecoveryCell("M2", condition, "unit").sample(DESIGN, N, np.random.default_rng(1))
        )
        for condition in (BUNDLED, REMOVED, ORDINARY)
    }
    assert rows == {BUNDLED: 1800, REMOVED: 1620, ORDINARY: 1571}


def test_the_committed_results_are_of_the_stated_study(committed) -> None:
    assert committed.samples >= 200
    assert committed.design == DESIGN
    assert [cell for cell, _ in committed.cells] == list(CELLS)
    assert (HERE / "RECOVERY.md").read_text(encoding="utf-8") == report(committed)
    truth = CLEAN_CELL.truth(DESIGN)
    for _, figures in committed.cells:
        for name, one in figures.parameters.items():
            assert one.true == pytest.approx(truth[name], abs=1e-5)


def test_the_intervals_hold_the_stated_truth(committed) -> None:
    of = dict(committed.cells)
    clean = of[CELLS[1]]
    for part, largest in (("=~", 0.005), ("~~", 0.006), ("omega", 0.004)):
        own = clean.only(part)
        assert 0.92 < own.coverage < 0.97
        biases = [one.bias * one.sd for one in own.parameters.values()]
        assert np.abs(biases).mean() < largest
    # Careless respondents break it, and leaving them out mends it.
    assert of[CELLS[4]].only("=~").coverage < 0.75
    assert of[CELLS[5]].only("=~").coverage > 0.88


@pytest.mark.slow
def test_the_study_can_be_run_again(committed) -> None:
    again = run(DESIGN, CLEAN_CELL, N, samples=40)
    assert again.failed == 0
    assert again.coverage == pytest.approx(dict(committed.cells)[CLEAN_CELL].coverage, abs=0.03)
