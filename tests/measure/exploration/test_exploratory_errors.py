"""Standard errors of exploratory solutions, and extractions, against the confirmatory engine.

An exploratory block alone (`test_esem`: estimates and standard errors are lavaan's) is the same
model, estimated in the metric of the covariances; its standardised solution comes by another route.
"""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, OptionError
from measure.exploration.correlation_covariance import normal_covariance, rows_covariance
from measure.rotating.uniquenesses import GENERALISED, LIKELIHOOD, MINRES
from tests.reference_cases import data

ITEMS = [f"x{k}" for k in range(1, 10)]
HS39 = data("hs39.csv")[ITEMS]
THREE = " + ".join(f'efa("b")*F{k}' for k in (1, 2, 3)) + " =~ "
ORDERED = data("hs39_ordered4.csv")[[f"o{k}" for k in range(1, 10)]]


def wide(table, value):
    return table.pivot(index=table.columns[0], columns=table.columns[1], values=value)


def block(rows, **options):
    items = [name for name in rows.columns if name != options.get("cluster")]
    return measure.cfa(THREE + " + ".join(items), rows, **options)


def standardized(fit):
    """Loadings and standard errors, items × factors."""
    table = measure.standardized(fit).query("op == '=~'")
    both = (table.pivot(index="rhs", columns="lhs", values=name) for name in ("est.std", "se"))
    return [part.to_numpy() for part in both]


def same_order(loadings, other):
    return [int(np.argmax(np.abs(other.T @ column))) for column in loadings.T]


@pytest.mark.parametrize(
    ("rotation", "arguments"),
    [
        ("oblimin", {}),
        ("geomin", {"epsilon": 0.01}),
        ("varimax", {"normalize": False}),
        ("quartimin", {"normalize": True}),
    ],
)
def test_standard_errors_are_those_of_the_standardised_block(rotation, arguments):
    asked = {"rotation": rotation, "rotation_args": arguments, "seed": 1}
    found = measure.efa(HS39, 3, extraction="ml", **asked)
    est, se = standardized(block(HS39, **asked))
    order = same_order(found.loadings.to_numpy(), est)
    np.testing.assert_allclose(found.loadings, est[:, order], atol=1e-6)
    ours = wide(found.loadings_table, "se").to_numpy()
    np.testing.assert_allclose(ours, se[:, order], atol=1e-7)
    assert found.error_note == ""
    table = found.correlations_table
    if found.rotation == "varimax":
        assert (table["se"] == 0).all()
    else:
        assert (table["se"] > 0.05).all()


def test_standard_errors_of_ordered_items_are_those_of_the_block():
    asked = {"rotation": "quartimin", "seed": 1}
    found = measure.efa(ORDERED, 3, extraction="dwls", correlation="polychoric", **asked)
    fit = block(ORDERED, ordered=True, **asked)
    est, se = standardized(fit)
    order = same_order(found.loadings.to_numpy(), est)
    np.testing.assert_allclose(found.loadings, est[:, order], atol=1e-5)
    # WLSMV counts n, and other unweighted least squares n - 1.
    n = len(ORDERED)
    ours = wide(found.loadings_table, "se").to_numpy()
    np.testing.assert_allclose(ours, se[:, order], rtol=2 / n, atol=1e-6)
    theirs = fit.fit_measures
    for name in ("chisq.scaled", "pvalue.scaled", "cfi.scaled", "rmsea.robust"):
        assert found.fit_measures[name] == pytest.approx(theirs[name], rel=0.01), name


