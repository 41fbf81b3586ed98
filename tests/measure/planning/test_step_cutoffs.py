"""Cut-offs of what a step of invariance may cost."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import ModelError, OptionError
from measure.planning.misspecified import Omitted
from measure.planning.step_cutoffs import _differing, invariance_cutoffs
from measure.simulating.populations import population

DATA = Path(__file__).parents[2] / "reference" / "data"
THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
ORDERED = "visual =~ o1 + o2 + o3\ntextual =~ o4 + o5 + o6\nspeed =~ o7 + o8 + o9"


@pytest.fixture(scope="module")
def steps():
    data = pd.read_csv(DATA / "hs39.csv")
    return measure.measurement_invariance(THREE, data, group="school")


@pytest.fixture(scope="module")
def ordered_steps():
    data = pd.read_csv(DATA / "hs39_ordered4.csv")
    return measure.measurement_invariance(ORDERED, data, group="sex", ordered=True)


def test_what_differs_is_as_large_as_it_is_said_to_be(steps):
    fit = steps.fits["scalar"]
    truth = population(fit)
    last = truth.moments[-1]
    omitted = [Omitted("x2", "~1", "", 0.3), Omitted("x7", "~1", "", -0.2)]
    found = _differing(fit, truth, omitted, "scalar").moments
    assert found[0] is truth.moments[0]
    moved = (found[-1].mu - last.mu) / np.sqrt(np.diag(last.sigma))
    assert moved == pytest.approx([0, 0.3, 0, 0, 0, 0, -0.2, 0, 0])
    assert found[-1].sigma == pytest.approx(last.sigma)
    # A loading that is lower by a fifth of a standard deviation of the item for one of the factor.
    fit = steps.fits["metric"]
    truth = population(fit)
    found = _differing(fit, truth, [Omitted("visual", "=~", "x1", -0.2)], "metric").moments[-1]
    rows = fit.parameters.set_index(["lhs", "op", "rhs", "group"])["est"]
    label = fit.moments.groups[-1]
    loading, spread = rows["visual", "=~", "x1", label], rows["visual", "~~", "visual", label]
    change = -0.2 * np.sqrt(truth.moments[-1].sigma[0, 0] / spread)
    gain = ((loading + change) ** 2 - loading**2) * spread
    assert found.sigma[0, 0] - truth.moments[-1].sigma[0, 0] == pytest.approx(gain)


def test_intercepts_of_ordered_items_that_are_fixed_can_differ(ordered_steps):
    fit = ordered_steps.fits["scalar"]
    truth = population(fit)
    found = _differing(fit, truth, [Omitted("o2", "~1", "", 0.3)], "scalar").moments[-1]
    (before,) = (one for one in truth.cuts("o2")[-1:])
    place = list(truth.values).index("o2")
    assert found.thresholds.reshape(9, 3)[place] == pytest.approx(before - 0.3)
    assert found.sigma == pytest.approx(truth.moments[-1].sigma)


def test_steps_cost_more_where_more_differs(steps):
    found = invariance_cutoffs(steps, "scalar", repeats=25, seed=1)
    assert found.variant == "plain"
    assert list(found.omitted["rhs"].unique()) == [""]
    # One factor after the other, lowest loadings first.
    assert list(found.omitted.query("level == 3")["lhs"]) == ["x2", "x6", "x7", "x3"]
    cost = found.distribution.groupby("level")[["delta_cfi", "delta_rmsea"]].mean()
    assert cost["delta_cfi"].is_monotonic_decreasing
    table = found.table.set_index(["level", "measure"])
    expected = steps.table.loc["scalar", "delta_cfi"]
    assert table.loc[(1, "delta_cfi"), "observed"] == pytest.approx(expected)
    # x3 and x7 differ between the schools by more than what four items were given here.
    assert table.loc[(3, "delta_cfi"), "beyond"]
    assert any("Grant-White" in note for note in found.notes)


def test_a_step_that_holds_costs_what_chance_makes_of_it(steps):
    found = invariance_cutoffs(steps, "metric", repeats=25, seed=2)
    right = found.distribution.query("level == 0")
    assert abs(right["delta_rmsea"].mean()) < 0.02
    assert right["delta_cfi"].between(-0.02, 0.02).all()


def test_ordered_items(ordered_steps):
    found = invariance_cutoffs(ordered_steps, "thresholds", repeats=3, seed=1)
    assert found.variant == "scaled"
    # The middle one: two others set the scale.
    assert set(found.omitted["rhs"]) == {"t2"}
    assert found.distribution.notna().all().all()


def test_what_cannot_be_asked_is_refused(steps, ordered_steps):
    with pytest.raises(OptionError, match="step"):
        invariance_cutoffs(steps, "configural", repeats=2, seed=1)
    with pytest.raises(OptionError, match="not among those"):
        invariance_cutoffs(steps, "thresholds", repeats=2, seed=1)
    levels = [[Omitted("visual", "=~", "x1", 0.1)]]
    with pytest.raises(OptionError, match="no parameter that the step"):
        invariance_cutoffs(steps, "scalar", levels=levels, repeats=2, seed=1)
    levels = [[Omitted("o1", "|", "t1", 5.0)]]
    with pytest.raises(ModelError, match="no population has"):
        invariance_cutoffs(ordered_steps, "thresholds", levels=levels, repeats=2, seed=1)
