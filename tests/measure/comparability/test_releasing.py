"""Score tests of single equalities, and the searches for partial invariance that rest on them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import measure
from measure.comparability.ladder_fits import Ladder
from measure.comparability.multiplicity import corrected
from measure.comparability.release_search import wald_tests
from measure.comparability.release_tests import Larger, release_tests
from measure.errors import DataError, ModelError, OptionError
from measure.specification.options import Options
from tests.measure.comparability.test_invariance import answers, two_factors
from tests.reference_cases import case, data

THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
ORDINAL = {"group": "g", "ordered": True, "parameterization": "theta"}


def scored(frame, model, step, **options):
    ladder = Ladder.of(model, frame, Options(std_lv=True, **options), None)
    fit = ladder.fit(step)
    return fit, release_tests(ladder, fit, Larger.of(ladder, fit, step)).table


def test_score_tests_agree_with_lavaan():
    theirs = pd.DataFrame(case("inv_hs39_school_ml_partial")["score_tests_metric"])
    _, ours = scored(data("hs39.csv"), THREE, "metric", group="school")
    assert ours["rhs"].to_list() == theirs["rhs"].to_list()
    np.testing.assert_allclose(ours["chisq"], theirs["X2"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours["pvalue"], theirs["pvalue"], atol=1e-5)


def test_robust_score_tests_are_those_of_equality_tests():
    fit, ours = scored(data("hs39.csv"), THREE, "metric", group="school", estimator="MLR")
    theirs = measure.equality_tests(fit, information=fit.method.information).table
    np.testing.assert_allclose(ours["chisq"], theirs["chisq.robust"], rtol=1e-7)
    np.testing.assert_allclose(ours["epc"], theirs["epc"], rtol=1e-7)


def test_scores_about_the_mean_of_their_group_give_the_equality_tests_of_browne():
    """What the variance at the group's own moments leaves out is the square of the group's mean."""
    ladder = Ladder.of(THREE, data("hs39.csv"), Options(group="school", estimator="MLM"), None)
    fit = ladder.fit("metric")
    table, scores = release_tests(ladder, fit, Larger.of(ladder, fit, "metric"))
    theirs = measure.equality_tests(fit, information=fit.method.information).table
    parts = np.split(scores, [fit.moments.n_obs[0]], axis=1)
    centred = sum(((own - own.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) for own in parts)
    pressed = scores.sum(axis=1) ** 2
    np.testing.assert_allclose(pressed / centred, theirs["chisq.robust"], rtol=1e-7)
    np.testing.assert_allclose(table["apart"], theirs["chisq.robust"], rtol=1e-7)
    np.testing.assert_allclose(pressed / (scores**2).sum(axis=1), table["chisq"], rtol=1e-9)
    assert (table["chisq"] < theirs["chisq.robust"]).all()
    np.testing.assert_allclose(table["epc"], theirs["epc"], rtol=1e-7)


def test_ordinal_score_tests_are_nearly_those_of_equality_tests():
    """Those take the covariance of the moments at the estimates of each group, which are near."""
    frame = answers([4] * 6, n=6000).assign(unit=np.arange(6000) // 4)
    fit, ours = scored(frame, two_factors(6), "thresholds", cluster="unit", **ORDINAL)
    theirs = measure.equality_tests(fit).table.query("op == '|'")
    np.testing.assert_allclose(ours["apart"], theirs["chisq.robust"], rtol=1e-7)
    np.testing.assert_allclose(ours["chisq"], theirs["chisq.robust"], rtol=0.01, atol=0.005)
    np.testing.assert_allclose(ours["epc"], theirs["epc"], rtol=1e-7)


def test_fixed_intercepts_are_tested_by_what_the_larger_model_gains():
    """The score test of an intercept is near the difference test of the fit that frees it."""
    frame = answers([4] * 6, n=1500)
    fit, ours = scored(frame, two_factors(6), "scalar", **ORDINAL)
    for item in ("u2", "u5"):
        free = measure.measurement_invariance(
            two_factors(6),
            frame,
            partial=[f"{item} ~1"],
            steps=["configural", "scalar"],
            **ORDINAL,
        ).fits["scalar"]
        test = measure.compare(fit, free).iloc[0]
        row = ours[ours["lhs"] == item].iloc[0]
        assert test["df_diff"] == 1
        assert row["chisq"] == pytest.approx(test["chisq_diff"], rel=0.1, abs=0.05)
        parameters = free.parameters.query(f"lhs == '{item}' and op == '~1'")["est"]
        assert row["epc"] == pytest.approx(parameters.iloc[1], rel=0.15, abs=0.01)


def test_three_groups_are_tested_each_against_the_others():
    """By hand: the difference of the fit in which one group's loading is free."""
    frame = data("hs39.csv").assign(g=np.arange(301) % 3)
    fit, ours = scored(frame, THREE, "metric", group="g")
    assert ours.groupby(["lhs", "rhs"]).size().eq(3).all()
    for group in range(3):
        free = measure.measurement_invariance(
            THREE,
            frame,
            group="g",
            steps=["configural", "metric"],
            partial={"speed =~ x8": [group]},
        ).fits["metric"]
        assert free.df == fit.df - 1
        row = ours.query(f"rhs == 'x8' and group == {group}").iloc[0]
        expected = measure.compare(fit, free)["chisq_diff"].iloc[0]
        assert row["chisq"] == pytest.approx(expected, rel=0.15, abs=0.05)
    intercepts = scored(frame, THREE, "scalar", group="g")[1]
    assert intercepts["chisq"].notna().all()


