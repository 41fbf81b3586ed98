"""Thresholds of ordered items from the shares of their answers, and their influence functions.

An ordered answer is taken to be a normal latent response cut at thresholds: category c is chosen
where the response lies between threshold c - 1 and threshold c (Olsson 1979, eq. 1). `limits` are
the thresholds of an item with minus infinity before and infinity after them; items with fewer
categories than the widest have infinity in the rest of their places.
"""

import numpy as np
from numpy.typing import NDArray

from measure.distributions import normal_quantile

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


def limits_of(margins: Array) -> Array:
    """Limits of the categories of items, standard normal.

    Parameters
    ----------
    margins
        Answers in each category, (..., width), 0 beyond the categories of an item.

    Returns
    -------
    Array
        (..., width + 1). Normal quantiles of the cumulative shares (Olsson 1979, eq. 14).
    """
    cumulative = np.cumsum(margins, axis=-1)
    shares = cumulative / cumulative[..., -1:]
    start = np.full((*margins.shape[:-1], 1), -np.inf)
    return np.concatenate([start, normal_quantile(shares)], axis=-1)


def finite(limits: Array) -> NDArray[np.bool_]:
    """Which limits are thresholds, (..., width - 1): those between the first and the last."""
    return np.isfinite(limits[..., 1:-1])


def threshold_density(limits: Array) -> Array:
    """Normal density at the inner limits, (..., width - 1); 0 where there is no threshold."""
    inner = limits[..., 1:-1]
    there = np.isfinite(inner)
    density = np.exp(-(np.where(there, inner, 0.0) ** 2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(np.where(there, density, 0.0))


def threshold_influence(margins: Array, limits: Array, n_rows: int) -> Array:
    """Influence of an answer on each threshold of its item.

    The inverse of the information of an item's thresholds times their scores, which for shares
    without restrictions is (1[c <= k] - P_k) / phi(tau_k), P_k the cumulative share.

    Parameters
    ----------
    margins, limits
        Of the items, (n_items, width) and (n_items, width + 1).
    n_rows
        Rows of the group, those that lack the item included. An item's own answers count
        n_rows / n times, so that the mean over all rows has the variance of the threshold.

    Returns
    -------
    Array
        (n_items, width - 1, width + 1): item, threshold, category; in the last place, which
        stands for a missing answer, 0. Rows without a threshold are 0.
    """
    n_items, width = margins.shape
    totals = margins.sum(axis=1)
    shares = np.cumsum(margins, axis=1)[:, :-1] / totals[:, None]
    below = np.arange(width)[None, :] <= np.arange(width - 1)[:, None]
    density = threshold_density(limits)
    there = density > 0
    scale = np.where(there, n_rows / totals[:, None] / np.where(there, density, 1.0), 0.0)
    influence = np.zeros((n_items, width - 1, width + 1))
    influence[:, :, :width] = (below[None] - shares[:, :, None]) * scale[:, :, None]
    return influence
