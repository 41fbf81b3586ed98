"""Bootstrap of a fit: against lavaan, against closed forms, and what it says of failures.

R 4, lavaan 0.6-14, `HolzingerSwineford1939` and the three-factor model:

    set.seed(1); b <- bootstrapLavaan(cfa(HS, HolzingerSwineford1939), R = 1000); apply(b, 2, sd)
"""

import warnings

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, MeasureError, MeasureWarning, OptionError
from measure.model import Implied
from measure.replication.bootstrapping import bootstrap
from measure.replication.influence import influence
from measure.replication.intervals import acceleration
from measure.replication.refitting import Refit
from measure.replication.resampling import Resampling
from measure.simulating.holes import Holes
from measure.simulating.populations import population
from measure.simulating.simulation import simulate
from tests.reference_cases import data

FACTORS = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
DEMOCRACY = """
    ind60 =~ x1 + x2 + x3
    dem60 =~ y1 + a*y2 + b*y3 + c*y4
    dem65 =~ y5 + a*y6 + b*y7 + c*y8
    dem60 ~ ind60
    dem65 ~ ind60 + dem60
    y1 ~~ y5
    y2 ~~ y4 + y6
"""
LAVAAN_SE = [
    0.1389331, 0.1561290, 0.0661449, 0.0606815, 0.1479664, 0.3797169, 0.1614626, 0.1120269,
    0.1027262, 0.0513249, 0.0559956, 0.0470011, 0.1013603, 0.1228684, 0.1314433, 0.1851500,
    0.1201706, 0.1099821, 0.0959735, 0.0591378, 0.0563085,
]  # fmt: skip


def hs39():
    return data("hs39.csv")


def incomplete(*items):
    """The data with holes, without the row that answers none of these."""
    return data("hs39_mcar.csv").dropna(subset=list(items), how="all")


@pytest.fixture(scope="module")
def fit():
    return measure.cfa(FACTORS, hs39())


@pytest.fixture(scope="module")
def ordinary(fit):
    return bootstrap(fit, hs39(), n=1000, seed=1)


def test_standard_errors_agree_with_those_of_lavaan(ordinary):
    draws = ordinary.replicates.to_numpy()
    z = (draws - draws.mean(axis=0)) / draws.std(axis=0)
    # Monte Carlo error of a standard deviation of R = 1000 replicates, for each of the two.
    error = draws.std(axis=0) * np.sqrt((np.mean(z**4, axis=0) - 1) / (4 * len(draws)))
    found = ordinary.parameters.query("free")["se"].to_numpy()
    gaps = (found - LAVAAN_SE) / (np.sqrt(2) * error)
    assert np.abs(gaps).max() < 3
    assert np.sqrt(np.mean(gaps**2)) < 1.5


def test_the_tables_have_the_rows_and_values_of_the_fit(fit, ordinary):
    keys = ["lhs", "op", "rhs", "group", "level", "label", "free", "est"]
    pd.testing.assert_frame_equal(ordinary.parameters[keys], fit.parameters[keys])
    np.testing.assert_array_equal(ordinary.standardized["est.std"], fit.parameters["std.all"])
    fixed = ordinary.parameters[~ordinary.parameters["free"]]
    assert (fixed["se"] == 0).all()
    np.testing.assert_array_equal(fixed["ci.lower"], fixed["est"])
    free = ordinary.parameters.query("free")
    draws = ordinary.replicates
    assert list(draws.columns) == list(fit.covariance.columns)
    np.testing.assert_allclose(free["se"], draws.std(ddof=1), rtol=1e-12)
    np.testing.assert_allclose(free["bias"], draws.mean() - free["est"].to_numpy(), atol=1e-12)
    inside = (free["ci.lower"] < free["est"]) & (free["est"] < free["ci.upper"])
    assert inside.all()
    assert (free["ci.lower.bca"] != free["ci.lower"]).all()