@pytest.mark.parametrize(
    ("extraction", "estimator", "correlation"),
    [
        ("gls", "GLS", "pearson"),
        ("gls", "GLS", "covariance"),
        ("uls", "ULS", "covariance"),
        ("ml", "ML", "covariance"),
    ],
)
def test_extraction_is_the_estimator_of_the_same_name(extraction, estimator, correlation):
    asked = {"rotation": "quartimin", "seed": 1}
    found = measure.efa(HS39, 3, extraction=extraction, correlation=correlation, **asked)
    rows = (HS39 - HS39.mean()) / HS39.std() if correlation == "pearson" else HS39
    fit = block(rows, estimator=estimator, rotation_args={"std.ov": False}, **asked)
    table = fit.parameters.query("op == '=~'")
    est, se = (
        table.pivot(index="rhs", columns="lhs", values=name).to_numpy() for name in ("est", "se")
    )
    order = same_order(found.loadings.to_numpy(), est)
    # Maximum likelihood divides covariances by n.
    scale = np.sqrt(301 / 300) if extraction == "ml" else 1.0
    np.testing.assert_allclose(found.loadings, est[:, order] * scale, atol=2e-6)
    if (extraction, correlation) in (("gls", "covariance"), ("ml", "covariance")):
        ours = wide(found.loadings_table, "se").to_numpy()
        np.testing.assert_allclose(ours, se[:, order] * scale, rtol=1e-4)
    if extraction != "gls":
        h2 = measure.r_squared(fit).set_index("variable")["est"]
        np.testing.assert_allclose(found.communalities, h2[ITEMS], atol=2e-6)


@pytest.mark.parametrize("correlation", ["pearson", "polychoric", "covariance"])
def test_rows_that_come_twice_count_once_where_they_are_a_cluster(correlation):
    answers = HS39[ITEMS]
    if correlation == "polychoric":
        answers = answers.apply(lambda item: pd.qcut(item, 4, labels=False).astype(float))
    twice = pd.concat([answers, answers]).assign(person=[*range(301), *range(301)])
    options = {"extraction": "ml", "rotation": "quartimin", "correlation": correlation, "seed": 1}
    once = measure.efa(answers, 3, se="robust", **options)
    clustered = measure.efa(twice, 3, cluster="person", **options)
    assert (clustered.n_obs, clustered.n_clusters, once.n_clusters) == (602, 301, None)
    np.testing.assert_allclose(
        clustered.loadings_table["se"],
        once.loadings_table["se"] * np.sqrt(301 / 300),
        rtol=2e-3 if correlation == "covariance" else 1e-5,
    )
    if correlation != "covariance":
        assert clustered.fit_measures["chisq.scaled"] == pytest.approx(
            once.fit_measures["chisq.scaled"] * 300 / 301, rel=1e-2
        )


def test_clustered_errors_are_those_of_the_block():
    data = HS39[ITEMS].assign(class_=np.arange(301) % 60)
    found = measure.efa(data, 3, extraction="ml", rotation="quartimin", cluster="class_", seed=1)
    fit = block(data, estimator="MLM", cluster="class_", rotation="quartimin")
    est, se = standardized(fit)
    order = same_order(found.loadings.to_numpy(), est)
    # The sandwich of correlations is evaluated at the sample, that of covariances at the model.
    np.testing.assert_allclose(wide(found.loadings_table, "se"), se[:, order], rtol=0.02)


def test_clusters_of_what_has_no_rows_are_refused():
    with pytest.raises(measure.errors.OptionError, match="does not tell who belongs"):
        measure.efa(HS39[ITEMS].corr(), 3, n_obs=301, cluster="c")
    with pytest.raises(measure.errors.OptionError, match="does not allow for clusters"):
        measure.efa(HS39[ITEMS].assign(c=1), 3, missing="fiml", cluster="c")
    with pytest.raises(measure.errors.DataError, match='no column "town"'):
        measure.efa(HS39[ITEMS], 3, cluster="town")
    few = measure.efa(HS39[ITEMS].assign(c=np.arange(301) % 20), 3, cluster="c", seed=1)
    assert any("There are 20 clusters" in note for note in few.notes)


def test_robust_errors_and_tests_are_those_of_the_block():
    found = measure.efa(HS39, 3, extraction="ml", rotation="quartimin", se="robust", seed=1)
    fit = block(HS39, estimator="MLMV", se="robust.sem", rotation="quartimin")
    est, se = standardized(fit)
    order = same_order(found.loadings.to_numpy(), est)
    # The sandwich of correlations is evaluated at the sample, that of covariances at the model.
    np.testing.assert_allclose(wide(found.loadings_table, "se"), se[:, order], rtol=0.02)
    theirs = fit.fit_measures
    assert found.fit_measures["chisq.scaled"] == pytest.approx(theirs["chisq.scaled"], rel=0.02)
    assert np.isnan(found.fit_measures["chisq"])
    assert any("answers that are not normal" in note for note in found.notes)


