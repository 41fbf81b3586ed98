"""The calibration study: it counts right, and what it found is what was promised."""

from dataclasses import replace

import numpy as np
import pytest

import measure
from benchmarks.calibration import REPORT, report_of
from benchmarks.calibration_design import CELLS, RUNS, SAMPLES, SEED, SIZES, Cell, Design
from benchmarks.calibration_lavaan import TOLERANCES, Job, drawn, jobs
from benchmarks.calibration_report import INCONSISTENT, LARGE, checks_of
from benchmarks.calibration_results import CONTINUOUS, HERE, Calibration, read, write
from benchmarks.calibration_study import Estimates, Outcome, Sampling, Spread, figures, run
from measure.errors import DataError
from measure.replication.repeat import repeat

SMALL = Design(
    loadings=(0.8, 0.7, 0.6, 0.7), correlations=((1.0, 0.5), (0.5, 1.0)), skewness=1.0, kurtosis=2.0
)
PLAIN, HOLED = CELLS[0], CELLS[1]


@pytest.fixture(scope="module")
def committed():
    return read(HERE / CONTINUOUS.file, CONTINUOUS)


@pytest.mark.parametrize("design", [SMALL, Design()])
def test_truth_is_what_the_model_is_in_the_population(design):
    truth = design.population
    found = measure.cfa(
        design.model,
        sample_cov=truth.covariances[1],
        sample_mean=truth.means[1],
        sample_nobs=1000,
        meanstructure=True,
        likelihood="wishart",
    )
    assert found.discrepancy == pytest.approx(0, abs=1e-12)
    rows = found.parameters
    names = rows["lhs"] + rows["op"] + rows["rhs"]
    free = rows["free"].to_numpy()
    truth_of_free = [design.truth[name] for name in names[free]]
    np.testing.assert_allclose(rows["est"][free], truth_of_free, atol=1e-9)
    np.testing.assert_allclose(np.diag(truth.moments[0].sigma), 1)
    loadings = rows.loc[rows["op"] == "=~", "std.all"]
    np.testing.assert_allclose(loadings, design.loadings * len(design.correlations))
    np.testing.assert_allclose(found.factor_correlations, design.correlations)


@pytest.mark.parametrize("answers", ["at random", "completely at random"])
def test_pages_are_missing_as_a_whole(answers):
    whole = SMALL.sample(20_000, np.random.default_rng(1), "skewed", "complete")
    holed = SMALL.sample(20_000, np.random.default_rng(1), "skewed", answers)
    gone = holed.isna()
    np.testing.assert_array_equal(holed[~gone], whole.where(~gone))
    assert gone.to_numpy().mean() == pytest.approx(0.15, abs=0.005)
    assert len(measure.missing_patterns(holed).patterns) == 4
    for always, page in ((["y1", "y2"], ["y3", "y4"]), (["y5", "y6"], ["y7", "y8"])):
        assert not gone[always].any(axis=None)
        assert (gone[page].all(axis=1) == gone[page].any(axis=1)).all()
        depends = np.corrcoef(gone[page[0]], whole[always[0]])[0, 1]
        assert abs(depends) < 0.02 if answers == "completely at random" else depends > 0.2


def outcome(est, reach, names=("a", "b"), **others):
    est = np.array(est)
    given = {
        "estimates": Estimates(names, est, np.full(len(est), reach / 2), est - reach, est + reach),
        "admissible": True,
        "ratio": 1.0,
        "pvalues": {"test": 0.5, "unscaled": 0.01},
        "share_missing": 0.0,
    }
    return Outcome(**given | others)


class Played:
    """A task that gives outcomes in turn, or raises what stands in place of one."""

    def __init__(self, turns):
        self.turns = iter(turns)

    def __call__(self, rng):
        turn = next(self.turns)
        if isinstance(turn, Exception):
            raise turn
        return turn


