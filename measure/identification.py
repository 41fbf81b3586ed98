"""Is the model identified? Asked before the search, and named where it is not."""

import numpy as np
from numpy.typing import NDArray

from measure.errors import IdentificationError
from measure.model import Derivatives, Model
from measure.optimize import is_positive_definite

Array = NDArray[np.float64]

# Points at which the rank of the Jacobian is tried. A model that is identified almost everywhere
# has full rank at almost every point, so that one success settles it.
TRIALS = 4
RANK_TOLERANCE = 1e-9


def require_identified(model: Model, n_moments: int, start: Array) -> None:
    """Refuse a model whose parameters the moments cannot determine.

    Two conditions: no more free parameters than moments (the counting rule), and a Jacobian of the
    moments of full column rank at some point near the start (local identification; Bollen 1989,
    p. 246 f.; Bekker, Merckens & Wansbeek 1994).

    Raises
    ------
    IdentificationError
        Naming how many parameters are too many, or which ones can be traded against each other.
    """
    df = n_moments - model.n_free
    if df < 0:
        raise IdentificationError(
            f"{model.n_free} free parameters but only {n_moments} sample moments (df = {df}).\n"
            f"    Fix or equate at least {-df} parameter{'s' if df < -1 else ''}."
        )
    rng = np.random.default_rng(20_240_101)
    direction = np.zeros(0)
    for trial in range(TRIALS):
        # The start itself may be a special point (covariances of exactly 0), so it is jittered.
        spread = 0.1 * (trial + 1)
        point = start * (1 + rng.uniform(-spread, spread, len(start)))
        point = point + rng.uniform(-spread, spread, len(start)) * 0.1
        gram = _gram(model, point)
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


def _gram(model: Model, point: Array) -> Array:
    """Jacobian' Jacobian of the moments with respect to the parameters, over all blocks.

    With d sigma = u v' + v u' the inner product of two derivative matrices is
    2 [(u'a)(v'b) + (u'b)(v'a)], so that the Jacobian itself is never formed. Variables are put on
    their own implied scale, so that 10-point and 1000-point items count alike.
    """
    states = model.states(point)
    total = np.zeros((len(model.free_rows), len(model.free_rows)))
    for state, d in zip(states, model.derivatives(states), strict=True):
        sd = np.sqrt(np.abs(state.implied.sigma.diagonal()))
        scale = (1 / np.where(sd > 0, sd, 1.0))[:, None]
        total += gram(Derivatives(d.u * scale, d.v * scale, _scaled(d.d_mu, scale)))
    if model.restrictions.equal:
        _, slopes = model.restrictions.evaluate("equal", model.row_values(point))
        total = total + slopes.T @ slopes
    return model.reduction.reduce_matrix(total)


def _scaled(d_mu: Array | None, scale: Array) -> Array | None:
    return None if d_mu is None else d_mu * scale


def gram(d: Derivatives) -> Array:
    """Inner products of one block's moment derivatives, (n_elements, n_elements)."""
    mixed = d.u.T @ d.v
    products = 2 * ((d.u.T @ d.u) * (d.v.T @ d.v) + mixed * mixed.T)
    return products if d.d_mu is None else products + d.d_mu.T @ d.d_mu
