"""Differential item functioning by ordinal logistic regression."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import measure
from measure.errors import DataError, OptionError
from measure.functioning.group_standing import Standing
from measure.functioning.proportional_odds import odds_at, proportional_odds, scores_moved

ITEMS = [f"x{i}" for i in range(1, 7)]
CUTS = np.array([-1.6, -0.4, 0.6, 1.7])


def draw(
    n: int,
    seed: int,
    *,
    shift: float = 0.0,
    slope: float = 0.0,
    impact: float = 0.5,
    sd: float = 0.0,
) -> pd.DataFrame:
    """Six items of one factor; x2 shifts and x5 has another slope in group "b"."""
    rng = np.random.default_rng(seed)
    unit = rng.integers(0, 50, size=n)
    # Groups are of whole units; units differ in their answers to x1 where sd is above 0.
    b = (unit < 20).astype(float)
    factor = rng.normal(size=n) + 0.5 * b
    effect = sd * rng.normal(size=50)
    data = {}
    for j, name in enumerate(ITEMS):
        a = 1.4 + (slope * b if j == 4 else 0.0)
        at = a * factor + (shift * b if j == 1 else 0.0) + (effect[unit] if j == 0 else 0.0)
        uniform = rng.random((n, 1))
        data[name] = (uniform < expit(at[:, None] - CUTS - 0.1 * j)).sum(axis=1) + 1
    return pd.DataFrame(data).assign(group=np.where(b == 1, "b", "a"), unit=unit)


def test_proportional_odds_agrees_with_statsmodels() -> None:
    from statsmodels.miscmodels.ordinal_model import OrderedModel  # type: ignore[import-untyped]

    data = draw(600, 1)
    X = np.column_stack([data["x2"] - 3.0, data["group"] == "b"]).astype(float)
    mine = proportional_odds(data["x1"].to_numpy() - 1, X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = OrderedModel(data["x1"].to_numpy(), X, distr="logit").fit(
            method="bfgs", disp=False, gtol=1e-7
        )
    assert mine.converged
    assert mine.logl == pytest.approx(other.llf, abs=1e-6)
    np.testing.assert_allclose(mine.params[-2:], other.params[:2], atol=1e-5)
    se = np.sqrt(np.diag(mine.covariance()))[-2:]
    # statsmodels differentiates numerically.
    np.testing.assert_allclose(se, other.bse[:2], rtol=1e-4)


def test_derivatives_are_those_of_the_likelihood() -> None:
    data = draw(80, 2)
    codes, X = data["x1"].to_numpy() - 1, data[["x2", "x3"]].to_numpy(float) - 3
    params = np.array([-1.2, -0.3, 0.4, 1.5, 0.7, -0.2])
    at = odds_at(params, codes, X)
    np.testing.assert_allclose(at.scores.sum(axis=0), at.gradient, atol=1e-10)
    step = 1e-5
    for i, unit in enumerate(np.eye(6)):
        above, below = (odds_at(params + s * step * unit, codes, X) for s in (1, -1))
        assert (above.logl - below.logl) / (2 * step) == pytest.approx(at.gradient[i], rel=1e-6)
        numeric = (above.gradient - below.gradient) / (2 * step)
        np.testing.assert_allclose(numeric, at.hessian[i], rtol=1e-5, atol=1e-6)


def test_derivatives_of_scores_by_predictors_are_those_of_the_scores() -> None:
    data = draw(80, 2)
    codes, X = data["x1"].to_numpy() - 1, data[["x2", "x3"]].to_numpy(float) - 3
    params = np.array([-1.2, -0.3, 0.4, 1.5, 0.7, -0.2])
    turn = np.column_stack([np.ones(80), X[:, 0]])
    above, below = (odds_at(params, codes, X + s * 1e-5 * turn).scores for s in (1, -1))
    moved = scores_moved(odds_at(params, codes, X), turn)
    np.testing.assert_allclose(moved, (above - below) / 2e-5, rtol=1e-6, atol=1e-9)


def test_planted_differences_are_found_and_told_apart() -> None:
    found = measure.differential_functioning(
        draw(3000, 3, shift=0.9, slope=0.9), ITEMS, group="group"
    )
    table = found.table
    assert list(table.index[table["flag"]]) == ["x2", "x5"]
    assert set(found.anchors) == set(ITEMS) - {"x2", "x5"}
    assert table["largest"]["x2"] == pytest.approx(0.9, abs=0.35)
    assert table["r2.uniform"].astype(float).idxmax() == "x2"
    assert table["pvalue.nonuniform"].astype(float).idxmin() == "x5"
    assert float(table["pvalue.nonuniform"]["x2"]) > 1e-3
    assert list(found.groups.index) == ["a", "b"]
    assert found.groups.sum() == 3000


def test_purified_anchors_do_not_pass_a_difference_on() -> None:
    data = draw(3000, 4, shift=2.0)
    pure = measure.differential_functioning(data, ITEMS, group="group").table
    crude = measure.differential_functioning(data, ITEMS, group="group", purify="none").table
    others = [name for name in ITEMS if name != "x2"]
    assert crude.loc[others, "largest"].mean() < -0.1
    assert abs(pure.loc[others, "largest"].mean()) < 0.1


def test_alike_groups_that_stand_apart_are_seldom_called_different() -> None:
    flags = [
        measure.differential_functioning(draw(500, 20 + seed), ITEMS, group="group").table["flag"]
        for seed in range(20)
    ]
    assert np.mean([any(one) for one in flags]) <= 0.15


def test_clusters_keep_a_difference_of_units_from_passing_for_one_of_groups() -> None:
    pvalues: dict[str, list[float]] = {"without": [], "with": []}
    for seed in range(15):
        data = draw(1000, 50 + seed, sd=1.3)
        for name, cluster in (("without", None), ("with", "unit")):
            found = measure.differential_functioning(
                data, ITEMS, group="group", cluster=cluster, purify="none"
            )
            pvalues[name].append(float(found.table["pvalue.uniform"]["x1"]))
    rejected = {name: np.mean(np.array(values) < 0.05) for name, values in pvalues.items()}
    assert rejected["without"] > 0.3
    assert rejected["with"] <= 0.2
    assert found.n_clusters == 50


def test_missing_answers_leave_out_the_item_only() -> None:
    data = draw(600, 5)
    data.loc[:99, "x3"] = np.nan
    found = measure.differential_functioning(data, ITEMS, group="group")
    assert found.table.loc["x3", "n"] == 500
    assert found.table.loc["x1", "n"] == 600
    assert "pvalue.holm" in repr(found)
    assert "flag" in found._repr_html_()


def test_an_item_that_a_group_did_not_answer_has_no_test() -> None:
    data = draw(600, 6)
    data.loc[data["group"] == "b", "x3"] = np.nan
    table = measure.differential_functioning(data, ITEMS, group="group").table
    assert table["note"]["x3"] == "a group has no answers"
    assert table["pvalue.holm"].isna()["x3"]
    assert not table["flag"]["x3"]


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda x: x, {"group": "sex"}, OptionError, 'one column "sex"'),
        (lambda x: x, {"group": "group", "purify": "twice"}, OptionError, "unknown purify"),
        (lambda x: x.assign(group="a"), {"group": "group"}, DataError, "one group only"),
        (
            lambda x: x.assign(group=["c"] * 5 + ["a"] * (len(x) - 5)),
            {"group": "group"},
            DataError,
            'group "c" has 5',
        ),
        (
            lambda x: x.assign(x1=np.arange(len(x)) % 20),
            {"group": "group"},
            DataError,
            "20 different answers",
        ),
    ],
)
def test_bad_input_is_refused(
    change: object, options: dict[str, str], error: type[Exception], message: str
) -> None:
    data = change(draw(200, 7))  # type: ignore[operator]
    with pytest.raises(error, match=message):
        measure.differential_functioning(data, ITEMS, **options)  # type: ignore[arg-type]


def test_fewer_clusters_than_the_tests_need_are_named() -> None:
    data = draw(300, 7).assign(unit=lambda d: d.index % 7)
    found = measure.differential_functioning(data, ITEMS, group="group", cluster="unit")
    assert found.n_clusters == 7
    assert (found.table["df2"] == 5).all()
    assert found.table["pvalue"].notna().all()
    assert any("7 clusters" in note for note in found.notes)
    six = data.assign(unit=data["unit"] % 6)
    found = measure.differential_functioning(six, ITEMS, group="group", cluster="unit")
    assert found.table["chisq"].isna().all()
    assert not found.table["flag"].any()
    assert found.table["note"].str.startswith("too few clusters").all()


def test_flagged_items_leave_together_and_come_back() -> None:
    data = draw(3000, 3, shift=0.9, slope=0.9)
    found = measure.differential_functioning(data, ITEMS, group="group", purify="iterative")
    assert set(found.anchors) == set(ITEMS) - {"x2", "x5"}
    assert found.rounds["left_out"].iloc[0] == ""
    assert found.rounds["flagged"].iloc[-1] == "x2, x5"
    assert found.rounds["left_out"].iloc[-1] == "x2, x5"


def test_three_anchors_are_kept() -> None:
    data = draw(1000, 4)
    for name, step in (("x1", 1), ("x2", -1), ("x3", 2), ("x4", -2)):
        data[name] = (data[name] + step * (data["group"] == "b")).clip(1, 5)
    for purify in ("forward", "iterative"):
        found = measure.differential_functioning(data, ITEMS, group="group", purify=purify)
        assert len(found.anchors) >= 3
        assert any("anchors" in note for note in found.notes)


def test_what_flagged_items_do_to_the_scale_mean_is_the_truth() -> None:
    truth, found = [], []
    for seed in range(3):
        data, twin = (draw(1500, 60 + seed, shift=shift) for shift in (0.9, 0.0))
        # The same random numbers without the shift: what the members of b would have answered.
        b = data["group"] == "b"
        truth.append((data.loc[b, ITEMS] - twin.loc[b, ITEMS]).to_numpy().mean())
        row = measure.differential_functioning(data, ITEMS, group="group").effects.loc["b"]
        assert row["ci.lower"] < row["points"] < row["ci.upper"]
        found.append([row["points"], row["se"], row["cancelled"]])
    points, se, cancelled = np.array(found).T
    np.testing.assert_allclose(points, truth, atol=2.6 * se.max())
    np.testing.assert_allclose(cancelled, 0, atol=1e-12)
    assert 0 < se.max() < 0.03


def test_differences_that_cancel_are_told() -> None:
    data = draw(1500, 8)
    rng = np.random.default_rng(8)
    b = (data["group"] == "b").to_numpy()
    for name, step in (("x2", 1), ("x4", -1)):
        moved = b & (rng.random(len(data)) < 0.5)
        data[name] = (data[name] + step * moved).clip(1, 5)
    found = measure.differential_functioning(data, ITEMS, group="group")
    assert list(found.table.index[found.table["flag"]]) == ["x2", "x4"]
    effect = found.effects.loc["b"]
    assert effect["points.absolute"] > 3 * abs(effect["points"])
    assert effect["cancelled"] > 0.6


def test_points_have_the_derivatives_of_their_formula() -> None:
    from measure.functioning.proportional_odds import expected_answers

    values, X = np.array([1.0, 2.0, 4.0, 5.0]), np.array([[0.3, 1.0], [-1.2, 0.0]])
    params = np.array([-1.0, 0.2, 1.1, 0.8, -0.3])
    mean, slopes = expected_answers(params, values, X)
    p = expit((X @ params[3:])[:, None] - params[:3])
    share = -np.diff(np.hstack([np.ones((2, 1)), p, np.zeros((2, 1))]), axis=1)
    np.testing.assert_allclose(mean, share @ values)
    for k, unit in enumerate(np.eye(5)):
        above, below = (expected_answers(params + s * 1e-6 * unit, values, X)[0] for s in (1, -1))
        np.testing.assert_allclose((above - below) / 2e-6, slopes[:, k], atol=1e-8)


def test_a_score_test_of_one_score_is_students_t() -> None:
    from scipy import stats

    from measure.functioning.score_tests import score_test

    rng = np.random.default_rng(9)
    clusters = np.repeat(np.arange(12), 5)
    scores = rng.normal(0.3, 1, size=(60, 1))
    found = score_test(scores, np.empty((60, 0)), np.eye(1), clusters)
    # Without estimated parameters it is the test of the clusters' sums against 0.
    sums = scores[:, 0].reshape(12, 5).sum(axis=1)
    assert found.pvalue == pytest.approx(stats.ttest_1samp(sums, 0).pvalue)
    assert found.df2 == 11


def test_hundreds_of_values_and_constant_items_are_named() -> None:
    data = draw(9000, 1).assign(group=lambda d: d.index % 300)
    with pytest.raises(DataError, match="there are 300 groups"):
        measure.differential_functioning(data, ITEMS, group="group")
    data = draw(200, 1).assign(x3=2)
    with pytest.raises(DataError, match="x3"):
        measure.differential_functioning(data, ITEMS, group="group")


def test_a_category_missing_in_one_group_is_no_hindrance() -> None:
    data = draw(800, 2)
    data.loc[data["group"] == "b", "x3"] = data["x3"].clip(upper=4)
    table = measure.differential_functioning(data, ITEMS, group="group").table
    assert table["chisq"].notna().all()


def test_what_standing_was_estimated_from_is_carried_on() -> None:
    from measure.functioning.dif_answers import grouped_answers
    from measure.functioning.dif_regression import ItemRegressions, item_regressions
    from measure.functioning.graded_groups import _likelihoods, fit_groups
    from measure.functioning.group_standing import standing

    answers = grouped_answers(draw(400, 11), ITEMS, "group", None)
    model = fit_groups(answers.codes, answers.labels)
    others = model.standing(without=0)
    likelihoods = _likelihoods(model._logs - model._log_tables[:5].T @ model._marks[:5])

    def moved(by_mean: float, by_log_sd: float) -> Standing:
        wider = np.array([1.0, np.exp(by_log_sd)])
        means = others.means + np.array([0.0, by_mean])
        return standing(likelihoods, others.member, means, others.sds * wider)

    # The derivatives of standing by the mean and the log sd of group "b", by differences.
    b = answers.labels == 1
    for column, unit in enumerate(np.eye(2)):
        above, below = (moved(*(s * 1e-5 * unit)) for s in (1, -1))
        slopes = np.where(b, others.slopes[:, column], 0.0)
        np.testing.assert_allclose((above.ability - below.ability) / 2e-5, slopes, atol=1e-8)
        # The groups' parameters are most likely: steps to both sides lose alike.
        assert max(above.logl, below.logl) < others.logl
    # Sums of what the respondents add are 0 at the maximum.
    np.testing.assert_allclose(others.influence.sum(axis=0), 0, atol=1e-6)
    found = item_regressions(answers, 0, others)
    assert isinstance(found, ItemRegressions)
    carried = others.influence @ found._carried(found.slope)
    assert carried.shape == found.slope.scores.shape
    assert np.abs(carried.sum(axis=0)).max() < 0.05 * np.abs(carried).sum(axis=0).max()


def test_standing_by_other_items_is_that_of_a_model_of_these_items() -> None:
    from dataclasses import replace

    from measure.functioning.dif_answers import grouped_answers
    from measure.functioning.graded_groups import _Layout, fit_groups

    data = draw(700, 12).assign(group=lambda d: np.where(d.index % 7 == 0, "c", d["group"]))
    data.loc[::5, "x3"] = np.nan
    answers = grouped_answers(data, ITEMS, "group", None)
    model = fit_groups(answers.codes, answers.labels)
    found = model.standing(without=2)
    # A model of the others with the same slopes and cuts, and the groups as they were found.
    kept = [0, 1, 3, 4, 5]
    of_item = np.repeat(np.arange(6), 5)
    marks = model._marks[np.r_[of_item != 2, True, True, True]]
    left = replace(
        model,
        slopes=model.slopes[kept],
        cuts=tuple(model.cuts[k] for k in kept),
        _layout=_Layout.of([model.cuts[k] for k in kept]),
        means=found.means,
        sds=found.sds,
        _marks=marks,
    )
    direct = left.standing()
    np.testing.assert_allclose(found.ability, direct.ability, atol=1e-12)
    np.testing.assert_allclose(found.slopes, direct.slopes, atol=1e-12)
    np.testing.assert_allclose(direct._scores @ found.member[1:].T, 0, atol=1e-4)


def test_a_group_without_answers_to_the_other_items_leaves_them_undetermined() -> None:
    from measure.functioning.group_standing import GRID, settled

    rng = np.random.default_rng(13)
    likelihoods = np.exp(-0.5 * (GRID[:, None] - rng.normal(size=200)) ** 2)
    likelihoods[:, 150:] = 1.0
    member = np.vstack([np.arange(200) < 100, (np.arange(200) // 50) == 2, np.arange(200) >= 150])
    found = settled(likelihoods, member.astype(float), np.zeros(3), np.ones(3))
    # The others stand where they do without it.
    others = settled(likelihoods[:, :150], member[:2, :150].astype(float), np.zeros(2), np.ones(2))
    np.testing.assert_allclose(found.means[:2], others.means, atol=1e-9)
    np.testing.assert_allclose(found.sds[:2], others.sds, atol=1e-9)
    assert 0.5 < found.sds[2] < 2
    assert np.isfinite(found.influence).all()
