"""Changes of a score that are larger than its error of measurement would make them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from measure.checks import complete_rows, confidence, numeric_items
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.errors import DataError, OptionError

DIRECTIONS = ("lower", "unchanged", "higher")


@dataclass(frozen=True, eq=False)
class ReliableChange:
    """Which changes are larger than error of measurement would make them.

    Attributes
    ----------
    table
        One row a direction: `direction n share ci.lower ci.upper expected`: respondents whose score
        fell, did not change, or rose reliably, with
        Wilson's 95 % interval, and the share that error
        alone would bring about.
    rows
        One row a respondent, as in the data: `before after change rci direction`.
    sem, practice
        Standard error of measurement of a score, and the change that is expected without a real
        one.
    threshold
        A change is reliable that differs from `practice` by more than this.
    confidence_level
        Share of unchanged persons whose change stays below the threshold.
    n_obs, n_dropped
        Respondents with both scores, and left out.
    """

    table: pd.DataFrame
    rows: pd.DataFrame
    sem: float
    practice: float
    threshold: float
    confidence_level: float
    n_obs: int
    n_dropped: int

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "standard error of measurement": self.sem,
            "expected without change": self.practice,
            "reliable beyond": self.threshold,
            "confidence": f"{self.confidence_level:.0%}",
            "respondents used": self.n_obs,
            "left out": self.n_dropped,
        }
        return "Reliable change", facts, {"Respondents": self.table}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def reliable_change(
    scores: pd.DataFrame,
    *,
    sem: float | None = None,
    reliability: float | None = None,
    practice: float = 0.0,
    confidence_level: float = 0.95,
) -> ReliableChange:
    """Reliable change index of each respondent (Jacobson & Truax 1991), and how many changed.

    Parameters
    ----------
    scores
        Two columns, the score before and after; rows with a missing score are left out.
    sem
        Standard error of measurement of a score, as `retest` gives it.
    reliability
        In its place the reliability, which makes it sd (1 - reliability)^(1/2), sd that of the
        scores before.
    practice
        The change that is expected without a real one, as the mean change of an untreated group
        (Chelune et al. 1993).
    confidence_level
        A change counts as reliable beyond the normal quantile of this level, 1.96 for 95 %.

    Returns
    -------
    ReliableChange
        `rci` is (after - before - practice) / (2^(1/2) sem).

    Raises
    ------
    DataError
        Not two columns, or scores that cannot be analysed.
    OptionError
        Neither or both of `sem` and `reliability`, or impossible ones.

    References
    ----------
    Chelune, G. J., et al. (1993). Individual change after epilepsy surgery: Practice effects and
    base-rate information. Neuropsychology, 7, 41-52.
    Jacobson, N. S., & Truax, P. (1991). Clinical significance: A statistical approach to defining
    meaningful change in psychotherapy research. Journal of Consulting and Clinical Psychology, 59,
    12-19.
    """
    z = float(normal_quantile((1 + confidence(confidence_level)) / 2))
    numbers = numeric_items(scores, minimum_items=2)
    if numbers.shape[1] != 2:
        raise DataError(
            f"{numbers.shape[1]} columns given, but change is that from one score to another: give "
            "two, before and after."
        )
    complete = complete_rows(numbers)
    before, after = complete.to_numpy().T
    error = _error_of(float(before.std(ddof=1)), sem, reliability)
    index = (after - before - practice) / (np.sqrt(2) * error)
    place = np.where(index < -z, 0, np.where(index > z, 2, 1))
    counts = np.bincount(place, minlength=3)
    tail = (1 - confidence_level) / 2
    limits = [_wilson(int(count), len(index)) for count in counts]
    return ReliableChange(
        table=pd.DataFrame(
            {
                "direction": DIRECTIONS,
                "n": counts,
                "share": counts / len(index),
                "ci.lower": [low for low, _ in limits],
                "ci.upper": [high for _, high in limits],
                "expected": [tail, confidence_level, tail],
            }
        ),
        rows=pd.DataFrame(
            {
                "before": before,
                "after": after,
                "change": after - before,
                "rci": index,
                "direction": np.array(DIRECTIONS)[place],
            },
            index=complete.index,
        ),
        sem=error,
        practice=practice,
        threshold=z * np.sqrt(2) * error,
        confidence_level=confidence_level,
        n_obs=len(index),
        n_dropped=len(numbers) - len(index),
    )


def _error_of(sd: float, sem: float | None, reliability: float | None) -> float:
    if (sem is None) == (reliability is None):
        raise OptionError("give one of sem, the standard error of measurement, and reliability.")
    if sem is not None:
        if not sem > 0:
            raise OptionError(f"sem is {sem}, but a standard error is above 0.")
        return sem
    assert reliability is not None
    if not 0 <= reliability < 1:
        raise OptionError(f"reliability is {reliability}, but must be at least 0 and below 1.")
    return float(sd * np.sqrt(1 - reliability))


def _wilson(count: int, n: int) -> tuple[float, float]:
    """Interval of a share by Wilson's score method."""
    from scipy.stats import binomtest

    found = binomtest(count, n).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)
