"""The calibration study of ordered answers: it simulates and counts right, and what it found."""

import numpy as np
import pandas as pd
import pytest

import measure
from benchmarks.calibration_design import SAMPLES, SEED
from benchmarks.calibration_lavaan import TOLERANCES, Job, drawn, jobs
from benchmarks.calibration_ordinal import (
    CLUSTERED,
    FEW,
    GROUPS_CLUSTERED,
    GROUPS_IGNORED,
    IGNORED,
    INDEPENDENT,
    LARGE,
    RUNS,
    OrdinalCell,
    OrdinalDesign,
)
from benchmarks.calibration_ordinal_report import checks_of, promised
from benchmarks.calibration_results import HERE, ORDINAL, Calibration, read, write
from benchmarks.calibration_study import run
from measure.consistency.answer_sums import Answers

SMALL = OrdinalDesign(
    loadings=(0.8, 0.7, 0.6),
    correlations=((1.0, 0.5), (0.5, 1.0)),
    shares=((0.1, 0.2, 0.4, 0.2, 0.1), (0.1, 0.1, 0.2, 0.3, 0.3), (0.3, 0.3, 0.2, 0.1, 0.1)),
    size=10,
)
WLSMV, WLSM, ULSMV = INDEPENDENT


@pytest.fixture(scope="module")
def committed():
    return read(HERE / ORDINAL.file, ORDINAL)


@pytest.mark.parametrize("cell", [WLSMV, CLUSTERED, GROUPS_CLUSTERED], ids=lambda cell: cell.name)
def test_the_model_is_true_of_what_is_drawn(cell):
    frame = cell.sample(SMALL, 40_000, np.random.default_rng(1))
    for item, shares in zip(SMALL.items, SMALL.shares * 2, strict=True):
        found = frame[item].value_counts(normalize=True).sort_index()
        np.testing.assert_allclose(found, shares, atol=0.015)
    own = cell.outcome(SMALL, frame).estimates
    truth = [cell.truth(SMALL)[name] for name in own.names]
    distance = (own.est - truth) / own.se
    assert np.abs(distance).max() < 4
    assert 0.6 < np.sqrt(np.mean(distance**2)) < 1.5
    n_groups = 2 if cell.data == "two groups" else 1
    # Loadings, thresholds, one correlation, and omega of two factors.
    assert len(set(own.names)) == n_groups * (6 + 24 + 1 + 2)


def test_rows_of_a_cluster_correlate_as_the_icc_says():
    n = 20_000
    frame = SMALL.sample(n * SMALL.size, np.random.default_rng(2), "clustered")
    sizes = frame.groupby("cluster").size()
    assert (len(sizes), set(sizes)) == (n, {SMALL.size})
    members = frame["y1"].to_numpy().reshape(n, SMALL.size)
    pairs = pd.DataFrame({"one": members[:, 0], "other": members[:, 1]})
    found = measure.polychoric(pairs, ordered=True).correlations.loc["one", "other"]
    assert found == pytest.approx(SMALL.icc, abs=0.03)
    split = SMALL.sample(200, np.random.default_rng(2), "two groups")
    assert split.groupby("cluster")["site"].nunique().eq(1).all()
    assert split["site"].value_counts().to_dict() == {"a": 100, "b": 100}


@pytest.mark.parametrize("design", [SMALL, OrdinalDesign()], ids=["small", "study"])
def test_reliability_is_that_of_the_sum(design):
    loadings = np.array(design.loadings)
    cuts = design.thresholds
    items = np.repeat(np.arange(len(cuts)), cuts.shape[1])
    answers = Answers(cuts.ravel(), items, np.ones(cuts.size), len(cuts))
    common = np.outer(loadings, loadings)
    total = common - np.diag(np.diag(common)) + np.eye(len(loadings))
    formula = answers.true_variance(common).value / answers.variance(total).value
    assert design.reliability == pytest.approx(formula, abs=1e-10)
    # Two answerings that share the factor and nothing else.
    rng = np.random.default_rng(3)
    factor = rng.standard_normal(200_000)
    sums = np.zeros((2, len(factor)))
    for loading, cuts in zip(design.loadings, design.thresholds, strict=True):
        noise = rng.standard_normal(sums.shape)
        sums += np.searchsorted(cuts, loading * factor + np.sqrt(1 - loading**2) * noise)
    assert design.reliability == pytest.approx(np.corrcoef(sums)[0, 1], abs=0.005)


