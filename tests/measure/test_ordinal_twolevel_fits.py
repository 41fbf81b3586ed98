"""Two-level models of ordered items: moments, derivatives, identification, and what is refused."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, ListwiseWarning, ModelError, OptionError
from measure.model import level_vector
from measure.moments.ordinal_twolevel.random_intercept import random_intercept
from tests.measure.level_answers import INNER, ITEMS, OUTER, level_answers

FACTORS = "level: 1\nfw =~ q1 + q2 + q3 + q4\nlevel: 2\nfb =~ q1 + q2 + q3 + q4"
SATURATED = "\n".join(
    f"level: {level}\nq1 ~~ q2 + q3 + q4\nq2 ~~ q3 + q4\nq3 ~~ q4" for level in (1, 2)
)


@pytest.fixture(scope="module")
def rows():
    return level_answers()


def fitted(text, frame, **options):
    return measure.cfa(text, frame, **{"ordered": True, "cluster": "unit", **options})


@pytest.fixture(scope="module")
def fit(rows):
    return fitted(FACTORS, rows)


@pytest.fixture(scope="module")
def statistics(rows):
    return measure.twolevel_correlations(rows[[*ITEMS, "unit"]], cluster="unit")


DERIVED = {
    "delta": (FACTORS, {}),
    "theta": (FACTORS, {"parameterization": "theta"}),
    "equal loadings": (
        "level: 1\nf =~ q1 + a*q2 + b*q3 + c*q4\nlevel: 2\nf =~ q1 + a*q2 + b*q3 + c*q4",
        {"parameterization": "theta"},
    ),
    "free scales": (
        "level: 1\nf =~ q1 + a*q2 + b*q3 + q4\nq2 ~*~ q2\nq3 ~*~ q3\n"
        "level: 2\nf =~ q1 + a*q2 + b*q3 + q4\nq2 ~~ q4\nf ~ 0.3*1\nq2 | -1.1*t1\nq3 | 0.3*t1",
        {},
    ),
    "within only": ("level: 1\nfw =~ q1 + q2 + q3 + q4\nlevel: 2\nq2 ~~ q4", {}),
    "paths": (
        "level: 1\nfw =~ q1 + q2 + q3\nq4 ~ fw\nlevel: 2\nfb =~ q1 + q2 + q3\nq4 ~ fb",
        {"parameterization": "theta"},
    ),
}


@pytest.mark.parametrize("name", DERIVED)
def test_derivatives_of_the_moments(rows, name):
    text, options = DERIVED[name]
    problem = fitted(text, rows, **options).problem
    layout, step = problem.moments.level_layout, 1e-6
    rng = np.random.default_rng(3)
    params = fitted(text, rows, **options).params * rng.uniform(0.9, 1.1, problem.model.n_params)

    def vector(at):
        return level_vector(layout, *problem.at(at).implied)

    slopes = [
        (vector(params + step * way) - vector(params - step * way)) / (2 * step)
        for way in np.eye(len(params))
    ]
    point = problem.at(params)
    (jacobian,) = point.jacobians
    whole = problem.model.reduction.reduce_gradient(jacobian)
    np.testing.assert_allclose(whole, np.array(slopes).T, atol=1e-8)
    gaps = problem.discrepancy.at(problem.at(params).implied)
    lower, upper = (
        np.array([problem.at(params + sign * step * way).value for way in np.eye(len(params))])
        for sign in (-1, 1)
    )
    assert gaps.value == point.value
    np.testing.assert_allclose(point.slope, (upper - lower) / (2 * step), rtol=1e-4, atol=1e-5)


def test_a_saturated_model_gives_the_moments_back(rows, statistics):
    saturated = fitted(SATURATED, rows)
    assert saturated.df == 0
    assert saturated.fit_measures["chisq"] == pytest.approx(0, abs=1e-8)
    table = saturated.parameters
    for level, matrix in ((1, statistics.within), (2, statistics.between)):
        name = ("within", "between")[level - 1]
        own = table[(table["op"] == "~~") & (table["level"] == level) & table["free"]]
        for row in own.itertuples():
            assert row.est == pytest.approx(matrix.loc[row.lhs, row.rhs], abs=1e-6)
            label = f"{row.lhs}~~{row.rhs}"
            assert row.se == pytest.approx(statistics.se[name, label], rel=1e-5)
    cuts = table[table["op"] == "|"]
    assert (cuts["level"] == 2).all()
    np.testing.assert_allclose(cuts["est"], statistics.thresholds, atol=1e-6)


def test_parameters_are_near_the_truth(fit):
    table = fit.parameters.set_index(["level", "op", "lhs", "rhs"])
    solution = measure.standardized(fit).set_index(["level", "op", "lhs", "rhs"])
    for level, factor, truth in ((1, "fw", INNER), (2, "fb", OUTER)):
        for item, value in zip(ITEMS, truth, strict=True):
            row = solution.loc[level, "=~", factor, item]
            assert abs(row["est.std"] - value) < 3.5 * row["se"]
    assert (table.loc[table["free"], "se"] > 0).all()
    assert fit.n_clusters == 70
    assert fit.df == 2 * 6 - 4 - 4
    assert fit.fit_measures["pvalue.scaled"] > 0.001


def test_parameterizations_fit_alike(rows, fit):
    theta = fitted(FACTORS, rows, parameterization="theta")
    for name in ("chisq", "df", "chisq.scaled", "srmr_within", "srmr_between", "cfi.scaled"):
        assert theta.fit_measures[name] == pytest.approx(fit.fit_measures[name], abs=1e-6)
    np.testing.assert_allclose(
        theta.standardization.std_all[theta.parameters["op"] == "=~"],
        fit.standardization.std_all[fit.parameters["op"] == "=~"],
        atol=1e-5,
    )
    own = theta.parameters
    residual = own[(own["op"] == "~~") & (own["level"] == 1) & own["lhs"].isin(ITEMS)]
    assert (residual["est"] == 1).all()
    # What the unit is divided by differs between items: their own standard deviation within.
    scale = own[own["op"] == "~*~"].set_index("lhs")["est"]
    cuts, plain = theta.thresholds, fit.thresholds
    items = [name.split("|")[0] for name in cuts.index]
    np.testing.assert_allclose(cuts * scale[items].to_numpy(), plain, atol=1e-6)


def test_equal_loadings_do_not_depend_on_the_unit_of_an_item(rows):
    text = DERIVED["equal loadings"][0]
    theta = fitted(text, rows, parameterization="theta")
    table = theta.parameters
    loadings = table[table["op"] == "=~"]
    inner, outer = (loadings.loc[loadings["level"] == k, "est"].to_numpy() for k in (1, 2))
    np.testing.assert_allclose(inner, outer)
    assert theta.df == fitted(FACTORS, rows).df + 3


def test_the_baseline_is_the_model_in_which_nothing_covaries(rows, fit):
    none = "\n".join(
        f"level: {level}\nq1 ~~ 0*q2 + 0*q3 + 0*q4\nq2 ~~ 0*q3 + 0*q4\nq3 ~~ 0*q4"
        for level in (1, 2)
    )
    own = fitted(none, rows)
    for name in ("chisq", "df", "chisq.scaled", "chisq.scaling.factor"):
        expected = fit.fit_measures[f"baseline.{name}"]
        assert own.fit_measures[name] == pytest.approx(expected, rel=1e-6)


def test_an_item_within_clusters_only(rows):
    own = fitted("level: 1\nfw =~ q1 + q2 + q3\nlevel: 2\nq2 ~~ q3", rows)
    table = own.parameters
    cuts = table[table["op"] == "|"].groupby("lhs")["level"].unique()
    assert cuts.map(list).to_dict() == {"q1": [1], "q2": [2], "q3": [2]}
    plain = measure.polychoric(rows[["q1", "q2"]])
    np.testing.assert_allclose(
        own.thresholds[["q1|t1", "q1|t2", "q1|t3"]],
        plain.thresholds[["q1|t1", "q1|t2", "q1|t3"]],
        atol=1e-6,
    )
    assert own.df == 0


@pytest.mark.parametrize("estimator", ["WLSM", "WLSMV", "DWLS"])
def test_estimators(rows, fit, estimator):
    own = fitted(FACTORS, rows, estimator=estimator)
    np.testing.assert_allclose(own.parameters["est"], fit.parameters["est"], atol=1e-8)
    np.testing.assert_allclose(own.parameters["se"], fit.parameters["se"], atol=1e-8)
    scaled = {"WLSM": "satorra.bentler", "DWLS": "satorra.bentler", "WLSMV": "scaled.shifted"}
    assert own.method.test == scaled[estimator]
    assert own.method.se == "robust.sem"


def test_missing_answers(rows):
    holes = rows.mask(np.random.default_rng(1).random(rows.shape) < [0.1, 0, 0.2, 0, 0, 0])
    with pytest.warns(ListwiseWarning):
        listwise = fitted(FACTORS, holes)
    used = holes.dropna(subset=list(ITEMS))
    assert listwise.n_obs == len(used)
    assert listwise.n_dropped == len(holes) - len(used)
    pairwise = fitted(FACTORS, holes, missing="pairwise")
    assert pairwise.n_obs == len(holes)
    expected = measure.twolevel_correlations(
        holes[[*ITEMS, "unit"]], cluster="unit", missing="pairwise"
    )
    np.testing.assert_allclose(pairwise.thresholds, expected.thresholds, atol=1e-6)


def test_few_clusters_are_said(rows):
    own = fitted(FACTORS, rows[rows["unit"] < 20])
    assert any("20 clusters for 26 sample moments" in note for note in own.notes)
    assert any("no robust CFI" in note for note in own.notes)


WRONG = {
    "no cluster": (FACTORS, {"cluster": None}, OptionError, "name their column"),
    "group": (FACTORS, {"group": "half"}, OptionError, "in one group only"),
    "mixed": (FACTORS, {"ordered": ["q1", "q2"]}, ModelError, "q3, q4: two-level models with cont"),
    "between only": (
        "level: 1\nfw =~ q1 + q2 + q3\nlevel: 2\nfb =~ q1 + q2 + q4",
        {},
        ModelError,
        "q4: ordered items that are modelled between clusters only",
    ),
    "estimator": (FACTORS, {"estimator": "MLR"}, OptionError, '"MLR" is not available'),
    "unweighted": (FACTORS, {"estimator": "ULSMV"}, OptionError, '"ULSMV" is not available'),
    "whole weight": (FACTORS, {"estimator": "WLS"}, OptionError, '"WLS" is not available'),
    "errors": (FACTORS, {"se": "standard"}, OptionError, 'choose "robust.sem"'),
    "information": (FACTORS, {"information": "expected"}, OptionError, "second derivatives"),
    "scores": (FACTORS, {"information": "first.order"}, OptionError, "first.order"),
    "fiml": (FACTORS, {"missing": "fiml"}, OptionError, "fiml"),
    "threshold within": (
        FACTORS.replace("level: 2", "q1 | t1\nlevel: 2"),
        {},
        ModelError,
        "thresholds stand between clusters",
    ),
    "scale between": (f"{FACTORS}\nq1 ~*~ q1", {}, ModelError, "set within clusters"),
    "residual within": (
        FACTORS.replace("level: 2", "q1 ~~ q1\nlevel: 2"),
        {},
        ModelError,
        "follows",
    ),
    "predictor": (f"{FACTORS}\nfb ~ number", {}, OptionError, "number"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_estimated_is_refused(rows, name):
    text, options, error, message = WRONG[name]
    frame = rows.assign(half=rows["unit"] % 2)
    with pytest.raises(error, match=message):
        fitted(text, frame, **options)


def _counts(frame):
    return pd.crosstab(frame["unit"], frame["q1"]).to_numpy(dtype=float)


def test_an_item_that_does_not_differ_between_clusters_is_refused(rows):
    rng = np.random.default_rng(8)
    frame = rows
    while random_intercept(_counts(frame)).tau > 0:
        frame = rows.assign(q1=rng.permutation(rows["q1"]))
    with pytest.raises(DataError, match='"q1": clusters do not differ more'):
        fitted(FACTORS, frame)
    own = fitted("level: 1\nq1 ~~ q2 + q3\nq2 ~~ q3\nlevel: 2\nq2 ~~ q3", frame)
    assert own.df == 0
