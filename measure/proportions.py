"""Intervals of proportions."""

import math

from measure.checks import confidence
from measure.distributions import normal_quantile
from measure.errors import OptionError


def proportion_interval(
    count: int, n: int, *, confidence_level: float = 0.95
) -> tuple[float, float]:
    """Lower and upper limit of a proportion by Wilson's score interval.

    Parameters
    ----------
    count, n
        How many of how many, counted independently.
    confidence_level
        Of the interval.

    Returns
    -------
    tuple
        Within 0 and 1; (0.0, 1.0) where `n` is 0.

    Raises
    ------
    OptionError
        `count` is not from 0 to `n`, or `confidence_level` outside 0 to 1.

    References
    ----------
    Wilson (1927); Newcombe (1998), method 3.

    Examples
    --------
    >>> lower, upper = proportion_interval(81, 263)
    >>> round(lower, 4), round(upper, 4)
    (0.2553, 0.3662)
    """
    if not 0 <= count <= n:
        raise OptionError(f"{count} of {n} is no proportion.")
    z = float(normal_quantile(0.5 + confidence(confidence_level) / 2))
    if n == 0:
        return 0.0, 1.0
    centre = (count + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * math.sqrt(count * (n - count) / n + z**2 / 4)
    return max(centre - half, 0.0), min(centre + half, 1.0)
