"""Standard errors, intervals, and the distributions they are read from."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import measure
from measure import distributions
from measure.errors import MeasureWarning
from measure.fitting.inference import inverse, wald, weakest_direction


def test_wald_is_the_normal_test():
    result = wald(np.array([1.0, -2.0, 0.3]), np.array([0.5, 1.0, 0.0]))
    np.testing.assert_allclose(result["z"][:2], [2.0, -2.0])
    np.testing.assert_allclose(result["pvalue"][:2], 2 * stats.norm.sf(2.0))
    np.testing.assert_allclose(result["ci.upper"][0], 1 + stats.norm.ppf(0.975) * 0.5)
    assert np.isnan(result["z"][2])
    assert result["ci.lower"][2] == result["ci.upper"][2] == 0.3


def test_covariance_is_the_inverse_information_whatever_the_units():
    information = np.array([[4.0, 1.0], [1.0, 2.0]])
    np.testing.assert_allclose(inverse(information), np.linalg.inv(information))
    units = np.diag([1e6, 1e-6])
    scaled = inverse(units @ information @ units)
    np.testing.assert_allclose(scaled, np.linalg.inv(units @ information @ units), rtol=1e-9)


def test_singular_information_gives_no_standard_errors():
    information = np.array([[1.0, 1.0], [1.0, 1.0]])
    assert inverse(information) is None
    direction = weakest_direction(information)
    assert direction[0] == pytest.approx(-direction[1])
    assert not weakest_direction(np.full((2, 2), np.nan)).any()


def test_empirical_underidentification_is_announced():
    """Two factors of two items are identified by their correlation alone; here it is exactly 0."""
    names = ["x1", "x2", "y1", "y2"]
    block = np.array([[1.0, 0.5], [0.5, 1.0]])
    cov = np.block([[block, np.zeros((2, 2))], [np.zeros((2, 2)), block]])
    frame = pd.DataFrame(cov, names, names)
    with pytest.warns(MeasureWarning, match=r"singular at the solution.*f =~ x2"):
        fit = measure.cfa("f =~ x1 + x2\ng =~ y1 + y2", sample_cov=frame, sample_nobs=200)
    assert fit.vcov is None
    assert fit.parameters["se"][fit.parameters["free"]].isna().all()
    assert measure.standardized(fit)["se"].isna().any()


def test_distributions_are_those_of_scipy():
    assert distributions.chisq_sf(3.0, 2) == pytest.approx(stats.chi2.sf(3.0, 2))
    assert distributions.chisq_isf(0.05, 10) == pytest.approx(stats.chi2.isf(0.05, 10))
    assert distributions.noncentral_chisq_cdf(9.0, 4, 3.0) == pytest.approx(
        stats.ncx2.cdf(9.0, 4, 3.0)
    )
    assert distributions.normal_cdf(1.3) == pytest.approx(stats.norm.cdf(1.3))
    assert distributions.normal_quantile(0.8) == pytest.approx(stats.norm.ppf(0.8))