def test_each_replicate_is_the_fit_of_the_rows_drawn(fit):
    found = bootstrap(fit, n=6, seed=3, intervals=["percentile"])
    counts = Resampling(fit.moments, False).draw(
        np.random.default_rng(np.random.SeedSequence(3, spawn_key=(0,))), 6
    )
    rows = pd.DataFrame(fit.moments.rows[0], columns=list(fit.moments.names))
    for k in range(6):
        drawn = rows.loc[np.repeat(np.arange(len(rows)), counts[0][k].astype(int))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MeasureWarning)
            one = measure.cfa(FACTORS, drawn.reset_index(drop=True))
        free = one.parameters["free"].to_numpy()
        np.testing.assert_allclose(
            found.replicates.loc[k], one.parameters["est"][free], rtol=1e-4, atol=1e-5
        )
        assert found.chisq[k] == pytest.approx(one.fit_measures["chisq"], abs=1e-7)
        assert found.admissible[k] == one.admissible


def test_results_do_not_depend_on_the_number_of_workers(fit):
    serial = bootstrap(fit, n=250, seed=5, intervals=["percentile"])
    parallel = bootstrap(fit, n=250, seed=5, intervals=["percentile"], workers=2)
    pd.testing.assert_frame_equal(serial.replicates, parallel.replicates)
    assert len(serial.replicates) == 250
    assert not serial.replicates.equals(bootstrap(fit, n=250, seed=6).replicates)


def test_progress_counts_samples(fit):
    seen = []
    bootstrap(
        fit,
        n=250,
        seed=5,
        intervals=["percentile"],
        progress=lambda done, n: seen.append((done, n)),
    )
    assert seen == [(100, 250), (200, 250), (250, 250)]


def test_definitions_and_standardised_values_are_those_of_the_replicates():
    text = "m ~ a*x1\nx7 ~ b*m + x1\nab := a*b".replace("m ", "x4 ").replace("*m", "*x4")
    fit = measure.sem(text, hs39())
    found = bootstrap(fit, n=40, seed=2)
    draws = found.replicates
    np.testing.assert_allclose(draws["ab"], draws["a"] * draws["b"], rtol=1e-12)
    row = found.parameters.iloc[-1]
    assert row["lhs"] == "ab"
    assert row["se"] == pytest.approx(draws["ab"].std(ddof=1))
    # With one predictor the standardised path is the correlation, whose predictor is fixed.x.
    path = found.standardized.iloc[0]
    n = len(hs39())
    r = hs39()[["x1", "x4"]].corr().iloc[0, 1]
    assert path["est.std"] == pytest.approx(r)
    assert path["se"] == pytest.approx((1 - r * r) / np.sqrt(n), rel=0.5)
    fixed = found.parameters.query("lhs == 'x1' and rhs == 'x1'")
    assert fixed["se"].item() == 0


MODELS = {
    "factors": (FACTORS, {}),
    "fixed.x": ("speed =~ x7 + x8 + x9\nspeed ~ a*x1 + b*x4\nab := a*b", {}),
    "groups": (FACTORS, {"group": "school", "group_equal": ["loadings", "intercepts"]}),
    "clusters": (FACTORS, {"cluster": "team"}),
    "clusters across groups": ("speed =~ x7 + x8 + x9", {"cluster": "team", "group": "school"}),
    "fiml": ("speed =~ x7 + x8 + x9\nspeed ~ x1", {"missing": "fiml", "fixed_x": True}),
}


@pytest.mark.parametrize("name", MODELS)
def test_influence_values_agree_with_a_jackknife(name):
    text, options = MODELS[name]
    frame = incomplete("x1", "x7", "x8", "x9") if name == "fiml" else hs39()
    frame["team"] = np.arange(len(frame)) % 50
    fit = measure.sem(text, frame, **options)
    values = fit.model.row_values(fit.params)
    direct = influence(fit.problem, values)
    resampling = Resampling(fit.moments, fit.method.less_one, bool(fit.model.table.fixed_x))
    refit = Refit.sized(fit.problem, fit.params, "ML", resampling, 1000)
    left = {}
    for stratum, blocks, own in refit.jackknife(400):
        left.setdefault(stratum, []).append(own * (1 - blocks) / blocks)
    jackknife = np.vstack([np.array(own) - np.mean(own, axis=0) for own in left.values()])
    assert jackknife.shape == direct.shape
    # Fixed rows do not move; but with fixed.x the moments of x do.
    moving = jackknife.std(axis=0) > 1e-9
    np.testing.assert_array_equal(direct.std(axis=0) > 1e-9, moving)
    correlations = [
        np.corrcoef(direct[:, k], jackknife[:, k])[0, 1] for k in np.flatnonzero(moving)
    ]
    # The two differ in second order, most where one row or cluster weighs much.
    assert min(correlations) > 0.9
    assert np.median(correlations) > 0.99
    np.testing.assert_allclose(
        direct[:, moving].std(axis=0), jackknife[:, moving].std(axis=0), rtol=0.25
    )


