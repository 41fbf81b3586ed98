import numpy as np
import pandas as pd
import pytest

from measure.consistency.guttman import LAMBDAS, NAMES, guttman_lambdas
from measure.consistency.lower_bound import greatest_lower_bound
from measure.consistency.reliability import cronbach_alpha
from measure.consistency.splits import all_splits, best_splits
from measure.errors import DataError, OptionError
from tests.measure.consistency.test_reliability import keyed_items
from tests.measure.covariance_slopes import assert_slopes
from tests.measure.ledger import ALPHA
from tests.reference_cases import case, data

HS39 = data("hs39.csv")[[f"x{k}" for k in range(1, 10)]]


@pytest.mark.parametrize("name", ALPHA)
def test_reference(name):
    reference = case(name)
    items = keyed_items(reference)
    found = guttman_lambdas(items)
    expected = dict(reference["results"]["guttman_covariance"])
    expected["lambda4"] = expected.pop("lambda4_max")
    mu = expected.pop("tenberge_mu")
    expected |= {"mu2": mu[2], "mu3": mu[3]}
    assert found.table.set_index("coefficient")["est"].to_dict() == pytest.approx(
        expected, abs=1e-7
    )
    assert mu[:2] == pytest.approx([found["lambda3"], found["lambda2"]], abs=1e-7)
    complete = items.dropna()
    of_correlations = guttman_lambdas((complete - complete.mean()) / complete.std())
    assert of_correlations["lambda6"] == pytest.approx(
        reference["results"]["g6_smc_correlation"], abs=1e-7
    )
    halves = reference["results"]["split_half_correlation_metric"]
    for ours in ("lambda2", "lambda6"):
        assert of_correlations[ours] == pytest.approx(halves[ours], abs=1e-7)
    assert cronbach_alpha(items).alpha_std == pytest.approx(halves["lambda3_alpha"], abs=1e-7)


def test_slopes():
    assert_slopes(LAMBDAS, HS39.cov().to_numpy())


def test_a_stack_gives_what_each_matrix_gives():
    rng = np.random.default_rng(2)
    stack = np.stack([HS39.iloc[rng.integers(0, 301, 301)].cov().to_numpy() for _ in range(3)])
    np.testing.assert_allclose(LAMBDAS.values(stack), [LAMBDAS.values(one) for one in stack])


def test_bounds_in_their_order():
    found = guttman_lambdas(HS39)
    assert found["lambda1"] < found["lambda3"] < found["lambda2"] < found["mu2"] < found["mu3"]
    glb = greatest_lower_bound(HS39)["glb"]
    assert all(glb >= found[name] for name in NAMES)


def test_the_search_for_the_best_split_of_many_items():
    S = data("bfi.csv").iloc[:, :14].dropna().cov().to_numpy()
    rng = np.random.default_rng(1)
    best = all_splits(14)[np.einsum("si,ij,sj->s", *(all_splits(14), S, all_splits(14))).argmin()]
    np.testing.assert_array_equal(best_splits(S[None], rng)[0], best)
    many = data("bfi.csv").iloc[:, :17].dropna()
    found = guttman_lambdas(many)
    assert "a search found" in found.notes[0]
    assert found["lambda4"] > found["lambda2"]
    from measure.consistency.splits import _searched

    searched = _searched(S, rng)
    assert searched @ S @ searched == pytest.approx(best @ S @ best)


@pytest.mark.parametrize("interval", ["adf", "bca"])
def test_intervals(interval):
    found = guttman_lambdas(HS39, interval=interval, seed=1, n_samples=400)
    table = found.table.set_index("coefficient")
    assert (table["ci.lower"] < table["ci.upper"]).all()
    alpha = cronbach_alpha(HS39, interval=interval, seed=1, n_samples=400)
    assert table.loc["lambda3", "ci.lower"] == pytest.approx(alpha.ci_lower)
    assert table.loc["lambda3", "se"] == pytest.approx(alpha.se)
    plain = guttman_lambdas(HS39).table.set_index("coefficient")["se"]
    np.testing.assert_allclose(table["se"], plain, rtol=0.15)


def test_two_items():
    found = guttman_lambdas(HS39[["x1", "x2"]])
    same = [found[name] for name in ("lambda2", "lambda3", "lambda4", "lambda5", "mu2", "mu3")]
    np.testing.assert_allclose(same, found["lambda3"])
    assert any("two items" in note for note in found.notes)


def test_bad_input():
    twice = HS39[["x1", "x2"]].assign(copy=HS39["x1"])
    found = guttman_lambdas(twice)
    assert np.isnan(found["lambda6"])
    assert any("determine each other" in note for note in found.notes)
    assert found.table.set_index("coefficient").drop("lambda6").notna().all(axis=None)
    few = pd.DataFrame(np.random.default_rng(1).normal(size=(4, 6)), columns=list("abcdef"))
    assert np.isnan(guttman_lambdas(few)["lambda6"])
    opposed = guttman_lambdas(HS39[["x1", "x2"]].assign(x2=-HS39["x2"]))
    assert opposed["lambda3"] < 0
    assert "negatively on average" in opposed.notes[-1]
    with pytest.raises(DataError, match="at least 2 are needed"):
        guttman_lambdas(HS39[["x1"]])
    with pytest.raises(OptionError, match="unknown interval 'feldt'"):
        guttman_lambdas(HS39, interval="feldt")
    with pytest.raises(KeyError):
        found["lambda7"]
