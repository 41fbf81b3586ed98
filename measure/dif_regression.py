"""One item regressed on standing, group and their product, and what the groups add."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from measure.dif_answers import GroupedAnswers
from measure.proportional_odds import OddsFit, expected_answers, odds_at, proportional_odds
from measure.score_tests import ScoreTest, score_test

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
NAN = float("nan")

ZUMBO = (0.13, 0.26)
JODOIN_GIERL = (0.035, 0.07)
SIZES = ("negligible", "moderate", "large")


@dataclass(frozen=True, eq=False)
class ItemRegressions:
    """The regressions of one item on standing; with the groups; with their product as well.

    Attributes
    ----------
    none, shift, slope
        The three fits.
    codes, at, membership
        Answers (n,), standing (n, 1) and groups (n, n_groups - 1) of the rows used.
    values
        The answer that each category number stands for.
    clusters
        (n,) numbers of clusters; None without.
    rows
        Where these rows stand among all.
    """

    none: OddsFit
    shift: OddsFit
    slope: OddsFit
    codes: Codes
    at: Array
    membership: Array
    values: Array
    clusters: Codes | None
    rows: NDArray[np.bool_]

    @property
    def n_cuts(self) -> int:
        """How many thresholds the item has."""
        return len(self.values) - 1

    @property
    def design(self) -> Array:
        """Predictors of the largest model."""
        return np.hstack([self.at, self.membership, self.at * self.membership])

    def tests(self) -> dict[str, ScoreTest]:
        """Test the groups together, as a shift and as another slope beyond that."""
        k = self.membership.shape[1]
        if self.clusters is None:
            pairs = {
                "any": (self.slope, self.none, 2 * k),
                "uniform": (self.shift, self.none, k),
                "nonuniform": (self.slope, self.shift, k),
            }
            return {name: _ratio(*pair) for name, pair in pairs.items()}
        one = self.n_cuts + 1
        at_none = self._at(self.none)
        return {
            "any": _score(at_none, one, slice(one, one + 2 * k), self.clusters),
            "uniform": _score(at_none, one, slice(one, one + k), self.clusters),
            "nonuniform": _score(
                self._at(self.shift), one + k, slice(one + k, one + 2 * k), self.clusters
            ),
        }

    def added(self) -> tuple[float, float]:
        """What a shift, and then another slope, adds to Nagelkerke's R²."""
        n = len(self.codes)
        empty = proportional_odds(self.codes, np.empty((n, 0)))
        r2 = [_nagelkerke(one.logl, empty.logl, n) for one in (self.none, self.shift, self.slope)]
        return r2[1] - r2[0], r2[2] - r2[1]

    def shifts(self) -> tuple[Array, Array]:
        """Shift of each group from the first in log odds, and its standard error."""
        k = self.membership.shape[1]
        V = self.shift.covariance(self.clusters)
        return self.shift.params[-k:], np.sqrt(np.diag(V)[-k:])

    def points(self, group: int) -> tuple[float, float, Array]:
        """Difference of expected answers of a group's members from those of the first group.

        Returns
        -------
        tuple
            Its mean over the members, the mean of its absolute value, and how much each row that
            was used contributes to the former's estimate, (n,).
        """
        member = self.membership[:, group - 1] == 1
        design = self.design[member]
        first = design.copy()
        first[:, 1:] = 0.0
        own, by_own = expected_answers(self.slope.params, self.values, design)
        other, by_other = expected_answers(self.slope.params, self.values, first)
        gradient = (by_own - by_other).mean(axis=0)
        influence = self.slope.scores @ np.linalg.solve(-self.slope.hessian, gradient)
        difference = own - other
        return float(difference.mean()), float(np.abs(difference).mean()), influence

    def _at(self, smaller: OddsFit) -> OddsFit:
        """Give the largest model at the estimates of a smaller one, and 0 for what that lacks."""
        params = np.zeros(self.n_cuts + self.design.shape[1])
        params[: len(smaller.params)] = smaller.params
        return odds_at(params, self.codes, self.design)


def item_regressions(answers: GroupedAnswers, item: int, standing: Array) -> ItemRegressions | str:
    """Regress an item on standing and groups; or say why that cannot be done.

    `standing` is (n_obs,), NaN where a row has none.
    """
    codes = answers.codes[:, item]
    rows = (codes >= 0) & ~np.isnan(standing)
    membership = answers.membership[rows]
    if (membership.sum(axis=0) == 0).any() or membership.any(axis=1).all():
        return "a group has no answers"
    found, y = np.unique(codes[rows], return_inverse=True)
    if len(found) < 2:
        return "all answers of those with a standing are alike"
    y = y.astype(np.intp)
    own = standing[rows]
    at = ((own - own.mean()) / own.std())[:, None]
    none = proportional_odds(y, at)
    shift = proportional_odds(y, np.hstack([at, membership]), start=none.params)
    design = np.hstack([at, membership, at * membership])
    slope = proportional_odds(y, design, start=shift.params)
    if not (none.converged and shift.converged and slope.converged):
        return "the regression has no maximum: groups hardly share categories"
    clusters = None if answers.clusters is None else _numbered(answers.clusters[rows])
    return ItemRegressions(
        none, shift, slope, y, at, membership, answers.values[item][found], clusters, rows
    )


def called(added: float, limits: Sequence[float]) -> str:
    """Name a size by the limits of moderate and large."""
    return SIZES[sum(added >= limit for limit in limits)]


def _numbered(clusters: Codes) -> Codes:
    return np.unique(clusters, return_inverse=True)[1].astype(np.intp)


def _ratio(larger: OddsFit, smaller: OddsFit, df: int) -> ScoreTest:
    statistic = max(2 * (larger.logl - smaller.logl), 0.0)
    return ScoreTest(statistic, df, NAN, float(stats.chi2.sf(statistic, df)))


def _score(at: OddsFit, n_kept: int, tested: slice, clusters: Codes) -> ScoreTest:
    chosen = np.r_[np.arange(n_kept), np.arange(tested.start, tested.stop)]
    information = -at.hessian[np.ix_(chosen, chosen)]
    return score_test(at.scores[:, tested], at.scores[:, :n_kept], information, clusters)


def _nagelkerke(logl: float, empty: float, n: int) -> float:
    """Nagelkerke (1991, Equation 3): Cox & Snell's R² over its largest value."""
    return float((1 - np.exp(2 * (empty - logl) / n)) / (1 - np.exp(2 * empty / n)))
