"""What ordered answers say about standard normal factors: the mode and the mean of the posterior.

Answer y_j lies between two limits of a response that is normal with variance 1 around b_j'v, so
that the log-posterior of v is, up to a constant,

    -v'v / 2 + sum_j log[Phi(upper_j - b_j'v) - Phi(lower_j - b_j'v)]

It is strictly concave (Pratt 1981), so that Newton's method with halved steps finds its one mode.

References
----------
Bock, R. D., & Mislevy, R. J. (1982). Adaptive EAP estimation of ability in a microcomputer
environment. Applied Psychological Measurement, 6, 431-444.
Naylor, J. C., & Smith, A. F. M. (1982). Applications of a method for the efficient computation of
posterior distributions. Applied Statistics, 31, 214-225.
Pratt, J. W. (1981). Concavity of the log likelihood. Journal of the American Statistical
Association, 76, 103-106.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure.scoring.quadrature import leading_points, sparse_rule

Array = NDArray[np.float64]

# Newton's decrement (about twice what the log-posterior still lacks) at which a mode is found: its
# next step is below 1e-8 standard deviations and is still taken.
FOUND = 1e-16
# Probabilities below this are computed as logarithms.
SMALL = 1e-290
# Quadrature stops when a finer rule moves nothing by more than this, in standard deviations of the
# factors, or would need more points than these.
TOLERANCE = 5e-4
MOST_POINTS = 15_000
HIGHEST_LEVEL = 64
# Slopes in the same direction have a cosine within this of 1.
ALIKE = 1e-10
# Numbers held at once in quadrature.
CHUNK = 1_000_000


@dataclass(frozen=True, eq=False)
class Answered:
    """Answers of n respondents to J items, as limits of the items' standardised responses.

    Attributes
    ----------
    lower, upper
        Limits (n, J), infinite at the ends of the scale; -inf and inf for a missing answer.
    slopes
        Slopes (J, d) of the responses on the factors, of rank d.
    """

    lower: Array
    upper: Array
    slopes: Array

    def part(self, rows: NDArray[np.intp]) -> "Answered":
        """Give the same for some respondents."""
        return Answered(self.lower[rows], self.upper[rows], self.slopes)


@dataclass(frozen=True, eq=False)
class Posterior:
    """What is known about the factors of each respondent.

    Attributes
    ----------
    centre, covariance
        Mode or mean (n, d), and covariance (n, d, d).
    settled
        For whom the computation came to its end, (n,).
    """

    centre: Array
    covariance: Array
    settled: NDArray[np.bool_]

    def part(self, rows: NDArray[np.intp]) -> "Posterior":
        """Give the same for some respondents."""
        return Posterior(self.centre[rows], self.covariance[rows], self.settled[rows])


def log_probabilities(lower: Array, upper: Array) -> Array:
    """Log-probability that a standard normal value lies between limits, to full relative accuracy.

    Parameters
    ----------
    lower, upper
        Limits of the same shape, lower < upper, infinite ones included.
    """
    from scipy.special import log_ndtr, ndtr

    # Above 0 the upper tail is taken, where differences keep their digits.
    flip = lower > 0
    low, high = np.where(flip, -upper, lower), np.where(flip, -lower, upper)
    between = ndtr(high) - ndtr(low)
    # What is too small for that is computed by logarithms, which take three times as long.
    tiny = between < SMALL
    logs = np.log(np.where(tiny, 1.0, between))
    if tiny.any():
        whole = log_ndtr(high[tiny])
        with np.errstate(divide="ignore"):
            logs[tiny] = whole + np.log1p(-np.exp(log_ndtr(low[tiny]) - whole))
    return np.asarray(logs)


def mode(answered: Answered, *, steps: int = 200) -> Posterior:
    """Mode of the posterior, and the inverse of its negative second derivatives there.

    Parameters
    ----------
    answered
        The answers.
    steps
        Most steps of Newton's method. A respondent for whom they are not enough is not `settled`.
    """
    n, d = len(answered.lower), answered.slopes.shape[1]
    centre, covariance = np.zeros((n, d)), np.tile(np.eye(d), (n, 1, 1))
    open_ = np.arange(n)
    for _ in range(steps):
        if not len(open_):
            break
        own, here = answered.part(open_), centre[open_]
        value, gradient, information = _derivatives(own, here)
        inverse = np.linalg.inv(information)
        step = (inverse @ gradient[..., None])[..., 0]
        decrement = np.einsum("nd,nd->n", gradient, step)
        centre[open_] = _better(own, here, step, (value, decrement))
        covariance[open_] = inverse
        open_ = open_[~(decrement < FOUND)]
    settled = np.ones(n, dtype=bool)
    settled[open_] = False
    return Posterior(centre, covariance, settled)


def _better(answered: Answered, here: Array, step: Array, found: tuple[Array, Array]) -> Array:
    """Go along each step, halved until the log-posterior has risen."""
    value, decrement = found
    there = here + step
    low = np.flatnonzero(decrement >= FOUND)
    share = 1.0
    for _ in range(60):
        own = answered.part(low)
        rise = _log_posterior(own, there[low]) - value[low]
        # The rise that the slope promises, a ten-thousandth of it (Armijo 1966), up to rounding.
        wanted = 1e-4 * share * decrement[low] - 1e-13 * (1 + np.abs(value[low]))
        low = low[~(rise >= wanted)]
        if not len(low):
            break
        share /= 2
        there[low] = here[low] + share * step[low]
    return there


def _log_posterior(answered: Answered, v: Array) -> Array:
    """Log-posterior at v (n, d) of each respondent, (n,)."""
    reach = v @ answered.slopes.T
    logs = log_probabilities(answered.lower - reach, answered.upper - reach)
    return np.asarray(logs.sum(axis=-1) - (v**2).sum(axis=-1) / 2)


def _derivatives(answered: Answered, v: Array) -> tuple[Array, Array, Array]:
    """Log-posterior at v (n, d), its gradient (n, d), and minus its second derivatives."""
    reach = v @ answered.slopes.T
    a, b = answered.lower - reach, answered.upper - reach
    logs = log_probabilities(a, b)
    at_a, at_b = _hazard(a, logs), _hazard(b, logs)
    pull = at_a - at_b
    # An infinite limit has density 0, and contributes nothing.
    turn = np.where(np.isinf(a), 0.0, a) * at_a - np.where(np.isinf(b), 0.0, b) * at_b
    weight = np.maximum(pull**2 - turn, 0.0)
    value = logs.sum(axis=-1) - (v**2).sum(axis=-1) / 2
    slopes = answered.slopes
    information = np.eye(v.shape[1]) + np.einsum(
        "nj,jde->nde", weight, slopes[:, :, None] * slopes[:, None, :], optimize=True
    )
    return value, pull @ slopes - v, information


def _hazard(limit: Array, logs: Array) -> Array:
    """Normal density at a limit, relative to the probability between both limits."""
    return np.asarray(np.exp(-(limit**2) / 2 - 0.5 * np.log(2 * np.pi) - logs))


def mean(answered: Answered) -> Posterior:
    """Mean and covariance of the posterior, by adaptive Gauss-Hermite quadrature.

    Sparse rules of rising level are centred at the mode and scaled by the curvature there (Naylor
    & Smith 1982), for each respondent until the next one moves mean and standard deviations by
    less than `TOLERANCE`. A respondent for whom `MOST_POINTS` are not enough is not `settled`.
    """
    at = mode(answered)
    d = answered.slopes.shape[1]
    if d == 0:
        return at
    centre, covariance = at.centre.copy(), at.covariance.copy()
    settled, order = np.zeros(len(centre), dtype=bool), _Order.of(answered.slopes)
    open_ = np.flatnonzero(at.settled)
    for level in _levels(d):
        size = max(1, CHUNK // (len(sparse_rule(level, d)[0]) * len(answered.slopes)))
        for own in np.array_split(open_, -(-len(open_) // size)):
            last = centre[own], _spread(covariance[own])
            centre[own], covariance[own] = _moments(answered.part(own), at.part(own), order, level)
            moved = np.abs(centre[own] - last[0]) + np.abs(_spread(covariance[own]) - last[1])
            settled[own] = moved.max(axis=1) < TOLERANCE
        open_ = open_[~settled[open_]]
        if not len(open_):
            break
    return Posterior(centre, covariance, settled)


def _levels(d: int) -> Iterator[int]:
    """Levels of the rules that are tried in turn."""
    level = 8 if d == 1 else 3
    while len(sparse_rule(level, d)[0]) <= MOST_POINTS and level <= HIGHEST_LEVEL:
        yield level
        level = level * 2 if d == 1 else level + 1


def _spread(covariance: Array) -> Array:
    """Standard deviations; NaN for a variance that is not positive."""
    variances = np.diagonal(covariance, axis1=1, axis2=2)
    return np.sqrt(np.where(variances > 0, variances, np.nan))


@dataclass(frozen=True, eq=False)
class _Order:
    """An order of the factors in which most items need only the first few.

    Items of one factor are functions of one number, whatever the other factors are. `leading` are
    d items, and item j's slopes combine those of the first `depth[j]` of them, (J,).
    """

    leading: NDArray[np.intp]
    depth: NDArray[np.intp]

    @classmethod
    def of(cls, slopes: Array) -> "_Order":
        """Find it from slopes (J, d) of rank d: directions of many items come first."""
        size = np.linalg.norm(slopes, axis=1)
        unit = slopes / np.where(size > 0, size, 1.0)[:, None]
        shared = (np.abs(unit @ unit.T) > 1 - ALIKE).sum(axis=1)
        chosen: list[int] = []
        rest = unit.copy()
        for j in np.argsort(-shared, kind="stable"):
            length = np.linalg.norm(rest[j])
            if length > ALIKE**0.5 and len(chosen) < slopes.shape[1]:
                direction = rest[j] / length
                rest = rest - np.outer(rest @ direction, direction)
                chosen.append(int(j))
        parts = np.linalg.lstsq(unit[chosen].T, unit.T)[0]
        needed = np.abs(parts) > ALIKE**0.5
        depth = np.where(needed, np.arange(1, len(chosen) + 1)[:, None], 1).max(axis=0)
        return cls(np.array(chosen), depth)


def _moments(answered: Answered, at: Posterior, order: _Order, level: int) -> tuple[Array, Array]:
    """Mean and covariance of the posterior by one rule around the modes."""
    d = answered.slopes.shape[1]
    points, weights = sparse_rule(level, d)
    root = np.linalg.cholesky(at.covariance)
    # Turned so that the first leading item depends on the first coordinate alone, and so on.
    root = root @ np.linalg.qr((answered.slopes[order.leading] @ root).mT)[0]
    v = at.centre[:, None, :] + points @ root.mT
    logs = ((points**2).sum(axis=1) - (v**2).sum(axis=-1)) / 2
    for k in np.unique(order.depth):
        own = order.depth == k
        first, place = leading_points(level, d, int(k))
        slopes = answered.slopes[own]
        reach = (at.centre @ slopes.T)[:, None, :] + first @ (slopes @ root)[..., :k].mT
        low, high = answered.lower[:, None, own] - reach, answered.upper[:, None, own] - reach
        logs += log_probabilities(low, high).sum(axis=-1)[:, place]
    mass = np.exp(logs - logs.max(axis=1, keepdims=True)) * weights
    mass /= mass.sum(axis=1, keepdims=True)
    centre = np.einsum("nk,nkd->nd", mass, v)
    off = v - centre[:, None, :]
    return centre, (mass[..., None] * off).mT @ off
