"""Several tests at once: p-values corrected for their number."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def holm(pvalues: ArrayLike) -> Array:
    """P-values (n,) after Holm's step-down correction (Holm 1979).

    The k-th smallest of m is multiplied by m - k + 1, and none is made smaller than one before it.
    Missing p-values stay missing and are not counted.
    """
    values = np.asarray(pvalues, dtype=float)
    found = np.full(len(values), np.nan)
    there = np.flatnonzero(~np.isnan(values))
    order = there[np.argsort(values[there])]
    times = np.arange(len(order), 0, -1)
    found[order] = np.minimum(np.maximum.accumulate(values[order] * times), 1.0)
    return found
