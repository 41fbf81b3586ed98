"""Ordered answers taken apart: what goes together within clusters, and what between them."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option
from measure.display import render_html, render_text
from measure.errors import DataError, MeasureWarning, OptionError
from measure.levels.response_tables import between_correlations, pairs_of, shares, undetermined
from measure.moments.asymptotic import few_clusters_note
from measure.moments.labels import with_numbers
from measure.moments.ordinal_twolevel.gather import answers_of
from measure.moments.ordinal_twolevel.notes import improper_notes, limit_notes, zero_note
from measure.moments.ordinal_twolevel.two_step import TwoLevelStatistics, two_step
from measure.moments.rows import rows_of

Array = NDArray[np.float64]

MISSING = ("listwise", "pairwise")


@dataclass(frozen=True, eq=False)
class TwoLevelCorrelations:
    """Latent responses behind ordered answers, taken apart within and between clusters.

    The unit of a response is its standard deviation within clusters.

    Attributes
    ----------
    within
        Items × items: correlations within clusters.
    between
        Items × items: covariances between clusters, with variances on the diagonal.
    between_correlations
        The same as correlations; NaN for an item without variance between clusters.
    thresholds
        Labelled `item|t1`.
    icc
        One row an item: `icc` the share of the response's variance that lies between clusters,
        `se ci.lower ci.upper` (symmetric on the scale of the logit), `variance` between clusters
        with `variance.se`, `n` answers in `n_clusters` clusters. Without variance between clusters
        the share is 0, and there is no interval.
    pairs
        One row a pair: `lhs rhs n`, `within` with `within.se within.ci.lower within.ci.upper`,
        and the correlation `between` likewise; intervals are symmetric on the scale of arctanh.
        NaN for errors where a correlation is at the limit of the search.
    n_obs, n_dropped, n_clusters
        Rows used, rows left out, and clusters.
    missing
        What was asked for.
    notes
        What the reader has to know.
    """

    within: pd.DataFrame
    between: pd.DataFrame
    between_correlations: pd.DataFrame
    thresholds: pd.Series
    icc: pd.DataFrame
    pairs: pd.DataFrame
    n_obs: int
    n_dropped: int
    n_clusters: int
    missing: str
    notes: tuple[str, ...]
    _statistics: TwoLevelStatistics

    @cached_property
    def covariance(self) -> pd.DataFrame:
        """Covariance matrix of the statistics, robust to anything inside clusters.

        Rows and columns are labelled by level and name: thresholds `item|t1`, variances `a~~a` and
        covariances `a~~b` between, correlations `a~~b` within.
        """
        found = self._statistics
        labels = pd.MultiIndex.from_tuples(found.layout.labels(found.answered.names))
        return pd.DataFrame(found.covariance, index=labels, columns=labels)

    @cached_property
    def se(self) -> pd.Series:
        """Standard errors of the statistics, labelled as in `covariance`.

        NaN for variances of 0 and for what is at the limit of the search.
        """
        found = self._statistics
        errors = np.sqrt(np.diag(found.covariance))
        errors[undetermined(found)] = np.nan
        return pd.Series(errors, index=self.covariance.index, name="se")

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "rows used": self.n_obs,
            "left out": self.n_dropped,
            "clusters": self.n_clusters,
            "missing answers": self.missing,
        }
        return facts | {f"note {i}": note for i, note in enumerate(self.notes, start=1)}

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {
            "Share between clusters": self.icc,
            "Correlations within clusters": self.within,
            "Correlations between clusters": self.between_correlations,
            "Thresholds": self.thresholds.to_frame(),
        }

    def __repr__(self) -> str:
        return render_text("Responses at two levels", self._facts(), self._tables())

    def _repr_html_(self) -> str:
        return render_html("Responses at two levels", self._facts(), self._tables())


def twolevel_correlations(
    data: pd.DataFrame,
    *,
    cluster: str,
    ordered: bool | Sequence[str] = True,
    missing: str = "listwise",
) -> TwoLevelCorrelations:
    """Correlations of latent responses within and between clusters, with their intraclass shares.

    Each ordered answer is a normal response y* = b + e cut at thresholds. The effects b of
    clusters are normal, as are the deviations e within them, whose variance of 1 sets the unit.
    Thresholds and the variance of b come from each item by itself, the correlation of e and the
    covariance of b from each pair with those held, both by maximum likelihood with numerical
    integration over the effects. The covariance matrix of all statistics is estimated from what
    each cluster contributes.

    Parameters
    ----------
    data
        One row a respondent. All columns but the cluster are items, with whole numbers or ordered
        pandas categories, at most 12 of them.
    cluster
        Column of the clusters; rows without one are left out.
    ordered
        True, or the names of all items. Continuous items beside ordered ones are not available.
    missing
        "listwise": rows without a missing answer. "pairwise": each item from all its answers, each
        pair from the rows that have both; this takes answers to be missing completely at random.

    Returns
    -------
    TwoLevelCorrelations

    Raises
    ------
    DataError
        A column is missing or not numeric; an item has one category, more than 12, or other than
        whole numbers; there is one cluster, or none with two answers; an item does not vary within
        clusters.
    OptionError
        An option is not known; an item is not ordered.

    Warns
    -----
    MeasureWarning
        An item has no variance between clusters, or a correlation is at the limit of the search.

    Notes
    -----
    The limit of correlations is 0.99. Estimates between clusters rest on the number of clusters:
    with few of them, or little variance between, correlations at the limit are common, and do not
    speak for perfect agreement. Pairs are estimated one by one, so that a matrix need not be
    positive definite.

    References
    ----------
    Asparouhov & Muthén (2007), Computationally efficient estimation of multilevel high-dimensional
    latent variable models. Muthén (1984), for estimation in two steps.
    """
    known_option("missing", missing, MISSING)
    names = _items(data, cluster, ordered)
    rows = rows_of(with_numbers(data, names), names, cluster=cluster)
    coded, answered = answers_of(rows, pairwise=missing == "pairwise")
    found = two_step(answered)
    thresholds, within, between = found.layout.parted(found.vector)
    alarming = [note for note in (zero_note(found), *limit_notes(found)) if note]
    for note in alarming:
        warnings.warn(note, MeasureWarning, stacklevel=2)
    few = few_clusters_note(answered.n_clusters)
    labels = [name for _, name in found.layout.labels(names)[found.layout.sections[0]]]

    def table(matrix: Array) -> pd.DataFrame:
        return pd.DataFrame(matrix, index=list(names), columns=list(names))

    return TwoLevelCorrelations(
        within=table(within),
        between=table(between),
        between_correlations=table(between_correlations(between)),
        thresholds=pd.Series(thresholds, index=labels, name="threshold"),
        icc=shares(found),
        pairs=pairs_of(found),
        n_obs=answered.codes.shape[1],
        n_dropped=coded.n_dropped,
        n_clusters=answered.n_clusters,
        missing=missing,
        notes=(*alarming, *improper_notes(within, between), *filter(None, [few])),
        _statistics=found,
    )


def _items(data: pd.DataFrame, cluster: str, ordered: bool | Sequence[str]) -> tuple[str, ...]:
    if not isinstance(data, pd.DataFrame):
        raise DataError(
            "the data must be a pandas DataFrame with one row a respondent, "
            f"not {type(data).__name__}."
        )
    names = tuple(name for name in data.columns if name != cluster)
    if len(names) < 2:
        raise DataError(f"the data have {len(names)} items; correlations need at least 2.")
    chosen = names if ordered is True else () if ordered is False else tuple(ordered)
    absent = [name for name in chosen if name not in names]
    if absent:
        raise DataError(
            f'`ordered` names "{absent[0]}", which is not among the items: '
            f"{', '.join(map(str, names[:10]))}."
        )
    others = [str(name) for name in names if name not in chosen]
    if others:
        raise OptionError(
            f'"{others[0]}" is not among the ordered items. Correlations at two levels of '
            "continuous items beside ordered ones are not available: give the ordered ones only."
        )
    return names
