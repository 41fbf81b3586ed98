"""The search for many minima at once: one model, many samples, one start.

A bootstrap fits the same model to hundreds of samples that hardly differ. Each fit is a few small
matrix products, and what costs time is to call them one by one. Here every array carries a leading
dimension over samples, so that a step is taken for all of them by the same calls.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from measure.estimators.ml import LikelihoodAt, MaximumLikelihood
from measure.fitting.problem import Point, Problem
from measure.model import Block, Implied, Model
from measure.moments import Moments
from measure.optimize import SOON, TOLERANCE

Array = NDArray[np.float64]
Places = NDArray[np.intp]

MAX_ITERATIONS = 50
# A Newton step that promises less than this is the last one.
LAST = 1e-12


@dataclass(frozen=True, eq=False)
class StackedSearch:
    """Where the searches ended: `params` (n_samples, n_params), and F of each sample.

    Where `converged` (n_samples,) is False the values are NaN: that sample needs more care than
    this search takes, and nothing is said about whether it has a minimum.
    """

    params: Array
    values: Array
    converged: NDArray[np.bool_]


def stackable(problem: Problem) -> bool:
    """Say whether samples of a problem can be fitted together.

    They can for the likelihood of complete answers, without inequalities and nonlinear equations,
    and where no equation involves a moment that fixed.x takes from the sample.
    """
    rows = problem.model.table.parameters
    return (
        isinstance(problem.discrepancy, MaximumLikelihood)
        and not problem.model.restrictions
        and not any(rows[k].exogenous for tie in problem.model.table.ties for k in tie)
    )


def minimize_stack(model: Model, moments: Moments, start: Array) -> StackedSearch:
    """Minimise the maximum likelihood discrepancy of many samples from one start.

    The steps are those of `optimize.minimize`: scoring, then Newton's method, damped where a step
    does not go downhill. A search ends with the Newton step that promises to lower F by less than
    `LAST`: the error is squared at each step, so that what is left is rounding.

    Parameters
    ----------
    model
        The model of the samples.
    moments
        Their moments, as `stacked` gives them, each covariance matrix positive definite.
    start
        Where all searches begin, (n_params,).
    """
    n_samples = len(moments.sample[0].sigma)
    params = np.full((n_samples, len(start)), np.nan)
    values = np.full(n_samples, np.nan)
    here = _at(model, moments, np.tile(start, (n_samples, 1)), np.arange(n_samples))
    # Outside the region where F is defined there is nothing to begin from.
    here, progress = here.only(np.isfinite(here.values)), _Progress.begin(n_samples)
    progress = progress.only(here.places)
    for _ in range(MAX_ITERATIONS):
        if not len(here.places):
            break
        step, gain, exact = _steps(here.point, progress)
        ended = (progress.damping == 0) & (gain < np.where(exact, LAST, TOLERANCE))
        params[here.places[ended]] = (here.point.params + step)[ended]
        values[here.places[ended]] = (here.values - gain)[ended]
        if ended.all():
            break
        left = ~ended
        there = _at(model, moments, (here.point.params + step)[left], here.places[left])
        downhill = there.values < here.values[left]
        progress = progress.after(gain < SOON, left, downhill)
        if not downhill.all():
            kept = np.where(downhill[:, None], there.point.params, here.point.params[left])
            there = _at(model, moments, kept, there.places)
        here = there
    return StackedSearch(params, values, np.isfinite(values))


class _Progress(NamedTuple):
    """Of each sample whether it is near its minimum, and the damping of its next step."""

    near: NDArray[np.bool_]
    damping: Array

    @classmethod
    def begin(cls, n_samples: int) -> "_Progress":
        """Far away, and not damped."""
        return cls(np.zeros(n_samples, dtype=bool), np.zeros(n_samples))

    def only(self, keep: Places) -> "_Progress":
        """Go on with some of the samples."""
        return _Progress(self.near[keep], self.damping[keep])

    def after(
        self, near: NDArray[np.bool_], left: NDArray[np.bool_], downhill: NDArray[np.bool_]
    ) -> "_Progress":
        """Go on with those that are `left`, of which some went `downhill`."""
        damping = self.damping[left]
        less = np.where(damping < 1e-3, 0.0, damping / 10)
        return _Progress(
            (self.near | near)[left], np.where(downhill, less, np.maximum(10 * damping, 1e-3))
        )


def _steps(point: Point, progress: _Progress) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Steps (n, n_params), how much each promises (n,), and whether by the exact Hessian (n,)."""
    exact, second = progress.near.copy(), None
    if exact.any() and (second := point.exact_curvature) is not None:
        exact[exact] = definite(second[exact])
    if second is None or not exact.any():
        curvature = point.expected_curvature
    else:
        curvature = np.where(exact[:, None, None], second, point.expected_curvature)
    if progress.damping.any():
        diagonal = np.diagonal(curvature, axis1=1, axis2=2) * progress.damping[:, None]
        curvature = curvature + diagonal[:, None] * np.eye(curvature.shape[-1])
    gradient = point.slope
    try:
        step = -np.linalg.solve(curvature, gradient[..., None])[..., 0]
    except np.linalg.LinAlgError:
        step = -(np.linalg.pinv(curvature, hermitian=True) @ gradient[..., None])[..., 0]
    gain = -(gradient * step).sum(axis=-1) / 2
    return np.asarray(step), np.asarray(gain), exact


