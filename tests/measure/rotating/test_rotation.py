import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure.errors import OptionError
from measure.rotating.gradient_projection import gradient_projection, random_orthogonal
from measure.rotating.rotation import (
    ROTATIONS,
    oriented,
    resolve_arguments,
    rotate,
    rotation_names,
)
from tests.reference_cases import case, matrix

N_ITEMS, N_FACTORS = 7, 3
TARGET = np.full((N_ITEMS, N_FACTORS), np.nan)
TARGET[:3, 1] = TARGET[3:, 0] = 0.0
TARGET[0, 0] = 0.7
WEIGHTS = np.linspace(0.0, 2.0, N_ITEMS * N_FACTORS).reshape(N_ITEMS, N_FACTORS)
WAYS = ("", "Q", "T")

# Arguments other than the defaults, so that every term of a gradient counts.
OWN = {
    "oblimin": {"gamma": -0.5},
    "orthomax": {"gamma": 0.4},
    **{f"geomin{way}": {"epsilon": 0.02} for way in WAYS},
    **{f"cf{way}": {"kappa": 0.3} for way in WAYS},
    "simplimax": {"k": 9},
    **{f"bigeomin{way}": {"epsilon": 0.02} for way in WAYS},
    **{f"target{way}": {"target": TARGET} for way in WAYS},
    **{f"pst{way}": {"target": TARGET, "weights": WEIGHTS} for way in WAYS},
}


def loadings(seed, starts=()):
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (*starts, N_ITEMS, N_FACTORS))


@pytest.mark.parametrize("name", list(ROTATIONS))
def test_gradient_against_finite_differences(name):
    criterion = ROTATIONS[name].criterion(**OWN.get(name, {}))
    L, step = loadings(1), 1e-6
    gradient = criterion(L)[1]
    numeric = np.empty_like(L)
    for place in np.ndindex(L.shape):
        shift = np.zeros_like(L)
        shift[place] = step
        numeric[place] = (criterion(L + shift)[0] - criterion(L - shift)[0]) / (2 * step)
    np.testing.assert_allclose(gradient, numeric, atol=1e-8)


@pytest.mark.parametrize("name", list(ROTATIONS))
def test_many_starts_at_once_equal_one_by_one(name):
    criterion = ROTATIONS[name].criterion(**OWN.get(name, {}))
    L = loadings(2, starts=(4,))
    values, gradients = criterion(L)
    for i in range(4):
        value, gradient = criterion(L[i])
        assert values[i] == pytest.approx(value)
        np.testing.assert_allclose(gradients[i], gradient)


def rotated(name, A, n_starts=10, **given_arguments):
    own = given_arguments or OWN.get(name, {})
    arguments = resolve_arguments(name, own)
    return rotate(A, name, arguments, n_starts=n_starts, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", rotation_names())
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_rotation_leaves_the_implied_matrix_unchanged(name, seed):
    A = loadings(seed)
    found = rotated(name, A, n_starts=2)
    np.testing.assert_allclose(found.loadings @ found.phi @ found.loadings.T, A @ A.T, atol=1e-9)
    np.testing.assert_allclose(np.diag(found.phi), 1.0)
    if name in ROTATIONS and not ROTATIONS[name].oblique:
        np.testing.assert_allclose(found.phi, np.eye(N_FACTORS), atol=1e-9)


@pytest.mark.parametrize("name", list(ROTATIONS))
def test_the_solution_is_a_minimum(name):
    A = loadings(3)
    found = rotated(name, A)
    assert found.converged
    criterion = ROTATIONS[name].criterion(**OWN.get(name, {}))
    own = {"normalize": False, **OWN.get(name, {})}
    found = rotated(name, A, **own)
    assert criterion(found.loadings)[0] == pytest.approx(found.value)
    rng = np.random.default_rng(5)
    for _ in range(20):
        T = found.transformation + 1e-3 * rng.normal(size=(N_FACTORS, N_FACTORS))
        if ROTATIONS[name].oblique:
            T = T / np.linalg.norm(T, axis=0)
        else:
            U, _, V = np.linalg.svd(T)
            T = U @ V
        assert criterion(A @ np.linalg.inv(T).T)[0] >= found.value - 1e-10


def test_more_starts_never_end_worse():
    A = loadings(11)
    values = [rotated("geominQ", A, n_starts=n).value for n in (0, 5, 30)]
    assert values[1] <= values[0] + 1e-10
    assert values[2] <= values[0] + 1e-10


def test_share_of_starts_at_the_best_value():
    # A perfect simple structure has one minimum of quartimin up to order and sign.
    A = np.kron(np.eye(3), np.ones((3, 1))) * 0.7
    turned = A @ random_orthogonal(3, 1, np.random.default_rng(1))[0]
    found = rotated("quartimin", turned, n_starts=20)
    assert found.share_at_best == 1.0
    np.testing.assert_allclose(np.sort(np.abs(found.loadings), axis=1)[:, :2], 0.0, atol=1e-6)
    np.testing.assert_allclose(np.abs(found.phi), np.eye(3), atol=1e-6)


def test_starts_are_rotations():
    T = random_orthogonal(4, 10, np.random.default_rng(1))
    np.testing.assert_allclose(
        T @ T.transpose(0, 2, 1), np.broadcast_to(np.eye(4), T.shape), atol=1e-12
    )


def test_all_starts_are_carried_to_the_end():
    criterion = ROTATIONS["oblimin"].criterion(gamma=0.0)
    starts = random_orthogonal(N_FACTORS, 6, np.random.default_rng(4))
    T, values, norms = gradient_projection(
        loadings(6), criterion, starts, oblique=True, tolerance=1e-6
    )
    assert T.shape == starts.shape
    assert (norms < 1e-6).all()
    assert (values <= values.max()).all()


def test_gpa_rotation_names_of_arguments_are_understood():
    assert resolve_arguments("oblimin", {"gam": 0.2}) == {"normalize": False, "gamma": 0.2}
    assert resolve_arguments("promax", {"m": 3}) == {"normalize": True, "power": 3}
    assert resolve_arguments("none", None) == {}


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("varimin", None, "unknown rotation 'varimin'. Choose one of: none, promax, varimax"),
        ("varimax", {"gamma": 1}, "'varimax' has no argument 'gamma'. It has: normalize"),
        ("none", {"normalize": True}, "It has: none"),
        ("targetQ", None, "'targetQ' needs 'target'"),
        ("pstT", {"target": TARGET}, "'pstT' needs 'weights'"),
        ("geomin", {"epsilon": 0}, "epsilon of rotation 'geomin' is 0, but must be a number above"),
        ("oblimin", {"gamma": np.inf}, "gamma of rotation 'oblimin' is inf, but must be a number"),
        ("cf", {"kappa": 2}, "must be a number between 0 and 1"),
        ("promax", {"power": 1}, "must be a number above 1"),
        ("simplimax", {"k": 1.5}, "must be a whole number above 0"),
        ("oblimin", {"normalize": "yes"}, "must be True or False"),
        ("target", {"target": [0.0, 1.0]}, "must be a table of numbers"),
        ("target", {"target": "x"}, "must be a table of numbers"),
    ],
)
def test_what_is_refused(name, arguments, message):
    with pytest.raises(OptionError, match=message):
        resolve_arguments(name, arguments)


