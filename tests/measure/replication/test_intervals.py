"""Bootstrap intervals against R's boot, and acceleration against closed forms.

R 4, boot 1.3-28.1; x, y and the replicates t as below:

    cc <- (x - mean(x)) * (y - mean(y)); t0 <- mean(cc); L <- cc - t0
    boot:::perc.ci(t, conf)
    b <- list(R = 199, data = cbind(x, y), stype = "i", sim = "ordinary", call = quote(boot(d)),
              t0 = t0, t = matrix(t), strata = rep(1, 12))
    boot:::bca.ci(b, conf, index = 1, t0 = t0, t = t, L = L)
"""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.replication.influence import influence
from measure.replication.intervals import acceleration, bias_corrected, percentile, quantiles

X = np.array([1.2, 0.4, 3.1, 2.2, 0.9, 5.6, 1.8, 2.7, 0.3, 1.1, 4.2, 0.8])
Y = np.array([0.9, 0.7, 2.5, 2.9, 0.2, 4.1, 2.2, 1.9, 1.0, 0.6, 3.0, 1.7])
T = 3 * (((37 * np.arange(1, 200)) % 199 + 0.5) / 199) ** 1.5
PRODUCTS = (X - X.mean()) * (Y - Y.mean())
COVARIANCE = PRODUCTS.mean()
R_BCA = {
    0.95: [0.2039184496679574, 2.988700572406947],
    0.937: [0.2401849846980959, 2.988700572406947],
}
R_PERCENTILE_937 = [0.01501535655819831, 2.869507625902419]


def test_intervals_agree_with_boot():
    a = float(acceleration((PRODUCTS - COVARIANCE)[:, None])[0])
    for level, expected in R_BCA.items():
        found = bias_corrected(T, COVARIANCE, a, level)
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(percentile(T, 0.0, 0.0, 0.937), R_PERCENTILE_937, rtol=1e-9)


def test_quantiles_are_order_statistics_where_those_exist():
    found = quantiles(T, np.array([0.025, 0.5, 0.975, 0.0001, 0.9999, np.nan]))
    ordered = np.sort(T)
    np.testing.assert_array_equal(found[:5], ordered[[4, 99, 194, 0, 198]])
    assert np.isnan(found[5])
    assert np.isnan(quantiles(np.zeros(0), np.array([0.5]))).all()
    assert quantiles(np.array([2.0]), np.array([0.5])).tolist() == [2.0]


def test_bca_without_bias_and_acceleration_is_the_percentile_interval():
    symmetric = np.linspace(-1, 1, 1000)
    np.testing.assert_allclose(
        bias_corrected(symmetric, 0.0, 0.0, 0.9), percentile(symmetric, 0.0, 0.0, 0.9), rtol=1e-12
    )


def test_there_is_no_bca_interval_where_all_replicates_lie_on_one_side():
    assert np.isnan(bias_corrected(np.array([1.0, 2.0, 3.0]), 0.5, 0.0, 0.95)).all()
    assert np.isnan(bias_corrected(np.zeros(0), 0.5, 0.0, 0.95)).all()


def test_influence_on_a_covariance_is_its_closed_form():
    fit = measure.fit("x ~~ y\nx ~~ x\ny ~~ y", pd.DataFrame({"x": X, "y": Y}))
    found = influence(fit.problem, fit.model.row_values(fit.params))
    np.testing.assert_allclose(found[:, 0] * len(X), PRODUCTS - COVARIANCE, atol=1e-12)
    # std.all of the covariance is the correlation: Hampel (1974), ab - r (a^2 + b^2)/2.
    a, b = (X - X.mean()) / X.std(), (Y - Y.mean()) / Y.std()
    r = np.mean(a * b)
    np.testing.assert_allclose(found[:, 3] * len(X), a * b - r * (a**2 + b**2) / 2, atol=1e-12)


@pytest.mark.parametrize("column", [0, 1])
def test_acceleration_is_a_sixth_of_a_skewness(column):
    values = np.column_stack([PRODUCTS - COVARIANCE, np.zeros(12)])
    found = acceleration(values)[column]
    centred = PRODUCTS - COVARIANCE
    skewness = np.mean(centred**3) / np.mean(centred**2) ** 1.5
    assert found == pytest.approx([skewness / 6 / np.sqrt(12), 0.0][column])
