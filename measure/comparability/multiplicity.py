"""p-values corrected for the number of tests."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from measure.checks import known_option

Array = NDArray[np.float64]

CORRECTIONS = ("holm", "bh", "none")


def corrected(pvalues: Array, correction: str) -> Array:
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
    found = pvalues.astype(float).copy()
    there = np.flatnonzero(~np.isnan(found))
    if correction == "none" or not len(there):
        return found
    if correction == "bh":
        found[there] = stats.false_discovery_control(found[there])
        return found
    order = there[np.argsort(found[there], kind="stable")]
    steps = found[order] * np.arange(len(order), 0, -1)
    found[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return found
