"""Power of designs with clusters in closed form, for scores whose variances are known.

They leave out what a simulation has: that reliability is below 1, that answers are in categories,
and that variances are estimated. They are what a simulation is checked against.

References
----------
Hayes, R. J., & Moulton, L. H. (2017). Cluster randomised trials (2nd ed.). CRC Press.
Hussey, M. A., & Hughes, J. P. (2007). Design and analysis of stepped wedge cluster randomized
trials. Contemporary Clinical Trials, 28, 182-191.
Kish, L. (1965). Survey sampling. Wiley.
"""

from collections.abc import Callable
from numbers import Integral

import numpy as np

from measure.errors import OptionError
from measure.planning.effort_claims import Stability, Wedge

MOST = 1_000_000


def design_effect(icc1: float, size: float) -> float:
    """By how much the variance of a mean rises when respondents come in clusters of equal size.

    1 + (size - 1) ICC(1) (Kish 1965, section 8.2).
    """
    _require_share("icc1", icc1)
    if size < 1:
        raise OptionError(f"size is {size}, but a cluster has at least 1 member.")
    return 1 + (size - 1) * icc1


def difference_power(
    d: float, n: int, *, size: int = 1, icc1: float = 0.0, alpha: float = 0.05
) -> float:
    """Power of the t test of a difference of two group means, with whole clusters in each group.

    Parameters
    ----------
    d
        Difference over the standard deviation of a score, all respondents of a group together.
    n
        Respondents of each group.
    size, icc1
        Members of a cluster, and the share of variance between them.
    alpha
        Two-sided.

    Returns
    -------
    float
        That of a noncentral t with 2 (n / size - 1) degrees of freedom and noncentrality
        d / sqrt(2 design effect / n); with size 1 the usual t test.
    """
    _require_n(n, 2 * size)
    ncp = d / np.sqrt(2 * design_effect(icc1, size) / n)
    return _t_power(float(ncp), 2 * (n / size - 1), alpha)


def gain_power(
    gain: float,
    n_clusters: int,
    *,
    size: int,
    icc: float,
    stability: Stability | None = None,
    alpha: float = 0.05,
) -> float:
    """Power of the t test of a difference in change, from one number a cluster.

    Parameters
    ----------
    gain
        How much more a score of no error rises with the effort, in standard deviations at wave 1.
    n_clusters, size
        Clusters of each group, and respondents of each, the same at both waves.
    icc
        Share of the variance between clusters.
    stability
        As for `before_after`; `unique` does not count.

    Returns
    -------
    float
        The mean change of a cluster has the variance 2 icc (1 - clusters) + 2 (1 - icc) (1 -
        persons) / size (Hayes & Moulton 2017, chapters 7 and 10).
    """
    _require_share("icc", icc)
    _require_n(n_clusters, 2)
    stays = Stability() if stability is None else stability
    variance = 2 * icc * (1 - stays.clusters) + 2 * (1 - icc) * (1 - stays.persons) / size
    return _t_power(float(gain / np.sqrt(2 * variance / n_clusters)), 2 * (n_clusters - 1), alpha)


def wedge_power(wedge: Wedge, n: int, *, alpha: float = 0.05) -> float:
    """Power of a stepped wedge whose variances are known.

    Parameters
    ----------
    wedge
        The design.
    n
        As the wedge counts it.

    Returns
    -------
    float
        By the variance of the effect under generalised least squares (Hussey & Hughes 2007, eqs 6
        to 8, with a variance of clusters in periods), and t with as many degrees of freedom as
        clusters less 2, as `stepped_wedge` has it.
    """
    n_clusters, size = wedge.design(n)
    _require_n(n_clusters, 3)
    periods = wedge.n_periods
    spread = wedge.icc * (1 - wedge.autocorrelation) + (1 - wedge.icc) / size
    V = wedge.icc * wedge.autocorrelation * np.ones((periods, periods)) + spread * np.eye(periods)
    inverse = np.linalg.inv(V)
    information = np.zeros((periods + 1, periods + 1))
    for row in wedge.treated(n_clusters):
        X = np.column_stack([row, np.eye(periods)])
        information += X.T @ inverse @ X
    if np.linalg.matrix_rank(information) <= periods:
        return 0.0
    se = float(np.sqrt(np.linalg.inv(information)[0, 0]))
    return _t_power(wedge.effect / se, n_clusters - 2, alpha)


def least(power_of: Callable[[int], float], target: float, *, begin: int = 2) -> int:
    """Give the least whole number, `begin` or more, whose power reaches a target.

    Raises
    ------
    OptionError
        The target is not between 0 and 1, or not reached with a million.
    """
    if not 0 < target < 1:
        raise OptionError(f"the power wanted is {target}, but must lie between 0 and 1.")
    low, high = begin - 1, begin
    while power_of(high) < target:
        low, high = high, 2 * high
        if high > MOST:
            raise OptionError(f"a power of {target} is not reached with {MOST:,}.")
    while high - low > 1:
        middle = (low + high) // 2
        if power_of(middle) < target:
            low = middle
        else:
            high = middle
    return high


def _t_power(ncp: float, df: float, alpha: float) -> float:
    from scipy.stats import nct, t

    if not 0 < alpha < 1:
        raise OptionError(f"alpha is {alpha}, but must lie between 0 and 1.")
    critical = float(t.isf(alpha / 2, df))
    # The other side is below alpha, and where it counts it is not what was claimed.
    return float(nct.sf(critical, df, abs(ncp)))


def _require_share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise OptionError(f"{name} is {value}, but must be at least 0 and below 1.")


def _require_n(n: int, fewest: int) -> None:
    if not isinstance(n, Integral) or isinstance(n, bool) or n < fewest:
        raise OptionError(f"n is {n!r}, but must be a whole number, {fewest} or more.")
