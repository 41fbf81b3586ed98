"""Content validity index: how many experts find an item relevant to what it should measure.

References
----------
Lynn, M. R. (1986). Determination and quantification of content validity. Nursing Research, 35,
382-385.
Polit, D. F., & Beck, C. T. (2006). The content validity index: Are you sure you know what's being
reported? Research in Nursing & Health, 29, 489-497.
Polit, D. F., Beck, C. T., & Owen, S. V. (2007). Is the CVI an acceptable indicator of content
validity? Appraisal and recommendations. Research in Nursing & Health, 30, 459-467.
Clopper, C. J., & Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated in the
case of the binomial. Biometrika, 26, 404-413.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.display import render_html, render_text
from measure.errors import DataError, OptionError

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

FEWEST_EXPERTS = 3
"""With fewer experts agreement is too easily chance to say anything (Lynn 1986)."""


@dataclass(frozen=True, eq=False)
class ContentValidity:
    """Content validity of items and of the scale that they make.

    Parameters
    ----------
    items
        One row an item: `n_experts` who rated it, `n_relevant` who found it relevant, `i_cvi` their
        share with the exact limits `ci.lower` and `ci.upper`, `pc` the probability of so many by
        chance, and `kappa`, the index corrected for chance. NaN for an item that nobody rated.
    s_cvi_ave
        Mean of the items' indices (S-CVI/Ave).
    s_cvi_ua
        Share of items that every expert who rated them found relevant (S-CVI/UA).
    n_experts
        How many experts rated any item.
    notes
        What could not be computed, and what the numbers cannot carry.
    """

    items: pd.DataFrame
    s_cvi_ave: float
    s_cvi_ua: float
    n_experts: int
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return render_text(*self._shown())

    def _repr_html_(self) -> str:
        return render_html(*self._shown())

    def _shown(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "experts": self.n_experts,
            "S-CVI/Ave": self.s_cvi_ave,
            "S-CVI/UA": self.s_cvi_ua,
        }
        facts |= {f"note {place}": note for place, note in enumerate(self.notes, start=1)}
        return "Content validity", facts, {"items": self.items}


def content_validity(
    ratings: pd.DataFrame,
    *,
    scale: tuple[int, int] = (1, 4),
    relevant: Sequence[int] = (3, 4),
    confidence: float = 0.95,
) -> ContentValidity:
    """Content validity indices of items that experts rated for relevance.

    Parameters
    ----------
    ratings
        (n_items, n_experts) ratings, one column an expert; NaN where one did not rate an item.
    scale
        Lowest and highest rating; an even number of ratings leaves no middle (Lynn 1986).
    relevant
        The ratings that count as relevant.
    confidence
        Level of the intervals, a proportion.

    Returns
    -------
    ContentValidity
        I-CVI = A / N for A of N experts. Its interval is the exact binomial one (Clopper & Pearson
        1934). pc = N! / (A! (N − A)!) · .5^N and k* = (I-CVI − pc) / (1 − pc) (Polit, Beck & Owen
        2007, p. 465).

    Raises
    ------
    DataError
        Where there are no items, no ratings, or a rating is not a whole number of the scale.
    OptionError
        Where `relevant` is not within the scale, or `confidence` not between 0 and 1.

    Examples
    --------
    >>> panel = pd.DataFrame([[4, 3, 4, 3, 2]], index=["a"])
    >>> content_validity(panel).items.round(2).loc["a", "kappa"].item()
    0.76
    """
    _check(ratings, scale, relevant, confidence)
    given = ratings.notna()
    n = given.sum(axis=1).to_numpy()
    agree = ratings.isin(list(relevant)).sum(axis=1).to_numpy()
    rated = n > 0
    index = np.where(rated, agree / np.maximum(n, 1), np.nan)
    chance = [comb(int(all_), int(a)) * 0.5 ** int(all_) for a, all_ in zip(agree, n, strict=True)]
    pc = np.where(rated, chance, np.nan)
    lower, upper = _exact_limits(agree, n, confidence)
    items = pd.DataFrame(
        {
            "n_experts": n,
            "n_relevant": agree,
            "i_cvi": index,
            "ci.lower": lower,
            "ci.upper": upper,
            "pc": pc,
            "kappa": chance_corrected(index, pc),
        },
        index=ratings.index,
    )
    return ContentValidity(
        items=items,
        s_cvi_ave=float(np.mean(index[rated])),
        s_cvi_ua=float(np.mean(agree[rated] == n[rated])),
        n_experts=int(given.any(axis=0).sum()),
        notes=tuple(_notes(ratings, n)),
    )


def chance_corrected(index: Array, pc: Array) -> Array:
    """Modified kappa of an agreement and the probability of it by chance (Polit et al. 2007)."""
    return (index - pc) / (1.0 - pc)


def _exact_limits(agree: Counts, n: Counts, confidence: float) -> tuple[Array, Array]:
    """Limits of Clopper and Pearson, by the beta distribution; NaN where nobody rated."""
    from scipy.stats import beta

    tail = (1.0 - confidence) / 2.0
    with np.errstate(invalid="ignore"):
        lower = np.where(agree == 0, 0.0, beta.ppf(tail, agree, n - agree + 1))
        upper = np.where(agree == n, 1.0, beta.ppf(1.0 - tail, agree + 1, n - agree))
    return np.where(n > 0, lower, np.nan), np.where(n > 0, upper, np.nan)


def _notes(ratings: pd.DataFrame, n: Counts) -> list[str]:
    notes = []
    if nobody := [str(item) for item in ratings.index[n == 0]]:
        notes.append(f"nobody rated {', '.join(nobody)}; NaN there, and left out of S-CVI.")
    few = int(((n > 0) & (n < FEWEST_EXPERTS)).sum())
    if few:
        notes.append(
            f"{few} items were rated by fewer than {FEWEST_EXPERTS} experts, whose agreement is "
            "too easily chance to say anything (Lynn 1986)."
        )
    if len(set(n[n > 0])) > 1:
        notes.append("not every expert rated every item; each index is of those who did.")
    return notes


def _check(
    ratings: pd.DataFrame, scale: tuple[int, int], relevant: Sequence[int], confidence: float
) -> None:
    lowest, highest = scale
    if not relevant or not all(lowest <= one <= highest for one in relevant):
        raise OptionError(
            f"relevant={tuple(relevant)} is not within the ratings {lowest} to {highest}."
        )
    if not 0.0 < confidence < 1.0:
        raise OptionError(f"confidence is {confidence}; give a proportion between 0 and 1.")
    if not ratings.notna().to_numpy().any():
        raise DataError("there are no ratings; give one row an item and one column an expert.")
    if not ratings.index.is_unique:
        raise DataError(f'item "{ratings.index[ratings.index.duplicated()][0]}" has two rows.')
    allowed = list(range(lowest, highest + 1))
    wrong = ratings.notna() & ~ratings.isin(allowed)
    if wrong.to_numpy().any():
        item = ratings.index[wrong.any(axis=1)][0]
        expert = wrong.columns[wrong.loc[item]][0]
        raise DataError(
            f'expert "{expert}" rated item "{item}" {ratings.loc[item, expert]}, which is not one '
            f"of the ratings {lowest} to {highest}.\n    Leave out what was not rated."
        )
