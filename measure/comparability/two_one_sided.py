"""Equivalence of means and effects: two one-sided tests.

References
----------
Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of
Statistics, 6, 65-70.
Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power approach
for assessing the equivalence of average bioavailability. Journal of Pharmacokinetics and
Biopharmaceutics, 15, 657-680.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.comparability.multiplicity import corrected
from measure.errors import DataError, OptionError

Array = NDArray[np.float64]
Numbers = float | Sequence[float] | Array | pd.Series

VERDICTS = ("equivalent", "different", "both", "undecided")


def equivalence(
    estimate: Numbers,
    se: Numbers,
    *,
    band: float | tuple[float, float],
    level: float = 0.05,
    df: Numbers | None = None,
) -> pd.DataFrame:
    """Test whether differences lie inside a band of what does not matter.

    Each difference is tested against the lower and against the upper limit of the band (Schuirmann
    1987). Both one-sided tests reject at `level` just when the interval at 1 - 2 `level` lies
    inside the band.

    Parameters
    ----------
    estimate, se
        Differences and their standard errors, numbers or columns of the same length.
    band
        Limits between which a difference does not matter; one positive number stands for both
        sides. To be set before the data are seen.
    level
        Of each one-sided test, and of the two-sided test of no difference.
    df
        Degrees of freedom of Student's t; the normal distribution by default.

    Returns
    -------
    DataFrame
        One row a difference, under the index of `estimate` where that is a Series: `estimate se
        df band.lower band.upper`; `t.lower pvalue.lower t.upper pvalue.upper`, the tests of "below
        the band" and "above the band"; `pvalue`, the larger of the two, and `pvalue.holm`,
        corrected for the number of rows; `ci.lower.equivalence ci.upper.equivalence` at 1 - 2
        `level` and `ci.lower ci.upper` at 1 - `level`; `pvalue.difference
        pvalue.difference.holm` of the two-sided test of no difference; `verdict`, and
        `verdict.holm` from the corrected p-values: "equivalent" (inside the band), "different"
        (not zero), "both" (not zero, yet inside the band) or "undecided". A row with an estimate or
        standard error that is missing is NaN, and its verdicts are "undecided".

    Raises
    ------
    DataError
        Columns of different length, a negative standard error, or degrees of freedom not above 0.
    OptionError
        A band that does not have its lower limit below its upper one, or a level outside 0 to .5.

    Notes
    -----
    That all of several differences are equivalent follows where each is, without correction
    (Berger 1982: an intersection-union test keeps its level); `pvalue.holm` is for statements
    about the differences one by one.
    """
    low, high = _band(band)
    if not 0 < level < 0.5:
        raise OptionError(f"level is {level}, but must lie between 0 and 0.5, as 0.05.")
    index = estimate.index if isinstance(estimate, pd.Series) else None
    d, s, freedom = _columns(estimate, se, df)
    with np.errstate(divide="ignore", invalid="ignore"):
        lower, upper, zero = (d - low) / s, (d - high) / s, d / s
    p_lower, p_upper = _above(lower, freedom), _above(-upper, freedom)
    p, p_zero = np.maximum(p_lower, p_upper), 2 * _above(np.abs(zero), freedom)
    narrow, wide = (_quantile(1 - share, freedom) * s for share in (level, level / 2))
    table = pd.DataFrame(
        {
            "estimate": d,
            "se": s,
            "df": freedom,
            "band.lower": low,
            "band.upper": high,
            "t.lower": lower,
            "pvalue.lower": p_lower,
            "t.upper": upper,
            "pvalue.upper": p_upper,
            "pvalue": p,
            "pvalue.holm": corrected(p, "holm"),
            "ci.lower.equivalence": d - narrow,
            "ci.upper.equivalence": d + narrow,
            "ci.lower": d - wide,
            "ci.upper": d + wide,
            "pvalue.difference": p_zero,
            "pvalue.difference.holm": corrected(p_zero, "holm"),
        },
        index=index,
    )
    for end in ("", ".holm"):
        table[f"verdict{end}"] = _verdicts(
            table[f"pvalue{end}"] < level, table[f"pvalue.difference{end}"] < level
        )
    return table


def _band(band: float | tuple[float, float]) -> tuple[float, float]:
    low, high = band if isinstance(band, tuple) else (-band, band)
    if not low < high:
        raise OptionError(
            f"the band runs from {low} to {high}; give a positive number, or a lower and a higher "
            "limit."
        )
    return float(low), float(high)


def _columns(estimate: Numbers, se: Numbers, df: Numbers | None) -> tuple[Array, Array, Array]:
    """Bring the numbers to columns of one length; without degrees of freedom they are infinite."""
    given = [np.atleast_1d(np.asarray(x, dtype=float)) for x in (estimate, se)]
    given.append(np.atleast_1d(np.asarray(np.inf if df is None else df, dtype=float)))
    lengths = {len(x) for x in given if len(x) != 1} or {1}
    if len(lengths) > 1 or any(x.ndim != 1 for x in given):
        sizes = ", ".join(str(x.shape) for x in given)
        raise DataError(f"estimate, se and df have the shapes {sizes}; give columns of one length.")
    d, s, freedom = (np.broadcast_to(x, lengths.copy().pop()) for x in given)
    if (s < 0).any():
        raise DataError(f"a standard error is negative ({s[s < 0][0]:.3g}).")
    if (freedom <= 0).any():
        raise DataError("degrees of freedom have to be above 0.")
    missing = np.isnan(d) | np.isnan(s) | np.isnan(freedom)
    d, s, freedom = np.where(missing, np.nan, (d, s, freedom))
    return d, s, freedom


def _above(x: Array, df: Array) -> Array:
    """Probability of a larger t; normal where df is infinite."""
    from scipy.special import ndtr, stdtr

    finite = np.where(np.isfinite(df), df, 1.0)
    return np.asarray(np.where(np.isinf(df), ndtr(-x), stdtr(finite, -x)))


def _quantile(probability: float, df: Array) -> Array:
    from scipy.special import ndtri, stdtrit

    finite = np.where(np.isfinite(df), df, 1.0)
    return np.asarray(np.where(np.isinf(df), ndtri(probability), stdtrit(finite, probability)))


def _verdicts(equivalent: "pd.Series[Any]", different: "pd.Series[Any]") -> list[str]:
    words = {(True, False): 0, (False, True): 1, (True, True): 2, (False, False): 3}
    pairs = zip(equivalent.to_list(), different.to_list(), strict=True)
    return [VERDICTS[words[bool(inside), bool(apart)]] for inside, apart in pairs]
