"""Distinct constructs, and what is explained."""

import numpy as np
import pytest

import measure
from measure.errors import DataError, OptionError
from tests.measure.after_fits import AFTER, fitted, results
from tests.measure.ledger import COMPOSITE, ORDERED_HTMT
from tests.reference_cases import case, data, matrix

HS39 = case("cfa_hs39_3f")["model"]
SCALES = {
    "visual": ["x1", "x2", "x3"],
    "textual": ["x4", "x5", "x6"],
    "speed": ["x7", "x8", "x9"],
}


def scales_of(reference):
    lines = [line.split("=~") for line in reference["model"].splitlines() if "=~" in line]
    return {name.strip(): [item.strip() for item in items.split("+")] for name, items in lines}


@pytest.mark.parametrize("version", ["htmt", "htmt2"])
@pytest.mark.parametrize("name", COMPOSITE)
def test_htmt_agrees_with_semtools(name, version):
    reference = case(name)
    theirs = matrix(reference["results"][version])
    ours = measure.htmt(data(reference["data"]), scales_of(reference), version=version)
    assert list(ours.index) == list(theirs.index)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


ORDERED_SCALES = {
    "visual": ["o1", "o2", "o3"],
    "textual": ["o4", "o5", "o6"],
    "speed": ["o7", "o8", "o9"],
}


@pytest.mark.parametrize("version", ["htmt", "htmt2"])
@pytest.mark.parametrize("name", ORDERED_HTMT)
def test_htmt_of_polychoric_correlations_agrees_with_semtools(name, version):
    reference = case(name)
    theirs = matrix(reference["results"][version])
    frame = data(reference["data"])
    ours = measure.htmt(frame, ORDERED_SCALES, version=version, correlation="polychoric")
    # lavCor's search for a correlation ends within about 1e-6.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_intervals_of_polychoric_ratios_do_not_depend_on_workers(workers_here):
    frame = data("hs39_ordered4.csv")
    kind = {"correlation": "polychoric", "seed": 4, "n": 60}
    one = measure.htmt_intervals(frame, ORDERED_SCALES, **kind)
    two = measure.htmt_intervals(frame, ORDERED_SCALES, workers=2, **kind)
    assert (one == two).all(axis=None)
    assert ((one["ci.lower"] < one["htmt"]) & (one["htmt"] < one["ci.upper"])).all()
    ratios = measure.htmt(frame, ORDERED_SCALES, correlation="polychoric")
    pairs = [ratios.loc[row.scale1, row.scale2] for row in one.itertuples()]
    np.testing.assert_allclose(one["htmt"], pairs, atol=1e-12)


def test_htmt_is_the_factor_correlation_where_loadings_are_equal():
    # Items that correlate .49 within and .49 * .6 between scales: factors that correlate .6.
    r = np.where(np.kron(np.eye(2), np.ones((3, 3))) > 0, 0.49, 0.49 * 0.6)
    np.fill_diagonal(r, 1.0)
    rows = np.random.default_rng(1).standard_normal((50, 6))
    rows -= rows.mean(axis=0)
    rows = np.linalg.qr(rows)[0] @ np.linalg.cholesky(r).T
    frame = data("hs39.csv")[["x1", "x2", "x3", "x4", "x5", "x6"]].iloc[:50] * 0 + rows
    scales = {name: SCALES[name] for name in ("visual", "textual")}
    for version in ("htmt", "htmt2"):
        ours = measure.htmt(frame, scales, version=version)
        assert ours.loc["visual", "textual"] == pytest.approx(0.6, abs=1e-12)


def test_intervals_hold_the_ratio_and_do_not_depend_on_workers(workers_here):
    frame = data("hs39.csv")
    one = measure.htmt_intervals(frame, SCALES, seed=4, n=200)
    two = measure.htmt_intervals(frame, SCALES, seed=4, n=200, workers=2)
    assert (one == two).all(axis=None)
    assert ((one["ci.lower"] < one["htmt"]) & (one["htmt"] < one["ci.upper"])).all()
    assert (one["n_samples"] == 200).all()
    wide = measure.htmt_intervals(frame, SCALES, seed=4, n=200, level=0.99)
    assert (wide["ci.upper"] > one["ci.upper"]).all()


