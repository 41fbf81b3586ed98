"""How a person's answers stand to everyone's: distance and slope, whatever items are missing."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Profile(NamedTuple):
    """Of each row, NaN where it has no answers to compute it from.

    Attributes
    ----------
    distance
        Squared Mahalanobis distance over the answered items, (n,).
    slope
        Generalised least squares slope of the answers on the mean of each item, (n,).
    """

    distance: Array
    slope: Array


def profile(answers: Array, mean: Array, covariance: Array) -> Profile:
    """Compare each row with the mean of everyone, over the items that it answers.

    Parameters
    ----------
    answers
        (n, n_items), NaN where missing.
    mean, covariance
        Of the items, (n_items,) and (n_items, n_items), positive definite.

    Returns
    -------
    Profile
        With x, m and S the answers, mean and covariance of the answered items: the distance is
        (x - m)' S⁻¹ (x - m), chi-square with as many degrees of freedom as answers where they are
        normal. The slope b is that of x = a + b m + e with e of covariance S, estimated by
        generalised least squares (Aitken 1936): 1 where a person follows the profile of the items,
        0 for a constant or a random row. It is the person-total correlation (Curran 2016) freed of
        the person's own spread, which hides a straight line with a little noise, and of what is
        expected to vary together; see Lumsden (1977) on the slope of a person.
    """
    n = len(answers)
    distance, slope = np.full(n, np.nan), np.full(n, np.nan)
    present = ~np.isnan(answers)
    # Bits packed into bytes are sorted much faster than the flags themselves.
    packed = np.packbits(present, axis=1)
    _, first, of_row = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(of_row.reshape(-1), kind="stable")
    ends = np.cumsum(np.bincount(of_row.reshape(-1), minlength=len(first)))
    for start, end, row in zip(np.r_[0, ends[:-1]], ends, first, strict=True):
        there = present[row]
        if not there.any():
            continue
        rows = order[start:end]
        x, m = answers[np.ix_(rows, there)], mean[there]
        S = covariance[np.ix_(there, there)]
        centred = x - m
        # What is asked of S, in one: it is factorised once.
        asked = np.vstack([np.ones_like(m), m, centred])
        solved = np.linalg.solve(S, asked.T)
        weighted, left = solved[:, :2], solved[:, 2:]
        distance[rows] = np.einsum("ij,ji->i", centred, left)
        if np.ptp(m) > 0:
            slope[rows] = (x @ weighted) @ np.linalg.inv(asked[:2] @ weighted)[:, 1]
    return Profile(distance, slope)
