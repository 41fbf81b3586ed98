import numpy as np
import pandas as pd
import pytest

from measure import efa, schmid_leiman
from measure.errors import DataError, OptionError
from tests.measure.ledger import SCHMID_LEIMAN, unaccounted
from tests.reference_cases import case, data, matrix

NAMES = ["F1", "F2", "F3"]


def solution_of(reference):
    asked, table = reference["options"], data(reference["data"])
    options = {"rotation": "oblimin", "seed": 1, "n_starts": 30}
    if asked["input"] == "raw":
        return efa(table[asked["variables"]], asked["nfactors"], **options)
    return efa(table, asked["nfactors"], n_obs=asked["sample_nobs"], **options)


@pytest.mark.parametrize("name", SCHMID_LEIMAN)
def test_reference(name):
    reference = case(name)
    expected = reference["results"]
    solution = solution_of(reference)
    found = schmid_leiman(solution)
    close = {"rtol": 0, "atol": 1e-4}
    np.testing.assert_allclose(solution.loadings, matrix(expected["first_order"]), **close)
    np.testing.assert_allclose(solution.factor_correlations, matrix(expected["phi"]), **close)
    np.testing.assert_allclose(found.general_loadings, expected["second_order_g"], **close)
    loadings = matrix(expected["schmid_leiman"])
    assert list(found.loadings.columns) == list(loadings.columns)
    np.testing.assert_allclose(found.loadings, loadings, **close)
    assert found.communalities.to_dict() == pytest.approx(expected["communalities"], abs=1e-4)
    assert found.variance["share"]["g"] == pytest.approx(expected["ecv"], abs=1e-5)
    assert found.admissible
    compared = {"first_order", "phi", "second_order_g", "schmid_leiman", "communalities", "ecv"}
    # Alpha does not depend on the solution; omegas are compared in test_exploratory_omega.py.
    elsewhere = {"alpha", "omega_h", "omega_total", "psych_omega_default"}
    assert not unaccounted(expected, compared | elsewhere)


def correlated(*correlations):
    phi = np.eye(3)
    phi[np.triu_indices(3, 1)] = correlations
    phi = phi + phi.T - np.eye(3)
    return pd.DataFrame(phi, index=NAMES, columns=NAMES)


def simple(n_factors=3):
    return pd.DataFrame(
        np.kron(np.eye(n_factors), np.ones((3, 1))) * 0.7,
        index=[f"q{k}" for k in range(3 * n_factors)],
        columns=NAMES[:n_factors],
    )


def test_what_the_factors_imply_is_kept_where_the_general_factor_holds():
    phi = correlated(0.42, 0.48, 0.56)
    found = schmid_leiman(simple(), phi)
    np.testing.assert_allclose(found.general_loadings, [0.6, 0.7, 0.8], atol=1e-6)
    implied = simple().to_numpy() @ phi.to_numpy() @ simple().to_numpy().T
    np.testing.assert_allclose(found.loadings @ found.loadings.T, implied, atol=1e-6)
    np.testing.assert_allclose(found.item_shares, np.repeat([0.36, 0.49, 0.64], 3), atol=1e-6)
    assert found.variance["share"].sum() == pytest.approx(1.0)
    assert found.notes == ()
    assert "Second-order loadings" in repr(found)
    assert "<table" in found._repr_html_()


def test_two_factors_share_their_correlation():
    phi = pd.DataFrame([[1, -0.36], [-0.36, 1]], index=NAMES[:2], columns=NAMES[:2])
    found = schmid_leiman(simple(2), phi)
    assert found.general_loadings.tolist() == pytest.approx([0.6, -0.6])
    assert "taken to be equal" in found.notes[0]
    assert '"F2" measures the general factor the other way round' in found.notes[1]


def test_a_factor_that_the_general_one_explains_is_diagnosed():
    found = schmid_leiman(simple(), correlated(0.9, 0.9, 0.7))
    assert not found.admissible
    assert 'the general factor explains "F1" in full' in found.notes[0]
    assert np.isfinite(found.loadings.to_numpy()).all()


@pytest.mark.parametrize(
    ("loadings", "phi", "error", "message"),
    [
        (simple(), None, OptionError, "Give phi"),
        (simple(), correlated(0, 0, 0), OptionError, "do not correlate"),
        (simple(1), pd.DataFrame({"F1": [1.0]}), DataError, "at least two"),
        (simple(2), correlated(0.5, 0.5, 0.5), DataError, "phi is 3 × 3, but the loadings have 2"),
        (simple().rename(columns={"F1": "a"}), correlated(0.5, 0.5, 0.5), DataError, "name other"),
        (simple(), correlated(0.9, 0.9, -0.9), DataError, "positive definite"),
        (simple() * np.nan, correlated(0.5, 0.5, 0.5), DataError, "loadings are missing"),
    ],
)
def test_what_is_refused(loadings, phi, error, message):
    with pytest.raises(error, match=message):
        schmid_leiman(loadings, phi)


def test_a_solution_has_its_own_correlations():
    solution = efa(data("hs39.csv")[[f"x{k}" for k in range(1, 10)]], 3, seed=1, n_starts=5)
    with pytest.raises(OptionError, match="has its own"):
        schmid_leiman(solution, solution.factor_correlations)
