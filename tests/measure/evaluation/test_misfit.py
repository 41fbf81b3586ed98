"""Residuals, implied moments, and the unbiased SRMR."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import OptionError
from measure.evaluation.misfit import _unbiased
from measure.evaluation.residual_spread import residual_covariances, sample_covariances
from tests.measure.after_fits import AFTER, TIED, fitted, results
from tests.reference_cases import case, data, matrix

HS39 = case("cfa_hs39_3f")["model"]
SRMR = ("cor.bentler", "srmr"), ("cor.bollen", "crmr")
# lavaan leaves out what a group's moments contribute to the tied estimates of another, and what the
# moments of fixed predictors have in common with the others. Both are tested below by themselves.
MIMIC = "after_hs39_mimic"
LIKE_LAVAAN = [name for name in AFTER if name not in (TIED, MIMIC)]


@pytest.fixture(scope="module")
def fit():
    return measure.cfa(HS39, data("hs39.csv"), meanstructure=True)


def group_of(table, fit, k):
    return table if fit.n_groups == 1 else table.loc[fit.moments.groups[k]]


def test_residuals_agree_with_lavaan():
    reference = case("cfa_hs39_residcov")
    ours = measure.cfa(reference["model"], data("hs39.csv"))
    for kind, key in (("raw", "raw"), ("cor.bentler", "cor_bentler")):
        theirs = np.array(reference["residuals"][key]["cov"]["values"])
        np.testing.assert_allclose(measure.residuals(ours, kind=kind), theirs, atol=1e-6)


@pytest.mark.parametrize("name", LIKE_LAVAAN)
def test_standardized_and_normalized_residuals_agree_with_lavaan(name):
    fit = fitted(name)
    for kind, key in (("standardized", "z"), ("normalized", "normalized")):
        table = measure.residuals(fit, kind=kind)
        for k, theirs in enumerate(results(name)["residuals"]):
            wanted = matrix(theirs[key])
            ours = group_of(table, fit, k).loc[wanted.index, wanted.columns]
            # Residuals of 0 divided by a standard error of rounding are no numbers to compare.
            told = wanted.abs() > 0.05
            np.testing.assert_allclose(ours[told], wanted[told], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", LIKE_LAVAAN)
@pytest.mark.parametrize(("kind", "word"), SRMR)
def test_unbiased_srmr_agrees_with_lavaan(name, kind, word):
    fit = fitted(name)
    table = measure.srmr_test(fit, kind=kind)
    for k, theirs in enumerate(results(name)["residuals"]):
        wanted = matrix(theirs[word])
        # lavaan's own spelling of one of the limits
        wanted = wanted.rename(index={"ucrmr.cilupper": "ucrmr.ci.upper"})
        ours = group_of(table, fit, k).T
        assert list(ours.index) == list(wanted.index)
        for part in ours.columns:
            if ours[part].isna().any():
                # The means of a saturated mean structure fit perfectly.
                assert part == "mean"
                assert wanted.loc[word, part] == pytest.approx(0, abs=1e-6)
                continue
            np.testing.assert_allclose(ours[part], wanted[part], rtol=1e-4, atol=1e-4)


def test_standard_errors_of_residuals_hold_in_repeated_samples():
    """With loadings tied across groups, other groups' moments move the estimates too."""
    start = fitted(TIED)
    rng = np.random.default_rng(11)
    roots = [np.linalg.cholesky(m.sigma) for m in start.implied_moments]
    columns = [f"x{k}" for k in range(1, 10)]
    residuals = []
    for _ in range(300):
        parts = [
            pd.DataFrame(rng.standard_normal((n, 9)) @ root.T, columns=columns).assign(school=label)
            for n, root, label in zip(start.moments.n_obs, roots, start.moments.groups, strict=True)
        ]
        own = measure.cfa(
            HS39, pd.concat(parts), group="school", group_equal=["loadings"], se="none"
        )
        residuals.append(
            [
                s.sigma - m.sigma
                for s, m in zip(own.moments.sample, own.implied_moments, strict=True)
            ]
        )
    found = np.std(residuals, axis=0)
    a, b = np.triu_indices(9, 1)
    for k, spread in enumerate(residual_covariances(start)):
        expected = np.zeros((9, 9))
        expected[np.triu_indices(9)] = np.sqrt(np.diag(spread)[9:])
        ratio = found[k][a, b] / expected[a, b]
        assert np.median(ratio) == pytest.approx(1.0, abs=0.05)
        assert ((ratio > 0.8) & (ratio < 1.25)).all()


