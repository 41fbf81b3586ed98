"""A graded response model of several groups that may differ in level and spread.

Items work alike in all groups; an item may be left out, or be given to a group as an item of its
own. Person by person derivatives of the marginal likelihood make tests over clusters possible.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from measure.fitting.inference import inverse as inverse_of

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
    # Of each category of each item, and of each group, (..., n_obs): 1 for whose it is.
    _answered: Array
    _member: Array
    _ties: Array | None = None

    @property
    def n_params(self) -> int:
        """How many parameters there are, tied ones counted each."""
        return sum(1 + len(one) for one in self.cuts) + 2 * len(self.means) - 2

    def places(self, item: int) -> slice:
        """Where the slope and the cuts of an item stand among the parameters.

        There are as many as categories, which stand at the same places among those of all items.
        """
        first = item + sum(len(one) for one in self.cuts[:item])
        return slice(first, first + 1 + len(self.cuts[item]))

    def standing(self) -> Array:
        """Mean of θ given a respondent's group and answers, (n_obs,)."""
        return np.asarray(_grid() @ self._weights, dtype=float)

    def standing_slopes(self) -> Array:
        """Derivatives of `standing` by the mean and the log sd of one's own group, (n_obs, 2).

        They are the posterior covariances of θ with the derivatives of the group's log density.
        """
        grid, member = _grid(), self._member
        sds = self.sds @ member
        z = (grid[:, None] - self.means @ member) / sds
        pulled = self._weights * (grid[:, None] - self.standing()) * z
        return np.column_stack([pulled.sum(axis=0) / sds, (pulled * z).sum(axis=0)])

    @cached_property
    def _weights(self) -> Array:
        """Posterior weights of the abilities, (n_grid, n_obs)."""
        return _posterior(_answer_logs(self) + _prior_logs(self))[0]

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
            _answered=np.delete(self._answered, self.places(item), axis=0),
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
    categories = np.concatenate([np.arange(len(cuts) + 1) for cuts in first.cuts])
    items = np.repeat(np.arange(len(first.cuts)), [len(cuts) + 1 for cuts in first.cuts])
    first = replace(
        first,
        _answered=(codes.T[items] == categories[:, None]).astype(float),
        _member=(groups == np.arange(n_groups)[:, None]).astype(float),
    )
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
    # The answers say the same at each ability as long as the items stay as they are.
    said = None if items else _answer_logs(model)
    now = _evaluate(replace(model, converged=False), said)
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
            tried = _evaluate(_moved(now, ties @ step / 2**halving), said)
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
    """Inverse of the sum of products of scores; of one that has none the generalised one."""
    products = scores.T @ scores
    found = inverse_of(products)
    if found is not None:
        return found
    return np.asarray(np.linalg.pinv(products, hermitian=True), dtype=float)


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
        slopes, tuple(cuts), nothing, nothing, -np.inf, False, nothing, nothing, nothing
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


def _evaluate(model: GroupedGrades, said: Array | None = None) -> GroupedGrades:
    """Give the model its log-likelihood and scores.

    Parameters
    ----------
    model
        Its log-likelihood is -inf where cuts are out of order.
    said
        `_answer_logs` of the items; where they are given, the scores are of the groups' parameters
        alone.
    """
    if any((np.diff(one) <= 0).any() for one in model.cuts):
        return replace(model, logl=-np.inf)
    log = (_answer_logs(model) if said is None else said) + _prior_logs(model)
    weights, total = _posterior(log)
    parts = [_item_scores(model, weights)] if said is None else []
    parts.append(_group_scores(model, weights))
    return replace(model, logl=float(total.sum()), scores=np.vstack(parts).T)


def _boundaries(slope: float, cuts: Array, grid: Array) -> Array:
    """P(y ≥ k | θ) for k = 0 ... n_categories, (n_categories + 1, n_grid)."""
    inner = expit(slope * grid[None, :] - cuts[:, None])
    return np.vstack([np.ones(len(grid)), inner, np.zeros(len(grid))])


def _answer_logs(model: GroupedGrades) -> Array:
    """Log-likelihood of each respondent's answers at each ability, (n_grid, n_obs).

    A missing answer is among none of the categories: it says nothing.
    """
    grid, tables = _grid(), []
    for slope, cuts in zip(model.slopes, model.cuts, strict=True):
        above = _boundaries(slope, cuts, grid)
        tables.append(np.log(np.maximum(above[:-1] - above[1:], 1e-300)))
    return np.asarray(np.vstack(tables).T @ model._answered, dtype=float)


def _prior_logs(model: GroupedGrades) -> Array:
    """Logarithms of the weights of the abilities in each respondent's group, (n_grid, n_obs)."""
    log = -0.5 * _standardised(model) ** 2 - np.log(model.sds[:, None])
    return np.asarray((log + np.log(SPACING / np.sqrt(2 * np.pi))).T @ model._member, dtype=float)


def _standardised(model: GroupedGrades) -> Array:
    """Abilities from the mean of each group in its standard deviations, (n_groups, n_grid)."""
    return np.asarray((_grid() - model.means[:, None]) / model.sds[:, None], dtype=float)


def _posterior(log: Array) -> tuple[Array, Array]:
    """Weights of the abilities given the answers, and the logarithm of their sum."""
    # Respondents are the columns: sums over abilities then add whole rows, which is fast.
    top = log.max(axis=0)
    weights = np.exp(log - top)
    total = weights.sum(axis=0)
    return weights / total, np.log(total) + top


def _item_scores(model: GroupedGrades, weights: Array) -> Array:
    """Derivatives of the log-likelihood by the slopes and the cuts, (n_item_params, n_obs)."""
    grid, tables = _grid(), []
    for slope, cuts in zip(model.slopes, model.cuts, strict=True):
        above = _boundaries(slope, cuts, grid)
        density = above * (1 - above)
        p = np.maximum(above[:-1] - above[1:], 1e-300)
        # Of each category, by its location a θ and by the cuts below and above it.
        tables.append((grid * (density[:-1] - density[1:]) / p, -density[:-1] / p, density[1:] / p))
    by_slope, below, over = (
        np.vstack(kind) @ weights * model._answered for kind in zip(*tables, strict=True)
    )
    scores = np.empty_like(by_slope)
    for item in range(len(model.cuts)):
        own = model.places(item)
        scores[own.start] = by_slope[own].sum(axis=0)
        # A cut is above one category and below the next.
        scores[own.start + 1 : own.stop] = over[own][:-1] + below[own][1:]
    return scores


def _group_scores(model: GroupedGrades, weights: Array) -> Array:
    """Derivatives by the means and the logarithms of sds of all groups but the first."""
    z = _standardised(model)[1:]
    member = model._member[1:]
    by_mean = (z @ weights) / model.sds[1:, None]
    return np.vstack([member * by_mean, member * ((z**2 - 1) @ weights)])
