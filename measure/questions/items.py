"""How does each item behave? Distribution, and its part in the scale."""

import numpy as np
import pandas as pd

from measure.checks import complete_rows, numeric_items, row_numbers
from measure.consistency.reliability import alpha_from_covariances, item_rest_correlations
from measure.errors import DataError, OptionError


def item_analysis(
    items: pd.DataFrame, *, scale_range: tuple[float, float] | None = None
) -> pd.DataFrame:
    """Item statistics: distribution, item-rest correlation, alpha without the item.

    Parameters
    ----------
    items
        The items of one scale, one row a respondent, already reverse-keyed where they should be.
    scale_range
        Lowest and highest category of the response scale. By default the lowest and highest
        answer to any of the items.

    Returns
    -------
    pandas.DataFrame
        One row an item:

        - `n`, `missing`: answers given and not given; `mean sd min max` of the answers given;
        - `skew`, `kurtosis`: third and fourth central moment over powers of the sample standard
          deviation (kurtosis minus 3), b1 and b2 in Joanes & Gill (1998), as psych gives them;
        - `floor`, `ceiling`: share of answers in the lowest and highest category;
        - `r_drop`: correlation with the sum of the other items (NaN for a single item);
        - `alpha_drop`: alpha of the other items (NaN with fewer than three items).

        `r_drop` and `alpha_drop` use rows without missing answers; their number is in `n_complete`.

    Raises
    ------
    DataError
        An item that cannot be analysed, or answers outside `scale_range`.
    OptionError
        `scale_range` is not a lower and a higher number.
    """
    numbers = numeric_items(items)
    lowest, highest = _range(numbers, scale_range)
    complete = complete_rows(numbers)
    central = numbers - numbers.mean()
    sd = numbers.std()
    n_items = numbers.shape[1]
    alone = np.full(n_items, np.nan)
    X = complete.to_numpy()
    return pd.DataFrame(
        {
            "n": numbers.notna().sum(),
            "missing": numbers.isna().sum(),
            "n_complete": len(complete),
            "mean": numbers.mean(),
            "sd": sd,
            "skew": (central**3).mean() / sd**3,
            "kurtosis": (central**4).mean() / sd**4 - 3,
            "min": numbers.min(),
            "max": numbers.max(),
            "floor": (numbers == lowest).sum() / numbers.notna().sum(),
            "ceiling": (numbers == highest).sum() / numbers.notna().sum(),
            "r_drop": item_rest_correlations(X) if n_items > 1 else alone,
            "alpha_drop": _alpha_without_each(X) if n_items > 2 else alone,
        },
        index=pd.Index(numbers.columns, name="item"),
    )


def _alpha_without_each(X: np.ndarray) -> np.ndarray:
    S = np.cov(X, rowvar=False)
    kept = [np.delete(np.arange(len(S)), i) for i in range(len(S))]
    return np.array([alpha_from_covariances(S[np.ix_(rest, rest)]) for rest in kept])


def _range(numbers: pd.DataFrame, scale_range: tuple[float, float] | None) -> tuple[float, float]:
    if scale_range is None:
        return float(numbers.min().min()), float(numbers.max().max())
    if len(scale_range) != 2 or not scale_range[0] < scale_range[1]:
        raise OptionError(
            f"scale_range is {scale_range}, but must be the lowest and the highest category, "
            "as (1, 5)."
        )
    lowest, highest = scale_range
    for name in numbers.columns:
        outside = (numbers[name] < lowest) | (numbers[name] > highest)
        if outside.any():
            n_rows, first = row_numbers(outside)
            raise DataError(
                f'item "{name}" holds {numbers[name].iloc[first - 1]:g} (first: row {first}; '
                f"{n_rows} in all outside), outside the response scale {lowest:g} to {highest:g}.\n"
                "    Code missing answers as NaN, or give the scale its whole range."
            )
    return lowest, highest
