import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import measure
from measure.consistency.alpha_intervals import ALPHA as FUNCTIONS
from measure.consistency.alpha_intervals import alpha_slope, bonett_interval, feldt_interval
from measure.consistency.composites import composite_reliability
from measure.consistency.covariance_samples import sample_of
from measure.consistency.reliability import (
    alpha_from_covariances,
    cronbach_alpha,
    item_rest_correlations,
)
from measure.errors import DataError, OptionError
from tests.measure.covariance_slopes import assert_slopes
from tests.measure.ledger import (
    ALPHA,
    COMPOSITE,
    COMPOSITE_BY_GROUP,
    COMPOSITE_TWOLEVEL,
    unaccounted,
)
from tests.measure.reference_fits import refit
from tests.reference_cases import case, data, matrix

HS39 = data("hs39.csv")
SPEED = HS39[["x7", "x8", "x9"]]
THREE = """
visual  =~ x1 + x2 + x3
textual =~ x4 + x5 + x6
speed   =~ x7 + x8 + x9
"""


def keyed_items(reference):
    """The items of an alpha case, reversed as psych did: lowest plus highest answer less x."""
    options = reference["options"]
    items = data(reference["data"])[options["items"]].astype(float)
    complete = items.dropna()
    ends = complete.min().min() + complete.max().max()
    for name in options["reverse_scored"]:
        items[name] = ends - items[name]
    return items


@pytest.mark.parametrize("name", ALPHA)
def test_alpha_reference(name):
    reference = case(name)
    expected = reference["results"]
    items = keyed_items(reference)
    found = cronbach_alpha(items)
    assert found.n_obs == reference["nobs"]
    assert found.n_dropped == len(items) - reference["nobs"]
    assert found.alpha == pytest.approx(expected["alpha_raw"], abs=1e-7)
    assert found.alpha_std == pytest.approx(expected["alpha_std"], abs=1e-7)
    assert found.average_r == pytest.approx(expected["average_r"], abs=1e-7)
    assert [found.ci_lower, found.ci_upper] == pytest.approx(expected["feldt_ci95"], abs=1e-7)
    # The standard error of Duhachek & Iacobucci is what the derivatives give for normal answers.
    S = items.dropna().cov().to_numpy()
    moved = alpha_slope(S) @ S
    assert np.sqrt(2 * np.trace(moved @ moved) / found.n_obs) == pytest.approx(expected["ase"])
    # alpha_drop and item_stats are compared in test_items.py.
    compared = {"alpha_raw", "alpha_std", "average_r", "feldt_ci95", "alpha_drop", "item_stats"}
    # test_guttman.py, test_split_halves.py and test_lower_bound.py.
    compared |= {"ase", "guttman_covariance", "g6_smc_correlation", "glb_algebraic_covariance"}
    compared |= {"split_half_correlation_metric", "odd_even"}
    assert not unaccounted(expected, compared)


@settings(max_examples=30, deadline=None)
@given(
    constants=st.lists(st.floats(-100, 100), min_size=3, max_size=3),
    factor=st.floats(0.01, 100),
)
def test_alpha_ignores_added_constants_and_a_common_factor(constants, factor):
    moved = cronbach_alpha(SPEED * factor + constants)
    assert moved.alpha == pytest.approx(cronbach_alpha(SPEED).alpha, abs=1e-9)


def test_alpha_of_parallel_items_by_spearman_brown():
    # Three items that all correlate .5: 3 * .5 / (1 + 2 * .5).
    assert alpha_from_covariances(np.full((3, 3), 0.5) + 0.5 * np.eye(3)) == pytest.approx(0.75)


def test_a_wider_confidence_level_gives_a_wider_interval():
    narrow, wide = feldt_interval(0.8, 100, 5, 0.90), feldt_interval(0.8, 100, 5, 0.99)
    assert wide[0] < narrow[0] < 0.8 < narrow[1] < wide[1]


