"""Non-normal data with a given covariance matrix, skewness and kurtosis.

Two ways, both with Fleishman's polynomials of normal variables, and both with exactly the given
covariance matrix, skewness and kurtosis in the population. In Vale and Maurelli's, each variable
is a polynomial of one normal variable, and the normal variables correlate so that the polynomials
correlate as wanted: the dependence is that of a bent normal distribution. With independent
generators, each variable is a weighted sum of independent non-normal ones, as where factors and
residuals themselves are not normal. Fit statistics may behave differently under the two.

References
----------
Vale, C. D., & Maurelli, V. A. (1983). Simulating multivariate nonnormal distributions.
Psychometrika, 48, 465-471.
Foldnes, N., & Grønneberg, S. (2016). A simple simulation technique for nonnormal data with
prespecified skewness, kurtosis, and covariance matrix. Multivariate Behavioral Research, 51,
207-219.
"""

from collections.abc import Callable
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray

from measure.checks import known_option
from measure.errors import ModelError, OptionError
from measure.simulating.polynomials import fleishman, polynomial

Array = NDArray[np.float64]

# Smallest eigenvalue of a correlation matrix that still counts as positive.
SINGULAR = 1e-10


def draw(
    sigma: ArrayLike,
    mu: ArrayLike | None,
    n: int,
    rng: np.random.Generator,
    *,
    skewness: ArrayLike = 0.0,
    kurtosis: ArrayLike = 0.0,
    method: str = "vale_maurelli",
) -> Array:
    """Draw rows from a distribution with these means, covariances, skewnesses and kurtoses.

    Parameters
    ----------
    sigma
        Covariance matrix of the population, (n_items, n_items), positive definite.
    mu
        Means, (n_items,), or one for all; None for 0.
    n
        Number of rows.
    rng
        Source of the randomness.
    skewness
        Third standardised moment of each variable, (n_items,), or one for all.
    kurtosis
        Excess kurtosis of each variable (0 for normal), (n_items,), or one for all. With
        `skewness` 0 too, the data are exactly normal.
    method
        "vale_maurelli" or "independent" (generators, weighted by the symmetric root of `sigma`, so
        that the order of the variables does not matter).

    Returns
    -------
    ndarray
        Rows drawn independently of each other, (n, n_items).

    Raises
    ------
    ModelError
        `sigma` is no positive definite matrix, or `mu` does not fit it.
    OptionError
        A skewness and kurtosis that no Fleishman polynomial has, or that `method` cannot give
        together with `sigma`; an unknown method; a number of rows that is none.
    """
    known_option("method", method, METHODS)
    covariances, deviations = _covariances(sigma)
    n_items = len(deviations)
    means = np.zeros(n_items) if mu is None else _each("mu", mu, n_items)
    third, fourth = _each("skewness", skewness, n_items), _each("kurtosis", kurtosis, n_items)
    if not isinstance(n, Integral) or isinstance(n, bool) or n < 0:
        raise OptionError(f"n is {n!r}, but the number of rows is a whole number, 0 or more.")
    correlations = covariances / np.outer(deviations, deviations)
    standardised = METHODS[method](correlations, third, fourth)(rng, int(n))
    return np.asarray(means + standardised * deviations)


_Source = Callable[[np.random.Generator, int], Array]


def _vale_maurelli(correlations: Array, skewness: Array, kurtosis: Array) -> _Source:
    """Polynomials of correlated normal variables."""
    coefficients = fleishman(skewness, kurtosis)
    intermediate = intermediate_correlations(correlations, coefficients)
    smallest = float(np.linalg.eigvalsh(intermediate)[0])
    if smallest < SINGULAR:
        bent = np.abs(intermediate) - np.abs(correlations)
        i, j = np.unravel_index(np.argmax(bent), bent.shape)
        raise OptionError(
            "with this skewness and kurtosis the normal variables behind the data would need "
            f"correlations that no variables have (smallest eigenvalue {smallest:.2g}). The most "
            f"extreme is that of variables {i + 1} and {j + 1}: {intermediate[i, j]:.3f}, for a "
            f"correlation of {correlations[i, j]:.3f}. Choose values nearer to 0, or "
            'method="independent".'
        )
    root = np.linalg.cholesky(intermediate)
    return lambda rng, n: polynomial(rng.standard_normal((n, len(root))) @ root.T, coefficients)


def _independent(correlations: Array, skewness: Array, kurtosis: Array) -> _Source:
    """Weighted sums of independent polynomials (Foldnes & Grønneberg 2016)."""
    values, vectors = np.linalg.eigh(correlations)
    root = (vectors * np.sqrt(values)) @ vectors.T
    if skewness.any() or kurtosis.any():
        # Cumulants of a sum are the sums of the cumulants, weighted by the powers of the weights.
        try:
            third = np.linalg.solve(root**3, skewness)
            fourth = np.linalg.solve(root**4, kurtosis)
        except np.linalg.LinAlgError as error:
            raise OptionError(
                "these correlations leave no way to give each variable its own skewness or "
                'kurtosis by independent generators. Choose method="vale_maurelli".'
            ) from error
        coefficients = fleishman(third, fourth, "the generator of variable")
    else:
        coefficients = fleishman(skewness, kurtosis)
    return lambda rng, n: polynomial(rng.standard_normal((n, len(root))), coefficients) @ root.T


METHODS: dict[str, Callable[[Array, Array, Array], _Source]] = {
    "vale_maurelli": _vale_maurelli,
    "independent": _independent,
}


