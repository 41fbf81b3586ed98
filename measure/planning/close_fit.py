"""Power of the tests of close and of not close fit, in closed form.

References
----------
MacCallum, R. C., Browne, M. W., & Sugawara, H. M. (1996). Power analysis and determination of
sample size for covariance structure modeling. Psychological Methods, 1, 130-149.
"""

from numbers import Integral

from measure.errors import OptionError

# Nobody asks more.
MOST = 10_000_000


def rmsea_power(
    df: int,
    n: int,
    *,
    null: float = 0.05,
    alternative: float = 0.08,
    alpha: float = 0.05,
    n_groups: int = 1,
) -> float:
    """Power of the test that the RMSEA is `null`, where in the population it is `alternative`.

    With an alternative above the null it is the test of close fit, which rejects a model that fits
    too badly; with one below, that of not close fit, which establishes a good one.

    Parameters
    ----------
    df
        Degrees of freedom of the model.
    n
        Respondents, over all groups.
    null, alternative
        RMSEA under the null hypothesis and in the population; two different numbers, 0 or more.
    alpha
        Level of the test.
    n_groups
        Groups; the RMSEA is then lavaan's, sqrt(G) times that over all (Steiger 1998).

    Returns
    -------
    float
        The chance that a chi-square with noncentrality (N - G) df alternative^2 / G lies beyond the
        critical value of one with (N - G) df null^2 / G (MacCallum, Browne & Sugawara 1996, eqs 10
        to 13). It is that of normal theory with complete data.

    Raises
    ------
    OptionError
        A number is not possible.
    """
    _check(df, null, alternative, alpha, n_groups)
    if not _whole(n) or n <= n_groups:
        raise OptionError(f"n is {n!r}, but must be a whole number over {n_groups}.")
    return _power(df, int(n), null, alternative, alpha, n_groups)


def rmsea_sample_size(
    df: int,
    *,
    power: float = 0.80,
    null: float = 0.05,
    alternative: float = 0.08,
    alpha: float = 0.05,
    n_groups: int = 1,
) -> int:
    """Smallest number of respondents with which `rmsea_power` reaches a power.

    Parameters
    ----------
    power
        Wanted, above `alpha` and below 1.
    df, null, alternative, alpha, n_groups
        As for `rmsea_power`.

    Raises
    ------
    OptionError
        A number is not possible, or more than 10 million respondents would be needed.
    """
    _check(df, null, alternative, alpha, n_groups)
    if not alpha < power < 1:
        raise OptionError(
            f"power is {power}, but must lie above alpha ({alpha}) and below 1: no sample is "
            "certain to show anything."
        )
    low, high = n_groups, 2 * n_groups + 10
    while _power(df, high, null, alternative, alpha, n_groups) < power:
        low, high = high, 2 * high
        if high > MOST:
            raise OptionError(
                f"more than {MOST:,} respondents would be needed: {null} and {alternative} lie too "
                "near to each other."
            )
    # Power rises with n, so that halving finds the least.
    while high - low > 1:
        middle = (low + high) // 2
        if _power(df, middle, null, alternative, alpha, n_groups) < power:
            low = middle
        else:
            high = middle
    return high


def _power(df: int, n: int, null: float, alternative: float, alpha: float, n_groups: int) -> float:
    from scipy.stats import chi2, ncx2

    def beyond(rmsea: float) -> float:
        return (n - n_groups) * df * rmsea**2 / n_groups

    close = alternative > null
    tail = alpha if close else 1 - alpha
    critical = ncx2.isf(tail, df, beyond(null)) if null > 0 else chi2.isf(tail, df)
    far = beyond(alternative)
    above = ncx2.sf(critical, df, far) if alternative > 0 else chi2.sf(critical, df)
    return float(above if close else 1 - above)


def _check(df: int, null: float, alternative: float, alpha: float, n_groups: int) -> None:
    for name, value in (("df", df), ("n_groups", n_groups)):
        if not _whole(value) or value < 1:
            raise OptionError(f"{name} is {value!r}, but must be a whole number over 0.")
    for name, rmsea in (("null", null), ("alternative", alternative)):
        if not 0 <= rmsea < 1:
            raise OptionError(f"{name} is {rmsea}, but an RMSEA lies from 0 to below 1.")
    if null == alternative:
        raise OptionError(f"null and alternative are both {null}: there is nothing to tell apart.")
    if not 0 < alpha < 1:
        raise OptionError(f"alpha is {alpha}, but must lie between 0 and 1.")


def _whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