def test_bonett_interval():
    # ln(.2) - ln(100/99) -+ 1.959964 (2 * 5/(4 * 98))^(1/2), by hand.
    assert bonett_interval(0.8, 100, 5, 0.95) == pytest.approx((0.7292189, 0.8552189), abs=1e-6)
    found = cronbach_alpha(SPEED, interval="bonett")
    assert (found.ci_lower, found.ci_upper) == bonett_interval(found.alpha, 301, 3, 0.95)
    assert np.isnan(found.std_ci_lower)
    assert "Bonett, 95%" in repr(found)


def test_slopes_of_alpha():
    assert_slopes(FUNCTIONS, HS39[[f"x{k}" for k in range(1, 10)]].cov().to_numpy())


# coefficientalpha and MBESS give this standard error; here by its definition from the covariance
# matrix of the covariances (Maydeu-Olivares, Coffman & Hartmann 2007, eqs 6 to 8).
def test_the_distribution_free_interval():
    found = cronbach_alpha(SPEED, interval="adf")
    X = SPEED.to_numpy() - SPEED.to_numpy().mean(axis=0)
    products = np.array([np.outer(x, x).ravel() for x in X])
    slope = alpha_slope(np.cov(X, rowvar=False)).ravel()
    se = np.sqrt(slope @ np.cov(products, rowvar=False) @ slope / len(X))
    assert found.se == pytest.approx(se, rel=1e-12)
    assert found.ci_upper == pytest.approx(found.alpha + 1.959964 * se, abs=1e-8)
    z = (SPEED - SPEED.mean()) / SPEED.std()
    assert cronbach_alpha(z, interval="adf").std_se == pytest.approx(found.std_se, rel=1e-12)


def test_clusters_of_copies_count_once():
    copies = pd.concat([SPEED.assign(unit=range(301))] * 3, ignore_index=True)
    once, thrice = cronbach_alpha(SPEED, interval="adf"), cronbach_alpha(copies, cluster="unit")
    # But for the n - 1 that covariances are divided by.
    assert thrice.se == pytest.approx(once.se, rel=0.003)
    assert (thrice.n_clusters, thrice.interval, thrice.n_items) == (301, "adf", 3)
    drawn = cronbach_alpha(copies, cluster="unit", interval="percentile", seed=1)
    assert drawn.se == pytest.approx(once.se, rel=0.1)
    few = copies.assign(unit=copies["unit"] % 10)
    assert "10 clusters" in cronbach_alpha(few, cluster="unit").notes[0]
    gaps = copies.assign(unit=copies["unit"].where(copies["unit"] > 4))
    assert cronbach_alpha(gaps, cluster="unit").n_dropped == 15


@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_bootstrap_intervals(interval):
    found = cronbach_alpha(SPEED, interval=interval, seed=3)
    plain = cronbach_alpha(SPEED, interval="adf")
    assert found.se == pytest.approx(plain.se, rel=0.1)
    assert found.ci_lower == pytest.approx(plain.ci_lower, abs=0.3 * plain.se)
    again = cronbach_alpha(SPEED, interval=interval, seed=3)
    assert (again.ci_lower, again.ci_upper) == (found.ci_lower, found.ci_upper)
    # From the rows themselves, drawn in the same way.
    rng = np.random.default_rng(np.random.SeedSequence(3, spawn_key=(0,)))
    places = rng.integers(0, 301, (100, 301))
    drawn = [np.cov(SPEED.to_numpy()[row], rowvar=False) for row in places]
    ours = next(sample_of(SPEED).drawn(100, 3))
    np.testing.assert_allclose(ours, drawn, rtol=1e-9)


def test_what_alpha_refuses_about_intervals():
    with pytest.raises(OptionError, match=r'"feldt" takes respondents as independent'):
        cronbach_alpha(SPEED.assign(unit=1), interval="feldt", cluster="unit")
    with pytest.raises(OptionError, match="give seed"):
        cronbach_alpha(SPEED, interval="bca")
    with pytest.raises(OptionError, match="n_samples is 1"):
        cronbach_alpha(SPEED, interval="bca", seed=1, n_samples=1)
    with pytest.raises(OptionError, match="unknown interval 'wald'"):
        cronbach_alpha(SPEED, interval="wald")
    with pytest.raises(DataError, match="one cluster"):
        cronbach_alpha(SPEED.assign(unit=1), cluster="unit")
    with pytest.raises(DataError, match='need one column "unit"'):
        cronbach_alpha(SPEED, cluster="unit")