def test_influence_values_give_the_sandwich_standard_errors():
    fit = measure.cfa(FACTORS, hs39(), estimator="MLR")
    found = influence(fit.problem, fit.model.row_values(fit.params))
    n_rows = len(fit.parameters)
    np.testing.assert_allclose(
        np.sqrt((found[:, :n_rows] ** 2).sum(axis=0)), fit.parameters["se"], atol=1e-6
    )


def test_bollen_and_stine_rows_fit_the_model_exactly():
    fit = measure.cfa(FACTORS, hs39(), group="school", group_equal=["loadings"])
    from measure.replication.bootstrapping import _transformed

    moments = _transformed(fit, fit.moments)
    for rows, model, sample in zip(moments.rows, fit.implied_moments, moments.sample, strict=True):
        np.testing.assert_allclose(np.cov(rows.T, bias=True), model.sigma, atol=1e-12)
        np.testing.assert_allclose(rows.mean(axis=0), model.mu, atol=1e-12)
        assert isinstance(sample, Implied)
    frame = pd.DataFrame(np.vstack(moments.rows), columns=list(moments.names))
    frame["school"] = np.repeat(moments.groups, moments.n_obs)
    again = measure.cfa(FACTORS, frame, group="school", group_equal=["loadings"])
    assert again.fit_measures["chisq"] == pytest.approx(0, abs=1e-8)


# sem(DEMOCRACY, PoliticalDemocracy, test = "bollen.stine", bootstrap = 2000), set.seed(3): p-value,
# mean and standard deviation of boot.T.
BOLLEN_STINE_DEMOCRACY = (0.233, 43.62, 12.808)


def test_bollen_and_stine_agree_with_lavaan():
    fit = measure.sem(DEMOCRACY, data("political_democracy.csv"))
    found = bootstrap(fit, n=1000, seed=4, kind="bollen.stine", intervals=["percentile"])
    expected, mean, sd = BOLLEN_STINE_DEMOCRACY
    error = np.sqrt(expected * (1 - expected) * (1 / 1000 + 1 / 2000))
    assert found.pvalue == pytest.approx(expected, abs=2 * error)
    assert found.pvalue == np.mean(found.chisq >= fit.fit_measures["chisq"])
    assert found.chisq.mean() == pytest.approx(mean, abs=3 * sd * np.sqrt(1 / 1000 + 1 / 2000))
    assert "pvalue" in repr(found)


def test_the_ordinary_bootstrap_has_no_p_value(ordinary):
    assert np.isnan(ordinary.pvalue)


def test_impossible_solutions_are_kept_and_counted(ordinary):
    assert ordinary.n_failed == 0
    assert 0 < ordinary.n_inadmissible == ordinary.improper["count"].sum() < 30
    first = ordinary.improper.iloc[0]
    assert first["improper"].startswith("negative residual variance for")
    draws = ordinary.replicates[~ordinary.admissible]
    variances = [c for c in draws if c.split("~~")[0] == c.split("~~")[-1]]
    assert (draws[variances].min(axis=1) < 0).all()
    assert f"{ordinary.n_inadmissible} samples have an impossible" in ordinary.notes[0]
    assert "negative residual variance" in repr(ordinary)
    assert "improper solutions" in ordinary._repr_html_()


def test_failures_are_counted_with_their_reasons_and_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MeasureWarning)
        fit = measure.cfa(FACTORS, hs39().head(45))
    with pytest.warns(MeasureWarning, match=r"only \d+ of 60 samples could be fitted"):
        found = bootstrap(fit, n=60, seed=1, intervals=["percentile"])
    assert found.n_failed == 60 - len(found.replicates) == found.failures["count"].sum() > 6
    assert set(found.failures["error"]) <= {"ConvergenceError", "DataError"}
    assert found.failures["first"].between(0, 59).all()
    assert not found.replicates.index.isin(found.failures["first"]).any()
    assert found.notes[0].startswith("only")


