import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import measure.rotating.uniquenesses
from measure.errors import ConvergenceError, DataError, IdentificationError, OptionError
from measure.exploration.exploratory import efa
from measure.exploration.extraction_tests import NORMAL_THEORY, SCALED
from measure.rotating.extraction import EXTRACTIONS, check_identified, degrees_of_freedom
from tests.measure.ledger import EFA, unaccounted
from tests.reference_cases import case, data, matrix

HS39 = data("hs39.csv")[[f"x{i}" for i in range(1, 10)]]
KEEPS_ORDER = {"bifactorT", "bifactorQ"}


def solution_of(reference):
    table, asked = data(reference["data"]), reference["options"]
    arguments = dict(asked["rotation_args"])
    if "Target" in arguments:
        arguments["Target"] = np.array(arguments["Target"]["values"], dtype=float)
    options = {
        # The reference runs principal axes to convergence, which is the minres solution.
        "extraction": "paf" if asked["extraction"] == "pa" else asked["extraction"],
        "rotation": asked["rotation"],
        "rotation_args": arguments,
        "seed": 1,
        "n_starts": 30,
    }
    options["correlation"] = asked.get("correlation", "pearson")
    if asked["input"] == "raw":
        return efa(table[asked["variables"]], asked["nfactors"], **options)
    return efa(table, asked["nfactors"], n_obs=asked["sample_nobs"], **options)


def aligned(found, expected):
    """Order and signs of the columns of `found` that bring it nearest to `expected`."""
    orders = itertools.permutations(range(expected.shape[1]))
    order = min(orders, key=lambda o: np.abs(np.abs(found[:, o]) - np.abs(expected)).sum())
    return list(order), np.sign((found[:, order] * expected).sum(axis=0))


@pytest.mark.parametrize("name", EFA)
def test_reference(name):
    reference = case(name)
    expected = reference["results"]
    found = solution_of(reference)
    loadings, phi = matrix(expected["loadings"]), matrix(expected["phi"])
    order, signs = list(range(found.n_factors)), np.ones(found.n_factors)
    if reference["options"]["rotation"] in KEEPS_ORDER:
        # Group factors may trade places; the general factor stays the first.
        order, signs = aligned(found.loadings.to_numpy(), loadings.to_numpy())
        assert order[0] == 0
    assert list(found.loadings.index) == list(loadings.index)
    close = {"rtol": 0, "atol": 1e-4}
    np.testing.assert_allclose(found.loadings.to_numpy()[:, order] * signs, loadings, **close)
    turned = found.factor_correlations.to_numpy()[np.ix_(order, order)]
    np.testing.assert_allclose(turned * np.outer(signs, signs), phi, **close)
    structure = found.structure.to_numpy()[:, order] * signs
    np.testing.assert_allclose(structure, matrix(expected["structure"]), **close)
    unrotated = matrix(expected["unrotated_loadings"])
    np.testing.assert_allclose(found.unrotated_loadings, unrotated, **close)
    for column in ("communalities", "uniquenesses", "complexity"):
        assert getattr(found, column).to_dict() == pytest.approx(expected[column], abs=1e-4)
    sums = found.variance["ss_loadings"].to_numpy()[order]
    np.testing.assert_allclose(sums, list(expected["ss_loadings"].values()), **close)
    shares = found.variance["prop_var"].to_numpy()[order]
    np.testing.assert_allclose(shares, list(expected["prop_var"].values()), **close)
    np.testing.assert_allclose(np.cumsum(shares), list(expected["cum_var"].values()), **close)
    exact = 1e-7 if found.correlation == "pearson" else 1e-5
    np.testing.assert_allclose(found.eigenvalues, expected["eigenvalues"], rtol=0, atol=exact)
    if expected["rotation_criterion"] is not None:
        assert found.rotation_value == pytest.approx(expected["rotation_criterion"], abs=1e-6)
    compared = {
        "loadings",
        "phi",
        "structure",
        "unrotated_loadings",
        "communalities",
        "uniquenesses",
        "complexity",
        "ss_loadings",
        "prop_var",
        "cum_var",
        "eigenvalues",
        "rotation_criterion",
    }
    assert not unaccounted(expected, compared)
    assert found.converged
    assert found.admissible


