from itertools import combinations

import numpy as np
import pytest

from measure.consistency.covariance_functions import Functions
from measure.consistency.reliability import cronbach_alpha
from measure.consistency.split_halves import COEFFICIENTS, Halves, split_half
from measure.consistency.splits import drawn_splits, equal_splits, n_equal_splits
from measure.errors import OptionError
from tests.measure.consistency.test_reliability import keyed_items
from tests.measure.covariance_slopes import assert_slopes
from tests.measure.ledger import ALPHA
from tests.reference_cases import case, data

HS39 = data("hs39.csv")[[f"x{k}" for k in range(1, 10)]]


@pytest.mark.parametrize("name", ALPHA)
def test_reference(name):
    reference = case(name)
    items = keyed_items(reference)
    expected = reference["results"]["odd_even"]
    found = split_half(items).table.set_index("coefficient")["odd.even"]
    theirs = ("spearman_brown", "guttman_rulon", "angoff_feldt")
    assert found.to_list() == pytest.approx([expected[key] for key in theirs], abs=1e-7)
    assert found["spearman.brown"] == pytest.approx(
        2 * expected["r"] / (1 + expected["r"]), abs=1e-7
    )
    # psych takes half of the splits of an odd number of items, as if each occurred twice, and
    # divides their sum by half of their number, whole or not.
    standardized = split_half(items, of="standardized")
    n_splits = len(standardized.replicates)
    seen = standardized.replicates["flanagan.rulon"]
    if items.shape[1] % 2:
        seen = seen[: -(-n_splits // 2)]
    halves = reference["results"]["split_half_correlation_metric"]
    assert seen.max() == pytest.approx(halves["max"], abs=1e-7)
    assert seen.min() == pytest.approx(halves["min"], abs=1e-7)
    count = n_splits / 2 if items.shape[1] % 2 else n_splits
    assert seen.sum() / count == pytest.approx(halves["mean"], abs=1e-7)


@pytest.mark.parametrize("n_items", [2, 3, 6, 7])
def test_all_splits_occur_once(n_items):
    signs = equal_splits(n_items)
    assert len(signs) == n_equal_splits(n_items)
    sets = {
        frozenset([frozenset(np.flatnonzero(row > 0)), frozenset(np.flatnonzero(row < 0))])
        for row in signs
    }
    every = set(range(n_items))
    halves = combinations(range(n_items), n_items // 2)
    assert sets == {frozenset([frozenset(half), frozenset(every - set(half))]) for half in halves}


def test_the_mean_over_the_splits_of_an_even_number_of_items_is_alpha():
    items = HS39.drop(columns="x5")
    table = split_half(items).table.set_index("coefficient")
    alpha = cronbach_alpha(items, interval="adf")
    assert table.loc["flanagan.rulon", "mean"] == pytest.approx(alpha.alpha, abs=1e-12)
    assert table.loc["flanagan.rulon", "se"] == pytest.approx(alpha.se, abs=1e-12)
    drawn = split_half(items, n_splits=30, seed=1)
    assert not drawn.complete
    assert len(drawn.replicates) == 30
    assert drawn.table.loc[1, "mean"] == pytest.approx(alpha.alpha, abs=0.04)
    assert "30 (drawn)" in repr(drawn)


def test_each_split_by_its_halves():
    found = split_half(HS39)
    assert found.complete
    first = HS39.columns[found.splits.iloc[17] == 1]
    a, b = HS39[first].sum(axis=1), HS39.drop(columns=first).sum(axis=1)
    r, total = np.corrcoef(a, b)[0, 1], (a + b).var()
    expected = [
        2 * r / (1 + r),
        4 * a.cov(b) / total,
        4 * a.cov(b) / (total - (a.var() - b.var()) ** 2 / total),
    ]
    np.testing.assert_allclose(found.replicates.iloc[17], expected)


@pytest.mark.parametrize("standardized", [False, True])
def test_slopes(standardized):
    halves = Halves(equal_splits(9), standardized)
    assert_slopes(Functions(COEFFICIENTS, halves.means, halves.slopes), HS39.cov().to_numpy())


def test_drawn_splits_are_halves():
    signs = drawn_splits(7, 50, np.random.default_rng(1))
    assert ((signs > 0).sum(axis=1) == 3).all()


def test_options_and_notes():
    with pytest.raises(OptionError, match="126 splits, more than n_splits = 100"):
        split_half(HS39, n_splits=100)
    with pytest.raises(OptionError, match="n_splits is 0"):
        split_half(HS39, n_splits=0)
    with pytest.raises(OptionError, match="unknown of"):
        split_half(HS39, of="sums")
    assert "odd" in split_half(HS39).notes[0]
    two = split_half(HS39[["x1", "x2"]].assign(x2=-HS39["x2"]))
    assert "one split" in two.notes[0]
    assert "100% of the splits have a negative" in two.notes[1]
    assert "<table" in two._repr_html_()
    boot = split_half(HS39[["x1", "x2", "x3", "x4"]], interval="bca", seed=1, n_samples=200)
    assert (boot.table["ci.lower"] < boot.table["mean"]).all()