@pytest.mark.parametrize("interval", ["adf", "bca"])
def test_alpha_of_bad_input(interval):
    seed = 1 if interval == "bca" else None
    twice = SPEED[["x7"]].assign(copy=SPEED["x7"])
    found = cronbach_alpha(twice, interval=interval, seed=seed)
    assert found.alpha == pytest.approx(1)
    assert found.se == pytest.approx(0, abs=1e-7)
    assert any('"x7" and "copy" correlate perfectly' in note for note in found.notes)
    rng = np.random.default_rng(1)
    wide = pd.DataFrame(rng.normal(size=(5, 8)), columns=list("abcdefgh"))
    found = cronbach_alpha(wide, interval=interval, seed=seed)
    assert np.isfinite([found.alpha, found.se, found.ci_lower]).all()
    assert any("5 rows for 8 items" in note for note in found.notes)


def test_a_wrongly_keyed_item_is_named():
    found = cronbach_alpha(SPEED.assign(x8=-SPEED["x8"]))
    assert found.alpha < 0
    assert 'Negative item-rest correlation: "x7"' in found.notes[0]
    assert '"x8"' in found.notes[0]
    assert "Alpha is negative" in found.notes[1]
    assert "note 2" in repr(found)


def test_item_rest_correlations():
    X = SPEED.to_numpy()
    expected = [np.corrcoef(X[:, i], np.delete(X, i, 1).sum(1))[0, 1] for i in range(3)]
    np.testing.assert_allclose(item_rest_correlations(X), expected)
    # The other two items cancel each other: their sum does not vary.
    opposed = np.column_stack([X[:, 0], X[:, 1], -X[:, 1]])
    assert np.isnan(item_rest_correlations(opposed)[0])


def test_alpha_as_a_table():
    table = cronbach_alpha(SPEED, confidence_level=0.9).table
    expected = ["alpha", "ci.lower", "ci.upper", "std.alpha", "n_items", "n_obs", "se"]
    assert list(table.columns) == [*expected, "std.ci.lower", "std.ci.upper"]
    assert "Feldt, 90%" in repr(cronbach_alpha(SPEED, confidence_level=0.9))
    assert "<table" in cronbach_alpha(SPEED)._repr_html_()


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (SPEED[["x7"]], "1 item given, at least 2 are needed"),
        (SPEED.iloc[:2], "have 2 rows?, at least 2|only 2 rows"),
        (SPEED.assign(x8=1), '"x8" has the same answer'),
        (SPEED.to_numpy(), "must be a pandas DataFrame"),
    ],
)
def test_what_alpha_refuses(items, message):
    with pytest.raises(DataError, match=message):
        cronbach_alpha(items)


def test_an_impossible_confidence_level():
    with pytest.raises(OptionError, match="confidence_level is 95"):
        cronbach_alpha(SPEED, confidence_level=95)


@pytest.mark.parametrize("name", COMPOSITE)
def test_composite_reference(name):
    reference = case(name)
    expected = reference["results"]
    options = reference["options"]
    fit = measure.cfa(
        reference["model"], data(reference["data"]), std_lv=options.get("std_lv", False)
    )
    found = composite_reliability(fit).set_index("factor")
    table = matrix(expected["reliability"]).T
    assert list(found.index) == list(table.index)
    for ours, theirs in (
        ("alpha", "alpha"),
        ("omega", "omega"),
        ("omega2", "omega2"),
        ("omega3", "omega3"),
        ("ave", "avevar"),
    ):
        np.testing.assert_allclose(found[ours], table[theirs], rtol=0, atol=1e-5)
    for ours, theirs in (
        ("omega3", "compRelSEM_obs_var"),
        ("omega2", "compRelSEM_model_var"),
        ("alpha", "compRelSEM_alpha"),
        ("ave", "AVE"),
    ):
        assert found[ours].to_dict() == pytest.approx(expected[theirs], abs=1e-5)
    compared = {
        "reliability",
        "compRelSEM_obs_var",
        "compRelSEM_model_var",
        "compRelSEM_alpha",
        "AVE",
    }
    # test_validity.py and test_weighted_sums.py
    compared |= {"htmt", "htmt2", "maximal_reliability_all_items"}
    assert not unaccounted(expected, compared)


