"""Alignment: derivatives, the minimum against R's, standard errors, sets, and recovery."""

import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

import measure
from benchmarks.alignment import sample
from benchmarks.alignment_design import ITEMS, MODEL, planted, random_design
from measure.comparability.aligned_factor import AlignedFactor, standardised
from measure.comparability.alignment_search import align, realign
from measure.comparability.alignment_sets import invariant_set
from measure.comparability.common_metric import ItemFunctions, item_functions
from measure.errors import ListwiseWarning, ModelError, OptionError
from measure.replication.repeat import repeat
from tests.measure.aligned_groups import loss
from tests.reference_cases import case, cases, data, matrix

KINDS = ("continuous", "ordered", "mixed")


def slopes(function, x, step=1e-6):
    """Give central differences of an array with respect to x, last axis."""
    found = []
    for k in range(len(x)):
        moved = np.eye(1, len(x), k)[0] * step
        found.append((function(x + moved) - function(x - moved)) / (2 * step))
    return np.stack(found, axis=-1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_has_its_derivatives(kind):
    own = loss(kind)
    n, p = own.loadings.shape
    x = np.random.default_rng(2).normal(0, 0.3, 2 * n)

    def gradient_given(values):
        u = values.reshape(n, -1)
        moved = replace(own, loadings=u[:, :p], locations=u[:, p:])
        return moved.value_and_gradient(x)[1]

    given = np.hstack([own.loadings, own.locations]).ravel()
    value, gradient = own.value_and_gradient(x)
    hessian, mixed = own.second(x)
    size = own.weights.sum()
    assert own.losses(x).sum() == pytest.approx(value)
    expected = slopes(lambda at: own.value_and_gradient(at)[0], x)
    np.testing.assert_allclose(gradient, expected, atol=1e-7 * size)
    expected = slopes(lambda at: own.value_and_gradient(at)[1], x)
    np.testing.assert_allclose(hessian, expected, atol=1e-6 * size)
    np.testing.assert_allclose(mixed, slopes(gradient_given, given), atol=1e-6 * size)


def test_many_points_are_evaluated_as_each_by_itself():
    own = loss("mixed")
    points = np.random.default_rng(3).normal(0, 0.3, (5, 8))
    values, gradients = own.value_and_gradient(points)
    for k, point in enumerate(points):
        value, gradient = own.value_and_gradient(point)
        assert values[k] == pytest.approx(value, rel=1e-14)
        np.testing.assert_allclose(gradients[k], gradient, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("name", [content["id"] for content in cases("alignment")])
def test_the_minimum_is_that_of_a_search_in_r(name):
    content = case(name)
    options, results = content["options"], content["results"]
    groups = [float(value) for value in matrix(results["loadings"]).index]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ListwiseWarning)
        found = measure.alignment(
            content["model"],
            data(content["data"]),
            group=options["group"],
            method=options["method"],
            epsilon=options["epsilon"],
            ordered=options.get("ordered", ()),
            reference=groups[0],
            seed=1,
        )
    means = found.means.set_index("group").loc[groups]
    # The estimates that are aligned agree to 1e-4, R's search ends on numerical derivatives.
    np.testing.assert_allclose(means["mean"], results["mean"], atol=2e-5)
    np.testing.assert_allclose(means["variance"], results["variance"], atol=2e-5)
    factor = found.factors.loc["f"]
    assert factor["simplicity"] == pytest.approx(results["simplicity"], rel=1e-6)
    assert factor["converged"]
    assert factor["starts.reached"] > 0.9


@pytest.mark.parametrize(("kind", "fixed"), [("continuous", 1), ("mixed", 1), ("continuous", None)])
def test_standard_errors_follow_the_minimum(kind, fixed):
    own = loss(kind, n_groups=3, n_items=3)
    n, p = own.loadings.shape
    size = own.loadings.shape[1] + own.locations.shape[1]

    def aligned(values):
        u = values.reshape(n, size)
        given = replace(own, loadings=u[:, :p], locations=u[:, p:])
        search = align(given, fixed=fixed, n_starts=1, seed=1)
        assert search.flat
        functions = _functions(given)
        return AlignedFactor(functions, given, search, 1).functions

    given = np.hstack([own.loadings, own.locations]).ravel()
    jacobian = slopes(lambda values: aligned(values).vector, given, step=1e-5)
    expected = jacobian @ jacobian.T
    # The level of free means is nearly undetermined, and its derivatives large.
    scale = np.abs(expected).max()
    np.testing.assert_allclose(aligned(given).covariance, expected, atol=1e-6 * scale)


def _functions(own):
    """Give configural items with independent estimates of variance 1."""
    n, p = own.loadings.shape
    size = p + own.locations.shape[1] + 2
    free = np.ones((n, size))
    free[:, -2:] = 0.0
    return ItemFunctions(
        factor="f",
        names=tuple(f"y{k}" for k in range(p)),
        groups=tuple(range(n)),
        n_obs=own.n_obs,
        scoring=own.scoring,
        loadings=own.loadings,
        locations=own.locations,
        means=np.zeros(n),
        variances=np.ones(n),
        sds=np.ones((n, p)),
        covariance=np.diag(free.ravel()),
    )


def exact_fit(means, variances, differences=(), **options):
    """Fit the configural model to the moments of a population, so that it fits exactly."""
    text = planted("continuous", means, variances, differences).text
    truth = measure.population(text, groups=range(1, len(means) + 1), function="fit")
    moments = dict(zip(truth.groups, truth.moments, strict=True))
    return measure.cfa(
        MODEL,
        group="group",
        sample_cov={g: pd.DataFrame(m.sigma, ITEMS, ITEMS) for g, m in moments.items()},
        sample_mean={g: pd.Series(m.mu, ITEMS) for g, m in moments.items()},
        sample_nobs=dict.fromkeys(moments, 500),
        # Takes the covariances as they are, not times (n - 1)/n.
        likelihood="wishart",
        **options,
    )


def test_many_sets_of_parameters_are_aligned_as_each_by_itself():
    one, other = loss("mixed", seed=1), loss("mixed", seed=2)
    search = align(one, fixed=0, n_starts=3, seed=1)
    both = replace(
        one,
        loadings=np.stack([one.loadings, one.loadings * 1.02]),
        locations=np.stack([one.locations, one.locations + 0.02]),
    )
    found = realign(both, search)
    np.testing.assert_allclose(found[0], search.x, atol=1e-5)
    alone = align(replace(one, loadings=both.loadings[1], locations=both.locations[1]), fixed=0,
                  n_starts=3, seed=1)  # fmt: skip
    np.testing.assert_allclose(found[1], alone.x, atol=1e-5)
    assert both.at(np.array([1])).loadings.shape == (1, *one.loadings.shape)
    assert other.at(np.array([0])) is other


MEANS, VARIANCES = (0.0, 0.4, -0.3, 0.8), (1.0, 1.3, 0.8, 1.1)


@pytest.mark.parametrize("std_lv", [True, False])
@pytest.mark.parametrize("method", ["fixed", "free"])
def test_invariant_items_give_exact_means(std_lv, method):
    fit = exact_fit(MEANS, VARIANCES, std_lv=std_lv)
    found = measure.alignment(fit, seed=1, method=method, errors="delta")
    means = found.means["mean"] - found.means["mean"].iloc[0]
    np.testing.assert_allclose(means, MEANS, atol=1e-5)
    np.testing.assert_allclose(found.means["variance"], VARIANCES, atol=1e-5)
    np.testing.assert_allclose(found.invariance["r2"], 1.0, atol=1e-6)
    if method == "free":
        # Any common level has the same loss where loadings are equal.
        assert "other means or variances have the same loss" in " ".join(found.notes)
        assert found.means["se"].isna().all()
        assert np.isnan(found.noninvariant)
    else:
        assert found.notes == ()
        assert found.noninvariant == 0.0


def test_a_poorly_determined_level_is_noted():
    fit = exact_fit(MEANS, VARIANCES, [(2, 1, 0.02, 0.0), (3, 2, -0.02, 0.0)])
    free = measure.alignment(fit, seed=1, method="free", errors="delta", epsilon=0.01)
    assert "common level is poorly determined" in " ".join(free.notes)
    fixed = measure.alignment(fit, seed=1, errors="delta", epsilon=0.01)
    assert free.means["se"].min() > 2 * fixed.means["se"].max()
    np.testing.assert_allclose(free.differences["se"], fixed.differences["se"], rtol=0.1)


def test_one_unequal_intercept_hardly_moves_the_means():
    fit = exact_fit(MEANS, VARIANCES, [(2, 1, 0.0, 0.6)])
    found = measure.alignment(fit, seed=1)
    # A scalar model is off by a tenth of a standard deviation.
    np.testing.assert_allclose(found.means["mean"], MEANS, atol=0.02)
    outside = found.parameters[~found.parameters["invariant"].astype(bool)]
    assert outside[["lhs", "op", "group"]].to_numpy().tolist() == [["y3", "~1", 2]]
    row = found.invariance.query("lhs == 'y3' and op == '~1'").iloc[0]
    assert (row["n_invariant"], row["noninvariant"]) == (3, "2")
    assert row["loss"] == found.invariance["loss"].max()
    np.testing.assert_allclose(found.means["noninvariant"], [0, 1 / 12, 0, 0])
    assert found.differences.shape[0] == 6


def test_another_reference_rescales():
    fit = exact_fit(MEANS, VARIANCES, [(2, 1, 0.2, 0.6)])
    one, other = (
        measure.alignment(fit, seed=1, method="free", reference=group).means for group in (1, 3)
    )
    unit = one["variance"].iloc[2]
    np.testing.assert_allclose(other["mean"], one["mean"] / np.sqrt(unit), atol=1e-6)
    np.testing.assert_allclose(other["variance"], one["variance"] / unit, atol=1e-6)


@pytest.fixture(scope="module")
def ordered():
    """Ordered answers of four groups, an item with other thresholds in the second."""
    text = planted("ordered", MEANS, VARIANCES, [(2, 1, 0.0, 0.9)]).text
    return measure.simulate(text, dict.fromkeys((1, 2, 3, 4), 500), seed=4, function="fit")


def test_both_parameterizations_of_ordered_items_are_one(ordered):
    one, other = (
        measure.alignment(
            measure.cfa(
                MODEL, ordered, group="group", ordered=True, parameterization=word, std_lv=std_lv
            ),
            seed=1,
        )
        for word, std_lv in (("delta", False), ("theta", True))
    )
    np.testing.assert_allclose(one.means["mean"], other.means["mean"], atol=1e-5)
    np.testing.assert_allclose(one.means["se"], other.means["se"], rtol=1e-3)
    np.testing.assert_allclose(one.parameters["est"], other.parameters["est"], atol=1e-4)
    errors = (one.means["mean"] - np.array(MEANS)) / one.means["se"].replace(0, 1)
    assert np.abs(errors).max() < 3
    outside = one.invariance.set_index(["lhs", "rhs"])["noninvariant"]
    assert (outside.loc["y3"] == "2").all()
    assert one.noninvariant < 0.1


def test_standardising_has_its_derivatives():
    fit = measure.cfa(
        "visual =~ x1 + x2 + x3 + x4", data("hs39.csv"), group="school",
        group_equal=["loadings", "intercepts"], group_partial=["x3 ~1"],
    )  # fmt: skip
    functions = item_functions(fit, "visual")
    vector = functions.vector
    functions = replace(functions, covariance=np.eye(len(vector)))
    expected = slopes(lambda at: standardised(functions.with_vector(at)).vector, vector)
    np.testing.assert_allclose(standardised(functions).covariance, expected @ expected.T, atol=1e-6)


def test_drawn_errors_agree_with_the_delta_method_where_the_loss_is_smooth():
    fit = exact_fit(MEANS, VARIANCES, [(2, 1, 0.2, 0.6)])
    delta, drawn, again = (
        measure.alignment(fit, seed=1, epsilon=1.0, errors=errors, n_draws=400)
        for errors in ("delta", "draws", "draws")
    )
    assert drawn.means.equals(again.means)
    assert (delta.n_draws, drawn.n_draws) == (None, 400)
    np.testing.assert_allclose(drawn.means["mean"], delta.means["mean"], atol=1e-12)
    # 400 draws give a standard error to 4 %.
    np.testing.assert_allclose(drawn.means["se"][1:], delta.means["se"][1:], rtol=0.12)
    np.testing.assert_allclose(drawn.parameters["se"], delta.parameters["se"], rtol=0.15)
    with pytest.raises(OptionError, match="unknown errors"):
        measure.alignment(fit, seed=1, errors="bootstrap")
    with pytest.raises(OptionError, match="n_draws is 1"):
        measure.alignment(fit, seed=1, errors="draws", n_draws=1)


def test_a_factor_that_points_the_other_way_is_turned():
    fit = exact_fit(MEANS, VARIANCES, [(2, 1, 0.0, 0.6)])
    functions = item_functions(fit, "f")
    turned = functions.with_vector(functions.vector.copy())
    turned.loadings[2] *= -1
    one, other = standardised(functions), standardised(turned)
    np.testing.assert_allclose(one.vector, other.vector, atol=1e-12)


def test_a_set_is_grown_and_trimmed():
    values = np.array([0.0, 0.05, 0.1, 1.0, -0.02])
    n_obs = np.full(5, 100.0)
    assert invariant_set(values, np.eye(5) * 0.01, n_obs).tolist() == [True] * 3 + [False, True]
    assert invariant_set(values, np.eye(5), n_obs).all()
    assert not invariant_set(values, np.full((5, 5), np.nan), n_obs).any()
    # Differences that are surer than the values themselves count.
    held = 0.01 * (np.eye(5) * 0.01 + 0.99)
    assert np.flatnonzero(invariant_set(values, held, n_obs)).tolist() == [0, 4]


def test_what_cannot_be_aligned_is_refused():
    hs39 = data("hs39.csv")
    text = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6"
    fit = measure.cfa(text, hs39, group="school")
    with pytest.raises(OptionError, match='"free" cannot tell the means of two groups'):
        measure.alignment(fit, seed=1, method="free")
    with pytest.raises(OptionError, match='reference "Berlin" is no group; the groups are Past'):
        measure.alignment(fit, seed=1, reference="Berlin")
    with pytest.raises(OptionError, match="a fit has its own data and groups"):
        measure.alignment(fit, hs39, seed=1)
    with pytest.raises(OptionError, match="epsilon is 0, but must be above 0"):
        measure.alignment(fit, seed=1, epsilon=0)
    with pytest.raises(OptionError, match="n_starts is 0"):
        measure.alignment(fit, seed=1, n_starts=0)
    with pytest.raises(ModelError, match="fitted to one group"):
        measure.alignment(text, hs39, seed=1)
    tied = measure.cfa(text, hs39, group="school", group_equal=["loadings"])
    with pytest.raises(ModelError, match="visual =~ x3, textual =~ x5 and others are"):
        measure.alignment(tied, seed=1)
    crossed = measure.cfa(f"{text} + x1", hs39, group="school")
    with pytest.raises(ModelError, match='"x1" loads on visual and textual'):
        measure.alignment(crossed, seed=1)
    single = measure.cfa("visual =~ x1 + x2 + x3\none =~ x4", hs39, group="school")
    with pytest.raises(ModelError, match='factor "one" has one item'):
        measure.alignment(single, seed=1)
    plain = measure.cfa(text, hs39, group="school", meanstructure=False)
    with pytest.raises(ModelError, match="no intercepts"):
        measure.alignment(plain, seed=1)


def test_factors_are_aligned_each_by_itself_and_shown():
    text = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6"
    hs39 = data("hs39.csv")
    both = measure.alignment(text, hs39, group="school", seed=1, estimator="MLR")
    alone = measure.alignment(text, hs39, group="school", seed=2, estimator="MLR")
    assert list(both.factors.index) == ["visual", "textual"]
    np.testing.assert_allclose(both.means["mean"], alone.means["mean"], atol=1e-6)
    assert both.means["mean"].iloc[0] == 0
    assert np.isfinite(both.means["se"]).all()
    assert "share of parameters that differ" in repr(both)
    assert "<table" in both._repr_html_()


def test_a_fit_without_standard_errors_is_aligned_without_tests():
    text = "visual =~ x1 + x2 + x3"
    fit = measure.cfa(text, data("hs39.csv"), group="school", se="none")
    found = measure.alignment(fit, seed=1)
    assert np.isfinite(found.means["mean"]).all()
    assert found.means["se"].isna().all()
    assert np.isnan(found.factors.loc["visual", "noninvariant"])
    assert "no standard errors" in " ".join(found.notes)


def test_recovery_is_that_of_the_solution_and_repeats():
    fit = exact_fit(MEANS, VARIANCES, [(2, 1, 0.0, 0.6)])
    found = measure.alignment(fit, seed=1, n_starts=5)
    one, again = (measure.alignment_recovery(found, seed=3, n=6, n_obs=400) for _ in range(2))
    assert one.groups.equals(again.groups)
    assert one.n_obs == (400,) * 4
    assert one.summary.loc["f", "correlation.means"] > 0.9
    np.testing.assert_allclose(one.groups["mean"], found.means["mean"])
    assert np.abs(one.groups["bias"]).max() < 0.2
    assert one.groups["coverage"].isna().tolist() == [True, False, False, False]
    assert "Recovery of aligned means" in repr(one)
    with pytest.raises(OptionError, match="n names the groups"):
        measure.alignment_recovery(found, seed=3, n=2, n_obs={1: 100})


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["continuous", "ordered"])
def test_means_of_ten_groups_are_recovered(kind):
    design = random_design(kind, 10, 0.15, one_sided=False)
    task = partial(sample, design=design, size=400)
    found = [one for (one,) in repeat(task, 60, seed=11, workers=2).require().results]
    means = np.stack([one["means"] for one in found])
    correlations = [np.corrcoef(own, design.means)[0, 1] for own in means]
    assert np.mean(correlations) > 0.97
    assert np.abs(means.mean(axis=0) - design.means).max() < 0.15
    assert 0.9 < np.mean([one["covered"] for one in found]) < 0.99
    outside = np.stack([one["outside"] for one in found])
    assert outside[:, design.differs].mean() > 0.4
    assert outside[:, ~design.differs].mean() < 0.02
