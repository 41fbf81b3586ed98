"""The study of variance components: it draws what it says, and what it found."""

import json

import numpy as np
import pytest

from benchmarks.calibration_results import HERE
from benchmarks.components import ANOVA, BETWEEN, FILE, MEANS, REPORT, SHARE, Trial, figures, report
from benchmarks.components_design import FIVE, Cell, cells


@pytest.fixture(scope="module")
def committed():
    return json.loads((HERE / FILE).read_text("utf-8"))


@pytest.mark.parametrize(
    "cell", [Cell(400, 0.1), Cell(400, 0.1, FIVE), Cell(200, 0.1, FIVE, 3, 0.2)]
)
def test_samples_have_the_variances_of_the_population(cell):
    rng = np.random.default_rng(1)
    between, units, rest = cell.truth()
    frame, true = cell.sample(rng)
    assert len(true) == cell.clusters
    assert frame["y"].var() == pytest.approx(between + units + rest, rel=0.1)
    # Two members of a unit share what their levels add.
    draws = [cell.sample(rng)[0].groupby("unit")["y"] for _ in range(30)]
    pairs = [np.cov(rows.first(), rows.last())[0, 1] for rows in draws]
    assert np.mean(pairs) == pytest.approx(between + units, abs=0.03)
    assert frame["unit"].nunique() == cell.clusters * cell.units
    if cell.answers == FIVE:
        assert frame["y"].isin([1, 2, 3, 4, 5]).all()
        assert true.mean() == pytest.approx(3.6, abs=0.1)


def test_what_the_samples_gave_is_counted():
    cell = Cell(20, 0.2)
    trials = [Trial(cell)(np.random.default_rng(seed)) for seed in range(3)]
    rows = {row["quantity"]: row for row in figures(cell, trials)}
    estimates = [trial[SHARE][0] for trial in trials]
    assert rows[SHARE]["mean"] == pytest.approx(np.mean(estimates), abs=1e-6)
    above = [trial[BETWEEN][1] > 0.2 for trial in trials]
    assert rows[BETWEEN]["above"] == pytest.approx(np.mean(above), abs=1e-6)
    assert rows[MEANS]["coverage"] == pytest.approx(
        np.mean([t[MEANS][1] for t in trials]), abs=1e-6
    )
    text = report({"seed": 1, "minutes": 1.0, "failed": 0, "rows": [*rows.values()]})
    assert f"| 20 clusters, normal | {ANOVA} | 0.200 |" in text


def test_the_committed_study_is_the_one_described(committed):
    drawn = {json.dumps(row["cell"], sort_keys=True): row["samples"] for row in committed["rows"]}
    assert len(drawn) == len(list(cells()))
    for cell, samples in cells():
        assert drawn[json.dumps(vars(cell), sort_keys=True)] == samples
    assert (HERE / REPORT).read_text("utf-8") == report(committed)


def test_the_intervals_hold_what_the_documentation_says(committed):
    for row in committed["rows"]:
        if "true" in row and row["true"] > 0:
            held = 1 - row["below"] - row["above"]
            normal = row["cell"]["answers"] == "normal"
            # Three standard errors below 95 %, as in a row among 150 chance may bring; skewed
            # categories cost a little more.
            error = (0.95 * 0.05 / row["samples"]) ** 0.5
            assert held > 0.95 - 3 * error - (0.0 if normal else 0.01), row
        if row["quantity"] == MEANS:
            assert row["coverage"] > 0.92


@pytest.mark.slow
def test_the_study_can_be_run_again(committed):
    cell = Cell(50, 0.1)
    again = figures(cell, [Trial(cell)(np.random.default_rng(seed)) for seed in range(200)])
    for row in again:
        if "true" in row:
            assert 1 - row["below"] - row["above"] > 0.95 - 3 * 0.0154, row
