"""Factor scores of a two-level model: what all answers of a cluster say about its factors.

With V the covariance matrix of all answers of a cluster and e their deviations from the means, the
expectations of the factors are their means and C' V^-1 e, with C the covariances of the answers
with them (the regression scores of Thurstone 1935, of all rows of the cluster at once; for random
effects Searle, Casella & McCulloch 1992, section 7.4). In the terms of `gap_likelihood` this is
C_b' q between clusters, and within them C_w' r of each row.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import numbers_of
from measure.errors import DataError, OptionError
from measure.fitting.fitted import Fit
from measure.model import State
from measure.moments.twolevel.basis import Basis
from measure.moments.twolevel.gap_likelihood import GapLikelihood
from measure.moments.twolevel.gaps import GappyClusters
from measure.specification.levels import BETWEEN, WITHIN

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LevelScores:
    """Scores (n, k), standard errors and reliabilities of the factors of one level.

    `whole_se` and `whole_reliability` (k,) are those of a cluster of the average size of the
    fitted data, and `n` how many rows, or clusters, are scored.
    """

    factors: tuple[str, ...]
    level: int
    scores: Array
    se: Array
    reliability: Array
    whole_se: Array
    whole_reliability: Array
    n: int


class BothLevels(NamedTuple):
    """What `FactorScores` holds, in its order."""

    scores: pd.DataFrame
    se: pd.DataFrame
    quality: pd.DataFrame
    weights: pd.DataFrame
    method: str
    notes: tuple[str, ...]


def score_both_levels(
    fit: Fit, data: pd.DataFrame, of_group: NDArray[np.intp], method: str
) -> BothLevels:
    """Score the rows of a data frame on the factors of both levels.

    Parameters
    ----------
    fit, data
        A two-level fit, and rows with the columns of its variables and clusters.
    of_group
        Group of each row, -1 for none.
    method
        "regression".

    Raises
    ------
    DataError
        A column is missing, or no row can be scored.
    OptionError
        For another method.
    """
    values, clusters = _rows_to_score(fit, data)
    if method != "regression":
        raise OptionError(
            f'method "{method}" is not available for two-level models; choose "regression".'
        )
    lacking = np.isnan(values)
    lacks = lacking.all(axis=1) if fit.method.fiml else lacking.any(axis=1)
    use = ~lacks & (clusters >= 0) & (of_group >= 0)
    if not use.any():
        raise DataError("no row has the answers, the cluster and the group that scores need.")
    scores: dict[str, Array] = {}
    errors: dict[str, Array] = {}
    quality = []
    for k, label in enumerate(fit.moments.groups):
        rows = np.flatnonzero(use & (of_group == k))
        if not len(rows):
            continue
        pair = score_levels(fit, k, values[rows], clusters[rows])
        for found in pair:
            names = _column_names(found, pair[0].factors)
            for table, part in ((scores, found.scores), (errors, found.se)):
                for name, column in zip(names, part.T, strict=True):
                    table.setdefault(name, np.full(len(data), np.nan))[rows] = column
            quality.append(_quality(names, label, found))
    weights = pd.DataFrame(np.nan, index=list(scores), columns=list(fit.moments.names))
    return BothLevels(
        pd.DataFrame(scores, index=data.index),
        pd.DataFrame(errors, index=data.index),
        pd.concat(quality, ignore_index=True),
        weights,
        method,
        tuple(_notes(len(data), int((~use).sum()))),
    )


def _rows_to_score(fit: Fit, data: pd.DataFrame) -> tuple[Array, NDArray[np.intp]]:
    """Give the rows in the order of the fit's variables, and the cluster of each, -1 for none."""
    column = fit.options.cluster
    if column is None or list(data.columns).count(column) != 1:
        raise DataError(
            f'the data need one column "{column}", the clusters that the model was fitted by.'
        )
    codes, _ = pd.factorize(data[column])
    values = numbers_of(data, list(fit.moments.names)).to_numpy()
    return values, np.asarray(codes, dtype=np.intp)


def _column_names(found: LevelScores, inner: tuple[str, ...]) -> list[str]:
    """Names of the factors; one that both levels have is told apart as lavaan does."""
    return [f"{f}.l2" if found.level == BETWEEN and f in inner else f for f in found.factors]


def _quality(names: list[str], label: object, found: LevelScores) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "factor": names,
            "group": label,
            "level": found.level,
            "n": found.n,
            "se": found.whole_se,
            "determinacy": np.sqrt(found.whole_reliability),
            "reliability": found.whole_reliability,
            "minimum_correlation": 2 * found.whole_reliability - 1,
            "mean_reliability": found.reliability.mean(axis=0),
        }
    )