@pytest.mark.parametrize("name", COMPOSITE_BY_GROUP)
def test_composite_reference_by_group(name):
    content = case(name)
    expected = content["results"]
    fit = refit(content, content)
    found = composite_reliability(fit).set_index(["group", "factor"])
    for label in content["group_labels"]:
        table = matrix(expected["reliability"][label]).T
        for ours, theirs in (
            ("alpha", "alpha"),
            ("omega", "omega"),
            ("omega2", "omega2"),
            ("omega3", "omega3"),
            ("ave", "avevar"),
        ):
            np.testing.assert_allclose(
                found.loc[label].loc[table.index, ours], table[theirs], rtol=0, atol=1e-5
            )
    keys = {f"{label}.{factor}": (label, factor) for label, factor in found.index}
    for ours, theirs in (
        ("omega3", "compRelSEM_obs_var"),
        ("omega2", "compRelSEM_model_var"),
        ("alpha", "compRelSEM_alpha"),
    ):
        wanted = {keys[key]: value for key, value in expected[theirs].items()}
        assert found[ours].to_dict() == pytest.approx(wanted, abs=1e-5)
    # semTools' AVE() divides what the factor explains by the sample variances of its items, ours
    # (and semTools' reliability()) by what it explains plus the residual variances.
    for k, state in enumerate(fit.point.states):
        variances = np.diag(fit.moments.sample[k].sigma)
        loadings = state.matrices["lambda_"]
        explained = loadings**2 * np.diag(state.covariance)
        ave = explained.sum(axis=0) / ((loadings != 0) * variances[:, None]).sum(axis=0)
        for factor, value in zip(state.block.eta, ave, strict=True):
            key = f"{fit.moments.groups[k]}.{factor}"
            assert value == pytest.approx(expected["AVE"][key], abs=1e-5)
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


@pytest.mark.parametrize("name", COMPOSITE_TWOLEVEL)
def test_composites_of_each_level(name):
    reference = case(name)
    expected, options = reference["results"], reference["options"]
    frame, cluster = data(reference["data"]), options["cluster"]
    fit = measure.cfa(reference["model"], frame, cluster=cluster, std_lv=options["std_lv"])
    found = composite_reliability(fit).set_index("level")
    assert found["factor"].tolist() == ["fw", "fb"]
    # omega3 is what compRelSEM gives; its alpha and omega are of a saturated model by EM.
    theirs = expected["compRelSEM"]
    for level, word, label in ((1, "within", "within.fw"), (2, "between", f"{cluster}.fb")):
        row = found.loc[level]
        assert row["alpha"] == pytest.approx(expected[f"alpha_{word}"], abs=1e-5)
        assert row["omega"] == pytest.approx(expected[f"omega_{word}"], abs=1e-5)
        assert row["omega3"] == pytest.approx(theirs[label], abs=1e-5)
        sigma = matrix(expected[f"saturated_{word}"])
        own = fit.moments.sample[level - 1].sigma
        # lq2002: the likelihood hardly changes along some of the variances between.
        np.testing.assert_allclose(own, sigma, rtol=1e-4, atol=1e-5)
    between, within = (np.diag(fit.moments.sample[k].sigma) for k in (1, 0))
    np.testing.assert_allclose(between / (between + within), list(expected["icc"].values()), 1e-4)
    compared = {"alpha_within", "alpha_between", "omega_within", "omega_between", "compRelSEM"}
    compared |= {"saturated_within", "saturated_between", "icc"}
    assert not unaccounted(expected, compared)


