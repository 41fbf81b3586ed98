"""The correlations within and between clusters of two items, by maximum likelihood given the rest.

The likelihood is climbed by Newton's method on the scale of arctanh inside a box, whose lattice is
fine enough for all correlations in it. Where the search ends at a wall of the box, the next box is
put around that place.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.moments.ordinal_twolevel.lattice import Box
from measure.moments.ordinal_twolevel.pair_cells import Item
from measure.moments.ordinal_twolevel.pair_likelihood import PairLikelihood, PairPoint
from measure.optimize import is_positive_definite

Array = NDArray[np.float64]

# Correlations are looked for between -LIMIT and LIMIT. Nearer to 1 the likelihood says little, and
# the lattice would have to be very fine.
LIMIT = 0.99
# Half the width of a box, on the scale of arctanh.
HALF = 0.35
# Newton's steps square the error: after a step smaller than this what is left is below 1e-9.
LAST_STEP = 3e-5
LONGEST = 0.7
MAX_STEPS = 50
MAX_BOXES = 30


class PairEstimate(NamedTuple):
    """Correlations of two items.

    Attributes
    ----------
    rho
        Within clusters.
    r
        Between clusters; 0 where an item has no effects.
    at_limit
        Whether either is at the limit of the search, (2,).
    influence
        Change of rho and r that each cluster brings about directly, (n_clusters, 2).
    cross
        Change of rho and r with the thresholds and deviations of both items, (2, m).
    """

    rho: float
    r: float
    at_limit: NDArray[np.bool_]
    influence: Array
    cross: Array


def pair_estimate(
    counts: Array, items: tuple[Item, Item], start: tuple[float, float]
) -> PairEstimate:
    """Estimate the correlations of two items.

    Parameters
    ----------
    counts
        Answers of each cluster in each cell, (n_clusters, height, width).
    items
        Their thresholds and deviations.
    start
        Where rho and r are begun; values of at most `LIMIT` in size.
    """
    edge = np.arctanh(LIMIT)
    z = np.clip(np.arctanh(np.clip(start, -LIMIT, LIMIT)), -edge + HALF, edge - HALF)
    if min(item.tau for item in items) == 0:
        z[1] = 0.0
    half = np.full(2, HALF)
    for _ in range(MAX_BOXES):
        low, high = np.maximum(z - half, -edge), np.minimum(z + half, edge)
        ends = np.tanh([low, high])
        box = Box((ends[0, 0], ends[1, 0]), (ends[0, 1], ends[1, 1]))
        point, z = _climbed(PairLikelihood(counts, items, box), z, low, high)
        n = point.n_params
        walled = ((z <= low) | (z >= high))[:n]
        limited = (np.abs(z) >= edge)[:n]
        if not (walled & ~limited).any():
            break
        half[:n][walled] *= 2
    return _finished(point, limited)


def _climbed(
    likelihood: PairLikelihood, z: Array, low: Array, high: Array
) -> tuple[PairPoint, Array]:
    """Find the maximum in a box, on the scale of arctanh."""
    here = _at(likelihood, z)
    for _ in range(MAX_STEPS):
        target = np.clip(z + _step(here, z, low, high), low, high)
        last = float(np.abs(target - z).max()) < LAST_STEP
        there = _at(likelihood, target)
        while not last and there.loglik < here.loglik:
            target = (z + target) / 2
            if float(np.abs(target - z).max()) < LAST_STEP:
                return here, z
            there = _at(likelihood, target)
        z, here = target, there
        if last:
            break
    return here, z


def _at(likelihood: PairLikelihood, z: Array) -> PairPoint:
    rho, r = np.tanh(z)
    return likelihood.at(float(rho), float(r))


def _step(here: PairPoint, z: Array, low: Array, high: Array) -> Array:
    """Newton's step over what is not held at a wall; by products of scores where not concave.

    What would pass a wall goes as far as there, and the rest follows from that.
    """
    n = here.n_params
    value = np.tanh(z[:n])
    rest = (1 - value) * (1 + value)
    scores = here.scores * rest
    slope = scores.sum(axis=0)
    newton = np.diag(2 * value * slope) - here.hessian * np.outer(rest, rest)
    walls = np.maximum(low - z, -LONGEST)[:n], np.minimum(high - z, LONGEST)[:n]
    free = ~(((z <= low)[:n] & (slope < 0)) | ((z >= high)[:n] & (slope > 0)))
    step = np.zeros(2)
    while free.any():
        places = np.flatnonzero(free)
        curvature = newton[np.ix_(places, places)]
        if not is_positive_definite(curvature):
            curvature = scores[:, places].T @ scores[:, places]
        left = slope[places] - newton[places] @ step[:n]
        wanted = np.linalg.lstsq(curvature, left, rcond=None)[0]
        reached = np.clip(wanted, walls[0][places], walls[1][places])
        passing = reached != wanted
        step[places[passing]] = reached[passing]
        if not passing.any():
            step[places] = wanted
            break
        free[places[passing]] = False
    return step


def _finished(point: PairPoint, limited: NDArray[np.bool_]) -> PairEstimate:
    """Say how clusters move the estimates.

    At the limit of the search the derivatives are not those of a maximum. There the products of
    scores about their mean stand in for them, as if the estimate could move freely.
    """
    scores, information = point.scores, -point.hessian
    if limited.any() or not is_positive_definite(information):
        scores = scores - scores.mean(axis=0)
        information = scores.T @ scores
    n, m = point.n_params, point.cross.shape[1]
    influence, cross, at_limit = np.zeros((len(scores), 2)), np.zeros((2, m)), np.zeros(2, bool)
    inverse = np.linalg.pinv(information)
    influence[:, :n], cross[:n], at_limit[:n] = scores @ inverse, inverse @ point.cross, limited
    return PairEstimate(point.rho, point.r if n == 2 else 0.0, at_limit, influence, cross)
