"""Correlations among items, of the kind that is asked for, ready for factor analysis."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from measure.category_correlations import polychoric
from measure.checks import (
    SINGULAR,
    determining,
    item_correlations,
    known_option,
    refuse_matrix,
)
from measure.errors import DataError, MeasureWarning, OptionError
from measure.moments.ordinal.shuffled import Shuffled
from measure.moments.ordinal.two_step import TwoStep

CORRELATIONS = ("pearson", "polychoric")


@dataclass(frozen=True)
class Kind:
    """How items are to be correlated.

    Attributes
    ----------
    correlation
        `"pearson"` or `"polychoric"`.
    ordered, empty_cells, smooth
        See `measure.polychoric`; for polychoric correlations only.
    """

    correlation: str = "pearson"
    ordered: bool | Sequence[str] = True
    empty_cells: str = "2x2"
    smooth: str = "none"

    @property
    def is_polychoric(self) -> bool:
        """Whether ordered answers are taken as such."""
        return self.correlation == "polychoric"

    def __post_init__(self) -> None:
        """Refuse what is not known, and options without an effect."""
        known_option("correlation", self.correlation, CORRELATIONS)
        if self.is_polychoric:
            return
        for option, value, default in (
            ("ordered", self.ordered, True),
            ("empty_cells", self.empty_cells, "2x2"),
            ("smooth", self.smooth, "none"),
        ):
            if value is not default and value != default:
                raise OptionError(
                    f"{option}={value!r} has no effect on Pearson correlations. Leave it out, or "
                    'use correlation="polychoric".'
                )


@dataclass(frozen=True, eq=False)
class Found:
    """Correlations, what they were computed from, and what the reader has to know.

    Attributes
    ----------
    matrix, n_obs, n_dropped
        See `measure.checks.Correlations`.
    notes
        Sentences about empty cells, sparse tables, pairs that determine each other, smoothing.
    smoothed
        Whether the matrix was changed because it was not positive definite.
    shuffled
        The ordered answers, to be shuffled by parallel analysis; None for Pearson correlations and
        for a matrix that was given.
    """

    matrix: pd.DataFrame
    n_obs: int
    n_dropped: int
    notes: tuple[str, ...] = ()
    smoothed: bool = False
    shuffled: Shuffled | None = None

    @property
    def estimated(self) -> TwoStep | None:
        """What the matrix was estimated from; None where it was given or changed."""
        return None if self.shuffled is None or self.smoothed else self.shuffled.answers


def correlations_of(data: pd.DataFrame, kind: Kind, *, n_obs: int | None = None) -> Found:
    """Correlate items, or take their matrix, and refuse one that cannot be inverted.

    Parameters
    ----------
    data
        Items, one row a respondent (rows with a missing answer are left out); or, with `n_obs`, a
        square matrix of correlations of this kind.
    kind
        How to correlate.
    n_obs
        Number of respondents behind a correlation matrix.

    Raises
    ------
    DataError
        The items are unfit (see `measure.checks.item_correlations` and `measure.polychoric`), or
        the matrix is not positive definite and was not to be smoothed.
    OptionError
        `n_obs` without a correlation matrix, or a correlation matrix without `n_obs`.
    """
    if n_obs is not None or not kind.is_polychoric:
        given = item_correlations(data, n_obs=n_obs)
        return Found(given.matrix, given.n_obs, given.n_dropped)
    if isinstance(data, pd.DataFrame) and all(map(pd.api.types.is_numeric_dtype, data.dtypes)):
        refuse_matrix(data)
    with warnings.catch_warnings():
        # What it warns of stands in its notes, which are passed on, or is refused below.
        warnings.simplefilter("ignore", MeasureWarning)
        found = polychoric(data, kind.ordered, empty_cells=kind.empty_cells, smooth=kind.smooth)
    _refuse_improper(found.correlations)
    return Found(
        matrix=found.correlations,
        n_obs=found.n_obs,
        n_dropped=found.n_dropped,
        notes=found.notes,
        smoothed=not np.array_equal(found.correlations.to_numpy(), found.answers[0].correlations),
        shuffled=Shuffled(found.answers[0], kind.empty_cells),
    )


def _refuse_improper(matrix: pd.DataFrame) -> None:
    smallest, involved = determining(matrix)
    if smallest < SINGULAR:
        raise DataError(
            f"the matrix of polychoric correlations is not positive definite (smallest eigenvalue "
            f"{smallest:.2g}), as may happen where each correlation is estimated by itself. These "
            f"items take part in it: {involved}. Leave out one of them, merge rare categories, or "
            'let the matrix be smoothed, which is then stated: smooth="eigenvalues".'
        )
