"""Simulated data: the population is the model's, and holes lie where they should."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import MeasureError, ModelError, OptionError
from measure.simulating.holes import Holes
from measure.simulating.populations import population
from measure.simulating.simulation import simulate
from tests.measure.reference_fits import continuous, reference, refit
from tests.reference_cases import case, data

TWO = """
    f =~ 0.8*x1 + 0.7*x2 + 0.6*x3
    g =~ 0.9*y1 + start(0.5)*y2 + 0.7*y3
    f ~~ 1*f + 0.4*g
    g ~~ 1*g
    x1 ~~ 0.36*x1
    x2 ~~ 0.51*x2
    x3 ~~ 0.64*x3
    y1 ~~ e*y1 + 0.3*x1
    y2 ~~ e*y2
    y3 ~~ e*y3
    e == 0.5
"""
PATHS = """
    m ~ 0.5*x
    y ~ 0.3*m + 0.2*x
    x ~~ 2*x
    m ~~ 1*m
    y ~~ 0.7*y
    x ~ 10*1
    m ~ 1*1
    y ~ -2*1
"""
GROUPED = """
    f =~ 1*x1 + a*x2 + start(0.6)*x3
    f =~ start(c(0.8, 0.9))*x4
    a == 0.7
    f ~~ c(1, 1.5)*f
    x1 ~~ .4*x1
    x2 ~~ .4*x2
    x3 ~~ .4*x3
    x4 ~~ .4*x4
    x1 ~ 3*1
    x2 ~ 3*1
    x3 ~ 3*1
    x4 ~ 3*1
    f ~ c(0, 0.5)*1