@pytest.mark.filterwarnings("ignore::measure.errors.ListwiseWarning")
def test_incomplete_answers_count():
    rows = data("hs39_mcar.csv")[ITEMS]
    found = measure.efa(rows, 3, extraction="ml", rotation="quartimin", missing="fiml", seed=1)
    assert (found.n_obs, found.n_dropped) == (300, 1)
    assert "lack an answer to an item; they count" in found.notes[0]
    fit = block(rows, missing="fiml", rotation="quartimin")
    est, se = standardized(fit)
    order = same_order(found.loadings.to_numpy(), est)
    # Two stages: moments first, then factors; the likelihood takes both at once.
    np.testing.assert_allclose(found.loadings, est[:, order], atol=0.03)
    ours = wide(found.loadings_table, "se").to_numpy()
    assert np.median(ours / se[:, order]) == pytest.approx(1.0, abs=0.05)
    assert 0 < found.fit_measures["pvalue.scaled"] < 1
    assert any("incomplete answers" in note for note in found.notes)


def test_sampling_covariances_of_correlations():
    rng = np.random.default_rng(5)
    R = HS39.iloc[:, :4].corr().to_numpy()
    rows = rng.multivariate_normal(np.zeros(4), R, size=40_000)
    close = {"rtol": 0, "atol": 0.03}
    np.testing.assert_allclose(rows_covariance(rows), normal_covariance(R), **close)
    # 400 samples of 100: their spread has a relative error of about 7 %.
    samples = rows.reshape(400, 100, 4)
    drawn = np.array([np.corrcoef(one, rowvar=False)[np.triu_indices(4, 1)] for one in samples])
    spread = 100 * np.cov(drawn, rowvar=False)
    np.testing.assert_allclose(np.diag(spread), np.diag(normal_covariance(R)), rtol=0.25)


@pytest.mark.parametrize("discrepancy", [MINRES, LIKELIHOOD, GENERALISED])
@pytest.mark.parametrize("n_factors", [1, 3])
def test_hessian_against_finite_differences(discrepancy, n_factors):
    R, psi, step = HS39.corr().to_numpy(), np.linspace(0.3, 0.8, 9), 1e-6

    def gradient(x):
        at = np.exp(x) if discrepancy.scaled else x
        slope = discrepancy(at, R, n_factors)[1]
        return slope * at if discrepancy.scaled else slope

    at = np.log(psi) if discrepancy.scaled else psi
    unit = np.eye(9) * step
    numeric = np.column_stack([(gradient(at + u) - gradient(at - u)) / (2 * step) for u in unit])
    found_gradient, hessian = discrepancy.newton(*discrepancy.spectrum(psi, R), n_factors)
    np.testing.assert_allclose(found_gradient, gradient(at), atol=1e-10)
    np.testing.assert_allclose(hessian, numeric, atol=1e-7)


def test_extractions_of_a_model_that_holds_agree():
    loadings = np.kron(np.eye(2), [[0.8], [0.7], [0.6], [0.5]])
    R = loadings @ [[1, 0.4], [0.4, 1]] @ loadings.T
    np.fill_diagonal(R, 1.0)
    R = pd.DataFrame(R, columns=[f"q{k}" for k in range(8)])
    for extraction in ("minres", "uls", "ml", "paf", "gls", "dwls", "wls"):
        found = measure.efa(R, 2, extraction=extraction, rotation="quartimin", n_obs=500, seed=1)
        order = same_order(loadings, found.loadings.to_numpy())
        np.testing.assert_allclose(found.loadings.to_numpy()[:, order], loadings, atol=1e-5)
        assert (found.loadings_table["se"] > 0).all()


def test_a_heywood_case_of_weighted_least_squares_is_diagnosed():
    R = pd.DataFrame([[1, 0.8, 0.8], [0.8, 1, 0.55], [0.8, 0.55, 1]], columns=["q1", "q2", "q3"])
    found = measure.efa(R, 1, extraction="dwls", n_obs=200)
    assert not found.admissible
    assert found.communalities["q1"] > 1
    assert 'the uniqueness of "q1" is not above 0.005' in found.notes[0]


