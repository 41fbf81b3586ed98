"""One item regressed on standing, group and their product, and what the groups add."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.functioning.dif_answers import GroupedAnswers
from measure.functioning.group_standing import Standing
from measure.functioning.proportional_odds import (
    OddsFit,
    expected_answers,
    odds_at,
    proportional_odds,
    scores_moved,
)
from measure.functioning.score_tests import ScoreTest, score_test
from measure.moments.asymptotic import sums_by_cluster

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
        alike, shifted = (self._largest(smaller) for smaller in (self.none, self.shift))
        sums = np.hstack([alike.scores, shifted.scores, self.known.influence])
        if self.clusters is not None:
            sums = sums_by_cluster(sums, self.clusters)
        width = len(alike.params)
        influence = sums[:, 2 * width :]
        at_alike = _Scored(alike, sums[:, :width], influence @ self._carried(alike))
        at_shifted = _Scored(
            shifted, sums[:, width : 2 * width], influence @ self._carried(shifted)
        )
        return {
            "any": at_alike.test(one, slice(one, one + 2 * k)),
            "uniform": at_alike.test(one, slice(one, one + k)),
            "nonuniform": at_shifted.test(one + k, slice(one + k, one + 2 * k)),
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
        first = self.design.copy()
        first[:, 1:] = 0.0
        own, by_own = expected_answers(self.slope.params, self.values, self.design)
        other, by_other = expected_answers(self.slope.params, self.values, first)
        gradients = self.membership.T @ (by_own - by_other)
        gradients /= self.membership.sum(axis=0)[:, None]
        members = self.membership.T == 1
        return [
            ((own - other)[member], gradient)
            for member, gradient in zip(members, gradients, strict=True)
        ]

    def _largest(self, smaller: OddsFit) -> OddsFit:
        """Give the largest model at the estimates of a smaller one."""
        params = np.zeros(self.n_cuts + self.design.shape[1])
        params[: len(smaller.params)] = smaller.params
        return odds_at(params, self.codes, self.design)

    def _carried(self, at: OddsFit) -> Array:
        """What the groups' means, and then their log sds, do to the sums of the scores.

        With what a row adds to these estimates, it is what the row adds to the sums by way of them,
        (2 n_groups - 2, n_params).
        """
        # Standing is a predictor by itself, and times the group.
        no_shift = np.zeros_like(self.membership)
        turn = np.hstack([np.ones_like(self.at), no_shift, self.membership])
        moved = scores_moved(at, turn)
        slopes = self.known.slopes / self.known.standing.std()
        return np.vstack([(self.membership * column[:, None]).T @ moved for column in slopes.T])


@dataclass(frozen=True, eq=False)
class _Scored:
    """The largest model at the estimates of a smaller one, to be tested there.

    Attributes
    ----------
    at
        The model.
    scores
        Its scores, of rows or summed within clusters.
    carried
        What is carried to them because standing was estimated.
    """

    at: OddsFit
    scores: Array
    carried: Array

    def test(self, n_kept: int, tested: slice) -> ScoreTest:
        """Test parameters, the first so many of the others being estimated."""
        chosen = np.r_[np.arange(n_kept), np.arange(tested.start, tested.stop)]
        return score_test(
            self.scores[:, tested],
            self.scores[:, :n_kept],
            -self.at.hessian[np.ix_(chosen, chosen)],
            None,
            self.carried[:, chosen],
        )


def item_regressions(answers: GroupedAnswers, item: int, others: Standing) -> ItemRegressions | str:
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
    own = Known(others.ability[rows], others.slopes[rows], others.influence[rows])
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