"""


def test_moments_of_a_text_are_those_of_its_parameters():
    found = population(TWO)
    loadings = np.zeros((6, 2))
    loadings[:3, 0], loadings[3:, 1] = [0.8, 0.7, 0.6], [0.9, 0.5, 0.7]
    expected = loadings @ np.array([[1, 0.4], [0.4, 1]]) @ loadings.T
    expected += np.diag([0.36, 0.51, 0.64, 0.5, 0.5, 0.5])
    expected[0, 3] += 0.3
    expected[3, 0] += 0.3
    assert found.names == ("x1", "x2", "x3", "y1", "y2", "y3")
    np.testing.assert_allclose(found.covariances[1].to_numpy(), expected, atol=1e-14)
    assert (found.means[1] == 0).all()
    paths = population(PATHS)
    np.testing.assert_allclose(paths.means[1][["x", "m", "y"]], [10, 6, 1.8], atol=1e-12)


@pytest.mark.parametrize("name", continuous("cfa"))
def test_a_fit_to_the_population_of_a_fit_gives_its_parameters(name):
    common = case(name)
    fit = refit(reference(name), common)
    truth = population(fit)
    sizes = dict(zip(truth.groups, fit.moments.n_obs, strict=True))
    given = {
        "sample_cov": {g: c * sizes[g] / (sizes[g] - 1) for g, c in truth.covariances.items()},
        "sample_nobs": sizes,
    }
    if fit.model.table.meanstructure:
        given["sample_mean"] = truth.means
    if fit.n_groups == 1:
        given = {option: value[1] for option, value in given.items()}
    names = ("std_lv", "orthogonal", "effect_coding", "fixed_x", "group", "group_equal")
    options = {name: getattr(fit.options, name) for name in (*names, "group_partial")}
    options["meanstructure"] = fit.model.table.meanstructure
    entry = {"lavaan": "fit"}.get(fit.function, fit.function)
    again = getattr(measure, entry)(fit.text, **options, **given)
    np.testing.assert_allclose(again.parameters["est"], fit.parameters["est"], rtol=1e-6, atol=1e-6)
    assert again.fit_measures["chisq"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("text", [TWO, PATHS])
def test_a_fit_to_the_population_of_a_text_gives_its_values(text):
    truth = population(text)
    means = {"sample_mean": truth.means[1]} if text is PATHS else {}
    free = text.replace("1*f", "NA*f").replace("1*g", "NA*g") if text is TWO else text
    fit = measure.sem(
        free, sample_cov=truth.covariances[1] * 500 / 499, sample_nobs=500, fixed_x=False, **means
    )
    assert fit.fit_measures["chisq"] == pytest.approx(0, abs=1e-8)
    np.testing.assert_allclose(
        fit.implied_moments[0].sigma, truth.covariances[1].to_numpy(), atol=1e-6
    )


def test_groups_share_what_is_tied_and_differ_elsewhere():
    truth = population(GROUPED, groups=["u", "v"])
    assert truth.groups == ("u", "v")
    u, v = truth.covariances["u"], truth.covariances["v"]
    assert u.loc["x1", "x2"] == pytest.approx(0.7)
    assert v.loc["x1", "x2"] == pytest.approx(0.7 * 1.5)
    assert v.loc["x1", "x4"] == pytest.approx(0.9 * 1.5)
    np.testing.assert_allclose(truth.means["v"], [3.5, 3.35, 3.3, 3.45])
    frame = simulate(GROUPED, {"u": 5, "v": 3}, seed=1, group="site")
    assert frame["site"].tolist() == ["u"] * 5 + ["v"] * 3
    covariances = {name: c * 200 / 199 for name, c in truth.covariances.items()}
    fit = measure.cfa(
        "f =~ x1 + x2 + x3 + x4", sample_cov=covariances, sample_mean=truth.means,
        sample_nobs={"u": 200, "v": 200}, group="site",
    )  # fmt: skip
    assert fit.fit_measures["chisq"] == pytest.approx(0, abs=1e-8)


def test_group_equal_spreads_the_values_of_the_first_group():
    text = GROUPED.replace("start(c(0.8, 0.9))", "start(c(0.8, NA))")
    truth = population(text, groups=["u", "v"], group_equal=["loadings"])
    assert truth.covariances["v"].loc["x1", "x4"] == pytest.approx(0.8 * 1.5)


def test_a_text_without_means_has_none_in_its_groups_either():
    frame = simulate(TWO.replace("0.7*x2", "c(0.7, 0.1)*x2"), {1: 4, 2: 4}, seed=1)
    assert frame.shape == (8, 7)
    assert (population(TWO, groups=[1, 2]).means[2] == 0).all()


@pytest.mark.parametrize("method", ["vale_maurelli", "independent"])
@pytest.mark.parametrize("shape", [(0.0, 0.0), (1.0, 2.0)])
def test_large_samples_have_the_moments_of_the_population(method, shape):
    n = 200_000
    truth = population(PATHS)
    frame = simulate(PATHS, n, seed=5, skewness=shape[0], kurtosis=shape[1], method=method)
    values = frame.to_numpy() - truth.moments[0].mu
    checks = [(values, 0.0)]
    checks += [(values * values[:, [k]], truth.moments[0].sigma[k]) for k in range(3)]
    scaled = values / np.sqrt(np.diag(truth.moments[0].sigma))
    checks += [(scaled**3, shape[0]), (scaled**4, shape[1] + 3)]
    for found, expected in checks:
        errors = found.std(axis=0) / np.sqrt(n)
        # 18 means in each of 4 samples: chance passes 4.5 errors in one of 2,000 such suites.
        assert np.all(np.abs(found.mean(axis=0) - expected) < 4.5 * errors)


def test_skewness_can_be_given_by_name():
    frame = simulate(TWO, 100_000, seed=2, skewness={"x1": 1.0}, kurtosis={"x1": 1.5})
    skewness = frame.skew()
    assert skewness["x1"] == pytest.approx(1.0, abs=0.06)
    assert np.abs(skewness.drop("x1")).max() < 0.05


def test_the_same_seed_gives_the_same_data():
    options = {"skewness": 0.5, "kurtosis": 1.0, "missing": Holes(0.2, depends_on="x1")}
    first = simulate(TWO, 50, seed=7, **options)
    pd.testing.assert_frame_equal(first, simulate(TWO, 50, seed=7, **options))
    generator = np.random.default_rng(7)
    pd.testing.assert_frame_equal(first, simulate(TWO, 50, seed=generator, **options))
    assert not first.equals(simulate(TWO, 50, seed=8, **options))
    pd.testing.assert_frame_equal(first, simulate(population(TWO), 50, seed=7, **options))


def test_a_fit_is_a_population_with_the_sample_moments_of_its_predictors():
    hs = data("hs39.csv")
    fit = measure.sem("speed =~ x7 + x8 + x9\nspeed ~ x1 + x4", hs)
    truth = population(fit)
    own = np.cov(hs[["x1", "x4"]].to_numpy().T, bias=True)
    np.testing.assert_allclose(truth.covariances[1].loc[["x1", "x4"], ["x1", "x4"]], own)
    np.testing.assert_allclose(truth.means[1]["x7"], hs["x7"].mean())
    groups = measure.cfa("speed =~ x7 + x8 + x9", hs, group="school")
    frame = simulate(groups, 3, seed=1)
    assert frame.columns.tolist() == ["x7", "x8", "x9", "school"]
    assert frame["school"].tolist() == ["Pasteur"] * 3 + ["Grant-White"] * 3


def test_holes_completely_at_random():
    frame = simulate(TWO, 20_000, seed=3, missing=Holes(0.15, items=["x2", "y1"]))
    full = simulate(TWO, 20_000, seed=3)
    gone = frame.isna()
    assert gone[["x1", "x3", "y2", "y3"]].to_numpy().sum() == 0
    assert gone[["x2", "y1"]].mean().to_numpy() == pytest.approx([0.15, 0.15], abs=0.01)
    assert gone["x2"].corr(gone["y1"]) == pytest.approx(0, abs=0.03)
    assert full["x1"][gone["x2"]].mean() == pytest.approx(0, abs=0.08)
    pd.testing.assert_frame_equal(frame.where(~gone, full), full)


def test_holes_at_random_by_a_logistic_rule():
    rule = Holes(0.3, items=["x2", "x3"], depends_on="x1", slope=-1.5)
    frame = simulate(TWO, 20_000, seed=4, missing=rule)
    gone = frame.isna()
    assert gone[["x2", "x3"]].mean().to_numpy() == pytest.approx([0.3, 0.3], abs=0.01)
    # The log-odds fall by 1.5 for each standard deviation: their slope, from ten equal bins.
    z = (frame["x1"] - frame["x1"].mean()) / frame["x1"].std()
    bins = pd.qcut(z, 10)
    odds = gone["x2"].groupby(bins, observed=True).mean()
    centres = z.groupby(bins, observed=True).mean()
    slope = np.polyfit(centres[1:-1], np.log(odds / (1 - odds))[1:-1], 1)[0]
    assert slope == pytest.approx(-1.5, abs=0.15)


def test_holes_at_random_by_a_quantile_rule():
    frame = simulate(TWO, 200, seed=4, missing=Holes(0.25, depends_on="x1", rule="quantile"))
    gone = frame.isna()
    assert gone.drop(columns="x1").sum().tolist() == [50] * 5
    assert frame["x1"][gone["x2"]].min() > frame["x1"][~gone["x2"]].max()
    low = simulate(
        TWO, 200, seed=4, missing=[Holes(0.1, items=["y1"], depends_on="x1", rule="quantile",
                                         slope=-1), Holes(0.0, items=["x2"])],
    )  # fmt: skip
    assert low["x1"][low["y1"].isna()].max() < low["x1"][low["y1"].notna()].min()


def test_fiml_recovers_from_holes_at_random_where_listwise_does_not():
    text = "y ~ 0.8*x; x ~~ 1*x; y ~~ 0.36*y; x ~ 0*1; y ~ 0*1"
    rule = Holes(0.5, items=["y"], depends_on="x", slope=3)
    frame = simulate(text, 20_000, seed=6, missing=rule)
    fit = measure.sem("y ~~ x\ny ~ 1", frame, missing="fiml", fixed_x=False)
    mean = fit.parameters.query("lhs == 'y' and op == '~1'")["est"].item()
    assert mean == pytest.approx(0, abs=0.05)
    assert frame["y"].mean() < -0.3


def test_parameters_without_a_value_are_refused_by_name():
    with pytest.raises(
        ModelError, match=r"5 parameters have no value: f =~ x2, x1 ~~ x1, .*f ~~ f"
    ):
        population("f =~ x1 + x2 + 0.5*x3")
    with pytest.raises(ModelError, match="1 parameter has no value: f ~~ g"):
        population(TWO.replace("+ 0.4*g", ""))
    with pytest.raises(ModelError, match="f ~1"):
        population(PATHS.replace("m", "f").replace("f ~ 1*1", ""))
    with pytest.raises(ModelError, match=r"f ~1 \(group v\)"):
        population(GROUPED.replace("c(0, 0.5)*1", "c(0, NA)*1"), groups=["u", "v"])
    orthogonal = population(TWO.replace("+ 0.4*g", ""), orthogonal=True)
    assert orthogonal.covariances[1].loc["x2", "y2"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("e == 0.5", "e == 0.5\n y1 ~~ start(0.6)*y1"), "labels and equations of the text ask"),
        (("e == 0.5", "e == -0.5"), 'negative residual variance for "y1"'),
        (("0.4*g", "1.4*g"), 'correlation of "f" and "g" outside -1 to 1'),
        (("0.3*x1", "0.9*x1"), 'residual correlation of "x1" and "y1"'),
        (("0.36*x1", "lower(0.5)*x1 + 0.36*x1"), "do not keep its constraints"),
    ],
)
def test_impossible_values_are_refused(change, message):
    with pytest.raises(ModelError, match=message):
        population(TWO.replace(*change))


def test_moments_that_are_not_positive_definite_are_refused_by_name():
    text = "f =~ 1*x1 + 1*x2 + 1*x3; f ~~ 1*f; x1 ~~ 0*x1; x2 ~~ 0*x2; x3 ~~ 1*x3"
    with pytest.raises(ModelError, match='"x1", "x2" determine each other'):
        population(text)
    with pytest.raises(ModelError, match=r'"x1" has the variance 0\. Give it a residual'):
        population("f =~ 0*x1 + 1*x2; f ~~ 1*f; x1 ~~ 0*x1; x2 ~~ 1*x2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": {"a": 5}, "model": population(TWO)}, "n names the groups a, but the model has 1"),
        ({"n": -1}, "n is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": None}, "seed is None"),
        ({"function": "efa"}, "unknown function 'efa'"),
        ({"skewness": {"z": 1}}, "skewness names z, but the model has x1"),
        ({"method": "copula"}, "unknown method"),
        ({"missing": Holes(1.0)}, "share is 1.0"),
        ({"missing": Holes(0.1, rule="odd")}, "unknown rule 'odd'"),
        ({"missing": Holes(0.1, rule="quantile")}, "needs depends_on"),
        ({"missing": Holes(0.1, items="x1")}, r'items=\["x1"\]'),
        ({"missing": Holes(0.1, items=["z"])}, 'missing names "z"'),
        ({"missing": Holes(0.1, depends_on="x1", slope=np.inf)}, "slope is inf"),
        ({"missing": [0.1]}, "missing is a Holes"),
        (
            {"missing": [Holes(0.1, depends_on="x1"), Holes(0.1, items=["x1"])]},
            'depend on "x1", which itself gets holes',
        ),
        ({"n": {"a": 5, "b": 5}, "group": "x1"}, 'column of the groups, "x1", is a variable'),
    ],
)
def test_wrong_options_are_refused(options, message):
    arguments = {"model": TWO, "n": 5, "seed": 1} | options
    with pytest.raises(OptionError, match=message):
        simulate(arguments.pop("model"), arguments.pop("n"), **arguments)


def test_a_fit_has_its_own_groups():
    fit = measure.cfa("f =~ x1 + x2 + x3", data("hs39.csv"))
    with pytest.raises(OptionError, match="own groups and options"):
        population(fit, groups=["a", "b"])
    with pytest.raises(ModelError, match="model text or a fit, not int"):
        population(3)
    with pytest.raises(OptionError, match="list of different values"):
        population(TWO, groups=["a", "a"])
    with pytest.raises(MeasureError):
        population("f =~ x1 +")
