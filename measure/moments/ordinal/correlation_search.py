"""Many one-parameter likelihoods of correlations, climbed together."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Correlations are looked for between -LIMIT and LIMIT, as in lavaan. One that is found there
# belongs to a pair in which one variable (nearly) determines the other.
LIMIT = 0.999
# Newton's steps square the error: after a step smaller than this what is left is rounding.
LAST_STEP = 1e-6
MAX_STEPS = 100
# Longest step, on the scale of arctanh(rho).
LONGEST = 0.7
# A curvature below this part of the expected one sends Newton's step far off; the expected one
# is then taken.
FLATTEST = 1e-3


def determined(rho: Array) -> NDArray[np.bool_]:
    """Which correlations are at the bound, so that one variable determines the other."""
    return np.asarray(np.abs(rho) > LIMIT - 1e-9)


class Likelihoods(NamedTuple):
    """Log-likelihoods of pairs at one correlation each, with derivatives; all (n_pairs,).

    `information` is positive, about minus the second derivative.
    """

    loglik: Array
    gradient: Array
    hessian: Array
    information: Array


def climb(evaluate: Callable[[Indices, Array], Likelihoods], start: Array) -> Array:
    """Maximum of every likelihood by Newton's method on the scale of arctanh(rho).

    A step that lowers its likelihood is halved. Each evaluation takes all pairs that are still on
    their way.

    Parameters
    ----------
    evaluate
        Takes numbers of pairs and their correlations, and gives their likelihoods.
    start
        Where to begin, (n_pairs,).

    Returns
    -------
    Array
        Correlations within `LIMIT` of 0, (n_pairs,).
    """
    edge = np.arctanh(LIMIT)
    rho = np.clip(start, -0.9, 0.9)
    z = np.arctanh(rho)
    active = np.arange(len(z))
    if not len(active):
        return z
    here = evaluate(active, rho)
    loglik, step = here.loglik.copy(), _step(here, rho)
    for _ in range(MAX_STEPS):
        target = np.clip(z[active] + step[active], -edge, edge)
        last = np.abs(target - z[active]) < LAST_STEP
        z[active[last]] = target[last]
        active, target = active[~last], target[~last]
        if not len(active):
            break
        rho = np.tanh(target)
        there = evaluate(active, rho)
        better = there.loglik >= loglik[active]
        rising = active[better]
        z[rising], loglik[rising] = target[better], there.loglik[better]
        step[rising] = _step(there, rho)[better]
        step[active[~better]] /= 2
    return np.asarray(np.tanh(z))


def _step(here: Likelihoods, rho: Array) -> Array:
    """Newton's step, or Fisher's where the likelihood is not concave.

    In arctanh(rho) the derivatives are g r and h r^2 - 2 rho r g, with r = 1 - rho^2.
    """
    rest = (1 - rho) * (1 + rho)
    slope = here.gradient * rest
    newton = 2 * rho * slope - here.hessian * rest**2
    fisher = here.information * rest**2
    curvature = np.where(newton > FLATTEST * fisher, newton, fisher)
    step = np.divide(slope, curvature, out=np.zeros_like(slope), where=curvature > 0)
    return np.clip(step, -LONGEST, LONGEST)
