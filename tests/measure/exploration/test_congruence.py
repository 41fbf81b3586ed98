import numpy as np
import pandas as pd
import pytest

from measure import congruence, efa, procrustes
from measure.errors import DataError, OptionError
from tests.measure.ledger import CONGRUENCE, EFA_SCORES
from tests.reference_cases import case, data, matrix

ITEMS = [f"x{k}" for k in range(1, 10)]
HS39 = data("hs39.csv")
SOLUTION = efa(HS39[ITEMS], 3, extraction="ml", rotation="varimax", seed=1, n_starts=5)
TARGET = pd.DataFrame(
    np.kron(np.eye(3), np.ones((3, 1))) * 0.7, index=ITEMS, columns=["v", "t", "s"]
)


@pytest.mark.parametrize("name", CONGRUENCE)
def test_congruence_of_two_schools_as_psych(name):
    expected = case(name)["results"]
    schools = [
        efa(HS39.loc[HS39["school"] == school, ITEMS], 3, extraction="ml", rotation="varimax")
        for school in ("Pasteur", "Grant-White")
    ]
    found = congruence(*schools)
    np.testing.assert_allclose(found, matrix(expected["congruence"]), rtol=0, atol=1e-4)
    tables = (matrix(expected[f"loadings_{s}"]) for s in ("Pasteur", "Grant-White"))
    np.testing.assert_allclose(congruence(*tables), matrix(expected["congruence"]), atol=1e-10)


@pytest.mark.parametrize("name", EFA_SCORES)
def test_orthogonal_procrustes_as_a_singular_value_decomposition(name):
    expected = case(name)["results"]["procrustes"]
    target = matrix(expected["target"])
    found = procrustes(matrix(expected["unrotated"]), target, n=0)
    np.testing.assert_allclose(found.loadings, matrix(expected["loadings"]), atol=1e-8)
    theirs = np.diag(matrix(expected["congruence"]))
    np.testing.assert_allclose(found.factors["congruence"], theirs, atol=1e-8)
    np.testing.assert_array_equal(found.factor_correlations, np.eye(3))
    assert found.factors["pvalue"].isna().all()
    assert "No permutations" in found.notes[0]


def test_rows_are_matched_by_name():
    shuffled = TARGET.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(congruence(SOLUTION, shuffled), congruence(SOLUTION, TARGET))
    straight, other = (procrustes(SOLUTION, t, n=50, seed=1) for t in (TARGET, shuffled))
    pd.testing.assert_frame_equal(straight.loadings, other.loadings)


def test_the_rotated_position_of_a_solution_does_not_matter():
    other = efa(HS39[ITEMS], 3, extraction="ml", rotation="oblimin", seed=1, n_starts=5)
    first, second = (procrustes(one, TARGET, n=0) for one in (SOLUTION, other))
    np.testing.assert_allclose(first.loadings, second.loadings, atol=1e-10)


def test_oblique_factors_have_variance_one_and_the_largest_congruence():
    found = procrustes(SOLUTION, TARGET, method="oblique", n=0)
    phi = found.factor_correlations.to_numpy()
    np.testing.assert_allclose(np.diag(phi), 1.0)
    L, A = found.loadings.to_numpy(), SOLUTION.unrotated_loadings.to_numpy()
    np.testing.assert_allclose(L @ phi @ L.T, A @ A.T, atol=1e-10)
    best = found.factors["congruence"].to_numpy()
    rng = np.random.default_rng(3)
    for _ in range(50):
        other = A @ rng.normal(size=(3, 3))
        cosines = (other * TARGET.to_numpy()).sum(axis=0) / np.sqrt(
            (other**2).sum(axis=0) * (TARGET.to_numpy() ** 2).sum(axis=0)
        )
        assert (np.abs(cosines) <= best + 1e-12).all()


def test_a_true_structure_is_told_from_chance():
    found = procrustes(SOLUTION, TARGET, n=400, seed=1)
    assert found.total["congruence"] > found.total["q99"]
    assert found.total["pvalue"] < 0.02
    assert found.rms == pytest.approx(
        np.sqrt(((found.loadings.to_numpy() - TARGET.to_numpy()) ** 2).mean())
    )
    again = procrustes(SOLUTION, TARGET, n=400, seed=1)
    pd.testing.assert_frame_equal(found.factors, again.factors)
    assert "Items" in repr(found)
    assert "<table" in found._repr_html_()


def test_random_loadings_are_at_the_level_of_chance():
    # Under the null hypothesis p-values of the whole are uniform: 5 of 100 below .05 in the mean.
    rng = np.random.default_rng(2)
    pvalues = []
    for seed in range(100):
        loadings = pd.DataFrame(rng.normal(size=(9, 3)), index=ITEMS)
        pvalues.append(procrustes(loadings, TARGET, n=99, seed=seed).total["pvalue"])
    assert np.mean(np.array(pvalues) <= 0.05) <= 0.12
    assert np.mean(pvalues) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("target", "options", "error", "message"),
    [
        (TARGET.iloc[:, :2], {}, DataError, "3 factors and the target has 2"),
        (TARGET.rename(index={"x1": "y"}), {}, DataError, "have other items"),
        (TARGET.replace(0.0, np.nan), {}, DataError, "have missing entries"),
        (TARGET.assign(s=0.0), {}, DataError, "only zeros"),
        (TARGET, {"seed": None}, OptionError, "need n, 0 or more, and a seed"),
        (TARGET, {"n": -1}, OptionError, "need n, 0 or more"),
        (TARGET, {"method": "promax"}, OptionError, "unknown method 'promax'"),
    ],
)
def test_what_is_refused(target, options, error, message):
    with pytest.raises(error, match=message):
        procrustes(SOLUTION, target, **{"seed": 1, "n": 10, **options})