def test_rows_without_a_covariance_matrix_are_a_failure():
    frame = hs39()[["x1", "x2", "x3"]].head(5)
    fit = measure.fit("x1 ~~ x2\nx1 ~~ x1\nx2 ~~ x2", frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MeasureWarning)
        found = bootstrap(fit, n=200, seed=1, intervals=["percentile"])
    singular = found.failures[found.failures["error"] == "DataError"]
    # Two different rows or one are drawn: 5 ways of one, 10 (2^5 - 2) of two, of 5^5.
    expected = 200 * (5 + 10 * 30) / 5**5
    assert singular["count"].item() == pytest.approx(expected, abs=4 * np.sqrt(expected))
    assert "not positive definite" in singular["message"].item()


def test_whole_clusters_are_drawn_in_their_groups():
    frame = hs39()
    frame["team"] = np.where(frame["school"] == "Pasteur", 0, 500) + np.arange(301) // 4
    fit = measure.cfa("speed =~ x7 + x8 + x9", frame, group="school", cluster="team")
    resampling = Resampling(fit.moments, False)
    counts = resampling.draw(np.random.default_rng(1), 5)
    for own, clusters in zip(counts, fit.moments.clusters, strict=True):
        codes, sizes = np.unique(clusters, return_counts=True)
        totals = 0
        for code, size in zip(codes, sizes, strict=True):
            block = own[:, clusters == code]
            assert block.shape[1] == size
            assert (block == block[:, :1]).all()
            totals = totals + block[:, 0]
        assert (totals == len(codes)).all()
    found = bootstrap(fit, n=30, seed=1)
    assert "Whole clusters were drawn in groups." in found.notes


def test_clusters_across_groups_are_drawn_once():
    frame = hs39()
    frame["team"] = np.arange(301) % 30
    fit = measure.cfa("speed =~ x7 + x8 + x9", frame, group="school", cluster="team")
    counts = Resampling(fit.moments, False).draw(np.random.default_rng(1), 3)
    for k in range(3):
        drawn = {}
        for own, clusters in zip(counts, fit.moments.clusters, strict=True):
            for code, times in zip(clusters, own[k], strict=True):
                assert drawn.setdefault(code, times) == times
        assert sum(drawn.values()) == 30
    assert "Whole clusters were drawn over all groups." in bootstrap(fit, n=30, seed=1).notes


@pytest.mark.parametrize("estimator", ["GLS", "ULS", "WLS"])
def test_least_squares_are_refitted_too(estimator):
    fit = measure.cfa("speed =~ x7 + x8 + x9 + x1", hs39(), estimator=estimator)
    found = bootstrap(fit, n=40, seed=1)
    robust = measure.cfa("speed =~ x7 + x8 + x9 + x1", hs39(), estimator="MLR").parameters["se"]
    ratio = found.parameters["se"] / robust.where(robust > 0)
    assert ratio.median() == pytest.approx(1, abs=0.5)
    assert found.parameters[["ci.lower.bca", "ci.upper.bca"]].notna().all(axis=None)


def test_inequalities_hold_in_every_replicate():
    text = "speed =~ x7 + x8 + lower(1.3)*x9"
    fit = measure.cfa(text, hs39())
    found = bootstrap(fit, n=8, seed=1, intervals=["percentile"])
    assert (found.replicates["speed=~x9"] > 1.3 - 1e-6).all()


def test_incomplete_rows_are_drawn_as_they_are():
    frame = simulate(FACTORS_POPULATION, 300, seed=8, missing=Holes(0.2, depends_on="x1"))
    fit = measure.cfa(FACTORS, frame, missing="fiml")
    found = bootstrap(fit, n=60, seed=1)
    assert found.chisq.isna().all()
    ratio = found.parameters["se"] / fit.parameters["se"].where(fit.parameters["se"] > 0)
    assert ratio.median() == pytest.approx(1, abs=0.2)