def test_what_the_samples_gave_is_counted():
    # True values 0 and 1; every interval reaches 0.5 to both sides.
    turns = [outcome((0.4, 1.0), 0.5) for _ in range(10)]
    turns[2] = outcome((0.6, 1.0), 0.5, admissible=False, ratio=2.0)
    turns[4] = outcome((-0.6, 1.4), 0.5, pvalues={"test": 0.049, "unscaled": 0.01})
    turns[5] = outcome((0.5, 1.5), 0.5, pvalues={"test": 0.05, "unscaled": 0.05})
    turns[6] = outcome((np.nan, 1.0), 0.5)
    turns[8] = DataError("no")
    found = figures(repeat(Played(turns), 10, seed=1), 77, {"a": 0.0, "b": 1.0})
    assert (found.n, found.samples, found.failed, found.improper) == (77, 10, 1, 1)
    assert found.failures == {"DataError": 1}
    assert found.ratio == pytest.approx(10 / 9)
    assert found.rejected == pytest.approx({"test": 1 / 9, "unscaled": 8 / 9})
    # Wilson's interval of 1 in 9.
    assert found.interval == pytest.approx((0.0199, 0.4350), abs=1e-4)
    # Outside: 0.6 and -0.6; an interval that does not exist covers nothing.
    assert found.parameters["a"].coverage == pytest.approx(6 / 9)
    assert found.parameters["b"].coverage == 1
    assert found.coverage == pytest.approx(7.5 / 9)
    assert found.extreme("coverage") == ((pytest.approx(6 / 9), "a"), (1.0, "b"))
    estimates = np.array([1, 1, 1, 1, 1.4, 1.5, 1, 1, 1])
    own = found.parameters["b"]
    assert own.sd == pytest.approx(estimates.std(ddof=1))
    assert own.se_ratio == pytest.approx(0.25 / own.sd)
    assert own.bias == pytest.approx(0.1 / own.sd)


def test_a_parameter_that_a_sample_lacks_is_counted_over_the_others():
    turns = [outcome((k % 2, 1 + k / 100), 0.5) for k in range(8)]
    turns += [outcome((1.0,), 0.5, names=("b",)), outcome((5.0, 0.0), 0.5, names=("b", "a"))]
    found = figures(repeat(Played(turns), 10, seed=1), 10, {"a": 0.0, "b": 1.0})
    # "a" is 0 in five of nine samples; 1 lies farther off than the interval reaches.
    assert found.parameters["a"].coverage == pytest.approx(5 / 9)
    assert found.parameters["a"].sd == pytest.approx(np.std([0] * 5 + [1] * 4, ddof=1))
    assert found.parameters["b"].coverage == pytest.approx(9 / 10)
    assert list(found.only("b").parameters) == ["b"]


def test_other_numbers_and_remarks_are_counted():
    remarks = {3: ("odd", "thin"), 4: ("odd",)}
    turns = [
        outcome((k, k), 1, measures={"cfi": k / 100}, remarks=remarks.get(k, ()))
        for k in range(101)
    ]
    turns[3] = replace(turns[3], measures={"cfi": np.nan})
    found = figures(repeat(Played(turns), 101, seed=1), 10, {"a": 0.0, "b": 1.0})
    values = np.delete(np.arange(101) / 100, 3)
    low, high = np.quantile(values, (0.05, 0.95))
    assert found.measures["cfi"] == Spread(pytest.approx(values.mean()), low, high, absent=1)
    assert (found.remarked, found.remarks) == (2, {"odd": 2, "thin": 1})


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_a_cell_counts_what_its_fits_say(cell):
    found = run(SMALL, cell, 200, samples=10)
    seed = cell.seed(200)
    fits = []
    for index in range(10):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
        fits.append(cell.fit(SMALL, SMALL.sample(200, rng, cell.data, cell.answers)))
    scaled = ".scaled" if cell.estimator != "ML" else ""
    measures = [fit.fit_measures for fit in fits]
    assert found.rejected["test"] == np.mean([m[f"pvalue{scaled}"] < 0.05 for m in measures])
    assert found.rejected["unscaled"] == np.mean([m["pvalue"] < 0.05 for m in measures])
    ratios = [m[f"chisq{scaled}"] / m[f"df{scaled}"] for m in measures]
    assert found.ratio == pytest.approx(np.mean(ratios))
    assert ("bartlett" in found.rejected) == (cell.answers == "complete")
    tables = [fit.parameters for fit in fits]
    tables = [table.set_index(table["lhs"] + table["op"] + table["rhs"]) for table in tables]
    for name, own in found.parameters.items():
        true = SMALL.truth[name]
        inside = [t.loc[name, "ci.lower"] <= true <= t.loc[name, "ci.upper"] for t in tables]
        assert own.coverage == np.mean(inside), name
        assert own.true == true
    # Incomplete answers bring intercepts.
    n_free = 2 * 3 + 8 + 3 + (0 if cell.answers == "complete" else 8)
    assert len(found.parameters) == n_free
    assert found.share_missing == pytest.approx(0 if cell.answers == "complete" else 0.15, abs=0.03)