def planted(n=2400, seed=3):
    """Two groups; threshold 2 of u1 is higher in the second, the loading of u4 is lower there."""
    rng = np.random.default_rng(seed)
    second = rng.random(n) < 0.4
    factors = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], n) + 0.4 * second[:, None]
    loadings = np.tile(np.where(np.arange(8) == 3, 0.8, 0.8), (n, 1))
    loadings[second, 3] = 0.4
    latent = loadings * factors[:, [k % 2 for k in range(8)]] + 0.6 * rng.normal(size=(n, 8))
    cuts = np.array([-1.2, -0.3, 0.5, 1.4])
    frame = pd.DataFrame(index=range(n))
    for k in range(8):
        own = np.tile(cuts, (n, 1))
        own[second, 1] += 0.4 * (k == 0)
        frame[f"u{k + 1}"] = (latent[:, [k]] > own).sum(axis=1) + 1
    return frame.assign(g=np.where(second, "b", "a"), unit=rng.integers(0, 120, n)).sort_values("g")


@pytest.fixture(scope="module")
def forwards():
    return measure.partial_invariance(two_factors(8), planted(), cluster="unit", **ORDINAL)


def test_forwards_finds_what_was_planted(forwards):
    found = forwards.table.set_index(["lhs", "op", "rhs"])
    assert list(found.index) == [("u1", "|", "t2"), ("f2", "=~", "u4")]
    assert found["step"].to_list() == ["thresholds", "metric"]
    assert (found["group"] == "b").all()
    # In units of residual standard deviations of 0.6.
    assert found["difference"].to_list() == pytest.approx([0.4 / 0.6, -0.4 / 0.6], abs=0.2)
    assert (found["pvalue.corrected"] < 0.05 / 3).all()
    assert (found["pvalue"] < found["pvalue.corrected"]).all()
    assert forwards.holds
    assert forwards.partial == {"u1 | t2": ("b",), "f2 =~ u4": ("b",)}
    assert (forwards.remaining["pvalue.corrected"].dropna() >= 0.05 / 3).all()
    assert "u4" in repr(forwards)


def test_what_was_released_is_taken_by_measurement_invariance(forwards):
    found = measure.measurement_invariance(
        two_factors(8), planted(), cluster="unit", partial=forwards.partial, **ORDINAL
    )
    assert found.released["lhs"].to_list() == ["u1", "f2"]
    for step in ("thresholds", "metric", "scalar"):
        ours = forwards.fits[step].fit_measures["chisq"]
        assert found.table.loc[step, "chisq"] == pytest.approx(ours, rel=1e-6)
        assert found.table.loc[step, "pvalue_diff"] > 0.01
        assert forwards.invariance.fits[step] is forwards.fits[step]
    pd.testing.assert_frame_equal(forwards.invariance.table, found.table, rtol=1e-6)
    pd.testing.assert_frame_equal(forwards.invariance.released, found.released)
    assert forwards.invariance.notes == found.notes


def test_backwards_finds_the_loading_and_a_threshold():
    found = measure.partial_invariance(
        two_factors(8), planted(), cluster="unit", direction="backwards", **ORDINAL
    )
    released = set(zip(found.table["lhs"], found.table["op"], found.table["rhs"], strict=True))
    assert ("f2", "=~", "u4") in released
    assert {name for name in released if name[1] == "|"} <= {("u1", "|", f"t{k}") for k in range(5)}
    assert found.table["difference"].to_list() == pytest.approx(found.table["epc"].to_list())
    own = wald_tests(found.fits["metric"], found.table.query("op == '=~'").assign(group=1)).table
    assert own["chisq"].iloc[0] == pytest.approx(found.table.query("op == '=~'")["chisq"].iloc[0])


