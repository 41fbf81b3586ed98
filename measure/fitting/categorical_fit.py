"""Robust CFI, TLI and RMSEA of models for ordered items (Savalei 2021).

Least squares with weights from the data says little about how large the misfit is. The model is
therefore judged, at its estimates, by the likelihood discrepancy of correlation matrices,

    T = N (log|P| - log|R| + tr(R P^-1) - p),

with R the polychoric and P the implied correlations. Its mean where the model holds is tr(M'VM
Gamma) with V the likelihood weight of correlations, Gamma their asymptotic covariance and M what
the fit leaves of a change in the sample: I - D (D'WD)^-1 D'W, with W the weights of the fit
(Savalei 2021, eqs 12 to 14).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.chisquare import Statistic
from measure.estimators import normal
from measure.fitting.inference import inverse, moment_covariance, weigh, weights
from measure.fitting.problem import Point
from measure.moments import Moments

Array = NDArray[np.float64]
# Smallest eigenvalue of a correlation matrix that still has a likelihood.
SINGULAR = 1e-8
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
    change = np.vstack([jacobian[:n] for jacobian in point.jacobians]) @ point.basis
    return int(np.linalg.matrix_rank(change)) == len(change)


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
    keep = np.tile(layout.is_covariance, len(moments.n_obs))
    gamma, change = moment_covariance(point), np.vstack(point.jacobians) @ point.basis
    pressed = weigh(weights(point), change)
    bread = inverse(change.T @ pressed)
    nothing = [np.eye(len(one.sigma)) for one in moments.sample]
    own = _Judged([one.sigma for one in point.implied], NAN, test.df)
    if bread is not None:
        # What the fit leaves of a change in the correlations, whose covariance that is.
        left = np.eye(len(gamma))[keep] - change[keep] @ (bread @ pressed.T)
        own = own._replace(spread=left @ gamma @ left.T)
    base_spread = gamma[np.ix_(keep, keep)]
    return (
        _judge(moments, own),
        _judge(moments, _Judged(nothing, base_spread, base.df)),
    )


class _Judged(NamedTuple):
    """Implied correlations of each group, covariance of their residuals, degrees of freedom."""

    implied: Sequence[Array]
    spread: Array | float
    df: int


def _judge(moments: Moments, own: _Judged) -> Statistic:
    """Give the likelihood discrepancy with its mean."""
    sample = [one.sigma for one in moments.sample]
    # A likelihood of N rows, whatever the least squares count.
    chisq = moments.n_total * _distance(sample, own.implied, moments.shares)
    mean = float(np.sum(_likelihood_weight(own.implied, moments.shares) * own.spread))
    factor = mean / own.df
    return Statistic("standard", chisq, own.df, chisq / factor, own.df, factor, trace=mean)


def _distance(sample: Sequence[Array], model: Sequence[Array], shares: Array) -> float:
    """Likelihood discrepancy of correlation matrices, over all groups."""
    total = 0.0
    for share, R, P in zip(shares, sample, model, strict=True):
        logs = np.linalg.slogdet(P)[1] - np.linalg.slogdet(R)[1]
        total += share * (logs + np.trace(np.linalg.solve(P, R)) - len(R))
    return float(total)


def _likelihood_weight(model: Sequence[Array], shares: Array) -> Array:
    """Likelihood weights of the correlations of all groups, block by block."""
    blocks = []
    for share, P in zip(shares, model, strict=True):
        a, b = np.triu_indices(len(P))
        off = a != b
        blocks.append(share * normal.weight(P, means=False)[np.ix_(off, off)])
    size = len(blocks[0])
    stacked = np.zeros((size * len(blocks),) * 2)
    for k, block in enumerate(blocks):
        place = slice(k * size, (k + 1) * size)
        stacked[place, place] = block
    return stacked
