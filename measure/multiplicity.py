"""Several tests at once: p-values corrected for their number."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from measure.checks import known_option

Array = NDArray[np.float64]

CORRECTIONS = ("holm", "bh", "none")


def corrected(pvalues: ArrayLike, correction: str) -> Array:
    """Correct p-values for their number; NaN are not counted, and stay.

    Parameters
    ----------
    pvalues
        Of all tests, (n,).
    correction
        "holm": the probability of any false rejection (Holm 1979). "bh": the expected share of
        false ones among the rejections (Benjamini & Hochberg 1995). "none".

    Raises
    ------
    OptionError
        For another word.
    """
    known_option("correction", correction, CORRECTIONS)
    if correction == "holm":
        return holm(pvalues)
    found = np.array(pvalues, dtype=float)
    there = np.flatnonzero(~np.isnan(found))
    if correction == "bh" and len(there):
        found[there] = stats.false_discovery_control(found[there])
    return found


def holm(pvalues: ArrayLike) -> Array:
    """P-values (n,) after Holm's step-down correction (Holm 1979).

    The k-th smallest of m is multiplied by m - k + 1, and none is made smaller than one before it.
    Missing p-values stay missing and are not counted.
    """
    values = np.asarray(pvalues, dtype=float)
    found = np.full(len(values), np.nan)
    there = np.flatnonzero(~np.isnan(values))
    order = there[np.argsort(values[there], kind="stable")]
    times = np.arange(len(order), 0, -1)
    found[order] = np.minimum(np.maximum.accumulate(values[order] * times), 1.0)
    return found