def test_a_target_of_another_shape_is_refused():
    with pytest.raises(OptionError, match="target is 2 × 3, but the loadings are 7 × 3"):
        rotated("targetQ", loadings(1), target=np.zeros((2, 3)))


def test_factors_that_run_into_each_other_are_reported():
    with pytest.raises(OptionError, match="drives the factors into each other"):
        rotated("oblimin", loadings(1), gamma=1.0)


def nearest(found, loadings):
    """Order and signs of the columns that bring rotated loadings nearest to others."""
    orders = itertools.permutations(range(loadings.shape[1]))
    order = list(min(orders, key=lambda o: np.abs(np.abs(found[:, o]) - np.abs(loadings)).sum()))
    return order, np.sign((found[:, order] * loadings).sum(axis=0))


ROTATED = case("efa_rotations_hs39")


@pytest.mark.parametrize("name", ROTATED["results"]["rotations"])
def test_rotations_agree_with_gparotation(name):
    expected = ROTATED["results"]["rotations"][name]
    given_arguments = dict(expected["arguments"] or {})
    if expected["rotation"].startswith("pst"):
        given_arguments |= {k: matrix(ROTATED["options"][k]) for k in ("weights", "target")}
    arguments = resolve_arguments(expected["rotation"], given_arguments)
    A = matrix(ROTATED["results"]["unrotated_loadings"]).to_numpy()
    found = rotate(A, expected["rotation"], arguments, n_starts=100, rng=np.random.default_rng(1))
    loadings, phi = matrix(expected["loadings"]).to_numpy(), matrix(expected["phi"]).to_numpy()
    assert found.converged
    assert found.value == pytest.approx(expected["value"], abs=1e-6)
    order, signs = nearest(found.loadings, loadings)
    np.testing.assert_allclose(found.loadings[:, order] * signs, loadings, rtol=0, atol=1e-4)
    turned = found.phi[np.ix_(order, order)] * np.outer(signs, signs)
    np.testing.assert_allclose(turned, phi, rtol=0, atol=1e-4)


def test_names_of_lavaan_take_orthogonal():
    A = loadings(4)
    for plain, T in (("geomin", "geominT"), ("bentler", "bentlerT"), ("cf", "cfT")):
        one, other = rotated(plain, A, orthogonal=True), rotated(T, A)
        if plain != "bentler":
            other = rotated(T, A, **resolve_arguments(T, None))
        assert one.value == pytest.approx(other.value)
        np.testing.assert_allclose(one.phi, np.eye(N_FACTORS), atol=1e-9)


def test_columns_come_in_a_fixed_order_with_positive_sums():
    A = loadings(5)
    found = rotated("quartimin", A)
    by_sums = oriented(found, "quartimin", {})
    sums = (by_sums.loadings**2).sum(axis=0)
    assert (np.diff(sums) <= 0).all()
    assert (by_sums.loadings.sum(axis=0) >= 0).all()
    by_index = oriented(found, "quartimin", {}, order="index")
    for one in (by_sums, by_index):
        T = one.transformation
        np.testing.assert_allclose(one.loadings, A @ np.linalg.inv(T).T, atol=1e-9)
        np.testing.assert_allclose(one.phi, T.T @ T, atol=1e-9)
    # A target with other values than 0 settles order and sign.
    asked = resolve_arguments("targetT", {"target": -TARGET})
    kept = rotated("targetT", A, target=-TARGET)
    settled = oriented(kept, "targetT", asked)
    np.testing.assert_array_equal(settled.loadings[:, 0], kept.loadings[:, 0])


def test_simplimax_needs_a_number_of_loadings_that_are_there():
    with pytest.raises(OptionError, match="k is 21, but of 21 loadings simplimax brings"):
        rotated("simplimax", loadings(1), k=21)