def test_cells_of_the_same_data_share_their_samples():
    whole, holed = (drawn(SMALL, Job(cell, 50, 3)).to_numpy() for cell in (PLAIN, HOLED))
    there = ~np.isnan(holed)
    np.testing.assert_array_equal(holed[there], whole[there])
    task = repeat(Sampling(SMALL, PLAIN, 50), 4, seed=PLAIN.seed(50)).results[3]
    assert task.estimates.est[0] == PLAIN.fit(SMALL, drawn(SMALL, Job(PLAIN, 50, 3))).params[0]


def test_samples_for_lavaan_are_spread_over_the_cells():
    chosen = jobs(RUNS)
    assert len(set(chosen)) == len(chosen) == 100
    for cell in CELLS:
        for n in SIZES:
            assert sum(job.cell == cell and job.n == n for job in chosen) >= 5


def test_results_are_written_and_read(tmp_path):
    cells = tuple((cell, run(SMALL, cell, 90, samples=2)) for cell in CELLS)
    study = Calibration({"kobling": "1"}, SEED, 2, 0.5, SMALL, cells)
    write(study, tmp_path / "one.json")
    again = read(tmp_path / "one.json", CONTINUOUS)
    write(again, tmp_path / "two.json")
    assert (tmp_path / "one.json").read_text() == (tmp_path / "two.json").read_text()
    assert again.design == SMALL
    for cell, found in cells:
        kept = again.of(cell, found.n)
        assert kept.rejected == pytest.approx(found.rejected, abs=1e-6)
        assert kept.parameters.keys() == found.parameters.keys()


def test_checks_hold_figures_against_their_limits(committed):
    found = committed.of(PLAIN, LARGE)
    assert [check.what.split(" (")[0] for check in checks_of(PLAIN, found)] == [
        *("mean coverage", "lowest coverage", "highest coverage", "rejected at 5 %")
    ]
    assert all(check.holds for check in checks_of(PLAIN, found))
    name, one = next(iter(found.parameters.items()))
    low = found.parameters | {name: replace(one, coverage=0.92)}
    bad = replace(found, parameters=low, rejected={"test": 0.066})
    checks = checks_of(PLAIN, bad)
    assert [check.holds for check in checks] == [True, False, True, False]
    assert checks[1].what == f"lowest coverage (`{name}`)"


def test_the_committed_study_is_the_one_described(committed):
    assert committed.design == Design()
    assert (committed.seed, committed.samples) == (SEED, SAMPLES)
    assert tuple((cell, found.n) for cell, found in committed.cells) == RUNS
    for cell, found in committed.cells:
        assert found.samples == SAMPLES
        assert set(found.parameters) <= set(Design().truth)
        assert found.share_missing == pytest.approx(
            0 if cell.answers == "complete" else 0.15, abs=0.01
        )
    assert REPORT.read_text(encoding="utf-8") == report_of(HERE)


@pytest.mark.parametrize("cell", [c for c in CELLS if c != INCONSISTENT], ids=lambda c: c.name)
def test_the_committed_figures_keep_what_was_promised(committed, cell):
    failing = [check for check in checks_of(cell, committed.of(cell, LARGE)) if not check.holds]
    assert not failing


def test_committed_results_agree_with_lavaan(committed):
    assert committed.lavaan.samples == 100
    for cell in CELLS:
        own = committed.lavaan.largest[cell.name]
        expected = set(TOLERANCES)
        if cell == PLAIN:
            expected.remove("scaled and robust tests and indices")
        assert set(own) == expected
        for part, largest in own.items():
            assert largest < TOLERANCES[part], (cell.name, part)


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_large_samples_are_calibrated(committed, cell: Cell):
    """The figures of the study at n = 5,000, drawn and fitted again."""
    found = run(Design(), cell, LARGE, samples=SAMPLES)
    assert found.failed == 0
    failing = [check for check in checks_of(cell, found) if not check.holds]
    if cell == INCONSISTENT:
        # The method, not the code: see the report, and the agreement with lavaan.
        assert {check.what.split(" (")[0] for check in failing} >= {"mean coverage"}
    else:
        assert not failing
    # Another machine rounds otherwise, which may turn a sample on the edge.
    before = committed.of(cell, LARGE)
    assert found.rejected == pytest.approx(before.rejected, abs=0.003)
    assert found.coverage == pytest.approx(before.coverage, abs=0.001)
