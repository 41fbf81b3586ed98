"""Thresholds of one ordered item and the variance of its cluster effects, by maximum likelihood.

The search begins at what the analysis of variance of category numbers says. Where the likelihood
falls from a variance of 0, it is the estimate.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from measure.distributions import normal_between, normal_quantile
from measure.moments.ordinal_twolevel.item_likelihood import (
    Likelihood,
    RandomIntercept,
    normal_density,
)
from measure.optimize import minimize

Array = NDArray[np.float64]

# A lattice is made for effects this much larger than those it begins with.
MARGIN = 1.25
# Effects below this deviation are begun at it.
SMALLEST_START = 0.1
# Lattices that are tried until one is fine enough for where the search ends.
LATTICES = 8


def random_intercept(counts: Array, *, effects: bool = True) -> RandomIntercept:
    """Estimate thresholds and effects of one item.

    Parameters
    ----------
    counts
        Answers of each cluster in each category, (n_clusters, n_categories); every category has
        some.
    effects
        Whether clusters may differ.
    """
    shares = np.cumsum(counts.sum(axis=0))[:-1] / counts.sum()
    thresholds = normal_quantile(shares)
    if not effects or _rise(counts, thresholds) <= 0:
        return Likelihood(counts, 0.0).at(thresholds).estimates
    tau = max(_first_deviation(counts), SMALLEST_START)
    start = np.append(thresholds * np.sqrt(1 + tau * tau), tau)
    for _ in range(LATTICES):
        reach = MARGIN * abs(float(start[-1]))
        search = minimize(Likelihood(counts, reach), start)
        start = search.params
        if abs(start[-1]) <= reach:
            break
    start[-1] = abs(start[-1])
    return replace(Likelihood(counts, reach).at(start).estimates, converged=search.converged)


def _rise(counts: Array, thresholds: Array) -> float:
    """Twice the derivative of the log-likelihood with respect to tau^2 at 0.

    With u the derivative of an answer's log-probability with respect to the effect it is the sum
    over clusters of (sum u)^2 + sum u'.
    """
    limits = np.concatenate([[-np.inf], thresholds, [np.inf]])
    p = normal_between(limits[:-1], limits[1:])
    density = normal_density(limits)
    u = -np.diff(density) / p
    bend = -np.diff(np.where(np.isfinite(limits), limits, 0.0) * density) / p - u * u
    return float(((counts @ u) ** 2 + counts @ bend).sum())


def _first_deviation(counts: Array) -> float:
    """Estimate tau from the analysis of variance of the category numbers.

    Answers fall into categories coarsely, which lowers the share of variance between clusters a
    little; for a start that does not matter.
    """
    numbers = np.arange(counts.shape[1], dtype=float)
    sizes = counts.sum(axis=1)
    own = sizes > 0
    counts, sizes = counts[own], sizes[own]
    n, n_clusters = sizes.sum(), len(sizes)
    if n <= n_clusters:
        return SMALLEST_START
    means = counts @ numbers / sizes
    grand = float(sizes @ means / n)
    within = float((counts @ numbers**2 - sizes * means**2).sum()) / (n - n_clusters)
    between = float(sizes @ (means - grand) ** 2) / (n_clusters - 1)
    size = float(n - sizes @ sizes / n) / (n_clusters - 1)
    variance = (between - within) / size
    return float(np.sqrt(max(variance, 0.0) / within)) if within > 0 else 1.0
