"""Which group and cluster each row of stored answers belongs to, numbered as they come."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.errors import DataError
from measure.storage.stored_answers import StoredAnswers

Indices = NDArray[np.intp]


class Numbering:
    """Numbers for the values of a column, in the order in which rows bring them in; -1 for none."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    @property
    def labels(self) -> tuple[object, ...]:
        """The values that have been met."""
        return tuple(self._numbers)

    def of(self, values: NDArray[Any]) -> Indices:
        """Number the values of some further rows."""
        codes, found = pd.factorize(values)
        own = np.array(
            [self._numbers.setdefault(value, len(self._numbers)) for value in found.tolist()],
            dtype=np.intp,
        )
        # The last place stands for -1, a missing value.
        return np.append(own, -1)[codes]


def groups_of(answers: StoredAnswers, group: str) -> tuple[object, ...]:
    """Give the values of the groups, in the order in which the rows bring them in.

    Raises
    ------
    DataError
        There is no such column, or only one group in it.
    """
    answers.require([group], "groups")
    numbering = Numbering()
    for batch in answers.batches([group]):
        numbering.of(batch[group])
    if len(numbering.labels) < 2:
        n = len(numbering.labels)
        raise DataError(
            f'the group column "{group}" holds {n} value{"s" * (n != 1)}; a model of several '
            "groups needs at least two. Leave `group` out for one group."
        )
    return numbering.labels
