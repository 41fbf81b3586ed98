"""How much misfit the data cannot rule out: equivalence tests of fit.

A chi-square that is not large does not show that a model, or a step of invariance, holds. The
T-size is the misfit, on the scale of RMSEA, that can be excluded: with 1 - level confidence the
misfit is no larger.

References
----------
Counsell, A. (2017). Evaluating equivalence testing methods for measurement invariance. York
University.
Yuan, K.-H., & Chan, W. (2016). Measurement invariance via multigroup SEM: Issues and solutions with
chi-square-difference tests. Psychological Methods, 21, 405-426.
Yuan, K.-H., Chan, W., Marcoulides, G. A., & Bentler, P. M. (2016). Assessing structural equation
models by equivalence testing with adjusted fit indexes. Structural Equation Modeling, 23, 319-330.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.errors import DataError, OptionError
from measure.indices import noncentrality, rmsea, rmsea_pvalue

Array = NDArray[np.float64]
Numbers = float | Sequence[float] | Array | pd.Series

CUTOFFS: dict[float, str] = {0.01: "excellent", 0.05: "close", 0.08: "fair", 0.10: "mediocre"}
"""Sizes of RMSEA and their names (MacCallum, Browne & Sugawara 1996); beyond the last: poor."""


def fit_equivalence(
    chisq: Numbers,
    df: Numbers,
    *,
    n_obs: int,
    n_groups: int = 1,
    level: float = 0.05,
    tolerated: float = 0.08,
    factor: Numbers = 1.0,
) -> pd.DataFrame:
    """Size of the misfit of models, or of steps between them, that the data cannot rule out.

    Parameters
    ----------
    chisq, df
        Chi-square and degrees of freedom of a model, or the differences of those of two nested
        models (of a step of invariance, say): numbers, or columns of the same length.
    n_obs
        Respondents, all groups together.
    n_groups
        Groups of the model.
    level
        Of the test; the T-size is the upper limit of the interval at 1 - 2 `level`.
    tolerated
        RMSEA that counts as tolerable.
    factor
        Mean of the unscaled statistic over its degrees of freedom where `chisq` is scaled, which
        brings the noncentrality back to the scale of the discrepancy (Li & Bentler 2006); with 1
        the misfit is that of the scaled statistic.

    Returns
    -------
    DataFrame
        One row a chi-square, under its index where it is a Series: `chisq df`; `rmsea`, the point
        estimate; `t.size`, the root mean square error per degree of freedom that is tolerated at
        least when the misfit is to be called tolerable (Yuan & Chan 2016: sqrt(m delta / (df N)),
        with delta the noncentrality under which chi-squares as small as this one have probability
        `level`); `pvalue` of the test that the misfit is `tolerated` or more; `size`, the
        conventional name of the T-size ("excellent" to "poor"), and `adjusted`, its name by the
        adjusted cut-offs; `adjusted.01 adjusted.05 adjusted.08 adjusted.10`, these cut-offs. A row
        without degrees of freedom has nothing to test: NaN, and no names.

    Raises
    ------
    DataError
        Columns of different length, or negative degrees of freedom.
    OptionError
        A level outside 0 to .5, a tolerated RMSEA that is not positive, or counts that are none.

    Notes
    -----
    The noncentrality is exact, where Yuan & Chan (2016) approximate it, and it rests on N as
    lavaan's chi-squares do, where they take N - m.

    The adjusted cut-offs of Yuan et al. (2016) are T-sizes of samples whose RMSEA as estimated is
    the conventional cut-off; their regressions on df and N give the numbers computed here up to 3 %
    (7 % at df = 246, N = 2000). A T-size below an adjusted cut-off therefore says just what an
    estimated RMSEA below the conventional one says, without an error rate (Counsell 2017); judge
    by `size` and `pvalue` where an error rate is wanted.
    """
    if not 0 < level < 0.5:
        raise OptionError(f"level is {level}, but must lie between 0 and 0.5, as 0.05.")
    if not (tolerated > 0 and n_obs > 0 and n_groups > 0):
        raise OptionError("tolerated, n_obs and n_groups have to be above 0.")
    index = chisq.index if isinstance(chisq, pd.Series) else None
    columns = _columns(chisq, df, factor)
    rows = [
        _row(tuple(numbers), (n_obs, n_groups), level, tolerated)
        for numbers in zip(*columns, strict=True)
    ]
    return pd.DataFrame(rows, index=index)


def _columns(chisq: Numbers, df: Numbers, factor: Numbers) -> list[list[float]]:
    given = [np.atleast_1d(np.asarray(x, dtype=float)) for x in (chisq, df, factor)]
    lengths = {len(x) for x in given if len(x) != 1} or {1}
    if len(lengths) > 1:
        sizes = ", ".join(str(len(x)) for x in given)
        raise DataError(f"chisq, df and factor have {sizes} numbers; give columns of one length.")
    if (given[1] < 0).any():
        raise DataError(
            "degrees of freedom are negative; give those of the more restricted model less those "
            "of the less restricted one."
        )
    return [np.broadcast_to(x, lengths.copy().pop()).tolist() for x in given]


def _row(
    numbers: tuple[float, ...], size: tuple[int, int], level: float, tolerated: float
) -> dict[str, object]:
    chisq, df, factor = numbers
    n_obs, n_groups = size
    row: dict[str, object] = {"chisq": chisq, "df": df}
    names = [f"adjusted.{100 * cutoff:02.0f}" for cutoff in CUTOFFS]
    if not (df > 0 and np.isfinite(chisq)):
        nothing = dict.fromkeys(("rmsea", "t.size", "pvalue"), np.nan)
        return {**row, **nothing, "size": "", "adjusted": "", **dict.fromkeys(names, np.nan)}

    def t_size(statistic: float) -> float:
        found = noncentrality(max(statistic, 0.0), df, level)
        return float(np.sqrt(found * factor * n_groups / (df * n_obs)))

    # The statistic whose RMSEA is the cut-off exactly.
    adjusted = [t_size(df + c**2 * df * n_obs / (factor * n_groups)) for c in CUTOFFS]
    found = t_size(chisq)
    return {
        **row,
        "rmsea": rmsea(factor * chisq, df, n_obs, n_groups, factor=factor),
        "t.size": found,
        "pvalue": 1 - rmsea_pvalue(chisq, df, n_obs, n_groups, close=tolerated, factor=factor),
        "size": _named(found, list(CUTOFFS)),
        "adjusted": _named(found, adjusted),
        **dict(zip(names, adjusted, strict=True)),
    }


def _named(value: float, cutoffs: list[float]) -> str:
    """Name a T-size by the first cut-off that it does not exceed."""
    for cutoff, name in zip(cutoffs, CUTOFFS.values(), strict=True):
        if value <= cutoff:
            return name
    return "poor"
