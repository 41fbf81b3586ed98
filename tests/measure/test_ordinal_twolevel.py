"""Likelihoods of ordered answers at two levels: brute-force integrals, derivatives, limits."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from measure.bivariate import bivariate_cdf
from measure.moments.ordinal_twolevel import lattice, pair_search
from measure.moments.ordinal_twolevel.item_likelihood import Likelihood
from measure.moments.ordinal_twolevel.lattice import Box, Plane, size_classes
from measure.moments.ordinal_twolevel.pair_cells import Item, PairCells, PairFactors
from measure.moments.ordinal_twolevel.pair_likelihood import PairLikelihood
from measure.moments.ordinal_twolevel.pair_search import LIMIT, pair_estimate
from measure.moments.ordinal_twolevel.random_intercept import random_intercept
from measure.moments.ordinal_twolevel.two_step import Answered, two_step
from measure.specification.level_layout import TwoLevelLayout

T1, T2 = np.array([-1.5, -0.5, 0.5, 1.2]), np.array([-1.0, 0.0, 1.0])
TAU, R, RHO = (0.5, 0.6), 0.6, 0.5


def answers(n_clusters, sizes, seed, tau=TAU, r=R, rho=RHO):
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(n_clusters), rng.integers(*sizes, n_clusters, endpoint=True))
    b = rng.multivariate_normal([0, 0], [[1, r], [r, 1]], n_clusters) * tau
    e = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], len(clusters))
    y = b[clusters] + e
    codes = np.array([np.searchsorted(T1, y[:, 0]), np.searchsorted(T2, y[:, 1])], dtype=np.uint8)
    return Answered(("q1", "q2"), codes, np.array([5, 4]), clusters)


@pytest.fixture(scope="module")
def drawn():
    return answers(80, (1, 40), 1)


ITEMS = (Item(T1, TAU[0]), Item(T2, TAU[1]))
BOX = Box((0.3, 0.6), (0.4, 0.75))


def integrated(counts, limits, tau):
    def integrand(b):
        p = np.diff(norm.cdf(limits - b))
        return np.exp(counts @ np.log(p) + counts.sum()) * norm.pdf(b, scale=tau)

    value, _ = quad(integrand, -6 * tau, 6 * tau, epsabs=0, epsrel=1e-11, limit=400)
    return np.log(value) - counts.sum()


def test_the_likelihood_of_an_item_is_the_integral(drawn):
    counts = drawn.counts(0)[:12]
    found = Likelihood(counts, 0.6).at(np.append(T1, 0.55)).loglik
    limits = np.concatenate([[-np.inf], T1, [np.inf]])
    expected = sum(integrated(own, limits, 0.55) for own in counts)
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("effects", [True, False])
def test_derivatives_of_the_likelihood_of_an_item(drawn, effects):
    likelihood = Likelihood(drawn.counts(0), 0.7 * effects)
    params = np.append(T1 + 0.1, 0.55)[: 4 + effects]
    point, step = likelihood.at(params), 1e-5
    sides = [
        [likelihood.at(params + sign * step * way) for sign in (1, -1)]
        for way in np.eye(len(params))
    ]
    slopes = [(up.loglik - down.loglik) / (2 * step) for up, down in sides]
    np.testing.assert_allclose(point.scores.sum(axis=0), slopes, rtol=1e-6, atol=1e-5)
    bends = [(up.scores - down.scores).sum(axis=0) / (2 * step) for up, down in sides]
    np.testing.assert_allclose(point.hessian, bends, rtol=1e-6, atol=1e-4)


def test_estimates_of_an_item_have_no_slope(drawn):
    found = random_intercept(drawn.counts(1))
    assert np.abs(found.scores.sum(axis=0)).max() < 1e-4
    assert 0.4 < found.tau < 0.8


def test_an_effect_of_0_is_where_the_likelihood_falls():
    for seed in range(6):
        counts = answers(40, (6, 6), seed, tau=(0.05, 0.05)).counts(0)
        found = random_intercept(counts)
        further = np.append(found.thresholds, max(found.tau, 0.02))
        assert Likelihood(counts, 0.5).at(further).loglik <= found.loglik + 1e-8
        if found.tau == 0:
            shares = np.cumsum(counts.sum(axis=0))[:-1] / counts.sum()
            np.testing.assert_allclose(norm.cdf(found.thresholds), shares)


@pytest.mark.parametrize("rho", [0.0, 0.45, -0.6, 0.9, 0.985])
def test_cells_are_those_of_the_distribution_function(rho):
    plane = Plane.of(10.0, TAU, BOX)
    cells = PairCells(PairFactors.of(ITEMS, plane, abs(rho)), rho)
    limits = [np.concatenate([[-np.inf], item.thresholds, [np.inf]]) for item in ITEMS]
    a, b = (
        limit[:, None] - item.tau * z
        for limit, item, z in zip(limits, ITEMS, plane.points, strict=True)
    )
    below = bivariate_cdf(a[:, None], b[None], np.array(rho))
    expected = np.diff(np.diff(below, axis=0), axis=1)
    np.testing.assert_allclose(cells.probabilities, expected, atol=2e-13)


def brute(counts, items, rho, r, n=160):
    """Integrate by the product rule of Gauss and Hermite over independent effects."""
    x, w = np.polynomial.hermite_e.hermegauss(n)
    z1, z2 = (axis.ravel() for axis in np.meshgrid(x, x, indexing="ij"))
    weights = np.outer(w, w).ravel() / w.sum() ** 2
    z = (z1, r * z1 + np.sqrt(1 - r * r) * z2)
    limits = [np.concatenate([[-np.inf], item.thresholds, [np.inf]]) for item in items]
    moved = [
        limit[:, None] - item.tau * effect
        for limit, item, effect in zip(limits, items, z, strict=True)
    ]
    below = bivariate_cdf(moved[0][:, None], moved[1][None], np.array(rho))
    cells = np.maximum(np.diff(np.diff(below, axis=0), axis=1), 1e-300)
    logs = np.einsum("jab,abg->jg", counts, np.log(cells)) + np.log(weights)
    highest = logs.max(axis=1)
    return float((highest + np.log(np.exp(logs - highest[:, None]).sum(axis=1))).sum())


@pytest.mark.parametrize(("rho", "r"), [(0.5, 0.6), (-0.3, 0.0), (0.3, -0.8)])
def test_the_likelihood_of_a_pair_is_the_integral(drawn, rho, r):
    counts = drawn.pair_counts(0, 1)[:15]
    box = Box((rho - 0.1, rho + 0.1), (r - 0.1, r + 0.1))
    found = PairLikelihood(counts, ITEMS, box).at(rho, r).loglik
    # What the spacing of the lattice allows.
    assert found == pytest.approx(brute(counts, ITEMS, rho, r), abs=3e-4)


@pytest.mark.parametrize("taus", [(0.5, 0.0), (0.0, 0.6), (0.0, 0.0)])
def test_the_likelihood_of_a_pair_where_an_item_has_no_effects(drawn, taus):
    counts = drawn.pair_counts(0, 1)[:15]
    items = tuple(Item(item.thresholds, tau) for item, tau in zip(ITEMS, taus, strict=True))
    point = PairLikelihood(counts, items, BOX).at(0.5, 0.0)
    assert point.loglik == pytest.approx(brute(counts, items, 0.5, 0.0), abs=1e-6)
    assert point.n_params == 1


@pytest.mark.parametrize("taus", [TAU, (0.5, 0.0)])
def test_derivatives_of_the_likelihood_of_a_pair(drawn, taus, monkeypatch):
    monkeypatch.setattr(lattice, "PLANE_ERROR", 1e-8)
    counts = drawn.pair_counts(0, 1)
    items = tuple(Item(item.thresholds, tau) for item, tau in zip(ITEMS, taus, strict=True))
    likelihood, step = PairLikelihood(counts, items, BOX), 1e-5
    here = np.array([0.45, 0.55])
    point = likelihood.at(*here)
    n = point.n_params
    sides = [[likelihood.at(*(here + s * step * way)) for s in (1, -1)] for way in np.eye(2)[:n]]
    slopes = [(up.loglik - down.loglik) / (2 * step) for up, down in sides]
    np.testing.assert_allclose(point.scores.sum(axis=0), slopes, rtol=1e-6, atol=1e-5)
    bends = [(up.scores - down.scores).sum(axis=0) / (2 * step) for up, down in sides]
    np.testing.assert_allclose(point.hessian, bends, rtol=1e-6, atol=1e-4)
    moves = []
    for k, item in enumerate(items):
        for way in np.eye(len(item.thresholds) + 1):
            ends = []
            for sign in (1, -1):
                moved = np.append(item.thresholds, item.tau) + sign * step * way
                pair = list(items)
                pair[k] = Item(moved[:-1], moved[-1])
                # The same lattice, which depends on the deviations.
                other = PairLikelihood(counts, tuple(pair), BOX)
                other.__dict__["parts"] = [
                    (own, PairFactors.of(tuple(pair), factors.plane, 0.6))
                    for own, factors in likelihood.parts
                ]
                ends.append(other.at(*here).scores.sum(axis=0)[:n])
            moves.append((ends[0] - ends[1]) / (2 * step))
    np.testing.assert_allclose(point.cross, np.array(moves).T, rtol=1e-5, atol=1e-4)


def test_the_estimate_does_not_depend_on_the_start(drawn):
    counts = drawn.pair_counts(0, 1)
    starts = [(0.5, 0.6), (0.0, 0.0), (-0.4, 0.85)]
    found = [pair_estimate(counts, ITEMS, start) for start in starts]
    for other in found[1:]:
        # Lattices differ with the box that the search ends in.
        assert other.rho == pytest.approx(found[0].rho, abs=1e-5)
        assert other.r == pytest.approx(found[0].r, abs=1e-4)
    assert not found[0].at_limit.any()


HARD = {
    "large clusters": (8, (200, 500), {}),
    "narrow between": (60, (5, 30), {"r": 0.97}),
    "narrow within": (30, (5, 20), {"rho": 0.9}),
    "large effects": (30, (5, 15), {"tau": (1.5, 2.0)}),
    "pairs": (150, (2, 2), {}),
    "mixed sizes": (60, (1, 100), {"r": 0.2, "rho": -0.4}),
}


@pytest.mark.parametrize("name", HARD)
def test_the_lattice_is_fine_enough(name, monkeypatch):
    n_clusters, sizes, truth = HARD[name]
    drawn = answers(n_clusters, sizes, 5, **truth)
    counts = drawn.pair_counts(0, 1)
    items = tuple(
        Item(one.thresholds, one.tau)
        for one in (random_intercept(drawn.counts(0)), random_intercept(drawn.counts(1)))
    )
    start = truth.get("rho", RHO), truth.get("r", R)
    found = pair_estimate(counts, items, start)
    monkeypatch.setattr(lattice, "PLANE_ERROR", 1e-7)
    monkeypatch.setattr(lattice, "REACH", 7.0)
    exact = pair_estimate(counts, items, start)
    errors = np.sqrt((exact.influence**2).sum(axis=0))
    # A thousandth of a standard error.
    assert abs(found.rho - exact.rho) < 1e-3 * errors[0]
    assert abs(found.r - exact.r) < 1e-3 * errors[1]


def test_one_improbable_answer_does_not_stop_the_search():
    drawn = answers(60, (10, 20), 3, rho=0.9)
    counts = drawn.pair_counts(0, 1)
    whole = pair_estimate(counts, ITEMS, (0.5, 0.5))
    counts[0, 0, 3] += 1
    found = pair_estimate(counts, ITEMS, (0.5, 0.5))
    assert 0.5 < found.rho < whole.rho
    up, down = (
        brute(counts[:, :, :], ITEMS, found.rho + step, found.r, n=60) for step in (0.003, -0.003)
    )
    assert max(up, down) < brute(counts, ITEMS, found.rho, found.r, n=60)


def test_correlations_stop_at_the_limit():
    drawn = answers(25, (5, 10), 20, tau=(0.3, 0.3), r=0.999)
    found = two_step(drawn)
    assert found.pairs[0].r == pytest.approx(LIMIT)
    assert found.at_limit.tolist() == [[False, True]]
    assert (np.diag(found.covariance) > 0).all()


def test_influence_is_the_change_that_a_cluster_brings(monkeypatch):
    monkeypatch.setattr(lattice, "PLANE_ERROR", 1e-8)
    monkeypatch.setattr(pair_search, "LAST_STEP", 1e-6)
    drawn = answers(25, (8, 15), 11)
    copies, n = 60, len(drawn.clusters)
    clusters = drawn.clusters + np.repeat(np.arange(copies) * 25, n).reshape(copies, n)
    codes = np.tile(drawn.codes, copies)
    many = Answered(drawn.names, codes, drawn.n_categories, clusters.ravel())
    base = two_step(many)
    for j in (3, 17):
        own = drawn.clusters == j
        more = Answered(
            drawn.names,
            np.hstack([codes, drawn.codes[:, own]]),
            drawn.n_categories,
            np.concatenate([clusters.ravel(), np.full(own.sum(), copies * 25)]),
        )
        change = two_step(more).vector - base.vector
        # To first order in one cluster of 1,500.
        np.testing.assert_allclose(change, base.influence[j], rtol=0.02, atol=2e-6)


def test_clusters_of_similar_size_go_together():
    sizes = np.array([0.0, 1.0, 3.0, 16.0, 5.0, 60.0])
    classes = [own.tolist() for own in size_classes(sizes)]
    # At most 60 / 4 answers, and then at most 60 / 16, each class without those before it.
    assert classes == [[3, 5], [4], [1, 2]]
    assert size_classes(np.zeros(3)) == []


def test_the_layout_takes_apart_what_it_puts_together():
    layout = TwoLevelLayout((2, 1, 3))
    vector = np.arange(layout.size, dtype=float)
    np.testing.assert_array_equal(layout.vector(*layout.parted(vector)), vector)
    names = np.array(["a", "b", "c"])
    turned = TwoLevelLayout((2, 3, 1), 1)
    order, other = [0, 2, 1], TwoLevelLayout((2, 1, 3), 1)
    own = np.array(other.labels(tuple(names)))[other.places(order)]
    flipped = {"b~~c": "c~~b"}
    assert [flipped.get(label, label) for _, label in own] == [
        label for _, label in turned.labels(tuple(names[order]))
    ]
    labels = layout.labels(("a", "b", "c"))
    assert len(set(labels)) == layout.size == 6 + 3 + 3 + 3
    assert labels[0] == ("between", "a|t1")
    assert labels[-1] == ("between", "b~~c")
