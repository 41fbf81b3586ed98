"""Factor scores of ordered items."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import measure
from measure.errors import DataError, ModelError, OptionError
from measure.scoring.factor_posterior import Joint
from tests.measure.after_ordinal import ORDINAL, category_numbers, fitted, groups
from tests.reference_cases import case, data, matrix

SCORED = [name for name in ORDINAL if groups(name)[0].found.get("scores")]
HS39 = case("ordinal_after_hs39")["model"]
ONE = "speed =~ o7 + o8 + o9"


@pytest.fixture(scope="module")
def frame():
    return data("hs39_ordered4.csv")


@pytest.fixture(scope="module")
def fit():
    return fitted("ordinal_after_hs39")


@pytest.mark.parametrize("name", SCORED)
def test_modes_of_the_matrices_that_were_estimated(name):
    for group in groups(name):
        found = group.joint.score(category_numbers(group), "EBM")
        expected = group.found["scores"]
        assert found.n_unsettled == 0
        # The modes were polished with numerical derivatives.
        np.testing.assert_allclose(found.scores, matrix(expected["mode"]), atol=1e-7)
        np.testing.assert_allclose(found.se, matrix(expected["se"]), atol=1e-7)


@pytest.mark.parametrize("name", SCORED)
def test_modes_and_errors_of_a_fit(name):
    own, content = fitted(name), case(name)
    answers = data(content["data"])
    found = measure.factor_scores(own, answers)
    assert found.method == "EBM"
    for label, group in zip(own.moments.groups, groups(name), strict=True):
        rows = answers if own.options.group is None else answers[answers["school"] == label]
        expected = group.found["scores"]
        place = usable(own, rows).index[: len(expected["mode"]["values"])]
        theirs = matrix(expected["mode"]).set_axis(group.joint.factors, axis=1)
        np.testing.assert_allclose(found.scores.loc[place, theirs.columns], theirs, atol=1e-5)
        np.testing.assert_allclose(
            found.se.loc[place, theirs.columns], matrix(expected["se"]), atol=1e-5
        )
        if expected.get("lavPredict"):
            # lavPredict stops its search when the objective changes by 1e-8 of its size.
            theirs = matrix(expected["lavPredict"])
            np.testing.assert_allclose(found.scores.loc[place, theirs.columns], theirs, atol=1e-3)


def usable(own, rows):
    """Rows that lavaan keeps, in its order."""
    there = rows[list(own.moments.names)].notna()
    return rows[there.any(axis=1) if own.missing == "pairwise" else there.all(axis=1)]


@pytest.mark.parametrize("name", ["ordinal_after_hs39", "ordinal_after_bfi_mixed"])
def test_the_posterior_mean_by_integration_over_a_grid(name):
    group = groups(name)[0]
    answers = category_numbers(group)[:4]
    own = group.joint
    found = own.score(answers, "EAP")
    kept = np.array([0, 1])
    if len(own.factors) > 2:
        # Two of the factors and their items, so that a dense grid is possible.
        items = np.flatnonzero(own.cross[:, :2].any(axis=1) & (np.arange(len(own.names)) < 6))
        own, answers = part(own, items, kept), answers[:, items]
        found = own.score(answers, "EAP")
    for row, score, se in zip(answers, found.scores, found.se, strict=True):
        mean, sd = by_grid(own, row)
        np.testing.assert_allclose(score, mean, atol=2e-4)
        np.testing.assert_allclose(se, sd, atol=2e-4)


def part(joint, items, factors):
    """Give some items and factors alone."""
    own = np.flatnonzero(np.isin(joint.items, items))
    place = {item: k for k, item in enumerate(items)}
    return Joint(
        [joint.names[i] for i in items],
        [joint.factors[f] for f in factors],
        joint.mu[items],
        joint.sigma[np.ix_(items, items)],
        joint.mean[factors],
        joint.covariance[np.ix_(factors, factors)],
        joint.cross[np.ix_(items, factors)],
        joint.thresholds[own],
        np.array([place[item] for item in joint.items[own]]),
    )


def by_grid(joint, row, points=401):
    """Mean and standard deviation of two factors, over a grid; continuous items independent."""
    sd = np.sqrt(np.diag(joint.covariance))
    axes = [joint.mean[f] + sd[f] * np.linspace(-7, 7, points) for f in range(2)]
    F = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    off = F - joint.mean
    log = -0.5 * np.einsum("nf,fg,ng->n", off, np.linalg.inv(joint.covariance), off)
    loadings = np.linalg.solve(joint.covariance, joint.cross.T).T
    spread = np.sqrt(np.diag(joint.sigma - joint.cross @ loadings.T))
    expected = joint.mu + off @ loadings.T
    for j, answer in enumerate(row):
        if np.isnan(answer):
            continue
        if j in joint.items:
            ends = np.concatenate([[-np.inf], joint.thresholds[joint.items == j], [np.inf]])
            low, high = list(pairwise(ends))[int(answer)]
            share = [norm.cdf((end - expected[:, j]) / spread[j]) for end in (high, low)]
            log += np.log(np.maximum(share[0] - share[1], 1e-300))
        else:
            log += norm.logpdf(answer, expected[:, j], spread[j])
    mass = np.exp(log - log.max())
    mass /= mass.sum()
    mean = mass @ F
    return mean, np.sqrt(mass @ (F - mean) ** 2)


@pytest.mark.parametrize("method", ["EBM", "EAP"])
@pytest.mark.parametrize("groups_", [None, "school"])
def test_both_parameterizations_give_the_same_scores(frame, method, groups_):
    options = {"ordered": True, "std_lv": True}
    if groups_:
        options |= {"group": groups_, "group_equal": ("thresholds", "loadings")}
    delta = measure.cfa(HS39, frame, **options)
    theta = measure.cfa(HS39, frame, parameterization="theta", **options)
    ours = measure.factor_scores(delta, frame, method=method)
    theirs = measure.factor_scores(theta, frame, method=method)
    # Quadrature goes through other points, to a change of 5e-4.
    tolerance = 1e-5 if method == "EBM" else 2e-4
    if groups_:
        # The unit of a factor is that of the first group, its zero too.
        np.testing.assert_allclose(
            ours.quality["reliability"], theirs.quality["reliability"], atol=tolerance
        )
        for name in ours.scores:
            r = np.corrcoef(ours.scores[name], theirs.scores[name])[0, 1]
            assert r == pytest.approx(1, abs=1e-6)
    else:
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=tolerance)
        np.testing.assert_allclose(ours.se, theirs.se, atol=tolerance)


@pytest.mark.parametrize("method", ["EBM", "EAP"])
def test_a_missing_answer_says_nothing(fit, frame, method):
    joint = groups("ordinal_after_hs39")[0].joint
    answers = category_numbers(groups("ordinal_after_hs39")[0])
    some = answers.copy()
    some[:, [1, 5]] = np.nan
    kept = np.array([0, 2, 3, 4, 6, 7, 8])
    fewer = part(joint, kept, np.arange(3)).score(answers[:, kept], method)
    found = joint.score(some, method)
    # Other whitening of the factors leads quadrature through other points.
    tolerance = 1e-9 if method == "EBM" else 2e-4
    np.testing.assert_allclose(found.scores, fewer.scores, atol=tolerance)
    np.testing.assert_allclose(found.se, fewer.se, atol=tolerance)
    assert (found.se.mean(axis=0) > joint.score(answers, method).se.mean(axis=0)).all()


def test_pairwise_rows_are_scored_from_the_answers_they_have():
    own, answers = fitted("ordinal_after_bfi_pairwise"), data("bfi.csv")
    found = measure.factor_scores(own, answers)
    there = answers[list(own.moments.names)].notna()
    assert (found.scores.notna().all(axis=1) == there.any(axis=1)).all()
    assert not there.all(axis=1).all()
    quality = found.quality.set_index("factor")
    assert (quality["mean_reliability"] < quality["reliability"]).all()
    listwise = fitted("ordinal_after_bfi_mixed")
    scores = measure.factor_scores(listwise, answers)
    assert (scores.scores.notna().all(axis=1) == there.all(axis=1)).all()
    left = int((~there.all(axis=1)).sum())
    assert scores.notes[1].startswith(f"{left} of {len(answers)} rows")


def test_scores_keep_to_the_rows(fit, frame):
    turned = frame.iloc[::-1].set_axis([f"r{k}" for k in range(len(frame))])
    ours, theirs = measure.factor_scores(fit, frame), measure.factor_scores(fit, turned)
    assert theirs.scores.index[0] == "r0"
    np.testing.assert_array_equal(ours.scores.to_numpy()[::-1], theirs.scores.to_numpy())
    one = measure.factor_scores(fit, frame.iloc[[7]])
    np.testing.assert_allclose(one.scores, ours.scores.iloc[[7]], atol=1e-12)
    nobody = measure.factor_scores(fit, frame.iloc[:0])
    assert nobody.scores.shape == (0, 3)
    assert nobody.quality["n"].tolist() == [0, 0, 0]
    assert nobody.quality["reliability"].isna().all()


def test_codes_are_labels(fit, frame):
    items = list(fit.moments.names)
    other = frame.assign(**{x: frame[x].map({1: -5, 2: 0, 3: 2, 4: 9}) for x in items})
    again = measure.cfa(HS39, other, ordered=True, std_lv=True)
    ours = measure.factor_scores(fit, frame).scores
    np.testing.assert_allclose(measure.factor_scores(again, other).scores, ours, atol=1e-9)


def test_scores_say_that_they_are_not_linear(fit, frame):
    for method, words in (("EBM", "curvature"), ("EAP", "standard deviations of the posterior")):
        found = measure.factor_scores(fit, frame, method=method)
        assert found.weights.shape == (3, 9)
        assert found.weights.isna().all(axis=None)
        assert "not linear" in found.notes[0]
        assert words in found.notes[0]
        assert words in repr(found)


def test_quality_is_what_the_scores_do_in_the_population():
    rng = np.random.default_rng(4)
    n, loadings = 20_000, np.array([0.8, 0.7, 0.6, 0.5])
    eta = rng.standard_normal(n)
    response = eta[:, None] * loadings + rng.standard_normal((n, 4)) * np.sqrt(1 - loadings**2)
    answers = pd.DataFrame(
        np.searchsorted([-1.0, 0.2, 1.1], response) + 1, columns=["a", "b", "c", "d"]
    )
    own = measure.cfa("f =~ a + b + c + d", answers, ordered=True, std_lv=True)
    found = measure.factor_scores(own, answers, method="EAP")
    score, quality = found.scores["f"], found.quality.iloc[0]
    r = np.corrcoef(score, eta)[0, 1]
    assert quality["determinacy"] == pytest.approx(r, abs=0.01)
    assert quality["reliability"] == pytest.approx(r**2, abs=0.015)
    assert quality["reliability"] == pytest.approx(score.var(), abs=0.01)
    assert quality["se"] == pytest.approx((score - eta).std(), rel=0.02)


def test_continuous_items_with_correlated_residuals_are_conditioned_on(frame):
    rng = np.random.default_rng(5)
    shared = rng.standard_normal(len(frame))
    latent = frame[["o7", "o8", "o9"]].mean(axis=1)
    more = frame.assign(
        x=latent + 0.5 * shared + rng.standard_normal(len(frame)),
        y=latent + 0.5 * shared + rng.standard_normal(len(frame)),
    )
    own = measure.cfa(f"{ONE} + x + y\nx ~~ y", more, ordered=["o7", "o8", "o9"], std_lv=True)
    joint = Joint.of(own.point.states[0], ["speed"])
    place = [list(own.moments.names).index(name) for name in ("x", "y")]
    found = measure.factor_scores(own, more, method="EAP")
    # By hand: the prior given x and y, times the probabilities of the three answers.
    among = joint.sigma[np.ix_(place, place)]
    weights = np.linalg.solve(among, joint.cross[place, 0])
    row = more.iloc[3]
    mean = (row[["x", "y"]].to_numpy(dtype=float) - joint.mu[place]) @ weights
    sd = np.sqrt(1 - joint.cross[place, 0] @ weights)
    grid = mean + sd * np.linspace(-8, 8, 4001)
    mass = norm.pdf(grid, mean, sd)
    for name in ("o7", "o8", "o9"):
        j = list(own.moments.names).index(name)
        ends = np.concatenate([[-np.inf], joint.thresholds[joint.items == j], [np.inf]])
        loading, code = joint.cross[j, 0], int(row[name])
        high, low = (
            norm.cdf((ends[code - k] - loading * grid) / np.sqrt(1 - loading**2)) for k in (0, 1)
        )
        mass = mass * (high - low)
    mass /= mass.sum()
    assert found.scores["speed"].iloc[3] == pytest.approx(mass @ grid, abs=2e-4)
    assert found.se["speed"].iloc[3] ** 2 == pytest.approx(
        mass @ (grid - mass @ grid) ** 2, abs=2e-4
    )


def test_a_random_predictor_informs_about_its_factor(frame):
    own = measure.sem(
        f"{ONE}\nspeed ~ age", with_age(frame), ordered=["o7", "o8", "o9"], fixed_x=False
    )
    found = measure.factor_scores(own, with_age(frame))
    same = frame.assign(age=11.0)
    older = measure.factor_scores(own, same.assign(age=15.0)).scores["speed"]
    slope = own.parameters.query("op == '~'")["est"].iloc[0]
    assert slope > 0
    assert (older > measure.factor_scores(own, same).scores["speed"]).all()
    assert found.scores["speed"].notna().all()


def with_age(frame):
    rng = np.random.default_rng(6)
    return frame.assign(age=13 + 0.4 * frame["o9"] + rng.standard_normal(len(frame)))


def test_a_factor_of_factors_follows_from_them(frame):
    own = fitted("ordinal_after_hs39_second_order")
    found = measure.factor_scores(own, frame, method="EAP")
    state = own.point.states[0]
    place = [state.block.eta.index(name) for name in ("visual", "textual", "speed")]
    g = state.block.eta.index("g")
    weights = np.linalg.solve(state.covariance[np.ix_(place, place)], state.covariance[place, g])
    by_hand = found.scores[["visual", "textual", "speed"]] @ weights
    np.testing.assert_allclose(found.scores["g"], by_hand, atol=1e-9)


def test_dependent_items_are_refused_by_name(frame):
    own = fitted("ordinal_after_hs39_residuals")
    for method in ("EBM", "EAP"):
        with pytest.raises(ModelError, match="o1 ~~ o2"):
            measure.factor_scores(own, frame, method=method)


def test_an_item_without_residual_is_refused_by_name():
    joint = groups("ordinal_after_hs39")[0].joint
    sigma = joint.sigma.copy()
    sigma[0, 0] = joint.cross[0, 0] ** 2
    with pytest.raises(ModelError, match="residual variance is left of o1"):
        replace(joint, sigma=sigma).score(np.zeros((1, 9)), "EBM")


def test_too_many_factors_for_quadrature():
    d = 9
    joint = Joint(
        [f"y{k}" for k in range(d)],
        [f"f{k}" for k in range(d)],
        np.zeros(d),
        np.eye(d),
        np.zeros(d),
        np.eye(d),
        0.7 * np.eye(d),
        np.zeros(d),
        np.arange(d),
    )
    with pytest.raises(OptionError, match=r'9 factors.*at most 8.*"EBM"'):
        joint.score(np.zeros((1, d)), "EAP")
    assert np.isfinite(joint.score(np.zeros((1, d)), "EBM").scores).all()
    # Factors that have nothing to do with each other are scored as if each were alone.
    alone = part(joint, np.array([0]), np.array([0])).score(np.zeros((1, 1)), "EBM")
    np.testing.assert_allclose(joint.score(np.zeros((1, d)), "EBM").scores, alone.scores[0, 0])


def test_rows_whose_missing_predictor_leaves_items_dependent_are_not_scored():
    # Both ordered items depend on x directly, so that they are independent only where it is known.
    sigma = np.array([[1.0, 0.5, 0.5], [0.5, 1.0, 0.4], [0.5, 0.4, 1.0]])
    cross = np.array([[0.0], [0.387298334620742], [0.387298334620742]])
    joint = Joint(
        ["x", "a", "b"],
        ["f"],
        np.zeros(3),
        sigma,
        np.zeros(1),
        np.eye(1),
        cross,
        np.zeros(2),
        np.array([1, 2]),
    )
    found = joint.score(np.array([[0.3, 1.0, 0.0], [np.nan, 1.0, 0.0], [1.0, np.nan, 1.0]]), "EBM")
    assert np.isfinite(found.scores[[0, 2]]).all()
    assert np.isnan(found.scores[1]).all()


def test_only_categories_of_the_fit_can_be_scored(fit, frame):
    strange = frame.assign(o5=frame["o5"].where(frame.index > 1, 7))
    with pytest.raises(DataError, match=r'"o5" holds 7 in 2 rows.*\(1, 2, 3, 4\)'):
        measure.factor_scores(fit, strange)


@pytest.mark.parametrize("method", ["regression", "Bartlett"])
def test_methods_for_continuous_items_are_refused(fit, frame, method):
    with pytest.raises(OptionError, match=r'"EBM".*"EAP"'):
        measure.factor_scores(fit, frame, method=method)


def test_groups_that_leave_a_factor_out(frame):
    text = """
    group: Pasteur
    visual =~ o1 + o2 + o3
    speed =~ o7 + o8 + o9
    group: Grant-White
    speed =~ o7 + o8 + o9
    o1 ~~ o2 + o3
    o2 ~~ o3
    """
    own = measure.cfa(text, frame, ordered=True, group="school")
    # o1 to o3 depend on each other in the second group.
    with pytest.raises(ModelError, match="o1 ~~ o2"):
        measure.factor_scores(own, frame)
    apart = text.replace("o1 ~~ o2 + o3", "o1 ~~ 0*o2 + 0*o3").replace("o2 ~~ o3", "o2 ~~ 0*o3")
    own = measure.cfa(apart, frame, ordered=True, group="school")
    found = measure.factor_scores(own, frame)
    pasteur = frame["school"] == "Pasteur"
    assert (found.scores["visual"].notna() == pasteur).all()
    assert found.scores["speed"].notna().all()
    quality = found.quality.set_index(["group", "factor"])["reliability"]
    assert np.isnan(quality["Grant-White", "visual"])
    assert quality.drop(("Grant-White", "visual")).between(0.3, 1).all()


def test_blocks_and_repeated_answers_change_nothing(monkeypatch):
    group = groups("ordinal_after_hs39")[0]
    answers = np.repeat(category_numbers(group), 3, axis=0)
    answers[::4, 2] = np.nan
    whole = group.joint.score(answers, "EBM")
    monkeypatch.setattr("measure.scoring.factor_posterior.BLOCK", 5)
    np.testing.assert_allclose(group.joint.score(answers, "EBM").scores, whole.scores, atol=1e-10)
    one_by_one = [group.joint.score(row[None], "EBM").scores[0] for row in answers]
    np.testing.assert_allclose(one_by_one, whole.scores, atol=1e-10)
