"""Bias of items and scale means: against lavaan and R's integrals, closed forms and simulation."""

from dataclasses import replace

import numpy as np
import pytest

import measure
from benchmarks.alignment_design import MODEL, planted
from measure.comparability.common_metric import ItemFunctions, item_functions, require_defined
from measure.distributions import normal_cdf
from measure.errors import ModelError, OptionError
from tests.measure.aligned_groups import scoring
from tests.measure.reference_fits import refit
from tests.reference_cases import case, cases, data


@pytest.mark.parametrize("name", [content["id"] for content in cases("item_bias")])
def test_bias_agrees_with_lavaan_and_integrals(name):
    content = case(name)
    found = measure.item_bias(refit(content, content))
    rows = {key: [row[key] for row in content["results"]["items"]] for key in ("signed", "se")}
    # lavaan's estimates with ordered items are accurate to 1e-5 here.
    np.testing.assert_allclose(found.items["signed"], rows["signed"], atol=2e-5)
    np.testing.assert_allclose(found.items["se"], rows["se"], atol=2e-5)
    for key in ("unsigned", "sd", "dmacs"):
        theirs = [row[key] for row in content["results"]["items"]]
        np.testing.assert_allclose(found.items[key], theirs, atol=2e-5)
    scale = found.scales.iloc[0]
    assert scale["bias"] == pytest.approx(content["results"]["bias"], abs=1e-5)
    assert scale["se"] == pytest.approx(content["results"]["bias.se"], abs=1e-5)
    assert scale["n_items"] == 6
    assert scale["bias"] + scale["impact"] == pytest.approx(scale["difference"])


def functions(kind, n_groups=3, n_items=4, seed=1):
    """Give items with different functions in each group."""
    rng = np.random.default_rng(seed)
    own = scoring(kind, n_items)
    m = len(own.items)
    size = n_items + m + 2
    cuts = np.sort(rng.normal(0, 1, (n_groups, m)), axis=1)
    return ItemFunctions(
        factor="f",
        names=tuple(f"y{k}" for k in range(n_items)),
        groups=tuple("abcdef"[:n_groups]),
        n_obs=np.array([100.0, 300.0, 200.0])[:n_groups],
        scoring=own,
        loadings=rng.uniform(0.4, 1.2, (n_groups, n_items)),
        locations=cuts,
        means=rng.normal(0, 0.5, n_groups),
        variances=rng.uniform(0.6, 1.5, n_groups),
        sds=rng.uniform(0.8, 1.2, (n_groups, n_items)),
        covariance=np.eye(n_groups * size) * 1e-4,
    )


def biased(own, monkeypatch, **options):
    """Give the bias of item functions that come from no fit."""
    monkeypatch.setattr("measure.comparability.bias._functions", lambda model: ([own], []))
    return measure.item_bias(None, **options)


def test_continuous_items_have_closed_forms(monkeypatch):
    own = functions("continuous", n_groups=2)
    items = biased(own, monkeypatch).items
    gap = own.locations[1] - own.locations[0]
    slope = own.loadings[1] - own.loadings[0]
    mean, sd = gap + slope * own.means[1], np.abs(slope) * np.sqrt(own.variances[1])
    # The mean of a folded normal distribution.
    folded = sd * np.sqrt(2 / np.pi) * np.exp(-((mean / sd) ** 2) / 2)
    folded += mean * (1 - 2 * normal_cdf(-mean / sd))
    weights = (own.n_obs - 1) / (own.n_obs - 1).sum()
    pooled = weights @ own.sds
    np.testing.assert_allclose(items["signed"], mean, atol=1e-12)
    np.testing.assert_allclose(items["dmacs"], np.sqrt(mean**2 + sd**2) / pooled, atol=1e-10)
    np.testing.assert_allclose(items["unsigned"], folded, atol=1e-5)
    np.testing.assert_allclose(items["dmacs_signed"], mean / pooled, atol=1e-12)
    np.testing.assert_allclose(items["sdi2"], mean / own.sds[1], atol=1e-12)
    np.testing.assert_allclose(items["udi2"], folded / own.sds[1], atol=1e-5)


