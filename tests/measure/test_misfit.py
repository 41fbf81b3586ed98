"""Residuals and implied moments."""

import numpy as np
import pytest

import measure
from measure.errors import OptionError
from tests.reference_cases import case, data

HS39 = case("cfa_hs39_3f")["model"]


@pytest.fixture(scope="module")
def fit():
    return measure.cfa(HS39, data("hs39.csv"), meanstructure=True)


def test_residuals_agree_with_lavaan():
    reference = case("cfa_hs39_residcov")
    ours = measure.cfa(reference["model"], data("hs39.csv"))
    for kind, key in (("raw", "raw"), ("cor.bentler", "cor_bentler")):
        theirs = np.array(reference["residuals"][key]["cov"]["values"])
        np.testing.assert_allclose(measure.residuals(ours, kind=kind), theirs, atol=1e-6)


def test_implied_and_residual_make_the_sample(fit):
    total = measure.implied(fit) + measure.residuals(fit, kind="raw")
    np.testing.assert_allclose(total.iloc[:9], fit.moments.sample[0].sigma, atol=1e-12)
    np.testing.assert_allclose(total.loc["~1"], fit.moments.sample[0].mu, atol=1e-12)


def test_correlation_residuals_have_no_diagonal(fit):
    bollen = measure.residuals(fit, kind="cor.bollen").iloc[:9]
    np.testing.assert_allclose(np.diag(bollen), 0.0, atol=1e-12)


def test_srmr_is_the_mean_square_of_its_residuals(fit):
    residual = measure.residuals(fit, kind="cor.bentler").iloc[:9].to_numpy()
    squares = residual[np.tril_indices(9)] ** 2
    assert fit.fit_measures["srmr_bentler_nomean"] == pytest.approx(np.sqrt(squares.mean()))


@pytest.mark.parametrize(
    ("kind", "words"), [("standardized", "not available in this version"), ("x", "not known")]
)
def test_other_kinds_are_refused(fit, kind, words):
    with pytest.raises(OptionError, match=words):
        measure.residuals(fit, kind=kind)
