"""Interrupted series: level and trend of groups before and after something began."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.occasions.regressions import Regression, autocorrelated, clustered, reach, two_sided

Array = NDArray[np.float64]

FEWEST_ON_A_SIDE = 3
FEWEST_UNITS = 10
"""With fewer units than this their own series are too few for errors over units."""
FEWEST_RESPONDENTS = 5


@dataclass(frozen=True, eq=False)
class InterruptedSeries:
    """A series before and after something began.

    Attributes
    ----------
    table
        One row a term: `term estimate se df pvalue ci.lower ci.upper`: `trend` for a unit of time
        before, `level` the step when it began, `trend.change` how much the trend changed.
    effects
        One row a point in time from the beginning on: `time effect se ci.lower ci.upper`, the level
        less that to which the trend before would have led.
    points
        `unit time mean n fitted without`: what was fitted, and what would have been expected
        without the interruption.
    autocorrelation
        Correlation of neighbouring residuals.
    lags
        Lags that standard errors allow for; None where they are taken over units.
    n_points, n_units, n_obs
        Points of the series, units, and answers behind them.
    notes
        What a reader has to know.
    """

    table: pd.DataFrame
    effects: pd.DataFrame
    points: pd.DataFrame
    autocorrelation: float
    lags: int | None
    n_points: int
    n_units: int
    n_obs: int
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "points": self.n_points,
            "units": self.n_units,
            "answers": self.n_obs,
            "standard errors": "over units" if self.lags is None else f"{self.lags} lags",
            "autocorrelation": self.autocorrelation,
        }
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        return "Interrupted series", facts, {"Terms": self.table, "Effects": self.effects}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def interrupted_series(
    data: pd.DataFrame,
    outcome: str,
    *,
    time: str,
    begins: float,
    unit: str | None = None,
    lags: int | None = None,
) -> InterruptedSeries:
    """Segmented regression of a series of means (Wagner et al. 2002).

    mean = unit + trend (time - begins) + level after + trend.change (time - begins) after, with
    `after` 1 from `begins` on.

    Parameters
    ----------
    data
        One row an answer sheet: they are averaged over each unit and time, and nothing is said of
        single respondents, who may be others each time.
    outcome
        A score whose measurement is the same at all times.
    time
        Column of numbers.
    begins
        The first time with what is studied.
    unit
        Column of organisations; each has a level of its own.
    lags
        Lags that standard errors allow for (Newey & West 1987), by default the whole part of
        4 (n/100)^(2/9) (Newey & West 1994) of a single series; not with several units.

    Returns
    -------
    InterruptedSeries
        With 10 units or more standard errors are taken over units, with t of units less 1;
        otherwise over autocorrelated residuals of one series, the units' mean at each time, with t
        of points less terms. What else happened at the same time, the series cannot tell apart.

    Raises
    ------
    OptionError
        A column is missing, or `lags` is negative or given with many units.
    DataError
        Fewer than 3 times on a side of `begins`, times that are no numbers, or fewer than 5 answers
        at a point.

    References
    ----------
    Newey, W. K., & West, K. D. (1987). A simple, positive semi-definite, heteroskedasticity and
    autocorrelation consistent covariance matrix. Econometrica, 55, 703-708.
    Newey, W. K., & West, K. D. (1994). Automatic lag selection in covariance matrix estimation.
    Review of Economic Studies, 61, 631-653.
    Wagner, A. K., Soumerai, S. B., Zhang, F., & Ross-Degnan, D. (2002). Segmented regression
    analysis of interrupted time series studies in medication use research. Journal of Clinical
    Pharmacy and Therapeutics, 27, 299-309.
    """
    points, n_obs, notes = _points(data, outcome, time, unit)
    n_units = int(points["unit"].nunique())
    over_units = n_units >= FEWEST_UNITS
    if lags is not None and (lags < 0 or over_units):
        raise OptionError(
            f"lags={lags}: give a number from 0, and only for one series; with {FEWEST_UNITS} "
            "units or more standard errors are taken over units."
        )
    if n_units > 1 and not over_units:
        notes.append(
            f"{n_units} units are too few for standard errors over units: their mean at each time "
            "is analysed as one series."
        )
        points = _joined(points)
    _require_sides(points["time"], begins)
    X = _design(points, begins, over_units)
    y = points["mean"].to_numpy(dtype=float)
    if over_units:
        codes = pd.factorize(points["unit"])[0].astype(np.intp)
        found, used = clustered(X, y, codes), None
    else:
        n = len(points)
        used = int(np.floor(4 * (n / 100) ** (2 / 9))) if lags is None else lags
        if used >= n:
            raise OptionError(f"lags={used}, but the series has {n} points.")
        found = autocorrelated(X, y, used)
        if n < 2 * 8:
            notes.append(
                f"The series has {n} points; with fewer than 16 its autocorrelation is hardly "
                "known, and intervals tend to be too narrow."
            )
    without = y - found.residuals - X[:, 1:3] @ found.coefficients[1:3]
    return InterruptedSeries(
        table=_terms(found),
        effects=_effects(found, sorted(points["time"].unique()), begins),
        points=points.assign(fitted=y - found.residuals, without=without),
        autocorrelation=_neighbours(points, found.residuals),
        lags=used,
        n_points=len(points),
        n_units=n_units,
        n_obs=n_obs,
        notes=tuple(notes),
    )


def _points(
    data: pd.DataFrame, outcome: str, time: str, unit: str | None
) -> tuple[pd.DataFrame, int, list[str]]:
    names = [outcome, time, *([unit] if unit else [])]
    for name in names:
        if list(data.columns).count(name) != 1:
            raise OptionError(f'the data need one column "{name}".')
    if not pd.api.types.is_numeric_dtype(data[time]):
        raise DataError(f'"{time}" must hold numbers in equal steps, as 2023, 2024 or 1, 2, 3.')
    rows = pd.DataFrame({"y": data[outcome], "time": data[time].astype(float)})
    rows["unit"] = data[unit] if unit else ""
    complete = rows.dropna()
    notes = []
    if len(complete) < len(rows):
        notes.append(
            f"{len(rows) - len(complete)} of {len(rows)} rows lack a value and were left out."
        )
    by = complete.groupby(["unit", "time"], sort=True)["y"]
    points = by.agg(["mean", "size"]).reset_index().rename(columns={"size": "n"})
    small = points[points["n"] < FEWEST_RESPONDENTS]
    if len(small):
        row = small.iloc[0]
        raise DataError(
            f"{len(small)} points rest on fewer than {FEWEST_RESPONDENTS} answers (first: unit "
            f'"{row["unit"]}" at time {row["time"]:g}). Leave the unit out, or join times.'
        )
    return points, len(complete), notes


def _joined(points: pd.DataFrame) -> pd.DataFrame:
    """Give one series: the mean of the units at each time, each counting alike."""
    by = points.groupby("time")
    joined = by.agg(mean=("mean", "mean"), n=("n", "sum")).reset_index()
    if by["unit"].nunique().nunique() > 1:
        raise DataError(
            "not every unit has answers at every time, so that their mean changes with who is "
            "there. Leave out units or times with gaps."
        )
    return joined.assign(unit="")[["unit", "time", "mean", "n"]]


def _require_sides(times: "pd.Series[Any]", begins: float) -> None:
    before, after = (times[side].nunique() for side in (times < begins, times >= begins))
    if min(before, after) < FEWEST_ON_A_SIDE:
        raise DataError(
            f"there are {before} times before {begins:g} and {after} from then on; a trend on each "
            f"side needs at least {FEWEST_ON_A_SIDE}."
        )


def _design(points: pd.DataFrame, begins: float, over_units: bool) -> Array:
    """Trend, level and change of trend, then a constant for each unit, (n, k)."""
    since = points["time"].to_numpy() - begins
    after = (since >= 0).astype(float)
    columns = [since, after, since * after]
    if not over_units:
        return np.column_stack([*columns, np.ones(len(points))])
    units = points["unit"].to_numpy()
    return np.column_stack([*columns, *((units == one).astype(float) for one in pd.unique(units))])


def _terms(found: Regression) -> pd.DataFrame:
    se = np.sqrt(np.diag(found.covariance))
    half = reach(found.df)
    rows = []
    for k, name in enumerate(("trend", "level", "trend.change")):
        estimate = float(found.coefficients[k])
        rows.append(
            {
                "term": name,
                "estimate": estimate,
                "se": se[k],
                "df": found.df,
                "pvalue": two_sided(estimate / se[k], found.df) if se[k] > 0 else np.nan,
                "ci.lower": estimate - half * se[k],
                "ci.upper": estimate + half * se[k],
            }
        )
    return pd.DataFrame(rows)


def _effects(found: Regression, times: list[float], begins: float) -> pd.DataFrame:
    half = reach(found.df)
    rows = []
    for time in (one for one in times if one >= begins):
        weights = np.zeros(len(found.coefficients))
        weights[1:3] = 1.0, time - begins
        effect, se = found.at(weights)
        rows.append((time, effect, se, effect - half * se, effect + half * se))
    return pd.DataFrame(rows, columns=["time", "effect", "se", "ci.lower", "ci.upper"])


def _neighbours(points: pd.DataFrame, residuals: Array) -> float:
    """Correlation of residuals that follow each other in a unit."""
    own = pd.Series(residuals).groupby(points["unit"].to_numpy())
    pairs = pd.DataFrame({"now": residuals, "before": own.shift()}).dropna()
    return float(pairs["now"].corr(pairs["before"]))