@pytest.mark.parametrize("name", EFA)
def test_reference_fit_measures(name):
    reference = case(name)
    solution = solution_of(reference)
    found, expected = solution.fit_measures, reference["fit_measures"]
    if solution.correlation == "polychoric":
        assert found[list(NORMAL_THEORY)].isna().all()
        assert found[list(SCALED)].notna().all()
        found = found.drop([*NORMAL_THEORY, *SCALED])
        expected = {name: value for name, value in expected.items() if name not in NORMAL_THEORY}
    # Not in the reference, whose software has them under other definitions or not at all.
    assert set(found.index) == set(expected) | {"cfi", "srmr"} - set(
        NORMAL_THEORY if solution.correlation == "polychoric" else ()
    )
    for measure_name, value in expected.items():
        assert found[measure_name] == pytest.approx(value, rel=1e-5, abs=1e-5), measure_name


@pytest.mark.parametrize("school", ["Pasteur", "Grant-White"])
def test_loadings_of_each_school_in_the_congruence_case(school):
    expected = matrix(case("efa_congruence_hs39_school")["results"][f"loadings_{school}"])
    rows = data("hs39.csv")["school"] == school
    found = efa(HS39[rows], 3, extraction="ml", rotation="varimax", seed=1, n_starts=10)
    np.testing.assert_allclose(found.loadings, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", list(EXTRACTIONS))
@pytest.mark.parametrize("n_factors", [1, 3])
def test_extraction_gradient_against_finite_differences(name, n_factors):
    discrepancy, R = EXTRACTIONS[name], HS39.corr().to_numpy()
    psi, step = np.linspace(0.3, 0.8, 9), 1e-6
    gradient = discrepancy(psi, R, n_factors)[1]
    numeric = [
        (
            discrepancy(psi + step * unit, R, n_factors)[0]
            - discrepancy(psi - step * unit, R, n_factors)[0]
        )
        / (2 * step)
        for unit in np.eye(9)
    ]
    np.testing.assert_allclose(gradient, numeric, atol=1e-7)


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(list(HS39.columns)))
def test_reordering_items_reorders_loadings(order):
    straight = efa(HS39, 3, seed=1, n_starts=5)
    shuffled = efa(HS39[order], 3, seed=1, n_starts=5)
    np.testing.assert_allclose(
        shuffled.loadings.loc[HS39.columns], straight.loadings, rtol=0, atol=1e-5
    )
    np.testing.assert_allclose(shuffled.fit_measures, straight.fit_measures, rtol=1e-6)


@settings(max_examples=10, deadline=None)
@given(scales=st.lists(st.floats(0.1, 100), min_size=9, max_size=9))
def test_the_metric_of_the_items_does_not_matter(scales):
    straight = efa(HS39, 3, rotation="none")
    rescaled = efa(HS39 * scales + 3, 3, rotation="none")
    np.testing.assert_allclose(rescaled.loadings, straight.loadings, rtol=0, atol=1e-6)


def test_rotation_leaves_fit_and_communalities_unchanged():
    plain = efa(HS39, 3, rotation="none")
    turned = efa(HS39, 3, rotation="oblimin", seed=1)
    np.testing.assert_allclose(plain.communalities, turned.communalities, atol=1e-10)
    np.testing.assert_allclose(plain.fit_measures, turned.fit_measures, rtol=1e-8)


def test_default_starts_and_normalisation_are_reported():
    found = efa(HS39, 3, seed=1)
    assert found.n_starts == 100
    assert 0 < found.share_at_best <= 1
    assert found.rotation_args == {"normalize": False, "gamma": 0.0}
    assert efa(HS39, 2, rotation="varimax", n_starts=0).rotation_args["normalize"] is True


def test_one_factor_is_not_rotated():
    found = efa(HS39[["x1", "x2", "x3"]], 1)
    assert found.rotation == "none"
    assert found.fit_measures["df"] == 0
    assert found.fit_measures[["pvalue", "rmsea", "tli", "crms"]].isna().all()
    assert (found.loadings["F1"] > 0).all()


