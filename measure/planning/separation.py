"""Where to cut a fit index, so that most wrong models lie beyond it and few right ones.

A cut-off is the value that 95 % of the samples from a wrong population lie beyond, where 95 % of
those from a right one do not; else the same with 90 %; else there is none (McNeish & Wolf 2023,
p. 68: the distributions overlap too much for any value to tell them apart).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
NAN = float("nan")

# Shares of the wrong and of the right that lie on their sides, most wanted first.
SHARES = {"95/5": 0.95, "90/10": 0.90}
NONE = "none"
LEVEL = 0.95
COLUMNS = (
    *("level", "measure", "cutoff", "ci.lower", "ci.upper", "rule"),
    *("correct", "wrong", "sensitivity", "n", "observed", "beyond"),
)


def is_better_large(measure: str) -> bool:
    """Whether a larger value of a fit index, or of a difference in it, tells of a better fit."""
    return measure.removeprefix("delta_").startswith(("cfi", "tli"))


class Cut(NamedTuple):
    """A cut-off with the 95 % interval that the simulation leaves, and the rule that gave it."""

    value: float
    lower: float
    upper: float
    rule: str


def cut(correct: Array, wrong: Array, measure: str) -> Cut:
    """Find the value that separates samples of a right and of a wrong model.

    Parameters
    ----------
    correct, wrong
        Values of a fit index, (n,) each.
    measure
        Its name, which tells on which side the good ones lie.

    Returns
    -------
    Cut
        NaN with the rule "none" where there is no such value. The interval is that of the
        quantile of `wrong`, from order statistics.
    """
    sign = -1.0 if is_better_large(measure) else 1.0
    right, left = sign * correct, sign * wrong
    for rule, share in SHARES.items():
        if np.quantile(right, share) < np.quantile(left, 1 - share):
            value = sign * float(np.quantile(left, 1 - share))
            ends = [sign * end for end in quantile_interval(left, 1 - share)]
            return Cut(value, min(ends), max(ends), rule)
    return Cut(NAN, NAN, NAN, NONE)


def quantile_interval(values: Array, share: float) -> tuple[float, float]:
    """Give the order statistics between which a quantile lies with 95 %, whatever the distribution.

    Their ranks are quantiles of the binomial distribution (David & Nagaraja 2003, Order Statistics,
    section 7.1).
    """
    from scipy.stats import binom

    ordered, n = np.sort(values), len(values)
    low, high = (float(binom.ppf(end, n, share)) for end in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(ordered[max(int(low) - 1, 0)]), float(ordered[min(int(high), n - 1)])


def cut_table(
    correct: pd.DataFrame, wrong: Sequence[pd.DataFrame], observed: Mapping[str, float] | None
) -> pd.DataFrame:
    """Cut every index at every level.

    Parameters
    ----------
    correct
        One row a sample of the right model, one column an index.
    wrong
        The same of each level.
    observed
        What the model itself has; None where it was not fitted to anything.

    Returns
    -------
    DataFrame
        One row a level and index. `cutoff ci.lower ci.upper rule` as `cut` has them; `correct` is
        the limit that 5 % of the right lie beyond and `wrong` the median of the wrong;
        `sensitivity` is the share of the wrong that lie beyond `correct`, and `n` their number.
        `beyond` says whether `observed` lies at the cut-off or beyond.
    """
    rows = []
    for level, frame in enumerate(wrong, start=1):
        for measure in correct.columns:
            own, other = correct[measure].to_numpy(), frame[measure].to_numpy()
            own, other = own[np.isfinite(own)], other[np.isfinite(other)]
            found = cut(own, other, measure)
            sign = -1.0 if is_better_large(measure) else 1.0
            limit = sign * float(np.quantile(sign * own, LEVEL))
            seen = NAN if observed is None else float(observed[measure])
            rows.append(
                (
                    *(level, measure, *found),
                    *(limit, float(np.median(other)), float(np.mean(sign * other > sign * limit))),
                    *(len(other), seen, bool(sign * seen >= sign * found.value)),
                )
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))
