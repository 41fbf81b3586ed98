"""Fleishman's polynomials: a normal variable bent to a given skewness and kurtosis.

References
----------
Fleishman, A. I. (1978). A method for simulating non-normal distributions. Psychometrika, 43,
521-532.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from measure.errors import OptionError

Array = NDArray[np.float64]

# A solution whose moments are this near is exact up to rounding.
EXACT = 1e-12
# The way to the wanted moments: the most that a coefficient may change in a step, so that no
# other solution is jumped to, and the shortest step, below which the way is at its end.
LONGEST, SHORTEST = 0.1, 1e-7
# Where polynomials reach the largest skewness, 6.5; and a kurtosis that none has.
_WIDEST, _TOO_LARGE = 80.0, 110.0


def fleishman(skewness: ArrayLike, kurtosis: ArrayLike, what: str = "variable") -> Array:
    """Coefficients b, c, d that give -c + bZ + cZ² + dZ³ this skewness and excess kurtosis.

    Z is standard normal; the polynomial has mean 0 and variance 1. Of the several solutions it is
    the one that is reached from the normal distribution (1, 0, 0) on a straight way through the
    wanted moments, which is the one in Fleishman's table.

    Parameters
    ----------
    skewness, kurtosis
        Of each variable, (n_items,).
    what
        What the numbers belong to, for messages.

    Returns
    -------
    ndarray
        (n_items, 3): b, c, d.

    Raises
    ------
    OptionError
        No polynomial has this skewness and kurtosis: the kurtosis is too small for the skewness,
        or one of the two is very large.

    Notes
    -----
    Equations 11, 17 and 18 of Fleishman (1978), solved by Newton's method with their exact
    derivatives.
    """
    pairs = np.stack(np.broadcast_arrays(np.atleast_1d(skewness), np.atleast_1d(kurtosis)), axis=1)
    pairs = pairs.astype(np.float64)
    # The sign of the skewness is that of c, and variables are often alike.
    unique, inverse = np.unique(
        np.abs(pairs) * [1, 0] + pairs * [0, 1], axis=0, return_inverse=True
    )
    inverse = inverse.reshape(-1)
    solved = np.empty((len(unique), 3))
    for k, wanted in enumerate(unique):
        found = _solve(wanted)
        if found is None:
            place = int(np.flatnonzero(inverse == k)[0])
            raise _impossible(f"{what} {place + 1}", *pairs[place])
        solved[k] = found
    coefficients = solved[inverse]
    coefficients[:, 1] = np.copysign(coefficients[:, 1], pairs[:, 0])
    return np.asarray(coefficients)


def polynomial(z: Array, coefficients: Array) -> Array:
    """Fleishman's polynomial of each column of `z`, (n, n_items), with mean 0 and variance 1."""
    b, c, d = coefficients.T
    return np.asarray(((d * z + c) * z + b) * z - c)


def moments(x: Array) -> tuple[Array, Array]:
    """Variance, skewness and kurtosis of the polynomial (b, c, d), and their derivatives."""
    b, c, d = x
    inner = 12 + 48 * b * d + 141 * c**2 + 225 * d**2
    values = [
        b**2 + 6 * b * d + 2 * c**2 + 15 * d**2,
        2 * c * (b**2 + 24 * b * d + 105 * d**2 + 2),
        24 * (b * d + c**2 * (1 + b**2 + 28 * b * d) + d**2 * inner),
    ]
    slopes = [
        [2 * b + 6 * d, 4 * c, 6 * b + 30 * d],
        [
            2 * c * (2 * b + 24 * d),
            2 * (b**2 + 24 * b * d + 105 * d**2 + 2),
            2 * c * (24 * b + 210 * d),
        ],
        [
            24 * (d + c**2 * (2 * b + 28 * d) + 48 * d**3),
            24 * (2 * c * (1 + b**2 + 28 * b * d) + 282 * c * d**2),
            24 * (b + 28 * b * c**2 + 2 * d * inner + d**2 * (48 * b + 450 * d)),
        ],
    ]
    return np.array(values), np.array(slopes)


def _solve(wanted: Array) -> Array | None:
    """Follow the solution from the normal distribution to the wanted moments, if there is a way.

    The moments that polynomials have form a convex set around those of the normal distribution
    (its lower edge is close to a parabola), so that the straight way leaves it at most once.
    """
    found = np.array([1.0, 0.0, 0.0])
    done, step = 0.0, 1.0
    while done < 1.0:
        step = min(step, 1.0 - done)
        reached = done + step if step < 1.0 - done else 1.0
        solution = _newton(found, np.array([1.0, *(reached * wanted)]))
        if solution is not None and np.abs(solution - found).max() <= LONGEST:
            found, done, step = solution, reached, 2 * step
        else:
            step /= 2
            if step < SHORTEST:
                return None
    return found


def _newton(start: Array, wanted: Array) -> Array | None:
    """Solve for the polynomial with these moments; None where the search does not arrive."""
    x = start
    scale = np.maximum(1.0, np.abs(wanted))
    for _ in range(50):
        values, slopes = moments(x)
        gap = (values - wanted) / scale
        if np.abs(gap).max() < EXACT:
            return x
        if np.linalg.cond(slopes) > 1e14:
            return None
        step = np.linalg.solve(slopes, wanted - values)
        if np.abs(step).max() > 1.0:
            return None
        x = x + step
    return None


def _impossible(what: str, skewness: float, kurtosis: float) -> OptionError:
    """Name the moments that no polynomial has, and what can be had instead."""
    problem = (
        f"no Fleishman polynomial has the skewness {skewness:.4g} and excess kurtosis "
        f"{kurtosis:.4g} of {what} (counted from 1)"
    )
    if _solve(np.array([abs(skewness), _WIDEST])) is None:
        return OptionError(f"{problem}: the skewness has to lie between -6.4 and 6.4.")
    possible = _WIDEST
    impossible = skewness**2 - 2 if kurtosis < _WIDEST else _TOO_LARGE  # no distribution has less
    for _ in range(12):
        middle = (possible + impossible) / 2
        if _solve(np.array([abs(skewness), middle])) is None:
            impossible = middle
        else:
            possible = middle
    if kurtosis < _WIDEST:
        return OptionError(
            f"{problem}: with this skewness the excess kurtosis has to be at least "
            f"{math.ceil(possible * 10) / 10:g}."
        )
    return OptionError(
        f"{problem}: the excess kurtosis has to be {math.floor(possible * 10) / 10:g} at most."
    )
