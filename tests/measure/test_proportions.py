import pytest

import measure
from measure.errors import OptionError


@pytest.mark.parametrize(
    ("count", "n", "lower", "upper"),
    # Newcombe (1998), Table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_those_of_newcombe(count, n, lower, upper):
    assert measure.proportion_interval(count, n) == pytest.approx((lower, upper), abs=5e-5)


def test_nobody_leaves_everything_open():
    assert measure.proportion_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(OptionError, match="3 of 2"):
        measure.proportion_interval(3, 2)
