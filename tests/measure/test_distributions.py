import numpy as np
import pytest

from measure.distributions import logit_limits


def test_logit_limits():
    lower, upper = logit_limits(0.8, 0.05, 1.96)
    logit, reach = np.log(4), 1.96 * 0.05 / 0.16
    assert np.log(lower / (1 - lower)) == pytest.approx(logit - reach)
    assert np.log(upper / (1 - upper)) == pytest.approx(logit + reach)
    # However large the error, the limits are between 0 and 1.
    assert logit_limits(1 - 1e-9, 0.1, 1.96) == (0.0, 1.0)


@pytest.mark.parametrize(("share", "se"), [(0.0, 0.1), (1.0, 0.1), (-0.2, 0.1), (0.5, np.nan)])
def test_shares_without_limits(share, se):
    assert np.isnan(logit_limits(share, se, 1.96)).all()
