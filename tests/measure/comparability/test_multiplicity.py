"""Corrections of p-values for the number of tests."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from measure.comparability.multiplicity import corrected
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
