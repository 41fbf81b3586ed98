import numpy as np
import pandas as pd
import pytest

from measure.exploration.comparison_data import comparison_data, normal_loadings
from measure.exploration.retention import factor_retention
from measure.exploration.score_transforms import ScoreTransforms
from tests.reference_cases import case, cases, data

COMPARED = [f["id"] for f in cases("retention_models") if "comparison_data" in f["results"]]


@pytest.mark.parametrize("name", COMPARED)
def test_reference(name):
    reference = case(name)
    expected = reference["results"]["comparison_data"]
    answers = data(reference["data"])[reference["options"]["variables"]].dropna().to_numpy()
    table, verdict = comparison_data(answers, len(expected["rmsr"]), np.random.default_rng(1))
    # The authors' program draws its populations too, and each has an error of its own.
    within = reference["tolerance"]["rmsr_abs"]
    np.testing.assert_allclose(table["rmsr"], expected["rmsr"], rtol=0, atol=within)
    assert table["pvalue"].isna().tolist() == [True] + [False] * (len(table) - 1)
    if expected["n_factors"] is None:
        assert "still gain" in verdict.why
    else:
        assert verdict.n_factors == expected["n_factors"]


def test_scores_correlate_as_mehler_s_formula_says():
    rng = np.random.default_rng(2)
    answers = np.column_stack(
        [
            rng.choice([1, 2, 3, 7], p=[0.1, 0.5, 0.3, 0.1], size=400),
            rng.integers(0, 2, 400),
            rng.exponential(size=400),
        ]
    ).astype(float)
    transforms = ScoreTransforms.of(answers)
    normal = np.array([[1.0, 0.6, -0.5], [0.6, 1.0, 0.3], [-0.5, 0.3, 1.0]])
    values = np.linalg.cholesky(normal) @ rng.standard_normal((3, 400_000))
    drawn = np.corrcoef(transforms.scores(values))
    # Simulation error: 1 / sqrt(400,000) is 0.0016.
    np.testing.assert_allclose(transforms.correlations(normal), drawn, atol=0.006)


def test_scores_have_the_items_distribution():
    rng = np.random.default_rng(3)
    answers = rng.integers(1, 6, size=(250, 4)).astype(float)
    drawn = ScoreTransforms.of(answers).scores(rng.standard_normal((4, 250)))
    np.testing.assert_array_equal(np.sort(drawn, axis=1), np.sort(answers.T, axis=1))


def test_two_scores_of_the_same_item():
    rng = np.random.default_rng(4)
    answers = np.column_stack([rng.integers(1, 6, 300), rng.normal(size=300)]).astype(float)
    transforms = ScoreTransforms.of(answers)
    normal = transforms.same_item(np.array([0.25, 0.0]))
    assert 0.25 < normal[0] < 0.35
    assert normal[1] == pytest.approx(0.0, abs=1e-12)
    squared = transforms.coefficients[0] ** 2
    assert squared @ normal[0] ** np.arange(1, len(squared) + 1) == pytest.approx(0.25, abs=1e-9)


def test_loadings_reproduce_correlations_that_factors_can_give():
    rng = np.random.default_rng(5)
    transforms = ScoreTransforms.of(rng.integers(1, 5, size=(500, 6)).astype(float))
    loadings = np.linspace(0.4, 0.8, 6)[:, None]
    implied = loadings @ loadings.T
    np.fill_diagonal(implied, 1.0)
    found = normal_loadings(transforms.correlations(implied), transforms, 1)
    # The search ends where a step gains less than 1e-5.
    np.testing.assert_allclose(found, loadings, atol=1e-4)


def test_the_stream_of_one_criterion_does_not_depend_on_the_others():
    raw = data("hs39.csv")[[f"x{k}" for k in range(1, 10)]]
    alone = factor_retention(raw, criteria="comparison_data", seed=3, n_draws=20)
    beside = factor_retention(raw, criteria=("next_eigenvalue", "comparison_data"), seed=3)
    pd.testing.assert_frame_equal(alone.comparison_data, beside.comparison_data)
    other = factor_retention(raw, criteria="comparison_data", seed=4, n_draws=20)
    assert not alone.comparison_data["rmsr"].equals(other.comparison_data["rmsr"])
