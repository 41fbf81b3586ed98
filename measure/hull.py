"""How many factors? The Hull method (Lorenzo-Seva, Timmerman & Kiers 2011).

Fit rises with the number of factors. Among the solutions on the upper hull of fit against degrees
of freedom, that is taken after which the rise slows down most.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.factor_sequence import Verdict

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Solutions on the hull that have one on either side.
ENOUGH = 3
# Fewest factors up to which solutions are made, so that there can be enough of them.
LEAST = 3


def most_for_hull(suggested: int, most: int) -> int:
    """Give the largest number of factors in the Hull: one more than parallel analysis suggests."""
    return min(max(suggested + 1, LEAST), most)


def hull(models: pd.DataFrame, largest: int) -> tuple[pd.DataFrame, dict[str, Verdict]]:
    """Find the elbow of several measures of fit.

    Parameters
    ----------
    models
        As from `factor_sequence`.
    largest
        Number of factors of the largest model that is looked at.

    Returns
    -------
    tuple
        A table with one row a measure and model, `measure n_factors value df on_hull ratio`, and
        for `hull_caf`, `hull_cfi` and `hull_rmsea` (the RMSEA as 1 - RMSEA) the number of factors.
        `ratio` is the scree test ratio of solutions between two others of the hull, their gain in
        fit a degree of freedom over that of the next. The first and the last model cannot be
        found.
    """
    some = models.iloc[: largest + 1]
    df = some["df"].to_numpy(dtype=float)
    values = {"caf": some["caf"], "cfi": some["cfi"], "rmsea": 1.0 - some["rmsea"]}
    tables, verdicts = [], {}
    for name, column in values.items():
        value = column.to_numpy(dtype=float)
        on = upper_hull(value, df)
        ratio = scree_ratios(value[on], df[on])
        table = pd.DataFrame(
            {"measure": name, "n_factors": some.index, "value": value, "df": df, "on_hull": False}
        )
        table.loc[on, "on_hull"] = True
        table["ratio"] = pd.Series(ratio, index=on).reindex(table.index)
        tables.append(table)
        verdicts[f"hull_{name}"] = _elbow(on, ratio, bool(np.isnan(value).all()))
    return pd.concat(tables, ignore_index=True), verdicts


def upper_hull(value: Array, df: Array) -> Indices:
    """Give the places of the solutions on the hull, those without a value left out.

    Parameters
    ----------
    value
        Fit, larger is better, (n_solutions,).
    df
        Degrees of freedom, falling.
    """
    kept: list[int] = []
    for place in np.flatnonzero(np.isfinite(value)):
        if kept and value[place] <= value[kept[-1]]:
            continue
        # One between two others has to lie above the line that joins them.
        while len(kept) > 1 and _slope(value, df, kept[-2], kept[-1]) <= _slope(
            value, df, kept[-1], int(place)
        ):
            kept.pop()
        kept.append(int(place))
    return np.array(kept, dtype=np.intp)


def scree_ratios(value: Array, df: Array) -> Array:
    """Scree test ratio of each solution of a hull, NaN of the first and the last."""
    ratios = np.full(len(value), np.nan)
    if len(value) >= ENOUGH:
        slopes = np.diff(value) / -np.diff(df)
        ratios[1:-1] = slopes[:-1] / slopes[1:]
    return ratios


def _slope(value: Array, df: Array, first: int, second: int) -> float:
    return float((value[second] - value[first]) / (df[first] - df[second]))


def _elbow(on: Indices, ratio: Array, unknown: bool) -> Verdict:
    if unknown:
        return Verdict(float("nan"), "this measure of fit could not be computed")
    if len(on) < ENOUGH:
        return Verdict(
            float("nan"), f"only {len(on)} solutions lie on the hull, and an elbow needs {ENOUGH}"
        )
    return Verdict(float(on[int(np.nanargmax(ratio))]))
