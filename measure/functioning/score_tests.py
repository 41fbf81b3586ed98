"""Score tests whose variance is taken from the respondents, or from the clusters, themselves."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from measure.moments.asymptotic import sums_by_cluster

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
NAN = float("nan")

FEWEST_SPARE = 5
"""Clusters that a test needs beyond its degrees of freedom."""


class ScoreTest(NamedTuple):
    """A generalised score statistic, its degrees of freedom, and its p-value; NaN without a test.

    `df2` are the denominator's of the F distribution that the p-value is from.
    """

    statistic: float
    df: int
    df2: float
    pvalue: float


def score_test(
    new: Array,
    kept: Array,
    information: Array,
    clusters: Codes | None,
    carried: Array | None = None,
) -> ScoreTest:
    """Test parameters that are 0 so far, by their scores summed within clusters.

    Parameters
    ----------
    new, kept
        (n_obs, q) and (n_obs, p) scores of the tested parameters and of the estimated ones, where
        the former are 0 and the latter at their maximum.
    information
        (p + q, p + q) of the estimated parameters, then of the tested ones.
    clusters
        (n_obs,) number of the cluster of each row; None where each is its own.
    carried
        (n_obs, p + q) what each row adds to the sums of the scores, the estimated ones' first,
        because something was estimated from it that they take as known.

    Notes
    -----
    With u_c the sum of new - kept I_pp^-1 I_pq in cluster c, the statistic is
    T = (Σ u_c)' (Σ u_c u_c')^-1 (Σ u_c) (Boos 1992, Equation 8). It cannot exceed the number C of
    clusters; were u_c independent and normal with one covariance, T / C would be Beta distributed
    with q/2 and (C - q)/2, which is Hotelling's T² from deviations about 0. So the p-value is that
    of (C - q)/q · T/(C - T) under F with q and C - q degrees of freedom. A Wald test referred to
    chi-square rejects far too often where q is not small beside C (Pustejovsky & Tipton 2018).
    """
    p = kept.shape[1]
    passing = np.linalg.lstsq(information[:p, :p], information[:p, p:], rcond=None)[0]
    left = new - kept @ passing
    if carried is not None:
        left = left + carried[:, p:] - carried[:, :p] @ passing
    sums = left if clusters is None else sums_by_cluster(left, clusters)
    n_clusters, df = sums.shape
    spare = n_clusters - df
    if spare < FEWEST_SPARE:
        return ScoreTest(NAN, df, NAN, NAN)
    total = sums.sum(axis=0)
    T = float(total @ np.linalg.lstsq(sums.T @ sums, total, rcond=None)[0])
    F = spare / df * T / max(n_clusters - T, np.finfo(float).tiny)
    return ScoreTest(T, df, float(spare), float(fdtrc(df, spare, F)))