def _notes(n_rows: int, left: int) -> Iterator[str]:
    yield (
        "Scores rest on all rows of a cluster that the data hold. Weights differ with the size of "
        "the cluster, and are not given; `quality` is for clusters of the average size of the "
        "fitted ones."
    )
    if left:
        yield (
            f"{left} of {n_rows} rows lack an answer, the cluster or the group, and have no scores."
        )


def score_levels(
    fit: Fit, group: int, values: Array, clusters: NDArray[np.intp]
) -> tuple[LevelScores, LevelScores]:
    """Score the rows of one group on the factors within and between clusters.

    Parameters
    ----------
    fit, group
        A two-level fit, and which of its groups.
    values, clusters
        Answers (n, p), NaN where missing, and the cluster of each row.

    Raises
    ------
    DataError
        Where the model implies no distribution for clusters as large as these.
    """
    assert fit.moments.nested is not None
    known = fit.moments.nested[group]
    inner, outer = fit.point.states[2 * group : 2 * group + 2]
    own = GappyClusters.of(known.levels, values, clusters)
    here = GapLikelihood.at(own, inner.implied, outer.implied)
    levels = known.levels
    only = levels.n_within_only, levels.n_between_only
    average = np.array([known.n_rows / known.n_clusters])
    typical = Basis.of(inner.implied.sigma, outer.implied.sigma, only, average)
    if here is None or typical is None:
        raise DataError(
            "the model implies negative variances of the means of clusters as large as those in "
            "the data, so that they cannot be scored."
        )
    n, f = float(average[0]), typical.precision[0]
    factors, c, place = _factors(fit, outer)
    explained = np.einsum("jab,af,bf->jf", here.sums.spread, c, c)
    turned = typical.axes[:, own.between] @ c
    between = _Found((factors, BETWEEN), place, here.sums.outer @ c, explained, f @ turned**2)
    factors, c, place = _factors(fit, inner)
    turned = typical.axes[:, own.within] @ c
    at_average = (turned**2).sum(axis=0) * (1 - 1 / n) + f @ turned**2 / n**2
    within = _Found((factors, WITHIN), place, *_of_rows(here, c), at_average)
    of_row = own.filled.of_row
    found = between.scores(outer, own.n_clusters)
    return within.scores(inner, own.n_rows), replace(
        found,
        scores=found.scores[of_row],
        se=found.se[of_row],
        reliability=found.reliability[of_row],
    )


def _of_rows(here: GapLikelihood, c: Array) -> tuple[Array, Array]:
    """What answers move the factors of each row by, and the variance of that, (n, k) each."""
    clusters, sums, p = here.clusters, here.sums, here.clusters.n_within
    rows = clusters.rows[:, :p] - clusters.centre[:p]
    of_row = clusters.filled.of_row
    moved, explained = np.zeros((2, len(rows), c.shape[1]))
    for k, P in enumerate(sums.inverse):
        own = np.flatnonzero(clusters.patterns.of_row == k)
        pressed = P @ c
        gap = np.nan_to_num(rows[own]) - sums.t[of_row[own]] - here.point.mu[:p]
        moved[own] = gap @ pressed
        shared = np.einsum("jab,af,bf->jf", sums.C[of_row[own]], pressed, pressed)
        explained[own] = (c * pressed).sum(axis=0) - shared
    return moved, explained


class _Found(NamedTuple):
    """Factors of a level and where they stand, what moves them, and the variance of that.

    `at_average` is the variance in a cluster of the average size.
    """

    named: tuple[tuple[str, ...], int]
    place: list[int]
    moved: Array
    explained: Array
    at_average: Array

    def scores(self, state: State, n: int) -> LevelScores:
        """Make scores of it."""
        variance = state.covariance.diagonal()[self.place]
        with np.errstate(divide="ignore", invalid="ignore"):
            return LevelScores(
                *self.named,
                state.eta_mean[self.place] + self.moved,
                np.sqrt(np.maximum(variance - self.explained, 0.0)),
                self.explained / variance,
                np.sqrt(np.maximum(variance - self.at_average, 0.0)),
                self.at_average / variance,
                n,
            )


def _factors(fit: Fit, state: State) -> tuple[tuple[str, ...], Array, list[int]]:
    """Names of the factors of a level, covariances of its variables with them, and places."""
    factors = tuple(f for f in fit.model.table.latent if f in state.block.eta)
    place = [state.block.eta.index(f) for f in factors]
    return factors, state.cross[:, place], place
