"""One item regressed on standing, group and their product, and what the groups add."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.functioning.dif_answers import GroupedAnswers
from measure.functioning.proportional_odds import (
    OddsFit,
    expected_answers,
    odds_at,
    proportional_odds,
    scores_moved,
)
from measure.functioning.score_tests import ScoreTest, score_test

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
NAN = float("nan")

ZUMBO = (0.13, 0.26)
JODOIN_GIERL = (0.035, 0.07)
SIZES = ("negligible", "moderate", "large")


@dataclass(frozen=True, eq=False)
class Known:
    """Standing, and how it hangs on the groups' means and sds, which were estimated as well.

    Attributes
    ----------
    standing
        (n_obs,) mean of the latent variable given group and answers to other items.
    slopes
        (n_obs, 2) its derivatives by the mean and log sd of the row's group.
    influence
        (n_obs, 2 n_groups - 2) what each row adds to these estimates, of all groups but the first.
    """

    standing: Array
    slopes: Array
    influence: Array


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
    known
        How the standing of these rows was estimated.
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
    known: "Known"

    @property
    def n_cuts(self) -> int:
        """How many thresholds the item has."""
        return len(self.values) - 1

    @cached_property
    def design(self) -> Array:
        """Predictors of the largest model."""
        return np.hstack([self.at, self.membership, self.at * self.membership])

    def tests(self) -> dict[str, ScoreTest]:
        """Test the groups together, as a shift and as another slope beyond that."""
        k = self.membership.shape[1]
        one = self.n_cuts + 1
        alike, shifted = self._scored(self.none), self._scored(self.shift)
        return {
            "any": self._test(alike, one, slice(one, one + 2 * k)),
            "uniform": self._test(alike, one, slice(one, one + k)),
            "nonuniform": self._test(shifted, one + k, slice(one + k, one + 2 * k)),
        }

    def added(self) -> tuple[float, float]:
        """What a shift, and then another slope, adds to Nagelkerke's R²."""
        n = len(self.codes)
        counts = np.bincount(self.codes)
        # Thresholds alone give each category its share.
        empty = float(counts @ np.log(counts / n))
        r2 = [_nagelkerke(one.logl, empty, n) for one in (self.none, self.shift, self.slope)]
        return r2[1] - r2[0], r2[2] - r2[1]

    def shifts(self) -> tuple[Array, Array]:
        """Shift of each group from the first in log odds, and its standard error."""
        k = self.membership.shape[1]
        V = self.shift.covariance(self.clusters)
        return self.shift.params[-k:], np.sqrt(np.diag(V)[-k:])

    def points(self, group: int) -> tuple[float, float]:
        """Difference of expected answers of a group's members from those of the first group.

        Returns
        -------
        tuple
            Its mean over the members, and the mean of its absolute value.
        """
        difference, _ = self._differences[group - 1]
        return float(difference.mean()), float(np.abs(difference).mean())

    def influence(self, group: int) -> Array:
        """How much each row contributes to the estimate of a group's mean difference, (n,)."""
        _, gradient = self._differences[group - 1]
        return np.asarray(self.slope.scores @ np.linalg.solve(-self.slope.hessian, gradient))

    @cached_property
    def _differences(self) -> list[tuple[Array, Array]]:
        """Of each group but the first, its members' differences and the gradient of their mean."""
        found = []
        for member in self.membership.T == 1:
            design = self.design[member]
            first = design.copy()
            first[:, 1:] = 0.0
            own, by_own = expected_answers(self.slope.params, self.values, design)
            other, by_other = expected_answers(self.slope.params, self.values, first)
            found.append((own - other, (by_own - by_other).mean(axis=0)))
        return found

    def _scored(self, smaller: OddsFit) -> tuple[OddsFit, Array]:
        """Give the largest model at the estimates of a smaller one, and what is carried to it."""
        params = np.zeros(self.n_cuts + self.design.shape[1])
        params[: len(smaller.params)] = smaller.params
        at = odds_at(params, self.codes, self.design)
        return at, self._carried(at)

    def _test(self, scored: tuple[OddsFit, Array], n_kept: int, tested: slice) -> ScoreTest:
        """Test parameters of the largest model at the estimates of a smaller one."""
        at, carried = scored
        chosen = np.r_[np.arange(n_kept), np.arange(tested.start, tested.stop)]
        return score_test(
            at.scores[:, tested],
            at.scores[:, :n_kept],
            -at.hessian[np.ix_(chosen, chosen)],
            self.clusters,
            carried[:, chosen],
        )

    def _carried(self, at: OddsFit) -> Array:
        """What the rows add to the sums of scores by way of the groups' means and sds."""
        # Standing is a predictor by itself, and times the group.
        no_shift = np.zeros_like(self.membership)
        turn = np.hstack([np.ones_like(self.at), no_shift, self.membership])
        moved = scores_moved(at, self.codes, self.design, turn)
        slopes = self.known.slopes / self.known.standing.std()
        # Of each group's mean, then of each group's log sd, on the sum of every score.
        turned = [(self.membership * column[:, None]).T @ moved for column in slopes.T]
        return np.asarray(self.known.influence @ np.vstack(turned), dtype=float)


def item_regressions(answers: GroupedAnswers, item: int, known: Known) -> ItemRegressions | str:
    """Regress an item on standing and groups; or say why that cannot be done."""
    codes = answers.codes[:, item]
    rows = codes >= 0
    membership = answers.membership[rows]
    if (membership.sum(axis=0) == 0).any() or membership.any(axis=1).all():
        return "a group has no answers"
    found, y = np.unique(codes[rows], return_inverse=True)
    if len(found) < 2:
        return "all answers are alike"
    y = y.astype(np.intp)
    own = Known(known.standing[rows], known.slopes[rows], known.influence[rows])
    at = ((own.standing - own.standing.mean()) / own.standing.std())[:, None]
    none = proportional_odds(y, at)
    shift = proportional_odds(y, np.hstack([at, membership]), start=none.params)
    design = np.hstack([at, membership, at * membership])
    slope = proportional_odds(y, design, start=shift.params)
    if not (none.converged and shift.converged and slope.converged):
        return "the regression has no maximum: groups hardly share categories"
    clusters = None if answers.clusters is None else _numbered(answers.clusters[rows])
    values = answers.values[item][found]
    return ItemRegressions(none, shift, slope, y, at, membership, values, clusters, rows, own)


def called(added: float, limits: Sequence[float]) -> str:
    """Name a size by the limits of moderate and large."""
    return SIZES[sum(added >= limit for limit in limits)]


def _numbered(clusters: Codes) -> Codes:
    return np.unique(clusters, return_inverse=True)[1].astype(np.intp)


def _nagelkerke(logl: float, empty: float, n: int) -> float:
    """Nagelkerke (1991, Equation 3): Cox & Snell's R² over its largest value."""
    return float((1 - np.exp(2 * (empty - logl) / n)) / (1 - np.exp(2 * empty / n)))
