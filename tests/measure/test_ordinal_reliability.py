"""Categorical omega of fits to ordered items, and ordinal alpha under its own name."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import measure
from measure.consistency.composites import composite_reliability
from measure.consistency.ordinal_composites import OrdinalComposite
from measure.consistency.reliability import alpha_from_covariances
from measure.errors import DataError, ImproperSolutionWarning, ListwiseWarning, OptionError
from tests.measure.after_ordinal import ORDINAL, fitted, groups
from tests.measure.ledger import COMPOSITE_ORDINAL, unaccounted
from tests.reference_cases import case, data, matrix

HS39 = case("ordinal_after_hs39")["model"]
TEXTUAL = ["o4", "o5", "o6"]
OMEGAS = ["omega", "omega2", "omega3", "ave", "omega.se", "omega.ci.lower", "omega.ci.upper"]


@pytest.fixture(scope="module")
def frame():
    return data("hs39_ordered4.csv")


@pytest.mark.parametrize("name", COMPOSITE_ORDINAL)
def test_composite_reference(name):
    content = case(name)
    expected = content["results"]
    items = data(content["data"])
    fit = measure.cfa(content["model"], items, ordered=content["options"]["ordered"], std_lv=True)
    found = composite_reliability(fit).set_index("factor")
    table = matrix(expected["reliability"]).T
    for ours, theirs in (
        ("alpha", "alpha"),
        ("omega", "omega"),
        ("omega2", "omega2"),
        ("omega3", "omega3"),
        ("ave", "avevar"),
    ):
        np.testing.assert_allclose(found[ours], table[theirs], rtol=0, atol=1e-6)
    for ours, theirs in (
        ("omega3", "compRelSEM_obs_var"),
        ("omega2", "compRelSEM_model_var"),
        ("alpha", "compRelSEM_alpha"),
        ("ave", "AVE"),
    ):
        assert found[ours].to_dict() == pytest.approx(expected[theirs], abs=1e-6)
    latent = measure.ordinal_alpha(fit).table
    np.testing.assert_allclose(latent["alpha.ord"], table["alpha.ord"], rtol=0, atol=1e-6)
    compared = {
        "reliability",
        "compRelSEM_obs_var",
        "compRelSEM_model_var",
        "compRelSEM_alpha",
        "AVE",
        # test_weighted_sums.py
        "maximal_reliability_all_items",
    }
    assert not unaccounted(expected, compared)


@pytest.mark.parametrize("name", ORDINAL)
def test_omega_and_its_standard_error(name):
    fit = fitted(name)
    table = composite_reliability(fit).set_index(["group", "factor"])
    for label, group in zip(fit.moments.groups, groups(name), strict=True):
        for factor, expected in group.found["reliability"].items():
            found = table.loc[(label, factor)]
            assert found["omega"] == found["omega2"]
            for ours, theirs in (("omega2", "omega2"), ("omega3", "omega3"), ("ave", "ave")):
                assert found[ours] == pytest.approx(expected[theirs], abs=1e-5)
            # The reference took numerical derivatives.
            assert found["omega.se"] == pytest.approx(expected["se"], abs=1e-5)
            reach = 1.959963984540054 * found["omega.se"]
            assert found["omega.ci.lower"] == pytest.approx(found["omega"] - reach)
            assert found["omega.ci.upper"] == pytest.approx(found["omega"] + reach)


GRADIENTS = {
    **dict.fromkeys(ORDINAL),
    # A residual variance among eta follows from all others and reaches the item behind it.
    "an item with paths": "f =~ o1 + o2 + o3\ng =~ o7 + o8\no9 ~ f + g",
    "tied loadings": "f =~ NA*o4 + a*o4 + a*o5 + o6\nf ~~ 1*f",
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradient_by_finite_differences(name, frame):
    text = GRADIENTS[name]
    fit = fitted(name) if text is None else measure.sem(text, frame, ordered=True)
    basis = fit.model.reduction.basis
    basis = np.eye(len(fit.params)) if basis is None else basis
    checked = 0
    for k, state in enumerate(fit.point.states):
        for factor in fit.model.table.latent:
            column = state.block.eta.index(factor)
            items = np.flatnonzero(state.matrices["lambda_"][:, column])
            if len(items) < 2 or not state.responses.layout.ordered[items].any():
                continue
            gradient = OrdinalComposite(fit, k, items, column).gradient @ basis
            step = 1e-6
            for j in range(len(fit.params)):
                move = np.zeros(len(fit.params))
                move[j] = step
                up, down = (
                    OrdinalComposite(
                        replace(fit, params=fit.params + sign * move, found=None), k, items, column
                    ).values[0]
                    for sign in (1, -1)
                )
                assert gradient[j] == pytest.approx((up - down) / (2 * step), abs=1e-8)
            checked += 1
    assert checked


def test_omega_is_the_correlation_of_two_sums_that_share_the_factor(frame):
    fit = measure.cfa("f =~ o4 + o5 + o6", frame, ordered=True, std_lv=True)
    loadings = fit.point.states[0].matrices["lambda_"][:, 0]
    cuts = fit.implied_moments[0].thresholds.reshape(3, 3)
    rng = np.random.default_rng(1)
    n = 400_000
    eta = rng.standard_normal((n, 1))
    sums = []
    for _ in range(2):
        response = eta * loadings + rng.standard_normal((n, 3)) * np.sqrt(1 - loadings**2)
        sums.append(sum(np.searchsorted(cuts[i], response[:, i]) for i in range(3)))
    r = np.corrcoef(*sums)[0, 1]
    assert composite_reliability(fit)["omega"][0] == pytest.approx(r, abs=0.002)


@pytest.mark.parametrize("group", [None, "school"])
def test_both_parameterizations_have_the_same_reliability(frame, group):
    equal = () if group is None else ("thresholds", "loadings")
    tables = [
        composite_reliability(
            measure.cfa(
                HS39,
                frame,
                ordered=True,
                group=group,
                group_equal=equal,
                parameterization=parameterization,
            )
        )
        for parameterization in ("delta", "theta")
    ]
    np.testing.assert_allclose(tables[0][OMEGAS], tables[1][OMEGAS], atol=1e-6)


def test_which_item_sets_the_unit_does_not_matter(frame):
    one = composite_reliability(measure.cfa("f =~ o4 + o5 + o6", frame, ordered=True))
    other = composite_reliability(measure.cfa("f =~ o6 + o4 + o5", frame, ordered=True))
    columns = ["alpha", *OMEGAS]
    np.testing.assert_allclose(one[columns], other[columns], atol=1e-6)


def test_alpha_is_that_of_the_answers(frame):
    fit = measure.cfa("f =~ o4 + o5 + o6", frame, ordered=True)
    alpha = measure.cronbach_alpha(frame[TEXTUAL]).alpha
    assert composite_reliability(fit)["alpha"][0] == pytest.approx(alpha, abs=1e-12)
    items = data("bfi.csv")[[f"N{k}" for k in range(1, 6)]]
    fit = measure.cfa("N =~ N1 + N2 + N3 + N4 + N5", items, ordered=True, missing="pairwise")
    expected = alpha_from_covariances(items.cov().to_numpy())
    assert composite_reliability(fit)["alpha"][0] == pytest.approx(expected, abs=1e-12)


def test_the_sum_is_that_of_the_answers_as_they_are_coded(frame):
    fit = measure.cfa("f =~ o4 + o5 + o6", frame, ordered=True)
    one = composite_reliability(fit).iloc[0]
    shifted = frame.assign(o4=frame["o4"] + 10)
    same = composite_reliability(measure.cfa("f =~ o4 + o5 + o6", shifted, ordered=True)).iloc[0]
    assert same["omega"] == pytest.approx(one["omega"], abs=1e-9)
    assert same["note"] == ""
    jump = frame.assign(o4=frame["o4"].replace({4: 9}))
    other = composite_reliability(measure.cfa("f =~ o4 + o5 + o6", jump, ordered=True)).iloc[0]
    assert other["omega"] != pytest.approx(one["omega"], abs=1e-3)
    assert other["ave"] == pytest.approx(one["ave"], abs=1e-9)
    assert "codes of o4 are not consecutive" in other["note"]


def test_sums_of_continuous_items_beside_ordered_ones():
    with pytest.warns(ListwiseWarning):
        fit = measure.cfa(case("ordinal_after_bfi_mixed")["model"], data("bfi.csv"), ordered=["A1"])
    row = composite_reliability(fit).set_index("factor").loc["N"]
    state = fit.point.states[0]
    column = state.block.eta.index("N")
    loadings = state.matrices["lambda_"][:, column]
    true = loadings.sum() ** 2 * state.covariance[column, column]
    error = state.matrices["theta"][loadings != 0][:, loadings != 0].sum()
    assert row["omega"] == pytest.approx(true / (true + error))
    assert row["omega.se"] > 0


def test_composites_that_mean_something_else_are_not_given(frame):
    crossed = composite_reliability(measure.cfa(f"{HS39}visual =~ o9", frame, ordered=True))
    notes = crossed.set_index("factor")["note"]
    assert "o9 also loads on speed" in notes["visual"]
    assert crossed.set_index("factor").loc[["visual", "speed"], OMEGAS].isna().all(axis=None)
    second = composite_reliability(fitted("ordinal_after_hs39_second_order"))
    assert "higher-order factor" in second.set_index("factor").loc["g", "note"]
    turned = frame.assign(o5=5 - frame["o5"])
    table = composite_reliability(measure.cfa("f =~ o4 + o5 + o6", turned, ordered=True))
    assert "reverse-key" in table.loc[0, "note"]
    assert table.loc[0, "omega"] < 0.5


def test_an_improper_solution_has_no_categorical_omega():
    rng = np.random.default_rng(3)
    S = np.array([[1.0, 0.8, 0.8], [0.8, 1.0, 0.5], [0.8, 0.5, 1.0]])
    response = rng.multivariate_normal(np.zeros(3), S, size=2000)
    items = pd.DataFrame(np.digitize(response, [-0.7, 0.6]), columns=["a", "b", "c"])
    with pytest.warns(ImproperSolutionWarning):
        fit = measure.cfa("f =~ a + b + c", items, ordered=True, std_lv=True)
    row = composite_reliability(fit).iloc[0]
    assert "improper" in row["note"]
    assert row[["omega", "omega.se"]].isna().all()
    assert row["alpha"] > 0


def test_ordinal_alpha_says_what_it_is_not(frame):
    found = measure.ordinal_alpha(frame[TEXTUAL])
    row = found.table.iloc[0]
    # METHODS: alpha .854, ordinal alpha .894, categorical omega .857.
    assert row["alpha.ord"] == pytest.approx(0.8935827, abs=1e-6)
    assert "nobody computes (Chalmers 2018)" in found.notes[0]
    assert "nobody computes" in repr(found)
    assert "<table" in found._repr_html_()
    assert [found.n_obs, found.n_dropped, row["n_items"]] == [301, 0, 3]


def test_ordinal_alpha_of_data_and_of_a_fit_agree(frame):
    groups_ = measure.ordinal_alpha(frame[["school", *TEXTUAL]], group="school").table
    fit = measure.cfa(HS39, frame, ordered=True, group="school")
    own = measure.ordinal_alpha(fit).table.query("factor == 'textual'")
    columns = ["n_items", "alpha.ord", "se", "ci.lower", "ci.upper"]
    np.testing.assert_allclose(own[columns], groups_[columns], atol=1e-10)
    assert own["group"].tolist() == groups_["group"].tolist() == ["Pasteur", "Grant-White"]


def test_the_standard_error_of_ordinal_alpha(frame):
    found = measure.ordinal_alpha(frame[TEXTUAL]).table.iloc[0]
    rng = np.random.default_rng(2)
    values = frame[TEXTUAL]
    again = []
    for _ in range(400):
        sample = values.iloc[rng.integers(0, len(values), len(values))]
        R = measure.polychoric(sample).correlations.to_numpy()
        again.append(alpha_from_covariances(R))
    assert found["se"] == pytest.approx(np.std(again), rel=0.15)
    wide = measure.ordinal_alpha(frame[TEXTUAL], confidence_level=0.99).table.iloc[0]
    assert wide["ci.upper"] - found["alpha.ord"] == pytest.approx(2.5758293 * found["se"])


def test_clusters_of_equal_rows_count_once(frame):
    twice = pd.concat([frame[["id", *TEXTUAL]]] * 2)
    found = measure.ordinal_alpha(twice, cluster="id").table.iloc[0]
    once = measure.ordinal_alpha(frame[TEXTUAL]).table.iloc[0]
    assert found["alpha.ord"] == pytest.approx(once["alpha.ord"])
    # Up to n / (n - 1).
    assert found["se"] == pytest.approx(once["se"], rel=0.005)


def test_notes_of_ordinal_alpha(frame):
    turned = measure.ordinal_alpha(frame[TEXTUAL].assign(o1=5 - frame["o1"]))
    assert '"o1" is negatively correlated' in turned.notes[1]
    mixed = measure.ordinal_alpha(fitted("ordinal_after_bfi_mixed"))
    assert mixed.table.set_index("factor").loc["A", "alpha.ord"] != pytest.approx(0)
    assert np.isnan(mixed.table.set_index("factor").loc["A", "alpha.ord"])
    assert any('"A1", "A4" are continuous' in note for note in mixed.notes)
    second = measure.ordinal_alpha(fitted("ordinal_after_hs39_second_order"))
    assert any("g: fewer than two items" in note for note in second.notes)


def test_what_ordinal_alpha_refuses(frame):
    with pytest.raises(DataError, match="1 item given"):
        measure.ordinal_alpha(frame[["o4"]])
    with pytest.raises(DataError, match="DataFrame"):
        measure.ordinal_alpha(frame[TEXTUAL].to_numpy())
    with pytest.raises(OptionError, match='missing "fiml"'):
        measure.ordinal_alpha(frame[TEXTUAL], missing="fiml")
    with pytest.raises(OptionError, match="confidence_level"):
        measure.ordinal_alpha(frame[TEXTUAL], confidence_level=2)
    fit = measure.cfa("f =~ o4 + o5 + o6", frame, ordered=True)
    with pytest.raises(OptionError, match="those of the fit"):
        measure.ordinal_alpha(fit, missing="pairwise")
    with pytest.raises(OptionError, match="no ordered items"):
        measure.ordinal_alpha(measure.cfa("f =~ o4 + o5 + o6", frame))


@pytest.mark.slow
def test_intervals_of_categorical_omega_cover():
    """Of 500 samples of 400 with skewed categories, 95 % intervals cover in 92.5 to 97 %."""
    loadings, cuts = np.array([0.8, 0.7, 0.6, 0.7]), [-0.2, 0.6, 1.2, 1.9]
    names = ["a", "b", "c", "d"]

    def sample(n, rng):
        eta = rng.standard_normal((n, 1))
        response = eta * loadings + rng.standard_normal((n, 4)) * np.sqrt(1 - loadings**2)
        return pd.DataFrame(np.searchsorted(cuts, response) + 1, columns=names)

    text = "f =~ a + b + c + d"
    large = measure.cfa(text, sample(400_000, np.random.default_rng(1)), ordered=True)
    truth = composite_reliability(large)["omega"][0]
    rng, covered = np.random.default_rng(2), 0
    for _ in range(500):
        row = composite_reliability(measure.cfa(text, sample(400, rng), ordered=True)).iloc[0]
        covered += row["omega.ci.lower"] <= truth <= row["omega.ci.upper"]
    assert 0.925 <= covered / 500 <= 0.97
