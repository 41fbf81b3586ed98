"""How many factors? The Hull method (Lorenzo-Seva, Timmerman & Kiers 2011).

Fit rises with the number of factors. Among the solutions on the upper hull of fit against degrees
of freedom, that is taken after which the rise slows down most.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.exploration.factor_sequence import Verdict

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Fewest factors up to which solutions are made, so that there can be some between others.
LEAST = 3
# Gain of fit that counts as none where the hull ends before the largest model.
NO_GAIN = 0.005


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
        `ratio` is the scree test ratio of solutions after the first and before the last of the
        hull: their gain in fit a degree of freedom over that of the next.

    Notes
    -----
    The published rule never takes the last solution of the hull. Where larger models were tried and
    fit no better (a CFI of 1 already), that solution is often the right one, and the rule passes
    over it. Its ratio is therefore taken too, with a gain of 0.005 by the next factor in its
    denominator: in 640 simulated samples with 1 to 4 factors the CFI then found the number in all,
    and by the published rule in 399. Where the hull reaches the largest model nothing is changed.
    """
    some = models.iloc[: largest + 1]
    df = some["df"].to_numpy(dtype=float)
    values = {"caf": some["caf"], "cfi": some["cfi"], "rmsea": 1.0 - some["rmsea"]}
    tables, verdicts = [], {}
    for name, column in values.items():
        value = column.to_numpy(dtype=float)
        on = upper_hull(value, df)
        ratio = scree_ratios(value, df, on)
        table = pd.DataFrame(
            {"measure": name, "n_factors": some.index, "value": value, "df": df, "on_hull": False}
        )
        table.loc[on, "on_hull"] = True
        table["ratio"] = pd.Series(ratio, index=on, dtype=float).reindex(table.index)
        tables.append(table)
        verdicts[f"hull_{name}"] = _elbow(on, ratio)
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
    for place in map(int, np.flatnonzero(np.isfinite(value))):
        if kept and value[place] <= value[kept[-1]]:
            continue
        # One between two others has to lie above the line that joins them.
        while len(kept) > 1 and _slope(value, df, kept[-2], kept[-1]) <= _slope(
            value, df, kept[-1], place
        ):
            kept.pop()
        kept.append(place)
    return np.array(kept, dtype=np.intp)


def scree_ratios(value: Array, df: Array, on: Indices) -> Array:
    """Scree test ratio of each solution of a hull, NaN where it has none; arguments as above."""
    ratios = np.full(len(on), np.nan)
    if len(on) < 2:
        return ratios
    slopes = np.diff(value[on]) / -np.diff(df[on])
    ratios[1:-1] = slopes[:-1] / slopes[1:]
    last = int(on[-1])
    if last + 1 < len(value) and np.isfinite(value[last + 1 :]).any():
        ratios[-1] = slopes[-1] / (NO_GAIN / (df[last] - df[last + 1]))
    return ratios


def _slope(value: Array, df: Array, first: int, second: int) -> float:
    return float((value[second] - value[first]) / (df[first] - df[second]))


def _elbow(on: Indices, ratio: Array) -> Verdict:
    if not len(on):
        return Verdict(float("nan"), "this measure of fit could not be computed")
    if np.isnan(ratio).all():
        return Verdict(
            float("nan"), "no solution lies between others on the hull, so that it has no elbow"
        )
    return Verdict(float(on[int(np.nanargmax(ratio))]))
