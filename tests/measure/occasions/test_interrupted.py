"""Interrupted series: statsmodels' numbers, the known effect, and too short series."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, OptionError


def series(seed, *, n_times=24, begins=12, level=0.5, change=0.05, units=1, size=10):
    """Draw answers with a step and a change of trend, and autocorrelated common shocks."""
    rng = np.random.default_rng(seed)
    rows = []
    for unit in range(units):
        shock, own = 0.0, rng.normal(0, 0.3)
        for time in range(n_times):
            shock = 0.5 * shock + rng.normal(0, 0.15)
            after = time >= begins
            mean = 3 + own + 0.02 * time + after * (level + change * (time - begins)) + shock
            rows.append(
                pd.DataFrame({"unit": f"u{unit:02d}", "time": time, "y": rng.normal(mean, 1, size)})
            )
    return pd.concat(rows, ignore_index=True)


def test_a_single_series_has_the_errors_of_newey_and_west():
    import statsmodels.api as sm

    data = series(1)
    found = measure.interrupted_series(data, "y", time="time", begins=12, lags=2)
    y = data.groupby("time")["y"].mean()
    since = y.index.to_numpy() - 12.0
    after = (since >= 0).astype(float)
    X = np.column_stack([since, after, since * after, np.ones(len(y))])
    fit = sm.OLS(y.to_numpy(), X).fit(
        cov_type="HAC", cov_kwds={"maxlags": 2, "use_correction": True}
    )
    assert found.table["estimate"].to_numpy() == pytest.approx(fit.params[:3], abs=1e-10)
    assert found.table["se"].to_numpy() == pytest.approx(fit.bse[:3], rel=1e-8)
    assert measure.interrupted_series(data, "y", time="time", begins=12).lags == 2


def test_many_units_have_errors_over_units_and_hold_the_truth():
    import statsmodels.api as sm

    data = series(2, units=20)
    found = measure.interrupted_series(data, "y", time="time", begins=12, unit="unit")
    assert found.lags is None
    for term, truth in (("trend", 0.02), ("level", 0.5), ("trend.change", 0.05)):
        row = found.table.set_index("term").loc[term]
        assert row["ci.lower"] < truth < row["ci.upper"]
    points = found.points
    since = points["time"].to_numpy() - 12.0
    after = (since >= 0).astype(float)
    dummies = pd.get_dummies(points["unit"]).to_numpy(dtype=float)
    X = np.column_stack([since, after, since * after, dummies])
    fit = sm.OLS(points["mean"].to_numpy(), X).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(points["unit"])[0]}
    )
    assert found.table["se"].to_numpy() == pytest.approx(fit.bse[:3], rel=1e-8)


def test_effects_are_what_was_less_what_would_have_been():
    found = measure.interrupted_series(series(3), "y", time="time", begins=12)
    after = found.points[found.points["time"] >= 12]
    gap = (after["fitted"] - after["without"]).to_numpy()
    assert found.effects["effect"].to_numpy() == pytest.approx(gap, abs=1e-10)
    terms = found.table.set_index("term")["estimate"]
    assert found.effects["effect"].iloc[3] == pytest.approx(
        terms["level"] + 3 * terms["trend.change"]
    )


def test_few_units_are_one_series():
    found = measure.interrupted_series(series(4, units=3), "y", time="time", begins=12, unit="unit")
    assert (found.n_points, found.n_units) == (24, 3)
    assert "3 units are too few" in found.notes[0]


def test_what_cannot_be_a_series_is_refused():
    data = series(5)
    run = measure.interrupted_series
    with pytest.raises(DataError, match="2 times before 2 and 22 from then on"):
        run(data, "y", time="time", begins=2)
    with pytest.raises(DataError, match="must hold numbers"):
        run(data.assign(time=data["time"].astype(str)), "y", time="time", begins=12)
    with pytest.raises(DataError, match="fewer than 5 answers"):
        run(data.iloc[7:], "y", time="time", begins=12)
    with pytest.raises(OptionError, match="one column"):
        run(data, "z", time="time", begins=12)
    with pytest.raises(OptionError, match="lags=-1"):
        run(data, "y", time="time", begins=12, lags=-1)
    two = series(6, units=2)
    gaps = two[(two["unit"] != "u00") | (two["time"] != 3)]
    with pytest.raises(DataError, match="not every unit has answers"):
        run(gaps, "y", time="time", begins=12, unit="unit")
