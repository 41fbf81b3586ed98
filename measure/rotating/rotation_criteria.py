"""What rotation minimises: criteria of simple structure with their gradients.

A criterion takes loadings, `(..., n_items, n_factors)`, and gives its value and gradient; leading
axes are random starts. Gradients are analytic functions of the loadings and hold for complex
numbers too, so that a complex step gives their derivatives to the last digit
(`rotation_errors.second_derivatives`).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from measure.errors import OptionError

Array = NDArray[np.float64]
Criterion = Callable[[Array], tuple[Array, Array]]
# The κ of a Crawford–Ferguson criterion, from the numbers of items and of factors.
Kappa = Callable[[int, int], float]

# Keeps the logarithm of a loading of 0 defined; x log x is 0 there to the last digit.
TINY = 1e-300


def orthomax(gamma: float) -> Criterion:
    """Orthomax family: γ = 0 quartimax, γ = 1 varimax (Kaiser 1958)."""

    def criterion(L: Array) -> tuple[Array, Array]:
        squared = L**2
        centred = squared - gamma * squared.mean(axis=-2, keepdims=True)
        return -_sum(squared * centred) / 4, -L * centred

    return criterion


def oblimin(gamma: float) -> Criterion:
    """Direct oblimin (Jennrich & Sampson 1966); γ = 0 is quartimin."""

    def criterion(L: Array) -> tuple[Array, Array]:
        squared = L**2
        others = _others(squared)
        if gamma != 0:
            others = others - gamma * others.mean(axis=-2, keepdims=True)
        return _sum(squared * others) / 4, L * others

    return criterion


def geomin(epsilon: float) -> Criterion:
    """Geomin (Yates 1987): sum over items of the geometric mean of the squared loadings + ε."""

    def criterion(L: Array) -> tuple[Array, Array]:
        squared = L**2 + epsilon
        mean = np.exp(np.log(squared).mean(axis=-1, keepdims=True))
        value: Array = mean.sum(axis=(-1, -2))
        return value, 2 / L.shape[-1] * L / squared * mean

    return criterion


def crawford_ferguson(kappa: float | Kappa) -> Criterion:
    """Crawford & Ferguson (1970): (1 - κ) row complexity + κ column complexity."""

    def criterion(L: Array) -> tuple[Array, Array]:
        k = kappa(*L.shape[-2:]) if callable(kappa) else kappa
        squared = L**2
        rows = _others(squared)
        columns = squared.sum(axis=-2, keepdims=True) - squared
        weighted = (1 - k) * rows + k * columns
        return _sum(squared * weighted) / 4, L * weighted

    return criterion


def cf_varimax(n_items: int, n_factors: int) -> float:
    """κ = 1/p, varimax where factors are uncorrelated (Browne 2001, table 1)."""
    return 1 / n_items


def cf_equamax(n_items: int, n_factors: int) -> float:
    """κ = m/(2p) (Browne 2001, table 1)."""
    return n_factors / (2 * n_items)


def cf_parsimax(n_items: int, n_factors: int) -> float:
    """κ = (m - 1)/(p + m - 2) (Browne 2001, table 1)."""
    return (n_factors - 1) / (n_items + n_factors - 2)


def bentler() -> Criterion:
    """Bentler's (1977) criterion: -¼ log of |M|/|diag M| with M = (L∘L)'(L∘L)."""

    def criterion(L: Array) -> tuple[Array, Array]:
        squared = L**2
        M = squared.swapaxes(-1, -2) @ squared
        own = np.diagonal(M, axis1=-2, axis2=-1)
        value = -(np.linalg.slogdet(M)[1] - np.log(own).sum(axis=-1)) / 4
        difference = np.linalg.inv(M) - np.eye(L.shape[-1]) / own[..., None, :]
        return value, -L * (squared @ difference)

    return criterion


def simplimax(k: int | str) -> Criterion:
    """Simplimax (Kiers 1994): sum of the k smallest squared loadings, of `"n_items"` by default."""

    def criterion(L: Array) -> tuple[Array, Array]:
        n_items, n_factors = L.shape[-2:]
        number = n_items if k == "n_items" else int(k)
        if not 1 <= number < n_items * n_factors:
            raise OptionError(
                f"k is {number}, but of {n_items * n_factors} loadings simplimax brings at least 1 "
                f"and at most {n_items * n_factors - 1} near zero."
            )
        squared = L**2
        sizes = squared.real.reshape(*L.shape[:-2], -1)
        limit = np.partition(sizes, number - 1, axis=-1)[..., number - 1]
        small = squared.real <= limit[..., None, None]
        return _sum(np.where(small, squared, 0.0)), 2 * np.where(small, L, 0.0)

    return criterion


def infomax() -> Criterion:
    """McKeon's (1968) infomax: the mutual information of rows and columns, taken negative.

    With E = L∘L / sum(L∘L), its row sums e1 and its column sums e2, the value is log m + H(E) -
    H(e1) - H(e2), H(x) = -sum x log x (Browne 2001, eq. 20).
    """

    def criterion(L: Array) -> tuple[Array, Array]:
        squared = L**2 + TINY
        total = squared.sum(axis=(-1, -2), keepdims=True)
        value = np.log(L.shape[-1]) + np.zeros(L.shape[:-2])
        slope = np.zeros_like(L)
        for axes, sign in (((), 1.0), ((-1,), -1.0), ((-2,), -1.0)):
            share = squared.sum(axis=axes, keepdims=True) / total
            terms = np.broadcast_to(np.log(share), L.shape)
            entropy = -(squared / total * terms).sum(axis=(-1, -2), keepdims=True)
            value = value + sign * entropy[..., 0, 0]
            slope = slope - sign * (terms + entropy) / total
        return value, 2 * L * slope

    return criterion


def entropy() -> Criterion:
    """Minimum entropy (Jennrich 2004): -½ sum of λ² log λ²."""

    def criterion(L: Array) -> tuple[Array, Array]:
        logs = np.log(L**2 + TINY)
        return -_sum(L**2 * logs) / 2, -L * (logs + 1)

    return criterion


def group_factors(criterion_of_groups: Criterion, factor: float = 1.0) -> Criterion:
    """Apply a criterion to all columns but the first, the general factor (Jennrich & Bentler 2011).

    `factor` only scales the value: the bi-quartimin of GPArotation is four times that of oblimin.
    """

    def criterion(L: Array) -> tuple[Array, Array]:
        value, groups = criterion_of_groups(L[..., 1:])
        general = np.zeros_like(L[..., :1])
        return factor * value, np.concatenate([general, factor * groups], axis=-1)

    return criterion


def bifactor() -> Criterion:
    """Bi-quartimin: quartimin on the group factors (Jennrich & Bentler 2011, 2012)."""
    return group_factors(oblimin(0.0), 4.0)


def bigeomin(epsilon: float) -> Criterion:
    """Bi-geomin: geomin on the group factors (Jennrich & Bentler 2012)."""
    return group_factors(geomin(epsilon))


def target(target: ArrayLike, weights: ArrayLike = 1.0) -> Criterion:
    """Weighted least squares distance to a target (Browne 1972, 2001); NaN entries are free.

    Sum of (w (λ - target))² with `weights` w, items × factors; 0 and 1 say which entries count.
    """
    wanted = np.asarray(target, dtype=float)
    given = np.isfinite(wanted)
    squared = np.where(given, np.asarray(weights, dtype=float) ** 2, 0.0)
    wanted = np.where(given, wanted, 0.0)

    def criterion(L: Array) -> tuple[Array, Array]:
        if wanted.shape != L.shape[-2:]:
            raise OptionError(
                f"the target is {wanted.shape[0]} × {wanted.shape[-1]}, but the loadings are "
                f"{L.shape[-2]} × {L.shape[-1]} (items × factors)."
            )
        distance = squared * (L - wanted)
        return _sum(distance * (L - wanted)), 2 * distance

    return criterion


def _sum(terms: Array) -> Array:
    total: Array = terms.reshape(*terms.shape[:-2], -1).sum(axis=-1)
    return total


def _others(squared: Array) -> Array:
    """For each entry the sum of the others in its row; one product for all starts."""
    k = squared.shape[-1]
    product: Array = squared.reshape(-1, k) @ (np.ones((k, k)) - np.eye(k))
    return product.reshape(squared.shape)
