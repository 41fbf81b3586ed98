"""How different two estimates of independent samples are, from their intervals alone.

References
----------
Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions:
comparison of eleven methods. Statistics in Medicine, 17, 873-890.
Zou, G. Y. & Donner, A. (2008). Construction of confidence limits about effect measures: a general
approach. Statistics in Medicine, 27, 1693-1702.
"""

import numpy as np
import pandas as pd

from measure.errors import DataError

COLUMNS = ["estimate", "ci.lower", "ci.upper"]


def independent_difference(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Differences between estimates of two independent samples, with intervals.

    The interval recovers each variance from the estimate's own interval, on the side that matters
    (MOVER; Zou & Donner 2008, eq. 5): with estimates a and b,
    lower = b - a - sqrt((b - lower_b)^2 + (upper_a - a)^2) and
    upper = b - a + sqrt((upper_b - b)^2 + (a - lower_a)^2). For two proportions with Wilson's
    intervals it is Newcombe's (1998) method 10, for two symmetric intervals that of the root of the
    summed squared standard errors. Samples that share people are not independent: where their
    estimates go up and down together, the interval is too wide.

    Parameters
    ----------
    first, second
        One row an estimate, under the same index: `estimate ci.lower ci.upper`, all intervals of a
        row at one level.

    Returns
    -------
    DataFrame
        Under the same index: `difference ci.lower ci.upper` of second less first at that level, and
        `beyond`, whether the interval leaves out 0; False where a part of it is NaN.

    Raises
    ------
    DataError
        Where a column is not there or the rows are not the same.
    """
    for table in (first, second):
        missing = [name for name in COLUMNS if name not in table.columns]
        if missing:
            raise DataError(f"the estimates have no column {missing[0]!r}.")
    if not first.index.equals(second.index):
        raise DataError("the two tables do not have the same rows in the same order.")
    a, low_a, high_a = (first[name].to_numpy(dtype=float) for name in COLUMNS)
    b, low_b, high_b = (second[name].to_numpy(dtype=float) for name in COLUMNS)
    difference = b - a
    lower = difference - np.hypot(b - low_b, high_a - a)
    upper = difference + np.hypot(high_b - b, a - low_a)
    return pd.DataFrame(
        {
            "difference": difference,
            "ci.lower": lower,
            "ci.upper": upper,
            "beyond": ((lower > 0) | (upper < 0)) & ~np.isnan(lower) & ~np.isnan(upper),
        },
        index=first.index,
    )