def test_dropped_rows_are_counted():
    found = efa(data("bfi.csv")[[f"A{i}" for i in range(1, 6)]], 1)
    assert found.n_obs == 2709
    assert found.n_dropped == 91


@pytest.mark.parametrize("extraction", ["ml", "minres"])
def test_a_heywood_case_is_diagnosed(extraction):
    # Spearman's tetrads ask for a loading of sqrt(.8 * .8 / .55) > 1 on the first item.
    R = pd.DataFrame([[1, 0.8, 0.8], [0.8, 1, 0.55], [0.8, 0.55, 1]], columns=["q1", "q2", "q3"])
    found = efa(R, 1, extraction=extraction, n_obs=200)
    assert not found.admissible
    assert 'the uniqueness of "q1" ran into its lower bound' in found.notes[0]
    assert "note 1" in repr(found)


def test_many_local_minima_are_noted():
    rng = np.random.default_rng(8)
    noise = pd.DataFrame(rng.normal(size=(60, 12)), columns=[f"q{i}" for i in range(12)])
    found = efa(noise, 4, rotation="geominQ", rotation_args={"epsilon": 0.001}, seed=1)
    assert found.share_at_best < 0.5
    assert any("local minima" in note for note in found.notes)


def test_display():
    found = efa(HS39, 3, seed=1)
    assert "Kaiser normalisation" in repr(found)
    assert "F3" in repr(found)
    assert "<table" in found._repr_html_()


def test_the_unfinished_solution_is_in_the_error(monkeypatch):
    monkeypatch.setattr(measure.rotating.uniquenesses, "MAX_ITERATIONS", 1)
    with pytest.raises(ConvergenceError, match="stopped before it found a minimum") as caught:
        efa(HS39, 3)
    assert not caught.value.fit.converged
    assert caught.value.fit.loadings.shape == (9, 3)


def test_a_rotation_that_does_not_converge_is_noted(monkeypatch):
    monkeypatch.setattr("measure.rotating.gradient_projection.MAX_ITERATIONS", 1)
    found = efa(HS39, 3, n_starts=0)
    assert not found.converged
    assert "The rotation stopped before its gradient vanished." in found.notes


@pytest.mark.parametrize(
    ("n_items", "n_factors", "message"),
    [
        (9, 6, r"6 factors from 9 items .*df = -3.* allows at most 5"),
        (3, 2, r"2 factors from 3 items .* at most 1"),
        (2, 1, r"1 factors from 2 items .* allows none"),
    ],
)
def test_the_ledermann_bound(n_items, n_factors, message):
    with pytest.raises(IdentificationError, match=message):
        check_identified(n_items, n_factors)


def test_degrees_of_freedom():
    assert degrees_of_freedom(9, 3) == 12
    assert degrees_of_freedom(3, 1) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"extraction": "alpha"}, "unknown extraction 'alpha'. Choose one of: minres, ml, paf"),
        ({"rotation": "varimin"}, "unknown rotation 'varimin'"),
        ({"smooth": "eigenvalues"}, "smooth='eigenvalues' has no effect on Pearson"),
        ({"correlation": "kendall"}, "unknown correlation"),
        ({"n_starts": -1}, "n_starts is -1"),
        ({"n_factors": 0}, "n_factors is 0"),
    ],
)
def test_options_that_are_refused(options, message):
    arguments = {"n_factors": 2, **options}
    with pytest.raises(OptionError, match=message):
        efa(HS39, **arguments)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (HS39.assign(x9=HS39["x1"]), 'items "x1" and "x9" correlate perfectly'),
        (HS39.assign(x9=HS39["x1"] + HS39["x2"]), "singular"),
        (HS39.assign(x9=3), '"x9" has the same answer'),
        (HS39.iloc[:7], "7 complete rows for 9 items"),
    ],
)
def test_data_that_are_refused(table, message):
    with pytest.raises(DataError, match=message):
        efa(table, 2)
