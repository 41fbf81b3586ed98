"""Cross-validation against its definition, against known truth, and its errors."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, OptionError
from tests.reference_cases import data

THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
ONE = "g =~ x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9"
FOUR = "f =~ x7 + x8 + x9 + x3"
ITEMS = [f"x{k}" for k in range(1, 10)]


@pytest.fixture(scope="module")
def hs39():
    return data("hs39.csv")


@pytest.fixture(scope="module")
def result(hs39):
    models = {"three": measure.cfa(THREE, hs39), "one": ONE}
    return measure.cross_validate(models, hs39, folds=5, seed=7)


def test_discrepancy_is_that_of_held_out_moments(hs39):
    """Two folds, taken apart by hand: fit on one, ML discrepancy of the other."""
    found = measure.cross_validate({"three": THREE}, hs39, folds=2, seed=3)
    rng = np.random.default_rng(np.random.SeedSequence(3, spawn_key=(0,)))
    fold = np.empty(len(hs39), dtype=int)
    fold[rng.permutation(len(hs39))] = np.arange(len(hs39)) % 2
    for k in range(2):
        fit = measure.cfa(THREE, hs39[fold != k])
        held = hs39.loc[fold == k, ITEMS].to_numpy()
        sigma, mu = fit.implied_moments[0].sigma, fit.moments.sample[0].mu
        order = [fit.moments.names.index(name) for name in ITEMS]
        sigma, mu = sigma[np.ix_(order, order)], mu[order]
        s, gap = np.cov(held, rowvar=False, ddof=0), held.mean(axis=0) - mu
        wanted = (
            np.linalg.slogdet(sigma)[1]
            + np.trace(np.linalg.solve(sigma, s + np.outer(gap, gap)))
            - np.linalg.slogdet(s)[1]
            - len(ITEMS)
        )
        row = found.folds.query(f"fold == {k + 1}").iloc[0]
        assert row["cvi"] == pytest.approx(wanted, rel=1e-9)
        assert (row["n_train"], row["n_test"]) == ((fold != k).sum(), (fold == k).sum())
    assert found.models["cvi"][0] == pytest.approx(found.folds["cvi"].mean())


def test_numbers_belong_together(result):
    models = result.models.set_index("model")
    row = result.differences.iloc[0]
    assert (row["model_a"], row["model_b"]) == ("three", "one")
    assert row["difference"] == pytest.approx(
        models.loc["three", "deviance"] - models.loc["one", "deviance"]
    )
    assert row["ci.upper"] < 0
    assert row["ci.upper"] - row["difference"] == pytest.approx(1.959963984540054 * row["se"])
    assert row["n"] == result.n_obs == result.n_units == 301
    weights = result.folds["n_test"] * result.folds["deviance"]
    for name in ("three", "one"):
        own = result.folds["model"] == name
        total = weights[own].sum() / 301
        assert models.loc[name, "deviance"] == pytest.approx(total)
        spread = result.folds.loc[own, "deviance"].std() / np.sqrt(5)
        assert models.loc[name, "se.folds"] == pytest.approx(spread)
    assert result.folds.groupby("model")["n_test"].sum().tolist() == [301, 301]
    assert list(models["n_failed"]) == [0, 0]
    assert result.notes == ()
    assert "Cross-validation" in repr(result)
    assert "<table" in result._repr_html_()


def test_the_seed_and_not_the_workers_decide(hs39, result, workers_here):
    same = measure.cross_validate({"three": THREE, "one": ONE}, hs39, folds=5, seed=7)
    pd.testing.assert_frame_equal(same.folds, result.folds, rtol=1e-8)
    other = measure.cross_validate({"three": THREE, "one": ONE}, hs39, folds=5, seed=8)
    assert abs(other.folds["deviance"] - result.folds["deviance"]).max() > 1e-3
    models = {"one": "f =~ x1 + x2 + x3 + x4"}
    serial = measure.cross_validate(models, hs39, folds=3, repeats=4, seed=1)
    shared = measure.cross_validate(models, hs39, folds=3, repeats=4, seed=1, workers=2)
    pd.testing.assert_frame_equal(serial.folds, shared.folds)


def test_repetitions_are_averaged(hs39):
    found = measure.cross_validate({"one": ONE}, hs39, folds=4, repeats=3, seed=2)
    assert found.folds["repetition"].unique().tolist() == [1, 2, 3]
    per_row = found.folds["n_test"] * found.folds["deviance"]
    assert found.models["deviance"][0] == pytest.approx(per_row.sum() / (3 * 301))


def test_clusters_are_held_out_as_a_whole(hs39):
    frame = hs39.assign(team=np.arange(len(hs39)) // 7)
    found = measure.cross_validate({"three": THREE}, frame, folds=5, seed=1, cluster="team")
    assert found.n_units == 43
    # The last team has the seven rows of a team as well: every fold has whole teams.
    assert (found.folds["n_test"] % 7 == 0).all()
    by_fit = measure.cross_validate(
        {"three": measure.cfa(THREE, frame, cluster="team")}, frame, folds=5, seed=1
    )
    assert by_fit.n_units == 43
    np.testing.assert_allclose(by_fit.folds["deviance"], found.folds["deviance"], rtol=1e-7)


def test_copies_in_clusters_do_not_shrink_the_standard_error(hs39):
    models = {"three": THREE, "one": ONE}
    once = measure.cross_validate(models, hs39, folds=5, seed=1)
    frame = pd.concat([hs39, hs39]).assign(unit=[*range(len(hs39))] * 2)
    twice = measure.cross_validate(models, frame, folds=5, seed=1, cluster="unit")
    assert twice.n_obs == 602
    np.testing.assert_allclose(twice.models["deviance"], once.models["deviance"], rtol=1e-7)
    np.testing.assert_allclose(twice.differences["se"], once.differences["se"], rtol=1e-6)


@pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning")
def test_groups_are_dealt_and_compared_within(hs39):
    fits = {
        name: measure.cfa(THREE, hs39, group="school", group_equal=equal)
        for name, equal in (("free", ()), ("strict", ("loadings", "intercepts", "residuals")))
    }
    found = measure.cross_validate(fits, hs39, folds=4, seed=1)
    assert found.folds["n_test"].between(75, 76).all()
    assert found.models["cvi"].gt(0).all()
    assert found.differences["n"].tolist() == [301]


def test_incomplete_rows_count_with_the_answers_they_have():
    frame = data("hs39_mcar.csv")
    answered = frame.dropna(subset=ITEMS, how="all")
    found = measure.cross_validate(
        {"three": measure.cfa(THREE, answered, missing="fiml")}, frame, folds=3, seed=1
    )
    assert found.n_obs == len(answered)
    assert found.models["cvi"].isna().all()
    assert "missing answers" in found.notes[0]
    listwise = measure.cross_validate({"three": THREE}, frame, folds=3, seed=1)
    assert listwise.n_obs == len(frame.dropna(subset=ITEMS))


def test_auxiliary_variables_are_not_predicted():
    frame = data("hs39_mcar.csv").dropna(subset=ITEMS, how="all")
    helped = measure.cfa(THREE, frame, missing="fiml", auxiliary=["ageyr"])
    plain = measure.cfa(THREE, frame, missing="fiml")
    found = measure.cross_validate({"helped": helped, "plain": plain}, frame, folds=3, seed=1)
    # They nearly agree, as the variable says little; with it predicted they would differ by 2.
    assert abs(found.differences["difference"][0]) < 0.05


def test_small_folds_have_no_moments_of_their_own(hs39):
    found = measure.cross_validate({"one": ONE}, hs39.head(60), folds=10, seed=1)
    assert found.models["cvi"].isna().all()
    assert np.isfinite(found.models["deviance"]).all()
    assert "no more rows than there are variables" in found.notes[0]


def test_failures_are_counted_and_the_rest_is_used(hs39):
    # The only row with another answer is held out once: the item is then constant.
    frame = hs39.head(80).assign(x1=0.0)
    frame.loc[frame.index[0], "x1"] = 1.0
    models = {"plain": f"{FOUR}\nx1 ~~ x1", "pair": f"{FOUR}\nx7 ~~ x8\nx1 ~~ x1"}
    found = measure.cross_validate(models, frame, folds=4, seed=1)
    assert found.models["n_failed"].tolist() == [1, 1]
    assert found.failures["error"].tolist() == ["DataError", "DataError"]
    assert found.failures["count"].tolist() == [1, 1]
    assert '"x1"' in found.failures["message"][0]
    assert found.differences["n"].tolist() == [60]
    assert "could not be fitted 1 times" in found.notes[0]
    assert "Failures" in repr(found)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"folds": 1}, OptionError, "whole number from 2 to 301"),
        ({"folds": 302}, OptionError, "number of respondents"),
        ({"folds": 2.5}, OptionError, "folds is 2.5"),
        ({"folds": 3, "cluster": "school"}, OptionError, "number of clusters"),
        ({"cluster": "team"}, OptionError, 'need one column "team"'),
        ({"level": 95}, OptionError, "between 0 and 1"),
        ({"repeats": 0}, OptionError, "number of repetitions"),
        ({"models": {}}, OptionError, "dictionary"),
        ({"models": {"a": "f =~ x1 + x2 + nobody"}}, DataError, "nobody"),
        ({"models": {"a": THREE, "b": "f =~ x1 + x2 + x3 + x4"}}, OptionError, "x5"),
        ({"models": {1: THREE, "1": ONE}}, OptionError, "same name"),
    ],
)
def test_wrong_input_is_refused(hs39, arguments, error, words):
    given = {"models": {"three": THREE}, "seed": 1} | arguments
    with pytest.raises(error, match=words):
        measure.cross_validate(given.pop("models"), hs39, **given)


def test_models_of_other_rows_are_refused(hs39):
    fits = {"a": measure.cfa(THREE, hs39), "b": measure.cfa(ONE, hs39, missing="fiml")}
    with pytest.raises(OptionError, match='missing="fiml"'):
        measure.cross_validate(fits, hs39, seed=1)
    by_moments = measure.cfa(ONE, sample_cov=hs39[ITEMS].cov(), sample_nobs=301)
    with pytest.raises(OptionError, match="fitted to covariances"):
        measure.cross_validate({"a": by_moments}, hs39, seed=1)


@pytest.mark.slow
def test_the_discrepancy_of_a_true_model_has_the_expected_mean():
    """Cudeck & Browne (1983): moments over the held-out rows plus parameters over the others."""
    text = "f =~ x1 + x2 + x3\ng =~ x4 + x5 + x6"
    loadings = np.kron(np.eye(2), np.array([[0.8], [0.7], [0.6]]))
    common = loadings @ np.array([[1.0, 0.4], [0.4, 1.0]]) @ loadings.T
    truth = common + np.diag(1 - np.diag(common))
    rng, found = np.random.default_rng(1983), []
    names = [f"x{k}" for k in range(1, 7)]
    for _ in range(300):
        rows = rng.standard_normal((1000, 6)) @ np.linalg.cholesky(truth).T
        frame = pd.DataFrame(rows, columns=names)
        found.append(
            measure.cross_validate({"true": text}, frame, folds=2, seed=1).models["cvi"][0]
        )
    # 21 covariances and 6 means; 13 parameters and 6 means. 300 samples leave about 1 %.
    assert np.mean(found) == pytest.approx(27 / 500 + 19 / 500, rel=0.04)
