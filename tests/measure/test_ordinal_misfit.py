"""Residuals and SRMR of models for ordered items against lavaan's."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.evaluation.misfit import _standardised_answers, _unbiased
from measure.evaluation.residual_spread import residual_covariances
from tests.measure.ordinal_misfit_fits import MISFIT, fitted, results
from tests.reference_cases import case, data, matrix

WITH_RESIDUALS = [name for name in MISFIT if "residuals" in results(name)]
ONE_GROUP = [name for name in WITH_RESIDUALS if "group" not in case(name)["options"]]
SCHOOL, TIED = "ordinal_misfit_hs39_school", "ordinal_misfit_hs39_school_equal"
MIXED = "ordinal_misfit_bfi_mixed"
N = ["N1", "N2", "N3", "N4", "N5"]


def threshold_rows(table):
    return table.loc[[row for row in table.index if row.startswith("|")]]


def as_list(table):
    """Thresholds item by item."""
    values = threshold_rows(table).to_numpy().T.ravel()
    return values[~np.isnan(values)]


@pytest.mark.parametrize("name", ONE_GROUP)
def test_standardized_and_normalized_residuals_agree_with_lavaan(name):
    fit, (theirs,) = fitted(name), results(name)["residuals"]
    for kind, key in (("standardized", "z"), ("normalized", "normalized")):
        table, wanted = measure.residuals(fit, kind=kind), matrix(theirs[key])
        ours = table.loc[wanted.index, wanted.columns]
        # Residuals of 0 divided by a standard error of rounding are no numbers to compare.
        told = wanted.abs() > 0.05
        np.testing.assert_allclose(ours[told], wanted[told], rtol=2e-4, atol=2e-4)
        if kind == "standardized":
            z = [0.0 if value is None else value for value in theirs["z_thresholds"].values()]
            np.testing.assert_allclose(as_list(table), z, atol=1e-4)


def test_residuals_of_a_group_are_over_its_own_respondents():
    """lavaan divides the covariances of a group's moments by the respondents of all groups."""
    fit = fitted(SCHOOL)
    for kind, key in (("standardized", "z"), ("normalized", "normalized")):
        table = measure.residuals(fit, kind=kind)
        for k, theirs in enumerate(results(SCHOOL)["residuals"]):
            wanted = matrix(theirs[key]) * np.sqrt(fit.moments.shares[k])
            ours = table.loc[fit.moments.groups[k]].loc[wanted.index, wanted.columns]
            np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-4)


