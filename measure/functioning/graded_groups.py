"""A graded response model of several groups that may differ in level and spread.

Items work alike in all groups; an item may be left out, or be given to a group as an item of its
own. Person by person derivatives of the marginal likelihood make tests over clusters possible.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from measure.functioning.group_standing import (
    GRID,
    SPACING,
    Standing,
    inverse_of_products,
    settled,
    standing,
)

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

STEPS, HALVINGS, TOLERANCE = 200, 30, 1e-7
FRESH = 3
"""Steps that take the information afresh; later ones update it by what they find."""


class _Layout(NamedTuple):
    """Where the categories of all items, one after the other, lie between boundaries.

    The boundaries of an item are one more than its categories: P(y ≥ k) for k = 0, which is 1, its
    cuts, and one that nobody reaches. As each item has a slope and a cut less than categories, its
    parameters have the places of its categories: the slope that of the first.

    Attributes
    ----------
    item
        (n_categories,) item of each category, and so of the boundary below it.
    first
        (n_items,) place of the first category of each item.
    cut
        Places of the other categories, which lie above a cut.
    """

    item: Codes
    first: Codes
    cut: Codes

    @classmethod
    def of(cls, cuts: Sequence[Array]) -> "_Layout":
        sizes = np.array([len(one) + 1 for one in cuts])
        first = np.cumsum(sizes) - sizes
        item = np.repeat(np.arange(len(sizes)), sizes)
        return cls(item, first, np.delete(np.arange(len(item)), first))


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
    # Of each category of each item, then of each group, (..., n_obs): 1 for whose it is.
    _marks: Array
    _layout: "_Layout"
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

    def standing(self, without: int | None = None) -> Standing:
        """Give where respondents and groups stand, by all items or without one.

        Without an item the groups' means and sds are estimated again from the others, which stay as
        they are.
        """
        if without is None:
            return standing(_likelihoods(self._logs), self._member, self.means, self.sds)
        own = self.places(without)
        left = self._logs - self._log_tables[own].T @ self._marks[own]
        return settled(_likelihoods(left), self._member, self.means, self.sds)

    def expected(self, item: int, ability: Array, values: Array) -> Array:
        """Mean answer to an item at each ability, its categories standing for `values`."""
        above = expit(self.slopes[item] * ability[:, None] - self.cuts[item])
        return np.asarray(values[0] + above @ np.diff(values), dtype=float)

    @property
    def _member(self) -> Array:
        return self._marks[-len(self.means) :]

    @cached_property
    def _log_tables(self) -> Array:
        """Logarithm of the probability of each category of each item, (n_categories, n_grid)."""
        return np.log(_Curves.of(self).shares)

    @cached_property
    def _logs(self) -> Array:
        """Log-likelihood of each respondent's answers at each ability, (n_grid, n_obs).

        A missing answer is among none of the categories: it says nothing.
        """
        n_groups = len(self.means)
        return np.asarray(self._log_tables.T @ self._marks[:-n_groups], dtype=float)


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
    items = first._layout.item
    categories = np.concatenate([np.arange(len(cuts) + 1) for cuts in first.cuts])
    marks = np.vstack(
        [codes.T[items] == categories[:, None], groups == np.arange(n_groups)[:, None]]
    )
    first = replace(first, _marks=marks.astype(float))
    if len(tied):
        same = first.slopes.copy()
        same[list(tied)] = same[list(tied)].mean()
        first = replace(first, slopes=same)
        first = replace(first, _ties=_tying(first, tied))
    return _climb(first)


def _tying(model: GroupedGrades, tied: Sequence[int]) -> Array:
    """Sums of columns that give all parameters from those that differ, (n_params, n_different)."""
    places = [model.places(item).start for item in tied]
    ties = np.eye(model.n_params)
    ties[places, places[0]] = 1.0
    return np.delete(ties, places[1:], axis=1)


def _climb(model: GroupedGrades) -> GroupedGrades:
    """Search the maximum."""
    now = _at(replace(model, converged=False))
    ties = np.eye(model.n_params) if model._ties is None else model._ties
    inverse = inverse_of_products(now.scores() @ ties)
    for count in range(STEPS):
        gradient = now.gradient @ ties
        step = inverse @ gradient
        if float(gradient @ step) < TOLERANCE:
            return now.made(converged=True)
        for halving in range(HALVINGS):
            tried = _at(_moved(now.model, ties @ step / 2**halving))
            if tried.logl > now.logl:
                break
        else:
            break
        moved = step / 2**halving
        turned = gradient - tried.gradient @ ties
        now = tried
        if count < FRESH or moved @ turned <= 0:
            inverse = inverse_of_products(now.scores() @ ties)
        else:
            inverse = _updated(inverse, moved, turned)
    return now.made(converged=False)


def _updated(inverse: Array, moved: Array, turned: Array) -> Array:
    """Update of Broyden, Fletcher, Goldfarb & Shanno, by what a step did to the gradient."""
    rho = 1 / float(moved @ turned)
    left = np.eye(len(moved)) - rho * np.outer(moved, turned)
    return np.asarray(left @ inverse @ left.T + rho * np.outer(moved, moved))


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
        slopes, tuple(cuts), nothing, nothing, -np.inf, False, nothing, nothing, _Layout.of(cuts)
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


class _Curves(NamedTuple):
    """What each category of each item is at each ability, (n_categories, n_grid).

    `below` and `over` are the densities at the boundaries below and over a category: derivatives
    of P(y ≥ k | θ) by a θ. `shares` are P(y = k | θ).
    """

    below: Array
    over: Array
    shares: Array

    @classmethod
    def of(cls, model: GroupedGrades) -> "_Curves":
        layout = model._layout
        n_items = len(layout.first)
        own = layout.item[layout.cut]
        at = np.zeros((len(layout.item) + n_items, len(GRID)))
        # Each item has one boundary more than categories.
        at[layout.first + np.arange(n_items)] = 1.0
        places = layout.cut + own
        at[places] = expit(model.slopes[own, None] * GRID - np.concatenate(model.cuts)[:, None])
        lower = np.arange(len(layout.item)) + layout.item
        density = at * (1 - at)
        shares = np.maximum(at[lower] - at[lower + 1], 1e-300)
        return cls(density[lower], density[lower + 1], shares)


@dataclass(frozen=True, eq=False)
class _Point:
    """A model with what its answers say of it.

    Attributes
    ----------
    gradient
        (n_params,) of the log-likelihood.
    weights
        (n_grid, n_obs) of the abilities given the answers, each respondent's times `total`.
    """

    model: GroupedGrades
    logl: float
    gradient: Array
    weights: Array
    total: Array
    curves: _Curves

    def scores(self) -> Array:
        """Derivatives of each respondent's log-likelihood, (n_obs, n_params)."""
        model, (below, over, shares) = self.model, self.curves
        n_categories = len(shares)
        answered = model._marks[:n_categories] / self.total
        member = model._marks[n_categories + 1 :] / self.total
        layout, z = model._layout, _standardised(model)[1:]
        parts = np.vstack([GRID * (below - over) / shares, -below / shares, over / shares])
        by_slope, by_below, by_over = (
            kind * answered for kind in (parts @ self.weights).reshape(3, n_categories, -1)
        )
        of_items = np.empty_like(by_slope)
        of_items[layout.first] = np.add.reduceat(by_slope, layout.first, axis=0)
        # A cut is over one category and below the next.
        of_items[layout.cut] = by_over[layout.cut - 1] + by_below[layout.cut]
        by_mean = (z / model.sds[1:, None]) @ self.weights
        of_groups = member * by_mean, member * ((z**2 - 1) @ self.weights)
        return np.vstack([of_items, *of_groups]).T

    def made(self, *, converged: bool) -> GroupedGrades:
        """Give the model its log-likelihood and scores."""
        return replace(self.model, logl=self.logl, scores=self.scores(), converged=converged)