def test_normalized_residuals_are_smaller(fit):
    standard = measure.residuals(fit, kind="standardized").abs().to_numpy()
    normal = measure.residuals(fit, kind="normalized").abs().to_numpy()
    assert (normal <= standard + 1e-3).all()
    for spread, sample in zip(residual_covariances(fit), sample_covariances(fit), strict=True):
        assert np.linalg.eigvalsh(spread)[0] > -1e-10
        assert (np.diag(spread) <= np.diag(sample) * (1 + 1e-6)).all()


def test_fixed_predictors_have_the_residuals_of_random_ones():
    fixed = measure.residuals(fitted(MIMIC), kind="standardized")
    random = measure.residuals(fitted(f"{MIMIC}_random"), kind="standardized")
    assert (fixed.loc[["ageyr", "grade"], ["ageyr", "grade"]] == 0).all(axis=None)
    np.testing.assert_allclose(fixed, random.loc[fixed.index, fixed.columns], atol=1e-4)


def test_groups_are_stacked():
    fit = fitted("after_hs39_school_free")
    table, moments = measure.residuals(fit, kind="raw"), measure.implied(fit)
    assert list(table.index.get_level_values(0).unique()) == ["Pasteur", "Grant-White"]
    for k, label in enumerate(fit.moments.groups):
        total = table.loc[label] + moments.loc[label]
        np.testing.assert_allclose(total.iloc[:9], fit.moments.sample[k].sigma, atol=1e-12)
        np.testing.assert_allclose(total.loc["~1"], fit.moments.sample[k].mu, atol=1e-12)


def test_implied_and_residual_make_the_sample(fit):
    total = measure.implied(fit) + measure.residuals(fit, kind="raw")
    np.testing.assert_allclose(total.iloc[:9], fit.moments.sample[0].sigma, atol=1e-12)
    np.testing.assert_allclose(total.loc["~1"], fit.moments.sample[0].mu, atol=1e-12)


def test_correlation_residuals_have_no_diagonal(fit):
    bollen = measure.residuals(fit, kind="cor.bollen").iloc[:9]
    np.testing.assert_allclose(np.diag(bollen), 0.0, atol=1e-12)


def test_srmr_is_the_mean_square_of_its_residuals(fit):
    residual = measure.residuals(fit, kind="cor.bentler").iloc[:9].to_numpy()
    squares = residual[np.tril_indices(9)] ** 2
    assert fit.fit_measures["srmr_bentler_nomean"] == pytest.approx(np.sqrt(squares.mean()))
    table = measure.srmr_test(fit)
    assert table.loc["cov", "srmr"] == pytest.approx(np.sqrt(squares.mean()))
    assert table.loc["total", "srmr"] == pytest.approx(fit.fit_measures["srmr"])


def test_a_saturated_model_has_no_test_of_close_fit():
    table = measure.srmr_test(measure.cfa("f =~ x1 + x2 + x3", data("hs39.csv")))
    assert table.loc["cov", "srmr"] == pytest.approx(0, abs=1e-6)
    assert np.isnan(table.loc["cov", "usrmr"])


def test_unbiased_srmr_takes_off_what_chance_makes():
    e, spread = np.array([0.1, -0.05, 0.08]), np.diag([1e-3, 2e-3, 1.5e-3])
    found = _unbiased(e, spread, 0.05, 0.90)
    total, first, second = 0.0189, 4.5e-3, 7.25e-6
    k = 1 - (second + 2 * (1e-5 + 5e-6 + 9.6e-6)) / (4 * total**2)
    assert found["urms"] == pytest.approx(np.sqrt((total - first) / 3) / k)
    assert found["rms"] == pytest.approx(np.sqrt(total / 3))


@pytest.mark.parametrize(
    ("options", "words"),
    [({"kind": "raw"}, "not known"), ({"close": -1}, "close"), ({"level": 90}, "level")],
)
def test_wrong_options_of_the_test_are_named(fit, options, words):
    with pytest.raises(OptionError, match=words):
        measure.srmr_test(fit, **options)


def test_other_kinds_are_refused(fit):
    with pytest.raises(OptionError, match="not known"):
        measure.residuals(fit, kind="x")