def in_lavaan_order(fit, kind):
    """lavaan's total: residuals in another order (thresholds last) than their covariances."""
    whole = _standardised_answers(
        fit.moments.sample[0],
        fit.implied_moments[0],
        residual_covariances(fit)[0],
        kind,
        fit.moments.layout,
    )
    order, own = whole.parts["total"], whole.parts
    p = len(fit.moments.names)
    fixed = np.array([k * p - k * (k - 1) // 2 for k in range(p)])
    # Its covariances have no place for the variances of ordered items, which come last.
    cov = own["cov"] if kind == "cor.bollen" else np.delete(own["cov"], fixed)
    moved = np.concatenate([cov, own["thresholds"]])
    kept = np.concatenate([own["thresholds"], cov])
    e, spread = np.zeros(len(order)), np.zeros((len(order),) * 2)
    e[: len(moved)] = whole.values[moved]
    spread[: len(kept), : len(kept)] = whole.spread[np.ix_(kept, kept)]
    return _unbiased(e, spread, 0.05, 0.90)


@pytest.mark.parametrize("name", ONE_GROUP)
@pytest.mark.parametrize(("kind", "word"), [("cor.bentler", "srmr"), ("cor.bollen", "crmr")])
def test_unbiased_srmr_agrees_with_lavaan(name, kind, word):
    fit, (theirs,) = fitted(name), results(name)["residuals"]
    table = measure.srmr_test(fit, kind=kind).T
    wanted = matrix(theirs[word]).rename(index={"ucrmr.cilupper": "ucrmr.ci.upper"})
    assert list(table.index) == list(wanted.index)
    np.testing.assert_allclose(table["cov"], wanted["cor"], rtol=1e-4, atol=1e-4)
    if table["thresholds"].isna().any():
        # Free thresholds fit perfectly.
        assert wanted.loc[word, "thresholds"] == pytest.approx(0, abs=1e-6)
    else:
        np.testing.assert_allclose(table["thresholds"], wanted["thresholds"], rtol=1e-4, atol=1e-4)
    if word == "crmr":
        total = list(in_lavaan_order(fit, kind).values())
        np.testing.assert_allclose(total, wanted["total"], rtol=2e-4, atol=2e-4)
    for row in (word, f"{word}.se", f"{word}.exactfit.z"):
        assert table.loc[row, "total"] == pytest.approx(wanted.loc[row, "total"], rel=1e-4)


@pytest.mark.parametrize("kind", ["cor.bentler", "cor.bollen"])
def test_thresholds_that_fit_perfectly_change_the_divisor_only(kind):
    """What lavaan's total, in another order than its covariances, does not give."""
    table = measure.srmr_test(fitted("ordinal_misfit_hs39"), kind=kind).T
    ratio = (table["total"] / table["cov"]).filter(regex=r"rmr$|se$|ci")
    n = 36 + 9 * (kind == "cor.bentler")
    np.testing.assert_allclose(ratio, np.sqrt(n / (n + 27)), rtol=1e-9)


def test_standard_errors_of_residuals_hold_in_repeated_samples():
    """Thresholds and correlations of two groups whose thresholds and loadings are tied."""
    start = fitted(TIED)
    rng = np.random.default_rng(11)
    names = start.moments.names
    residuals = []
    for _ in range(200):
        parts = []
        for n, model, label in zip(
            start.moments.n_obs, start.implied_moments, start.moments.groups, strict=True
        ):
            z = rng.standard_normal((4 * n, 6)) @ np.linalg.cholesky(model.sigma).T
            cuts = model.thresholds.reshape(6, 3)
            codes = (z[:, :, None] > cuts).sum(axis=2)
            parts.append(pd.DataFrame(codes, columns=names).assign(school=label))
        own = measure.cfa(
            start.text,
            pd.concat(parts),
            ordered=list(names),
            group="school",
            group_equal=["thresholds", "loadings"],
            se="none",
        )
        residuals.append(
            [
                np.append(s.thresholds - m.thresholds, (s.sigma - m.sigma)[np.triu_indices(6, 1)])
                for s, m in zip(own.moments.sample, own.implied_moments, strict=True)
            ]
        )
    found = np.std(residuals, axis=0)
    for k, spread in enumerate(residual_covariances(start)):
        ratio = found[k] / np.sqrt(np.diag(spread) / 4)
        assert np.median(ratio) == pytest.approx(1.0, abs=0.05)
        assert ((ratio > 0.75) & (ratio < 1.3)).all()


def test_implied_and_residual_make_the_sample():
    for name in ("ordinal_misfit_hs39_thresholds", MIXED):
        fit = fitted(name)
        total = measure.implied(fit) + measure.residuals(fit, kind="raw")
        sample, names = fit.moments.sample[0], list(fit.moments.names)
        np.testing.assert_allclose(total.loc[names, names], sample.sigma, atol=1e-12)
        np.testing.assert_allclose(as_list(total), sample.thresholds, atol=1e-12)
        np.testing.assert_allclose(total.loc["~1"], sample.mu, atol=1e-12)


def test_items_without_thresholds_have_none_in_the_table():
    table = threshold_rows(measure.residuals(fitted(MIXED)))
    assert list(table.index) == ["|t1", "|t2", "|t3", "|t4", "|t5"]
    assert table[["A1", "A4"]].isna().all(axis=None)
    assert table.drop(columns=["A1", "A4"]).notna().all(axis=None)


def test_groups_are_stacked():
    table = measure.residuals(fitted(TIED), kind="standardized")
    assert list(table.index.get_level_values(0).unique()) == ["Pasteur", "Grant-White"]
    assert list(table.loc["Pasteur"].index[6:]) == ["|t1", "|t2", "|t3", "~1"]


def test_mixed_items_keep_their_variances_and_means():
    """Standardised residuals of a model that restricts means and variances of continuous items."""
    frame = data("bfi.csv")
    model = "A =~ A1 + A2 + A3\nN =~ N1 + N2 + N3\nA1 ~ 3*1\nA2 ~~ 1*A2\n"
    fit = measure.cfa(model, frame, ordered=N[:3], missing="pairwise")
    for kind in ("cor.bentler", "cor.bollen"):
        table = measure.srmr_test(fit, kind=kind)
        raw = measure.residuals(fit, kind=kind)
        names = list(fit.moments.names)
        cells = np.triu_indices(6, 1 if kind == "cor.bollen" else 0)
        off = raw.loc[names, names].to_numpy()[cells]
        assert table.loc["cov"].iloc[0] == pytest.approx(np.sqrt(np.mean(off**2)))
        means = raw.loc["~1", ["A1", "A2", "A3"]].to_numpy()
        assert table.loc["mean"].iloc[0] == pytest.approx(np.sqrt(np.mean(means**2)))
        every = np.concatenate([off, means, as_list(raw)])
        assert table.loc["total"].iloc[0] == pytest.approx(np.sqrt(np.mean(every**2)))
        assert table.loc["mean"].notna().all()
    z = measure.residuals(fit, kind="standardized")
    assert abs(z.loc["~1", "A1"]) > 10
    assert z.loc["~1", "N1"] == 0


def test_r_squared_agrees_with_lavaan():
    for name in MISFIT:
        fit = fitted(name)
        ours = measure.r_squared(fit)
        ours["group"] = [fit.moments.groups.index(label) + 1 for label in ours["group"]]
        theirs = pd.DataFrame(results(name)["r_squared"])
        both = theirs.merge(ours, on=["variable", "group"])
        assert len(both) == len(theirs) == len(ours)
        np.testing.assert_allclose(both["est_y"], both["est_x"], atol=1e-4)
        np.testing.assert_allclose(both["se_y"], both["se_x"], atol=1e-4)
