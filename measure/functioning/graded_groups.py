"""A graded response model of several groups that may differ in level and spread.

Items work alike in all groups; an item may be left out, or be given to a group as an item of its
own. Person by person derivatives of the marginal likelihood make tests over clusters possible.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

REACH, SPACING = 6.0, 0.25
"""The grid of abilities, in standard deviations of the first group. The trapezoid rule errs by
about exp(-2 (π s / SPACING)²) for a posterior of standard deviation s: 1e-12 at s = 0.3."""
STEPS, HALVINGS, TOLERANCE = 200, 30, 1e-7
FRESH = 3
"""Steps that take the information afresh; later ones update it by what they find."""


@dataclass(frozen=True, eq=False)
class GroupedGrades:
    """A fitted model: P(y ≥ k | θ) = 1 / (1 + exp(c_k - a θ)), θ normal in each group.

    Attributes
    ----------
    slopes
        (n_items,) a.
    cuts
        Of each item, (n_categories - 1,) c.
    means, sds
        (n_groups,) of θ; 0 and 1 in the first group.
    logl
        Log-likelihood.
    converged
        Whether the gradient vanished.
    scores
        (n_obs, n_params) derivatives of each respondent's log-likelihood: of each item its slope
        and cuts, then the means of the other groups, then the logarithms of their sds.
    """

    slopes: Array
    cuts: tuple[Array, ...]
    means: Array
    sds: Array
    logl: float
    converged: bool
    scores: Array
    _codes: Codes
    _groups: Codes
    _ties: Array | None = None

    @property
    def n_params(self) -> int:
        """How many parameters there are, tied ones counted each."""
        return sum(1 + len(one) for one in self.cuts) + 2 * len(self.means) - 2

    def places(self, item: int) -> slice:
        """Where the slope and the cuts of an item stand among the parameters."""
        first = item + sum(len(one) for one in self.cuts[:item])
        return slice(first, first + 1 + len(self.cuts[item]))

    def standing(self) -> Array:
        """Mean of θ given a respondent's group and answers, (n_obs,)."""
        grid = _grid()
        log = _answer_logs(self, grid) + _prior_logs(self, grid)[self._groups]
        return np.asarray(_posterior(log)[0] @ grid, dtype=float)

    def standing_slopes(self) -> Array:
        """Derivatives of `standing` by the mean and the log sd of one's own group, (n_obs, 2).

        They are the posterior covariances of θ with the derivatives of the group's log density.
        """
        grid = _grid()
        weights = _posterior(_answer_logs(self, grid) + _prior_logs(self, grid)[self._groups])[0]
        centred = grid - (weights @ grid)[:, None]
        sds = self.sds[self._groups, None]
        z = (grid - self.means[self._groups, None]) / sds
        by_mean = (weights * centred * z / sds).sum(axis=1)
        return np.column_stack([by_mean, (weights * centred * z**2).sum(axis=1)])

    def group_influence(self) -> Array:
        """What each respondent adds to the groups' means, then log sds, (n_obs, 2 n_groups - 2)."""
        scores = self.scores[:, self.scores.shape[1] - 2 * len(self.means) + 2 :]
        return np.asarray(scores @ _inverse(scores), dtype=float)

    def expected(self, item: int, ability: Array, values: Array) -> Array:
        """Mean answer to an item at each ability, its categories standing for `values`."""
        above = expit(self.slopes[item] * ability[:, None] - self.cuts[item])
        return np.asarray(values[0] + above @ np.diff(values), dtype=float)

    def without(self, item: int) -> "GroupedGrades":
        """Leave out an item: the groups' means and sds again from the others, these as they are."""
        kept = [other for other in range(len(self.cuts)) if other != item]
        left = replace(
            self,
            slopes=self.slopes[kept],
            cuts=tuple(self.cuts[other] for other in kept),
            _codes=self._codes[:, kept],
        )
        return _climb(left, items=False)


