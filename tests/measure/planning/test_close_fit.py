"""Power of the tests of close fit, against the tables of MacCallum, Browne & Sugawara (1996)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.errors import OptionError
from measure.planning.close_fit import rmsea_power, rmsea_sample_size


# Table 4, n for a power of .80 at alpha .05, test of close fit (.05 against .08).
@pytest.mark.parametrize(("df", "n"), [(10, 782), (50, 214), (100, 132)])
def test_the_table_of_the_smallest_samples(df, n):
    assert rmsea_sample_size(df) == n
    assert rmsea_power(df, n) >= 0.80 > rmsea_power(df, n - 1)


@pytest.mark.parametrize(("null", "alternative"), [(0.05, 0.08), (0.05, 0.01), (0.0, 0.05)])
def test_power_is_the_share_of_chi_squares_that_are_rejected(null, alternative):
    rng = np.random.default_rng(1)
    df, n, draws = 40, 300, 100_000

    def drawn(rmsea: float) -> np.ndarray:
        beyond = (n - 1) * df * rmsea**2
        return rng.noncentral_chisquare(df, beyond, draws) if rmsea else rng.chisquare(df, draws)

    close = alternative > null
    critical = np.quantile(drawn(null), 0.95 if close else 0.05)
    found = drawn(alternative)
    share = (found > critical).mean() if close else (found < critical).mean()
    assert rmsea_power(df, n, null=null, alternative=alternative) == pytest.approx(share, abs=0.01)


@given(st.integers(5, 300), st.integers(50, 1500), st.sampled_from([0.01, 0.03, 0.08, 0.1]))
def test_power_rises_with_respondents_and_degrees_of_freedom(df, n, alternative):
    own = rmsea_power(df, n, alternative=alternative)
    assert own <= rmsea_power(df, n + 50, alternative=alternative) + 1e-9
    assert own <= rmsea_power(df + 5, n, alternative=alternative) + 1e-9


def test_groups_count_by_their_own_rows():
    # With G groups N - G rows carry a noncentrality of 1/G each (Steiger 1998).
    assert rmsea_power(50, 401 + 1, n_groups=2) == pytest.approx(rmsea_power(50, 200 + 1), abs=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rmsea_power(0, 100), "df is 0"),
        (lambda: rmsea_power(10, 1), "n is 1"),
        (lambda: rmsea_power(10, 100, null=0.05, alternative=0.05), "nothing to tell apart"),
        (lambda: rmsea_power(10, 100, alternative=1.2), "alternative is 1.2"),
        (lambda: rmsea_sample_size(10, power=1.0), "power is 1.0"),
        (lambda: rmsea_sample_size(10, power=0.04), "power is 0.04"),
        (lambda: rmsea_sample_size(10, alpha=0.0), "alpha is 0"),
        (lambda: rmsea_sample_size(1, null=0.05, alternative=0.0501), "more than 10,000,000"),
    ],
)
def test_impossible_numbers_are_refused(call, message):
    with pytest.raises(OptionError, match=message):
        call()
