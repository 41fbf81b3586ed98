"""The columns that name items and clusters, checked."""

from collections.abc import Sequence

import pandas as pd

from measure.checks import numeric_items
from measure.errors import DataError


def items_apart_from_cluster(
    data: pd.DataFrame, names: Sequence[str], cluster: str
) -> pd.DataFrame:
    """Give the items as numbers, or say why they or the cluster cannot be used.

    Raises
    ------
    DataError
        An item cannot be analysed (see `numeric_items`), or the cluster is one of them, not there,
        there twice, or missing in all rows.
    """
    numbers = numeric_items(data, names)
    if cluster in names:
        raise DataError(f'"{cluster}" is both an item and the cluster.')
    if cluster not in data.columns:
        raise DataError(f'the data have no column "{cluster}" to use as cluster.')
    if list(data.columns).count(cluster) > 1:
        raise DataError(f'cluster "{cluster}" occurs more than once. Keep one column of each name.')
    if data[cluster].isna().all():
        raise DataError(f'cluster "{cluster}" is missing in all rows.')
    return numbers
