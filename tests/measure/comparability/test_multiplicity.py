"""Corrections of p-values for the number of tests."""

import numpy as np
import pytest
from scipy.stats import chi2, false_discovery_control

from measure.comparability.multiplicity import DRAWS, corrected, largest_of
from measure.errors import OptionError

PVALUES = np.array([0.01, 0.04, 0.03, np.nan, 0.5])


def test_holm_by_hand():
    np.testing.assert_allclose(corrected(PVALUES, "holm"), [0.04, 0.09, 0.09, np.nan, 0.5])
    np.testing.assert_allclose(corrected(np.array([0.9, 0.8]), "holm"), [1.0, 1.0])
    textbook = corrected(np.array([0.01, 0.04, 0.03, 0.005]), "holm")
    np.testing.assert_allclose(textbook, [0.03, 0.06, 0.06, 0.02])


def test_the_false_discovery_rate_agrees_with_scipy_and_missing_tests_do_not_count():
    there = np.isfinite(PVALUES)
    found = corrected(PVALUES, "bh")
    np.testing.assert_allclose(found[there], false_discovery_control(PVALUES[there]))
    assert np.isnan(found[3])
    assert np.isnan(corrected(np.array([np.nan]), "bh")).all()


def test_without_a_correction_nothing_changes_and_other_words_are_refused():
    np.testing.assert_allclose(corrected(PVALUES, "none"), PVALUES)
    with pytest.raises(OptionError, match="correction"):
        corrected(PVALUES, "bonferroni")


def units(n_tests, n=400, seed=2):
    """Scores of units that are normal and independent, so that the largest of tests is known."""
    return np.random.default_rng(seed).standard_normal((n_tests, n))


def test_one_test_of_many_normal_units_has_its_own_p_value():
    found = largest_of(np.array([2.0]), units(1), 1)
    expected = chi2.sf(2.0, 1)
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / DRAWS))


def test_the_largest_of_independent_tests_is_that_of_sidak():
    chisq = np.array([3.0, 9.0, 5.0, 0.5])
    found = largest_of(chisq, units(4), 1)
    single = chi2.sf(chisq, 1)
    # By hand: the largest of four, then the larger of what is left.
    steps = [1 - (1 - single[1]) ** 4, 1 - (1 - single[2]) ** 3, 1 - (1 - single[0]) ** 2]
    np.testing.assert_allclose(found[[1, 2, 0]], steps, atol=0.012)
    assert found[1] < corrected(single, "holm")[1] + 0.003
    assert found[3] == found.max()


def test_a_test_made_twice_is_not_paid_for_twice():
    once = largest_of(np.array([4.0]), units(1), 1)
    twice = largest_of(np.array([4.0, 4.0]), np.repeat(units(1), 2, axis=0), 1)
    np.testing.assert_allclose(twice, once[[0, 0]])


def test_units_and_order_and_missing_tests_do_not_matter_and_the_seed_does():
    chisq, scores = np.array([3.0, np.nan, 9.0, 5.0]), units(4)
    found = largest_of(chisq, scores, 1)
    assert np.isnan(found).tolist() == [False, True, False, False]
    turned = largest_of(chisq[::-1], -7 * scores[::-1], 1)
    np.testing.assert_array_equal(turned[::-1], found)
    there = [0, 2, 3]
    np.testing.assert_array_equal(largest_of(chisq[there], scores[there], 1), found[there])
    assert not np.array_equal(largest_of(chisq, scores, 2)[there], found[there])
    assert np.isnan(largest_of(np.array([np.nan]), units(1), 1)).all()


def test_batches_of_draws_change_nothing(monkeypatch):
    chisq, scores = np.array([3.0, 9.0]), units(2)
    found = largest_of(chisq, scores, 1)
    monkeypatch.setattr("measure.comparability.multiplicity.HELD", 400 * 333)
    np.testing.assert_array_equal(largest_of(chisq, scores, 1), found)