def _at(model: GroupedGrades) -> _Point:
    """Evaluate a model; its log-likelihood is -inf where cuts are out of order."""
    curves, nothing = _Curves.of(model), np.zeros(0)
    if any((np.diff(one) <= 0).any() for one in model.cuts):
        return _Point(model, -np.inf, nothing, nothing, nothing, curves)
    z = _standardised(model)
    of_groups = -0.5 * z**2 - np.log(model.sds[:, None]) + np.log(SPACING / np.sqrt(2 * np.pi))
    # Respondents are the columns: sums over abilities then add whole rows, which is fast.
    weights = np.vstack([np.log(curves.shares), of_groups]).T @ model._marks
    top = weights.max(axis=0)
    weights -= top
    np.exp(weights, out=weights)
    total = weights.sum(axis=0)
    # How many of each category, and of each group, are at each ability.
    counts = (model._marks / total) @ weights.T
    gradient = _gradient(model, curves, counts, z)
    return _Point(model, float((np.log(total) + top).sum()), gradient, weights, total, curves)


def _gradient(model: GroupedGrades, curves: _Curves, counts: Array, z: Array) -> Array:
    """Derivatives of the log-likelihood, from the counts of categories and groups."""
    layout = model._layout
    n_categories = len(layout.item)
    pulled = counts[:n_categories] / curves.shares
    of_items = np.empty(n_categories)
    by_slope = ((curves.below - curves.over) * pulled) @ GRID
    of_items[layout.first] = np.add.reduceat(by_slope, layout.first)
    passed = pulled[layout.cut - 1] - pulled[layout.cut]
    of_items[layout.cut] = (curves.below[layout.cut] * passed).sum(axis=1)
    of_groups, z = counts[n_categories + 1 :], z[1:]
    by_mean = (of_groups * z).sum(axis=1) / model.sds[1:]
    return np.concatenate([of_items, by_mean, (of_groups * (z**2 - 1)).sum(axis=1)])


def _standardised(model: GroupedGrades) -> Array:
    """Abilities from the mean of each group in its standard deviations, (n_groups, n_grid)."""
    return np.asarray((GRID - model.means[:, None]) / model.sds[:, None], dtype=float)


def _likelihoods(logs: Array) -> Array:
    """Likelihoods in a unit of each respondent's own, the largest 1."""
    return np.asarray(np.exp(logs - logs.max(axis=0)), dtype=float)