def test_whole_clusters_are_resampled():
    frame = data("hs39.csv")
    # Every row twice: resampling rows would take the copies for new information.
    twice = frame.loc[np.repeat(frame.index, 2)].assign(twin=np.repeat(np.arange(301), 2))
    plain = measure.htmt_intervals(frame, SCALES, seed=9, n=400)
    copies = measure.htmt_intervals(twice, SCALES, seed=9, n=400)
    clustered = measure.htmt_intervals(twice, SCALES, seed=9, n=400, cluster="twin")

    def width(table):
        return (table["ci.upper"] - table["ci.lower"]).mean()

    assert width(clustered) == pytest.approx(width(plain), rel=0.1)
    assert width(copies) == pytest.approx(width(plain) / np.sqrt(2), rel=0.15)


@pytest.mark.parametrize(
    ("scales", "options", "error", "words"),
    [
        (SCALES, {"version": "x"}, OptionError, "not known"),
        ({"visual": ["x1", "x2"]}, {}, DataError, "two scales"),
        ({"visual": ["x1"], "speed": ["x7", "x8"]}, {}, DataError, '"visual"'),
        ({"visual": "x1", "speed": ["x7", "x8"]}, {}, DataError, '"visual"'),
        ({"visual": ["x1", "x99"], "speed": ["x7", "x8"]}, {}, DataError, "x99"),
    ],
)
def test_wrong_scales_are_named(scales, options, error, words):
    with pytest.raises(error, match=words):
        measure.htmt(data("hs39.csv"), scales, **options)


def test_clusters_have_to_be_there():
    frame = data("hs39.csv")
    with pytest.raises(DataError, match='"team"'):
        measure.htmt_intervals(frame, SCALES, seed=1, cluster="team")
    with pytest.raises(DataError, match="missing values"):
        measure.htmt_intervals(frame.assign(team=np.nan), SCALES, seed=1, cluster="team")


def test_fornell_larcker_sets_ave_beside_correlations():
    fit = measure.cfa(HS39, data("hs39.csv"))
    table = measure.fornell_larcker(fit)
    ave = measure.composite_reliability(fit).set_index("factor")["ave"]
    np.testing.assert_allclose(np.diag(table) ** 2, ave.loc[table.index], atol=1e-12)
    below = np.tril_indices(3, -1)
    np.testing.assert_allclose(
        table.to_numpy()[below], fit.factor_correlations.to_numpy()[below], atol=1e-12
    )
    assert np.isnan(table.to_numpy()[np.triu_indices(3, 1)]).all()


def test_fornell_larcker_by_group():
    fit = fitted("after_hs39_school_free")
    table = measure.fornell_larcker(fit)
    assert list(table.index.get_level_values(0).unique()) == ["Pasteur", "Grant-White"]
    ave = measure.composite_reliability(fit).set_index(["group", "factor"])["ave"]
    for label, factor in table.index:
        assert table.loc[(label, factor), factor] ** 2 == pytest.approx(ave[label, factor])


@pytest.mark.parametrize("name", AFTER)
def test_r_squared_agrees_with_lavaan(name):
    fit = fitted(name)
    number = {label: k for k, label in enumerate(fit.moments.groups, start=1)}
    ours = {
        (row["variable"], number[row["group"]]): row
        for row in measure.r_squared(fit).to_dict("records")
    }
    theirs = results(name)["r_squared"]
    assert len(ours) == len(theirs)
    for row in theirs:
        own = ours[row["variable"], row["group"]]
        assert own["est"] == pytest.approx(row["est"], abs=1e-4)
        assert own["se"] == pytest.approx(row["se"], abs=1e-4)


def test_a_variable_without_residual_is_explained_in_full():
    fit = measure.fit("f =~ 1*x1 + x2 + x3\nf ~~ f\nx2 ~~ x2\nx3 ~~ x3", data("hs39.csv"))
    table = measure.r_squared(fit).set_index("variable")
    assert table.loc["x1", "est"] == 1.0
    assert table.loc["x1", "se"] == 0.0
