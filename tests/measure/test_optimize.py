"""The search: it finds known minima, never goes uphill, and says how it ended."""

import numpy as np
import pytest

from measure.optimize import minimize, search_from_several


class Here:
    """A function at a point, from functions of points."""

    def __init__(self, function, params):
        self.value = function.value(params)
        self.function, self.params = function, params

    @property
    def slope(self):
        return self.function.slope(self.params)[0]

    @property
    def expected_curvature(self):
        return self.function.slope(self.params)[1]

    @property
    def exact_curvature(self):
        return self.function.hessian(self.params)


class Rosenbrock:
    """A curved valley with its minimum 0 at (1, 1); Gauss-Newton curvature as the expected one."""

    def __init__(self):
        self.values = []

    def at(self, params):
        return Here(self, params)

    def value(self, params):
        x, y = params
        self.values.append((1 - x) ** 2 + 100 * (y - x**2) ** 2)
        return self.values[-1]

    def slope(self, params):
        x, y = params
        residual = np.array([1 - x, 10 * (y - x**2)])
        jacobian = np.array([[-1.0, 0.0], [-20 * x, 10.0]])
        return 2 * jacobian.T @ residual, 2 * jacobian.T @ jacobian

    def hessian(self, params):
        x, y = params
        return np.array([[2 - 400 * y + 1200 * x**2, -400 * x], [-400 * x, 200.0]])


class Bowl(Rosenbrock):
    """Has its minimum 1 at 0, and counts how often its Hessian is worked out."""

    n_hessians = 0

    def value(self, params):
        return float(np.cosh(params).mean())

    def slope(self, params):
        return np.sinh(params) / 2, np.eye(2)

    def hessian(self, params):
        self.n_hessians += 1
        return np.diag(np.cosh(params)) / 2


class Cliff(Rosenbrock):
    """Not defined left of 0.5, where a full step from the start would lead."""

    def value(self, params):
        return np.inf if params[0] < 0.5 else super().value(params)


class Slope(Rosenbrock):
    """Has no minimum."""

    def value(self, params):
        return float(params.sum())

    def slope(self, params):
        return np.ones(2), np.eye(2) * 1e-3

    def hessian(self, params):
        return np.eye(2) * 1e-3


def test_a_dear_hessian_is_worked_out_once_where_steps_go_down():
    cheap, dear = Bowl(), Bowl()
    start = np.array([0.4, -0.3])
    plain, updated = minimize(cheap, start), minimize(dear, start, dear=True)
    assert plain.converged
    assert updated.converged
    assert dear.n_hessians == 1 < cheap.n_hessians
    np.testing.assert_allclose(updated.params, plain.params, atol=1e-7)


@pytest.mark.parametrize("dear", [False, True])
@pytest.mark.parametrize("start", [(-1.2, 1.0), (3.0, -4.0), (0.0, 0.0)])
def test_finds_the_minimum(start, dear):
    search = minimize(Rosenbrock(), np.array(start), dear=dear)
    assert search.converged
    np.testing.assert_allclose(search.params, 1.0, atol=1e-6)
    assert search.value < 1e-12


def test_stays_where_the_function_is_defined():
    search = minimize(Cliff(), np.array([0.6, 5.0]))
    assert search.converged
    np.testing.assert_allclose(search.params, 1.0, atol=1e-6)


def test_gives_up_and_says_so():
    search = minimize(Slope(), np.zeros(2), max_iterations=7)
    assert not search.converged
    assert search.message == "stopped after 7 iterations"
    outside = minimize(Cliff(), np.array([0.0, 0.0]))
    assert outside.message == "the starting values are not admissible"


def test_goes_on_to_the_next_start():
    starts = [lambda: np.array([0.0, 0.0]), lambda: np.array([0.9, 0.9])]
    search, attempts = search_from_several(lambda x: minimize(Cliff(), x), starts, lambda _: True)
    assert search.converged
    assert attempts == 2


def test_several_failures_give_the_best_of_them():
    search, attempts = search_from_several(
        lambda x: minimize(Cliff(), x),
        [lambda: np.zeros(2), lambda: -np.ones(2)],
        lambda _: True,
    )
    assert not search.converged
    assert attempts == 2