def test_equalities_of_the_restricted_model_are_true():
    frame = WLSMV.sample(SMALL, 20_000, np.random.default_rng(4))
    fit, restricted = WLSMV.fit(SMALL, frame), WLSMV.restricted(SMALL, frame)
    assert restricted.df - fit.df == 3
    loadings = restricted.parameters.query("op == '=~'")["est"].to_numpy()
    np.testing.assert_allclose(loadings[:3], loadings[3:])
    np.testing.assert_allclose(loadings[:3], SMALL.loadings, atol=0.02)
    frame = GROUPS_IGNORED.sample(SMALL, 2_000, np.random.default_rng(4))
    fit, restricted = (one(SMALL, frame) for one in (GROUPS_IGNORED.fit, GROUPS_IGNORED.restricted))
    # 24 thresholds and 6 loadings equal; 6 scales, 2 factor means and 2 factor variances free.
    assert restricted.df - fit.df == 24 + 6 - 6 - 2 - 2


def test_thresholds_of_a_sample_without_a_category_keep_their_place():
    frame = WLSMV.sample(SMALL, 500, np.random.default_rng(5))
    whole = WLSMV.outcome(SMALL, frame)
    assert whole.remarks == ()
    frame["y1"] = frame["y1"].replace(1, 2)
    frame["y5"] = frame["y5"].replace(5, 4)
    found = WLSMV.outcome(SMALL, frame)
    assert found.remarks == ("nobody answered 1 to y1", "nobody answered 5 to y5")
    gone = set(whole.estimates.names) - set(found.estimates.names)
    assert gone == {"y1|t1", "y5|t4"}
    before = dict(zip(whole.estimates.names, whole.estimates.est, strict=True))
    after = dict(zip(found.estimates.names, found.estimates.est, strict=True))
    kept = [name for name in after if "|" in name]
    assert len(kept) == 22
    assert [after[name] for name in kept] == pytest.approx([before[name] for name in kept])


@pytest.mark.parametrize(
    "cell", [WLSMV, ULSMV, IGNORED, CLUSTERED, GROUPS_CLUSTERED], ids=lambda cell: cell.name
)
def test_a_cell_counts_what_its_fits_say(cell):
    n, samples = 400, 5
    found = run(SMALL, cell, n, samples=samples)
    frames = [drawn(SMALL, Job(cell, n, index)) for index in range(samples)]
    fits = [cell.fit(SMALL, frame) for frame in frames]
    assert found.failed == 0
    assert found.rejected["test"] == np.mean(
        [fit.fit_measures["pvalue.scaled"] < 0.05 for fit in fits]
    )
    for name, spread in found.measures.items():
        assert spread.mean == pytest.approx(np.mean([fit.fit_measures[name] for fit in fits]))
    clusters = None if cell.treated == "as independent" else n // SMALL.size
    assert {fit.n_clusters for fit in fits} == {clusters}
    inside = [
        fit.parameters.query("lhs == 'f2' and rhs == 'y5'").iloc[-1][["ci.lower", "ci.upper"]]
        for fit in fits
    ]
    last = "f2=~y5.g2" if cell.data == "two groups" else "f2=~y5"
    assert found.parameters[last].coverage == np.mean([low < 0.7 < high for low, high in inside])
    assert ("difference" in found.rejected) == (cell.estimator == "WLSMV")
    if cell.estimator == "WLSMV":
        omegas = [measure.composite_reliability(fit).set_index("factor") for fit in fits]
        inside = [
            omega.loc[["f1"], ["omega.ci.lower", "omega.ci.upper"]].iloc[0] for omega in omegas
        ]
        covered = [low < SMALL.reliability < high for low, high in inside]
        assert found.parameters["omega(f1)"].coverage == np.mean(covered)
        pairs = zip(frames, fits, strict=True)
        tests = [measure.compare(cell.restricted(SMALL, frame), fit) for frame, fit in pairs]
        rejected = np.mean([test["pvalue"].iloc[0] < 0.05 for test in tests])
        assert found.rejected["difference"] == rejected