def test_ordered_items_agree_with_drawn_answers(monkeypatch):
    own = functions("ordered", n_groups=2)
    items = biased(own, monkeypatch).items
    rng = np.random.default_rng(5)
    n = 200_000
    eta = own.means[1] + np.sqrt(own.variances[1]) * rng.standard_normal(n)
    for k in range(4):
        cuts = own.locations[:, own.scoring.items == k]
        noise = rng.standard_normal(n)
        answers = [
            1 + (own.loadings[g, k] * eta[:, None] + noise[:, None] > cuts[g]).sum(axis=1)
            for g in range(2)
        ]
        gap = answers[1] - answers[0]
        error = gap.std() / np.sqrt(n)
        assert abs(items["signed"][k] - gap.mean()) < 4 * error
    curves = [own.curves(g, eta) for g in range(2)]
    gaps = curves[1] - curves[0]
    # The integrals over 200,000 drawn persons have three digits.
    np.testing.assert_allclose(items["unsigned"], np.abs(gaps).mean(axis=0), rtol=5e-3)
    np.testing.assert_allclose(
        items["dmacs"] * items["sd"], np.sqrt((gaps**2).mean(axis=0)), rtol=5e-3
    )


@pytest.mark.parametrize("kind", ["continuous", "ordered", "mixed"])
@pytest.mark.parametrize(("group", "persons"), [(1, 2), (1, 1)])
def test_expected_answers_have_their_derivatives(kind, group, persons):
    own = functions(kind)
    vector, step = own.vector, 1e-6
    found = own.expected_slopes(group, persons)
    for k in range(len(vector)):
        moved = np.eye(1, len(vector), k)[0] * step
        above, below = own.with_vector(vector + moved), own.with_vector(vector - moved)
        expected = above.expected(group, persons) - below.expected(group, persons)
        np.testing.assert_allclose(found[:, k], expected / (2 * step), atol=1e-8)


PARTIAL = {
    "group": "school",
    "group_equal": ["loadings", "intercepts"],
    "group_partial": ["visual =~ x2", "x3 ~1"],
}
ORDINAL = {
    "group": "school",
    "ordered": True,
    "group_equal": ["loadings", "thresholds"],
    "group_partial": ["visual =~ o2", "o3 | t2"],
}


@pytest.mark.parametrize(
    ("file", "prefix", "options"),
    [
        ("hs39.csv", "x", PARTIAL),
        ("hs39.csv", "x", PARTIAL | {"std_lv": True}),
        ("hs39_ordered4.csv", "o", ORDINAL),
        ("hs39_ordered4.csv", "o", ORDINAL | {"parameterization": "theta", "std_lv": True}),
    ],
)
def test_item_functions_have_their_derivatives(file, prefix, options):
    text = f"visual =~ {prefix}1 + {prefix}2 + {prefix}3 + {prefix}4"
    fit = measure.cfa(text, data(file), **options)
    basis, n = fit.model.reduction.basis, len(fit.params)
    one = replace(fit, vcov=basis @ basis.T)
    found = item_functions(one, "visual").covariance
    step, columns = 1e-6, []
    for k in range(n):
        moved = np.eye(1, n, k)[0] * step
        above, below = (
            item_functions(replace(fit, params=fit.params + sign * moved, found=None), "visual")
            for sign in (1, -1)
        )
        columns.append((above.vector - below.vector) / (2 * step))
    jacobian = np.stack(columns, axis=1)
    np.testing.assert_allclose(found, jacobian @ jacobian.T, atol=1e-5)


def test_the_functions_reproduce_the_model():
    fit = measure.cfa("visual =~ o1 + o2 + o3 + o4", data("hs39_ordered4.csv"), **ORDINAL)
    own = item_functions(fit, "visual")
    for g, one in enumerate(fit.implied_moments):
        share = normal_cdf(one.thresholds).reshape(4, 3)
        np.testing.assert_allclose(own.expected(g, g), 4 - share.sum(axis=1), atol=1e-9)


def test_bias_is_in_the_points_that_answers_are_coded_in():
    text, frame = "visual =~ o1 + o2 + o3 + o4", data("hs39_ordered4.csv")
    items = ["o1", "o2", "o3", "o4"]
    doubled = frame.assign(**{item: 2 * frame[item] - 7 for item in items})
    one, other = (
        measure.item_bias(measure.cfa(text, rows, **ORDINAL)) for rows in (frame, doubled)
    )
    np.testing.assert_allclose(other.items["signed"], 2 * one.items["signed"], atol=1e-9)
    np.testing.assert_allclose(other.items["dmacs"], one.items["dmacs"], atol=1e-9)
    assert other.scales["difference"].iloc[0] == pytest.approx(2 * one.scales["difference"].iloc[0])


