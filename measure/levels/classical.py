"""Agreement of raters and comparisons of groups, through pingouin."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from measure.checks import complete_rows, numeric_items
from measure.errors import DataError

# Shrout & Fleiss's name of each form, psych's short name, and McGraw & Wong's, which pingouin uses.
FORMS = {
    "ICC(1,1)": ("ICC1", "ICC(1,1)"),
    "ICC(2,1)": ("ICC2", "ICC(A,1)"),
    "ICC(3,1)": ("ICC3", "ICC(C,1)"),
    "ICC(1,k)": ("ICC1k", "ICC(1,k)"),
    "ICC(2,k)": ("ICC2k", "ICC(A,k)"),
    "ICC(3,k)": ("ICC3k", "ICC(C,k)"),
}


def intraclass(ratings: pd.DataFrame) -> pd.DataFrame:
    """The six intraclass correlations of Shrout & Fleiss, with 95 % intervals.

    Parameters
    ----------
    ratings
        One row a rated target, one column a rater; rows with a missing rating are left out.

    Returns
    -------
    pandas.DataFrame
        One row a form: `form type icc F df1 df2 pvalue ci.lower ci.upper n_obs n_raters n_dropped`.
        1: each target has its own raters; 2: raters are a sample of raters (absolute agreement);
        3: these raters only (consistency). `,1` is the reliability of one rating, `,k` of the
        mean of all.

    Raises
    ------
    DataError
        Fewer than two raters or three completely rated targets, a column that cannot be
        analysed, or raters that differ by a constant at most.

    References
    ----------
    Shrout & Fleiss (1979); McGraw & Wong (1996) for the intervals.
    """
    numbers = numeric_items(ratings, minimum_items=2)
    complete = complete_rows(numbers, minimum_rows=3)
    n_obs, n_raters = complete.shape
    leftover = complete - complete.mean()
    if np.allclose(leftover.to_numpy(), leftover.iloc[:, [0]].to_numpy(), rtol=0, atol=1e-12):
        raise DataError(
            "the raters differ by a constant at most: there is no residual variance to compare "
            "with, and the intraclass correlation is 1 by construction. Check for copied columns."
        )
    # Own labels: the names of rows and columns may repeat or be of any type.
    long = pd.DataFrame(
        {
            "target": np.repeat(np.arange(n_obs), n_raters),
            "rater": np.tile(np.arange(n_raters), n_obs),
            "rating": complete.to_numpy().ravel(),
        }
    )
    found = _pingouin_icc(long).set_index("Type").loc[[name for _, name in FORMS.values()]]
    intervals = np.array(found["CI95"].to_list(), dtype=float)
    return pd.DataFrame(
        {
            "form": list(FORMS),
            "type": [short for short, _ in FORMS.values()],
            "icc": found["ICC"].to_numpy(),
            "F": found["F"].to_numpy(),
            "df1": found["df1"].to_numpy(),
            "df2": found["df2"].to_numpy(),
            "pvalue": found["pval"].to_numpy(),
            "ci.lower": intervals[:, 0],
            "ci.upper": intervals[:, 1],
            "n_obs": n_obs,
            "n_raters": n_raters,
            "n_dropped": len(numbers) - n_obs,
        }
    )


def _pingouin_icc(long: pd.DataFrame) -> pd.DataFrame:
    import pingouin

    with _unrounded(pingouin.options), warnings.catch_warnings():
        # pingouin's code uses what pandas 4 will no longer have; nothing the user could change.
        warnings.simplefilter("ignore", DeprecationWarning)
        table: pd.DataFrame = pingouin.intraclass_corr(
            long, targets="target", raters="rater", ratings="rating"
        )
    return table


def welch(values: pd.DataFrame) -> tuple[float, float, float, float]:
    """Welch's analysis of variance of the columns `value` and `group`: F, df1, df2 and p-value.

    Groups have at least two values and some variance.
    """
    import pingouin

    with _unrounded(pingouin.options):
        found = pingouin.welch_anova(values, dv="value", between="group").iloc[0]
    f, df1, df2, pvalue = (float(found[name]) for name in ("F", "ddof1", "ddof2", "p_unc"))
    return f, df1, df2, pvalue


def games_howell(values: pd.DataFrame) -> pd.DataFrame:
    """Games and Howell's comparisons of all pairs of groups: `A B diff se T df pval`."""
    import pingouin

    with _unrounded(pingouin.options):
        found: pd.DataFrame = pingouin.pairwise_gameshowell(values, dv="value", between="group")
    return found[["A", "B", "diff", "se", "T", "df", "pval"]]


@contextmanager
def _unrounded(options: dict[str, Any]) -> Iterator[None]:
    """Switch off pingouin's rounding, which takes its intervals to two decimals."""
    before = dict(options)
    options.update({name: None for name in options if name.startswith("round")})
    try:
        yield
    finally:
        options.clear()
        options.update(before)
