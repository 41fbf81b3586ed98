"""Response surfaces against R (lm, sandwich, numerical delta method) and against known surfaces."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, OptionError
from measure.levels.response_surfaces import axes_of, axes_slope
from tests.reference_cases import case, data

RATINGS = ("LEAD", "TSIG")


def surface(rows: pd.DataFrame, **options: object) -> measure.ResponseSurface:
    asked = {"predictors": RATINGS, "midpoint": 3, **options}
    return measure.response_surface(rows, "HOSTILE", **asked)


@pytest.mark.parametrize(("name", "cluster"), [("rows", None), ("clusters", "COMPID")])
def test_all_numbers_agree_with_r(name, cluster):
    theirs = case("response_surface")[name]
    found = surface(data("lq2002.csv"), cluster=cluster)
    for part in ("coefficients", "surface", "axes"):
        table = getattr(found, part)
        assert list(table.index) == list(theirs[part])
        for row, told in theirs[part].items():
            assert table.loc[row, "est"] == pytest.approx(told["est"], rel=1e-8)
            # Derivatives of the axes are numerical in R.
            rel = 1e-6 if part == "axes" else 1e-8
            assert table.loc[row, "se"] == pytest.approx(told["se"], rel=rel)
            assert table.loc[row, "ci.upper"] == pytest.approx(told["upper"], rel=rel)
    assert found.r_squared == pytest.approx(theirs["r_squared"], rel=1e-10)
    assert found.curvature["f"] == pytest.approx(theirs["f"], rel=1e-8)
    assert (found.n_obs, found.df) == (theirs["n"], theirs["df"])


@pytest.mark.parametrize("seed", range(5))
def test_slopes_of_the_axes_are_those_of_finite_differences(seed):
    b = np.random.default_rng(seed).normal(size=6)
    step = 1e-6
    numerical = np.column_stack(
        [(axes_of(b + step * e) - axes_of(b - step * e)) / (2 * step) for e in np.eye(6)]
    )
    np.testing.assert_allclose(axes_slope(b), numerical, rtol=1e-5, atol=1e-6)


def made(coefficients: tuple[float, ...], *, n: int = 400, noise: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(20261202)
    x, y = rng.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], size=n).T
    terms = np.column_stack([np.ones(n), x, y, x**2, x * y, y**2])
    z = terms @ np.array(coefficients) + noise * rng.standard_normal(n)
    return pd.DataFrame({"z": z, "x": x + 3, "y": y + 3, "unit": np.arange(n) // 8})


CONGRUENCE = (2.0, 0.0, 0.0, -0.4, 0.8, -0.4)
"""An outcome that is highest where both are equal, at any height: -0.4 (x - y)²."""


def test_a_ridge_along_the_line_of_congruence_is_found_exactly():
    rows = made(CONGRUENCE, noise=0.0)
    found = measure.response_surface(rows, "z", predictors=("x", "y"), midpoint=3)
    expected = {"a1": 0.0, "a2": 0.0, "a3": 0.0, "a4": -1.6, "a5": 0.0}
    for name, value in expected.items():
        assert found.surface.loc[name, "est"] == pytest.approx(value, abs=1e-10)
    assert found.r_squared == pytest.approx(1.0)
    assert found.at(4.0, 2.0) == pytest.approx(2.0 - 0.4 * 4)
    assert found.discrepancies.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("coefficients", "shape"),
    [
        ((0.0, 0.4, 0.2, -1.0, 0.5, -0.8), "maximum"),
        ((0.0, 0.0, 0.0, 1.0, 0.5, 0.8), "minimum"),
        ((1.0, 0.3, 0.0, 1.0, 0.5, -0.8), "saddle"),
    ],
)
def test_shapes_and_level_points(coefficients, shape):
    rows = made(coefficients, noise=0.0)
    found = measure.response_surface(rows, "z", predictors=("x", "y"), midpoint=3)
    assert found.shape == shape
    _, b1, b2, b3, b4, b5 = coefficients
    level = np.linalg.solve([[2 * b3, b4], [b4, 2 * b5]], [-b1, -b2])
    axes = found.axes["est"]
    np.testing.assert_allclose(axes.to_numpy()[:2], level, atol=1e-8)
    # The axes stand at right angles and meet where the surface is level.
    assert axes["p11"] * axes["p21"] == pytest.approx(-1.0)
    assert axes["p10"] + axes["p11"] * level[0] == pytest.approx(level[1])


@pytest.mark.slow
def test_intervals_hold_the_truth_with_clusters():
    """Errors and ratings share a part within clusters; 200 draws of 60 clusters of 8."""
    rng = np.random.default_rng(20261203)
    truth = {"a1": 0.3, "a2": 0.1, "a3": 0.1, "a4": -0.5, "a5": 0.05}
    b = np.array([0.0, 0.2, 0.1, -0.075, 0.3, -0.125])
    unit = np.repeat(np.arange(60), 8)
    held = dict.fromkeys(truth, 0)
    naive = 0
    for _ in range(200):
        shared = rng.standard_normal((60, 3))[unit]
        x, y, e = (0.7 * shared + 0.7 * rng.standard_normal((480, 3))).T
        z = np.column_stack([np.ones(480), x, y, x**2, x * y, y**2]) @ b + e
        rows = pd.DataFrame({"z": z, "x": x, "y": y, "unit": unit})
        asked = {"predictors": ("x", "y"), "midpoint": 0}
        found = measure.response_surface(rows, "z", cluster="unit", **asked).surface
        for name, value in truth.items():
            held[name] += found.loc[name, "ci.lower"] <= value <= found.loc[name, "ci.upper"]
        plain = measure.response_surface(rows, "z", **asked).surface.loc["a1"]
        naive += plain["ci.lower"] <= truth["a1"] <= plain["ci.upper"]
    # 95 % of 200 is 190, with a standard error of 3; sandwiches of 60 clusters fall a bit short.
    assert all(180 <= n <= 199 for n in held.values()), held
    assert naive < 180


def test_what_is_hardly_determined_is_told():
    rows = made((0.0, 0.3, 0.2, 0.0, 0.0, 0.0))
    found = measure.response_surface(rows, "z", predictors=("x", "y"), midpoint=9, cluster="unit")
    said = " ".join(found.notes)
    assert "may be 0" in said
    assert "one side of the midpoint 9" in said
    assert found.n_clusters == 50
    few = measure.response_surface(
        rows[:160], "z", predictors=("x", "y"), midpoint=3, cluster="unit"
    )
    assert "There are 20 clusters" in " ".join(few.notes)


def test_incomplete_rows_are_left_out_and_counted():
    rows = made(CONGRUENCE)
    rows.loc[:9, "x"] = np.nan
    rows.loc[10:14, "unit"] = np.nan
    found = measure.response_surface(rows, "z", predictors=("x", "y"), midpoint=3, cluster="unit")
    assert (found.n_obs, found.n_dropped) == (385, 15)
    again = measure.response_surface(
        rows.dropna(), "z", predictors=("x", "y"), midpoint=(3, 3), cluster="unit"
    )
    pd.testing.assert_frame_equal(found.coefficients, again.coefficients)


def test_input_that_cannot_be_used_is_refused():
    rows = made(CONGRUENCE)
    asked = {"predictors": ("x", "y"), "midpoint": 3}
    with pytest.raises(DataError, match="5 rows have both"):
        measure.response_surface(rows[:5], "z", **asked)
    with pytest.raises(DataError, match='no column "team"'):
        measure.response_surface(rows, "z", cluster="team", **asked)
    with pytest.raises(DataError, match='3 values of "unit"'):
        measure.response_surface(rows[:24], "z", cluster="unit", **asked)
    with pytest.raises(DataError, match="determine each other"):
        measure.response_surface(rows.assign(y=rows["x"]), "z", **asked)
    with pytest.raises(OptionError, match="two columns"):
        measure.response_surface(rows, "z", predictors=("x", "x"), midpoint=3)
    with pytest.raises(OptionError, match="midpoint"):
        measure.response_surface(rows, "z", predictors=("x", "y"), midpoint=float("nan"))


def test_the_report_names_what_was_done():
    found = surface(data("lq2002.csv"), cluster="COMPID")
    for text in (repr(found), found._repr_html_()):
        assert "LEAD less 3" in text
        assert "a4" in text
        assert "49" in text
