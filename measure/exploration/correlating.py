"""Correlations among items, of the kind that is asked for, ready for factor analysis."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import (
    SINGULAR,
    determining,
    item_correlations,
    known_option,
    numeric_items,
    refuse_matrix,
)
from measure.errors import DataError, MeasureWarning, OptionError
from measure.exploration.category_correlations import polychoric
from measure.exploration.shuffled import Shuffled
from measure.moments import Codes, Moments, missing
from measure.moments.ordinal.two_step import TwoStep
from measure.moments.rows import Rows

Array = NDArray[np.float64]

CORRELATIONS = ("pearson", "polychoric", "covariance")
MISSING = ("listwise", "fiml")


@dataclass(frozen=True)
class Kind:
    """How items are to be correlated.

    Attributes
    ----------
    correlation
        `"pearson"` or `"polychoric"`; in exploratory factor analysis also `"covariance"`.
    ordered, empty_cells, smooth
        See `measure.polychoric`; for polychoric correlations only.
    missing
        `"listwise"`, or `"fiml"`: the maximum likelihood moments of all rows.
    """

    correlation: str = "pearson"
    ordered: bool | Sequence[str] = True
    empty_cells: str = "2x2"
    smooth: str = "none"
    missing: str = "listwise"

    @property
    def is_polychoric(self) -> bool:
        """Whether ordered answers are taken as such."""
        return self.correlation == "polychoric"

    def __post_init__(self) -> None:
        """Refuse what is not known, and options without an effect."""
        known_option("correlation", self.correlation, CORRELATIONS)
        known_option("missing", self.missing, MISSING)
        if self.is_polychoric:
            if self.missing == "fiml":
                raise OptionError(
                    'missing="fiml" takes answers for normal ones, which polychoric correlations '
                    'do not. Choose correlation="pearson", or leave it out.'
                )
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
    sd
        Standard deviations of the items, (n_items,); None where only correlations are known.
    rows
        Complete rows of continuous items; None for ordered ones and for a matrix.
    incomplete
        Moments of incomplete rows, where these were used.
    clusters
        Cluster number of each row, (n_obs,); None where rows are independent.
    """

    matrix: pd.DataFrame
    n_obs: int
    n_dropped: int
    notes: tuple[str, ...] = ()
    smoothed: bool = False
    shuffled: Shuffled | None = None
    sd: Array | None = None
    rows: Array | None = None
    incomplete: Moments | None = None
    clusters: Codes | None = None

    @property
    def n_clusters(self) -> int | None:
        """Clusters that the rows lie in; None where they are independent."""
        return None if self.clusters is None else len(np.unique(self.clusters))

    @property
    def estimated(self) -> TwoStep | None:
        """What the matrix was estimated from; None where it was given or changed."""
        return None if self.shuffled is None or self.smoothed else self.shuffled.answers


def correlations_of(
    data: pd.DataFrame, kind: Kind, *, n_obs: int | None = None, cluster: str | None = None
) -> Found:
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
    cluster
        Column that names each respondent's cluster; it is not an item.

    Raises
    ------
    DataError
        The items are unfit (see `measure.checks.item_correlations` and `measure.polychoric`), or
        the matrix is not positive definite and was not to be smoothed; there is no such cluster.
    OptionError
        `n_obs` without a correlation matrix, or a correlation matrix without `n_obs`; clusters of a
        matrix, or of incomplete answers.
    """
    if cluster is not None:
        return _clustered(data, kind, n_obs, cluster)
    if kind.missing == "fiml":
        if n_obs is not None:
            raise OptionError('missing="fiml" needs the answers; leave n_obs out.')
        return _incomplete(data)
    if n_obs is not None and kind.correlation == "covariance":
        return _given_covariance(data, n_obs)
    if n_obs is not None or not kind.is_polychoric:
        given = item_correlations(data, n_obs=n_obs)
        sd = None if given.rows is None else given.rows.std(axis=0, ddof=1)
        return Found(given.matrix, given.n_obs, given.n_dropped, sd=sd, rows=given.rows)
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


def _clustered(data: pd.DataFrame, kind: Kind, n_obs: int | None, cluster: str) -> Found:
    """Correlate items, and keep the clusters that the rows lie in."""
    if n_obs is not None:
        raise OptionError(
            "a correlation matrix does not tell who belongs to which cluster, but cluster="
            f'"{cluster}" was given. Give the answers, without n_obs.'
        )
    if kind.missing == "fiml":
        raise OptionError(
            'missing="fiml" does not allow for clusters here. Use missing="listwise", or leave '
            f'cluster="{cluster}" out.'
        )
    if cluster not in data.columns:
        raise DataError(f'the data have no column "{cluster}" to use as cluster.')
    complete = data.dropna()
    found = correlations_of(complete.drop(columns=cluster), kind)
    codes = pd.factorize(complete[cluster])[0].astype(np.intp)
    return replace(found, clusters=codes, n_dropped=len(data) - found.n_obs)


def _incomplete(data: pd.DataFrame) -> Found:
    """Correlations of all rows with an answer, by maximum likelihood."""
    items = numeric_items(data, minimum_items=2)
    refuse_matrix(items)
    names = tuple(str(name) for name in items.columns)
    moments = missing.from_rows(Rows(names, (1,), (items.to_numpy(),), None, 0))
    n = moments.n_obs[0]
    sigma = moments.sample[0].sigma
    sd = np.sqrt(np.diag(sigma))
    R = sigma / np.outer(sd, sd)
    np.fill_diagonal(R, 1.0)
    matrix = pd.DataFrame(R, index=items.columns, columns=items.columns)
    item_correlations(matrix, n_obs=n)
    n_incomplete = int(items.isna().any(axis=1).sum()) - moments.n_dropped
    note = (
        f"{n_incomplete} of {n} rows lack an answer to an item; they count with the answers that "
        "they have (maximum likelihood by EM, answers missing at random)."
    )
    notes = (note,) if n_incomplete else ()
    return Found(matrix, n, moments.n_dropped, notes, sd=sd, incomplete=moments)


def _given_covariance(data: pd.DataFrame, n_obs: int) -> Found:
    """Correlations from a covariance matrix."""
    items = numeric_items(data, minimum_items=2)
    sigma = items.to_numpy()
    variances = np.diag(sigma) if len(sigma) == sigma.shape[1] else np.zeros(1)
    if (variances <= 0).any() or not np.allclose(sigma, sigma.T):
        raise DataError(
            'n_obs and correlation="covariance" were given, so the data should be a covariance '
            "matrix: square, symmetric, with positive variances. It is not. Leave n_obs out for "
            "raw answers."
        )
    sd = np.sqrt(variances)
    matrix = pd.DataFrame(sigma / np.outer(sd, sd), index=items.index, columns=items.columns)
    given = item_correlations(matrix, n_obs=n_obs)
    return Found(given.matrix, given.n_obs, 0, sd=sd)


def _refuse_improper(matrix: pd.DataFrame) -> None:
    smallest, involved = determining(matrix)
    if smallest < SINGULAR:
        raise DataError(
            f"the matrix of polychoric correlations is not positive definite (smallest eigenvalue "
            f"{smallest:.2g}), as may happen where each correlation is estimated by itself. These "
            f"items take part in it: {involved}. Leave out one of them, merge rare categories, or "
            'let the matrix be smoothed, which is then stated: smooth="eigenvalues".'
        )
