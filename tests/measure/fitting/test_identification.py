"""Models that the data can determine pass, others are named; impossible estimates are told."""

import numpy as np
import pytest

import measure
from measure.errors import IdentificationError, ImproperSolutionWarning
from tests.reference_cases import data


@pytest.fixture(scope="module")
def hs39():
    return data("hs39.csv")


@pytest.mark.parametrize(
    "model",
    [
        "f =~ x1 + x2 + x3",
        "f =~ x1 + x2\ng =~ x4 + x5",
        "f =~ x1 + a*x2\ng =~ x7 + a*x9",
        "f =~ x1\ng =~ x4 + x5 + x6",
        "f =~ x1 + x2 + x3\ng =~ x4 + x5 + x6\nx1 ~~ x4",
        "x1 ~ x2 + x3",
        "x1 ~~ x1\nx2 ~~ x2\nx1 ~~ x2",
    ],
)
def test_identified_models_are_let_through(hs39, model):
    assert measure.sem(model, hs39).converged


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("f =~ x1 + x2 + x3\ng =~ x4 + x5 + x6\nh =~ f + g", "h =~ g"),
        ("f =~ x1 + x2 + x3 + x4\nf ~~ f\nf =~ NA*x1", "f ~~ f"),
        ("x1 ~ x2\nx2 ~ x1\nx1 ~~ x2\nx3 ~ x1 + x2\nx4 ~ x3", "x1 ~ x2"),
        ("f =~ x1 + x2 + x3 + x4\ng =~ x1 + x2 + x3 + x4 + x5 + x6", "g =~ "),
    ],
)
def test_unidentified_models_are_named(hs39, model, named):
    with pytest.raises(IdentificationError, match=r"not identified|free parameters") as caught:
        measure.sem(model, hs39)
    if "not identified" in str(caught.value):
        assert named in str(caught.value)


def test_correlation_above_one_is_told(hs39):
    rng = np.random.default_rng(2)
    twin = hs39.assign(
        a=hs39["x4"] + rng.normal(size=301) * 0.9,
        b=hs39["x4"] + hs39["x5"] + rng.normal(size=301) * 0.2,
        c=hs39["x5"] + rng.normal(size=301) * 0.9,
    )
    with pytest.warns(ImproperSolutionWarning):
        fit = measure.cfa("f =~ x4 + a + x6\ng =~ x5 + b + c", twin)
    assert not fit.admissible
    assert fit.notes
