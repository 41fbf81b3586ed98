import numpy as np
import pandas as pd
import pytest
from scipy import stats

from measure.exploration.category_correlations import polychoric
from measure.exploration.exploratory import efa
from measure.exploration.extraction_tests import NORMAL_THEORY, SCALED
from tests.measure.ledger import EFA_TESTS
from tests.reference_cases import case, data, matrix


def solution_of(reference):
    asked = reference["options"]
    items = data(reference["data"])[asked["variables"]]
    return efa(
        items,
        asked["nfactors"],
        extraction=asked["extraction"],
        rotation=asked["rotation"],
        correlation=asked["correlation"],
        seed=1,
    )


@pytest.mark.parametrize("name", EFA_TESTS)
def test_least_squares_as_lavaan_and_loadings_as_psych(name):
    reference = case(name)
    expected = reference["results"]
    found = solution_of(reference)
    assert found.n_obs == reference["nobs"]
    theirs = {k: v for k, v in expected["fit_measures"].items() if k != "df.scaled"}
    assert set(theirs) == set(SCALED)
    assert found.fit_measures["df"] == expected["fit_measures"]["df.scaled"]
    for measure_name, value in theirs.items():
        assert found.fit_measures[measure_name] == pytest.approx(value, rel=1e-4), measure_name
    loadings, phi = matrix(expected["psych_loadings"]), matrix(expected["psych_phi"])
    order = [int(np.argmax(np.abs(loadings.loc[item]))) for item in ("C1", "A2")]
    assert sorted(order) == [0, 1]
    # psych's polychoric correlations and extraction stop short of the minimum.
    np.testing.assert_allclose(found.loadings, loadings.iloc[:, order], rtol=0, atol=5e-3)
    assert found.factor_correlations.iloc[0, 1] == pytest.approx(phi.iloc[0, 1], abs=5e-3)
    assert not set(expected) - {
        "fit_measures",
        "psych_loadings",
        "psych_phi",
        "psych_correlations",
    }
    polychorics = matrix(expected["psych_correlations"])
    eigenvalues = np.linalg.eigvalsh(polychorics)[::-1]
    np.testing.assert_allclose(found.eigenvalues, eigenvalues, rtol=0, atol=2e-3)


def answers_of(rng, n, n_categories=5):
    """Skewed answers of two correlated factors with four items each."""
    loadings = np.kron(np.eye(2), np.array([[0.8], [0.7], [0.6], [0.5]]))
    factors = rng.standard_normal((n, 2)) @ np.linalg.cholesky([[1, 0.4], [0.4, 1]]).T
    errors = rng.standard_normal((n, 8)) * np.sqrt(1 - (loadings**2).sum(axis=1))
    limits = stats.norm.ppf(np.array([0.4, 0.7, 0.85, 0.95])[: n_categories - 1])
    codes = np.digitize(factors @ loadings.T + errors, limits)
    return pd.DataFrame(codes, columns=[f"q{k}" for k in range(8)])


@pytest.mark.slow
@pytest.mark.parametrize("extraction", ["minres", "ml"])
def test_true_models_are_rejected_at_the_nominal_rate(extraction):
    # 500 samples: the rate of a 5 % test has a standard error of .0097.
    pvalues = []
    for seed in range(500):
        table = answers_of(np.random.default_rng(seed), 1000)
        found = efa(table, 2, extraction=extraction, rotation="none", correlation="polychoric")
        pvalues.append(found.fit_measures["pvalue.scaled"])
    rejected = np.mean(np.array(pvalues) < 0.05)
    assert 0.02 < rejected < 0.085
    assert np.mean(pvalues) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("extraction", ["minres", "ml", "paf"])
def test_a_model_that_holds_is_not_rejected_and_one_that_does_not_is(extraction):
    table = answers_of(np.random.default_rng(5), 4000)
    options = {"extraction": extraction, "rotation": "none", "correlation": "polychoric"}
    right = efa(table, 2, **options).fit_measures
    assert right["pvalue.scaled"] > 0.01
    assert right["rmsea.robust"] < 0.02
    assert right["cfi.robust"] > 0.995
    wrong = efa(table, 1, **options).fit_measures
    assert wrong["pvalue.scaled"] < 1e-6
    assert wrong["rmsea.ci.lower.robust"] > 0.05
    assert wrong["cfi.robust"] < 0.95


def test_the_test_does_not_depend_on_the_rotation_of_the_loadings():
    table = answers_of(np.random.default_rng(6), 800)
    plain = efa(table, 2, rotation="none", correlation="polychoric").fit_measures
    turned = efa(table, 2, rotation="oblimin", correlation="polychoric", seed=1).fit_measures
    np.testing.assert_allclose(plain[list(SCALED)], turned[list(SCALED)], rtol=1e-8)


def test_no_degrees_of_freedom_no_test():
    table = answers_of(np.random.default_rng(7), 500)[["q0", "q1", "q2"]]
    found = efa(table, 1, correlation="polychoric")
    assert found.fit_measures["df"] == 0
    assert found.fit_measures[[*NORMAL_THEORY, *SCALED]].isna().all()


def test_a_matrix_alone_gives_no_test():
    table = answers_of(np.random.default_rng(8), 500)
    full = efa(table, 2, correlation="polychoric", rotation="none")
    R = polychoric(table).correlations
    found = efa(R, 2, correlation="polychoric", rotation="none", n_obs=500)
    np.testing.assert_allclose(found.loadings, full.loadings, atol=1e-6)
    assert found.fit_measures[[*NORMAL_THEORY, *SCALED]].isna().all()
    assert found.fit_measures["rms"] == pytest.approx(full.fit_measures["rms"], abs=1e-8)
    assert any("needs the answers" in note for note in found.notes)
