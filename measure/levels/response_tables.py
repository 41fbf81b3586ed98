"""Tables of the statistics of ordered items at two levels: shares, pairs, and what has no error."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.distributions import normal_quantile
from measure.moments.ordinal_twolevel.two_step import TwoLevelStatistics

Array = NDArray[np.float64]

# Normal quantile of 95 % intervals.
WIDE = 0.975


def undetermined(found: TwoLevelStatistics) -> NDArray[np.bool_]:
    """Mark the statistics that have no standard error."""
    _, own, within, between = found.layout.sections
    i, j = found.layout.pairs
    unknown = np.zeros(found.layout.size, dtype=bool)
    absent = found.tau == 0
    unknown[own], unknown[within] = absent, found.at_limit[:, 0]
    unknown[between] = found.at_limit[:, 1] | absent[i] | absent[j]
    return unknown


def between_correlations(between: Array) -> Array:
    """Correlations from covariances; NaN without variance."""
    deviations = np.sqrt(np.diagonal(between))
    deviations = np.where(deviations > 0, deviations, np.nan)
    matrix = between / np.outer(deviations, deviations)
    return np.asarray(np.where(np.eye(len(matrix), dtype=bool) & ~np.isnan(matrix), 1.0, matrix))


def shares(found: TwoLevelStatistics) -> pd.DataFrame:
    """Give the table of intraclass shares v / (1 + v), with the logit log v."""
    variance = found.tau**2
    errors = np.sqrt(np.diag(found.covariance)[found.layout.sections[1]])
    there = variance > 0
    errors = np.where(there, errors, np.nan)
    half = normal_quantile(WIDE) * errors / np.where(there, variance, np.nan)
    counts = [found.answered.counts(i).sum(axis=1) for i in range(found.layout.p)]
    lower, upper = variance * np.exp(-half), variance * np.exp(half)
    return pd.DataFrame(
        {
            "icc": variance / (1 + variance),
            "se": errors / (1 + variance) ** 2,
            "ci.lower": lower / (1 + lower),
            "ci.upper": upper / (1 + upper),
            "variance": variance,
            "variance.se": errors,
            "n": [int(count.sum()) for count in counts],
            "n_clusters": [int((count > 0).sum()) for count in counts],
        },
        index=pd.Index(found.answered.names, name="item"),
    )


def pairs_of(found: TwoLevelStatistics) -> pd.DataFrame:
    """Give the table of correlations within and between, with intervals on arctanh's scale."""
    names = np.array(found.answered.names, dtype=object)
    i, j = found.layout.pairs
    pairs = zip(i.tolist(), j.tolist(), strict=True)
    table = {
        "lhs": names[i],
        "rhs": names[j],
        "n": [int(found.answered.pair_counts(*pair).sum()) for pair in pairs],
    }
    _, _, within, between = found.layout.sections
    unknown = undetermined(found)
    slopes = _correlation_slopes(found)
    variances = np.einsum("km,ml,kl->k", slopes, found.covariance, slopes, optimize=True)
    r = between_correlations(found.layout.parted(found.vector)[2])[i, j]
    for name, place, value, spread in (
        ("within", within, found.vector[within], np.diag(found.covariance)[within]),
        ("between", between, r, variances),
    ):
        errors = np.where(unknown[place], np.nan, np.sqrt(np.maximum(spread, 0.0)))
        half = normal_quantile(WIDE) * errors / (1 - value**2)
        table |= {
            name: value,
            f"{name}.se": errors,
            f"{name}.ci.lower": np.tanh(np.arctanh(value) - half),
            f"{name}.ci.upper": np.tanh(np.arctanh(value) + half),
        }
    return pd.DataFrame(table)


def _correlation_slopes(found: TwoLevelStatistics) -> Array:
    """Derivatives of the correlations between clusters by all statistics, 0 without variance."""
    layout = found.layout
    _, _, between = layout.parted(found.vector)
    own, pairs = layout.sections[1], layout.sections[3]
    i, j = layout.pairs
    variance = np.diagonal(between)
    there = (variance[i] > 0) & (variance[j] > 0)
    slopes = np.zeros((len(i), layout.size))
    rows = np.flatnonzero(there)
    scale = np.sqrt(variance[i] * variance[j])[rows]
    slopes[rows, pairs.start + rows] = 1 / scale
    for member in (i[rows], j[rows]):
        r = between[i[rows], j[rows]] / scale
        slopes[rows, own.start + member] = -r / (2 * variance[member])
    return slopes
