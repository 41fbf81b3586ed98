"""Fit indices: published values, edges, and what has to hold for any numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from measure import indices

chisqs = st.floats(0, 1e4, allow_nan=False)
dfs = st.integers(1, 400)


def test_textbook_values():
    # Holzinger & Swineford three-factor model, as printed in many places (lavaan tutorial).
    assert indices.cfi(85.306, 24, 918.852, 36) == pytest.approx(0.931, abs=5e-4)
    assert indices.tli(85.306, 24, 918.852, 36) == pytest.approx(0.896, abs=5e-4)
    assert indices.rmsea(85.306, 24, 301) == pytest.approx(0.092, abs=5e-4)
    assert indices.rmsea_interval(85.306, 24, 301) == pytest.approx((0.071, 0.114), abs=5e-4)


def test_power_of_close_fit_is_consistent_with_macCallum_1996():
    """MacCallum, Browne & Sugawara (1996, table 4): df 50 needs n 214 for power .80."""
    critical = stats.ncx2.ppf(0.95, 50, 213 * 50 * 0.05**2)
    power = stats.ncx2.sf(critical, 50, 213 * 50 * 0.08**2)
    assert power == pytest.approx(0.80, abs=0.005)
    assert indices.rmsea_pvalue(critical, 50, 213) == pytest.approx(0.05, abs=1e-6)


@given(chisqs, dfs, st.integers(20, 10_000))
def test_interval_holds_its_definition(chisq, df, n_obs):
    lower, upper = indices.rmsea_interval(chisq, df, n_obs)
    assert 0 <= lower <= upper
    for limit, probability in ((lower, 0.95), (upper, 0.05)):
        if limit > 1e-4:
            noncentrality = limit**2 * n_obs * df
            assert stats.ncx2.cdf(chisq, df, noncentrality) == pytest.approx(probability, abs=1e-5)


@given(chisqs, dfs, chisqs, dfs)
def test_cfi_is_a_proportion(chisq, df, base, base_df):
    assert 0 <= indices.cfi(chisq, df, base, base_df) <= 1


def test_edges():
    assert indices.rmsea(10.0, 0, 100) == 0.0
    assert indices.rmsea(10.0, 20, 100) == 0.0
    assert indices.rmsea_interval(10.0, 0, 100) == (0.0, 0.0)
    assert np.isnan(indices.rmsea_pvalue(10.0, 0, 100))
    assert indices.tli(0.0, 0, 100.0, 10) == 1.0
    assert indices.rfi(0.0, 0, 100.0, 10) == 1.0
    assert np.isnan(indices.nfi(1.0, 12, 100.0, 10))
    assert np.isnan(indices.rni(1.0, 1, 10.0, 10))
    assert np.isnan(indices.hoelter(1.0, 0, 100, 0.05))
    assert indices.root_mean_square(np.zeros(0)) == 0.0


def test_several_groups_widen_the_rmsea():
    assert indices.rmsea(100, 48, 301, 2) == pytest.approx(indices.rmsea(100, 48, 301) * 2**0.5)
