"""Factor scores of one group, however they were computed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroupScores:
    """Scores of n respondents on k factors.

    Attributes
    ----------
    scores, se, reliability
        Scores, their standard errors and reliabilities, (n, k); NaN where there is none.
    weights
        Weights of the p items for a respondent who answers all, (k, p); NaN where scores are not
        linear in the answers.
    whole_se, whole_reliability
        Standard error and reliability for a respondent who answers all items, (k,).
    n_unsettled
        Respondents for whom a numerical computation did not come to its end.
    """

    scores: Array
    se: Array
    reliability: Array
    weights: Array
    whole_se: Array
    whole_reliability: Array
    n_unsettled: int = 0
