import numpy as np
import pytest

from measure.rotating.rotation import ROTATIONS, criterion_of, resolve_arguments, rotate
from measure.rotating.rotation_equations import Criteria, equations, lengths, second_derivatives
from tests.measure.rotating.test_rotation import N_FACTORS, OWN, loadings

PAIRS = np.triu_indices(N_FACTORS, 1)
PHI = np.array([[1.0, 0.3, -0.2], [0.3, 1.0, 0.4], [-0.2, 0.4, 1.0]])
RESIDUALS = np.linspace(0.3, 0.9, 7)


def criteria(name, **how):
    criterion, oblique = criterion_of(name, resolve_arguments(name, OWN.get(name)))
    return Criteria(criterion, oblique, **how)


@pytest.mark.parametrize("name", list(ROTATIONS))
def test_second_derivatives_against_finite_differences(name):
    criterion, L, step = criteria(name).criterion, loadings(1), 1e-6
    found = second_derivatives(criterion, L)
    for place in np.ndindex(L.shape):
        shift = np.zeros_like(L)
        shift[place] = step
        numeric = (criterion(L + shift)[1] - criterion(L - shift)[1]) / (2 * step)
        np.testing.assert_allclose(found[place], numeric, atol=1e-7)


@pytest.mark.parametrize("name", ["oblimin", "geominT"])
@pytest.mark.parametrize("how", [{}, {"kaiser": True}, {"standardized": True}])
def test_slopes_against_finite_differences(name, how):
    own, step = criteria(name, **how), 1e-6
    L = loadings(2)

    def values(x):
        phi = np.eye(N_FACTORS)
        phi[PAIRS] = x[L.size : L.size + 3]
        phi = phi + phi.T - np.eye(N_FACTORS)
        return equations(x[: L.size].reshape(L.shape), phi, x[L.size + 3 :], own).values

    at = np.concatenate([L.ravel(), PHI[PAIRS], RESIDUALS])
    found = equations(L, PHI, RESIDUALS, own)
    m = len(found.values)
    assert m == (6 if own.oblique else 3)
    slopes = np.hstack(
        [found.loadings.reshape(m, -1), found.phi[:, PAIRS[0], PAIRS[1]], found.residuals]
    )
    unit = np.eye(len(at)) * step
    numeric = np.column_stack([(values(at + u) - values(at - u)) / (2 * step) for u in unit])
    np.testing.assert_allclose(slopes, numeric, atol=1e-7)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", ["quartimin", "varimax", "geominQ", "targetT", "bifactorQ"])
def test_the_equations_hold_of_rotated_loadings(name, normalize):
    arguments = resolve_arguments(name, {"normalize": normalize, **OWN.get(name, {})})
    found = rotate(loadings(3), name, arguments, n_starts=3, rng=np.random.default_rng(1))
    own = criteria(name, kaiser=normalize)
    at = equations(found.loadings, found.phi, np.zeros(7), own)
    np.testing.assert_allclose(at.values, 0.0, atol=1e-7)


def test_an_item_without_common_variance_is_left_as_it_is():
    L = loadings(4)
    L[2] = 0.0
    size = lengths(L, np.eye(3), np.zeros(7), criteria("varimax", kaiser=True))
    assert size[2] == 1.0