@dataclass(frozen=True, eq=False)
class _Here:
    """Some of the samples, each at its own parameters; `values` infinite where F is not defined."""

    model: Model
    moments: Moments
    places: Places
    point: Point
    values: Array

    def only(self, keep: NDArray[np.bool_]) -> "_Here":
        """Go on with some of the samples."""
        if keep.all():
            return self
        return _at(self.model, self.moments, self.point.params[keep], self.places[keep])


def _at(model: Model, moments: Moments, params: Array, places: Places) -> _Here:
    """Evaluate the samples at `places`, with `moments` those of all."""
    own = moments if len(places) == len(moments.sample[0].sigma) else taken(moments, places)
    problem = Problem(model_of(model, own), own, MaximumLikelihood(own))
    point = problem.at(params)
    if point.evaluation is not None:
        assert isinstance(point.evaluation, LikelihoodAt)
        return _Here(model, moments, places, point, point.evaluation.values)
    # The implied moments of some samples are not positive definite; the others have values.
    values = np.full(len(places), np.inf)
    inside = np.all([definite(one.sigma) for one in point.implied], axis=0)
    if inside.any():
        values[inside] = _at(model, moments, params[inside], places[inside]).values
    return _Here(model, moments, places, point, values)


def definite(matrices: Array) -> NDArray[np.bool_]:
    """Say which of the symmetric matrices (n, p, p) are positive definite.

    NumPy's Cholesky fails for all where it fails for one, so that halves are tried apart.
    """
    if not len(matrices):
        return np.zeros(0, dtype=bool)
    try:
        np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.zeros(1, dtype=bool)
        middle = len(matrices) // 2
        return np.concatenate([definite(matrices[:middle]), definite(matrices[middle:])])
    return np.asarray(np.isfinite(matrices).all(axis=(-2, -1)))


def stacked(like: Moments, sample: tuple[Implied, ...], counts: tuple[Array, ...]) -> Moments:
    """Moments of many samples in the form of those of one.

    Parameters
    ----------
    like
        Moments of one sample, for the names of variables and groups.
    sample
        Per group, means (n_samples, p) and covariances (n_samples, p, p).
    counts
        Per group, what the covariances are divided by, (n_samples,).
    """
    # All that a discrepancy does with these numbers it does with arrays alike.
    numbers = cast(tuple[int, ...], counts)
    return Moments(like.names, like.groups, numbers, sample, numbers)


def taken(moments: Moments, places: Places) -> Moments:
    """Take some samples of a stack."""
    sample = tuple(
        Implied(None if one.mu is None else one.mu[places], one.sigma[places])
        for one in moments.sample
    )
    counts = tuple(np.asarray(count)[places] for count in moments.counts)
    return stacked(moments, sample, counts)


def model_of(model: Model, moments: Moments) -> Model:
    """Give a model the moments of exogenous variables from other samples, one or many."""
    if not any(row.exogenous for row in model.table.parameters):
        return model
    blocks = tuple(_block_of(block, model, moments) for block in model.blocks)
    return replace(model, blocks=blocks)


def _block_of(block: Block, model: Model, moments: Moments) -> Block:
    sample = moments.sample[model.blocks.index(block)]
    stack = sample.sigma.shape[:-2]
    template = dict(block.template)
    for name in ("psi", "alpha"):
        template[name] = np.broadcast_to(template[name], (*stack, *template[name].shape)).copy()
    for index, place in block.places.items():
        row = model.table.parameters[index]
        if not row.exogenous:
            continue
        i = block.observed.index(row.lhs)
        if row.op == "~1":
            assert sample.mu is not None
            template["alpha"][..., place.i, 0] = sample.mu[..., i]
        else:
            value = sample.sigma[..., i, block.observed.index(row.rhs)]
            template["psi"][..., place.i, place.j] = value
            template["psi"][..., place.j, place.i] = value
    return replace(block, template=template)


def row_values(model: Model, moments: Moments, params: Array) -> Array:
    """Value of every row of the table for each sample, (n_samples, n_rows)."""
    rows = model.table.parameters
    values = np.tile(model.values, (len(params), 1))
    values[:, list(model.free_rows)] = model.elements(params)
    for block in model_of(model, moments).blocks:
        for index, place in block.places.items():
            if rows[index].exogenous:
                values[:, index] = block.template[place.matrix][..., place.i, place.j]
    return values