def fit_groups(
    codes: Codes,
    groups: Codes,
    *,
    start: GroupedGrades | None = None,
    tied: Sequence[int] = (),
) -> GroupedGrades:
    """Fit the model by marginal maximum likelihood.

    Parameters
    ----------
    codes
        (n_obs, n_items) category numbers from 0, each used; -1 where an answer is missing.
    groups
        (n_obs,) group numbers from 0.
    start
        A model of the same items and groups to start from.
    tied
        Items whose slopes are the same.

    Notes
    -----
    The marginal likelihood of Bock & Aitkin (1981) is climbed by the steps of Berndt, Hall, Hall &
    Hausman (1974), in which the sum of products of the respondents' scores stands for the
    information, and near the maximum by updates of it.
    """
    n_groups = int(groups.max()) + 1
    first = start
    if first is None:
        first = replace(_first(codes), means=np.zeros(n_groups), sds=np.ones(n_groups))
    first = replace(first, _codes=codes, _groups=groups)
    if len(tied):
        same = first.slopes.copy()
        same[list(tied)] = same[list(tied)].mean()
        first = replace(first, slopes=same)
        first = replace(first, _ties=_tying(first, tied))
    return _climb(first, items=True)


def _tying(model: GroupedGrades, tied: Sequence[int]) -> Array:
    """Sums of columns that give all parameters from those that differ, (n_params, n_different)."""
    places = [model.places(item).start for item in tied]
    ties = np.eye(model.n_params)
    ties[places, places[0]] = 1.0
    return np.delete(ties, places[1:], axis=1)


def _climb(model: GroupedGrades, *, items: bool) -> GroupedGrades:
    """Search the maximum over all parameters, or over the groups' alone."""
    now = _evaluate(replace(model, converged=False), items=items)
    # The groups' parameters are the last, and without the items' the only ones.
    ties = np.eye(model.n_params)[:, model.n_params - now.scores.shape[1] :]
    if items and model._ties is not None:
        ties = model._ties
    own = slice(model.n_params - now.scores.shape[1], None)
    inverse = _inverse(now.scores @ ties[own])
    for count in range(STEPS):
        gradient = now.scores.sum(axis=0) @ ties[own]
        step = inverse @ gradient
        if float(gradient @ step) < TOLERANCE:
            return replace(now, converged=True)
        for halving in range(HALVINGS):
            tried = _evaluate(_moved(now, ties @ step / 2**halving), items=items)
            if tried.logl > now.logl:
                break
        else:
            break
        moved = step / 2**halving
        turned = gradient - tried.scores.sum(axis=0) @ ties[own]
        now = tried
        afresh = count < FRESH or moved @ turned <= 0
        scores = now.scores @ ties[own] if afresh else None
        inverse = _updated(inverse, moved, turned) if scores is None else _inverse(scores)
    return now


def _inverse(scores: Array) -> Array:
    """Inverse of the sum of products of scores."""
    return np.asarray(np.linalg.pinv(scores.T @ scores, hermitian=True), dtype=float)


def _updated(inverse: Array, moved: Array, turned: Array) -> Array:
    """Update of Broyden, Fletcher, Goldfarb & Shanno, by what a step did to the gradient."""
    rho = 1 / float(moved @ turned)
    left = np.eye(len(moved)) - rho * np.outer(moved, turned)
    return np.asarray(left @ inverse @ left.T + rho * np.outer(moved, moved))


def _grid() -> Array:
    return np.arange(-REACH, REACH + SPACING / 2, SPACING)


def _first(codes: Codes) -> GroupedGrades:
    """Slopes of 1.5 and the cuts that give the shares of the answers, roughly."""
    slope = 1.5
    cuts = []
    for column in codes.T:
        counts = np.bincount(column[column >= 0])
        above = 1 - np.cumsum(counts)[:-1] / counts.sum()
        # A logistic with a normal ability inside is nearly logistic, wider by this.
        cuts.append(-np.log(above / (1 - above)) * np.sqrt(1 + (slope / 1.702) ** 2))
    nothing = np.zeros(0)
    slopes = np.full(codes.shape[1], slope)
    return GroupedGrades(
        slopes, tuple(cuts), nothing, nothing, -np.inf, False, nothing, codes, codes[:, 0]
    )


def _moved(model: GroupedGrades, step: Array) -> GroupedGrades:
    slopes = model.slopes.copy()
    cuts = []
    for item, old in enumerate(model.cuts):
        own = step[model.places(item)]
        slopes[item] += own[0]
        cuts.append(old + own[1:])
    more = len(model.means) - 1
    means, sds = model.means.copy(), model.sds.copy()
    if more:
        means[1:] += step[-2 * more : -more]
        sds[1:] *= np.exp(np.clip(step[-more:], -1, 1))
    return replace(model, slopes=slopes, cuts=tuple(cuts), means=means, sds=sds)


