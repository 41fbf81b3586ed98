"""Factor scores."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import measure
from measure.errors import DataError, ListwiseWarning, OptionError
from tests.measure.after_fits import AFTER, ONE_GROUP_ONLY, fitted, results
from tests.measure.reference_fits import continuous, refit
from tests.reference_cases import case, data, matrix

METHODS = ("regression", "Bartlett")
HS39 = case("cfa_hs39_3f")["model"]
WITH_SCORES = [name for name in continuous("cfa") if "factor_scores_first10" in case(name)]
SCORED = [name for name in AFTER if "scores" in results(name)]


@pytest.fixture(scope="module")
def fit():
    return measure.cfa(HS39, data("hs39.csv"))


def rows_of_group(fit, frame, k):
    """Rows of a group as lavaan counts them: those with an answer to something."""
    rows = frame if fit.options.group is None else frame[frame["school"] == fit.moments.groups[k]]
    return rows[rows[list(fit.moments.names)].notna().any(axis=1)]


@pytest.mark.parametrize("name", WITH_SCORES)
def test_regression_scores_agree_with_lavaan(name):
    reference = case(name)
    theirs = matrix(reference["factor_scores_first10"])
    fit = refit(reference, reference)
    ours = measure.factor_scores(fit, data(reference["data"])).scores
    np.testing.assert_allclose(ours[theirs.columns].iloc[:10], theirs, atol=1e-4)


@pytest.mark.parametrize("name", SCORED)
@pytest.mark.parametrize("method", METHODS)
def test_scores_and_standard_errors_agree_with_lavaan(name, method):
    fit, frame = fitted(name), data(case(name)["data"])
    found = measure.factor_scores(fit, frame, method=method)
    for k, theirs in enumerate(results(name)["scores"][method]):
        rows = rows_of_group(fit, frame, k).index[:10]
        scores, se = matrix(theirs["scores"]), matrix(theirs["se"])
        determined = [f for f in scores if not (method == "Bartlett" and f == "g")]
        np.testing.assert_allclose(
            found.scores.loc[rows, determined], scores[determined], atol=1e-4
        )
        # lavaan gives one row of standard errors where nothing is missing.
        errors = found.se.loc[rows[: len(se)], determined]
        np.testing.assert_allclose(errors, se[determined], atol=1e-4)


@pytest.mark.parametrize("name", AFTER)
def test_regression_weights_are_those_of_the_implied_moments(name):
    """Also where an outcome's residual covaries with a factor, which lavPredict leaves out."""
    fit = fitted(name)
    weights = measure.factor_scores(fit, data(case(name)["data"])).weights
    for k, theirs in enumerate(results(name)["expected_scores"]):
        own = weights if fit.n_groups == 1 else weights.loc[fit.moments.groups[k]]
        wanted = matrix(theirs["weights"])
        np.testing.assert_allclose(own.loc[wanted.index, wanted.columns], wanted, atol=1e-4)


def test_an_outcome_informs_about_its_factor():
    frame = data("hs39.csv").dropna(subset=["grade"])
    fit = measure.sem("speed =~ x7 + x8 + x9\ngrade ~ speed", frame)
    as_item = measure.sem("speed =~ x7 + x8 + x9 + grade", frame)
    for method in METHODS:
        ours = measure.factor_scores(fit, frame, method=method)
        theirs = measure.factor_scores(as_item, frame, method=method)
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-5)
        np.testing.assert_allclose(ours.se, theirs.se, atol=1e-5)


def test_a_predictor_of_an_item_is_taken_off_in_bartlett_scores():
    frame = data("hs39.csv").dropna(subset=["ageyr"])
    fit = measure.sem("f =~ x7 + x8 + x9\nx9 ~ ageyr", frame)
    found = measure.factor_scores(fit, frame, method="Bartlett")
    slope = fit.parameters.query("op == '~'")["est"].iloc[0]
    weights = found.weights.loc["f"]
    assert weights["ageyr"] == pytest.approx(0, abs=1e-8) or weights["ageyr"] == pytest.approx(
        -slope * weights["x9"], abs=1e-8
    )


