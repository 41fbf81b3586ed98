"""A step's moments at the scales that the step before it sets."""

import numpy as np
import pytest

import measure
from measure.evaluation import nesting
from measure.evaluation.rescaling import rescaled
from tests.reference_cases import data

ITEMS = [f"o{number}" for number in range(1, 10)]
THREE = "visual =~ o1 + o2 + o3\ntextual =~ o4 + o5 + o6\nspeed =~ o7 + o8 + o9"
WAYS = {
    "delta": {"ordered": True, "categories": "merge"},
    "theta": {"ordered": True, "categories": "merge", "parameterization": "theta"},
    "some": {"ordered": ["o1", "o2", "o4", "o5", "o7"], "categories": "merge"},
    "numbers": {"estimator": "MLR"},
    "markers": {"std_lv": False},
}


@pytest.mark.parametrize("way", WAYS)
def test_each_step_has_the_moments_of_the_next_at_other_scales(way, monkeypatch):
    def unwanted(*_):
        raise AssertionError("there is nothing to search for")

    found = measure.measurement_invariance(
        THREE, data("hs39_ordered4.csv"), group="school", null="none", **WAYS[way]
    )
    assert len(found.steps) > 2
    searched = measure.compare(*(found.fits[step] for step in found.steps[1::-1]))
    monkeypatch.setattr(nesting, "_by_search", unwanted)
    for free, restricted in zip(found.steps, found.steps[1:], strict=False):
        point = nesting.nested(found.fits[restricted], found.fits[free], by="design")
        assert point is not None
        for ours, theirs in zip(point.implied, found.fits[restricted].implied_moments, strict=True):
            np.testing.assert_allclose(ours.sigma, theirs.sigma, atol=1e-9)
    assert found.table["pvalue_diff"].iloc[1] == pytest.approx(searched["pvalue"].iloc[0])


def test_models_with_paths_or_other_variables_have_no_other_scales():
    frame = data("hs39.csv")
    paths = measure.sem("f =~ x1 + x2 + x3\nf ~ x4 + x5", frame)
    plain = measure.cfa("f =~ x1 + x2 + x3", frame)
    other = measure.cfa("f =~ x1 + x2 + x4", frame)
    assert rescaled(paths, paths) is None
    assert rescaled(plain, other) is None
    np.testing.assert_allclose(rescaled(plain, plain), plain.params)
