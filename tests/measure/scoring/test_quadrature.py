"""Sparse rules integrate polynomials of a total degree exactly."""

from itertools import product

import numpy as np
import pytest

from measure.scoring.quadrature import sparse_rule


def moment(power):
    """Expectation of a power of a standard normal value."""
    return 0.0 if power % 2 else float(np.prod(np.arange(1, power, 2)))


@pytest.mark.parametrize(("level", "d"), [(1, 1), (4, 1), (3, 2), (5, 2), (3, 3), (4, 4), (3, 6)])
def test_moments_are_exact_up_to_the_degree_of_the_rule(level, d):
    points, weights = sparse_rule(level, d)
    assert weights.sum() == pytest.approx(1.0)
    # Total degree 2 level - 1, as for the rules of lower growth that these contain.
    for powers in product(range(2 * level), repeat=d):
        if sum(powers) <= 2 * level - 1:
            found = weights @ np.prod(points ** np.array(powers), axis=1)
            expected = np.prod([moment(power) for power in powers])
            assert found == pytest.approx(expected, abs=1e-8)


def test_one_dimension_is_the_rule_of_gauss():
    points, weights = sparse_rule(6, 1)
    assert points.shape == (11, 1)
    assert (weights > 0).all()
    assert weights @ points[:, 0] ** 20 == pytest.approx(moment(20), rel=1e-10)


def test_fewer_points_than_the_product():
    points, _ = sparse_rule(5, 5)
    assert len(points) == 1341 < 9**5
    assert len(np.unique(points, axis=0)) == len(points)
