import numpy as np
import pandas as pd
import pytest

from measure import cfa, efa, factor_scores
from measure.errors import DataError, OptionError
from tests.measure.ledger import EFA_SCORES, unaccounted
from tests.reference_cases import case, data, matrix

ITEMS = [f"x{k}" for k in range(1, 10)]
HS39 = data("hs39.csv")[ITEMS]
SOLUTION = efa(HS39, 3, extraction="ml", rotation="geominQ", seed=1, n_starts=20)


@pytest.mark.parametrize("name", EFA_SCORES)
@pytest.mark.parametrize("method", ["regression", "Bartlett", "tenBerge"])
def test_scores_as_psych(name, method):
    expected = case(name)["results"]
    assert not unaccounted(expected, {"regression", "Bartlett", "tenBerge", "procrustes"})
    found = factor_scores(SOLUTION, HS39, method=method)
    theirs = expected[method]
    np.testing.assert_allclose(found.weights.T, matrix(theirs["weights"]), rtol=0, atol=1e-4)
    np.testing.assert_allclose(
        found.scores.iloc[:10], matrix(theirs["scores_first10"]), rtol=0, atol=5e-4
    )
    if method == "regression":
        reliability = list(theirs["R2"].values())
        np.testing.assert_allclose(found.quality["reliability"], reliability, atol=1e-4)


def test_ten_berge_scores_correlate_as_the_factors():
    scores = factor_scores(SOLUTION, HS39, method="tenBerge").scores
    np.testing.assert_allclose(scores.corr(), SOLUTION.factor_correlations, atol=1e-8)
    np.testing.assert_allclose(scores.var(), 1.0)


def test_bartlett_scores_are_unbiased():
    weights = factor_scores(SOLUTION, HS39, method="Bartlett").weights.to_numpy()
    np.testing.assert_allclose(weights @ SOLUTION.loadings.to_numpy(), np.eye(3), atol=1e-8)


def test_quality_is_what_simulated_factors_show():
    rng = np.random.default_rng(1)
    L, phi = SOLUTION.loadings.to_numpy(), SOLUTION.factor_correlations.to_numpy()
    factors = rng.multivariate_normal(np.zeros(3), phi, size=100_000)
    errors = rng.standard_normal((100_000, 9)) * np.sqrt(SOLUTION.uniquenesses.to_numpy())
    answers = pd.DataFrame(factors @ L.T + errors, columns=ITEMS)
    answers = answers * HS39.std().to_numpy() + HS39.mean().to_numpy()
    for method in ("regression", "Bartlett", "tenBerge"):
        found = factor_scores(SOLUTION, answers, method=method)
        pairs = zip(found.scores.to_numpy().T, factors.T, strict=True)
        drawn = np.array([(np.corrcoef(s, f)[0, 1], (s - f).std()) for s, f in pairs])
        # The sample's correlations and those of the model differ a little.
        np.testing.assert_allclose(found.quality["determinacy"], drawn[:, 0], atol=0.01)
        np.testing.assert_allclose(found.quality["se"], drawn[:, 1], atol=0.02)
        reliability = found.quality["reliability"]
        np.testing.assert_allclose(found.quality["minimum_correlation"], 2 * reliability - 1)


def test_regression_scores_are_those_of_the_same_block():
    text = " + ".join(f'efa("b")*F{k}' for k in (1, 2, 3)) + " =~ " + " + ".join(ITEMS)
    fit = cfa(text, HS39, rotation="geomin", rotation_args={"epsilon": 0.01})
    theirs = factor_scores(fit, HS39).scores
    ours = factor_scores(SOLUTION, HS39).scores
    R = np.corrcoef(ours.T, theirs.T)[:3, 3:]
    assert (np.abs(R).max(axis=1) > 0.9999).all()


def test_rows_that_lack_an_answer_are_not_scored():
    rows = HS39.copy()
    rows.iloc[2, 0] = np.nan
    found = factor_scores(SOLUTION, rows)
    assert found.scores.iloc[2].isna().all()
    assert found.scores.drop(index=2).notna().all(axis=None)
    assert "1 of 301 rows lack an answer" in found.notes[0]


def test_other_metrics_give_the_same_scores():
    plain = factor_scores(efa(HS39, 3, extraction="ml", seed=1), HS39).scores
    raw = efa(HS39, 3, extraction="ml", correlation="covariance", seed=1)
    np.testing.assert_allclose(factor_scores(raw, HS39).scores.corrwith(plain).abs() > 0.98, True)
    matrix_only = efa(HS39.corr(), 3, extraction="ml", n_obs=301, seed=1)
    found = factor_scores(matrix_only, HS39)
    np.testing.assert_allclose(found.scores, plain, atol=1e-6)
    assert "came from a matrix" in found.notes[0]


def test_what_is_refused():
    with pytest.raises(OptionError, match="unknown method 'EBM'"):
        factor_scores(SOLUTION, HS39, method="EBM")
    with pytest.raises(DataError, match="no column"):
        factor_scores(SOLUTION, HS39.drop(columns="x3"))
    ordered = data("hs39_ordered4.csv")[[f"o{k}" for k in range(1, 10)]]
    with pytest.raises(OptionError, match="latent responses"):
        factor_scores(efa(ordered, 3, correlation="polychoric", seed=1), ordered)
    one = efa(HS39.corr(), 3, n_obs=301, seed=1)
    with pytest.raises(OptionError, match="too few answers"):
        factor_scores(one, HS39.iloc[:1])