def test_means_without_a_mean_structure_are_those_of_free_intercepts():
    frame = data("hs39.csv")
    text = f"{HS39}\nvisual ~ ageyr"
    with_means = measure.sem(text, frame, meanstructure=True)
    for method in METHODS:
        ours = measure.factor_scores(measure.sem(text, frame), frame, method=method).scores
        theirs = measure.factor_scores(with_means, frame, method=method).scores
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_bartlett_scores_are_unbiased_for_a_person(fit):
    found = measure.factor_scores(fit, data("hs39.csv"), method="Bartlett")
    loadings = fit.point.states[0].matrices["lambda_"]
    np.testing.assert_allclose(found.weights @ loadings, np.eye(3), atol=1e-10)


def test_quality_is_what_the_scores_do_in_the_population(fit):
    rng = np.random.default_rng(3)
    state = fit.point.states[0]
    factors = rng.multivariate_normal(np.zeros(3), state.covariance, size=40_000)
    errors = rng.standard_normal((40_000, 9)) * np.sqrt(np.diag(state.matrices["theta"]))
    frame = data("hs39.csv")[list(fit.moments.names)]
    answers = factors @ state.matrices["lambda_"].T + errors + frame.mean().to_numpy()
    people = frame.reindex(range(40_000)).assign(**dict(zip(frame, answers.T, strict=True)))
    for method in METHODS:
        found = measure.factor_scores(fit, people, method=method)
        quality = found.quality.set_index("factor")
        for k, name in enumerate(found.scores):
            r = np.corrcoef(found.scores[name], factors[:, k])[0, 1]
            assert quality.loc[name, "determinacy"] == pytest.approx(r, abs=0.01)
            spread = (found.scores[name] - factors[:, k]).std()
            assert quality.loc[name, "se"] == pytest.approx(spread, rel=0.02)
    assert (quality["minimum_correlation"] == 2 * quality["reliability"] - 1).all()


@settings(max_examples=10, deadline=None)
@given(order=st.permutations([f"x{k}" for k in range(1, 10)]))
def test_scores_do_not_depend_on_the_order_of_the_items(fit, order):
    frame = data("hs39.csv")
    shuffled = "\n".join(
        f"{factor} =~ {' + '.join(sorted(items, key=order.index))}"
        for factor, items in (
            ("visual", ["x1", "x2", "x3"]),
            ("textual", ["x4", "x5", "x6"]),
            ("speed", ["x7", "x8", "x9"]),
        )
    )
    other = measure.cfa(shuffled, frame[order])
    for method in METHODS:
        ours = measure.factor_scores(fit, frame, method=method)
        theirs = measure.factor_scores(other, frame, method=method)
        # Another item may scale the factor, so that scores are compared in its standard deviations.
        for name in ("visual", "textual", "speed"):
            a, b = ours.scores[name], theirs.scores[name]
            np.testing.assert_allclose(a / a.std(), b / b.std(), atol=1e-4)


def test_rows_keep_their_index_and_incomplete_rows_are_named(fit):
    frame = data("hs39_mcar.csv").set_index("id")
    found = measure.factor_scores(fit, frame)
    assert found.scores.index.equals(frame.index)
    items = frame[list(fit.moments.names)]
    assert (found.scores.notna().all(axis=1) == items.notna().all(axis=1)).all()
    n = int(items.isna().any(axis=1).sum())
    assert found.notes[0].startswith(f"{n} of 301 rows")
    assert "quality" in repr(found)


