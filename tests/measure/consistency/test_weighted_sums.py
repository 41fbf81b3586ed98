import numpy as np
import pandas as pd
import pytest

import measure
from measure.consistency.answer_sums import Answers
from measure.consistency.general_indices import bifactor_indices
from measure.consistency.weighted_sums import (
    _largest,
    answer_covariances,
    maximal_reliability,
    true_covariances,
)
from measure.errors import ImproperSolutionWarning
from tests.measure.ledger import COMPOSITE, COMPOSITE_BY_GROUP, COMPOSITE_ORDINAL
from tests.measure.reference_fits import refit
from tests.reference_cases import case, data

HS39 = data("hs39.csv")


@pytest.mark.parametrize("name", [*COMPOSITE, *COMPOSITE_BY_GROUP, *COMPOSITE_ORDINAL])
def test_reference(name):
    reference = case(name)
    found = maximal_reliability(refit(reference, reference))
    expected = np.atleast_1d(reference["results"]["maximal_reliability_all_items"])
    # semTools searches for the weights with nlminb at its usual tolerance.
    np.testing.assert_allclose(found["maximal3"], expected, rtol=0, atol=1e-4)


def test_of_one_factor_it_is_h():
    fit = measure.cfa("speed =~ x7 + x8 + x9", HS39)
    found = maximal_reliability(fit)
    assert found.loc[0, "maximal"] == pytest.approx(bifactor_indices(fit).of("h"), rel=1e-9)
    assert found.loc[0, "n_items"] == 3


def test_no_weights_do_better():
    fit = measure.cfa("visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9", HS39)
    state = fit.point.states[0]
    L = state.matrices["lambda_"]
    T, S = L @ state.covariance @ L.T, state.implied.sigma
    weights = np.random.default_rng(1).normal(size=(5_000, 6))
    shares = np.einsum("wi,ij,wj->w", weights, T, weights) / np.einsum(
        "wi,ij,wj->w", weights, S, weights
    )
    assert 0 < maximal_reliability(fit).loc[0, "maximal"] - shares.max() < 0.02


def test_covariances_of_answers():
    # Answers to three items at cuts, by simulation.
    sigma = np.array([[1.0, 0.5, 0.3], [0.5, 1.0, 0.4], [0.3, 0.4, 1.0]])
    cuts = np.array([-0.5, 0.7])
    answers = Answers(np.tile(cuts, 3), np.repeat(np.arange(3), 2), np.ones(6), 3)
    y = np.random.default_rng(1).multivariate_normal(np.zeros(3), sigma, 400_000)
    expected = np.cov(np.searchsorted(cuts, y), rowvar=False)
    np.testing.assert_allclose(answer_covariances(answers, sigma), expected, atol=0.005)
    common = sigma * 0.8
    true = true_covariances(answers, common)
    assert true.sum() == pytest.approx(answers.true_variance(common).value)
    assert np.isnan(_largest(np.eye(2), np.ones((2, 2))))


def test_an_improper_solution_may_have_more_than_1():
    S = pd.DataFrame([[1, 0.8, 0.8], [0.8, 1, 0.55], [0.8, 0.55, 1]], columns=["a", "b", "c"])
    S.index = S.columns
    with pytest.warns(ImproperSolutionWarning):
        fit = measure.cfa("f =~ a + b + c", sample_cov=S, sample_nobs=200)
    assert maximal_reliability(fit).loc[0, "maximal"] > 1