def test_pairs_are_all_those_against_one_and_those_against_the_rest(monkeypatch):
    own = functions("mixed")
    every = biased(own, monkeypatch).scales
    assert every[["reference", "focal"]].to_numpy().tolist() == [
        ["a", "b"], ["a", "c"], ["b", "c"]
    ]  # fmt: skip
    one = biased(own, monkeypatch, pairs="reference", reference="b").scales
    assert one[["reference", "focal"]].to_numpy().tolist() == [["b", "a"], ["b", "c"]]
    rest = biased(own, monkeypatch, pairs="rest").scales
    assert rest["focal"].tolist() == ["a", "b", "c"]
    # The persons of c: 100 respondents of a and 300 of b speak for the rest.
    expected = own.expected(2, 2) - own.expected(0, 2) / 4 - own.expected(1, 2) * 3 / 4
    assert rest["bias"].iloc[2] == pytest.approx(expected.mean())
    implied = [own.expected(g, g).mean() for g in range(3)]
    assert rest["difference"].iloc[2] == pytest.approx(
        implied[2] - implied[0] / 4 - implied[1] * 3 / 4
    )
    two = functions("mixed", n_groups=2)
    pair, alone = (biased(two, monkeypatch, pairs=word) for word in ("all", "rest"))
    numbers = pair.items.columns[4:]
    np.testing.assert_allclose(pair.items[numbers], alone.items[numbers].iloc[4:])


@pytest.mark.parametrize("kind", ["continuous", "ordered"])
def test_drawn_intervals_agree_with_the_delta_method(kind, monkeypatch):
    own = functions(kind, n_groups=2)
    delta = biased(own, monkeypatch)
    drawn, again = (
        biased(own, monkeypatch, interval="draws", seed=3, n_draws=1000) for _ in range(2)
    )
    assert drawn.items.equals(again.items)
    limits = ["ci.lower", "ci.upper"]
    se = delta.items["se"].to_numpy()[:, None]
    # Percentiles of 1,000 draws have an error of about .08 standard errors.
    assert (np.abs(drawn.items[limits] - delta.items[limits]) / se).to_numpy().max() < 0.25
    inside = drawn.items["dmacs.ci.lower"] < drawn.items["dmacs"]
    assert (inside & (drawn.items["dmacs"] < drawn.items["dmacs.ci.upper"])).all()
    assert delta.items["dmacs.ci.lower"].isna().all()
    assert (drawn.n_draws, drawn.seed, delta.n_draws) == (1000, 3, None)


def test_draws_with_a_negative_variance_are_counted(monkeypatch):
    own = functions("continuous", n_groups=2)
    loose = replace(own, covariance=own.covariance * 2500)
    found = biased(loose, monkeypatch, interval="draws", seed=3, n_draws=200)
    assert "had a negative variance" in " ".join(found.notes)
    assert np.isfinite(found.items["ci.upper"]).all()


def test_invariant_items_have_no_bias():
    fit = measure.cfa(
        "visual =~ x1 + x2 + x3", data("hs39.csv"), group="school",
        group_equal=["loadings", "intercepts"],
    )  # fmt: skip
    for options in ({}, {"interval": "draws", "seed": 1, "n_draws": 50}):
        found = measure.item_bias(fit, **options)
        zero = ["signed", "se", "ci.lower", "ci.upper", "unsigned", "dmacs"]
        np.testing.assert_allclose(found.items[zero], 0.0, atol=1e-9)
    assert found.scales["impact"].iloc[0] == pytest.approx(found.scales["difference"].iloc[0])


def test_scale_means_of_aligned_groups_are_those_of_the_answers():
    hs39 = data("hs39.csv")
    items = ["x1", "x2", "x3", "x4"]
    found = measure.alignment(f"f =~ {' + '.join(items)}", hs39, group="school", seed=1)
    scale = measure.item_bias(found).scales.iloc[0]
    means = hs39.groupby("school", sort=False)[items].mean().mean(axis=1)
    assert scale["difference"] == pytest.approx(means["Grant-White"] - means["Pasteur"])
    assert "metric that alignment found" in " ".join(measure.item_bias(found).notes)


def test_planted_bias_is_found_in_answer_points():
    means, variances = (0.0, 0.4, -0.3), (1.0, 1.3, 0.8)
    text = planted("ordered", means, variances, [(2, 1, 0.0, 0.9)]).text
    frame = measure.simulate(text, dict.fromkeys((1, 2, 3), 1500), seed=2, function="fit")
    aligned = measure.alignment(MODEL, frame, group="group", ordered=True, seed=1)
    found = measure.item_bias(aligned, pairs="reference")
    truth = np.array([-1.2, 0.0, 1.1])
    loading = np.linspace(0.7, 1.0, 6)[2]
    s = np.sqrt(1 + loading**2 * variances[1])
    above = [normal_cdf((loading * means[1] - cuts) / s).sum() for cuts in (truth + 0.9, truth)]
    row = found.items.query("item == 'y3' and focal == 2").iloc[0]
    assert abs(row["signed"] - (above[0] - above[1])) < 3 * row["se"]
    assert row["ci.upper"] < 0
    scale = found.scales.query("focal == 2").iloc[0]
    assert abs(scale["bias"] - (above[0] - above[1]) / 6) < 3 * scale["se"]
    others = found.items.query("item != 'y3'")
    assert others["dmacs"].max() < 0.15 < row["dmacs"]


