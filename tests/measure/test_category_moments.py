"""Thresholds and category correlations: derivatives, influence functions, and what must hold."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar
from scipy.special import ndtr
from scipy.stats import multivariate_normal, norm

import measure
from measure.bivariate import bivariate_corner
from measure.errors import DataError
from measure.moments import asymptotic
from measure.moments.ordinal import (
    estimates,
    from_rows,
    gamma_of,
    influence_sums,
    pair_tables,
    polychoric,
    polyserial,
    root_of,
    variances_of,
)
from measure.moments.ordinal.codes import coded
from measure.moments.ordinal.continuous_pairs import Products
from measure.moments.ordinal.polychoric import Cells, Tables
from measure.moments.ordinal.polychoric_matrix import polychoric_matrix
from measure.moments.ordinal.polyserial import Answers, Given
from measure.moments.ordinal.thresholds import limits_of
from measure.moments.rows import rows_of

STEP = 1e-6


def answers(n=150, seed=5):
    """Ordered items a (4 categories), b (2), c (3) and skewed values u, v; some are missing."""
    rng = np.random.default_rng(seed)
    latent = 0.7 * rng.standard_normal((n, 1)) + 0.7 * rng.standard_normal((n, 5))
    frame = pd.DataFrame(
        {
            "a": np.digitize(latent[:, 0], [-0.8, 0.2, 1.0]),
            "u": np.exp(latent[:, 1]),
            "b": np.digitize(latent[:, 2], [0.3]),
            "v": latent[:, 3] ** 3,
            "c": np.digitize(latent[:, 4], [-0.5, 0.6]),
        }
    ).astype(float)
    for start, (every, name) in enumerate(((9, "a"), (11, "u"), (13, "c"), (17, "v"))):
        frame.loc[frame.index[start::every], name] = np.nan
    return frame


ORDERED = ("a", "b", "c")


def statistics(frame, *, ordered=ORDERED, missing=True):
    found = coded(rows_of(frame, tuple(frame.columns)), ordered, pairwise=missing)
    return estimates(found, "none")[0]


def vector(group):
    layout, sample = group.layout, group.implied
    i, j = layout.order.pairs
    own = layout.continuous
    variances = np.diag(sample.sigma)[own]
    return np.concatenate([sample.thresholds, sample.mu[own], variances, sample.sigma[i, j]])


def some_tables(n_pairs=6, height=4, width=3):
    rng = np.random.default_rng(7)
    counts = rng.integers(0, 30, (n_pairs, height, width)).astype(float)
    counts[0, :, -1] = 0.0
    return Tables(counts, limits_of(counts.sum(axis=2)), limits_of(counts.sum(axis=1)))


RHO = np.array([-0.9, -0.4, 0.0, 0.3, 0.7, 0.95])


def test_derivatives_of_cells_with_respect_to_the_correlation():
    tables = some_tables()
    here, up, down = (Cells(tables, RHO + step) for step in (0.0, STEP, -STEP))
    np.testing.assert_allclose(
        here.slopes, (up.probabilities - down.probabilities) / (2 * STEP), atol=1e-8
    )
    np.testing.assert_allclose(here.curvatures, (up.slopes - down.slopes) / (2 * STEP), atol=1e-7)
    np.testing.assert_allclose(
        here.gradient, (up.loglik - down.loglik) / (2 * STEP), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(
        here.hessian, (up.gradient - down.gradient) / (2 * STEP), rtol=1e-5, atol=1e-5
    )
    expected = np.einsum("pab,pab->p", here.slopes, here.scores) * tables.counts.sum(axis=(1, 2))
    np.testing.assert_allclose(here.information, expected)
    np.testing.assert_allclose(here.probabilities.sum(axis=(1, 2)), 1.0, atol=1e-12)


@pytest.mark.parametrize("of_rows", [True, False])
def test_derivatives_of_cells_with_respect_to_thresholds(of_rows):
    tables = some_tables()
    cells = Cells(tables, RHO)
    slopes = cells.threshold_slopes(of_rows=of_rows)
    bends = cells.threshold_bends(of_rows=of_rows)
    own = tables.rows if of_rows else tables.columns
    for k in range(1, own.shape[1] - 1):
        there = np.isfinite(own[:, k])
        moved = []
        for step in (STEP, -STEP):
            limits = own.copy()
            limits[:, k] += step
            rows, columns = (limits, tables.columns) if of_rows else (tables.rows, limits)
            moved.append(Cells(Tables(tables.counts, rows, columns), RHO))
        change = (moved[0].probabilities - moved[1].probabilities) / (2 * STEP)
        steeper = (moved[0].slopes - moved[1].slopes) / (2 * STEP)
        if not of_rows:
            change, steeper = change.transpose(0, 2, 1), steeper.transpose(0, 2, 1)
        np.testing.assert_allclose(slopes[there, k - 1], change[there, k - 1], atol=1e-8)
        np.testing.assert_allclose(-slopes[there, k - 1], change[there, k], atol=1e-8)
        np.testing.assert_allclose(bends[there, k - 1], steeper[there, k - 1], atol=1e-7)
        assert not slopes[~there, k - 1].any()
        assert not bends[~there, k - 1].any()


def mixed():
    group = statistics(answers())
    return Answers(group.codes, group.z, group.tables.limits, group.layout.mixed_pairs)


def shifted(beside, rho, *, z=0.0, limits=0.0):
    return Given(Answers(beside.codes, beside.z + z, beside.limits + limits, beside.pairs), rho)


def test_derivatives_of_polyserial_likelihoods():
    beside = mixed()
    rho = RHO
    here, up, down = (Given(beside, rho + step) for step in (0.0, STEP, -STEP))
    loglik = [np.where(one.there, np.log(one.probability), 0.0) for one in (up, down)]
    np.testing.assert_allclose(here.scores, (loglik[0] - loglik[1]) / (2 * STEP), atol=1e-6)
    slope = (up.likelihoods.gradient - down.likelihoods.gradient) / (2 * STEP)
    np.testing.assert_allclose(here.likelihoods.hessian, slope, rtol=1e-5, atol=1e-5)

    ahead, behind = (shifted(beside, rho, z=step) for step in (STEP, -STEP))
    bend, (above, below) = here.bends
    np.testing.assert_allclose(bend, (ahead.scores - behind.scores) / (2 * STEP), atol=1e-5)
    marginal = [
        np.where(one.there, np.log(one.probability) - one.z**2 / 2, 0.0) for one in (ahead, behind)
    ]
    # A mean that rises by a standard deviation takes one from z, and a variance half of z.
    over_z = -(marginal[0] - marginal[1]) / (2 * STEP)
    for_mean, for_variance = here.value_scores
    np.testing.assert_allclose(for_mean, over_z, atol=1e-6)
    np.testing.assert_allclose(for_variance, (here.z * over_z - here.there) / 2, atol=1e-6)

    for k in range(1, beside.limits.shape[1] - 1):
        step = np.zeros_like(beside.limits)
        step[np.isfinite(beside.limits[:, k]), k] = STEP
        ahead, behind = (shifted(beside, rho, limits=sign * step) for sign in (1, -1))
        change = [np.log(one.probability) for one in (ahead, behind)]
        slope = np.where(here.there, (change[0] - change[1]) / (2 * STEP), 0.0)
        steeper = (ahead.scores - behind.scores) / (2 * STEP)
        inside = (step[:, k] > 0)[beside.pairs.first][:, None]
        upper = inside & here.there & (here.categories == k - 1)
        lower = inside & here.there & (here.categories == k)
        np.testing.assert_allclose(here.edges[0][upper], slope[upper], atol=1e-6)
        np.testing.assert_allclose(-here.edges[1][lower], slope[lower], atol=1e-6)
        np.testing.assert_allclose(-above[upper], steeper[upper], atol=1e-5)
        np.testing.assert_allclose(below[lower], steeper[lower], atol=1e-5)


def test_derivatives_of_bivariate_normal_likelihoods():
    group = statistics(answers())
    products = Products.of(group.z, group.layout.continuous_pairs)
    some = np.array([0])
    for rho in RHO[:, None]:
        here, up, down = (products.likelihoods(some, rho + step) for step in (0.0, STEP, -STEP))
        slope = (up.loglik - down.loglik) / (2 * STEP)
        np.testing.assert_allclose(here.gradient, slope, rtol=1e-6)
        bend = (up.gradient - down.gradient) / (2 * STEP)
        np.testing.assert_allclose(here.hessian, bend, rtol=1e-6)


@pytest.mark.parametrize(
    ("h", "k", "rho"),
    [
        *((-2.5, 2.5, 0.4), (-1.5, 1.5, 0.9), (-1.0, 0.5, 0.95), (-3.0, -1.0, 0.95)),
        *((0.0, 1.0, 0.98), (1.0, 2.0, 0.99), (-2.0, 2.0, 0.7)),
    ],
)
def test_a_far_corner_agrees_with_numerical_integration(h, k, rho):
    root = np.sqrt(1 - rho**2)

    def below(x):
        return norm.pdf(x) * ndtr(-(k - rho * x) / root)

    expected = sum(
        quad(below, start, end, epsabs=0, epsrel=1e-12)[0]
        for start, end in pairwise(h - np.array([8, 4, 2, 1, 0.5, 0.2, 0.05, 0.0]))
    )
    found = bivariate_corner(np.array(h), np.array(k), np.array(rho))
    assert found < 1e-6
    assert found == pytest.approx(expected, rel=1e-10)
    assert bivariate_corner(np.array(-np.inf), np.array(k), np.array(rho)) == 0.0


def test_answers_far_from_the_others_count_as_they_should():
    """A cell of probability 1e-20 that is answered pulls the correlation down."""
    rng = np.random.default_rng(3)
    latent = rng.multivariate_normal([0, 0], [[1, 0.95], [0.95, 1]], 2000)
    codes = np.digitize(latent, [-1.5, -0.5, 0.5, 1.5])
    counts = np.zeros((5, 5))
    np.add.at(counts, (codes[:, 0], codes[:, 1]), 1)
    counts[0, 4] += 1
    nodes, weights = np.polynomial.legendre.leggauss(200)

    def loglik(rho, rows, columns):
        total = 0.0
        for a, b in zip(*np.nonzero(counts), strict=True):
            low, high = np.clip(rows[a : a + 2], -12, 12)
            x = (high + low) / 2 + (high - low) / 2 * nodes
            upper, lower = ((columns[b + e] - rho * x) / np.sqrt(1 - rho**2) for e in (1, 0))
            turned = lower > 0
            inside = np.where(turned, ndtr(-lower) - ndtr(-upper), ndtr(upper) - ndtr(lower))
            total += counts[a, b] * np.log(weights @ (norm.pdf(x) * inside) * (high - low) / 2)
        return total

    for mirrored in (False, True):
        seen = counts[:, ::-1] if mirrored else counts
        rows, columns = limits_of(seen.sum(axis=1)), limits_of(seen.sum(axis=0))
        found = polychoric.polychoric(Tables(seen[None], rows[None], columns[None]))[0]
        sign = -1.0 if mirrored else 1.0
        upright = limits_of(counts.sum(axis=0))
        best = minimize_scalar(
            lambda rho, limits=(rows, upright): -loglik(rho, *limits),
            bounds=(0.9, 0.97),
            method="bounded",
            options={"xatol": 1e-9},
        ).x
        assert sign * found == pytest.approx(best, abs=1e-7)


@pytest.mark.parametrize("row", [0, 1, 9, 36])
def test_observed_influence_is_the_derivative_of_the_estimates(row):
    """One row more among 1,000 copies of the data moves every statistic by its influence."""
    frame, copies = answers(), 1000
    group = statistics(frame)
    influence = group.influence("observed").rows(slice(None))
    n_rows = copies * len(frame) + 1
    more = pd.concat([*[frame] * copies, frame.iloc[[row]]], ignore_index=True)
    moved = (vector(statistics(more)) - vector(group)) * n_rows
    np.testing.assert_allclose(moved, influence[:, row], atol=1e-6 * np.abs(influence).max())


@pytest.mark.parametrize("information", ["first.order", "observed"])
def test_influences_add_up_to_nothing(information):
    influence = statistics(answers()).influence(information).rows(slice(None))
    np.testing.assert_allclose(influence.sum(axis=1), 0.0, atol=1e-6)


def sizes_of_chunks(monkeypatch, size):
    monkeypatch.setattr(influence_sums, "INFLUENCES", size)
    monkeypatch.setattr(pair_tables, "INDICATORS", size)
    monkeypatch.setattr(polychoric, "CORNERS", size)
    monkeypatch.setattr(polyserial, "VALUES", size)


@pytest.mark.parametrize("information", ["first.order", "observed"])
@pytest.mark.parametrize("clustered", [False, True])
def test_splitting_the_rows_in_any_chunks_changes_nothing(monkeypatch, clustered, information):
    group = statistics(answers(500))
    clusters = [np.arange(500, dtype=np.intp) % 37] if clustered else None
    gamma = gamma_of([group], clusters, information)
    sizes_of_chunks(monkeypatch, 90)
    monkeypatch.setattr(influence_sums, "SMALLEST_CHUNK", 3)
    again = statistics(answers(500))
    np.testing.assert_allclose(vector(again), vector(group), atol=1e-12)
    np.testing.assert_allclose(gamma_of([again], clusters, information), gamma, rtol=1e-9)
    variances = variances_of([again], clusters, information)
    np.testing.assert_allclose(variances, np.diag(gamma), rtol=1e-9)


def test_a_part_of_many_rows_only_shows_where_to_begin(monkeypatch):
    frame = answers(3000)
    whole = vector(statistics(frame))
    monkeypatch.setattr(polyserial, "SUBSAMPLE", 200)
    np.testing.assert_allclose(vector(statistics(frame)), whole, atol=1e-9)


def in_groups(frame):
    rows = rows_of(frame, tuple("aubvc"), group="site", cluster="team")
    return coded(rows, ORDERED, pairwise=True)


@pytest.mark.parametrize("crossed", [False, True])
def test_influences_are_summed_within_clusters(crossed):
    """Against the sums of all influences at once, with clusters inside groups and across them."""
    frame = answers(300).assign(site=np.arange(300) % 2, team=np.arange(300) % 14)
    if crossed:
        frame["team"] = np.arange(300) // 2 % 25
    found = in_groups(frame)
    groups = estimates(found, "none")
    parts = [group.influence("first.order").rows(slice(None)).T for group in groups]
    shares = np.array([group.n_rows for group in groups]) / 300
    expected = asymptotic.joint_covariance(parts, found.clusters, shares)
    np.testing.assert_allclose(
        gamma_of(groups, found.clusters, "first.order"), expected, rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(
        variances_of(groups, found.clusters, "first.order"), np.diag(expected), rtol=1e-9
    )
    root = root_of(groups, found.clusters, "first.order")
    assert root.shape[1] == len(np.unique(np.concatenate(found.clusters)))
    np.testing.assert_allclose(root @ root.T, expected, rtol=1e-9, atol=1e-9)
    size = groups[0].layout.order.size
    assert bool(expected[:size, size:].any()) is crossed


@pytest.mark.parametrize("missing", ["listwise", "pairwise"])
def test_one_row_a_cluster_is_no_cluster(missing):
    frame = answers().assign(person=np.arange(150))
    clustered = measure.polychoric(frame, ORDERED, cluster="person", missing=missing)
    plain = measure.polychoric(frame[list("aubvc")], ORDERED, missing=missing)
    n = plain.n_obs
    np.testing.assert_allclose(
        clustered.covariance, plain.covariance * n / (n - 1), rtol=1e-10, atol=1e-12
    )


def test_clustered_answers_have_larger_standard_errors():
    rng = np.random.default_rng(8)
    team = np.repeat(np.arange(60), 20)
    latent = 0.6 * rng.standard_normal((60, 1))[team] + rng.standard_normal((1200, 3))
    frame = pd.DataFrame(np.digitize(latent, [-0.7, 0.4]), columns=list("abc"))
    plain = measure.polychoric(frame)
    clustered = measure.polychoric(frame.assign(team=team), cluster="team")
    assert (clustered.thresholds_se > 1.3 * plain.thresholds_se).all()


def test_a_two_category_item_gives_the_tetrachoric():
    """The table of two binary items is reproduced exactly."""
    frame = answers(400)[["b", "c"]].dropna()
    frame["c"] = (frame["c"] > 0).astype(float)
    found = measure.polychoric(frame)
    law = found.thresholds.to_numpy()
    share = ((frame["b"] == 0) & (frame["c"] == 0)).mean()

    def excess(rho):
        return multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf(law) - share

    assert found.correlations.iloc[0, 1] == pytest.approx(brentq(excess, -0.99, 0.99), abs=1e-7)


def test_moments_are_those_of_a_saturated_model():
    frame = answers().assign(site=np.arange(150) % 2)
    moments = from_rows(rows_of(frame, tuple("aubvc"), group="site"), ORDERED, pairwise=True)
    ordinal = moments.ordinal
    assert ordinal.ordered == ("a", "b", "c")
    assert ordinal.values == {"a": (0, 1, 2, 3), "b": (0, 1), "c": (0, 1, 2)}
    assert ordinal.n_thresholds == (3, 0, 1, 0, 2)
    size = 6 + 2 + 2 + 10
    assert ordinal.gamma.shape == (2 * size, 2 * size)
    assert not ordinal.gamma[:size, size:].any()
    for label, sample, rows in zip(moments.groups, moments.sample, moments.rows, strict=True):
        own = frame[frame["site"] == label]
        assert len(rows) == len(own)
        np.testing.assert_allclose(np.diag(sample.sigma)[[0, 2, 4]], 1.0)
        np.testing.assert_allclose(sample.mu[[0, 2, 4]], 0.0)
        np.testing.assert_allclose(sample.mu[[1, 3]], own[["u", "v"]].mean())
        np.testing.assert_allclose(sample.sigma[1, 1], own["u"].var(ddof=0))
        assert sample.thresholds[3] == pytest.approx(norm.ppf((own["b"] == 0).mean()))
    alone = from_rows(rows_of(frame[frame["site"] == 0], tuple("aubvc")), ORDERED, pairwise=True)
    # The block of a group is divided by its share of the rows.
    np.testing.assert_allclose(ordinal.gamma[:size, :size], alone.ordinal.gamma * 2, rtol=1e-9)


def test_a_model_is_refused_two_items_that_determine_each_other():
    frame = pd.DataFrame({"x": [1, 2, 3] * 20, "y": [1, 2, 3] * 20, "z": [1, 1, 2, 3] * 15})
    with pytest.raises(DataError, match='"x" and "y" determine each other'):
        from_rows(rows_of(frame, ("x", "y", "z")), ("x", "y", "z"), pairwise=False)


def test_matrices_of_many_data_sets():
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 4, (5, 200, 4))
    codes[:, :, 3] = codes[:, :, 3] > 1
    sizes = np.array([4, 4, 4, 2])
    found = polychoric_matrix(codes, sizes)
    for one, matrix in zip(codes, found, strict=True):
        expected = measure.polychoric(pd.DataFrame(one, columns=list("abcd"))).correlations
        np.testing.assert_allclose(matrix, expected, atol=1e-10)
        np.testing.assert_allclose(polychoric_matrix(one, sizes), matrix, atol=1e-12)


def test_a_matrix_leaves_out_what_is_missing_and_what_does_not_vary():
    codes = np.random.default_rng(2).integers(0, 3, (100, 3))
    gap = codes.copy()
    gap[:20, 0] = -1
    frame = pd.DataFrame(np.where(gap < 0, np.nan, gap), columns=list("abc"))
    expected = measure.polychoric(frame, missing="pairwise").correlations
    np.testing.assert_allclose(polychoric_matrix(gap, 3), expected, atol=1e-10)
    codes[:, 1] = 2
    found = polychoric_matrix(codes, 3)
    assert np.isnan(found[0, 1])
    assert np.isfinite(found[0, 2])
    # A category without answers changes nothing.
    codes = np.random.default_rng(2).integers(0, 3, (100, 3))
    wider = np.where(codes == 2, 3, codes)
    np.testing.assert_allclose(polychoric_matrix(wider, 4), polychoric_matrix(codes, 3), atol=1e-10)


@st.composite
def questionnaires(draw):
    seed, n = draw(st.integers(0, 2**32 - 1)), draw(st.integers(80, 300))
    sizes = draw(st.lists(st.integers(2, 6), min_size=2, max_size=5))
    rng = np.random.default_rng(seed)
    latent = 0.6 * rng.standard_normal((n, 1)) + 0.8 * rng.standard_normal((n, len(sizes)))
    columns = {}
    for k, size in enumerate(sizes):
        cuts = np.quantile(latent[:, k], np.arange(1, size) / size)
        columns[f"q{k}"] = np.digitize(latent[:, k], cuts) + 1
    return pd.DataFrame(columns)


@settings(max_examples=25, deadline=None)
@given(questionnaires(), st.integers(1, 40), st.integers(-30, 30))
def test_monotone_recoding_changes_nothing(frame, factor, shift):
    plain = measure.polychoric(frame)
    recoded = measure.polychoric(frame.pow(2) * factor + shift)
    pd.testing.assert_frame_equal(plain.correlations, recoded.correlations)
    pd.testing.assert_series_equal(plain.thresholds, recoded.thresholds)
    pd.testing.assert_frame_equal(plain.covariance, recoded.covariance)


@settings(max_examples=25, deadline=None)
@given(questionnaires(), st.randoms(use_true_random=False))
def test_reordering_items_reorders_the_results(frame, random):
    order = list(frame.columns)
    random.shuffle(order)
    plain, shuffled = measure.polychoric(frame), measure.polychoric(frame[order])
    again = shuffled.correlations.loc[frame.columns, frame.columns]
    np.testing.assert_allclose(again, plain.correlations, atol=1e-9)
    np.testing.assert_allclose(shuffled.thresholds[plain.thresholds.index], plain.thresholds)
    np.testing.assert_allclose(shuffled.se.loc[frame.columns, frame.columns], plain.se, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(questionnaires())
def test_reversing_an_item_turns_its_sign(frame):
    turned = frame.assign(q0=-frame["q0"])
    plain, reverse = measure.polychoric(frame), measure.polychoric(turned)
    sign = np.where(np.arange(frame.shape[1]) == 0, -1.0, 1.0)
    np.testing.assert_allclose(
        reverse.correlations, plain.correlations * np.outer(sign, sign), atol=1e-8
    )
    np.testing.assert_allclose(reverse.se, plain.se, rtol=1e-5)
    own = [name for name in plain.thresholds.index if name.startswith("q0|")]
    np.testing.assert_allclose(
        reverse.thresholds[own], -plain.thresholds[own].to_numpy()[::-1], atol=1e-12
    )


@settings(max_examples=15, deadline=None)
@given(questionnaires(), st.integers(2, 200))
def test_the_order_of_rows_changes_nothing(frame, size):
    parts = [frame.iloc[start : start + size] for start in range(0, len(frame), size)]
    plain, turned = measure.polychoric(frame), measure.polychoric(pd.concat(parts[::-1]))
    np.testing.assert_allclose(turned.correlations, plain.correlations, atol=1e-12)
    np.testing.assert_allclose(turned.covariance, plain.covariance, rtol=1e-9, atol=1e-15)


@pytest.mark.slow
@pytest.mark.parametrize("information", ["first.order", "observed"])
@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_cover(information, clustered):
    """1,000 samples of 500 skewed five-category answers (50 clusters of 10, ICC .10)."""
    rng = np.random.default_rng(12)
    cuts = np.array([-0.2, 0.5, 1.0, 1.6])
    rho, n, samples = 0.5, 500, 1000
    team = np.repeat(np.arange(50), 10)
    inside = []
    for _ in range(samples):
        common = rng.standard_normal((n, 1))
        own = rng.standard_normal((n, 3))
        if clustered:
            common = np.sqrt(0.9) * common + np.sqrt(0.1) * rng.standard_normal((50, 1))[team]
            own = np.sqrt(0.9) * own + np.sqrt(0.1) * rng.standard_normal((50, 3))[team]
        latent = np.sqrt(rho) * common + np.sqrt(1 - rho) * own
        frame = pd.DataFrame(np.digitize(latent, cuts), columns=list("abc"))
        if clustered:
            frame["team"] = team
        cluster = "team" if clustered else None
        found = measure.polychoric(frame, cluster=cluster, information=information)
        pairs = found.pairs
        covers = (pairs["ci.lower"] < rho) & (rho < pairs["ci.upper"])
        z = (found.thresholds - np.tile(cuts, 3)) / found.thresholds_se
        inside.append([*covers, *(z.abs() < 1.96)])
    coverage = np.mean(inside, axis=0)
    # Three Monte Carlo errors of 0.95, and what 50 clusters lose to the normal quantile.
    assert (coverage > (0.92 if clustered else 0.929)).all()
    assert (coverage < 0.971).all()
