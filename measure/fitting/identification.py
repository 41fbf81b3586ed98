"""Is the model identified? Asked before the search, and named where it is not."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from measure.errors import IdentificationError
from measure.fitting.inference import gathered
from measure.fitting.problem import Point
from measure.model import Derivatives
from measure.optimize import is_positive_definite

Array = NDArray[np.float64]

# Points at which the rank of the Jacobian is tried. A model that is identified almost everywhere
# has full rank at almost every point, so that one success settles it.
TRIALS = 4
RANK_TOLERANCE = 1e-9


def require_identified(start: Point) -> None:
    """Refuse a model whose parameters the moments cannot determine.

    Two conditions: no more free parameters than moments (the counting rule), and a Jacobian of the
    moments of full column rank at some point near the start (local identification; Bollen 1989,
    p. 246 f.; Bekker, Merckens & Wansbeek 1994).

    Raises
    ------
    IdentificationError
        Naming how many parameters are too many, or which ones can be traded against each other.
    """
    model, df = start.problem.model, start.problem.df
    if df < 0:
        raise IdentificationError(
            f"{model.n_free} free parameters but only {df + model.n_free} sample moments "
            f"(df = {df}).\n"
            f"    Fix or equate at least {-df} parameter{'s' if df < -1 else ''}."
        )
    direction = np.zeros(0)
    for point in _near(start):
        gram = _gram(point)
        scale = np.sqrt(np.maximum(gram.diagonal(), np.finfo(float).tiny))
        unit = gram / (scale[:, None] * scale)
        # The largest eigenvalue is at most q, so that this is the rank of the Jacobian.
        if is_positive_definite(unit - RANK_TOLERANCE * len(unit) * np.eye(len(unit))):
            return
        direction = np.linalg.eigh(unit)[1][:, 0]
    involved = [
        str(model.table.parameters[model.free_rows[element]])
        for element, weight in zip(model.reduction.kept, direction, strict=True)
        if abs(weight) > 0.05
    ]
    raise IdentificationError(
        "the model is not identified: different values of these parameters imply the same "
        f"moments: {', '.join(involved)}.\n    Fix one of them, or equate two."
    )


def _near(start: Point) -> Iterator[Point]:
    """Give the start, and points around it: it may be a special one (covariances of exactly 0)."""
    yield start
    rng, params = np.random.default_rng(20_240_101), start.params
    for trial in range(1, TRIALS):
        spread = 0.1 * trial
        jittered = params * (1 + rng.uniform(-spread, spread, len(params)))
        yield start.problem.at(jittered + rng.uniform(-spread, spread, len(params)) * 0.1)


def _gram(point: Point) -> Array:
    """Jacobian' Jacobian of the moments with respect to the parameters, over all blocks.

    With d sigma = u v' + v u' the inner product of two derivative matrices is
    2 [(u'a)(v'b) + (u'b)(v'a)], so that the Jacobian itself is never formed. Variables are put on
    their own implied scale, so that 10-point and 1000-point items count alike.
    """
    model = point.problem.model
    total = np.zeros((len(model.free_rows), len(model.free_rows)))
    if point.problem.moments.level_layout is not None:
        # Responses have no units.
        total = sum((slope.T @ slope for slope in point.jacobians), total)
        return model.reduction.reduce_matrix(total + _held(point))
    if point.problem.moments.layout is not None and not model.restrictions:
        return point.products_along
    means = []
    for state, d in zip(point.states, point.derivatives, strict=True):
        if d.scale is not None:
            # Thresholds and correlations have no units; those of continuous variables cancel below.
            total += gathered([d.jacobian], d.jacobian)
            continue
        sd = np.sqrt(np.abs(state.implied.sigma.diagonal()))
        scale = (1 / np.where(sd > 0, sd, 1.0))[:, None]
        total += gram(Derivatives(d.u * scale, d.v * scale, None))
        if d.d_mu is not None:
            means.append(d.d_mu * scale)
    for slope in model.added_over_levels(means):
        total += slope.T @ slope
    return model.reduction.reduce_matrix(total + _held(point))


def _held(point: Point) -> Array:
    """Inner products of the derivatives of nonlinear equations, which hold the parameters too."""
    model = point.problem.model
    if not model.restrictions.n_equal:
        return np.zeros((len(model.free_rows), len(model.free_rows)))
    _, slopes = model.restrictions.evaluate("equal", model.row_values(point.params))
    return np.asarray(slopes.T @ slopes)


def gram(d: Derivatives) -> Array:
    """Inner products of one block's moment derivatives, (n_elements, n_elements)."""
    mixed = d.u.T @ d.v
    products = 2 * ((d.u.T @ d.u) * (d.v.T @ d.v) + mixed * mixed.T)
    return products if d.d_mu is None else products + d.d_mu.T @ d.d_mu
