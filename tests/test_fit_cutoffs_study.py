"""What the usual limits reject of Hu and Bentler's simple model."""

import pytest

from benchmarks import fit_cutoffs

# tests/reference/generate/70_hu_bentler.R
LAVAAN = {
    "right": (0.0, 1.0, 0.0),
    "one left out": (0.0488968, 0.9693244, 0.1354742),
    "two": (0.0566993, 0.9582848, 0.1649815),
}


def test_the_models_fit_the_population_as_lavaan_says():
    found = fit_cutoffs.populations_fit()
    for name, expected in LAVAAN.items():
        own = found[name]
        assert (own["rmsea"], own["cfi"], own["srmr"]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
def test_limits_find_left_out_correlations_less_often_the_more_respondents_there_are():
    found = fit_cutoffs.rejections(200)
    for n, shares in found.items():
        right, one, two = shares[:3], shares[3:6], shares[6:]
        # A right model passes all limits, and SRMR rejects every wrong one.
        assert max(right) < 0.05
        assert one[2] == two[2] == 1.0
        assert n < 500 or max(one[:2]) < 0.05
    for place in (3, 4, 6, 7):
        assert found[150][place] > found[500][place] > found[5000][place] - 1e-9
