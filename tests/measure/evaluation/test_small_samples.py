"""Chi-square tests corrected for small samples."""

import numpy as np
import pytest

import measure
from measure.distributions import chisq_sf
from measure.errors import OptionError
from measure.evaluation.small_samples import correction_factors
from tests.reference_cases import case, data

HS39 = case("cfa_hs39_3f")["model"]


def test_factors_of_a_model_worked_out_by_hand():
    # 9 items, 3 factors, 21 parameters, 301 respondents: n = 300, df = 24.
    found = correction_factors(301, 9, 3, 24)
    assert found["bartlett"] == pytest.approx(1 - 35 / 1800)
    r = (np.sqrt(169) - 1) / 2
    assert r == 6
    swain = 1 - (9 * (162 + 27 - 1) - 6 * (72 + 18 - 1)) / (12 * 24 * 300)
    assert found["swain"] == pytest.approx(swain)
    assert found["yuan.2015"] == pytest.approx((301 - (2.381 + 3.249 + 0.126)) / 300)


def test_limits_without_factors():
    # Without factors it is the correction of the test of independence: 1 - (2p + 5)/(6n).
    for p in (4, 9, 24):
        assert correction_factors(200, p, 0, p * (p - 1) // 2)["bartlett"] == pytest.approx(
            1 - (2 * p + 5) / (6 * 199)
        )
    # A covariance matrix that is known: 1 - (2p^2 + 3p - 1)/(6(p + 1)n) (Korin 1968).
    p, n = 6, 100
    full = correction_factors(n + 1, p, 0, p * (p + 1) // 2)["swain"]
    assert full == pytest.approx(1 - (2 * p**2 + 3 * p - 1) / (6 * (p + 1) * n))


def test_table():
    fit = measure.cfa(HS39, data("hs39.csv"))
    table = measure.small_sample_tests(fit)
    assert list(table.index) == ["standard", "bartlett", "swain", "yuan.2015"]
    standard = fit.fit_measures["chisq"] * 300 / 301
    assert table.loc["standard", "chisq"] == pytest.approx(standard)
    np.testing.assert_allclose(table["chisq"], table["factor"] * standard)
    for row in table.itertuples():
        assert row.pvalue == pytest.approx(chisq_sf(row.chisq, 24))
    assert (table["factor"].iloc[1:] < 1).all()
    assert table["source"].iloc[1:].str.len().gt(0).all()


def test_the_scaled_statistic_is_corrected_too():
    fit = measure.cfa(HS39, data("hs39.csv"), estimator="MLM")
    table = measure.small_sample_tests(fit)
    scaled = fit.fit_measures["chisq.scaled"] * 300 / 301
    np.testing.assert_allclose(table["chisq.scaled"], table["factor"] * scaled)


def test_wishart_and_means_change_nothing():
    plain = measure.small_sample_tests(measure.cfa(HS39, data("hs39.csv")))
    wishart = measure.small_sample_tests(measure.cfa(HS39, data("hs39.csv"), likelihood="wishart"))
    means = measure.small_sample_tests(measure.cfa(HS39, data("hs39.csv"), meanstructure=True))
    np.testing.assert_allclose(wishart["chisq"], plain["chisq"], rtol=1e-6)
    np.testing.assert_allclose(means["chisq"], plain["chisq"], rtol=1e-6)


def test_too_few_respondents_give_no_factor():
    assert np.isnan(correction_factors(30, 100, 5, 4000)["bartlett"])
    assert np.isnan(correction_factors(300, 3, 1, 0)["swain"])


@pytest.mark.parametrize(
    "options",
    [{"group": "school"}, {"estimator": "GLS"}, {"missing": "fiml"}],
)
def test_other_fits_are_refused(options):
    fit = measure.cfa(HS39, data("hs39.csv"), **options)
    with pytest.raises(OptionError, match="one group"):
        measure.small_sample_tests(fit)


def test_restricted_means_are_refused():
    text = f"{HS39}\nx1 ~ a*1\nx2 ~ a*1"
    with pytest.raises(OptionError, match="means"):
        measure.small_sample_tests(measure.cfa(text, data("hs39.csv")))


@pytest.mark.slow
def test_corrections_bring_rejection_rates_down():
    """24 items, 4 factors, n = 100, normal data, the model true: 400 samples."""
    factors = {f"f{j}": [f"y{6 * j + k}" for k in range(6)] for j in range(4)}
    text = "\n".join(f"{name} =~ {' + '.join(items)}" for name, items in factors.items())
    phi = np.full((4, 4), 0.4) + 0.6 * np.eye(4)
    lambda_ = np.kron(np.eye(4), np.full((6, 1), 0.7))
    root = np.linalg.cholesky(lambda_ @ phi @ lambda_.T + 0.51 * np.eye(24))
    rng, rejected = np.random.default_rng(5), []
    names = [item for items in factors.values() for item in items]
    for _ in range(400):
        rows = rng.standard_normal((100, 24)) @ root.T
        frame = data("hs39.csv").iloc[:100, :0].reset_index(drop=True)
        fit = measure.cfa(text, frame.assign(**dict(zip(names, rows.T, strict=True))))
        rejected.append(measure.small_sample_tests(fit)["pvalue"] < 0.05)
    rates = np.mean(rejected, axis=0)
    assert rates[0] > 0.15
    assert (rates[1:] < rates[0] / 2).all()
    assert 0.02 < rates[3] < 0.09
