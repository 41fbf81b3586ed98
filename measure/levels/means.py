"""Means of groups of respondents, with their uncertainty."""

import pandas as pd

from measure.errors import DataError, OptionError


def group_means(
    data: pd.DataFrame, value: str, *, by: str, confidence: float = 0.95
) -> pd.DataFrame:
    """Mean of a score in each group, with the interval of Student's t.

    Parameters
    ----------
    data
        One row a respondent. Rows without a score or without a group are left out.
    value, by
        Names of the columns that hold the score and the group.
    confidence
        Level of the intervals, a proportion.

    Returns
    -------
    DataFrame
        One row a group, indexed by its value: `n mean sd se ci.lower ci.upper`. `sd`, `se` and the
        limits are NaN for a group of one. The interval takes answers within a group as independent
        draws from a population that is large compared with the group: it is mean ± t · sd/√n on
        n − 1 degrees of freedom.

    Raises
    ------
    DataError
        If a column is not there.
    OptionError
        If `confidence` is not between 0 and 1.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "g": ["a", "a", "a"]})
    >>> group_means(frame, "x", by="g").round(3).loc["a", "ci.upper"].item()
    4.484
    """
    from scipy.stats import t

    for name in (value, by):
        if name not in data.columns:
            raise DataError(f'the data have no column "{name}".')
    if not 0.0 < confidence < 1.0:
        raise OptionError(f"confidence is {confidence}; give a proportion between 0 and 1.")
    groups = data.loc[data[value].notna(), [value, by]].groupby(by, sort=False, observed=True)
    scores = groups[value]
    table = pd.DataFrame({"n": scores.count(), "mean": scores.mean(), "sd": scores.std()})
    table["se"] = table["sd"] / table["n"] ** 0.5
    # A group of one has no degrees of freedom; `where` keeps scipy from being asked.
    reach = table["se"] * t.ppf((1 + confidence) / 2, (table["n"] - 1).where(table["n"] > 1))
    table["ci.lower"] = table["mean"] - reach
    table["ci.upper"] = table["mean"] + reach
    return table
