"""Differential item functioning under the graded response model."""

from typing import Any

import mirt
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import measure
from measure.errors import DataError, OptionError
from measure.functioning.graded_groups import _at, _moved, fit_groups

ITEMS = ["x1", "x2", "x3", "x4", "x5"]
CUTS = np.array([-1.0, 0.8])


def draw(n: int, seed: int, *, shift: float = 0.0, slope: float = 0.0, sd: float = 0.0) -> Any:
    """Five items of one factor; x2 shifts and x4 has another slope in group "b"."""
    rng = np.random.default_rng(seed)
    unit = rng.integers(0, 40, size=n)
    b = unit % 5 < 2
    factor = rng.normal(size=n) * np.where(b, 1.2, 1.0) + 0.5 * b
    effect = sd * rng.normal(size=40)
    data = {}
    for j, name in enumerate(ITEMS):
        a = 1.6 + 0.2 * (j % 2) + (slope * b if j == 3 else 0.0)
        at = a * factor + (shift * b if j == 1 else 0.0) + (effect[unit] if j == 0 else 0.0)
        data[name] = (rng.random((n, 1)) < expit(at[:, None] - CUTS - 0.2 * j)).sum(axis=1)
    return pd.DataFrame(data).assign(group=np.where(b, "b", "a"), unit=unit)


def test_likelihoods_and_ratios_are_those_of_mirt() -> None:
    data = draw(400, 1, shift=0.7)
    other = mirt.multigroup.multigroup_dif(
        data[ITEMS].to_numpy(),
        data["group"].to_numpy(),
        "GRM",
        items=[1],
        reference_group="a",
        n_quadpts=61,
        tol=1e-5,
        max_iter=1000,
    )
    found = measure.irt_differential_functioning(data, ITEMS, group="group").table.loc["x2"]
    # mirt's steps end a little below both maxima.
    assert found["chisq"] == pytest.approx(float(other["chi2"][0]), abs=0.01)
    assert found["df"] == int(other["df"][0]) == 3


def test_the_gradient_is_that_of_the_likelihood() -> None:
    data = draw(150, 2)
    codes = data[ITEMS].to_numpy().astype(np.intp)
    codes[:20, 2] = -1
    groups = (data["group"] == "b").to_numpy().astype(np.intp)
    model = fit_groups(codes, groups)
    step = np.random.default_rng(3).normal(size=model.n_params) * 0.1
    at = _at(_moved(model, step))
    np.testing.assert_allclose(at.scores().sum(axis=0), at.gradient, atol=1e-9)
    for k, unit in enumerate(np.eye(model.n_params)):
        above, below = (_at(_moved(at.model, s * 1e-5 * unit)) for s in (1, -1))
        assert (above.logl - below.logl) / 2e-5 == pytest.approx(at.gradient[k], abs=1e-5)


def test_one_group_has_the_likelihood_of_a_graded_response_model() -> None:
    data = draw(400, 3)
    mine = fit_groups(data[ITEMS].to_numpy().astype(np.intp), np.zeros(400, dtype=np.intp))
    other = measure.graded_response(data[ITEMS])
    assert mine.converged
    # mirt stops at changes of 1e-6.
    assert mine.logl == pytest.approx(other.logl, abs=1e-3)
    np.testing.assert_allclose(mine.slopes, other.items["discrimination"], rtol=2e-3)


