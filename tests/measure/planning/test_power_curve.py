"""The curve through simulated sizes finds the size that is known, with intervals that cover it."""

import numpy as np
import pytest
from scipy.stats import norm

from measure.planning.power_curve import power_curve

D, TARGET = 0.2, 0.8
KNOWN = ((1.96 + norm.ppf(TARGET)) / D) ** 2
SIZES = np.array([100.0, 150, 175, 190, 200, 300])


def made(seed: int, repeats: int = 400) -> np.ndarray:
    """Whether a z test finds a mean of D, the same people at all sizes."""
    rng = np.random.default_rng(seed)
    sums = np.cumsum(rng.normal(D, 1, (repeats, int(SIZES.max()))), axis=1)
    at = SIZES.astype(int)
    return (sums[:, at - 1] / np.sqrt(at) > 1.96).astype(float)


def test_the_known_size_is_found_and_covered():
    found = [power_curve(SIZES, made(seed), TARGET, 190) for seed in range(60)]
    assert np.mean([one.smallest for one in found]) == pytest.approx(KNOWN, rel=0.02)
    covered = np.mean([one.lower < KNOWN < one.upper for one in found])
    assert covered == pytest.approx(0.95, abs=0.09)
    # As wide as the estimates truly vary, although people are the same at all sizes.
    spread = np.std([np.log(one.smallest) for one in found])
    width = np.mean([np.log(one.upper / one.lower) for one in found]) / (2 * 1.96)
    assert width == pytest.approx(spread, rel=0.35)


def test_the_curve_is_that_of_the_power():
    table = power_curve(SIZES, made(1, 4000), TARGET, 190).table
    assert table["n"].iloc[[0, -1]].tolist() == [95, 380]
    near = table[(table["n"] > 120) & (table["n"] < 300)]
    known = norm.sf(1.96 - D * np.sqrt(near["n"]))
    np.testing.assert_allclose(near["power"], known, atol=0.03)
    assert (table["ci.lower"] < table["power"]).all()
    assert (table["power"] < table["ci.upper"]).all()


@pytest.mark.parametrize(
    "share", [np.ones((20, 6)), np.zeros((20, 6)), np.eye(6).repeat(20, axis=0)[:, ::-1] * 0 + 0.5]
)
def test_no_curve_where_nothing_rises(share):
    assert power_curve(SIZES, share, TARGET, 190) is None


def test_no_curve_of_a_power_that_falls():
    falling = np.tile([1.0, 1, 1, 0, 0, 0], (20, 1))
    falling[0] = 1 - falling[0]
    assert power_curve(SIZES, falling, TARGET, 190) is None