# Equal intercepts without equal loadings have no proper solution here.
@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({}, "zero"),
        ({"std_lv": True}, "unit"),
        ({"group_equal": ["loadings"]}, "zero"),
        ({"group_equal": ["intercepts"], "std_lv": True}, "unit"),
    ],
)
def test_groups_without_a_common_metric_are_refused(options, what):
    fit = measure.cfa("visual =~ x1 + x2 + x3 + x4", data("hs39.csv"), group="school", **options)
    with pytest.raises(ModelError, match=f'"visual" has no common {what} in the groups "Pasteur"'):
        measure.item_bias(fit)


def test_ordered_groups_without_equal_thresholds_are_refused():
    text = "visual =~ o1 + o2 + o3 + o4"
    frame = data("hs39_ordered4.csv")
    for equal in ([], ["loadings"]):
        fit = measure.cfa(text, frame, group="school", ordered=True, group_equal=equal)
        with pytest.raises(ModelError, match="no common zero"):
            measure.item_bias(fit)


def test_groups_may_be_linked_through_others():
    text = planted("continuous", (0.0, 0.4, -0.3), (1.0, 1.3, 0.8), []).text
    frame = measure.simulate(text, dict.fromkeys((1, 2, 3), 300), seed=2, function="fit")
    linked = "f =~ c(a, a, c)*y1 + c(b, d, d)*y2 + y3 + y4; y1 ~ c(i, i, k)*1; y2 ~ c(l, j, j)*1"
    free = "f ~ c(0, NA, NA)*1; f ~~ c(1, NA, NA)*f"
    fit = measure.cfa(f"{linked}; {free}", frame, group="group", std_lv=True)
    found = measure.item_bias(fit)
    assert "rests on one item" in " ".join(found.notes)
    assert np.isfinite(found.scales["se"]).all()


def test_impossible_estimates_are_refused():
    own = functions("ordered")
    assert require_defined(own) is own
    with pytest.raises(ModelError, match=r'factor "f" has the variance -0.2 in group "b"'):
        require_defined(replace(own, variances=np.array([1.0, -0.2, 1.0])))
    loadings = own.loadings.copy()
    loadings[2, 1] = np.nan
    with pytest.raises(ModelError, match='"y1" has a negative residual variance in group "c"'):
        require_defined(replace(own, loadings=loadings))


def test_options_that_do_not_go_together_are_refused():
    fit = measure.cfa(
        "visual =~ x1 + x2 + x3", data("hs39.csv"), group="school",
        group_equal=["loadings", "intercepts"],
    )  # fmt: skip
    with pytest.raises(OptionError, match="unknown pairs 'each'"):
        measure.item_bias(fit, pairs="each")
    with pytest.raises(OptionError, match="unknown interval"):
        measure.item_bias(fit, interval="bootstrap")
    with pytest.raises(OptionError, match="is random: give seed"):
        measure.item_bias(fit, interval="draws")
    with pytest.raises(OptionError, match="n_draws is 1"):
        measure.item_bias(fit, interval="draws", seed=1, n_draws=1)
    with pytest.raises(OptionError, match='reference "Berlin" is no group'):
        measure.item_bias(fit, pairs="reference", reference="Berlin")
    with pytest.raises(OptionError, match='reference goes with pairs="reference"'):
        measure.item_bias(fit, reference="Pasteur")
    with pytest.raises(OptionError, match="confidence_level is 2"):
        measure.item_bias(fit, confidence_level=2)
    with pytest.raises(ModelError, match="fitted to one group"):
        measure.item_bias(measure.cfa("visual =~ x1 + x2 + x3", data("hs39.csv")))
    assert "focal group less reference" in repr(measure.item_bias(fit))
    assert "<table" in measure.item_bias(fit)._repr_html_()


def test_loadings_of_both_signs_and_missing_errors_are_noted():
    turned = data("hs39.csv").assign(x2=lambda frame: -frame["x2"])
    fit = measure.cfa(
        "visual =~ x1 + x2 + x3", turned, group="school", se="none",
        group_equal=["loadings", "intercepts"], group_partial=["x3 ~1"],
    )  # fmt: skip
    found = measure.item_bias(fit)
    notes = " ".join(found.notes)
    assert "loadings of both signs" in notes
    assert "no standard errors" in notes
    assert found.items["se"].isna().all()
    assert np.isfinite(found.items["dmacs"]).all()
