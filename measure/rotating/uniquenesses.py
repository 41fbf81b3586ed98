"""The search over uniquenesses: discrepancies with the loadings minimised out, and Newton's method.

With M = R - Ψ (minres) or M = Ψ^-½ R Ψ^-½ (likelihood, generalised least squares) the best loadings
for given uniquenesses are the first eigenvectors of M, and what is left of the discrepancy is a
function of its other eigenvalues (Harman & Jones 1966; Jöreskog 1967; Jöreskog & Goldberger 1972).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The smallest uniqueness the search may try, as in factanal: below it the ML discrepancy has no
# minimum, and a solution that ends here is reported as a Heywood case.
LOWEST_UNIQUENESS = 0.005
MAX_ITERATIONS = 2000
# Newton steps before a slower search takes over, and the gradient at which they end.
NEWTON_STEPS, SHARP = 50, 1e-11


@dataclass(frozen=True)
class Discrepancy:
    """A discrepancy as a function of the eigenvalues that factors do not take up.

    Attributes
    ----------
    value
        Of each eigenvalue.
    slope, bend
        h and its derivative times the eigenvalue (likelihoods), or plain (minres): h is the
        derivative of the value by the logarithm of the eigenvalue, or by the eigenvalue.
    least
        What an eigenvalue has to exceed for a factor to take it up.
    scaled
        Whether M = Ψ^-½ R Ψ^-½ in place of R - Ψ.
    """

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    bend: Callable[[Array], Array]
    least: float
    scaled: bool

    def spectrum(self, psi: Array, R: Array) -> tuple[Array, Array]:
        """Eigenvalues, ascending, and eigenvectors of M at uniquenesses `psi` (n_items,)."""
        if not self.scaled:
            values, vectors = np.linalg.eigh(R - np.diag(psi))
            return values, vectors
        root = np.sqrt(psi)
        values, vectors = np.linalg.eigh(R / np.outer(root, root))
        return values, vectors

    def __call__(self, psi: Array, R: Array, n_factors: int) -> tuple[float, Array]:
        """Value, minimised over the loadings, and its gradient with respect to `psi`.

        Parameters
        ----------
        psi
            Uniquenesses, `(n_items,)`.
        R
            Correlation matrix, `(n_items, n_items)`.
        n_factors
            Number of factors.
        """
        values, vectors = self.spectrum(psi, R)
        left = self._left(values, n_factors)
        gradient = -(vectors**2) @ self.slope(left)
        return float(self.value(left).sum()), gradient / psi if self.scaled else gradient

    def _left(self, values: Array, n_factors: int) -> Array:
        """Eigenvalues that factors leave; they only take up what exceeds `least`."""
        left = values.copy()
        left[-n_factors:] = np.minimum(left[-n_factors:], self.least)
        return left

    def total(self, values: Array, n_factors: int) -> float:
        """Value at eigenvalues (n_items,), minimised over the loadings."""
        return float(self.value(self._left(values, n_factors)).sum())

    def loadings(self, psi: Array, R: Array, n_factors: int) -> Array:
        """Best loadings for given uniquenesses, `(n_items, n_factors)`, largest factor first."""
        values, vectors = self.spectrum(psi, R)
        sizes = np.sqrt(np.maximum(values[-n_factors:] - self.least, 0.0))
        found = vectors[:, -n_factors:] * sizes
        if self.scaled:
            found = np.sqrt(psi)[:, None] * found
        reversed_: Array = found[:, ::-1]
        return reversed_

    def newton(self, values: Array, vectors: Array, n_factors: int) -> tuple[Array, Array] | None:
        """Gradient and Hessian over `psi`, or over its logarithm where M is scaled.

        None where a factor finds nothing to take up, so that the Hessian is another.

        Parameters
        ----------
        values, vectors
            `spectrum` of M.
        n_factors
            Number of factors.
        """
        n_left = len(values) - n_factors
        if values[n_left] <= self.least:
            return None
        left, kept = values[:n_left], values[n_left:]
        h = self.slope(left)
        gradient = -(vectors[:, :n_left] ** 2) @ h
        together = np.zeros((len(values), len(values)))
        apart = left[:, None] - left
        close = np.abs(apart) < 1e-9 * np.maximum(1.0, np.abs(left))
        weight = (left[:, None] + left) / 2 if self.scaled else np.ones_like(apart)
        ratio = (h[:, None] - h) / np.where(close, 1.0, apart)
        own = self.bend(left)
        limit = own / left if self.scaled else own
        together[:n_left, :n_left] = weight * np.where(close, limit[:, None], ratio)
        gap = left[:, None] - kept
        between = (left[:, None] + kept) / gap if self.scaled else 2 / gap
        together[:n_left, n_left:] = h[:, None] * between
        products = vectors[:, None, :] * vectors
        hessian = ((products @ together) * products).sum(axis=-1)
        return gradient, (hessian + hessian.T) / 2


def _half_square(x: Array) -> Array:
    return x**2 / 2


MINRES = Discrepancy(_half_square, lambda x: x, np.ones_like, 0.0, scaled=False)
LIKELIHOOD = Discrepancy(
    lambda x: x - np.log(x) - 1, lambda x: x - 1, lambda x: x, 1.0, scaled=True
)
GENERALISED = Discrepancy(
    lambda x: (1 / x - 1) ** 2 / 2,
    lambda x: (x - 1) / x**2,
    lambda x: 2 / x**2 - 1 / x,
    1.0,
    scaled=True,
)


def search(discrepancy: Discrepancy, R: Array, n_factors: int) -> tuple[Array, float]:
    """Minimise a discrepancy over uniquenesses.

    Parameters
    ----------
    discrepancy, R, n_factors
        What is minimised. Uniquenesses lie between `LOWEST_UNIQUENESS` and 1 times the variances of
        the items.

    Returns
    -------
    Uniquenesses, and the largest gradient that is not stopped by a bound.
    """
    bounds = _Bounds(LOWEST_UNIQUENESS * np.diag(R), np.diag(R))
    # Jöreskog's start: part of what the other items do not explain.
    start = bounds.clip((1 - n_factors / (2 * len(R))) / np.diag(np.linalg.inv(R)))
    psi = _newton(discrepancy, R, n_factors, start, bounds)
    if psi is None:
        psi = _quasi_newton(discrepancy, R, n_factors, start, bounds)
    gradient = discrepancy(psi, R, n_factors)[1]
    stopped = bounds.stop(psi, gradient)
    return psi, float(np.abs(np.where(stopped, 0.0, gradient)).max())


@dataclass(frozen=True, eq=False)
class _Bounds:
    """Between which values uniquenesses are looked for, (n_items,) each."""

    lower: Array
    upper: Array

    def clip(self, psi: Array) -> Array:
        return np.asarray(np.clip(psi, self.lower, self.upper))

    def stop(self, psi: Array, gradient: Array) -> NDArray[np.bool_]:
        """Say which uniquenesses a bound keeps from going on."""
        low, high = psi <= self.lower * (1 + 1e-12), psi >= self.upper
        return np.asarray((low & (gradient > 0)) | (high & (gradient < 0)))


def _newton(
    discrepancy: Discrepancy, R: Array, n_factors: int, start: Array, bounds: _Bounds
) -> Array | None:
    """Newton's method with the bounds that hold left out; None where it does not end.

    Clarke (1970) for the likelihood; where the Hessian is not positive definite, or a step does not
    lower the value, the slower search has to do.
    """
    psi, spectrum = start, discrepancy.spectrum(start, R)
    value = discrepancy.total(spectrum[0], n_factors)
    for _ in range(min(NEWTON_STEPS, MAX_ITERATIONS)):
        found = discrepancy.newton(*spectrum, n_factors)
        if found is None:
            return None
        gradient, hessian = found
        free = ~bounds.stop(psi, gradient)
        if np.abs(gradient[free]).max(initial=0.0) < SHARP:
            return psi
        moved = _step(hessian[np.ix_(free, free)], gradient[free])
        if moved is None:
            return None
        step = np.zeros_like(psi)
        step[free] = moved
        for _ in range(10):
            trial = psi * np.exp(step) if discrepancy.scaled else psi + step
            trial = bounds.clip(trial)
            spectrum = discrepancy.spectrum(trial, R)
            reached = discrepancy.total(spectrum[0], n_factors)
            # Near the minimum the value is known to rounding only.
            if reached <= value + 1e-14 * max(1.0, abs(value)):
                break
            step = step / 2
        else:
            return None
        psi, value = trial, reached
    return None


def _step(hessian: Array, gradient: Array) -> Array | None:
    try:
        root = np.linalg.cholesky(hessian)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(-np.linalg.solve(root.T, np.linalg.solve(root, gradient)))


def _quasi_newton(
    discrepancy: Discrepancy, R: Array, n_factors: int, start: Array, bounds: _Bounds
) -> Array:
    from scipy.optimize import minimize

    ended = minimize(
        discrepancy,
        start,
        args=(R, n_factors),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(bounds.lower, bounds.upper, strict=True)),
        options={"maxiter": MAX_ITERATIONS, "ftol": 0.0, "gtol": 1e-9, "maxcor": min(len(R), 30)},
    )
    return np.asarray(ended.x, dtype=float)