def test_no_standard_errors_are_named():
    for options, reason in (
        ({"rotation": "promax"}, "minimises no criterion"),
        ({"rotation": "none"}, "minimises no criterion"),
        ({"se": "none"}, "No standard errors were asked for"),
    ):
        found = measure.efa(HS39, 3, seed=1, **options)
        assert reason in found.error_note
        assert found.loadings_table["se"].isna().all()
    polychoric = measure.polychoric(ORDERED).correlations
    found = measure.efa(polychoric, 3, correlation="polychoric", n_obs=301, seed=1)
    assert "need the answers" in found.error_note


def test_one_factor_has_standard_errors():
    found = measure.efa(HS39[["x4", "x5", "x6", "x7"]], 1, extraction="ml")
    fit = measure.cfa("f =~ x4 + x5 + x6 + x7", HS39, std_lv=True)
    se = measure.standardized(fit).query("op == '=~'")["se"]
    np.testing.assert_allclose(found.loadings_table["se"], se, atol=1e-7)


@pytest.mark.parametrize(
    ("rows", "options", "error", "message"),
    [
        (HS39, {"se": "bootstrap"}, OptionError, "unknown se 'bootstrap'"),
        (HS39.corr(), {"se": "robust", "n_obs": 301}, OptionError, "needs the answers"),
        (HS39, {"missing": "pairwise"}, OptionError, "unknown missing 'pairwise'"),
        (
            ORDERED,
            {"missing": "fiml", "correlation": "polychoric"},
            OptionError,
            "takes answers for normal ones",
        ),
        (HS39.corr(), {"missing": "fiml", "n_obs": 301}, OptionError, "needs the answers"),
        (
            HS39,
            {"extraction": "dwls", "correlation": "covariance"},
            OptionError,
            "weighs correlations",
        ),
        (
            ORDERED.corr(),
            {"extraction": "wls", "correlation": "polychoric", "n_obs": 301},
            OptionError,
            "needs the sampling variances",
        ),
        (HS39.iloc[:30], {"extraction": "wls", "se": "robust"}, DataError, "is singular"),
        (
            HS39.iloc[:9, :9],
            {"correlation": "covariance", "n_obs": 301},
            DataError,
            "should be a covariance matrix",
        ),
    ],
)
def test_what_is_refused(rows, options, error, message):
    with pytest.raises(error, match=message):
        measure.efa(rows, 3, seed=1, **options)


def test_a_covariance_matrix_in_place_of_answers():
    asked = {"correlation": "covariance", "extraction": "uls", "seed": 1}
    found = measure.efa(HS39.cov(), 3, n_obs=301, **asked)
    full = measure.efa(HS39, 3, **asked)
    np.testing.assert_allclose(found.loadings, full.loadings, atol=1e-8)
    np.testing.assert_allclose(found.loadings_table["se"], full.loadings_table["se"], atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("extraction", ["minres", "ml"])
def test_intervals_hold_the_true_loadings_as_often_as_they_say(extraction):
    # 400 samples: a rate of 95 % has a standard error of .011, its mean over loadings less.
    loadings = np.array(
        [[0.8, 0], [0.7, 0.2], [0.6, 0], [0.7, 0], [0, 0.6], [0.1, 0.8], [0, 0.7], [0, 0.5]]
    )
    phi = np.array([[1, 0.4], [0.4, 1]])
    R = loadings @ phi @ loadings.T
    np.fill_diagonal(R, 1.0)
    names = [f"q{k}" for k in range(8)]
    asked = {"extraction": extraction, "rotation": "geominQ"}
    asked["rotation_args"] = {"epsilon": 0.01}
    truth = measure.efa(pd.DataFrame(R, columns=names), 2, n_obs=500, seed=1, **asked)
    order = same_order(loadings, truth.loadings.to_numpy())
    truth_loadings = truth.loadings.to_numpy()[:, order]
    held = []
    for seed in range(400):
        rows = np.random.default_rng(seed).multivariate_normal(np.zeros(8), R, size=400)
        found = measure.efa(pd.DataFrame(rows, columns=names), 2, seed=1, n_starts=5, **asked)
        own = same_order(truth_loadings, found.loadings.to_numpy())
        table = found.loadings_table
        low, high = (
            table[name].to_numpy().reshape(2, 8).T[:, own] for name in ("ci.lower", "ci.upper")
        )
        held.append((low <= truth_loadings) & (truth_loadings <= high))
    rates = np.mean(held, axis=0)
    assert rates.mean() == pytest.approx(0.95, abs=0.015)
    assert (rates > 0.91).all()
