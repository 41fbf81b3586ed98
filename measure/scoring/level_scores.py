"""Factor scores of a two-level model: what all answers of a cluster say about its factors.

With r the residual of the means of a cluster of n rows, V = B + W/n their covariances, C the
covariances of a level's variables with its factors, and y - m the deviation of a row from the means
of its cluster, the expectations of the factors given all answers of the cluster are

    between   mean + C_b' V^-1 r
    within    mean + C_w' W^-1 (y - m) + C_w' V^-1 r / n

(the regression scores of Thurstone 1935, of all rows of the cluster at once; for random effects
Searle, Casella & McCulloch 1992, section 7.4).
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
from measure.moments.twolevel.clusters import Clusters
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
    use = ~np.isnan(values).any(axis=1) & (clusters >= 0) & (of_group >= 0)
    if not use.any():
        raise DataError("no row has an answer to all variables, a cluster and a group of the fit.")
    scores: dict[str, Array] = {}
    errors: dict[str, Array] = {}
    quality = []
    for k, label in enumerate(fit.moments.groups):
        rows = np.flatnonzero(use & (of_group == k))
        if not len(rows):
            continue
        pair = score_levels(fit, k, values[rows], clusters[rows], method)
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
    fit: Fit, group: int, values: Array, clusters: NDArray[np.intp], method: str
) -> tuple[LevelScores, LevelScores]:
    """Score the complete rows of one group on the factors within and between clusters.

    Parameters
    ----------
    fit, group
        A two-level fit, and which of its groups.
    values, clusters
        Answers (n, p) without gaps, and the cluster of each row.
    method
        "regression".

    Raises
    ------
    OptionError
        For another method.
    """
    if method != "regression":
        raise OptionError(
            f'method "{method}" is not available for two-level models; choose "regression".'
        )
    assert fit.moments.nested is not None
    known = fit.moments.nested[group]
    inner, outer = fit.point.states[2 * group : 2 * group + 2]
    own = Clusters.of(known.levels, values, clusters)
    precision = np.linalg.inv(_means_spread(own, inner, outer, own.sizes))
    residual = own.cluster_means - own.total_mean(inner.implied.mu, outer.implied.mu)
    pull = np.einsum("jab,jb->ja", precision[own.of_cluster], residual)
    size = own.sizes[own.of_cluster]
    average = np.array([known.n_rows / known.n_clusters], dtype=np.float64)
    typical = np.linalg.inv(_means_spread(own, inner, outer, average))[0]

    # Between clusters.
    factors, c, place = _factors(fit, outer)
    padded = _padded(own, c, own.between)
    explained = np.einsum("af,nab,bf->nf", padded, precision, padded)[own.of_cluster]
    at_average = np.einsum("af,ab,bf->f", padded, typical, padded)
    between = _scores(
        (factors, BETWEEN), outer, place, pull @ padded, explained, at_average, own.n_clusters
    )
    # Within them, row by row.
    factors, c, place = _factors(fit, inner)
    weights = np.linalg.solve(inner.implied.sigma, c)
    apart = (values - own.cluster_means[own.of_row])[:, own.within]
    padded = _padded(own, c, own.within)
    shared = (pull @ padded / size[:, None])[own.of_row]
    alone = np.einsum("af,af->f", c, weights)

    def of_size(n: Array, at: Array) -> Array:
        """Variance of the scores of rows in clusters of `n`, with precisions `at` of means."""
        of_means = np.einsum("af,nab,bf->nf", padded, at, padded) / n[:, None] ** 2
        return np.asarray(alone * (1 - 1 / n[:, None]) + of_means)

    explained = of_size(own.sizes, np.asarray(precision))[own.of_cluster][own.of_row]
    within = _scores(
        (factors, WITHIN),
        inner,
        place,
        apart @ weights + shared,
        explained,
        of_size(average, np.asarray(typical[None]))[0],
        own.n_rows,
    )
    return within, _of_rows(between, own.of_row)


def _of_rows(found: LevelScores, of_row: NDArray[np.intp]) -> LevelScores:
    """Give each row the scores of its cluster."""
    return replace(
        found,
        scores=found.scores[of_row],
        se=found.se[of_row],
        reliability=found.reliability[of_row],
    )


def _factors(fit: Fit, state: State) -> tuple[tuple[str, ...], Array, list[int]]:
    """Names of the factors of a level, covariances of its variables with them, and places."""
    factors = tuple(f for f in fit.model.table.latent if f in state.block.eta)
    place = [state.block.eta.index(f) for f in factors]
    return factors, state.cross[:, place], place


def _scores(
    named: tuple[tuple[str, ...], int],
    state: State,
    place: list[int],
    moved: Array,
    explained: Array,
    at_average: Array,
    n: int,
) -> LevelScores:
    """Scores from what they move away from the mean, and the variance that they have."""
    variance = state.covariance.diagonal()[place]
    with np.errstate(divide="ignore", invalid="ignore"):
        return LevelScores(
            *named,
            state.eta_mean[place] + moved,
            np.sqrt(np.maximum(variance - explained, 0.0)),
            explained / variance,
            np.sqrt(np.maximum(variance - at_average, 0.0)),
            at_average / variance,
            n,
        )


def _padded(own: Clusters, c: Array, place: slice) -> Array:
    """Covariances with the factors of a level, 0 for variables of the other, (p, k)."""
    found = np.zeros((len(own.levels.names), c.shape[1]))
    found[place] = c
    return found


def _means_spread(own: Clusters, inner: State, outer: State, sizes: Array) -> Array:
    """Covariances of the means of clusters of each size, (S, p, p)."""
    p = len(own.levels.names)
    found = np.zeros((len(sizes), p, p))
    found[:, own.within, own.within] += inner.implied.sigma / sizes[:, None, None]
    found[:, own.between, own.between] += outer.implied.sigma
    return found
