"""Means of respondents, of all and of groups, with their uncertainty."""

import math
from collections.abc import Sequence

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


def overall_means(
    data: pd.DataFrame,
    values: Sequence[str],
    *,
    cluster: str | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Means of scores over everybody, with intervals that allow for people belonging together.

    Parameters
    ----------
    data
        One row a respondent. A row without a score is left out of the mean of that score; a row
        without a cluster is a cluster of its own.
    values
        Names of the columns that hold the scores.
    cluster
        Name of the column that says who belongs together; None takes every row by itself.
    confidence
        Level of the intervals, a proportion.

    Returns
    -------
    DataFrame
        One row a score, indexed by its name: `n n_clusters mean sd se ci.lower ci.upper`. With e
        the deviations from the mean, the squared standard error is J/(J − 1) · Σⱼ(Σᵢ eᵢⱼ)²/n² over
        the J clusters (Cameron & Miller 2015, eq. 11 for a regression on a constant, with G/(G − 1)
        for few clusters; for a mean over clusters of unequal size, the ratio-to-size estimate of
        Cochran 1977, ch. 9A), and the interval is mean ± t · se on J − 1 degrees of freedom. Where
        every row is its own cluster, that is Student's interval. `se` and the limits are NaN where
        there is one cluster only, `sd` where there is one row; all but `n` are NaN without a score.

    Raises
    ------
    DataError
        If a column is not there.
    OptionError
        If `confidence` is not between 0 and 1.
    """
    from scipy.stats import t

    for name in (*values, *([] if cluster is None else [cluster])):
        if name not in data.columns:
            raise DataError(f'the data have no column "{name}".')
    if not 0.0 < confidence < 1.0:
        raise OptionError(f"confidence is {confidence}; give a proportion between 0 and 1.")
    belongs = pd.Series(range(len(data)), index=data.index)
    if cluster is not None:
        codes = pd.Series(pd.factorize(data[cluster])[0], index=data.index)
        belongs = codes.where(codes >= 0, belongs + len(data))
    rows: dict[str, list[float]] = {}
    for name in values:
        scores = data[name].dropna()
        sums = (scores - scores.mean()).groupby(belongs[scores.index]).sum()
        n, n_clusters = len(scores), len(sums)
        se = math.nan
        if n_clusters > 1:
            se = math.sqrt(n_clusters / (n_clusters - 1) * float((sums**2).sum())) / n
        reach = se * float(t.ppf((1 + confidence) / 2, n_clusters - 1)) if n_clusters > 1 else se
        mean = float(scores.mean())
        rows[name] = [n, n_clusters, mean, float(scores.std()), se, mean - reach, mean + reach]
    columns = ["n", "n_clusters", "mean", "sd", "se", "ci.lower", "ci.upper"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.astype({"n": int, "n_clusters": int})