def test_after_fiml_rows_are_scored_from_the_answers_they_have():
    frame = data("hs39_mcar.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ListwiseWarning)
        fit = measure.cfa(HS39, frame, missing="fiml")
    found = measure.factor_scores(fit, frame)
    answered = frame[list(fit.moments.names)].notna()
    assert (found.scores.notna().all(axis=1) == answered.any(axis=1)).all()
    fewer = found.se["visual"] > found.se["visual"].min() + 1e-9
    some = answered.any(axis=1) & (answered[["x1", "x2", "x3"]].sum(axis=1) < 3)
    assert fewer[some].all()
    bartlett = measure.factor_scores(fit, frame, method="Bartlett")
    nothing = ~answered[["x4", "x5", "x6"]].any(axis=1)
    assert nothing.any()
    assert (bartlett.scores["textual"].isna() == nothing).all()
    quality = bartlett.quality.set_index("factor")
    assert (quality["mean_reliability"] < quality["reliability"]).all()


def test_new_rows_are_scored_one_at_a_time(fit):
    frame = data("hs39.csv")
    whole = measure.factor_scores(fit, frame).scores
    one = measure.factor_scores(fit, frame.iloc[[7]]).scores
    np.testing.assert_allclose(one, whole.iloc[[7]], rtol=1e-12)


def test_factors_of_factors_have_no_bartlett_scores():
    found = measure.factor_scores(
        fitted("after_hs39_second_order"), data("hs39.csv"), method="Bartlett"
    )
    assert found.scores["g"].isna().all()
    assert found.scores[["visual", "textual", "speed"]].notna().all(axis=None)
    assert found.notes[0].startswith("g: no scores")


@pytest.mark.parametrize("method", METHODS)
def test_a_factor_that_one_group_leaves_out_has_no_scores_there(method):
    frame = data("hs39.csv")
    fit = measure.sem(ONE_GROUP_ONLY, frame, group="school")
    found = measure.factor_scores(fit, frame, method=method)
    pasteur = frame["school"] == "Pasteur"
    assert (found.scores["f"].notna() == pasteur).all()
    assert found.scores["s"].notna().all()
    alone = measure.cfa("s =~ x7 + x8 + x9", frame[~pasteur], meanstructure=True)
    theirs = measure.factor_scores(alone, frame[~pasteur], method=method)
    np.testing.assert_allclose(found.scores.loc[~pasteur, "s"], theirs.scores["s"], atol=1e-4)


@pytest.mark.parametrize(
    ("method", "words"),
    [("EBM", "ordered items"), ("EAP", "ordered items"), ("sum", "not known")],
)
def test_other_methods_are_refused_by_name(fit, method, words):
    with pytest.raises(OptionError, match=words):
        measure.factor_scores(fit, data("hs39.csv"), method=method)


def test_groups_have_to_be_known():
    fit, frame = fitted("after_hs39_school_free"), data("hs39.csv")
    with pytest.raises(DataError, match='"school"'):
        measure.factor_scores(fit, frame.drop(columns="school"))
    with pytest.raises(DataError, match="Lyngby"):
        measure.factor_scores(fit, frame.assign(school="Lyngby"))
    ungrouped = frame.assign(school=frame["school"].where(frame.index != 0))
    assert measure.factor_scores(fit, ungrouped).scores.iloc[0].isna().all()


def test_covariances_without_means_give_no_scores():
    frame = data("hs39.csv")
    items = [f"x{k}" for k in range(1, 10)]
    bare = measure.cfa(HS39, sample_cov=frame[items].cov(), sample_nobs=301)
    with pytest.raises(OptionError, match="sample_mean"):
        measure.factor_scores(bare, frame)
    groups = {label: own[items] for label, own in frame.groupby("school", sort=False)}
    several = measure.cfa(
        HS39,
        sample_cov={label: own.cov() for label, own in groups.items()},
        sample_mean={label: own.mean() for label, own in groups.items()},
        sample_nobs={label: len(own) for label, own in groups.items()},
    )
    with pytest.raises(OptionError, match="no column"):
        measure.factor_scores(several, frame)
