from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import measure
from measure.consistency.omega import omega_total
from measure.consistency.score_errors import _curve, conditional_errors
from measure.errors import IdentificationError, OptionError
from tests.reference_cases import data

ITEMS = data("hs39_ordered4.csv")[["o4", "o5", "o6"]]


@pytest.fixture(scope="module")
def curve():
    return _curve(measure.cfa("f =~ o4 + o5 + o6", ITEMS, ordered=True, std_lv=True))


def test_the_mean_error_variance_is_what_omega_leaves(curve):
    found = conditional_errors(ITEMS)
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    variance = curve.error(nodes)[0] ** 2
    assert np.sqrt(weights @ variance / weights.sum()) == pytest.approx(found.sem, rel=1e-6)
    assert found.reliability == pytest.approx(omega_total(ITEMS, ordered=True).of("omega_t"))
    # The true score is the answer that the model expects on average.
    mean = weights @ curve.true_score(nodes) / weights.sum()
    assert mean == pytest.approx(ITEMS.sum(axis=1).mean(), abs=1e-3)


def test_errors_by_answering_again(curve):
    table = conditional_errors(ITEMS).table.set_index("score")
    rng = np.random.default_rng(2)
    for score in (5, 9):
        e = table.loc[score, "factor"]
        unique = np.sqrt(1 - curve.loadings**2)
        y = curve.loadings * e + unique * rng.normal(size=(100_000, 3))
        passed = y[:, curve.items] > curve.thresholds
        sums = curve.lowest + passed.sum(axis=1)
        assert sums.mean() == pytest.approx(score, abs=0.02)
        assert sums.std() == pytest.approx(table.loc[score, "csem"], rel=0.01)


def test_all_scores_are_there():
    found = conditional_errors(ITEMS.replace(4, 3))
    assert found.table["score"].to_list() == list(range(3, 10))
    assert found.table["n"].sum() == found.n_obs == 301
    ends = found.table[["factor", "csem", "se"]].iloc[[0, -1]]
    assert ends.isna().all(axis=None)
    assert found.table["csem"].iloc[1:-1].gt(0).all()
    assert "categorical omega" in repr(found)
    assert "<table" in found._repr_html_()


def test_other_codes():
    # The same answers as multiples of ten: all errors are ten times as large.
    tens, ones = conditional_errors(ITEMS * 10), conditional_errors(ITEMS)
    np.testing.assert_allclose(tens.table["score"], 10 * ones.table["score"])
    for column in ("csem", "se", "ci.lower"):
        np.testing.assert_allclose(tens.table[column], 10 * ones.table[column], rtol=1e-5)
    assert tens.table["n"].to_list() == ones.table["n"].to_list()
    assert tens.sem == pytest.approx(10 * ones.sem, rel=1e-6)


def test_standard_errors(curve):
    # Derivatives with the true score held, by moving the elements.
    fit = measure.cfa("f =~ o4 + o5 + o6", ITEMS, ordered=True, std_lv=True)
    scores = np.array([5.0, 8.0])
    e = curve.factor_at(scores)
    _, gradient = curve.error(e)
    for k in range(gradient.shape[1]):
        ends = []
        for sign in (1, -1):
            step = np.zeros(gradient.shape[1])
            step[k] = sign * 1e-5
            moved = replace(
                curve,
                loadings=curve.loadings + step[curve.by_loading],
                thresholds=curve.thresholds + step[curve.by_threshold],
            )
            ends.append(moved.error(moved.factor_at(scores))[0])
        np.testing.assert_allclose(gradient[:, k], (ends[0] - ends[1]) / 2e-5, atol=1e-6)
    assert gradient.shape[1] == len(fit.model.free_rows)


def test_clusters():
    copies = pd.concat([ITEMS.assign(unit=range(301))] * 2, ignore_index=True)
    twice, once = conditional_errors(copies, cluster="unit"), conditional_errors(ITEMS)
    np.testing.assert_allclose(twice.table["se"], once.table["se"], rtol=0.01)
    assert twice.n_clusters == 301


def test_what_is_refused():
    with pytest.raises(IdentificationError, match="three items or more, and there are 2"):
        conditional_errors(ITEMS[["o4", "o5"]])
    with pytest.raises(OptionError, match="o5 does not load positively"):
        conditional_errors(ITEMS.assign(o5=5 - ITEMS["o5"]))
    with pytest.raises(OptionError, match="confidence_level"):
        conditional_errors(ITEMS, confidence_level=2)