def test_planted_differences_are_found_and_told_apart() -> None:
    data = draw(2500, 4, shift=0.7, slope=0.9)
    found = measure.irt_differential_functioning(data, ITEMS, group="group", anchors="purified")
    table = found.table
    assert list(table.index[table["flag"]]) == ["x2", "x4"]
    assert set(found.anchors) == {"x1", "x3", "x5"}
    assert found.standing["mean"]["b"] == pytest.approx(0.5, abs=0.15)
    assert found.standing["sd"]["b"] == pytest.approx(1.2, abs=0.15)
    assert table.loc["x2", "pvalue.nonuniform"] > 0.01
    assert table["pvalue.nonuniform"].idxmin() == "x4"
    own = found.parameters.set_index(["item", "group"])
    assert own["discrimination"]["x4", "b"] == pytest.approx(1.8 + 0.9, abs=0.4)
    assert own["points"]["x2", "a"] == 0
    assert 0.1 < own["points"]["x2", "b"] < own["points.absolute"]["x2", "b"] + 1e-9
    # The parts add up to the whole.
    parts = table["chisq.uniform"] + table["chisq.nonuniform"]
    np.testing.assert_allclose(parts, table["chisq"], atol=1e-4)


def test_named_anchors_leave_the_other_items_free() -> None:
    data = draw(1500, 5, shift=0.9)
    found = measure.irt_differential_functioning(data, ITEMS, group="group", anchors=["x1", "x3"])
    assert list(found.table.index) == ["x2", "x4", "x5"]
    assert list(found.table.index[found.table["flag"]]) == ["x2"]


@pytest.mark.slow
def test_alike_groups_that_stand_apart_are_seldom_called_different() -> None:
    families, items = [], []
    for seed in range(200):
        data = draw(500, 100 + seed)
        table = measure.irt_differential_functioning(data, ITEMS, group="group").table
        families.append(table["flag"].any())
        items.append((table["pvalue"] < 0.05).mean())
    # Two standard errors of 200 samples at 5 % are 3 %.
    assert np.mean(families) <= 0.08
    assert np.mean(items) == pytest.approx(0.05, abs=0.02)


def test_clusters_keep_a_difference_of_units_from_passing_for_one_of_groups() -> None:
    pvalues: dict[str, list[float]] = {"without": [], "with": []}
    for seed in range(10):
        data = draw(1500, 50 + seed, sd=1.5)
        for name, cluster in (("without", None), ("with", "unit")):
            found = measure.irt_differential_functioning(
                data, ITEMS, group="group", cluster=cluster, anchors=ITEMS[1:]
            )
            pvalues[name].append(float(found.table["pvalue.uniform"]["x1"]))
    assert np.mean(np.array(pvalues["without"]) < 0.05) > 0.3
    assert np.mean(np.array(pvalues["with"]) < 0.05) <= 0.2
    assert (found.table["df2"] == 40 - 3).all()


def test_a_category_that_a_group_does_not_use_is_joined_and_told() -> None:
    data = draw(500, 6)
    data.loc[(data["group"] == "b") & (data["x3"] == 2), "x3"] = 1
    found = measure.irt_differential_functioning(data, ITEMS, group="group")
    assert found.table.loc["x3", "df"] == 2
    assert any('"x3"' in note and "joined" in note for note in found.notes)
    assert "Ability" in repr(found)
    assert "flag" in found._repr_html_()


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        ({}, {"anchors": "some"}, OptionError, "anchors"),
        ({}, {"anchors": ["y"]}, OptionError, '"y" is none of the items'),
        ({}, {"anchors": ITEMS}, OptionError, "at least one item"),
        ({}, {"correction": "half"}, OptionError, "correction"),
        ({"group": "a"}, {}, DataError, "one group only"),
        ({"group": [str(k) for k in range(200)]}, {}, DataError, "200 groups"),
    ],
)
def test_bad_input_is_refused(
    change: dict[str, Any], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    data = draw(200, 7).assign(**change)
    with pytest.raises(error, match=message):
        measure.irt_differential_functioning(data, ITEMS, group="group", **options)


def test_groups_that_share_no_categories_are_refused() -> None:
    data = draw(200, 8)
    data["x1"] = np.where(data["group"] == "b", 0, 1 + (data["x1"] > 0))
    with pytest.raises(DataError, match='fewer than two categories of item "x1"'):
        measure.irt_differential_functioning(data, ITEMS, group="group")