def test_the_largest_test_speaks_for_the_same_releases():
    for direction in ("forwards", "backwards"):
        found = measure.partial_invariance(
            two_factors(8),
            planted(),
            cluster="unit",
            direction=direction,
            correction="maxt",
            seed=1,
            **ORDINAL,
        )
        released = set(zip(found.table["lhs"], found.table["op"], found.table["rhs"], strict=True))
        assert ("f2", "=~", "u4") in released
        assert "u1" in {name[0] for name in released}
        assert (found.table["pvalue.corrected"] < 0.05 / 3).all()
        assert (found.remaining["pvalue.corrected"].dropna() >= 0.05 / 3).all()
        assert "correction: maxt" in found.notes[0]


def test_wald_test_of_a_loading_by_hand():
    fits = measure.measurement_invariance(
        THREE, data("hs39.csv"), group="school", partial=["speed =~ x8"], estimator="MLR"
    ).fits
    fit = fits["metric"]
    rows = pd.DataFrame([("speed", "=~", "x8", 1)], columns=["lhs", "op", "rhs", "group"])
    own = fit.parameters.query("lhs == 'speed' and rhs == 'x8'")
    first, second = own.index
    spread = fit.vcov[np.ix_(*[[fit.model.free_rows.index(k) for k in (first, second)]] * 2)]
    gap = own["est"].iloc[1] - own["est"].iloc[0]
    variance = spread[0, 0] + spread[1, 1] - 2 * spread[0, 1]
    table, scores = wald_tests(fit, rows)
    found = table.iloc[0]
    assert found["epc"] == pytest.approx(gap)
    assert found["chisq"] == pytest.approx(gap**2 / variance)
    # What the respondents move the difference by makes up its variance.
    assert (scores**2).sum() / fit.moments.n_total**2 == pytest.approx(variance)


def test_nothing_is_released_where_nothing_differs():
    frame = answers([5] * 6, n=1200, seed=11)
    for direction in ("forwards", "backwards"):
        found = measure.partial_invariance(two_factors(6), frame, direction=direction, **ORDINAL)
        assert len(found.table) == 0
        assert found.partial == {}
        assert list(found.table.columns)[-3:] == ["est", "est.shared", "difference"]


def test_the_search_ends_where_no_anchor_is_left():
    frame = data("hs39.csv")
    frame.loc[frame["school"] == "Pasteur", ["x1", "x2"]] += [1.2, -1.2]
    found = measure.partial_invariance(
        THREE, frame, group="school", steps=["scalar"], correction="none"
    )
    assert not found.holds
    assert any("no anchor left" in note for note in found.notes)
    assert len(found.table) >= 1


def test_a_smallest_difference_keeps_small_ones_equal():
    frame = planted()
    found = measure.partial_invariance(
        two_factors(8), frame, smallest=5.0, steps=["metric"], **ORDINAL
    )
    assert len(found.table) == 0
    assert found.fits.keys() == {"metric"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"correction": "sidak"}, "unknown correction"),
        ({"direction": "sideways"}, "unknown direction"),
        ({"alpha": 0.0}, "between 0 and 1"),
        ({"steps": ["configural", "metric"]}, "makes nothing equal"),
        ({"steps": []}, "makes nothing equal"),
        ({"steps": "metric"}, "steps is a list"),
        ({"steps": ["scalar", "metric"]}, "out of order"),
        ({"steps": ["thresholds"]}, "needs ordered items"),
        ({"correction": "maxt"}, "seed is None"),
        ({"correction": "maxt", "seed": -1}, "seed is -1"),
        ({"seed": 1}, "Leave it out"),
    ],
)
def test_what_cannot_be_searched_is_refused(options, words):
    with pytest.raises(OptionError, match=words):
        measure.partial_invariance(THREE, data("hs39.csv"), group="school", **options)


def test_bad_models_and_groups_are_refused_as_by_the_ladder():
    with pytest.raises(DataError, match="holds 1 value"):
        measure.partial_invariance(THREE, data("hs39.csv").assign(g=1), group="g")
    with pytest.raises(ModelError, match="paths"):
        measure.partial_invariance(f"{THREE}\nspeed ~ visual", data("hs39.csv"), group="school")


def test_corrections():
    values = np.array([0.01, np.nan, 0.04, 0.03, 0.005])
    # Holm (1979) by hand.
    np.testing.assert_allclose(
        corrected(values, "holm"), [0.03, np.nan, 0.06, 0.06, 0.02], rtol=1e-12
    )
    there = ~np.isnan(values)
    np.testing.assert_allclose(
        corrected(values, "bh")[there], stats.false_discovery_control(values[there])
    )
    np.testing.assert_array_equal(corrected(values, "none"), values)
    assert np.isnan(corrected(np.array([np.nan]), "holm")).all()
