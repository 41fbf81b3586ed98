"""How consistent is a scale? Coefficient alpha from answers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import complete_rows, confidence, numeric_items
from measure.display import render_html, render_text

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CronbachAlpha:
    """Coefficient alpha of a sum of items.

    Attributes
    ----------
    alpha
        From covariances: for the sum (or mean) of the answers as given.
    alpha_std
        From correlations: for the sum of standardised answers.
    ci_lower, ci_upper, confidence_level
        Feldt's interval for `alpha`.
    average_r
        Mean correlation among the items.
    n_obs, n_items, n_dropped
        Rows used, items, rows left out because an answer is missing.
    notes
        What the reader has to know.
    """

    alpha: float
    alpha_std: float
    ci_lower: float
    ci_upper: float
    confidence_level: float
    average_r: float
    n_obs: int
    n_items: int
    n_dropped: int
    notes: tuple[str, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row, labelled as a report would: `alpha ci.lower ci.upper std.alpha n_items n_obs`.

        `std.alpha` has no interval: Feldt's is for items as given.
        """
        return pd.DataFrame(
            {
                "alpha": [self.alpha],
                "ci.lower": [self.ci_lower],
                "ci.upper": [self.ci_upper],
                "std.alpha": [self.alpha_std],
                "n_items": [self.n_items],
                "n_obs": [self.n_obs],
            }
        )

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "interval": f"Feldt, {self.confidence_level:.0%}",
            "left out (missing answers)": self.n_dropped,
        }
        return facts | {f"note {i}": note for i, note in enumerate(self.notes, start=1)}

    def __repr__(self) -> str:
        return render_text("Cronbach's alpha", self._facts(), {"Estimate": self.table})

    def _repr_html_(self) -> str:
        return render_html("Cronbach's alpha", self._facts(), {"Estimate": self.table})


def cronbach_alpha(items: pd.DataFrame, *, confidence_level: float = 0.95) -> CronbachAlpha:
    """Cronbach's alpha of a set of items, raw and standardised, with Feldt's interval.

    Parameters
    ----------
    items
        The items of one scale, one row a respondent, already reverse-keyed where they should be;
        rows with a missing answer are left out.
    confidence_level
        Of the interval.

    Returns
    -------
    CronbachAlpha

    Raises
    ------
    DataError
        Fewer than two items or three complete rows, or an item that cannot be analysed.
    OptionError
        `confidence_level` outside 0 to 1.

    Notes
    -----
    Alpha is the reliability of the sum only when the items are essentially tau-equivalent with
    uncorrelated errors; otherwise it is usually too low. The interval assumes normal items with
    equal covariances.

    References
    ----------
    Cronbach (1951). Feldt (1965); Feldt, Woodruff & Salih (1987) for the interval.
    """
    confidence(confidence_level)
    numbers = numeric_items(items, minimum_items=2)
    complete = complete_rows(numbers, minimum_rows=3)
    X = complete.to_numpy()
    n_obs, n_items = X.shape
    R = np.corrcoef(X, rowvar=False)
    alpha = alpha_from_covariances(np.cov(X, rowvar=False))
    lower, upper = feldt_interval(alpha, n_obs, n_items, confidence_level)
    return CronbachAlpha(
        alpha=alpha,
        alpha_std=alpha_from_covariances(R),
        ci_lower=lower,
        ci_upper=upper,
        confidence_level=confidence_level,
        average_r=float(R[np.triu_indices(n_items, 1)].mean()),
        n_obs=n_obs,
        n_items=n_items,
        n_dropped=len(numbers) - n_obs,
        notes=tuple(_alpha_notes(complete, alpha)),
    )


def alpha_from_covariances(S: Array) -> float:
    """Coefficient alpha p/(p - 1) · (1 - tr S / 1'S1) of a sum with covariance matrix S.

    Parameters
    ----------
    S
        Covariances (or correlations, for standardised alpha), `(n_items, n_items)`.
    """
    n_items = len(S)
    return float(n_items / (n_items - 1) * (1 - np.trace(S) / S.sum()))


def feldt_interval(
    alpha: float, n_obs: int, n_items: int, confidence_level: float
) -> tuple[float, float]:
    """Interval of alpha: (1 - α̂)/(1 - α) follows F with n - 1 and (n - 1)(p - 1) df (Feldt 1965).

    Returns
    -------
    tuple
        Lower and upper bound.
    """
    from scipy.stats import f

    df1, df2 = n_obs - 1, (n_obs - 1) * (n_items - 1)
    tail = (1 - confidence_level) / 2
    lower, upper = 1 - (1 - alpha) * np.asarray(f.ppf([1 - tail, tail], df1, df2))
    return float(lower), float(upper)


def item_rest_correlations(X: Array) -> Array:
    """Correlation of each item with the sum of the others, `(n_items,)`.

    Parameters
    ----------
    X
        Complete answers, `(n_obs, n_items)`. NaN where the sum of the others is constant.
    """
    S = np.cov(X, rowvar=False)
    with_sum, variances = S.sum(axis=1), np.diag(S)
    rest = S.sum() - 2 * with_sum + variances
    rest = np.where(rest > 1e-12 * S.sum(), rest, np.nan)
    result: Array = (with_sum - variances) / np.sqrt(variances * rest)
    return result


def _alpha_notes(complete: pd.DataFrame, alpha: float) -> list[str]:
    correlations = item_rest_correlations(complete.to_numpy())
    negative = [
        f'"{name}" ({r:.2f})'
        for name, r in zip(complete.columns, correlations, strict=True)
        if r < 0
    ]
    notes = []
    if negative:
        notes.append(
            f"Negative item-rest correlation: {', '.join(negative)}. "
            "Check whether these items should be reverse-keyed, or belong to the scale."
        )
    if alpha < 0:
        notes.append("Alpha is negative: the items covary negatively on average.")
    return notes
