"""Corrections of p-values for several tests."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


def holm(pvalues: "pd.Series[float]") -> Array:
    """P-values after the step-down correction of Holm (1979); missing ones are not counted."""
    found = np.full(len(pvalues), np.nan)
    values = pvalues.to_numpy(dtype=float)
    there = np.flatnonzero(~np.isnan(values))
    order = there[np.argsort(values[there])]
    times = np.arange(len(order), 0, -1)
    found[order] = np.minimum(np.maximum.accumulate(values[order] * times), 1.0)
    return found


def benjamini_hochberg(pvalues: "pd.Series[float]") -> Array:
    """P-values after the step-up correction of Benjamini & Hochberg (1995)."""
    found = np.full(len(pvalues), np.nan)
    values = pvalues.to_numpy(dtype=float)
    there = np.flatnonzero(~np.isnan(values))
    order = there[np.argsort(values[there])[::-1]]
    ranks = np.arange(len(order), 0, -1)
    found[order] = np.minimum.accumulate(values[order] * len(order) / ranks)
    return found
