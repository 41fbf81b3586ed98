"""The search for the minimum of a discrepancy, and a record of how it ended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv, dpotrf

Array = NDArray[np.float64]

# Searches that arrive need far fewer; those that do not run off towards infinite estimates.
MAX_ITERATIONS = 300
# The search ends when the next step promises to lower the discrepancy by less than this. The
# discrepancy is of order 1, so that the rounding of a double (2e-16) is two digits below.
TOLERANCE = 1e-14
# A search that cannot go down any more has still arrived if this little is left to gain: the
# chi-square is then right to 1e-9 N.
ACCEPTABLE = 1e-9
LARGEST_DAMPING = 1e10
# Starts that are compared where the first minimum is an impossible solution.
STARTS_IF_IMPROPER = 3


# Far from the minimum the expected Hessian gives the better steps, near it the exact one, which
# turns the linear convergence of scoring into a quadratic one. The change is made after a step that
# promised less than `SOON`, or instead of one that promises less than `NEAR`.
SOON = 1e-1
NEAR = 3e-3
# Newton's steps square what is left to gain, up to a factor of 3 to 30 in the models of the tests,
# so that the one after such a step would be lost in rounding: it is not looked for.
LAST = 1e-9


class Local(Protocol):
    """A function at one point; what is not asked for is not computed."""

    @property
    def value(self) -> float:
        """Give the function; infinity where it is not defined."""

    @property
    def slope(self) -> Array:
        """Give the gradient."""

    @property
    def expected_curvature(self) -> Array:
        """Give the expected Hessian, which is positive semi-definite."""

    @property
    def exact_curvature(self) -> Array | None:
        """Give the Hessian; None where it is not worked out."""


class Objective(Protocol):
    """A function to minimise."""

    def at(self, params: Array) -> Local:
        """Give the function near a point."""


@dataclass(frozen=True, eq=False)
class Search:
    """Where a search ended: `gradient` of the function there, and whether that is a minimum.

    `here` is the function at that point, where the search has it.
    """

    params: Array
    value: float
    gradient: Array
    converged: bool
    iterations: int
    message: str
    here: Local | None = None


def minimize(
    objective: Objective,
    start: Array,
    *,
    here: Local | None = None,
    max_iterations: int = MAX_ITERATIONS,
    dear: bool = False,
) -> Search:
    """Fisher scoring with Levenberg damping, and Newton's method near the end.

    The step solves (H + c diag H) step = -gradient with H the Hessian. The damping c falls after
    a step that lowers the function and grows after one that does not, so that the search never
    goes uphill and cannot leave the region where the function is defined (Nocedal & Wright 2006,
    section 10.3).

    Parameters
    ----------
    objective
        The function to minimise.
    start
        Where to begin, (n_params,); the function has to be finite there.
    here
        The function at the start, where it has been looked at before.
    max_iterations
        After so many slopes the search gives up.
    dear
        Whether the exact Hessian costs many times what a slope does. It is then brought up to date
        by what each step does to the slope (BFGS; Nocedal & Wright 2006, eq. 6.19), and worked out
        again only where a step of it does not go down.
    """
    params, here = start, here or objective.at(start)
    gradient = np.full(len(start), np.inf)
    damping, iteration, near = 0.0, 0, False
    updated: Array | None = None
    if not np.isfinite(here.value):
        return Search(
            params, here.value, gradient, False, 0, "the starting values are not admissible"
        )
    for iteration in range(1, max_iterations + 1):
        gradient = here.slope
        curvature, near = (updated, True) if updated is not None else _curvature(here, near)
        step, gain = _step(gradient, curvature, damping)
        if gain < NEAR and not near and gain >= TOLERANCE:
            curvature, near = _curvature(here, True)
            if near:
                step, gain = _step(gradient, curvature, damping)
        if gain < TOLERANCE:
            return Search(params, here.value, gradient, True, iteration, "converged", here)
        while (there := objective.at(params + step)).value >= here.value:
            if updated is not None and gain >= ACCEPTABLE:
                updated = None
                curvature, near = _curvature(here, True)
                step, gain = _step(gradient, curvature, damping)
                continue
            if gain < ACCEPTABLE:
                return Search(params, here.value, gradient, True, iteration, "converged", here)
            if damping > LARGEST_DAMPING:
                return Search(
                    params, here.value, gradient, False, iteration, "no step goes downhill"
                )
            damping = max(10 * damping, 1e-3)
            step, gain = _step(gradient, curvature, damping)
        damping = 0.0 if damping < 1e-3 else damping / 10
        exact = near and updated is None
        if dear and near:
            updated = _updated(curvature, step, there.slope - gradient)
        params, here = params + step, there
        near = near or gain < SOON
        if exact and gain < LAST and damping == 0.0:
            return Search(params, here.value, here.slope, True, iteration, "converged", here)
    return Search(
        params, here.value, gradient, False, iteration, f"stopped after {iteration} iterations"
    )


def _curvature(here: Local, near: bool) -> tuple[Array, bool]:
    """Give the exact Hessian near the minimum where it is positive definite, else the expected."""
    if near:
        exact = here.exact_curvature
        if exact is not None and is_positive_definite(exact):
            return exact, True
    return here.expected_curvature, False


def _updated(curvature: Array, step: Array, turned: Array) -> Array | None:
    """Bring a Hessian up to date by what a step did to the slope; None where that bent down."""
    bent, pressed = float(turned @ step), curvature @ step
    if bent <= 0:
        return None
    pairs = ((turned, bent), (pressed, -float(step @ pressed)))
    return np.asarray(curvature + sum(np.outer(one, one) / size for one, size in pairs))


def is_positive_definite(matrix: Array) -> bool:
    """Say whether a symmetric matrix has positive eigenvalues only; an empty one does."""
    # Transposed, a matrix is in the order of LAPACK.
    return bool(dpotrf(matrix.T)[1] == 0)


def _step(gradient: Array, curvature: Array, damping: float) -> tuple[Array, float]:
    """Solve for the step, and say how much it would lower a quadratic function.

    It is solved in units in which the curvature has a diagonal of 1, so that parameters of any size
    count alike.
    """
    if not len(gradient):
        return gradient, 0.0
    diagonal = curvature.diagonal()
    unit = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    damped = curvature * (unit[:, None] * unit)
    if damping:
        damped = damped + damping * np.eye(len(unit))
    slope = gradient * unit
    _, step, indefinite = dposv(damped.T, -slope)
    if indefinite:
        step = _solved(damped, -slope)
    gain = float(-slope @ step) / 2
    if gain < 0:
        # Rounding made the curvature indefinite; its positive part still points downhill.
        step = -np.linalg.pinv(damped, rcond=1e-10, hermitian=True) @ slope
        gain = abs(float(slope @ step)) / 2
    return np.asarray(step * unit), gain


def _solved(curvature: Array, slope: Array) -> Array:
    """Solve for a step where the curvature is not positive definite, or singular."""
    try:
        return np.asarray(np.linalg.solve(curvature, slope), dtype=float)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(curvature, slope)[0], dtype=float)


def search_from_several(
    search: Callable[[Array], Search],
    starts: list[Callable[[], Array]],
    proper: Callable[[Search], bool],
) -> tuple[Search, int]:
    """Try one start after the other until a search converges; say how many were tried.

    Where a minimum is not `proper`, an impossible solution, the next starts are tried too, and the
    lowest minimum counts: discrepancies have local minima there above all. Where no search
    converges, the one with the lowest value is given.
    """
    best: Search | None = None
    for attempt, start in enumerate(starts, start=1):
        found = search(start())
        if best is None or (not found.converged, found.value) < (not best.converged, best.value):
            best = found
        if found.converged and (proper(found) or attempt >= STARTS_IF_IMPROPER):
            return best, attempt
    assert best is not None
    return best, len(starts)
