"""The bivariate normal distribution against an independent integration and known values."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from measure.bivariate import bivariate_cdf, bivariate_density

LIMITS = (-8.0, -2.5, -1.0, 0.0, 0.3, 1.7, 9.0)
RHO = (-0.999, -0.7, 0.0, 0.4, 0.95)


@pytest.mark.parametrize("rho", RHO)
@pytest.mark.parametrize("h", LIMITS)
def test_agrees_with_numerical_integration(h: float, rho: float) -> None:
    k = np.array(LIMITS)
    law = multivariate_normal([0.0, 0.0], [[1.0, rho], [rho, 1.0]])
    expected = [law.cdf([h, other]) for other in LIMITS]
    np.testing.assert_allclose(bivariate_cdf(np.array(h), k, np.array(rho)), expected, atol=1e-12)


def test_at_the_middle_it_is_the_arc_sine_law() -> None:
    rho = np.array(RHO)
    expected = 0.25 + np.arcsin(rho) / (2 * np.pi)
    np.testing.assert_allclose(bivariate_cdf(np.zeros(5), np.zeros(5), rho), expected, atol=1e-15)


def test_an_infinite_limit_leaves_the_other_margin() -> None:
    k = np.array([-1.0, 0.0, 2.0, np.inf, -np.inf])
    law = multivariate_normal(0.0, 1.0)
    above = bivariate_cdf(np.array(np.inf), k, np.array(0.5))
    np.testing.assert_allclose(above, law.cdf(k), atol=1e-15)
    assert not bivariate_cdf(np.array(-np.inf), k, np.array(0.5)).any()


def test_the_density_is_the_slope_in_the_correlation() -> None:
    h, k = np.meshgrid(np.array(LIMITS), np.array(LIMITS))
    step = 1e-6
    for rho in (-0.7, 0.0, 0.4, 0.9):
        above = bivariate_cdf(h, k, np.array(rho + step))
        below = bivariate_cdf(h, k, np.array(rho - step))
        slope = (above - below) / (2 * step)
        np.testing.assert_allclose(bivariate_density(h, k, np.array(rho)), slope, atol=1e-8)
    assert bivariate_density(np.array(np.inf), np.array(0.0), np.array(0.3)) == 0.0