def _evaluate(model: GroupedGrades, *, items: bool = True) -> GroupedGrades:
    """Give the model its log-likelihood and scores, of all parameters or of the groups' alone.

    The log-likelihood is -inf where cuts are out of order.
    """
    if any((np.diff(one) <= 0).any() for one in model.cuts):
        return replace(model, logl=-np.inf)
    grid = _grid()
    log = _answer_logs(model, grid) + _prior_logs(model, grid)[model._groups]
    weights, total = _posterior(log)
    parts = []
    for item, cuts in enumerate(model.cuts if items else ()):
        parts.append(_item_scores(model.slopes[item], cuts, model._codes[:, item], grid, weights))
    parts.append(_group_scores(model, grid, weights))
    return replace(model, logl=float(total.sum()), scores=np.hstack(parts))


def _boundaries(slope: float, cuts: Array, grid: Array) -> Array:
    """P(y ≥ k | θ) for k = 0 ... n_categories, (n_categories + 1, n_grid)."""
    inner = expit(slope * grid[None, :] - cuts[:, None])
    return np.vstack([np.ones(len(grid)), inner, np.zeros(len(grid))])


def _answer_logs(model: GroupedGrades, grid: Array) -> Array:
    """Log-likelihood of each respondent's answers at each ability, (n_obs, n_grid)."""
    log = np.zeros((len(model._codes), len(grid)))
    for item, cuts in enumerate(model.cuts):
        above = _boundaries(model.slopes[item], cuts, grid)
        table = np.log(np.maximum(above[:-1] - above[1:], 1e-300))
        # A missing answer, code -1, is the last row: it says nothing.
        log += np.vstack([table, np.zeros(len(grid))])[model._codes[:, item]]
    return log


def _prior_logs(model: GroupedGrades, grid: Array) -> Array:
    """Logarithms of the weights of the abilities in each group, (n_groups, n_grid)."""
    z = (grid[None, :] - model.means[:, None]) / model.sds[:, None]
    log = -0.5 * z**2 - np.log(model.sds[:, None]) + np.log(SPACING / np.sqrt(2 * np.pi))
    return np.asarray(log, dtype=float)


def _posterior(log: Array) -> tuple[Array, Array]:
    """Weights of the abilities given the answers, and the logarithm of their sum."""
    top = log.max(axis=1, keepdims=True)
    weights = np.exp(log - top)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total, np.log(total[:, 0]) + top[:, 0]


def _item_scores(slope: float, cuts: Array, codes: Codes, grid: Array, weights: Array) -> Array:
    """Derivatives of the log-likelihood by the slope and the cuts, (n_obs, n_categories)."""
    n_cuts = len(cuts)
    above = _boundaries(slope, cuts, grid)
    density = above * (1 - above)
    p = np.maximum(above[:-1] - above[1:], 1e-300)
    # Of each category, by its location a θ and by the cuts below and above it.
    tables = (
        grid * (density[:-1] - density[1:]) / p,
        -density[:-1] / p,
        density[1:] / p,
    )
    nothing = np.zeros(len(grid))
    by_slope, below, over = (
        np.einsum("nq,nq->n", weights, np.vstack([table, nothing])[codes]) for table in tables
    )
    scores = np.zeros((len(codes), 1 + n_cuts))
    scores[:, 0] = by_slope
    rows = np.arange(len(codes))
    has_below, has_over = codes > 0, (codes >= 0) & (codes < n_cuts)
    scores[rows[has_below], codes[has_below]] += below[has_below]
    scores[rows[has_over], codes[has_over] + 1] += over[has_over]
    return scores


def _group_scores(model: GroupedGrades, grid: Array, weights: Array) -> Array:
    """Derivatives by the means and the logarithms of sds of all groups but the first."""
    more = len(model.means) - 1
    z = (grid[None, :] - model.means[:, None]) / model.sds[:, None]
    own = z[model._groups]
    by_mean = np.einsum("nq,nq->n", weights, own) / model.sds[model._groups]
    by_sd = np.einsum("nq,nq->n", weights, own**2 - 1)
    member = (model._groups[:, None] == np.arange(1, more + 1)).astype(float)
    return np.hstack([member * by_mean[:, None], member * by_sd[:, None]])
