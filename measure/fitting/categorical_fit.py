"""Robust CFI, TLI and RMSEA of models for ordered items (Savalei 2021).

Least squares with weights from the data says little about how large the misfit is. The model is
therefore judged, at its estimates, by the likelihood discrepancy of correlation matrices,

    T = N (log|P| - log|R| + tr(R P^-1) - p),

with R the polychoric and P the implied correlations. Its mean where the model holds is tr(M'VM
Gamma) with V the likelihood weight of correlations, Gamma their asymptotic covariance and M what
the fit leaves of a change in the sample: I - D (D'WD)^-1 D'W, with W the weights of the fit
(Savalei 2021, eqs 12 to 14).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.chisquare import Statistic
from measure.estimators import normal
from measure.fitting.inference import (
    gathered,
    inverse,
    moment_covariance,
    moment_root,
    spread_over,
    weigh,
    weights,
)
from measure.fitting.problem import Point
from measure.moments import Moments
from measure.optimize import is_positive_definite

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
# Smallest eigenvalue of a correlation matrix that still has a likelihood.
SINGULAR = 1e-8
# Squared share of a threshold's derivatives, below which others determine it.
DEPENDENT = 1e-10
NAN = float("nan")


def unavailable(point: Point) -> str | None:
    """Say why there are no robust indices; None where there are."""
    moments, model = point.problem.moments, point.problem.model
    if moments.level_layout is not None:
        return "they are defined for one level"
    layout = moments.layout
    assert layout is not None
    if len(layout.continuous):
        return "some items are continuous"
    smallest = min(np.linalg.eigvalsh(sample.sigma)[0] for sample in moments.sample)
    if smallest < SINGULAR:
        return "the polychoric correlation matrix is not positive definite"
    if not _thresholds_are_free(point):
        return "thresholds are not all free (equated or fixed)"
    if any(np.linalg.eigvalsh(implied.sigma)[0] < SINGULAR for implied in point.implied):
        return "the implied correlation matrix is not positive definite"
    assert model.table.ordered is not None
    return None


def _thresholds_are_free(point: Point) -> bool:
    """Whether the model reproduces any thresholds, so that they leave nothing to test."""
    layout = point.problem.moments.layout
    assert layout is not None
    n = len(layout.items)
    change = np.vstack([jacobian[:n] for jacobian in point.jacobians_along])
    size = np.linalg.norm(change, axis=1)
    if not size.all():
        return False
    unit = change / size[:, None]
    # Their squares: a threshold that others determine leaves nothing but rounding.
    return is_positive_definite(unit @ unit.T - DEPENDENT * np.eye(len(unit)))


def robust_tests(point: Point, test: Statistic, base: Statistic) -> tuple[Statistic, Statistic]:
    """Give the likelihood discrepancies of the model and of its baseline, with their means.

    Parameters
    ----------
    point
        The model at its estimates.
    test, base
        Their tests, whose degrees of freedom are taken.
    """
    moments, layout = point.problem.moments, point.problem.moments.layout
    assert layout is not None
    own = np.flatnonzero(layout.is_covariance)
    places = [own + k * layout.size for k in range(len(moments.n_obs))]
    root = moment_root(point)
    if root is None:
        gamma = moment_covariance(point)
        alone = [gamma[np.ix_(rows, rows)] for rows in places]
        left = _left(point, gamma, places)
    else:
        alone = _blocks(root, places)
        left = _left_of_root(point, root, places)
    implied = [one.sigma for one in point.implied]
    return (
        _judge(moments, _Judged(implied, left, test.df)),
        _judge(moments, _Judged(None, alone, base.df)),
    )


def _left(point: Point, gamma: Array, places: Sequence[Indices]) -> list[Array] | None:
    """Covariances of what the fit leaves of the correlations of each group; None without a fit.

    They are blocks of L Gamma L' with L = I - D (D'WD)^-1 D'W, of which the whole is not formed.
    """
    change, parts, bread = _moved(point)
    if bread is None:
        return None
    spread = spread_over(gamma, parts)
    turned = bread @ spread.T
    middle = bread @ gathered(parts, spread) @ bread
    blocks = []
    for rows in places:
        slopes = change[rows]
        moved = slopes @ turned[:, rows]
        taken = slopes @ middle @ slopes.T - moved - moved.T
        blocks.append(gamma[np.ix_(rows, rows)] + taken)
    return blocks


def _left_of_root(point: Point, root: Array, places: Sequence[Indices]) -> list[Array] | None:
    """Give the same from F with Gamma = F F': blocks of L F (L F)'."""
    change, parts, bread = _moved(point)
    if bread is None:
        return None
    return _blocks(root - change @ (bread @ gathered(parts, root)), places)


def _blocks(root: Array, places: Sequence[Indices]) -> list[Array]:
    return [root[rows] @ root[rows].T for rows in places]


def _moved(point: Point) -> tuple[Array, list[Array], Array | None]:
    """Give D, the parts of W D of each group, and (D'WD)^-1, None where that is singular."""
    change, own = np.vstack(point.jacobians_along), weights(point)
    pressed = weigh(own, change)
    parts = np.split(pressed, np.cumsum([len(weight) for weight in own])[:-1])
    return change, parts, inverse(change.T @ pressed)


class _Judged(NamedTuple):
    """Implied correlations of each group, covariances of their residuals, degrees of freedom.

    No implied correlations are those of a model in which nothing correlates.
    """

    implied: Sequence[Array] | None
    spread: Sequence[Array] | None
    df: int


def _judge(moments: Moments, own: _Judged) -> Statistic:
    """Give the likelihood discrepancy with its mean."""
    sample = [one.sigma for one in moments.sample]
    # A likelihood of N rows, whatever the least squares count.
    chisq = moments.n_total * _distance(sample, own.implied, moments.shares)
    mean = NAN if own.spread is None else _mean(own.implied, own.spread, moments.shares)
    factor = mean / own.df
    return Statistic("standard", chisq, own.df, chisq / factor, own.df, factor, trace=mean)


def _mean(implied: Sequence[Array] | None, spread: Sequence[Array], shares: Array) -> float:
    """Mean of the likelihood discrepancy where the model holds, over all groups."""
    if implied is None:
        # Correlations of 0 weigh alike, and by themselves.
        return float(shares @ [np.trace(own) for own in spread])
    pairs = zip(_likelihood_weights(implied, shares), spread, strict=True)
    return sum(float(np.sum(weight * own)) for weight, own in pairs)


def _distance(sample: Sequence[Array], model: Sequence[Array] | None, shares: Array) -> float:
    """Likelihood discrepancy of correlation matrices, over all groups."""
    if model is None:
        return -float(shares @ [np.linalg.slogdet(R)[1] for R in sample])
    total = 0.0
    for share, R, P in zip(shares, sample, model, strict=True):
        logs = np.linalg.slogdet(P)[1] - np.linalg.slogdet(R)[1]
        total += share * (logs + np.trace(np.linalg.solve(P, R)) - len(R))
    return float(total)


def _likelihood_weights(model: Sequence[Array], shares: Array) -> Iterator[Array]:
    """Likelihood weights of the correlations of each group."""
    for share, P in zip(shares, model, strict=True):
        a, b = np.triu_indices(len(P))
        off = a != b
        yield share * normal.weight(P, means=False)[np.ix_(off, off)]