FACTORS_POPULATION = """
    visual =~ 0.8*x1 + 0.7*x2 + 0.6*x3
    textual =~ 0.8*x4 + 0.7*x5 + 0.6*x6
    speed =~ 0.8*x7 + 0.7*x8 + 0.6*x9
    visual ~~ 1*visual + 0.4*textual + 0.3*speed
    textual ~~ 1*textual + 0.2*speed
    speed ~~ 1*speed
    x1 ~~ .36*x1; x2 ~~ .51*x2; x3 ~~ .64*x3
    x4 ~~ .36*x4; x5 ~~ .51*x5; x6 ~~ .64*x6
    x7 ~~ .36*x7; x8 ~~ .51*x8; x9 ~~ .64*x9
"""


def test_data_may_be_given_to_a_fit_of_their_covariances():
    frame = hs39()
    fit = measure.cfa(FACTORS, sample_cov=frame.filter(like="x").cov(), sample_nobs=301)
    with pytest.raises(DataError, match="no rows to draw: give data"):
        bootstrap(fit, n=10, seed=1)
    found = bootstrap(fit, frame, n=10, seed=1)
    direct = bootstrap(measure.cfa(FACTORS, frame), n=10, seed=1)
    np.testing.assert_allclose(found.replicates, direct.replicates, rtol=1e-6)
    with pytest.raises(DataError, match="300 rows"):
        bootstrap(fit, frame.head(300), n=10, seed=1)
    with pytest.raises(DataError, match="other covariances"):
        bootstrap(fit, frame.assign(x1=2 * frame["x1"]), n=10, seed=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 1}, "n is 1"),
        ({"n": 10.0}, "n is 10.0"),
        ({"seed": None}, "needs a seed"),
        ({"kind": "smooth"}, "unknown kind 'smooth'"),
        ({"intervals": ["basic"]}, "unknown interval 'basic'"),
        ({"intervals": "bca"}, "intervals is a list"),
        ({"confidence_level": 95}, "confidence_level is 95"),
    ],
)
def test_wrong_options_are_refused(fit, options, message):
    with pytest.raises(OptionError, match=message):
        bootstrap(fit, **({"n": 10, "seed": 1} | options))


def test_bollen_and_stine_is_refused_for_incomplete_answers():
    fit = measure.cfa("f =~ x7 + x8 + x9", incomplete("x7", "x8", "x9"), missing="fiml")
    with pytest.raises(OptionError, match=r'"bollen\.stine" transforms complete answers'):
        bootstrap(fit, n=10, seed=1, kind="bollen.stine")


def test_a_spread_takes_two_samples():
    frame = hs39()[["x1", "x2", "x3", "x4", "x5"]].head(6)
    fit = measure.fit("\n".join(f"x{k} ~~ x{k}" for k in range(1, 6)), frame)
    with pytest.raises(MeasureError, match="There is no spread to report"):
        bootstrap(fit, n=2, seed=1)


@pytest.mark.slow
def test_intervals_cover_the_population():
    """200 skewed samples of 200 rows: intervals of 90 % cover the loadings about as often."""
    truth = population(FACTORS_POPULATION)
    covered, normal = [], []
    wanted = {"visual=~x2": 0.7 / 0.8, "textual=~x6": 0.6 / 0.8, "visual~~textual": 0.4 * 0.64}
    for seed in range(200):
        frame = simulate(truth, 200, seed=seed, skewness=1.0, kurtosis=2.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MeasureWarning)
            fit = measure.cfa(FACTORS, frame)
        found = bootstrap(fit, n=399, seed=seed, confidence_level=0.9).parameters
        names = found["lhs"] + found["op"] + found["rhs"]
        for name, value in wanted.items():
            row = found[names == name].iloc[0]
            covered.append(row["ci.lower.bca"] < value < row["ci.upper.bca"])
            normal.append(row["ci.lower"] < value < row["ci.upper"])
    # 600 intervals, three of each sample: the error of a share of 0.9 is 0.012 to 0.021.
    assert np.mean(covered) == pytest.approx(0.9, abs=0.04)
    assert np.mean(normal) == pytest.approx(0.9, abs=0.04)


def test_acceleration_is_that_of_the_influence_values(fit):
    found = acceleration(influence(fit.problem, fit.model.row_values(fit.params)))
    assert len(found) == 2 * len(fit.parameters)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 0.2
