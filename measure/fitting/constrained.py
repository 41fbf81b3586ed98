"""The search where inequalities or nonlinear equations restrict the parameters."""

from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from measure.model import ACTIVE, Model
from measure.optimize import TOLERANCE, Objective, Search

Array = NDArray[np.float64]

MAX_ITERATIONS = 500
POLISHING_STEPS = 100
# Stands for "not defined" in the line search, which needs a number.
VERY_FAR = 1e8


class Restricted(Objective, Protocol):
    """An objective over the parameters of a model with restrictions."""

    @property
    def model(self) -> Model:
        """Give the model."""


def minimize_restricted(objective: Restricted, start: Array) -> Search:
    """Sequential quadratic programming (SciPy's SLSQP; Kraft 1988), then Newton on the active set.

    The second part takes the inequalities that hold as equations for equations, steps along their
    tangent and back onto them, and makes the result as sharp as that of an unrestricted search.

    Parameters
    ----------
    objective
        The discrepancy of a model.
    start
        Where to begin, (n_params,); it may break the restrictions.
    """
    from scipy.optimize import minimize

    curvature = np.diag(objective.at(start).expected_curvature)
    unit = 1 / np.sqrt(np.where(curvature > 0, curvature, 1.0))

    def value(x: Array) -> float:
        found = objective.at(x * unit).value
        return found if np.isfinite(found) else VERY_FAR

    def gradient(x: Array) -> Array:
        return np.asarray(objective.at(x * unit).slope * unit)

    def restriction(kind: str) -> dict[str, Any]:
        return {
            "type": "eq" if kind == "equal" else "ineq",
            "fun": lambda x: _restrictions(objective.model, x * unit, kind)[0],
            "jac": lambda x: _restrictions(objective.model, x * unit, kind)[1] * unit,
        }

    own = objective.model.restrictions
    kinds = [k for k, n in (("equal", own.n_equal), ("positive", len(own.positive))) if n]
    found = minimize(
        value,
        start / unit,
        jac=gradient,
        method="SLSQP",
        constraints=cast(Any, [restriction(kind) for kind in kinds]),
        options={"maxiter": MAX_ITERATIONS, "ftol": 1e-13},
    )
    return _polish(objective, found.x * unit, int(found.nit))


def _restrictions(model: Model, params: Array, kind: str) -> tuple[Array, Array]:
    """Values (m,) and derivatives (m, n_params) of the restrictions of one kind."""
    values, slopes = model.restrictions.evaluate(kind, model.row_values(params))
    return values, model.reduction.reduce_gradient(slopes)


def _polish(objective: Restricted, params: Array, iterations: int) -> Search:
    """Newton's method on the restrictions that hold; also judges whether the end is a minimum."""
    here = objective.at(params)
    message = "the restrictions could not be met"
    for _ in range(POLISHING_STEPS):
        iterations += 1
        values, slopes = _restrictions(objective.model, params, "equal")
        gaps, others = _restrictions(objective.model, params, "positive")
        held = gaps < ACTIVE
        values, slopes = np.append(values, gaps[held]), np.vstack([slopes, others[held]])
        gradient, curvature = here.slope, here.expected_curvature
        system = np.block([[curvature, slopes.T], [slopes, np.zeros((len(slopes),) * 2)]])
        solution = np.linalg.lstsq(system, -np.append(gradient, values))[0]
        step, multipliers = solution[: len(params)], -solution[len(params) :]
        pushing = multipliers[len(multipliers) - int(held.sum()) :]
        gain = float(step @ curvature @ step) / 2
        if gain < TOLERANCE and np.all(np.abs(values) < 1e-8):
            if len(gaps) and gaps.min() < -ACTIVE:
                break
            if len(pushing) and pushing.min() < -1e-6:
                message = "a restriction holds that the data push away from"
                break
            left = gradient - slopes.T @ multipliers
            return Search(params, here.value, left, True, iterations, "converged")
        while not np.isfinite(objective.at(params + step).value) and np.abs(step).max() > 1e-12:
            step = step / 2
        params = params + step
        here = objective.at(params)
    return Search(params, here.value, here.slope, False, iterations, message)