def test_clusters_widen_intervals():
    frame = CLUSTERED.sample(SMALL, 4_000, np.random.default_rng(6))
    ignored, clustered = (cell.outcome(SMALL, frame).estimates for cell in (IGNORED, CLUSTERED))
    thresholds = np.array(["|" in name for name in ignored.names])
    np.testing.assert_allclose(ignored.est[thresholds], clustered.est[thresholds])
    # Weighted by other variances.
    np.testing.assert_allclose(ignored.est, clustered.est, atol=0.01)
    ratio = (clustered.se / ignored.se)[thresholds]
    # Design effect of a mean of clusters of 10: 1 + 9 x .10, a little less for a category.
    assert 1.1 < np.median(ratio) < np.sqrt(1.9)


def test_lavaan_is_asked_for_independent_rows():
    chosen = jobs(RUNS)
    assert len(set(chosen)) == len(chosen) == 100
    runs = [(cell, n) for cell, n in RUNS if cell in INDEPENDENT]
    assert {(job.cell, job.n) for job in chosen} == set(runs)


def test_results_are_written_and_read(tmp_path):
    cells = tuple((cell, run(SMALL, cell, 200, samples=10)) for cell in (ULSMV, CLUSTERED))
    study = Calibration({"kobling": "1"}, SEED, 10, 0.5, SMALL, cells)
    write(study, tmp_path / "one.json")
    again = read(tmp_path / "one.json", ORDINAL)
    write(again, tmp_path / "two.json")
    assert (tmp_path / "one.json").read_text() == (tmp_path / "two.json").read_text()
    assert again.design == SMALL
    assert again.of(CLUSTERED, 200).measures["srmr"].absent == 0


def test_the_committed_study_is_the_one_described(committed):
    assert committed.design == OrdinalDesign()
    assert (committed.seed, committed.samples) == (SEED, SAMPLES)
    assert tuple((cell, found.n) for cell, found in committed.cells) == RUNS
    truth = OrdinalDesign().truth
    for cell, found in committed.cells:
        assert found.samples == SAMPLES
        n_groups = 2 if cell.data == "two groups" else 1
        names = [name for name in truth if cell.estimator == "WLSMV" or "omega" not in name]
        assert len(found.parameters) == n_groups * len(names)
        assert set(found.parameters) <= set(cell.truth(OrdinalDesign()))


@pytest.mark.parametrize(("cell", "n"), promised(), ids=str)
def test_the_committed_figures_keep_what_was_promised(committed, cell, n):
    failing = [check for check in checks_of(cell, committed.of(cell, n)) if not check.holds]
    assert not failing


def test_committed_results_agree_with_lavaan(committed):
    assert committed.lavaan.samples == 100
    for cell in INDEPENDENT:
        own = committed.lavaan.largest[cell.name]
        assert set(own) == set(TOLERANCES)
        for part, largest in own.items():
            assert largest < TOLERANCES[part], (cell.name, part)


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "n"), [(WLSMV, LARGE), (CLUSTERED, FEW)], ids=str)
def test_the_study_gives_the_same_again(committed, cell: OrdinalCell, n: int):
    """The figures of large samples, and of few clusters, drawn and fitted again."""
    found = run(OrdinalDesign(), cell, n, samples=SAMPLES)
    assert found.failed == 0
    assert not [check for check in checks_of(cell, found) if not check.holds]
    # Another machine rounds otherwise, which may turn a sample on the edge.
    before = committed.of(cell, n)
    assert found.rejected == pytest.approx(before.rejected, abs=0.003)
    for part in ("=~", "~~", "|", "omega"):
        assert found.only(part).coverage == pytest.approx(before.only(part).coverage, abs=0.001)
