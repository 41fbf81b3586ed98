"""Clusters of respondents in models for ordered items."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import measure
from measure.fitting.inference import covariance_of_estimates
from tests.reference_cases import data

TEXT = "textual =~ o4 + o5 + o6\nspeed =~ o7 + o8 + o9"
TIED = "textual =~ o4 + a*o5 + a*o6\nspeed =~ o7 + o8 + o9"
GROUPS = {"group": "school", "group_equal": ["thresholds", "loadings"]}


@pytest.fixture(scope="module")
def rows():
    frame = data("hs39_ordered4.csv")
    return frame.assign(
        person=np.arange(len(frame)), team=frame["id"] // 4, across=np.arange(len(frame)) % 60
    )


def fitted(text, frame, **options):
    return measure.cfa(text, frame, **{"ordered": True, **options})


def errors(fit):
    return fit.parameters.loc[fit.parameters["free"], "se"].to_numpy()


@pytest.mark.parametrize("options", [{}, {"parameterization": "theta"}, {"estimator": "ULSMV"}])
def test_a_cluster_for_each_respondent_changes_nothing_but_the_divisor(rows, options):
    plain = fitted(TEXT, rows, **options)
    clustered = fitted(TEXT, rows, cluster="person", **options)
    n = len(rows)
    ratio = n / (n - 1)
    np.testing.assert_allclose(
        clustered.moments.ordinal.gamma, ratio * plain.moments.ordinal.gamma, rtol=1e-12
    )
    np.testing.assert_allclose(
        clustered.parameters["est"], plain.parameters["est"], rtol=1e-6, atol=1e-8
    )
    np.testing.assert_allclose(errors(clustered), np.sqrt(ratio) * errors(plain), rtol=1e-6)
    # With weights of the same scale the scaled test falls by the factor, and its shift stays.
    shift = plain.test.shift
    assert clustered.test.shift == pytest.approx(shift, rel=1e-6)
    assert clustered.test.scaled - shift == pytest.approx(
        (plain.test.scaled - shift) / ratio, rel=1e-6
    )


def test_groups_divide_by_their_own_clusters(rows):
    plain = fitted(TEXT, rows, group="school")
    clustered = fitted(TEXT, rows, group="school", cluster="person")
    size = plain.moments.layout.size
    for k, n in enumerate(plain.moments.n_obs):
        place = slice(k * size, (k + 1) * size)
        np.testing.assert_allclose(
            clustered.moments.ordinal.gamma[place, place],
            n / (n - 1) * plain.moments.ordinal.gamma[place, place],
            rtol=1e-12,
        )
        own = plain.parameters["free"] & (plain.parameters["group"] == plain.moments.groups[k])
        np.testing.assert_allclose(
            clustered.parameters.loc[own, "se"],
            np.sqrt(n / (n - 1)) * plain.parameters.loc[own, "se"],
            rtol=1e-6,
        )


@pytest.mark.parametrize("options", [{}, GROUPS, {"parameterization": "theta", **GROUPS}])
def test_copies_of_respondents_in_clusters_count_once(rows, options):
    plain = fitted(TEXT, rows, cluster="person", **options)
    copied = pd.concat([rows] * 3, ignore_index=True)
    tripled = fitted(TEXT, copied, cluster="person", **options)
    assert tripled.n_clusters == plain.n_clusters == len(rows)
    # Groups weigh by n - 1, which is not quite a third of what it is for the copies.
    np.testing.assert_allclose(tripled.parameters["est"], plain.parameters["est"], atol=1e-4)
    ratio = np.sqrt(plain.moments.scale / plain.n_obs * tripled.n_obs / tripled.moments.scale)
    np.testing.assert_allclose(errors(tripled), ratio * errors(plain), rtol=1e-4)
    # N - G counts three times as many rows once.
    scale = plain.moments.scale / plain.n_obs
    scale /= tripled.moments.scale / tripled.n_obs
    assert tripled.test.scaled - tripled.test.shift == pytest.approx(
        (plain.test.scaled - plain.test.shift) / scale, rel=1e-4
    )
    naive = fitted(TEXT, copied, **options)
    assert naive.test.chisq > 2.9 * plain.test.chisq


@pytest.mark.parametrize("cluster", ["few", "few_across"])
@pytest.mark.parametrize("options", [{}, GROUPS, {"estimator": "ULSMV"}])
def test_sums_of_few_clusters_stand_for_their_products(rows, cluster, options):
    """The same fits with the covariance of the moments in place of its root."""
    frame = rows.assign(few=rows["id"] // 20, few_across=rows["across"] % 16)
    restricted, free = (fitted(text, frame, cluster=cluster, **options) for text in (TIED, TEXT))
    assert free.moments.ordinal.root.shape[1] < len(free.moments.ordinal.root)
    whole = [formed(fit) for fit in (restricted, free)]
    for fit, other in zip((restricted, free), whole, strict=True):
        np.testing.assert_allclose(
            covariance_of_estimates(other.point, other.method), fit.vcov, rtol=1e-8, atol=1e-12
        )
        pd.testing.assert_series_equal(other.fit_measures, fit.fit_measures, rtol=1e-8)
    pd.testing.assert_frame_equal(
        measure.compare(*whole), measure.compare(restricted, free), rtol=1e-7
    )


def formed(fit):
    """Give a fit whose moments hold their covariance matrix and not its root."""
    ordinal = replace(fit.moments.ordinal, spread=fit.moments.ordinal.gamma, root=None)
    problem = replace(fit.problem, moments=replace(fit.moments, ordinal=ordinal))
    return replace(fit, problem=problem, found=None)


def test_clusters_that_span_groups_tie_their_moments(rows):
    inside = fitted(TEXT, rows, cluster="team", **GROUPS)
    across = fitted(TEXT, rows, cluster="across", **GROUPS)
    size = inside.moments.layout.size
    off = (slice(0, size), slice(size, 2 * size))
    assert not inside.moments.ordinal.gamma[off].any()
    assert np.abs(across.moments.ordinal.gamma[off]).max() > 0.1
    assert across.n_clusters == 60
    assert np.isfinite(across.test.scaled)


def test_a_difference_of_copies_is_that_of_the_respondents(rows):
    copied = pd.concat([rows] * 3, ignore_index=True)
    found = [
        measure.compare(
            fitted(TIED, frame, cluster="person", **GROUPS),
            fitted(TEXT, frame, cluster="person", **GROUPS),
        ).iloc[0]
        for frame in (rows, copied)
    ]
    naive = measure.compare(fitted(TIED, copied, **GROUPS), fitted(TEXT, copied, **GROUPS)).iloc[0]
    assert found[0]["df_diff"] == found[1]["df_diff"] == 1
    # 301 rows less 2 groups are 1 % less than three times as many.
    assert found[1]["chisq_diff"] == pytest.approx(found[0]["chisq_diff"], rel=0.02)
    assert naive["chisq_diff"] == pytest.approx(3 * found[0]["chisq_diff"], rel=0.05)


def test_score_tests_of_copies_are_those_of_the_respondents(rows):
    copied = pd.concat([rows] * 3, ignore_index=True)
    first, second, naive = (
        fitted(TIED, rows, cluster="person"),
        fitted(TIED, copied, cluster="person"),
        fitted(TIED, copied),
    )
    tables = [
        measure.modification_indices(fit).set_index(["lhs", "op", "rhs"])
        for fit in (first, second, naive)
    ]
    one, two, three = (table.loc[tables[0].index] for table in tables)
    for column in ("epc", "se", "mi.robust", "ncp"):
        np.testing.assert_allclose(two[column], one[column], rtol=0.01, atol=1e-4)
    np.testing.assert_allclose(three["mi.robust"], 3 * one["mi.robust"], rtol=0.02, atol=1e-3)
    a, b, c = (measure.equality_tests(fit).table.iloc[0] for fit in (first, second, naive))
    assert b["chisq.robust"] == pytest.approx(a["chisq.robust"], rel=0.01)
    assert c["chisq.robust"] == pytest.approx(3 * a["chisq.robust"], rel=0.02)


def test_residuals_and_srmr_of_copies_are_those_of_the_respondents(rows):
    copied = pd.concat([rows] * 3, ignore_index=True)
    first, second = (fitted(TEXT, frame, cluster="person") for frame in (rows, copied))
    one, two = (measure.residuals(fit, kind="standardized") for fit in (first, second))
    np.testing.assert_allclose(two, one, rtol=0.01, atol=1e-3)
    one, two = (measure.srmr_test(fit) for fit in (first, second))
    np.testing.assert_allclose(two, one, rtol=0.02, atol=1e-4)


def test_clusters_widen_the_standard_errors_of_alike_answers():
    """The standard errors of thresholds grow with the likeness of answers within clusters."""
    rng = np.random.default_rng(3)
    team = np.repeat(np.arange(80), 10)
    shared = rng.standard_normal((80, 1))[team] * np.sqrt(0.3)
    factor = shared + rng.standard_normal((800, 1)) * np.sqrt(0.7)
    y = 0.7 * factor + rng.standard_normal((800, 4)) * np.sqrt(0.51)
    frame = pd.DataFrame((y[:, :, None] > np.array([-0.5, 0.5])).sum(axis=2), columns=list("abcd"))
    frame["team"] = team
    plain, clustered = (
        fitted("f =~ a + b + c + d", frame, **options) for options in ({}, {"cluster": "team"})
    )
    thresholds = plain.parameters["op"] == "|"
    ratio = clustered.parameters.loc[thresholds, "se"] / plain.parameters.loc[thresholds, "se"]
    # A design effect of 1 + 9 x .15, or somewhat less for categories.
    assert ratio.median() == pytest.approx(np.sqrt(1 + 9 * 0.11), abs=0.2)
    loadings = plain.parameters["op"].eq("=~") & plain.parameters["free"]
    assert (clustered.parameters.loc[loadings, "se"] < 1.6 * plain.parameters["se"][loadings]).all()


def test_fewer_clusters_than_moments_put_the_scaled_test_in_doubt():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        np.digitize(rng.normal(size=(600, 4)) + rng.normal(size=(600, 1)), (-1.0, 0.0, 1.0)),
        columns=list("abcd"),
    )
    # Four items of four categories have 12 thresholds and 6 correlations.
    for size, doubtful in ((17, True), (18, False)):
        data_ = frame.assign(team=np.arange(600) % size)
        fit = measure.cfa("f =~ a + b + c + d", data_, ordered=True, cluster="team")
        assert fit.n_clusters == size
        assert any("18 sample moments, whose covariances" in n for n in fit.notes) == doubtful
        plain = measure.cfa("f =~ a + b + c + d", data_, ordered=True, cluster="team", test="none")
        assert not any("whose covariances" in note for note in plain.notes)