def implied_correlations(intermediate: Array, coefficients: Array) -> Array:
    """Correlations of polynomials of normal variables that correlate so (n_items, n_items).

    Equation 11 of Vale and Maurelli (1983).
    """
    first, second, third = _cubic(coefficients)
    return np.asarray(((third * intermediate + second) * intermediate + first) * intermediate)


def intermediate_correlations(correlations: Array, coefficients: Array) -> Array:
    """Correlations of normal variables whose polynomials correlate as wanted.

    Parameters
    ----------
    correlations
        The wanted ones, (n_items, n_items).
    coefficients
        As from `fleishman`, (n_items, 3).

    Returns
    -------
    ndarray
        (n_items, n_items), for each pair the solution nearest to 0 of the cubic equation 11 of
        Vale and Maurelli (1983). The matrix need not be positive definite.

    Raises
    ------
    OptionError
        No correlation from -1 to 1 gives a pair its wanted correlation.
    """
    rows, columns = np.nonzero(np.tril(correlations, -1))
    wanted = correlations[rows, columns]
    first, second, third = (part[rows, columns] for part in _cubic(coefficients))
    # In s = 1/r the equation wanted s³ - first s² - second s - third = 0 has a leading
    # coefficient that is not 0 even where both variables are normal.
    companion = np.zeros((len(wanted), 3, 3))
    companion[:, 0] = np.stack([first, second, third], axis=1) / wanted[:, None]
    companion[:, 1, 0] = companion[:, 2, 1] = 1.0
    inverse = np.linalg.eigvals(companion)
    # A double root is found with half of the digits only, and may look complex.
    real = np.abs(inverse.imag) <= 1e-6 * np.abs(inverse)
    real &= np.abs(inverse) >= 1.0 - 1e-9
    largest = np.where(real, np.abs(inverse), 0.0).argmax(axis=1)[:, None]
    reachable = np.take_along_axis(real, largest, axis=1)[:, 0]
    _refuse_unreachable(reachable, (rows, columns), wanted, (first, second, third))
    r = 1.0 / np.take_along_axis(inverse, largest, axis=1)[:, 0].real
    for _ in range(3):
        gap = ((third * r + second) * r + first) * r - wanted
        slope = (3 * third * r + 2 * second) * r + first
        r = np.clip(r - np.where(slope == 0, 0.0, gap / np.where(slope == 0, 1.0, slope)), -1, 1)
    intermediate = np.eye(len(correlations))
    intermediate[rows, columns] = intermediate[columns, rows] = r
    return intermediate


def _cubic(coefficients: Array) -> tuple[Array, Array, Array]:
    """Coefficients of r, r² and r³ in the correlation of two polynomials, for each pair."""
    b, c, d = coefficients.T
    linear = b + 3 * d
    return np.outer(linear, linear), 2 * np.outer(c, c), 6 * np.outer(d, d)


def _refuse_unreachable(
    reachable: NDArray[np.bool_],
    pairs: tuple[NDArray[np.intp], NDArray[np.intp]],
    wanted: Array,
    cubic: tuple[Array, Array, Array],
) -> None:
    """Name the first pair whose correlation no normal variables give, and what they do give."""
    if reachable.all():
        return
    k = int(np.flatnonzero(~reachable)[0])
    r = np.linspace(-1, 1, 2001)
    possible = ((cubic[2][k] * r + cubic[1][k]) * r + cubic[0][k]) * r
    raise OptionError(
        f"variables {pairs[1][k] + 1} and {pairs[0][k] + 1} cannot correlate {wanted[k]:.3f} with "
        f"this skewness and kurtosis, only {possible.min():.3f} to {possible.max():.3f}. Choose "
        'values nearer to 0 or to each other, or method="independent".'
    )


def _covariances(sigma: ArrayLike) -> tuple[Array, Array]:
    """Give the covariance matrix and the standard deviations, or say why it is no such matrix."""
    covariances = np.asarray(sigma, dtype=np.float64)
    if (
        covariances.ndim != 2
        or covariances.shape[0] != covariances.shape[1]
        or not covariances.size
    ):
        raise ModelError(f"sigma has the shape {covariances.shape}, but must be a square matrix.")
    if not np.isfinite(covariances).all():
        raise ModelError("sigma holds values that are not finite numbers.")
    variances = np.diag(covariances)
    if (variances <= 0).any():
        k = int(np.argmax(variances <= 0))
        raise ModelError(f"sigma has the variance {variances[k]:.4g} for variable {k + 1}.")
    deviations = np.sqrt(variances)
    correlations = covariances / np.outer(deviations, deviations)
    if np.abs(correlations - correlations.T).max() > SINGULAR:
        raise ModelError("sigma is not symmetric.")
    smallest = float(np.linalg.eigvalsh(correlations)[0])
    if smallest < SINGULAR:
        raise ModelError(
            f"sigma is not positive definite: the smallest eigenvalue of its correlations is "
            f"{smallest:.2g}."
        )
    return covariances, deviations


def _each(option: str, value: ArrayLike, n_items: int) -> Array:
    """Give one finite number for each variable."""
    numbers = np.asarray(value, dtype=np.float64)
    kind = ModelError if option == "mu" else OptionError
    if numbers.shape not in ((), (n_items,)):
        raise kind(
            f"{option} has the shape {numbers.shape}: give one number, or {n_items}, one for each "
            "variable of sigma."
        )
    if not np.isfinite(numbers).all():
        raise kind(f"{option} holds values that are not finite numbers.")
    return np.broadcast_to(numbers, (n_items,)).copy()
