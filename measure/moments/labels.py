"""Ordered categories of pandas as numbers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from measure.errors import DataError


def with_numbers(data: pd.DataFrame, ordered: Sequence[str]) -> pd.DataFrame:
    """Put numbers in place of the ordered categories of pandas.

    Parameters
    ----------
    data
        Answers. Columns that are no pandas categories stay as they are.
    ordered
        Names of the ordered items; those that the data lack are passed over.

    Returns
    -------
    DataFrame
        A column whose categories are numbers has these; one with words has the place of each word
        in the order of the categories, from 1.

    Raises
    ------
    DataError
        Where categories are words without an order.
    """
    found: dict[str, pd.Series] = {}
    for name in ordered:
        column = data[name] if name in data.columns else None
        if not isinstance(column, pd.Series) or not isinstance(column.dtype, pd.CategoricalDtype):
            continue
        categories = column.cat.categories
        codes = column.cat.codes.to_numpy()
        if pd.api.types.is_numeric_dtype(categories.dtype):
            values = categories.to_numpy(dtype=float)
        elif column.cat.ordered:
            values = np.arange(1.0, len(categories) + 1)
        else:
            words = ", ".join(map(str, categories[:5]))
            raise DataError(
                f'item "{name}" has categories without an order ({words}). Give them one, for '
                f'example by data["{name}"].cat.set_categories([...], ordered=True), lowest first.'
            )
        numbers = np.where(codes < 0, np.nan, values[np.maximum(codes, 0)] if len(values) else 0)
        found[name] = pd.Series(numbers, index=data.index)
    return data.assign(**found) if found else data