# omega and its delta-method standard error from lavaan 0.6-14 (R 4.2.2) on hs39.csv, with
# om := s^2 * phi / (s^2 * phi + sum of residual covariances) in the model text, BFGS to 1e-16:
#   cfa(THREE, d), cfa(THREE with x1 ~~ x2, d) and cfa(THREE with g =~ visual + textual + speed,
#   d, std.lv = TRUE); omega of visual.
@pytest.mark.parametrize(
    ("model", "options", "omega", "se"),
    [
        (THREE, {}, 0.6253177577494, 0.0365549809875),
        (THREE + "x1 ~~ x2", {}, 0.7415423588633, 0.0720661362494),
        (THREE, {"std_lv": True}, 0.6253177577494, 0.0365549809875),
        (
            THREE + "g =~ visual + textual + speed",
            {"std_lv": True},
            0.6253177555103,
            0.0365549812639,
        ),
    ],
)
def test_omega_and_its_standard_error(model, options, omega, se):
    row = composite_reliability(measure.cfa(model, HS39, **options)).iloc[0]
    assert row["factor"] == "visual"
    assert row["omega"] == pytest.approx(omega, abs=1e-5)
    assert row["omega.se"] == pytest.approx(se, abs=1e-4)
    assert row["omega.ci.lower"] == pytest.approx(row["omega"] - 1.959964 * row["omega.se"])
    assert row["omega.ci.upper"] == pytest.approx(row["omega"] + 1.959964 * row["omega.se"])


def test_first_order_factors_of_a_second_order_model():
    reference = case("rel_hs39_second_order")
    fit = measure.cfa(reference["model"], HS39, std_lv=True)
    found = composite_reliability(fit).set_index("factor")
    expected = dict(reference["results"]["compRelSEM_higher"])
    del expected["g"]
    assert found["omega3"].drop("g").to_dict() == pytest.approx(expected, abs=1e-5)
    assert found.loc["g", ["alpha", "omega", "omega3", "ave"]].isna().all()
    assert "higher-order factor" in found.loc["g", "note"]


@pytest.mark.parametrize(
    ("model", "factor", "note"),
    [
        (THREE + "visual =~ x9", "visual", "x9 also loads on speed"),
        (THREE + "visual =~ x9", "speed", "x9 also loads on visual"),
        (THREE + "x1 ~ ageyr", "visual", "x1 has paths of its own"),
        ("f =~ x1 + x2 + x3\none =~ 1*x4\nx4 ~~ 0.4*x4", "one", "one item"),
    ],
)
def test_composites_that_mean_something_else_are_not_given(model, factor, note):
    found = composite_reliability(measure.cfa(model, HS39)).set_index("factor")
    omegas = ["omega", "omega2", "omega3", "ave", "omega.se", "omega.ci.lower", "omega.ci.upper"]
    assert found.loc[factor, omegas].isna().all()
    assert note in found.loc[factor, "note"]


def test_an_outcome_of_a_factor_is_not_one_of_its_items():
    found = composite_reliability(measure.sem(THREE + "ageyr ~ visual", HS39))
    assert found["note"].tolist() == ["", "", ""]
    assert found["n_items"].tolist() == [3, 3, 3]


def test_loadings_of_both_signs_are_noted():
    turned = HS39.assign(x2=-HS39["x2"])
    found = composite_reliability(measure.cfa(THREE, turned))
    assert "reverse-key" in found.loc[0, "note"]
    assert found.loc[0, "omega"] < 0.5


def test_a_negative_residual_variance_is_noted():
    S = pd.DataFrame(
        [[1, 0.8, 0.8], [0.8, 1, 0.55], [0.8, 0.55, 1]],
        index=["q1", "q2", "q3"],
        columns=["q1", "q2", "q3"],
    )
    with pytest.warns(measure.errors.ImproperSolutionWarning):
        fit = measure.cfa("f =~ q1 + q2 + q3", sample_cov=S, sample_nobs=200)
    assert "improper" in composite_reliability(fit).loc[0, "note"]


def test_confidence_level_of_omega():
    fit = measure.cfa(THREE, HS39)
    narrow = composite_reliability(fit, confidence_level=0.8).iloc[0]
    assert narrow["omega.ci.lower"] > composite_reliability(fit).iloc[0]["omega.ci.lower"]
    with pytest.raises(OptionError, match="confidence_level"):
        composite_reliability(fit, confidence_level=0)
