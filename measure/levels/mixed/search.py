"""The search for the variances, on their boundary too."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from measure.errors import ConvergenceError
from measure.levels.mixed.design import Design
from measure.levels.mixed.elimination import Direction, eliminate
from measure.levels.mixed.likelihood import Likelihood, Near, Regression
from measure.optimize import minimize

Array = NDArray[np.float64]

START = 0.4
"""Standard deviations of random effects at the start, over the residual one."""

NOTHING = 1e-4
"""A relative standard deviation below this is 0: its share of the variance is below 1e-8."""

AGAIN = 3
"""How often a variance that was found at 0 but has its best place elsewhere is searched anew."""


@dataclass(frozen=True, eq=False)
class Solution:
    """The best entries of the factors.

    Attributes
    ----------
    near
        The likelihood there.
    boundary
        Entries of the diagonals that are 0, (m,).
    """

    near: Near
    boundary: NDArray[np.bool_]

    @property
    def sigma(self) -> float:
        """Residual standard deviation, in units of the design."""
        return self.near.sigma

    @property
    def loglik(self) -> float:
        """Log-likelihood, the restricted one where that was asked for."""
        return -(self.near.deviance + self.near.likelihood.constant) / 2


def solve(design: Design, *, restricted: bool, start: Array | None = None) -> Solution:
    """Find the variances with the highest likelihood.

    Parameters
    ----------
    design
        The model.
    restricted
        Whether to maximise the restricted likelihood.
    start
        Entries of the factors to begin with.

    Raises
    ------
    ConvergenceError
        The search ended elsewhere than in a minimum.

    Notes
    -----
    d is even in every column of a factor, so that 0 is a stationary point of the search wherever
    the best variance lies. Where it ends there, the derivative by the variance itself is looked at:
    if that is negative, the search begins anew from above 0.
    """
    likelihood = Likelihood(design, restricted)
    diagonal = np.array([place.row == place.column for place in likelihood.places])
    entries = np.where(diagonal, START, 0.0) if start is None else start
    for _ in range(AGAIN):
        found = minimize(likelihood, _near_minimum(likelihood, entries))
        entries = found.params
        small = diagonal & (np.abs(entries) < NOTHING)
        if not small.any():
            break
        entries = np.where(small, 0.0, entries)
        rising = small & (_by_variances(likelihood, entries) < -1e-8)
        if not rising.any():
            break
        entries = np.where(rising, START / 2, entries)
    upright = _upright(likelihood, entries)
    same = found.here is not None and np.array_equal(upright, found.params)
    near = cast(Near, found.here) if same else likelihood.at(upright)
    if not found.converged:
        raise ConvergenceError(
            f"the search for the variances ended before its minimum: {found.message}. Leave out "
            "a slope or a level, or bring slopes to a scale on which they vary by about 1.",
            near,
        )
    return Solution(near, diagonal & (np.abs(near.entries) < NOTHING))


def _near_minimum(likelihood: Likelihood, start: Array) -> Array:
    """Go most of the way by gradients alone, of which a Hessian takes two an entry."""
    from scipy.optimize import minimize as descend

    def function(entries: Array) -> Any:
        near = likelihood.at(entries)
        slope = near.slope
        return (near.value, slope) if np.isfinite(near.value) else (1e10, np.zeros(len(slope)))

    # As if each level stood alone and its units had equal sizes: the information on a standard
    # deviation relative to itself is twice the number of units, times the squared reliability.
    design = likelihood.design
    guess = np.empty(len(start))
    for i, place in enumerate(likelihood.places):
        n_units = design.terms[place.term].n_units
        size = design.n_obs / n_units
        reliability = size * START**2 / (1 + size * START**2)
        guess[i] = design.n_obs * START**2 / (2 * n_units * reliability**2)
    options: Any = {"gtol": 1e-7, "hess_inv0": np.diag(guess), "maxiter": 200}
    return np.asarray(descend(function, start, jac=True, method="BFGS", options=options).x)


def _upright(likelihood: Likelihood, entries: Array) -> Array:
    """Turn the columns of the factors so that their diagonals are not negative."""
    turned = entries.copy()
    for i, place in enumerate(likelihood.places):
        if place.row == place.column and entries[i] < 0:
            for j, other in enumerate(likelihood.places):
                if (other.term, other.column) == (place.term, place.column):
                    turned[j] = -turned[j]
    return turned


def _by_variances(likelihood: Likelihood, entries: Array) -> Array:
    """Derivatives of the discrepancy by the conditional variances of the effects, (m,).

    Zero for entries off the diagonal.
    """
    found = np.zeros(len(entries))
    directions, which = [], []
    for i, place in enumerate(likelihood.places):
        if place.row == place.column:
            change = np.zeros((likelihood.design.terms[place.term].width,) * 2)
            change[place.row, place.row] = 1.0
            directions.append(Direction(place.term, change))
            which.append(i)
    gone = eliminate(likelihood.design, likelihood.factors(entries), directions)
    d_logdet, d_rest = likelihood.partial(gone)
    found[which] = d_logdet + likelihood.nu * d_rest / Regression(gone.H).rest
    return found / (2 * likelihood.design.n_obs)
